"""The arguments of rewind and drift: which moment, snapshot or other side is meant, in the user's own words."""

from __future__ import annotations

import re

from .normalise import Text
from .places import where
from .mend import plain
from .slots import NO, Clause, Found, asks, made, quoted
from .english import ordinary
from .tables import EVERYDAY, OBJECTS, PACKAGES, SERVICEISH, SNAPSHOTISH
from .values import HOSTISH, coined, context, moment, namelike, pathlike, span
from .world import World, call

_LAST = re.compile(
    r"(?:the |my |our |its )?(?:very )?(?:last|latest|previous|most recent|newest|prior)(?: (?:known|saved|good|working))*(?: (?:snapshot|checkpoint|state|one|version|point|step|save|time|restore point))?(?: (?:i|we|you) (?:took|made|have))?"
)
_SNAPSHOT = re.compile(
    r"(?:the |my |our |a )?(?:snapshot|checkpoint|label|state|restore point|version|save|one)(?: (?:that is |which is )?(?:called|named|labell?ed|with (?:the )?(?:label|name)|tagged|id|label|i called|i named))?[: ]+(?P<after>\"[^\"]+\"|'[^']+'|[\w.@:-]+)"
    r"|(?:the |my |our )?(?P<before>\"[^\"]+\"|'[^']+'|[\w.-]+) (?:snapshot|checkpoint|label|state|restore point)"
)
_LEAD = re.compile(
    r"^\s*(?:(?:exactly |just )?(?:to|at|on|from|with|in|as|like|into|for)\b\s*)?(?:(?:the )?(?:state|point|moment|way|time|version)(?: (?:of|from|in|at|where|when|that))?\s+(?=\S)|(?:exactly |just )?(?:the way |how |what |where |as |like )?(?:(?:it|everything|things|that|this|all|we|i|the \w+|my \w+|they) )+(?:was|were|looked|worked|had been|has been|had)(?: (?:like|in|on|at))?\s+|as (?:of|it)\s+|to\s+)*"
)
_WHAT_MOMENT = "a label, an id, `last`, or a time such as `yesterday at noon`"


def target(text: Text, world: World, *, loose: bool) -> tuple[str | None, bool]:
    """What is gone back to, or compared with, and True when it is certain. `loose`: any single name will do."""
    if lead := _LEAD.match(text.low):
        text = text.cut(lead.end())
    text = text.cut(0, len(text.low.rstrip(" ,.;:!?")))
    low = text.low
    if not low:
        return None, False
    known = {label.lower(): label for label in world.known.snapshots}
    if low.strip("\"'`") in known:
        return known[low.strip("\"'`")], True
    if _LAST.fullmatch(low):
        return "last", True
    if low[0] in "\"'`":
        return quoted(text.raw()), True
    if re.fullmatch(r"(?:it|that|that one|this one|that snapshot|it again)", low):
        label = world.label()
        return label, label is not None
    if (match := _SNAPSHOT.fullmatch(low)) and not (match["before"] and (moment(match["before"]) or match["before"] in OBJECTS | {"that", "a"})):
        group = "after" if match["after"] else "before"
        word = match[group]
        if word not in ("from", "of", "before", "i", "we", "taken", "at", "when", "that", "was"):
            return quoted(text.raw(match.start(group), match.end(group))), True
    if moment(low):
        if match := re.match(r"(?:the |my |our )?(?:last |latest )?(?:snapshot|checkpoint|state|version|one)(?: (?:that )?(?:i|we|you) (?:took|made))?(?: (?:from|of|taken|made|that was taken|which was taken|at))* (?=\S)", low):
            text = text.cut(match.end())
        return plain(text.raw()), not any(word in EVERYDAY - _TIMES for word in low.split())
    if re.fullmatch(r"[0-9a-f]{6,64}", low) or (coined(low) and not re.fullmatch(r"\d+(\.\d+)*", low)):
        return text.raw(), True
    if namelike(low) and (low in SNAPSHOTISH or (loose and not ordinary(low))):
        return text.raw(), True
    if loose and namelike(low):
        return text.raw(), not low.endswith("ing") and low not in SERVICEISH - SNAPSHOTISH
    return None, False


