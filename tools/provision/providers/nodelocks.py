"""Which version of a direct dependency pnpm's, yarn's and bun's lockfiles fix."""

from __future__ import annotations

import re
from collections.abc import Mapping


def fixed(lock: str, content: str, direct: Mapping[str, str]) -> dict[str, str]:
    """The locked version by name, of those that the lockfile tells; ranges by name are given in `direct`."""
    if lock == "pnpm-lock.yaml":
        return _pnpm(content, direct)
    if lock == "yarn.lock":
        return _yarn(content, direct)
    return _bun(content, direct) if lock == "bun.lock" else {}


def _pnpm(content: str, direct: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, version in re.findall(
        r"^ +'?(@?[\w./~-]+)'?:\n +specifier: [^\n]*\n +version: '?([0-9][\w.+-]*)", content, re.MULTILINE
    ):
        if name in direct:
            found.setdefault(name, version)  # the root's importer stands first
    return found


def _yarn(content: str, direct: Mapping[str, str]) -> dict[str, str]:
    """Both of yarn 1, where a block is headed `a@^1, a@1.2:`, and of yarn 2 up, where that is quoted with `npm:`."""
    by_range: dict[str, str] = {}
    for head, version in re.findall(r'^("?[^\s#][^\n]*):\n  version:? "?([0-9][^"\s]*)', content, re.MULTILINE):
        for wanted in head.replace('"', "").split(", "):
            by_range[wanted.replace("@npm:", "@")] = version
    return {name: by_range[f"{name}@{spec}"] for name, spec in direct.items() if f"{name}@{spec}" in by_range}


def _bun(content: str, direct: Mapping[str, str]) -> dict[str, str]:
    found = re.findall(r'^    "(@?[\w./~-]+)": \["\1@([0-9][^"]*)"', content, re.MULTILINE)
    return {name: version for name, version in found if name in direct}
