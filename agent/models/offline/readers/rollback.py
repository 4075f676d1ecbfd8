"""The previous release."""

from __future__ import annotations

import re

from ..found import NO, Clause, Found, asks, blanked, choice, foreign, made, names
from ..frame import frame
from ..tables import (
    EVERYDAY,
    PACKAGES,
    SERVICES,
)
from ..values import namelike
from ..world import call

FRAMES = (
    frame(
        "rollback",
        98,
        r"(?:undo|revert|roll ?back|rewind|take back) (?:the |my |our )?(?:last|latest|previous|most recent|new|newest) (?:release|deployment|deploy|rollout) of\b",
        "verb",
    ),
    frame(
        "rollback",
        95.4,
        r"roll(?= (?:the |my |our )?(?!env|project|machine|everything|system|state|it\b|that\b|this\b|setup|all\b|things|last)[\w.-]+(?: service| deployment)? back$)",
        "verb",
    ),
    frame(
        "rollback",
        97,
        r"(?:revert|undo|restore|rewind)(?= (?:the |our )?(?!last|latest)[\w.-]+ (?:deployment|release)$)",
        "verb",
    ),
    frame("rollback", 95.5, r"roll (?:it|that) back$|roll ?back (?:it|that)$", "it"),
    frame("rollback", 90, r"(?:roll ?back|roll(?= (?:the |my )?[\w./-]+(?: \w+)? back\b))", "verb"),
    frame(
        "rollback",
        97,
        r"(?:(?:go|switch|revert|return|get|put|bring|take|move|rewind|restore|roll)(?: (?:the |my )?[\w.-]+)?(?: back)?(?: to)?|deploy|redeploy|use|back to)(?: the| its)? (?:previous|last|prior|earlier|older|former|old|last good|last working) (?:release|deployment|deploy|version)\b|(?:take|bring|put|get|move|roll|go)(?: (?:the |my )?[\w.-]+) back to (?:the|its) (?:release|version|deployment|one) before",
        "previous",
    ),
)


def read(clause: Clause) -> Found | None:
    rest, world = clause.rest, clause.world
    if clause.frame.how == "it":
        last = world.last()
        if world.subject:
            return made(call("rollback", name=world.subject))
        return (
            made(call("rollback", name=last.args.get("name") or world.name()))
            if last and last.tool in ("deploy", "rollback", "logs") and world.name()
            else None
        )
    if (
        clause.frame.how == "previous"
        and (
            of := re.match(
                r".*?\b(?:go|switch|revert|return|get|put|bring|take|move|rewind|restore|roll|deploy|redeploy)\s+(?:the |my )?([\w.-]+)(?: back)? to",
                clause.head,
            )
        )
        and namelike(of[1])
        and of[1] != "back"
    ):
        return made(call("rollback", name=clause.text.raw(of.start(1), of.end(1))))
    ask = asks(f"Roll back which deployment?{choice(world)} To take the environment itself back, say: rewind to last.")
    if re.match(
        r"\s*(?:the |our )?(?:env\w*|everything|project|machine|last|change|upgrade|install\w*|files?)\b", rest.low
    ):
        return None
    if re.match(r"\s*to\b", rest.low) and not re.search(r"\b(?:release|deployment|version)\b", rest.low):
        return None
    found = names(blanked(rest, r"\b(?:in|on|from) (?:prod|production|staging|dev)\b"))
    if not found or all(item.low in ("it", "that", "this", "that one", "them") for item in found):
        name = world.name()
        return made(call("rollback", name=name)) if name else ask
    if any(item.low.split()[0] in EVERYDAY or item.low in EVERYDAY for item in found):
        return NO
    if any(not namelike(item.low) for item in found):
        return None
    if any(foreign(item.low, world) for item in found) and not re.search(
        r"\b(?:service|deployment|release|app)\b", rest.low
    ):
        return NO if re.search(r"\b(?:the|my|a)\b", rest.low) else ask
    if any(item.low in PACKAGES and item.low not in SERVICES for item in found):
        return asks(
            f"{found[0].raw()} is a package: go back to before it was changed (rewind), or install a version of it?"
        )
    return made(*(call("rollback", name=item.raw()) for item in found))
