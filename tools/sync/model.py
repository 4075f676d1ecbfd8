"""What the pure core of sync speaks of: views of both sides, the plan, conflicts, halts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import NamedTuple
from unicodedata import normalize

from ..trees.model import Change, Entry, Facts, Notice, Scan, Tree
from .names import composed


class Mode(Enum):
    """Which way changes go. Of the one-way modes the alpha side is the source."""

    TWO_WAY = "two-way"
    """Nothing unsynced is ever overwritten; conflicts stop that path and are listed."""
    ONE_WAY = "one-way"
    """`push` and `pull`: extra files and local edits of the destination are left alone and listed."""
    MIRROR = "mirror"
    """The destination becomes an exact copy; only ignored content stays."""


@dataclass(frozen=True)
class View:
    """One side, as reconciling sees it."""

    tree: Mapping[str, Entry]
    ignored: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    facts: Facts = field(default_factory=lambda: Facts("directory"))

    @staticmethod
    def of(scan: Scan, facts: Facts) -> View:
        """From a whole scan. Names are as everybody else writes them, also of a side that stores them decomposed."""
        if facts.unicode != "decomposes":
            return View(scan.tree, scan.ignored, scan.busy, scan.notices, facts)
        nfc = partial(normalize, "NFC")
        notices = tuple([Notice(nfc(notice.path), notice.text) for notice in scan.notices])
        return View(composed(scan.tree), tuple(map(nfc, scan.ignored)), tuple(map(nfc, scan.busy)), notices, facts)


class Conflict(NamedTuple):
    """A path (and all below it) that is left alone until somebody decides."""

    path: str
    why: str
    ancestor: Entry | None
    alpha: Entry | None
    beta: Entry | None


@dataclass
class Reconciled:
    """What is to be done. Changes are in an order in which they can be made; an ancestor change of a path holds once
    its change on a side (if there is one) is done."""

    to_alpha: list[Change] = field(default_factory=list[Change])
    to_beta: list[Change] = field(default_factory=list[Change])
    ancestor: dict[str, Entry | None] = field(default_factory=dict[str, "Entry | None"])
    """What both sides will have in common at a path; None: nothing any more."""
    conflicts: list[Conflict] = field(default_factory=list[Conflict])
    notices: list[Notice] = field(default_factory=list[Notice])
    waiting: list[str] = field(default_factory=list[str])
    """Units that are being changed right now: look again soon."""

    @property
    def quiet(self) -> bool:
        """Whether neither side needs a change."""
        return not self.to_alpha and not self.to_beta


@dataclass
class Resolved:
    """What settles conflicts."""

    plan: Reconciled = field(default_factory=Reconciled)
    merges: list[Merge] = field(default_factory=list["Merge"])
    left: list[Conflict] = field(default_factory=list[Conflict])
    """No rule fits, or the rule does not tell."""


class Halt(NamedTuple):
    """Why nothing may be done before a person has looked."""

    code: str
    what: str
    hint: str


class Past(NamedTuple):
    """What was agreed upon last time."""

    ancestor: Tree
    alpha: Facts
    beta: Facts


class Choice(Enum):
    """How a conflict is settled."""

    ALPHA = "alpha"
    BETA = "beta"
    NEWEST = "newest"
    """By mtime, corrected by the difference of the clocks; left a conflict where that does not tell."""
    BOTH = "both"
    """Alpha's stays, beta's becomes `NAME.conflict-HOST-TIME` on both sides."""
    MERGE = "merge"
    """Three-way, by lines, from the ancestor's content."""


class Rule(NamedTuple):
    """Which choice for which paths: `under` as in `.gitignore`; the last rule that fits decides."""

    choice: Choice
    under: str = ""
    """Empty: everywhere."""


class Merge(NamedTuple):
    """Text that both sides changed and that is to be merged from contents; done by whoever can read them."""

    path: str
    ancestor: Entry
    alpha: Entry
    beta: Entry
