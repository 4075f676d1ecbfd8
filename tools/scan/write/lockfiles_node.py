"""The lockfiles of npm, pnpm, Yarn and Bun."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import cast

from .. import parse

Found = Iterable[tuple[str, str, bool]]
"""Name, version, and whether it is for development only."""
_YARN = re.compile(
    r'^"?((?:@[\w.-]+/)?[\w.-]+)@[^\n]*:[ \t]*\n(?:[ \t]+[^\n]*\n)??[ \t]+"?version"?:?[ \t]+"?([\w.+-]+)"?',
    re.MULTILINE,
)
_PNPM = re.compile(r"/?((?:@[\w.-]+/)?[\w.-]+)[@/](\d[\w.+-]*)")


def npm(text: str) -> Found:
    """package-lock.json of every version: `packages` by path, or nested `dependencies`."""
    document = parse.jsonc(text)
    packages = parse.table(document, "packages")
    if not packages:
        yield from _nested(parse.table(document, "dependencies"), 0)
    for path, value in packages.items():
        row = parse.table(value)
        if (not path.startswith("node_modules/") and "/node_modules/" not in path) or row.get("link"):
            continue  # the project itself and its workspaces
        name = parse.string(row.get("name")) or path.rpartition("node_modules/")[2]
        yield name, parse.string(row.get("version")), bool(row.get("dev"))


def _nested(dependencies: dict[str, object], depth: int) -> Found:
    for name, value in dependencies.items():
        row = parse.table(value)
        yield name, parse.string(row.get("version")), bool(row.get("dev"))
        if depth < 50:
            yield from _nested(parse.table(row, "dependencies"), depth + 1)


def pnpm(text: str) -> Found:
    """pnpm-lock.yaml since version 5: keys are `/name/1.0.0`, `/name@1.0.0(peer@2)` or `name@1.0.0`."""
    for key, value in parse.table(parse.yaml(text), "packages").items():
        found = _PNPM.match(str(key).partition("(")[0])
        if found:
            yield found[1], found[2].partition("_")[0], parse.table(value).get("dev") is True


def yarn(text: str) -> Found:
    """yarn.lock of Yarn 1 and of the later ones, whose own packages have version `0.0.0-use.local`."""
    for name, version in _YARN.findall(text):
        if "use.local" not in version:
            yield name, version, False


def bun(text: str) -> Found:
    """bun.lock: each package is a list that begins with `name@version`."""
    for value in parse.table(parse.jsonc(text), "packages").values():
        row = cast(list[object], value) if isinstance(value, list) else []
        name, _, version = parse.string(row[0]).rpartition("@") if row else ("", "", "")
        if re.fullmatch(r"\d[\w.+-]*", version):
            yield name, version, False
