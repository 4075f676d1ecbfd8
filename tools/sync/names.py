"""Names that mean the same, or cannot be, on another file system."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from ..trees.model import Entry, Facts, Tree


def folded(path: str, facts: Facts) -> str:
    """What all names of one file have in common on such a file system."""
    if facts.unicode != "exact":
        path = unicodedata.normalize("NFC", path)
    return path.casefold() if facts.folds_case else path


def folds(facts: Facts) -> bool:
    """Whether two names may mean one file there."""
    return facts.folds_case or facts.unicode != "exact"


def composed(tree: Mapping[str, Entry]) -> Tree:
    """A tree of a side that stores names decomposed, as everybody else writes them."""
    return {unicodedata.normalize("NFC", path): entry for path, entry in tree.items()}


def unfit(path: str, facts: Facts) -> str:
    """Why a file of that name cannot be there; empty when it can."""
    name = path.rpartition("/")[2]
    wrong = [sign for sign in facts.forbidden if sign in name]
    if wrong:
        return f"no name may have {wrong[0]!r} in it there"
    try:
        length = len(name.encode("utf-8", "strict" if facts.utf8 else "surrogateescape"))
    except UnicodeEncodeError:
        return "names must be UTF-8 there"
    if length > facts.longest:
        return f"no name may have more than {facts.longest} bytes there"
    return ""


def portable(path: str, target: str) -> bool:
    """Whether a link at `path` means the same wherever the tree is: it is relative and leads to something inside."""
    if not target or target.startswith("/"):
        return False
    depth = path.count("/")
    for part in target.split("/"):
        if part == "..":
            depth -= 1
            if depth < 0:
                return False
        elif part not in ("", "."):
            depth += 1
    return True
