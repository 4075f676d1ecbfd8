"""Gradle: what every configuration of every project needs comes into Gradle's own folder by a run that only resolves."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Unreachable, Usage
from ...hosts.here import variables
from ...plan import Step
from ..index import text
from ..names import plain
from ..part import Part, Site, counted, digest
from . import grown, jvm, wrapper
from .gathered import SKIP, gather
from .gradlesteps import home_of

SETTINGS = ("settings.gradle", "settings.gradle.kts")
_OLD = (
    "Debian's Gradle is 4.4.1: a build script for a newer one does not run with it; a wrapper (gradlew) brings its own"
)
BUILDS = ("build.gradle", "build.gradle.kts")
_FILES = ["*.gradle", "*.gradle.kts", "gradle.properties", "*.versions.toml", "gradle.lockfile", "buildsrc/*.kt", "buildsrc/*.groovy",
          "buildsrc/*.java"]  # fmt: skip
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'])//[^\n]*", re.DOTALL)
_ADDRESS = re.compile(
    r"""\b(?:url|setUrl|artifactUrls|from|maven|ivy)\b\s*[=:(]?\s*\(?\s*(?:url\s*[=:]\s*)?(?:uri|URI\.create)?\s*\(?\s*"""
    r"""["']((?:https?|s3|gcs|sftp)://[^"'\s]+)["']""",
    re.IGNORECASE,
)
_SCRIPT = re.compile(r"""\bapply\s*\(?\s*\{?\s*from\s*[:=(]\s*(?:uri\s*\()?\s*["'](https?://[^"'\s]+)["']""")
_NAMED = re.compile(
    r"""["']([A-Za-z][\w.-]{0,120}:[A-Za-z][\w.-]{0,120})(?::[^"'\s:]{1,80})?(?::[\w.-]+)?(?:@\w+)?["']"""
)
_GROUPED = re.compile(r"""\bgroup\s*[:=]\s*["']([\w.-]+)["']\s*,\s*name\s*[:=]\s*["']([\w.-]+)["']""")


async def files(site: Site, context: Context) -> dict[str, str]:
    """The build's own files by relative path."""
    return await context.host.call(gather, str(site.root), _FILES, sorted(SKIP | {"src"} - {"bin"}))


def named(texts: dict[str, str]) -> frozenset[str]:
    """`group:artifact` of what the files name."""
    content = "\n".join(_COMMENT.sub("", content) for content in texts.values())
    return frozenset(_NAMED.findall(content)) | {f"{group}:{name}" for group, name in _GROUPED.findall(content)}


async def build_of(site: Site, context: Context) -> str:
    """The folder of the build that this site is a part of, relative to the project; empty when it is its own.

    As Gradle finds it: the nearest settings file upwards. Raises Failed when that lies above the project.
    """
    if site.files & set(SETTINGS):
        return ""
    rel = PurePosixPath(site.rel)
    for above in rel.parents if site.rel != "." else ():
        if await _has_settings(context.path / above, context):
            return str(above)
    for folder in context.path.parents:
        if await _has_settings(folder, context):
            raise Failed(
                f"it is a part of the Gradle build in {folder}, which lies above the project, where nothing could be taken back",
                f"Ask there: envsync -C {folder} provision.",
            )
    return ""


async def _has_settings(folder: Path, context: Context) -> bool:
    return any([await context.host.stat(folder / name) is not None for name in SETTINGS])


async def project(site: Site, context: Context, runtime: str) -> Part:
    """What brings all that the build's configurations need into Gradle's folder. Says in `warnings` what cannot be done."""
    part = Part()
    label = site.label(next((name for name in (*BUILDS, *SETTINGS) if name in site.files), "build.gradle"))
    try:
        above = await build_of(site, context)
        if above:
            part.present.append(
                f"{site.rel} is a part of the build in {above if above != '.' else 'the project'}, which provides for it"
            )
            return part
        texts = await files(site, context)
        part.basis += [f"{site.label(name)}:{digest(content)}" for name, content in sorted(texts.items())]
        if not await jvm.ready(site, context, part, runtime):
            return part
        home = await jvm.home(context)
    except (Failed, Usage, Unreachable) as error:
        part.warnings.append(f"{label}: cannot provide for it here, because {error.what}; {error.hint}")
        return part
    given = (await variables(context.host, context.environ, ("GRADLE_USER_HOME",))).get("GRADLE_USER_HOME", "")
    where = home_of(given, home)
    shown = jvm.shown_path(where, context, home)
    used = await wrapper.look("gradle", site, context, home, part)
    key = grown.key("gradle", site, [*part.basis, *map(str, (used.files if used else {}).items())], context)
    there = await grown.complete(key, context)
    if there is not None and (used is None or used.there):
        part.present.append(f"{counted(len(there), 'file')} of {label} in {shown}")
        return part
    program = await wrapper.program("gradle", label, used, context, part, _OLD)
    if not program:
        return part
    own = await _own(where, home, context)
    size = await wrapper.tell(used, site, context, own, part) if used else None
    _strangers(label, texts, own, part)
    listed = sorted(named(texts))
    part.details += [f"{label} names {one}" for one in listed[:60]]
    part.details.append("all configurations are resolved; nothing is compiled and no test is run")
    part.warnings.append(
        f"{label} and the scripts beside it are programs, and Gradle runs them (and the plugins that they name) for this"
    )
    args: dict[str, JsonValue] = {"root": site.rel, "program": list[JsonValue](program), "home": str(where), "key": key}
    main = Step(
        kind="gradle",
        does=f"fetch what {label} needs into {shown} with {program[-1].removeprefix('./')}",
        args=args,
        covered=True,
        seconds=20.0,
        download=size or None,
    )
    roots = [str(where / "caches/modules-2/files-2.1"), *([str(used.dists)] if used else [])]
    part.steps += grown.steps(key, roots, shown, main)
    return part


async def _own(where: Path, home: Path, context: Context) -> set[str]:
    """Servers that the user's own init scripts and Maven settings name."""
    found, _ = jvm.mirrors(await jvm.settings(context, home))
    scripts = [where / "init.gradle", where / "init.gradle.kts"]
    folder = await context.host.stat(where / "init.d")
    scripts += (
        [entry.path for entry in await context.host.list(folder.path)] if folder and folder.kind == "directory" else []
    )
    for script in scripts:
        content = await text(context.host, script, 1024 * 1024)
        found |= set(jvm.foreign(_ADDRESS.findall(_COMMENT.sub("", content)), set()))
    return found


def _strangers(label: str, texts: dict[str, str], own: set[str], part: Part) -> None:
    """Servers and remote scripts that the build's files name."""
    content = "\n".join(
        _COMMENT.sub("", one) for name, one in sorted(texts.items()) if not name.endswith((".toml", ".lockfile"))
    )
    scripts = jvm.foreign(_SCRIPT.findall(content), own) if _SCRIPT.search(content) else []
    strange = [one for one in jvm.foreign(_ADDRESS.findall(content), own) if one not in scripts]
    if strange:
        part.reasons.append(f"{label} takes packages from {', '.join(strange)}, which your own settings do not name")
    if scripts:
        part.reasons.append(f"{label} runs a script that it fetches from {', '.join(map(plain, scripts))}")
