"""Whether a Python lockfile takes its packages from the user's own index, and from where that keeps its files."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Set
from contextlib import suppress
from urllib.parse import urljoin, urlsplit

from ...contract import Context
from .. import defaults
from ..index import get, python_index, without_user
from ..popular import PYTHON


async def strangers(context: Context, hosts: Set[str], names: Iterable[str]) -> tuple[list[str], str]:
    """Those of a lock's `hosts` that are neither a Python index of the user nor where it keeps its files, and why.

    `names` are packages of the lock: the index is asked for one of them when it has to say where its files are. The
    reason is empty when there is no such host.
    """
    left, mute = set(hosts), ""
    indexes = [index for index in (await python_index(context), await defaults.python(context)) if index]
    for index in dict.fromkeys(indexes):
        base, user = without_user(index)
        own = urlsplit(base).hostname or ""
        if left - {own} and own in left:
            files = await _file_host(context, base, user, names, left)
            mute = mute or (own if files is None else "")
            left.discard(files or "")
        left.discard(own)
    if not left:
        return [], ""
    if not indexes:
        return sorted(left), "neither uv nor pip says which index is yours"
    return sorted(left), f"{mute} did not say whether it keeps its files there" if mute else "which is not your index"


async def _file_host(context: Context, base: str, user: str, names: Iterable[str], sought: Set[str]) -> str | None:
    """The host that most files of a package of this index are on; None when the index does not say."""
    key = f"files of {base}"
    known = await defaults.remembered(context, key)
    if known in sought:
        return known
    # A well-known package first: what a lock's author chose to put on the index is no witness for it.
    for name in sorted(set(names), key=lambda name: (name not in PYTHON, name))[:3]:
        page = f"{base.removesuffix('/')}/{name}/"
        answer = await get(context.host, page, user)
        hosts = Counter(urlsplit(link).hostname or "" for link in _links(page, answer.body))
        if answer.code == 200 and hosts:
            found = min(hosts, key=lambda host: (-hosts[host], host))
            await defaults.remember(context, key, found)
            return found
    return None


def _links(page: str, body: bytes) -> list[str]:
    """The addresses of the files on a Simple page, whether it is JSON (PEP 691) or HTML (PEP 503)."""
    try:
        found = [str(file["url"]) for file in json.loads(body)["files"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        found = re.findall(r"<a\s[^>]*?href\s*=\s*[\"']([^\"'#]+)", body.decode("utf-8", "replace"), re.IGNORECASE)
    links: list[str] = []
    for link in found:
        with suppress(ValueError):  # an address that is none
            links.append(urljoin(page, link))
    return links
