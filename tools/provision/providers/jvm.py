"""What Maven and Gradle share on a host: the user's home as Java sees it, a JDK, and which servers are the usual ones."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from ...contract import Context
from ...errors import Failed, Usage
from ...hosts.here import variables
from ..index import text
from ..names import plain
from ..part import Part, Site
from . import apt, toolchain
from .xmlfile import Element, Unreadable, parse

MAKERS = ("apache.org", "gradle.org", "google.com")
"""Domains of those who make Maven, Gradle and the Android plugin: a project that names a server of theirs names nothing new."""
_HOME = re.compile(r"^\s*user\.home = (.+)$", re.MULTILINE)


async def ready(site: Site, context: Context, part: Part, runtime: str) -> bool:
    """Whether there is a JDK to build with; False when `part` brings one first. Raises Failed when none can be had."""
    wants = [
        want.model_copy(update={"spec": f">={_feature(want.spec)}"})
        if want.name == "java" and _feature(want.spec)
        else want
        for want in site.service.runtimes
    ]  # `release 11` is a floor: a newer JDK compiles for it
    there = replace(site, service=site.service.model_copy(update={"runtimes": tuple(wants)}))
    if not await toolchain.ready("java", there, context, part, runtime):
        return False
    javac = await context.host.run(["javac", "-version"], timeout=15, cwd=Path("/"))
    home = (await variables(context.host, context.environ, ("JAVA_HOME",))).get("JAVA_HOME", "")
    if javac.code == 0 or (home and await context.host.stat(Path(home) / "bin/javac") is not None):
        return True
    try:
        part.add(await apt.plan({"default-jdk-headless": ""}, context))
    except (Failed, Usage) as error:
        raise Failed(
            f"this host has a Java runtime, but no JDK to compile with ({error.what})",
            "Install a JDK (javac) and ask again.",
        ) from error
    part.warnings.append("the packages are planned when the JDK is there: ask again then")
    return False


def _feature(spec: str) -> str:
    """`11` for `11`, `8` for `1.8`; empty for what is a range already, or none."""
    found = re.fullmatch(r"(?:1\.)?(\d{1,2})", spec.strip())
    return found[1] if found else ""


async def home(context: Context) -> Path:
    """The user's home as Java programs see it: the password file's, whatever HOME says. Raises Failed."""
    given = (await variables(context.host, context.environ, ("MAVEN_OPTS",))).get("MAVEN_OPTS", "")
    if named := option(given, "user.home"):
        return Path(named)
    done = await context.host.run(["java", "-XshowSettings:properties", "-version"], timeout=30, cwd=Path("/"))
    found = _HOME.search(done.error + "\n" + done.text)
    if done.code != 0 or found is None:
        raise Failed("java does not say where the user's home is", "See what `java -XshowSettings:properties` says.")
    return Path(found[1].strip())


def shown_path(path: Path, context: Context, home: Path | None = None) -> str:
    """A path as people write it: with ~ for the home."""
    for folder in (context.home, home):
        if folder is not None and path.is_relative_to(folder):
            return f"~/{path.relative_to(folder)}"
    return plain(str(path), 120)


def option(line: str, name: str) -> str:
    """The value of -Dname= in a line of options; empty when it has none."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    return next((word[len(name) + 3 :] for word in reversed(words) if word.startswith(f"-D{name}=")), "")


async def settings(context: Context, home: Path) -> list[Element]:
    """The user's and the machine's Maven settings; one that cannot be read counts as none."""
    found: list[Element] = []
    for path in (home / ".m2/settings.xml", Path("/etc/maven/settings.xml")):
        content = await text(context.host, path)
        try:
            found += [parse(content)] if content else []
        except Unreadable:
            continue
    return found


def mirrors(known: list[Element]) -> tuple[set[str], bool]:
    """Servers that the user's own settings name, and whether one of them stands for every repository."""
    hosts: set[str] = set()
    every = False
    for one in known:
        for mirror in one.all("mirrors/mirror"):
            hosts.add(urlsplit(mirror.said("url")).netloc.rpartition("@")[2])
            every = every or mirror.said("mirrorOf").strip() == "*"
        for repository in (*one.all("profiles/profile/repositories/repository"),
                           *one.all("profiles/profile/pluginRepositories/pluginRepository")):  # fmt: skip
            hosts.add(urlsplit(repository.said("url")).netloc.rpartition("@")[2])
    return hosts - {""}, every


def _made(server: str) -> bool:
    """Whether a server belongs to the tools' own makers."""
    return any(server == maker or server.endswith(f".{maker}") for maker in MAKERS)


def foreign(urls: list[str], own: set[str]) -> list[str]:
    """The servers among these addresses that neither the tools nor the user's own settings name; without credentials."""
    found: set[str] = set()
    for url in urls:
        try:
            parts = urlsplit(url.strip())
            server = parts.netloc.rpartition("@")[2].lower()
        except ValueError:
            found.add(plain(url, 60))
            continue
        if parts.scheme in ("http", "https") and server and not (server in own or _made(server)):
            found.add(plain(server, 100))
        elif parts.scheme in ("http", "https", "file", "") or "${" in url:
            continue  # the machine's own files, or an address that only the build knows
        elif server and not (server in own or _made(server)):
            found.add(plain(f"{parts.scheme}://{server}", 100))
    return sorted(found)
