"""Which parts of a tree are filled by tools: environments by package managers, caches by whatever ran. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .model import Change, Manifest

NAMES = frozenset((".venv", "venv", "node_modules"))
MARK = "/pyvenv.cfg"
CACHES = frozenset((
    "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".cache", ".parcel-cache", ".turbo", ".vite",
    ".hypothesis", ".nyc_output",
))  # fmt: skip
"""Directories that can be deleted at any time and say nothing about the project."""


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


def cache(path: str) -> bool:
    """Whether a path is only a cache, or lies in one."""
    return not CACHES.isdisjoint(path.split("/")) or path.endswith((".pyc", ".pyo"))


def idle(changes: Sequence[Change]) -> bool:
    """Whether what ran between two trees left nothing but caches; the times of directories follow those."""
    return all(
        cache(c.path) or (c.kind == "mtime" and c.new is not None and c.new.kind == "directory") for c in changes
    )
