"""Which registries the package tools use when nobody configured one: the tools are asked, since no address is known here."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from ..contract import Context
from ..errors import Failed
from ..hosts.base import Host
from ..hosts.here import here, near, variables

_ASK_UV = ("pip", "compile", "-q", "--emit-index-url", "--offline", "--no-config", "--no-python-downloads", "-")
_ASK_PIP = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
_UV = {name: "" for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_NO_INDEX")}
NPM = {"NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", "CI": "1", "COREPACK_ENABLE_NETWORK": "0"}
_NPM_ITSELF = {
    **NPM,
    "npm_config_userconfig": "/dev/null",
    "npm_config_globalconfig": "/dev/null/none",  # npm refuses to read one file as both
    "npm_config_registry": "",
    "NPM_CONFIG_REGISTRY": "",
}
_ADDRESS = re.compile(r"https?://[^\s\"'@]+")

_asked: WeakKeyDictionary[Host, dict[str, str]] = WeakKeyDictionary()
"""The answers of this process, by host."""


def uv_programs(context: Context) -> tuple[tuple[str, ...], ...]:
    """How uv may be started: from PATH, beside EnvSync's own interpreter, or as its module."""
    if context.host.name != "local":
        return (("uv",),)
    return ("uv",), (str(Path(sys.executable).parent / "uv"),), (sys.executable, "-m", "uv")


def pip_programs(context: Context) -> tuple[tuple[str, ...], ...]:
    """The interpreters that may have pip."""
    return ((sys.executable,), ("python3",)) if context.host.name == "local" else (("python3",),)


async def scratch(host: Host) -> Path:
    """A new private directory on the host. Raises Failed."""
    if near(host):
        return Path(await here(tempfile.mkdtemp, prefix="envsync-npm-"))
    done = await host.run(["mktemp", "-d", "/tmp/envsync-npm-XXXXXXXX"], cwd=Path("/"), timeout=15)  # noqa: S108  # made anew, 0700
    made = Path(done.text.strip())
    if done.code != 0 or made.parent != Path("/tmp"):  # noqa: S108  # the same
        raise Failed(
            f"no temporary directory could be made on {host.name}: {done.error.strip()[:200]}",
            "Free some space in /tmp over there.",
        )
    return made


async def away(host: Host, folder: Path) -> None:
    """Remove what `scratch` made."""
    if near(host):
        await here(shutil.rmtree, folder, True)
    else:
        await host.run(["rm", "-rf", "--", str(folder)], cwd=Path("/"), timeout=60)


async def python(context: Context) -> str:
    """The Simple address of the index that uv, or else pip, uses of itself; empty when neither can tell."""
    known = _asked.setdefault(context.host, {})
    if "python" not in known:
        known["python"] = await _uv(context) or await _pip(context)
    return known["python"]


async def npm(context: Context) -> tuple[str, ...]:
    """npm's registry as the user has it, and the one that npm uses of itself; without what cannot be told."""
    done = await context.host.run(
        ["npm", "config", "get", "registry", "npm-version"], cwd=Path("/"), timeout=30, env=NPM
    )
    given = _ADDRESS.search(re.sub(r"//[^/\s]*@", "//", done.text)) if done.code == 0 else None
    version = re.search(r"^npm-version=(\S+)", done.text, re.MULTILINE)
    itself = await _told(
        context, f"npm {version[1]}" if version else "", ["npm", "config", "get", "registry"], _NPM_ITSELF
    )
    return tuple(filter(None, (given[0] if given else "", itself)))


async def yarn(context: Context) -> str:
    """yarn's registry as the user has it; empty when there is no yarn at hand."""
    known = _asked.setdefault(context.host, {})
    if "yarn" not in known:
        known["yarn"] = ""
        for name in ("registry", "npmRegistryServer"):  # yarn 1's word for it, then that of yarn 2 and up
            known["yarn"] = known["yarn"] or await _told(context, "", ["yarn", "config", "get", name], NPM)
    return known["yarn"]


