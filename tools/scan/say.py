"""A fingerprint in words and tables: the one-sentence answer, then a block per service, what is missing, the machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..contract import Block, Lines, Table
from ..fingerprint import Fact, Fingerprint, HostFacts, Installed, Missing, Project, Service, Wanted
from . import say_host
from .naming import KINDS, RUNS, pretty
from .text import bytes_text, listed, plural, safe
from .versions import number, satisfies


def summary(fingerprint: Fingerprint) -> str:
    """What the project needs to run and what is missing here, in one sentence."""
    project = fingerprint.project
    if project is None:
        return _machine_sentence(fingerprint) + "."
    if any(fact.rule == "wide" for fact in project.findings) and not any(
        s.manifests or s.languages for s in project.services
    ):
        return f"{_machine_sentence(fingerprint)}; {project.root} is no project's directory."
    parts = [_what(project)]
    commands = [s.commands["start"].value for s in project.services if "start" in s.commands and s.role != "library"]
    if len(project.services) == 1 and commands:
        parts.append(f"start with `{safe(commands[0], 80)}`")
    parts.append(_lacks(project))
    return "; ".join(part for part in parts if part) + "."


def _what(project: Project) -> str:
    services = project.services
    if len(services) == 1:
        only = services[0]
        kind = describe(only)
        if not only.manifests and not only.languages:
            return "nothing here says what it needs: there is no source and no manifest"
        return f"{kind[:1].upper()}{kind[1:]}: {_needs(services)}"
    named = [f"{safe(s.name, 40)} ({describe(s)})" for s in services if s.role != "workspace"]
    return f"{plural(len(named), 'service')}, {listed(named, 4)}: {_needs(services)}"


def describe(service: Service) -> str:
    """`Flask web application`, `Go library`, `Vite front end`."""
    kind = KINDS.get(service.role, "project")
    if service.frameworks and service.role not in ("library", "workspace"):
        return f"{service.frameworks[0].value} {kind}"
    if service.role == "library" and "cli" in service.commands and service.languages:
        return f"{_language(service)} package with the command `{safe(service.commands['cli'].value, 60)}`"
    if service.languages:
        return f"{_language(service)} {kind}"
    return kind


def _language(service: Service) -> str:
    """The main one: of those that a wanted runtime runs, if there are any, since a package's own assets may outweigh them."""
    runs = {language for wanted in service.runtimes for language in RUNS.get(wanted.name, ())}
    return next((fact.value for fact in service.languages if fact.value in runs), service.languages[0].value)


def _needs(services: Sequence[Service]) -> str:
    wanted: dict[str, str] = {}
    for service in services:
        for runtime in service.runtimes:
            wanted.setdefault(runtime.name, "")
            wanted[runtime.name] = wanted[runtime.name] or runtime.spec
    names = [f"{pretty(name)}{_spaced(spec)}" for name, spec in wanted.items()]
    databases = dict.fromkeys(
        pretty(d.value) for s in services if s.role != "library" for d in s.databases if d.confidence > 0.5
    )
    names += list(databases)
    return f"needs {_and(names)}" if names else "needs no runtime that this scan knows"


def _spaced(spec: str) -> str:
    return f" {safe(spec, 40)}" if spec else ""


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _lacks(project: Project) -> str:
    lacks: list[str] = []
    for kind in ("runtime", "tool"):
        for item in (m for m in project.missing if m.kind == kind):
            instead = f" (here: {item.actual})" if item.actual else ""
            lacks.append(f"{pretty(item.name)}{_spaced(item.wanted)}{instead}")
    packages = [m for m in project.missing if m.kind == "packages"]
    absent, wrong = [m for m in packages if not m.actual], [m for m in packages if m.actual]
    if absent:
        lacks.append(f"{plural(len(absent), 'package')} ({listed([safe(m.name, 40) for m in absent], 3)})")
    if wrong:
        lacks.append(
            f"{plural(len(wrong), 'package')} in another version ({listed([safe(m.name, 40) for m in wrong], 3)})"
        )
    lacks += [f"{pretty(m.name)} ({m.actual} on {m.wanted})" for m in project.missing if m.kind == "service"]
    variables = [m.name for m in project.missing if m.kind == "variable"]
    if variables:
        lacks.append(f"{plural(len(variables), 'variable')} ({listed(variables, 3)})")
    if lacks:
        return f"missing here: {_and(lacks)}"
    known = any(s.manifests for s in project.services)
    if not known:
        return ""
    unread = any(f.rule in ("unreadable", "computed") for f in project.findings)
    return "everything that could be read of its needs is here" if unread else "everything it needs to run is here"


