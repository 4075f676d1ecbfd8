"""The host's Ruby and bundler, and what the indexes say of the gems that they would bring."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ...contract import Context
from ...errors import Failed, Unreachable
from ...hosts.here import helped, here
from ..index import without_user
from ..names import plain
from .rubyfiles import NAME, Declared, Settings
from .rubyindex import MOST, Release, heads, kept, releases
from .rubyversions import order, prerelease, satisfies

_ASK = (
    "puts JSON.generate([RUBY_VERSION, RUBY_ENGINE, Gem.ruby_api_version, Gem::Platform.local.to_s,"
    " Gem.default_specifications_dir, Gem.path, Gem.sources.to_a,"
    ' File.exist?(File.join(RbConfig::CONFIG["rubyhdrdir"].to_s, "ruby.h"))])'
)
QUIET = {"RUBYOPT": "", "NO_COLOR": "1", "BUNDLE_SILENCE_ROOT_WARNING": "1"}


@dataclass(frozen=True)
class Ruby:
    """The Ruby on PATH."""

    version: str
    engine: str
    api: str
    """What folders of gems are called after, e.g. `3.1.0`."""
    platform: str
    defaults: str
    """Where the specifications of the gems lie that come with it."""
    path: tuple[str, ...]
    """Its own folders of gems."""
    sources: tuple[str, ...]
    """Where the user's `gem` takes gems from, without credentials, with a slash at the end."""
    headers: bool
    """Whether extensions could be compiled, as far as its header files go."""


async def ruby(context: Context) -> Ruby:
    """Ask the host's Ruby. Raises Failed."""
    done = await context.host.run(["ruby", "-rjson", "-e", _ASK], cwd=Path("/"), env=QUIET, timeout=30)
    try:
        version, engine, api, platform, defaults, path, sources, headers = json.loads(done.text)
    except ValueError:
        raise Failed(
            f"ruby does not say what it is: {plain(done.error, 200)}", "Mend it (`ruby -rjson -e 1`), then ask again."
        ) from None
    clean = (without_user(str(each))[0].rstrip("/") + "/" for each in sources)
    return Ruby(version, engine, api, platform, defaults, tuple(map(str, path)), tuple(clean), bool(headers))


async def bundler(context: Context) -> str:
    """The version of the host's bundler; empty when there is none."""
    done = await context.host.run(["bundle", "--version"], cwd=Path("/"), env=QUIET, timeout=30)
    found = re.search(r"\b\d+\.\d+\.\d+[\w.]*", done.text) if done.code == 0 else None
    return found[0] if found else ""


def fits(platform: str, local: str) -> bool:
    """Whether a gem for `platform` runs on `local` (`x86_64-linux`, `arm64-darwin-22`)."""
    if platform == "ruby" or platform == local:
        return True
    (cpu, system, libc), (mine, own, flavour) = _parts(platform), _parts(local)
    return (cpu, system) == (mine, own) and libc in ("", "gnu", flavour) and not (libc == "gnu" and flavour == "musl")


def _parts(platform: str) -> tuple[str, str, str]:
    parts = [*platform.split("-"), "", ""]
    return parts[0], re.sub(r"\d+$", "", parts[1]), parts[2] if parts[1] == "linux" else ""


def fulls(declared: Declared, local: str) -> dict[str, list[str]]:
    """By name the full names (`rack-3.0.0`) that would do for a locked gem, the one that bundler prefers first.

    Empty for a gem that the lock has for other platforms only.
    """
    found: dict[str, list[str]] = {}
    for name, variants in declared.specs.items():
        if name not in declared.elsewhere:
            fitting = sorted((v for v in variants if fits(v[1], local)), key=lambda v: v[1] == "ruby")
            found[name] = [_full(name, *variant) for variant in fitting]
    return found


def _full(name: str, version: str, platform: str) -> str:
    return f"{name}-{version}" if platform == "ruby" else f"{name}-{version}-{platform}"


@dataclass
class Looked:
    """What is known of gems before they are installed."""

    sizes: dict[str, int] = field(default_factory=dict[str, int])
    builds: list[str] = field(default_factory=list[str])
    """Full names of those that build code of their own."""
    unknown: list[str] = field(default_factory=list[str])
    """Full names of those of which that could not be told."""


