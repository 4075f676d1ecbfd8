"""What go.mod, go.sum and go.work ask for, read without running Go."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...contract import Context
from ...errors import Failed
from ...hosts.base import Host
from ..index import text
from ..names import plain
from ..part import Site, digest
from . import gocache

MOST = 10_000
"""Modules that one project may ask for; the largest ones that are public have about 2,000."""
_PATH = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9._~!-]*(?:/[A-Za-z0-9_~][A-Za-z0-9._~!-]*){0,30}")
_VERSION = re.compile(r"v\d{1,9}\.\d{1,9}\.\d{1,15}(?:-[0-9A-Za-z.-]{1,120})?(?:\+[0-9A-Za-z.-]{1,60})?")
_HINT = "Mend it, or look at what `go mod verify` and `go mod tidy` say of it."


@dataclass
class Module:
    """One go.mod."""

    path: str = ""
    go: str = ""
    """The language version of the `go` line."""
    toolchain: str = ""
    requires: dict[str, str] = field(default_factory=dict[str, str])
    """Version by module path."""
    direct: frozenset[str] = frozenset()
    replaces: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict[tuple[str, str], tuple[str, str]])
    """What stands in by (path, version or empty for any): (path, version); without a version it is a directory."""

    @property
    def complete(self) -> bool:
        """Whether it lists all that its packages need, as it does since Go 1.17."""
        return numbers(self.go) >= (1, 17)

    def fetched(self, requires: Mapping[str, str]) -> dict[str, str]:
        """What `requires` means after the replacements: version by path, without what lies in directories."""
        found: dict[str, str] = {}
        for path, version in requires.items():
            new, number = self.replaces.get((path, version)) or self.replaces.get((path, "")) or (path, version)
            if number:
                found[new] = number
        return found


@dataclass
class Wanted:
    """What a module or a workspace asks for, and whether its sums fix all of it."""

    root: Path
    modules: dict[str, Module] = field(default_factory=dict[str, Module])
    """By directory relative to `root`; `.` alone where there is no workspace."""
    work: bool = False
    go: str = ""
    """The `go` line of go.work, or of the one go.mod."""
    toolchain: str = ""
    sums: dict[str, str] = field(default_factory=dict[str, str])
    """Hash by `path@version` of what the cache must hold."""
    unfixed: tuple[str, ...] = ()
    """`path@version` of what the sums do not have."""
    vendored: str = ""
    """`fits`, or why vendor/ does not fit go.mod; empty without one."""
    files: dict[str, str] = field(default_factory=dict[str, str])
    """Digest by name relative to `root`, empty for one that is missing."""
    outside: tuple[str, ...] = ()
    """What is taken from directories outside the project, in words."""
    replaced: tuple[str, ...] = ()
    """What another module stands in for, in words."""


def directives(content: str, label: str) -> Iterator[tuple[str, list[str], bool]]:
    """(directive, its words, whether it is marked as indirect), blocks written out. Raises Failed for an open block."""
    block = ""
    for line in content.splitlines():
        line, _, comment = line.partition("//")
        line = line.strip()
        if line == ")" and block:
            block = ""
        elif line.endswith("(") and not block:
            block = line[:-1].strip()
        elif found := line.replace('"', "").replace("`", "").split():
            indirect = comment.strip().startswith("indirect")
            yield (block, found, indirect) if block else (found[0], found[1:], indirect)
    if block:
        raise Failed(f"{label} cannot be read: the block {plain(block, 40)} has no end", _HINT)


def parse(content: str, label: str) -> Module:
    """Read a go.mod. Raises Failed for one that names no module, or names what cannot be one."""
    module = Module()
    direct: set[str] = set()
    for directive, words, indirect in directives(content, label):
        match directive, words:
            case "module", [path, *_]:
                module.path = path
            case "go", [version, *_]:
                module.go = version
            case "toolchain", [version, *_]:
                module.toolchain = version.removeprefix("go")
            case "require", [path, version] if _PATH.fullmatch(path):
                # The higher one counts, as with Go itself.
                older = module.requires.get(path, "")
                module.requires[path] = max(older, version, key=order)
                direct |= set() if indirect else {path}
            case "replace", [*_] if "=>" in words:
                old, new = words[: words.index("=>")], words[words.index("=>") + 1 :]
                if len(old) not in (1, 2) or len(new) not in (1, 2):
                    raise Failed(f"{label} cannot be read: {plain(' '.join(words))}", _HINT)
                if len(new) == 2 and not (_PATH.fullmatch(new[0]) and _VERSION.fullmatch(new[1])):
                    raise Failed(f"{label} cannot be read: {plain(' '.join(words))}", _HINT)
                module.replaces[old[0], old[1] if len(old) == 2 else ""] = (new[0], new[1] if len(new) == 2 else "")
            case "require" | "replace", _:
                raise Failed(f"{label} cannot be read: {plain(' '.join(words)) or 'empty'} is no module", _HINT)
            case _:
                pass
    if not module.path:
        raise Failed(f"{label} cannot be read: it names no module", _HINT)
    if len(module.requires) > MOST:
        raise Failed(f"{label} asks for {len(module.requires)} modules; {MOST} are looked at at most", _HINT)
    module.direct = frozenset(direct)
    return module


def sums(content: str) -> tuple[dict[str, str], set[str]]:
    """Of a go.sum: hash by `path@version` of the contents, and the `path@version` whose go.mod has one."""
    zips: dict[str, str] = {}
    mods: set[str] = set()
    for line in content.splitlines():
        words = line.split()
        if len(words) != 3 or not _PATH.fullmatch(words[0]) or not _VERSION.fullmatch(words[1].removesuffix("/go.mod")):
            continue
        if words[1].endswith("/go.mod"):
            mods.add(f"{words[0]}@{words[1].removesuffix('/go.mod')}")
        else:
            zips[f"{words[0]}@{words[1]}"] = words[2]
    return zips, mods


async def workspace(root: Path, context: Context) -> Path | None:
    """The directory of the nearest go.work, when it uses the module at `root`; it may lie above the project. None without."""
    for folder in (root, *root.parents):
        content = await text(context.host, folder / "go.work")
        if content:
            used = [joined(folder, rel) for rel in uses(content)]
            return folder if root == folder or root in used else None
    return None


def uses(content: str) -> list[str]:
    """The directories that a go.work names."""
    found = [words[0] for directive, words, _ in directives(content, "go.work") if directive == "use" and words]
    return [os.path.normpath(rel) for rel in found]


async def read(root: Path, work: bool, site: Site, context: Context, own: frozenset[str] = frozenset()) -> Wanted:
    """What the module at `root`, or the workspace there, asks for; not of the modules `own`, which are at hand.

    Raises Failed for files that cannot be read.
    """
    found = Wanted(root, work=work)
    names = ["."]
    zips: dict[str, str] = {}
    mods: set[str] = set()
    shared = Module()
    if work:
        content = await _file(context.host, found, "go.work")
        names = uses(content)
        # Its replacements count for all modules; a go.work is a go.mod without a name.
        shared = parse(f"module work\n{content}", site.label("go.work"))
        found.go, found.toolchain = shared.go, shared.toolchain
        zips, mods = sums(await _file(context.host, found, "go.work.sum"))
    for rel in names[:MOST]:
        folder = joined(root, rel)
        content = await _file(context.host, found, _name(rel, "go.mod"))
        module = parse(content, str(_name(site.label("."), _name(rel, "go.mod"))).removeprefix("./"))
        module.replaces = {**module.replaces, **shared.replaces}
        found.modules[rel] = module
        more, others = sums(await _file(context.host, found, _name(rel, "go.sum")))
        zips, mods = {**zips, **more}, mods | others
        _told(found, module, folder, context)
        if folder != context.path and context.path not in folder.parents:
            found.outside += (f"go.work uses {plain(rel)}, which lies outside the project",)
    if not work:
        found.go, found.toolchain = found.modules["."].go, found.modules["."].toolchain
    _fixed(found, zips, mods, own)
    await _vendor(found, context.host)
    return found


def _told(found: Wanted, module: Module, folder: Path, context: Context) -> None:
    for (path, _), (new, version) in module.replaces.items():
        place = joined(folder, new)
        if version and new != path:
            found.replaced += (f"{plain(new)} {plain(version)} stands in for {plain(path)}",)
        elif not version and place != context.path and context.path not in place.parents:
            found.outside += (f"{plain(path)} is taken from {plain(new)}, which lies outside the project",)


def _fixed(found: Wanted, zips: dict[str, str], mods: set[str], other: frozenset[str]) -> None:
    """Which module versions a build needs, as the sums and the go.mod files tell together."""
    own = {module.path for module in found.modules.values()} | other
    wanted: dict[str, str] = {}
    unfixed: list[str] = []
    for module in found.modules.values():
        requires = {path: version for path, version in module.requires.items() if path not in own}
        direct = set(module.fetched({path: requires[path] for path in module.direct & requires.keys()}).items())
        for path, version in module.fetched(requires).items():
            item = f"{path}@{version}"
            if not valid(version) or item not in mods or ((path, version) in direct and item not in zips):
                unfixed.append(item)
            wanted[path] = max(wanted.get(path, ""), version, key=order)
    if all(module.complete for module in found.modules.values()):
        items = {f"{path}@{version}" for path, version in wanted.items()}
        found.sums = {item: zips[item] for item in items & zips.keys()}
    else:
        found.sums = zips
    if found.work:
        # Where one module raises what another one needs, go.work.sum has it. Only the highest version is built.
        best: dict[str, str] = dict(wanted)
        for item in zips:
            path, _, version = item.rpartition("@")
            best[path] = max(best.get(path, ""), version, key=order)
        found.sums = {item: zips[item] for item in (f"{p}@{v}" for p, v in best.items()) if item in zips}
        unfixed = [item for item in unfixed if item in {f"{p}@{v}" for p, v in best.items()}]
    found.unfixed = tuple(sorted(set(unfixed)))


async def _vendor(found: Wanted, host: Host) -> None:
    listed = await text(host, found.root / "vendor/modules.txt")
    module = found.modules.get(".")
    if not listed or (module is None and not found.work):
        return
    if found.work is not bool(re.search(r"^## workspace", listed, re.MULTILINE)):
        return  # Go does not look at it then
    there = set(re.findall(r"^# (\S+ v\S+?)(?: =>.*)?$", listed, re.MULTILINE))
    requires = [item for one in found.modules.values() for item in one.requires.items()]
    # Without a package of it in use a module is listed only when go.mod requires it: all of them are, since Go 1.17.
    lost = [f"{path} {version}" for path, version in requires if f"{path} {version}" not in there]
    packages = re.findall(r"^([^#\s]\S*)$", listed, re.MULTILINE)
    gone = await host.call(gocache.absent, str(found.root / "vendor"), packages[:MOST])
    found.vendored = "fits" if not lost and not gone else f"it lacks {plain((lost or gone)[0], 100)}"


async def _file(host: Host, found: Wanted, name: str) -> str:
    content = await text(host, found.root / name)
    found.files[name] = digest(content) if content else ""
    return content


def joined(folder: Path, rel: str) -> Path:
    """A path as it is written in a file that lies in `folder`."""
    return Path(os.path.normpath(folder / rel))


def _name(rel: str, name: str) -> str:
    return name if rel == "." else f"{rel}/{name}"


def valid(version: str) -> bool:
    """Whether it is one version of a module, and no branch or anything else."""
    return _VERSION.fullmatch(version) is not None


def numbers(version: str) -> tuple[int, ...]:
    """`1.21rc2`, `1.22.3`, `go1.19` as numbers; empty for what is none."""
    match = re.match(r"(?:go)?(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?", version)
    return tuple(int(part) for part in match.groups() if part) if match else ()


def order(version: str) -> tuple[tuple[int, ...], bool, list[tuple[int, int, str]]]:
    """Sorts module versions as Go does: numbers first, then a release after its pre-releases."""
    match = re.match(r"v(\d{1,9})\.(\d{1,9})\.(\d{1,15})(?:-([0-9A-Za-z.-]{1,120}))?", version)
    if match is None:
        return (), False, []
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in (match[4] or "").split(".")]
    return tuple(int(part) for part in match.groups()[:3]), not match[4], parts
