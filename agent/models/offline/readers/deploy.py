"""What runs where, how often, on which port."""

from __future__ import annotations

import re

from ..found import NO, Clause, Found, asks, blanked, foreign, made
from ..frame import frame
from ..normalise import Text
from ..tables import (
    EVERYDAY,
    OBJECTS,
    SERVICEISH,
    SERVICES,
    words,
)
from ..values import HOSTISH, JOINT, PATH, coined, context, namelike, number
from ..world import call

FRAMES = (
    frame("deploy", 91, r"scale(?: up| down| out)?(?= (?:the |my |it\b|[\w.-]+).*\d)", "scale"),
    frame(
        "deploy",
        91.5,
        r"(?:run|start|get|bring|put)(?= (?:it|this|that|the (?:app|project|api|service)|[\w.-]+) (?:up )?(?:running |live |going )?(?:on|in|to) (?:the )?(?:docker )?swarm\b)",
        "verb",
    ),
    frame(
        "deploy",
        91,
        r"(?:re-?deploy|deploy|roll ?out|ship|release|publish|launch|go live|push(?= (?:it |this |that |everything |us )?(?:live|out|to (?:prod|production|staging|live|swarm)))|put(?= .{1,60} (?:live|in(?:to)? production|on (?:the )?swarm))|bring(?= .{1,60} live|(?:.{1,60} )?(?:to|into) prod))\b",
        "verb",
    ),
    frame(
        "deploy",
        90,
        r"(?:make|do|start|run|trigger|perform|execute|create|need|want)(?: me| us)?(?: a| an| the| new| another)* (?:deploy|deployment|release|rollout)\b",
        "verb",
    ),
    frame(
        "deploy",
        91,
        r"(?:run|start|launch)(?= (?:\d+ |a )(?:more )?(?:replicas?|instances?|copies) of )",
        "verb",
    ),
    frame(
        "deploy",
        60,
        r"(?:run|start|get|bring up)(?= (?:it|this|the (?:app|project|api|service)|[\w.-]+) (?:up )?(?:on|in) (?:the )?swarm)",
        "verb",
    ),
)

_REPLICAS = re.compile(
    rf"[,\s]+(?:(?:with|on|and|using|at|in|run|running|scaled to|scale(?: it)? to|replicated)\s+)*(?:(\d[\d{JOINT}]*)\s*(?:x\s*)?(?:replicas?|instances?|copies|times|nodes|containers|pods)|(?:replicas?|instances|copies)\s*(?:=|:|of|to)?\s*(\d[\d{JOINT}]*)|(a) single (?:replica|instance))\b"
)

_PORT = re.compile(
    rf"[,\s]+(?:(?:on|at|with|using|via|and|exposed on|listening on|through|expose(?: it)?(?: on)?|under|it on)\s+)*(?:the )?port\s*(?:number |is |=|:)?\s*:?(\d[\d{JOINT}]*)|\s(?:on|at|via)\s+:?(\d{{2,5}})(?=\s*$|\s*,|\s+(?:with|as|to|and)\b)"
)

_AS = re.compile(
    r"[,\s]+(?:and )?(?:as|named|called|name it|call it|under the name(?: of)?|with (?:the )?name|by the name(?: of)?|name(?:=|: ?| ))\s*[\"']?([\w.-]+)[\"']?"
)

_TO = re.compile(
    rf"(?:^|\s)(?:over )?(?:to|on|onto|in|into|at|for|with|via|using)\s+(?:the |my |our |a )?(?:(docker|swarm|docker[- ]swarm)(?: swarm)?(?![\w:])|({HOSTISH.pattern}))|(?:^|\s)(docker|swarm)(?=\s*$|\s*,)"
)

_CONTEXT = re.compile(
    r"(?:^|\s)(?:(?:to|on|onto|in|into|at|for|with|using|live in)\s+)(?:the |our |my )?(?:context\s+([\w.-]+)|([\w.-]+)\s+(?:context|env\w*)|([\w.-]+))(?=[\s,.!?]|$)"
)


