"""Keeping two sides the same while they change: what is touched is looked at at once, and all of it now and then."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import EnvSyncError, Failed, Unreachable
from ..trees.replica import Replica
from .engine import MANY, Done
from .work import Work

BOUND = 20_000
"""Touched paths that are remembered one by one while a cycle runs; beyond, everything is looked at."""
RESCAN = 900.0
"""Seconds between two looks at everything: events can get lost in ways that nobody tells."""
SHARE = 0.005
"""Of the time that these looks may take: large trees are looked at less often."""
SOON = 0.02
"""Seconds until a path is looked at again that somebody was writing to."""
LATER = 30.0
"""Seconds until what could not be made is tried again."""
COLLECTS = 600.0
"""Seconds between two searches for garbage."""
SETTLE = 0.5
"""Seconds without a change after which what was agreed goes to the disk and the state is told."""
Job = Callable[[Work], Awaitable[Any]]


class Watcher:
    """The loop of one keeper. `told` is called when the state is worth telling."""

    def __init__(self, work: Work, told: Callable[[Watcher, str], None]) -> None:
        self.work = work
        self.cycles = 0
        self.made = [0, 0]
        self._told = told
        self._touched: list[set[str]] = [set(), set()]
        self._wake = asyncio.Event()
        self._jobs: list[tuple[Job, asyncio.Future[Any]]] = []
        self._stopping = False
        self._tries = 0
        self._collected = time.monotonic()

    def stop(self) -> None:
        """End after the operation that is under way."""
        self._stopping = True
        self._wake.set()

    async def call(self, job: Job) -> Any:
        """Do something with the session between two operations of the loop, and look at everything after it. Raises what
        the job raises, and what ends the loop."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._jobs.append((job, answer))
        self._wake.set()
        return await answer

    async def run(self) -> None:
        """Until `stop`. Raises Unreachable when a side goes away, Halted when a person must look."""
        engine = self.work.engine
        # Watching begins before the first look, so that nothing falls between.
        await asyncio.gather(*(side.watch() for side in engine.sides))
        listeners = [asyncio.ensure_future(self._listen(number, side)) for number, side in enumerate(engine.sides)]
        try:
            await self._all()
            gc.collect()
            gc.freeze()  # what was seen stays: searching it for garbage would hold up what is saved just then
            self._told(self, "watching")
            await self._loop(listeners)
        except Exception as error:
            self._reject(error)
            raise
        finally:
            for listener in listeners:
                listener.cancel()
            await asyncio.wait(listeners)
            self._reject(Failed("the keeper of this sync session ends", "Try again."))
            self.work.settle()

    def _collect(self) -> None:
        """Look for garbage now and then, when nothing happens."""
        now = time.monotonic()
        if now - self._collected > COLLECTS:
            self._collected = now
            gc.collect()

    def _reject(self, error: Exception) -> None:
        for _, answer in self._jobs:
            if not answer.done():
                answer.set_exception(error)
        self._jobs.clear()

    async def _listen(self, number: int, side: Replica) -> None:
        try:
            while True:
                paths = await side.touched()
                kept = self._touched[number]
                kept |= paths
                if len(kept) > BOUND:
                    kept.clear()
                    kept.add(".")
                self._wake.set()
        finally:
            self._wake.set()

    async def _loop(self, listeners: list[asyncio.Task[None]]) -> None:
        began = time.monotonic()
        settled = False  # the first pause comes after the first look at everything
        retry = self._retry(Done())
        while not self._stopping:
            now = time.monotonic()
            timeout = max(0.0, self._next_full - now)
            if retry:
                timeout = min(timeout, max(0.0, retry - now))
            if not settled:
                timeout = min(timeout, SETTLE)
            if not self._wake.is_set():
                try:
                    async with asyncio.timeout(timeout):
                        await self._wake.wait()
                except TimeoutError:
                    if not settled:
                        await self.work.rest()
                        self._collect()
                        self._told(self, "watching")
                        settled = True
                        continue
            self._wake.clear()
            for listener in listeners:
                if listener.done():
                    listener.result()
            now = time.monotonic()
            touched, self._touched = self._touched, [set(), set()]
            if self._jobs or now >= self._next_full or any("." in t or len(t) > MANY for t in touched):
                await self._with_jobs()
                self._told(self, "watching")
                began, settled, retry = now, False, self._retry(Done())
                continue
            if retry and now >= retry:
                for side in (0, 1):
                    touched[side].update(self.work.engine.problems, self.work.engine.waiting)
                    touched[side] |= self._again[side]
                self._again = [set(), set()]
            if not (touched[0] or touched[1]):
                continue
            done = await self.work.glance(touched)
            self._count(done)
            retry = self._retry(done)
            settled = False
            if now - began > 2.0 and not self._wake.is_set():
                began = now
                self._told(self, "watching")

    async def _with_jobs(self) -> None:
        """Look at everything; jobs come before it, and have their answer after it."""
        jobs, self._jobs = self._jobs, []
        results: list[tuple[asyncio.Future[Any], Any]] = []
        try:
            for job, answer in jobs:
                try:
                    results.append((answer, await job(self.work)))
                except (EnvSyncError, OSError) as error:
                    if isinstance(error, Unreachable):
                        raise
                    answer.set_exception(error)
            await self._all()
        except Exception as error:
            for _, answer in jobs:
                if not answer.done():
                    answer.set_exception(error)
            raise
        for answer, result in results:
            if not answer.done():
                answer.set_result(result)

    async def _all(self) -> None:
        start = time.monotonic()
        self._told(self, "syncing")
        for done in await self.work.cycles():
            self._count(done)
        took = time.monotonic() - start
        self._next_full = time.monotonic() + max(RESCAN, took / SHARE)
        self._again: list[set[str]] = [set(), set()]

    def _count(self, done: Done) -> None:
        self.cycles += 1
        for side in (0, 1):
            self.made[side] += len(done.made[side])

    def _retry(self, done: Done) -> float:
        """When to look again at what was being written, or could not be made; 0: not needed."""
        engine = self.work.engine
        for side in (0, 1):
            self._again[side] |= done.again[side]
        if any(self._again) or engine.waiting:
            self._tries += 1
            return time.monotonic() + min(SOON * 2 ** min(self._tries, 8), 5.0)
        self._tries = 0
        return time.monotonic() + LATER if engine.problems else 0.0
