"""A call that goes on from the one before: "same but prod", "not 20, 22", "and on gpu4", "the newest one", "and kafka?"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...events import Call
from .compose import CORRECTED, Act, compose
from .labels import NONE, VAGUE
from .things import joined, wanted
from .values import INSTALLABLE, unversioned
from .words import Before
from .world import World

_HERE = re.compile(r"\b(?:here|local(?:ly)?|(?:on )?(?:this|my) (?:machine|laptop|box|computer))\b")
_SAME_PLACE = re.compile(r"\b(?:there|same (?:place|folder|dir(?:ectory)?))\b")
_ONE_WAY = re.compile(
    r"\b(?:push|pull|upload|download|copy|send|fetch|mirror|one[- ]way|bring|get|way (?:round|around)|direction|reverse|swap)\b"
)


def before(world: World, asked: Sequence[Act]) -> tuple[Before | None, Call | None]:
    """What a request may go on from, for the encoder and as a call: the request that was asked back, or the last call."""
    open_ = next((act for act in asked if act.tool not in (NONE, VAGUE)), None)
    if open_ is not None:
        return Before(open_.tool, open=True), compose(open_)
    if world.turn:
        return Before(world.turn[-1].tool), world.turn[-1]
    return None, None


_CORRECTS = re.compile(
    r"\W*(?:no|nope|sorry|oops|wait|i (?:mean|meant|said)|nein|non|não)\b(?![- ])|\W*(?:no|sorry|oops|wait),? "
)


def corrects(act: Act) -> bool:
    """Begins as somebody does who was misunderstood: "no, go vet ./..."."""
    return bool(_CORRECTS.match(act.text.low))


def goes_on(last: Call, act: Act, call: Call) -> Call:
    """`last` with what the words say now put into it. Both are calls of the same tool."""
    old: dict[str, Any] = dict(last.args)
    new = dict(call.args)
    if call.tool in ("provision", "sandbox"):
        if set(INSTALLABLE) & set(new):
            if "path" in old and not CORRECTED.search(act.text.low) and not _SAME_PLACE.search(act.text.low):
                del old["path"]  # other packages are for another folder, unless the folder is said again
            old = {key: value for key, value in old.items() if key not in INSTALLABLE}
        elif exact := _exact(act):
            new |= _versioned(old, exact)
    if call.tool == "history" and "query" in new and "query" in old:
        new["query"] = _query(str(old["query"]), str(new["query"]))
    if call.tool == "sync" and "mode" in new and not _ONE_WAY.search(act.text.low):
        del new["mode"]  # "to lab:/srv" completes what was said: it says no direction by itself
    for key in ("on", "to"):
        if key in old and key not in new and _HERE.search(act.text.low):
            del old[key]
    return Call(call.tool, {**old, **new})


def _exact(act: Act) -> str:
    """A version that is said without its thing."""
    said = [exact for span in act.spans if span.slot == "version" and (exact := wanted(span.text))]
    return said[-1] if said else "latest" if "latest" in act.flags else ""


def _versioned(old: dict[str, Any], exact: str) -> dict[str, Any]:
    items = [(key, str(item)) for key in INSTALLABLE for item in old.get(key, ())]
    if len(items) != 1:
        return {}
    key, item = items[0]
    return {key: [joined(unversioned(item), exact)]}


def _query(old: str, new: str) -> str:
    """ "when did we install redis", "and kafka?": the frame stays."""
    words = old.split()
    return new if len(words) < 2 or len(new.split()) > 1 else " ".join([*words[:-1], new])
