"""A request, read by the encoder, into calls, a question or a refusal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ....tools.risk import Risk
from ...events import Call
from ..base import Request, Thought
from . import more, none, simple
from .compose import Act, compose, missing
from .encoder import Encoder
from .found import COMMANDS, choice
from .labels import NONE, VAGUE
from .mend import mend
from .normalise import Text, normalise
from .reader import Read, Reading, read
from .resolve import NAMED, lost, resolve
from .sure import confidence, in_order, same_simply
from .tables import RISKS
from .values import INSTALLABLE, moment
from .world import World, names_here

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
_THINGS = {*INSTALLABLE, "template"}
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
    asked = [part.act for part in read(encoder, mend(normalise(world.asked)), {}).parts] if world.asked else []
    before, last = more.before(world, asked)
    found = read(encoder, text, here := names_here(world), before)
    return given(found, world, encoder.card, last, agreed=same_simply(found, text, here))


def given(
    found: Read, world: World, card: Mapping[str, Any], last: Call | None = None, *, agreed: bool = False
) -> Thought:
    """What a reading comes to, with the confidence and thresholds of the reader's card.

    `last`: what the request may go on from. `agreed`: the simple grammar reads the same, so that both would have to be wrong.
    """
    if not found.whole:
        return Thought(
            "ask",
            (),
            "That is a lot at once. Say in a sentence or two what to do, and pipe the rest: it is context then.",
        )
    calls: list[Call] = []
    questions: list[str] = []
    for part in in_order(found):
        world.hear(part.act.text)
        if part.act.tool == NONE:
            world.hear_not(part.act.text)
            continue
        call, question, settled = _one(part, world, last)
        last = None if call else last  # later parts go on from this one, if from any
        if question:
            questions.append(question)
        if call is None:
            continue
        agreed = agreed or (settled and part.tool > 0.5 and len(found.parts) == 1)
        if calls and (whole := _one_of_both(calls[-1], call)):
            call = whole
            calls.pop()
            world.earlier.pop()
        calls += (both := _both(part, call, world))
        world.earlier += both
    sure = confidence(found, calls, card.get("calibration", {}), agreed=agreed)
    if questions:
        return Thought("ask", (), questions[0], sure=sure)
    if len(calls) > 1 and _FALLBACK.search(_words_of(found)) and any(RISKS[call.tool] >= Risk.R2 for call in calls):
        return Thought("ask", (), FALLBACK, sure=sure)
    if len(calls) > MOST:
        return Thought("ask", (), f"Those are {len(calls)} actions. Ask for at most {MOST} at a time.")
    if not calls:
        refused = none.NEGATED if any(none.negated(part.act.text.low) for part in found.parts) else none.HELP
        return Thought("decline", (), refused, sure=sure)
    if not agreed and sure < _threshold(calls, card.get("thresholds", {})):
        return Thought("ask", (), _unsure(found, calls), sure=sure)
    return Thought("calls", tuple(calls), sure=sure)


_LOOKING = frozenset({"scan", "drift", "history", "status"})


def _one_of_both(before: Call, call: Call) -> Call | None:
    """The one of two calls in a row that says it all: "what did we do? I lost track" asks once, "I'd like numpy, get it" too."""
    if before == call:
        return call
    if before.tool != call.tool:
        return None
    if call.tool in _LOOKING and (before.args.items() <= call.args.items() or call.args.items() <= before.args.items()):
        return max(before, call, key=lambda one: len(one.args))
    if call.tool == "provision" and not (before.args and call.args):
        return call if call.args else before
    return None


_FALLBACK = re.compile(
    r"\b(?:if (?:it|that|this|they|the \w+|something|anything|any \w+) (?:\w+ )?(?:fails?|breaks?|goes? (?:wrong|red|south)|crash(?:es)?|do(?:es)?n't (?:work|pass)|(?:is|are) (?:red|broken))|"
    r"in case (?:of )?(?:any )?(?:issues?|problems?|errors?|trouble|it (?:fails|breaks)))\b"
)
FALLBACK = (
    "I do one thing after the other and stop where one fails; I do not decide by myself what to do then. Say the first part alone, "
    "and `undo that` if you want it back."
)


def _words_of(found: Read) -> str:
    """All parts' words."""
    return " ".join(part.act.text.low for part in found.parts)


def _nearly(label: str, world: World) -> list[str]:
    """Snapshots that a label is only a part of, where none is called so."""
    known = world.known.snapshots
    if label in known or " " in label or moment(label.lower()) or len(label) < 3:
        return []
    return [name for name in known if label.lower() in re.split(r"[-_. ]", name.lower())]


