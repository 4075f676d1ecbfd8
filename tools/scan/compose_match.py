"""Whose a compose service is: one of the project's own, or something that runs beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..fingerprint import Backing, Evidence
from . import compose_files, dockerfile, images
from .built import is_work, nearest, variant
from .compose_files import Build, Composed
from .draft import Draft
from .gathered import Gathered
from .text import safe
from .tree import Tree


def contexts(services: Sequence[Composed], tree: Tree) -> set[str]:
    """Folders that a compose file builds and that have a Dockerfile of their own: source there is a service's."""
    built = [build for service in services if (build := compose_files.build(service))]
    return {build.context for build in built if build.dockerfile in tree.files and build.context != "."}


def dockerfiles(services: Sequence[Composed], drafts: Mapping[str, Draft]) -> dict[str, tuple[str, str]]:
    """(root, target) of what each Dockerfile builds, by path."""
    found: dict[str, tuple[str, str]] = {}
    # Of two processes from one file the server tells which stage is meant.
    for service in sorted(services, key=lambda service: is_work(service.label)):
        build = compose_files.build(service)
        draft = _builds(service, build, drafts) if build else None
        if build and draft is not None:
            found.setdefault(build.dockerfile, (draft.root, build.target))
    return found


def finished(services: Sequence[Composed], drafts: Mapping[str, Draft]) -> dict[str, Draft]:
    """What each image is built from, by the name that the file gives it: another service may run it too."""
    found: dict[str, Draft] = {}
    for service in services:
        build = compose_files.build(service)
        image = compose_files.image(service)
        draft = _builds(service, build, drafts) if build and image else None
        if draft is not None:
            found.setdefault(image, draft)
    return found


def owner(
    service: Composed, drafts: Mapping[str, Draft], gathered: Gathered, finished: Mapping[str, Draft]
) -> Draft | None:
    """The project's own service that a compose service runs."""
    image = compose_files.image(service)
    if image in finished and "build" not in service.facts:
        return finished[image]
    draft = _owner(service, drafts)
    if draft is None and not images.backing(image):
        # Another file runs the finished image of what this one builds.
        meant = gathered.means(service.label, service.folder)
        draft = drafts.get(meant.value) if meant and meant.own else None
    return draft


def _owner(service: Composed, drafts: Mapping[str, Draft]) -> Draft | None:
    build = compose_files.build(service)
    if build is not None:
        return _builds(service, build, drafts)
    image = compose_files.image(service)
    if not image and "extends" in service.facts:
        return _called(service.label, drafts)
    if not image or images.backing(image):
        return None
    for folder in compose_files.mounts(service):
        mounted = drafts.get(folder or ".")
        if mounted is not None and (images.runtime(image) or is_program(mounted)):
            return mounted
    # What was built and pushed from here is often run by its name.
    return (
        None if images.runtime(image) else _called(images.named(image).base, drafts) or _called(service.label, drafts)
    )


def _builds(service: Composed, build: Build, drafts: Mapping[str, Draft]) -> Draft | None:
    inner = nearest(drafts, build.dockerfile.rpartition("/")[0])
    at = nearest(drafts, "" if build.context == "." else build.context)
    if len(inner) > len(at) and inner != ".":
        return drafts[inner]
    below = {root: draft for root, draft in drafts.items() if root != at and (at == "." or root.startswith(f"{at}/"))}
    kind = variant(build.dockerfile) or ""
    for name in (kind, build.target, service.label, build.dockerfile.rpartition("/")[0].rpartition("/")[2]):
        if name and build.context == at and (meant := _called(name, below)) is not None:
            return meant
    if build.context == at:
        return drafts[at]
    for folder in compose_files.mounts(service):
        if (folder or ".") in drafts:
            return drafts[folder or "."]
    image = final(build, drafts[at].tree)
    there = any(path.startswith(f"{build.context}/") for path in drafts[at].files)
    return drafts[at] if there and image and not images.backing(image) else None


def final(build: Build, tree: Tree) -> str:
    stages = dockerfile.stages(tree.texts.get(build.dockerfile, ""))
    return stages[-1].root if stages else ""


def _called(name: str, drafts: Mapping[str, Draft]) -> Draft | None:
    """The one service whose folder or package has that name."""
    name = name.lower()
    found = [d for root, d in drafts.items() if root.rpartition("/")[2].lower() == name]
    found = found or [d for d in drafts.values() if d.name and d.name.rpartition("/")[2].lower() == name]
    return found[0] if len(found) == 1 and name else None


def is_program(draft: Draft) -> bool:
    return bool(set(draft.commands) - {"install"} or draft.frameworks)


def backing(service: Composed, tree: Tree) -> Backing | None:
    """What a compose service is when it is none of the project's own."""
    image = compose_files.image(service)
    build = compose_files.build(service)
    if not image or build:
        image = (final(build, tree) if build else "") or image
    key = f"{service.key}.image" if "image" in service.facts else f"{service.key}.build"
    if not image:
        return None
    name, role = images.backing(image) or (safe(service.label, 80), "unknown")
    return Backing(
        name=name,
        role=role,
        label=safe(service.label, 80),
        image=safe(image, 200),
        version=images.version(image) if images.backing(image) or not build else "",
        ports=tuple(dict.fromkeys(host for host, _ in compose_files.ports(service) if host)),
        profiles=tuple(safe(str(p), 60) for p in compose_files.strings(service.facts.get("profiles"))[:10]),
        evidence=(Evidence(path=safe(service.path, 400), key=key),),
    )


def more(service: Composed, gathered: Gathered) -> Backing | None:
    """What a second file adds to something that the first runs, e.g. ports of this machine."""
    if "image" in service.facts or "build" in service.facts:
        return None
    for known in gathered.backing.values():
        if known.label == safe(service.label, 80) and known.evidence[0].path.rpartition("/")[0] == service.folder:
            host = tuple(dict.fromkeys(host for host, _ in compose_files.ports(service) if host))
            evidence = (Evidence(path=safe(service.path, 400), key=service.key),)
            return known.model_copy(update={"ports": known.ports or host, "evidence": evidence})
    return None
