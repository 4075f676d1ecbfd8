"""What a rewind does about packages: those in the tree come with it, those of the system need steps. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pydantic import JsonValue

from ..fingerprint import Fingerprint
from ..journal import Record
from ..moments.say import shown
from ..plan import Step

SYSTEM = ("apt", "apt-get", "aptitude", "dpkg")


def versions(fingerprint: Fingerprint | None) -> dict[tuple[str, str], dict[str, str]]:
    """Version by name, by (manager, where)."""
    return {(s.manager, s.where): s.packages for s in fingerprint.packages} if fingerprint else {}


def changes(now: Fingerprint | None, then: Fingerprint | None, system: bool = False) -> list[str]:
    """`numpy 2.3.1 → 1.26.4 (.venv)` for each package that differs, sorted; of the system only when asked."""
    if now is None or then is None:
        return []
    here, there = versions(now), versions(then)
    lines: list[str] = []
    for key in sorted(here.keys() | there.keys()):
        if (key[1] == "system") != system:
            continue
        old, new = here.get(key, {}), there.get(key, {})
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                lines.append(
                    f"{shown(name)} {shown(old.get(name, 'none'))} → {shown(new.get(name, 'none'))} ({key[1]})"
                )
    return lines


def touched(records: Iterable[Record]) -> set[str]:
    """Names of the system packages that these transactions changed."""
    return steps_names([one for record in records for step in record.plan.steps for one in (step, *step.inverse)])


def steps_names(steps: Iterable[Step]) -> set[str]:
    """Names of the system packages that these steps install or remove."""
    names: set[str] = set()
    for step in steps:
        if step.kind == "apt":
            names |= _names(step.args.get("install")) | _names(step.args.get("remove"))
    return names


def by_command(record: Record) -> bool:
    """Whether a transaction ran a package manager of the system by hand."""
    for step in record.plan.steps:
        argv = step.args.get("argv") if record.plan.tool == "run" else None
        words = [str(word).rpartition("/")[2] for word in argv[:3]] if isinstance(argv, list) else []
        if any(word in SYSTEM for word in words):
            return True
    return False


def differing(one: Fingerprint | None, other: Fingerprint | None) -> set[str]:
    """Names of the system packages that differ; none when a side does not know its packages."""
    here, there = versions(one).get(("apt", "system")), versions(other).get(("apt", "system"))
    if here is None or there is None:
        return set()
    return {name for name in here.keys() | there.keys() if here.get(name) != there.get(name)}


def apt_step(now: Fingerprint, then: Fingerprint, only: Collection[str]) -> Step | None:
    """The step that brings these system packages back to what they were `then`; None when none of them differs."""
    names = differing(now, then) & set(only)
    if not names:
        return None
    here, there = versions(now)["apt", "system"], versions(then)["apt", "system"]
    back, again = _moves(here, there, names), _moves(there, here, names)
    listed = [f"{n} {here.get(n, 'none')} → {there.get(n, 'none')}" for n in sorted(names)]
    what = ", ".join(shown(line) for line in listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
    inverse = Step(kind="apt", does="take the system's packages forward again", args=again)
    return Step(kind="apt", does=f"system packages: {what}", args=back, inverse=(inverse,))


def _moves(old: dict[str, str], new: dict[str, str], names: Collection[str]) -> dict[str, JsonValue]:
    install: dict[str, JsonValue] = {name: new[name] for name in sorted(names) if name in new}
    remove: list[JsonValue] = [name for name in sorted(names) if name not in new]
    return {"install": install, "remove": remove}


def _names(value: JsonValue) -> set[str]:
    match value:
        case dict():
            return set(value)
        case list():
            return {str(item).partition("=")[0] for item in value}
        case _:
            return set()
