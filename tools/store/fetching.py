"""The near side of a snapshot of another host: what its tree is, under the store's own names, and the contents it lacks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..contract import Context, Progress
from ..errors import Failed
from ..hosts.here import here, near
from .faraway import PIECE, Got, contents_there, look_there, piece_there
from .hashing import of, plain, stored
from .manifest import unpack
from .model import Entry, Manifest, Notice
from .pack import RECIPE, Writer
from .place import budget, excluded, store_of

TOGETHER = 400
"""Files in one batch at most."""
AT_ONCE = 3
"""Batches under way at once: enough to hide the distance, few enough for the memory."""
ROUNDS = 5
SMALL, ENOUGH = 1 << 20, 32 << 20
"""What a look fetches of files whose content is not known: each at most, and all together."""


def state_there(context: Context) -> Path:
    """EnvSync's own directory on the host: caches, locks, contents on their way."""
    if near(context.host):
        return context.state
    return context.home / ".local/state/envsync"


@dataclass
class Seen:
    """A tree as it is, and how to read its contents. A content that nobody fetched has a name that no other has."""

    manifest: Manifest
    read: Callable[[Entry], bytes]


class Names:
    """Which far name is which name of the store; kept on disk, since it stays true for ever."""

    LARGEST = 64 << 20

    def __init__(self, directory: Path) -> None:
        self._file = directory / "contents"
        self.near: dict[str, str] = {}
        self.far: dict[str, str] = {}
        self._fresh: list[bytes] = []
        with suppress(OSError):
            raw = self._file.read_bytes()
            text = raw[: len(raw) // 64 * 64].hex() if len(raw) <= self.LARGEST else ""
            pairs = [(text[i : i + 64], text[i + 64 : i + 128]) for i in range(0, len(text), 128)]
            self.near = dict(pairs)
            self.far = {near: far for far, near in pairs}

    def learn(self, far: str, near: str) -> None:
        if self.near.get(far) != near:
            self.near[far] = near
            self.far[near] = far
            self._fresh.append(bytes.fromhex(far + near))

    def save(self) -> None:
        """Append what was learned. Only a short cut: a failure costs fetching again."""
        if not self._fresh:
            return
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            large = self._file.exists() and self._file.stat().st_size > self.LARGEST
            with self._file.open("wb" if large else "ab") as file:
                file.write(b"".join(self._fresh))
            self._fresh.clear()


class Mirror:
    """What is known here of one tree on another host. Made for one operation."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.store = store_of(context)
        place = of(f"{context.host.name}\0{context.path}".encode("utf-8", "surrogateescape"), plain)[:32]
        self._directory = context.state / "mirrors"
        self._file = self._directory / f"{place}.stretches"
        self.names = Names(self._directory)
        self.extra: dict[str, bytes] = {}
        """Contents that a look fetched, by the store's name: not stored."""
        self._written: set[str] = set()

    async def far(self) -> Manifest:
        """The tree as it is over there, with the far side's names. Raises Usage, Failed, Unreachable, OSError."""
        context = self.context
        known = await here(self._known)
        limits = budget(context)
        own = state_there(context)
        excludes = excluded(context)
        if own.is_relative_to(context.path):
            excludes = (*excludes, str(own.relative_to(context.path)))
        looked = await context.host.call(
            look_there, str(context.path), str(own), frozenset(known), excludes, limits.bytes, limits.files
        )
        for name, packed in looked.fresh.items():
            if of(packed, plain) != name:
                raise Failed("what the other host sent does not match its own name", "Try again.")
        stretches = {**known, **looked.fresh}
        if missing := [name for name in looked.order if name not in stretches]:
            raise Failed(f"the other host left out {len(missing)} parts of its tree", "Try again.")
        await here(self._keep, {name: stretches[name] for name in looked.order})
        return await here(_checked, [stretches[name] for name in looked.order], looked.notices)

    async def near(self, far: Manifest, writer: Writer | None) -> Manifest:
        """The same tree under the store's names. With a `writer`, every content that the store lacks is fetched into it;
        without one only small contents are, to be read but not kept."""
        held = self.store.blobs.spots()
        entries = {entry.path: entry for entry in far.entries}
        resolved: dict[str, Entry] = {}
        notices = list(far.notices)
        left = ENOUGH
        for _ in range(ROUNDS):
            missing: dict[str, Entry] = {}
            for path, entry in entries.items():
                if path in resolved:
                    continue
                name = self.names.near.get(entry.digest) if entry.digest else None
                there = name is not None and (writer is None or name in held or name in self._written)
                if entry.digest is None or there:
                    resolved[path] = entry._replace(digest=name)
                elif entry.digest not in missing:
                    missing[entry.digest] = entry
            if not missing:
                break
            wanted = list(missing.values())
            if writer is None:
                wanted, left = _few(wanted, left)
                for path, entry in entries.items():
                    if path not in resolved and entry.digest not in {one.digest for one in wanted}:
                        resolved[path] = entry  # nobody knows that name: it differs from everything
            await self._fetch(wanted, writer, entries, resolved, notices)
        else:
            raise Failed(
                f"{self.context.path} keeps changing while it is read",
                "Stop what writes there, or exclude it (ENVSYNC_SNAPSHOT_EXCLUDE); then try again.",
            )
        await here(self.names.save)
        ordered = [resolved[path] for path in entries if path in resolved]
        return Manifest(tuple(ordered), tuple(notices))

    def read(self, entry: Entry) -> bytes:
        """A content that was fetched or is in the store; empty when it is neither."""
        if not entry.digest:
            return b""
        if (content := self.extra.get(entry.digest)) is not None:
            return content
        with suppress(Exception):  # what cannot be read is told as differing, like any other content
            return self.store.get(entry.digest)
        return b""

    async def _fetch(
        self, wanted: Sequence[Entry], writer: Writer | None, entries: dict[str, Entry], resolved: dict[str, Entry],
        notices: list[Notice],
    ) -> None:  # fmt: skip
        gate = asyncio.Semaphore(AT_ONCE)
        done = 0

        async def batch(paths: list[str]) -> None:
            nonlocal done
            async with gate:
                found = await self.context.host.call(contents_there, str(self.context.path), paths)
            for got in found:
                if got.size > PIECE and not got.digest:
                    async with gate:
                        got = await self._large(got.path, writer)
                self._take(got, writer, entries, resolved, notices)
            done += len(paths)
            self.context.report(Progress("fetching", done, len(wanted), "files"))

        small = [entry for entry in wanted if entry.size <= PIECE]
        batches = _batches(small) + [[entry.path] for entry in wanted if entry.size > PIECE]
        tasks = [asyncio.ensure_future(batch(paths)) for paths in batches]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(
        self, got: Got, writer: Writer | None, entries: dict[str, Entry], resolved: dict[str, Entry],
        notices: list[Notice],
    ) -> None:  # fmt: skip
        """Take one content in. A file that changed since the look is recorded as it was read."""
        was = entries[got.path]
        if got.why:
            notices.append(Notice(got.path, f"content not read: {got.why}"))
            resolved[got.path] = was._replace(digest=None)
        elif not got.digest:
            del entries[got.path]  # it vanished since it was listed
        else:
            if len(got.content) <= PIECE and got.size == len(got.content):
                if of(got.content, plain) != got.digest:
                    raise Failed("a content did not arrive as it was sent", "Try again.")
                near = of(got.content, stored)
                self.names.learn(got.digest, near)
                if writer is None:
                    self.extra[near] = got.content
                elif near not in writer.pending and near not in self.store.blobs.spots():
                    writer.add(near, got.content, os.path.splitext(got.path)[1])
                self._written.add(near)
            entries[got.path] = was._replace(
                digest=got.digest, size=got.size, mode=got.mode, mtime_ns=got.mtime_ns
            )  # fmt: skip

    async def _large(self, path: str, writer: Writer | None) -> Got:
        """A large file piece by piece; stored only when it stayed as it was meanwhile."""
        for _ in range(3):
            near, far = stored(), plain()
            parts: list[str] = []
            size, first = 0, tuple[int, ...]()
            try:
                while True:
                    sign, piece = await self.context.host.call(piece_there, str(self.context.path), path, size)
                    first = first or sign
                    if sign != first:
                        break
                    near.update(piece)
                    far.update(piece)
                    size += len(piece)
                    if piece:
                        parts.append(of(piece, stored))
                        if writer and parts[-1] not in writer.pending and parts[-1] not in self.store.blobs.spots():
                            await here(writer.add, parts[-1], piece, os.path.splitext(path)[1])
                    if len(piece) < PIECE:
                        break
            except (FileNotFoundError, NotADirectoryError):
                return Got(path, "", 0, 0, 0, b"")
            except OSError as error:
                return Got(path, "", 0, 0, 0, b"", error.strerror or "cannot be read")
            if first and sign == first and size == first[0]:
                name = near.hexdigest()
                if writer and len(parts) != 1 and name not in writer.pending and name not in self.store.blobs.spots():
                    await here(writer.add, name, bytes.fromhex("".join(parts)), "recipe", RECIPE)
                self.names.learn(far.hexdigest(), name)
                self._written.add(name)
                return Got(path, far.hexdigest(), size, first[4], first[1], b"")
        return Got(path, "", 0, 0, 0, b"", "it kept changing while it was read")

    def _known(self) -> dict[str, bytes]:
        """The stretches of the last look."""
        found: dict[str, bytes] = {}
        with suppress(OSError):
            raw = self._file.read_bytes()
            at = 0
            while at + 4 <= len(raw):
                size = int.from_bytes(raw[at : at + 4], "big")
                packed = raw[at + 4 : at + 4 + size]
                if len(packed) == size:
                    found[of(packed, plain)] = packed
                at += 4 + size
        return found

    def _keep(self, stretches: dict[str, bytes]) -> None:
        with suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = self._file.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in stretches.values()))
            os.replace(temporary, self._file)


