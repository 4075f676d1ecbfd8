"""Work that may hang in the kernel: on a network mount whose server is gone, a look at a file never ends.

A thread that hangs cannot be stopped. So the work is done in steps by a thread of its own, and when one step shows no
progress for a while, that thread is left behind and another goes on with the next step.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

PATIENCE = 3.0
"""Seconds without any progress."""
_LOOKS = 6
"""In how many looks that is seen: a machine that slept shows none in one of them, and did not hang."""

S = TypeVar("S")
R = TypeVar("R")


class Patient(ABC, Generic[S, R]):
    """Work in steps. All but `read` is called by one thread at a time."""

    def __init__(self) -> None:
        self._beats = 0
        self._lock = threading.Lock()
        self._turn = 0
        self._at: S | None = None
        self._error: BaseException | None = None

    def beat(self) -> None:
        """Told by a step that takes long: it makes progress."""
        self._beats += 1

    @abstractmethod
    def next(self) -> S | None:
        """The next step; None at the end. Must not touch what may hang."""

    @abstractmethod
    def read(self, step: S) -> R:
        """Carry it out without changing anything that other steps see: it may be left behind half-way."""

    @abstractmethod
    def take(self, step: S, result: R) -> None:
        """Keep what it gave."""

    @abstractmethod
    def give_up(self, step: S) -> None:
        """It hangs, and was left behind."""

    def work(self) -> None:
        """Do all steps. Raises what they raise."""
        while True:
            done = threading.Event()
            # A daemon: the process can end while it hangs.
            threading.Thread(target=self._steps, args=(self._turn, done), name="envsync-scan", daemon=True).start()
            if self._ended(done):
                if self._error is not None:
                    raise self._error
                return
            with self._lock:
                if done.is_set():
                    continue
                self._turn += 1
                step, self._at = self._at, None
            if step is not None:
                self.give_up(step)

    def _ended(self, done: threading.Event) -> bool:
        still, before = 0, -1
        while not done.wait(PATIENCE / _LOOKS):
            still = still + 1 if self._beats == before else 0
            before = self._beats
            if still >= _LOOKS:
                return False
        return True

    def _steps(self, turn: int, done: threading.Event) -> None:
        try:
            while True:
                with self._lock:
                    if self._turn != turn:
                        return
                    step = self._at = self.next()
                    if step is None:
                        break
                result = self.read(step)
                with self._lock:
                    if self._turn != turn:
                        return
                    self._beats += 1
                    self.take(step, result)
        except BaseException as error:  # it is raised where the work was asked for
            with self._lock:
                if self._turn != turn:
                    return
                self._error = error
        done.set()
