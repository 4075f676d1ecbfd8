"""Where a service's output may be, looked for in order; each gives lines or None when it knows no such service."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from ..contract import Context
from ..errors import EnvSyncError, Failed, Unreachable, Usage
from ..hosts.base import Host
from ..made import servers
from ..made.ledger import Ledger
from ..moments.say import shown

PLAIN = re.compile(r"[A-Za-z0-9][\w.@-]{0,200}")
"""What can be the name of a unit, a container or a log file; anything else is only compared, never passed on."""
FILES = {
    "postgres": "postgresql", "pg": "postgresql", "mysql": "mysql", "mariadb": "mysql", "rabbit": "rabbitmq", "apache": "apache2",
}  # fmt: skip
"""Directory below /var/log by the service's name, where it is another one."""
COMPOSE = "com.docker.compose."


@dataclass(frozen=True)
class Found:
    """What a service printed; `source` says in words where it is from."""

    source: str
    lines: list[tuple[str, str]]
    """(`stdout`, `stderr` or empty, line), oldest first."""


async def find(service: str, tail: int, context: Context) -> Found:
    """The output of a service. Raises Usage when there is none of that name, or several."""
    name = service.removeprefix("docker:")
    host, notes = context.host, list[str]()
    found = await _own(name, tail, context)
    if found is not None:
        return found
    if host.name == "local":
        found = await _container(name, tail, context, notes)
    elif PLAIN.fullmatch(name):
        found = await _docker_there(name, tail, host)
    if found is None and name == service and PLAIN.fullmatch(name):
        found = await _unit(name, tail, host) or await _file(name, tail, host)
        found = found or await _inside(name, tail, context)
    if found is not None:
        return found
    raise Usage(
        f"no service, container or unit is named {shown(service)} on {host.name}",
        " ".join([*notes, "`envsync status` shows what runs. For one inside a container or elsewhere: --on HOST."]),
    )


async def _own(name: str, tail: int, context: Context) -> Found | None:
    """A service that EnvSync made: by its name, or by its kind in its own project."""
    living = servers.of(context.state, context.host.name)
    kind = {"postgres": "postgresql", "pg": "postgresql", "rabbit": "rabbitmq", "mongo": "mongodb"}.get(name, name)
    here = [made for made in living if made.data.get("project") == str(context.path) and made.data.get("kind") == kind]
    for made in [made for made in living if made.name == name] or here:
        printed = import_module("..made.services", __package__).printed
        lines: list[tuple[str, str]] = await printed(made, context.state, tail)
        return Found(f"{made.name} ({made.what})", lines)
    return None


async def _container(name: str, tail: int, context: Context, notes: list[str]) -> Found | None:
    """A container by its name, or by the name of its compose service."""
    from ..hosts.docker_engine import engine

    try:
        at = await asyncio.to_thread(engine)
        known = await asyncio.to_thread(at.containers)
    except EnvSyncError as error:
        notes.append(f"Containers could not be looked at: {error.what}.")
        return None
    named = [c for c in known if c.name == name or (len(name) >= 12 and c.id.startswith(name))]
    if not named:
        named = [c for c in known if c.labels.get(f"{COMPOSE}service") == name]
        own = [c for c in named if c.labels.get(f"{COMPOSE}project.working_dir") == str(context.path)]
        named = own or named
        running = [c for c in named if c.state == "running"]
        named = running or named
    if len(named) > 1:
        names = ", ".join(shown(c.name) for c in named[:8])
        raise Usage(f"{len(named)} containers are {shown(name)}", f"Say which: {names}.")
    if not named:
        if known:
            notes.append(f"Containers: {', '.join(shown(c.name) for c in known[:8])}.")
        return None
    one = named[0]
    lines = await asyncio.to_thread(at.logs, one.id, tail)
    return Found(f"the container {one.name} ({one.status})", lines)


async def _docker_there(name: str, tail: int, host: Host) -> Found | None:
    """A container on another machine, by the docker command there."""
    done = await host.run(["docker", "logs", "--tail", str(tail), "--", name], timeout=60)
    if done.code:
        return None
    lines = [("stdout", line) for line in done.text.splitlines()] + [
        ("stderr", line) for line in done.error.splitlines()
    ]
    return Found(f"the container {name} on {host.name}", lines[-tail:])


async def _unit(name: str, tail: int, host: Host) -> Found | None:
    """A systemd unit, by the journal."""
    unit = name if "." in name else f"{name}.service"
    state = await host.run(["systemctl", "show", "--property", "LoadState", "--value", "--", unit], timeout=30)
    if state.code or state.text.strip() != "loaded":
        return None
    argv = ["journalctl", "--quiet", "--no-pager", "--output", "short-iso", "--lines", str(tail), f"--unit={unit}"]
    done = await host.run(argv, timeout=60)
    if done.code:
        raise Failed(
            f"the journal of {unit} cannot be read: {done.error.strip()[-300:]}", "It may need root, or the group adm."
        )
    return Found(f"the unit {unit} on {host.name}", [("", line) for line in done.text.splitlines()])


async def _file(name: str, tail: int, host: Host) -> Found | None:
    """The newest log file of that name where Debian's services write theirs."""
    folder = Path("/var/log")
    names = dict.fromkeys([name, FILES.get(name, name)])
    for each in names:
        paths = [folder / f"{each}.log"]
        try:
            entries = await host.list(folder / each)
        except OSError:
            entries = []
        logs = [entry for entry in entries if entry.kind == "file" and entry.path.suffix == ".log"]
        paths += [entry.path for entry in sorted(logs, key=lambda entry: -entry.mtime_ns)]
        for path in paths:
            entry = await host.stat(path)
            if entry is None or entry.kind != "file":
                continue
            done = await host.run(["tail", "-n", str(tail), "--", str(path)], timeout=60)
            if done.code:
                raise Failed(
                    f"{path} cannot be read: {done.error.strip()[-300:]}", "It may need root, or the group adm."
                )
            return Found(f"{path} on {host.name}", [("", line) for line in done.text.splitlines()])
    return None


async def _inside(name: str, tail: int, context: Context) -> Found | None:
    """The log file of a service that EnvSync started in a sandbox."""
    if context.host.name != "local":
        return None
    holding = [made for made in Ledger(context.state).living() if name in _held(made.data.get("holds"))]
    if len(holding) > 1:
        names = ", ".join(f"--on {_host(made.kind, made.name)}" for made in holding)
        raise Usage(f"{name} runs in {len(holding)} sandboxes", f"Say which: {names}.")
    for made in holding:
        try:
            return await _file(name, tail, context.open(_host(made.kind, made.name)))
        except Unreachable:
            return None
    return None


def _held(value: object) -> list[str]:
    return [str(item).partition("@")[0] for item in cast("list[object]", value)] if isinstance(value, list) else []


def _host(kind: str, name: str) -> str:
    return f"vm:{name}" if kind == "vm" else f"docker:{name}"
