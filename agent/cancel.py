"""A person's wish to stop a turn, and how work is stopped by it without breaking off half-way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ..tools.errors import Cancelled

T = TypeVar("T")


class Cancel:
    """One per session; `clear` at the beginning of a turn."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def asked(self) -> bool:
        """The person wants the turn stopped."""
        return self._event.is_set()

    def ask(self) -> None:
        """Stop the turn; a second time does no more."""
        self._event.set()

    def clear(self) -> None:
        """A new turn begins."""
        self._event.clear()

    async def unless(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work`, which only reads, or end it and raise Cancelled when the person wants that."""
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Cancelled("stopped", "Nothing was changed.")
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait([task])

    @asynccontextmanager
    async def calling(self, stop: Callable[[], object]) -> AsyncGenerator[None]:
        """While inside, `stop` is called when the person wants it; what runs inside ends by that in its own way."""

        async def watch() -> None:
            await self._event.wait()
            stop()

        watcher = asyncio.ensure_future(watch())
        try:
            yield
        finally:
            watcher.cancel()
