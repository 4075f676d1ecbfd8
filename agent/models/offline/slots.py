"""The small tools' arguments: remember, run, snapshot, history, status, logs, rollback, switch, destroy.

Every reader takes what follows the words of its frame and gives calls, a question, a refusal, or None: not this tool.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...events import Call
from .frames import Frame
from .normalise import Text
from .places import where
from .english import ordinary
from .tables import EVERYDAY, OBJECTS, PACKAGES, PROGRAMS, RUNTIMES, SERVICEISH, SERVICES, SPOKEN
from .values import HOSTISH, JOINT, coined, context, moment, namelike, number, pathlike
from .world import World, call


@dataclass(frozen=True)
class Found:
    """What was read: `kind` is calls, ask or decline."""

    kind: str
    calls: tuple[Call, ...] = ()
    reply: str = ""


@dataclass(frozen=True)
class Clause:
    """A cleaned clause, the frame that matched it, and what follows the match."""

    frame: Frame
    text: Text
    rest: Text
    world: World
    head: str
    question: bool = False


def made(*calls: Call) -> Found:
    return Found("calls", calls)


def asks(reply: str) -> Found:
    return Found("ask", (), reply)


NO = Found("decline", (), "")


def quoted(raw: str) -> str:
    """Without the quotes around it, if there is a pair."""
    raw = raw.strip()
    for start, end in ("``", '""', "''", "“”", "„“", "„”", "«»", "‘’"):
        if len(raw) >= 2 and raw[0] == start and raw[-1] == end:
            return raw[1:-1].strip()
    return raw


def blanked(text: Text, pattern: str) -> Text:
    match = re.search(pattern, text.low)
    return text.blank(match.start(), match.end()) if match else text


_REMEMBER_LEAD = re.compile(r"\s*(?:(?:this|the following)(?: fact)?\s*[:,-]|that\b(?! (?:we|i) (?:went|were))|[:,-]|the fact that|for (?:later|next time|the future)[:,]?(?: that)?|down(?: that)?)?[\s:,]*")
_FACT = re.compile(r"\b(?:is|are|be|was|has|have|use|uses|using|prefer|prefers|likes?|want|wants|need|needs|runs?|listens?|lives?|belongs|owned|always|never|must|should|don't|do not|can|cannot|can't|means|requires?|deploys?|port|called|works?|goes|stays|comes|gets|only|=)\b|\d")


def remember(clause: Clause) -> Found | None:
    lead = _REMEMBER_LEAD.match(clause.rest.low)
    rest = clause.rest.cut(lead.end() if lead else 0)
    if re.match(r"this fact|the fact|a fact", rest.low):
        rest = rest.cut(re.match(r"(?:this|the|a) fact(?: that)?[\s:,]*", rest.low).end())  # type: ignore[union-attr]  # matched above
    said = bool(lead and re.search(r"that|[:,]|fact", lead[0])) or clause.head.rstrip().endswith((":", ","))
    if re.match(r"(?:(?:the|this|my) )?(?:current )?(?:state|env\w*|setup|moment|point)\b(?: (?:as|under|with|called)|$)", rest.low):
        return None
    if rest.low == "me":
        return NO
    if rest.low in ("", "that", "this", "it"):
        return asks("What should I remember? For example: remember that my database always listens on 5433.")
    if re.match(r"(?:when|how|the time|where|who|what|why|me\b|to (?:buy|call|pick|feed))\b", rest.low):
        return NO
    if not said and (not _FACT.search(rest.low) or any(word in EVERYDAY for word in re.findall(r"[a-z]+", rest.low)[:3])):
        return NO
    return made(call("remember", fact=quoted(rest.raw())))


_COMMAND_LEAD = re.compile(r"\s*(?:(?:the |this |that |a |following |shell )*(?:command|cmd|line|script|program)?(?:\s*:)?\s+(?=[`\"'./\w])|:\s*)")
_DETERMINER = re.compile(r"(?:the|a|an|my|our|all|this|that|it|these|those|some|any|for|away|out|me|to|into|through|with|like|off|over|down|around|late|on|in|him|her|wild|from|against|by|faster|errands)\b")


def run(clause: Clause) -> Found | None:
    rest = clause.rest.cut()
    ask = asks("Which command? Say it as you would type it, for example: run pytest -q. `scan` shows the project's own commands.")
    if not rest.low:
        return ask
    masked = rest.masked()
    quote = re.search(r"\x01+", masked)
    if quote and re.fullmatch(r"\s*(?:(?:the|this|a) )?(?:(?:shell )?command|script|line|cmd)?\s*:?\s*", masked[: quote.start()]):
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
    words = body.text.low.split()
    if not words:
        return ask
    first = words[0].strip("'\"`,;")
    if re.match(r"(?:the |a |my |our |all |all the |all my |some |this |unit |integration )*(?:[\w-]+ )?(?:tests?|test suite|suite|linter|linters|lint|build|migrations?|script|checks?|server|dev server|app|application|project|program|benchmarks?|formatter|type checker|pipeline|code|command|something|seeds?)(?: again| suite)?$", body.text.low.strip()) and first not in PROGRAMS - {"test"}:
        return ask
    if first not in PROGRAMS and (first in EVERYDAY or _DETERMINER.match(first) or any(w in EVERYDAY for w in words) or (len(words) == 1 and first.endswith("ly"))):
        return NO
    if first not in PROGRAMS and ordinary(first) and not re.search(r"\s-{1,2}\w|[./=]", rest.low):
        return NO
    if first in PROGRAMS or pathlike(first) or re.search(r"\s-{1,2}\w|=|&&|\|", rest.low) or re.fullmatch(r"[a-z_][\w.+-]*", first):
        command = _exact(rest, body.text)
        return made(call("run", command=command, on=body.on, path=body.path)) if not body.lost else asks("On which host?")
    return NO


def _exact(rest: Text, body: Text) -> str:
    """The command's own characters: all of it up to where the host or directory at its end was read."""
    if any(re.match(rf"{said}\b", rest.raw().lower()) for said in SPOKEN):
        return rest.low.strip()  # dictated: as it was said, "pie test", it is no command at all
    kept = len(body.low.rstrip())
    return rest.raw() if kept >= len(rest.low) else body.cut(0, kept).raw()


