"""What a Ruby project's Gemfile, lock and bundler settings say, read as text: nothing of the project runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ...contract import Context
from ...errors import Failed
from ...hosts.base import Host
from ..index import text
from ..names import plain, shown
from ..part import Site, digest

MANIFESTS = {"Gemfile": "Gemfile.lock", "gems.rb": "gems.locked"}
"""The lock by the manifest."""
NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,120}")
_SPEC = re.compile(r"([A-Za-z0-9_][\w.-]{0,120}) \(([0-9][0-9A-Za-z.]{0,60})(?:-([\w.-]{1,60}))?\)")
_ELSEWHERE = frozenset(("mswin", "mswin64", "mingw", "x64_mingw", "windows", "jruby", "truffleruby", "rbx", "maglev"))
"""Platforms of Gemfile lines that are not the usual Ruby on a Unix system."""
_BIGGEST = 8 * 1024 * 1024


@dataclass
class Declared:
    """What the files ask for."""

    manifest: str = "Gemfile"
    lock: str = ""
    """The lock's name; empty when there is none."""
    direct: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Requirements by name, as far as lines of the Gemfile say them plainly."""
    elsewhere: set[str] = field(default_factory=set[str])
    """Names that the Gemfile wants on other platforms only."""
    ruby: tuple[str, ...] = ()
    """What the Gemfile asks of Ruby itself."""
    sources: list[str] = field(default_factory=list[str])
    """Addresses that the Gemfile or the lock takes gems from, with a slash at the end."""
    foreign: list[str] = field(default_factory=list[str])
    """In words: gems that come from a directory or a repository."""
    plugins: list[str] = field(default_factory=list[str])
    specs: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])
    """Version and platform by name, of what an index provides."""
    origin: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The addresses that a gem may come from."""
    needs: frozenset[str] = frozenset()
    """The names under DEPENDENCIES."""
    bundler: str = ""
    """The version that wrote the lock."""
    files: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def names(self) -> frozenset[str]:
        """Names that the Gemfile or the lock has."""
        return frozenset(self.direct) | frozenset(self.specs) | self.needs


async def read(host: Host, site: Site) -> Declared:
    """Read a site's Gemfile and lock. Raises Failed for what is none."""
    found = Declared(manifest=next(name for name in MANIFESTS if name in site.files))
    gemfile = await content(host, site, found.manifest, found)
    _gemfile(gemfile, found)
    lock = MANIFESTS[found.manifest]
    if lock in site.files:
        found.lock = lock
        read_lock(await content(host, site, lock, found), site.label(lock), found)
    return found


async def content(host: Host, site: Site, name: str, found: Declared) -> str:
    """A file's text, noted in `found.files`. Raises Failed for one that is no text or too big: it must not pass for empty."""
    entry = await host.stat(site.root / name)
    kept = await text(host, site.root / name, _BIGGEST)
    found.files[name] = digest(kept)
    if entry is not None and ((entry.kind == "file" and entry.size > _BIGGEST) or "\0" in kept):
        why = f"it has {entry.size} bytes" if entry.size > _BIGGEST else "it is no UTF-8 text"
        raise Failed(f"{site.label(name)} cannot be read: {why}", "Correct the file, then ask again.")
    if entry is not None and entry.kind not in ("file", "link"):
        raise Failed(f"{site.label(name)} is a {entry.kind}, no file", "Correct that, then ask again.")
    return kept


