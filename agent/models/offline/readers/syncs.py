"""Sync sessions that run, and their conflicts."""

from __future__ import annotations

import re

from ..found import Clause, Found, asks, made
from ..frame import frame
from ..normalise import Text
from ..values import HOSTISH, PLACE, namelike, pathlike
from ..world import call

_SYNC = r"(?:the |my |our |all |this |that |every )*(?:[\w.@:/~-]+ )?(?:syncs?|sync sessions?|synchroni[sz]ations?|syncing)\b"
_ACTIONS = {
    "pause": "pause", "suspend": "pause", "hold": "pause", "halt": "pause", "freeze": "pause",
    "resume": "resume", "continue": "resume", "unpause": "resume", "restart": "resume", "go on with": "resume",
    "flush": "flush", "force": "flush", "finish": "flush",
    "end": "end", "stop": "end", "terminate": "end", "cancel": "end", "quit": "end", "kill": "end", "close": "end",
    "list": "list", "show": "list", "what": "list",
}  # fmt: skip
_SIDES = {"mine": "mine", "ours": "mine", "my": "mine", "our": "mine", "local": "mine", "here": "mine",
          "theirs": "theirs", "their": "theirs", "the remote": "theirs", "remote": "theirs", "the other": "theirs", "there": "theirs",
          "newest": "newest", "the newest": "newest", "latest": "newest", "the newer": "newest", "newer": "newest",
          "both": "both", "merge": "merge"}  # fmt: skip
_TAKE = re.compile(
    r"(?:take|keep|use|prefer|choose|accept|taking|keeping|using)\s+(?P<side>mine|ours|theirs|both|my|our|their|the newest|the newer|newest|newer|the remote|remote|local|the other)"
    r"(?: (?:versions?|files?|changes?|side|ones?|copies|copy))*(?:\s+(?:under|in|for|of|below|inside)\s+(?P<under>\S+))?"
)
_ELSEWHERE = re.compile(
    r"[,\s]+(?:and |but )?(?P<side>mine|ours|theirs|both|newest|the newest|merge)(?: versions?)?\s+(?:elsewhere|everywhere else|otherwise|for (?:the rest|everything else)|(?:under|in|for) (?P<under>\S+))"
)

_JOINED = re.compile(
    r"\b(?:resolve|settle|fix|solve|handle|decide)(?: all)?(?: of)?(?: the| my| those| these)*(?: sync)? conflicts?(?P<where> (?:in|under|of|for) [^\s,:;]+)?"
    r"(?:\s*[,:;-]\s*|\s+)(?:and |by |with |in favou?r of |to |as |please |just |then )*(?:tak(?:e|ing) |keep(?:ing)? |us(?:e|ing) |prefer(?:ring)? |accept(?:ing)? |choos(?:e|ing) )?"
    r"(?P<side>mine|ours|theirs|both|the newest|newest|the newer|newer|the latest|my|our|their|the remote|remote|the local|local|the other)\b"
    r"(?: (?:versions?|files?|changes?|side|ones?|copies|copy))?(?: wins?| always wins?)?"
)


def joined(text: Text) -> Text:
    """ "Resolve the conflicts, take theirs" is one wish: without this it would be asked how."""

    def one(match: re.Match[str]) -> str:
        return f"take {match['side'].replace('the local', 'mine').replace('local', 'mine')}{match['where'] or ''}"

    return text.sub(_JOINED, one)


