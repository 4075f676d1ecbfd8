"""The slash commands of the conversation: every tool with typed flags, and a few that steer the conversation itself."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...tools.contract import Lines, Table
from ...tools.errors import Usage
from ...tools.registry import TOOLS, names
from ..events import Call
from .turn import Turn

if TYPE_CHECKING:
    from .repl import Repl


@dataclass(frozen=True)
class Entry:
    """One command: what `/help` and completion show. `tool` names the tool that it stands for."""

    name: str
    summary: str
    tool: str = ""


ENTRIES = (
    Entry("help", "what can be said and typed"),
    Entry("tools", "the tools and their arguments"),
    Entry("plan", "say what would be done, do nothing: for one request, or as a switch"),
    Entry("undo", "take the last change back", "rewind"),
    Entry("diff", "what changed since the last snapshot", "drift"),
    Entry("sessions", "list the conversations; go on with one: /sessions ID"),
    Entry("new", "begin a new conversation"),
    Entry("model", "show or change who understands"),
    Entry("memory", "search what is remembered; /memory forget ID"),
    Entry("doctor", "what works here and what does not"),
    Entry("clear", "clear the screen"),
    Entry("quit", "leave"),
)


class Commands:
    """Carries out a line that begins with a slash."""

    def __init__(self, repl: Repl) -> None:
        self._repl = repl

    async def run(self, line: str) -> Turn:
        """Carry it out. Raises Usage for an unknown command or wrong arguments, and what the command raises."""
        name, _, rest = line[1:].partition(" ")
        rest = rest.strip()
        try:
            words = shlex.split(rest)
        except ValueError as error:
            raise Usage(f"/{name}: {error}", "Close the quotes.") from error
        own: dict[str, Callable[[str, Sequence[str]], Awaitable[Turn | None]]] = {
            "help": self._help,
            "tools": self._tools,
            "plan": self._plan,
            "undo": self._undo,
            "sessions": self._sessions,
            "new": self._new,
            "model": self._model,
            "memory": self._memory,
            "doctor": self._doctor,
            "clear": self._clear,
            "quit": self._quit,
            "exit": self._quit,
        }
        if name in own:
            return await own[name](rest, words) or Turn()
        tool = "drift" if name == "diff" else name
        if tool in names():
            return await self._tool(tool, words, line)
        raise Usage(f"there is no command /{name}", "/help lists them.")

    async def _tool(self, tool: str, words: Sequence[str], line: str) -> Turn:
        from ...tools.registry import find
        from .typed import ToolParser

        parser = ToolParser(find(tool), prog="")
        try:
            call, _ = parser.parse(words)
        except SystemExit:  # argparse after --help
            return Turn()
        return await self._repl.call(call, line)

    async def _help(self, rest: str, words: Sequence[str]) -> None:
        self._show(
            Table(("", ""), [(f"/{entry.name}", entry.summary) for entry in ENTRIES], "commands"),
            Table(("", ""), [(f"/{entry.name}", entry.summary) for entry in TOOLS], "tools, also in plain words"),
            Table(("", ""), KEYS, "keys"),
        )

    async def _tools(self, rest: str, words: Sequence[str]) -> None:
        from .typed import flags_of

        rows = [(entry.name, entry.risk.name, " ".join(flags_of(entry.name))) for entry in TOOLS]
        self._show(Table(("tool", "risk", "arguments"), rows))

    async def _plan(self, rest: str, words: Sequence[str]) -> Turn | None:
        before = self._repl.settings.plan
        if not rest:
            self._repl.plan(not before)
            self._repl.screen.note(
                "plans are carried out again" if before else "only plans from now on; /plan ends that"
            )
            return None
        await self._repl.opened()
        self._repl.plan(True)
        try:
            return await self._repl.handled(rest)
        finally:
            self._repl.plan(before)

    async def _undo(self, rest: str, words: Sequence[str]) -> Turn:
        return await self._repl.call(Call("rewind", {"to": rest or "last"}), "/undo")

    async def _sessions(self, rest: str, words: Sequence[str]) -> None:
        from ..sessions import delete, list_sessions, rename
        from .sessions import listing

        match list(words):
            case []:
                known = list_sessions(self._repl.settings)
                self._show(listing(known) if known else Lines(["no conversation yet"]))
            case ["rename", id, *title] if title:
                rename(self._repl.settings, id, " ".join(title))
            case ["delete", id]:
                delete(self._repl.settings, id)
            case [*title]:
                await self._repl.change(session=" ".join(title))
                self._repl.screen.note("going on with that conversation")

    async def _new(self, rest: str, words: Sequence[str]) -> None:
        await self._repl.change(session="", resume=False)

    async def _model(self, rest: str, words: Sequence[str]) -> None:
        await self._repl.opened()
        session = self._repl.talking.session
        if session is not None:
            if rest:
                session.model = rest
            self._show(Lines([session.model]))

    async def _memory(self, rest: str, words: Sequence[str]) -> None:
        from .remembered import show

        await show(self._repl.settings, words, self._repl.screen)

    async def _doctor(self, rest: str, words: Sequence[str]) -> None:
        from .doctor import examine, show

        show(await asyncio.to_thread(examine, self._repl.settings), self._repl.screen)

    async def _clear(self, rest: str, words: Sequence[str]) -> None:
        if self._repl.screen.rich:
            self._repl.screen.out.write("\x1b[2J\x1b[3J\x1b[H")
            self._repl.screen.out.flush()

    async def _quit(self, rest: str, words: Sequence[str]) -> None:
        self._repl.leaving = True

    def _show(self, *blocks: Lines | Table) -> None:
        self._repl.screen.blocks(blocks)

    def _id(self) -> str:
        session = self._repl.talking.session
        return session.id if session is not None else self._repl.settings.session


KEYS = (
    ("Enter", "send; Alt-Enter or a \\ at the end of the line begins another line"),
    ("Tab", "complete; Ctrl-R searches what was said before, Ctrl-X Ctrl-E opens the editor"),
    ("Ctrl-C", "stops what runs, or empties the line; Ctrl-D leaves"),
    ("!command", "runs one command"),
    ("@file", "gives a file along"),
)
