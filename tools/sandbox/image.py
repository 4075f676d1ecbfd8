"""The image that a sandbox begins from: one that is here, else built from Debian's packages, else pulled."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contract import Context, Progress
from ..errors import EnvSyncError, Failed, Unreachable, Usage
from ..hosts import vm_sources
from ..hosts.docker_engine import Engine
from ..made.owner import OWNER, owner
from .contents import SUITES, Wanted, release

OURS = "envsync/debian"
_REFERENCE = re.compile(r"[a-z0-9][a-z0-9._/-]{0,200}(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?")
_TYPICAL = 250
"""Lines that debootstrap prints for a small Debian: what progress is measured by."""


@dataclass(frozen=True)
class Base:
    """Where a sandbox begins. `how` is there, build or pull; `suite` is Debian's release when it is known to be one."""

    name: str
    how: str
    suite: str = ""

    @property
    def short(self) -> str:
        """As people call it."""
        return f"debian:{SUITES[self.suite]}" if self.suite else self.name

    @property
    def words(self) -> str:
        """For the preview."""
        match self.how:
            case "there":
                return f"image {self.name}, which is here"
            case "build":
                return (
                    f"image {self.name}, built first from Debian's packages as root with debootstrap (about a minute)"
                )
            case _:
                return f"image {self.name}, pulled first from its registry"


def choose(image: str, wanted: list[Wanted], engine: Engine) -> Base:
    """Where to begin. Blocking; raises Usage for what is no image, or has not what is wanted."""
    name = re.sub(r"@(?!sha256:)", ":", image.strip())
    if not _REFERENCE.fullmatch(name):
        raise Usage(f"{image[:100]!r} is no name of an image", "Write it as debian, debian:13 or REGISTRY/NAME:TAG.")
    repository, _, tag = name.partition(":")
    if repository != "debian" or "@" in name:
        return Base(name, "there" if there(engine, name) else "pull")
    try:
        suite = release(wanted, tag)
    except KeyError:
        return Base(name, "there" if there(engine, name) else "pull")
    number = SUITES[suite]
    names = [f"debian:{number}", f"debian:{suite}", f"debian:{number}-slim", f"debian:{suite}-slim", f"{OURS}:{suite}"]
    if tag in ("", "latest") and not any(each.version for each in wanted):
        names.insert(0, "debian:latest")
    for each in [name, *names] if tag else names:
        if there(engine, each):
            return Base(each, "there", suite)
    if buildable():
        return Base(f"{OURS}:{suite}", "build", suite)
    return Base(f"debian:{number}", "pull", suite)


def there(engine: Engine, name: str) -> bool:
    """Whether the engine has this image. Blocking."""
    import docker.errors

    from ..hosts.docker_engine import mapped

    with mapped(engine.address.url):
        try:
            engine.api.inspect_image(name)
        except docker.errors.ImageNotFound:
            return False
    return True


def buildable() -> bool:
    """Whether a Debian can be built here."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("debootstrap", "unshare", "tar"))):
        return False
    try:
        vm_sources.mirror()
    except EnvSyncError:
        return False
    return True


async def obtain(base: Base, engine: Engine, context: Context) -> None:
    """Build or pull it, unless it is here by now. Raises Failed or Unreachable, with what to do."""
    if await asyncio.to_thread(there, engine, base.name):
        return
    if base.how == "build":
        await _build(base, engine, context)
    else:
        await _pull(base.name, engine, context)


async def _build(base: Base, engine: Engine, context: Context) -> None:
    seen = 0

    def count(_: str, chunk: bytes) -> None:
        nonlocal seen
        seen += chunk.count(b"\n")
        context.report(Progress(f"building {base.name}", min(seen, _TYPICAL), _TYPICAL, "steps"))

    mirror = vm_sources.mirror()
    lines = vm_sources.lines(base.suite) or f"deb {mirror} {base.suite} main\n"
    # Not below /tmp: that is often memory, and mounted so that no root directory can be made in it.
    with tempfile.TemporaryDirectory(prefix="envsync-base-", dir="/var/tmp", ignore_cleanup_errors=True) as work:
        tree, tar = Path(work, "tree"), Path(work, "tree.tar")
        argv = ["debootstrap", "--variant=minbase", "--include=ca-certificates", base.suite, str(tree), mirror]
        # A mount namespace of its own: what debootstrap mounts goes with it, however it ends.
        await _run(["unshare", "--mount", "--propagation", "private", *argv], context, count)
        await context.host.write(tree / "etc/apt/sources.list", lines.encode())
        await _run(["chroot", str(tree), "apt-get", "clean"], context)
        await _run(["tar", "--numeric-owner", "-C", str(tree), "-cf", str(tar), "."], context)
        repository, _, tag = base.name.partition(":")
        changes = [f"LABEL {OWNER}={owner(context.state)}", 'CMD ["bash"]']
        await engine.ask(engine.slow.import_image_from_file, str(tar), repository=repository, tag=tag, changes=changes)


async def _run(argv: list[str], context: Context, output: Any = None) -> None:
    done = await context.host.run(
        ["sh", "-c", 'umask 022; exec "$@"', "sh", *argv],
        env={"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}, timeout=3600, output=output,
    )  # fmt: skip
    if done.code:
        said = (done.error.strip() or done.text.strip())[-600:]
        raise Failed(
            f"the base image cannot be built: {argv[0]} ended with {done.code}: {said}",
            "Does `apt-get update` work here? An image that is here can be named: --image NAME.",
        )


async def _pull(name: str, engine: Engine, context: Context) -> None:
    context.report(Progress(f"pulling {name}"))
    repository, _, tag = name.partition(":") if "@" not in name else (name, "", "")
    try:
        await engine.ask(engine.slow.pull, repository, tag=tag or (None if "@" in name else "latest"))
    except (Failed, Unreachable) as error:
        raise Unreachable(
            f"the image {name} is not here and cannot be pulled: {error.what}",
            "Check the network and the name. On a Debian with root and debootstrap EnvSync builds `debian` by itself; "
            "an image of another machine comes with docker save and docker load.",
        ) from error