_SINGLE = re.compile(r"\b(?:it|that one|this one)\b")
_BOTH = re.compile(r"\b(?:both|them(?: both| all)?|all of them|the two|beide|les deux|(?:los|las) dos|ambos)\b")


def _both(part: Reading, call: Call, world: World) -> list[Call]:
    """ "stop both": the call for each of what the last turn was about."""
    key, names = NAMED.get(call.tool), world.names()
    if (
        key is None
        or len(names) < 2
        or not _BOTH.search(part.act.text.low)
        or any(span.slot == "name" for span in part.act.spans)
    ):
        return [call]
    return [Call(call.tool, {**call.args, key: name}) for name in names]


_WHOLE = re.compile(
    r"set(?:ting|s)?\b.*\bup|set-?up|install|depend|deps\b|requirements?|packages|librar|bootstrap|prepare|ready|running|going|start|work|need|missing|provision|onboard|"
    r"environment|able to|\brun\b|clon|instal|en place|pronto|prepár|\benv\b|initiali|project|repo|everything|fehl|richt|aufsetz|abhängig|projekt|prépar|dépend|manqu|projet|configur|prepar|falta|proyecto|projeto|ambiente|entorno|environnement|umgebung"
)
"""One of these is said by whoever wants all installed that a project needs: without one, an empty call is a guess."""


class _Made(NamedTuple):
    """What a part comes to: a call, a question, or both in what is asked back. `settled`: names came from what the session knows."""

    call: Call | None = None
    question: str = ""
    settled: bool = False


def _one(part: Reading, world: World, last: Call | None) -> _Made:
    act = part.act
    if act.tool == VAGUE:
        if question := none.vague(act.text.low):
            return _Made(question=question)
        plainly = simple.read(act.text, names_here(world)).parts[0].act
        call, completed = (None, False) if plainly.tool == NONE else resolve(plainly, compose(plainly), world)
        if (
            call
            and (completed or ("last" in plainly.flags and world.earlier))
            and "ask" not in plainly.flags
            and not lost(plainly, call, world)
        ):
            return _Made(call, settled=True)  # "roll it back": vague, but for what was said before
        return _Made(question=_question(call, missing(call), world) if call else _what(act))
    said = compose(act)
    if last and last.tool == said.tool and ("more" in act.flags or missing(said) or more.corrects(act)):
        if len(world.names()) > 1 and _SINGLE.search(act.text.low) and not _BOTH.search(act.text.low):
            return _Made(question=f"Which of them: {', '.join(world.names()[:8])}?")
        call, completed = resolve(act, more.goes_on(last, act, said), world)
        if "more" in act.flags and "ask" not in act.flags and not missing(call):
            return _Made(call, settled=completed)
    else:
        call, completed = resolve(act, said, world)
    if lacking := missing(call):
        return _Made(question=_question(call, lacking, world))
    if lost(act, call, world):
        return _Made(question=WHICH_HOST)
    if call.tool == "rewind" and (near := _nearly(str(call.args["to"]), world)):
        return _Made(question=f"There is no snapshot {call.args['to']}. Did you mean {' or '.join(near[:4])}?")
    if (
        call.tool == "sandbox"
        and set(call.args) == {"hours"}
        and re.search(r"\b(?:the|that|my|this) sandbox\b", act.text.low)
    ):
        return _Made(question=f"Which sandbox?{choice(world)}")  # a new one was not asked for
    if call.tool == "provision" and not (_THINGS | {"gpu"}) & set(call.args) and not _WHOLE.search(act.text.low):
        return _Made(question=_question(call, (), world))
    if call.tool == "provision" and not _THINGS & set(call.args) and any(span.slot == "version" for span in act.spans):
        return _Made(
            question=_question(call, (), world)
        )  # a version of what? With nothing named it would be the whole project.
    for key, (least, most) in _BOUNDS.items():
        if not least <= call.args.get(key, least) <= most:
            return _Made(question=f"{key} {call.args[key]} cannot be: from {least} to {most} can. How many?")
    if "ask" in act.flags and not completed:
        return _Made(question=none.vague(act.text.low) or _question(call, (), world))
    return _Made(call, settled=completed)


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


def _threshold(calls: list[Call], thresholds: Mapping[str, float]) -> float:
    risk = max(RISKS[call.tool] for call in calls)
    return thresholds.get("change" if risk >= Risk.R2 else "observe", 0.0)


def _unsure(found: Read, calls: list[Call]) -> str:
    least = min(found.parts, key=lambda part: part.tool)
    first, second = _CALLED[least.act.tool], _CALLED[least.second]
    said = "; ".join(f"{call.tool} {', '.join(f'{k}={v}' for k, v in call.args.items())}".strip() for call in calls)
    return f"I am not sure what you want: {first} ({said}), or {second}? Say it in other words. Nothing was changed."
