"""Text that is safe to show, and results and plans as plain lines: no colour, no width, no packages."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from ...tools.contract import Block, Lines, Table, Tree
from ...tools.plan import Plan, Step
from ...tools.risk import Risk
from ..events import Prepared

# Letters by category, and blank all the same: they could hide text or fake a name.
_BLANK = "\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5"

_SHORT = 28
"""Cells of a detail that may stand beside others."""
RISKS = {
    Risk.R0: "only looks",
    Risk.R1: "local, can be taken back",
    Risk.R2: "changes the environment, can be taken back",
    Risk.R3: "high: irreversible, remote, production or not foreseeable",
    Risk.R4: "never done",
}


def safe(text: str, *, lines: bool = False) -> str:
    """Untrusted text with everything invisible or active as a visible escape: controls, ESC, bidi, zero-width, tags,
    lone surrogates, line separators. `lines` keeps newlines and tabs, for text that may have several lines."""
    if text.isprintable() and not any(c in text for c in _BLANK):
        return text
    return "".join(c if (c.isprintable() and c not in _BLANK) or (lines and c in "\n\t") else _escape(c) for c in text)


def _escape(c: str) -> str:
    code = ord(c)
    if c in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[c]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def tight(text: str) -> str:
    """`safe`, and long runs of blanks say how long they are: padding must not push the tail out of sight."""
    return re.sub(r"\s{9,}", lambda run: f" [{len(run[0])} blanks] ", safe(text))


class Cleaner:
    """Live output of a command in chunks: colours dropped, carriage returns as new lines, the rest escaped."""

    _HELD = re.compile(r"(\x1b(\[[0-9;:]{0,64})?|\r)\Z")
    _COLOUR = re.compile(r"\x1b\[[0-9;:]*[mK]")
    _RETURN = re.compile(r"\r+\n?")

    def __init__(self) -> None:
        self._rest = ""

    def __call__(self, chunk: str) -> str:
        """What of it can be shown now; a sequence cut by the chunk's end waits for the next one."""
        text, self._rest = self._rest + chunk, ""
        if held := self._HELD.search(text):
            text, self._rest = text[: held.start()], held[0]
        return self._clean(text)

    def end(self) -> str:
        """What was still held back."""
        text, self._rest = self._rest, ""
        return self._clean(text)

    def _clean(self, text: str) -> str:
        return safe(self._RETURN.sub("\n", self._COLOUR.sub("", text)), lines=True)


# -- Blocks as plain lines ----------------------------------------------------------------------------------------


def plain(blocks: Iterable[Block]) -> list[str]:
    """Blocks as linear text: one fact a line, no boxes, nothing that a screen reader would have to spell out."""
    shown: list[str] = []
    for block in blocks:
        match block:
            case Lines(lines, title):
                shown += [f"{safe(title)}:"] * bool(title)
                shown += [("  " if title else "") + safe(line) for line in lines]
            case Table():
                shown += _table(block)
            case Tree():
                shown += _tree(block, 0)
    return shown


def _table(table: Table) -> list[str]:
    rows = [[safe(cell) for cell in row] for row in (table.columns, *table.rows)]
    widths = [max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(len(table.columns))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows]
    indent = "  " if table.title else ""
    return [f"{safe(table.title)}:"] * bool(table.title) + [indent + line for line in shown]


def _tree(tree: Tree, depth: int) -> list[str]:
    shown = ["  " * depth + safe(tree.label)]
    for child in tree.children:
        shown += _tree(child, depth + 1)
    return shown


# -- Plans --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of code-made text; `style` is title, plain, dim, warn, good or bad."""

    text: str
    style: str = "plain"


def plan_lines(prepared: Sequence[Prepared], width: int = 0) -> list[Line]:
    """What these calls would do, whole: every step, path, size, warning, the risk and the way back. Nothing is cut.

    With a `width` many short details stand in columns.
    """
    shown: list[Line] = []
    for item in prepared:
        shown += [Line("")] * bool(shown)
        lines = _plan(item.plan, item, width) if item.plan else [Line(f"{item.call.tool}: only looks", "dim")]
        shown += [part for line in lines for part in wrapped(line, width)]
    return shown


