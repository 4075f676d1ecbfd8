"""The differences as one sentence and as a table. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..contract import Table
from ..moments.say import count, shown
from .model import ORDER, Difference

NAMED = 3
"""Packages, programs and dotfiles named in the sentence; further ones are counted."""
ROWS = 40
PLACED = ("package", "extension", "alias")
"""Kinds whose place is told with them."""
VERB = {
    "edited": "edited",
    "removed": "removed",
    "added": "added",
    "mode": "with another mode",
    "type": "of another type",
}


def sentence(differences: Sequence[Difference]) -> str:
    """`werkzeug 2.2.3 → 3.1.3 (major) and 2 files edited`; empty without differences."""
    parts: list[str] = []
    for kind, noun in (
        ("package", "package"),
        ("runtime", "runtime"),
        ("tool", "tool"),
        ("service", "service"),
        ("extension", "extension"),
    ):
        of_kind = sorted((d for d in differences if d.kind == kind), key=_rank)
        own = [d for d in of_kind if d.where != "system"] or of_kind
        parts += [_version(d) for d in own[:NAMED]]
        if len(of_kind) > len(own[:NAMED]):
            parts.append(f"{count(len(of_kind) - len(own[:NAMED]), f'more {noun}' if own else noun)}")
    files = [d for d in differences if d.kind == "file"]
    if 0 < len(files) <= 2:
        parts += [f"{shown(d.what)} {VERB[d.change]}" for d in files]
    else:
        numbers = Counter(d.change for d in files)
        parts += [f"{count(numbers[change], 'file')} {verb}" for change, verb in VERB.items() if numbers[change]]
    for kind, noun in (("dotfile", "dotfile"), ("variable", "variable"), ("alias", "definition")):
        of_kind = [d for d in differences if d.kind == kind]
        parts += [f"{shown(d.what)} {_how(d)}" for d in of_kind[:NAMED]]
        if len(of_kind) > NAMED:
            parts.append(count(len(of_kind) - NAMED, f"more {noun}"))
    parts += [_version(d) for d in differences if d.kind in ("git", "host")]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def table(differences: Sequence[Difference]) -> list[Table]:
    """The worst first; a long list is cut, and says so."""
    if not differences:
        return []
    rows = [
        (
            d.severity,
            d.kind,
            shown(d.what) + (f" ({d.where})" if d.where not in ("", d.what) and d.kind in PLACED else ""),
            _change(d),
            d.fix,
        )
        for d in sorted(differences, key=_rank)
    ]
    title = f"the worst {ROWS} of {len(rows):,}; all of them with --json" if len(rows) > ROWS else ""
    return [Table(("severity", "kind", "what", "change", "fix"), rows[:ROWS], title)]


def _rank(difference: Difference) -> tuple[int, str, str]:
    return ORDER.index(difference.severity), difference.kind, difference.what


def _version(d: Difference) -> str:
    name = shown(d.what)
    if d.kind == "git":
        return f"git {name} {shown(d.was)} → {shown(d.now)}" if d.was or d.now else f"git {name} {d.change}"
    if d.kind == "package" and d.what == d.where:
        return f"{name} ({shown(d.was or d.now)}) {d.change}"
    match d.change:
        case "removed":
            return f"{name} {shown(d.was)} removed".replace("  ", " ")
        case "added":
            return f"{name} {shown(d.now)} added".replace("  ", " ")
        case "missing":
            return f"{name} {shown(d.was)}".strip() + " missing"
        case "version" if d.was[:1] in "<>=~^!*":
            return f"{name} is {shown(d.now)} instead of {shown(d.was) or 'what is wanted'}"
        case _:
            return f"{name} {shown(d.was) or '?'} → {shown(d.now) or '?'}" + (
                f" ({d.severity})" if d.severity != "info" else ""
            )


def _change(d: Difference) -> str:
    if d.kind == "file" and d.change in ("added", "removed", "edited"):
        return f"{d.change} ({shown(d.now)})" if " " in d.now and not d.now.startswith("link") else d.change
    told = f"{shown(d.was) or '-'} → {shown(d.now) or '-'}" if d.was or d.now else ""
    return f"{d.change} {told}".strip()


def _how(d: Difference) -> str:
    return {"value": "has another value", "added": "added", "missing": "not set"}.get(d.change, d.change)
