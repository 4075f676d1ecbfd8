"""Files that pin the version of a runtime: .python-version, .nvmrc, .tool-versions, mise.toml, rust-toolchain and their kin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import cast

from . import parse
from .draft import Draft
from .hints import disagree
from .text import safe

_ALIAS = {"nodejs": "node", "golang": "go", "python": "python", "rust": "rust", "ruby": "ruby", "java": "java", "php": "php",
          "node": "node", "go": "go", "bun": "bun", "deno": "deno", "elixir": "elixir", "erlang": "erlang", "dotnet": "dotnet",
          "gleam": "gleam", "haskell": "haskell", "ghc": "haskell", "ocaml": "ocaml", "elm": "elm", "lua": "lua", "perl": "perl",
          "julia": "julia", "R": "r", "racket": "racket",
          "swift": "swift", "zig": "zig", "crystal": "crystal", "dart": "dart", "flutter": "flutter", "nim": "nim",
          "dotnet-core": "dotnet", "dotnet-sdk": "dotnet", "scala": "scala", "kotlin": "kotlin", "clojure": "clojure", "r": "r",
          "rlang": "r"}  # fmt: skip
_COMPANIONS = {"erlang": ("elixir", "gleam"), "java": ("scala", "clojure", "kotlin"), "dart": ("flutter",)}
"""Runtimes that a service needs because it needs one of the others."""


def _plain(runtime: str) -> Callable[[str], Iterator[tuple[str, str, str]]]:
    def read(text: str) -> Iterator[tuple[str, str, str]]:
        for line in text.splitlines():
            line = line.partition("#")[0].strip()
            if line:
                yield runtime, _clean(line), ""
                return

    return read


def _clean(version: str) -> str:
    version = re.sub(
        r"^(?:ruby|node|python|cpython|perl|ghc|ref:v?|prefix:|swift|zig)[-]?(?=v?\d)", "", version.strip()[:80]
    )
    return version[1:] if re.match(r"v\d", version) else version


def _java(version: str) -> str:
    """`21.0.2` of `temurin-21.0.2+13.0.LTS`, `openjdk64-21.0.2` and `21.0.2-tem`."""
    found = re.search(r"(?:^|-)(\d{1,3}(?:\.\d{1,4}){0,3})", version)
    return found[1] if found else version


def _pinned(runtime: str, version: str) -> str:
    """A version as its version manager's name for it says; what stands behind the first dash is the build."""
    if runtime == "java":
        return _java(version)
    version = _clean(version)
    if runtime in ("elixir", "flutter", "ocaml", "gleam", "erlang") and re.match(
        r"\d[\d.]{0,12}-(?:otp|stable|beta)", version
    ):
        return version.partition("-")[0]
    return version


def _tool_versions(text: str) -> Iterator[tuple[str, str, str]]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1 and words[0] in _ALIAS and words[1] != "system":
            name = _ALIAS[words[0]]
            yield name, _pinned(name, words[1]), words[0]


def _mise(text: str) -> Iterator[tuple[str, str, str]]:
    for name, value in parse.table(parse.toml(text), "tools").items():
        several = cast(list[object], value) if isinstance(value, list) else [value]
        spec = parse.string(parse.table(several[0]).get("version")) or parse.string(several[0]) if several else ""
        short = name.removeprefix("core:").removeprefix("asdf:")
        if short in _ALIAS and spec:
            yield _ALIAS[short], _pinned(_ALIAS[short], spec), f"tools.{name}"


def _rust(text: str) -> Iterator[tuple[str, str, str]]:
    if "[toolchain]" in text:
        channel = parse.string(parse.table(parse.toml(text), "toolchain").get("channel"))
        if channel:
            yield "rust", channel, "toolchain.channel"
    elif text.strip():
        yield "rust", text.split()[0], ""


def _sdkman(text: str) -> Iterator[tuple[str, str, str]]:
    for name, version in re.findall(r"^(java|scala|kotlin|clojure)[ \t]*=[ \t]*(\d[\d.]*)", text, re.MULTILINE):
        yield name, version, name


