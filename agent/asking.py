"""What is read off a turn's state: what a model is asked, what a person is asked, what was asked for too often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..tools.errors import Failed
from . import executor as executing
from .events import ApprovalNeeded, Call, Usage
from .models.base import Answered, Known, Request, Turn
from .turn import MOST_SAME, Json, State, call_of, prepared_of, same
from .wording import plain


def waiting(state: State) -> ApprovalNeeded:
    """What a person is asked in this state."""
    prepared = [prepared_of(item) for item in state["prepared"]]
    found = executing.pending(prepared)
    if found is None:
        raise Failed("nothing of this plan needs an approval", "Ask again.")
    return replace(found.needed, id=str(state["asked"]["id"]))


def request_of(state: State, known: Known) -> Request:
    turns = [
        Turn(turn["request"], tuple(call_of(call) for call in turn["calls"]), turn["reply"])
        for turn in state["history"]
    ]
    answered = [Answered(call_of(item["call"]), item["content"], item["failed"]) for item in state["answered"]]
    return Request(state["request"], state["piped"], tuple(turns), tuple(state["notes"]), known, tuple(answered))


def repeated(calls: Sequence[Call], answered: Sequence[Json]) -> Call | None:
    past = [same(call_of(item["call"])) for item in answered]
    return next((call for call in calls if past.count(same(call)) >= MOST_SAME), None)


def add_usage(before: Json, used: Usage | None) -> Json:
    if used is None:
        return before
    cost = None if used.cost is None else used.cost + float(before.get("cost") or 0)
    return {
        "prompt": used.prompt + int(before.get("prompt", 0)),
        "completion": used.completion + int(before.get("completion", 0)),
        "cost": cost,
    }


def as_question(needed: ApprovalNeeded) -> Json:
    """What the interrupt shows to tools that know nothing of our events."""
    plans = [
        {
            "tool": item.call.tool,
            "risk": item.risk.name,
            "summary": item.plan.summary if item.plan else "only looks",
            "steps": [step.does for step in item.plan.steps] if item.plan else [],
            "warnings": [*item.plan.warnings, *item.plan.figures] if item.plan else [],
        }
        for item in needed.prepared
    ]
    return plain({"id": needed.id, "risk": needed.risk.name, "phrase": needed.phrase, "plans": plans})


def as_line(call: Json) -> str:
    return f"{call['tool']} {' '.join(f'{key}={value}' for key, value in call['args'].items())}".strip()
