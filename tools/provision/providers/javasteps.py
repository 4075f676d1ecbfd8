"""The steps of the Java provider: run Maven or Gradle once online, see what an offline run uses, and keep that."""

from __future__ import annotations

import re

from pydantic import JsonValue

from ...contract import Context, Output, Progress
from ...plan import Step
from ..part import command, tail
from . import grown, mavenengine
from .pysteps import place, strings
from .toolchain import failure

ENV = {"LC_ALL": "C.UTF-8", "MAVEN_TERMINATE_CMD": "on"}
_SKIP = ("checkstyle", "spotless.check", "pmd", "cpd", "spotbugs", "findbugs", "rat", "license", "spring-javaformat", "jacoco",
         "fmt", "impsort", "ktlint", "detekt", "animal.sniffer", "revapi", "japicmp", "forbiddenapis")  # fmt: skip
"""Checks of the code, which have no say in whether its packages can be fetched; their plugins are fetched all the same."""
MAVEN = ("-B", "-fae", "-Dstyle.color=never", "-DskipTests", *(f"-D{name}.skip=true" for name in _SKIP), "test")
_UNCOMPILED = ("-Dmaven.main.skip=true", "-Dmaven.test.skip=true")
_COMPILER = re.compile(r"COMPILATION ERROR|Compilation failure|Fatal error compiling")
_ARTIFACT = re.compile(
    r"\[DEBUG\]\s+(?:Included: )?([\w.-]+):([\w.-]+):([\w.-]+)(?::([\w.-]+))??:([\w.+-]+)"
    r"(?::(?:compile|test|runtime|provided|system))?(?: \(.*\))?\s*"
)
_SUFFIX = {
    "test-jar": "jar",
    "maven-plugin": "jar",
    "bundle": "jar",
    "ejb": "jar",
    "eclipse-plugin": "jar",
    "java-source": "jar",
}


class Lines:
    """Cuts chunks of output into lines and hands each one on."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._rest = b""

    def add(self, stream: str, chunk: bytes) -> None:
        """`output` of Host.run."""
        if stream != "stdout":
            return
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self.line(line.decode("utf-8", "replace"))

    def line(self, line: str) -> None:
        """One line, without its end."""
        raise NotImplementedError


class Artifacts(Lines):
    """The files of the local repository that `mvn -X` says it uses."""

    def __init__(self, repository: str, own: list[str]) -> None:
        super().__init__()
        self._repository, self._own = repository, frozenset(own)
        self.engine: set[mavenengine.Artifact] = set()
        """Those that decide by which engine tests are run."""

    def line(self, line: str) -> None:
        """See Lines.line."""
        match = _ARTIFACT.fullmatch(line)
        if match is None or f"{match[1]}:{match[2]}" in self._own:
            return
        group, artifact, kind, classifier, version = match.groups()
        if any(".." in part for part in match.groups("")):
            return
        if kind == "jar" and mavenengine.concerned(group, artifact):
            self.engine.add((group, artifact, version))
        behind = f"-{classifier}" if classifier else "-tests" if kind == "test-jar" else ""
        folder = f"{self._repository}/{group.replace('.', '/')}/{artifact}/{version}"
        self.found.add(f"{folder}/{artifact}-{version}{behind}.{_SUFFIX.get(kind, kind)}")


class Maven:
    """`maven`: root, program, repository, key, own (`group:artifact` of the modules). Covered; see grown for the repository."""

    name = "maven"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        root, repository = place(step, "root", context), str(step.args["repository"])
        start = [*strings(step.args["program"]), f"-Dmaven.repo.local={repository}"]
        argv, compiles = [*start, *MAVEN], True
        done = await command(context, argv, step.does, cwd=root, env=ENV)
        if done.code != 0 and _COMPILER.search(done.text):
            # The project's own code is at fault; what it needs can be fetched all the same.
            compiles = False
            argv[-1:-1] = _UNCOMPILED
            done = await command(context, argv, step.does, cwd=root, env=ENV)
        if done.code != 0:
            raise failure("Maven", _errors(done.text) or tail(done), _hint(done.text))
        context.report(Progress("see that an offline build has all it needs"))
        seen = Artifacts(repository, strings(step.args.get("own", [])))
        again = [*argv[:-1], "-o", "-X", argv[-1]]
        offline = await context.host.run(again, cwd=root, env=ENV, timeout=1800, output=seen.add)
        engine = await mavenengine.fetch(seen.engine, start, root, context)
        for well, what in ((offline.code == 0, "a build"), (engine, "a test run")):
            if not well:
                context.report(Output(f"{what} may still need the network: its offline trial failed\n"))
        came = await grown.finished(str(step.args["key"]), sorted(seen.found), context)
        return {
            "code": 0, "seconds": round(done.seconds, 1), "files": came, "offline": offline.code == 0, "tests": engine,
            "compiles": compiles,
        }  # fmt: skip

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return await grown.complete(str(step.args["key"]), context) is not None


def _errors(said: str) -> str:
    """Maven's own [ERROR] lines without the advice that follows them."""
    lines = [line.removeprefix("[ERROR]").strip() for line in said.splitlines() if line.startswith("[ERROR]")]
    kept = [
        line
        for line in lines
        if line and not line.startswith(("To see the full", "Re-run Maven", "For more information", "[Help"))
    ]
    # A long line has what it was about at its begin and why at its end.
    return "\n".join(line if len(line) < 600 else f"{line[:250]} … {line[-300:]}" for line in kept[:6])


def _hint(said: str) -> str:
    if "Could not find artifact" in said or "was not found in" in said:
        return "No repository has that package: correct it in pom.xml, then ask again."
    return ""
