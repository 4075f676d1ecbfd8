"""What only makes sense after what was said before: "no, the other one", "do that again", "the same for pandas", "pause it"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ....tools.risk import Risk
from ...events import Call
from . import none, simple
from .anew import NAME, anew, instead
from .compose import Act, compose, missing
from .found import Found, asks, made
from .labels import NONE, VAGUE
from .mend import mend
from .normalise import Text, normalise
from .resolve import HOSTED, lost, resolve
from .sayings import (
    ACTIONS,
    AGAIN,
    AND,
    ASKS,
    BACK_TO,
    DESTROY,
    INSTEAD,
    LONGER,
    MEANT,
    NOT,
    OTHER,
    OTHER_HOST,
    ROLL,
    SAME,
    SCALE,
    SESSION,
    SHORT,
    SWITCH_BACK,
    UNDO,
)
from .slots import value
from .tables import RISKS
from .values import INSTALLABLE
from .world import World, call, names_here

Acts = Callable[[Text], Sequence[Act]]
"""Reads an earlier request again, to put the answer to its question into it."""


def plainly(text: Text) -> Sequence[Act]:
    """The acts of a text by the simple grammar."""
    return [part.act for part in simple.read(text, {}).parts]


def follow(text: Text, world: World, acts: Acts = plainly) -> Found | None:
    """The calls that such words mean after the last call; None when the words stand on their own."""
    if len(text.low) > SHORT:
        return None
    if (found := _answered(text, world, acts)) or (found := _bare(text, world)):
        return found
    last = world.last()
    if last is None:
        return asks("Which one?") if OTHER.match(text.low) else None
    for rule in (_again, _other, _it, _back, _replaced, _meant, _same):
        if found := rule(text, last, world):
            return found
    return None


def _answered(text: Text, world: World, acts: Acts) -> Found | None:
    """A name alone after a question: the request that was asked back, with it."""
    if not world.asked or none.negated(text.low):
        return None
    if (match := MEANT.match(text.low)) and match["sure"]:
        text = text.cut(match.end())
    asked = mend(normalise(world.asked))
    return _filled(acts(asked), text, world) or _filled(plainly(asked), text, world)


def _filled(acts: Sequence[Act], text: Text, world: World) -> Found | None:
    """The calls of the acts, what was lacking being said in `text`."""
    calls: list[Call] = []
    filled = False
    for act in acts:
        if act.tool == VAGUE:
            act = next(iter(plainly(act.text)))
        if act.tool == NONE:
            continue
        found, completed = resolve(act, compose(act), world)
        if not filled and (missing(found) or lost(act, found, world) or ("ask" in act.flags and not completed)):
            new = anew(found, text, world)
            if new is None or missing(new) or lost(act, new, world):
                return None
            found, filled = new, True
        calls.append(found)
    return made(*calls) if filled else None


def _bare(text: Text, world: World) -> Found | None:
    """A known name and nothing else, where nothing was asked: what with it is not known."""
    name = re.sub(r"^(?:the |my |our )", "", text.low.strip(" .,!?"))
    if name not in names_here(world) or simple.reads(name):
        return None
    return asks(f"What should I do with {name}? Say for example `logs of {name}` or `destroy {name}`.")


def _again(text: Text, last: Call, world: World) -> Found | None:
    """The calls of the last turn once more, or with something in them changed."""
    match = AGAIN.match(text.low)
    if match is None or (match["look"] and RISKS[last.tool] > Risk.R0):
        return None
    if match["end"] is not None:
        return made(*world.turn or (last,))
    return _each(world.turn or (last,), text.cut(match.end()), world)


def _each(calls: Sequence[Call], text: Text, world: World) -> Found | None:
    """The calls, anew where the words fit; None when they fit nowhere."""
    new = [anew(one, text, world) for one in calls]
    if not any(new):
        return None
    return made(*(changed or one for changed, one in zip(new, calls, strict=True)))


def _other(text: Text, last: Call, world: World) -> Found | None:
    host = HOSTED.get(last.tool) if OTHER_HOST.match(text.low) else None
    if host is None and not OTHER.match(text.low):
        return None
    key = host or {"rewind": "to", "drift": "against", "snapshot": "label"}.get(last.tool) or NAME.get(last.tool, "")
    if not key and "on" in last.args:
        host = key = "on"
    among = (
        world.known.snapshots
        if key in ("label", "against") or (last.tool == "rewind" and not host)
        else world.known.services
    )
    if host:
        among = tuple(name for name in world.known.hosts if name != "local")
    others = [name for name in among if name != last.args.get(key)]
    if key and len(others) == 1 and (host or len(among) > 1):
        return made(_put(last, key, others[0]))
    return asks(f"Which one? {', '.join(others[:8])}" if others else "Which one? Name it.")


def _put(last: Call, key: str, new: object) -> Call:
    return call(last.tool, **{**last.args, key: new})


def _it(text: Text, last: Call, world: World) -> Found | None:
    """Something is done to what the last call made: a session, a sandbox, a deployment."""
    low = text.low
    if last.tool in ("sync", "syncs") and (match := SESSION.match(low)):
        action = "pause" if match["abroad"] else match["do"] or match["bare"]
        return made(call("syncs", action=ACTIONS.get(action, action), name=last.args.get("name")))
    subject = world.made() if len(world.names()) < 2 else None
    if subject and (match := DESTROY.match(low)) and not (match["stop"] and last.tool not in ("deploy", "sandbox")):
        return made(call("destroy", name=subject))  # "stop it" of logs may mean the showing
    changed = world.changed()
    if (
        changed
        and changed.tool == "deploy"
        and "name" in changed.args
        and len(world.names()) < 2
        and (match := SCALE.match(low))
    ):
        scaled = anew(changed, text.cut(match.end()), world)
        return made(scaled) if scaled else None
    if (
        ROLL.match(low)
        and len(world.names()) < 2
        and changed
        and changed.tool in ("deploy", "rollback")
        and (name := world.name())
    ):
        return made(call("rollback", name=name))
    if changed and changed.tool in ("provision", "run", "rewind") and UNDO.match(low):
        return made(call("rewind", to="last"))
    if changed and changed.tool == "sandbox" and subject and (match := LONGER.match(low)):
        hours = value("hours", text.cut(match.start("hours"), match.end("hours")))
        return made(call("sandbox", name=subject, hours=hours)) if hours else None
    return None


def _back(text: Text, last: Call, world: World) -> Found | None:
    """To the context, or to the snapshot, that was spoken of before."""
    if SWITCH_BACK.match(text.low):
        before = world.context_before()
        return made(call("switch", context=before)) if before else asks("Switch back to which context?")
    if last.tool != "switch" and BACK_TO.match(text.low) and (label := world.label()):
        return made(call("rewind", to=label))
    return None


def _replaced(text: Text, last: Call, world: World) -> Found | None:
    """ "not staging, prod": one value of the last call for another."""
    match = NOT.match(text.low)
    if match is None:
        return None
    old, new = ("old", "new") if match["old"] else ("old2", "new2")
    changed = instead(last, match[old], text.cut(*match.span(new)), world)
    return made(changed) if changed else None


def _meant(text: Text, last: Call, world: World) -> Found | None:
    """ "no, I meant worker", "make that 5": the last call with what was really meant."""
    match = MEANT.match(text.low)
    if match and match.end():
        meant = text.cut(match.end(), len(re.sub(r"[, ]+i mean(?:t)?\W*$", "", text.low)))
        changed = anew(last, meant, world, sure=match["sure"] is not None)
    else:
        match = INSTEAD.match(text.low)
        changed = anew(last, text.cut(*match.span("what")), world) if match else None
    return made(changed) if changed else None


def _same(text: Text, last: Call, world: World) -> Found | None:
    """ "the same for pandas", "also on docker:web", "and the worker?": the last call with another thing."""
    if match := SAME.match(text.low):
        return _another(text.cut(match.end()), last, world, sure=True)
    match = AND.match(text.low)
    if match is None or world.asked or (RISKS[last.tool] > Risk.R0 and ASKS.search(text.low)):
        return None  # "and the worker?" after a deploy wants to know something
    return _another(text.cut(match.end()), last, world, sure=False)


def _another(text: Text, last: Call, world: World, *, sure: bool) -> Found | None:
    """A version is said once for all: "upgrade numpy" and "same for pandas" is the latest of both."""
    text = text.cut(0, len(text.low.rstrip(" .!?")))
    if not sure and last.tool == "sandbox" and "name" in last.args:
        return None  # one of that name is there already
    new = anew(last, text, world, sure=sure)
    if new is None or last.tool not in ("provision", "sandbox"):
        return made(new) if new else None
    before = [item for key in INSTALLABLE for item in last.args.get(key, [])]
    version = before[0].rpartition("@")[2] if len(before) == 1 and "@" in before[0].lstrip("@") else ""
    if version and not any(new.args.get(key) == last.args.get(key) for key in INSTALLABLE if key in new.args):
        new = call(
            new.tool,
            **{
                key: [_at(item, version) for item in items] if key in INSTALLABLE else items
                for key, items in new.args.items()
            },
        )
    return made(new)


def _at(item: str, version: str) -> str:
    return item if re.search(r"[@<>=]", item.lstrip("@")) else f"{item}@{version}"
