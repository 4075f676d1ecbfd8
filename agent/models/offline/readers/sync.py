"""Two directories."""

from __future__ import annotations

import re
from dataclasses import replace

from ....events import Call
from ..english import ordinary
from ..found import NO, Clause, Found, asks, blanked, made, quoted
from ..frame import frame
from ..normalise import Text
from ..tables import (
    EVERYDAY,
    OBJECTS,
    SERVICEISH,
)
from ..values import HOSTISH, PLACE, namelike, pathlike
from ..world import call

FRAMES = (
    frame(
        "sync",
        93,
        r"(?:make sure|ensure|see to it)(?: that)? (?=.{3,300}(?:stay|are|remain|keep|is|stays|be) (?:in sync|synced|the same|identical))",
        "ensure",
    ),
    frame(
        "sync",
        90,
        r"(?:(?:one[- ]way|two[- ]way|continuous|bidirectional|live) )?(?:sync|synchroni[sz]e|resync|keep|mirror|replicate|push|pull|copy|upload|download|transfer|send|fetch|get|bring|move|rsync|scp|start (?:a )?(?:two-way )?sync(?:ing)?|put|watch)\b",
        "verb",
    ),
)

_ONCE = re.compile(
    r"[,\s]+(?:and )?(?:(?:just |only )?(?:once|one time|one[- ]off|a single time)(?: only)?|(?:without|no|don't) (?:watch(?:ing)?|keep watching)|not continuously|don't watch)\b"
)

_ONEWAY = re.compile(r"[,\s]+(?:in )?(?:one[- ]way|one direction|unidirectional(?:ly)?)\b")

_TWOWAY = re.compile(r"[,\s]+(?:in )?(?:both (?:ways|directions)|two[- ]way|bidirectional(?:ly)?)\b")

_WATCH = re.compile(
    r"[,\s]+(?:and )?(?:keep (?:on )?watching|and watch|watch(?:ing)? (?:it|for changes)|continuously|all the time|live)\b"
)

_BETWEEN = re.compile(
    r"\s*(?:in sync\s+)?(?:between\s+)?(?P<a>\S.*?)\s+(?:to|with|into|onto|and|->|=>|towards?|over to|up to|down to|in sync with|as)\s+(?P<b>\S.*)$"
)

_FROM = re.compile(r"\s*(?P<what>.*?)\s*\bfrom\s+(?P<a>\S.*?)(?:\s+(?:to|into|onto|in|here)\s*(?P<b>.*))?$")

_PLACEWORDS = re.compile(
    r"^(?:(?:changes|updates|the|my|our|all|files|contents?|of|everything|directory|folder|dir|path|in|latest|back|up|down|over|both|from|to)\s+)+(?=\S)"
)


_EXACT = re.compile(
    r"[,\s]+(?:and |as )?(?:exactly|(?:as )?an exact (?:copy|mirror)|exact copy|(?:and )?(?:delet(?:e|ing)|remov(?:e|ing)) (?:what|whatever|files|everything) (?:that )?(?:is|are|isn't|aren't)(?: not| no longer| gone)*(?: here| there)?)(?=\s*$|,)"
)
_IGNORE = re.compile(
    r"[,\s]+(?:and |but )?(?:ignor(?:e|ing)|exclud(?:e|ing)|leav(?:e|ing) out|skip(?:ping)?|except(?: for)?|without)\s+(?P<what>(?:the )?[\w./*-]+(?:(?:, | and |, and )[\w./*-]+)*)\s*$"
)


def read(clause: Clause) -> Found | None:
    rest, more = clause.rest, dict[str, object]()
    if (match := _IGNORE.search(rest.low)) and any(c in match["what"] for c in ".*/_-"):
        said = rest.raw(match.start("what"), match.end("what"))
        more["ignore"] = [word for word in re.split(r",? and |, ", said) if word]
        rest = rest.cut(0, match.start())
    if match := _EXACT.search(rest.low):
        more["mirror"] = True
        rest = rest.blank(match.start(), match.end())
    found = _read(replace(clause, rest=rest.cut()) if more else clause)
    if not more or found is None or found.kind != "calls":
        return found
    if "mirror" in more and any(one.args.get("mode") not in ("push", "pull") for one in found.calls):
        return asks(
            "An exact copy goes one way. Which side is copied? For example: push ./site to USER@HOST:/var/www exactly."
        )
    return made(*(Call(one.tool, {**one.args, **more}) for one in found.calls))


