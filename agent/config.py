"""Settings: flags over ENVSYNC_* over the user's file over defaults; built once, passed on."""

from __future__ import annotations

import errno
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..tools.errors import Usage


@dataclass(frozen=True)
class Settings:
    """All that can be set. Nothing that came with a project is ever read here: the user's own level only."""

    state: Path
    """Journal, snapshots, sessions, memory, locks; mode 0700."""
    file: Path
    """The user's config file; it need not exist."""
    path: Path = field(default_factory=Path.cwd)
    """The project: -C, or the current directory."""
    on: str = "local"
    model: str = ""
    """`offline`, `scripted:FILE`, or a model's name at the endpoint; empty: the endpoint's when one is set, else offline."""
    route: bool = False
    """Sure and simple requests are answered offline, the rest by `model`; not where a flag names the model."""
    base_url: str = ""
    """An OpenAI-compatible endpoint; empty means the provider's own when there is a key."""
    key: str = field(default="", repr=False)
    """From the environment or the keyring; never written anywhere."""
    plan: bool = False
    """Say what would be done, do nothing."""
    yes: bool = False
    """Approve plans up to R2 beforehand."""
    json: bool = False
    quiet: bool = False
    color: bool | None = None
    """None: as the terminal and NO_COLOR say."""
    memory: bool = True
    session: str = ""
    """Id or title of the session to go on with."""
    resume: bool = False
    """Go on with this project's latest session (`--continue`)."""
    vi: bool = False
    """vi keys in the conversation."""
    price_prompt: float | None = None
    """US dollars per million prompt tokens; None: not known, and no cost is shown."""
    price_completion: float | None = None
    environ: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """The process's environment, taken once."""


AUTO = "auto"
"""As a model's name: the configured one, and offline for what is sure and simple."""
FROM_FILE = frozenset({"model", "route", "base_url", "memory", "vi", "color", "price_prompt", "price_completion"})
"""What the user's file may set; a key is no setting of a file, so that none is ever stored in clear."""


def load(flags: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Build the settings. `flags` are those that were given; raises Usage naming the file or variable that is wrong."""
    home = Path(environ.get("HOME") or Path.home())
    state = Path(
        environ.get("ENVSYNC_STATE") or Path(environ.get("XDG_STATE_HOME") or home / ".local/state") / "envsync"
    )
    file = Path(
        environ.get("ENVSYNC_CONFIG")
        or Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "envsync/config.toml"
    )
    flags = {name: value for name, value in flags.items() if (name, value) != ("model", AUTO)}
    given: dict[str, Any] = {"route": True, **_file(file), **_environment(environ), **flags}
    if flags.get("model"):
        given["route"] = False  # named for this one time: it alone answers
    try:
        path = Path(given.pop("path", None) or ".").absolute()
        settings = Settings(state=state.absolute(), file=file, path=path, environ=dict(environ))
    except FileNotFoundError as error:
        raise Usage("the directory you are in is gone", "Go to one that exists, or name it: -C DIR.") from error
    if not path.is_dir():
        there = (
            f" For one on {flags['on']} leave -C out and add: --path {path}"
            if flags.get("on", "local") != "local"
            else ""
        )
        raise Usage(f"{path} is no directory", f"Give -C an existing directory of this machine.{there}")
    return replace(settings, path=path, **given)


def _file(file: Path) -> dict[str, Any]:
    try:
        body = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Usage(f"{file} cannot be read: {error}", "Correct it, or move it away.") from error
    unknown = sorted(set(body) - FROM_FILE)
    if unknown:
        raise Usage(f"{file}: unknown setting {unknown[0]!r}", f"It may set: {', '.join(sorted(FROM_FILE))}.")
    return {name: _typed(name, value, str(file)) for name, value in body.items()}


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name in sorted(FROM_FILE):
        value = environ.get(f"ENVSYNC_{name.upper()}")
        if value:
            given[name] = _typed(name, value, f"ENVSYNC_{name.upper()}")
    given.setdefault("base_url", environ.get("OPENAI_BASE_URL", ""))
    key = environ.get("ENVSYNC_API_KEY") or environ.get("OPENAI_API_KEY") or ""
    return {name: value for name, value in {**given, "key": key}.items() if value != ""}


def _typed(name: str, value: Any, where: str) -> Any:
    """Bring a file's or variable's value to the setting's type."""
    kind = str(next(f.type for f in fields(Settings) if f.name == name))
    try:
        if kind.startswith("bool"):
            return (
                value
                if isinstance(value, bool)
                else {"1": True, "true": True, "0": False, "false": False}[value.lower()]
            )
        if kind.startswith("float"):
            return float(value)
        if isinstance(value, str):
            return "" if (name, value) == ("model", AUTO) else value
    except (KeyError, ValueError, AttributeError):
        pass
    raise Usage(f"{where}: {name} cannot be {value!r}", f"It is a {kind.split(' ')[0]}.")


def state_directory(settings: Settings) -> Path:
    """Make the state directory, private to the user. Raises Usage when it cannot be made, or is another thing's."""
    try:
        try:
            settings.state.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            _own(settings.state)
    except OSError as error:
        raise Usage(
            f"the state directory cannot be made: {error}", "Set ENVSYNC_STATE to a directory you may write."
        ) from error
    return settings.state


def _own(state: Path) -> None:
    """Make a state directory that is there private again. One that others use too is left as it is, and refused."""
    info = state.stat()
    if not stat.S_ISDIR(info.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it is no directory", str(state))
    private = info.st_uid == os.geteuid() and not info.st_mode & 0o077
    held = {path.name for path in state.iterdir()} if not private and info.st_uid == os.geteuid() else {"?"}
    ours = "journal.db" in held or held <= {"locks", "store", "cache"}
    if not private and not ours:
        raise Usage(
            f"{state} is no directory of EnvSync's own: others may read it, or it holds other things",
            "Set ENVSYNC_STATE to a directory that is empty or not there yet, e.g. ~/.local/state/envsync.",
        )
    if not private:
        os.chmod(state, 0o700)
