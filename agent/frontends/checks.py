"""What `envsync doctor` looks at. A check is one function and one line in CHECKS; it only reads."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from ...tools.errors import EnvSyncError
from ...tools.locks import held
from ..config import Settings, state_directory
from . import hostchecks
from .hostchecks import Check
from .text import size

LEAST_SPACE = 1_000_000_000
"""Bytes free below which snapshots may soon fail."""


def _python(_: Settings) -> Check:
    return Check("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _state(chosen: Settings) -> Check:
    try:
        directory = state_directory(chosen)
        probe = directory / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
        free = shutil.disk_usage(directory).free
    except EnvSyncError as error:
        return Check("state", "broken", error.what, error.hint)
    except OSError as error:
        return Check(
            "state",
            "broken",
            f"{chosen.state} cannot be written: {error.strerror}",
            "Free space, or set ENVSYNC_STATE.",
        )
    if free < LEAST_SPACE:
        return Check("state", "missing", f"{directory}, only {size(free)} free", "Free space, or set ENVSYNC_STATE.")
    return Check("state", "ok", f"{directory}, {size(free)} free")


def _settings(chosen: Settings) -> Check:
    return Check(
        "settings", "ok", f"{chosen.file}" if chosen.file.exists() else f"defaults ({chosen.file} does not exist)"
    )


def _database(name: str, file: str, loss: str) -> Callable[[Settings], Check]:
    def check(chosen: Settings) -> Check:
        path = chosen.state / file
        if not path.exists():
            return Check(name, "ok", "empty so far")
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
                (word,) = db.execute("pragma quick_check(1)").fetchone()
        except sqlite3.Error as error:
            word = str(error)
        if word == "ok":
            return Check(name, "ok", f"sound, {size(path.stat().st_size)}")
        return Check(name, "broken", f"{path}: {word}", f"Move it away to begin anew: {loss}.")

    return check


def _store(chosen: Settings) -> Check:
    store = chosen.state / "store"
    if not store.is_dir():
        return Check("snapshots", "ok", "none so far")
    used = 0
    for folder, _, files in os.walk(store):
        for name in files:
            with suppress(OSError):
                used += os.lstat(Path(folder, name)).st_size
    return Check("snapshots", "ok", f"{size(used)} at {store}")


def _locks(chosen: Settings) -> Check:
    owners = held(chosen.state / "locks")
    left = [owner for owner in owners if owner.get("machine") != platform.node()]
    if left:
        fixes = ", ".join(f"envsync unlock {owner.get('id')}" for owner in left)
        return Check("locks", "missing", f"{len(left)} left by another machine", f"When nothing runs there: {fixes}")
    return Check("locks", "ok", f"{len(owners)} change(s) under way" if owners else "free")


def _model(chosen: Settings) -> Check:
    from ..models.registry import open_model

    try:
        model = open_model(replace(chosen, route=False))
    except EnvSyncError as error:
        return Check("model", "broken", error.what, error.hint)
    if model.name == "offline":
        return Check("model", "ok", "offline, built in; for a larger one set OPENAI_API_KEY or OPENAI_BASE_URL")
    if chosen.model.startswith("scripted:"):
        return Check("model", "ok", model.name)
    at = chosen.model.partition("@")[2] or chosen.base_url or "https://api.openai.com/v1"
    return _endpoint(at, chosen.key, f"{model.name}, for what offline is not sure of," if chosen.route else model.name)


def _endpoint(at: str, key: str, name: str) -> Check:
    if urllib.parse.urlsplit(at).scheme not in ("http", "https"):
        return Check("model", "broken", f"{at} is no http address", "Correct the endpoint, or use --model offline.")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    request = urllib.request.Request(f"{at.rstrip('/')}/models", headers=headers)  # noqa: S310  # http(s) only, see above
    try:
        with urllib.request.urlopen(request, timeout=5):  # noqa: S310  # the same
            return Check("model", "ok", f"{name} at {at}")
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return Check("model", "broken", f"{at} refuses the key", "Set ENVSYNC_API_KEY, or use --model offline.")
        return Check("model", "ok", f"{name} at {at} (answers {error.code} to a list of models)")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return Check(
            "model", "broken", f"{at} cannot be reached: {reason}", "Start it, correct it, or use --model offline."
        )


def _keyring(_: Settings) -> Check:
    try:
        import keyring
    except ImportError:
        return Check(
            "keyring", "note", "not installed; keys come from the environment", "To use it: install envsync[keyring]."
        )
    backend = type(keyring.get_keyring()).__module__.removeprefix("keyring.backends.")
    if backend == "fail":
        return Check("keyring", "note", "no keyring runs here; keys come from the environment")
    return Check("keyring", "ok", backend)


def _program(name: str, use: str, fix: str, *version: str) -> Callable[[Settings], Check]:
    def check(_: Settings) -> Check:
        # Beside the interpreter too: a uv that was installed with EnvSync is found there by the provider as well.
        path = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
        if path is None:
            return Check(name, "missing", f"not found; {use}", fix)
        try:
            done = subprocess.run(
                [path, *(version or ("--version",))], capture_output=True, timeout=5, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Check(name, "missing", f"{path} does not answer: {type(error).__name__}", fix)
        first = (done.stdout or done.stderr).decode("utf-8", "replace").strip().splitlines()
        return Check(name, "ok", f"{first[0] if first else 'version unknown'} at {path}")

    return check


def _apt(_: Settings) -> Check:
    if shutil.which("apt-get") is None:
        return Check("apt", "note", "not on this system; system packages are not installed")
    if os.geteuid() == 0:
        return Check("apt", "ok", "may install system packages")
    return Check(
        "apt",
        "missing",
        "needs root to install system packages",
        "Run envsync as root for those, or have them installed.",
    )


def _terminal(chosen: Settings) -> Check:
    encoding = locale.getpreferredencoding(False)
    term = chosen.environ.get("TERM", "none")
    if encoding.lower().replace("-", "") != "utf8":
        return Check(
            "terminal", "missing", f"{term}, {encoding}: some signs show as escapes", "Set LANG to a UTF-8 locale."
        )
    return Check("terminal", "ok", f"{term}, {encoding}")


CHECKS: dict[str, Callable[[Settings], Check]] = {
    "python": _python,
    "settings": _settings,
    "state": _state,
    "journal": _database("journal", "journal.db", "what was done before can then not be undone"),
    "snapshots": _store,
    "sessions": _database("sessions", "sessions.db", "earlier conversations are then gone"),
    "memory": _database("memory", "memory/memory.db", "what was remembered is then gone"),
    "locks": _locks,
    "model": _model,
    "keyring": _keyring,
    "terminal": _terminal,
    "git": _program("git", "its facts are recorded with snapshots", "Install git."),
    "uv": _program(
        "uv", "pip makes Python environments instead, more slowly", "pip install uv, or see https://docs.astral.sh/uv"
    ),
    "node": _program("node", "needed for JavaScript projects", "Install Node.js, for example with mise."),
    "npm": _program("npm", "needed for JavaScript projects", "It comes with Node.js."),
    "apt": _apt,
    "mise": _program("mise", "it gets the runtimes that a project asks for", "See https://mise.jdx.dev"),
    **hostchecks.HOSTS,
}