_LABEL = re.compile(
    r"(?:,\s*)?\b(?:and )?(?:called|named|labell?ed|titled|tagged(?: as)?|call(?:ing)? it|name it|label(?:ling|ing)? it|(?:with|under|using|by) (?:the |a )?(?:label|name|title|tag)(?: of)?|label|name|as|tag|naming it)\s*[:=]?\s*(?=\S)(?!(?:before|usual|well|soon|it is|is)\b(?: |$)(?!\w))"
)


def snapshot(clause: Clause) -> Found | None:
    rest = clause.rest
    low = clause.text.low
    if any(word in EVERYDAY for word in re.findall(r"[a-z]+", re.sub(r"(?:called|named|labell?ed|as|label|name)\s.*", "", clause.rest.masked()))):
        return NO
    if re.search(r"\b(?:scan|list|show)\b", low) and clause.frame.how == "noun" and not re.match(r"(?:take|make|create|do|snap)", low):
        return None
    label: str | None = None
    if of := re.match(r"\s*of (?:the |my |our |this |a )*([\w./:@-]+)", rest.low):
        if of[1] not in OBJECTS and not pathlike(of[1]) and not HOSTISH.match(of[1]) and ordinary(of[1]) and of[1] not in SERVICEISH and of[1] not in ("current", "container", "vm", "what", "how", "python", "whole", "entire", "full", "present", "dev"):
            return NO
    if match := _LABEL.search(rest.masked()):
        value = rest.cut(match.end())
        rest = rest.cut(0, match.start())
        tail = where(value, clause.world) if not value.low.startswith(('"', "'", "`")) else None
        if tail is None:
            end = next((i for i in range(1, len(value.low)) if value.low[i] == value.low[0]), len(value.low) - 1) + 1
            label = quoted(value.raw(0, end))
            rest = Text(rest.low + " " + value.low[end:], [*rest.starts, *value.starts[end - 1 :]], [*rest.ends, *value.ends[end - 1 :]], value.original) if rest.low else value.cut(end)
            place = where(rest, clause.world, bare=True)
        else:
            label = tail.text.raw().strip(" ,.")
            place = where(rest, clause.world, bare=True)
            place.on, place.path = place.on or tail.on, place.path or tail.path
    else:
        place = where(rest, clause.world, bare=True)
        text = place.text.low.strip(" ,.")
        if text.startswith(('"', "'", "`")):
            label = quoted(place.text.raw())
        elif clause.head.strip() in ("snapshot", "snap", "checkpoint", "take snapshot", "take a snapshot", "save snapshot", "create snapshot") and namelike(text):
            label = place.text.raw()
        elif match := re.search(r"(?:^|\s)((?:\.{1,2}|~)?/\S*)", place.text.low):
            place.path = place.text.raw(match.start(1), match.end(1))
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    if label is not None and not label:
        label = None
    return made(call("snapshot", label=label, on=place.on, path=place.path))


