"""Back to which moment, and which paths."""

from __future__ import annotations

import re

from ..english import ordinary
from ..found import NO, Clause, Found, asks, made, quoted
from ..frame import frame
from ..moments import WHAT_MOMENT, target
from ..normalise import Text
from ..places import where
from ..tables import (
    EVERYDAY,
    OBJECTS,
    PACKAGES,
    SERVICEISH,
)
from ..values import context, moment, namelike, pathlike, span
from ..world import World, call

FRAMES = (
    frame(
        "rewind",
        88.5,
        r"(?:restore|revert|recover|get back|bring back|give me|get)(?= (?:yesterday|last \w+|this morning)'s )",
        "owned",
    ),
    frame("rewind", 96, r"(?:undo|unwind|reverse)\b", "undo"),
    frame(
        "rewind",
        95,
        r"(?:take|put|bring|set|change|turn|get|return|roll) (?:that|it|this|all that|the last (?:change|thing|step|action))(?: all)? back\b",
        "takeback",
    ),
    frame("rewind", 95, r"cancel(?= (?:the |my |your )?last)", "undo"),
    frame(
        "rewind",
        94,
        r"(?:revert|roll ?back)(?= (?:that|it|this|(?:the |my |your )?(?:last|latest|previous|most recent) (?:change|thing|step|action|command|install|installation|upgrade|update|edit|one|operation)s?|what you(?:'ve| have)? (?:just )?(?:did|done)|everything you)\b)",
        "undo",
    ),
    frame("rewind", 92, r"(?:rewind|time ?travel)\b", "strong"),
    frame(
        "rewind",
        90,
        r"(?:(?:take|put|bring|set|roll|turn|move|get|return|reset|restore|revert|go|jump|step|switch|return)(?: (?:me|us|it|this|that|all|everything|things|the \w+(?: \w+)?|my \w+|this \w+|[\w-]*[./][\w./-]+))? back|back)\b(?= to| on| in| from| as|$| \d| an?\b| half| before| like| how| by| one| two| a couple)",
        "back",
    ),
    frame(
        "rewind",
        88,
        r"(?:restore|revert|recover|reset|return|bring back|get back|give (?:me|us) back|give back)\b",
        "weak",
    ),
    frame(
        "rewind",
        80,
        r"(?:roll ?back)(?=(?: (?:everything|all|the (?:env\w*|project|machine|system|state|setup|whole \w+)|this (?:project|env\w*|repo)|my \w+|the files?))? to )",
        "back",
    ),
    frame(
        "rewind",
        60,
        r"(?:need|want|like|have)(?= (?:everything|it|things|all|the \w+|my \w+)(?: back)? (?:as|like|how|the way|back|to be)\b)",
        "back",
    ),
    frame(
        "rewind",
        60,
        r"(?:make|have)(?= (?:it|everything|things|all)? ?(?:be )?(?:like|as|the way|how)(?: it was)?\b)",
        "back",
    ),
    frame(
        "rewind",
        70,
        r"(?:something|this|that|it)(?: all)? was (?:a mistake|wrong|bad|not good|a bad idea)$",
        "statement",
    ),
    frame(
        "rewind",
        85,
        r"(?:load|apply|use|check ?out|activate|go to|open)(?= (?:the )?(?:last |latest |previous |[\w.-]+ )?snapshot\b)",
        "weak",
    ),
)

_UNDO_LAST = re.compile(
    r"(?:(?:that|it|this|all that|those|them|all of (?:that|it|this)|(?:the |my |your |our )?(?:last|latest|previous|most recent|recent)(?: \w+){0,2}|what (?:you|we|i)(?:'ve| have| had)? (?:just )?(?:did|done|changed|installed)(?: \w+)?|everything you (?:just )?did|(?:the|that|this|these|those|your|my) (?:changes?|action|step|operation|thing|mess|installation|install|update|upgrade|command)|again|one step|damage|the damage)(?: (?:you|we|i) (?:just )?(?:did|made|have done))?|)(?: (?:again|now|right away|immediately|quickly|too|as well|back|completely|change|action|last))*"
)


