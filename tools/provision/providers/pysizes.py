"""Which files a Python plan fetches, and how large they are: from uv.lock, from uv or pip, or from their server."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ...contract import Context
from ...hosts.here import helped, variables
from ..index import python_index, without_user
from ..names import normal
from ..part import Part
from ..sizes import File, fetches, sane, settled, weighed
from .pysteps import mapping, strings
from .pytags import best, listed, ranks
from .pytools import Resolved, Tool

_AGAIN = 4.0
"""Seconds for an index whose answers may not be kept: it was quick a moment ago."""


async def weigh(
    part: Part, found: Resolved, tool: Tool, python: str, context: Context, links: Mapping[str, str]
) -> None:
    """Say of the last step, if it installs exact versions, what it fetches. `links` are variables with more sources."""
    step = part.steps[-1] if part.steps else None
    if step is None or step.kind != "python-install" or step.args.get("deps"):
        return
    pins = mapping(step.args.get("expect", {}))
    if tool.name == "uv":
        urls = await located(tool, pins, python, context, links)
    else:
        urls = {name: (url, None) for name, url in found.urls.items()}
    files = [File(name, *urls.get(name, ("", None))) for name in pins]
    await _weigh(part, files, tool, context)


async def weigh_lock(
    part: Part, content: str, new: Mapping[str, str], strangers: Set[str], tool: Tool, python: str, context: Context
) -> None:
    """Likewise of `uv sync`, whose lock names the files. Nobody among the `strangers` is asked anything."""
    step = part.steps[-1]
    names = {**new, **dict.fromkeys(strings(step.args.get("again", [])), "")}
    files = locked(content, names, await ranks(context, python))
    # A host that only the project named is not turned to while nobody said yes.
    files = [File(f.name, "" if urlsplit(f.url).hostname in strangers else f.url, f.size) for f in files]
    await _weigh(part, files, tool, context)


async def _weigh(part: Part, files: list[File], tool: Tool, context: Context) -> None:
    looked = await helped(context.host)
    if looked:
        cache = await _cache(tool, context)
        there = await context.host.call(cached, cache, tool.name, [(f.name, f.url) for f in files]) if cache else []
        files = [File(f.name, f.url, f.size, here=f.url in there or f.url.startswith("file:")) for f in files]
        looked = bool(cache)
    base, user = without_user(await python_index(context))
    files = await settled(context, files, user, base)
    part.steps[-1] = weighed(part.steps[-1], files, looked=looked)
    part.fetches += fetches(files)


async def located(
    tool: Tool, pins: Mapping[str, str], python: str, context: Context, links: Mapping[str, str]
) -> dict[str, tuple[str, int | None]]:
    """The address, and the size where the index has it, of the wheel that uv takes for each pin; by name.

    The index was asked a moment ago: as a rule uv's cache has its answers. An index that forbids that is asked again.
    """
    argv = [*tool.argv, "pip", "compile", "-q", "--no-header", "--no-build", "--no-deps", "--no-python-downloads"]
    argv += ["--python", python, "--format", "pylock.toml", "-"]
    lines = "".join(f"{name}=={version}\n" for name, version in pins.items()).encode()
    data: Mapping[str, Any] = {}
    for more, timeout in ((["--offline"], 15.0), ([], _AGAIN)):
        done = await context.host.run(
            [*argv, *more], cwd=Path("/"), env={**tool.env, **links}, stdin=lines, timeout=timeout
        )
        if done.code == 0:
            data = _toml(done.text)
            break
    found: dict[str, tuple[str, int | None]] = {}
    for entry in listed(data.get("packages")):
        for wheel in listed(entry.get("wheels"))[:1]:
            url = without_user(str(wheel.get("url") or ""))[0]
            found[normal(str(entry.get("name")))] = (url, sane(wheel.get("size")))
    return found


def locked(content: str, names: Mapping[str, str], known: Mapping[Any, int]) -> list[File]:
    """The files of uv.lock for these packages (version by name, empty for any) and an interpreter's tags."""
    entries: dict[str, Mapping[str, Any]] = {}
    for entry in listed(_toml(content).get("package")):
        name = normal(str(entry.get("name")))
        if name in names and names[name] in ("", str(entry.get("version"))):
            entries[name] = entry
    found: list[File] = []
    for name in names:
        entry = entries.get(name, {})
        choice = {_filename(file): file for file in (*listed([entry.get("sdist")]), *listed(entry.get("wheels")))}
        file = choice.get(best(choice, known), {})
        place = str(file.get("url") or "") or ("file:" if file.get("path") else "")
        found.append(File(name, without_user(place)[0], sane(file.get("size"))))
    return found


def _filename(file: Mapping[str, Any]) -> str:
    place = str(file.get("url") or file.get("path") or "")
    try:
        return unquote(urlsplit(place).path.rpartition("/")[2])
    except ValueError:  # an address that is none
        return ""


def _toml(content: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(content)
    except (ValueError, RecursionError):
        return {}


async def _cache(tool: Tool, context: Context) -> str:
    """The directory of the installer's cache; empty when there is none, or nobody can tell."""
    if tool.name == "uv":
        done = await context.host.run([*tool.argv, "cache", "dir"], cwd=Path("/"), env=tool.env, timeout=15)
        return done.text.strip() if done.code == 0 else ""
    env = await variables(context.host, context.environ, ("PIP_CACHE_DIR", "PIP_NO_CACHE_DIR", "XDG_CACHE_HOME"))
    if env.get("PIP_NO_CACHE_DIR"):
        return ""
    return env.get("PIP_CACHE_DIR") or str(Path(env.get("XDG_CACHE_HOME") or context.home / ".cache") / "pip")


def cached(cache: str, tool: str, files: Iterable[tuple[str, str]]) -> list[str]:
    """Those addresses whose files the cache of uv or pip has; to be asked where it is."""
    if tool == "uv":
        roots = [str(path) for path in Path(cache).glob("wheels-v*/pypi")]
        roots += [str(path) for path in Path(cache).glob("wheels-v*/index/*")]
        return [url for name, url in files if any(_has(root, name, url) for root in roots)]
    return [url for _, url in files if url and _pip_has(cache, url)]


def _has(root: str, name: str, url: str) -> bool:
    """uv keeps an unpacked wheel below its package's name, by the rest of its file's name."""
    rest = unquote(url.rpartition("/")[2]).partition("-")[2].removesuffix(".whl")
    return bool(rest) and os.path.isdir(os.path.join(root, name, rest))


def _pip_has(cache: str, url: str) -> bool:
    """pip keeps answers by the hash of their address, in five levels of folders (CacheControl's FileCache)."""
    key = hashlib.sha224(url.encode("utf-8", "surrogatepass")).hexdigest()
    return any(
        os.path.isfile(os.path.join(cache, folder, *key[:5], key + ending))
        for folder, ending in (("http-v2", ".body"), ("http", ""))
    )