_TIMES = frozenset("breakfast lunch dinner meeting time times day night birthday party exam class holiday vacation trip past day days".split())
_UNDO_LAST = re.compile(
    r"(?:(?:that|it|this|all that|those|them|all of (?:that|it|this)|(?:the |my |your |our )?(?:last|latest|previous|most recent|recent)(?: \w+){0,2}|what (?:you|we|i)(?:'ve| have| had)? (?:just )?(?:did|done|changed|installed)(?: \w+)?|everything you (?:just )?did|(?:the|that|this|these|those|your|my) (?:changes?|action|step|operation|thing|mess|installation|install|update|upgrade|command)|again|one step|damage|the damage)(?: (?:you|we|i) (?:just )?(?:did|made|have done))?|)(?: (?:again|now|right away|immediately|quickly|too|as well|back|completely|change|action|last))*"
)


def rewind(clause: Clause) -> Found | None:
    how, world = clause.frame.how, clause.world
    if how == "statement":
        return None if not world.earlier else asks("Shall I take the last change back? Say: undo that.")
    if how in ("undo", "takeback"):
        return _undo(clause)
    place = where(clause.rest, world, path=False, bare=True)
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    rest = place.text.cut()
    paths: list[str] = []
    if only := re.search(r",?\s(?:but |and )?(?:only|just)(?: for)?(?: the)?(?: files?| folders?| path)?\s+(?=\S+(?:(?:,| and) \S+)*\s*$)", rest.masked()):
        found, odd = _paths(rest.cut(only.end()), strong=True)
        if found and not odd and only.start() > 3 and not re.search(r"\b(?:to|from)\b", rest.masked()[only.end() :]):
            paths, rest = found, rest.cut(0, only.start())
    time: Text | None = None
    if match := re.search(r"(?:^|\s)(?:back )?(?:to|from|at|as of|as it was|as they were|like it was|as|like|how|the way)\b(?!.*\s(?:back )?to\s(?!how|when|what|be\b))", rest.masked()) or re.search(r"(?:^|\s)(?:to|from)\b", rest.masked()):
        before, time = rest.cut(0, match.start()), rest.cut(match.start())
        more, odd = _paths(before, strong=how == "strong")
        paths = [*more, *paths]
        if odd:
            return _odd(clause, odd)
    else:
        low = re.sub(r"^by\s+", "", rest.low).strip(" .!?")
        head = re.sub(r"^(?:(?:it|everything|all|this|that|the (?:env\w*|project|machine|state|files?)|my \w+)\s+)(?:back )?", "", low)
        if span(head):
            start = rest.low.find(head)
            return made(call("rewind", to=f"{rest.raw(start, start + len(head))} ago", on=place.on))
        bare = re.fullmatch(r"(?:it|everything|all|this|that|back|the (?:env\w*|project|machine|state)|my (?:env\w*|project|machine)|things|)(?: back| now| again)*", low)
        if bare:
            return asks(_which(world)) if how != "weak" or low not in ("that", "it") or not world.earlier else made(call("rewind", to="last", on=place.on))
        if how == "weak" and re.fullmatch(r"(?:all |some (?:of )?)?(?:my |the |our )?(?:files?|folders?|changes|work|code|packages|data)", low):
            return asks(_which(world))
        paths, odd = _paths(rest, strong=False)
        if paths and not odd:
            return asks(f"Take {', '.join(paths)} back to when? Say {_WHAT_MOMENT}.")
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
        if re.search(r"\b(?:before|earlier|previously|used to be|original\w*|normal|good state|working state|working again|it was|they were)\b", time.low) or how == "strong" or paths:
            return asks(_which(world))
        return NO if any(w in EVERYDAY for w in time.low.split()) else asks(_which(world)) if how == "back" and re.match(r"\s*(?:to|from) (?:a|an|some|the) ", time.low) and "snapshot" in time.low else NO
    if not sure or (how == "weak" and to.lower() in EVERYDAY):
        return NO
    if not moment(to.lower()) and to.lower() in PACKAGES and how != "strong":
        return NO
    if how != "strong" and to.lower() not in {s.lower() for s in world.known.snapshots} and (bad := context(to.lower())) and "snapshot" not in time.low:
        return None if clause.head.strip().startswith(("go", "switch", "change")) or bad == "prod" else made(call("rewind", to=to, paths=paths, on=place.on))
    return made(call("rewind", to=to, paths=paths, on=place.on))