def _checked(stretches: Sequence[bytes], notices: Sequence[Sequence[str]]) -> Manifest:
    """What another host says its tree is: paths that could not be one are refused before anything believes them."""
    entries: list[Entry] = []
    try:
        for stretch in stretches:
            entries += unpack(stretch)
    except Exception as error:  # bytes of another machine can be wrong in many ways
        raise Failed(f"the other host's tree cannot be read: {type(error).__name__}", "Try again.") from None
    seen: set[str] = set()
    for entry in entries:
        parts = entry.path.split("/")
        fine = entry.path == "." or not any(part in ("", ".", "..") for part in parts)
        if not fine or entry.path in seen or "\0" in entry.path:
            raise Failed("the other host sent a path that none can be", "Do not trust what it sends.")
        seen.add(entry.path)
    if not entries or entries[0].path != ".":
        raise Failed("the other host sent no tree", "Try again.")
    return Manifest(tuple(entries), tuple(Notice(str(path), str(text)) for path, text in notices))


def _few(wanted: Sequence[Entry], left: int) -> tuple[list[Entry], int]:
    """The smallest ones first, as long as they are few enough."""
    chosen: list[Entry] = []
    for entry in sorted(wanted, key=lambda entry: entry.size):
        if entry.size > SMALL or entry.size > left:
            break
        chosen.append(entry)
        left -= entry.size
    return chosen, left


def _batches(entries: Sequence[Entry]) -> list[list[str]]:
    batches: list[list[str]] = []
    held = PIECE + 1
    for entry in entries:
        if held + entry.size > PIECE or len(batches[-1]) >= TOGETHER:
            batches.append([])
            held = 0
        batches[-1].append(entry.path)
        held += entry.size
    return batches
