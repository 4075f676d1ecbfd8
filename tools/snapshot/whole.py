"""Snapshots of whole machines: where a host records itself (a container, a VM), its own record is the snapshot's content."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import PurePosixPath
from secrets import token_hex
from typing import cast

from blake3 import blake3
from pydantic import JsonValue, ValidationError

from ..contract import Context
from ..errors import EnvSyncError, Failed, Usage
from ..hosts.base import Freezes, Frozen, Host, Touched
from ..hosts.here import here
from ..journal import Journal
from ..moments.say import count, shown
from ..plan import Risk, Step, canonical
from ..store.environments import cache
from ..store.manifest import encode
from ..store.model import Dotfile, Entry, Manifest, Snapshot, Whole
from ..store.place import snapshots_of, store_of
from ..store.store import Store
from .preview import FEW, MANY, Preview, group

KEPT = 10
"""Automatic records of one machine that stay: each takes what the machine wrote since its image, again and again."""
VOLATILE = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/log", "/var/cache", "/var/run")  # noqa: S108
"""What changes by itself: it goes back with the rest, and says nothing about what somebody did."""
LISTED = 20
SIGNS = {"added": "-", "deleted": "+", "changed": "~"}
"""What a rewind does about it."""


def freezing(host: Host) -> Freezes:
    """The host as one that records itself. Raises Failed for any other."""
    if not isinstance(host, Freezes):
        raise Failed(
            f"this snapshot is of a whole machine, and {host.name} cannot be put back as one",
            "Was the machine replaced by another of that name? See: envsync history",
        )
    return host


def frozen_of(snapshot: Snapshot) -> Frozen:
    """The host's own record. Raises Failed for a snapshot of files."""
    whole = snapshot.frozen
    if whole is None:
        raise Failed(f"snapshot {snapshot.id} holds files, not the whole machine", "Choose another: envsync history")
    return Frozen(whole.kind, dict(whole.data), whole.bytes, whole.notices)


async def freeze(context: Context) -> Whole:
    """Record the machine now. Raises Failed."""
    frozen = await freezing(context.host).freeze(token_hex(6))
    return Whole(kind=frozen.kind, data=frozen.data, bytes=frozen.bytes, notices=tuple(frozen.notices))


async def drop(context: Context, whole: Whole) -> None:
    """Free a record that became no snapshot."""
    with suppress(EnvSyncError, OSError):
        await freezing(context.host).forget(Frozen(whole.kind, dict(whole.data), whole.bytes, whole.notices))


async def nothing(store: Store, frozen: Whole) -> tuple[Manifest, list[Dotfile], list[str]]:
    """The tree's part of such a snapshot: no files, for the machine's own record has them."""
    manifest = Manifest((Entry(".", "directory", 0o755, 0, 0, None, None),))
    encoded = encode(manifest)
    await here(store.put_all, [*(chunk for _, chunk in encoded.chunks), encoded.root])
    return manifest, [], list(frozen.notices)


async def thaw(context: Context, snapshot: Snapshot, paths: Sequence[str] = ()) -> None:
    """Put the machine back to what a snapshot has. Raises Failed, which says when somebody removed the record."""
    try:
        await freezing(context.host).thaw(frozen_of(snapshot), paths)
    except Failed as error:
        raise Failed(f"snapshot {snapshot.id} cannot be put back: {error.what}", error.hint) from None


async def touched(context: Context, snapshot: Snapshot) -> list[Touched]:
    """What differs now from a snapshot. Raises Failed, which says when somebody removed the record."""
    try:
        return await freezing(context.host).differs(frozen_of(snapshot))
    except Failed as error:
        raise Failed(f"snapshot {snapshot.id} cannot be compared: {error.what}", error.hint) from None


# -- What a rewind would do -----------------------------------------------------------------------------------------


def clean(paths: Sequence[str], context: Context) -> tuple[str, ...]:
    """Absolute paths on the machine. Raises Usage for one with `..`."""
    found: list[str] = []
    for given in paths:
        path = PurePosixPath(given)
        if not given.strip() or "\0" in given or ".." in path.parts:
            raise Usage(f"{shown(given)} is no path that can be rewound", "Name paths without `..`.")
        if path.parts[:1] == ("~",):
            path = PurePosixPath(context.home, *path.parts[1:])
        found.append(str(PurePosixPath(context.path, path)))
    return tuple(dict.fromkeys(found))


