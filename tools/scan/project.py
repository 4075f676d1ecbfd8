"""From a tree to services: which folders are one, what the detectors say of each, and what they share. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import cache

from ..fingerprint import Backing, Evidence, Fact, Service
from ..store.collector import without_collector
from . import compose_files, compose_match, needs, shared, versionfiles
from .detectors.base import Detector
from .detectors.registry import DETECTORS
from .draft import Draft
from .folders import candidates
from .gathered import Gathered
from .mentions import merged
from .text import safe
from .tree import Tree, Wants

HINTS = {
    "frontend": "frontend client web ui www app webapp site",
    "backend": "backend server api gateway",
    "worker": "worker workers jobs queue consumer",
    "library": "lib libs packages common shared core utils",
}


@dataclass
class Survey:
    """What is known of a project from its files alone."""

    tree: Tree
    drafts: list[Draft]
    services: tuple[Service, ...]
    findings: tuple[Fact, ...]
    gathered: Gathered
    order: tuple[tuple[str, ...], ...] = ()

    @property
    def backing(self) -> tuple[Backing, ...]:
        """What the files run beside the services."""
        return tuple(self.gathered.backing.values())

    @property
    def shared(self) -> tuple[Fact, ...]:
        """What the services have in common."""
        return tuple(self.gathered.shared)

    @property
    def ports(self) -> dict[str, int]:
        """The port on this machine at which a database answers, where a file says so."""
        return self.gathered.ports


def wants() -> Wants:
    """What the walk has to read for all detectors together."""
    names: dict[str, None] = {}
    for detector in DETECTORS:
        names.update(dict.fromkeys((*detector.manifests, *detector.reads)))
    names.update(dict.fromkeys((*versionfiles.READS, *shared.READS)))
    locks = tuple(dict.fromkeys(name for detector in DETECTORS for name in detector.lockfiles))
    patterns = merged([dict(detector.patterns) for detector in DETECTORS])
    return Wants(tuple(names), locks, {suffix: (*found, needs.URL) for suffix, found in patterns.items()})


@without_collector()
def survey(tree: Tree) -> Survey:
    """Find the services and let every detector speak."""
    gathered = Gathered()
    services = compose_files.read(tree, gathered)
    contexts = compose_match.contexts(services, tree)
    drafts = candidates(tree, DETECTORS, contexts)
    for draft in drafts.values():
        for detector in _ranked(draft):
            _detect(detector, draft)
            draft.settled.update(draft.commands, ["port"] if draft.ports else [])
        draft.settled.clear()
        versionfiles.apply(draft, versionfiles.pins(draft))
    _members(drafts, contexts)
    shared.apply(drafts, tree, services, gathered)
    kept = _kept(drafts, gathered.composed)
    for draft in kept:
        _finish(draft)
    needs.resolve(kept, gathered)
    order = needs.order(kept, gathered)
    found = _findings(tree, [*gathered.findings, *(fact for draft in drafts.values() for fact in draft.findings)])
    return Survey(tree, kept, tuple(draft.done() for draft in kept), found, gathered, order)


def _detect(detector: Detector, draft: Draft) -> None:
    before = draft.managers
    draft.managers = {}
    try:
        detector.detect(draft)
    except Exception as error:
        # Every snapshot begins with a scan: an unforeseen manifest must not keep anybody from taking one.
        draft.finding(f"the {detector.name} detector gave up: {type(error).__name__}", "", rule="gave-up")
    # The main language's package manager comes first, and of one language's the surest.
    draft.managers = before | dict(sorted(draft.managers.items(), key=lambda item: -item[1].confidence))


def _ranked(draft: Draft) -> list[Detector]:
    """The detectors that apply, the one of the language with most bytes first."""
    order = {fact.value: rank for rank, fact in enumerate(draft.languages)}
    chosen = [detector for detector in DETECTORS if _applies(detector, draft)]
    return sorted(chosen, key=lambda d: min((order.get(language, 99) for language in d.languages), default=99))


def _applies(detector: Detector, draft: Draft) -> bool:
    if _has_manifest(detector, draft) or (draft.root == "." and any(map(draft.has, detector.at_root))):
        return True
    # Elsewhere than in the root only a folder that is built into an image of its own can have no manifest.
    loose = draft.root == "." or not any(_has_manifest(other, draft) for other in DETECTORS)
    return loose and any(fact.value in detector.languages for fact in draft.languages[:2])


def _has_manifest(detector: Detector, draft: Draft) -> bool:
    if any(draft.has(pattern) for pattern in detector.manifests if "*" not in pattern):
        return True
    globs = _globs(detector.manifests)
    return globs is not None and any(globs.match(name) for name in draft.beside)


@cache
def _globs(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    starred = [translate(pattern) for pattern in patterns if "*" in pattern]
    return re.compile("|".join(starred)) if starred else None


def _matches(root: str, globs: list[str]) -> bool:
    verdict = False
    for glob in globs:
        keep = not glob.lstrip("./").startswith("!") and "/!" not in glob
        pattern = glob.replace("!", "").removeprefix("./").rstrip("/")
        expression = (
            re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
            if pattern.count("*") < 6
            else re.escape(pattern)
        )
        if re.fullmatch(expression, root):
            verdict = keep
    return verdict


def _members(drafts: dict[str, Draft], contexts: set[str]) -> None:
    """Workspace members take their package manager from the workspace, and are libraries unless something starts them."""
    for head in drafts.values():
        globs = [safe(glob, 200) for glob in head.members[:500]]
        members = [draft for root, draft in drafts.items() if draft is not head and _matches(root, globs)]
        for member in members:
            shared_locks = [lock for lock in head.lockfiles if lock not in member.lockfiles]
            if shared_locks or not member.lockfiles:
                member.commands.pop("install", None)
            for name, fact in head.managers.items():
                if member.managers and not _kin(name, member.managers):
                    continue  # a crate takes no uv from the root that holds both
                if fact.confidence >= member.managers.get(name, fact).confidence:
                    member.managers = {n: f for n, f in member.managers.items() if f.confidence > 0.6}
                    member.managers[name] = fact
            member.lockfiles += shared_locks
            runs = [member.commands[purpose] for purpose in ("start", "dev") if purpose in member.commands]
            if member.root in contexts or member.has("Dockerfile"):
                continue  # an image of its own is made of what runs
            if member.exports and not runs:
                member.roles = {"library": 0.9}
            elif not any(sure >= 0.5 for sure in member.roles.values()) and not any(
                run.confidence >= 0.6 for run in runs
            ):
                member.roles["library"] = 0.6
        if members and not any(role != "library" and sure >= 0.6 for role, sure in head.roles.items()) and head.private:
            head.roles = {"workspace": 0.9}
            for purpose in ("start", "dev"):
                if purpose in head.commands and head.commands[purpose].confidence < 0.6:
                    del head.commands[purpose]


_KIN = ({"npm", "pnpm", "yarn", "bun", "deno"}, {"uv", "pip", "poetry", "pdm", "pipenv", "conda"})
"""Package managers of one language, of which the workspace's is its members'."""


def _kin(name: str, own: Iterable[str]) -> bool:
    family = next((each for each in _KIN if name in each), {name})
    return any(other in family for other in own)


def _kept(drafts: dict[str, Draft], composed: set[str]) -> list[Draft]:
    """The folders that really are services; what the project's root says for all goes to them when it is none itself."""
    root = drafts["."]
    real = [draft for draft in drafts.values() if draft is not root and _is_service(draft, composed)]
    if not real or _is_service(root, composed):
        return [root, *real]
    takers = [draft for draft in real if draft.best_role in ("backend", "worker")] or real
    for draft in takers:
        for name, fact in root.variables.items():
            draft.keep(draft.variables, name, fact)
        if not any(taker.databases for taker in takers):
            draft.databases = dict(root.databases)
    return real


