"""The step of the Gradle part: an init script of ours makes Gradle resolve every configuration, without building anything."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...plan import Step
from .. import defaults
from ..names import plain
from ..part import command, tail
from . import grown
from .javasteps import Lines
from .pysteps import place, strings
from .toolchain import failure

INIT = """\
// Made by EnvSync: resolves what the project declares and says which files that gave. It builds nothing.
def why = { Throwable error ->
    def deepest = error
    for (int i = 0; i < 20 && deepest.cause != null; i++) deepest = deepest.cause
    (deepest.is(error) ? "${error.message}" : "${error.message} (${deepest.message})").replaceAll(/\\s+/, ' ')
}
allprojects {
    task envsyncResolve {
        doLast {
            def seen = new TreeSet()
            def lacks = new TreeSet()
            [project.buildscript.configurations, project.configurations].each { all ->
                new ArrayList(all.toList()).each { c ->
                    if (c.canBeResolved) {
                        try {
                            def found = c.incoming.artifactView { lenient(true) }.artifacts
                            found.artifactFiles.files.each { seen << it.absolutePath }
                            def told = c.name ==~ /(?i).*classpath|annotationProcessor.*|classpath/
                            found.failures.each { if (told) lacks << why(it) }
                        } catch (Exception e) {
                            lacks << "?${c.name}: ${why(e)}"
                        }
                    }
                }
            }
            seen.each { println "envsync-file: ${it}" }
            lacks.each { println "envsync-lacks: ${it}" }
        }
    }
}
"""
_OPTIONS = (
    "--no-daemon", "--console=plain", "-q", "-Dorg.gradle.configuration-cache=false", "-Dorg.gradle.unsafe.configuration-cache=false",
)  # fmt: skip


class Resolved(Lines):
    """What the init script printed."""

    def __init__(self) -> None:
        super().__init__()
        self.lacks: list[str] = []

    def line(self, line: str) -> None:
        """See Lines.line."""
        kind, colon, value = line.partition(": ")
        if colon and kind == "envsync-file" and "/files-2.1/" in value:
            self.found.add(value)
        elif colon and kind == "envsync-lacks":
            self.lacks.append(plain(value, 300))


class Gradle:
    """`gradle`: root, program, home (Gradle's own folder), key. Covered; see grown for what comes into that folder."""

    name = "gradle"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        root, key = place(step, "root", context), str(step.args["key"])
        folder = await defaults.scratch(context.host)
        try:
            script = folder / "envsync.gradle"
            await context.host.write(script, INIT.encode())
            argv = [*strings(step.args["program"]), *_OPTIONS, "--gradle-user-home", str(step.args["home"])]
            argv += ["--init-script", str(script), "envsyncResolve"]
            done = await command(context, argv, step.does, cwd=root, env={"LC_ALL": "C.UTF-8"})
        finally:
            await defaults.away(context.host, folder)
        if done.code != 0:
            raise failure("Gradle", _wrong(done.error) or tail(done))
        seen = Resolved()
        seen.add("stdout", done.stdout + b"\n")
        lacks = [line for line in seen.lacks if not line.startswith("?")]
        if lacks:
            raise failure("Gradle", "\n".join(lacks[:6]), "Correct it in the build script, then ask again.")
        came = await grown.finished(key, sorted(seen.found), context)
        return {"code": 0, "seconds": round(done.seconds, 1), "files": came, "unresolved": len(seen.lacks) - len(lacks)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return await grown.complete(str(step.args["key"]), context) is not None


def _wrong(said: str) -> str:
    """What Gradle says went wrong, without its advice."""
    found = re.search(r"\* What went wrong:\n(.*?)(?:\n\n|\n\* |\Z)", said, re.DOTALL)
    return "\n".join(line[:400] for line in found[1].splitlines()[:8]) if found else ""


def home_of(variable: str, home: Path) -> Path:
    """Gradle's own folder: what GRADLE_USER_HOME says, else below the home."""
    return Path(variable) if variable else home / ".gradle"