def _which(world: World) -> str:
    if world.known.snapshots:
        return f"Rewind to what? The newest snapshots: {', '.join(world.known.snapshots[:5])}. Or say {_WHAT_MOMENT}."
    return f"Rewind to what? Say {_WHAT_MOMENT}. `history` lists the snapshots; `undo that` takes the last change back."


def _odd(clause: Clause, odd: str) -> Found | None:
    if any(word in EVERYDAY for word in odd.split()):
        return NO
    if clause.frame.how == "strong":
        return asks(_which(clause.world)) if len(odd.split()) < 3 else NO
    if clause.frame.how == "weak" and clause.head.strip() == "revert":
        return asks(_which(clause.world))
    return None


_OBJECT = re.compile(r"^(?:(?:the|my|our|this|that|only|just|whole|entire|all|both|files?|folders?|director(?:y|ies)|everything in|path|paths|dir|back)\s+)+(?=\S)")


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
        if not low or low in OBJECTS or low in ("me", "us", "files", "back", "only") or re.fullmatch(r"(?:env\w*|\w+ env\w*|(?:it|things|everything|all)(?: all)?(?: back)?|state of .*|local state|python env\w*)", low):
            continue
        if pathlike(low) or low[0] in "\"'`" or ((strong or marked) and namelike(low)):
            found.append(quoted(item.raw()))
        else:
            return found, low
    return found, ""


def _undo(clause: Clause) -> Found | None:
    place = where(clause.rest, clause.world, path=False)
    low = place.text.low.strip(" .,!?")
    if (match := re.match(r"(?:all )?(?:the |my )?last (.+)$", low)) and span(match[1]) and not re.fullmatch(r"(?:two|three|few)", match[1]):
        start = place.text.low.find(match[1])
        return made(call("rewind", to=f"{place.text.raw(start, start + len(match[1]))} ago", on=place.on))
    if re.fullmatch(r"(?:everything|all|all of it|it all|all (?:the |my |your )?changes)", low) or re.match(r"(?:the )?last (?:two|three|\d+|few|couple)", low):
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
    if re.match(r"(?:the |my |that |your )?(?:[\w.@-]+ )?(?:upgrade|update|install|installation|downgrade|deploy\w*|change|changes|edit|migration|command)(?: (?:of|to|from|in) .*)?$", low):
        body = re.sub(r"^(?:my|that|your) ", "the ", low)
        raw = place.text.raw(place.text.low.find(low), None)
        raw = re.sub(r"^(?:my|that|your) ", "the ", raw, flags=re.IGNORECASE).strip(" .,!?")
        return made(call("rewind", to=f"before {raw if body.startswith('the ') else 'the ' + raw}", on=place.on))
    return None if clause.head.strip() == "reverse" else asks(_which(clause.world))


_SPEC = re.compile(
    r"(?:the |my |our |this |its )?(?:project(?:'s)? |package |declared |poetry |npm |pip )*(?:spec|specs|specification|specifications|lock ?files?|lock|manifests?|requirements(?:\.txt)?(?: file)?|declared \w+|declaration|version files?|package\.json|package-lock\.json|pyproject(?:\.toml)?|uv\.lock|poetry\.lock|yarn\.lock|pnpm-lock\.yaml|cargo\.lock|go\.sum|gemfile\.lock|what is declared|what the lock ?file says|what it should be|declarations)(?: says| file)?"
)
_SIDE = re.compile(
    r"(?:\b(?:compared )?(?:against|versus|vs\.?|match(?:es|ing)?|with|to|from|than|relative to|since|after|between|on top of|and)\s+(?=\S))"
)
_OWNER = re.compile(r"(?:the |my )?(?:colleague |teammate |coworker |friend )?([\w.-]+?)(?:'s|s')(?: (?:machine|setup|env\w*|laptop|computer|box|state|config\w*|version|one))?")
_ON_WORDS = re.compile(r"^\s*(?:(?:my|the|this|our|current|local|it|env\w*|setup|project|state|everything|machine|things|here|changed?|different|any|in|of|for|now|check|and)\b\s*)*")


