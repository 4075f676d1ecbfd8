"""Trees on a host without Python: read and put back by its shell's commands, one look at a directory at a time.

Slower, and weaker in two things: times are kept to the second, and a path is known to be untouched by its size, mode and
time, not by its content.
"""

from __future__ import annotations

import asyncio
import json
import os
import tarfile
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from typing import cast

from ..contract import Context, Progress
from ..errors import Failed
from ..hosts.base import Stat
from ..hosts.here import here
from .blobs import CHUNK
from .hashing import of, plain, stored
from .model import LEFT_OUT, UNREAD, Budget, Change, Entry, Kind, Manifest, Notice, Restored
from .pack import RECIPE, Writer
from .place import budget, excluded, store_of
from .restore import untouchable, wanted

SECOND = 1_000_000_000
BATCH = 6 << 20
"""Bytes of one archive: what a command's kept output surely holds."""
LARGEST = 512 << 20
"""A larger file would have to be held in memory whole."""
AT_ONCE = 8
FRESH = 3.0
"""Seconds: what changed so lately may change again within the same tick, and is read again next time."""
_TIMES = 'while [ $# -gt 1 ]; do touch -h -d "@$1" "$2" || exit 1; shift 2; done'
_MODES = 'while [ $# -gt 1 ]; do chmod "$1" "$2" || exit 1; shift 2; done'

Known = dict[str, tuple[int, int, int, str]]
"""Size, time, mode and the store's name of the content, by path."""


