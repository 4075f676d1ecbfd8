"""From a tree to services: which folders are one, what the detectors say of each, and what they share. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ..fingerprint import Fact, Service
from . import shared, versionfiles
from .detectors.base import Detector
from .detectors.registry import DETECTORS
from .draft import Draft
from .ignore import is_copied
from .languages import languages
from .mentions import merged
from .text import safe
from .tree import Tree, Wants

HINTS = {
    "frontend": "frontend client web ui www app webapp site",
    "backend": "backend server api gateway",
    "worker": "worker workers jobs queue consumer",
    "library": "lib libs packages common shared core utils",
}
MOST = 200
"""Services kept; a folder with more manifests is a registry mirror, not a project."""


@dataclass
class Survey:
    """What is known of a project from its files alone."""

    tree: Tree
    drafts: list[Draft]
    services: tuple[Service, ...]
    findings: tuple[Fact, ...]
    backing: shared.Backing = field(default_factory=shared.Backing)
    order: tuple[tuple[str, ...], ...] = ()


def wants() -> Wants:
    """What the walk has to read for all detectors together."""
    names: dict[str, None] = {}
    for detector in DETECTORS:
        names.update(dict.fromkeys((*detector.manifests, *detector.reads)))
    names.update(dict.fromkeys((*versionfiles.READERS, *shared.READS)))
    locks = tuple(dict.fromkeys(name for detector in DETECTORS for name in detector.lockfiles))
    return Wants(tuple(names), locks, merged([dict(detector.patterns) for detector in DETECTORS]))


def survey(tree: Tree) -> Survey:
    """Find the services and let every detector speak."""
    drafts = _candidates(tree)
    for draft in drafts.values():
        for detector in _ranked(draft):
            _detect(detector, draft)
            draft.settled.update(draft.commands, ["port"] if draft.ports else [])
        draft.settled.clear()
        versionfiles.apply(draft, versionfiles.pins(draft))
    _members(drafts)
    backing = shared.Backing()
    for draft in list(drafts.values()):
        shared.apply(draft, drafts, backing)
    kept = _kept(drafts)
    for draft in kept:
        _finish(draft)
    services = tuple(draft.done() for draft in kept)
    return Survey(tree, kept, services, _findings(tree, list(drafts.values())), backing)


def _candidates(tree: Tree) -> dict[str, Draft]:
    patterns = [pattern for detector in DETECTORS for pattern in detector.manifests]
    exact = {pattern for pattern in patterns if "*" not in pattern}
    globs = [pattern for pattern in patterns if "*" in pattern]
    roots, copied = {"."}, set[str]()
    for path in tree.files:
        folder, _, name = path.rpartition("/")
        found = folder and (name in exact or any(fnmatchcase(name, glob) for glob in globs))
        if found and (is_copied(folder) or any(part.startswith(".") for part in folder.split("/"))):
            copied.add(folder)
        elif found:
            roots.add(folder)
    if len(roots) > MOST:
        left = len(roots) - MOST
        roots = set(sorted(roots, key=lambda root: (root != ".", root.count("/"), root))[:MOST])
        tree.notes.append((".", f"{left} more folders have manifests; only the first {MOST} were looked at"))
    drafts = {root: Draft(tree, root, []) for root in sorted(roots, key=lambda root: (root != ".", root))}
    owners: dict[str, Draft] = {}

    def owner(folder: str) -> Draft:
        known = owners.get(folder)
        if known is None:
            known = drafts.get(folder or ".") or owner(folder.rpartition("/")[0])
            owners[folder] = known
        return known

    for path in tree.files:
        owner(path.rpartition("/")[0]).files.append(path)
    for root, draft in drafts.items():
        inside = tree.inside(root)
        apart = tuple(f"{folder}/" for folder in copied if folder.startswith(inside))
        own = [path for path in draft.files if not path.startswith(apart)] if apart else draft.files
        draft.languages = languages(((path, tree.files[path]) for path in own), root)
    return drafts


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
    if any(fnmatchcase(name, pattern) for pattern in detector.manifests for name in draft.beside):
        return True
    return draft.root == "." and any(fact.value in detector.languages for fact in draft.languages[:2])


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


def _members(drafts: dict[str, Draft]) -> None:
    """Workspace members take their package manager from the workspace, and are libraries unless something starts them."""
    for head in drafts.values():
        globs = [safe(glob, 200) for glob in head.members[:500]]
        members = [draft for root, draft in drafts.items() if draft is not head and _matches(root, globs)]
        for member in members:
            shared_locks = [lock for lock in head.lockfiles if lock not in member.lockfiles]
            if shared_locks or not member.lockfiles:
                member.commands.pop("install", None)
            for name, fact in head.managers.items():
                if fact.confidence >= member.managers.get(name, fact).confidence:
                    member.managers = {n: f for n, f in member.managers.items() if f.confidence > 0.6}
                    member.managers[name] = fact
            member.lockfiles += shared_locks
            runs = [member.commands[purpose] for purpose in ("start", "dev") if purpose in member.commands]
            if member.exports and not runs:
                member.roles = {"library": 0.9}
            elif not any(sure >= 0.5 for sure in member.roles.values()) and not any(
                run.confidence >= 0.6 for run in runs
            ):
                member.roles["library"] = 0.6
        if members and not any(role != "library" and sure >= 0.6 for role, sure in head.roles.items()):
            head.roles = {"workspace": 0.9}
            for purpose in ("start", "dev"):
                if purpose in head.commands and head.commands[purpose].confidence < 0.6:
                    del head.commands[purpose]


def _kept(drafts: dict[str, Draft]) -> list[Draft]:
    """The folders that really are services; what the project's root says for all goes to them when it is none itself."""
    root = drafts["."]
    real = [draft for draft in drafts.values() if draft is not root and _is_service(draft)]
    if not real or _is_service(root):
        return [root, *real]
    takers = [draft for draft in real if draft.best_role in ("backend", "worker")] or real
    for draft in takers:
        for name, fact in root.variables.items():
            draft.keep(draft.variables, name, fact)
        if not any(taker.databases for taker in takers):
            draft.databases = dict(root.databases)
    return real


def _is_service(draft: Draft) -> bool:
    composed = [m for m in draft.manifests if m.rpartition("/")[2] not in shared.COMPOSE]
    return bool(composed) and bool(
        draft.commands or draft.frameworks or draft.declared or not draft.private or draft.roles
    )


def _finish(draft: Draft) -> None:
    tree, root = draft.tree, draft.root
    if not draft.name:
        draft.name = root.rpartition("/")[2] if root != "." else tree.root.rstrip("/").rpartition("/")[2]
    if not draft.roles:
        hint = root.rpartition("/")[2].lower()
        for role, names in HINTS.items():
            if hint in names.split():
                draft.role(role, 0.3)
    if not draft.manifests and not draft.roles and draft.has("index.html"):
        draft.role("static", 0.7)
        draft.command("start", "python3 -m http.server", "index.html", "", 0.4)


def _findings(tree: Tree, drafts: list[Draft]) -> tuple[Fact, ...]:
    from ..fingerprint import Evidence

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
    found += [fact for draft in drafts for fact in draft.findings]
    return tuple(found[:200])
