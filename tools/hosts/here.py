"""What belongs to this machine, whatever host a tool is about: EnvSync's own state is always here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from .base import Host

P = ParamSpec("P")
T = TypeVar("T")


async def here(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function on this machine without blocking the caller: for work on the store, the journal, caches.

    Cancelling waits for it to end, since a thread cannot be stopped half-way.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def near(host: Host) -> bool:
    """Whether the host's files are this machine's own, so that anything can work on them directly."""
    from .local import LocalHost

    return isinstance(host, LocalHost) or (hasattr(host, "host") and near(host.host))  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]  # a dry run wraps another host


async def helped(host: Host) -> bool:
    """Whether functions can be sent next to the files: there is a Python. Raises Unreachable."""
    return near(host) or bool((await host.info()).python)


async def variables(host: Host, environ: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Those of `names` that are set where commands on `host` run; `environ` is what this process was started with.

    This machine's own settings say nothing about another one: an index address or a proxy may not exist over there.
    """
    if near(host):
        return {name: environ[name] for name in names if environ.get(name)}
    found: dict[str, str] = {}
    script = 'for n in "$@"; do eval "v=\\${$n-}"; [ -n "$v" ] && printf "%s=%s\\0" "$n" "$v"; done; :'
    done = await host.run(["sh", "-c", script, "sh", *names], timeout=15)
    for pair in done.text.split("\0") if done.code == 0 else ():
        name, equals, value = pair.partition("=")
        if equals and name in names:
            found[name] = value
    return found
