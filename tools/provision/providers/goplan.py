"""The steps of a Go plan: fill the module cache, then write the project's files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...plan import Step
from ..index import text
from ..names import plain
from ..part import Part, Site, counted, digest
from .gofiles import Wanted, joined, parse, read, valid, workspace
from .gotools import Go

_LONGEST = 60
"""Lines of modules in a plan; of more, the rest is counted."""


def filling(
    wanted: Wanted, near: dict[str, str], lacking: list[str], label: str, go: Go, context: Context, part: Part
) -> list[Step]:
    """The steps that fetch what is lacking, and what the plan says of it."""
    items = sorted({*lacking, *wanted.unfixed})
    part.details += [f"go: {item.replace('@', ' ')}" for item in items[:_LONGEST]]
    if len(items) > _LONGEST:
        part.details.append(f"go: and {len(items) - _LONGEST} more")
    args: dict[str, JsonValue] = {
        "siblings": dict[str, JsonValue](near),
        "sums": {item: wanted.sums[item] for item in lacking},
        "changes": {_plainer(item, items): ["", item.rpartition("@")[2]] for item in items},
    }
    does = f"fetch {counted(len(items), 'Go module')} of {label} into {go.cache}"
    if wanted.work:
        return pair("work", wanted, {**args, "siblings": _named(wanted)}, does, go, context)
    if not wanted.unfixed:
        lock: dict[str, JsonValue] = {name: wanted.files.get(name, "") for name in ("go.mod", "go.sum")}
        return [_cache_step("fetch", wanted, {**args, "lock": lock}, does, go, context)]
    lost = "is missing" if not wanted.files.get("go.sum") else f"lacks {counted(len(wanted.unfixed), 'module')}"
    part.warnings.append(
        f"{beside(label, 'go.sum')} {lost}: `go mod tidy` settles go.mod and go.sum by what the sources import; "
        f"what else comes along is known then"
    )
    return pair("tidy", wanted, args, does, go, context)


def pair(
    verb: str,
    wanted: Wanted,
    args: dict[str, JsonValue],
    does: str,
    go: Go,
    context: Context,
    expect: dict[str, JsonValue] | None = None,
) -> list[Step]:
    """The step that fills the cache, and the one that writes the project's files."""
    first = _cache_step(verb, wanted, args, does, go, context)
    names = "go.work.sum" if verb == "work" else "go.mod and go.sum"
    writing: dict[str, JsonValue] = {"root": first.args["root"], "key": first.args["key"], "expect": expect or {}}
    if args.get("vendor"):
        writing["vendor"] = True
        names += ", and vendor/ from the cache"
    return [first, Step(kind="go-files", does=f"write {names}", args=writing, covered=True, seconds=1.0)]


def _cache_step(verb: str, wanted: Wanted, args: dict[str, JsonValue], does: str, go: Go, context: Context) -> Step:
    rel = os.path.relpath(wanted.root, context.path)
    fixed = "\n".join(f"{name}:{value}" for name, value in sorted(wanted.files.items()))
    key = digest(f"{context.host.name}\n{wanted.root}\n{verb}\n{go.cache}\n{args.get('words')}\n{fixed}")
    shared: dict[str, JsonValue] = {"cache": str(go.cache), "root": rel, "key": key}
    back = Step(
        kind="go-cache",
        does=f"take what was fetched out of {go.cache} again",
        args={**shared, "verb": "clear"},
    )
    seconds = 3.0 + 0.5 * len(wanted.sums)
    return Step(kind="go-cache", does=does, args={**shared, "verb": verb, **args}, inverse=(back,), seconds=seconds)


async def siblings(site: Site, context: Context) -> dict[str, str]:
    """The other modules of the workspace that go.mod does not replace itself, by path: relative directories.

    They may be published nowhere.
    """
    work = await workspace(site.root, context)
    if work is None:
        return {}
    modules = (await read(work, True, site, context)).modules
    places = {module.path: joined(work, rel) for rel, module in modules.items()}
    own = parse(await text(context.host, site.root / "go.mod"), site.label("go.mod"))
    places = {path: place for path, place in places.items() if (path, "") not in own.replaces}
    return {path: _below(place, site.root) for path, place in sorted(places.items()) if place != site.root}


def _named(wanted: Wanted) -> dict[str, JsonValue]:
    """The workspace's own modules that its modules name a version of: relative directory by path and version."""
    places = {module.path: rel for rel, module in wanted.modules.items()}
    return {
        f"{path} {version}": places[path]
        for module in wanted.modules.values()
        for path, version in sorted(module.requires.items())
        if path in places and (path, version) not in module.replaces and valid(version)
    }


def _below(place: Path, root: Path) -> str:
    return os.path.relpath(place, root)


def _plainer(item: str, items: Sequence[str]) -> str:
    """A module without its version, unless two versions of it are there."""
    path = item.rpartition("@")[0]
    return path if sum(other.startswith(f"{path}@") for other in items) == 1 else item


def label_of(root: Path, context: Context) -> str:
    rel = os.path.relpath(root, context.path)
    return "go.mod" if rel == "." else f"{plain(rel)}/go.mod"


def beside(label: str, name: str) -> str:
    return f"{label.removesuffix('go.mod')}{name}"


def newer(wanted: Wanted) -> str:
    version = plain(wanted.toolchain or wanted.go, 40)
    return f"no other Go is downloaded unasked: envsync provision --runtimes go@{version}"
