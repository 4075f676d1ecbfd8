"""`@file` in a request: the file's text goes along as context."""

from __future__ import annotations

import re
from pathlib import Path

_MENTION = re.compile(r"(?:(?<=\s)|^)@(\"[^\"]+\"|\S+)")
MOST = 100_000
"""Characters of one file that go along."""


def mentioned(line: str, root: Path) -> tuple[str, str]:
    """The request with `@` taken off the names of things that exist, and the text of the files among them.

    An `@` before anything else stays: `user@host`, `@types/node`.
    """
    context: list[str] = []

    def put(found: re.Match[str]) -> str:
        name = found[1].strip('"')
        path = Path(root, Path(name).expanduser())
        try:
            if path.is_dir():
                return name
            if path.is_file():
                text = path.read_bytes()[:MOST].decode("utf-8", "backslashreplace")
                context.append(f"== {name} ==\n{text}")
                return name
        except (OSError, ValueError, RuntimeError):
            pass  # not readable, or no path at all: the words stay as they are
        return found[0]

    return _MENTION.sub(put, line), "\n\n".join(context)
