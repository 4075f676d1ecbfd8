"""May this call run, must a person say yes, or is it refused? Pure functions on plain data."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from ..tools.plan import Plan, Risk


@dataclass(frozen=True)
class Decision:
    """`verdict` is allow, ask or refuse; `why` is shown to the person."""

    verdict: str
    why: str = ""


def decide(tool: str, risk: Risk, plan: Plan | None, *, yes: Risk, always: Set[str]) -> Decision:
    """Decide for one call.

    `risk` is the tool's own; a plan can only raise it. `yes` is up to which risk the person approved beforehand (R1
    without `--yes`, R2 with it; never more). `always` holds the tools that the person said always to in this session.
    """
    if plan is None:
        return (
            Decision("allow") if risk == Risk.R0 else Decision("refuse", "a call that changes something needs a plan")
        )
    worst = max(risk, plan.risk)
    if worst >= Risk.R4:
        return Decision("refuse", plan.reason or "this is never done")
    if plan.empty or worst <= min(yes, Risk.R2):
        return Decision("allow")
    if worst == Risk.R2 and tool in always:
        return Decision("allow")
    why = plan.reason or ("it changes the environment" if worst == Risk.R2 else "it cannot be taken back")
    return Decision("ask", why)
