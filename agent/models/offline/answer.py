"""A request, read by the encoder, into calls, a question or a refusal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ....tools.risk import Risk
from ...events import Call
from ..base import Request, Thought
from . import none, simple
from .compose import Act, compose, missing
from .encoder import Encoder
from .found import COMMANDS, choice
from .labels import NONE, VAGUE
from .normalise import Text
from .reader import Read, Reading, read
from .resolve import lost, names_here, resolve
from .tables import RISKS
from .world import World

MOST = 24
"""Calls in one request. More is a script, and asked about."""
WHICH_HOST = "On which host? Name it as docker:NAME, USER@HOST or vm:NAME."
_QUESTIONS = {
    "scan": WHICH_HOST,
    "provision": "Install what, and where? Name packages, runtimes or services; `set this project up` installs all it needs.",
    "sync": "Sync which two places? For example: sync ./src with me@box:/src, or push ./build to docker:web:/app.",
    "syncs": "Which sync session, and what with it: pause, resume, flush, end, or resolve its conflicts (mine, theirs, newest, both)?",
    "snapshot": WHICH_HOST,
    "rewind": "Back to what? A label, an id, `last`, or a time such as `yesterday at noon`.",
    "drift": "Compare with what? A snapshot, a time, `spec`, a context or a host.",
    "history": "What should I look for in the history?",
    "status": WHICH_HOST,
    "logs": "The logs of which service?",
    "deploy": "Deploy what, and where? For example: deploy api to staging, deploy ./web to USER@HOST, deploy web with 3 replicas.",
    "rollback": "Roll back which deployment? To take the environment itself back, say: rewind to last.",
    "switch": "Switch to which context? For example: switch to staging.",
    "destroy": "Destroy what? Name the service, deployment or sandbox. Files, packages and branches are not removed by me.",
    "run": f"Which command? {COMMANDS}",
    "remember": "What should I remember? For example: remember that my database always listens on 5433.",
    "sandbox": "A sandbox with what in it, or which sandbox?",
}
_CALLED = {
    "scan": "look at what is here and what it needs", "provision": "install or set something up", "sync": "keep two directories the same",
    "syncs": "see to a sync session", "snapshot": "take a snapshot", "rewind": "go back to an earlier state", "drift": "tell what changed",
    "history": "search the history", "status": "show what is running", "logs": "show a service's logs", "deploy": "deploy",
    "rollback": "put a deployment back to its previous release", "switch": "switch the context", "destroy": "destroy a service or sandbox",
    "run": "run a command", "remember": "remember that", "sandbox": "make a sandbox", NONE: "nothing of mine", VAGUE: "something else",
}  # fmt: skip
_THINGS = {"runtimes", "packages", "services", "template"}
_BOUNDS = {"limit": (1, 1000), "tail": (1, 10_000), "hours": (0.01, 744), "port": (1, 65_535), "replicas": (1, 1000)}
"""Of the contract's tools, which take no more; asked about, since neither a cut number nor none at all is what was said."""
VAGUE_ASKED = (
    "What exactly? I can take files and packages back to an earlier state (`rewind`), tell what changed (`drift`), install what is missing "
    "(`set this project up`), or remove a service that you name. Nothing was changed."
)


def answer(request: Request, text: Text, encoder: Encoder) -> Thought:
    """Raises EncoderMissing."""
    world = World.of(request)
    encoder.load()
    return given(read(encoder, text, names_here(world)), world, encoder.card)


def given(found: Read, world: World, card: Mapping[str, Any]) -> Thought:
    """What a reading comes to, with the confidence and thresholds of the reader's card."""
    if not found.whole:
        return Thought(
            "ask",
            (),
            "That is a lot at once. Say in a sentence or two what to do, and pipe the rest: it is context then.",
        )
    sure = confidence(found, card.get("calibration", {}))
    calls: list[Call] = []
    questions: list[str] = []
    for part in _in_order(found):
        world.hear(part.act.text)
        if part.act.tool == NONE:
            world.hear_not(part.act.text)
            continue
        call, question = _one(part, world)
        if question:
            questions.append(question)
        if call is not None and call not in calls[-1:]:
            calls.append(call)
            world.earlier.append(call)
    if questions:
        return Thought("ask", (), questions[0], sure=sure)
    if len(calls) > MOST:
        return Thought("ask", (), f"Those are {len(calls)} actions. Ask for at most {MOST} at a time.")
    if not calls:
        refused = none.NEGATED if any(none.negated(part.act.text.low) for part in found.parts) else none.HELP
        return Thought("decline", (), refused, sure=sure)
    if sure < _threshold(calls, card.get("thresholds", {})):
        return Thought("ask", (), _unsure(found, calls), sure=sure)
    return Thought("calls", tuple(calls), sure=sure)