def _jenv(text: str) -> Iterator[tuple[str, str, str]]:
    for runtime, version, key in _plain("java")(text):
        yield runtime, _java(version), key


def _fvm(text: str) -> Iterator[tuple[str, str, str]]:
    if version := parse.string(parse.jsonc(text).get("flutter")):
        yield "flutter", _clean(version), "flutter"


READERS: dict[str, Callable[[str], Iterator[tuple[str, str, str]]]] = {
    ".python-version": _plain("python"),
    ".nvmrc": _plain("node"),
    ".node-version": _plain("node"),
    ".ruby-version": _plain("ruby"),
    ".java-version": _jenv,
    ".go-version": _plain("go"),
    ".bun-version": _plain("bun"),
    ".dvmrc": _plain("deno"),
    ".php-version": _plain("php"),
    ".perl-version": _plain("perl"),
    ".swift-version": _plain("swift"),
    ".crystal-version": _plain("crystal"),
    ".zig-version": _plain("zig"),
    ".zigversion": _plain("zig"),
    ".elixir-version": _plain("elixir"),
    ".exenv-version": _plain("elixir"),
    ".erlang-version": _plain("erlang"),
    ".dart-version": _plain("dart"),
    ".lua-version": _plain("lua"),
    ".R-version": _plain("r"),
    ".julia-version": _plain("julia"),
    ".nim-version": _plain("nim"),
    ".deno-version": _plain("deno"),
    ".fvmrc": _fvm,
    ".tool-versions": _tool_versions,
    "mise.toml": _mise,
    ".mise.toml": _mise,
    "mise/config.toml": _mise,
    ".mise/config.toml": _mise,
    ".config/mise.toml": _mise,
    ".config/mise/config.toml": _mise,
    "rust-toolchain": _rust,
    "rust-toolchain.toml": _rust,
    ".sdkmanrc": _sdkman,
}
"""By file name or path: (runtime, spec, key) that its text asks for. Adding a file is one line here."""
READS = tuple(name if "/" not in name else f"*{name}" for name in READERS)


def pins(draft: Draft) -> list[tuple[str, str, str, str]]:
    """(runtime, spec, path, key) that hold in the service's folder: the nearest file of each name counts."""
    parts = [] if draft.root == "." else draft.root.split("/")
    found: list[tuple[str, str, str, str]] = []
    for name, read in READERS.items():
        for depth in range(len(parts), -1, -1):
            path = "/".join([*parts[:depth], name])
            text = draft.tree.texts.get(path)
            if text is None:
                continue
            try:
                found += [(runtime, spec[:60], path, key) for runtime, spec, key in read(text)]
            except parse.Broken as error:
                draft.finding(f"{safe(path)} could not be read: {error}", path, rule="unreadable")
            break
    return found


def apply(draft: Draft, found: list[tuple[str, str, str, str]]) -> None:
    """Add the pins to a service that uses the runtime, and say where a pin disagrees with what a manifest asks for."""
    used = {wanted.name for wanted in draft.runtimes}
    for runtime, spec, path, key in found:
        own = draft.at(draft.inner(path)) == path
        if runtime not in used and not own and not used.intersection(_COMPANIONS.get(runtime, ())):
            continue
        for other in draft.runtimes:
            if other.name == runtime and other.spec and disagree(runtime, spec, other.spec):
                where = other.evidence[0]
                draft.finding(
                    f"{safe(path)} asks for {runtime} {safe(spec)}, but {where.path} asks for {other.spec}",
                    path,
                    key,
                    rule="contradiction",
                )
        draft.runtime(runtime, spec, path, key)
    # A wish for any version adds nothing beside one for a certain version.
    certain = {wanted.name for wanted in draft.runtimes if wanted.spec}
    draft.runtimes = [wanted for wanted in draft.runtimes if wanted.spec or wanted.name not in certain]
