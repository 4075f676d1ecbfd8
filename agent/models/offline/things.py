"""Runtimes, packages and services by name, and the versions that are asked of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from .normalise import Text
from .said import said
from .tables import PACKAGES, RUNTIMES, SERVICES
from .values import version

_RANGE = {
    r"(?:below|under|less than|lower than|older than|before|<)": "<",
    r"(?:at most|up to(?: and including)?|max(?:imum)?|no (?:newer|higher) than|<=|not above)": "<=",
    r"(?:above|over|more than|greater than|newer than|>)": ">",
    r"(?:at least|min(?:imum)?|from|since|no (?:older|lower) than|>=|not below)": ">=",
}  # fmt: skip
_OR_MORE = re.compile(r"(v?\d\S*) (?:or|and) (?:newer|later|above|higher|up|greater|more|upwards)|(v?\d[\w.]*)\+")
_OR_LESS = re.compile(r"(v?\d\S*) (?:or|and) (?:older|earlier|below|lower|less)")
_NEWEST = re.compile(
    r"(?:the |its |their |a )?(?:very )?(?:latest|newest|most recent|current|up[- ]to[- ]date|fresh)(?: stable)?(?: (?:version|release|one|versions|releases))?(?: of)?"
)
_VERSION_LEAD = re.compile(r"^(?:the )?(?:(?:version|release|ver|v|rev)\.? )?(?:number )?(?=\S)")
_TAG = re.compile(r"(?:the )?(lts|next|beta|alpha|stable|nightly|canary|rc)(?: (?:version|release|one|channel))?")
_CODE = re.compile(r"(?:[<>=~^!]=?\s*)?v?\d[\w.*·+!-]*(?:\s*,\s*[<>=~^!]=?\s*\d[\w.*]*)*|[xX*]")


def wanted(text: Text) -> str | None:
    """A version as it is asked for: `3.11`, `latest`, `lts`, or a range: `<2`, `>=1.4,<2`."""
    low = re.sub(r"\s+(?:version|release|series|line|branch)$", "", text.low.strip())
    if _NEWEST.fullmatch(low):
        return "latest"
    if match := _TAG.fullmatch(low):
        return match[1]
    if match := _OR_MORE.fullmatch(low):
        return ">=" + version(match[1] or match[2])
    if match := _OR_LESS.fullmatch(low):
        return "<=" + version(match[1])
    for words, sign in _RANGE.items():
        if match := re.fullmatch(rf"{words} (?:version )?(v?\d\S*)", low):
            return sign + version(match[1])
    low = _VERSION_LEAD.sub("", low, count=1)
    if not _CODE.fullmatch(low):
        return None
    if low[0] in "<>=~^!":
        return re.sub(r"\s+", "", low).removeprefix("==")
    return version(low)


_ATTACHED = re.compile(
    r"(?P<name>@?[a-z][\w./+-]*?(?:\[[\w,. -]{1,80}\])?)\s*(?:(?P<exact>==|@|=|:)|(?P<range>(?:>=|<=|~=|!=|>|<|\^|~)))\s*(?P<version>[\^~]?v?\d[\w.*+-]*(?:,\s*[<>=!~]=?\s*\d[\w.*]*)*|latest|next|lts|beta|stable|newest)"
)
_GLUED = re.compile(
    r"(?P<name>python|py|node|java|jdk|openjdk|go|ruby|php|dotnet|postgres|postgresql|pg|mysql|redis|django|react|numpy)-?(?P<version>\d[\w.]*)"
)
_THING_NOUN = re.compile(
    r"\s+(?:package|library|lib|module|database|db|server|service|instance|runtime|compiler|interpreter|sdk|toolchain|client|broker|cluster|container)$"
)
_KIND_LEAD = re.compile(r"^(?:gem|crate|npm|pip|pypi|apt|composer|nuget|go) (?:package |module |named |called )?(?=\S)")
"""`the gem rack` is rack: what kind it is of the project says."""
THING_LEAD = re.compile(r"^(?:(?:the|a|an|my|our|some)\s+)+(?=\S)")


def thing(text: Text) -> tuple[str, str]:
    """A runtime's, package's or service's name as it was typed, and the version that is written onto it, or nothing."""
    if (match := _ATTACHED.fullmatch(text.low)) and not match["name"].endswith(":"):
        name = text.raw(match.start("name"), match.end("name"))
        if match["range"]:
            return name, text.raw(match.start("range"), match.end("version")).replace(" ", "")
        exact = {"newest": "latest"}.get(match["version"], version(match["version"]))
        return name, f"@{exact}" if exact[0] in "^~" else exact
    if match := _GLUED.fullmatch(text.low):
        return text.raw(match.start("name"), match.end("name")), version(match["version"])
    if " " in text.low and ((name := _spoken(text.low)) in _KNOWN or text.low in _HEARD):
        return name, ""
    if lead := THING_LEAD.match(text.low):
        text = text.cut(lead.end())
    if " " in text.low and (kind := _KIND_LEAD.match(text.low)):
        text = text.cut(kind.end())
    if " " in text.low and (tail := _THING_NOUN.search(text.low)):
        text = text.cut(0, tail.start())
    return (_spoken(text.low) if " " in text.low else _HEARD_ONE.get(text.low) or said(text)) or "", ""


_SOUNDS = {
    "pie": "py",
    "pi": "py",
    "sequel": "sql",
    "dash": "-",
    "hyphen": "-",
    "underscore": "_",
    "dot": ".",
    "slash": "/",
    "jay": "j",
    "gee": "g",
    "queue": "q",
    "cue": "q",
}


def _spoken(low: str) -> str:
    """A name as speech recognition writes it in several words, put together: "pie arrow" pyarrow, "type dash fest" type-fest."""
    low = low.replace("·", " ")
    return _HEARD.get(low) or "".join(_SOUNDS.get(word, word) for word in low.split())


_HEARD = {"sigh pie": "scipy", "read is": "redis", "graph anna": "grafana", "cube control": "kubectl", "cube cuttle": "kubectl", "cube c t l": "kubectl",
          "play write": "playwright", "sell a ree": "celery", "cat boost": "catboost", "pan das": "pandas", "pie lint": "pylint", "sink thing": "syncthing",
          "oh auth": "oauth", "my pie": "mypy", "pie right": "pyright", "post gres queue el": "postgres", "post gres q l": "postgres"}  # fmt: skip
"""Names that speech recognition writes as other words."""
_HEARD_ONE = {"jango": "django", "quadrant": "qdrant"}


_KNOWN = frozenset({*RUNTIMES, *SERVICES, *PACKAGES})


def joined(name: str, exact: str) -> str:
    """A thing with its version as it is passed on: `numpy@1.26`, `numpy<2`, `react@^18`."""
    if not exact:
        return name
    return name + exact if exact[0] in "<>~!^@" else f"{name}@{exact}"


def canonical(slot: str, name: str) -> str:
    """The usual name of a well-known runtime or service; any other name as it is."""
    table = {"runtime": RUNTIMES, "service": SERVICES}.get(slot, {})
    return table.get(name.lower(), name)


def named(slot: str) -> Callable[[Text], str | None]:
    def make(text: Text) -> str | None:
        name, exact = thing(text)
        return joined(canonical(slot, name), exact) if name else None

    return make