def _machine_sentence(fingerprint: Fingerprint) -> str:
    facts = fingerprint.facts
    here = (
        f"{facts.os} on {facts.arch}, {plural(facts.cores, 'core')}, {bytes_text(facts.memory)} of memory"
        if facts
        else "This machine"
    )
    system = sum(len(s.packages) for s in fingerprint.packages if s.where == "system")
    counts = [plural(len({i.name for i in fingerprint.runtimes}), "runtime"), plural(len(fingerprint.tools), "tool")]
    if system:
        counts.append(plural(system, "system package"))
    return f"{here[:1].upper()}{here[1:]}, with {_and(counts)}"


def blocks(fingerprint: Fingerprint) -> list[Block]:
    """Everything, most important first."""
    from .picture import tree  # it describes services with the words of this module

    shown: list[Block] = []
    project = fingerprint.project
    if project:
        if (drawn := tree(project)) is not None:
            shown.append(drawn)
        # An empty directory has a service of which nothing is known: the summary says so, a table of nothing does not.
        shown += [table for service in project.services if (table := _service(service, fingerprint)).rows]
        if project.backing:
            shown.append(_beside(project))
        if project.missing:
            shown.append(_missing(project.missing))
        if project.findings:
            shown.append(Lines([safe(f.value, 300) for f in project.findings[:12]], "worth knowing"))
    if fingerprint.facts:
        shown += _machine(fingerprint, fingerprint.facts)
    return shown


def _beside(project: Project) -> Table:
    rows = [
        (
            pretty(one.name) + (f" {one.version}" if one.version else ""),
            one.role if one.role != "unknown" else "",
            ", ".join(f":{port}" for port in one.ports[:4]) + (" (only on request)" if one.profiles else ""),
            _sources(one.evidence),
        )
        for one in project.backing[:20]
    ]
    return Table(("beside the services", "role", "ports here", "from"), rows, "runs beside the services")


def _service(service: Service, fingerprint: Fingerprint) -> Table:
    rows: list[tuple[str, str, str]] = []

    def row(label: str, value: str, source: str = "") -> None:
        if value:
            rows.append((label, value, source))

    row("languages", listed([f.value for f in service.languages], 5))
    for wanted in service.runtimes:
        row(
            "needs",
            f"{pretty(wanted.name)}{_spaced(wanted.spec)} {_presence(wanted, fingerprint)}",
            _sources(wanted.evidence),
        )
    row(
        "packages",
        _with([f for f in service.managers if f.confidence >= 0.5][:2]),
        listed([*service.lockfiles, *service.manifests], 3),
    )
    row("framework", _with(service.frameworks[:4]), _source(service.frameworks))
    start = service.commands.get("start")
    for purpose, fact in sorted(service.commands.items(), key=lambda item: _ORDER.get(item[0], 9)):
        if purpose == "dev" and start is not None and start.value == fact.value:
            continue
        row("command" if purpose == "cli" else purpose, safe(fact.value, 100), _doubt(fact, _source([fact])))
    row(
        "ports",
        ", ".join(f.value + ("?" if f.confidence < 0.7 else "") for f in service.ports[:4]),
        _source(service.ports),
    )
    row("databases", ", ".join(pretty(f.value) for f in service.databases), _source(service.databases))
    databases = {fact.value for fact in service.databases}
    after = [fact for fact in service.needs if fact.value not in databases]
    row("starts after", ", ".join(pretty(safe(f.value, 60)) for f in after), _source(after))
    row("variables", listed([f.value for f in service.variables], 6), _source(service.variables))
    at = "" if service.root == "." else f" in {service.root}"
    return Table(("", "what", "from"), rows, f"{safe(service.name, 60)}{at}: {describe(service)}")


