"""Go: go.mod, go.work, main packages, and the frameworks of servers, workers and commands."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from ..draft import Draft, words
from .base import Detector, Known
from .go_known import CLIENTS, FRAMEWORKS, PARSERS
from .go_source import PATTERNS, child_of_root

SERVERS = ("server", "api", "web", "app", "http", "service", "backend", "main")
HELPERS = frozenset({"hack", "script", "scripts", "tools", "tool", "gen", "generate", "ci", "magefiles", "build"})
"""Folders whose main packages help to develop the module and are not what it is for."""


def detect(draft: Draft) -> None:
    """Add what go.work, go.mod and the main packages say."""
    if draft.has("go.work"):
        _workspace(draft)
    if draft.has("go.mod"):
        _module(draft)
    elif not draft.has("go.work"):
        _loose(draft)


def directives(text: str) -> Iterator[tuple[str, list[str], bool]]:
    """(directive, its words, whether it is marked as indirect) of go.mod or go.work, blocks written out."""
    block = ""
    for line in text.splitlines():
        line, _, comment = line.partition("//")
        line, indirect = line.strip(), comment.strip().startswith("indirect")
        if line == ")":
            block = ""
        elif line.endswith("(") and not block:
            block = line[:-1].strip()
        elif found := line.replace('"', "").split():
            yield (block, found, indirect) if block else (found[0], found[1:], indirect)


def _versions(draft: Draft, name: str) -> None:
    """The least version of the language, and the toolchain that the go command changes to."""
    said = {directive: given[0] for directive, given, _ in directives(draft.text(name)) if given}
    least = re.match(r"\d[\w.]*", said.get("go", ""))
    draft.runtime("go", least[0] if least else "", name, "go" if least else "")
    if toolchain := re.match(r"go(\d[\w.]*)", said.get("toolchain", "")):
        draft.runtime("go", toolchain[1], name, "toolchain")


def _workspace(draft: Draft) -> None:
    draft.manifest("go.work")
    if draft.has("go.work.sum"):
        draft.lockfile("go.work.sum")
    for directive, given, _ in directives(draft.text("go.work")):
        if directive == "use" and given and given[0] != ".":
            draft.members.append(draft.at(given[0].removeprefix("./")))
    draft.manager("go", "go.work")
    if not draft.has("go.mod"):
        # Its `./...` matches no module, so only what works on all modules at once is said.
        draft.command("install", "go mod download", "go.work", "", 0.8)
        _versions(draft, "go.work")


def _module(draft: Draft) -> None:
    packages = _packages(draft)
    sources = [path for path in draft.files if path.endswith(".go")]
    if sources and packages and all(tagged == "tools" for _, tagged in packages.values()):
        return  # a module that only pins the versions of tools
    draft.manifest("go.mod")
    found = list(directives(draft.text("go.mod")))
    module = next((given[0] for directive, given, _ in found if directive == "module" and given), "")
    parts = module.rstrip("/").split("/")
    if module:
        draft.name = draft.name or (parts[-2] if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]) else parts[-1])
    elif draft.text("go.mod").strip():
        draft.finding(f"{draft.at('go.mod')} names no module", "go.mod", "module", "unreadable")
    _versions(draft, "go.mod")
    draft.manager("go", "go.mod")
    if draft.has("go.sum"):
        draft.lockfile("go.sum")
    needed = [given[0] for directive, given, indirect in found if directive == "require" and given and not indirect]
    known = [(FRAMEWORKS[key], path) for path in needed if (key := _key(path, FRAMEWORKS))]
    for one, path in known:
        draft.framework(one.name, "go.mod", path, one.confidence)
    for path in needed:
        if key := _key(path, CLIENTS):
            draft.database(CLIENTS[key], "go.mod", path)
    if not sources:
        return  # a site of Hugo takes its theme from such a module
    draft.command("install", "go mod download", "go.mod", "", 0.95)
    draft.command("build", "go build ./...", "go.mod", "", 0.9)
    draft.command("test", "go test ./...", "go.mod", "", 0.9)
    _conclude(draft, packages, [one for one, _ in known])


def _key(path: str, table: Container[str]) -> str:
    """Under which module a required path is known, whichever of its major versions or inner modules it names."""
    while path and path not in table:
        path = path.rpartition("/")[0]
    return path


def _packages(draft: Draft) -> dict[str, tuple[str, str]]:
    """By file: (its package's name, `ignore`, `tools` or `mage` where a build tag keeps it out of the program)."""
    tags = {
        hit.path: tag[0]
        for hit in draft.hits("go-tag")
        if (tag := re.search(r"(?<!!)\b(?:ignore|tools|mage)\b", hit.value))
    }
    found: dict[str, tuple[str, str]] = {}
    for hit in draft.hits("go-package"):
        if not hit.path.endswith("_test.go"):
            # Only the first: a template for generated code may hold more.
            found.setdefault(hit.path, (hit.value, tags.get(hit.path, "")))
    return found


def _mains(draft: Draft, packages: dict[str, tuple[str, str]]) -> dict[str, str]:
    """By folder of a main package that is what the module is for: one of its files."""
    found: dict[str, str] = {}
    for path, (name, tagged) in packages.items():
        folder = draft.inner(path).rpartition("/")[0]
        parts = folder.split("/")
        helper = not HELPERS.isdisjoint(parts[:-1]) or parts[0] in HELPERS or any(p.startswith("_") for p in parts)
        if name == "main" and not tagged and not helper:
            found.setdefault(folder, path)
    return dict(sorted(found.items(), key=lambda item: (item[0].count("/"), item[0])))


def _conclude(draft: Draft, packages: dict[str, tuple[str, str]], known: list[Known]) -> None:
    mains = _mains(draft, packages)
    if draft.has("encore.app"):
        draft.role("backend", 0.9)
        draft.command("start", "encore run", "encore.app", "", 0.9)
        draft.port(4000, "encore.app", "the default of Encore", 0.8)
        return
    if not mains:
        draft.role("library", 0.8)
        return
    served = _roles(draft, known, mains)
    offered = any(
        "/" not in draft.inner(path) and name != "main" and not tagged for path, (name, tagged) in packages.items()
    )
    if offered and not served:
        draft.role("library", 0.6)
        if chosen := _chosen(draft, mains):
            draft.command("cli", _run(chosen[0]), chosen[1], "package main", 0.7)
        return
    _start(draft, mains, served)
    # Sure enough that a workspace's own program is not taken for the mere head of it.
    draft.role("job", 0.6 if draft.has("go.work") else 0.5)


def _elsewhere(draft: Draft, path: str, mains: dict[str, str], chosen: str) -> bool:
    """Whether a file belongs to another program than the one that is started."""
    folder = draft.inner(path).rpartition("/")[0]
    return any(folder == other or folder.startswith(f"{other}/") for other in mains if other and other != chosen)


def _roles(draft: Draft, known: list[Known], mains: dict[str, str]) -> bool:
    """Add what the program does, and on which port; returns whether it keeps running."""
    web = [one for one in known if one.role]
    for one in web:
        draft.role(one.role, one.confidence)
    for rule, framework, role, sure in (
        ("go-grpc", "gRPC", "backend", 0.88),
        ("go-worker", "", "worker", 0.82),
        ("go-http", "" if web else "net/http", "backend", 0.8),
    ):
        if hits := draft.hits(rule):
            draft.role(role, sure)
            if framework:
                draft.framework(framework, hits[0].path, f"line {hits[0].line}", sure - 0.1)
    flagged = {hit.path for hit in draft.hits("go-port-flag")}
    said = [*draft.hits("go-port"), *(hit for hit in draft.hits("go-port-variable") if hit.path in flagged)]
    ports = [hit for hit in said if not hit.path.endswith("_test.go")] if draft.roles else []
    if ports and (chosen := _chosen(draft, mains)):
        ports = [hit for hit in ports if not _elsewhere(draft, hit.path, mains, chosen[0])]
    for hit in ports:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    for one in web if not ports else ():
        if one.port:
            draft.port(one.port, "go.mod", f"the default of {one.name}", 0.5)
    return bool(draft.roles)


def _chosen(draft: Draft, mains: dict[str, str]) -> tuple[str, str, float] | None:
    """(folder, file, how sure) of the main package that one would start, if any stands out."""
    if len(mains) == 1:
        return (*next(iter(mains.items())), 0.9)
    names = {folder.rpartition("/")[2]: folder for folder in reversed(mains)}
    servers = [folder for name in SERVERS if (folder := names.get(name)) is not None]
    best = "" if "" in mains else names.get(draft.name) or (servers[0] if servers else None)
    if best is not None:
        return best, mains[best], 0.8
    rules = draft.hits("go-http", "go-grpc", "go-port")
    serving = {folder for hit in rules if (folder := draft.inner(hit.path).rpartition("/")[0]) in mains}
    return (only := serving.pop(), mains[only], 0.7) if len(serving) == 1 else None


def _start(draft: Draft, mains: dict[str, str], served: bool) -> None:
    if "Wails" in draft.frameworks:
        draft.command("dev", "wails dev", "go.mod", "", 0.8)
        draft.command("build", "wails build", "go.mod", "", 0.95)
        return
    if any(draft.has(name) for name in (".air.toml", "air.toml")):
        draft.command("dev", "air", ".air.toml" if draft.has(".air.toml") else "air.toml", "", 0.85)
    if "Buffalo" in draft.frameworks:
        draft.command("dev", "buffalo dev", "go.mod", "", 0.8)
    if draft.hits("go-lambda"):
        return  # it runs only where AWS calls it
    if chosen := _chosen(draft, mains):
        folder, path, sure = chosen
        subcommands = (
            {hit.value for hit in draft.hits("go-serve") if child_of_root(draft, hit.value, folder)}
            if served
            else set[str]()
        )
        under = subcommands.pop() if len(subcommands) == 1 and not PARSERS.isdisjoint(draft.frameworks) else ""
        under = "serve" if "PocketBase" in draft.frameworks else under
        draft.command("start", f"{_run(folder)} {under}".rstrip(), path, "package main", sure)
    for name in ("worker", "workers", "consumer"):
        for folder, path in mains.items():
            if folder.endswith(f"/{name}") and (not chosen or folder != chosen[0]):
                draft.command("worker", _run(folder), path, "package main", 0.8)


def _run(folder: str) -> str:
    return f"go run {words('./' + folder) if folder else '.'}"


def _loose(draft: Draft) -> None:
    """Programs without go.mod: a few files beside each other can still be run."""
    files = sorted(name for name in draft.beside if name.endswith(".go") and not name.endswith("_test.go"))
    mains = [draft.inner(path) for path, package in _packages(draft).items() if package == ("main", "")]
    if "main.go" in mains and len(files) <= 4 and not (set(files) - set(mains)):
        draft.runtime("go", "", "main.go")
        draft.command("start", f"go run {words(*files)}", "main.go", "package main", 0.6)
        draft.role("backend" if draft.hits("go-http") else "job", 0.5)


DETECTOR = Detector(
    name="go",
    manifests=("go.mod", "go.work"),
    detect=detect,
    reads=(".air.toml", "air.toml", "encore.app"),
    lockfiles=("go.sum", "go.work.sum"),
    languages=("Go",),
    patterns={".go": PATTERNS},
)
