"""What a project itself says about a service: where it answers already, which port is meant, which variables it reads."""

from __future__ import annotations

import re
import socket
from pathlib import Path, PurePosixPath

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...fingerprint import Fingerprint, Service
from ...hosts.here import helped
from ...made.servers import canonical
from ...plan import Step
from ..names import plain
from ..part import Part
from . import dotenv, lines
from . import variables as names
from .kind import Spec
from .registry import KINDS

FILE = dotenv.FILE
"""Where the variables go, whatever parts the project has: the one beside them all."""
MANIFEST = 256 * 1024
"""Bytes of a manifest in which a driver's name is looked for."""


def reached(port: int) -> bool:
    """Whether something listens on this port of the host itself."""
    for address in ("127.0.0.1", "::1"):
        try:
            with socket.create_connection((address, port), timeout=0.5):
                return True
        except OSError:
            continue
    return False


async def listens(port: int, context: Context) -> bool:
    """Likewise, also on a host without Python, from the kernel's tables there."""
    if await helped(context.host):
        return await context.host.call(reached, port)
    tables = await context.host.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], timeout=15)
    return re.search(rf"^\s*\d+: [0-9A-F]+:{port:04X} \S+ 0A ", tables.text, re.MULTILINE) is not None


async def answers(name: str, version: str, context: Context, found: Fingerprint, part: Part) -> bool:
    """Whether one answers already where the project's files, its `.env` or the host's custom have it; says so in `part`."""
    label = f"{name}@{version}" if version else name
    tried: list[tuple[int, str]] = []
    if await helped(context.host):
        env = await context.host.call(dotenv.read, context.path / FILE)
        told = names.told(name, env)
        host = told.get("host", "")
        if host and host.lower() not in names.HERE and "." in host:
            part.present.append(f"{name}: {FILE} names one on another machine")
            part.warnings.append(f"whether the {name} on another machine answers was not asked")
            return True
        if (host or "port" in told) and host.lower() in ("", *names.HERE):
            tried.append((_port(told.get("port", ""), KINDS[name].port), f"as {FILE} says"))
    kind = canonical(name)
    backing = found.project.backing if found.project else ()
    tried += [
        (port, f"as {plain(one.label or one.name, 40)} of the project's files")
        for one in backing
        if one.name == kind
        for port in one.ports
    ]
    tried.append((KINDS[name].port, "on the host"))
    ours = {line.data.get("port") for line in lines.all_on(context)}
    for port, how in tried:
        if port not in ours and await listens(port, context):
            part.present.append(f"{name} answers on port {port}, {how}")
            if version:
                part.warnings.append(f"whether it is {label} was not asked: only its port was tried")
            return True
    return False


async def port(name: str, context: Context) -> int:
    """The port of this machine that the project's `.env` names already; 0 when it names none that could be ours."""
    told = names.told(name, await context.host.call(dotenv.read, context.path / FILE))
    if told.get("host", "localhost").lower() not in names.HERE or not ("host" in told or "port" in told):
        return 0
    number = _port(told.get("port", ""), KINDS[name].port)
    return number if 1024 <= number < 65536 else 0


def _port(text: str, usual: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else usual


def _users(name: str, found: Fingerprint) -> list[Service]:
    """The project's services that use a database of this kind."""
    kind = canonical(name)
    known = found.project.services if found.project else ()
    return [each for each in known if any(fact.value == kind for fact in each.databases)]


async def variables(spec: Spec, context: Context, found: Fingerprint, part: Part) -> None:
    """The step that writes the variables which have no value yet; what is kept or cannot be written is said."""
    known = found.project.services if found.project else ()
    users = _users(spec.kind, found) or list(known)
    read = {
        fact.value for each in users for fact in each.variables if re.fullmatch(r"[A-Z_][A-Z0-9_]{0,100}", fact.value)
    }
    used = {fact.value for each in known for fact in each.databases} | {canonical(spec.kind)}
    begins = names.scheme(
        spec.kind, [fact.value for each in users for fact in each.languages], await _packages(users, context)
    )
    wanted = names.lines(spec.kind, read, used, begins)
    path = context.path / spec.file
    try:
        have = set(await context.host.call(dotenv.named, path))
    except Failed as error:
        secret = spec.folder / "credentials.json"
        part.warnings.append(f"{spec.file} is not written to: {error.what}; how to log in stands in {secret}")
        return
    fresh = [(key, form) for key, form in wanted if key not in have]
    kept = [key for key, _ in wanted if key in have]
    if kept and part.steps:
        part.warnings.append(f"kept as they are in {spec.file}: {', '.join(kept)}")
    if not fresh:
        return
    pairs: list[JsonValue] = [[key, form] for key, form in wanted]
    args: dict[str, JsonValue] = {"name": spec.name, "variables": pairs}
    back = Step(
        kind="service-env",
        does=f"take the lines of {spec.name} out of {spec.file}",
        args={"name": spec.name, "remove": [key for key, _ in fresh]},
    )
    does = f"write how to reach {spec.name} into {spec.file}"
    part.steps.append(Step(kind="service-env", does=does, args=args, inverse=(back,)))
    part.details.append(f"{spec.file} gets: {', '.join(key for key, _ in fresh)}")
    if await _published(spec.file, context):
        part.warnings.append(
            f"git does not ignore {spec.file}, which gets a password: add it to .gitignore before you commit"
        )


async def _packages(users: list[Service], context: Context) -> str:
    """The manifests' text: which driver an address is for. Nothing of it is shown."""
    text = ""
    for each in users[:5]:
        for manifest in each.manifests[:6]:
            path = PurePosixPath(manifest)
            if path.is_absolute() or ".." in path.parts:
                continue
            entry = await context.host.stat(context.path / path)
            if entry is not None and entry.kind == "file" and entry.size <= MANIFEST:
                text += (await context.host.read(context.path / path)).decode("utf-8", "replace")
    return text


async def _published(file: str, context: Context) -> bool:
    """Whether git would take the file into a commit."""
    argv = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C", str(context.path)]
    inside = await context.host.run([*argv, "rev-parse", "--is-inside-work-tree"], timeout=30, cwd=Path("/"))
    if inside.code != 0:
        return False
    return (await context.host.run([*argv, "check-ignore", "-q", "--", file], timeout=30, cwd=Path("/"))).code == 1
