"""Maven's and Gradle's wrappers: what they would download, from where, how sure that is, read without running them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...contract import Context
from ...errors import Failed, Unreachable, Usage
from ...hosts.here import helped, here, variables
from .. import defaults
from ..index import text, without_user
from ..names import plain
from ..part import Part, Site, digest
from .jvm import foreign


@dataclass(frozen=True)
class Kind:
    """Where a wrapper keeps what."""

    script: str
    folder: str
    """Of its properties and jar, below the site."""
    properties: str
    jar: str
    needs_jar: bool
    variable: str
    """Names the folder below which distributions are kept, when it is set."""
    usual: str
    """That folder below the home otherwise."""


KINDS = {
    "maven": Kind("mvnw", ".mvn/wrapper", "maven-wrapper.properties", "maven-wrapper.jar", False, "MAVEN_USER_HOME", ".m2"),
    "gradle": Kind("gradlew", "gradle/wrapper", "gradle-wrapper.properties", "gradle-wrapper.jar", True, "GRADLE_USER_HOME", ".gradle"),
}  # fmt: skip
COMMANDS = {"maven": "mvn", "gradle": "gradle"}
"""How they are started without a wrapper; Debian's packages are called as the kinds are."""


@dataclass(frozen=True)
class Wrapper:
    """One wrapper that can be used."""

    kind: str
    script: str
    urls: tuple[str, ...]
    """The distribution's address first, then that of the wrapper's own jar where it is fetched."""
    checksum: bool
    jar: str
    """SHA-256 of the jar that is checked in; empty without one."""
    dists: Path
    there: bool
    """Whether a distribution of that file name was downloaded before."""
    exact: bool
    """Whether it came from this address."""
    files: dict[str, str]

    @property
    def name(self) -> str:
        """The distribution's file name, e.g. `gradle-8.5-bin.zip`."""
        return plain(self.urls[0].rpartition("/")[2], 80)


async def look(kind: str, site: Site, context: Context, home: Path, part: Part) -> Wrapper | None:
    """The site's wrapper; None when there is none, or it is incomplete (then `part` says so)."""
    known = KINDS[kind]
    if known.script not in site.files:
        return None
    folder = site.root / known.folder
    script = await text(context.host, site.root / known.script, 1024 * 1024)
    content = await text(context.host, folder / known.properties, 64 * 1024)
    jar = await context.host.call(sha256, str(folder / known.jar))
    said = properties(content)
    url = said.get("distributionUrl", "")
    lacks = known.properties if not url else known.jar if known.needs_jar and not jar else ""
    if lacks:
        part.warnings.append(
            f"{site.label(known.script)} cannot be used: {site.label(f'{known.folder}/{lacks}')} is not there or names nothing"
        )
        return None
    if not urlsplit(url).scheme:
        url = "file:" + str(folder / url)
    # Without a jar of its own the script fetches one, unless it is of the kind that needs none.
    fetched = (
        said.get("wrapperUrl", "")
        if kind == "maven" and not jar and said.get("distributionType") != "only-script"
        else ""
    )
    given = (await variables(context.host, context.environ, (known.variable,))).get(known.variable, "")
    dists = (Path(given) if given else home / known.usual) / "wrapper/dists"
    there = await context.host.call(unpacked, str(dists), url.rpartition("/")[2])
    exact = not {_java_hash(url), *_digests(url)}.isdisjoint(there)
    files = {known.script: digest(script), f"{known.folder}/{known.properties}": digest(content)}
    files |= {f"{known.folder}/{known.jar}": jar} if jar else {}
    sums = [said.get("distributionSha256Sum")] + ([said.get("wrapperSha256Sum")] if fetched else [])
    return Wrapper(
        kind, known.script, (url, *([fetched] if fetched else [])), all(sums), jar, dists, bool(there), exact, files
    )