def _gemfile(gemfile: str, found: Declared) -> None:
    lines = re.sub(r"^[ \t]*#[^\n]*", "", gemfile, flags=re.MULTILINE)
    lines = re.sub(r",[ \t]*\n\s*", ", ", lines)
    for name, rest in re.findall(r"^[ \t]*gem[ \t(]+[\"']([\w.-]+)[\"']([^\n]*)", lines, re.MULTILINE):
        rest = re.sub(r"\s#[^\n]*", "", rest)
        wanted = re.match(r"((?:\s*,\s*[\"'][^\"']*[\"'])*)", rest)
        platforms = re.search(r"\bplatforms?(?:: |:|\s*=>)\s*(\[[^\]]*\]|%[iw]\[[^\]]*\]|:\w+)", rest)
        if platforms and _elsewhere(platforms[1]):
            found.elsewhere.add(name)
            continue
        from_where = re.search(r"\b(path|git|github|gitlab|bitbucket|gist)(?::| ?=>)\s*[\"']([^\"']*)", rest)
        if from_where:
            found.foreign.append(f"{plain(name, 60)} from {from_where[1]} {plain(_open(from_where[2]), 80)}")
        own = re.search(r"\bsource(?::| ?=>)\s*[\"']([^\"']+)", rest)
        found.sources += [_slashed(own[1])] if own else []
        if NAME.fullmatch(name) and not from_where:
            found.direct.setdefault(name, re.findall(r"[\"']([^\"']+)[\"']", wanted[1] if wanted else ""))
    for kind, where in re.findall(
        r"^[ \t]*(path|git|github|gitlab)[ \t(]+[\"']([^\"']+)[\"'].*\bdo\b", lines, re.MULTILINE
    ):
        found.foreign.append(f"a block of gems from {kind} {plain(_open(where), 80)}")
    found.sources += [_slashed(each) for each in re.findall(r"^[ \t]*source[ \t(]+[\"']([^\"']+)", lines, re.MULTILINE)]
    found.plugins = [plain(each, 60) for each in re.findall(r"^[ \t]*plugin[ \t(]+[\"']([^\"']+)", lines, re.MULTILINE)]
    ruby = re.search(r"^[ \t]*ruby[ \t(]+((?:[\"'][^\"']+[\"'](?:,\s*)?)+)", lines, re.MULTILINE)
    found.ruby = tuple(re.findall(r"[\"']([^\"']+)[\"']", ruby[1])) if ruby else ()


def _elsewhere(listed: str) -> bool:
    words = re.findall(r"\w+", re.sub(r"^%[iw]", "", listed))
    return bool(words) and all(re.sub(r"(_\d+)+$", "", word) in _ELSEWHERE for word in words)


def _open(address: str) -> str:
    """An address without its credentials."""
    return re.sub(r"//[^/@]*@", "//", address)


def _slashed(address: str) -> str:
    return address if address.endswith("/") else f"{address}/"


def read_lock(lock: str, label: str, found: Declared) -> None:
    """Read a lock's text into `found`. Raises Failed for one that cannot be a lock, or that names what is no gem."""
    if re.search(r"^(<<<<<<<|>>>>>>>) ", lock, re.MULTILINE):
        raise Failed(f"{label} has conflict markers", "Resolve them (or restore the file from git), then ask again.")
    section, remotes, needs = "", list[str](), set[str]()
    for line in lock.splitlines():
        if re.match(r"[A-Z]", line):
            section, remotes = line.strip(), []
        elif section in ("GEM", "GIT", "PATH", "PLUGIN SOURCE") and (remote := re.match(r"  remote: (.*)", line)):
            remotes.append(_slashed(remote[1].strip()) if section == "GEM" else remote[1].strip())
            if section == "GEM":
                found.sources.append(remotes[-1])
            elif section != "PATH" or remotes[-1] != ".":
                found.foreign.append(f"{section.lower()} {plain(_open(remotes[-1]), 80)}")
        elif re.match(r"    \S", line) and section in ("GEM", "GIT", "PATH"):
            spec = _SPEC.fullmatch(line.strip())
            if spec is None:
                raise Failed(
                    f"{label} names {shown(line.strip())}, which is no gem",
                    "Correct that line, or write the lock anew with `bundle lock`; then ask again.",
                )
            if section == "GEM":
                found.specs.setdefault(spec[1], []).append((spec[2], spec[3] or "ruby"))
                found.origin[spec[1]] = list(remotes)
        elif section == "DEPENDENCIES" and (need := re.match(r"  ([\w.-]+)", line)):
            needs.add(need[1])
        elif section == "BUNDLED WITH" and (version := re.match(r"\s+([0-9][\w.]*)$", line)):
            found.bundler = version[1]
    if lock.strip() and not section:
        raise Failed(f"{label} cannot be read: it has no section", "Write it anew with `bundle lock`, then ask again.")
    found.needs = frozenset(needs)


@dataclass(frozen=True)
class Settings:
    """Bundler's settings as they count for a site."""

    path: str = ""
    """Where gems go, as it was set; empty when nobody set it."""
    by: str = ""
    """Who set it, in words."""
    system: bool = False
    """The setting says: among the system's own gems."""
    elsewhere: str = ""
    """BUNDLE_APP_CONFIG, when bundler does not read the site's own `.bundle/config`."""
    mirrors: dict[str, str] = field(default_factory=dict[str, str])
    """By lower-case address with a slash, or `all`; of the user's own settings."""
    users: dict[str, str] = field(default_factory=dict[str, str])
    """`NAME:PASSWORD` by host; of the user's own settings. Never shown."""
    told: tuple[str, ...] = ()
    """What the project's own settings do that a person should know of."""
    groups: str = ""
    """What decides which groups are installed, for the cache's key."""


