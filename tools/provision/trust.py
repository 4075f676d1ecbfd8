"""How far a name can be trusted: who named it, whether its index has it, and what it looks too much like."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass
from itertools import pairwise

from ..contract import Context
from ..errors import Usage
from .index import Entry, npm, pypi
from .names import Named, normal, shown
from .popular import NODE, PYTHON, SAID

Lookup = Callable[[Context, str], Awaitable[Entry | None]]

_KNOWN = {"python": PYTHON, "node": NODE}
_COMMAND = {"python": "pip", "node": "npm"}


@dataclass(frozen=True)
class Verdict:
    """`reason` is why the package needs a person's eye (R3), empty when nothing speaks against it."""

    detail: str
    reason: str
    entry: Entry


async def judge(named: Named, ecosystem: str, declared: Set[str], context: Context) -> Verdict:
    """Look `named` up. `declared` are the names that the project's own files have.

    Raises Usage when the index has no such package: a name that does not exist was mistyped or invented, and whoever
    registers it tomorrow decides what would be installed.
    """
    lookup: Lookup = pypi if ecosystem == "python" else npm
    name = normal(named.name) if ecosystem == "python" else named.name
    known = _KNOWN[ecosystem] | declared
    entry = await lookup(context, name)
    if entry is None:
        near = nearest(name, known, slips=2)
        raise Usage(
            f"the package index has no {shown(name)}",
            (f"Did you mean {near}? " if near else "Check the name. ")
            + "Nothing was installed: a name that does not exist can be registered by anybody.",
            near=near,
        )
    reasons: list[str] = []
    if name not in declared and name not in _KNOWN[ecosystem]:
        near = nearest(name, known) or await _imitated(name, lookup, context)
        if near:
            reasons.append(f"{name} looks like {near}, which is another package")
    if name not in declared and not by_person(named, context):
        reasons.append(f"neither you nor a file of this project named {name}")
    about = [f"“{entry.summary}”" if entry.summary else "no summary"]
    if entry.first:
        about.append(f"first released {entry.first}")
    if entry.releases:
        about.append(f"{entry.releases} releases" if entry.releases > 1 else "1 release")
    return Verdict(f"{_COMMAND[ecosystem]}: {name}: {', '.join(about)}", "; ".join(reasons), entry)


def by_person(named: Named, context: Context) -> bool:
    """Whether the user's own words have this name; a typed command's arguments are the user's words."""
    if context.origin == "person":
        return True
    words = [normal(word.strip(".,;:!?()'\"`").partition("==")[0]) for word in context.words.split()]
    said = {*words, *(f"{first}-{second}" for first, second in pairwise(words))}
    said |= {word.rpartition("@")[0] for word in words if "@" in word[1:]}
    said |= {word.removesuffix("-js") for word in words}
    said |= {SAID[word] for word in words if word in SAID}
    return normal(named.bare) in said


def nearest(name: str, known: Set[str], slips: int = 1) -> str:
    """The well-known name that `name` is most likely a slip or an imitation of; empty when there is none.

    Swapping two neighbours is one slip. Two slips are too many for a warning: `pytest-env` is no `pytest-cov`.
    """
    if name in known:
        return ""
    for form in _stripped(name):
        if form in known:
            return form
    if len(name) < 4:
        return ""
    from rapidfuzz import process  # here, since most plans name nothing that needs it
    from rapidfuzz.distance import OSA

    found = process.extractOne(name, sorted(known), scorer=OSA.distance, score_cutoff=slips if len(name) > 5 else 1)
    return str(found[0]) if found and len(found[0]) >= 4 else ""


def _stripped(name: str) -> list[str]:
    """What an imitation adds: a digit at the end, `python-` before, `-js` behind, other separators."""
    forms = [re.sub(r"[-_]?\d+$", "", name)]
    forms += [
        re.sub(r"^(python|py|node|js|lib)-?|-?(python|py|js|lib|dev|official)$", "", form) for form in (name, forms[0])
    ]
    forms += [form.replace("-", "").replace("_", "") for form in (name, forms[0])]
    forms += [f"{name}-js", f"{name}js"]
    return [form for form in dict.fromkeys(forms) if form and form != name]


async def _imitated(name: str, lookup: Lookup, context: Context) -> str:
    """For `tau2`: whether a package `tau` exists."""
    shorter = re.sub(r"[-_]?\d+$", "", name)
    if len(shorter) < 3 or shorter == name:
        return ""
    return shorter if await lookup(context, shorter) is not None else ""