def base(address: str, settings: Settings) -> tuple[str, str]:
    """Where an index is asked: its mirror if the user set one; and the user's `NAME:PASSWORD` for it, or nothing."""
    address = settings.mirrors.get(address.lower()) or settings.mirrors.get("all") or address
    address, user = without_user(address)
    return address, user or settings.users.get((urlsplit(address).hostname or "").lower(), "")


async def look(
    context: Context, root: Path, home: Path, wanted: Mapping[str, Sequence[str]], settings: Settings
) -> Looked:
    """Read the beginning of each gem: `wanted` has the addresses of the user's own indexes by full name, none for a gem
    that comes from elsewhere, which is not fetched for a plan. Raises Unreachable."""
    found = Looked()
    local = {full: str(root / "vendor/cache" / f"{full}.gem") for full in wanted}
    known = await context.host.call(kept, local)
    rest = {full: str(home / "cache" / f"{full}.gem") for full in wanted if full not in known}
    known.update(await context.host.call(kept, rest))
    remote: dict[tuple[str, str], dict[str, str]] = {}
    for full, sources in wanted.items():
        if full not in known and sources:
            address, user = base(sources[0], settings)
            if address.startswith(("http://", "https://")):
                remote.setdefault((address, user), {})[full] = f"{address}gems/{full}.gem"
    for (address, user), gems in remote.items():
        run = context.host.call if await helped(context.host) else here
        told, why = await run(heads, gems, user)
        if why:
            raise _silent(address, why)
        known.update(told)
    for full in wanted:
        size, builds = known.get(full, (None, False))
        found.sizes.update({full: size} if size else {})
        found.builds += [full] if builds else []
        found.unknown += [full] if full not in known else []
    return found


async def ask(context: Context, names: Iterable[str], settings: Settings, own: Ruby) -> dict[str, list[Release]]:
    """The releases by name, from the user's own indexes in their order. Raises Unreachable."""
    rest, found = [name for name in dict.fromkeys(names) if NAME.fullmatch(name)], dict[str, list[Release]]()
    for source in own.sources:
        address, user = base(source, settings)
        if rest and address.startswith(("http://", "https://")):
            run = context.host.call if await helped(context.host) else here
            told, why = await run(releases, address, rest, user)
            if why:
                raise _silent(address, why)
            found.update(told)
            rest = [name for name in rest if name not in told]
    return found


def _silent(address: str, why: str) -> Unreachable:
    host = urlsplit(address).netloc.rpartition("@")[2]
    return Unreachable(
        f"the index of gems {plain(host, 80)} did not answer: {plain(why, 200)}",
        "Check the network, the proxy and bundler's mirror settings (`bundle config`); then ask again.",
    )


def newest(listed: Sequence[Release], wanted: Sequence[str], own: Ruby) -> Release | None:
    """The newest release that meets the requirements and runs here; one with letters only when a requirement has such."""
    early = any(re.search(r"[A-Za-z]", line) for line in wanted)
    fitting = [
        r for r in listed
        if fits(r[1], own.platform) and satisfies(r[0], wanted) and satisfies(own.version, r[3]) and (early or not prerelease(r[0]))
    ]  # fmt: skip
    return max(fitting, key=lambda r: (order(r[0]), r[1] != "ruby"), default=None)


async def closure(
    context: Context, wanted: Mapping[str, Sequence[str]], settings: Settings, own: Ruby
) -> dict[str, list[str]]:
    """What bundler will probably choose: by full name the addresses of the user's indexes. An estimate: each gem in the
    newest version that the first one to ask for it allows. Raises Unreachable."""
    chosen: dict[str, list[str]] = {}
    seen: set[str] = {"bundler"}
    wave = {name: list(lines) for name, lines in wanted.items() if name not in seen}
    while wave and len(seen) < MOST:
        seen |= set(wave)
        known = await ask(context, wave, settings, own)
        following: dict[str, list[str]] = {}
        for name, listed in known.items():
            release = newest(listed, wave[name], own)
            if release:
                chosen[_full(name, release[0], release[1])] = list(own.sources[:1])
                following.update({k: v for k, v in release[2].items() if k not in seen and k not in following})
        wave = following
    return chosen