def limited(found: Sequence[Touched], paths: Sequence[str]) -> list[Touched]:
    """Only those at and below `paths`, when any are given."""
    return [t for t in found if not paths or any(t.path == p or t.path.startswith(p.rstrip("/") + "/") for p in paths)]


def told(found: Sequence[Touched], root: str) -> list[Touched]:
    """What is worth telling: without caches, and what changes by itself outside of the project."""
    prefix = root.rstrip("/") + "/"
    own = root != "/"
    return [
        t for t in found if not cache(t.path) and ((own and t.path.startswith(prefix)) or not _volatile(t.path, root))
    ]


def _volatile(path: str, root: str) -> bool:
    above = {root, *(str(parent) for parent in PurePosixPath(root).parents)}
    return path in above or any(path == v or path.startswith(f"{v}/") for v in VOLATILE)


def split(found: Sequence[Touched], root: str) -> tuple[list[Touched], list[str]]:
    """Those below the project's directory one by one, and the places of all others, two names deep."""
    prefix = root.rstrip("/") + "/"
    own = [t for t in found if root != "/" and t.path.startswith(prefix)]
    others = [t for t in found if root == "/" or not t.path.startswith(prefix)]
    places = sorted({"/".join(t.path.split("/")[:3]) for t in others})
    return own, places


def preview(found: Sequence[Touched], root: str, name: str) -> Preview:
    """Describe putting the machine back. Counts only the project's own files: the rest of a machine never rests."""
    own, places = split(told(found, root), root)
    prefix = root.rstrip("/") + "/"
    mine = [t for t in own if not group(t.path.removeprefix(prefix), ())]
    numbers = {how: sum(t.how == how for t in mine) for how in SIGNS}
    phrases = (
        ("changed", "edited path", "restored"),
        ("deleted", "deleted path", "back"),
        ("added", "new path", "removed"),
    )
    parts = [f"{count(numbers[how], noun)} {end}" for how, noun, end in phrases if numbers[how]]
    made = sorted({group(t.path.removeprefix(prefix), ()) for t in own} - {""})
    details = [f"{SIGNS[t.how]} {shown(t.path.removeprefix(prefix))}" for t in mine[:LISTED]]
    if len(mine) > LISTED:
        details.append(
            f"… and {count(len(mine) - LISTED, 'path')} more; all of them: envsync drift --json --against {name}"
        )
    details += [f"~ {shown(folder)}/" for folder in made[:LISTED]]
    if places:
        some = ", ".join(shown(place) for place in places[:8]) + (" …" if len(places) > 8 else "")
        details.append(f"outside of {shown(root)}: {some}")
    lost = [t for t in mine if t.how in ("added", "changed")]
    removed = numbers["added"]
    risky = removed > MANY and removed >= FEW
    return Preview(
        summary=", ".join(parts),
        generated=len(own) - len(mine),
        made="the whole machine" if places or made else "",
        details=tuple(details),
        conflicts=tuple(shown(t.path.removeprefix(prefix)) for t in lost),
        risk=Risk.R3 if risky else Risk.R2,
        reason=f"it removes {removed:,} of your files" if risky else "",
        basis=blake3(canonical([[t.path, t.how] for t in mine])).hexdigest() if mine else "",
    )


def step(snapshot: Snapshot, paths: Sequence[str], does: str) -> Step:
    """The step that puts the machine back."""
    args: dict[str, JsonValue] = {"snapshot": snapshot.id, "paths": list[JsonValue](paths)}
    back = Step(kind="thaw-back", does="put the machine back as it was before the rewind", args=dict(args))
    return Step(kind="thaw", does=does, args=args, inverse=(back,))