_ABOUT = re.compile(r"\b(?:about|of|on|regarding|for|concerning|containing|mentioning|matching|with|related to)\s+(?=\S)")
_COUNT = re.compile(rf"\b(?:(?:last|latest|recent|first|past|previous|newest|top|only)\s+)?(\d[\d{JOINT}]*)\b(?! ?(?:hours?|days?|weeks?|minutes?|months?|mins?|am|pm|:))")
_WHEN = re.compile(r"(?:\b(?:from|since|of|in|for|over|during|on|until|before|after) )?(?:the )?(?:\b(?:today|yesterday|this (?:week|morning|month|afternoon)|last (?:week|month|night|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|(?:last|past) \d+ (?:days|hours|weeks)|(?:mon|tues|wednes|thurs|fri|satur|sun)day))(?: (?:morning|evening|afternoon|night))?\b")


def history(clause: Clause) -> Found | None:
    how, rest = clause.frame.how, clause.rest
    low = clause.text.low
    if re.match(r"\s*(?:is|was|are|has|repeats)\b", rest.low) and how == "history":
        return NO
    if how == "history" and (of := re.match(r"\s*of (?:the |a |an |our |my )?([\w.-]+)(.*)$", rest.low)):
        if ordinary(of[1]) and of[1] not in OBJECTS and of[1] not in SERVICEISH and of[1] not in PACKAGES and not re.match(r"(?:snapshots?|actions?|changes?|installs?|deploy\w*|upgrades?|env\w*|last|past|this|today|yesterday|commands?|everything|all|what|packages?)$", of[1]):
            return NO
    if any(word in EVERYDAY for word in re.findall(r"[a-z]+", rest.low)) and not moment(rest.low):
        return NO
    kind = {"snapshots": "snapshots", "last": "snapshots", "actions": "actions"}.get(how)
    limit: int | None = 1 if how == "last" else None
    query: str | None = None
    if how in ("snapshots", "actions", "history"):
        if match := _COUNT.search(low):
            limit = number(match[1])
        if how == "history" and re.search(r"\bactions\b", rest.low):
            kind = "actions"
        elif how == "history" and re.search(r"\bsnapshots\b", rest.low):
            kind = "snapshots"
        if (match := _ABOUT.search(rest.low)) and not re.match(r"(?:this|the|my|our) (?:project|env\w*|machine|snapshots?|repo)$|(?:all|snapshots?|actions?|(?:all )?(?:the |my )?(?:snapshots|actions))$", rest.low[match.end() :]):
            query = _words(rest.cut(match.end()))
        elif match := _WHEN.search(rest.low):
            query = re.sub(r"^(?:from|of|for|in|on) ", "", rest.raw(match.start(), match.end()))
        elif how == "history" and (match := re.match(r"\s*([\w.-]+)$", rest.low)) and namelike(match[1]) and not match[1].isdigit() and match[1] not in ("actions", "snapshots", "recent"):
            query = rest.raw()
        if query and limit and str(limit) in query:
            query = None
    elif how in ("when", "did", "what did", "know"):
        body = re.sub(r"^\s*(?:i|we|you|it|was|were|the|did|have|been|anyone)\s+(?=\S)", "", rest.low)
        cut = rest.cut(len(rest.low) - len(body))
        if how == "when":
            cut = rest.cut()
            if lead := re.match(r"(?:i|we|you|someone|anybody)(?: last| first)? ", cut.low):
                cut = cut.cut(lead.end())
            elif not re.search(r"\b(?:install|upgrad|deploy|chang|snapshot|updat|rewind|rewound|add|remov|run|set up|roll|switch|sync|provision)\w*", cut.low):
                return None
            if re.match(r"(?:last )?(?:take|make|took) (?:the |a |my )?(?:last |latest )?snapshot$", cut.low):
                return made(call("history", kind="snapshots", limit=1))
        elif how == "did":
            cut = rest
            if re.match(r"(?:run|install|deploy)\w*$", cut.low):
                pass
        query = _words(cut) or None
        if how == "what did" and query and re.fullmatch(r"(?:so far|here|already|until now|recently|lately|in this project|before|on this project|to (?:this|the) project)", query.lower()):
            query = None
    return made(call("history", query=query, kind=kind, limit=limit if limit != 20 else None))


