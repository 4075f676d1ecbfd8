"""Declared versus present: what a project asks for and this machine does not have, each with the fix. Pure, but for one probe."""

from __future__ import annotations

import errno
import re
import select
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ..fingerprint import Installed, Missing, PackageSet
from .addresses import PORTS
from .draft import Declared, Draft
from .project import Survey
from .shared import set_names
from .versions import number, ranged, satisfies

MOST = 300
"""Packages named; a project without its environment may lack thousands."""

NEEDS = {
    "uv": ("uv",), "poetry": ("poetry",), "pdm": ("pdm",), "pipenv": ("pipenv",), "conda": ("conda",), "npm": ("npm",), "pnpm": ("pnpm",),
    "yarn": ("yarn",), "bun": ("bun",), "cargo": ("cargo",), "maven": ("mvn",), "gradle": ("gradle",), "bundler": ("bundle",),
    "composer": ("composer",), "deno": ("deno",), "pip": ("pip", "uv"), "sbt": ("sbt",), "lein": ("lein",), "clojure": ("clojure",), "nuget": ("dotnet",),
    "mix": ("mix",), "rebar3": ("rebar3",), "stack": ("stack",), "cabal": ("cabal",), "dune": ("dune",), "opam": ("opam",), "luarocks": ("luarocks",),
    "cpanm": ("cpanm",),
}  # fmt: skip
"""Programs of which one must be on PATH, by package manager."""
_ELSEWHERE = {
    "uv": "pip install uv",
    "conda": "see https://conda-forge.org/download",
    "cargo": "envsync provision --runtimes rust",
}
WRAPPERS = {"maven": "./mvnw", "gradle": "./gradlew"}
SOFT = frozenset({"NODE_ENV", "PORT", "DEBUG", "HOST", "LOG_LEVEL", "CI"})
"""Variables that programs read but that nearly always have a default."""


@dataclass
class Present:
    """What is there."""

    programs: Sequence[Installed] = ()
    packages: Sequence[PackageSet] = ()
    variables: frozenset[str] = frozenset()
    """Names set in the user's environment."""
    listening: frozenset[int] = frozenset()
    """Ports of this machine that answered."""
    own: Mapping[str, int] = field(default_factory=dict[str, int])
    """Ports of the databases that EnvSync made for the project."""


def ports(survey: Survey, own: Mapping[str, int]) -> dict[str, int]:
    """The port on this machine at which each declared database should answer; `own` has those that were made for it."""
    found: dict[str, int] = {}
    for draft in survey.drafts:
        for name, fact in draft.databases.items():
            usual = survey.ports.get(name, PORTS.get(name, 0)) if fact.confidence > 0.5 else 0
            port = own.get(name, usual)
            if port and draft.best_role != "library":
                found[name] = port
    return found


def listening(wanted: Sequence[int], seconds: float = 0.2) -> frozenset[int]:
    """Those of `wanted` that accept a connection on this machine, all tried at once."""
    found: set[int] = set()
    waiting: dict[socket.socket, int] = {}
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for port in wanted:
            with suppress(OSError):
                probe = socket.socket(family, socket.SOCK_STREAM)
                probe.setblocking(False)
                code = probe.connect_ex((address, port))
                if code == 0:
                    found.add(port)
                if code in (errno.EINPROGRESS, errno.EWOULDBLOCK):
                    waiting[probe] = port
                else:
                    probe.close()
    end = time.monotonic() + seconds
    while waiting and (left := end - time.monotonic()) > 0:
        _, ready, broken = select.select([], list(waiting), list(waiting), left)
        for probe in {*ready, *broken}:
            if probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                found.add(waiting[probe])
            del waiting[probe]
            probe.close()
    for probe in waiting:
        probe.close()
    return frozenset(found)


