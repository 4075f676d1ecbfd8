"""Which directories of a tree are filled by package managers. Pure."""

from __future__ import annotations

from collections.abc import Collection

from .model import Manifest

NAMES = frozenset((".venv", "venv", "node_modules"))
MARK = "/pyvenv.cfg"


def environments(*sides: Manifest) -> frozenset[str]:
    """Python's environments of any name, by the file that makes them one."""
    return frozenset(e.path.removesuffix(MARK) for side in sides for e in side.entries if e.path.endswith(MARK))


def place(path: str, roots: Collection[str], names: Collection[str] = NAMES) -> str:
    """The outermost directory above `path`, or itself, that is one of `roots` or is called one of `names`; else nothing."""
    parts = path.split("/")
    for index, part in enumerate(parts):
        if part in names:
            return "/".join(parts[: index + 1])
    for root in roots:
        if path == root or path.startswith(f"{root}/"):
            return root
    return ""
