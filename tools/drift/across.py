"""What differs between two sides that are not the same machine, and which of them moved since both agreed. Pure, but for the record
of what was agreed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import cast

from ..contract import Table
from ..fingerprint import Fingerprint, Installed
from ..moments.say import count, shown
from .compare import ALWAYS
from .model import ORDER, Difference, Fix, Kind, Moved, Severity, step

SEP = "\x1f"
"""Between the parts of an item's name."""
NAMED, ROWS = 4, 40


@dataclass(frozen=True)
class Side:
    """One of the two: what people call it, and how a command reaches it (None: it cannot be reached from here)."""

    name: str
    on: str | None = None
    path: str = ""


@dataclass(frozen=True)
class Item:
    """One comparable fact."""

    kind: Kind
    what: str
    where: str
    value: str
    needed: bool = True
    """Whether the project depends on it."""

    @property
    def key(self) -> str:
        return SEP.join((self.kind, self.what, self.where))


def items(side: Fingerprint) -> dict[str, Item]:
    """What of a fingerprint means the same on every machine: no paths, no hashes with a machine's own key."""
    services = side.project.services if side.project else ()
    needed = {w.name for s in services for w in s.runtimes} | {m.value for s in services for m in s.managers}
    read = {fact.value for s in services for fact in s.variables} | ALWAYS
    found: list[Item] = []
    for packages in side.packages:
        own = packages.where != "system"
        found += [Item("package", name, packages.where, version, own) for name, version in packages.packages.items()]
    found += _programs(side.runtimes, "runtime", needed)
    found += _programs(side.tools, "tool", needed)
    found += [Item("variable", v.name, "", "set", True) for v in side.variables if v.name in read]
    lacking = {m.name for m in (side.project.missing if side.project else ()) if m.kind == "service"}
    wanted = {fact.value for s in services for fact in s.databases}
    found += [Item("service", name, "", "answers") for name in wanted - lacking]
    git = side.project.git if side.project else None
    if git is not None:
        found += [Item("git", "HEAD", "", git.head[:12]), Item("git", "branch", "", git.branch or "detached")]
    if side.facts is not None:
        facts = side.facts
        found += [Item("host", "operating system", "", facts.os), Item("host", "architecture", "", facts.arch)]
        found += [Item("host", "GPUs", "", ", ".join(facts.gpus))] if facts.gpus else []
    return {item.key: item for item in found}


def _programs(programs: Sequence[Installed], kind: Kind, needed: set[str]) -> list[Item]:
    """By name alone: where a program lies is another matter on every machine. All its versions, sorted."""
    versions: dict[str, set[str]] = {}
    for program in programs:
        if program.version and not (program.path and not program.path.startswith(("/", "~"))):
            versions.setdefault(program.name, set()).add(program.version)
    return [Item(kind, name, "", ", ".join(sorted(found)), name in needed) for name, found in versions.items()]


def differ(
    there: Mapping[str, Item], here: Mapping[str, Item], agreed: Mapping[str, str], sides: tuple[Side, Side]
) -> list[Difference]:
    """The differences; `agreed` has the value of each item when both had the same. `sides` are there and here."""
    found: list[Difference] = []
    for key in sorted(there.keys() | here.keys()):
        one, other = there.get(key), here.get(key)
        was, now = one.value if one else "", other.value if other else ""
        item = one or other
        if was == now or item is None:
            continue
        if not (item.needed or (one and other)):
            continue  # a program that one machine has and nobody asked for
        found.append(_difference(item, was, now, moved(was, now, agreed.get(key)), sides))
    return found


def moved(there: str, here: str, agreed: str | None) -> Moved:
    """Who changed since both had `agreed`."""
    if agreed is None:
        return ""
    if here == agreed:
        return "there"
    return "here" if there == agreed else "both"


def _difference(item: Item, was: str, now: str, who: Moved, sides: tuple[Side, Side]) -> Difference:
    change = "added" if not was else "removed" if not now else "version"
    if item.kind == "variable":
        change = "added" if now else "missing"
    call, text = fix(item, was, now, who, sides)
    return Difference(
        kind=item.kind, what=item.what, change=change, was=was, now=now, where=item.where,
        severity=_severity(item, was, now), fix=str(call) if call else text, call=call, side=sides[0].name, moved=who,
    )  # fmt: skip


def _severity(item: Item, was: str, now: str) -> Severity:
    if item.where == "system" or not item.needed:
        return "info"
    if item.kind == "git":
        return "info" if item.what == "HEAD" else "minor"
    if item.kind == "host":
        return "major"
    if not was or not now:
        return "major" if item.kind in ("variable", "service", "runtime") else "breaking" if not now else "info"
    return step(was, now)


