"""One command, its characters exactly as they were typed."""

from __future__ import annotations

import re

from ..english import ordinary
from ..found import COMMANDS, NO, Clause, Found, asks, made, quoted
from ..frame import frame
from ..normalise import Text
from ..places import where
from ..tables import (
    EVERYDAY,
    PROGRAMS,
    SERVICES,
    SPOKEN,
)
from ..values import pathlike
from ..world import call

FRAMES = (
    frame("run", 96, r"(?=[`\"'][^`\"']{2,200}[`\"']$)", "quoted"),
    frame("run", 98, r"(?:re-?run|run|execute|exec|fire off|kick off|invoke)\b", "verb"),
    frame("run", 97, r"(?:start|do|try|use)(?= [`\"])", "verb"),
)

_COMMAND_LEAD = re.compile(
    r"\s*(?:(?:the |this |that |a |following ?|shell )*(?:command|cmd|line|script|program)?(?:\s*:)?\s+(?=[`\"'./\w])|:\s*)"
)

_DETERMINER = re.compile(
    r"(?:the|a|an|my|our|all|this|that|it|these|those|some|any|for|away|out|me|to|into|through|with|like|off|over|down|around|late|on|in|him|her|wild|from|against|by|faster|errands)\b"
)


_HOST = re.compile(
    r"\S\s+(?:on|in) (?:the )?(?:host |machine |server |sandbox |container |vm )?((?=[a-z]*[-\d])[a-z][a-z\d-]*)[.!?]?$"
)
"""What can only be a machine: never run here what was meant for elsewhere."""


def read(clause: Clause) -> Found | None:
    rest = clause.rest.cut()
    if by := re.match(
        r"(?:the |my |our |all |all the )*(?:[\w-]+ )?(?:tests?|test suite|suite|linter|lint|build|checks?|formatter|benchmarks?) (?:with|using|via|through|by) (?=\S)",
        rest.low,
    ):
        rest = rest.cut(by.end())
    ask = asks(f"Which command? {COMMANDS}")
    if not rest.low:
        return ask
    if clause.frame.how == "quoted" and not any(c.tool == "run" for c in clause.world.earlier):
        return None
    both = re.fullmatch(r"([\w-]+)(?:,? and | & |, )([\w-]+)", rest.low)
    if both and both[1] in PROGRAMS and both[2] in PROGRAMS:
        return made(*(call("run", command=rest.raw(both.start(g), both.end(g))) for g in (1, 2)))
    if script := re.match(r"(?:the )?(?:script|program|file) (?=[./~])", rest.low):
        rest = rest.cut(script.end())
    masked = rest.masked()
    quote = re.search(r"\x01+", masked)
    if quote and re.fullmatch(
        r"\s*(?:(?:the|this|a) )?(?:(?:shell )?command|script|line|cmd)?\s*:?\s*", masked[: quote.start()]
    ):
        tail = where(rest.cut(quote.end()), clause.world)
        if tail.lost:
            return asks("On which host?")
        if not re.search(r"[\w-]", re.sub(r"\b(?:there|for me|please|again|then|command)\b", "", tail.text.low)):
            command = quoted(rest.raw(quote.start(), quote.end()))
            return made(call("run", command=command, on=tail.on, path=tail.path)) if command else ask
    if re.match(r"(?:\d+ |a )(?:more )?(?:replicas?|instances?|copies|copy)\b", rest.low):
        return None
    if re.match(r"(?:it|that|this|them)(?: again)?$|again$", rest.low):
        last = next((c for c in reversed(clause.world.earlier) if c.tool == "run"), None)
        return made(last) if last else ask
    lead = _COMMAND_LEAD.match(rest.low)
    if lead and re.search(r"command|cmd|line|:", lead[0]):
        rest = rest.cut(lead.end())
    body = where(rest, clause.world)
    if body.on is None and (strange := _HOST.search(rest.masked())) and not ordinary(strange[1]):
        name = rest.raw(strange.start(1), strange.end(1))
        return asks(
            f"There is no host {name!r} that I know of. On which one? Write docker:NAME, ssh:USER@HOST or vm:NAME."
        )
    words = body.text.low.split()
    if not words:
        return ask
    first = words[0].strip("'\"`,;")
    if re.match(
        r"(?:the |a |my |our |all |all the |all my |some |this |unit |integration )*(?:[\w-]+ )?(?:tests?|test suite|suite|linter|linters|lint|build|migrations?|script|checks?|server|dev server|app|application|project|program|benchmarks?|formatter|type checker|pipeline|code|command|something|seeds?)(?: again| suite)?$",
        body.text.low.strip(),
    ) and first not in PROGRAMS - {"test"}:
        return ask
    if re.match(r"(?:a|an|another) ", rest.low) and len(words) > 1 and words[-1] in SERVICES:
        return None
    if first not in PROGRAMS and (
        first in EVERYDAY
        or _DETERMINER.match(first)
        or any(w in EVERYDAY for w in words)
        or (len(words) == 1 and first.endswith("ly"))
    ):
        return NO
    if first not in PROGRAMS and ordinary(first) and not re.search(r"\s-{1,2}\w|[./=]", rest.low):
        return NO
    if (
        first in PROGRAMS
        or pathlike(first)
        or re.search(r"\s-{1,2}\w|=|&&|\|", rest.low)
        or re.fullmatch(r"[a-z_][\w.+-]*", first)
    ):
        command = _exact(rest, body.text)
        return (
            made(call("run", command=command, on=body.on, path=body.path)) if not body.lost else asks("On which host?")
        )
    return NO


def _exact(rest: Text, body: Text) -> str:
    """The command's own characters: all of it up to where the host or directory at its end was read."""
    if any(re.match(rf"{said}\b", rest.raw().lower()) for said in SPOKEN):
        return rest.low.strip()  # dictated: as it was said, "pie test", it is no command at all
    kept = len(body.low.rstrip())
    return rest.raw() if kept >= len(rest.low) else body.cut(0, kept).raw()