def read(clause: Clause) -> Found | None:
    how, world = clause.frame.how, clause.world
    if how == "statement":
        return None if not world.earlier else asks("Shall I take the last change back? Say: undo that.")
    if how == "owned":
        owned = re.match(r"\s*(.+?)'s (?:version of |copy of )?(.+)$", clause.rest.low)
        if owned is None:
            return None
        found, odd = _paths(clause.rest.cut(owned.start(2)), strong=False)
        when = clause.rest.raw(owned.start(1), owned.end(1))
        return made(call("rewind", to=when, paths=found)) if not odd else None
    if how in ("undo", "takeback"):
        return _undo(clause)
    place = where(clause.rest, world, path=False, bare=True)
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    rest = place.text.cut()
    paths: list[str] = []
    if held := re.match(r"\w+ ([\w-]*[./][\w./-]+) back", clause.head):
        paths = [clause.text.raw(held.start(1), held.end(1))]
    if only := re.search(
        r",?\s(?:but |and )?(?:only|just)(?: for)?(?: the)?(?: files?| folders?| path)?\s+(?=\S+(?:(?:,| and) \S+)*\s*$)",
        rest.masked(),
    ):
        found, odd = _paths(rest.cut(only.end()), strong=True)
        if found and not odd and only.start() > 3 and not re.search(r"\b(?:to|from)\b", rest.masked()[only.end() :]):
            paths, rest = found, rest.cut(0, only.start())
    time: Text | None = None
    if match := re.search(
        r"(?:^|\s)(?:back )?(?:to|from|at|as of|as it was|as they were|like it was|as|like|how|the way)\b(?!.*\s(?:back )?to\s(?!how|when|what|be\b))",
        rest.masked(),
    ) or re.search(r"(?:^|\s)(?:to|from)\b", rest.masked()):
        before, time = rest.cut(0, match.start()), rest.cut(match.start())
        more, odd = _paths(before, strong=how == "strong")
        paths = [*more, *paths]
        if odd:
            return _odd(clause, odd)
    else:
        low = re.sub(r"^by\s+", "", rest.low).strip(" .!?")
        head = re.sub(
            r"^(?:(?:it|everything|all|this|that|the (?:env\w*|project|machine|state|files?)|my \w+)\s+)(?:back )?",
            "",
            low,
        )
        if span(head):
            start = rest.low.find(head)
            return made(call("rewind", to=f"{rest.raw(start, start + len(head))} ago", on=place.on))
        bare = re.fullmatch(
            r"(?:it|everything|all|this|that|back|the (?:env\w*|project|machine|state)|my (?:env\w*|project|machine)|things|)(?: back| now| again)*",
            low,
        )
        if bare:
            return (
                asks(_which(world))
                if how != "weak" or low not in ("that", "it") or not world.earlier
                else made(call("rewind", to="last", on=place.on))
            )
        if how == "weak" and re.fullmatch(
            r"(?:all |some (?:of )?)?(?:my |the |our )?(?:files?|folders?|changes|work|code|packages|data)", low
        ):
            return asks(_which(world))
        paths, odd = _paths(rest, strong=False)
        if paths and not odd:
            return asks(f"Take {', '.join(paths)} back to when? Say {WHAT_MOMENT}.")
        label, sure = target(rest, world, loose=how == "strong")
        if label and sure:
            return made(call("rewind", to=label, on=place.on))
        if how == "weak" and re.match(r"(?:the |my )?\"?[\w.-]+\"? (?:env\w*|snapshot)", low):
            return asks(_which(world))
        return _odd(clause, low)
    if re.search(r"\b(?:release|deployment)$", time.low):
        return None
    to, sure = target(time, world, loose=True)
    if to is None:
        if (
            re.search(
                r"\b(?:before|earlier|previously|used to be|original\w*|normal|good state|working state|working again|it was|they were)\b",
                time.low,
            )
            or how == "strong"
            or paths
        ):
            return asks(_which(world))
        return (
            NO
            if any(w in EVERYDAY for w in time.low.split())
            else asks(_which(world))
            if how == "back" and re.match(r"\s*(?:to|from) (?:a|an|some|the) ", time.low) and "snapshot" in time.low
            else NO
        )
    if not sure or (how == "weak" and to.lower() in EVERYDAY):
        return NO
    if not moment(to.lower()) and to.lower() in PACKAGES and how != "strong":
        return NO
    if (
        how != "strong"
        and to.lower() not in {s.lower() for s in world.known.snapshots}
        and (bad := context(to.lower()))
        and "snapshot" not in time.low
    ):
        return (
            None
            if clause.head.strip().startswith(("go", "switch", "change")) or bad == "prod"
            else made(call("rewind", to=to, paths=paths, on=place.on))
        )
    return made(call("rewind", to=to, paths=paths, on=place.on))