def drift(clause: Clause) -> Found | None:
    how, world = clause.frame.how, clause.world
    text = clause.text
    low = text.low
    if how == "on":
        return made(call("drift", against="spec"))
    if how == "differ":
        sides = re.match(r"\s*(.{1,60}?) and (.{1,60}?) (?:differ|compare)", clause.rest.low)
        if sides is None:
            return None
        one, two = clause.rest.cut(sides.start(1), sides.end(1)), clause.rest.cut(sides.start(2), sides.end(2))
        if not _ON_WORDS.sub("", one.low).strip():
            one = two
        return made(call("drift", against=_none(_side(one, world))))
    if any(word in EVERYDAY - _TIMES for word in re.findall(r"[a-z]+", low)):
        return NO
    if how == "works on":
        owner = re.search(r"\b(?:on|for|at|in) (?:the |my )?(?:colleague |teammate )?([\w.-]+?)(?:'s| but|,|$)", low)
        if owner and re.search(r"\bon (?:my|this|mine)\b", low[: owner.end()]):
            return made(call("drift"))
        return made(call("drift", against=_side(text.cut(owner.start(1), owner.end(1)), world) if owner else None))
    pair = re.search(r"\bbetween\s+(.+?)\s+and\s+(.+)$", low)
    if pair:
        first, second = text.cut(pair.start(1), pair.end(1)), text.cut(pair.start(2), pair.end(2))
        if re.fullmatch(r"(?:now|here|this|today|me|mine|my \w+|the current \w+|local|my machine)\W*", second.low):
            return made(call("drift", against=_side(first, world)))
        if re.fullmatch(r"(?:now|here|this|today|me|mine|my \w+|the current \w+|local)\W*", first.low):
            return made(call("drift", against=_side(second, world)))
        if HOSTISH.fullmatch(first.low):
            return made(call("drift", on=first.raw(), against=_side(second, world)))
        return asks("Which of the two, compared with the environment as it is now?")
    masked = text.masked()
    if how == "compare":
        vs = re.match(r"\s*(.*?)\s+(?:with|against|to|and|vs\.?|versus)\s+(.+)$", clause.rest.masked())
        if vs:
            left, right = clause.rest.cut(vs.start(1), vs.end(1)), clause.rest.cut(vs.start(2), vs.end(2))
            on = HOSTISH.search(left.low)
            if not on and not _ON_WORDS.sub("", left.low).strip() == "" and _ON_WORDS.sub("", right.low).strip() == "":
                left, right = right, left
            tail = where(right, world, path=False)
            other = tail.text.cut() if tail.text.low.strip() and tail.on else right
            side = _side(other, world)
            if side is None:
                return asks("Compare with what? A snapshot, a time, `spec`, a context or a host.")
            return made(call("drift", on=left.raw(on.start(), on.end()) if on else (tail.on if tail.text.low.strip() else None), against=_none(side)))
        if re.fullmatch(r"\s*(?:it|this|that|me)?\s*(?:with|to|against)?", clause.rest.low):
            return asks("Compare with what? For example: since yesterday, against spec, with the snapshot green.") if clause.head.strip() in ("compare", "contrast") else made(call("drift"))
    sides = [m for m in _SIDE.finditer(masked) if not re.match(r"(?:me|us)\b", masked[m.end() :])]
    against: str | None = None
    cut = text
    if how == "worked":
        found = re.search(r"\b(?:since|after|until|till|before|yesterday|today|this|last|two|an?|\d+|earlier|on|in)\b.*$", masked)
        if found and moment(found[0]):
            value = text.cut(found.start())
            against = re.sub(r"^(?:on|in|until|till) ", "", value.raw(), flags=re.IGNORECASE) if not value.low.startswith("since") else _since(value, world)
            against = against.split(",")[0].strip(" .?!")
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
            against = _since(text.cut(match.start()), world) if not (tail.on and tail.text.low.strip()) else _side(value, world)
        elif match[0].strip() == "after":
            against = text.raw(match.start())
        else:
            against = _side(value, world)
            if against is None and how == "compare":
                return asks("Compare with what? A snapshot, a time, `spec`, a context or a host.")
    elif how == "compare" or (how == "noun" and clause.rest.low.strip() and not re.match(r"\s*(?:on|in|of|for)\b", clause.rest.low)):
        value = clause.rest.cut()
        tail = where(value, world, path=False, bare=True)
        rest = tail.text.cut()
        if tail.on and not rest.low:
            return made(call("drift", on=tail.on))
        if _SPEC.fullmatch(rest.low) or (rest.low and namelike(rest.low)) or moment(rest.low):
            return made(call("drift", against=_none(_side(rest, world)), on=tail.on))
        return made(call("drift", on=tail.on)) if not rest.low or _ON_WORDS.sub("", rest.low).strip() == "" else None
    elif found := re.search(r"\b(?:yesterday|today|this (?:morning|week|afternoon|month)|last (?:week|night|month|hour)|(?:in|over|during) the (?:last|past) [\w ]+)\b.*$", masked):
        value = text.cut(found.start())
        against = re.sub(r"^(?:in|over|during) ", "", value.raw(), flags=re.IGNORECASE).strip(" .?!")
        cut = text.cut(0, found.start())
    place = where(cut, world, path=False, bare=True)
    return made(call("drift", against=_none(against), on=place.on))