async def npm_alias(context: Context, registry: str) -> bool:
    """Whether npm takes `registry` (`host` or `host:port`) for its own, as it does with yarn's default one.

    npm knows that name in order to read locks of yarn. It is made to read one, offline: its complaint says to whom it
    would have turned. Whatever else it says means no.
    """
    known = _asked.setdefault(context.host, {})
    key = f"alias {registry}"
    if key not in known and re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", registry):
        folder = await scratch(context.host)
        try:
            await context.host.write(folder / "package.json", b'{"dependencies": {"envsync-asks": "1.0.0"}}')
            at = f"https://{registry}/envsync-asks/-/envsync-asks-1.0.0.tgz"
            lock = f'# yarn lockfile v1\n\n\nenvsync-asks@1.0.0:\n  version "1.0.0"\n  resolved "{at}"\n'
            await context.host.write(folder / "yarn.lock", lock.encode())
            argv = ["npm", "install", "--package-lock-only", "--offline", "--ignore-scripts"]
            env = {**_NPM_ITSELF, "npm_config_replace_registry_host": "never"}
            done = await context.host.run(argv, cwd=folder, env=env, timeout=60)
        finally:
            await away(context.host, folder)
        turned = {urlsplit(match[1]).netloc for match in re.finditer(r"request to (https?://\S+) failed", done.error)}
        own = urlsplit((await npm(context) or ("",))[-1]).netloc
        known[key] = "yes" if turned == {own} else ""
    return bool(known.get(key))


async def remembered(context: Context, key: str) -> str:
    """What `remember` kept under `key`; empty when that is nothing."""
    return (await asyncio.to_thread(_load, _store(context))).get(f"{context.host.name}\n{key}", "")


async def remember(context: Context, key: str, value: str) -> None:
    """Keep an answer in EnvSync's state, so that the next plan need not ask again."""
    await asyncio.to_thread(_save, _store(context), f"{context.host.name}\n{key}", value)


async def _uv(context: Context) -> str:
    for argv in uv_programs(context):
        done = await context.host.run([*argv, "--version"], timeout=15, cwd=Path("/"))
        if done.code == 0 and done.text.startswith("uv"):
            # A file that UV_CONFIG_FILE names counts in spite of --no-config: what uv says then is not its version's word.
            config = await variables(context.host, context.environ, ("UV_CONFIG_FILE",))
            version = "" if config else done.text.strip()
            return await _told(context, version, [*argv, *_ASK_UV], _UV)
    return ""


async def _pip(context: Context) -> str:
    for argv in pip_programs(context):
        version = await context.host.run([*argv, "-I", "-c", "import pip; print(pip.__version__)"], cwd=Path("/"))
        if version.code == 0:
            found = await _told(context, f"pip {version.text.strip()}", [*argv, "-I", "-c", _ASK_PIP], {})
            if found:
                return found
    return ""


async def _told(context: Context, version: str, argv: Sequence[str], env: Mapping[str, str]) -> str:
    """The first address in what a command says, kept for that version of the tool; empty when it says none."""
    if version and (known := await remembered(context, version)):
        return known
    done = await context.host.run(argv, cwd=Path("/"), env=env, stdin=b"\n", timeout=30)
    found = _ADDRESS.search(re.sub(r"^#.*$", "", done.text, flags=re.MULTILINE)) if done.code == 0 else None
    if found and version:
        await remember(context, version, found[0])
    return found[0] if found else ""


def _store(context: Context) -> Path:
    return context.state / "cache" / "registries.json"


def _load(store: Path) -> dict[str, str]:
    try:
        content = json.loads(store.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    pairs = cast(dict[object, object], content) if isinstance(content, dict) else {}
    return {key: value for key, value in pairs.items() if isinstance(key, str) and isinstance(value, str)}


def _save(store: Path, key: str, value: str) -> None:
    with suppress(OSError):  # a cache: what cannot be kept is asked again next time
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = store.with_suffix(f".{os.getpid()}.tmp")
        newest = dict(list({**_load(store), key: value}.items())[-100:])
        temporary.write_text(json.dumps(newest), encoding="utf-8")
        os.replace(temporary, store)
