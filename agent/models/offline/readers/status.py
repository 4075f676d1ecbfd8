"""What is running."""

from __future__ import annotations

import re

from ..english import ordinary
from ..found import NO, Clause, Found, asks, made
from ..frame import SHOW, frame
from ..normalise import Text
from ..places import where
from ..tables import (
    EVERYDAY,
    OBJECTS,
    SERVICEISH,
)
from ..world import call

FRAMES = (
    frame(
        "status",
        97,
        r"(?:(?:show|list|see|display)(?: me| us)?|what|which|how many|what about|are there|do i have)(?: all| any| of| the| my| our| other)*(?: throw-?away| temporary)? (?:sandboxes|throw-?aways?|throw-?away machines)\b(?! with)",
        "made",
    ),
    frame(
        "status",
        88,
        r"(?:(?:show|check|give)(?: me)? )?(?:the )?(?:health|state|uptime|condition)(?: check)? of (?:my |the |our |all )*(?:services?|deployments?|containers?|syncs?|apps?)\b",
        "running",
    ),
    frame(
        "status",
        90,
        r"(?:(?:are|is) there )?(?:any |what |which )(?:locks?|interrupted \w+|sync sessions?|deployments?)\b",
        "running",
    ),
    frame(
        "status",
        90,
        rf"(?:{SHOW} |what is |what's |how is |give |check |and )?(?:(?:the|my|our|current|overall|general|system|env\w*|project|service|services|deployment|sync|a) )*status(?! (?:code|quo|page|bar|report on my))\b",
        "status",
    ),
    frame(
        "status",
        90,
        r"(?:(?:show|tell|list|see|check|give)(?: me| us)? )?(?:what|which|who|anything|something)(?: (?:services?|deployments?|containers?|sync sessions?|things|stuff|apps?|processes|sessions?|of my \w+|else|all))*(?:'s| is| are)?(?: currently| now| still| actually| even| being| all)* ?(?:running|up\b|deployed|active|alive|live\b|going on|on\b(?= (?:right )?now|$)|locked|syncing|healthy|run(?:s)?\b(?= now| on| here|$))",
        "running",
    ),
    frame(
        "status",
        90,
        r"(?:is|are)(?: there)? (?:anything|something|everything|all|any (?:services?|deployments?|locks?|syncs?))(?: still| currently)? ?(?:running|up|ok|okay|fine|alive|healthy|active|locked|good|deployed|working)\b",
        "running",
    ),
    frame(
        "status",
        88,
        r"(?:is|are) (?:the |my |our )?(?=[\w.-]+(?: (?:service|deployment|server|container|db|database))?(?: and [\w.-]+)? (?:still |already |currently |even )?(?:running|up|alive|healthy|deployed|down|locked)\b)",
        "is up",
    ),
    frame(
        "status",
        88,
        r"(?:(?:show|list|see)(?: me)?(?: all)?(?: the| my| our)? |what are the |which )?(?:running (?:services|deployments|containers|things|processes)|active (?:deployments|services|syncs|sync sessions)|deployments|locks|sync sessions|services running)\b",
        "running",
    ),
    frame(
        "status",
        80,
        r"how (?:is|are) (?:the |my |our |all |all the )?(?:services|deployments?|things running|environment|containers|service)\b(?: doing| going)?",
        "running",
    ),
)


def read(clause: Clause) -> Found | None:
    if clause.frame.how == "made":
        return made(call("status"))
    place = where(
        Text(clause.text.low, clause.text.starts, clause.text.ends, clause.text.original),
        clause.world,
        path=False,
        bare=True,
    )
    rest = re.sub(r"[^\w\s-]", " ", clause.rest.low)
    if (
        (of := re.match(r"\s*of (?:my|your|his|her|our) ([a-z]+)$", rest.rstrip()))
        and ordinary(of[1])
        and of[1] not in SERVICEISH
        and of[1] not in OBJECTS
    ):
        return NO
    if any(word in EVERYDAY for word in rest.split()) or re.search(
        r"\b(?:order|ticket|flight|application for|relationship|http|pull request|pr|my (?:day|life))\b", rest
    ):
        return NO
    if clause.frame.how == "status" and re.match(r"\s*(?:update|is)\b", clause.rest.low):
        return NO
    if clause.frame.how == "status" and re.search(r"\b(?:git|code \d+|systemctl)\b", clause.text.low):
        return None
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    return made(call("status", on=place.on))
