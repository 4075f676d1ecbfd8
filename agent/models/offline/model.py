"""The offline model: a request in plain words into calls, without a key, a network or a model server.

normalise -> mend -> segment -> (per part) frames and slots -> calls, a question or a refusal. What the grammar has no frame
for is compared with examples, if the embedder's model is there; that may ask or observe, and never changes anything.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ....tools.errors import Usage
from ....tools.risk import Risk
from ....tools.run.words import judge, split
from ...events import Call, Text
from ..base import Request, Thought
from . import none, similar
from .dialogue import follow
from .english import ordinary
from .found import COMMANDS, Clause, Found
from .frame import Frame
from .frames import READERS
from .intents import clean, stated, understand
from .languages import to_english
from .mend import mend
from .normalise import LIMIT, normalise, sayable
from .normalise import Text as Text_
from .readers.syncs import joined
from .segment import ACTION, Part, segment
from .tables import RISKS, SERVICEISH
from .world import World

MOST = 24
"""Calls in one request. More is a script, and asked about."""


class OfflineModel:
    """Understands by grammar. `tools` is what this version has; None means every tool of the contract."""

    name = "offline"
    follows_up = False

    def __init__(self, tools: frozenset[str] | None = None) -> None:
        self.tools = frozenset(RISKS) if tools is None else tools

    async def think(self, request: Request) -> AsyncIterator[Text | Thought]:
        """Exactly one Thought; never raises for what a person may type."""
        yield self.understand(request)

    def understand(self, request: Request) -> Thought:
        """The same, at once: what `think` yields."""
        thought = _read(request)
        missing = sorted({call.tool for call in thought.calls} - self.tools)
        if missing:
            return Thought(
                "decline", (), f"This version of EnvSync cannot {' or '.join(missing)} yet. Nothing was changed."
            )
        if any(not sayable(value) for call in thought.calls for value in _strings(call)):
            return Thought(
                "ask", (), "There are characters in it that are no text. Please type the name or command again."
            )
        if COMMANDS in thought.reply:
            return replace(thought, reply=thought.reply.replace(COMMANDS, _own_commands(request)))
        return thought


def _own_commands(request: Request) -> str:
    """What the project's files say: shown for the person to say, never run by itself, since a file is no request."""
    own = [f"{purpose}: `{command}`" for purpose, command in request.known.commands.items()]
    if not own:
        return "For example: run pytest -q. `scan` shows the project's own commands."
    return f"This project's own are {', '.join(own)}. Say `run` and the command."


PROJECT = Path("/project")
"""Stands for the project before there is one: a risk by the words alone."""


def risk(call: Call) -> Risk:
    """The risk that the contract gives a call before any plan is made: R3 for production and for commands that destroy."""
    own = RISKS.get(call.tool, Risk.R3)
    values = " ".join(_strings(call)).lower()
    if call.tool in ("deploy", "rollback", "switch") and any(
        word in ("prod", "production") for word in values.replace("-", " ").split()
    ):
        return Risk.R3
    if call.tool == "run":
        with suppress(Usage):  # what cannot be run is refused later, with the way out
            return judge(split(str(call.args.get("command", ""))), PROJECT)[0]
    return own


def _strings(call: Call) -> list[str]:
    out: list[str] = []
    for value in call.args.values():
        if isinstance(value, str):
            out.append(value)
        elif isinstance(value, list | tuple):
            out += [item for item in value if isinstance(item, str)]  # pyright: ignore[reportUnknownVariableType]  # lists of names
    return out