def _read(clause: Clause) -> Found | None:
    verb = clause.head.split()[-1] if clause.head.split() else ""
    verb = "sync" if verb.startswith(("sync", "resync")) else verb
    text = clause.rest
    args: dict[str, object] = {}
    if clause.frame.how == "ensure":
        verb, text = (
            "sync",
            blanked(
                text, r"\s(?:stay|are|remain|keep|is|stays|be)(?: always)? (?:in sync|synced|the same|identical)\b.*$"
            ),
        )
    if re.match(r"one[- ]way", clause.head):
        args["oneway"] = True
    both = False
    for key, value, pattern in (
        ("watch", False, _ONCE),
        ("oneway", True, _ONEWAY),
        ("both", True, _TWOWAY),
        ("watching", True, _WATCH),
    ):
        if match := pattern.search(" " + text.low):
            args[key] = value
            text = text.blank(max(match.start() - 1, 0), match.end() - 1)
    both = bool(args.pop("both", False))
    args.pop("watching", None)
    oneway = bool(args.pop("oneway", False))
    if verb == "keep" and not re.search(
        r"\b(?:in sync|synced|synchroni[sz]ed|the same|identical|up to date)\b", text.low
    ):
        return None
    text = blanked(text, r"\b(?:in sync|synced|synchroni[sz]ed|the same|identical|mirrored|up to date)\b(?! with)")
    places = list(PLACE.finditer(text.low)) + [m for m in HOSTISH.finditer(text.low) if not PLACE.search(text.low)]
    remote = [m for m in places if (":" in m[0] and "@" in m[0]) or m[0].startswith(("docker:", "ssh:", "vm:"))]
    if verb in ("put", "get", "bring", "move", "send", "fetch", "watch") and not PLACE.search(text.low):
        return None
    strong = verb in ("sync", "synchronize", "synchronise", "mirror", "rsync", "scp", "replicate")
    if any(w in EVERYDAY for w in re.findall(r"(?<![\w/.:@-])[a-z]+(?![\w/.:@-])", text.low)) and not remote:
        return NO
    if (
        not places
        and (of := re.search(r"\b(?:my|our|your|his|her) ([a-z]+)\W*$", text.low))
        and of[1] not in OBJECTS
        and ordinary(of[1])
        and of[1] not in SERVICEISH
    ):
        return NO
    if (
        clause.head.strip() in ("upload", "download", "copy", "push", "pull", "sync", "transfer", "mirror")
        and re.fullmatch(
            r"\s*(?:(?:my|the|our|all|these|some|this|everything|it|them)\s*)*(?:files?|folders?|code|project|changes|stuff|directory|dir|data|work|build)?\s*(?:up|over|down)?",
            text.low,
        )
        and clause.head.strip() not in ("push", "pull")
    ):
        return asks(_SYNC_ASK)
    if not places and not strong:
        if clause.head.strip() in ("pull", "push", "upload", "download", "keep"):
            return (
                None
                if clause.head.strip() in ("pull", "push") and text.low.strip()
                else (asks(_SYNC_ASK) if not text.low.strip() else None)
            )
        return None
    if (
        not strong
        and not remote
        and verb
        in (
            "get",
            "bring",
            "put",
            "move",
            "send",
            "fetch",
            "copy",
            "download",
            "watch",
            "transfer",
            "keep",
            "upload",
            "push",
            "pull",
        )
        and len(places) < 2
        and verb != "copy"
    ):
        return None
    source = destination = None
    low = text.low
    if match := _FROM.match(low):
        a = text.cut(match.start("a"), match.end("a"))
        what = text.cut(match.start("what"), match.end("what"))
        b = text.cut(match.start("b"), match.end("b")) if match["b"] is not None else None
        source = _place(a)
        if b is None and what.low and re.match(r".*\b(?:to|into)\s", what.low):
            b = what.cut(re.match(r".*\b(?:to|into)\s", what.low).end())  # type: ignore[union-attr]  # matched above
        destination = _place(b) if b is not None and b.low else ("." if re.search(r"\bhere\b", low) else None)
        if what.low and pathlike(what.low.split()[-1]) and source and HOSTISH.fullmatch(source.lower()):
            source = f"{source}:{what.raw().split()[-1]}"
    elif match := _BETWEEN.match(low):
        source, destination = (
            _place(text.cut(match.start("a"), match.end("a"))),
            _place(text.cut(match.start("b"), match.end("b"))),
        )
    elif len(places) == 2 or (strong and len(low.split()) == 2):
        parts = low.split()
        if len(parts) == 2:
            source, destination = (
                _place(text.cut(0, len(low.rstrip()) - len(parts[1]))),
                _place(text.cut(low.rstrip().rfind(parts[1]))),
            )
    elif low.strip():
        lone = re.match(r"\s*(?:to|with|onto)\s+", low)
        only = _place(text.cut(lone.end() if lone else 0))
        if only is None and strong and not places:
            return (
                asks(_SYNC_ASK)
                if not low.strip() or all(w in OBJECTS | {"files", "the", "my", "up"} for w in low.split())
                else NO
            )
        if re.fullmatch(r"here", low.strip()):
            only = None
        return asks(f"Sync {only or 'what'} {'from' if lone else 'with'} where? {_SYNC_ASK}")
    if source is None or destination is None:
        if not strong and not remote:
            return None
        if (
            strong
            and not places
            and any(
                w not in OBJECTS
                for w in re.findall(r"[a-z]+", low)
                if w not in ("the", "my", "with", "to", "and", "files")
            )
        ):
            return NO if not remote else asks(_SYNC_ASK)
        return asks(_SYNC_ASK)
    if (
        verb
        in (
            "push",
            "pull",
            "copy",
            "upload",
            "download",
            "transfer",
            "send",
            "fetch",
            "get",
            "bring",
            "move",
            "mirror",
            "rsync",
            "scp",
            "replicate",
            "put",
        )
        or oneway
    ) and not both:
        args["mode"] = "pull" if _far(source) else "push"
    return made(
        call("sync", source=source, destination=destination, mode=args.get("mode"))
        if args.get("watch") is not False
        else _once(source, destination, args.get("mode"))
    )


