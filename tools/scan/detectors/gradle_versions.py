"""Which Java and which Kotlin a Gradle project asks for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from ..draft import Draft
from .gradle_text import MOST, Build

_NUMBER = r"(\d{1,2}(?:[._]\d+)?)"
_JAVA = (
    (r"JavaLanguageVersion\.of\(\s*([^)\n]{1,80})\)", "java.toolchain.languageVersion"),
    (r"\bjvmToolchain\(\s*([^)\n]{1,80})\)", "kotlin.jvmToolchain"),
    (r"\boptions\.release(?:\.set\(|[ \t]*=)[ \t]*([^)\n]{1,60})", "options.release"),
    (r"\bsourceCompatibility[ \t]*=?[ \t]*([^\n]{1,60})", "sourceCompatibility"),
    (r"\bjvmTarget(?:\.set\(|[ \t]*=)[ \t]*([^)\n]{1,60})", "jvmTarget"),
)
_ANDROID = {"7": "11", "8": "17", "9": "17"}
"""The JDK that runs the Android plugin, by its major version (developer.android.com/build/releases/gradle-plugin)."""


def versions(draft: Draft, build: Build) -> None:
    """Add what the build says: a toolchain before a level of the language, and of that the first."""
    for expression, key in _JAVA:
        for said in re.findall(expression, build.text)[:MOST]:
            if version := _number(draft, build, said):
                android = _android(build)
                if android and key in ("sourceCompatibility", "jvmTarget"):
                    draft.runtime("java", android[0], build.name, android[1])
                else:
                    draft.runtime("java", version, build.name, key)
                break
        else:
            continue
        break
    else:
        android = _android(build)
        # The JDK that runs Gradle itself, which is also the one that the program gets.
        daemon = f"{build.head}/gradle/gradle-daemon-jvm.properties".removeprefix("./")
        said = re.search(r"^toolchainVersion[ \t]*=[ \t]*(\d{1,2})\b", draft.tree.texts.get(daemon, ""), re.MULTILINE)
        if android or not said:
            draft.runtime("java", android[0] if android else "", build.name, android[1] if android else "")
        else:
            draft.runtime("java", said[1], f"/{daemon}", "toolchainVersion")
    for identity, version in build.plugins.items():
        if identity.startswith("org.jetbrains.kotlin.") and re.match(r"\d", version):
            draft.runtime("kotlin", version, build.name, identity)
            break


def is_android(plugins: Iterable[str]) -> bool:
    """Whether one of these plugins, or one that is called after it, is Android's."""
    return any(re.search(r"(^|\.)android\.", identity) for identity in plugins)


def _android(build: Build) -> tuple[str, str] | None:
    if not is_android(build.plugins):
        return None
    for identity, version in [*build.plugins.items(), *build.catalog.plugins.values()]:
        if identity.startswith("com.android.") and (java := _ANDROID.get(version.partition(".")[0])):
            return java, f"{identity} {version}"
    return None


def _number(draft: Draft, build: Build, said: str) -> str:
    """The version that an expression stands for, or nothing."""
    said = said.strip()
    if found := re.match(rf"[\"']?{_NUMBER}\b|JavaVersion\.VERSION_{_NUMBER}|JvmTarget\.JVM_{_NUMBER}", said):
        return next(group for group in found.groups() if group).replace("_", ".")
    if found := re.search(r"\blibs\.versions\.([\w.]{1,100}?)(?:\.get\(|$|\.asProvider)", said):
        return _digits(build.catalog.versions.get(found[1], ""))
    if found := re.search(rf"(?:toVersion|fromTarget)\([ \t]*[\"']?{_NUMBER}", said):
        return found[1]
    name = re.match(r"(?:project\.|ext\.|rootProject\.)?(?:property\([\"'])?([A-Za-z_]\w{1,60})", said)
    if not name:
        return ""
    given = re.search(rf"\b{name[1]}\b[ \t]*=[ \t]*(?:JavaVersion\.VERSION_)?[\"']?{_NUMBER}", build.text)
    for folder in (draft.root, build.head):
        path = posixpath.normpath(posixpath.join(folder, "gradle.properties"))
        given = given or re.search(rf"^{name[1]}[ \t]*=[ \t]*{_NUMBER}", draft.tree.texts.get(path, ""), re.MULTILINE)
    return given[1].replace("_", ".") if given else ""


def _digits(version: str) -> str:
    return version if re.fullmatch(r"\d+(\.\d+)*", version) else ""