def _words(text: Text) -> str:
    text = text.cut(0, len(text.low.rstrip(" .,!?")))
    for lead in (r"(?:the|my|our|here|a|an|it is|is)\s+", r"here\s+"):
        if match := re.match(lead, text.low):
            text = text.cut(match.end())
    return quoted(text.raw())


def status(clause: Clause) -> Found | None:
    place = where(Text(clause.text.low, clause.text.starts, clause.text.ends, clause.text.original), clause.world, path=False, bare=True)
    rest = re.sub(r"[^\w\s-]", " ", clause.rest.low)
    if any(word in EVERYDAY for word in rest.split()) or re.search(r"\b(?:order|ticket|flight|application for|relationship|http|pull request|pr|my (?:day|life))\b", rest):
        return NO
    if clause.frame.how == "status" and re.match(r"\s*(?:update|is)\b", clause.rest.low):
        return NO
    if clause.frame.how == "status" and re.search(r"\b(?:git|code \d+|systemctl)\b", clause.text.low):
        return None
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    return made(call("status", on=place.on))


_SERVICE = r"[\w][\w.@/-]{0,120}"
_LINES = re.compile(rf"(?:(?:last|latest|recent|past|first|final|tail|only|the)\s+)*(?:-n\s*)?(\d[\d{JOINT}]*)(?:\s+(?:log )?(?:lines?|rows|entries|messages|logs?))?(?:\s+(?:of|from|in|for)\b)?")
_LOGWORDS = re.compile(
    r"(?<![\w-])(?:show|tail|follow|cat|fetch|dump|grab|stream|output|console|stdout|get|give|see|view|print|display|read|check|open|look|have|want|need|bring|pull|up|a|at|in|into|me|us|to|the|its|their|his|all|some|latest|"
    r"last|recent|log|logs|logfiles?|lines?|entries|file|files|of|from|for|by|on|what|what's|is|are|do|does|did|say|says|saying|printing|print|service|container|deployment|app's|"
    r"server's|please|now|most|newest|few|tell|about|my|our|and|that|this|list|there|here|only|just|with|current|currently|live|again|whole|full|complete|any|also|too|wants|error|errors|output's|outputs|logging|outputting)(?![\w-])"
)


