"""What `envsync doctor` says of the kinds of hosts: which work here, and why the others do not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from ...tools.errors import EnvSyncError
from ..config import Settings


@dataclass(frozen=True)
class Check:
    """One finding. `state` is ok, note (nothing to do), missing (would be of use) or broken (must be mended)."""

    name: str
    state: str
    what: str
    fix: str = ""


def docker(_: Settings) -> Check:
    """An engine that answers, Docker's or Podman's."""
    from ...tools.hosts.docker_engine import engine

    try:
        client = engine()
        running = [one for one in client.containers() if one.state == "running"]
    except EnvSyncError as error:
        return Check("docker", "missing", error.what, error.hint)
    names = ", ".join(one.name for one in running[:5]) + (" …" if len(running) > 5 else "")
    shown = f"{len(running)} running: {names}" if running else "no container runs"
    return Check("docker", "ok", f"API {client.version} at {client.address.url}; {shown}")


def ssh(_: Settings) -> Check:
    """Something to log in with, and what ~/.ssh/config names."""
    from ...tools.hosts.ssh_config import aliases, route, target
    from ...tools.hosts.ssh_login import identities

    try:
        found = identities(route(target("localhost")))
        known = aliases()
    except EnvSyncError as error:
        return Check("ssh", "broken", error.what, error.hint)
    ways = [str(path) for path in found.files]
    ways += ["an agent"] if found.agent and os.path.exists(found.agent) else []
    hosts = f"; hosts in ~/.ssh/config: {', '.join(known[:8])}{' …' if len(known) > 8 else ''}" if known else ""
    if found.broken:
        return Check("ssh", "broken", found.broken[0], "Mend that key, or move it away.")
    if not ways:
        locked = f"{found.locked[0]} has a passphrase and no agent runs" if found.locked else "no key and no agent"
        fix = "eval $(ssh-agent); ssh-add" if found.locked else "ssh-keygen -t ed25519, then ssh-copy-id USER@HOST"
        return Check("ssh", "missing", f"{locked}: nothing to log in with{hosts}", fix)
    return Check("ssh", "ok", f"logs in with {', '.join(ways)}{hosts}")


def vm(chosen: Settings) -> Check:
    """qemu, and what an image is built with."""
    from ...tools.hosts.vm import lacking
    from ...tools.hosts.vm_boot import running
    from ...tools.hosts.vm_image import find
    from ...tools.hosts.vm_machine import known
    from ...tools.hosts.vm_place import images

    if why := lacking(chosen.state):
        return Check("vm", "missing", *why)
    machines = known(chosen.state)
    built = find(images(chosen.state))
    up = [one.name for one in machines if running(one, chosen.state)]
    shown = f"{len(machines)} machine(s), {len(up)} running" if machines else "no machine yet"
    return Check("vm", "ok", f"{shown}; the image {'is built' if built else 'is built at first use, in some minutes'}")


def fuse(_: Settings) -> Check:
    """Whether `envsync mount` works."""
    from .mount import missing

    why = missing()
    if why:
        return Check("mount", "missing", why, "apt install fuse3, and pip install 'envsync[mount]'.")
    return Check("mount", "ok", "FUSE works here")


HOSTS: dict[str, Callable[[Settings], Check]] = {"docker": docker, "ssh": ssh, "vm": vm, "mount": fuse}
