"""Compared with what."""

from __future__ import annotations

import re

from ..english import ordinary
from ..found import NO, Clause, Found, asks, made
from ..frame import SHOW, frame
from ..moments import TIMES
from ..places import where
from ..sides import SPEC, side_of, since, unless_last
from ..tables import (
    EVERYDAY,
    PACKAGES,
    PROGRAMS,
)
from ..values import HOSTISH, context, moment, namelike
from ..world import call

FRAMES = (
    frame("drift", 92.5, r"compare(?= [\w.-]+$)", "compare"),
    frame("drift", 91, r"(?:check|verify|compare|validate)(?= against )", "noun"),
    frame(
        "drift",
        92,
        r"(?:am|are|is) (?:i|we|it|my \w+|the \w+|this)(?: now| still)? (?:out of sync|in sync|out of date|behind|ahead|off|diverged)(?: with| from| of)?\b",
        "is",
    ),
    frame("drift", 93, r"(?:what's|what is|what are|show(?: me)?|tell me) the differences? between\b", "noun"),
    frame(
        "drift",
        95,
        r"what (?:did|have) (?:i|we) (?:just )?(?:change|changed|modify|modified|break|broken|touch|touched)\b",
        "what",
    ),
    frame(
        "drift",
        95,
        r"(?:check|verify|test|validate|hold)(?= (?:my|the|our|this|everything|it|all)\b.{0,40} (?:against|with) (?:the |my |our )?(?:spec|lock|manifest|requirements|snapshot|package|pyproject|last))",
        "compare",
    ),
    frame(
        "drift",
        96,
        r"(?:(?:show|tell|list|give|check|see|explain)(?: me| us)?(?: to me)? )?(?:what|anything|something)(?: (?:the (?:hell|fuck|heck)))?(?: has|'s| have| is| was| got| did| all| exactly| else)* ?(?:changed?|different|differs?|differed|drifted|diverged|modified|new|been (?:changed|modified)|broke|broken)\b",
        "what",
    ),
    frame(
        "drift",
        92,
        r"(?:has|have|did|is|are|was|were|do|does) (?:anything|something|everything|any (?:files?|packages?|dependenc\w+|config\w*|settings?)|(?:my|the|this|our) (?:env\w*|setup|project|machine|state|config\w*|files?|packages?))(?: here)? ?(?:changed?|different|drifted?|diverged?|broken|broke|been \w+)\b",
        "what",
    ),
    frame(
        "drift",
        92,
        rf"(?:{SHOW} |are there |is there |what are |any |check (?:for )?|look for |detect |find |do |run |report )?(?:(?:the|my|any|all|some|a|an|current|environment|env|package|version|config|configuration|a check for) )*(?:drift|diff|diffs|differences?|changes|deviations?)\b(?! (?:the )?(?:context|port|directory|password|light))",
        "noun",
    ),
    frame("drift", 92, r"(?:compare|diff|drift|contrast)\b", "compare"),
    frame(
        "drift",
        91,
        r"(?:is|are|does|do|am)(?: (?:my|the|this|our|i|we|it))? ?(?:env\w*|setup|project|machine|system|everything|things|state|packages|dependencies|local \w+|\w+ env\w*)?(?: \S+)? ?(?:still |really |any |exactly |already )*(?:in line with|in sync with|up to date with|consistent with|the same as|match(?:es|ing)?|different (?:from|to|than)|identical (?:to|with)|drift(?:ed|ing)? (?:from|away from)|diverged? from|differs? from|conform(?:s|ing)? to|according to|correspond(?:s)? to|equal to|up to spec|as specified)\b",
        "is",
    ),
    frame(
        "drift",
        91,
        r"(?:check |see |verify |tell me |find out |let me know |make sure |test )?(?:if |whether |that )?(?:(?:my|the|this|our|everything|it|i|we|all)\b)(?: (?:env\w*|setup|project|machine|system|packages|dependencies|local \w+|state))?(?: (?:is|are|am|does|do|still|really|exactly))* (?:match(?:es)?|in sync with|in line with|up to date with|consistent with|the same as|identical to|different from|differs? from|drift(?:ed|s)? from|conforms? to|up to spec)\b",
        "is",
    ),
    frame(
        "drift",
        91,
        r"(?:check|see|verify|tell me|find out|let me know)(?: if| whether| for)? (?:(?:if|whether) )?(?:anything|something|there (?:is|are|was|were)(?: any)?|any)(?: has| have| is| was)? ?(?:changed?|drift(?:ed)?|changes|differences?|different|diverged)\b",
        "what",
    ),
    frame("drift", 93.5, r"how (?:do|does) (?=.{1,60} and .{1,60} (?:differ|compare))", "differ"),
    frame(
        "drift",
        91,
        r"(?:are|am|is) (?:we|i|it|this|everything)(?: still)? (?=(?:on|up to|in|within|off) (?:the )?spec)",
        "on",
    ),
    frame(
        "drift",
        93.5,
        r"how (?:does|do|is|are|did)(?: (?:my|the|this|our|it))?(?: \S+){0,2}? (?:differ\w*|different|compare\w*|deviat\w*)\b",
        "is",
    ),
    frame(
        "drift",
        91,
        r"how (?:far|different|much) (?:am i|are we|is (?:this|my|the|it)(?: \w+)?|off)(?: am i| are we)?(?: \w+)? (?:from|off|different from|behind|away from|compared (?:to|with))\b",
        "is",
    ),
    frame(
        "drift",
        85,
        r"(?:it|this|that|everything|things|the (?:tests?|build|app|project|thing)|tests|my \w+|all)(?: still| all)? (?:worked|was working|were working|ran|was running|was (?:fine|ok|green|good)|were (?:fine|green|ok)|passed|built)(?: fine| ok| well| perfectly)?\b",
        "worked",
    ),
    frame(
        "drift",
        85,
        r"(?:it |this |that )?works? (?:fine |ok |well )?(?:on|for|at|in) (?=.{1,60}\b(?:but|not|here|mine|me)\b|(?:[\w-]+)'s)",
        "works on",
    ),
    frame(
        "drift",
        85,
        r"(?:but )?why (?:is|are|does|do|did|has|have)(?: it| this| that| everything| things| my \w+| the \w+| tests)?(?: all)?(?: suddenly| now| it| not)* ?(?:broken|failing|fail|break|red|not work\w*|work(?:ing)? differently|different|stop\w* working|broke)\b",
        "worked",
    ),
    frame(
        "drift",
        84,
        r"(?:nothing|it|this|that|everything|the \w+|my \w+|tests?)(?: suddenly| all| just)? (?:works|doesn't work|does not work|isn't working|is broken|broke|stopped working|fails|is failing|are failing|fail|is red|no longer works|won't start|work)(?: any ?more| any longer| now| again)*(?= since| after|$)",
        "worked",
    ),
    frame(
        "drift",
        84,
        r"(?:something|anything)(?: is|'s| seems| must be| looks)? (?:off|wrong|different|weird|broken|fishy|odd|strange)\b",
        "off",
    ),
)


