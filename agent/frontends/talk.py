"""A conversation as the terminal's front ends hold it: a session, a screen, and a person who can be asked and can stop it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from ..events import Call, Event
from .approval import Asker
from .render import Screen
from .trust import trusted
from .turn import Turn, follow

if TYPE_CHECKING:
    from ..session import Session


class Conversation:
    """Turns of one session on one screen. `session` is set once it is open."""

    def __init__(self, screen: Screen, *, always: bool = False) -> None:
        self.screen = screen
        self.session: Session | None = None
        self._always = always
        self._asker: Asker | None = None

    async def ask(self, words: str, context: str = "") -> Turn:
        """A request in words, and what the person makes of it with `edit`."""
        while True:
            turn = await self._follow(lambda words=words: self._open().send(words, context), words)
            if not turn.reworded:
                return turn
            words = turn.reworded

    async def call(self, calls: Sequence[Call], words: str) -> Turn:
        """Typed calls; when the person edits them, `reworded` has what is wanted instead."""
        return await self._follow(lambda: self._open().call(calls), words)

    def stop(self) -> bool:
        """End the running turn in order; False when there is none: the session is opening, or a person being asked."""
        if self.session is None or self._asker is None or self._asker.asking:
            return False
        self.screen.note("stopping …")
        self.session.cancel()
        return True

    async def _follow(self, begin: Callable[[], AsyncIterator[Event]], words: str) -> Turn:
        self._asker = Asker(self.screen, words=words, always=self._always)
        try:
            while True:
                self.screen.think()
                turn = await follow(self._open(), begin(), self.screen, self._asker, self._open().cancel)
                if not await trusted(turn, self._asker):
                    return turn
        finally:
            self._asker = None

    def _open(self) -> Session:
        if self.session is None:
            raise RuntimeError("the session is opened before its first turn")
        return self.session
