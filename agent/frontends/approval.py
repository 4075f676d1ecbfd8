"""Asking a person on the terminal: the whole plan as code-made text, then yes, no, edit or always."""

from __future__ import annotations

import asyncio
import os
import select
import sys
import termios
import time
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ...tools.errors import NeedsApproval
from ...tools.risk import Risk
from ..events import Approval, ApprovalNeeded
from .render import Screen
from .text import Line, plan_lines
from .turn import Reworded

WAITS = 600.0
"""Seconds until a silent terminal counts as a no; the plan expires then anyway."""


@dataclass(frozen=True)
class Terminal:
    """A person's terminal: one file descriptor to read, one to write."""

    read: int
    write: int


def terminal() -> Terminal | None:
    """The terminal to ask on; None when no person is there, which includes a job in the background.

    Either stdin or stderr must be a terminal: with a prompt argument and piped text the question goes to /dev/tty,
    but a process with all its streams redirected never reaches out to a terminal it merely inherited.
    """
    if not any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return None
    try:
        handle = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return Terminal(0, 2) if sys.stdin.isatty() and sys.stderr.isatty() else None
    with suppress(OSError):
        if os.tcgetpgrp(handle) == os.getpgrp():
            return Terminal(handle, handle)
    os.close(handle)
    return None


class Asker:
    """Asks on the terminal. `words` is the request or command that `edit` starts from; `always` is offered in a
    conversation only, since a single command ends with its answer."""

    def __init__(
        self, screen: Screen, *, words: str = "", always: bool = False, edit: str = "what should be done instead?"
    ) -> None:
        self.screen, self.words = screen, words
        self._always, self._edit = always, edit
        self.asking = False
        """A person is being asked now."""

    async def __call__(self, needed: ApprovalNeeded) -> Approval | Reworded:
        """Show the plans and take the answer. Raises NeedsApproval when nobody is there, or nobody answers."""
        there = terminal()
        if there is None:
            raise NeedsApproval(_denied(needed), _way_out(needed.risk))
        self.asking = True
        try:
            return await self._ask(needed, there)
        finally:
            self.asking = False
            if there.read > 2:
                os.close(there.read)

    async def confirms(self, question: str) -> bool:
        """A yes or no that is no plan's, e.g. whether a machine's key is the right one. False when nobody is there."""
        there = terminal()
        if there is None:
            return False
        self.asking = True
        try:
            with suppress(termios.error):
                termios.tcflush(there.read, termios.TCIFLUSH)
            self._write(there, f"{self.screen.paint('title', question)} {self.screen.paint('dim', '[y]es  [n]o')} ")
            return (await self._line(there)).strip().lower() in ("y", "yes")
        except NeedsApproval:
            return False
        finally:
            self.asking = False
            if there.read > 2:
                os.close(there.read)

    async def _ask(self, needed: ApprovalNeeded, there: Terminal) -> Approval | Reworded:
        # A "yes" typed before the plan was seen is no answer to it.
        with suppress(termios.error):
            termios.tcflush(there.read, termios.TCIFLUSH)
        if not await self._show(plan_lines(needed.prepared, _size(there)[0] if self.screen.bright else 0), there):
            raise NeedsApproval("the plan was not read to its end", "Nothing was changed.")
        choices = "[y]es  [n]o  [e]dit"
        if self._always and needed.risk <= Risk.R2:
            choices += f"  [a]lways for {', '.join(sorted({item.call.tool for item in needed.prepared if item.asks}))}"
        if needed.phrase:
            choices = f"type {needed.phrase!r} to do it, [e]dit, or Enter for no"
        while True:
            self._write(there, self.screen.paint("title", "Do this? ") + self.screen.paint("dim", choices) + " ")
            typed = (await self._line(there)).strip()
            word = typed.lower()
            if word in ("e", "edit"):
                return await self._reword(there)
            if needed.phrase:
                return Approval(needed.id, yes=typed == needed.phrase, typed=typed)
            if word in ("y", "yes"):
                return Approval(needed.id, yes=True)
            if word in ("a", "always") and "[a]" in choices:
                return Approval(needed.id, yes=True, always=True)
            if word in ("", "n", "no", "q"):
                return Approval(needed.id, yes=False)
            self._write(there, self.screen.paint("dim", "Please answer y, n or e.") + "\n")

    async def _reword(self, there: Terminal) -> Reworded:
        if self.words:
            self._write(there, self.screen.paint("dim", f"it was: {self.words}") + "\n")
        self._write(there, self.screen.paint("title", f"{self._edit} "))
        words = (await self._line(there)).strip()
        if not words:
            raise NeedsApproval("nothing was said instead", "Nothing was changed.")
        return Reworded(words)

    async def _show(self, lines: list[Line], there: Terminal) -> bool:
        """Write all of it; more than a screen goes page by page, and the question comes after the last one only."""
        width, height = _size(there)
        self._write(there, "\n")
        left = max(4, height - 4)
        for number, line in enumerate(lines):
            rows = max(1, -(-_cells(line.text) // width))
            if rows > left:
                rest = len(lines) - number
                more = f"── {rest} more line{'s' * (rest != 1)}: Enter goes on, q stops "
                self._write(there, self.screen.paint("dim", more))
                if (await self._line(there)).strip().lower() in ("q", "n", "no"):
                    return False
                left = max(4, height - 2)
            left -= rows
            self._write(there, self.screen.paint(line.style, line.text) + "\n")
        self._write(there, "\n")
        return True

    async def _line(self, there: Terminal) -> str:
        """One line; the end of input, or silence for too long, is a no."""
        stop = False

        def read() -> bytes | None:
            until = time.monotonic() + WAITS
            while not stop and time.monotonic() < until:
                if select.select([there.read], [], [], 0.1)[0]:
                    return os.read(there.read, 4096)
            return None

        try:
            got = await asyncio.to_thread(_quietly(read))
        except asyncio.CancelledError:
            self._write(there, "\n")  # the answer begins on a line of its own
            raise
        finally:
            stop = True
        if not got:
            self._write(there, "\n")
            raise NeedsApproval("nobody answered", "Nothing was changed.")
        return got.decode("utf-8", "replace")

    def _write(self, there: Terminal, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        with suppress(OSError):
            while data:
                data = data[os.write(there.write, data) :]


def _quietly(read: Callable[[], bytes | None]) -> Callable[[], bytes | None]:
    def work() -> bytes | None:
        try:
            return read()
        except OSError:  # the terminal was closed
            return None

    return work


def _denied(needed: ApprovalNeeded) -> str:
    asking = [item for item in needed.prepared if item.asks]
    what = "; ".join(item.plan.summary if item.plan else item.call.tool for item in asking)
    why = asking[0].why if asking else ""
    return f"needs your approval ({why}): {what}" if why else f"needs your approval: {what}"


def _way_out(risk: Risk) -> str:
    if risk >= Risk.R3:
        return "Nothing was changed. This cannot be approved beforehand: run it in a terminal to be asked."
    return "Nothing was changed. Run it in a terminal to be asked, add --yes for plans up to R2, or --plan to see it."


def _size(there: Terminal) -> tuple[int, int]:
    try:
        size = os.get_terminal_size(there.write)
    except OSError:
        return 80, 24
    return max(20, size.columns), max(8, size.lines)


def _cells(text: str) -> int:
    """Columns that a line takes on the screen."""
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
