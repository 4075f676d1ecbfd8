"""Maven's surefire chooses the engine that runs tests when it first runs one: so that an offline `mvn test` finds it, one
empty test of ours is run with the versions that the project uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...contract import Context
from .. import defaults

_GROUPS = frozenset({"junit", "org.testng", "org.junit.jupiter", "org.junit.vintage", "org.junit.platform"})
_PLUGINS = frozenset({"maven-surefire-plugin", "maven-compiler-plugin", "maven-resources-plugin"})
_TESTS = {
    "org.junit.jupiter:junit-jupiter-api": "org.junit.jupiter.api.Test",
    "junit:junit": "org.junit.Test",
    "org.testng:testng": "org.testng.annotations.Test",
}
"""The annotation of a test by the artifact that has it, in the order in which surefire prefers them."""

Artifact = tuple[str, str, str]
"""Group, artifact, version."""


def concerned(group: str, artifact: str) -> bool:
    """Whether this artifact has a say in which engine it is."""
    return group in _GROUPS or (group == "org.apache.maven.plugins" and artifact in _PLUGINS)


def project(seen: Sequence[Artifact]) -> tuple[str, str] | None:
    """A pom and a test class with the project's own versions; None when it has no tests that surefire would run."""
    named = {f"{group}:{artifact}" for group, artifact, _ in seen}
    annotation = next((test for name, test in _TESTS.items() if name in named), "")
    if not annotation or "org.apache.maven.plugins:maven-surefire-plugin" not in named:
        return None
    plugins = "".join(_element("plugin", one) for one in seen if one[0] == "org.apache.maven.plugins")
    needs = "".join(_element("dependency", one, "<scope>test</scope>") for one in seen if one[0] in _GROUPS)
    pom = (
        "<project><modelVersion>4.0.0</modelVersion><groupId>envsync</groupId><artifactId>engine</artifactId><version>1</version>"
        "<properties><maven.compiler.source>8</maven.compiler.source><maven.compiler.target>8</maven.compiler.target>"
        "<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>"
        f"<build><plugins>{plugins}</plugins></build><dependencies>{needs}</dependencies></project>"
    )
    return pom, f"public class EngineTest {{ @{annotation} public void runs() {{ }} }}\n"


def _element(tag: str, artifact: Artifact, more: str = "") -> str:
    """The parts of an artifact need no escaping: they are letters, digits, and . - + as they were read."""
    inner = "".join(
        f"<{name}>{value}</{name}>" for name, value in zip(("groupId", "artifactId", "version"), artifact, strict=True)
    )
    return f"<{tag}>{inner}{more}</{tag}>"


async def fetch(seen: set[Artifact], argv: Sequence[str], root: Path, context: Context) -> bool:
    """Have the engine fetched; False when that did not succeed: then the first test run needs the network."""
    newest = {(group, artifact): version for group, artifact, version in sorted(seen)}
    made = project([(group, artifact, version) for (group, artifact), version in newest.items()])
    if made is None:
        return True
    folder = await defaults.scratch(context.host)
    try:
        await context.host.write(folder / "pom.xml", made[0].encode())
        await context.host.write(folder / "src/test/java/EngineTest.java", made[1].encode())
        words = [*argv, "-B", "-q", "-Dstyle.color=never", "-f", str(folder / "pom.xml"), "test"]
        return (await context.host.run(words, cwd=root, timeout=600)).code == 0
    finally:
        await defaults.away(context.host, folder)
