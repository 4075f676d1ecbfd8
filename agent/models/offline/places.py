"""Where: the host and the directory that a clause names, read and blanked out so that the rest can be read without them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from .english import ordinary
from .normalise import Text
from .tables import PACKAGES, RUNTIMES, SERVICES
from .values import HOSTISH, PATH, namelike
from .world import World

_PREP = r"(?:(?:up |over |running |inside |located |living |installed )?(?:on|in|inside|at|onto|to|for|of|from|within|into|against|under|auf|sur|en)\s+(?:the |my |our )?(?:host |machine |container |vm |server |box |remote )?)"
_KIND = re.compile(
    r"(?:\b(?:on|in|inside|into|of|from|for|at)\s+)?(?:the |my |our )?\b(docker container|container|vm|virtual machine)(?: (?:called|named))?\s+(?!(?:and|to|with|for|is|in|on|that|please)\b)([\w.-]+)"
    r"|\b(?:on|in|inside|into|of|from|for|at)\s+(?:the |my |our )?([\w.-]+)\s+(docker container|container|vm|virtual machine)\b"
)
_HERE = re.compile(
    r"\s(?:on|in|at|to|of|for|from)\s+(?:my|this|our|your|the local|my own|the same)\s+(?:local |own |dev |development )?(?:machine|laptop|computer|box|system|pc|mac|macbook|host|workstation|desktop)\b"
    r"|\s(?:right )?(?:locally|on here|here)\b(?=\s*(?:$|[,.!?]|and\b|in\b))|\son local(?:host)?\b"
)
_REMOTE = re.compile(
    r"\s(?:over |up )?(?:there|on (?:it|that (?:host|machine|box|server|container|vm))|on the (?:server|box|remote|host|vm|container|remote (?:host|machine|server)))(?=\s*(?:$|[,.!?]|and\b|too\b|please\b))"
)
_ONLY = re.compile(r"\s*(?:(?:the|my|our) )?(?:sandbox |host |machine )?([\w.-]+)(?=\s*[,.;:!?]*$| (?:back )?to\b)")
_IN_SANDBOX = re.compile(r"\s(?:on|in|inside|into|of|from|at|to) (?:the|my|that|this) sandbox(?![\w-]| [\w-]*\d)")
_SANDBOX = re.compile(r"\s(?:(?:on|in|inside|into|of|from|at|to) )?(?:the|my|that|this) sandbox(?![\w-]| [\w-]*\d)")
_DIR = r"(?:folder|directory|dir|subfolder|subdirectory|subdir|path)"
_PATH = re.compile(
    rf"\s(?:in|under|inside|from|at|of|for|into|within|on)\s+(?:the |my |our )?(?:(?:project|{_DIR}|app|service|code)(?: (?:in|at|under))?\s+)?(\"[^\"]+\"|{PATH.pattern})(?:\s+{_DIR})?(?=\s|,|$)"
    rf"|\s(?:(?:in|under|inside|of|for|from)\s+)?(?:the |my |our )([\w./-]+)\s+(?:{_DIR})\b(?!\s+(?:to|with|and|from)\b)|\s(?:in|under|inside|of|for|from)\s+([\w./-]+)\s+(?:{_DIR})\b"
    rf"|\s(?:in|under|inside|of|for|from)\s+(?:the |my |our )?{_DIR}\s+(?:called |named )?([\w./~-]+)"
    r"|\s(?:in|into|inside|under|to)\s+(?:the |my |our )?(frontend|backend)(?=\s*(?:$|[.!?]|,? (?:and|then|please|too|again)\b))"
)
_SELF = re.compile(
    rf"\s(?:in|under|inside|from|of|for)\s+(?:this|the current|the same|the project(?:'s)?|current|my current)\s+(?:project |working )?(?:{_DIR}|project|repo)\b"
)


@dataclass
class Where:
    """`lost` is True when a host was meant but cannot be known: "install it on the server"."""

    text: Text
    on: str | None = None
    path: str | None = None
    lost: bool = False


def where(text: Text, world: World, *, path: bool = True, bare: bool = False, alone: bool = False) -> Where:
    """Read the host and, with `path`, the directory. `bare`: a host may also stand without a preposition; `alone`: and
    when nothing but a known machine's name is said, that is meant even if the name is an ordinary word."""
    found = Where(_pad(text))
    masked = found.text.masked()
    if match := re.search(rf"(?:\s{_PREP})({HOSTISH.pattern})" + (rf"|\s({HOSTISH.pattern})" if bare else ""), masked):
        group = 1 if match[1] is not None else 2
        end = match.end(group)
        while masked[end - 1] in ".,;:!?":
            end -= 1
        found.on = found.text.raw(match.start(group), end)
        found.text = found.text.blank(match.start(), end)
    elif match := _KIND.search(masked):
        name, kind = (2, match[1]) if match[1] else (3, match[4])
        if namelike(match[name]):
            found.on = ("docker:" if "container" in kind else "vm:") + found.text.raw(
                match.start(name), match.end(name)
            )
            found.text = found.text.blank(match.start(), match.end())
    if bare and found.on is None and (only := _ONLY.match(masked)):
        for host in world.known.hosts:
            if (
                host != "local"
                and host.lower() == only[1]
                and ((alone and only.end() == len(masked)) or not ordinary(only[1]))
            ):
                found.on, found.text = host, found.text.blank(0, only.end(1))
                break
    if found.on is None:
        for host in world.known.hosts:
            known = re.search(_known(host), masked) if host != "local" else None
            if known:
                found.on, found.text = host, found.text.blank(known.start(), known.end())
                break
    if (
        found.on is None
        and world.known.services
        and (match := _SANDBOX.search(masked) if bare else _IN_SANDBOX.search(masked))
    ):
        found.on = world.known.services[0] if len(world.known.services) == 1 else world.there()
        found.lost = found.on is None
        found.text = found.text.blank(match.start(), match.end())
    if found.on is None and (match := _HERE.search(masked)):
        found.text = found.text.blank(match.start(), match.end())
    elif found.on is None and (match := _REMOTE.search(masked)):
        found.on = world.there()
        found.lost = found.on is None
        found.text = found.text.blank(match.start(), match.end())
    if path:
        _path(found)
    found.text = _pad(found.text)
    return found


