"""`ask WORDS…`: one request and its answer. What is piped in is context; what is piped out is exactly the answer."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
from collections.abc import Callable, Sequence

from ...tools.errors import Usage
from .flags import Parser, settings
from .piped import piped
from .render import Screen
from .talk import Conversation
from .turn import Turn, stoppable

NOTHING = Usage("ask what?", 'Say it in words, e.g.: ask "what does this project need?" — `ask --help` shows more.')


def run(argv: Sequence[str]) -> int:
    """Answer one request; returns the exit code."""
    parser = Parser("ask", description="Ask for something in plain words.", hint="Put the words after `--`: ask -- …")
    parser.add_argument("words", nargs="*", metavar="WORDS…")
    given = parser.read(argv)
    # `-` says: wait for what is piped in, however long it takes.
    waits = "-" in given.words
    words = " ".join(word for word in given.words if word != "-").strip()
    chosen = settings(given, os.environ)
    screen = Screen(chosen)
    reading = _Reading(lambda: piped(words=bool(words) and not waits, tell=screen.note))
    if not words:
        words, context = reading.text().strip(), ""
        if not words:
            raise NOTHING
        return asyncio.run(_run(screen, words, lambda: context))
    return asyncio.run(_run(screen, words, reading.text))


async def _run(screen: Screen, words: str, context: Callable[[], str]) -> int:
    from ..session import Session

    chosen = screen.settings
    screen.think()
    talk = Conversation(screen)

    async def turn() -> Turn:
        talk.session = await Session.open(chosen)
        gc.freeze()
        gc.enable()
        # Reading stdin takes its time beside the start of the session, not after it.
        return await talk.ask(words, await asyncio.to_thread(context))

    ended = await stoppable(turn, talk.stop, screen)
    if talk.session is not None:
        await talk.session.close()
    if chosen.json:
        print(json.dumps(ended.document(plan=chosen.plan)))
        if chosen.plan and ended.understood:
            return 0  # the contract: what was understood, even where it cannot be planned here
    return ended.exit


class _Reading:
    """Stdin, read in a thread of its own from the start, so that waiting for an idle pipe costs no time."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._text = ""

        def work() -> None:
            self._text = read()

        # A daemon: Ctrl-C must not wait for a pipe.
        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def text(self) -> str:
        """All of it; waits for its end."""
        self._thread.join()
        return self._text
