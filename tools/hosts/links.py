"""Objects that live in a thread of their own: what Host.start gives on the machine where the files are."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..errors import Failed, Unreachable


class _Ask:
    """One call of a method, on its way through the thread."""

    def __init__(self, method: str, args: tuple[Any, ...], answer: asyncio.Future[Any]) -> None:
        self.method = method
        self.args = args
        self.answer = answer
        self.unwanted = False


class ThreadLink:
    """See Link."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked: queue.SimpleQueue[_Ask | None] = queue.SimpleQueue()
        self._told: asyncio.Queue[tuple[Any] | None] = asyncio.Queue()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closed = False

    @classmethod
    async def start(cls, worker: Callable[..., Any], *args: Any) -> ThreadLink:
        """Make the object in its thread; raises what making it raises."""
        link = cls()
        made: asyncio.Future[Any] = link._loop.create_future()
        name = f"envsync-{getattr(worker, '__name__', 'worker')}"
        threading.Thread(target=link._live, args=(worker, args, made), name=name, daemon=True).start()
        try:
            await asyncio.shield(made)
        except asyncio.CancelledError:
            made.add_done_callback(lambda done: done.cancelled() or done.exception())
            await link.close()
            raise
        return link

    async def ask(self, method: str, *args: Any) -> Any:
        """See Link.ask. One that is cancelled before its turn is not carried out; else cancelling waits for its end."""
        if self._closed:
            raise closed()
        ask = _Ask(method, args, self._loop.create_future())
        self._asked.put(ask)
        try:
            return await asyncio.shield(ask.answer)
        except asyncio.CancelledError:
            ask.unwanted = True
            await asyncio.wait([ask.answer])
            ask.answer.exception()
            raise

    async def heard(self) -> Any:
        """See Link.heard."""
        told = await self._told.get()
        if told is None:
            self._told.put_nowait(None)
            raise closed()
        return told[0]

    async def close(self) -> None:
        """See Link.close."""
        if not self._closed:
            self._closed = True
            self._asked.put(None)
        await asyncio.shield(self._ended)

    def _live(self, worker: Callable[..., Any], args: tuple[Any, ...], made: asyncio.Future[Any]) -> None:
        """The thread: make the object, carry out what is asked, end it."""

        def tell(told: Any) -> None:
            self._back(self._told.put_nowait, (told,))

        try:
            item = worker(tell, *args)
        except BaseException as error:  # it belongs to the caller, whatever it is
            self._back(_settle, made, None, error)
        else:
            self._back(_settle, made, None, None)
            while (ask := self._asked.get()) is not None:
                self._answer(item, ask)
            with suppress(Exception):
                end = getattr(item, "close", None)
                if end is not None:
                    end()
        self._closed = True
        with suppress(queue.Empty):
            while (late := self._asked.get_nowait()) is None or not self._back(_settle, late.answer, None, closed()):
                pass
        self._back(self._told.put_nowait, None)
        self._back(_settle, self._ended, None, None)

    def _answer(self, item: Any, ask: _Ask) -> None:
        result, failure = None, None
        try:
            if ask.unwanted:
                failure = closed()
            elif ask.method.startswith("_") or not callable(getattr(item, ask.method, None)):
                failure = Failed(f"{type(item).__name__} has no public method {ask.method!r}")
            else:
                result = getattr(item, ask.method)(*ask.args)
        except BaseException as error:  # likewise
            failure = error
        self._back(_settle, ask.answer, result, failure)

    def _back(self, call: Callable[..., Any], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(call, *args)


def closed() -> Unreachable:
    """The error of a link that was closed."""
    return Unreachable("the link is closed", "Start it again.")


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(RuntimeError(str(error)) if isinstance(error, StopIteration) else error)
