"""What was done, recorded and remembered."""

from __future__ import annotations

import re

from ..english import ordinary
from ..found import NO, Clause, Found, made, quoted
from ..frame import SHOW, frame
from ..normalise import Text
from ..tables import (
    EVERYDAY,
    OBJECTS,
    PACKAGES,
    SERVICEISH,
)
from ..values import JOINT, moment, namelike, number
from ..world import call

FRAMES = (
    frame(
        "history",
        93,
        r"(?:do|can) you (?:still )?(?:remember|recall|know)(?= (?:which|what|when|where|who|how|the|my|our|about|anything)\b)(?: about| anything about)?",
        "know",
    ),
    frame(
        "history",
        97,
        r"what (?:was|is) (?:the |my |your |our )?(?:very )?(?:last|latest|most recent) (?:thing|action|step|command|change)(?: (?:that )?(?:you|we|i) (?:did|made|ran|took))?",
        "last action",
    ),
    frame(
        "history",
        97,
        r"(?:search|look through|check|go through)(?: in)? (?:the |my |our |your )?(?:notes|memory|facts)(?: for| about)?\b",
        "know",
    ),
    frame(
        "history",
        93,
        r"what (?:have|had) (?:i|we|you) been (?:doing|up to|working on|changing|installing)\b",
        "what did",
    ),
    frame(
        "history",
        97,
        rf"(?:{SHOW}|what|how many|when was|when did|which|do (?:i|we|you) have(?: any)?|are there(?: any)?|search)?(?: ?(?:last|latest|most recent|recent|previous|past|newest|available|existing|old|saved|\d+))*(?: the)? ?(?:snapshots|checkpoints|restore points|snapshot (?:list|history)|snapshots list|list of (?:my |the |all )?snapshots)\b",
        "snapshots",
    ),
    frame(
        "history",
        97,
        r"when (?:was|did (?:i|we|you) (?:take|make)|is) (?:the |my |our )?(?:last|latest|most recent) snapshot",
        "last",
    ),
    frame(
        "history",
        96,
        rf"(?:{SHOW} |search |go through |look (?:at|through|in) )?(?:(?:the|my|our|your|full|whole|complete|action|command|change|project|recent|a|an) )*(?:(?:\d+ )?(?:entries|items|lines|part) (?:of|in|from) (?:the |my )?history|history|timeline|past actions|audit log|activity log|activity|journal|log of (?:actions|changes|what was done))\b",
        "history",
    ),
    frame(
        "history",
        96,
        rf"(?:{SHOW}|what (?:were|was|are)|which were)(?: the| my| our)* ?(?:last|latest|recent|previous|past|\d+)(?: \d+)?(?: (?:few|couple of))? ?(?:actions|changes you made|things (?:you|we|i) did|steps|commands|operations|calls|transactions|action|command)\b",
        "actions",
    ),
    frame(
        "history",
        96,
        r"(?:list|show)(?: me)? (?:the |my |all |all the |past )?(?:actions|commands)\b",
        "actions",
    ),
    frame(
        "history",
        96,
        r"(?:show|list|give|print|display)(?: me)?(?: the)? (?:(?:last|latest|recent) )?(?=\d+ (?:last |latest )?(?:history|entries|items|lines of history))",
        "history",
    ),
    frame("history", 96, r"(?:last|recent) (?:\d+ )?(?:actions|commands)\b", "actions"),
    frame("history", 94, r"when (?:did|have|had|was|were) ", "when"),
    frame(
        "history",
        94,
        r"(?:have|did) (?:i|we|you|anyone|someone|anybody)(?: already| ever)? (?=(?:install|deploy|upgrad|run|ran|snapshot|chang|rewind|rewound|add|updat|remov|roll|take|took|set|switch|destroy|sync|provision|downgrad|restor)\w*)",
        "did",
    ),
    frame(
        "history",
        93,
        r"what (?:did|have|had) (?:i|we|you)(?: all| already| just)* (?:do|done|did|been doing|change|install|run|deploy|installed|changed|deployed|upgrade|upgraded)\b",
        "what did",
    ),
    frame(
        "history",
        95,
        r"(?:show|tell|list|give)(?: me| us)? (?:what|everything|all|all the things)(?: that)? (?:i|we|you)(?:'ve| have)? (?:all )?(?:did|done|changed|installed|deployed|do)\b",
        "what did",
    ),
    frame(
        "history",
        97,
        r"(?:find|search|look(?: it)?(?: up)?|check) (?:in |through )?(?:the |my |our )?(?:history|memory|timeline|journal)(?: for)?(?: when| where)?(?: (?:we|i|you))?(?: for)?\b",
        "know",
    ),
    frame(
        "history",
        93,
        r"what (?:happened|was done|has been done|was going on|went on)\b(?! to the weather)",
        "what did",
    ),
    frame(
        "history",
        93,
        r"(?:show|tell|list)(?: me)? (?:what|everything|all)(?: that)? (?:you|we) (?:remember|know|recall|have noted)(?: about)?\b",
        "know",
    ),
    frame(
        "history",
        93,
        r"(?:what|which|anything)(?: do| did| can)? (?:you|we) (?:remember|know|recall|have noted|noted)(?: (?:about|of|on|regarding))?\b",
        "know",
    ),
    frame(
        "history",
        93,
        r"(?:what|which) (?:facts|notes|preferences) (?:do|did|have) (?:you|we|i)(?: (?:remember|know|have|keep|kept|noted))*(?: about)?",
        "know",
    ),
)

