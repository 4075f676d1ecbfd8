"""One part of a request into calls, a question or a refusal: politeness off, frames by score, slots."""

from __future__ import annotations

import re

from . import none
from .found import Clause, Found, asks, made
from .frames import FRAMES, READERS
from .normalise import Text
from .segment import Part, base
from .tables import FILLERS, PREAMBLES, RISKS, RUNTIMES, SERVICES, TRAILERS, Risk
from .things import things
from .world import World, call

_FILLER = re.compile(FILLERS)
_PREAMBLES = [re.compile(p) for p in PREAMBLES]
_TRAILERS = [re.compile(p) for p in TRAILERS]
_IF = re.compile(
    r"(?:if|(?:when|once)(?! (?:was|were|did|is|are|do|does|have|has|had|will|i|we)\b)|as soon as|provided|in case) (?P<what>[^,;]{1,80}?)(?:,\s*|\s+(?=(?:then|please|show|tell|deploy|run|take|install|rewind|undo|snapshot|list|rollback|roll|destroy|upgrade|update|switch|sync|push|make|restore|add|scan|set)\b))(?:then )?"
)
_FINE = re.compile(
    r"\b(?:pass(?:es|ed)?|succeed\w*|works?|green|ok|okay|fine|good|done|installed|deployed|up|running|there|there is none|finished|ready|complete\w*|through|possible|successful|that|you can|anything (?:has )?changed|something (?:has )?changed)\b"
)
_SEE = re.compile(
    r"(?:and )?how (?:can|could|do|may|would) (?:i|we|you) (?:see|show|view|list|check|find out|know|look at|display|get to see) |i (?:can|could|want to) see (?=what|the|my)"
)
_WANT = re.compile(
    r"(?:can|could|may) (?:i|we) (?:please )?(?:have|get) |i(?:'d| would) (?:really )?(?:like|love) (?!to\b|you\b|it if|if)|i (?:really )?(?:want|need) (?!to\b|you\b|that you\b)|we (?:need|want) (?!to\b)|(?:i'd|i would) feel better with "
)
_STATED = re.compile(
    r"(?:i|we|he|she|they|you|it|bob|alice)(?:'ve| have| had)?(?: just| already| always| never)* (?:installed|deployed|upgraded|updated|removed|deleted|ran|took|made|added|changed|rewound|restored|destroyed|synced|broke|cloned|forgot)\b(?!.*\?)"
)
_LATER = re.compile(
    r"\b(?:tomorrow|tonight|next (?:week|month|monday|tuesday|wednesday|thursday|friday|time)|later|every (?:\w+ )?(?:day|hour|night|morning|week|minutes?|monday|friday)|on (?:mon|tues|wednes|thurs|fri|satur|sun)days|in (?:an?|\d+|half an|a few) (?:hours?|minutes?|days?)|at (?:\d{1,2} ?(?:am|pm|o'clock)|\d{1,2}:\d\d|midnight|noon))\b"
)
_BARE = re.compile(
    r"(?:pytest|npm|npx|pip3?|docker|docker-compose|git|cargo|kubectl|yarn|pnpm|uv|poetry|python3?|node|go|terraform|tox|ls|cat|echo|grep|curl)\s+(?:-{1,2}\w|run\b|test\b|build\b|ps\b|status\b|log\b|diff\b|pull\b|compose\b|fmt\b|vet\b|sync\b|-m\b|\./|\w+\.(?:py|js|sh|ts)\b|-\w)|pytest$|make (?:test|build|all|lint|check|run|install|clean|format|migrate|seed|docs)$|npm (?:test|start|ci)$|\./[\w./-]+"
)


def clean(text: Text) -> Text:
    """The clause without greetings, politeness and closing words; what is in quotes stays."""
    text = text.cut()
    for _ in range(12):
        low = text.low
        if match := _FILLER.match(low):
            if match.end() == len(low):
                return text.cut(len(low))
            if not re.match(
                r"(?:look (?:at|into|over)|look\b|like (?:it|this|that|everything|the way|how|before|in)\b|there(?:'s| is)\b|right\b$)",
                low,
            ):
                text = text.cut(match.end())
                continue
        for pattern in _PREAMBLES:
            match = pattern.match(low)
            if match and match.end():
                text = base(text.cut(match.end()))
                break
        if text.low == low:
            break
    for _ in range(4):
        before = text.low
        for pattern in _TRAILERS:
            masked = text.masked()
            if (match := pattern.search(masked)) and not re.search(
                r"(?:^|\s)\.{1,3}$|/\.{1,3}$", masked[max(match.start() - 1, 0) :]
            ):
                text = text.cut(0, match.start())
        if text.low == before:
            break
    return text


