"""The chosen dotfiles: a user's config files outside the project that shape the environment."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..contract import Context
from ..hosts.here import helped
from ..redact import Redactor

CHOSEN = (
    ".bash_profile", ".bashrc", ".profile", ".zprofile", ".zshenv", ".zshrc", ".inputrc",
    ".config/fish/config.fish", ".config/direnv/direnvrc", ".config/git/config", ".config/git/ignore",
    ".config/mise/config.toml", ".config/pip/pip.conf", ".config/uv/uv.toml", ".config/starship.toml",
    ".condarc", ".editorconfig", ".gitconfig", ".gitignore_global", ".npmrc", ".nvmrc", ".pip/pip.conf",
    ".python-version", ".tmux.conf", ".tool-versions", ".vimrc", ".yarnrc", ".yarnrc.yml",
)  # fmt: skip
"""Shells, version managers, package managers, git. Never keys: `.ssh`, `.netrc`, `.pypirc` and the like are not read."""
LARGEST = 1 << 20


class Held(NamedTuple):
    """A dotfile as it is now."""

    path: str
    """With `~`."""
    content: bytes
    mode: int


async def read(context: Context) -> tuple[list[Held], list[str]]:
    """The chosen dotfiles that exist, and notices about those that are left out.

    A file that holds a secret (a token in `.npmrc`) is left out: a secret is never stored. Links are left out too:
    what they point to belongs to whoever manages the dotfiles.
    """
    redact = Redactor(context.environ)
    found: list[Held] = []
    notices: list[str] = []
    for held in await _all(context, CHOSEN):
        if redact.redact(held.content.decode("utf-8", "replace"))[1]:
            notices.append(f"{held.path} holds a secret, so its content is not recorded")
        else:
            found.append(held)
    return found, notices


async def read_one(context: Context, path: str) -> Held | None:
    """One dotfile, written with `~`, as it is now; None when it is missing or no small regular file."""
    found = await _all(context, [path.removeprefix("~/")])
    return found[0] if found else None


async def _all(context: Context, names: Sequence[str]) -> list[Held]:
    if await helped(context.host):
        return await context.host.call(several, str(context.home), tuple(names))
    found: list[Held] = []
    for name in names:
        entry = await context.host.stat(context.home / name)
        if entry is not None and entry.kind == "file" and entry.size <= LARGEST:
            with suppress(OSError):
                found.append(Held(f"~/{name}", await context.host.read(context.home / name), entry.mode))
    return found


def several(home: str, names: tuple[str, ...]) -> list[Held]:
    """Those of the files below `home` that are there; runs next to them."""
    held = [_one(Path(home, name), f"~/{name}") for name in names]
    return [one for one in held if one is not None]


def _one(file: Path, path: str) -> Held | None:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as opened:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode) or info.st_size > LARGEST:
            return None
        return Held(path, opened.read(LARGEST + 1), stat.S_IMODE(info.st_mode))
