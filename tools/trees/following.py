"""Telling what is touched below a root, from a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

STORM = 20_000
"""Touched paths that are told one by one; more become `.`."""


class Following:
    """Tells what is touched, from a thread with an event loop of its own."""

    def __init__(self, root: str, skipped: Callable[[str], bool], tell: Callable[[Any], None]) -> None:
        self._root = root
        self._skipped = skipped
        self._tell = tell
        self._loop = asyncio.new_event_loop()
        self._again: asyncio.Event | None = None
        self._ended = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="envsync-watch", daemon=True)
        self._thread.start()
        self._ready.wait()

    def again(self) -> None:
        """Begin anew: other directories count now."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._renew)

    def close(self) -> None:
        """End it."""
        self._ended = True
        self.again()
        self._thread.join(10)

    def _renew(self) -> None:
        if self._again is not None:
            self._again.set()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._follow())
        except Exception as error:  # the watch is an offer: whoever listens looks at everything instead
            self._tell({"ended": str(error)})
        finally:
            self._ready.set()
            self._loop.close()

    async def _follow(self) -> None:
        from ..hosts.watching import watch

        first = True
        while not self._ended:
            self._again = asyncio.Event()
            changes = watch(Path(self._root), self._skipped)
            again = asyncio.ensure_future(self._again.wait())
            try:
                while not self._again.is_set():
                    following = asyncio.ensure_future(changes.__anext__())
                    await asyncio.wait([following, again], return_when=asyncio.FIRST_COMPLETED)
                    if not following.done():
                        following.cancel()
                        with suppress(asyncio.CancelledError, StopAsyncIteration):
                            await following
                        break
                    touched = following.result()
                    if first:
                        # The first `.` says only that the watch stands.
                        first = False
                        self._ready.set()
                        continue
                    if "." not in touched:
                        touched = [path for path in touched if not self._skipped(path)]
                    if len(touched) > STORM:
                        touched = ["."]
                    if touched:
                        self._tell(sorted(touched))
            finally:
                again.cancel()
                await changes.aclose()