_SYNC_ASK = "Which two directories? For example: sync ./src with USER@HOST:/srv/src."


def _once(source: str, destination: str, mode: object):  # a Call
    found = call("sync", source=source, destination=destination, mode=mode)
    return Call(found.tool, {**found.args, "watch": False})


def _far(place: str) -> bool:
    return bool(re.match(r"(?:docker|ssh|vm):|[^/\s]+@[^\s]+|[\w.-]{2,}:[/~.]", place))


def _place(text: Text) -> str | None:
    text = text.cut(0, len(text.low.rstrip(" ,;!?")))
    if match := _PLACEWORDS.match(text.low):
        if re.match(r"(?:the |my |this )?(?:current )?(?:dir|directory|folder|project)$", text.low):
            return "."
        text = text.cut(match.end())
    low = text.low
    if re.fullmatch(
        r"(?:this|the current|current|my|the|it|here|this here|working|everything)(?: (?:current |working )?(?:folder|directory|dir|project|repo|path|stuff|code))?|(?:project|code|repo|folder|directory|dir)|everything here|local|my (?:project|code)(?: folder)?",
        low,
    ):
        return "."
    low = re.sub(r"\s+(?:folder|directory|dir|in sync|together|too)$", "", low)
    text = text.cut(0, len(low))
    if low and low[0] in "\"'`":
        return quoted(text.raw())
    if low.endswith(".") and low not in (".", "..") and not low.endswith("/."):
        text = text.cut(0, len(low) - 1)
    raw = text.raw()
    return (
        raw
        if raw
        and " " not in raw
        and (PLACE.fullmatch(text.low) or HOSTISH.fullmatch(text.low) or pathlike(text.low) or (namelike(text.low)))
        else None
    )
