"""The aliases and functions of a user's shells, from the files that those shells read; no shell is started."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import fishfile, shellfile
from .shellfile import Found

ROOTS = {
    "bash": (".bashrc", ".bash_profile", ".bash_login", ".bash_aliases", ".bash_functions"),
    "sh": (".profile",),
    "zsh": (".zshenv", ".zprofile", ".zshrc", ".zlogin", ".zsh_aliases"),
}
"""Below the home directory, zsh's below ZDOTDIR; what they read is followed."""
FOLDERS = (("zsh", ".oh-my-zsh/custom", ".zsh"), ("bash", ".bashrc.d", ""), ("zsh", ".zshrc.d", ""))
"""Folders whose files a shell reads one by one, by their suffix."""
LARGEST = 256 << 10
"""Bytes of one file: more was not written by a person."""
FILES = 200
SECONDS = 1.5


@dataclass(frozen=True)
class Defined:
    """One definition, with the shell that has it and the file that makes it."""

    shell: str
    path: str
    """With `~`."""
    found: Found


@dataclass
class Read:
    """All of them, and why some are not there."""

    defined: list[Defined] = field(default_factory=list[Defined])
    trouble: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(file with `~`, why not all of it was read)."""


@dataclass
class _Reading:
    home: str
    deadline: float
    result: Read = field(default_factory=Read)
    seen: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    known: dict[tuple[str, str, str], Defined] = field(default_factory=dict[tuple[str, str, str], Defined])


def read(home: str, config: str = "", zdotdir: str = "", seconds: float = SECONDS) -> Read:
    """What the shells of this user define. `config` is the folder of settings, where fish's files lie."""
    reading = _Reading(home, time.monotonic() + seconds)
    for shell, path in _files(home, config or os.path.join(home, ".config"), zdotdir or home):
        _file(reading, shell, path, 0)
    reading.result.defined = sorted(reading.known.values(), key=lambda d: (d.shell, d.found.kind, d.found.name))
    return reading.result


def _files(home: str, config: str, zdotdir: str) -> Iterator[tuple[str, str]]:
    for shell, names in ROOTS.items():
        for name in names:
            yield shell, os.path.join(zdotdir if shell == "zsh" else home, name)
    for shell, folder, suffix in FOLDERS:
        yield from ((shell, path) for path in _inside(os.path.join(home, folder), suffix))
    fish = os.path.join(config, "fish")
    for folder in ("functions", "conf.d"):
        yield from (("fish", path) for path in _inside(os.path.join(fish, folder), ".fish"))
    yield "fish", os.path.join(fish, "config.fish")


def _inside(folder: str, suffix: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder))[:FILES]
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(suffix) and not name.startswith(".")]


def _file(reading: _Reading, shell: str, path: str, depth: int) -> None:
    real = os.path.realpath(path)
    if (shell, real) in reading.seen:
        return
    reading.seen.add((shell, real))
    shown = _short(reading.home, path)
    if len(reading.seen) > FILES or time.monotonic() > reading.deadline:
        if not any(path == "" for path, _ in reading.result.trouble):
            reading.result.trouble.append(
                ("", "not all files of the shells were read: there are too many, or too large ones")
            )
        return
    text, trouble = _text(path)
    if trouble:
        reading.result.trouble.append((shown, trouble))
    if text is None:
        return
    file = fishfile.scan(text) if shell == "fish" else shellfile.scan(text)
    if file.trouble:
        reading.result.trouble.append((shown, file.trouble))
    for found in file.found.values():
        reading.known[shell, found.kind, found.name] = Defined(shell, shown, found)
    for written in file.sourced if depth < 4 else ():
        other = _place(reading.home, written)
        if other:
            _file(reading, shell, other, depth + 1)


def _place(home: str, written: str) -> str:
    """The file that is read, when it lies below the home directory; what packages bring is not the user's."""
    for start in ("~/", "$HOME/", "${HOME}/", home.rstrip("/") + "/"):
        if written.startswith(start) and "$" not in written[len(start) :]:
            path = os.path.normpath(os.path.join(home, written[len(start) :]))
            return path if path.startswith(home.rstrip("/") + "/") else ""
    return ""


def _short(home: str, path: str) -> str:
    start = home.rstrip("/") + "/"
    return "~/" + path[len(start) :] if path.startswith(start) else path


def _text(path: str) -> tuple[str | None, str]:
    """A file's text, and why there is none although there is a file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        return None, "" if missing else f"it cannot be read: {getattr(error, 'strerror', None) or error}"
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            return None, "it is no regular file, so it was not read"
        if info.st_size > LARGEST:
            return None, f"it has {info.st_size} bytes, more than the {LARGEST} that are sensible here"
        with os.fdopen(os.dup(handle), "rb") as file:
            content = file.read(LARGEST)
    except OSError as error:
        return None, f"it cannot be read: {error.strerror or error}"
    finally:
        os.close(handle)
    if b"\0" in content:
        return None, "it is binary"
    return content.decode("utf-8", "replace"), ""
