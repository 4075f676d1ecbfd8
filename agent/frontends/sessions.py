"""`envsync sessions`: the list of conversations; renames and deletes them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime

from ...tools.contract import Table
from ...tools.errors import Usage
from ..config import Settings
from ..sessions import Info, delete, list_sessions, rename
from .flags import Parser, settings
from .render import Screen


def run(argv: Sequence[str]) -> int:
    """List, rename or delete. Raises Usage for a session that there is not."""
    parser = Parser("envsync sessions", description="List the conversations; rename or delete one.")
    parser.add_argument("words", nargs="*", metavar="[list | rename ID TITLE | delete ID]")
    given = parser.read(argv)
    chosen = settings(given, os.environ)
    match given.words or ["list"]:
        case ["list"]:
            return _list(chosen)
        case ["rename", id, *title] if title:
            if not chosen.plan:
                rename(chosen, id, " ".join(title))
            return _say(chosen, f"{'would rename' if chosen.plan else 'renamed'} {id} to {' '.join(title)}")
        case ["delete", id]:
            if not chosen.plan:
                delete(chosen, id)
            return _say(chosen, f"{'would delete' if chosen.plan else 'deleted'} {id}")
        case _:
            raise Usage("sessions takes: list, rename ID TITLE, delete ID", "`envsync sessions` lists the ids.")


def _list(chosen: Settings) -> int:
    known = list_sessions(chosen)
    if chosen.json:
        print(json.dumps({"sessions": [{**vars(info), "updated": info.updated.isoformat()} for info in known]}))
        return 0
    Screen(chosen).blocks([listing(known)] if known else [], otherwise="no conversation yet")
    return 0


def listing(known: Sequence[Info]) -> Table:
    """The conversations as a table."""
    rows = [
        (info.id, info.title, _ago(info.updated), str(info.turns), info.model, info.project, "yes" * info.waiting)
        for info in known
    ]
    return Table(("id", "title", "last", "turns", "model", "project", "waits"), rows)


def _ago(at: datetime) -> str:
    days = (datetime.now().astimezone().date() - at.astimezone().date()).days
    return f"{at.astimezone():%H:%M}" if days == 0 else f"{at.astimezone():%Y-%m-%d}"


def _say(chosen: Settings, summary: str) -> int:
    Screen(chosen).blocks([], otherwise=summary)
    if chosen.json:
        print(json.dumps({"summary": summary}))
    return 0
