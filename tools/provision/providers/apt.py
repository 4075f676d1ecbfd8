"""Debian packages through apt: the simulation is the plan, so that what comes back out is exactly what went in."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Locked, Unreachable, Usage
from ...hosts.here import near
from ...plan import Step
from ..names import plain, shown
from ..part import Part, command, counted, tail
from ..sizes import fetches, weighed
from . import aptsizes
from .pysteps import mapping, strings

ENV = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "NEEDRESTART_MODE": "l"}
_INST = re.compile(r"^Inst (\S+?)(?::\w+)? (?:\[([^\]]+)\] )?\((\S+) ", re.MULTILINE)
_REMV = re.compile(r"^Remv (\S+?)(?::\w+)? \[([^\]]+)\]", re.MULTILINE)
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,120}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+:~-]{0,100}")


async def candidate(name: str, context: Context) -> str | None:
    """The version that apt would install; empty when it has none, None on a host without apt."""
    done = await context.host.run(["apt-cache", "policy", "--", name], timeout=30, env=ENV, cwd=Path("/"))
    if done.code == 127:
        return None
    match = re.search(r"Candidate: (\S+)", done.text)
    return match[1] if match and match[1] != "(none)" else ""


async def installed(names: list[str], context: Context) -> dict[str, str]:
    """The installed ones among `names`, with their versions."""
    if not names:
        return {}
    show = "-f=${Package} ${db:Status-Status} ${Version}\\n"
    done = await context.host.run(["dpkg-query", "-W", show, "--", *names], timeout=30, env=ENV, cwd=Path("/"))
    rows = (line.split(" ") for line in done.text.splitlines())
    return {row[0]: row[2] for row in rows if len(row) == 3 and row[1] == "installed"}


async def plan(wanted: Mapping[str, str], context: Context) -> Part:
    """What installs these packages (version by name, empty for any). Raises Usage, Failed."""
    part = Part()
    _validate(wanted)
    have = await installed(list(wanted), context)
    need = {
        name: version for name, version in wanted.items() if name not in have or (version and have[name] != version)
    }
    latest = [name for name, version in wanted.items() if version == "latest"]
    need.update(dict.fromkeys(latest, ""))
    part.present += [f"{name} {version}" for name, version in have.items() if name not in need]
    if not need:
        return part
    await _root(context)
    if await lists_empty(context):
        part.steps.append(fetch_lists())
    simulated = await _simulate(need, [], context)
    if simulated is None:
        part.steps.append(_open_step(need))
        part.warnings.append(
            "apt's lists are empty, so which other packages come along is known only after fetching them"
        )
        return part
    new, upgraded, removed = simulated
    if not new and not upgraded:
        part.present += [f"{name} {have.get(name, '')}".strip() for name in need]
        return part
    part.details += [f"apt: {name} {version}" for name, version in new.items()]
    part.details += [f"apt: {name} {old} -> {version}" for name, (old, version) in upgraded.items()]
    part.details += [f"apt: removes {name} {version}" for name, version in removed.items()]
    if removed:
        part.reasons.append(f"apt removes {', '.join(sorted(removed))} for it")
    back: dict[str, JsonValue] = {**{name: old for name, (old, _) in upgraded.items()}, **removed}
    lost = [name for name, version in back.items() if not await _offered(name, str(version), context)]
    if lost:
        part.warnings.append(
            f"cannot be taken back to the present version, which apt no longer offers: {', '.join(sorted(lost))}"
        )
    inverse = Step(
        kind="apt",
        does=f"take {counted(len(new) + len(back), 'Debian package')} back",
        args={"install": {n: v for n, v in back.items() if n not in lost}, "remove": list[JsonValue](sorted(new))},
    )
    exact: dict[str, JsonValue] = {**new, **{name: version for name, (_, version) in upgraded.items()}}
    changes: dict[str, JsonValue] = {name: ["", version] for name, version in new.items()}
    changes.update({name: [old, version] for name, (old, version) in upgraded.items()})
    some = ", ".join(sorted(need)[:4])
    others = len(exact) - len(need)
    more = f" and {counted(others, 'package')} that come along" if others > 0 else ""
    step = Step(
        kind="apt",
        does=f"install {some}{more} with apt",
        args={"install": exact, "remove": list[JsonValue](sorted(removed))},
        inverse=(inverse,),
        seconds=4.0 + 1.5 * len(exact),
    )
    files, space = await aptsizes.weigh(_words(need, []), ENV, context)
    part.details += [space] if space else []
    if files is not None:
        step = step.model_copy(update={"download": 0}) if not files else weighed(step, files)
        part.fetches += fetches(files)
    part.steps.append(step)
    return part


def _open_step(need: Mapping[str, str]) -> Step:
    back = Step(kind="apt", does="remove them again", args={"install": {}, "remove": list[JsonValue](sorted(need))})
    args: dict[str, JsonValue] = {"install": dict[str, JsonValue](need), "remove": []}
    return Step(
        kind="apt", does=f"install {', '.join(sorted(need))} with apt", args=args, inverse=(back,), seconds=30.0
    )


def fetch_lists() -> Step:
    """The step that fetches the package lists."""
    keep = Step(kind="apt-update", does="nothing: package lists change no package", args={"keep": True})
    return Step(kind="apt-update", does="fetch apt's package lists", inverse=(keep,), seconds=20.0)


def _validate(wanted: Mapping[str, str]) -> None:
    for name, version in wanted.items():
        if not _NAME.fullmatch(name):
            raise Usage(f"{shown(name)} is no Debian package name", "Such names have lower-case letters, digits, + . -")
        if version and not _VERSION.fullmatch(version):
            raise Usage(f"{shown(version)} is no version of a Debian package", "`apt-cache policy NAME` lists them.")


async def _simulate(
    need: Mapping[str, str], remove: list[str], context: Context
) -> tuple[dict[str, str], dict[str, tuple[str, str]], dict[str, str]] | None:
    """What apt would install, upgrade and remove; None when its lists are empty."""
    argv = [
        "apt-get",
        "-s",
        "-o",
        "Debug::NoLocking=1",
        "--no-install-recommends",
        "--allow-downgrades",
        "install",
        "--",
    ]
    done = await context.host.run([*argv, *_words(need, remove)], timeout=60, env=ENV, cwd=Path("/"))
    if done.code == 127:
        raise Failed("this host has no apt-get", "Debian packages can be installed on Debian and its relatives only.")
    if done.code != 0:
        if await lists_empty(context):
            return None
        missing = re.search(r"Unable to locate package (\S+)|Version '([^']+)' for '([^']+)' was not found", done.error)
        if missing:
            what = missing[1] or f"{missing[3]} {missing[2]}"
            raise Usage(
                f"apt has no {shown(what)}",
                "`apt-cache search WORD` finds names; `apt-get update` fetches newer lists.",
            )
        raise Failed(f"apt cannot install that: {plain(tail(done), 400)}", "Nothing was changed.")
    return read_simulation(done.text)


def _words(need: Mapping[str, str], remove: list[str]) -> list[str]:
    """As apt-get is told to install and remove."""
    return [f"{name}={version}" if version else name for name, version in need.items()] + [f"{n}-" for n in remove]


def read_simulation(said: str) -> tuple[dict[str, str], dict[str, tuple[str, str]], dict[str, str]]:
    """What `apt-get -s` says it would install, upgrade (old and new version) and remove."""
    new: dict[str, str] = {}
    upgraded: dict[str, tuple[str, str]] = {}
    for name, old, version in _INST.findall(said):
        if old:
            upgraded[name] = (old, version)
        else:
            new[name] = version
    return new, upgraded, {name: version for name, version in _REMV.findall(said)}


async def _offered(name: str, version: str, context: Context) -> bool:
    done = await context.host.run(["apt-cache", "madison", "--", name], timeout=30, env=ENV, cwd=Path("/"))
    return any(version == line.split("|")[1].strip() for line in done.text.splitlines() if line.count("|") >= 2)


async def lists_empty(context: Context) -> bool:
    """Whether apt does not know yet what there is, as in a new container."""
    done = await context.host.run(["apt-cache", "stats"], timeout=30, env=ENV, cwd=Path("/"))
    found = re.search(r"Normal packages: (\d+)", done.text)
    return found is not None and int(found[1]) < 1000 and not await _any_lists(context)


async def _any_lists(context: Context) -> bool:
    try:
        names = [entry.path.name for entry in await context.host.list(Path("/var/lib/apt/lists"))]
    except OSError:
        return False
    return any(name.endswith(("_Packages", "_Packages.lz4", "_Packages.gz", "_Packages.xz")) for name in names)


async def _root(context: Context) -> list[str]:
    """How a command becomes root: not at all, or through sudo without a password. Raises Failed."""
    if (os.geteuid() if near(context.host) else (await context.host.info()).uid) == 0:
        return []
    if (await context.host.run(["sudo", "-n", "true"], timeout=15, cwd=Path("/"))).code == 0:
        return ["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND,LC_ALL,NEEDRESTART_MODE"]
    raise Failed(
        "installing Debian packages needs root, and sudo wants a password here",
        "Run `sudo -v` first and ask again, or have an administrator install them.",
    )


class Apt:
    """`apt`: install (version by name, empty for any) and remove (names). Also what rewinding makes."""

    name = "apt"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        if await self.holds(step, context):
            return {"code": 0}
        install, remove = mapping(step.args.get("install", {})), strings(step.args.get("remove", []))
        _validate({**install, **dict.fromkeys(remove, "")})
        root = await _root(context)
        # A run that was killed leaves dpkg half-way; this finishes it and does nothing otherwise.
        await command(context, [*root, "dpkg", "--configure", "-a"], "apt", env=ENV, cwd=Path("/"))
        there = await installed(remove, context)
        words = [f"{name}={version}" if version else name for name, version in sorted(install.items())]
        words += [f"{name}-" for name in remove if name in there]
        options = ["-y", "-q", "--no-install-recommends", "--allow-downgrades", "-o", "Dpkg::Options::=--force-confold"]
        options += ["-o", "DPkg::Lock::Timeout=60", "-o", "Dpkg::Use-Pty=0", "-o", "APT::Get::AutomaticRemove=false"]
        options += ["-o", "Acquire::Retries=2"]
        done = await command(
            context, [*root, "apt-get", *options, "install", "--", *words], step.does, env=ENV, cwd=Path("/")
        )
        if done.code != 0:
            said = tail(done)
            if "Could not get lock" in said:
                raise Locked(
                    f"another program is using apt: {plain(said, 200)}", "Wait until it has ended, then ask again."
                )
            if re.search(r"Failed to fetch|Could not resolve|Could not connect", said):
                raise Unreachable(
                    f"apt could not fetch: {plain(said, 300)}", "Check the network or run `apt-get update`."
                )
            raise Failed(
                f"apt-get failed: {said}", "`dpkg --configure -a` and `apt-get -f install` mend a broken state."
            )
        return {"code": 0, "seconds": round(done.seconds, 1)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        install, remove = mapping(step.args.get("install", {})), strings(step.args.get("remove", []))
        there = await installed([*install, *remove], context)
        return all(name in there and version in ("", there[name]) for name, version in install.items()) and not any(
            name in there for name in remove
        )


class AptUpdate:
    """`apt-update`: fetch the package lists. Its inverse (`keep`) does nothing, since lists change no package."""

    name = "apt-update"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        if step.args.get("keep"):
            return {"code": 0}
        root = await _root(context)
        argv = [*root, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=60", "update"]
        done = await command(context, argv, step.does, env=ENV, cwd=Path("/"), timeout=300)
        if done.code != 0:
            raise Unreachable(f"apt-get update failed: {tail(done)}", "Check the network and /etc/apt/sources.list.")
        return {"code": 0}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return None if step.args.get("keep") else not await lists_empty(context)
