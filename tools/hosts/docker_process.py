"""Who does something in an engine, as a label says it: whoever comes next can tell whether that one still lives."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def mark() -> str:
    """This process."""
    return f"{platform.node()}:{os.getpid()}:{_began(os.getpid())}"


def ended(mark: str) -> bool:
    """Whether the process of a mark is surely gone; one of another machine cannot be told to be."""
    machine, _, rest = mark.rpartition(":")[0].rpartition(":")
    began = mark.rpartition(":")[2]
    if not machine:
        return True
    if machine != platform.node() or not rest.isdigit():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return began != _began(int(rest))


def _began(pid: int) -> str:
    """When a process began, as the kernel counts; its number may have gone to another one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "?"
    return "?" if fields[0] == "Z" else fields[19]