def understand(part: Part, world: World, whole: str) -> Found | None:
    """What a part asks for; None when no frame takes it. A refusal without words is a near miss."""
    text = none.affirm(part.text)
    if none.negated(re.sub(r"^(?:please|no(?! need)|and|but|so|ok|hey|then|also)[, ]+", "", text.low)):
        return Found("decline", (), none.NEGATED)
    see = _SEE.match(text.low)
    if see:
        text = text.cut(see.end())
    if match := _IF.match(clean_head(text).low):
        text = clean_head(text)
        if not _FINE.search(match["what"]):
            return asks("I cannot wait for a condition or judge one. Say what to do now.")
        text = text.cut(match.end())
    wanted = _WANT.match(clean_head(text).low)
    if wanted:
        text = clean_head(text)
        text = _needing(text, wanted.end())
    text = none.positive(clean(text))
    if not text.low:
        return None
    if _STATED.match(text.low):
        return None
    found = _frames(text, part, world, whole)
    if found is None and _BARE.match(text.low):
        found = made(call("run", command=text.raw()))
    if found is None:
        found = _listed(text, world)
    if found is not None and found.kind == "calls":
        if see and any(RISKS[c.tool] > Risk.R0 for c in found.calls):
            return None
        late = next(
            (
                c.tool
                for c in found.calls
                if RISKS[c.tool] > Risk.R0 and c.tool not in ("remember", "rewind", "snapshot")
            ),
            None,
        )
        if late and _LATER.search(text.masked()):
            return asks(f"I cannot do that later or regularly. Shall I {late} now?")
    return found


def stated(low: str) -> bool:
    """Says what somebody did, and asks for nothing."""
    return bool(
        _STATED.match(low)
        or (
            re.search(r"\b(?:yesterday|already|once|last (?:week|night))\b", low)
            and re.match(r"(?:yesterday|i|we|he|she|they|someone)\b", low)
        )
    )


def clean_head(text: Text) -> Text:
    """Greetings off, the sentence kept."""
    for _ in range(6):
        match = _FILLER.match(text.low)
        if not match or match.end() == len(text.low):
            break
        text = text.cut(match.end())
    return text


def _needing(text: Text, at: int) -> Text:
    """ "could I have redis" as "need redis"."""
    rest = text.cut(at)
    if not rest.low:
        return text
    word = "need "
    start, end = rest.starts[0], rest.starts[0]
    return Text(
        word + rest.low, [start] * len(word) + list(rest.starts), [end] * len(word) + list(rest.ends), rest.original
    )


def _frames(text: Text, part: Part, world: World, whole: str) -> Found | None:
    refused: Found | None = None
    for frame in FRAMES:
        match = frame.pattern.match(text.low)
        if not match or (match.end() < len(text.low) and text.low[match.end()] in "-/=@" and frame.tool != "run"):
            continue
        rest = Text(text.low[match.end() :], text.starts[match.end() :], text.ends[match.end() :], text.original)
        found = READERS[frame.tool](Clause(frame, text, rest, world, match[0], part.question))
        if found is None:
            continue
        if found.kind == "decline":
            refused = refused or found
            continue
        if none.knowledge(text.low) and RISKS[frame.tool] > Risk.R0:
            continue
        if refused is not None and found.kind == "calls" and any(RISKS[c.tool] > Risk.R0 for c in found.calls):
            continue
        return found
    return refused


def _listed(text: Text, world: World) -> Found | None:
    """Nothing but things with a version or things that are services: "node 20", "pg 16 + redis"."""
    low = text.low
    words = re.findall(r"[a-z][\w.-]*", low)
    if not words or len(words) > 12 or not any(w in RUNTIMES or w in SERVICES for w in words) or none.knowledge(low):
        return None
    found = things(text, world)
    if (
        found.strange
        or found.empty
        or not all("@" in item for item in found.runtimes)
        or not (found.runtimes or found.services)
    ):
        return None
    if not any("@" in item for item in (*found.runtimes, *found.services)):
        return None
    return made(call("provision", runtimes=found.runtimes, packages=found.packages, services=found.services))
