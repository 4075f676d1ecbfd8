"""The conversation on a terminal. The prompt is drawn first; what understands is loaded behind it."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module

from ... import __version__
from ...tools.errors import EnvSyncError, Usage
from ..config import Settings
from ..events import Call
from .commands import Commands
from .flags import Parser, settings
from .mentions import mentioned
from .render import Screen, colours
from .talk import Conversation
from .text import safe
from .turn import Turn, stoppable


def run(argv: Sequence[str]) -> int:
    """Hold a conversation until its end; returns the exit code. Lines of a pipe are requests, and the first that
    fails ends it."""
    parser = Parser("envsync", description="Hold a conversation.")
    chosen = settings(parser.parse_args(list(argv)), os.environ)
    if chosen.json:
        raise Usage("a conversation is no JSON document", 'Use ask --json "…" or envsync TOOL --json.')
    repl = Repl(chosen)
    return asyncio.run(repl.talk() if sys.stdin.isatty() and sys.stdout.isatty() else repl.script())


class Repl:
    """The loop, and what the slash commands work on."""

    def __init__(self, chosen: Settings) -> None:
        self.settings = chosen
        self.screen = Screen(chosen)
        self.talking = Conversation(self.screen, always=True)
        self.commands = Commands(self)
        self.leaving = False
        self.draft = ""
        """What the next prompt starts with: a request to be edited."""
        self._opening: asyncio.Task[None] | None = None
        self._reminded = False

    async def talk(self) -> int:
        """Read, answer, repeat, until Ctrl-D."""
        from .prompt import Prompt

        self._greet()
        prompt = Prompt(self)
        self._opening = asyncio.ensure_future(self._open(0.1))
        self._opening.add_done_callback(lambda _: prompt.refresh())
        try:
            while not self.leaving:
                draft, self.draft = self.draft, ""
                line = await prompt.read(draft)
                if line is None:
                    break
                if line.strip():
                    await self.handle(line)
        finally:
            await self.close()
        return 0

    async def script(self) -> int:
        """The lines of stdin as requests, plainly."""
        try:
            while line := await asyncio.to_thread(sys.stdin.readline):
                if not line.strip() or line.lstrip().startswith("#"):
                    continue
                turn = await self.handle(line.strip())
                if self.leaving or turn.exit not in (0, 5):
                    return turn.exit
            return 0
        finally:
            await self.close()

    async def handle(self, line: str) -> Turn:
        """One line: a slash command, `!command`, or a request. Errors are shown; Ctrl-C stops it and not the shell."""
        turn = await stoppable(lambda: self.handled(line), self.talking.stop, self.screen)
        if turn.reworded:
            self.draft = turn.reworded
        if self.screen.rich:
            self.screen.note("")
        return turn

    async def handled(self, line: str) -> Turn:
        """The same without the signals, for a command that wraps another."""
        try:
            if line.startswith("/"):
                return await self.commands.run(line)
            if line.startswith("!"):
                return await self.call(Call("run", {"command": line[1:].strip()}), line)
            await self.opened()
            words, context = mentioned(line, self.settings.path)
            return await self.talking.ask(words, context)
        except EnvSyncError as error:
            self.screen.error(error)
            return Turn(errors=[error])

    async def call(self, call: Call, line: str) -> Turn:
        """A typed call in this conversation."""
        await self.opened()
        turn = await self.talking.call([call], line)
        if turn.reworded:
            self.draft, turn.reworded = turn.reworded, ""
        return turn

    async def opened(self) -> None:
        """Wait until the session is there. Raises what opening it raised."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open(0))
        self.screen.think()
        try:
            await asyncio.shield(self._opening)
            self._remind()
        except BaseException:
            if self._opening.done():
                self._opening = None  # the next request tries again
            raise
        finally:
            self.screen.meter.end()

    def _remind(self) -> None:
        """A plan of an earlier process that still waits is mentioned once."""
        session = self.talking.session
        if session is not None and session.waiting is not None and not self._reminded:
            self.screen.note("a plan of this conversation still waits; say yes to see it again")
        self._reminded = True

    def plan(self, only: bool) -> None:
        """Only show plans from now on, or carry them out again."""
        self.settings = self.screen.settings = replace(self.settings, plan=only)
        if self.talking.session is not None:
            self.talking.session.plan = only

    async def change(self, **changes: object) -> None:
        """Go on with other settings in a new or another session."""
        before, self.settings = self.settings, replace(self.settings, **changes)  # pyright: ignore[reportArgumentType]  # names of fields
        try:
            await self._close_session()
            await self._open(0)
        except EnvSyncError:
            self.settings = before
            await self._open(0)
            raise
        finally:
            self.screen.settings = self.settings

    async def close(self) -> None:
        """End the session."""
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.wait([self._opening])
        await self._close_session()

    async def _close_session(self) -> None:
        session, self.talking.session = self.talking.session, None
        if session is not None:
            await session.close()

    async def _open(self, after: float) -> None:
        """Load what is heavy in a thread, so that the prompt stays quick, then begin the session."""
        await asyncio.sleep(after)
        for module in ("..session", "langgraph.graph", "langgraph.checkpoint.sqlite.aio"):
            await asyncio.to_thread(import_module, module, __package__)
        from ..session import Session

        self.talking.session = await Session.open(self.settings)
        gc.freeze()
        gc.enable()

    def _greet(self) -> None:
        if self.settings.quiet:
            return
        name = self.screen.paint("title", f"EnvSync {__version__}")
        self.screen.note(f"{name}  {self.screen.paint('dim', safe(str(self.settings.path)))}", "")
        self.screen.note("Say what you need. /help shows more, Ctrl-D leaves.")
        if colours(sys.stdout, self.settings):
            self.screen.note("")
