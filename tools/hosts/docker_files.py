"""Files of containers and volumes through the engine's archive calls: what is where, what differs, copy, put back.

Nothing is needed in the container: not even a shell. The engine's archives keep owners, modes, links, devices, times to
the second and file capabilities; other extended attributes they do not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import tarfile
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any

from ..errors import Failed
from .base import Touched

BLOCK = 512
CHUNK = 1 << 20
KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.LNKTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "link",
}


@dataclass(frozen=True)
class Entry:
    """What a path is. Times are left out: the engine keeps them to the second only, and what changed shows in content."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    content: str = ""
    """Digest of a file, target of a link, numbers of a device."""
    attributes: tuple[tuple[str, str], ...] = ()


class _Reader:
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held: bytes = next(self._chunks, b"")
        self.tail = self._held[-2 * BLOCK :]
        self.empty = not self._held

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            if not self._held:
                self._held = next(self._chunks, b"")
                if not self._held:
                    break
                self.tail = (self.tail + self._held)[-2 * BLOCK :]
            part, self._held = self._held[:size], self._held[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def members(chunks: Iterable[bytes]) -> Generator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """The members of a tar stream as they come, whatever its length. Raises Failed when it is cut off: what is missing
    would pass for deleted."""
    source: Any = _Reader(chunks)  # anything with `read` will do
    if source.empty:
        return
    try:
        with tarfile.open(fileobj=source, mode="r|", bufsize=CHUNK, errorlevel=0) as tar:
            while (member := tar.next()) is not None:
                yield tar, member
                tar.members = []  # pyright: ignore[reportAttributeAccessIssue]  # it keeps all of them otherwise
        while source.read(CHUNK):
            pass
    finally:
        if isinstance(chunks, Generator):
            chunks.close()
    if source.tail != bytes(2 * BLOCK):
        raise Failed("the container engine stopped in the middle of an archive", "Is its disk full? Try again.")


def entries(chunks: Iterable[bytes], cut: int | None = 0) -> dict[str, Entry]:
    """What a tar stream holds: path to entry, each path beginning with `/`, after `cut` leading parts of its name; None
    for those of the first member, which all else is below (Podman names a mounted directory differently)."""
    found: dict[str, Entry] = {}
    for tar, member in members(chunks):
        cut = _parts(member.name) if cut is None else cut
        found[place(member.name, cut)] = _entry(tar, member, found, cut)
    return found


def _parts(name: str) -> int:
    return len([part for part in name.split("/") if part not in ("", ".")])


def place(name: str, cut: int = 0) -> str:
    """The path that a name in a tar stream stands for."""
    return "/" + "/".join([part for part in name.split("/") if part not in ("", ".")][cut:])


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo, known: Mapping[str, Entry], cut: int) -> Entry:
    kind = KINDS.get(member.type, "special")
    common = (kind, member.mode & 0o7777, member.uid, member.gid)
    marks = tuple(sorted((k, v) for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")))
    if member.islnk():
        # A second name of a file: it has what the first one has.
        first = known.get(place(member.linkname, cut))
        return Entry(*common, first.size if first else 0, first.content if first else f"= {member.linkname}", marks)
    if kind == "file":
        digest, file = hashlib.blake2b(digest_size=16), tar.extractfile(member)
        while file is not None and (chunk := file.read(CHUNK)):
            digest.update(chunk)
        return Entry(*common, member.size, digest.hexdigest(), marks)
    if kind == "link":
        return Entry(kind, 0, member.uid, member.gid, 0, member.linkname, marks)
    if kind == "special":
        return Entry(*common, 0, f"{member.type!r} {member.devmajor},{member.devminor}", marks)
    return Entry(*common, 0, "", marks)


def compare(was: Mapping[str, Entry], now: Mapping[str, Entry]) -> list[Touched]:
    """What happened between two looks, sorted by path: directories by their mode and owner, all else by content too."""
    found: list[Touched] = []
    for path in sorted(was.keys() | now.keys()):
        before, after = was.get(path), now.get(path)
        if before != after:
            found.append(Touched(path, "added" if before is None else "deleted" if after is None else "changed"))
    return found


def archive(api: Any, container: str, path: str) -> Generator[bytes]:
    """A path of a container (also a stopped one) as a tar stream; its names begin with the path's last part, or with
    none for `/`. Empty when there is nothing there. Close it when it is not read to its end."""
    answer = opened(api, container, path)
    if answer is None:
        return
    with answer:
        yield from answer.iter_content(CHUNK, False)


def opened(api: Any, container: str, path: str) -> Any:
    """The engine's answer with a path's archive, None when there is nothing there: the SDK's own call gives no way to
    let go of one that is not read to its end."""
    url = api._url("/containers/{0}/archive", container)
    answer = api._get(url, params={"path": path}, stream=True)
    if answer.status_code == 404:
        answer.close()
        return None
    api._raise_for_status(answer)
    return answer


def look(api: Any, container: str, path: str) -> dict[str, Entry]:
    """A path (as `/`) and all below it (as `/below`); empty when there is nothing there."""
    return entries(archive(api, container, path), None)


def glance(api: Any, container: str, path: str) -> Entry | None:
    """One path without what is below it."""
    stream = members(archive(api, container, path))
    try:
        for tar, member in stream:
            return _entry(tar, member, {}, 0)
    finally:
        stream.close()
    return None


def pick(chunks: Iterable[bytes], root: str, wanted: Callable[[str], bool] = lambda path: True) -> Generator[bytes]:
    """The tar stream with only the members whose path (below the first one) is wanted, moved below `root`.

    A second name of a file that is not wanted itself stays a link to it: what is not wanted is there already.
    """
    cut: int | None = None
    for tar, member in members(chunks):
        cut = _parts(member.name) if cut is None else cut
        path = place(member.name, cut)
        if not wanted(path):
            continue
        member.name = (root + path).strip("/") or "."
        if member.islnk():
            member.linkname = (root + place(member.linkname, cut)).strip("/")
        member.pax_headers = {k: v for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")}
        yield member.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape")
        file = tar.extractfile(member) if member.isreg() else None
        if file is not None:
            while chunk := file.read(CHUNK):
                yield chunk
            yield bytes(-member.size % BLOCK)
    yield bytes(2 * BLOCK)


def copy(api: Any, source: tuple[str, str], target: tuple[str, str]) -> int:
    """Copy a path of one container into a directory of another, whole, under its own name; the bytes that were moved.

    What is in the target already and not in the source stays.
    """
    moved = 0

    def count() -> Generator[bytes]:
        nonlocal moved
        for chunk in archive(api, *source):
            moved += len(chunk)
            yield chunk

    api.put_archive(target[0], target[1], count())
    return moved


class Undo:
    """What takes back several changes, the last one first; its files go with it."""

    def __init__(self) -> None:
        self.steps: list[Callable[[], None]] = []
        self._files = ExitStack()

    def file(self) -> IO[bytes]:
        """A file without a name to keep content in."""
        return self._files.enter_context(tempfile.TemporaryFile())

    def __enter__(self) -> Undo:
        return self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        with self._files:
            if error is None:
                return
            for step in reversed(self.steps):
                try:
                    step()
                except Exception as worse:  # the others still have to be taken back
                    error.add_note(f"not all of it could be taken back: {worse}")


def level(
    api: Any,
    source: tuple[str, str],
    target: tuple[str, str],
    remove: Callable[[list[str]], None],
    left: Callable[[str], bool] = lambda path: False,
    undo: Undo | None = None,
) -> list[Touched]:
    """Make a path of one container what a path of another is, moving only what differs; what that was, by path below it.

    `remove` is called with absolute paths of the target's container. Paths for which `left` is true are left alone.
    `undo` gets what takes it back, before anything is changed.
    """
    was, now = look(api, *source), look(api, *target)
    found = [each for each in compare(was, now) if not left(each.path)]
    top = target[1].rstrip("/")

    def whole(paths: list[str], sides: Mapping[str, Entry]) -> list[str]:
        # What is below something that goes, or that was no directory, went with it.
        kept = [p for p in paths if p == "/" or _directory(sides.get(posixpath.dirname(p)))]
        return [posixpath.normpath(top + path) for path in kept]

    put = {each.path for each in found if each.how != "added"}
    gone = whole([each.path for each in found if each.how == "added"], was)
    if undo is not None and found:
        before = {each.path for each in found if each.how != "deleted"}
        held = undo.file()
        for chunk in pick(archive(api, *target), top, before.__contains__):
            held.write(chunk)

        def back() -> None:
            held.seek(0)
            if before:
                api.put_archive(target[0], "/", held)
            if new := whole([each.path for each in found if each.how == "deleted"], now):
                remove(new)

        undo.steps.append(back)
    if put:
        api.put_archive(target[0], "/", pick(archive(api, *source), top, put.__contains__))
    if gone:
        remove(gone)
    return found


def _directory(entry: Entry | None) -> bool:
    return entry is not None and entry.kind == "directory"


def kind(api: Any, container: str, path: str) -> str:
    """What a path is, without reading it: `directory`, `link`, `other`; empty when there is nothing there."""
    url = api._url("/containers/{0}/archive", container)  # the SDK has no call for this
    answer = api.head(url, params={"path": path}, timeout=60)
    if answer.status_code == 404:
        return ""
    answer.raise_for_status()
    mode = json.loads(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"]))["mode"]
    return "directory" if mode & 1 << 31 else "link" if mode & 1 << 27 else "other"


def alone(chunks: Iterable[bytes], root: str) -> bytes:
    """The first member of a tar stream, as an archive of its own that has it at `root`."""
    stream = members(chunks)
    try:
        for _, member in stream:
            member.name = root.strip("/")
            return member.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape") + bytes(2 * BLOCK)
    finally:
        stream.close()
    return b""
