"""`envsync doctor`: what works here and what does not, each with the fix."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ..config import Settings
from .checks import CHECKS, Check
from .flags import Parser, settings
from .render import Screen
from .text import Line, safe


def run(argv: Sequence[str]) -> int:
    """Check everything; 0 when EnvSync can be used, 1 when something that it needs is broken."""
    parser = Parser("envsync doctor", description="Check what works here and what does not, each with the fix.")
    chosen = settings(parser.parse_args(list(argv)), os.environ)
    found = examine(chosen)
    usable = all(check.state != "broken" for check in found)
    if chosen.json:
        print(json.dumps({"usable": usable, "checks": [vars(check) for check in found]}))
    else:
        show(found, Screen(chosen))
    return 0 if usable else 1


def examine(chosen: Settings) -> list[Check]:
    """All checks, side by side; a check that fails itself is a finding, not an end."""
    with ThreadPoolExecutor(8) as threads:
        waiting = [(name, threads.submit(check, chosen)) for name, check in CHECKS.items()]
        found: list[Check] = []
        for name, future in waiting:
            try:
                found.append(future.result())
            except Exception as error:
                found.append(Check(name, "broken", f"{type(error).__name__}: {error}", "Please report this."))
    return found


def show(found: Sequence[Check], screen: Screen) -> None:
    """The findings, one a line, the fix below what needs one."""
    marks = {"ok": ("good", "●"), "note": ("dim", "○"), "missing": ("warn", "●"), "broken": ("bad", "●")}
    width = max(len(check.name) for check in found)
    lines: list[Line] = []
    for check in found:
        style, mark = marks[check.state]
        sign = screen.paint(style, mark, True) if screen.rich else f"{check.state:<7}"
        lines.append(Line(f"{sign} {check.name:<{width}}  {safe(check.what)}"))
        if check.fix:
            lines.append(Line(f"{' ' * (width + (4 if screen.rich else 10))}{safe(check.fix)}", "dim"))
    broken = sum(check.state == "broken" for check in found)
    missing = sum(check.state == "missing" for check in found)
    rest = f"; {missing} thing{'s' * (missing != 1)} would make it more useful" if missing else ""
    lines.append(Line(""))
    lines.append(
        Line(f"{broken} thing(s) must be mended first" if broken else f"EnvSync can be used here{rest}", "title")
    )
    screen.lines(lines)