def _since(text: Text, world: World) -> str | None:
    """"since yesterday" is yesterday; "since I upgraded numpy" stays whole: without `since` it would be no moment."""
    text = text.cut(0, len(text.low.rstrip(" ,.;:!?")))
    body = text.cut(5)
    if re.match(r"(?:i|we|you|someone|they|he|she|the (?:upgrade|update|install\w*|deploy\w*|migration|merge)|my|that|upgrading|installing|running)\b", body.low):
        return text.raw()
    if re.fullmatch(r"(?:then|last time|the last time)", body.low):
        return None
    return _side(body, world)


def _side(text: Text, world: World) -> str | None:
    """What is compared with; None when it cannot be read."""
    text = text.cut(0, len(text.low.rstrip(" ,.;:!?")))
    if tail := re.search(r"\s(?:is|looks?|now|right now|still|are|does|says|do|instead|as well|here|at the moment|today)$", text.low):
        text = text.cut(0, tail.start())
    low = text.low
    if not low:
        return None
    if _SPEC.fullmatch(low):
        return "spec"
    if low[0] in "\"'`":
        return quoted(text.raw())
    if re.fullmatch(r"(?:the |my |our )?(?:whole )?team(?:'s)?(?: \w+)?|(?:my |our )?(?:teammates|colleagues|everyone(?: else)?|the others)(?:'s?)?(?: \w+)?", low):
        return "team"
    if match := _OWNER.fullmatch(low):
        return text.raw(match.start(1), match.end(1))
    if match := re.fullmatch(r"(?:my |our )(?:teammate|colleague|coworker) ([\w.-]+)", low):
        return text.raw(match.start(1), match.end(1))
    if match := re.fullmatch(r"(?:the )?(?:context )?([\w.-]+)(?: (?:context|env\w*))?", low):
        if usual := context(match[1]):
            return usual if usual != "local" else text.raw(match.start(1), match.end(1))
        if "context" in low or re.search(r"env", low[match.end(1) :]):
            return text.raw(match.start(1), match.end(1))
    if HOSTISH.fullmatch(low):
        return text.raw()
    if match := re.fullmatch(r"(?:the )?(?:container|docker container) ([\w.-]+)", low):
        return "docker:" + text.raw(match.start(1), match.end(1))
    if match := re.fullmatch(r"(?:my|this|the local) (?:machine|laptop|computer|local \w+)|local(?:host)?", low):
        return "local"
    found, _ = target(text, world, loose=True)
    return found


def _none(value: str | None) -> str | None:
    return None if value == "last" else value
