"""A list of things to install, "python 3.11, numpy==1.26.4 and a postgres 15", as runtimes, packages and services."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .normalise import Text
from .tables import EVERYDAY, OBJECTS, PACKAGES, RUNTIMES, SERVICES
from .values import pathlike, version
from .world import World

_SEP = re.compile(
    r"\s*(?:,|;|\+(?=\s)|&)\s*(?:and |plus |also )?|\s+(?:and(?: also| then)?|plus|as well as|along with|together with|with|und)\s+"
)
_NAME = r"@?[a-z0-9][\w.+/-]{0,120}?(?:\[[\w,.-]{1,80}\])?"
_VER = r"v?\d[\w.*+·-]{0,40}|latest|newest|stable|lts"
_ITEM = re.compile(
    rf"({_NAME})"
    rf"(?:(?:\s*(?:==|=|@)\s*|\s+(?:version )?(?:to |at |on |in |is )?(?:the )?(?:version |v\.? ?|release )?(?:number )?|\s*-\s+|(?<=[a-z])(?=\d+\.\d[\d.]*$))({_VER})|\s*((?:>=|<=|~=|!=|>|<|\^)\s*[\w.*,<>=]{{1,40}}))?"
)
_DETERMINERS = re.compile(
    r"^(?:(?:everything in|all of|all|the|a|an|my|our|some|also|just|both|all|new|another|local|fresh|recent|plain|me|us|to|for|of|please|package|packages|library|libraries|lib|module|modules|dependency|runtime|"
    r"service|database|db|tool|program|software|server|named|called|on|is|be|have|use|install|lib|libs|version|needed|following|two|three|things?:?|following:?|in)\s+)+(?=\S)"
)
_LATEST = re.compile(
    r"^(?:(?:the )?(?:latest|newest|most recent|current)(?: (?:stable|lts))?(?: (?:version|release))?(?: of)?|version \S+ of)\s+(?=\S)"
)
_OF = re.compile(r"^(?:version |release |v ?)?(v?\d[\w.·]*) of (\S+)$")
_NOUNS = re.compile(
    r"(?:\s+(?:package|packages|library|libraries|lib|libs|module|modules|database|db|server|service|instance|runtime|compiler|interpreter|sdk|container|toolchain|"
    r"dependency|environment|env|here|too|also|version|installed|again|as well|from pypi|from npm|via pip|via npm|with pip|with npm|using pip|using npm|both|"
    r"for (?:this|it|the project|this project|testing|development|that|now|me|the tests|the database|tests|caching|cache)|on (?:here|it)|to (?:the|my|this|our) (?:project|environment|env|stack|setup|dependencies|requirements|machine|venv)|in (?:the|my|this|our) (?:project|environment|env|venv|stack)|into (?:the|my|this|our) (?:project|environment|env|venv)))+$"
)
_VAGUE = re.compile(
    r"^(?:(?:the )?(?:right|correct|proper|needed|same|latest|newest|required|appropriate|other|new) (?:version|one|ones|versions|thing|package|packages)$|something|anything|some(?: \w+)? (?:tool|library|package|thing)|a (?:tool|library|package|thing)|whatever|stuff|things|one|it|that|this|them|those|these)\b"
)
_TO_LATEST = re.compile(
    r"\s+to (?:the |their |its )?(?:latest|newest|most recent|current)(?: stable)?(?: versions?| releases?| ones?)?$"
)


@dataclass
class Things:
    """`strange` holds what could not be read as the name of anything; `sure` is True when a thing was known by name."""

    runtimes: list[str] = field(default_factory=list[str])
    packages: list[str] = field(default_factory=list[str])
    services: list[str] = field(default_factory=list[str])
    strange: list[str] = field(default_factory=list[str])
    unsure: list[str] = field(default_factory=list[str])
    """Names that are only taken for packages because a verb said so."""
    everyday: bool = False
    vague: bool = False
    sure: bool = False

    @property
    def empty(self) -> bool:
        return not (self.runtimes or self.packages or self.services)


def things(text: Text, world: World, *, upgrade: bool = False) -> Things:
    """Read a list of things. With `upgrade`, a thing without a version is wanted in its latest one."""
    found = Things()
    at = 0
    for match in [*_SEP.finditer(text.low), None]:
        item = text.cut(at, match.start() if match else None)
        at = match.end() if match else at
        if item.low.strip(" .,;:!?"):
            _thing(item, found, world, upgrade)
    return found


def _thing(item: Text, found: Things, world: World, upgrade: bool) -> None:
    low = item.low
    if re.fullmatch(r"(?:nothing|no|not) .*|nothing", low):
        return
    if _VAGUE.match(low):
        found.vague = True
        return
    if re.fullmatch(r"v?\d[\w.·]*", low) and (before := found.runtimes or found.packages or found.services):
        # "python 3.9, 3.10 and 3.11": the name before, in another version
        before.append(f"{before[-1].rpartition('@')[0] or before[-1]}@{version(low)}")
        return
    latest = False
    low = re.sub(r"^(?:the )?version ", "version ", low)
    if bracket := re.search(r"\s\((?:version |v)?(\d[\w.]*)\)$", item.low):
        _add(item.cut(0, bracket.start()), bracket[1], found, world, upgrade, "")
        return
    if match := _OF.match(low):
        _add(item.cut(match.start(2)), match[1], found, world, upgrade, "")
        return
    if match := _TO_LATEST.search(item.low):
        latest, item = True, item.cut(0, match.start())
    package = bool(re.search(r"\b(?:package|library|module|lib)\b", low))
    for _ in range(2):
        if match := _DETERMINERS.match(item.low):
            item = item.cut(match.end())
        if match := _LATEST.match(item.low):
            latest, item = True, item.cut(match.end())
    if match := _NOUNS.search(item.low):
        item = item.cut(0, match.start())
    item = item.cut(0, len(item.low.rstrip(" .,;:!?'\"`"))).cut()
    item = item.cut(len(item.low) - len(item.low.lstrip(" '\"`:")))
    match = _ITEM.fullmatch(item.low)
    if match and match[1] in ("version", "number", "port"):
        match = None
    if not match:
        words = item.low.split()
        found.everyday |= any(word in EVERYDAY for word in words)
        # "numpy 1.26.4 pandas scipy": a list without separators, when every word is a known thing or a version.
        if (
            len(words) > 1
            and all(_known(w) or re.fullmatch(_VER, w) or re.fullmatch(r"[\w.-]+(?:==|>=|@)[\w.]+", w) for w in words)
            and not re.fullmatch(_VER, words[0])
        ):
            for piece in re.finditer(rf"\S+(?: (?:{_VER})(?= |$))?", item.low):
                _thing(item.cut(piece.start(), piece.end()), found, world, upgrade)
            return
        found.strange.append(item.raw())
        return
    asked = match[2] or ""
    exact = item.raw(match.start(3), match.end(3)).replace(" ", "") if match[3] else ""
    _add(
        item.cut(match.start(1), match.end(1)),
        asked or ("latest" if latest else ""),
        found,
        world,
        upgrade,
        exact,
        package=package,
    )


def _known(word: str) -> bool:
    return word in RUNTIMES or word in SERVICES or word in PACKAGES


def _add(
    name: Text, asked: str, found: Things, world: World, upgrade: bool, exact: str, *, package: bool = False
) -> None:
    low = name.low
    if (
        low in EVERYDAY
        or low in OBJECTS
        or (pathlike(low) and low not in RUNTIMES and low not in PACKAGES and "/" in low and not low.startswith("@"))
    ):
        found.everyday |= low in EVERYDAY
        found.strange.append(name.raw())
        return
    raw = name.raw()
    if " " in raw and " " not in low:
        raw = low  # a name as it is spoken, "num pie": the only form that is rewritten
    canonical = None if package else RUNTIMES.get(low)
    into = found.runtimes
    if canonical is None and not package and low in SERVICES:
        canonical, into = SERVICES[low], found.services
    if canonical is None:
        canonical, into = raw, found.packages
    if low not in PACKAGES and into is found.packages and not asked and not exact:
        found.unsure.append(low)
    found.sure |= low in PACKAGES or into is not found.packages or bool(asked or exact)
    wanted = {"newest": "latest", "stable": "latest"}.get(asked, version(asked)) if asked else exact
    if not wanted and into is not found.packages and not upgrade:
        wanted = world.version(canonical) or ""
    wanted = wanted or ("latest" if upgrade else "")
    into.append(f"{canonical}@{wanted}" if wanted else canonical)
