"""A turn as plain data: what the graph keeps between its nodes, and pure functions on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from ..tools.contract import Changed, Result
from ..tools.errors import EnvSyncError
from ..tools.plan import Plan, Risk, canonical
from .events import Call, Prepared
from .wording import middle, plain, safe

MOST_CALLS = 20
"""Calls in one turn; more are refused as a whole."""
MOST_SAME = 3
"""How often one and the same call is carried out in a turn."""
MOST_REPAIRS = 2
"""How often a model may mend calls that were wrong."""
MOST_ROUNDS = 10
"""Thoughts in one turn."""
MOST_STALE = 3
"""How often the rest of a list is planned anew because the environment moved."""
KEPT_TURNS = 12
"""Turns of the conversation that a model sees and a session keeps."""
KEPT_TEXT = 2_000
"""Characters of one earlier request or reply that are kept."""
KEPT_CONTENT = 4_000
"""Characters of one call's outcome that a model sees; front ends showed all of it."""
LONGEST = 20_000
"""Characters of a request or of piped text that are read; a longer one is cut in its middle, and the person is told."""

Json = dict[str, Any]


class Trouble(TypedDict):
    """An error as plain data."""

    code: str
    what: str
    hint: str
    exit: int


class State(TypedDict):
    """What the graph keeps; nodes return parts of it. Plain JSON throughout, so that strict msgpack takes it and LangGraph's own tools show it."""

    request: str
    piped: str
    origin: str
    """`words` when a model makes the calls, `person` when they were typed."""
    history: list[Json]
    """Earlier turns: request, calls, reply."""
    dropped: Json
    """The request and calls of a plan that was shown and never answered: a late yes shows it again."""
    notes: list[str]
    calls: list[Json]
    """To be planned."""
    later: list[Json]
    """To be planned after the ones before them were carried out: they need what those bring."""
    prepared: list[Json]
    asked: Json
    """What a person must be asked: id, at (seconds since the epoch); empty when nothing waits."""
    approved: bool
    answered: list[Json]
    done: list[Json]
    """Of each call that ended well: summary, exit, changed, undo."""
    trouble: Trouble | None
    thought: Json
    """The model's last: kind and reply."""
    by: str
    """The model that thought last; empty where none did."""
    follows: bool
    """It wants to see what its calls gave, and writes freely."""
    rounds: int
    repairs: int
    stale: int
    usage: Json
    out: Json
    """The end of the turn: kind, reply, exit."""
    next: str


def fresh(
    request: str = "",
    piped: str = "",
    calls: Iterable[Call] = (),
    origin: str = "words",
    *,
    history: list[Json] | None = None,
    dropped: Json | None = None,
) -> State:
    """The state at the beginning of a turn."""
    return State(
        history=history or [],
        dropped=dropped or {},
        request=request,
        piped=piped,
        origin=origin,
        notes=[],
        calls=[call_json(call) for call in calls],
        later=[],
        prepared=[],
        asked={},
        approved=False,
        answered=[],
        done=[],
        trouble=None,
        thought={},
        by="",
        follows=False,
        rounds=0,
        repairs=0,
        stale=0,
        usage={},
        out={},
        next="",
    )


# -- To and from plain JSON ---------------------------------------------------------------------------------------


def call_json(call: Call) -> Json:
    return {"tool": call.tool, "args": dict(call.args), "id": call.id}


def call_of(value: Mapping[str, Any]) -> Call:
    return Call(str(value["tool"]), dict(value["args"]), str(value["id"]))


def prepared_json(item: Prepared) -> Json:
    return {
        "call": call_json(item.call),
        "risk": int(item.risk),
        "plan": item.plan.model_dump(mode="json") if item.plan else None,
        "asks": item.asks,
        "why": item.why,
    }


def prepared_of(value: Mapping[str, Any]) -> Prepared:
    plan = Plan.model_validate(value["plan"]) if value["plan"] else None
    return Prepared(call_of(value["call"]), Risk(value["risk"]), plan, bool(value["asks"]), str(value["why"]))


def trouble_of(error: EnvSyncError) -> Trouble:
    return Trouble(code=error.code, what=error.what, hint=error.hint, exit=error.exit)


def answer(call: Call, content: str, *, failed: bool = False) -> Json:
    """The one answer that a call gets, bounded."""
    return {"call": call_json(call), "content": middle(content, KEPT_CONTENT), "failed": failed}


# -- What a turn comes to -----------------------------------------------------------------------------------------


def tidy(calls: Sequence[Call], round: int) -> list[Call]:
    """The calls with ids of our own, unique in the turn; of two with one id only the first is a call."""
    seen: set[str] = set()
    kept: list[Call] = []
    for call in calls:
        if call.id and call.id in seen:
            continue
        seen.add(call.id)
        kept.append(Call(safe(call.tool), plain(dict(call.args)), f"call_{round}_{len(kept)}"))
    return kept


def same(call: Call) -> bytes:
    """Equal for equal calls."""
    return canonical([call.tool, plain(dict(call.args))])


def line_of(result: Result) -> Json:
    """What the reply and the exit code need of a result."""
    changed = isinstance(result, Changed) and result.transaction is not None
    undo = result.undo if isinstance(result, Changed) else ""
    return {"summary": safe(result.summary), "exit": result.exit, "changed": changed, "undo": safe(undo)}


def conclude(state: State, *, prose: bool) -> Json:
    """The end of the turn: kind, reply and exit code. `prose`: the model writes freely, so it could claim anything.

    The reply is made of results; a model's own words stand only where no tool was called, and never without the
    remark that nothing was changed.
    """
    done, trouble, thought = state["done"], state["trouble"], state["thought"]
    prepared = [prepared_of(item) for item in state["prepared"]]
    changed = any(item["changed"] for item in done)
    worked = bool(done or prepared or state["answered"])
    lines = [item["summary"] for item in done]
    kind = "calls" if worked else thought.get("kind", "reply")
    exit = next((item["exit"] for item in done if item["exit"]), 0)
    if state["out"].get("planned"):
        lines = [item.plan.summary if item.plan else f"{item.call.tool} (only looks)" for item in prepared]
        lines += [f"then: {call['tool']}" for call in state["later"]]
    elif trouble is not None:
        lines += [trouble["what"], *([trouble["hint"]] if trouble["hint"] else [])]
        exit = trouble["exit"]
    elif not worked:
        lines = [thought.get("reply", "")]
        exit = 4 if kind in ("ask", "decline") else 0
        if prose and kind == "reply":
            lines.append(UNCHANGED)
    elif prose and not changed and thought.get("reply"):
        lines.append(UNCHANGED)
    undo = next((item["undo"] for item in reversed(done) if item["undo"]), "")
    if undo and trouble is None:
        lines.append(f"undo: {undo}")
    return {"kind": kind, "reply": "\n".join(line for line in lines if line), "exit": exit}


UNCHANGED = "Nothing was changed."


def remembered(history: Sequence[Json], request: str, calls: Sequence[Json], reply: str) -> list[Json]:
    """The history with one more turn, bounded."""
    turn = {
        "request": middle(request, KEPT_TEXT),
        "calls": [{"tool": call["tool"], "args": _short(call["args"]), "id": ""} for call in calls[:MOST_CALLS]],
        "reply": middle(reply, KEPT_TEXT),
    }
    return [*history, turn][-KEPT_TURNS:]


def _short(args: Json) -> Json:
    size = len(canonical(args))
    return args if size <= KEPT_TEXT else {"left out": f"{size:,} characters of arguments"}
