"""Making the portable fingerprint of a host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..contract import Context
from ..errors import Failed, Usage
from ..fingerprint import Fingerprint
from ..hosts.here import helped
from ..redact import Redactor
from .clean import Cleaner
from .definitions import Defined, Read, read
from .model import HOME, Alias, Dotfile, Portable

LARGEST = 1 << 20
"""Bytes of one dotfile."""
NEVER = (
    re.compile(r"\.ssh/(?!config\Z)"), re.compile(r"\.gnupg/"), re.compile(r"\.(?:netrc|pgpass|pypirc|git-credentials|my\.cnf|vault-token)\Z"),
    re.compile(r"\.aws/credentials"), re.compile(r"\.docker/config\.json"), re.compile(r"\.kube/"), re.compile(r"\.config/(?:gcloud|gh/hosts)"),
    re.compile(r"\.(?:bash|zsh|python|psql|mysql|node_repl)_?history\Z"),
)  # fmt: skip
"""Made to hold secrets: not even read."""
ALIASES = 1_000


async def make(context: Context, dotfiles: Sequence[str]) -> Portable:
    """The record of `context.host`'s machine as it is now, with the dotfiles that were chosen.

    Raises Usage for a chosen file that does not exist, cannot be carried or holds a secret.
    """
    from ... import __version__

    clean = await cleaner(context)
    chosen = [await dotfile(name, context, clean) for name in chosen_names(dotfiles)]
    found = await context.observe(context, "machine")
    aliases, left_out = carried(await defined(context), clean)
    return Portable(
        made_by=__version__,
        fingerprint=Fingerprint.model_validate(clean.record(_machine(found).model_dump(mode="json"))),
        aliases=aliases,
        dotfiles=tuple(chosen),
        left_out=left_out,
    )


async def cleaner(context: Context) -> Cleaner:
    """What takes out of texts of that host what must not leave it."""
    info = await context.host.info()
    return Cleaner(str(context.home), info.user, Redactor(context.environ))


def _machine(found: Fingerprint) -> Fingerprint:
    """Without what is a project's, and what only came along with something else."""
    kept = found.equipment
    if kept is not None and kept.identity is not None:
        # The name is a person's; whether it is still the same is told by the keyed hash.
        kept = kept.model_copy(update={"identity": kept.identity.model_copy(update={"name": ""})})
    return found.model_copy(update={"host": "local", "project": None, "packages": (), "equipment": kept})


# -- Aliases ---------------------------------------------------------------------------------------------------------


async def defined(context: Context) -> list[Defined]:
    """What the shells of the user on that host define; nothing where no Python can look."""
    if not await helped(context.host):
        return []
    found: Read = await context.host.call(read, str(context.home))
    return found.defined


def carried(found: Sequence[Defined], clean: Cleaner) -> tuple[tuple[Alias, ...], tuple[str, ...]]:
    """The aliases that mean the same elsewhere, and the names of those that stay, each with the reason."""
    aliases: list[Alias] = []
    left_out: list[str] = []
    for item in found:
        one = item.found
        if one.kind == "function":
            continue  # its text may lean on anything around it: it goes along with its file, when that is chosen
        why = _stays(one.name, one.text, one.plain, clean)
        if why:
            left_out.append(f"{one.kind} {one.name} of {item.shell}: {why}")
        elif len(aliases) < ALIASES:
            text = clean.home(one.text, "$HOME")
            aliases.append(Alias(shell=item.shell, kind=one.kind, name=one.name, text=text))
    return tuple(aliases), tuple(left_out[:200])


def _stays(name: str, text: str, plain: bool, clean: Cleaner) -> str:
    if clean.secrets(f"{name}={text}") or clean.secrets(text):
        return "it seems to hold a secret"
    if not plain:
        return "what it stands for is worked out when the shell starts"
    if not text.isprintable():
        return "it holds control characters"
    portable = clean.home(text, "$HOME")
    if clean.names(portable):
        return "it holds your user name"
    # Between single quotes `$HOME` would stay as it is.
    if portable != text and "'" in text:
        return "it holds a path of yours between quotes"
    return ""


# -- Dotfiles --------------------------------------------------------------------------------------------------------


def chosen_names(given: Sequence[str]) -> list[str]:
    """`.vimrc,.tmux.conf` or `~/.vimrc` as paths below the home directory, each once. Raises Usage for any other place."""
    names: list[str] = []
    for word in (part.strip() for text in given for part in text.split(",")):
        if not word:
            continue
        path = PurePosixPath(word.removeprefix("~/").removeprefix("./"))
        if path.is_absolute() or ".." in path.parts or not path.parts or not str(path).isprintable():
            raise Usage(f"{word!r} is no file below the home directory", "Name them as .vimrc or .config/git/ignore.")
        if str(path) not in names:
            names.append(str(path))
    return names


async def dotfile(name: str, context: Context, clean: Cleaner) -> Dotfile:
    """One file's text. Raises Usage."""
    if any(pattern.match(name) for pattern in NEVER):
        raise Usage(
            f"~/{name} is made to hold secrets, so it is not carried", "Set it up on the other machine by hand."
        )
    path = context.home / name
    entry = await context.host.stat(path)
    if entry is None:
        raise Usage(f"there is no ~/{name}", "`envsync fingerprint show` lists the dotfiles that are there.")
    if entry.kind not in ("file", "link") or entry.size > LARGEST:
        raise Usage(f"~/{name} is no small file", f"Files of up to {LARGEST >> 20} MiB can be carried.")
    text = await _text(path, name, context)
    secrets = clean.secrets(text)
    if secrets:
        raise Usage(
            f"~/{name} seems to hold a secret ({', '.join(secrets[:3])}), so it is not carried",
            "Move the secret into a file of its own and read it from there, or leave this file out.",
        )
    mode = entry.mode & 0o755 if entry.kind == "file" else 0o644
    return Dotfile(path=f"~/{name}", mode=mode, text=clean.home(text, HOME))


async def _text(path: Path, name: str, context: Context) -> str:
    try:
        content = await context.host.read(path)
        text = content.decode("utf-8")
    except OSError as error:
        raise Failed(f"~/{name} cannot be read: {error.strerror or error}", "Check its permissions.") from None
    except UnicodeDecodeError:
        raise Usage(f"~/{name} is no text", "Only text files can be looked through for secrets, and carried.") from None
    if len(content) > LARGEST or "\0" in text or "\x1a" in text:
        raise Usage(f"~/{name} is no text", "Only text files can be looked through for secrets, and carried.")
    return text
