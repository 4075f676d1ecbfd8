"""What npm and its kin, cargo, gem and go installed for the user or with a runtime."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ...equipment import Kept
from ..text import safe
from .base import Place, mapping, names, parsed, words
from .gobinary import module

_NPM = re.compile(r"(?:@[a-z0-9][\w.~-]{0,100}/)?[a-z0-9][\w.~-]{0,120}", re.IGNORECASE)
_GEM = re.compile(r"([A-Za-z0-9_][\w.-]{0,120}?)-(\d[\w.]{0,40})(?:-[\w.-]+)?\.gemspec")
_CRATE = re.compile(r"([\w-]{1,100}) (\d[\w.+-]{0,60}) \((registry|sparse|git|path)\+([^)]*)\)")
_WITH_NODE = frozenset({"npm", "corepack"})


def npm(place: Place) -> list[Kept]:
    """Global packages of each Node: those on PATH, and those that version managers hold."""
    kept: list[Kept] = []
    for prefix in dict.fromkeys(_prefixes(place)):
        found = dict(_modules(os.path.join(prefix, "lib/node_modules")))
        if found:
            system = not prefix.startswith(place.home.rstrip("/") + "/")
            kept.append(Kept(manager="npm", where="system" if system else place.short(prefix), packages=found))
    return kept


def _prefixes(place: Place) -> Iterator[str]:
    said = re.search(r"^prefix[ \t]*=[ \t]*(\S+)", words(place.under(".npmrc")), re.MULTILINE)
    if said:
        yield os.path.normpath(re.sub(r"^(~|\$\{HOME\})(?=/)", lambda _: place.home, said[1].strip("\"'")))
    for variable in ("npm_config_prefix", "NPM_CONFIG_PREFIX"):
        yield from place.at(variable)
    for folder in place.path:
        node = os.path.join(folder, "node")
        if os.path.exists(node):
            yield os.path.dirname(os.path.dirname(os.path.realpath(node)))
    for base, below in (
        *((root, "versions/node") for root in place.at("NVM_DIR", ".nvm", ".config/nvm")),
        *((root, "installs/node") for root in place.at("MISE_DATA_DIR", ".local/share/mise")),
        *((root, "installs/nodejs") for root in place.at("ASDF_DATA_DIR", ".asdf")),
        *((root, "versions") for root in place.at("NODENV_ROOT", ".nodenv")),
    ):
        for version in names(os.path.join(base, below), 100):
            if not os.path.islink(os.path.join(base, below, version)):
                yield os.path.join(base, below, version)
    for base in place.at("FNM_DIR", ".local/share/fnm", ".fnm"):
        for version in names(os.path.join(base, "node-versions"), 100):
            yield os.path.join(base, "node-versions", version, "installation")


def _modules(folder: str) -> Iterator[tuple[str, str]]:
    """A link is a package that somebody works on, and no index has it so."""
    for name in names(folder):
        inner = [f"{name}/{below}" for below in names(os.path.join(folder, name))] if name.startswith("@") else [name]
        for package in inner:
            at = os.path.join(folder, package)
            if package in _WITH_NODE or not _NPM.fullmatch(package) or os.path.islink(at):
                continue
            version = mapping(parsed(os.path.join(at, "package.json"), 1 << 20)).get("version")
            if isinstance(version, str):
                yield package, safe(version, 80)


def others_of_node(place: Place) -> list[Kept]:
    """What pnpm, yarn 1 and bun installed globally: each keeps a package.json of what was asked for."""
    kept: list[Kept] = []
    globals_ = [
        ("pnpm", os.path.join(base, "global", number))
        for base in place.at("PNPM_HOME", ".local/share/pnpm", "Library/pnpm")
        for number in names(os.path.join(base, "global"), 10)
    ]
    globals_ += [("yarn", os.path.join(place.config, "yarn/global")), ("bun", place.under(".bun/install/global"))]
    for manager, folder in globals_:
        asked = mapping(mapping(parsed(os.path.join(folder, "package.json"), 1 << 20)).get("dependencies"))
        found: dict[str, str] = {}
        for name in asked:
            about = mapping(parsed(os.path.join(folder, "node_modules", name, "package.json"), 1 << 20))
            if _NPM.fullmatch(name) and isinstance(about.get("version"), str):
                found[name] = safe(str(about["version"]), 80)
        if found:
            kept.append(Kept(manager=manager, packages=found))
    return kept


def cargo(place: Place) -> list[Kept]:
    """What `cargo install` keeps account of."""
    found: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    for base in place.at("CARGO_HOME", ".cargo"):
        for key in mapping(mapping(parsed(os.path.join(base, ".crates2.json"))).get("installs")):
            crate = _CRATE.fullmatch(key)
            if crate is None:
                continue
            found[crate[1]] = crate[2]
            if crate[3] in ("git", "path"):
                elsewhere[crate[1]] = crate[3]
            elif "crates.io" not in crate[4]:
                elsewhere[crate[1]] = "url"
    return [Kept(manager="cargo", packages=found, elsewhere=elsewhere)] if found else []


def gem(place: Place) -> list[Kept]:
    """Gems of this user and of the rubies that version managers hold; those that come with Ruby are left out there."""
    kept: list[Kept] = []
    user = [*(os.path.join(f, "specifications") for f in place.at("GEM_HOME"))]
    for base in (place.under(".gem/ruby"), os.path.join(place.data, "gem/ruby")):
        user += [os.path.join(base, version, "specifications") for version in names(base, 30)]
    system = [place.system(f"/var/lib/gems/{v}/specifications") for v in names(place.system("/var/lib/gems"), 30)]
    for where, folders in (("user", user), ("system", system)):
        found = {name: version for folder in folders for name, version in _gems(folder)}
        if found:
            kept.append(Kept(manager="gem", where=where, packages=found))
    for root in place.at("RBENV_ROOT", ".rbenv"):
        for version in names(os.path.join(root, "versions"), 60):
            base = os.path.join(root, "versions", version, "lib/ruby/gems")
            with_ruby = {name for v in names(base, 5) for name in _bundled(os.path.join(base, v))}
            found = {name: at for v in names(base, 5) for name, at in _gems(os.path.join(base, v, "specifications"))}
            found = {name: at for name, at in found.items() if name not in with_ruby}
            if found:
                where = place.short(os.path.join(root, "versions", version))
                kept.append(Kept(manager="gem", where=where, packages=found))
    return kept


def _gems(folder: str) -> Iterator[tuple[str, str]]:
    for name in names(folder):
        found = _GEM.fullmatch(name)
        if found:
            yield found[1], found[2]


def _bundled(base: str) -> set[str]:
    """Ruby's own: `default`, and those whose gem files lie in its bundle."""
    found = {name for name, _ in _gems(os.path.join(base, "specifications/default"))}
    return found | {"bundler", "debug", "matrix", "minitest", "mutex_m", "net-ftp", "net-imap", "net-pop", "net-smtp", "power_assert", "prime",
                    "racc", "rake", "rbs", "repl_type_completor", "rexml", "rss", "test-unit", "typeprof", "getoptlong", "base64", "bigdecimal",
                    "observer", "abbrev", "rinda", "drb", "nkf", "syslog", "csv"}  # fmt: skip


def go(place: Place) -> list[Kept]:
    """Programs that `go install` made: the binaries themselves say of which module they are."""
    found: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    folders = place.at("GOBIN") or [os.path.join(path, "bin") for path in place.at("GOPATH", "go")]
    for folder in folders:
        for name in names(folder, 300):
            made = module(os.path.join(folder, name))
            if made is None:
                continue
            path, version = made
            found[safe(path, 200)] = safe(version, 80)
            if not re.fullmatch(r"v\d[\w.+-]*", version):
                elsewhere[safe(path, 200)] = "path"
    return [Kept(manager="go", packages=found, elsewhere=elsewhere)] if found else []