FRAMES = (
    frame("syncs", 96, rf"(?P<verb>pause|suspend|hold|halt|freeze|resume|continue|unpause|restart|flush|finish|force|end|stop|terminate|cancel|quit|kill|close|go on with) {_SYNC}", "manage"),
    frame("syncs", 97, r"(?:(?:list|show|see)(?: me)?(?: all)?|what are|which are|what|which|are there|is there|any|what is in|what's in)(?: the| my| our| all| any| a)*(?: (?:sync|unresolved|open))* conflicts?\b(?! (?:with|between|in) (?:my |the )?(?:packages?|dependenc|versions?|ports?|python|npm))", "conflicts"),
    frame("syncs", 92, r"(?:what am i|what are we|what do i|what is(?: being| getting)?|what's(?: being)?|which (?:directories|folders) (?:are|do i)(?: being)?) (?:sync(?:ing|ed)?|kept in sync|synchroni[sz](?:ing|ed))\b", "conflicts"),
    frame("syncs", 92, r"(?:list|show)(?: me)?(?: all)?(?: the| my| our)* syncs$", "conflicts"),
    frame("syncs", 92, r"(?:show|tell|list)(?: me)? what(?: is|'s) (?:kept in sync|being synced|synced)\b", "conflicts"),
    frame("syncs", 92, r"(?:why (?:did|has|is) (?:the|my) sync|how (?:is|are) (?:the|my) syncs?|has (?:the|my) sync)\b(?=.{0,30}\b(?:halt\w*|stop\w*|fail\w*|doing|going|paused|stuck|finished|caught)\b)", "conflicts"),
    frame("syncs", 92, r"(?=(?:take|keep|use|prefer|choose|accept) (?:mine|ours|theirs|both|the newest|the newer|newest|my versions?|our versions?|their versions?|the remote|the other side)\b)", "take"),
    frame("syncs", 93, r"(?:resolve|settle|fix|solve)(?: all)?(?: of)?(?: the| my| those| these)*(?: sync)? conflicts?\b", "take"),
    frame("syncs", 90, r"merge (?:the |all |those |these |my )*(?:sync )?conflicts?\b", "merge"),
)  # fmt: skip


def read(clause: Clause) -> Found | None:
    low = clause.text.low
    if clause.frame.how == "conflicts":
        return made(call("syncs", action="list"))
    if clause.frame.how == "merge":
        return made(call("syncs", action="resolve", take="merge", under=_places(clause.rest.low)))
    if clause.frame.how == "manage":
        match = clause.frame.pattern.match(low)
        action = _ACTIONS[match["verb"]] if match else "list"
        named = re.search(r"\b(?:to|with|called|named|of|from|on)\s+(?P<name>\S+)$", clause.rest.low)
        name = clause.rest.raw(named.start("name"), named.end("name")) if named else _before(clause)
        lone = re.match(r"\s*(\S+)", clause.rest.low)
        if clause.head.rstrip().endswith("ing") and lone and _placed(lone[1]):
            name = clause.rest.raw(lone.start(1), lone.end(1))
        if action == "end" and name is None and re.search(r"\b(?:all|every|everything)\b", low):
            name = "all"
        return made(call("syncs", action=action, name=name))
    found = _TAKE.search(low)
    if found is None:
        return asks(
            "How? Take mine, theirs, the newest or both, or merge them; a directory may follow: mine under src."
        )
    rules = [_rule(found["side"], found["under"])]
    for more in _ELSEWHERE.finditer(low, found.end()):
        rules.append(_rule(more["side"], more["under"]))
    if len(rules) == 1:
        side, _, under = rules[0].rpartition("=")[2], "", found["under"]
        return made(call("syncs", action="resolve", take=side, under=_under(under)))
    return made(call("syncs", action="resolve", rules=rules))


def _rule(side: str, under: str | None) -> str:
    return f"{_trimmed(under) if under else '*'}={_SIDES[side]}"


def _under(said: str | None) -> list[str]:
    path = _trimmed(said or "")
    everywhere = ("everything", "all", "them", "each", "every", "these", "those", "it", "the", "any")
    return [] if path in ("", *everywhere) else [path]


def _placed(word: str) -> bool:
    return bool(PLACE.fullmatch(word) or HOSTISH.fullmatch(word) or pathlike(word) or namelike(word)) and word not in (
        "it", "now", "for", "with", "to", "and", "all", "everything", "please", "them", "that", "this",
    )  # fmt: skip


def _trimmed(path: str) -> str:
    return path.rstrip(",;.!?") or path


def _places(low: str) -> list[str]:
    return [_trimmed(word) for word in low.split() if pathlike(_trimmed(word))]


def _before(clause: Clause) -> str | None:
    """The name before the noun: "pause the web sync"."""
    words = re.findall(r"[\w.@:/~-]+", clause.head)
    if len(words) >= 3 and namelike(words[-2]) and words[-2] not in ("sync", "all"):
        return words[-2]
    return None
