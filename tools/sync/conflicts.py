"""Settling conflicts: rules in, a plan out; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ..trees.ignore import Rules
from ..trees.model import Change, Entry, entries_of, parents
from .model import Choice, Conflict, Merge, Mode, Reconciled, Resolved, Rule, View
from .reconcile import reconcile

TEXT = 4 << 20
"""Bytes of a file that is still merged by lines."""


def resolve(
    conflicts: Sequence[Conflict],
    rules: Sequence[Rule],
    alpha: View,
    beta: View,
    *,
    names: tuple[str, str] = ("alpha", "beta"),
    at: datetime,
    skew: float = 0.0,
    links: str = "portable",
) -> Resolved:
    """The plan that settles those conflicts that a rule fits, from the very views that the conflicts came from.

    `names` are the hosts' (for `NAME.conflict-HOST-TIME`), `at` the time in those names, `skew` the seconds that beta's
    clock is ahead of alpha's. After `Choice.BOTH` reconcile once more: it then copies both to where they are not yet.
    """
    found = Resolved()
    for conflict in conflicts:
        choice = choose(conflict.path, rules)
        one, other = conflict.alpha, conflict.beta
        if choice is Choice.NEWEST:
            choice = _newest(one, other, skew)
        if choice in (Choice.ALPHA, Choice.BETA):
            # Above a conflict both sides have directories; said so, nothing beside it is looked at.
            above = {path: alpha.tree[path] for path in parents(conflict.path)}
            if choice is Choice.ALPHA:
                _add(found.plan, reconcile(above, alpha, beta, Mode.MIRROR, [conflict.path], links=links))
            else:
                _add(found.plan, _swapped(reconcile(above, beta, alpha, Mode.MIRROR, [conflict.path], links=links)))
        elif choice is Choice.BOTH and one is not None and other is not None and "unit" not in (one.kind, other.kind):
            _both(found.plan, conflict, one, other, alpha, beta, names, at)
        elif choice is Choice.MERGE and _mergeable(conflict):
            if conflict.ancestor is not None and one is not None and other is not None:
                found.merges.append(Merge(conflict.path, conflict.ancestor, one, other))
        else:
            found.left.append(conflict)
    return found


def choose(path: str, rules: Sequence[Rule]) -> Choice | None:
    """What the rules say of a path: the last one that fits it, or a directory above it."""
    for rule in reversed(rules):
        if not rule.under or rule.under == "." or _fits(path, rule.under):
            return rule.choice
    return None


def copy_name(path: str, host: str, at: datetime, taken: Mapping[str, Entry]) -> str:
    """`NAME.conflict-HOST-TIME`, with a number behind it when that is taken."""
    safe = "".join([sign if sign.isalnum() or sign in ".-_" else "-" for sign in host])[:40] or "other"
    folder, slash, name = path.rpartition("/")
    tail = f".conflict-{safe}-{at:%Y%m%d-%H%M%S}"
    while len((name + tail).encode("utf-8", "surrogateescape")) > 240:
        name = name[:-1]
    wanted, number = f"{folder}{slash}{name}{tail}", 1
    while wanted in taken:
        number += 1
        wanted = f"{folder}{slash}{name}{tail}-{number}"
    return wanted


def _fits(path: str, under: str) -> bool:
    rules = Rules("", [under.rstrip("/") or "/"])
    parts = path.split("/")
    for end in range(1, len(parts) + 1):
        part = "/".join(parts[:end])
        if rules.says(part, parts[end - 1]) or rules.says(part + "/", parts[end - 1]):
            return True
    return False


def _newest(one: Entry | None, other: Entry | None, skew: float) -> Choice | None:
    """By mtime; of directories and units it means nothing, and equal times say nothing."""
    if one is None or other is None or {one.kind, other.kind} - {"file", "link"}:
        return None
    ahead = one.mtime_ns - (other.mtime_ns - round(skew * 1e9))
    if ahead == 0:
        return None
    return Choice.ALPHA if ahead > 0 else Choice.BETA


def _mergeable(conflict: Conflict) -> bool:
    entries = (conflict.ancestor, conflict.alpha, conflict.beta)
    return all(entry is not None and entry.kind == "file" and entry.size <= TEXT for entry in entries)


def _both(
    plan: Reconciled,
    conflict: Conflict,
    one: Entry,
    other: Entry,
    alpha: View,
    beta: View,
    names: tuple[str, str],
    at: datetime,
) -> None:
    """Rename beta's, or alpha's where beta's is a directory: the next round copies each to where it is not yet."""
    first = other.kind == "directory"
    side, entry, host = (alpha, one, names[0]) if first else (beta, other, names[1])
    new = copy_name(conflict.path, host, at, {**alpha.tree, **beta.tree})
    changes = plan.to_alpha if first else plan.to_beta
    source = conflict.path if entry.kind == "file" else ""
    # What was agreed here is void: else the name that is free now would read as a deletion of what the other side has.
    for tree in (alpha.tree, beta.tree):
        plan.ancestor.update(dict.fromkeys([conflict.path, *entries_of(tree, conflict.path)]))
    changes.append(Change(conflict.path, side.tree.get(conflict.path), None))
    changes.append(Change(new, None, entry, source))


def _swapped(plan: Reconciled) -> Reconciled:
    plan.to_alpha, plan.to_beta = plan.to_beta, plan.to_alpha
    return plan


def _add(plan: Reconciled, more: Reconciled) -> None:
    plan.to_alpha += more.to_alpha
    plan.to_beta += more.to_beta
    plan.ancestor.update(more.ancestor)
    plan.conflicts += more.conflicts
    plan.notices += more.notices
