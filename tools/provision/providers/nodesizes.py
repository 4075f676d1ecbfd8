"""How much npm fetches: its lockfile names each archive, and its server says how long that is, unless the cache has it."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from ...contract import Context
from ...hosts.here import helped, variables
from .. import defaults
from ..part import Part
from ..sizes import File, fetches, settled, weighed

MOST = 50
"""Packages that are asked for: npm's lock has no sizes, and each costs a request."""


async def weigh(part: Part, lock: Mapping[str, Any], paths: Iterable[str], context: Context) -> None:
    """Say of the last step what the archives at these paths of a parsed package-lock.json take to fetch."""
    files, hashes = _archives(lock, paths)
    if not files:
        return
    looked = await helped(context.host)
    if looked:
        there = await context.host.call(kept, await _cache(context), list(hashes.values()))
        files = [File(f.name, f.url, here=hashes.get(f.url, " ") in there) for f in files]
    missing = [file for file in files if not file.here]
    if missing and len(missing) <= MOST:
        files = await settled(context, await _own(files, context))
    part.steps[-1] = weighed(part.steps[-1], files, looked=looked)
    part.fetches += fetches(files)


def _archives(lock: Mapping[str, Any], paths: Iterable[str]) -> tuple[list[File], dict[str, str]]:
    """The archives, each once, and the sha512 (hex) by address where the lock has it."""
    table = _table(lock.get("packages"))
    found: dict[str, File] = {}
    hashes: dict[str, str] = {}
    for path in paths:
        entry = _table(table.get(path))
        url, integrity = str(entry.get("resolved") or ""), str(entry.get("integrity") or "")
        found.setdefault(url or path, File(path.rpartition("node_modules/")[2], url))
        if url and integrity.startswith("sha512-"):
            try:
                hashes[url] = base64.b64decode(integrity[7:].partition(" ")[0].partition("?")[0], validate=True).hex()
            except (binascii.Error, ValueError):
                continue
    return list(found.values()), hashes


def _table(value: object) -> Mapping[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else dict[str, Any]()


async def _cache(context: Context) -> str:
    env = await variables(context.host, context.environ, ("npm_config_cache", "NPM_CONFIG_CACHE"))
    return env.get("npm_config_cache") or env.get("NPM_CONFIG_CACHE") or str(context.home / ".npm")


def kept(cache: str, hashes: list[str]) -> list[str]:
    """Those sha512 (hex) whose content npm's cache has (cacache's content-v2); to be asked where it is."""
    root = os.path.join(cache, "_cacache/content-v2/sha512")
    return [each for each in hashes if len(each) == 128 and os.path.isfile(os.path.join(root, each[:2], each[2:4], each[4:]))]  # fmt: skip


async def _own(files: list[File], context: Context) -> list[File]:
    """The addresses as npm turns to them: its own registry's stand for the user's. Nobody else is asked."""
    known = await defaults.npm(context)
    hosts = {urlsplit(address).netloc for address in known}
    own = urlsplit(known[-1]).netloc if known else ""
    made: list[File] = []
    for file in files:
        try:
            parts = urlsplit(file.url)
        except ValueError:
            parts = urlsplit("")
        url = file.url if parts.netloc in hosts else ""
        if parts.netloc == own and len(known) > 1:
            url = known[0].rstrip("/") + parts.path
        made.append(File(file.name, url, file.size, file.here))
    return made
