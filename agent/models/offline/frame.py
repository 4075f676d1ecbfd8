"""A frame: how the words for a tool begin."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """`score` is the evidence that the words alone give, 0 to 100."""

    tool: str
    score: float
    pattern: re.Pattern[str]
    how: str = ""


def frame(tool: str, score: float, pattern: str, how: str = "") -> Frame:
    return Frame(tool, score, re.compile(pattern), how)


THE = r"(?: (?:the|a|an|my|our|your|all|any|some|this|that|these|its|their|every))*"
"""Articles and the like before a noun."""
SHOW = rf"(?:show|list|display|print|see|view|give|get|tell|what are|which|read|look at|check|pull up|bring up|open)(?: me| us)?(?: about)?{THE}"
"""The words for having something shown."""
