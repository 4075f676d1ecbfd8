"""Java, Kotlin and Groovy: Maven and Gradle projects, and single files that need neither."""

from __future__ import annotations

from ..draft import Draft, words
from . import gradle, gradle_text, jvm_settings, maven
from .base import Detector
from .jvm import PATTERNS


def detect(draft: Draft) -> None:
    """Add what the build files say; of a folder without any, what a single source file does."""
    maven.detect(draft)
    gradle.detect(draft)
    if not draft.manifests and not draft.managers and draft.root == ".":
        _single(draft)


def _single(draft: Draft) -> None:
    """Java runs one source file without a build (JEP 330); with several in the root nobody knows which belong together."""
    mains = [hit.path for hit in draft.hits("jvm-main")]
    if not mains or any(
        draft.has(name) for name in ("build.xml", "build.sbt", "project.clj", "deps.edn", "BUILD.bazel")
    ):
        return
    draft.runtime("java", "", mains[0], "main")
    draft.role("job", 0.5)
    sources = [name for name in draft.beside if name.endswith(".java")]
    if sources == [mains[0]]:
        draft.command("start", f"java {words(mains[0])}", mains[0], "main", 0.7)


DETECTOR = Detector(
    name="java",
    manifests=("pom.xml", *gradle_text.BUILD, *gradle_text.SETTINGS),
    detect=detect,
    reads=(
        *jvm_settings.FILES,
        *jvm_settings.PROFILES,
        "config.yml",
        "gradle.properties",
        "gradle-daemon-jvm.properties",
        "libs.versions.toml",
        "*.gradle",
        "*.gradle.kts",
    ),
    lockfiles=("gradle.lockfile",),
    languages=("Java", "Kotlin", "Groovy"),
    patterns={".java": PATTERNS, ".kt": PATTERNS, ".groovy": PATTERNS},
)
