"""Java: Maven or Gradle, whichever builds a site, through its wrapper where there is one."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from urllib.parse import quote

from ...contract import Context
from ...errors import Failed, Unreachable, Usage
from ..index import get, without_user
from ..names import Named, plain
from ..part import Part, Site
from ..trust import by_person
from . import gradle, maven
from .central import central
from .pom import read
from .xmlfile import Unreadable, parse

_GRADLE = frozenset((*gradle.BUILDS, *gradle.SETTINGS))


class JavaProvider:
    """See Provider."""

    ecosystem = "java"
    alone = True
    """Maven's local repository is not safe for two runs at once."""

    def serves(self, site: Site) -> bool:
        """See Provider.serves."""
        return "pom.xml" in site.files or bool(site.files & _GRADLE)

    async def declared(self, site: Site, context: Context) -> frozenset[str]:
        """See Provider.declared."""
        if _tool(site) == "gradle":
            return gradle.named(await gradle.files(site, context))
        return frozenset(f"{one.group}:{one.artifact}" for one in (await read(site, context)).dependencies)

    async def project(self, site: Site, context: Context, runtime: str = "") -> Part:
        """See Provider.project."""
        tool = _tool(site)
        part = await (gradle if tool == "gradle" else maven).project(site, context, runtime)
        if "pom.xml" in site.files and site.files & _GRADLE and part.steps:
            other = "pom.xml is" if tool == "gradle" else "Gradle's files are"
            part.details.append(f"{other} in {site.rel} as well; {tool.capitalize()} is used")
        return part

    async def packages(self, site: Site, named: Sequence[Named], context: Context) -> Part:
        """See Provider.packages. No tool adds a dependency, so what to write where is said, once it is known to exist."""
        part, lines = Part(), list[str]()
        known = await self.declared(site, context)
        for item in named:
            if item.name in known and item.version in ("", "latest"):
                part.present.append(f"{item.name} is declared already")
                continue
            if item.version and not item.version[0].isalnum():
                raise Usage(f"{item}: a range is not taken here", f"Name one version, e.g. {item.name}@1.2.3.")
            if not by_person(item, context) and item.name not in known:
                raise Usage(
                    f"neither you nor a file of this project named {item.name}", "Name it yourself if it is meant."
                )
            lines.append(_snippet(site, item.name, await _exists(item, context)))
        if not lines:
            return part
        tool = _tool(site)
        where = "pom.xml, inside <dependencies>" if tool == "maven" else f"{_build(site)}, inside dependencies {{ }}"
        raise Usage(
            f"{tool.capitalize()} has no command that adds a dependency, and a build file is not rewritten here",
            f"Write into {where}:\n" + "\n".join(lines) + "\nThen: envsync provision",
            snippet="\n".join(lines),
        )


def _tool(site: Site) -> str:
    """`maven` or `gradle`: what the site has; with both the one with a wrapper, then the one that the scan found first."""
    if "pom.xml" not in site.files or not site.files & _GRADLE:
        return "maven" if "pom.xml" in site.files else "gradle"
    if ("mvnw" in site.files) != ("gradlew" in site.files):
        return "maven" if "mvnw" in site.files else "gradle"
    found = [fact.value for fact in site.service.managers if fact.value in ("maven", "gradle")]
    return found[0] if found else "maven"


def _build(site: Site) -> str:
    return next((name for name in gradle.BUILDS if name in site.files), "build.gradle")


def _snippet(site: Site, name: str, version: str) -> str:
    group, _, artifact = name.partition(":")
    if _tool(site) == "maven":
        return (
            f"<dependency>\n  <groupId>{group}</groupId>\n  <artifactId>{artifact}</artifactId>\n"
            f"  <version>{version}</version>\n</dependency>"
        )
    return (
        f'implementation("{name}:{version}")' if _build(site).endswith(".kts") else f"implementation '{name}:{version}'"
    )


async def _exists(item: Named, context: Context) -> str:
    """The version to write; raises Usage when the repository has no such artifact, Unreachable when it does not answer."""
    base, user = without_user(await central(context))
    group, _, artifact = item.name.partition(":")
    folder = posixpath.join(base, *map(quote, group.split(".")), quote(artifact))
    version = "" if item.version == "latest" else item.version
    address = (
        f"{folder}/{quote(version)}/{quote(artifact)}-{quote(version)}.pom"
        if version
        else f"{folder}/maven-metadata.xml"
    )
    answer = await get(context.host, address, user)
    if answer.code == 404:
        raise Usage(
            f"the Maven repository has no {plain(str(item))}",
            "Check group, artifact and version. A name that does not exist can be registered by anybody."
            if version else f"Name the version too, e.g. {item.name}@1.2.3, if you know that it is there.",
        )  # fmt: skip
    if answer.code != 200:
        why = plain(answer.body.decode("utf-8", "replace")) if answer.code == 0 else f"it answered {answer.code}"
        raise Unreachable(
            f"the Maven repository did not answer about {item.name}: {why}", "Check the network; then ask again."
        )
    if version:
        return version
    try:
        said = parse(answer.body.decode("utf-8", "replace"))
    except Unreadable as error:
        raise Failed(
            f"the Maven repository's list of {item.name} cannot be read: {error}", f"Name a version: {item.name}@1.2.3."
        ) from None
    newest = said.said("versioning/release") or said.said("versioning/latest")
    if not newest or not newest[0].isalnum():
        raise Usage(f"the Maven repository names no release of {item.name}", f"Name a version: {item.name}@1.2.3.")
    return plain(newest, 60)
