"""Puts runtimes, packages and services into a fresh Debian, through its Host, and makes sure that they work."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from ..contract import Context, Output, Progress
from ..errors import Failed, Unreachable, Usage
from ..hosts.base import Completed, Host
from .contents import RUNTIMES, SERVICES, Content, Wanted, fits

CERTIFICATES = Path("/usr/local/share/ca-certificates")
"""Authorities that this machine trusts beyond the usual ones: in there they are needed for the same ways out."""
SERVED = "/etc/envsync/services"
"""In the sandbox: an empty file per service that is to run, also after the sandbox was stopped and started."""
IDLE = f'for each in {SERVED}/*; do [ -f "$each" ] && service "${{each##*/}}" start; done; exec sleep 2147483647'
"""The sandbox's own command."""
ENV = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
STARTS = 60.0
"""Seconds that a service may take until it answers."""
_APT = ("-qq", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=2")
_PACKAGE = re.compile(
    r"(?:(?P<from>apt|pip|npm):)?(?P<name>@?[A-Za-z0-9][\w.+/-]{0,120}(?:\[[\w,-]+\])?)(?:@(?P<version>[0-9A-Za-z][\w.+~-]{0,80}))?"
)


def package(text: str) -> tuple[str, str, str]:
    """`pip:flask@3` as (pip, flask, 3). Raises Usage for a path, a URL, an option or control characters."""
    found = _PACKAGE.fullmatch(text.strip())
    if found is None:
        raise Usage(
            f"{text[:60]!r} is no package name", "Write NAME or NAME@VERSION; apt:, pip: and npm: in front say whose."
        )
    return found["from"] or "", found["name"], found["version"] or ""


async def provide(
    host: Host, runtimes: Sequence[Wanted], packages: Sequence[str], services: Sequence[Wanted], context: Context
) -> dict[str, JsonValue]:
    """Install and start; returns `versions` (by name) and `ports` (by service). Raises Failed with what went wrong."""
    wanted = [*runtimes, *services]
    if not wanted and not packages:
        return {"versions": {}, "ports": {}}
    if (await host.run(["apt-get", "--version"], timeout=60)).code:
        raise Failed("this image has no apt-get, and what it lacks cannot be installed", "Use the image debian.")
    await _certificates(host, context)
    await _do(
        host,
        ["apt-get", "-qq", "-o", "Acquire::Retries=2", "-o", "Acquire::Languages=none", "update"],
        "fetching the package lists",
        context,
    )
    system = [name for each in wanted for name in each.content.packages]
    pip: list[str] = []
    npm: list[str] = []
    for text in packages:
        source, name, version = package(text)
        source = source or await _source(host, name, runtimes)
        match source:
            case "apt":
                system.append(f"{name}={version}*" if version else name)
            case "pip":
                pip.append(f"{name}=={version}" if version else name)
            case _:
                npm.append(f"{name}@{version}" if version else name)
    if pip and "python3-pip" not in system:
        system += RUNTIMES["python"].packages[:3]
    if npm and "npm" not in system:
        system += RUNTIMES["node"].packages
    if system:
        argv = ["apt-get", *_APT, "install", "--", *dict.fromkeys(system)]
        await _do(host, argv, f"installing {', '.join(list(dict.fromkeys(system))[:5])}", context)
    if pip:
        argv = ["python3", "-m", "pip", "install", "--quiet", "--break-system-packages", "--root-user-action=ignore"]
        await _do(host, [*argv, "--", *pip], f"installing {', '.join(pip[:5])} with pip", context)
    if npm:
        await _do(
            host, ["npm", "install", "--global", "--no-fund", "--no-audit", "--", *npm], "installing with npm", context
        )
    versions: dict[str, JsonValue] = {}
    for each in wanted:
        versions[each.name] = await _version(host, each)
    for each in services:
        await _serve(host, each.name, each.content, context)
    await works(host, runtimes, services)
    return {"versions": versions, "ports": {each.name: each.content.port for each in services}}


async def works(host: Host, runtimes: Sequence[Wanted], services: Sequence[Wanted]) -> None:
    """Raises Failed for the first that does not do what it is for."""
    for each in [*runtimes, *services]:
        check = each.content.check
        if not check:
            continue
        done = await host.run(check, env=ENV, timeout=120)
        if done.code:
            raise Failed(f"{each.name} was installed and does not work: {_said(done)}", "Try another version or image.")


async def _certificates(host: Host, context: Context) -> None:
    found = [each for each in await _listed(context, CERTIFICATES) if each.suffix == ".crt"]
    if not found:
        return
    for path in found:
        await host.write(CERTIFICATES / path.name, await context.host.read(path))
    # An image without this program gets it with its own package, which then reads the directory.
    await host.run(["update-ca-certificates"], timeout=120)


async def _listed(context: Context, folder: Path) -> list[Path]:
    try:
        return [entry.path for entry in await context.host.list(folder)]
    except OSError:
        return []


async def _source(host: Host, name: str, runtimes: Sequence[Wanted]) -> str:
    """Whose package a bare name is: Debian's own, else that of the language that was asked for."""
    if await _offered(host, name):
        return "apt"
    asked = {each.name for each in runtimes}
    for runtime, source in (("python", "pip"), ("node", "npm")):
        if runtime in asked:
            return source
    raise Failed(f"Debian has no package {name!r}", f"Say whose it is: pip:{name} or npm:{name}.")


async def _offered(host: Host, name: str) -> bool:
    done = await host.run(["apt-cache", "--no-all-versions", "show", "--", name], env=ENV, timeout=60)
    return done.code == 0 and bool(done.stdout.strip())


async def _version(host: Host, wanted: Wanted) -> str:
    """The version that was installed. Raises Failed when another was asked for."""
    name = wanted.content.packages[0]
    done = await host.run(["dpkg-query", "-W", "-f", "${Version}", name], env=ENV, timeout=60)
    version = re.sub(r"^\d+:", "", done.text.strip())
    if wanted.name == "mysql":
        return version
    # The package of a default (python3, default-jdk) carries the version of what it leads to.
    number = re.split(r"[-+~]", version)[0]
    if not fits(number, wanted.version):
        raise Failed(
            f"this image has {wanted.name} {number}, and {wanted} was asked for",
            "Name no image, and the release of Debian that has it is taken.",
        )
    return version


async def _serve(host: Host, name: str, content: Content, context: Context) -> None:
    context.report(Progress(f"starting {name}"))
    await host.write(Path(SERVED, content.service), b"")
    started = await host.run(["service", content.service, "start"], env=ENV, timeout=STARTS)
    until = time.monotonic() + STARTS
    pattern = re.compile(rf"^\s*\d+: [0-9A-F]+:{content.port:04X} \S+ 0A ", re.MULTILINE)
    while True:
        tables = await host.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"], timeout=30)
        if pattern.search(tables.text):
            break
        if time.monotonic() > until:
            raise Failed(f"{name} does not answer on port {content.port}: {_said(started)}", "Try another image.")
        await asyncio.sleep(0.2)
    while content.check and (await host.run(content.check, env=ENV, timeout=60)).code:
        # It listens before it serves: PostgreSQL replays its log first.
        if time.monotonic() > until:
            break
        await asyncio.sleep(0.2)


async def _do(host: Host, argv: Sequence[str], what: str, context: Context) -> None:
    context.report(Progress(what))

    def output(stream: str, chunk: bytes) -> None:
        context.report(Output(chunk.decode("utf-8", "backslashreplace"), stream))

    done = await host.run(argv, env=ENV, timeout=1800, output=output)
    if done.code == 0:
        return
    said = _said(done)
    if re.search(r"Failed to fetch|Could not resolve|Could not connect|Temporary failure|ENOTFOUND|ETIMEDOUT", said):
        raise Unreachable(
            f"{what} failed, the network is not reached: {said}", "Check that containers reach the network."
        )
    raise Failed(f"{what} failed: {said}", "Nothing is left of it. Look at the names and versions, then ask again.")


def _said(done: Completed) -> str:
    return " ".join((done.error.strip() or done.text.strip())[-600:].split())


def known(names: Sequence[str]) -> tuple[list[Wanted], list[Wanted]]:
    """Those of these names that are runtimes and those that are services: for what a step's arguments hold."""
    split = [(name.partition("@")[0], name.partition("@")[2]) for name in names]
    return (
        [Wanted(name, version) for name, version in split if name in RUNTIMES],
        [Wanted(name, version) for name, version in split if name in SERVICES],
    )
