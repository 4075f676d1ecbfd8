"""Where a side keeps what is private to it: on the file system of its root, if that is possible."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from secrets import token_hex

from ..errors import Failed
from .model import OWN


def find_private(root: str, id: str, wanted: str = "") -> tuple[str, bool]:
    """The directory for what is private to the side `id`, made now, and whether files can be renamed from there to the
    root. Tried in turn: `wanted`, the user's state directory, beside the root, inside it (where scans skip it)."""
    real = os.path.realpath(root)
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    name = f"{OWN}{id}"
    tried = [wanted] if wanted else []
    tried += [os.path.join(state, "envsync", "trees", id), os.path.join(os.path.dirname(real), name)]
    if os.path.isdir(real):
        tried.append(os.path.join(real, name))
    first = ""
    for place in tried:
        if not make_private(place):
            continue
        if not os.path.isdir(real):
            return place, False
        if _near(place, real):
            return place, True
        first = first or place
        with suppress(OSError):
            if place != first:
                os.removedirs(place)
    if first:
        return first, False
    raise Failed(f"there is no place for private files near {root}", "Give yourself the right to write there.")


def make_private(place: str) -> bool:
    """Make the directory with its parts; False where that cannot be, or where it is somebody else's."""
    if not place:
        return False
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        info = os.lstat(place)
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
            return False
        if info.st_mode & 0o077:
            os.chmod(place, 0o700)
        for part in ("staged", "partial", "kept", "work"):
            with suppress(FileExistsError):
                os.mkdir(os.path.join(place, part), 0o700)
        with open(os.path.join(place, "probe"), "wb"):
            return True
    except OSError:
        return False


def _near(place: str, real: str) -> bool:
    """Whether a rename works: one device number may still mean two mounts."""
    try:
        if os.stat(place).st_dev != os.stat(real).st_dev:
            return False
        one, other = os.path.join(place, "work", token_hex(8)), os.path.join(real, f"{OWN}{token_hex(8)}")
        with open(one, "xb"):
            pass
        try:
            os.rename(one, other)
            os.unlink(other)
        except OSError:
            os.unlink(one)
            # Where nothing can be written at all it makes no difference, and a read-only side must still be readable.
            return not os.access(real, os.W_OK)
        return True
    except OSError:
        return False