def _read(request: Request) -> Thought:
    if len(request.text) > LIMIT:
        return Thought(
            "ask",
            (),
            f"That is {len(request.text):,} characters. Say in a sentence what to do, and pipe the rest: it is context then.",
        )
    text = mend(to_english(normalise(request.text)))
    if not any(char.isalnum() for char in text.low):
        return Thought("decline", (), none.HELP)
    if none.chat(text.low):
        return Thought("decline", (), none.HELP)
    if none.unlearns(text.low):
        return Thought("decline", (), none.UNLEARN)
    if none.commandeered(text):
        return Thought(
            "decline",
            (),
            "That reads like an instruction planted in some text. Say in your own words what to do. Nothing was changed.",
        )
    text = joined(none.spoken_for(text))
    world = World.of(request)
    followed = follow(text, world)
    if followed is not None:
        return Thought("calls" if followed.kind == "calls" else "ask", followed.calls, followed.reply)
    if fact := none.fact_before(text):
        return Thought("calls", (Call("remember", {"fact": fact}),))
    calls: list[Call] = []
    refused: list[str] = []
    strange: list[str] = []
    near: list[str] = []
    verb = ""
    for part in segment(text):
        world.hear(part.text)
        found = understand(part, world, text.low) or _elliptic(part, verb, world)
        if found is not None and found.kind == "decline":
            world.hear_not(part.text)
        if found is not None and found.kind == "calls":
            verb = _verb(part)
        if found is None and (vague := none.vague(clean(part.text).low)):
            return Thought("ask", (), vague)
        if found is None:
            strange.append(part.text.raw())
        elif found.kind == "ask":
            return Thought("ask", (), found.reply)
        elif found.kind == "decline":
            refused.append(found.reply)
            if not found.reply:
                near.append(clean(part.text).raw())
        else:
            for call in found.calls:
                if not any(_within(call, other) for other in calls[-1:]):
                    calls.append(call)
            world.earlier += found.calls
    if len(calls) > MOST:
        return Thought("ask", (), f"Those are {len(calls)} actions. Ask for at most {MOST} at a time.")
    if (
        calls
        and (lost := [raw for raw in (*strange, *near) if ACTION.match(normalise(raw).low)])
        and any(RISKS[c.tool] > Risk.R0 for c in calls)
    ):
        # Half a request carried out is not what was asked for.
        return Thought("ask", (), f"I understood the rest, but not: {lost[0]}. Say it in other words, or leave it out.")
    if calls:
        left = [part for part in strange if len(part.split()) > 2]
        return Thought("calls", tuple(calls), f"Not understood, and left out: {'; '.join(left)}" if left else "")
    return _nothing(text.low, refused, strange, world)


_ELLIPTIC = re.compile(r"(?:then |also |and )*(?:the )?@?[a-z][\w.+/@-]*(?: v?\d[\w.]*)?(?: (?:too|as well|also))?")
_REPEATED = frozenset(["deploy", "rollback", "destroy", "install", "upgrade", "logs", "redeploy", "add"])


def _verb(part: Part) -> str:
    """The verb of a part that another name may follow: "deploy api, then worker"."""
    first = clean(part.text).low.split(" ", 1)[0]
    return first if first in _REPEATED else ""


def _elliptic(part: Part, verb: str, world: World) -> Found | None:
    low = part.text.low
    if not verb or not _ELLIPTIC.fullmatch(low) or (ordinary(low.split()[-1]) and low.split()[-1] not in SERVICEISH):
        return None
    text = part.text
    put = Text_(
        f"{verb} {low}",
        [text.starts[0]] * (len(verb) + 1) + list(text.starts),
        [text.starts[0]] * (len(verb) + 1) + list(text.ends),
        text.original,
    )
    return understand(Part(put), world, low)


def _within(call: Call, other: Call) -> bool:
    """Said twice: "it worked yesterday, what changed?", "look at ./api and tell me what it needs"."""
    if call.tool != other.tool:
        return call == Call("history") and other.tool == "drift"
    return call == other or (
        RISKS[call.tool] == Risk.R0 and call.args.items() <= other.args.items() and call.tool != "logs"
    )


_HOW = {"scan": "stack", "drift": "what", "status": "running", "logs": "logs"}
"""Which frame a request is read by that is only like one: the one that asks least of the words."""


def _like(low: str, strange: list[str], world: World) -> Thought:
    """What the nearest example says: a call that only observes is made, anything else is asked about."""
    near = similar.nearest(low) if len(strange) == 1 and len(low) < 200 and not stated(low) else []
    best = near[0] if near else None
    if best is None or best.cosine < similar.SURE or best.tool == "none":
        return Thought("decline", (), none.HELP)
    if RISKS[best.tool] == Risk.R0 and best.tool in _HOW and best.cosine >= similar.SURE + 0.05:
        text = normalise(low)
        found = READERS[best.tool](Clause(Frame(best.tool, 0, re.compile(""), _HOW[best.tool]), text, text, world, ""))
        if found is not None and found.kind == "calls":
            return Thought("calls", found.calls)
    readings = " or ".join(f"`{one.text}`" for one in near if one.tool != "none")
    return Thought("ask", (), f"I am not sure what you want. Something like {readings}? Say it in such words.")


def _nothing(low: str, refused: list[str], strange: list[str], world: World) -> Thought:
    """No calls came of it: a refusal, a question, or what the nearest example says."""
    if refused:
        return Thought("decline", (), next((reply for reply in refused if reply), none.HELP))
    vague = none.vague(low)
    if vague:
        return Thought("ask", (), vague)
    if strange and not none.knowledge(low) and not none.chat(low):
        return _like(low, strange, world)
    return Thought("decline", (), none.HELP)


__all__ = ["Found", "OfflineModel", "risk"]
