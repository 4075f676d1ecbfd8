"""A `.env` file of the project: read for the project's own processes, and for nothing else."""

from __future__ import annotations

import logging
from io import StringIO
from pathlib import Path

from ..contract import Context

LARGEST = 256 * 1024
"""Bytes; a larger file is no list of variables."""


async def values_of(path: Path, context: Context) -> dict[str, str]:
    """The variables that the file sets; none where it is missing, no regular file, or too large."""
    entry = await context.host.stat(path)
    if entry is None or entry.kind != "file" or entry.size > LARGEST:
        return {}
    return parse((await context.host.read(path)).decode("utf-8", "replace"))


def parse(text: str) -> dict[str, str]:
    """Values by name; nothing in them is expanded. What no process could have as a variable is left out."""
    from dotenv import dotenv_values

    # It would say on the screen which lines it cannot read.
    logging.getLogger("dotenv").setLevel(logging.ERROR)
    found = dotenv_values(stream=StringIO(text), interpolate=False)
    return {
        name: value
        for name, value in found.items()
        if value is not None and "\0" not in name + value and "=" not in name
    }
