"""`envsync memory`: shows and searches what is remembered, and forgets a note."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence

from ...tools.contract import Remembered, Table
from ...tools.errors import Usage
from ..config import Settings
from ..wiring import ToolNotes, build
from .flags import Parser, settings
from .render import Screen

SHOWN = 30


def run(argv: Sequence[str]) -> int:
    """Search or forget. Raises Usage for a number that is none."""
    parser = Parser("envsync memory", description="Search what is remembered here; forget a note for good.")
    parser.add_argument("words", nargs="*", metavar="[WORDS… | forget ID]")
    given = parser.read(argv)
    return asyncio.run(_run(settings(given, os.environ), given.words))


async def _run(chosen: Settings, words: Sequence[str]) -> int:
    body = await show(chosen, words, Screen(chosen))
    if chosen.json:
        print(json.dumps(body))
    return 0


async def show(chosen: Settings, words: Sequence[str], screen: Screen) -> dict[str, object]:
    """Search or forget and show it; returns what `--json` prints."""
    parts = build(chosen)
    notes = ToolNotes(parts.memory)
    try:
        if words[:1] == ["forget"]:
            summary = await _forget(notes, words[1:], chosen)
            screen.blocks([], otherwise=summary)
            return {"summary": summary}
        found = await notes.search(" ".join(words) or None, project=str(chosen.path.resolve()), limit=SHOWN)
        screen.blocks([listing(found)] if found else [], otherwise="nothing is remembered about that here")
        return {"notes": [note.model_dump(mode="json") for note in found]}
    finally:
        await parts.close()
        for notice in parts.notices:
            screen.note(notice)


async def _forget(notes: ToolNotes, words: Sequence[str], chosen: Settings) -> str:
    if len(words) != 1 or not words[0].isascii() or not words[0].isdigit():
        raise Usage("forget takes the number of one note", "`envsync memory` lists them.")
    note = await notes.get(int(words[0]))
    if note is None:
        raise Usage(f"there is no note {words[0]}", "`envsync memory` lists them.")
    if not chosen.plan:
        await notes.forget(note.id)
    return f"{'would forget' if chosen.plan else 'forgot'}: {note.text}"


def listing(found: Sequence[Remembered]) -> Table:
    """Notes as a table."""
    rows = [
        (str(note.id), f"{note.at.astimezone():%Y-%m-%d}", note.kind, note.origin, "; ".join(note.text.splitlines()))
        for note in found
    ]
    return Table(("id", "date", "kind", "said by", "note"), rows)
