"""Which files of a project count: .gitignore as git reads it, and folders that hold other people's or made files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pathspec import GitIgnoreSpec

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

_STARS = re.compile(r"(?<!\*)\*(?!\*)")


class Rules:
    """The patterns of one .gitignore, with one combined expression in front: most names match none of them."""

    def __init__(self, base: str, lines: Sequence[str]) -> None:
        self.base = base
        self.dropped = [line for line in lines if _explosive(line)]
        self._spec = GitIgnoreSpec.from_lines([line for line in lines if line not in self.dropped], backend="simple")
        sources = [str(p.regex.pattern) for p in self._spec.patterns if p.regex is not None]  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # the library leaves its text type open
        parts = [source.replace("(?P<ps_d>", "(?:") for source in sources]
        self._any = re.compile("|".join(f"(?:{part})" for part in parts)) if parts else None

    def says(self, path: str) -> bool | None:
        """True ignored, False explicitly kept, None nothing said; a folder's path ends in `/`."""
        if self._any is None:
            return None
        inside = path[len(self.base) :]
        return self._spec.check_file(inside).include if self._any.match(inside) else None


def _explosive(line: str) -> bool:
    """Many stars in one path segment make the matcher backtrack for hours on a name chosen for it."""
    return line.count("**") > 4 or any(len(_STARS.findall(part)) > 3 for part in line.split("/"))


def ignored(path: str, chain: Sequence[Rules]) -> bool:
    """Whether git would ignore `path`: the deepest .gitignore that says something wins."""
    for rules in reversed(chain):
        verdict = rules.says(path)
        if verdict is not None:
            return verdict
    return False


def is_example(path: str) -> bool:
    """Whether a file or folder lies in tests, examples, docs or other people's code."""
    return any(part in EXAMPLES for part in path.lower().split("/"))


def is_copied(path: str) -> bool:
    """Whether a folder's manifest speaks of a project that is made from it, or is one for trying out, and not of this one."""
    return is_example(path) or any(word in path.lower() for word in COPIED)
