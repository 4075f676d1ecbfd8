"""What is recorded by hash only: environment variables and config files of the user. Values never leave this module."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from blake3 import blake3

from ..fingerprint import FileHash, Variable
from .text import safe

DOTFILES = (
    ".bashrc", ".bash_profile", ".bash_aliases", ".profile", ".zshrc", ".zshenv", ".zprofile", ".inputrc", ".gitconfig", ".gitignore_global",
    ".config/git/config", ".config/git/ignore", ".npmrc", ".yarnrc", ".yarnrc.yml", ".config/pip/pip.conf", ".pip/pip.conf", ".config/uv/uv.toml",
    ".cargo/config.toml", ".condarc", ".gemrc", ".vimrc", ".config/nvim/init.lua", ".config/nvim/init.vim", ".tmux.conf",
    ".config/tmux/tmux.conf", ".editorconfig", ".tool-versions", ".config/mise/config.toml", ".config/fish/config.fish", ".config/starship.toml",
    ".ssh/config", ".direnvrc", ".config/direnv/direnvrc", ".curlrc", ".wgetrc", ".nanorc", ".screenrc",
)  # fmt: skip
"""Below the home directory; adding one is one word here."""

TRANSIENT = frozenset({
    "_", "PWD", "OLDPWD", "SHLVL", "COLUMNS", "LINES", "TERM_SESSION_ID", "WINDOWID", "SSH_CLIENT",
    "SSH_CONNECTION", "SSH_TTY", "SSH_AUTH_SOCK", "SSH_AGENT_PID", "TMUX", "TMUX_PANE", "STY", "XDG_SESSION_ID",
    "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY", "INVOCATION_ID",
    "JOURNAL_STREAM", "MAIL", "RANDOM", "SECONDS", "PYTEST_CURRENT_TEST", "PYTEST_VERSION",
})  # fmt: skip
"""Variables that differ from one terminal to the next and say nothing about the environment."""

MOST = 4 << 20


def salt(state: Path) -> bytes:
    """The 32 random bytes that key this user's hashes, made once, readable by nobody else."""
    path = state / "salt"
    with suppress(OSError):
        kept = path.read_bytes()
        if len(kept) == 32:
            return kept
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = state / f".salt.{secrets.token_hex(6)}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_bytes(32))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        # Of two processes that start together the first one's salt wins for both.
        os.link(temporary, path)
    except FileExistsError:
        if path.stat().st_size != 32:
            os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    return path.read_bytes()


def variables(environ: Mapping[str, str], key: bytes) -> tuple[Variable, ...]:
    """Names and keyed hashes; the name is part of what is hashed, so that equal values do not show. Nothing without a key."""
    if not key:
        return ()
    return tuple(
        Variable(
            name=safe(name), digest=blake3(f"{name}\0{value}".encode("utf-8", "surrogateescape"), key=key).hexdigest()
        )
        for name, value in sorted(environ.items())
        if name not in TRANSIENT
    )


def host_key(key: bytes, host: str) -> bytes:
    """The key for hashes that are made on another host: it never sees the one of this machine, nor any other host's."""
    return hashlib.blake2b(host.encode("utf-8", "surrogateescape"), key=key, digest_size=32).digest() if key else b""


def variables_there(key: bytes) -> tuple[list[Variable], str]:
    """The variables of the process that this runs in, by name and keyed hash, and the active virtual environment's path.

    Runs on another host: no value leaves it. An unset or empty variable is left out.
    """
    return hashed(os.environ, key), os.environ.get("VIRTUAL_ENV", "")


def hashed(environ: Mapping[str, str], key: bytes) -> list[Variable]:
    """Names and keyed hashes with what the standard library has, as every host can make them."""
    return [
        Variable(name=safe(name), digest=keyed(f"{name}\0{value}".encode("utf-8", "surrogateescape"), key))
        for name, value in sorted(environ.items())
        if key and value and name not in TRANSIENT and not name.startswith("ENVSYNC_")
    ]


def dotfiles_there(home: str, key: bytes, names: Sequence[str] = DOTFILES) -> list[FileHash]:
    """Like `dotfiles`, on another host: with what the standard library has."""
    return [FileHash(path=path, digest=keyed(content, key)) for path, content in _contents(home, key, names)]


def keyed(content: bytes, key: bytes) -> str:
    """Hash with a key, by what every Python has."""
    return hashlib.blake2b(content, key=key, digest_size=32).hexdigest()


def dotfiles(home: str, key: bytes, names: Sequence[str] = DOTFILES) -> tuple[FileHash, ...]:
    """Keyed hashes of the config files that are there; links are followed, since people keep their dotfiles elsewhere."""
    return tuple(FileHash(path=path, digest=_blake3(content, key)) for path, content in _contents(home, key, names))


def _blake3(content: bytes, key: bytes) -> str:
    return blake3(content, key=key).hexdigest()


def _contents(home: str, key: bytes, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    if not key:
        return
    for name in names:
        try:
            handle = os.open(os.path.join(home, name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        content = None
        try:
            info = os.fstat(handle)
            # A directory of that name cannot even be made a file object.
            if stat.S_ISREG(info.st_mode) and info.st_size <= MOST:
                with os.fdopen(os.dup(handle), "rb") as file:
                    content = file.read(MOST)
        except OSError:
            continue
        finally:
            os.close(handle)
        if content is not None:
            yield f"~/{name}", content
