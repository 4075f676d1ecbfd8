"""Taking a snapshot, and putting a tree back to one: the two verbs that transactions are built on."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from ..contract import Context, Progress
from ..errors import EnvSyncError, Failed, Usage
from ..fingerprint import Fingerprint
from ..hosts.base import Freezes
from ..hosts.here import helped, here
from ..journal import Journal
from ..moments.say import count, size
from ..redact import Redactor
from ..store import anywhere
from ..store.faraway import measure
from ..store.fetching import state_there
from ..store.guard import guarded
from ..store.model import Dotfile, Manifest, Snapshot
from ..store.place import snapshots_of, store_of
from ..store.store import Store
from . import dotfiles
from .repository import aim
from .whole import drop, forget_surplus, free, freeze, needed, nothing, thaw, thin

LARGE = (5000, 100 << 20)
"""Entries or bytes from which on a first capture is announced with its size and time."""
RATE = (20_000, 200 << 20)
"""Entries and bytes a second of a first capture: measured on two cores with a venv and a node_modules of 570 MB."""
DAY = 86400
MEANT = ("your home directory", "where EnvSync keeps its own state")
"""Guarded directories that a person may record all the same, by naming them."""


@dataclass(frozen=True)
class Taken:
    """A snapshot that was just made."""

    snapshot: Snapshot
    notices: tuple[str, ...]
    seconds: float


async def capture(context: Context, label: str | None = None, automatic: bool = True) -> str:
    """See contract.Capture: record the environment of `context.path`, and return the snapshot's id."""
    return (await take(context, label, automatic)).snapshot.id


async def take(context: Context, label: str | None = None, automatic: bool = True) -> Taken:
    """Record tree, fingerprint and dotfiles; complete and durable when this returns.

    Raises Usage for a guarded path, unless a person meant it: by asking for this one, or for one of it before.
    """
    start = time.monotonic()
    known = snapshots_of(context)
    if automatic and not any(not s.automatic for s in known):
        guard(context)
    if not known:
        await _announce(context)
    store = store_of(context)
    redact = Redactor(context.environ)
    whole = isinstance(context.host, Freezes)
    with ExitStack() as stack:
        await here(stack.enter_context, store.writing())
        # Another process may have pruned since this one last looked: what it freed must be stored again.
        store.blobs.refresh()
        seen = asyncio.ensure_future(scanned(context))
        frozen = None
        try:
            if whole:
                # A machine that is being recorded stands still, and would answer no scan.
                await asyncio.wait([seen])
                frozen = await freeze(context)
            manifest, files, notices = await (nothing(store, frozen) if frozen else record(context))
            fingerprint = await seen
        except BaseException:
            if frozen is not None:
                await drop(context, frozen)
            raise
        finally:
            if not seen.done():
                seen.cancel()
                await asyncio.wait([seen])
        if fingerprint is None:
            notices = [*notices, "the scan failed: packages and runtimes are not recorded"]
        snapshot = await here(
            store.save,
            Snapshot(
                at=context.now(),
                label=redact(label) if label else None,
                automatic=automatic,
                host=context.host.name,
                path=str(context.path),
                manifest=manifest.digest,
                files=manifest.files,
                bytes=frozen.bytes if frozen else manifest.bytes,
                fingerprint=await here(store.keep, fingerprint) if fingerprint else None,
                dotfiles=tuple(files),
                words=redact(context.words),
                frozen=frozen,
            ),
        )
    seconds = time.monotonic() - start
    if whole:
        await here(thin, context, store, {snapshot.id, *await here(needed, context)})
    await _retain(context, store, snapshot)
    return Taken(snapshot, tuple(notices), seconds)


async def restore(context: Context, snapshot: str) -> str:
    """See contract.Restore: snapshot now first, then put the tree back to `snapshot`; repositories lose no commits."""
    target = next((s for s in snapshots_of(context) if s.id == snapshot), None)
    if target is None:
        raise Failed(f"snapshot {snapshot} is gone, so the tree cannot be put back to it", "See: envsync history")
    now = await take(context)
    if target.frozen is not None:
        await thaw(context, target)
        return f"put the whole machine back to snapshot {snapshot}; as it was before that is {now.snapshot.id}"
    restored = await _put_back(context, target.manifest, now.snapshot.manifest)
    return f"put {count(restored, 'path')} back to snapshot {snapshot}; as it was before that is {now.snapshot.id}"


