"""Which moment or snapshot is meant, in the user's own words."""

from __future__ import annotations

import re

from .english import ordinary
from .found import quoted
from .mend import plain
from .normalise import Text
from .tables import (
    EVERYDAY,
    OBJECTS,
    SERVICEISH,
    SNAPSHOTISH,
)
from .values import coined, moment, namelike
from .world import World

_LAST = re.compile(
    r"(?:the |my |our |its )?(?:very )?(?:last|latest|previous|most recent|newest|prior)(?: (?:known|saved|good|working))*(?: (?:snapshot|checkpoint|state|one|version|point|step|save|time|restore point))?(?: (?:i|we|you) (?:took|made|have))?"
)

_SNAPSHOT = re.compile(
    r"(?:the |my |our |a )?(?:snapshot|checkpoint|label|state|restore point|version|save|one)(?: (?:that is |which is )?(?:called|named|labell?ed|with (?:the )?(?:label|name)|tagged|id|label|i called|i named))?[: ]+(?P<after>\"[^\"]+\"|'[^']+'|[\w.@:-]+)"
    r"|(?:the |my |our )?(?P<before>\"[^\"]+\"|'[^']+'|[\w.-]+) (?:snapshot|checkpoint|label|state|restore point)"
)

_LEAD = re.compile(
    r"^\s*(?:(?:exactly |just )?(?:to|at|on|from|with|in|as|like|into|for)\b\s*)?(?:(?:the |its |their |a |that |my )?(?:state|point|moment|way|time|version)(?: (?:of|from|in|at|where|when|that))?\s+(?=\S)|(?:exactly |just )?(?:the way |how |what |where |as |like )?(?:(?:it|everything|things|that|this|all|we|i|the \w+|my \w+|they) )+(?:was|were|looked|worked|had been|has been|had)(?: (?:like|in|on|at))?\s+|as (?:of|it)\s+|to\s+)*"
)

WHAT_MOMENT = "a label, an id, `last`, or a time such as `yesterday at noon`"


def target(text: Text, world: World, *, loose: bool) -> tuple[str | None, bool]:
    """What is gone back to, or compared with, and True when it is certain. `loose`: any single name will do."""
    if lead := _LEAD.match(text.low):
        text = text.cut(lead.end())
    text = text.cut(0, len(text.low.rstrip(" ,.;:!?")))
    if owned := re.search(r"'s (?:version|state|one|copy|snapshot|content)$", text.low):
        text = text.cut(0, owned.start())
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
    if (match := _SNAPSHOT.fullmatch(low)) and not (
        match["before"]
        and (
            moment(match["before"])
            or match["before"]
            in OBJECTS | {"that", "a", "the", "my", "an", "right", "old", "correct", "which", "some", "any", "good"}
        )
    ):
        group = "after" if match["after"] else "before"
        word = match[group]
        if word not in ("from", "of", "before", "i", "we", "taken", "at", "when", "that", "was"):
            return quoted(text.raw(match.start(group), match.end(group))), True
    if moment(low):
        if match := re.match(
            r"(?:the |my |our )?(?:last |latest )?(?:snapshot|checkpoint|state|version|one)(?: (?:that )?(?:i|we|you) (?:took|made))?(?: (?:from|of|taken|made|that was taken|which was taken|at))* (?=\S)",
            low,
        ):
            text = text.cut(match.end())
        return plain(text.raw()), not any(word in EVERYDAY - TIMES for word in low.split())
    if re.fullmatch(r"[0-9a-f]{6,64}", low) or (coined(low) and not re.fullmatch(r"\d+(\.\d+)*", low)):
        return text.raw(), True
    if namelike(low) and (low in SNAPSHOTISH or (loose and not ordinary(low))):
        return text.raw(), True
    if loose and namelike(low):
        return text.raw(), not low.endswith("ing") and low not in SERVICEISH - SNAPSHOTISH
    return None, False


TIMES = frozenset(
    [
        "breakfast",
        "lunch",
        "dinner",
        "meeting",
        "time",
        "times",
        "day",
        "night",
        "birthday",
        "party",
        "exam",
        "class",
        "holiday",
        "vacation",
        "trip",
        "past",
        "day",
        "days",
    ]
)
