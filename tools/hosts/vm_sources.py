"""Where this machine's own apt gets Debian from: read when it is needed, so that no address is in EnvSync."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import Failed

APT = Path("/etc/apt")
_SCHEMES = ("http://", "https://", "file:/")


@dataclass(frozen=True)
class Source:
    """One archive of packages: `suite` such as bookworm or bookworm-updates."""

    uri: str
    suite: str
    components: tuple[str, ...]


def sources(apt: Path = APT) -> list[Source]:
    """The archives of binary packages that apt uses, in its order."""
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    found: list[Source] = []
    for path in files:
        if path.suffix in (".list", ".sources") and path.is_file():
            text = path.read_text("utf-8", "replace")
            found += _stanzas(text) if path.suffix == ".sources" else _lines(text)
    return [source for source in dict.fromkeys(found) if source.uri.startswith(_SCHEMES)]


def mirror(apt: Path = APT, release: Path = Path("/etc/os-release")) -> str:
    """The address of a Debian archive. Raises Failed on a system that is no Debian, or has none."""
    system = re.search(
        r"^ID=\"?(\w+)", release.read_text("utf-8", "replace") if release.is_file() else "", re.MULTILINE
    )
    if system is None or system[1] != "debian":
        raise Failed(
            "the base image of virtual machines can only be built on Debian",
            "Build it on a Debian machine, and copy its directory `images` into EnvSync's state directory here.",
        )
    for source in sources(apt):
        if re.fullmatch(r"[a-z]+", source.suite) and "main" in source.components:
            return source.uri
    raise Failed("apt has no archive of Debian here", f"Name one in {apt}/sources.list, then `apt-get update`.")


def lines(suite: str, apt: Path = APT) -> str:
    """A sources.list for `suite`, with the archives that this machine itself has for it."""
    mine = [source for source in sources(apt) if source.suite == suite or source.suite.startswith(f"{suite}-")]
    return "".join(f"deb {source.uri} {source.suite} {' '.join(source.components)}\n" for source in mine)


def _lines(text: str) -> Iterable[Source]:
    for line in text.splitlines():
        words = re.sub(r"\[[^\]]*\]", " ", line.partition("#")[0]).split()
        if len(words) >= 4 and words[0] == "deb":
            yield Source(words[1], words[2], tuple(words[3:]))


def _stanzas(text: str) -> Iterable[Source]:
    for stanza in re.split(r"\n[ \t]*\n", text):
        kept = "\n".join(line for line in stanza.splitlines() if not line.startswith("#"))
        fields = {
            m[1].lower(): m[2].split() for m in re.finditer(r"^([\w-]+):((?:.*(?:\n[ \t].*)*))", kept, re.MULTILINE)
        }
        if "deb" not in fields.get("types", []) or fields.get("enabled", ["yes"])[0].lower() in ("no", "false", "0"):
            continue
        for uri in fields.get("uris", []):
            for suite in fields.get("suites", []):
                yield Source(uri, suite, tuple(fields.get("components", [])))
