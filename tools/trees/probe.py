"""What a root and its file system are like, found out by trying."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from secrets import token_hex
from typing import Any

from .model import Facts

TRIED = ':\\*?"<>|'
"""Characters that file systems of other systems refuse."""


def facts_of(root: str, private: str, near: bool, algorithm: str) -> Facts:
    """The facts. What a file system can do is tried in `private` when that is on the same one as the root."""
    try:
        info = os.stat(root)
    except FileNotFoundError:
        return Facts("missing", root, clock=time.time(), algorithm=algorithm, private=private)
    except OSError:
        return Facts("unread", root, clock=time.time(), algorithm=algorithm, private=private)
    kind = "directory" if stat.S_ISDIR(info.st_mode) else "file" if stat.S_ISREG(info.st_mode) else "special"
    traits = _traits(private) if near else dict[str, Any]()
    return Facts(
        kind,
        os.path.realpath(root),
        info.st_dev,
        info.st_ino,
        os.access(root, os.W_OK | os.X_OK),
        algorithm=algorithm,
        private=private,
        clock=time.time(),
        **traits,
    )


def _traits(place: str) -> dict[str, Any]:
    folder = os.path.join(place, "work", f"new-{token_hex(4)}")
    found: dict[str, Any] = {}
    try:
        os.mkdir(folder)
    except OSError:
        return found
    try:
        found["folds_case"] = _meets(folder, "CaSe", "cAsE")
        if _made(folder, "e\u0301x"):
            names = os.listdir(folder)
            composed = os.path.lexists(os.path.join(folder, "\u00e9x"))
            found["unicode"] = "folds" if composed else "exact"
            for name in names:
                os.unlink(os.path.join(folder, name))
        if found.get("unicode") == "folds" and _made(folder, "\u00e9y"):
            if "\u00e9y" not in os.listdir(folder):
                found["unicode"] = "decomposes"
            os.unlink(os.path.join(folder, "\u00e9y"))
        found["forbidden"] = "".join([sign for sign in TRIED if not _possible(folder, f"a{sign}b")])
        found["utf8"] = not _possible(folder, "\udcff")
        found["longest"] = 255 if _possible(folder, "n" * 255) else 143 if _possible(folder, "n" * 143) else 100
        link = os.path.join(folder, "link")
        with suppress(OSError, NotImplementedError):
            os.symlink("x", link)
        found["links"] = os.path.islink(link)
        with suppress(OSError):
            os.unlink(link)
        found["executable"] = _executable(folder)
    except OSError:
        pass
    finally:
        with suppress(OSError):
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)
    return found


def _made(folder: str, name: str) -> bool:
    try:
        with open(os.path.join(os.fsencode(folder), name.encode("utf-8", "surrogateescape")), "xb"):
            return True
    except OSError:
        return False


def _possible(folder: str, name: str) -> bool:
    done = _made(folder, name)
    if done:
        os.unlink(os.path.join(os.fsencode(folder), name.encode("utf-8", "surrogateescape")))
    return done


def _meets(folder: str, one: str, other: str) -> bool:
    if not _made(folder, one):
        return False
    met = os.path.lexists(os.path.join(folder, other))
    os.unlink(os.path.join(folder, one))
    return met


def _executable(folder: str) -> bool:
    path = os.path.join(folder, "executable")
    with open(path, "xb"):
        pass
    with suppress(OSError):
        os.chmod(path, 0o600)
        plain = os.stat(path).st_mode & 0o100
        os.chmod(path, 0o700)
        return not plain and bool(os.stat(path).st_mode & 0o100)
    return False
