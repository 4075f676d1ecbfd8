"""When to stop and let a person look, instead of carrying out a plan that is probably somebody's accident."""

from __future__ import annotations

from collections.abc import Sequence

from ..trees.model import Change, Facts
from .model import Halt, Mode, Past, Reconciled, View
from .names import folds

PERCENT = 50.0
"""More than this part of what was synchronised would be deleted …"""
LEAST = 20
"""… and at least so many paths."""
WORDS = ("the first side", "the second side")


def halts(
    past: Past | None,
    alpha: View,
    beta: View,
    plan: Reconciled,
    mode: Mode = Mode.TWO_WAY,
    percent: float | None = None,
    *,
    least: int = LEAST,
    names: tuple[str, str] = WORDS,
) -> list[Halt]:
    """Every reason not to carry out the plan now, the weightiest first; empty when there is none.

    `past` is what was agreed last time (None before the first time), `percent` the part of it (0 to 100, None for the
    default) that may be deleted at once, `names` are how messages call the sides. What a person has accepted is the caller's to leave out:
    the `code` of a halt is stable.
    """
    limit = PERCENT if percent is None else percent
    found: list[Halt] = []
    for side, (view, name) in enumerate(zip((alpha, beta), names, strict=True)):
        before = None if past is None else (past.alpha, past.beta)[side]
        found += _root(view.facts, before, name)
    if found:
        return found
    total = len(past.ancestor) if past is not None else 0
    for view, changes, name, other in (
        (beta, plan.to_alpha, names[0], names[1]),
        (alpha, plan.to_beta, names[1], names[0]),
    ):
        gone = deletions(changes)
        # In one-way modes nothing comes back from the destination, so that its being empty means nothing.
        if total and gone and not view.tree and (mode is Mode.TWO_WAY or view is alpha):
            found.append(
                Halt(
                    "emptied",
                    f"{other} is empty, though {total:,} paths were synchronised; all {gone:,} would be deleted on {name}",
                    "If a disk is not mounted there, mount it. If everything is meant to go, go on with "
                    "--accept emptied; to fill it again from the other side, end this sync and begin a new one.",
                )
            )
        elif total and gone >= least and gone * 100 > limit * total:
            found.append(
                Halt(
                    "deletions",
                    f"{gone:,} of {total:,} synchronised paths would be deleted on {name}",
                    f"If that is meant, go on with --accept deletions; else put the files on {other} back first.",
                )
            )
    if past is not None:
        found += _names(alpha.facts, past.alpha, names[0]) + _names(beta.facts, past.beta, names[1])
    return found


def deletions(changes: Sequence[Change]) -> int:
    """How many paths would be gone; what is only moved is not."""
    moved = {change.source for change in changes if change.source}
    return sum([change.new is None and change.path not in moved for change in changes])


def _root(now: Facts, before: Facts | None, name: str) -> list[Halt]:
    if now.kind == "missing":
        return [
            Halt(
                "missing",
                f"the directory of {name} is gone: {now.root}",
                "If a disk is not mounted there, mount it. To make the directory anew from the other side, make it "
                "empty, end this sync and begin a new one.",
            )
        ]
    if now.kind != "directory":
        what = "cannot be looked into" if now.kind == "unread" else f"is no directory but a {now.kind}"
        return [Halt("kind", f"what {name} names {what}: {now.root}", "Put the directory back, or name another one.")]
    if before is None or before.kind != "directory":
        return []
    if now.device != before.device and now.inode != before.inode:
        return [
            Halt(
                "device",
                f"the directory of {name} lies on another disk than before: {now.root}",
                "If the right disk is not mounted, mount it. If the directory was moved or copied on purpose, go on with "
                "--accept device.",
            )
        ]
    return []


def _names(now: Facts, before: Facts, name: str) -> list[Halt]:
    if (folds(now), now.folds_case, now.unicode) == (folds(before), before.folds_case, before.unicode):
        return []
    return [
        Halt(
            "names",
            f"on {name} other names mean the same file than before (capitals or accents)",
            "It probably is another disk. If that is meant, go on with --accept names.",
        )
    ]