def _which(world: World) -> str:
    if world.known.snapshots:
        return f"Rewind to what? The newest snapshots: {', '.join(world.known.snapshots[:5])}. Or say {WHAT_MOMENT}."
    return f"Rewind to what? Say {WHAT_MOMENT}. `history` lists the snapshots; `undo that` takes the last change back."


def _odd(clause: Clause, odd: str) -> Found | None:
    if any(word in EVERYDAY for word in odd.split()):
        return NO
    if clause.frame.how == "strong":
        return asks(_which(clause.world)) if len(odd.split()) < 3 else NO
    if clause.frame.how == "weak" and clause.head.strip() == "revert":
        return asks(_which(clause.world))
    return None


_OBJECT = re.compile(
    r"^(?:(?:the|my|our|this|that|only|just|whole|entire|all|both|files?|folders?|director(?:y|ies)|everything in|path|paths|dir|back)\s+)+(?=\S)"
)


def _paths(text: Text, *, strong: bool) -> tuple[list[str], str]:
    """The paths of "src and tests", or what else stands there that is not the environment itself."""
    found: list[str] = []
    at = 0
    for match in [*re.finditer(r"\s*(?:,|\band\b|&)\s*(?:and )?", text.low), None]:
        item = text.cut(at, match.start() if match else None)
        at = match.end() if match else at
        marked = bool(re.search(r"\b(?:file|files|folder|folders|directory|dir|path|only|just)\b", item.low))
        if lead := _OBJECT.match(item.low):
            item = item.cut(lead.end())
        item = item.cut(0, len(re.sub(r"\s+(?:file|files|folder|directory|dir|back|only)$", "", item.low)))
        low = item.low.strip(" .,") if item.low not in (".", "..") else item.low
        if (
            not low
            or low in OBJECTS
            or low in ("me", "us", "files", "back", "only")
            or re.fullmatch(
                r"(?:env\w*|\w+ env\w*|(?:it|things|everything|all)(?: all)?(?: back)?|state of .*|local state|python env\w*)",
                low,
            )
        ):
            continue
        if pathlike(low) or low[0] in "\"'`" or ((strong or marked) and namelike(low)):
            found.append(quoted(item.raw()))
        else:
            return found, low
    return found, ""


def _undo(clause: Clause) -> Found | None:
    place = where(clause.rest, clause.world, path=False)
    low = place.text.low.strip(" .,!?")
    if (
        (match := re.match(r"(?:all )?(?:the |my )?last (.+)$", low))
        and span(match[1])
        and not re.fullmatch(r"(?:two|three|few)", match[1])
    ):
        start = place.text.low.find(match[1])
        return made(call("rewind", to=f"{place.text.raw(start, start + len(match[1]))} ago", on=place.on))
    if re.fullmatch(r"(?:everything|all|all of it|it all|all (?:the |my |your )?changes)", low) or re.match(
        r"(?:the )?last (?:two|three|\d+|few|couple)", low
    ):
        return asks(_which(clause.world))
    if re.fullmatch(r"(?:undo\W*)+", low):
        return made(call("rewind", to="last", on=place.on))
    if clause.frame.how == "takeback" or _UNDO_LAST.fullmatch(low):
        return made(call("rewind", to="last", on=place.on))
    if any(word in EVERYDAY for word in low.split()):
        return NO
    if match := re.search(r"\b(?:since|from|until|back to|to)\s+(?=\S)", low):
        to, sure = target(place.text.cut(place.text.low.find(low) + match.start()), clause.world, loose=False)
        if to and sure and match[0].strip() not in ("from",):
            return made(call("rewind", to=re.sub(r"^since ", "", to), on=place.on))
    if re.match(
        r"(?:the |my |that |your )?(?:[\w.@-]+ )?(?:upgrade|update|install|installation|downgrade|deploy\w*|change|changes|edit|migration|command)(?: (?:of|to|from|in) .*)?$",
        low,
    ):
        body = re.sub(r"^(?:my|that|your) ", "the ", low)
        raw = place.text.raw(place.text.low.find(low), None)
        raw = re.sub(r"^(?:my|that|your) ", "the ", raw, flags=re.IGNORECASE).strip(" .,!?")
        return made(call("rewind", to=f"before {raw if body.startswith('the ') else 'the ' + raw}", on=place.on))
    of_daily = re.fullmatch(r"(?:the|my|your|our|his|her) ([a-z]+)", low)
    if of_daily and ordinary(of_daily[1]) and of_daily[1] not in OBJECTS and of_daily[1] not in SERVICEISH:
        return NO
    return None if clause.head.strip() == "reverse" else asks(_which(clause.world))