_SIDE = re.compile(
    r"(?:\b(?:compared )?(?:against|versus|vs\.?|match(?:es|ing)?|with|(?<!up )to|from|than|relative to|since|after|between|on top of|and)\s+(?=\S))"
)


_ON_WORDS = re.compile(
    r"^\s*(?:(?:now|today|present|my|the|this|our|current|local|it|env\w*|setup|project|state|everything|machine|things|here|changed?|different|any|in|of|for|now|check|and)\b\s*)*"
)


_FROM_HERE = re.compile(
    r"\b(?:from|with|to|than|and) (?:here|mine|my (?:own|machine|laptop|computer|box|setup)|this (?:machine|one|laptop|computer))\b"
)


def read(clause: Clause) -> Found | None:
    found = _read(clause)
    if found is not None and found.kind == "calls" and _FROM_HERE.search(clause.text.low):
        (first, *others) = found.calls
        said = [
            h
            for h in clause.world.known.hosts
            if re.search(rf"\bdo(?:es)? (?:the )?{re.escape(h.lower())} ", clause.text.low)
        ]
        other = first.args.get("on") or (said[0] if said else None)
        if not others and other and "against" not in first.args:
            # Both sides were named: the other one is what is compared with, not where its own past is looked at.
            return made(call("drift", **{**first.args, "against": other, "on": None}))
    return found


