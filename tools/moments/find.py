"""From a person's words to one snapshot: by id, label, time or meaning. Pure: on the snapshots and records it is given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ..errors import Usage
from ..journal import Record
from ..store.model import Snapshot
from .meaning import best, words_of
from .say import ago, choices, clock, named, short, title
from .times import moment

LAST = frozenset(
    {"last", "the last", "last one", "the last one", "last change", "the last change", "previous", "undo", "that"}
)
"""Words for the newest change; what that is, rewind and drift each say for themselves."""


NONE = "Take one: envsync snapshot"


@dataclass(frozen=True)
class Found:
    """A snapshot and why it is the one; `note` is what a person should know about the choice."""

    snapshot: Snapshot
    why: str
    note: str = ""


def find(words: str, snapshots: Sequence[Snapshot], records: Sequence[Record], now: datetime) -> Found:
    """The snapshot that `words` mean, among `snapshots` (newest last) and with the journal's `records` (newest first).

    Raises Usage that lists what there is: when nothing fits, when several do, and when nothing was said.
    """
    text = _plain(words)
    if not text:
        raise Usage("to which moment?", _known(snapshots, records, now))
    if not snapshots:
        raise Usage("there is no snapshot of this project yet", NONE)
    found = (
        _by_name(text, snapshots, records, now)
        or _by_time(text, snapshots, now)
        or _by_meaning(text, snapshots, records, now)
    )
    if found is None:
        raise Usage(f"no snapshot of this project is {short(words)!r}", _known(snapshots, records, now))
    return found


def _by_name(text: str, snapshots: Sequence[Snapshot], records: Sequence[Record], now: datetime) -> Found | None:
    if text.casefold() in ("last snapshot", "latest snapshot", "newest snapshot", "latest", "newest"):
        return Found(snapshots[-1], "the newest snapshot")
    by_id = [s for s in snapshots if s.id == text]
    exact = [s for s in snapshots if s.label == text]
    like = [s for s in snapshots if s.label and _slug(s.label) == _slug(text)]
    begins = [s for s in snapshots if len(text) >= 3 and s.id.startswith(text)]
    fits = by_id or exact or like or begins
    if len(fits) > 1:
        raise Usage(
            f"{len(fits)} snapshots are called {text!r}: which one?",
            f"They are:\n{choices(fits, records, now, 10)}\n  Name it by its id, e.g. {fits[-1].id}.",
            ids=[s.id for s in fits],
        )
    return Found(fits[0], named(fits[0], records)) if fits else None


def _by_time(text: str, snapshots: Sequence[Snapshot], now: datetime) -> Found | None:
    at = moment(text, now)
    if at is None:
        return None
    if at > now and not re.search(r"today|tonight", text, re.IGNORECASE):
        raise Usage(f"{text!r} is in the future ({clock(at)})", "Name a moment that has been.")
    # By number, not by time: after a clock was set back, the later snapshot is still the newer state.
    earlier = [s for s in snapshots if s.at <= at]
    if earlier:
        return Found(earlier[-1], f"{earlier[-1].id}, the newest at or before {clock(min(at, now))}")
    return Found(
        snapshots[0],
        f"{snapshots[0].id}, the oldest there is",
        # Without the moment itself: a plan is made twice, and `an hour ago` is another moment each time.
        f"no snapshot is as old as {short(text)!r}; this is the oldest, taken {clock(snapshots[0].at)}",
    )


def _by_meaning(text: str, snapshots: Sequence[Snapshot], records: Sequence[Record], now: datetime) -> Found | None:
    after = bool(re.search(r"\bafter\b|\bsince\b", text, re.IGNORECASE))
    labelled = [s for s in snapshots if s.label]
    again = "rewind" in words_of(text)
    # What rewinds and snapshots say is about other moments, and what was taken back at once changed nothing.
    records = [r for r in records if (again or r.plan.tool not in ("rewind", "snapshot")) and r.state != "compensated"]
    texts = [_text(record) for record in records] + [s.label or "" for s in labelled]
    hits = best(text, texts)
    if not hits:
        return None
    targets: list[tuple[Snapshot, str]] = []
    for index in hits:
        if index >= len(records):
            snapshot = labelled[index - len(records)]
            targets.append((snapshot, named(snapshot, records)))
            continue
        snapshot = _beside(records[index], snapshots, after)
        if snapshot is not None:
            targets.append((snapshot, f"{snapshot.id}, {'after' if after else 'before'} `{title(records[index])}`"))
    unique = {snapshot.seq: (snapshot, why) for snapshot, why in reversed(targets)}
    if not unique:
        what = title(records[hits[0]])
        raise Usage(
            f"nothing was recorded {'after' if after else 'before'} `{what}`",
            "That is how it is now." if after else _known(snapshots, records, now),
        )
    newest_meant = re.search(r"\b(last|latest|most recent)\b", text, re.IGNORECASE)
    if newest_meant or re.search(r"\bfirst\b", text, re.IGNORECASE):
        seq = max(unique) if newest_meant else min(unique)
        unique = {seq: unique[seq]}
    if len(unique) > 1:
        fits = [unique[seq][0] for seq in sorted(unique)]
        lines = [f"  {s.id}  {clock(s.at)}  {ago(s.at, now)}: {unique[s.seq][1]}" for s in reversed(fits[-10:])]
        raise Usage(
            f"{short(text)!r} fits {len(fits)} moments: which one?",
            "\n".join(["They are:", *lines, f"  Name it by its id, e.g. {fits[-1].id}."]),
            ids=[s.id for s in fits],
        )
    snapshot, why = next(iter(unique.values()))
    return Found(snapshot, why)


def _beside(record: Record, snapshots: Sequence[Snapshot], after: bool) -> Snapshot | None:
    """The snapshot that has the state right before a transaction, or the first that has the state after it."""
    own = next((s for s in snapshots if s.id == record.snapshot), None)
    if own is None:
        # No snapshot of its own, as with `remember`, or pruned: the nearest there is.
        near = [s for s in snapshots if (s.at > record.at) == after]
        return (near[0] if after else near[-1]) if near else None
    return next((s for s in snapshots if s.seq > own.seq), None) if after else own


def _text(record: Record) -> str:
    return " ".join([record.words, record.plan.tool, record.plan.summary, *(step.does for step in record.plan.steps)])


def _plain(words: str) -> str:
    text = " ".join(words.split()).strip("'\"`‘’“” ")
    text = re.sub(
        r"^(?:the )?(?:snapshot|label|id)(?: (?:called|named|labelled|with id))? (?=\S)", "", text, flags=re.IGNORECASE
    )
    text = re.sub(
        r"^(?:please )?(?:undo|revert|rewind|restore|take back|roll back)(?: to)? (?=\S)", "", text, flags=re.IGNORECASE
    )
    return text.strip("'\"`‘’“” ")


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-")


def _known(snapshots: Sequence[Snapshot], records: Sequence[Record], now: datetime) -> str:
    if not snapshots:
        return "There is no snapshot of this project yet: envsync snapshot"
    return f"The newest are:\n{choices(snapshots, records, now)}"
