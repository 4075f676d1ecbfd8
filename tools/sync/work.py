"""A session at work: its two sides open, its ancestor loaded, one process at a time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

from ..errors import Failed
from ..hosts.base import Host
from ..store.durable import publish
from ..trees.model import Change, Facts, Options
from ..trees.open import algorithm_for, open_replica
from ..trees.replica import Replica, Wanted
from .ancestor import Ancestor
from .bases import LARGEST, Bases
from .engine import Done, Engine, Halted
from .halts import LEAST, PERCENT, halts
from .model import Halt, Past, Reconciled
from .preview import digest
from .session import Session
from .undoing import remember

Open = Callable[[str], Host]
TURNS = 8
"""Looks at everything until both sides should be equal; somebody who never stops writing must not keep us for ever."""
KEPT_DAYS, KEPT_BYTES = 14, 2 << 30
"""How long what was overwritten or deleted is kept on its side, and how much of it."""
PAUSE = 5.0
"""Seconds without a deletion after which the next ones have another cause."""
FILLED = 8 << 20
"""Bytes of texts that are read for later merges in one pause."""


@dataclass(frozen=True)
class Seen:
    """What a look at everything found."""

    plan: Reconciled
    accepted: frozenset[str]
    at: float
    """When the look began, by time.monotonic."""

    @cached_property
    def mark(self) -> str:
        """See preview.digest."""
        return digest(self.plan)


class Work:
    """Use `Work.open`, and close it."""

    def __init__(self, session: Session, engine: Engine, bases: Bases, open_host: Open) -> None:
        self.session = session
        self._open = open_host
        self.engine = engine
        self.bases = bases
        self.accepted: frozenset[str] = frozenset()
        """Codes of halts to which a person said yes."""
        self.held = False
        """Whether it stays open when what it was opened for is done: see holding."""
        self.seen: Seen | None = None
        """The last look, as long as nothing was done about it here."""
        self._deleted = (Recent(), Recent())
        self._past = _past(session.directory)
        self._unfilled: list[str] | None = None
        self._pruned = 0.0

    @property
    def here(self) -> Host:
        """This machine."""
        return self._open("local")

    @staticmethod
    async def open(session: Session, open_host: Open) -> Work:
        """Connect both sides and read the ancestor. Raises Unreachable, Damaged, Failed."""
        sides = await asyncio.gather(*(_side(session, number, open_host) for number in (0, 1)), return_exceptions=True)
        opened: list[Replica] = [side for side in sides if not isinstance(side, BaseException)]
        try:
            for side in sides:
                if isinstance(side, BaseException):
                    raise side
            ancestor, bases = Ancestor(session.directory / "ancestor"), Bases(session.directory)
            alpha, beta = opened
            return Work(session, Engine(alpha, beta, ancestor, session.spec.way, bases), bases, open_host)
        except BaseException:
            for side in opened:
                await side.close()
            raise

    def again(self, session: Session, ancestor: Ancestor | None) -> None:
        """Begin anew with the sides that are open; `ancestor` when somebody else has recorded something since."""
        self.session, self.held = session, False
        self._past = _past(session.directory)
        self._deleted = (Recent(), Recent())
        if ancestor is not None:
            self.engine.ancestor, self.seen = ancestor, None

    async def look(self) -> Reconciled:
        """What is to be done. Raises Halted when a person must look first."""
        began, self.seen = time.monotonic(), None
        plan = await self.engine.look()
        self._check(plan)
        self.seen = Seen(plan, self.accepted, began)
        return plan

    async def looked(self, seconds: float = 0.0) -> Seen:
        """Likewise, or what was found no longer ago than that, under the same yes of a person."""
        seen = self.seen
        if seen is None or seen.accepted != self.accepted or time.monotonic() - seen.at > seconds:
            await self.look()
        return cast("Seen", self.seen)

    def _check(self, plan: Reconciled) -> None:
        """Raise Halted for a plan that is probably an accident, also one that comes in parts."""
        engine, spec = self.engine, self.session.spec
        past = None if self._past is None else Past(engine.ancestor.tree, *self._past)
        views = [engine.view(0), engine.view(1)]
        if past is None and engine.facts[1].kind == "missing":
            views[1] = replace(views[1], facts=replace(engine.facts[1], kind="directory"))  # it is made
        percent = PERCENT if spec.max_delete is None else spec.max_delete
        least = LEAST if spec.max_delete is None else 1
        names = (str(spec.source.place), str(spec.destination.place))
        found = halts(past, views[0], views[1], plan, engine.way, percent, least=least, names=names)
        for side, changes in enumerate((plan.to_alpha, plan.to_beta)):
            gone = self._deleted[side].add(changes, len(engine.ancestor.tree))
            if (
                gone
                and percent < 100  # a path that went twice counts twice here, and then all may go
                and past is not None
                and not found
                and len(gone) >= least
                and 100 * len(gone) > percent * self._deleted[side].total
            ):
                found = [
                    Halt(
                        "deletions",
                        f"{len(gone):,} of {self._deleted[side].total:,} synchronised paths would be deleted on {names[side]}",
                        f"If that is meant, go on with --accept deletions; else put the files on {names[1 - side]} back first.",
                    )
                ]
        if "emptied" in self.accepted:
            self.accepted |= {"deletions"}
        found = [halt for halt in found if halt.code not in self.accepted]
        if found:
            raise Halted(found[0])

    async def cycles(self, batch: str = "", record: str = "", plan: Reconciled | None = None) -> list[Done]:
        """Make both sides equal, looking again until they are; `plan` is what was just found by `look`. With `record`,
        what undoing needs is written down first."""
        all_of: list[Done] = []
        self.seen = None
        for turn in range(TURNS):
            if plan is None or turn:
                plan = await self.look()
            if record and not plan.quiet:
                await remember(self.session.directory, f"{record}-{turn}", self.engine, plan)
            await self._roots()
            done = await self.engine.carry(plan, batch)
            all_of.append(done)
            if not (done.again[0] or done.again[1]):
                break  # each path was confirmed; who writes meanwhile is seen the next time
        self._remember_facts()
        self._unfilled = None
        return all_of

    async def glance(self, touched: Sequence[Iterable[str]]) -> Done:
        """Look at what was touched, and make the changes that follow."""
        self.seen = None
        plan, known = await self.engine.glance(touched)
        if plan.to_alpha or plan.to_beta:
            self._check(plan)
        elif not plan.ancestor:
            return Done()
        return await self.engine.carry(plan, "", known)

    async def rest(self) -> None:
        """Nothing happens just now: bring to the disk what was agreed, keep texts for merges, forget old kept content."""
        await asyncio.to_thread(self.settle)
        await self._fill()
        now = time.time()
        if now - self._pruned > 86400:
            self._pruned = now
            for side in self.engine.sides:
                await side.prune(before=now - KEPT_DAYS * 86400, limit=KEPT_BYTES)

    def settle(self) -> None:
        """Bring to the disk what was agreed."""
        self.engine.ancestor.sync()
        if self.bases.waiting:
            self.bases.save()

    async def _fill(self) -> None:
        """Keep texts that both sides have in common and that did not pass through here, some at a time."""
        engine = self.engine
        if self._unfilled is None:
            known = self.bases.known()
            self._unfilled = [
                path
                for path, entry in engine.ancestor.tree.items()
                if entry.kind == "file" and 0 < entry.size <= LARGEST and entry.digest not in known
            ]
        wanted: list[Wanted] = []
        size = 0
        while self._unfilled and size < FILLED and len(wanted) < 1000:
            path = self._unfilled.pop()
            entry = engine.ancestor.tree.get(path)
            if entry is not None and entry.kind == "file":
                wanted.append(Wanted(path, entry.digest, entry.size))
                size += entry.size
        if wanted:
            near = 0 if engine.sides[0].name == "local" or engine.sides[1].name != "local" else 1
            got = await engine.sides[near].fetch(wanted)
            self.bases.add({w.digest: content for w, content in zip(wanted, got, strict=True) if content is not None})
            await asyncio.to_thread(self.bases.save)

    async def _roots(self) -> None:
        """Make a root that is not there yet; the halts have said that it may be missing."""
        engine, spec = self.engine, self.session.spec
        for number, side in enumerate((spec.source, spec.destination)):
            if engine.facts[number].kind == "missing":
                made = await self._open(side.host).run(["mkdir", "-p", "--", side.path])
                if made.code:
                    raise Failed(
                        f"{side.place} cannot be made: {made.error.strip()[:500]}", "Make it yourself, or name another."
                    )
                # Opened anew: where its private files lie best shows only now.
                await engine.sides[number].close()
                new = await _side(self.session, number, self._open)
                engine.sides = (new, engine.sides[1]) if number == 0 else (engine.sides[0], new)
                engine.facts[number] = await new.facts()
                engine.scans[number] = await new.scan()

    def _remember_facts(self) -> None:
        if self._past is None:
            self._past = (self.engine.facts[0], self.engine.facts[1])
            body = json.dumps([asdict(facts) for facts in self._past]).encode()
            publish(self.session.directory, "facts.json", body, replace=True)

    async def close(self) -> None:
        """Let go; closing twice is no error."""
        try:
            self.engine.ancestor.close()
        finally:
            for side in self.engine.sides:
                await side.close()


async def _side(session: Session, number: int, open_host: Open) -> Replica:
    spec = session.spec
    options = Options(
        ignores=spec.ignore,
        algorithm=await algorithm_for(*(open_host(s.host) for s in (spec.source, spec.destination))),
    )
    side, letter = ((spec.source, "a"), (spec.destination, "b"))[number]
    return await open_replica(open_host(side.host), side.path, id=f"{spec.id}-{letter}", options=options)


class Recent:
    """What was deleted on a side in one go: a tree that is being emptied is seen in parts."""

    def __init__(self) -> None:
        self.total = 0
        self._gone: set[str] = set()
        self._last = 0.0

    def add(self, changes: Sequence[Change], total: int) -> set[str]:
        """Count deletions out of `total` paths: all that are gone since the last pause, if there are new ones."""
        sources = {change.source for change in changes if change.source}
        gone = {change.path for change in changes if change.new is None and change.path not in sources}
        now = time.monotonic()
        if now - self._last > PAUSE:
            self._gone.clear()
            self.total = total
        self._gone.difference_update(change.path for change in changes if change.new is not None)
        self._gone |= gone
        self.total = max(self.total, total)
        self._last = now if gone else self._last
        return self._gone if gone else set()


def _past(directory: Path) -> tuple[Facts, Facts] | None:
    try:
        one, other = json.loads((directory / "facts.json").read_bytes())
        return Facts(**one), Facts(**other)
    except (OSError, ValueError, TypeError):
        return None