_ASKED = (
    "BUNDLE_PATH", "BUNDLE_PATH__SYSTEM", "BUNDLE_DISABLE_SHARED_GEMS", "BUNDLE_DEPLOYMENT", "BUNDLE_APP_CONFIG",
    "BUNDLE_USER_CONFIG", "BUNDLE_USER_HOME", "BUNDLE_CONFIG", "BUNDLE_IGNORE_CONFIG", "BUNDLE_WITHOUT", "BUNDLE_WITH",
    "BUNDLE_ONLY",
)  # fmt: skip
_HARMLESS = re.compile(
    r"PATH|PATH__SYSTEM|DISABLE_SHARED_GEMS|WITHOUT|WITH|ONLY|JOBS|RETRY|TIMEOUT|DEPLOYMENT|FROZEN|BIN|CACHE_.*|CLEAN|NO_PRUNE|SILENCE_.*"
    r"|FORCE_RUBY_PLATFORM|IGNORE_MESSAGES|SPECIFIC_PLATFORM|PREFER_PATCH|AUTO_INSTALL|GEM__.*|DISABLE_VERSION_CHECK|VERSION|CONSOLE|SHEBANG"
)


async def settings(site: Site, context: Context) -> Settings:
    """Read bundler's settings as bundler would: the site's own, the environment's, the user's."""
    from ...hosts.here import variables

    env = await variables(context.host, context.environ, _ASKED)
    home = env.get("BUNDLE_CONFIG") or env.get("BUNDLE_USER_CONFIG")
    home = home or f"{env.get('BUNDLE_USER_HOME') or context.home / '.bundle'}/config"
    app = env.get("BUNDLE_APP_CONFIG", "")
    own = Path(app) if app.startswith("/") else site.root / (app or ".bundle")
    ignored = bool(env.get("BUNDLE_IGNORE_CONFIG"))
    local = {} if ignored else _config(await text(context.host, own / "config"))
    user = {} if ignored else _config(await text(context.host, Path(home)))
    path, by, system = "", "", False
    label = str(own / "config") if app else site.label(".bundle/config")
    for level, words in ((local, label), (env, "BUNDLE_PATH in your environment"), (user, str(home))):
        shared = level.get("BUNDLE_DISABLE_SHARED_GEMS")
        path = level.get("BUNDLE_PATH") or ("vendor/bundle" if _true(level.get("BUNDLE_DEPLOYMENT")) else "")
        system = _true(level.get("BUNDLE_PATH__SYSTEM")) or (shared is not None and not _true(shared))
        if path or system:
            by = words
            break
    inside = own == site.root / ".bundle"
    told = [key for key in local if not _HARMLESS.fullmatch(key.removeprefix("BUNDLE_"))] if inside else []
    trusted = user if inside else {**user, **local}
    groups = (f"{key}={level[key]}" for level in (local, env, user) for key in _ASKED[-3:] if key in level)
    return Settings(
        path,
        by,
        system,
        "" if inside else str(own),
        dict(_mirrors(trusted)),
        {_dotted(k.removeprefix("BUNDLE_")): v for k, v in trusted.items() if "__" in k and ":" in v and "//" not in v},
        tuple(f"sets {plain(key, 60)}" for key in told),
        ";".join(groups),
    )


def _config(content: str) -> dict[str, str]:
    found = re.findall(r"^(BUNDLE_[^\s:]+(?::[^\s:]+)*): *[\"']?(.*?)[\"']?$", content, re.MULTILINE)
    return dict(found)


def _true(value: str | None) -> bool:
    return value is not None and value.lower() not in ("", "false", "f", "no", "n", "0")


def _dotted(key: str) -> str:
    return key.replace("___", "-").replace("__", ".").lower()


def _mirrors(config: dict[str, str]) -> Iterable[tuple[str, str]]:
    for key, value in config.items():
        name = _dotted(key.removeprefix("BUNDLE_"))
        if name.startswith("mirror.") and not name.endswith("fallback_timeout") and value.startswith("http"):
            target = name.removeprefix("mirror.")
            yield ("all" if target == "all" else _slashed(target)), _slashed(value)
