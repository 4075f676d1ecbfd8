"""Files that pin the version of a runtime: .python-version, .nvmrc, .tool-versions, mise.toml, rust-toolchain and their kin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import cast

from . import parse
from .draft import Draft
from .text import safe
from .versions import satisfies

_ALIAS = {"nodejs": "node", "golang": "go", "python": "python", "rust": "rust", "ruby": "ruby", "java": "java", "php": "php",
          "node": "node", "go": "go", "bun": "bun", "deno": "deno", "elixir": "elixir", "erlang": "erlang", "dotnet": "dotnet"}  # fmt: skip


def _plain(runtime: str) -> Callable[[str], Iterator[tuple[str, str, str]]]:
    def read(text: str) -> Iterator[tuple[str, str, str]]:
        for line in text.splitlines():
            line = line.partition("#")[0].strip()
            if line:
                yield runtime, _clean(line), ""
                return

    return read


def _clean(version: str) -> str:
    version = re.sub(r"^(ruby|node|python|cpython|temurin|zulu|corretto|openjdk|adopt\w*)-", "", version.strip())
    return version[1:] if re.match(r"v\d", version) else version


def _tool_versions(text: str) -> Iterator[tuple[str, str, str]]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1 and words[0] in _ALIAS and words[1] != "system":
            yield _ALIAS[words[0]], _clean(words[1]), words[0]


def _mise(text: str) -> Iterator[tuple[str, str, str]]:
    for name, value in parse.table(parse.toml(text), "tools").items():
        several = cast(list[object], value) if isinstance(value, list) else [value]
        spec = parse.string(parse.table(several[0]).get("version")) or parse.string(several[0]) if several else ""
        if name in _ALIAS and spec:
            yield _ALIAS[name], _clean(spec), f"tools.{name}"


def _rust(text: str) -> Iterator[tuple[str, str, str]]:
    if "[toolchain]" in text:
        channel = parse.string(parse.table(parse.toml(text), "toolchain").get("channel"))
        if channel:
            yield "rust", channel, "toolchain.channel"
    elif text.strip():
        yield "rust", text.split()[0], ""


def _sdkman(text: str) -> Iterator[tuple[str, str, str]]:
    if found := re.search(r"^java=(\d[\d.]*)", text, re.MULTILINE):
        yield "java", found[1], "java"


READERS: dict[str, Callable[[str], Iterator[tuple[str, str, str]]]] = {
    ".python-version": _plain("python"),
    ".nvmrc": _plain("node"),
    ".node-version": _plain("node"),
    ".ruby-version": _plain("ruby"),
    ".java-version": _plain("java"),
    ".go-version": _plain("go"),
    ".bun-version": _plain("bun"),
    ".php-version": _plain("php"),
    ".tool-versions": _tool_versions,
    "mise.toml": _mise,
    ".mise.toml": _mise,
    "rust-toolchain": _rust,
    "rust-toolchain.toml": _rust,
    ".sdkmanrc": _sdkman,
}
"""By file name: (runtime, spec, key) that its text asks for. Adding a file is one line here."""


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
        own = path.rpartition("/")[0] == ("" if draft.root == "." else draft.root)
        if runtime not in used and not own:
            continue
        for other in draft.runtimes:
            if other.name == runtime and other.spec and _disagree(runtime, spec, other.spec):
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


def _disagree(runtime: str, pin: str, spec: str) -> bool:
    if not re.fullmatch(r"\d+(\.\d+)*", pin):
        return False
    missing = 3 - len(pin.split("."))
    newest, oldest = pin + ".999" * missing, pin + ".0" * missing
    return satisfies(runtime, spec, newest) is False and satisfies(runtime, spec, oldest) is False