def wrapped(line: Line, width: int, hang: int = 2) -> list[Line]:
    """A line broken between words where the terminal would break it inside one; its continuation is indented by `hang`."""
    if not 20 < width < len(line.text):
        return [line]
    indent = " " * (len(line.text) - len(line.text.lstrip()) + hang)
    parts = textwrap.wrap(
        line.text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, expand_tabs=False,
        replace_whitespace=False,
    )  # fmt: skip
    return [Line(part, line.style) for part in parts]


def _plan(plan: Plan, item: Prepared, columns: int) -> list[Line]:
    where = f"{safe(plan.host)}:{tight(plan.path)}"
    shown = [Line(tight(plan.summary), "title"), Line(f"{plan.tool} in {where}", "dim")]
    if plan.empty:
        return [*shown, Line("nothing to do", "dim")]
    width = len(str(len(plan.steps)))
    for number, step in enumerate(plan.steps, 1):
        shown.append(Line(f"  {number:>{width}}. {tight(step.does)}{_fetched(step)}"))
    shown += [Line(f"  {detail}", "dim") for detail in _columns([tight(detail) for detail in plan.details], columns)]
    shown += [_difference(line) for line in plan.differences]
    shown += [Line(f"! {tight(warning)}", "warn") for warning in (*plan.warnings, *plan.figures)]
    why = f" — {tight(plan.reason)}" if plan.reason else ""
    shown.append(Line(f"risk  R{int(item.risk)}, {RISKS[item.risk]}{why}", "warn" if item.risk >= Risk.R3 else "plain"))
    shown.append(_undo(plan))
    shown += _download(plan)
    together = ", independent steps at the same time" if any(step.after is not None for step in plan.steps) else ""
    return [*shown, Line(f"time  about {span(plan.seconds)}{together}", "dim")] if plan.seconds >= 1 else shown


def _fetched(step: Step) -> str:
    """` (12.3 MB)`; nothing where nothing is fetched or nobody told how much."""
    return f" ({step.bound} {size(step.download)})".replace("( ", "(") if step.download else ""


def _download(plan: Plan) -> list[Line]:
    """`download  about 45 MB`, or at least that much when some of it is not known."""
    known = [step for step in plan.steps if step.download is not None]
    total = sum(step.download or 0 for step in known)
    if not total:
        return []
    bounds = {step.bound for step in known if step.bound}
    if len(known) < len(plan.steps):
        bounds.add("at least")
    about = "about" if len(bounds) != 1 else bounds.pop()
    return [Line(f"download  {about} {size(total)}", "dim")]


def _difference(line: str) -> Line:
    """A line of a diff with its indentation, which is a part of what it says; the rest cannot be pushed out of sight."""
    body = line[1:].lstrip(" ")
    depth = min(len(line) - 1 - len(body), 60) if line else 0
    style = {"+": "good", "-": "bad"}.get(line[:1], "dim") if not line.startswith(("+++", "---")) else "dim"
    return Line(f"  {line[:1]}{' ' * depth}{tight(body)}", style)


def _columns(details: Sequence[str], width: int) -> list[str]:
    """Runs of many short details side by side, read downwards; everything else as it is."""
    shown: list[str] = []
    for short, run in groupby(details, lambda line: line.isascii() and len(line) <= _SHORT and not line.endswith(":")):
        lines = list(run)
        cells = max(map(len, lines)) + 3
        across = max(1, (width - 2) // cells)
        if not short or len(lines) < 8 or across == 1:
            shown += lines
            continue
        down = -(-len(lines) // across)
        shown += ["".join(line.ljust(cells) for line in lines[row::down]).rstrip() for row in range(down)]
    return shown


def _undo(plan: Plan) -> Line:
    stuck = [str(number) for number, step in enumerate(plan.steps, 1) if not step.undoable]
    if not stuck:
        how = "a snapshot is taken first" if plan.captures else "every step has its inverse"
        return Line(f"undo  all of it: {how}")
    if len(stuck) == len(plan.steps):
        return Line("undo  none of it", "warn")
    return Line(f"undo  not step {', '.join(stuck)}; the rest can be taken back", "warn")


# -- Figures ------------------------------------------------------------------------------------------------------


def span(seconds: float) -> str:
    """A duration as people say it: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """Bytes as people say them, in powers of 1000: `12 kB`, `3.4 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
