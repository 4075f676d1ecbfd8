"""All probes at once, each with its own time, and what none of them could finish told as such."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from ...contract import Context
from ...equipment import Equipment, Unfinished
from ...fingerprint import Installed
from ...hosts.here import helped, near
from ..text import safe
from . import disks, editors, engines, graphics, identity, kept, running, shells, virtual
from .base import LOCATIONS, Piece, Place, Probe

T = TypeVar("T")
FARTHER = 6.0
"""Seconds that each probe of another machine gets besides its own."""

PROBES: tuple[Probe, ...] = (
    Probe("packages", kept.look),
    Probe("editors", editors.look),
    Probe("shells", shells.look),
    Probe("drives", disks.drives),
    Probe("disks", disks.disks),
    Probe("virtualisation", virtual.look),
    Probe("engines", engines.look),
    Probe("git", identity.git),
    Probe("ssh", identity.ssh),
    Probe("services", running.services),
    Probe("ports", running.listening),
)
"""Adding a probe is one file, and one line here."""


def one(name: str, home: str, key: bytes, environ: dict[str, str] | None, root: str) -> Piece:
    """One probe's piece; runs next to the files. `environ` None: of the process that this runs in."""
    probe = next(probe for probe in PROBES if probe.name == name)
    return probe.work(Place.of(home, key, os.environ if environ is None else environ, root))


async def equipment(context: Context, key: bytes, root: str = "/") -> Equipment:
    """What the machine is equipped with. Never fails: what cannot be found out is in `unfinished`."""
    if not await helped(context.host):
        looked = await asyncio.gather(_piece("graphics", 3.0, graphics.look(context)))
        left_out = Unfinished(probe="most of the machine", why="there is no Python on that host, which looking needs")
        return _together([*looked, {"unfinished": (left_out,)}])
    environ = _known(context.environ) if near(context.host) else None
    # The first look at another machine makes its helper load the probes.
    more = 0.0 if near(context.host) else FARTHER
    pieces = [_piece(probe.name, probe.seconds + more, _beside(context, probe, key, environ, root)) for probe in PROBES]
    return _together(await asyncio.gather(*pieces, _piece("graphics", 3.0 + more, graphics.look(context, root))))


def _known(environ: Mapping[str, str]) -> dict[str, str]:
    """No other variable is given to a probe."""
    return {name: environ[name] for name in (*LOCATIONS, "PATH") if environ.get(name)}


def _beside(context: Context, probe: Probe, key: bytes, environ: dict[str, str] | None, root: str) -> Awaitable[Piece]:
    args = (probe.name, str(context.home), key, environ, root)
    if near(context.host):
        return _thread(one, *args)
    return context.host.call(one, *args)


async def _piece(name: str, seconds: float, work: Awaitable[Piece]) -> Piece:
    """A probe's piece, or the finding that there is none. What does not end in time is left behind, not waited for."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait([task], timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        return {"unfinished": (Unfinished(probe=name, why=f"it did not end within {seconds:g} s"),)}
    error = task.exception()
    if error is None:
        return task.result()
    return {"unfinished": (Unfinished(probe=name, why=safe(f"{type(error).__name__}: {error}", 200)),)}


def _thread(work: Callable[..., T], *args: Any) -> asyncio.Future[T]:
    """Run it in a thread that nobody has to wait for: one that hangs on a dead mount must not keep the program alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if not future.done():
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # it is a T then

    def run() -> None:
        value, error = None, None
        try:
            value = work(*args)
        except Exception as raised:
            error = raised
        try:
            loop.call_soon_threadsafe(settle, value, error)
        except RuntimeError:
            return  # the loop is closed: it was too late

    threading.Thread(target=run, daemon=True).start()
    return future


def _together(pieces: list[Piece]) -> Equipment:
    found: dict[str, Any] = {}
    unfinished: list[Unfinished] = []
    for piece in pieces:
        rest = dict(piece)
        unfinished += rest.pop("unfinished", ())
        found.update(rest)
    return Equipment(**found, unfinished=tuple(unfinished))


def with_versions(found: Equipment, programs: list[Installed]) -> Equipment:
    """The engines with the versions of their commands, as the programs on PATH say them."""
    names = {"containerd": "nerdctl"}
    known = {item.name: item.version for item in reversed(programs) if item.version}
    told = [
        engine.model_copy(update={"version": known.get(names.get(engine.name, engine.name), "")})
        for engine in found.engines
    ]
    return found.model_copy(update={"engines": tuple(told)})