_ABOUT = re.compile(
    r"\b(?:about|of|on|regarding|for|concerning|containing|mentioning|matching|with|related to)\s+(?=\S)"
)

_COUNT = re.compile(
    rf"\b(?:(?:last|latest|recent|first|past|previous|newest|top|only)\s+)?(\d[\d{JOINT}]*)\b(?! ?(?:hours?|days?|weeks?|minutes?|months?|mins?|am|pm|:))"
)

_WHEN = re.compile(
    r"(?:\b(?:from|since|of|in|for|over|during|on|until|before|after) )?(?:the )?(?:\b(?:today|yesterday|this (?:week|morning|month|afternoon)|last (?:week|month|night|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|(?:last|past) \d+ (?:days|hours|weeks)|(?:mon|tues|wednes|thurs|fri|satur|sun)day))(?: (?:morning|evening|afternoon|night))?\b"
)


_SUBJECTS = re.compile(
    r"snapshots?|actions?|changes?|installs?|deploy\w*|upgrades?|env\w*|last|past|this|today|yesterday|commands?|everything|all|what|packages?"
)


def _foreign(word: str) -> bool:
    """No subject of our history: the Roman empire's."""
    known = word in OBJECTS or word in SERVICEISH or word in PACKAGES or _SUBJECTS.fullmatch(word)
    return not known and ordinary(word)


def read(clause: Clause) -> Found | None:
    how, rest = clause.frame.how, clause.rest
    low = clause.text.low
    if re.match(r"\s*(?:is|was|are|has|repeats)\b", rest.low) and how == "history":
        return NO
    if (
        how == "history"
        and (of := re.match(r"\s*of (?:the |a |an |our |my )?([\w.-]+)(.*)$", rest.low))
        and _foreign(of[1])
    ):
        return NO
    if any(word in EVERYDAY for word in re.findall(r"[a-z]+", rest.low)) and not moment(rest.low):
        return NO
    kind = {"snapshots": "snapshots", "last": "snapshots", "actions": "actions"}.get(how)
    limit: int | None = 1 if how == "last" else None
    query: str | None = None
    if how == "last action":
        return made(call("history", kind="actions", limit=1))
    if how in ("snapshots", "actions", "history"):
        if match := _COUNT.search(low):
            limit = number(match[1])
        if how == "history" and re.search(r"\bactions\b", rest.low):
            kind = "actions"
        elif how == "history" and re.search(r"\bsnapshots\b", rest.low):
            kind = "snapshots"
        if (match := _ABOUT.search(rest.low)) and not re.match(
            r"(?:this|the|my|our) (?:project|env\w*|machine|snapshots?|repo)$|(?:all|snapshots?|actions?|(?:all )?(?:the |my )?(?:snapshots|actions|history|timeline))$",
            rest.low[match.end() :],
        ):
            query = _words(rest.cut(match.end()))
        elif match := _WHEN.search(rest.low):
            query = re.sub(r"^(?:from|of|for|in|on) ", "", rest.raw(match.start(), match.end()))
        elif (
            how == "history"
            and (match := re.match(r"\s*([\w.-]+)$", rest.low))
            and namelike(match[1])
            and not match[1].isdigit()
            and match[1] not in ("actions", "snapshots", "recent")
        ):
            query = None if match[1] in ("history", "memory", "timeline") else rest.raw()
        if query and limit and str(limit) in query:
            query = None
    elif how in ("when", "did", "what did", "know"):
        body = re.sub(r"^\s*(?:i|we|you|it|was|were|the|on|in|during|did|have|been|anyone)\s+(?=\S)", "", rest.low)
        cut = rest.cut(len(rest.low) - len(body))
        if how == "when":
            cut = rest.cut()
            if lead := re.match(r"(?:i|we|you|someone|anybody)(?: last| first)? ", cut.low):
                cut = cut.cut(lead.end())
            elif not re.search(
                r"\b(?:install|upgrad|deploy|chang|snapshot|updat|rewind|rewound|add|remov|run|set up|roll|switch|sync|provision)\w*",
                cut.low,
            ):
                return None
            if re.match(r"(?:last )?(?:take|make|took) (?:the |a |my )?(?:last |latest )?snapshot$", cut.low):
                return made(call("history", kind="snapshots", limit=1))
        elif how == "did":
            cut = rest
            if re.match(r"(?:run|install|deploy)\w*$", cut.low):
                pass
        query = _words(cut) or None
        if (
            how == "what did"
            and query
            and re.fullmatch(
                r"(?:so far|here|already|until now|recently|lately|in this project|before|on this project|to (?:this|the) project)",
                query.lower(),
            )
        ):
            query = None
    return made(call("history", query=query, kind=kind, limit=limit if limit != 20 else None))


def _words(text: Text) -> str:
    text = text.cut(0, len(text.low.rstrip(" .,!?")))
    for lead in (r"(?:the|my|our|here|a|an|it is|is)\s+", r"here\s+"):
        if match := re.match(lead, text.low):
            text = text.cut(match.end())
    return quoted(text.raw())