async def tell(wrapper: Wrapper, site: Site, context: Context, own: set[str], part: Part) -> int | None:
    """Say what the wrapper brings along; the bytes that it downloads, None when that is not known."""
    known = KINDS[wrapper.kind]
    part.basis += [f"{site.label(name)}:{value}" for name, value in sorted(wrapper.files.items())]
    part.warnings.append(f"{site.label(wrapper.script)} is a script of the project and is run")
    if wrapper.jar:
        part.warnings.append(
            f"{site.label(f'{known.folder}/{known.jar}')} is a program that is checked in; it runs with sha256 {wrapper.jar}"
        )
    if wrapper.exact:
        part.details.append(f"{wrapper.name} was downloaded before")
        return 0
    addresses = [urlsplit(without_user(url)[0])._replace(query="", fragment="").geturl() for url in wrapper.urls]
    strange = foreign(list(wrapper.urls), own)
    if strange:
        part.reasons.append(
            f"{site.label(wrapper.script)} downloads and runs {wrapper.name} from {', '.join(strange)}, "
            f"which is not the usual server of {wrapper.kind.capitalize()}"
        )
    if any(urlsplit(url).scheme not in ("https", "file") for url in wrapper.urls):
        part.warnings.append(f"{wrapper.name} is downloaded without encryption")
    if not wrapper.checksum:
        part.warnings.append(
            f"{site.label(f'{known.folder}/{known.properties}')} has no checksum for {wrapper.name}, so any content is run"
        )
    # A stranger's server is not even asked before a person has said yes.
    size = None if strange else await _size(wrapper.urls[0], context)
    much = f", {size / 1e6:.1f} MB" if size else ""
    part.details.append(
        f"{site.label(wrapper.script)} downloads {wrapper.name}{much} from {', '.join(plain(a, 120) for a in addresses)}"
    )
    return size


async def _size(url: str, context: Context) -> int | None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.username:
        return None
    key = f"bytes {digest(url)}"
    if known := await defaults.remembered(context, key):
        return int(known)
    size = await (context.host.call(head, url) if await helped(context.host) else here(head, url))
    if size is not None:
        await defaults.remember(context, key, str(size))
    return size


def head(url: str) -> int | None:
    """The bytes that a server says it would send; None when it does not say."""
    import urllib.request  # slow to import, and most plans have no wrapper

    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "envsync"})  # noqa: S310 (scheme checked by the caller)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 (the same)
            length = str(response.headers.get("Content-Length") or "")
            return int(length) if length.isdigit() else None
    except (OSError, ValueError):
        return None


def sha256(path: str) -> str:
    """SHA-256 (hex) of a regular file; empty when there is none."""
    import os

    try:
        if not os.path.isfile(path) or os.path.getsize(path) > 64 * 1024 * 1024:
            return ""
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""


def unpacked(dists: str, file: str) -> list[str]:
    """The folders, named after a hash of the address, where distributions of that file name were unpacked."""
    import os

    base = re.sub(r"\.(zip|tar\.gz)$", "", file)
    found: list[str] = []
    for name in dict.fromkeys((base, base.removesuffix("-bin"))):
        try:
            folders = [entry for entry in os.scandir(os.path.join(dists, name)) if entry.is_dir()]
        except OSError:
            continue
        for folder in folders:
            inside = os.listdir(folder.path)
            if "bin" in inside or any(os.path.isdir(os.path.join(folder.path, i, "bin")) for i in inside):
                found.append(folder.name)
    return found


def _java_hash(url: str) -> str:
    """What Maven's script calls the folder: Java's hash of a string."""
    value = 0
    for character in url:
        value = (value * 31 + ord(character)) & 0xFFFFFFFF
    return f"{value:x}"


def _digests(url: str) -> set[str]:
    """What the wrappers' jars call it: a digest of the address as a number, in a base that changed with the years."""
    found: set[str] = set()
    for algorithm in ("md5", "sha256"):
        number = int.from_bytes(hashlib.new(algorithm, url.encode()).digest(), "big")
        found |= {_based(number, base) for base in (16, 32, 36)}
    return found


def _based(number: int, base: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, base)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"


def properties(content: str) -> dict[str, str]:
    """A Java properties file as far as wrappers use it."""
    found: dict[str, str] = {}
    for line in content.splitlines():
        match = re.match(r"\s*([A-Za-z0-9]+)\s*[=:]\s*(.*?)\s*$", line)
        if match and not line.lstrip().startswith(("#", "!")):
            found[match[1]] = re.sub(r"\\([:=#! ])", r"\1", match[2])
    return found


async def program(
    kind: str, label: str, used: Wrapper | None, context: Context, part: Part, note: str = ""
) -> list[str]:
    """How Maven or Gradle is started; empty when it cannot be, which `part` then says. It may bring it by apt first; `note`
    is what to know of the one that apt has."""
    from . import apt

    if used is not None:
        return ["sh", f"./{used.script}"]
    name = COMMANDS[kind]
    if (await context.host.run([name, "--version"], timeout=60, cwd=Path("/"))).code == 0:
        return [name]
    try:
        part.add(await apt.plan({kind: ""}, context))
    except (Failed, Usage, Unreachable) as error:
        part.warnings.append(
            f"{label}: cannot provide for it here, because there is no {name} and no complete wrapper ({KINDS[kind].script}), "
            f"and {error.what}; install {kind.capitalize()} and ask again"
        )
        return []
    part.warnings += [note] if note else []
    return [name]
