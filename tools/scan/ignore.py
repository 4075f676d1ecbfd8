"""Which files of a project count: .gitignore as git reads it, and folders that hold other people's or made files."""

from __future__ import annotations

import re
from collections.abc import Set
from functools import lru_cache

from ..trees.ignore import Rules as Rules
from ..trees.ignore import ignored as ignored
from ..trees.ignore import meaning as meaning

MADE = frozenset({
    ".git", ".hg", ".svn", ".jj", "node_modules", "bower_components", "jspm_packages", "__pycache__",
    "__pypackages__", "site-packages", ".tox", ".nox", ".eggs", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ".hypothesis", ".ipynb_checkpoints", ".cache", ".next", ".nuxt", ".output", ".svelte-kit", ".astro", ".turbo",
    ".parcel-cache", ".angular", ".vercel", ".netlify", ".gradle", ".terraform", ".bundle", ".idea", ".dart_tool",
    "_build", "deps.cache", "elm-stuff", "dist", "build", "Pods", "DerivedData", ".build", "coverage", "htmlcov",
    ".nyc_output", ".yarn", "zig-cache", ".zig-cache",
    ".bloop", ".metals", ".bsp", ".cpcache", ".shadow-cljs", ".clj-kondo", ".kotlin", ".vs", "TestResults",
    ".stack-work", "dist-newstyle", "_opam", ".elixir_ls", ".luarocks",
    "zig-out", "zig-pkg", "nimcache", "nimbledeps", ".swiftpm", "Carthage", "CMakeFiles", "cmake-build-debug", "cmake-build-release",
    "vcpkg_installed", "builddir", "_deps",
})  # fmt: skip
"""Folders that are never walked: made by tools, or copies of dependencies."""

MADE_BESIDE = {
    "target": ("Cargo.toml", "pom.xml", "build.sbt", "project.clj"),
    "vendor": ("go.mod", "composer.json", "Gemfile"),
    "bin": (".csproj", ".fsproj", ".vbproj"),
    "obj": (".csproj", ".fsproj", ".vbproj"),
    "out": ("build.gradle", "build.gradle.kts", "build.sc", "build.mill"),
    "deps": ("mix.exs", "erlang.mk"),
    "_checkouts": ("rebar.config",),
    "local": ("cpanfile",),
    "blib": ("Makefile.PL", "Build.PL"),
    "compiled": (".rkt",),
    "lua_modules": (".rockspec",),
    "renv": ("renv.lock",),
    "lib": ("shard.yml",),
}
"""Folders that are made only when one of these lies beside them; `bin` is real source elsewhere."""


class Chain:
    """The .gitignore files that speak of a folder, with one quick look for all of its names together."""

    MERGED = 500
    """Patterns that are looked for together. Beyond that each folder's own would be a copy of all those above."""

    def __init__(self, rules: tuple[Rules, ...] = (), own: tuple[Rules, ...] = (), above: Chain | None = None) -> None:
        self.rules, self._own, self._above = rules, own, above
        self._names = frozenset[str]().union(*(each.names for each in own))
        self._endings = tuple({ending: None for each in own for ending in each.endings})
        self._places = [
            (each.base + head, len(each.base), exact, found) for each in own for head, exact, found in each.places
        ]

    def extended(self, rules: Rules) -> Chain:
        """With one more, of a folder further down."""
        size = sum(len(each.names) + len(each.endings) + len(each.places) for each in (*self._own, rules))
        if size <= self.MERGED:
            return Chain((*self.rules, rules), (*self._own, rules), self._above)
        return Chain((*self.rules, rules), (rules,), self)

    def suspects(self, prefix: str, names: Set[str]) -> set[str]:
        """Those names in the folder `prefix` (`""` or with a `/` at the end) of which any of the files may speak."""
        found = self._above.suspects(prefix, names) if self._above is not None else set[str]()
        found.update(self._names.intersection(names))
        if self._endings:
            endings = self._endings
            found.update([name for name in names if name.endswith(endings)])
        for folder, skip, exact, expression in self._places:
            if prefix == folder or (not exact and prefix.startswith(folder)):
                inside, match = prefix[skip:], expression.match
                found.update([name for name in names if match(inside + name) or match(f"{inside}{name}/")])
        return found

    def ignores(self, path: str, name: str) -> bool:
        """Whether git would ignore it; a folder's path ends in `/`, its name does not."""
        return ignored(path, name, self.rules)


EXAMPLES = frozenset({
    "test", "tests", "t", "spec", "specs", "__tests__", "e2e", "testdata", "test-data", "testing", "fixtures", "fixture",
    "__fixtures__", "__mocks__", "mocks", "example", "examples", "examplesite", "sample", "samples", "demo", "demos", "doc",
    "docs", "docs_src", "benchmark", "benchmarks", "bench", "vendor", "third_party", "third-party", "thirdparty", "external",
    "extern", "playground", "playgrounds", "g8", "cypress", "generated", "__generated__", "vendored", "_vendor", "3rdparty", "fuzz", "benches",
    "dev-resources", "integration-tests", "integration_tests", "integrationtests", "e2e-tests", "tutorials", "duniverse",
})  # fmt: skip
"""Folders whose manifests make no service and whose source says nothing about what the project needs."""

_TESTED = (
    "-e2e",
    ".tests",
    ".test",
    ".unittests",
    ".integrationtests",
    ".functionaltests",
    "_tests",
    "-tests",
    ".specs",
    ".benchmarks",
)
"""Endings of folders' names that say the same."""

COPIED = re.compile(
    r"(?:^|/)(?:(?:template|skeleton|scaffold)s?(?:[-_][^/]{0,80})?|[^/]{0,80}[-_](?:template|skeleton|scaffold)|snapshots"
    r"|[^/]{0,80}(?:cookiecutter|boilerplate)[^/]{0,80})(?:/|$)"
)
"""Folders whose manifests belong to projects that are made from them; `email-templates` is a part of this one."""


_TEST_FILES = ("_test.go", "_test.exs", ".test.ts", ".test.js", ".test.tsx", ".spec.ts", ".spec.js")
"""Tests that lie beside what they test."""
_TRIED_ENDS = (*_TEST_FILES, *_TESTED)
_TRIED_HEADS = ("test_", "test-")
_PACKAGED = re.compile(r"((?:^|/)src/\w{0,40}main/(?:java|kotlin|scala|groovy|clojure))/.*")
"""Below it folders are a package's name, which is often com.example.demo."""


def is_example(path: str) -> bool:
    """Whether a file or folder lies in tests, examples, docs or other people's code."""
    folder, slash, name = path.rpartition("/")
    return is_example_name(name) or (slash != "" and is_example_folder(folder))


def is_example_name(name: str) -> bool:
    """The same by the name alone."""
    lower = name.lower()
    return lower.endswith(_TRIED_ENDS) or lower in EXAMPLES or (lower.startswith(_TRIED_HEADS) and "." not in lower)


@lru_cache(100_000)
def is_example_folder(folder: str) -> bool:
    """The same of all that lies in a folder: asked for each of its files, and for each detector."""
    return any(_tried(part) for part in _PACKAGED.sub(r"\1", f"{folder.lower()}/").rstrip("/").split("/"))


def _tried(part: str) -> bool:
    return part in EXAMPLES or part.endswith(_TESTED) or (part.startswith(_TRIED_HEADS) and "." not in part)


def is_copied(path: str) -> bool:
    """Whether a folder's manifest speaks of a project that is made from it, or is one for trying out, and not of this one."""
    return is_example(path) or COPIED.search(path.lower()) is not None
