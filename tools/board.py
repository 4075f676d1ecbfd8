"""One view of steps that are carried out at the same time: what each reports becomes one line of progress."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .contract import Context, Output, Progress
from .plan import Step


class Board:
    """Gathers what the steps of one plan report. `together` says whether some of them may run at the same time: then
    their output is passed on by whole lines, each with its step's number in the plan before it."""

    def __init__(self, steps: Sequence[Step], context: Context) -> None:
        self._steps = steps
        self._context = context
        self._together = any(step.after is not None for step in steps)
        self._running: dict[int, Progress | None] = {}
        self._over = 0
        self._rest: dict[tuple[int, str], str] = {}

    def begin(self, index: int) -> Context:
        """The step begins; gives the context that it is to report to."""
        self._running[index] = None
        self._show()

        def report(event: Progress | Output) -> None:
            if isinstance(event, Output):
                self._output(index, event)
            elif index in self._running:
                self._running[index] = event
                self._show()

        return replace(self._context, report=report)

    def end(self, index: int) -> None:
        """The step is over, one way or the other."""
        self._running.pop(index, None)
        self._over += 1
        for key in [key for key in self._rest if key[0] == index]:
            self._say(index, self._rest.pop(key) + "\n", key[1])
        if self._running:
            self._show()

    def _show(self) -> None:
        total = len(self._steps)
        labels = [self._label(index, inner) for index, inner in sorted(self._running.items())]
        alone = next(iter(self._running.values()))
        if total == 1 and alone is not None:
            self._context.report(alone)
        else:
            self._context.report(Progress(" · ".join(labels), self._over, total, "steps"))

    def _label(self, index: int, inner: Progress | None) -> str:
        if inner is None:
            return self._steps[index].does
        if not inner.total or inner.unit == "bytes":
            return inner.label
        return f"{inner.label} ({inner.done:g}/{inner.total:g} {inner.unit})".replace(" )", ")")

    def _output(self, index: int, output: Output) -> None:
        if not self._together:
            self._context.report(output)
            return
        key = (index, output.stream)
        lines, newline, rest = (self._rest.pop(key, "") + output.text).rpartition("\n")
        if rest:
            self._rest[key] = rest
        if newline:
            self._say(index, lines + "\n", output.stream)

    def _say(self, index: int, lines: str, stream: str) -> None:
        marked = "".join(f"[{index + 1}] {line}\n" for line in lines.removesuffix("\n").split("\n"))
        self._context.report(Output(marked, stream))
