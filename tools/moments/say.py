"""Moments in words: when a snapshot was taken, why, and how long ago. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ..journal import Record
from ..store.model import Snapshot

UNITS = (
    (86400 * 365, "year"),
    (86400 * 30, "month"),
    (86400 * 7, "week"),
    (86400, "day"),
    (3600, "hour"),
    (60, "minute"),
)


def ago(at: datetime, now: datetime) -> str:
    """`4 minutes ago`, rounded down; `just now` below one minute and for a clock that jumped back."""
    seconds = (now - at).total_seconds()
    for size, unit in UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def clock(at: datetime) -> str:
    """The moment on the user's own clock, with seconds: two snapshots of one minute must be told apart."""
    return at.astimezone().strftime("%a %Y-%m-%d %H:%M:%S")


def cause(snapshot: Snapshot, records: Iterable[Record]) -> str:
    """Why it was taken: its label, or the change that it precedes."""
    if snapshot.label:
        return f"labelled {snapshot.label!r}"
    for record in records:
        if record.snapshot == snapshot.id:
            return f"before `{title(record)}`"
    return "taken by itself before a change" if snapshot.automatic else "taken by hand"


def title(record: Record) -> str:
    """A transaction in a few words; of a rewind only where it went, or titles would nest for ever."""
    if record.plan.tool == "rewind" and not record.plan.summary.startswith("take back "):
        return shown(short(record.plan.summary.partition(" (")[0].partition(": ")[0]))
    return shown(short(record.plan.summary))


def named(snapshot: Snapshot, records: Iterable[Record]) -> str:
    """`k3f9 (before `upgrade werkzeug`)`: the same words at any time, so that a plan can hold them."""
    return f"{snapshot.id} ({cause(snapshot, records)})"


def choices(snapshots: Sequence[Snapshot], records: Sequence[Record], now: datetime, limit: int = 5) -> str:
    """The newest few as lines that a person can choose from."""
    lines = [f"  {s.id}  {clock(s.at)}  {ago(s.at, now)}, {cause(s, records)}" for s in reversed(snapshots[-limit:])]
    more = len(snapshots) - len(lines)
    return "\n".join([*lines, f"  … and {more} older"] if more > 0 else lines)


def short(text: str, limit: int = 80) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`, `3 directories`, `4 sandboxes`."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and not noun.endswith(("ay", "ey", "oy", "uy")):
        return f"{number:,} {noun[:-1]}ies"
    return f"{number:,} {noun}{'es' if noun.endswith(('s', 'x')) else 's'}"


def size(number: float) -> str:
    """Bytes as people write them, in powers of 1024."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            return f"{number:.0f} {unit}" if unit == "B" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError


def shown(text: str) -> str:
    """Untrusted text made safe for a line on a terminal: control, bidi and undecodable characters become escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
