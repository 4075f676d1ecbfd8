"""Where else a user's pip and uv look for files: find-links and further indexes. uv does not read pip's, and a CPU build of
torch is often just there."""

from __future__ import annotations

import configparser
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from ..contract import Context
from ..hosts.here import variables
from .index import get, python_index, text, without_user
from .names import normal

_NAMES = (
    "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "UV_FIND_LINKS", "UV_EXTRA_INDEX_URL", "UV_INDEX",
    "UV_CONFIG_FILE", "XDG_CONFIG_HOME",
)  # fmt: skip
_MOST = 20


@dataclass(frozen=True)
class Source:
    """A place with files of packages: a directory, a page, or an index with a page for each package."""

    place: str
    index: bool = False


@dataclass(frozen=True)
class Wheel:
    """A wheel that a source offers."""

    version: Version
    filename: str
    place: str
    """What an installer has to look at to find it, without credentials; empty for the index, which it knows."""


async def sources(context: Context) -> list[Source]:
    """What is configured at the user's level, the index first, each once. Addresses may hold passwords."""
    env = await variables(context.host, context.environ, _NAMES)
    index = await python_index(context)
    found = [Source(index, True)] if index else []
    for name, value in env.items():
        if name.endswith(("FIND_LINKS", "INDEX_URL", "UV_INDEX")):
            parts = value.replace(",", " ").split() if name.startswith("UV_") else value.split()
            found += [Source(re.sub(r"^[\w.-]+=(?=https?:|file:)", "", part), "LINKS" not in name) for part in parts]
    config = Path(env.get("XDG_CONFIG_HOME") or context.home / ".config")
    for path in (env.get("UV_CONFIG_FILE", ""), config / "uv/uv.toml", "/etc/uv/uv.toml"):
        found += _of_uv(await text(context.host, Path(path))) if path else []
    places = (env.get("PIP_CONFIG_FILE", ""), config / "pip/pip.conf", context.home / ".pip/pip.conf", "/etc/pip.conf")
    for path in places if env.get("PIP_CONFIG_FILE") != os.devnull else ():
        found += _of_pip(await text(context.host, Path(path))) if path else []
    return list(dict.fromkeys(found))[:_MOST]


def _of_pip(content: str) -> list[Source]:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(content)
    except configparser.Error:
        return []
    found: list[Source] = []
    for section in ("global", "install"):
        for key in ("find-links", "find_links", "extra-index-url", "extra_index_url"):
            value = parser.get(section, key, fallback="")
            found += [Source(place, "index" in key) for place in value.split()]
    return found


def _of_uv(content: str) -> list[Source]:
    try:
        data = tomllib.loads(content)
    except (ValueError, RecursionError):
        return []
    found: list[Source] = []
    for table in (data, data.get("pip")):
        entries = cast(dict[str, Any], table).get("find-links") if isinstance(table, dict) else None
        places = cast(list[Any], entries) if isinstance(entries, list) else []
        found += [Source(place) for place in places if isinstance(place, str)]
    listed = data.get("index")
    for entry in cast(list[Any], listed) if isinstance(listed, list) else []:
        url = cast(dict[str, Any], entry).get("url") if isinstance(entry, dict) else None
        found += [Source(url, True)] if isinstance(url, str) else []
    return found


async def wheels(context: Context, name: str, label: str) -> list[Wheel]:
    """The wheels of `name` whose local version is `label` (`cpu`), or begins with it, from all sources; newest first."""
    found: dict[str, Wheel] = {}
    index = await python_index(context)
    for source in await sources(context):
        for filename, place in await _offered(context, source, name):
            try:
                bare, version, _, _ = parse_wheel_filename(filename)
            except (InvalidWheelFilename, ValueError):
                continue
            if bare == normal(name) and (version.local or "").split(".")[0].startswith(label):
                found.setdefault(filename, Wheel(version, filename, "" if source.place == index else place))
    return sorted(found.values(), key=lambda wheel: (wheel.version, wheel.filename), reverse=True)


async def _offered(context: Context, source: Source, name: str) -> list[tuple[str, str]]:
    """File names for a package, and where an installer finds them. A source that does not answer offers nothing."""
    try:
        parts = urlsplit(source.place)
    except ValueError:
        return []
    if parts.scheme in ("http", "https"):
        page, user = without_user(f"{source.place.rstrip('/')}/{normal(name)}/" if source.index else source.place)
        answer = await get(context.host, page, user)
        links = _links(answer.body.decode("utf-8", "replace")) if answer.code == 200 else []
        return [(_last(link), page) for link in links]
    folder = Path(unquote(parts.path) if parts.scheme == "file" else source.place)
    if parts.scheme not in ("", "file") or not folder.is_absolute():
        return []
    if source.index:
        page = folder / normal(name) / "index.html"
        at = [urlsplit(urljoin(page.as_uri(), link)) for link in _links(await text(context.host, page))]
        return [(_last(link.path), os.path.dirname(unquote(link.path))) for link in at if link.scheme == "file"]
    try:
        return [(item.path.name, str(folder)) for item in await context.host.list(folder)]
    except OSError:
        return []


def _links(page: str) -> list[str]:
    found = re.findall(r"<a\s[^>]*?href\s*=\s*[\"']([^\"'#]+)", page, re.IGNORECASE)
    return found or re.findall(r'"filename":\s*"([^"]+)"', page)


def _last(link: str) -> str:
    return unquote(link.partition("?")[0].rpartition("/")[2])


async def looking(context: Context, places: Sequence[str]) -> dict[str, str]:
    """The variable that lets uv look at these places too, which `wheels` gave; with the credentials of their source.

    pip looks there by itself. A place that no source of the user leads to is left out: a plan cannot bring one along.
    """
    if not places:
        return {}
    known = await sources(context)
    env = await variables(context.host, context.environ, ("UV_FIND_LINKS",))
    allowed = [env["UV_FIND_LINKS"]] if env.get("UV_FIND_LINKS") else []
    for place in places:
        for source in known:
            bare, user = without_user(source.place)
            local = source.index and bare.startswith("file:") and place.startswith("/")
            if local or place == bare or place.startswith(bare.rstrip("/") + "/"):
                # As it stands in the source: uv takes NAME:PASSWORD@ from there.
                allowed.append(source.place.rstrip("/") + place[len(bare.rstrip("/")) :] if user else place)
                break
    return {"UV_FIND_LINKS": ",".join(dict.fromkeys(allowed))} if allowed else {}