def missing(survey: Survey, present: Present) -> tuple[Missing, ...]:
    """Everything declared and not present, the runtimes first; the same lack in two services is said once per service."""
    many = len(survey.drafts) > 1
    found: list[Missing] = []
    for draft in survey.drafts:
        where = draft.root if many else ""
        found += _runtimes(draft, present.programs, where)
        found += _tools(draft, present, where)
        found += _packages(draft, present.packages, where)
        found += _variables(draft, present.variables | set_names(draft), where)
    wanted = ports(survey, present.own)
    found += [
        Missing(
            kind="service",
            name=name,
            wanted=f"localhost:{port}",
            actual="nothing answers",
            fix=f"envsync provision --services {name}",
            service=next((d.root for d in survey.drafts if name in d.databases), "") if many else "",
        )
        for name, port in wanted.items()
        if port not in present.listening
    ]
    order = ("runtime", "tool", "packages", "service", "variable", "file")
    unique = {(m.kind, m.name, m.wanted, m.service if m.kind == "packages" else ""): m for m in reversed(found)}
    return tuple(sorted(reversed(unique.values()), key=lambda m: order.index(m.kind)))


_FETCHED = frozenset({"kotlin", "scala", "clojure"})
_FETCHERS = frozenset({"gradle", "maven", "sbt", "mill", "lein", "clojure"})
"""Build tools that fetch the language by themselves: a missing compiler is not missed."""


def _above(draft: Draft, name: str) -> bool:
    """Whether a file of that name lies in the service's folder or in one above it."""
    parts = [] if draft.root == "." else draft.root.split("/")
    return any("/".join([*parts[:depth], name]) in draft.tree.files for depth in range(len(parts) + 1))


def _runtimes(draft: Draft, programs: Iterable[Installed], where: str) -> list[Missing]:
    found: list[Missing] = []
    by_name: dict[str, list[Installed]] = {}
    for program in programs:
        by_name.setdefault(program.name, []).append(program)
    for wanted in draft.runtimes:
        if wanted.name in _FETCHED and _FETCHERS & draft.managers.keys():
            continue
        there = by_name.get(wanted.name, [])
        verdicts = [satisfies(wanted.name, wanted.firm, program.version) for program in there]
        if any(verdict is not False for verdict in verdicts):
            continue
        best = max(there, key=lambda program: number(program.version) or (0, 0, 0), default=None)
        target = f"{wanted.name}@{_version(wanted.spec)}" if _version(wanted.spec) else wanted.name
        found.append(
            Missing(
                kind="runtime",
                name=wanted.name,
                wanted=wanted.spec,
                actual=best.version if best else "",
                fix=f"envsync provision --runtimes {target}",
                service=where,
            )
        )
    return found


def _version(spec: str) -> str:
    """A version to ask for that fits a spec: the newest alternative's lower bound."""
    last = re.split(r"\|\|?", spec)[-1]
    found = re.search(r"(?<![<\d.])(?<!<=)\d+(\.\d+){0,2}", last)
    return found.group() if found else ""


def _tools(draft: Draft, present: Present, where: str) -> list[Missing]:
    there = {program.name for program in present.programs}
    if environment(draft, present.packages, "pip") is not None:
        # They make a Python environment; once it is there, nothing in it needs them.
        there |= {"pip", "uv"}
    managers = list(draft.managers.values())
    sure = max((fact.confidence for fact in managers), default=0.0)
    found: list[Missing] = []
    for fact in managers:
        needs = NEEDS.get(fact.value, ())
        # Of two managers that could be meant only the likelier one is asked for.
        if not needs or (fact.confidence < 0.9 and fact.confidence < sure) or there.intersection(needs):
            continue
        wrapper = WRAPPERS.get(fact.value, "")
        if wrapper and _above(draft, wrapper.removeprefix("./")):
            continue
        found.append(Missing(kind="tool", name=needs[0], fix=_get(needs[0]), service=where))
    for name in draft.tools:
        if name not in there:
            found.append(Missing(kind="tool", name=name, fix=_get(name), service=where))
    return found