_ORDER = {"install": 0, "build": 1, "start": 2, "dev": 3, "test": 4}


def _with(facts: Iterable[Fact]) -> str:
    return ", ".join(fact.value for fact in facts)


def _sources(evidence: Iterable[object]) -> str:
    first = next(iter(evidence), None)
    path, key = getattr(first, "path", ""), getattr(first, "key", "")
    return f"{path}: {key}" if key else path


def _source(facts: Sequence[Fact]) -> str:
    return _sources(facts[0].evidence) if facts else ""


def _doubt(fact: Fact, source: str) -> str:
    return f"{source} (a guess)" if fact.confidence < 0.55 else source


def _presence(wanted: Wanted, fingerprint: Fingerprint) -> str:
    there = [i for i in (*fingerprint.runtimes, *fingerprint.tools) if i.name == wanted.name]
    fits = [i for i in there if satisfies(wanted.name, wanted.spec, i.version) is not False]
    if fits:
        return f"(here: {fits[0].version or 'version unknown'})"
    best = max(there, key=lambda i: number(i.version) or (0, 0, 0), default=None)
    return f"(here only {best.version})" if best else "(not here)"


def _missing(items: Sequence[Missing]) -> Table:
    rows: list[tuple[str, str, str]] = []
    groups: dict[tuple[str, str, str], list[Missing]] = {}
    for item in items:
        if item.kind == "packages" and not item.actual:
            groups.setdefault(("packages", item.service, item.fix), []).append(item)
        elif item.kind == "variable":
            groups.setdefault(("variable", item.service, item.fix.partition(" in ")[2]), []).append(item)
        elif item.kind == "service":
            rows.append(
                (item.kind, f"{pretty(item.name)}: {item.actual} on {item.wanted}{_at(item.service)}", item.fix)
            )
        else:
            instead = f", here {item.actual}" if item.actual else ""
            rows.append((item.kind, f"{pretty(item.name)}{_spaced(item.wanted)}{instead}{_at(item.service)}", item.fix))
    for (kind, service, fix), members in groups.items():
        names = listed([safe(m.name, 60) for m in members], 6)
        label = plural(len(members), "package" if kind == "packages" else kind)
        rows.append((label, f"{names}{_at(service)}", fix if kind == "packages" else f"set in {fix}"))
    return Table(("missing", "what", "fix"), rows, "missing here")


def _at(service: str) -> str:
    return f" (in {'the root' if service == '.' else service})" if service else ""


def _machine(fingerprint: Fingerprint, facts: HostFacts) -> list[Block]:
    rows = [
        ("system", f"{facts.os}, kernel {facts.kernel}, {facts.arch}"),
        ("processor", f"{facts.cpu or 'unknown'}, {plural(facts.cores, 'core')}"),
        ("memory", bytes_text(facts.memory)),
        ("disk", f"{bytes_text(facts.disk_free)} free of {bytes_text(facts.disk)}"),
        ("GPU", say_host.graphics(fingerprint.equipment.graphics if fingerprint.equipment else (), facts.gpus)),
        ("runtimes", _programs(fingerprint.runtimes)),
        ("tools", _programs(fingerprint.tools)),
        ("packages", ", ".join(f"{len(s.packages)} {s.manager}" for s in fingerprint.packages if s.where == "system")),
        (
            "recorded",
            f"{plural(len(fingerprint.variables), 'variable')} and {plural(len(fingerprint.dotfiles), 'dotfile')}, by hash only",
        ),
    ]
    # Of a project's scan the project is the subject.
    rows += say_host.rows(fingerprint.equipment) if fingerprint.equipment and not fingerprint.project else []
    return [Table(("", "what"), [row for row in rows if row[1]], f"this machine ({fingerprint.host})")]


def _programs(items: Sequence[Installed]) -> str:
    versions: dict[str, list[str]] = {}
    for item in items:
        known = versions.setdefault(item.name, [])
        if item.version not in known:
            known.append(item.version)
    return ", ".join(f"{name} {' '.join(v for v in found if v)}".strip() for name, found in versions.items())