class Thaw:
    """`thaw`: make the machine what `snapshot` has, wholly or at `paths`. Its inverse is `thaw-back`."""

    name = "thaw"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `changed`: how many paths differed."""
        target = next((s for s in snapshots_of(context) if s.id == step.args["snapshot"]), None)
        if target is None:
            raise Failed(f"snapshot {step.args['snapshot']} is gone", "See: envsync history")
        found = limited(await touched(context, target), _paths(step))
        await thaw(context, target, _paths(step))
        return {"changed": len(found)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """A machine that runs goes on changing: only that it answers can be told."""
        await context.host.info()
        return None


class ThawBack:
    """`thaw-back`: undo a `thaw` of this very transaction, to the snapshot that it began with."""

    name = "thaw-back"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        known = [s for s in snapshots_of(context) if s.automatic and s.frozen is not None]
        if not known:
            raise Failed("there is no snapshot of how it was", "Choose one: envsync history")
        await thaw(context, known[-1], _paths(step))
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return None


def _paths(step: Step) -> tuple[str, ...]:
    value = step.args.get("paths")
    return tuple(str(path) for path in value) if isinstance(value, list) else ()


# -- Freeing what no record needs any more ----------------------------------------------------------------------------


def thin(context: Context, store: Store, protect: Collection[str]) -> None:
    """Forget automatic records of this machine beyond KEPT; what they take is noted, to be freed by `free`."""
    known = [s for s in store.snapshots(host=context.host.name) if s.frozen is not None]
    by_hand = {s.path for s in known}
    for path in by_hand:
        mine = [s for s in known if s.path == path and s.automatic and s.label is None]
        for old in mine[:-KEPT]:
            if old.id not in protect:
                _note(context, [old])
                store.forget(old.id)


def forget_surplus(context: Context, store: Store, protect: Collection[str]) -> None:
    """`prune`, and note what the machines' records that went with it take, to be freed by `free`."""
    kept = [*protect, *needed(context)]
    before = [s for s in store.snapshots() if s.frozen is not None]
    store.prune(None, kept)
    left = {s.id for s in store.snapshots()}
    _note(context, [s for s in before if s.id not in left])


def needed(context: Context) -> set[str]:
    """The snapshots that transactions under way began with."""
    return {r.snapshot for r in Journal(context.state).recent(200) if r.state == "open" and r.snapshot}


async def release(context: Context, snapshot: Snapshot) -> None:
    """Free what a forgotten snapshot's machine keeps for it, once its undoing is no longer the last thing that happened."""
    if snapshot.frozen is not None:
        await here(_note, context, [snapshot])


async def free(context: Context) -> None:
    """Let machines forget the records that were noted and that no snapshot means; a machine out of reach is asked another time."""
    noted = await here(_noted, context)
    known = {_key(s.host, s.frozen) for s in store_of(context).snapshots() if s.frozen is not None}
    left: list[tuple[str, Whole]] = []
    for name, whole in noted:
        if _key(name, whole) in known:
            continue  # `snapshot-keep` brought it back
        try:
            host = context.host if name == context.host.name else context.open(name)
            await freezing(host).forget(Frozen(whole.kind, dict(whole.data), whole.bytes, whole.notices))
        except (EnvSyncError, OSError):
            left.append((name, whole))
    if noted:
        await here(_write, context, left)


def _key(host: str, whole: Whole | None) -> str:
    return f"{host}\n{canonical(whole.data).decode() if whole else ''}"


def _file(context: Context) -> str:
    return str(context.state / "frozen-left.json")


def _noted(context: Context) -> list[tuple[str, Whole]]:
    found: list[tuple[str, Whole]] = []
    with suppress(OSError, ValueError), open(_file(context), "rb") as file:
        for item in cast(list[object], json.load(file)):
            with suppress(ValidationError, ValueError, TypeError, KeyError):
                pair = cast(dict[str, object], item)
                found.append((str(pair["host"]), Whole.model_validate(pair["whole"])))
    return found


def _note(context: Context, snapshots: Sequence[Snapshot]) -> None:
    if snapshots:
        _write(context, [*_noted(context), *((s.host, s.frozen) for s in snapshots if s.frozen is not None)])


def _write(context: Context, left: Sequence[tuple[str, Whole]]) -> None:
    unique = {_key(host, whole): {"host": host, "whole": whole.model_dump(mode="json")} for host, whole in left}
    temporary = f"{_file(context)}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(list(unique.values()), file)
    os.replace(temporary, _file(context))
