"""What the configured package indexes say of a name: whether it exists, its summary, its age. Read over HTTP or by npm."""

from __future__ import annotations

import json
import re
import tomllib
import urllib.parse
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ..contract import Context
from ..errors import Failed, Unreachable
from ..hosts.base import Host
from ..hosts.here import helped, here, variables
from . import defaults
from .names import normal, plain

TIMEOUT = 15.0
ACCEPT = "application/vnd.pypi.simple.v1+json, application/json, text/html;q=0.9"
BIGGEST = 32 * 1024 * 1024
"""Bytes read of one answer; boto3's JSON, among the largest, has about 6 MB."""


@dataclass(frozen=True)
class Entry:
    """A package as its index describes it. The texts are the index's: data, already made fit for one line."""

    name: str
    summary: str = ""
    latest: str = ""
    first: str = ""
    """The date of the first release, `2011-02-14`; empty when the index does not say."""
    releases: int = 0
    scripts: tuple[str, ...] = ()
    """npm: install scripts that the latest release would run."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `code` 0 means that no server was reached, and `body` then says why."""

    code: int
    body: bytes


def fetch(url: str, user: str = "") -> Answer:
    """GET with a time-out, through the system's proxies and certificates. `user` is `NAME:PASSWORD`, never logged."""
    import ssl  # with urllib.request a third of this package's import time, and most calls need no index
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, headers={"User-Agent": "envsync", "Accept": ACCEPT})  # noqa: S310 (scheme checked by the caller)
    if user:
        request.add_unredirected_header("Authorization", "Basic " + b64encode(user.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=ssl.create_default_context()) as response:  # noqa: S310 (the same)
            return Answer(response.status, response.read(BIGGEST))
    except urllib.error.HTTPError as error:
        return Answer(error.code, b"")
    except (OSError, ValueError) as error:
        return Answer(0, str(error).encode())


async def get(host: Host, url: str, user: str = "") -> Answer:
    """`fetch`, from where the packages will be fetched; from here where there is no Python to do it."""
    if await helped(host):
        return await host.call(fetch, url, user)
    return await here(fetch, url, user)


async def mirror(context: Context, usual: str) -> str:
    """Where uv gets Pythons from."""
    return (await variables(context.host, context.environ, _NAMES)).get("UV_PYTHON_INSTALL_MIRROR", usual)


async def python_index(context: Context) -> str:
    """The one index that uv or pip uses, as its Simple address; empty when neither can tell. May hold a password."""
    return await _configured(context) or await defaults.python(context)


_NAMES = (
    "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "XDG_CONFIG_HOME", "UV_CONFIG_FILE", "PIP_CONFIG_FILE",
    "UV_PYTHON_INSTALL_MIRROR",
)  # fmt: skip
"""What decides the index and the downloads, where the commands run."""


async def _configured(context: Context) -> str:
    """The index that uv or pip is configured with at the user's level; empty when they use their own."""
    env = await variables(context.host, context.environ, _NAMES)
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if env.get(name):
            return _named_index(env[name])
    config = Path(env.get("XDG_CONFIG_HOME") or context.home / ".config")
    for path in (env.get("UV_CONFIG_FILE", ""), config / "uv/uv.toml", "/etc/uv/uv.toml"):
        found = _uv_index(await text(context.host, Path(path))) if path else ""
        if found:
            return found
    places = [env.get("PIP_CONFIG_FILE", ""), context.home / ".config/pip/pip.conf", context.home / ".pip/pip.conf"]
    for place in (*places, "/etc/pip.conf"):
        found = _pip_index(await text(context.host, Path(place))) if place else ""
        if found:
            return found
    return ""


async def uv_env(context: Context) -> dict[str, str]:
    """The one index for uv and pip alike, as variables, since an address in argv would show its password."""
    index = await _configured(context)
    return {"UV_DEFAULT_INDEX": index, "PIP_INDEX_URL": index} if index else {}


async def pypi(context: Context, name: str) -> Entry | None:
    """What the Python index says of `name`; None when it has no such package. Raises Unreachable."""
    base, user = without_user(await python_index(context))
    if urllib.parse.urlsplit(base).scheme not in ("http", "https"):
        return Entry(name)  # a directory of files, or unknown: whether it has the package, the resolver says
    key = normal(name)
    prefix = base.removesuffix("/").removesuffix("/simple")
    answer = await get(context.host, f"{prefix}/pypi/{key}/json", user)
    if answer.code == 200 and (entry := _described(key, answer.body)):
        return entry
    simple = await get(context.host, f"{base.removesuffix('/')}/{key}/", user)
    if simple.code == 200:
        return Entry(key)
    if simple.code == 404:
        return None
    host = urllib.parse.urlsplit(base).hostname or ""
    why = plain(simple.body.decode("utf-8", "replace")) if simple.code == 0 else f"it answered {simple.code}"
    raise Unreachable(
        f"the Python package index {host} did not answer: {why}",
        "Check the network, the proxy, and the index that uv or pip is configured with; then ask again.",
    )


async def npm(context: Context, name: str, spec: str = "latest") -> Entry | None:
    """What npm's configured registry says of `name`; None when it has no such package. Raises Unreachable, Failed."""
    fields = ("name", "version", "description", "time.created", "scripts", "versions")
    done = await context.host.run(
        ["npm", "view", "--json", "--", f"{name}@{spec or 'latest'}", *fields],
        # Not in the project: npm would obey its .npmrc, which can put the values of variables into an address.
        cwd=Path("/"),
        timeout=60,
        env={"NO_UPDATE_NOTIFIER": "1"},
    )
    if done.code == 127:
        raise Failed("npm was not found", "Install Node first, e.g. `envsync provision --runtimes node@20`.")
    try:
        data = json.loads(done.text or "null")
    except ValueError:
        data = None
    if isinstance(data, list):  # several releases fit: the newest stands last
        data = cast(list[Any], data)[-1] if data else None
    if done.code != 0 or not isinstance(data, dict):
        if "E404" in done.text + done.error or "ETARGET" in done.text + done.error or (done.code == 0 and not data):
            return None
        raise Unreachable(
            f"npm could not ask its registry about {name}: {plain(done.error[-300:])}",
            "Check the network and `npm config get registry`; then ask again.",
        )
    record = cast(dict[str, Any], data)
    scripts = record.get("scripts")
    named = cast(dict[str, Any], scripts) if isinstance(scripts, dict) else {}
    versions = record.get("versions")
    return Entry(
        name,
        plain(str(record.get("description") or "")),
        str(record.get("version") or ""),
        str(record.get("time.created") or "")[:10],
        len(cast(list[Any], versions)) if isinstance(versions, list) else 1,
        tuple(key for key in ("preinstall", "install", "postinstall") if key in named),
    )


async def text(host: Host, path: Path, limit: int = 16 * 1024 * 1024) -> str:
    """A regular file's text; empty when there is none, when it is a link out of reach, or when it is too big."""
    try:
        found = await host.stat(path)
        if found is None or found.kind not in ("file", "link") or found.size > limit:
            return ""
        return (await host.read(path)).decode("utf-8", "replace")
    except OSError:
        return ""


def _described(key: str, body: bytes) -> Entry | None:
    try:
        data: Any = json.loads(body)
        info: Mapping[str, Any] = data["info"]
        releases: Mapping[str, list[Mapping[str, Any]]] = data.get("releases") or {}
    except (ValueError, KeyError, TypeError):
        return None
    dates = sorted(
        str(file.get("upload_time") or "")[:10]
        for files in releases.values()
        for file in files
        if file.get("upload_time")
    )
    return Entry(
        key,
        plain(str(info.get("summary") or "")),
        str(info.get("version") or ""),
        dates[0] if dates else "",
        sum(1 for files in releases.values() if files),
    )


def _named_index(value: str) -> str:
    """uv accepts `NAME=URL`."""
    found = re.match(r"[\w.-]+=(?=https?://|file:)", value)
    return value[found.end() :] if found else value


def _uv_index(content: str) -> str:
    try:
        data = tomllib.loads(content)
    except tomllib.TOMLDecodeError:
        return ""
    entries = data.get("index")
    for entry in cast(list[Any], entries) if isinstance(entries, list) else []:
        if isinstance(entry, dict) and cast(dict[str, Any], entry).get("default"):
            return str(cast(dict[str, Any], entry).get("url") or "")
    pip = data.get("pip")
    inner = cast(dict[str, Any], pip) if isinstance(pip, dict) else {}
    return str(data.get("index-url") or inner.get("index-url") or "")


def _pip_index(content: str) -> str:
    import configparser

    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(content)
    except configparser.Error:
        return ""
    for section in ("install", "global"):
        for key in ("index-url", "index_url"):
            if parser.has_option(section, key):
                return parser.get(section, key).strip()
    return ""


def without_user(url: str) -> tuple[str, str]:
    """The address without its credentials, and those as `NAME:PASSWORD`."""
    parts = urllib.parse.urlsplit(url)
    if not parts.username:
        return url, ""
    user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), user
