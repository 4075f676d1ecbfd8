"""Trees wherever they are: look at one, capture one, restore one. Here directly, elsewhere by what is sent there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from ..contract import Context, Progress
from ..errors import Failed
from ..hosts.here import helped, here, near
from . import tree
from .capture import TEMPORARY
from .durable import trouble
from .faraway import PIECE, restore_there, stage_there, sweep_there, unstage_there
from .fetching import Mirror, Names, Seen, state_there
from .hashing import plain
from .manifest import Encoded, cut, encode, pack
from .model import Change, Entry, Manifest, Notice, Restored
from .pack import Writer
from .place import budget, cache_of, excluded, store_of
from .restore import wanted
from .slowly import Slow
from .store import Store


async def look(context: Context) -> Seen:
    """The tree as it is now, stored nowhere."""
    if near(context.host):
        seen = await here(
            tree.look, context.path, store_of(context), cache_of(context), context.report, excluded(context),
            budget(context),
        )  # fmt: skip
        return Seen(seen, lambda entry: _read(context.path / entry.path))
    if not await helped(context.host):
        slow = Slow(context)
        return Seen(await slow.look(None), slow.read)
    mirror = Mirror(context)
    return Seen(await mirror.near(await mirror.far(), None), mirror.read)


async def capture(context: Context) -> Manifest:
    """Read the tree into the store; the manifest is durable there when this returns. See capture.capture for what it raises."""
    store = store_of(context)
    if near(context.host):
        return await here(
            tree.capture, context.path, store, cache_of(context), context.report, excluded(context), budget(context)
        )
    writer = await here(store.blobs.writer)
    try:
        if await helped(context.host):
            mirror = Mirror(context)
            manifest = await mirror.near(await mirror.far(), writer)
        else:
            manifest = await Slow(context).look(writer)
        encoded = await here(_finish, store, writer, manifest)
    except OSError as error:
        raise trouble(error, store.directory) from None
    finally:
        await here(writer.drop)
    store.captured(encoded)
    return manifest


async def restore(context: Context, target: Manifest, now: Manifest, paths: Sequence[str] = ()) -> Restored:
    """Make the tree what `target` says where that differs from `now`; see restore.restore."""
    store = store_of(context)
    if near(context.host):
        return await here(tree.restore, context.path, target, now, store, paths, context.report)
    if not await helped(context.host):
        return await Slow(context).restore(target, now, paths)
    changes = wanted(now, target, paths)
    if not changes:
        return Restored([], [])
    own, name = str(state_there(context)), token_hex(8)
    names = await here(Names, context.state / "mirrors")
    try:
        await _stage(context, own, name, changes, names)
        sides = [await here(_side, changes, side, names, store) for side in (now, target)]
        put = await context.host.call(
            restore_there, str(context.path), own, name, sides[0], sides[1], tuple(paths)
        )  # fmt: skip
    except OSError as error:
        raise trouble(error, context.path) from None
    finally:
        with suppress(Exception):  # a host that is gone keeps them; the next transfer sweeps
            await context.host.call(unstage_there, own, name)
    by_path = {change.path: change for change in changes}
    done = [by_path[path] for path in put.done if path in by_path]
    if put.fault is not None:
        raise Failed(put.fault[0], put.fault[1], paths=list(put.stopped), done=done)
    return Restored(done, [Notice(path, text) for path, text in put.kept])


async def sweep(context: Context) -> None:
    """Remove what a killed restore left in the tree."""
    if near(context.host):
        await here(sweep_there, str(context.path), TEMPORARY)
    elif await helped(context.host):
        await context.host.call(sweep_there, str(context.path), TEMPORARY)


async def _stage(context: Context, own: str, name: str, changes: Sequence[Change], names: Names) -> None:
    """Send the contents that the far side does not have at that very path."""
    store = store_of(context)
    sending = {
        change.new.digest: change.new.size
        for change in changes
        if change.new and change.new.digest and (change.old is None or change.old.digest != change.new.digest)
    }
    batch: list[tuple[str, bytes]] = []
    held = sent = 0
    for number, digest in enumerate(sending):
        far = await here(_far_name, digest, names, store)
        pieces = store.pieces(digest)
        empty = True
        while (piece := await here(next, pieces, None)) is not None:
            empty = False
            for at in range(0, len(piece), PIECE):
                part = piece[at : at + PIECE]
                batch.append((far, part))
                held += len(part)
                if held >= PIECE:
                    await context.host.call(stage_there, own, name, batch)
                    sent += held
                    batch, held = [], 0
        if empty:
            batch.append((far, b""))
        context.report(Progress("sending", number + 1, len(sending), "files"))
    if batch:
        await context.host.call(stage_there, own, name, batch)
    await here(names.save)


def _far_name(digest: str, names: Names, store: Store) -> str:
    """How the far side names a content of the store."""
    if digest not in names.far:
        whole = plain()
        for piece in store.pieces(digest):
            whole.update(piece)
        names.learn(whole.hexdigest(), digest)
    return names.far[digest]


def _side(changes: Sequence[Change], side: Manifest, names: Names, store: Store) -> list[bytes]:
    """What a manifest says of the changed paths and of the directories above them, under the far side's names."""
    paths = {change.path for change in changes}
    above = {"/".join(path.split("/")[:n]) for path in paths for n in range(1, path.count("/") + 1)} | {"."}
    entries: list[Entry] = []
    for entry in side.entries:
        if entry.path in paths or entry.path in above:
            digest = entry.digest
            if digest is not None and digest not in names.near:  # else it is the far side's own name already
                digest = _far_name(digest, names, store)
            entries.append(entry._replace(digest=digest))
    return [pack(stretch) for stretch in cut(entries)]


def _finish(store: Store, writer: Writer, manifest: Manifest) -> Encoded:
    """Write the manifest after the contents, all of it durably."""
    encoded = encode(manifest)
    vars(manifest)["digest"] = encoded.digest
    writer.flush()
    held = store.blobs.spots()
    for digest, chunk in encoded.chunks:
        if digest not in held:
            writer.add(digest, chunk, "manifest")
    if encoded.digest not in held:
        writer.add(encoded.digest, encoded.root, "manifest")
    writer.finish()
    return encoded


def _read(path: Path) -> bytes:
    with suppress(OSError), os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        return file.read(64 << 20)
    return b""
