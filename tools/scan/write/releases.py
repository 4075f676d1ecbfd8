"""Which release of a runtime a project gets: of what it asks for, the line that people would choose."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...fingerprint import Wanted
from ..versions import satisfies

LINES: dict[str, tuple[str, ...]] = {
    "python": ("3.13", "3.14", "3.12", "3.11", "3.10", "3.9", "3.8"),
    "node": ("24", "22", "20", "18", "16", "14", "25", "23", "21", "19"),
    "java": ("21", "25", "17", "11", "8"),
    "ruby": ("3.4", "3.3", "3.2", "3.1", "3.0", "2.7"),
    "php": ("8.4", "8.3", "8.2", "8.1", "8.0", "7.4"),
    "dotnet": ("10.0", "9.0", "8.0"),
    "elixir": ("1.18", "1.17", "1.16", "1.15", "1.14"),
    "go": ("1.25", "1.24", "1.23", "1.22", "1.21"),
    "deno": ("2", "1"),
    "bun": ("1",),
    "rust": ("1",),
}
"""Lines that have images, the one to choose first when several fit; from each maker's own list of releases, autumn 2025."""
CODENAMES = {"argon": "4", "boron": "6", "carbon": "8", "dubnium": "10", "erbium": "12", "fermium": "14", "gallium": "16",
             "hydrogen": "18", "iron": "20", "jod": "22", "krypton": "24"}  # fmt: skip
"""Node's long-term lines by name."""
_EXACT = re.compile(r"(?:==|=|v|python-|ruby-|node-|go|net|netcoreapp)?(\d{1,4}(?:\.\d{1,4}){0,2})(?:\.[*xX])*")
_NUMBER = re.compile(r"(?<![<\d.])(?<!<=)(?<!!=)\d{1,4}(?:\.\d{1,4}){0,2}")


def release(name: str, wanted: Sequence[Wanted]) -> str:
    """The version of runtime `name` for these wishes, as precise as they are: `3.12`, `20`, `1.22.5`; empty when nothing is known.

    A version that is pinned wins when it meets all other wishes; otherwise the preferred line that meets them.
    """
    wishes = [wish for wish in wanted if wish.name == name]
    # What only a CI file names is a hint: it decides when nothing else does.
    wishes = [wish for wish in wishes if wish.firm] or wishes
    specs = [_plain(name, wish.spec) for wish in wishes]
    pinned = [found for wish, spec in zip(wishes, specs, strict=True) if (found := _pinned(name, wish, spec))]
    ordered = sorted(pinned, key=lambda version: -version.count("."))
    for version in ordered:
        if all(_meets(name, spec, version) for spec in specs):
            return version
    if name == "rust":
        return "1"  # the oldest that compiles it is no release to build with
    for version in (*ordered, *LINES.get(name, ())):
        if all(_meets(name, spec, version) for spec in specs):
            return version
    named = next((found[0] for spec in specs for part in spec.split("||")[-1:] if (found := _NUMBER.search(part))), "")
    return (ordered or [named or next(iter(LINES.get(name, ())), "")])[0]


def _plain(name: str, spec: str) -> str:
    spec = spec.strip()
    if name == "node" and spec.startswith("lts"):
        return CODENAMES.get(spec.removeprefix("lts").strip("/-").lower(), "")
    if name == "java":
        return re.sub(r"^1\.(?=[5-8]$|[5-8]\.)", "", spec)
    return "" if spec in ("*", "latest", "any", "stable", "system") else spec


def _pinned(name: str, wish: Wanted, spec: str) -> str:
    """The version that a wish names, if it names one and means no minimum, as Cargo.toml does."""
    found = _EXACT.fullmatch(spec)
    if not found:
        return ""
    if name == "rust" and all(one.path.endswith("Cargo.toml") for one in wish.evidence):
        return ""
    if name in ("go", "dotnet"):
        return ".".join(found[1].split(".")[:2])  # a patch of it need not have an image, and the newest is meant
    if name in ("java", "deno", "bun"):
        return found[1].partition(".")[0]
    return found[1]


def _meets(name: str, spec: str, version: str) -> bool:
    """Whether the newest patch of this line does."""
    if name == "java" and (exact := _EXACT.fullmatch(spec)):
        return exact[1].partition(".")[0] == version  # 21 is not what a project of 17 was tried with
    return satisfies(name, spec, version + ".99" * (2 - version.count("."))) is not False