def logs(clause: Clause) -> Found | None:
    text = clause.text
    low = text.low
    if re.search(r"\b(?:git log|changelog|log off|log on|log in|log ?into|log ?out|log me|chop|burn|wood|fire\w*|captain|audit log|activity log|blog)\b", low):
        return NO
    tail: int | None = None
    if match := _LINES.search(low):
        tail = number(match[1])
        text = text.blank(match.start(), match.end())
        if not tail or tail > 1_000_000:
            return asks("How many lines?")
    possessive = re.compile(r"'s?(?=\s)")
    text = text.sub(possessive, lambda m: " " * len(m[0]))
    services: list[str] = []
    for match in re.finditer(rf"(?<![\w.@/-]){_SERVICE}", _LOGWORDS.sub(lambda m: " " * len(m[0]), text.low)):
        word = match[0].rstrip(".")
        if word in EVERYDAY:
            return NO
        if word in ("it", "its") or not namelike(word):
            continue
        services.append(text.raw(match.start(), match.start() + len(word)))
    if len(services) > 4:
        return None
    world = clause.world
    if not services:
        name = world.name() or (world.known.services[0] if len(world.known.services) == 1 else None)
        if name is None:
            choice = f" There are: {', '.join(world.known.services[:8])}." if world.known.services else ""
            return asks(f"The logs of which service?{choice}")
        services = [name]
    return made(*(call("logs", service=name, tail=tail if tail != 100 else None) for name in services))


_KINDWORDS = re.compile(
    r"^\s*(?:(?:the|my|our|that|this|a|old|running|whole|entire|back|down|all|of|from|deployment|deployments|service|services|sandbox|sandboxes|app|stack|release|version|container|application|named|called|for|on|up|previous|last|to|again|now|temporary|production)(?![\w.-])\s*)+(?=\S)"
)
_KINDTAIL = re.compile(r"\s+(?:deployments?|services?|sandbox(?:es)?|apps?|stack|releases?|containers?|application|instance|back|down|again|now|completely|entirely|for good|altogether|too|as well|there|to (?:the|its) (?:previous|last|prior|earlier) (?:release|version|deployment|state)|(?:to|by) (?:one|the previous) (?:release|version)|one (?:release|version))+$")


def names(text: Text) -> list[Text]:
    """"the api and the worker" as the two names; nouns of kind around them are left out."""
    out: list[Text] = []
    at = 0
    for match in [*re.finditer(r"\s*(?:,|\band\b|&|\bplus\b)\s*(?:and )?", text.low), None]:
        item = text.cut(at, match.start() if match else None)
        at = match.end() if match else at
        for _ in range(3):
            if tail := _KINDTAIL.search(" " + item.low):
                item = item.cut(0, max(tail.start() - 1, 0)) if tail.start() else item.cut(0, 0)
        if lead := _KINDWORDS.match(item.low):
            item = item.cut(lead.end())
        item = item.cut(0, len(item.low.rstrip(" .,;:!?\"'`")))
        item = item.cut(len(item.low) - len(item.low.lstrip(" \"'`")))
        if item.low:
            out.append(item)
    return out