_WHOLE = re.compile(
    r"set(?:ting|s)?\b.*\bup|set-?up|install|depend|deps\b|requirements?|packages|librar|bootstrap|prepare|ready|running|going|start|work|need|missing|provision|onboard|"
    r"environment|able to|\brun\b|clon|instal|en place|pronto|prepár|\benv\b|initiali|project|repo|everything|fehl|richt|aufsetz|abhängig|projekt|prépar|dépend|manqu|projet|configur|prepar|falta|proyecto|projeto|ambiente|entorno|environnement|umgebung"
)
"""One of these is said by whoever wants all installed that a project needs: without one, an empty call is a guess."""


def _in_order(found: Read) -> list[Reading]:
    first = [part for part in found.parts if "first" in part.act.flags]
    return [*first, *(part for part in found.parts if "first" not in part.act.flags)]


def _one(part: Reading, world: World) -> tuple[Call | None, str]:
    act = part.act
    if act.tool == VAGUE:
        if question := none.vague(act.text.low):
            return None, question
        plainly = simple.read(act.text, names_here(world)).parts[0].act
        call, completed = (None, False) if plainly.tool == NONE else resolve(plainly, compose(plainly), world)
        if (
            call
            and (completed or ("last" in plainly.flags and world.earlier))
            and "ask" not in plainly.flags
            and not lost(plainly, call, world)
        ):
            return call, ""  # "roll it back": vague, but for what was said before
        return None, _question(call, missing(call), world) if call else _what(act)
    call, completed = resolve(act, compose(act), world)
    if lacking := missing(call):
        return None, _question(call, lacking, world)
    if lost(act, call, world):
        return None, WHICH_HOST
    if (
        call.tool == "sandbox"
        and set(call.args) == {"hours"}
        and re.search(r"\b(?:the|that|my|this) sandbox\b", act.text.low)
    ):
        return None, f"Which sandbox?{choice(world)}"  # a new one was not asked for
    if (
        call.tool == "provision"
        and not {"runtimes", "packages", "services", "template", "gpu"} & set(call.args)
        and not _WHOLE.search(act.text.low)
    ):
        return None, _question(call, (), world)
    if call.tool == "provision" and not _THINGS & set(call.args) and any(span.slot == "version" for span in act.spans):
        return None, _question(call, (), world)  # a version of what? With nothing named it would be the whole project.
    for key, (least, most) in _BOUNDS.items():
        if not least <= call.args.get(key, least) <= most:
            return None, f"{key} {call.args[key]} cannot be: from {least} to {most} can. How many?"
    if "ask" in act.flags and not completed:
        return None, none.vague(act.text.low) or _question(call, (), world)
    return call, ""


def _what(act: Act) -> str:
    said = act.text.raw()
    return (
        VAGUE_ASKED
        if len(said) > 80
        else VAGUE_ASKED.replace("What exactly?", f"What exactly do you mean by “{said}”?")
    )


def _question(call: Call, lacking: tuple[str, ...], world: World) -> str:
    question = _QUESTIONS[call.tool]
    if call.tool == "rewind" and world.known.snapshots:
        return f"{question} There are: {', '.join(world.known.snapshots[:8])}."
    if call.tool == "sync" and lacking and len(lacking) == 1:
        side = next(iter(value for value in call.args.values() if isinstance(value, str)), "it")
        return f"Sync {side} with which other place? {question}"
    return question + (choice(world) if call.tool in ("logs", "rollback", "destroy", "deploy") else "")


def confidence(found: Read, calibration: Mapping[str, Any]) -> float:
    """Probability that all of it is right, from how sure each side of the reading is (weights in the card, fitted on held cases)."""
    if not found.parts:
        return 1.0
    sides = sides_of(found)
    weights = calibration.get("weights", [1.0] * len(sides))
    score = calibration.get("bias", 0.0) + sum(w * side for w, side in zip(weights, sides, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def sides_of(found: Read) -> list[float]:
    """Log odds of the least sure act, word, flag and cut."""
    return [
        _odds(min(part.tool for part in found.parts)),
        _odds(min(part.slots for part in found.parts)),
        _odds(min(part.flags for part in found.parts)),
        _odds(found.cut),
    ]


def _odds(chance: float) -> float:
    chance = min(max(chance, 1e-6), 1 - 1e-6)
    return math.log(chance / (1 - chance))


def _threshold(calls: list[Call], thresholds: Mapping[str, float]) -> float:
    risk = max(RISKS[call.tool] for call in calls)
    return thresholds.get("change" if risk >= Risk.R2 else "observe", 0.0)


def _unsure(found: Read, calls: list[Call]) -> str:
    least = min(found.parts, key=lambda part: part.tool)
    first, second = _CALLED[least.act.tool], _CALLED[least.second]
    said = "; ".join(f"{call.tool} {', '.join(f'{k}={v}' for k, v in call.args.items())}".strip() for call in calls)
    return f"I am not sure what you want: {first} ({said}), or {second}? Say it in other words. Nothing was changed."