def read(clause: Clause) -> Found | None:
    world, text = clause.world, clause.rest
    text = (
        Text(" " + text.low, [text.starts[0], *text.starts], [text.starts[0], *text.ends], text.original)
        if text.low
        else text
    )
    if match := re.search(
        r"\s(?:the )?(?:new |latest )?(?:version |release |v)\.?\s?\d[\w.]*\s+of\s+(?:the )?", text.low
    ):
        text = text.blank(match.start(), match.end())
    args: dict[str, object] = {}
    sure = False
    for key, pattern in (("replicas", _REPLICAS), ("port", _PORT)):
        if match := pattern.search(text.low):
            digits = next((g for g in match.groups() if g), "1")
            value = 1 if digits == "a" else number(digits)
            if value is None or value < 1 or (key == "port" and value > 65_535):
                return asks(
                    f"That is no {key if key == 'port' else 'number of replicas'}: {digits.replace(JOINT, ' ')}."
                )
            args[key] = value if (key, value) != ("replicas", 1) else None
            text, sure = text.blank(match.start(), match.end()), True
    if match := re.search(r"\s--replicas[ =](\d+)", text.low):
        args["replicas"], sure = number(match[1]), True
        text = text.blank(match.start(), match.end())
    if (match := re.search(r"\sv\d[\w.]*\s*$", text.low)) and text.low[: match.start()].strip():
        text = text.blank(match.start(), match.end())
    if match := _AS.search(text.low):
        if namelike(match[1]):
            args["name"] = text.raw(match.start(1), match.end(1))
        text = text.blank(match.start(), match.end())
    if match := _TO.search(text.low):
        group = next(g for g in (1, 2, 3) if match[g])
        to = "swarm" if "swarm" in match[0] else text.raw(match.start(group), match.end(group))
        args["to"] = None if to.lower() == "docker" else to
        text, sure = text.blank(match.start(), match.end()), True
    elif re.search(r"\s(?:there|on it)\b", text.low):
        there = world.there() or world.there_swarm()
        if not there:
            return asks("Deploy it where? To docker (here), swarm, or a host such as USER@HOST.")
        args["to"] = there
        text = blanked(text, r"\s(?:over )?(?:there|on it)\b")
    for _ in range(2):
        if (match := _CONTEXT.search(text.low)) or (
            match := re.search(r"^\s*(?:the )?()()(prod|production|staging|dev)\s*$", text.low)
        ):
            group = next((g for g in (1, 2, 3) if match[g]), 3)
            word = match[group]
            usual = context(word)
            if usual or (group < 3 and namelike(word)):
                args["context"] = usual or text.raw(match.start(group), match.end(group))
                text, sure = text.blank(match.start(), match.end()), True
            elif (word in [h.lower() for h in world.known.hosts] and word != "local") or (
                coined(word) and match[0].split()[0] in ("to", "on", "onto")
            ):
                args["to"] = text.raw(match.start(group), match.end(group))
                text, sure = text.blank(match.start(), match.end()), True
            elif re.search(
                r"\bsomewhere|some server|a server|the (?:\w+ )?(?:server|cloud|cluster|host|box)|another (?:server|host|machine)\b",
                match[0],
            ):
                return asks("Deploy it where? To docker (here), swarm, or a host such as USER@HOST.")
            elif word in ("local", "here", "machine", "laptop"):
                text = text.blank(match.start(), match.end())
    if re.search(r"\bsomewhere\b", text.low):
        return asks("Deploy it where? To docker (here), swarm, or a host such as USER@HOST.")
    if match := re.search(rf"\s({PATH.pattern}|[\w.-]+/[\w./-]+)(?=[\s,]|$)", text.low):
        raw = text.raw(match.start(1), match.end(1))
        args["path"] = None if raw in (".", "./") else raw
        text, sure = text.blank(match.start(1), match.end(1)), True
    elif (match := re.search(r"\s(?:the )?([\w.-]+)\s+(?:folder|directory|dir)\b", text.low)) and namelike(match[1]):
        args["path"] = text.raw(match.start(1), match.end(1))
        text, sure = text.blank(match.start(), match.end()), True
    if re.search(r"\b(?:to|on|as|at|with|onto)\s*$", text.low.rstrip()) and not args:
        return asks("Deploy it where, or as what? To docker (here), swarm, or a host such as USER@HOST.")
    text = blanked(text, r"\son (?:my|our|the) (?:own )?(?:server|box|host|machine)\b") if args.get("to") else text
    if re.search(r"\s(?:to|on|onto) (?:the |my |another |some )(?:\w+ )?(?:server|box|host|machine)\b", text.low):
        return asks("Deploy it where? To docker (here), swarm, or a host such as USER@HOST.")
    if re.search(r"\s[\w.-]+:\d+\b", text.low):
        return asks("Is that a name and a port? Say: deploy NAME on port PORT.")
    left = re.sub(r"[^\w\s.@-]", " ", text.low)
    if any(word in EVERYDAY for word in left.split()):
        return NO
    words = [w.strip(".") for w in left.split()]
    words = [w for w in words if w and w not in OBJECTS and w not in _DEPLOY_FILLER]
    if len(words) > 1 and not (sure and len(words) < 3):
        return None if clause.head.strip().startswith(("push", "put", "bring", "run", "get", "start")) else NO
    if words and "name" not in args:
        word = words[0]
        if not namelike(word):
            return NO
        if foreign(word, world) and (
            re.search(rf"\b(?:my|our|the|his|her|your)\b.*\b{re.escape(word)}\b", left) or not sure
        ):
            return NO
        plural = word.endswith("s") and not word.endswith("ss") and word not in SERVICES and not coined(word)
        if (plural and not sure and word not in world.known.services) or (
            clause.head.strip() in ("ship", "release", "publish", "launch")
            and not sure
            and not coined(word)
            and word not in world.known.services
            and word not in SERVICEISH
        ):
            return (
                NO
                if plural or re.search(r"\b(?:the|my)\b", left)
                else asks(
                    f"Deploy {word}: is that the name of a service of this project? Say: deploy {word} to docker."
                )
            )
        start = text.low.find(word)
        args["name"] = text.raw(start, start + len(word))
    if "port" not in args and isinstance(name := args.get("name"), str):
        args["port"] = world.port(name)
    order = ("path", "to", "name", "replicas", "port", "context")
    return made(call("deploy", **{key: args[key] for key in order if key in args}))


_DEPLOY_FILLER = words(
    "the a an my our your to on onto in into at for with via using and live out again now please now version "
    "latest current newest new build release it's as is up over just then go straight directly also too of "
    "from main master running up back server here locally server be so we can machine zero downtime without gap health checked "
    "one time once more called named mode"
)
