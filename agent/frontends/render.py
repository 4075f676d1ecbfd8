"""Events and results on the screen: the one place where a turn becomes what a person sees."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TextIO

from ...tools.contract import Block, Output, Progress, Result
from ...tools.errors import Cancelled, EnvSyncError, NeedsApproval
from ..config import Settings
from ..events import (
    ApprovalNeeded,
    Call,
    Done,
    Event,
    Failed,
    Notice,
    Planned,
    Prepared,
    Text,
    ToolFinished,
    ToolStarted,
)
from .progress import Meter
from .text import Cleaner, Line, plain, plan_lines, safe, wrapped

UNCHANGED = "Nothing was changed."
"""The session's own remark under a model's words; it is shown even where those were streamed."""
_PAINT = {"title": "1", "dim": "2", "warn": "33", "bad": "31", "good": "32", "accent": "36"}


class Screen:
    """Shows events: the answer on `out`, all else on `err`. With `--json` the answer is left to the caller.

    `raw` is for a typed `run`: what the command writes goes where the command would have written it.
    """

    def __init__(
        self, settings: Settings, *, raw: bool = False, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self.settings = settings
        self.out, self.err = out or sys.stdout, err or sys.stderr
        self.rich = colours(self.out, settings)
        self.broken = False
        """True when nobody reads the answer any more."""
        self._raw = raw
        self.bright = colours(self.err, settings)
        """Whether the answer, and what stands beside it, has colour and boxes."""
        self._prose = self._answered = False
        self._fresh = {"stdout": True, "stderr": True}
        self._cleaners = {"stdout": Cleaner(), "stderr": Cleaner()}
        self.meter = Meter(self.err, live=self.bright, paint=self.paint, width=self._width)

    def show(self, event: Event) -> None:
        """Show one event, in the order in which they come."""
        if isinstance(event, Progress):
            self.meter.update(event)
            return
        self.meter.clear()
        match event:
            case Text(text):
                self._prose = True
                self._answer(safe(text, lines=True), end="")
            case Notice(text):
                self._end_prose()
                self.note(safe(text))
            case Planned(prepared, later):
                self._planned(prepared, later)
            case ToolStarted(call):
                if not self.settings.quiet and (self.bright or not self.settings.json):
                    self.meter.begin(call.tool)
            case Output():
                self._output(event)
            case ToolFinished(_, result):
                self._end_output()
                self.meter.end()
                self.result(result)
            case Failed(error):
                self._end_output()
                self.meter.end()
                self.error(error)
            case Done():
                self.meter.end()
                self._done(event)
            case ApprovalNeeded():
                self.meter.end()

    def think(self) -> None:
        """A model is at work, or is being loaded."""
        if not self.settings.quiet and not self.settings.json:
            self.meter.begin("thinking")

    def result(self, result: Result) -> None:
        """A result: its summary, then its blocks."""
        self._answered = True
        ok = result.exit == 0
        summary = safe(result.summary)
        if self._raw and not self.out.isatty():
            self.note(summary)  # stdout is the command's own
            return
        if result.document:
            self.note(summary)
            self._answer(safe(result.document.rstrip("\n"), lines=True))
            return
        if not self.rich:
            self._answer("\n".join([summary, *plain(result.blocks())]))
            return
        mark = self._mark("good" if ok else "warn", "●")
        first, *rest = textwrap.wrap(summary, max(20, self._width(self.out) - 3)) or [""]
        self._answer(
            "\n".join(
                [
                    f"{mark} {self.paint('title', first, True)}",
                    *(f"  {self.paint('title', line, True)}" for line in rest),
                ]
            )
        )
        self._draw(result.blocks())

    def blocks(self, blocks: Sequence[Block], *, otherwise: str = "") -> None:
        """Blocks as the answer, or the words for when there are none."""
        if otherwise and not blocks:
            self._answer(safe(otherwise))
        elif self.rich:
            self._draw(blocks)
        else:
            self._answer("\n".join(plain(blocks)))

    def error(self, error: EnvSyncError) -> None:
        """What happened and what to do next, on the error stream; with --json the caller prints it."""
        if self.settings.json:
            return
        self._answered = True
        self._end_prose()
        # A no and a Ctrl-C are what the person wanted, not a fault.
        style = "warn" if isinstance(error, NeedsApproval | Cancelled) else "bad"
        mark = self._mark(style, "●", self.bright) + " " if self.bright else "error: "
        self._put(self.err, mark + safe(error.what, lines=True) + "\n")
        if error.hint:
            self._put(self.err, self.paint("dim", "  " + safe(error.hint, lines=True)) + "\n")

    def note(self, text: str, style: str = "dim") -> None:
        """A remark beside the answer; silenced by --quiet and --json."""
        if not self.settings.quiet and not self.settings.json:
            self.meter.clear()
            self._put(self.err, self.paint(style, text) + "\n")

    def lines(self, lines: Sequence[Line], *, answer: bool = True) -> None:
        """Code-made lines, as the answer or beside it."""
        for line in lines:
            if answer:
                self._answer(self.paint(line.style, line.text, self.rich))
            else:
                self._put(self.err, self.paint(line.style, line.text) + "\n")

    def paint(self, style: str, text: str, bright: bool | None = None) -> str:
        """Text in a style, where there is colour."""
        code = _PAINT.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if code and text and (self.bright if bright is None else bright) else text

    def _planned(self, prepared: Sequence[Prepared], later: Sequence[Call]) -> None:
        self._end_prose()
        if self.settings.plan:
            self.lines(plan_lines(prepared, self._width(self.out) if self.rich else 0))
            for call in later if prepared else ():
                self._answer(self.paint("dim", f"then {call.tool}, planned when that is done", self.rich))
            self._answered = bool(prepared)
            return
        for item in prepared:
            if item.plan and not item.plan.empty and not item.asks:
                self.note(f"› {safe(item.plan.summary)}")
        for call in later if prepared else ():  # without: the first could not be planned, as the error says next
            self.note(f"then {safe(call.tool)}: planned when that is done")

    def _output(self, output: Output) -> None:
        if self.settings.quiet or (self.settings.json and not self.bright):
            return
        stream = "stderr" if output.stream == "stderr" else "stdout"
        text = self._cleaners[stream](output.text)
        own = self.out if self._raw and not self.settings.json else self.err
        out = self.out if (self._raw and stream == "stdout" and not self.settings.json) else self.err
        if not text:
            return
        if not colours(own, self.settings):
            self._fresh[stream] = text.endswith("\n")
            self._put(out, text)
            return
        # The bar on the left tells a command's words from ours.
        bar = self.paint("dim", "  │ ", True)
        start = bar if self._fresh[stream] else ""
        self._fresh[stream] = text.endswith("\n")
        body = text[:-1] if self._fresh[stream] else text
        self._put(out, start + body.replace("\n", f"\n{bar}") + "\n" * self._fresh[stream])

    def _end_output(self) -> None:
        for stream, cleaner in self._cleaners.items():
            if rest := cleaner.end():
                self._output(Output(rest, stream))
            if not self._fresh[stream]:
                own = self.out if self._raw and stream == "stdout" else self.err
                if own.isatty():
                    self._put(own, "\n")
                self._fresh[stream] = True

    def _done(self, done: Done) -> None:
        remark = done.reply.rpartition("\n")[2]
        if self._prose and remark == UNCHANGED:
            self._end_prose()
            self._answer(remark)
        elif done.reply and not self._prose and not self._answered:
            width = self._width(self.out) if self.rich else 0
            for line in safe(done.reply, lines=True).split("\n"):
                self._answer("\n".join(part.text for part in wrapped(Line(line), width, hang=0)))
        self._end_prose()
        self._answered = False

    def _end_prose(self) -> None:
        if self._prose:
            self._answer("")
            self._prose = False

    def _answer(self, text: str, end: str = "\n") -> None:
        if not self.settings.json:
            self._put(self.out, text + end)

    def _put(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            # The reader is gone. What is being changed is still finished or taken back, so this is no exception.
            self.broken = self.broken or stream is self.out

    def _mark(self, style: str, mark: str, bright: bool | None = None) -> str:
        return self.paint(style, mark, self.rich if bright is None else bright)

    def _width(self, stream: TextIO | None = None) -> int:
        try:
            return os.get_terminal_size((stream or self.err).fileno()).columns
        except (OSError, ValueError):
            return shutil.get_terminal_size().columns

    def _draw(self, blocks: Sequence[Block]) -> None:
        """Blocks with rich, which is loaded for a terminal only."""
        if not blocks or self.settings.json:
            return
        from .draw import draw

        try:
            draw(blocks, self.out)
        except (OSError, ValueError):
            self.broken = True


def colours(stream: TextIO, settings: Settings) -> bool:
    """Whether this stream gets colour, boxes and moving lines: a terminal that can, and nobody said no."""
    if settings.color is False or settings.environ.get("NO_COLOR") or settings.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:
        return False
