"""What can come next on the input line: slash commands, flags, choices, moments, paths and hosts. Pure, but for files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...tools.errors import EnvSyncError
from ...tools.registry import TOOLS, names
from .commands import ENTRIES

if TYPE_CHECKING:
    from .repl import Repl

HOSTS = ("local",)
MOMENTS = {"rewind": "to", "drift": "against"}
"""Tools whose words mean a moment: a snapshot's label is offered."""


@dataclass(frozen=True)
class Found:
    """One offer: it replaces `replaces` characters before the cursor."""

    text: str
    replaces: int
    meta: str = ""


def complete(before: str, repl: Repl) -> Iterator[Found]:
    """Offers for the text before the cursor, best first."""
    word = before.rpartition(" ")[2].rpartition("\n")[2]
    if word.startswith("@"):
        yield from _paths(word[1:], repl.settings.path, "@")
        return
    if before.startswith("/") and " " not in before:
        rows = [*((e.name, e.summary) for e in ENTRIES), *((e.name, e.summary) for e in TOOLS)]
        for name, summary in rows:
            if name.startswith(before[1:]):
                yield Found(f"/{name} ", len(before), summary)
        return
    if before.startswith("!"):
        yield from _paths(word.removeprefix("!"), repl.settings.path, "!" if word.startswith("!") else "")
        return
    if before.startswith("/"):
        yield from _arguments(before, word, repl)
    elif len(word) >= 2:
        yield from _matching(_moments(repl), word, "a snapshot")


def _arguments(before: str, word: str, repl: Repl) -> Iterator[Found]:
    tool, _, rest = before[1:].partition(" ")
    if tool == "sessions":
        yield from _sessions(word, repl)
        return
    entry = next((entry for entry in ENTRIES if entry.name == tool), None)
    tool = entry.tool if entry and entry.tool else tool
    if tool not in names():
        return
    try:
        from .completion import common
        from .typed import flags_of

        flags = flags_of(tool)
    except (EnvSyncError, ImportError):
        return
    flag = rest[: len(rest) - len(word)].rpartition("--")[2].strip()
    last = f"--{flag}"
    if word.startswith("-"):
        for name, (meta, _) in {**flags, "--on": common()["--on"]}.items():
            if name.startswith(word):
                yield Found(f"{name} ", len(word), meta)
    elif last in flags and flags[last][1]:
        yield from _matching(tuple(flags[last][1]), word, flag)
    elif last == "--on":
        yield from _matching(HOSTS, word, "host")
    elif last in ("--path", "--paths") or tool == "scan":
        yield from _paths(word, repl.settings.path, "")
    elif tool in MOMENTS:
        yield from _matching(("last", *_moments(repl)), word, "a snapshot")


def _matching(offers: tuple[str, ...], word: str, meta: str) -> Iterator[Found]:
    for offer in offers:
        if offer.startswith(word):
            yield Found(offer, len(word), meta)


def _moments(repl: Repl) -> tuple[str, ...]:
    session = repl.talking.session
    return session.known().snapshots if session is not None else ()


def _sessions(word: str, repl: Repl) -> Iterator[Found]:
    from ..sessions import list_sessions

    try:
        for info in list_sessions(repl.settings)[:20]:
            if info.id.startswith(word):
                yield Found(info.id, len(word), info.title)
    except EnvSyncError:
        return


def _paths(word: str, root: Path, sign: str) -> Iterator[Found]:
    """Files and directories below what is typed; hidden ones only when asked for."""
    folder, _, name = word.rpartition("/")
    base = Path(root, Path(folder + "/").expanduser() if folder or word.startswith("/") else Path())
    try:
        entries = sorted(os.scandir(base), key=lambda entry: (not entry.is_dir(), entry.name))
    except OSError:
        return
    for entry in entries[:2000]:
        if entry.name.startswith(name) and (name.startswith(".") or not entry.name.startswith(".")):
            if not entry.name.isprintable():
                continue
            shown = f"{folder}/{entry.name}" if folder or word.startswith("/") else entry.name
            yield Found(f"{sign}{shown}{'/' if entry.is_dir() else ''}", len(sign + word), "")
