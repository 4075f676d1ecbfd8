"""Another context."""

from __future__ import annotations

import re

from ..found import NO, Clause, Found, asks, foreign, made
from ..frame import frame
from ..tables import (
    EVERYDAY,
    PACKAGES,
    RUNTIMES,
    SERVICES,
)
from ..values import coined, context, namelike
from ..world import call

FRAMES = (
    frame(
        "switch",
        89,
        r"be (?:in|on)(?= (?:the )?(?:prod|production|staging|dev|development|qa|test|uat|preprod)(?: context)?\W*$)",
        "to",
    ),
    frame(
        "switch",
        89,
        r"(?:switch|change|set|move|flip|toggle|go|hop)(?: (?:me|us|over|it|back|the|my|our|current|active|context|env\w*|workspace|to))* ?(?:over )?to\b",
        "to",
    ),
    frame(
        "switch",
        89,
        r"(?:use|activate|enter|select|choose|load|enable|work (?:in|on|with)|switch|make|set|go (?:in|into)|change)(?= (?:the |my |our )?(?:context [\w.-]+|[\w.-]+ (?:context|the current context|current)))",
        "use",
    ),
    frame(
        "switch",
        89,
        r"(?:activate|select|choose|enter|use)(?= (?:the )?(?:prod|production|staging|dev|development|qa|test|uat|preprod)\W*$)",
        "to",
    ),
    frame("switch", 89, r"context(?= [\w.-]+$)", "to"),
    frame("switch", 50, r"(?:switch|change context)\b", "bare"),
)

_SWITCH_ASK = "Switch to which context? For example: switch to staging."


def read(clause: Clause) -> Found | None:
    low = clause.rest.low.strip(" .,!?")
    if clause.frame.how == "bare":
        return asks(_SWITCH_ASK) if low in ("", "context", "contexts", "the context", "over", "environment") else NO
    if clause.frame.how == "use" and re.search(r"snapshot", low):
        return None
    match = re.fullmatch(
        r"(?:the |my |our |context |env\w* |to )*(?:called |named )?[\"'`]?([\w.-]+)[\"'`]?((?: (?:the )?(?:context|env\w*|current context|current|workspace|now|again|instead|from now on|for now|as context))*)",
        low,
    )
    if not match:
        return (
            asks(_SWITCH_ASK)
            if not low
            else (NO if clause.frame.how == "use" or any(w in EVERYDAY for w in low.split()) else None)
        )
    word, explicit = match[1], "context" in clause.text.low or match[2].strip().startswith(("context", "env"))
    if word in ("it", "that", "the", "another", "different", "other", "one", "context", "contexts"):
        return asks(_SWITCH_ASK)
    usual = context(word)
    article = re.match(r"(?:the|my|a)\b", low) is not None
    if not explicit and (word in RUNTIMES or word in SERVICES or word in PACKAGES):
        return None
    verb = clause.head.split()[0] if clause.head.split() else ""
    if (
        not usual
        and not explicit
        and (not namelike(word) or article or (verb not in ("switch", "change", "flip") and not coined(word)))
    ):
        return NO if verb in ("switch", "flip", "toggle") else None
    if not explicit and foreign(word, clause.world):
        return (
            NO
            if verb not in ("switch", "change")
            else asks(f"Is {word} a context of this project? Say: switch to the {word} context.")
        )
    if (
        usual
        and not explicit
        and verb
        not in (
            "switch",
            "change",
            "move",
            "flip",
            "go",
            "set",
            "hop",
            "toggle",
            "be",
            "activate",
            "select",
            "choose",
            "enter",
            "use",
            "context",
        )
    ):
        return None
    start = clause.rest.low.find(word)
    return made(call("switch", context=usual or clause.rest.raw(start, start + len(word))))
