"""What a turn streams out: frozen, typed events. A front end turns them into what a person sees, and nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..tools.contract import Output, Progress, Result
from ..tools.errors import EnvSyncError
from ..tools.plan import Plan, Risk

__all__ = [
    "Approval",
    "ApprovalNeeded",
    "Call",
    "Done",
    "Event",
    "Failed",
    "Notice",
    "Output",
    "Planned",
    "Prepared",
    "Progress",
    "Text",
    "ToolFinished",
    "ToolStarted",
    "Usage",
]


@dataclass(frozen=True)
class Call:
    """A call of a tool as a person or model made it; `args` holds only what was given."""

    tool: str
    args: Mapping[str, Any] = field(default_factory=dict[str, Any])
    id: str = ""


@dataclass(frozen=True)
class Prepared:
    """A checked call with what it would do. `plan` is None for a call that only reads."""

    call: Call
    risk: Risk
    plan: Plan | None
    asks: bool
    """A person must say yes."""
    why: str = ""
    """Why it asks, or why it is refused."""


@dataclass(frozen=True)
class Usage:
    """What a model used in this turn; `cost` in US dollars, None when its price is not known."""

    prompt: int = 0
    completion: int = 0
    cost: float | None = None


@dataclass(frozen=True)
class Text:
    """A piece of a model's own prose."""

    text: str


@dataclass(frozen=True)
class Notice:
    """What a person should know besides the answer, made by code: a secret was taken out, no model is configured.

    It is no part of the answer: one-shot use prints it on standard error.
    """

    text: str


@dataclass(frozen=True)
class Planned:
    """The calls that were understood, with their plans; nothing has been done yet."""

    prepared: tuple[Prepared, ...]
    later: tuple[Call, ...] = ()
    """Calls after them, in order, that cannot be planned yet: they need what the ones before them bring, or the plan
    failed, which the turn then ends with."""


@dataclass(frozen=True)
class ApprovalNeeded:
    """A person must say yes to these plans; answer with `Session.answer(Approval(id, …))`. It expires."""

    id: str
    """Digest over the plans' digests: the approval is bound to exactly these."""
    prepared: tuple[Prepared, ...]
    risk: Risk
    phrase: str = ""
    """For R3: what must be typed instead of yes, e.g. the name of what is lost."""


@dataclass(frozen=True)
class Approval:
    """A person's answer, single use."""

    id: str
    yes: bool
    always: bool = False
    """Yes, and do not ask again in this session for the same tool at R2 or below."""
    typed: str = ""


@dataclass(frozen=True)
class ToolStarted:
    """A call is being carried out."""

    call: Call


@dataclass(frozen=True)
class ToolFinished:
    """A call ended well."""

    call: Call
    result: Result


@dataclass(frozen=True)
class Failed:
    """A call or the turn failed; the turn ends with Done all the same."""

    error: EnvSyncError
    call: Call | None = None


@dataclass(frozen=True)
class Done:
    """The end of a turn. `kind` is calls, ask, decline or reply; `reply` is rendered by code from results and journal,
    or is the model's own words when no tool was called."""

    kind: str
    reply: str = ""
    model: str = ""
    usage: Usage | None = None
    exit: int = 0
    seconds: float = 0.0


Event = Text | Notice | Planned | ApprovalNeeded | Progress | Output | ToolStarted | ToolFinished | Failed | Done