def fix(item: Item, was: str, now: str, who: Moved, sides: tuple[Side, Side]) -> tuple[Fix | None, str]:
    """The call for the side that should move: it follows the one that moved; where nobody knows, this side follows.

    What was taken away on one side is brought back there: to remove it on the other one too is for a person to decide.
    """
    there, here = sides
    follows, value = (there, now) if who == "here" else (here, was)
    if not value:
        follows, value = (here, was) if follows is there else (there, now)
    if item.kind in ("git", "host"):
        return None, ""
    if item.kind == "variable":
        return None, f"set {shown(item.what)} {_at(follows)}"
    if follows.on is None:
        return None, f"{shown(follows.name)} should have {shown(item.what)} {shown(value)}".strip()
    args: dict[str, object] = {}
    match item.kind:
        case "package":
            prefix = "apt:" if item.where == "system" else ""
            args["packages"] = [f"{prefix}{item.what}@{value}" if value else f"{prefix}{item.what}"]
        case "runtime":
            args["runtimes"] = [f"{item.what}@{value.split(', ')[-1]}"]
        case "service":
            args["services"] = [item.what]
        case _:
            return None, f"install {shown(item.what)} {shown(value)} {_at(follows)}"
    if follows.on != "local":
        args["on"] = follows.on
    if follows.path:
        args["path"] = follows.path
    return Fix.model_validate({"tool": "provision", "args": args}), ""


def _at(side: Side) -> str:
    return "here" if side.on == "local" else f"on {shown(side.name)}"


# -- What was agreed --------------------------------------------------------------------------------------------------


class Agreed:
    """The values that both sides of a pair had when they last had the same, by item; one small file per pair.

    Only ever adds to what is known: lost, each difference is still told, without saying who moved.
    """

    def __init__(self, state: Path, pair: Sequence[str]) -> None:
        name = blake2b("\0".join(pair).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        self._file = state / "agreed" / f"{name}.json"

    def load(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            content = json.loads(self._file.read_bytes())
            pairs = cast("dict[object, object]", content) if isinstance(content, dict) else {}
            return {key: value for key, value in pairs.items() if isinstance(key, str) and isinstance(value, str)}
        return {}

    def save(self, there: Mapping[str, str], here: Mapping[str, str]) -> None:
        """Note what both have in common now; what neither has any more is forgotten."""
        known = self.load()
        common = {key: value for key, value in here.items() if there.get(key) == value}
        kept = {key: value for key, value in known.items() if key in there or key in here}
        fresh = {**kept, **common}
        if fresh == known:
            return
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = self._file.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_text(json.dumps(fresh), encoding="utf-8")
            os.replace(temporary, self._file)


# -- Words ------------------------------------------------------------------------------------------------------------


def sentence(differences: Sequence[Difference], sides: tuple[Side, Side]) -> str:
    """`numpy 1.26.4 on dev@box, 2.3.1 here (moved here) and 3 more differ`; empty without differences."""
    if not differences:
        return ""
    ranked = sorted(differences, key=lambda d: (ORDER.index(d.severity), d.kind, d.what))
    parts = [_told(d, sides) for d in ranked[:NAMED]]
    left = len(ranked) - len(parts)
    return "; ".join(parts) + (f"; {count(left, 'difference')} more" if left else "")


def _told(d: Difference, sides: tuple[Side, Side]) -> str:
    there = f"{shown(d.was) or 'not'} {_at(sides[0])}"
    here = f"{shown(d.now) or 'not'} here"
    return f"{shown(d.what)}: {there}, {here}{_who(d, sides[0])}"


def _who(d: Difference, there: Side) -> str:
    who = {"here": "here", "there": shown(there.name), "both": "both sides"}.get(d.moved)
    return f" ({who} moved)" if who else ""


def table(differences: Sequence[Difference]) -> list[Table]:
    """The worst first; a long list is cut, and says so."""
    if not differences:
        return []
    several = len({d.side for d in differences}) > 1
    rows = [
        (
            d.severity,
            d.kind,
            shown(d.what) + (f" ({shown(d.where)})" if d.where else ""),
            (f"{shown(d.side)}: " if several else "") + (shown(d.was) or "-"),
            shown(d.now) or "-",
            {"there": shown(d.side)}.get(d.moved, d.moved),
            d.fix,
        )
        for d in sorted(differences, key=lambda d: (ORDER.index(d.severity), d.kind, d.what, d.side))
    ]
    there = "there" if several else shown(differences[0].side)
    title = f"the worst {ROWS} of {len(rows):,}; all of them with --json" if len(rows) > ROWS else ""
    return [Table(("severity", "kind", "what", there, "here", "moved", "fix"), rows[:ROWS], title)]