def rollback(clause: Clause) -> Found | None:
    rest, world = clause.rest, clause.world
    if clause.frame.how == "it":
        last = world.last()
        if world.subject:
            return made(call("rollback", name=world.subject))
        return made(call("rollback", name=last.args.get("name") or world.name())) if last and last.tool in ("deploy", "rollback", "logs") and world.name() else None
    if clause.frame.how == "previous" and (of := re.match(r".*?\b(?:go|switch|revert|return|get|put|bring|take|move|rewind|restore|roll|deploy|redeploy)\s+(?:the |my )?([\w.-]+)(?: back)? to", clause.head)) and namelike(of[1]) and of[1] != "back":
        return made(call("rollback", name=clause.text.raw(of.start(1), of.end(1))))
    ask = asks(f"Roll back which deployment?{_choice(world)} To take the environment itself back, say: rewind to last.")
    if re.match(r"\s*(?:the |our )?(?:env\w*|everything|project|machine|last|change|upgrade|install\w*|files?)\b", rest.low):
        return None
    found = names(blanked(rest, r"\b(?:in|on|from) (?:prod|production|staging|dev)\b"))
    if not found or all(item.low in ("it", "that", "this", "that one", "them") for item in found):
        name = world.name()
        return made(call("rollback", name=name)) if name else ask
    if any(item.low.split()[0] in EVERYDAY or item.low in EVERYDAY for item in found):
        return NO
    if any(not namelike(item.low) for item in found):
        return None
    if any(foreign(item.low, world) for item in found) and not re.search(r"\b(?:service|deployment|release|app)\b", rest.low):
        return NO if re.search(r"\b(?:the|my|a)\b", rest.low) else ask
    if any(item.low in PACKAGES and item.low not in SERVICES for item in found):
        return asks(f"{found[0].raw()} is a package: go back to before it was changed (rewind), or install a version of it?")
    return made(*(call("rollback", name=item.raw()) for item in found))


def foreign(word: str, world: World) -> bool:
    """An ordinary English word that nobody is known to have given to a service, context or snapshot here."""
    names = {*world.known.services, *world.known.snapshots, *world.known.hosts}
    return not (word in names or coined(word) or word in SERVICEISH or word in SERVICES or context(word)) and ordinary(word)


def _choice(world: World) -> str:
    return f" There are: {', '.join(world.known.services[:8])}." if world.known.services else ""


_SWITCH_ASK = "Switch to which context? For example: switch to staging."


def switch(clause: Clause) -> Found | None:
    low = clause.rest.low.strip(" .,!?")
    if clause.frame.how == "bare":
        return asks(_SWITCH_ASK) if low in ("", "context", "contexts", "the context", "over", "environment") else NO
    if clause.frame.how == "use" and re.search(r"snapshot", low):
        return None
    match = re.fullmatch(r"(?:the |my |our |context |env\w* |to )*(?:called |named )?[\"'`]?([\w.-]+)[\"'`]?((?: (?:the )?(?:context|env\w*|current context|current|workspace|now|again|instead|as context))*)", low)
    if not match:
        return asks(_SWITCH_ASK) if not low else (NO if clause.frame.how == "use" or any(w in EVERYDAY for w in low.split()) else None)
    word, explicit = match[1], "context" in clause.text.low or match[2].strip().startswith(("context", "env"))
    if word in ("it", "that", "the", "another", "different", "other", "one", "context", "contexts"):
        return asks(_SWITCH_ASK)
    usual = context(word)
    article = re.match(r"(?:the|my|a)\b", low) is not None
    if not explicit and (word in RUNTIMES or word in SERVICES or word in PACKAGES):
        return None
    verb = clause.head.split()[0] if clause.head.split() else ""
    if not usual and not explicit and (not namelike(word) or article or (verb not in ("switch", "change", "flip") and not coined(word))):
        return NO if verb in ("switch", "flip", "toggle") else None
    if not explicit and foreign(word, clause.world):
        return NO if verb not in ("switch", "change") else asks(f"Is {word} a context of this project? Say: switch to the {word} context.")
    if usual and not explicit and verb not in ("switch", "change", "move", "flip", "go", "set", "hop", "toggle"):
        return None
    start = clause.rest.low.find(word)
    return made(call("switch", context=usual or clause.rest.raw(start, start + len(word))))


_ALL = re.compile(r"^\s*(?:it all|all(?: of)?(?: (?:it|them|the \w+|my \w+))?|everything|the lot|them all|stuff|things|up|everything up|the \w+ up|this mess|my (?:project|environment|machine|disk)|the (?:project|environment|machine))?(?: (?:except|but|apart from|other than) .*| here| now| up| completely)*\s*[.!?]?$")


