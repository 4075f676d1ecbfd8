"""Opening a directory of any host as a replica."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

from ..hosts.base import Host
from ..hosts.here import helped
from .model import Options
from .replica import Replica


async def open_replica(
    host: Host, root: str, *, id: str = "", options: Options | None = None, private: str = ""
) -> Replica:
    """The directory `root` of `host`. Connects; raises Unreachable, and Failed when there is no place for private files.

    `id` names this use of it: staged and kept content, and what is known of files, wait under it for the next time.
    `private` is where they shall lie (on the same file system, or renames become copies). With a Python over there the
    work is done next to the files, else by shell commands; then the other side must be opened with `sha256` too: see
    `algorithm_for`.
    """
    from .near import NearReplica
    from .side import Side

    chosen = options or Options()
    name = id or hashlib.blake2b(root.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    if not await helped(host):
        from .shell import ShellReplica

        return ShellReplica(host, root, name, replace(chosen, algorithm="sha256"), private)
    link = await host.start(Side, root, name, chosen, private)
    return NearReplica(host.name, root, link)


async def algorithm_for(*hosts: Host) -> str:
    """What `Options.algorithm` must be for directories of these hosts to be comparable. Raises Unreachable."""
    return "blocks" if all(await asyncio.gather(*map(helped, hosts))) else "sha256"