def _read(clause: Clause) -> Found | None:
    how, world = clause.frame.how, clause.world
    text = clause.text
    low = text.low
    if re.match(
        r"what(?:'s| is| are) new (?:in|with|about|at|for) (?!here|my|this|the (?:env|project|repo|lock))", low
    ):
        return NO
    if how == "on":
        return made(call("drift", against="spec"))
    if how == "differ":
        sides = re.match(r"\s*(.{1,60}?) and (.{1,60}?) (?:differ|compare)", clause.rest.low)
        if sides is None:
            return None
        one, two = clause.rest.cut(sides.start(1), sides.end(1)), clause.rest.cut(sides.start(2), sides.end(2))
        if not _ON_WORDS.sub("", one.low).strip():
            one = two
        return made(call("drift", against=unless_last(side_of(one, world))))
    if any(word in EVERYDAY - TIMES for word in re.findall(r"[a-z]+", low)):
        return NO
    if how == "works on":
        owner = re.search(r"\b(?:on|for|at|in) (?:the |my )?(?:colleague |teammate )?([\w.-]+?)(?:'s| but|,|$)", low)
        if owner and re.search(r"\bon (?:my|this|mine)\b", low[: owner.end()]):
            return made(call("drift"))
        return made(call("drift", against=side_of(text.cut(owner.start(1), owner.end(1)), world) if owner else None))
    pair = re.search(r"\bbetween\s+(.+?)\s+and\s+(.+)$", low)
    if pair:
        first, second = text.cut(pair.start(1), pair.end(1)), text.cut(pair.start(2), pair.end(2))
        if re.fullmatch(
            r"(?:now|here|this|today|me|mine|my \w+|the current \w+|local|my machine|what i have)\W*", second.low
        ):
            return made(call("drift", against=side_of(first, world)))
        if re.fullmatch(r"(?:now|here|this|today|me|mine|my \w+|the current \w+|local)\W*", first.low):
            return made(call("drift", against=side_of(second, world)))
        if HOSTISH.fullmatch(first.low):
            return made(call("drift", on=first.raw(), against=side_of(second, world)))
        if any(
            ordinary(t.low.split()[-1]) or t.low in PACKAGES or t.low in PROGRAMS for t in (first, second) if t.low
        ) and not moment(first.low):
            return NO
        return asks("Which of the two, compared with the environment as it is now?")
    masked = text.masked()
    if (
        how == "compare"
        and (one := re.fullmatch(r"\s*(?:the )?([\w.-]+) (?:with|to|against)\s*", clause.rest.low))
        and namelike(one[1])
    ):
        # "now" at the end was taken off as politeness is
        return made(call("drift", against=unless_last(side_of(clause.rest.cut(one.start(1), one.end(1)), world))))
    if how == "compare":
        vs = re.match(r"\s*(.*?)\s+(?:with|against|to|and|vs\.?|versus)\s+(.+)$", clause.rest.masked())
        if vs:
            left, right = clause.rest.cut(vs.start(1), vs.end(1)), clause.rest.cut(vs.start(2), vs.end(2))
            on = HOSTISH.search(left.low)
            if not on and _ON_WORDS.sub("", left.low).strip() != "" and _ON_WORDS.sub("", right.low).strip() == "":
                left, right = right, left
            tail = where(right, world, path=False)
            other = tail.text.cut() if tail.text.low.strip() and tail.on else right
            side = side_of(other, world)
            if left.low in ("it", "that", "this one") and not on and (there := world.there()) and world.earlier:
                return made(call("drift", on=there, against=unless_last(side)))
            if side is None:
                return asks("Compare with what? A snapshot, a time, `spec`, a context or a host.")
            return made(
                call(
                    "drift",
                    on=left.raw(on.start(), on.end()) if on else (tail.on if tail.text.low.strip() else None),
                    against=unless_last(side),
                )
            )
        if re.fullmatch(r"\s*(?:it|this|that|me)?\s*(?:with|to|against)?", clause.rest.low):
            return (
                asks("Compare with what? For example: since yesterday, against spec, with the snapshot green.")
                if clause.head.strip() in ("compare", "contrast")
                else made(call("drift"))
            )
    sides = [m for m in _SIDE.finditer(masked) if not re.match(r"(?:me|us)\b", masked[m.end() :])]
    against: str | None = None
    cut = text
    if how == "worked":
        found = re.search(
            r"\b(?:since|after|until|till|before|yesterday|today|this|last|two|an?|\d+|earlier|on|in)\b.*$", masked
        )
        if found and moment(found[0]):
            value = text.cut(found.start())
            against = (
                re.sub(r"^(?:on|in|until|till) ", "", value.raw(), flags=re.IGNORECASE)
                if not value.low.startswith("since")
                else since(value, world)
            )
            against = against.split(",")[0].strip(" .?!") or None if against else None
            cut = text.cut(0, found.start())
    elif sides:
        match = sides[0] if how != "is" else sides[-1] if len(sides) == 1 else sides[0]
        value = text.cut(match.end())
        tail = where(value, world, path=False)
        if tail.on and tail.text.low.strip():
            value = tail.text.cut()
        cut = text.cut(0, match.start())
        if tail.on and tail.text.low.strip():
            cut = clause.text
        if match[0].strip() == "since":
            against = (
                since(text.cut(match.start()), world)
                if not (tail.on and tail.text.low.strip())
                else side_of(value, world)
            )
        elif match[0].strip() == "after":
            against = text.raw(match.start())
        else:
            against = side_of(value, world)
            if against is None and how == "compare":
                return asks("Compare with what? A snapshot, a time, `spec`, a context or a host.")
    elif how == "compare" or (
        how == "noun" and clause.rest.low.strip() and not re.match(r"\s*(?:on|in|of|for)\b", clause.rest.low)
    ):
        value = clause.rest.cut()
        tail = where(value, world, path=False, bare=True)
        rest = tail.text.cut()
        if tail.on and not rest.low:
            return made(call("drift", on=tail.on))
        if SPEC.fullmatch(rest.low) or (rest.low and namelike(rest.low)) or moment(rest.low):
            return made(call("drift", against=unless_last(side_of(rest, world)), on=tail.on))
        return made(call("drift", on=tail.on)) if not rest.low or _ON_WORDS.sub("", rest.low).strip() == "" else None
    elif found := re.search(
        r"\b(?:yesterday|today|this (?:morning|week|afternoon|month)|last (?:week|night|month|hour)|(?:in|over|during) the (?:last|past) [\w ]+)\b.*$",
        masked,
    ):
        value = text.cut(found.start())
        against = re.sub(r"^(?:in|over|during) ", "", value.raw(), flags=re.IGNORECASE).strip(" .?!")
        cut = text.cut(0, found.start())
    if (
        against is None
        and how == "is"
        and (subject := re.match(r"(?:how )?(?:is|are|does|do) (?:the |our )?([\w.-]+)\b", low))
        and context(subject[1])
    ):
        against = context(subject[1])
    place = where(cut, world, path=False, bare=True)
    return made(call("drift", against=unless_last(against), on=place.on))
