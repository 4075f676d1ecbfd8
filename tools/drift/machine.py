"""What differs on a machine that was recorded as a whole: the project's files one by one, all else by place."""

from __future__ import annotations

from ..contract import Context
from ..errors import Failed
from ..hosts.base import Freezes, Frozen, Touched
from ..moments.say import count, shown
from ..store.environments import cache, place
from ..store.model import Snapshot
from .model import Difference, Severity

SAID: dict[str, tuple[str, Severity]] = {
    "added": ("added", "info"),
    "deleted": ("removed", "major"),
    "changed": ("edited", "minor"),
}
VOLATILE = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/var/log", "/var/cache", "/var/run")  # noqa: S108
"""What changes by itself."""
PLACES = 12


async def machine(snapshot: Snapshot, context: Context) -> tuple[list[Difference], list[str]]:
    """The differences below the project's directory, and the other places that differ. Raises Failed."""
    host, whole = context.host, snapshot.frozen
    if whole is None or not isinstance(host, Freezes):
        raise Failed(
            f"snapshot {snapshot.id} is of a whole machine, and {host.name} is none that can be compared with it",
            "Was the machine replaced by another of that name? See: envsync history",
        )
    try:
        found = await host.differs(Frozen(whole.kind, dict(whole.data), whole.bytes, whole.notices))
    except Failed as error:
        raise Failed(f"snapshot {snapshot.id} cannot be compared: {error.what}", error.hint) from None
    return differences(found, str(context.path))


def differences(found: list[Touched], root: str) -> tuple[list[Difference], list[str]]:
    """Pure."""
    prefix = root.rstrip("/") + "/"
    own: list[Touched] = []
    places: set[str] = set()
    for touched in found:
        path = touched.path
        mine = root != "/" and path.startswith(prefix)
        if cache(path) or (not mine and any(path == v or path.startswith(f"{v}/") for v in VOLATILE)):
            continue
        if mine:
            if not place(path.removeprefix(prefix), ()) and "/.git/" not in f"{path}/":
                own.append(touched)
        else:
            places.add("/".join(path.split("/")[:3]))
    told: list[Difference] = []
    for touched in _folded(own):
        change, severity = SAID.get(touched.how, ("edited", "minor"))
        told.append(
            Difference.model_validate(
                {"kind": "file", "what": touched.path.removeprefix(prefix), "change": change, "severity": severity}
            )
        )
    aside = [f"elsewhere on the machine: {', '.join(map(shown, sorted(places)[:PLACES]))}"] if places else []
    if len(places) > PLACES:
        aside.append(f"{count(len(places) - PLACES, 'place')} more on the machine")
    return told, aside


def _folded(found: list[Touched]) -> list[Touched]:
    """Of a directory that came or went with all in it, only the directory."""
    whole = {t.path for t in found if t.how in ("added", "deleted")}
    return [t for t in found if not any(parent in whole for parent in _parents(t.path))]


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(2, len(parts))]