class Slow:
    """One tree on such a host. Made for one operation."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.host = context.host
        self.root = context.path
        self.store = store_of(context)
        place = of(f"{context.host.name}\0{context.path}".encode("utf-8", "surrogateescape"), plain)[:32]
        self._file = context.state / "mirrors" / f"{place}.slow"
        self.extra: dict[str, bytes] = {}

    async def look(self, writer: Writer | None) -> Manifest:
        """The tree now; with a `writer`, every content that the store lacks goes into it. Raises Failed, OSError."""
        entries, notices = await self._walk()
        known = await here(self._known)
        held = self.store.blobs.spots()
        resolved: dict[str, Entry] = {}
        missing: list[tuple[str, Stat]] = []
        for path, found in entries.items():
            entry = _entry(path, found)
            was = known.get(path)
            same = was is not None and was[:3] == (found.size, found.mtime_ns, found.mode)
            if entry.kind == "file" and was is not None and same and (writer is None or was[3] in held):
                resolved[path] = entry._replace(digest=was[3])
                continue
            resolved[path] = entry
            if entry.kind == "file":
                missing.append((path, found))
        done = 0
        for batch in _batches(missing):
            for path, content in (await self._fetch([path for path, _ in batch])).items():
                self._take(path, entries[path], content, writer, resolved, notices)
            done += len(batch)
            self.context.report(Progress("fetching", done, len(missing), "files"))
        now = time.time() + (await self.host.info()).clock
        fresh: Known = {
            path: (entries[path].size, entries[path].mtime_ns, entries[path].mode, entry.digest)
            for path, entry in resolved.items()
            if entry.kind == "file" and entry.digest and entries[path].mtime_ns / SECOND < now - FRESH
        }
        await here(self._keep, fresh)
        ordered = sorted(resolved.values(), key=lambda entry: (entry.path != ".", entry.path))
        return Manifest(tuple(ordered), tuple(notices))

    def read(self, entry: Entry) -> bytes:
        """A content that was fetched or is in the store; empty when it is neither."""
        if entry.digest and (content := self.extra.get(entry.digest)) is not None:
            return content
        with suppress(Exception):  # what cannot be read is told as differing
            return self.store.get(entry.digest or "")
        return b""

    async def restore(self, target: Manifest, now: Manifest, paths: Sequence[str]) -> Restored:
        """Make the tree what `target` says where that differs from `now`. Raises Failed before anything is changed when
        a path is not as `now` says."""
        done: list[Change] = []
        kept: list[Notice] = []
        todo: list[Change] = []
        moved: list[str] = []
        for change in wanted(now, target, paths):
            if reason := untouchable(change):
                kept.append(Notice(change.path, reason))
            elif change.path == "." or _same(change.old, await self.host.stat(self.root / change.path)):
                todo.append(change)
            else:
                moved.append(change.path)
        if moved:
            some = ", ".join(repr(path) for path in moved[:5])
            raise Failed(
                f"changed while the rewind was under way: {some}",
                "these were left as they are; run the rewind again, it begins with a snapshot of what is there now",
                paths=moved,
            )
        for change in reversed(todo):
            if (
                change.old is not None
                and change.path != "."
                and (change.new is None or change.kind in ("type", "target"))
            ):
                try:
                    await self.host.remove(self.root / change.path)
                except OSError:
                    kept.append(Notice(change.path, "kept: something that no snapshot covers is in it"))
        for change in todo:
            if change.new is not None:
                await self._make(change, change.new)
            done.append(change)
        await self._attributes(todo, now, target)
        return Restored(done, kept)

    # -- Reading --------------------------------------------------------------------------------------------------------

    async def _walk(self) -> tuple[dict[str, Stat], list[Notice]]:
        limits = budget(self.context)
        left_out = {path.strip("/") for path in excluded(self.context)}
        top = await self.host.stat(self.root)
        if top is None or top.kind != "directory":
            raise Failed(f"{self.root} is no directory on {self.host.name}", "Name the project's directory.")
        found: dict[str, Stat] = {".": top}
        notices: list[Notice] = []
        size = 0
        queue = deque([""])
        while queue:
            prefixes = [queue.popleft() for _ in range(min(AT_ONCE, len(queue)))]
            for prefix, listed in zip(prefixes, await asyncio.gather(*map(self._list, prefixes)), strict=True):
                if isinstance(listed, str):
                    notices.append(Notice(prefix.rstrip("/") or ".", f"{UNREAD}: {listed}"))
                    continue
                for entry in listed:
                    path = prefix + entry.path.name
                    if path in left_out:
                        notices.append(Notice(path, f"{LEFT_OUT}: excluded"))
                        continue
                    found[path] = entry
                    size += entry.size if entry.kind == "file" else 0
                    if entry.kind == "directory":
                        queue.append(f"{path}/")
                    elif entry.kind == "special":
                        notices.append(Notice(path, "a special file: recorded, but a rewind does not make it again"))
            _within(limits, size, len(found))
        return found, notices

    async def _list(self, prefix: str) -> list[Stat] | str:
        try:
            return await self.host.list(self.root / prefix)
        except OSError as error:
            return error.strerror or "cannot be read"

    async def _fetch(self, paths: Sequence[str]) -> dict[str, bytes | None]:
        """The contents through one tar, or else one by one; None for what cannot be read."""
        found: dict[str, bytes | None] = {}
        if len(paths) > 1:
            names = {f"./{path}": path for path in paths}
            done = await self.host.run(["tar", "-cf", "-", "-C", str(self.root), "--", *names], timeout=600)
            with suppress(tarfile.TarError, OSError, EOFError):
                found.update(_unpacked(done.stdout, names))
        for path in paths:
            if path not in found:
                try:
                    found[path] = await self.host.read(self.root / path)
                except OSError:
                    found[path] = None
        return found

    def _take(
        self, path: str, seen: Stat, content: bytes | None, writer: Writer | None, resolved: dict[str, Entry],
        notices: list[Notice],
    ) -> None:  # fmt: skip
        if content is None or len(content) != seen.size:
            why = "it cannot be read" if content is None else "it was being written"
            notices.append(Notice(path, f"content not read: {why}"))
            return
        near = of(content, stored)
        resolved[path] = resolved[path]._replace(digest=near)
        if writer is None:
            self.extra[near] = content
        elif near not in writer.pending and near not in self.store.blobs.spots():
            like = os.path.splitext(path)[1]
            pieces = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
            if len(pieces) < 2:
                writer.add(near, content, like)
                return
            names = [of(piece, stored) for piece in pieces]
            for name, piece in zip(names, pieces, strict=True):
                if name not in writer.pending and name not in self.store.blobs.spots():
                    writer.add(name, piece, like)
            writer.add(near, bytes.fromhex("".join(names)), "recipe", RECIPE)

    # -- Putting back ---------------------------------------------------------------------------------------------------

    async def _make(self, change: Change, new: Entry) -> None:
        path = self.root / change.path
        match new.kind:
            case "directory" if change.kind in ("added", "type"):
                await self._run(["mkdir", str(path)])
            case "link" if change.kind != "mtime":
                await self._run(["ln", "-s", "--", new.target or "", str(path)])
            case "file" if change.kind in ("added", "type", "content"):
                await self.host.write(path, await here(self.store.get, new.digest or ""), new.mode)
            case _:
                return

    async def _attributes(self, todo: Sequence[Change], now: Manifest, target: Manifest) -> None:
        """Modes and times: of what was touched, and of the directories that hold it, the deepest first."""
        touched = {change.path: change.new for change in todo if change.new is not None}
        gone = {change.path for change in todo if change.new is None}
        for change in todo:
            above = change.path.rpartition("/")[0] or "."
            if above in gone:
                continue
            entry = (target if above in touched else now).by_path.get(above)
            if entry is not None:
                touched.setdefault(above, entry)
        ordered = sorted(touched.items(), key=lambda item: (-item[0].count("/") - (item[0] != "."), item[0]))
        modes = [w for path, e in ordered if e.kind != "link" for w in (f"{e.mode:04o}", str(self.root / path))]
        times = [w for path, e in ordered for w in (str(e.mtime_ns // SECOND), str(self.root / path))]
        for script, words in ((_MODES, modes), (_TIMES, times)):
            for at in range(0, len(words), 400):
                await self._run(["sh", "-c", script, "sh", *words[at : at + 400]])

    async def _run(self, argv: list[str]) -> None:
        done = await self.host.run(argv, timeout=120)
        if done.code != 0:
            raise Failed(
                f"{self.host.name}: {' '.join(done.error.split())[:300]}", "Solve this over there and ask again."
            )

    # -- What is remembered here ----------------------------------------------------------------------------------------

    def _known(self) -> Known:
        with suppress(OSError, ValueError, TypeError):
            rows = cast("dict[str, list[object]]", json.loads(self._file.read_bytes()))
            return {p: (int(str(r[0])), int(str(r[1])), int(str(r[2])), str(r[3])) for p, r in rows.items()}
        return {}

    def _keep(self, known: Known) -> None:
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = self._file.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_text(json.dumps(known), encoding="ascii")
            os.replace(temporary, self._file)


def _entry(path: str, found: Stat) -> Entry:
    kind = cast(Kind, found.kind)
    mode = 0 if kind == "link" else found.mode
    size = found.size if kind == "file" else 0
    return Entry(
        path, kind, mode, found.mtime_ns // SECOND * SECOND, size, None, found.target if kind == "link" else None
    )


def _same(old: Entry | None, found: Stat | None) -> bool:
    """Whether a path is as it was captured; of a directory only that it is one."""
    if old is None or found is None:
        return old is None and found is None
    if old.kind == "directory":
        return found.kind == "directory"
    return _entry(old.path, found)._replace(digest=old.digest) == old


def _within(limits: Budget, size: int, count: int) -> None:
    hint = "exclude something, delete it, or raise the limit (ENVSYNC_SNAPSHOT_BYTES, ENVSYNC_SNAPSHOT_FILES)"
    if size > limits.bytes:
        raise Failed(f"the project is too large for a snapshot: more than {limits.bytes / (1 << 30):.1f} GiB", hint)
    if count > limits.files:
        raise Failed(f"the project has more than {limits.files:,} entries", hint)


def _batches(files: Sequence[tuple[str, Stat]]) -> list[list[tuple[str, Stat]]]:
    """Small files together, large ones alone; the largest are left to be told as unread."""
    batches: list[list[tuple[str, Stat]]] = []
    held = BATCH + 1
    for path, found in files:
        if found.size > LARGEST:
            continue
        if held + found.size + 1024 > BATCH or len(batches[-1]) >= 300:
            batches.append([])
            held = 0
        batches[-1].append((path, found))
        held += found.size + 1024
    return batches


def _unpacked(archive: bytes, names: dict[str, str]) -> dict[str, bytes]:
    """The regular files of an archive that were asked for; nothing else in it counts."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=BytesIO(archive), errors="surrogateescape") as opened:
        for member in opened:
            content = opened.extractfile(member) if member.name in names and member.isreg() else None
            if content is not None:
                found[names[member.name]] = content.read()
    return found
