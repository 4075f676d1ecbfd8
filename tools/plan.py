"""Plans: an ordered list of steps as pure data, made without touching anything."""

from __future__ import annotations

import json
from typing import Literal

from blake3 import blake3
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from .risk import Risk as Risk

_KNOWLEDGE = {"download": True, "bound": True}
"""Fields of a step that do not count towards a plan's digest; an inverse is made without them."""


class Data(BaseModel):
    """Base of all stored records: frozen, and an unknown field is an error, not noise."""

    # Built at first use: a typed command uses few of the models that it imports (measured: 0.02 s of 0.15).
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Step(Data):
    """One thing a plan does. `kind` names its StepKind in `tools.registry.STEPS`, `args` are that kind's own."""

    kind: str
    does: str
    """The preview: one line in the imperative, e.g. `upgrade numpy 1.26.4 -> 2.3.1 in .venv`."""
    args: dict[str, JsonValue] = Field(default_factory=dict)
    inverse: tuple[Step, ...] = ()
    """Steps that take this one back, in the order to carry them out; empty when `covered`, or when nothing can."""
    covered: bool = False
    """True when all it touches lies in what the transaction's snapshot holds, so that restoring it is the inverse."""
    seconds: float | None = None
    """Expected duration, when known."""
    download: int | None = None
    """Bytes that it fetches, where the index tells; None when that is not known."""
    bound: Literal["", "at least", "up to"] = ""
    """How `download` is meant when it is not exact: some sizes are not known, or some files may be here already."""
    after: tuple[int, ...] | None = None
    """Indices of the earlier steps of its plan that must be done before it begins; None means all of them. Steps that do
    not wait for each other are carried out at the same time."""

    @property
    def undoable(self) -> bool:
        return self.covered or bool(self.inverse)


class Plan(Data):
    """What one call would do, complete enough to show, approve by digest, carry out and take back."""

    tool: str
    args: dict[str, JsonValue] = Field(default_factory=dict)
    """The call's arguments as the person or model gave them (JSON form, defaults left out)."""
    host: str = "local"
    path: str
    """The project's absolute path on the host."""
    summary: str
    """One line: what it does in all, with counts and sizes."""
    steps: tuple[Step, ...] = ()
    details: tuple[str, ...] = ()
    """More lines for the preview: paths, versions, sizes. Made by code; untrusted text in them is already escaped."""
    differences: tuple[str, ...] = ()
    """Lines of unified diffs: what the files that are written over have now, and would have. Without secrets."""
    warnings: tuple[str, ...] = ()
    """What a person must know before saying yes, e.g. what cannot be restored."""
    figures: tuple[str, ...] = ()
    """Warnings whose figures move by themselves, e.g. of a large download or of free space. Shown like warnings."""
    risk: Risk
    reason: str = ""
    """Why the risk is higher than the tool's usual one."""
    captures: bool = False
    """True: take a snapshot of `path` before the first step (always the case when a step is `covered`)."""
    system: bool = False
    """True: it changes the machine beyond the project, so the machine's lock is taken as well."""
    compensates: bool = True
    """False for `run`: what a person's own command did before it was stopped is kept, and undo takes it back when asked."""
    basis: str = ""
    """Digest of the facts the plan was made from and that no step shows, e.g. of the manifests and lockfiles read."""

    @property
    def digest(self) -> str:
        """BLAKE3 (hex, 64 characters) of the canonical JSON: what an approval is bound to.

        Without what is only known about the steps and not a part of them: a size that the index tells now and not a
        moment later, a file that came into a cache or the space that got free meanwhile do not make a plan stale.
        """
        content = self.model_dump(mode="json", exclude={"figures": True, "steps": {"__all__": _KNOWLEDGE}})
        return blake3(canonical(content)).hexdigest()

    @property
    def empty(self) -> bool:
        """Nothing to do."""
        return not self.steps

    @property
    def undoable(self) -> bool:
        return all(step.undoable for step in self.steps)

    @property
    def seconds(self) -> float:
        """Expected duration: of the longest chain of steps that wait for each other."""
        ends: list[float] = []
        for step in self.steps:
            before = ends if step.after is None else [ends[index] for index in step.after if index < len(ends)]
            ends.append(max(before, default=0.0) + (step.seconds or 0.0))
        return max(ends, default=0.0)


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces, as UTF-8: equal values give equal bytes. NaN is an error."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode(
        "utf-8", "surrogatepass"
    )