def destroy(clause: Clause) -> Found | None:
    rest, world, weak = clause.rest, clause.world, clause.frame.how == "weak"
    low = rest.low
    known = f" What EnvSync made here: {', '.join(world.known.services[:8])}." if world.known.services else ""
    if re.match(r"\s*(?:it|that|this|them|that one|this one)(?: again| down| completely| now)?$", low):
        name = world.name()
        if name:
            return made(call("destroy", name=name))
        return asks(f"Destroy what?{known} Name the service, deployment or sandbox.")
    if _ALL.match(low):
        if clause.head.strip() in ("take", "drop", "trash", "erase", "uninstall") and not low:
            return asks(f"Remove what?{known}")
        keep = " I only know what to keep, and that is not enough to delete by." if re.search(r"\b(?:except|but|apart from)\b", low) else ""
        return asks(
            f"What exactly should go?{keep}{known} Nothing was removed. Name a service, deployment or sandbox to destroy, or say"
            " `rewind to` and a snapshot to take files and packages back."
        )
    if clause.head.strip() == "take":
        return None
    explicit = bool(re.search(r"\b(?:deployments?|services?|sandbox(?:es)?|stack|containers?)\b", low))
    found = names(rest)
    if any(item.low in EVERYDAY or any(w in EVERYDAY for w in item.low.split()) for item in found):
        return NO
    if not found:
        return asks(f"Destroy what?{known}")
    if not explicit and any(foreign(i.low, world) and re.search(rf"\b(?:my|your|his|her|our|all)\b.*{re.escape(i.low)}", low) for i in found if namelike(i.low)):
        return NO
    if re.match(r"\s*(?:the |my |all |old |this |a )*(?:snapshots?|files?|folders?|director(?:y|ies)|logs|node_modules|cache|packages?|lines?|comments?|branch(?:es)?|commits?|tests?|function|class|method|variable|bug|bugs|code|column|database|context)\b", low) or any(pathlike(i.low) and not coined(i.low) or i.low.startswith((".", "/", "~")) for i in found):
        return asks("I do not delete files, packages or snapshots by name. `run` can carry out a command that you name; `rewind` takes files and packages back.")
    if any(not namelike(item.low) for item in found):
        return NO
    if weak and not explicit:
        if any(i.low in PACKAGES or i.low in RUNTIMES or clause.head.strip() == "uninstall" for i in found):
            return asks(f"Packages are taken off by going back: rewind to before {found[0].raw()} was installed? Or run a command, such as `run pip uninstall {found[0].raw()}`?")
        if not all(i.low in world.known.services or (coined(i.low) and clause.head.strip() in ("delete", "remove", "kill", "get rid of", "shut down")) for i in found):
            return asks(f"Do you mean to destroy {found[0].raw()}, which stops and removes it?{known} Say: destroy {found[0].raw()}.")
    if not weak and re.match(r"\s*(?:this|my)\b", low) and not explicit and not all(coined(i.low) or i.low in SERVICES or i.low in world.known.services for i in found):
        return NO
    if not weak and not explicit and any(i.low.endswith("s") and not coined(i.low) and i.low not in SERVICES and i.low not in world.known.services for i in found):
        return asks(f"Destroy {found[0].raw()}: is that the name of a service, deployment or sandbox?{known}")
    if not explicit and any(foreign(i.low, world) for i in found):
        strange = next(i for i in found if foreign(i.low, world))
        if re.search(rf"\b(?:the|my|this|that|old|all|your|our|a)\b.*\b{re.escape(strange.low)}\b", low):
            return NO
        return asks(f"Destroy {strange.raw()}: is that the name of a service, deployment or sandbox?{known}")
    return made(*(call("destroy", name=item.raw()) for item in found))