def _get(tool: str) -> str:
    if tool in ("poetry", "pdm", "pipenv"):
        return f"pipx install {tool}"
    if tool in ("pnpm", "yarn", "bun", "deno"):
        return f"npm install -g {tool}"
    if tool in _ELSEWHERE:
        return _ELSEWHERE[tool]
    return f"envsync provision --packages apt:{ {'bundle': 'bundler', 'mvn': 'maven'}.get(tool, tool) }"


def environment(draft: Draft, sets: Iterable[PackageSet], manager: str) -> PackageSet | None:
    """The environment that serves a service: in its own folder, or the nearest one above."""
    names = ("node_modules",) if manager == "npm" else (".venv", "venv", "env")
    found: list[tuple[int, int, PackageSet]] = []
    for candidate in sets:
        folder, _, name = candidate.where.rpartition("/")
        above = folder == "" or draft.root == folder or draft.root.startswith(folder + "/")
        if candidate.manager == manager and above:
            found.append((len(folder), -names.index(name) if name in names else -len(names), candidate))
    return max(found, key=lambda item: item[:2])[2] if found else None


def above(draft: Draft, sets: Iterable[PackageSet], manager: str) -> list[PackageSet]:
    """Every environment that Node would look a package up in: the service's folder and all above it."""
    there = [s for s in sets if s.manager == manager]
    folders = [s.where.rpartition("/")[0] for s in there]
    return [
        s for s, folder in zip(there, folders, strict=True) if folder == "" or f"{draft.root}/".startswith(f"{folder}/")
    ]


def installed(draft: Draft, sets: Iterable[PackageSet], manager: str) -> dict[str, str] | None:
    """The packages that a service finds; None when it has no environment."""
    if manager == "pip":
        chosen = environment(draft, sets, manager)
        return chosen.packages if chosen else None
    places = sorted(above(draft, sets, manager), key=lambda s: len(s.where))
    return {name: version for place in places for name, version in place.packages.items()} if places else None


def direct(draft: Draft) -> list[Declared]:
    """The packages that manifests name and that an ordinary install brings."""
    wanted = [d for d in draft.declared if not d.exact and not (d.extra and d.manager == "pip")]
    return list({(d.manager, d.name): d for d in reversed(wanted)}.values())[::-1]


def _packages(draft: Draft, sets: Sequence[PackageSet], where: str) -> list[Missing]:
    found: list[Missing] = []
    for manager in ("pip", "npm"):
        there = installed(draft, sets, manager)
        exact = {d.name: d for d in draft.declared if d.exact and d.manager == manager}
        wanted = [d for d in direct(draft) if d.manager == manager]
        for declared in wanted:
            actual = (there or {}).get(declared.name)
            if actual is None:
                found.append(_lack(declared, "", where))
            elif _fits(declared, actual) is False:
                found.append(_lack(declared, actual, where))
                exact.pop(declared.name, None)
        for declared in exact.values() if there else ():
            actual = (there or {}).get(declared.name)
            # A lockfile covers every platform and option, so a package that is not there may rightly not be.
            if actual and _fits(declared, actual) is False:
                found.append(_lack(declared, actual, where))
    return found[:MOST]


def _lack(declared: Declared, actual: str, where: str) -> Missing:
    return Missing(
        kind="packages", name=declared.name, wanted=declared.spec, actual=actual, fix="envsync provision", service=where
    )


def _fits(declared: Declared, actual: str) -> bool | None:
    if not actual or not declared.spec:
        return None
    if declared.manager == "npm":
        return actual == declared.spec if declared.exact else ranged(declared.spec, actual)
    return satisfies("python", declared.spec, actual)


def _variables(draft: Draft, there: set[str] | frozenset[str], where: str) -> list[Missing]:
    found: list[Missing] = []
    for fact in draft.variables.values():
        declared = fact.rule == "declared" or any(e.path.rpartition("/")[2].startswith(".env") for e in fact.evidence)
        if declared and fact.value not in there and fact.value not in SOFT:
            source = fact.evidence[0].path
            found.append(
                Missing(
                    kind="variable", name=fact.value, fix=f"set {fact.value} in .env, as in {source}", service=where
                )
            )
    return found
