"""Three-way merges of texts, by `git merge-file`: clean ones only."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from ..hosts.base import Host
from .bases import is_text

PARTS = ("mine", "base", "theirs")
ALONE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_DIR": "/nonexistent",
    "GIT_ATTR_NOSYSTEM": "1",
}
"""No configuration of anybody's: a merge driver would be a program of somebody else's."""


async def merge(here: Host, base: bytes, mine: bytes, theirs: bytes) -> tuple[bytes | None, str]:
    """The merged text; or None and why it cannot be had."""
    if not all(map(is_text, (base, mine, theirs))):
        return None, "it is no text, or a large one"
    with tempfile.TemporaryDirectory(prefix="envsync-merge-") as folder:
        place = Path(folder)
        for name, content in zip(PARTS, (mine, base, theirs), strict=True):
            await asyncio.to_thread((place / name).write_bytes, content)
        done = await here.run(["git", "merge-file", "-p", "-q", *PARTS], cwd=place, env=ALONE)
    if done.code == 0:
        return done.stdout, ""
    if done.code in (126, 127):
        return None, "merging needs git, which is not installed here"
    if done.code < 128:
        return (
            None,
            f"both changed the same lines ({done.code} places)" if done.code > 1 else "both changed the same lines",
        )
    return None, f"git could not merge it: {done.error.strip()[:200]}"