def guard(context: Context, named: bool = False) -> str:
    """Why the path is guarded although it may be recorded; empty for a project. Raises Usage when it may not be.

    `named`: a person named this very path.
    """
    if isinstance(context.host, Freezes):
        return ""  # the machine is recorded as a whole, wherever in it one stands
    why = guarded(context.path, context.home, state_there(context))
    if not why or (named and why in MEANT):
        return why
    hint = "Go to your project's directory, or name it: --path DIRECTORY."
    if why in MEANT:
        hint += f" To record this one all the same: envsync snapshot --path {context.path}"
    raise Usage(f"{context.path} is {why}, so no snapshot of it is taken by accident", hint)


async def record(context: Context) -> tuple[Manifest, list[Dotfile], list[str]]:
    """Read the tree and the chosen dotfiles into the store."""
    manifest = await anywhere.capture(context)
    held, notices = await dotfiles.read(context)
    digests = await here(store_of(context).put_all, [file.content for file in held])
    files = [Dotfile(path=f.path, digest=d, mode=f.mode) for f, d in zip(held, digests, strict=True)]
    return manifest, files, [*(text if path == "." else f"{path}: {text}" for path, text in manifest.notices), *notices]


def expected(entries: int, total: int) -> float:
    """Seconds that a first capture takes, roughly."""
    return entries / RATE[0] + total / RATE[1]


def estimate(entries: int, total: int) -> str:
    """`about 21,000 files, 570 MiB, about 4 s`, in two digits: it is shown before the capture, and must not flicker."""
    seconds = expected(entries, total)
    took = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"
    return f"about {_coarse(entries):,} files and directories, {size(_coarse(total))}, some {took}"


def _coarse(number: int) -> int:
    step = 10 ** max(0, len(str(number)) - 2)
    return round(number / step) * step


async def measured(context: Context) -> tuple[int, int]:
    """`measure` of the project, next to the files; nothing where that cannot be asked quickly, or does not matter."""
    if isinstance(context.host, Freezes) or not await helped(context.host):
        return 0, 0
    return await context.host.call(measure, str(context.path))


async def _announce(context: Context) -> None:
    entries, total = await measured(context)
    if entries >= LARGE[0] or total >= LARGE[1]:
        context.report(
            Progress(f"first snapshot of {context.path}: {estimate(entries, total)}; later ones take only what changed")
        )


async def scanned(context: Context) -> Fingerprint | None:
    """The scan, or None when it fails: the files matter more, and they can be recorded and put back without it.

    Also when it fails by a fault of ours: it parses whatever a project holds, and no file may forbid a snapshot.
    """
    try:
        return await context.observe(context, "all")
    except Exception:  # said as a notice; `envsync scan` shows the fault itself
        return None


async def _put_back(context: Context, target: str, current: str) -> int:
    store = store_of(context)
    with ExitStack() as stack:
        await here(stack.enter_context, store.writing())
        now = await here(store.manifest, current)
        aimed = (await here(aim, await here(store.manifest, target), now, store)).manifest
        return len((await anywhere.restore(context, aimed, now)).done)


async def _retain(context: Context, store: Store, fresh: Snapshot) -> None:
    """Once a day, forget unlabelled snapshots that the retention rules no longer keep."""
    mark = store.directory / "retained"
    with suppress(FileNotFoundError):
        if time.time() - mark.stat().st_mtime < DAY:
            return
    # A rewind that is under way somewhere needs its target, however old.
    if any(r.state == "open" and r.plan.tool == "rewind" for r in Journal(context.state).recent(100)):
        return
    with suppress(EnvSyncError, OSError):
        mark.touch()
        context.report(Progress("clearing out old snapshots"))
        await here(forget_surplus, context, store, [fresh.id])
        await free(context)
