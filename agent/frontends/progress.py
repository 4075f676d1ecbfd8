"""The line that says what is going on: a bar with the time left on a terminal, a rare plain line elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TextIO

from ...tools.contract import Progress
from .text import size, span, tight

SHOW_AFTER = 0.7
"""Seconds of work before anything is shown, so that what takes under a second never flickers."""
PLAIN_EVERY = 5.0
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Meter:
    """Shows the newest Progress on `out`. `live` redraws one line ten times a second; else a line every five seconds."""

    def __init__(self, out: TextIO, *, live: bool, paint: Callable[[str, str], str], width: Callable[[], int]) -> None:
        self._out, self._live, self._paint, self._width = out, live, paint, width
        self._now: Progress | None = None
        self._since = self._label_since = self._said = 0.0
        self._task: asyncio.Task[None] | None = None
        self._drawn = False

    def begin(self, label: str) -> None:
        """Work starts; call from a running event loop."""
        self._since = self._said = time.monotonic()
        self.update(Progress(label))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._tick())

    def update(self, progress: Progress) -> None:
        """Something went on."""
        before = self._now
        if before is None or before.total != progress.total or progress.done < before.done:
            self._label_since = time.monotonic()
        self._now = progress

    def end(self) -> None:
        """Work is over: the line goes away."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self.clear()
        self._now = None

    def clear(self) -> None:
        """Take the line away, so that something else can be written; it comes back by itself."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            now, at = self._now, time.monotonic()
            if now is None or at - self._since < SHOW_AFTER:
                continue
            if self._live:
                self._draw(now, at)
            elif at - self._said >= PLAIN_EVERY:
                self._said = at
                self._write(f"{tight(now.label)} … {self._figures(now, at)}\n")

    def _draw(self, now: Progress, at: float) -> None:
        figures = self._figures(now, at)
        bar = _bar(now.done / now.total) if now.total else ""
        room = max(8, self._width() - len(figures) - len(bar) - 6)
        label = tight(now.label)
        label = label if len(label) <= room else label[: room - 1] + "…"
        frame = _FRAMES[int(at * 10) % len(_FRAMES)]
        self._write(
            f"\r\x1b[K{self._paint('accent', frame)} {label}  {self._paint('accent', bar)}{' ' * bool(bar)}"
            f"{self._paint('dim', figures)}"
        )
        self._drawn = True

    def _figures(self, now: Progress, at: float) -> str:
        elapsed = at - self._since
        if not now.total:
            return span(elapsed)
        done = (
            f"{size(now.done)} of {size(now.total)}"
            if now.unit == "bytes"
            else f"{now.done:g}/{now.total:g} {now.unit}".rstrip()
        )
        running = at - self._label_since
        if now.done <= 0 or running < 2:
            return f"{done}, {span(elapsed)}"
        return f"{done}, {span(running * (now.total - now.done) / now.done)} left"

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):
            self._live = self._drawn = False  # the terminal is gone; the work goes on


def _bar(fraction: float, cells: int = 20) -> str:
    full = round(max(0.0, min(1.0, fraction)) * cells)
    return "━" * full + "╌" * (cells - full)
