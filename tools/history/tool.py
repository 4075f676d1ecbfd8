"""The tool `history`: one timeline of what was done, recorded and remembered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from ..contract import Args, Block, Context, Remembered, Result, Table, Tool, brief
from ..errors import Usage
from ..journal import Journal, Record
from ..moments.meaning import relevance, words_of
from ..moments.say import ago, clock, count, shown, size, title
from ..moments.times import span
from ..plan import Data, Risk
from ..store.model import Snapshot
from ..store.place import snapshots_of

RECENT = 2000
STATES = {"committed": "done", "compensated": "failed, taken back", "broken": "failed, partly taken back",
          "stopped": "stopped, kept", "interrupted": "interrupted", "open": "not finished"}  # fmt: skip


ASKING = frozenset(words_of("what who which happened changed show list everything all history timeline project here"))
"""Words of a question that say nothing about what it is for."""


class HistoryArgs(Args):
    """Arguments of `history`."""

    query: str | None = Field(None, description="only what this is about", json_schema_extra=brief(""))
    kind: Literal["all", "snapshots", "actions"] = Field("all", description="what to show")
    limit: int = Field(20, ge=1, le=1000, description="at most so many", json_schema_extra=brief(""))
    path: str = Field(".", description="the project's directory", json_schema_extra=brief(None))


class Happened(Data):
    """One entry of the timeline."""

    at: datetime
    kind: Literal["snapshot", "action", "note"]
    id: str
    """Of the snapshot; `t12` for transaction 12, `n3` for note 3."""
    what: str
    state: str = ""
    snapshot: str | None = None
    """Taken before an action."""


class History(Result):
    """The timeline, newest first; the best match first when something was asked for."""

    entries: tuple[Happened, ...] = ()

    def blocks(self) -> Sequence[Block]:
        if not self.entries:
            return ()
        rows = [(clock(e.at), e.id, e.kind, shown(e.what), e.state) for e in self.entries]
        return [Table(("when", "id", "kind", "what", ""), rows)]


async def read(args: HistoryArgs, context: Context) -> History:
    """Show what was done and recorded, and what is remembered.

    Use it for "what did I do yesterday?", "when did we upgrade numpy?", "which snapshots are there?". `query` takes the
    user's own words.
    """
    asked = (args.query or "").strip()
    when = span(asked, context.now()) if asked else None
    query = when[2] if when else asked
    query = query if set(words_of(query)) - ASKING else ""
    records = Journal(context.state).recent(RECENT, host=context.host.name, path=str(context.path))
    snapshots = snapshots_of(context)
    ordered = _in_order(records, snapshots)
    if args.kind == "actions":
        ordered = [item for item in ordered if isinstance(item, Record)]
    elif args.kind == "snapshots":
        ordered = [item for item in ordered if isinstance(item, Snapshot)]
    else:
        # An automatic snapshot stands beside its action already, and a snapshot by hand is its own action.
        beside = {record.snapshot for record in records}
        made = {made_by(record) for record in records} & {snapshot.id for snapshot in snapshots}
        ordered = [
            item
            for item in ordered
            if (item.id not in beside if isinstance(item, Snapshot) else made_by(item) not in made)
        ]
    entries = [_action(item) if isinstance(item, Record) else _snapshot(item, records) for item in reversed(ordered)]
    remembered: list[Remembered] = []
    if args.kind == "all":
        # A turn that did something is told by its action, in the journal's words.
        told = [record.plan.summary for record in records]
        remembered = [n for n in await _notes(query, context, args.limit) if not any(text in n.text for text in told)]
        for note in remembered:
            at = next((i for i, entry in enumerate(entries) if entry.at <= note.at), len(entries))
            entries.insert(
                at, Happened(at=note.at, kind="note", id=f"n{note.id}", what=_line(note.text), state=note.origin)
            )
    if when:
        entries = [entry for entry in entries if when[0] <= entry.at <= when[1]]
    total = len(entries)
    if query:
        near = {f"n{note.id}" for note in remembered[:3]}
        scores = relevance(query, [f"{e.kind} {e.id} {e.what} {e.state}" for e in entries])
        ranked = sorted(
            ((score, -i) for i, score in enumerate(scores) if score >= 0.5 or (entries[i].id in near)), reverse=True
        )
        entries = [entries[-i] for _, i in ranked]
    entries = entries[: args.limit]
    return History(summary=_summary(entries, total, asked, bool(query), context), entries=tuple(entries))


def _in_order(records: Sequence[Record], snapshots: Sequence[Snapshot]) -> list[Record | Snapshot]:
    """Oldest first, by the numbers that journal and store gave: a clock that was set back does not reorder them."""
    number = {snapshot.id: snapshot.seq for snapshot in snapshots}
    keyed: list[tuple[tuple[int, int, int], Record | Snapshot]] = [((s.seq, 0, 0), s) for s in snapshots]
    last = 0
    for record in sorted(records, key=lambda record: record.id):
        own = number.get(record.snapshot or "") or number.get(made_by(record) or "")
        if own is None:
            before = [s.seq for s in snapshots if s.at <= record.at]
            own = max([last, *before[-1:]])
        last = max(last, own)
        keyed.append(((last, 1, record.id), record))
    return [item for _, item in sorted(keyed, key=lambda pair: pair[0])]


def made_by(record: Record) -> str | None:
    """The snapshot that a transaction of the tool `snapshot` made."""
    return next((str(s.data["snapshot"]) for s in record.steps if "snapshot" in s.data), None)


async def _notes(query: str, context: Context, limit: int) -> list[Remembered]:
    """What memory holds; without memory, nothing. What was done has its own entries, in the journal's words."""
    try:
        return await context.notes.search(
            query or None, project=str(context.path), limit=min(limit, 50), kinds=() if query else ("fact",)
        )
    except Usage:
        return []


def _action(record: Record) -> Happened:
    what = title(record) if record.plan.tool == "rewind" else _line(record.plan.summary)
    if record.words and record.words.casefold() not in what.casefold():
        what += f" (“{_line(record.words)}”)"
    return Happened(
        at=record.at, kind="action", id=f"t{record.id}", what=what, snapshot=record.snapshot,
        state=STATES.get(record.state, record.state) + (f", before it {record.snapshot}" if record.snapshot else ""),
    )  # fmt: skip


def _snapshot(snapshot: Snapshot, records: Sequence[Record]) -> Happened:
    before = next((title(r) for r in records if r.snapshot == snapshot.id), "")
    what = f"{snapshot.label!r}" if snapshot.label else f"before `{before}`" if before else "snapshot"
    held = "the whole machine" if snapshot.frozen else count(snapshot.files, "file")
    held += f", {size(snapshot.bytes)}"
    return Happened(at=snapshot.at, kind="snapshot", id=snapshot.id, what=what, state=held, snapshot=snapshot.id)


def _summary(entries: Sequence[Happened], total: int, asked: str, ranked: bool, context: Context) -> str:
    about = f" for {_line(asked)!r}" if asked else ""
    if not entries:
        return f"nothing is recorded{about} in this project" + ("" if asked else " yet: envsync snapshot records it")
    newest = entries[0]
    shown_of = f"{len(entries)} of {count(total, 'entry')}" if len(entries) < total else count(total, "entry")
    first = "the best match" if ranked else "the newest"
    return f"{shown_of}{about}; {first}, {ago(newest.at, context.now())}: {shown(newest.what)}"


def _line(text: str, limit: int = 160) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


HISTORY = Tool(name="history", args=HistoryArgs, risk=Risk.R0, read=read)
