"""What differs in the equipment of one machine at two moments. Pure. Only what both sides could find out is compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..equipment import Equipment, Graphics, Kept
from .model import Difference, Kind, Severity

WHOLE = frozenset(("apt",))
"""Managers whose packages are compared one by one already, those that came along too."""


def compare(old: Equipment | None, new: Equipment | None) -> list[Difference]:
    """Packages outside of projects, extensions, aliases and functions, and whether the graphics processors can be used."""
    if old is None or new is None:
        return []
    found: list[Difference] = []
    if _both(old, new, "packages"):
        found += _packages(old.packages, new.packages)
    if _both(old, new, "editors"):
        before, after = ({e.name: e.extensions for e in side.editors} for side in (old, new))
        for editor in sorted(before.keys() | after.keys()):
            found += _versions("extension", editor, before.get(editor, {}), after.get(editor, {}))
    if _both(old, new, "shells"):
        found += _definitions(old, new)
    if _both(old, new, "graphics"):
        found += _graphics(old.graphics, new.graphics)
    return found


def _both(old: Equipment, new: Equipment, probe: str) -> bool:
    """Whether both sides know the same part of it: a probe that ran out of time says nothing about drift."""
    one, other = ({(u.probe, u.why) for u in side.unfinished if u.probe == probe} for side in (old, new))
    return one == other


def _packages(old: Iterable[Kept], new: Iterable[Kept]) -> Iterator[Difference]:
    before, after = ({(k.manager, k.where): k.packages for k in side if k.manager not in WHOLE} for side in (old, new))
    for manager, where in sorted(before.keys() | after.keys()):
        label = manager if where in ("user", "system") else f"{manager} in {where}"
        # No `package`, which means one of the project's environments, and is brought back by rewinding that.
        yield from _versions("tool", label, before.get((manager, where), {}), after.get((manager, where), {}))


def _versions(kind: Kind, where: str, before: dict[str, str], after: dict[str, str]) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        change = "added" if was is None else "removed" if now is None else "version"
        severity: Severity = "minor" if now is None else "info"
        yield Difference(
            kind=kind, what=name, change=change, was=was or "", now=now or "", where=where, severity=severity
        )


def _definitions(old: Equipment, new: Equipment) -> Iterator[Difference]:
    before, after = ({(d.shell, d.kind, d.name): d.digest for d in side.definitions} for side in (old, new))
    for shell, kind, name in sorted(before.keys() | after.keys()):
        was, now = before.get((shell, kind, name)), after.get((shell, kind, name))
        if was == now:
            continue
        change = "added" if was is None else "removed" if now is None else "edited"
        yield Difference(kind="alias", what=name, change=change, where=f"{kind} of {shell}", severity="info")


def _graphics(old: Iterable[Graphics], new: Iterable[Graphics]) -> Iterator[Difference]:
    """Cards that came or went are told by the host's facts; here is whether they can still be used."""
    after = {(card.name, number): card for number, card in enumerate(new)}
    for number, card in enumerate(old):
        now = after.get((card.name, number))
        if now is None or (card.platform, card.version, card.driver) == (now.platform, now.version, now.driver):
            continue
        severity: Severity = "major" if card.platform and not now.platform else "info"
        yield Difference(
            kind="host", what=card.name, change="version", was=_use(card), now=_use(now), severity=severity
        )


def _use(card: Graphics) -> str:
    usable = f"{card.platform} {card.version}".strip() if card.platform else "not usable"
    return f"{usable}, driver {card.driver}" if card.driver else usable
