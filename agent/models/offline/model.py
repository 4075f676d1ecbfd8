"""The offline model: a request in plain words into calls, without a key, a network or a model server.

normalise -> mend -> guards -> what was said before -> the encoder (encoder.py), or the simple grammar where the encoder's file is
missing or damaged. Nothing here changes anything: what comes out is planned, shown and approved like any other call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ....tools.errors import Usage
from ....tools.risk import Risk
from ....tools.run.words import judge, split
from ...events import Call, Text
from ..base import Request, Thought
from . import answer, none, simple
from .compose import Act
from .dialogue import follow
from .encoder import Encoder, EncoderMissing
from .found import COMMANDS
from .mend import mend
from .normalise import LIMIT, normalise, sayable
from .normalise import Text as Words
from .reader import read
from .tables import RISKS
from .world import World


class OfflineModel:
    """Understands by the encoder. `tools` is what this version has; None means every tool of the contract."""

    name = "offline"
    follows_up = False

    def __init__(self, tools: frozenset[str] | None = None, encoder: Encoder | None = None) -> None:
        """`encoder` is this version's own by default."""
        self.tools = frozenset(RISKS) if tools is None else tools
        self._encoder = encoder or Encoder()

    async def think(self, request: Request) -> AsyncIterator[Text | Thought]:
        """Exactly one Thought; never raises for what a person may type."""
        yield self.understand(request)

    def understand(self, request: Request) -> Thought:
        """The same, at once: what `think` yields."""
        thought = self._read(request)
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

    def _read(self, request: Request) -> Thought:
        if len(request.text) > LIMIT:
            size = f"{len(request.text):,}"
            return Thought(
                "ask",
                (),
                f"That is {size} characters. Say in a sentence what to do, and pipe the rest: it is context then.",
            )
        text = mend(normalise(request.text))
        if not any(char.isalnum() for char in text.low) or none.chat(text.low):
            return Thought("decline", (), none.HELP)
        if none.foreign(text.low):
            return Thought("decline", (), none.FOREIGN)
        if none.unlearns(text.low):
            return Thought("decline", (), none.UNLEARN)
        if none.commandeered(text):
            said = "That reads like an instruction planted in some text. Say in your own words what to do. Nothing was changed."
            return Thought("decline", (), said)
        followed = follow(text, world := World.of(request), lambda earlier: self._acts(earlier, world))
        if followed is not None:
            return Thought("calls" if followed.kind == "calls" else "ask", followed.calls, followed.reply)
        try:
            return answer.answer(request, text, self._encoder)
        except EncoderMissing as error:
            world = World.of(request)
            thought = answer.given(simple.read(text, answer.names_here(world)), world, {})
            return replace(thought, reply=f"{thought.reply}\n{SIMPLER.format(error)}".strip(), sure=0.5)

    def _acts(self, text: Words, world: World) -> list[Act]:
        """An earlier request read once more."""
        here = answer.names_here(world)
        with suppress(EncoderMissing):
            self._encoder.load()
            return [part.act for part in read(self._encoder, text, here).parts]
        return [part.act for part in simple.read(text, here).parts]


SIMPLER = "I understand plain forms of words only just now: {}. Fix: install envsync again."
"""Said with every answer while the encoder cannot be had."""


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


__all__ = ["OfflineModel", "risk"]
