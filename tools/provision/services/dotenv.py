"""A project's `.env`: which names it sets, and a block of ours in it that can be taken out again byte for byte."""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ...errors import Failed

FILE = ".env"
"""Its name, in whatever directory of a project it lies."""
MOST = 1 << 20
"""Bytes of an `.env` that is looked at; anything larger is something else."""
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*?)\s*$")


class Odd(Failed):
    """This `.env` is not touched; the text says why."""


def read(path: Path) -> dict[str, str]:
    """The variables that are set, with their values; none for what is not there or is not touched."""
    try:
        return values(_content(path))
    except (Odd, OSError):
        return {}


def values(content: bytes) -> dict[str, str]:
    """Likewise, of a file's content. A value that refers to another one counts as empty."""
    found: dict[str, str] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        match = _LINE.match(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        value = match[2]
        quoted = re.match(r"(['\"])(.*?)\1", value)
        value = quoted[2] if quoted else value.partition(" #")[0].strip()
        found[match[1]] = "" if "$" in value and not (quoted and quoted[1] == "'") else value
    return found


def named(path: Path) -> list[str]:
    """The names that are set to something. Raises Odd, OSError; a missing file sets none."""
    return sorted(name for name, value in set_in(_content(path)).items() if value)


def set_in(content: bytes) -> dict[str, bool]:
    """Name, and whether it has a value, also one that refers to another."""
    found: dict[str, bool] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        match = _LINE.match(line)
        if match is not None:
            found[match[1]] = match[2].strip("'\" ") != "" and not match[2].startswith("#")
    return found


def put(project: Path, file: str, name: str, lines: Sequence[tuple[str, str]], note: Path) -> list[str]:
    """Write the variables that have no value yet into the block `name`, and what was written into `note`.

    A file that is not there is made, readable by its owner alone. Returns the names that were written. Raises Odd, OSError.
    """
    with _folder(project, file) as folder:
        content = folder.read()
        before = _without(content or b"", name, _noted(note)) if content is not None else b""
        have = {key for key, full in set_in(before).items() if full}
        fresh = [(key, value) for key, value in lines if key not in have]
        if not fresh:
            return []
        end = b"\r\n" if b"\r\n" in before else b"\n"
        glue = bool(before) and not before.endswith(b"\n")
        known = _noted(note)
        wrote = [f"{key}={value}" for key, value in fresh]
        made = content is None or bool(known.get("made"))
        _save(note, {"made": made, "glue": glue, "lines": wrote})
        block = [f"# envsync: {name}", *wrote, f"# envsync: end of {name}"]
        folder.write(before + (end if glue else b"") + b"".join(line.encode() + end for line in block))
        return [key for key, _ in fresh]


def drop(project: Path, file: str, name: str, note: Path, only: Sequence[str] | None = None) -> None:
    """Take the block (or `only` these names of it) out again; lines in it that are not ours stay, and so does everything
    else. Raises OSError."""
    known = _noted(note)
    stays = [line for line in _wrote(known) if only is not None and line.partition("=")[0] not in only]
    try:
        with _folder(project, file) as folder:
            content = folder.read()
            if content is None:
                return
            left = _without(content, name, known)
            if left == content:
                return
            if not left and known.get("made") and not stays:
                folder.remove()
            else:
                folder.write(left)
    except (FileNotFoundError, NotADirectoryError, Odd):
        return  # the project is gone, or its file is none of which a line of ours could be
    if stays:
        pairs = [(line.partition("=")[0], line.partition("=")[2]) for line in stays]
        put(project, file, name, pairs, note)


def _wrote(known: dict[str, object]) -> list[str]:
    noted = known.get("lines")
    return [str(line) for line in noted] if isinstance(noted, list) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # JSON


def _without(content: bytes, name: str, known: dict[str, object]) -> bytes:
    """The content without the block."""
    rows = content.splitlines(keepends=True)
    heads = [row.strip() for row in rows]
    begin, end = f"# envsync: {name}".encode(), f"# envsync: end of {name}".encode()
    if begin not in heads or end not in heads[heads.index(begin) :]:
        return content
    first = heads.index(begin)
    last = heads.index(end, first)
    ours = {line.encode() for line in _wrote(known)}
    kept = [row for row in rows[first + 1 : last] if ours and row.strip() not in ours]
    before, after = b"".join(rows[:first]), b"".join(rows[last + 1 :])
    if known.get("glue") and not kept and not after:
        before = before[:-2] if before.endswith(b"\r\n") else before[:-1]
    return before + b"".join(kept) + after


def _noted(note: Path) -> dict[str, object]:
    with suppress(OSError, ValueError):
        found = json.loads(note.read_text())
        return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # JSON
    return {}


def _save(note: Path, what: dict[str, object]) -> None:
    part = note.with_name(f".{note.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(what, file)
        file.flush()
        os.fsync(handle)
    part.replace(note)


def _content(path: Path) -> bytes:
    with _folder(path.parent, path.name) as folder:
        return folder.read() or b""


class _folder:
    """The directory of an `.env`, held open: what is looked at is what is written, whatever is moved meanwhile."""

    def __init__(self, project: Path, file: str) -> None:
        parts = Path(file).parts
        self._name = parts[-1]
        self._at = os.open(project, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in parts[:-1]:
            outer = self._at
            try:
                self._at = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=outer)
            finally:
                os.close(outer)

    def __enter__(self) -> _folder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._at)

    def read(self) -> bytes | None:
        """The content; None for no file. Raises Odd for a link, something special, or what no text of this size is."""
        try:
            info = os.stat(self._name, dir_fd=self._at, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if stat.S_ISLNK(info.st_mode):
            raise Odd("it is a link")
        if not stat.S_ISREG(info.st_mode):
            raise Odd("it is no regular file")
        if info.st_nlink > 1:
            raise Odd("it is the same file as another one (a hard link)")
        if info.st_size > MOST:
            raise Odd(f"it is larger than {MOST} bytes")
        handle = os.open(self._name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._at)
        with os.fdopen(handle, "rb") as file:
            content = file.read(MOST + 1)
        if b"\0" in content:
            raise Odd("it is no text")
        return content

    def write(self, content: bytes) -> None:
        """Replace it whole; mode and owner stay, and a new one is for its owner alone."""
        try:
            info = os.stat(self._name, dir_fd=self._at, follow_symlinks=False)
            mode = stat.S_IMODE(info.st_mode)
        except FileNotFoundError:
            info, mode = os.fstat(self._at), 0o600
        part = f".{self._name}.{secrets.token_hex(4)}"
        handle = os.open(
            part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=self._at
        )
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                if os.geteuid() == 0:
                    os.fchown(handle, info.st_uid, info.st_gid)
                os.fchmod(handle, mode)
                file.flush()
                os.fsync(handle)
            os.replace(part, self._name, src_dir_fd=self._at, dst_dir_fd=self._at)
        except BaseException:
            with suppress(OSError):
                os.unlink(part, dir_fd=self._at)
            raise
        os.fsync(self._at)

    def remove(self) -> None:
        """Remove it."""
        os.unlink(self._name, dir_fd=self._at)
