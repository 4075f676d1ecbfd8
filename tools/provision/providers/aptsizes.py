"""How much apt fetches and how much space that takes, as apt itself says it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...contract import Context
from ..names import plain
from ..sizes import File, sane

_FILE = re.compile(r"^'[^']*' (\S+) (\d{1,15})(?: |$)", re.MULTILINE)
_SPACE = re.compile(r"^After this operation, ([\d.,]+ ?[kMGT]?B) (of additional disk space will be used|disk space will be freed)", re.MULTILINE)  # fmt: skip


async def weigh(words: Sequence[str], env: Mapping[str, str], context: Context) -> tuple[list[File] | None, str]:
    """The archives that installing `words` fetches, which leaves out those in apt's cache, and a line about the space.

    None when apt does not say.
    """
    argv = [
        "apt-get",
        "--print-uris",
        "-y",
        "-o",
        "Debug::NoLocking=1",
        "--no-install-recommends",
        "--allow-downgrades",
    ]
    done = await context.host.run([*argv, "install", "--", *words], timeout=60, env=env, cwd=Path("/"))
    return read(done.text) if done.code == 0 else (None, "")


def read(said: str) -> tuple[list[File], str]:
    """What `apt-get --print-uris` says."""
    files = [File(plain(name.partition("_")[0], 60), size=sane(int(size))) for name, size in _FILE.findall(said)]
    space = _SPACE.search(said)
    if space is None:
        return files, ""
    return files, f"apt: {space[1]} of disk {'freed' if space[2].endswith('freed') else 'taken'}"
