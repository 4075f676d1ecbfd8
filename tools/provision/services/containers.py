"""A service as a container of this machine's engine, published on 127.0.0.1 alone, with no secret that `inspect` shows."""

from __future__ import annotations

import asyncio
import io
import re
import tarfile
import time
from dataclasses import replace
from pathlib import Path

from ...contract import Context, Progress
from ...errors import EnvSyncError, Failed, Unreachable
from ...hosts.docker_engine import Engine
from ...made import containers
from ...made.ledger import Made
from ...made.owner import ID, NAME, OWNER, owner
from . import keeper
from .kind import Spec
from .registry import KINDS

STARTS = 180.0
"""Seconds until it must answer: images make their data directory first, some with a restart."""


async def choice(kind: str, version: str, context: Context) -> tuple[str, str, bool]:
    """(address of the engine, image, whether it is here). Raises Failed with why it cannot be had here."""
    if context.host.name != "local":
        raise Failed("containers of services are made on this machine only", "")
    try:
        engine = await asyncio.to_thread(containers.engine)
    except EnvSyncError as error:
        raise Failed(f"no container engine answers ({error.what})", "") from None
    if not engine.address.url.startswith(("unix://", "npipe://", "http+unix://")):
        raise Failed("the container engine is on another machine, whose 127.0.0.1 is not this one's", "")
    image = f"{KINDS[kind].image}:{version or KINDS[kind].tag}"
    if await engine.ask(_there, engine, image):
        return engine.address.url, image, True
    try:
        await engine.ask(_offered, engine, image)
    except EnvSyncError as error:
        raise Failed(
            f"the image {image} is not here and cannot be pulled ({error.what.splitlines()[0][:200]})", ""
        ) from None
    return engine.address.url, image, False


def _there(engine: Engine, image: str) -> bool:
    import docker.errors

    try:
        engine.api.inspect_image(image)
    except docker.errors.ImageNotFound:
        return False
    return True


def _offered(engine: Engine, image: str) -> None:
    """Ask its registry for it. Raises Unreachable."""
    import docker.errors

    try:
        engine.api.inspect_distribution(image)
    except docker.errors.APIError as error:
        raise Unreachable(str(error.explanation or "its registry does not answer"), "") from None


async def pull(place: str, image: str, context: Context) -> None:
    """Fetch an image. Raises Unreachable."""
    import docker.errors

    engine = containers.reach(place)

    def fetch() -> None:
        name, _, tag = image.rpartition(":")
        try:
            engine.slow.pull(name, tag=tag)
        except docker.errors.APIError as error:
            raise Unreachable(
                f"{image} could not be pulled: {error.explanation}", "Check the network, then ask again."
            ) from None

    context.report(Progress(f"pulling {image}"))
    await engine.ask(fetch)


async def there(place: str, image: str) -> bool:
    """Whether the image is here."""
    engine = containers.reach(place)
    return await engine.ask(_there, engine, image)


def lined(made: Made, spec: Spec) -> Made:
    """The line as what knows containers reads it: its place is the engine."""
    return replace(made, place=spec.engine)


async def make(made: Made, spec: Spec, context: Context) -> dict[str, str]:
    """Make the container, unless it is there, start it, and wait until it answers. Raises Failed with the end of its log."""
    await context.host.call(keeper.ready, spec)
    engine = containers.reach(spec.engine)
    found = await asyncio.to_thread(containers.ours, lined(made, spec), context.state)
    id = found[0].id if found else await engine.ask(_create, engine, made, spec, context.state)
    await start(id, spec, context)
    return {"version": re.sub(r"^[^:]*:", "", spec.image)}


def _create(engine: Engine, made: Made, spec: Spec, state: Path) -> str:
    kind, access = KINDS[spec.kind], keeper.known(spec)
    if access is None:
        raise Failed(f"{spec.folder} cannot be read back", "Look at the disk.")
    inside = kind.inside(access)
    labels = {OWNER: owner(state), ID: made.id, NAME: made.name}
    id = engine.create(
        spec.image, f"envsync-{spec.name}", command=inside.command, labels=labels, env=inside.env,
        ports={kind.port: spec.port}, start=False,
    )  # fmt: skip
    try:
        # Put in from here: it works with every engine, and neither the image nor `inspect` has it.
        if inside.files:
            engine.api.put_archive(id, "/", _packed(dict(inside.files)))
    except BaseException:
        engine.remove(id)
        raise
    return id


def _packed(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for path, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(path.lstrip("/"))
            # Images read it as their server's own user, whose number only they know.
            entry.size, entry.mode = len(content), 0o444
            tar.addfile(entry, io.BytesIO(content))
    return held.getvalue()


async def start(id: str, spec: Spec, context: Context) -> None:
    """Start the container, unless it runs, and wait until its server answers. Raises Failed with the end of its log."""
    engine, access = containers.reach(spec.engine), keeper.known(spec)
    if access is None:
        raise Failed(f"what {spec.name} kept is gone", f"envsync destroy --name {spec.name}, then provision it anew.")
    import docker.errors

    def begin() -> None:
        try:
            engine.api.start(id)
        except docker.errors.APIError as error:
            raise Failed(
                f"{spec.name} could not be started: {error.explanation}", "Ask again: another port is chosen."
            ) from None

    await engine.ask(begin)
    kind, limit = KINDS[spec.kind], time.monotonic() + STARTS
    while said := await asyncio.to_thread(keeper.greeted, kind, spec.port, access):
        info = await engine.ask(engine.inspect, id)
        if not info["State"]["Running"] or time.monotonic() > limit:
            lines = [line for _, line in await asyncio.to_thread(engine.logs, id, 8)]
            end = " | ".join(lines)[-900:].replace(access.password, "[redacted:password]")
            what = "ended as soon as it was started" if not info["State"]["Running"] else f"does not answer ({said})"
            raise Failed(f"the container of {spec.name} {what}: {end}", f"docker logs envsync-{spec.name}")
        await asyncio.sleep(0.1)


async def halt(made: Made, spec: Spec, state: Path) -> None:
    """Stop it, with its data kept."""
    for each in await asyncio.to_thread(containers.ours, lined(made, spec), state):
        engine = containers.reach(spec.engine)
        await engine.ask(engine.api.stop, each.id, timeout=30)
