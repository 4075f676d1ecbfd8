"""A fact to keep."""

from __future__ import annotations

import re

from ..found import NO, Clause, Found, asks, made, quoted
from ..frame import frame
from ..tables import (
    EVERYDAY,
)
from ..world import call

FRAMES = (
    frame(
        "remember",
        99,
        r"(?:remember|note|memori[sz]e|keep in mind|bear in mind|take (?:a )?note(?: of)?|make a note|note down|write down|jot down|learn|for the record|fyi|record the fact|save (?:the|this|a) fact|store (?:the|this) fact|from now on,?|in (?:the )?future,?|going forward,?)\b(?:(?: down)?[,:]?)",
        "verb",
    ),
)

_REMEMBER_LEAD = re.compile(
    r"\s*(?:(?:this|the following)(?: fact)?\s*[:,-]|that\b(?! (?:we|i) (?:went|were))|[:,-]|the fact that|for (?:later|next time|the future)[:,]?(?: that)?|down(?: that)?)?[\s:,]*"
)

_FACT = re.compile(
    r"\b(?:is|are|be|was|has|have|use|uses|using|prefer|prefers|likes?|want|wants|need|needs|runs?|listens?|lives?|belongs|owned|always|never|must|should|don't|do not|can|cannot|can't|means|requires?|deploys?|port|called|works?|goes|stays|comes|gets|only|=)\b"
)


def read(clause: Clause) -> Found | None:
    lead = _REMEMBER_LEAD.match(clause.rest.low)
    rest = clause.rest.cut(lead.end() if lead else 0)
    if re.match(r"this fact|the fact|a fact", rest.low):
        rest = rest.cut(re.match(r"(?:this|the|a) fact(?: that)?[\s:,]*", rest.low).end())  # type: ignore[union-attr]  # matched above
    said = bool(lead and re.search(r"that|[:,]|fact", lead[0])) or clause.head.rstrip().endswith((":", ","))
    if re.match(
        r"(?:(?:the|this|my) )?(?:current )?(?:state|env\w*|setup|moment|point)\b(?: (?:as|under|with|called)|$)",
        rest.low,
    ):
        return None
    if rest.low == "me":
        return NO
    if rest.low in ("", "that", "this", "it"):
        return asks("What should I remember? For example: remember that my database always listens on 5433.")
    if re.match(r"(?:when|how|the time|where|who|what|why|me\b|to (?:buy|call|pick|feed))\b", rest.low):
        return NO
    if not said and (
        not _FACT.search(rest.low) or any(word in EVERYDAY for word in re.findall(r"[a-z]+", rest.low)[:3])
    ):
        return NO
    return made(call("remember", fact=quoted(rest.raw())))
