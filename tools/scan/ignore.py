"""Which files of a project count: .gitignore as git reads it, and folders that hold other people's or made files."""

from __future__ import annotations

from ..trees.ignore import Rules as Rules
from ..trees.ignore import ignored as ignored

MADE = frozenset({
    ".git", ".hg", ".svn", ".jj", "node_modules", "bower_components", "jspm_packages", "__pycache__",
    "__pypackages__", "site-packages", ".tox", ".nox", ".eggs", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ".hypothesis", ".ipynb_checkpoints", ".cache", ".next", ".nuxt", ".output", ".svelte-kit", ".astro", ".turbo",
    ".parcel-cache", ".angular", ".vercel", ".netlify", ".gradle", ".terraform", ".bundle", ".idea", ".dart_tool",
    "_build", "deps.cache", "elm-stuff", "dist", "build", "Pods", "DerivedData", ".build", "coverage", "htmlcov",
    ".nyc_output", "zig-cache", ".zig-cache",
})  # fmt: skip
"""Folders that are never walked: made by tools, or copies of dependencies."""

MADE_BESIDE = {
    "target": ("Cargo.toml", "pom.xml", "build.sbt", "project.clj"),
    "vendor": ("go.mod", "composer.json", "Gemfile"),
    "bin": (".csproj",),
    "obj": (".csproj",),
    "out": ("build.gradle", "build.gradle.kts"),
}
"""Folders that are made only when one of these lies beside them; `bin` is real source elsewhere."""

EXAMPLES = frozenset({
    "test", "tests", "t", "spec", "specs", "__tests__", "e2e", "testdata", "test-data", "testing", "fixtures", "fixture",
    "__fixtures__", "__mocks__", "mocks", "example", "examples", "sample", "samples", "demo", "demos", "doc",
    "docs", "docs_src", "benchmark", "benchmarks", "bench", "vendor", "third_party", "third-party", "thirdparty", "external",
    "extern", "playground", "playgrounds", "cypress",
})  # fmt: skip
"""Folders whose manifests make no service and whose source says nothing about what the project needs."""

COPIED = ("template", "boilerplate", "skeleton", "scaffold", "cookiecutter", "snapshots")
"""Parts of names of folders whose manifests belong to projects that are made from them."""


def is_example(path: str) -> bool:
    """Whether a file or folder lies in tests, examples, docs or other people's code."""
    return any(part in EXAMPLES for part in path.lower().split("/"))


def is_copied(path: str) -> bool:
    """Whether a folder's manifest speaks of a project that is made from it, or is one for trying out, and not of this one."""
    return is_example(path) or any(word in path.lower() for word in COPIED)
