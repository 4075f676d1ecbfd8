"""What compose files say: which of the project's services they run, what they run beside them, and who waits for whom."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..fingerprint import Backing
from . import compose_files, compose_match, images
from .addresses import HERE, PORTS, database, hosts
from .built import is_work, nearest, work_of
from .compose_files import Composed
from .draft import Draft
from .gathered import Gathered, Meant
from .hints import suppose
from .runnable import typed
from .text import safe
from .tree import Tree


@dataclass
class _Match:
    """The services of compose files, told apart."""

    own: list[tuple[Composed, Draft]] = field(default_factory=list[tuple[Composed, Draft]])
    beside: list[tuple[Composed, Backing]] = field(default_factory=list[tuple[Composed, Backing]])


def apply(services: Sequence[Composed], drafts: Mapping[str, Draft], tree: Tree, gathered: Gathered) -> None:
    """Add what the compose files say."""
    match, always = _Match(), set[str]()
    finished = compose_match.finished(services, drafts)
    for service in services:
        draft = compose_match.owner(service, drafts, gathered, finished)
        if draft is not None:
            match.own.append((service, draft))
            for name in compose_files.names(service):
                gathered.name(name, service.folder, Meant(True, draft.root))
            if service.sure > 0.5:
                gathered.composed.add(draft.root)
                (gathered.asked if service.facts.get("profiles") else always).add(draft.root)
        elif (found := compose_match.backing(service, tree) or compose_match.more(service, gathered)) is not None:
            match.beside.append((service, found))
            for name in compose_files.names(service):
                gathered.name(name, service.folder, Meant(False, found.name))
            if service.sure > 0.5:
                gathered.add(found, service.folder)
                _apart(service, found, match, gathered)
    gathered.asked -= always
    used: set[tuple[str, str]] = set()
    for service, owner in match.own:
        _own(service, owner, match, gathered, used)
    for service, found in match.beside:
        for label, _ in compose_files.waits(service):
            meant = gathered.means(label, service.folder)
            if meant and not meant.own:
                gathered.requires.setdefault(found.name, set()).add(meant.value)
        if found.name in images.DATABASES:
            for host, inner in compose_files.ports(service):
                if host and inner in (PORTS.get(found.name, inner), inner if found.name not in PORTS else 0):
                    gathered.ports.setdefault(found.name, host)
        claimed = any((service.folder, name) in used for name in compose_files.names(service))
        if found.name in images.DATABASES and not found.profiles and not claimed:
            _unclaimed(service, found.name, drafts)
    _manifests(services, drafts)


def _apart(service: Composed, found: Backing, match: _Match, gathered: Gathered) -> None:
    """Two files that run the same thing in different versions."""
    for other, known in match.beside[:-1]:
        same = known.name == found.name and (other.label, other.folder) == (service.label, service.folder)
        if same and known.version and found.version and known.version.split(".")[0] != found.version.split(".")[0]:
            gathered.finding(
                f"{safe(service.path)} runs {found.name} {found.version}, but {safe(other.path)} runs {known.version}",
                service.path,
                f"{service.key}.image",
                "contradiction",
                0.8,
            )
            return


def _own(service: Composed, owner: Draft, match: _Match, gathered: Gathered, used: set[tuple[str, str]]) -> None:
    path, key, sure = f"/{service.path}", service.key, service.sure
    for label, how in compose_files.waits(service):
        if meant := gathered.means(label, service.folder):
            gathered.call(owner, label, service.path, f"{key}.{how}", 0.95 * sure, "depends_on", meant=meant)
            used.add((service.folder, label.lower()))
            if not meant.own and meant.value in images.DATABASES:
                owner.database(meant.value, path, f"services.{safe(label, 60)}.image", 0.95 * sure)
    for name, value in compose_files.environment(service):
        owner.variable(name, path, f"{key}.environment", 0.9 * sure, rule="compose")
        if (found := database(value)) is not None:
            owner.database(found, path, f"{key}.environment.{name}", 0.9 * sure)
        _calls(service, owner, gathered, used, name, value, f"{key}.environment.{name}")
    for name, value in compose_files.arguments(service):
        _calls(service, owner, gathered, used, name, value, f"{key}.build.args.{name}")
    main = _main(service, owner, [other for other, draft in match.own if draft is owner and other.path == service.path])
    _ports(service, owner, gathered, main)
    line = typed(owner, compose_files.command(service))
    if line and (main or is_work(service.label)):
        purpose = "start" if main else work_of(service.label)
        owner.command(purpose, line, path, f"{key}.command", (0.5 if main else 0.6) * sure)
    if image := images.runtime(compose_files.image(service)):
        suppose(owner, image[0], [image[1]], service.path, f"{key}.image", 0.7, "runs on")


def _calls(
    service: Composed, owner: Draft, gathered: Gathered, used: set[tuple[str, str]], name: str, value: str, key: str
) -> None:
    """The other containers that a value names."""
    for host, port in hosts(name, value):
        if host in HERE:
            # What a page in a browser calls.
            gathered.call(owner, host, service.path, key, 0.7 * service.sure, "environment", port=port)
        elif meant := gathered.means(host, service.folder):
            used.add((service.folder, host))
            gathered.call(owner, host, service.path, key, 0.85 * service.sure, "environment", port=port, meant=meant)
            if not meant.own and meant.value in images.DATABASES:
                owner.database(meant.value, f"/{service.path}", key, 0.9 * service.sure)


def _main(service: Composed, owner: Draft, same: Sequence[Composed]) -> bool:
    """Whether it is the server of its folder and not a second process beside it."""
    if len(same) < 2:
        work = owner.best_role == "worker" or owner.root.rpartition("/")[2].lower() == service.label.lower()
        return work or not is_work(service.label)
    ranked = sorted(same, key=lambda s: (is_work(s.label), not compose_files.ports(s), "command" in s.facts))
    return ranked[0] is service


def _ports(service: Composed, owner: Draft, gathered: Gathered, main: bool) -> None:
    path, sure = f"/{service.path}", service.sure
    found = compose_files.ports(service)
    image = compose_match.final(build, owner.tree) if (build := compose_files.build(service)) else ""
    served = images.backing(image) if image else None
    # What a web server listens on in its container is not what the service's own commands listen on.
    least = 0.6 if served and served[0] in images.SERVERS else 0.9
    for host, inner in found:
        owner.port(inner, path, f"{service.key}.ports", least * sure)
        if host:
            known = gathered.published.setdefault(host, owner.root)
            gathered.published[host] = known if known == owner.root else ""
    test = service.facts.get("healthcheck")
    words = compose_files.table(test).get("test")
    text = " ".join(compose_files.strings(words)) or compose_files.string(words)
    for port in re.findall(r"loadbalancer\.server\.port=(\d{2,5})\b", "\n".join(compose_files.labels(service))):
        owner.port(int(port), path, f"{service.key}.labels", least * sure)
    for port in re.findall(r"(?:localhost|127\.0\.0\.1):(\d{2,5})\b", text[:2_000]):
        owner.port(int(port), path, f"{service.key}.healthcheck", 0.8 * sure)
        found.append((0, int(port)))
    if found and main and least > 0.6:
        owner.role("backend", 0.45)


def _unclaimed(service: Composed, name: str, drafts: Mapping[str, Draft]) -> None:
    """A database that no service of the file waits for: of those that talk to it, else of the file's folder or the servers."""
    path, key = f"/{service.path}", f"{service.key}.image"
    users = [draft for draft in drafts.values() if name in draft.databases]
    home = drafts[nearest(drafts, service.folder)]
    if not users:
        servers = [
            d for d in drafts.values() if d is not home and d.best_role in ("backend", "worker") and not d.databases
        ]
        users = servers if servers and (home.best_role == "workspace" or not compose_match.is_program(home)) else [home]
    for draft in users:
        draft.database(name, path, key, (0.95 if draft is home or name in draft.databases else 0.6) * service.sure)


def _manifests(services: Sequence[Composed], drafts: Mapping[str, Draft]) -> None:
    for path in dict.fromkeys(service.path for service in services):
        draft = drafts[nearest(drafts, path.rpartition("/")[0])]
        name = path.rpartition("/")[2]
        if draft.has(name) and draft.at(name) == path and (name in compose_files.MAIN or ".override." in name):
            draft.manifest(name)