@cache
def _known(host: str) -> str:
    """Where a text says this machine's name: a word that may mean something else needs `on` or `of` before it."""
    low = host.lower()
    other = ordinary(low) or low in SERVICES or low in PACKAGES or low in RUNTIMES
    before = "on|at|of" if other else "on|at|in|inside|into|from|of|to|onto|against|for"
    return (
        rf"\s(?:{before})\s+(?:the |my |our )?(?:host |machine |server |box |sandbox |container |vm )?"
        rf"({re.escape(low)})(?![\w-]|[.:/][\w~/.])"
    )


def _path(found: Where) -> None:
    masked = found.text.low
    if match := _SELF.search(masked):
        found.text = found.text.blank(match.start(), match.end())
    elif match := _PATH.search(masked):
        group = next(g for g in (1, 2, 3, 4, 5) if match[g] is not None)
        end = match.end(group)
        word = match[group]
        if group == 1 and word not in (".", "..") and word[-1] in ".,;:!?":
            end -= 1
        if group != 1 and not namelike(word.replace("/", "x")):
            return
        raw = found.text.raw(match.start(group), end).strip('"')
        found.path = None if raw == "." else raw
        found.text = found.text.blank(match.start(), match.end())


def _pad(text: Text) -> Text:
    """With a blank before it, so that patterns can ask for one."""
    text = text.cut()
    if not text.low:
        return text
    return Text(" " + text.low, [text.starts[0], *text.starts], [text.starts[0], *text.ends], text.original)
