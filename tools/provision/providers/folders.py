"""Looks at folders that packages go into, next to the files; the standard library alone."""

from __future__ import annotations

import os


def links(root: str, parts: list[str]) -> str:
    """The first of `root/a`, `root/a/b`, … that is no real directory, when there is one; empty otherwise."""
    path = root
    for part in parts:
        path = os.path.join(path, part)
        if os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path)):
            return path
    return ""


def filled(folder: str, names: list[str]) -> list[str]:
    """Those of `folder/NAME` that are folders with something in them."""
    paths = ((name, os.path.join(folder, name)) for name in names)
    return [name for name, path in paths if os.path.isdir(path) and os.listdir(path)]
