"""The engine: look at both sides, reconcile against the ancestor, make the changes, and write down what both agree on.

The ancestor moves on only for paths whose change was confirmed. What was done and not written down is found equal on
both sides the next time: so a kill at any moment costs a second look, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import time

from ..errors import EnvSyncError, Failed
from ..trees.between import CHANGED as THERE
from ..trees.between import perform
from ..trees.model import Change, Entry, Facts, Outcome, Scan, Within
from ..trees.replica import Replica
from .ancestor import Ancestor
from .bases import Bases
from .model import Conflict, Halt, Mode, Reconciled, View
from .reconcile import reconcile

INLINE = 64 << 10
"""Bytes up to which the content of a touched file comes along with the look at it."""
MANY = 2000
"""Touched paths from which on a look at everything is cheaper than one at each."""
CHANGED = "meanwhile"
"""In the reason of a change that was refused because somebody wrote there first: the next look sees it."""


class Halted(Failed):
    """Nothing is done before a person has looked; `halt` says why."""

    def __init__(self, halt: Halt) -> None:
        super().__init__(halt.what, halt.hint)
        self.halt = halt


@dataclass
class Done:
    """What a cycle did."""

    made: tuple[list[tuple[Change, Outcome]], list[tuple[Change, Outcome]]] = field(default_factory=lambda: ([], []))
    """Changes that were made, at alpha and at beta."""
    again: tuple[set[str], set[str]] = field(default_factory=lambda: (set[str](), set[str]()))
    """Paths to look at again soon: somebody was writing there."""
    problems: dict[str, str] = field(default_factory=dict[str, str])
    """Paths that could not be made, with the reason."""
    sent: list[int] = field(default_factory=lambda: [0, 0])
    """Bytes of files that went to alpha and to beta."""

    @property
    def quiet(self) -> bool:
        return not (self.made[0] or self.made[1] or self.again[0] or self.again[1] or self.problems)


class Engine:
    """Keeps alpha (the source) and beta (the destination) the same. One operation at a time."""

    def __init__(
        self, alpha: Replica, beta: Replica, ancestor: Ancestor, way: Mode = Mode.TWO_WAY, bases: Bases | None = None
    ) -> None:
        self.sides = (alpha, beta)
        self.ancestor = ancestor
        self.way = way
        self.bases = bases
        self.scans: list[Scan] = [Scan(), Scan()]
        self.facts: list[Facts] = [Facts("missing"), Facts("missing")]
        self.conflicts: dict[str, Conflict] = {}
        self.waiting: list[str] = []
        self.problems: dict[str, str] = {}
        self.notices: list[tuple[str, str]] = []

    async def look(self) -> Reconciled:
        """See everything on both sides, and what is to be done; changes nothing."""
        self.facts = list(await asyncio.gather(*(side.facts() for side in self.sides)))
        self.scans = list(await asyncio.gather(*(self._scan(n) for n in (0, 1))))
        return self._everything()

    async def _scan(self, side: int) -> Scan:
        # A destination that is not there yet is empty; whether it may be missing is for the halts to say.
        return Scan() if self.facts[side].kind == "missing" else await self.sides[side].scan()

    def view(self, side: int) -> View:
        """One side as reconciling sees it."""
        return View.of(self.scans[side], self.facts[side])

    async def glance(self, touched: Sequence[Iterable[str]]) -> tuple[Reconciled, dict[bytes, bytes]]:
        """See what was touched on each side, and what is to be done about these paths; with contents that came along."""
        parts = await asyncio.gather(
            *(side.scan(sorted(paths), inline=INLINE) if paths else _nothing() for side, paths in zip(self.sides, touched, strict=True))
        )  # fmt: skip
        roots: set[str] = set()
        known: dict[bytes, bytes] = {}
        for number, part in enumerate(parts):
            if part is None:
                continue
            if part.roots is None:
                self.scans[number] = part
                return self._everything(), known
            roots.update(part.roots)
            known.update(part.contents)
            self.scans[number] = part.onto(self.scans[number])
        if "." in roots:
            return self._everything(), known
        return self.among(roots), known

    def _everything(self) -> Reconciled:
        plan = reconcile(self.ancestor.tree, self.view(0), self.view(1), self.way)
        self.conflicts = {conflict.path: conflict for conflict in plan.conflicts}
        self.waiting = list(plan.waiting)
        self.notices = [(notice.path, notice.text) for notice in plan.notices]
        return plan

    def among(self, roots: set[str]) -> Reconciled:
        """Reconcile some paths with all below them."""
        plan = reconcile(self.ancestor.tree, self.view(0), self.view(1), self.way, roots)
        within = Within(roots)
        self.conflicts = {path: c for path, c in self.conflicts.items() if path not in within}
        self.conflicts.update({conflict.path: conflict for conflict in plan.conflicts})
        self.waiting = [path for path in self.waiting if path not in within] + list(plan.waiting)
        return plan

    async def carry(self, plan: Reconciled, batch: str = "", known: Mapping[bytes, bytes] | None = None) -> Done:
        """Make the changes of a plan, both ways at once, and move the ancestor on for all that was confirmed.

        Raises Unreachable and OSError with everything that was done before written down.
        """
        done = Done()
        batch = batch or f"{time():.6f}"
        changing = {change.path for change in (*plan.to_alpha, *plan.to_beta)}
        self._agree([(path, entry) for path, entry in plan.ancestor.items() if path not in changing])
        ways = [
            self._one_way(0, plan.to_alpha, plan, batch, known or {}, done),
            self._one_way(1, plan.to_beta, plan, batch, known or {}, done),
        ]
        results = await asyncio.gather(*ways, return_exceptions=True)
        for path in changing:
            self.problems.pop(path, None)
        self.problems.update(done.problems)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        if self.bases is not None and known:
            self.bases.add(known)
        return done

    async def _one_way(
        self, side: int, changes: list[Change], plan: Reconciled, batch: str, known: Mapping[bytes, bytes], done: Done
    ) -> None:
        if not changes:
            return
        source, target = self.sides[1 - side], self.sides[side]

        def moved(size: int, _: int) -> None:
            done.sent[side] = max(done.sent[side], size)

        outcomes = await perform(source, target, changes, batch=batch, contents=known, progress=moved)
        tree = self.scans[side].tree
        agreed: list[tuple[str, Entry | None]] = []
        for change, outcome in zip(changes, outcomes, strict=True):
            if outcome.why:
                self._refused(side, change, outcome, done)
                continue
            if outcome.now is None:
                tree.pop(change.path, None)
            else:
                tree[change.path] = outcome.now
            done.made[side].append((change, outcome))
            if change.path in plan.ancestor:
                agreed.append((change.path, plan.ancestor[change.path]))
        self._agree(agreed)

    def _refused(self, side: int, change: Change, outcome: Outcome, done: Done) -> None:
        if outcome.why == THERE:
            done.again[1 - side].add(change.path)
        elif CHANGED in outcome.why:
            done.again[side].add(change.path)
        else:
            done.problems[change.path] = outcome.why

    def _agree(self, changes: list[tuple[str, Entry | None]]) -> None:
        if not changes and self.ancestor.begun:
            return
        self.ancestor.record(changes)


async def _nothing() -> None:
    return None


def failed(error: BaseException) -> tuple[str, str]:
    """What and hint of anything that was raised."""
    if isinstance(error, EnvSyncError):
        return error.what, error.hint
    return f"{type(error).__name__}: {error}", ""