def _is_service(draft: Draft, composed: set[str]) -> bool:
    own = [path for path in draft.manifests if not compose_files.is_compose(path.rpartition("/")[2])]
    said = draft.commands or draft.frameworks or draft.declared or not draft.private or draft.roles
    return bool(own) and (bool(said) or draft.root in composed)


def _finish(draft: Draft) -> None:
    tree, root = draft.tree, draft.root
    if not draft.name:
        draft.name = root.rpartition("/")[2] if root != "." else tree.root.rstrip("/").rpartition("/")[2]
    if any(fact.confidence >= 0.7 and not _of_habit(fact) for fact in draft.ports.values()):
        draft.ports = {port: fact for port, fact in draft.ports.items() if not _is_default(fact)}
    if not draft.roles:
        hint = root.rpartition("/")[2].lower()
        for role, names in HINTS.items():
            if hint in names.split():
                draft.role(role, 0.3)
    if not draft.manifests and not draft.roles and draft.has("index.html"):
        draft.role("static", 0.7)
        draft.command("start", "python3 -m http.server", "index.html", "", 0.4)


def _is_default(fact: Fact) -> bool:
    """A port that only the habit of a library of servers speaks for; a whole framework keeps its own beside another's."""
    return fact.confidence <= 0.5 and _of_habit(fact)


def _of_habit(fact: Fact) -> bool:
    return all(each.key.startswith("the default") for each in fact.evidence)


def _findings(tree: Tree, facts: Iterable[Fact]) -> tuple[Fact, ...]:
    found = [
        Fact(value=f"{safe(path)}: {why}", rule="unread", evidence=(Evidence(path=safe(path, 400)),))
        for path, why in tree.notes[:50]
    ]
    if tree.special:
        names = ", ".join(safe(path, 60) for path in tree.special[:3])
        more = f" and {len(tree.special) - 3} more" if len(tree.special) > 3 else ""
        evidence = tuple(Evidence(path=safe(path, 400)) for path in tree.special[:3])
        found.append(
            Fact(value=f"not opened, they are no regular files: {names}{more}", rule="special", evidence=evidence)
        )
    unique = {(fact.rule, fact.value): fact for fact in facts}
    return tuple([*found, *unique.values()][:200])
