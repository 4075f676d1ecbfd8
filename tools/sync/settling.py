"""Settling conflicts as a person wishes: which side is taken where, both, or the two merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from pydantic import JsonValue

from ..errors import Stale, Usage
from ..moments.say import shown
from ..trees.hashing import digest_of
from ..trees.model import Change, Entry, checked
from ..trees.replica import Wanted
from .conflicts import resolve
from .engine import Engine
from .merge import merge
from .model import Choice, Conflict, Merge, Reconciled, Rule
from .preview import digest
from .undoing import remember
from .work import Work

TAKES = {
    "mine": Choice.ALPHA, "theirs": Choice.BETA, "newest": Choice.NEWEST, "both": Choice.BOTH, "merge": Choice.MERGE,
}  # fmt: skip
DOES = {
    Choice.ALPHA: "take the source's", Choice.BETA: "take the destination's", Choice.NEWEST: "take the newest",
    Choice.BOTH: "keep both", Choice.MERGE: "merge",
}  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """What is to be taken where; the last rule that fits a path decides."""

    rules: tuple[Rule, ...]

    @staticmethod
    def asked(take: str | None, under: Sequence[str], rules: Sequence[str]) -> Wish:
        """From what a person gave: either `take` (and `under`), or `rules` as PATH=TAKE. Raises Usage."""
        if bool(take) == bool(rules):
            raise Usage(
                "how shall the conflicts be settled?",
                "Give --take mine, theirs, newest, both or merge; or --rules src=mine, and --rules '*=theirs' for the others.",
            )
        if take:
            return Wish(tuple(Rule(TAKES[take], _path(path)) for path in under) or (Rule(TAKES[take]),))
        found: list[Rule] = []
        for rule in rules:
            path, equals, word = rule.rpartition("=")
            if not equals or word not in TAKES:
                raise Usage(f"{rule!r} is no rule", f"Write PATH=TAKE, e.g. src=mine; TAKE is {', '.join(TAKES)}.")
            found.append(Rule(TAKES[word], "" if path.strip() in ("*", "", ".") else _path(path)))
        # `*` is for all the others, wherever it stands.
        return Wish(tuple(sorted(found, key=lambda rule: bool(rule.under))))

    def plain(self) -> list[JsonValue]:
        """As JSON."""
        return [[rule.choice.value, rule.under] for rule in self.rules]

    @staticmethod
    def of(plain: Any) -> Wish:
        """From `plain`."""
        return Wish(tuple(Rule(Choice(str(choice)), str(under)) for choice, under in plain))


def _path(path: str) -> str:
    return checked(path.removeprefix("./").rstrip("/"))


@dataclass
class Settled:
    """How the conflicts would be settled."""

    plan: Reconciled = field(default_factory=Reconciled)
    lines: list[str] = field(default_factory=list[str])
    left: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Path, and why it stays a conflict."""
    contents: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """Of what was merged."""
    paths: list[str] = field(default_factory=list[str])

    @property
    def digest(self) -> str:
        return blake2b(f"{digest(self.plan)} {self.left}".encode(), digest_size=16).hexdigest()


async def planned(work: Work, wish: Wish) -> Settled:
    """Look at everything, and say how the conflicts would be settled; changes nothing."""
    await work.look()
    engine = work.engine
    chosen = [conflict for conflict in engine.conflicts.values() if _choice(conflict, wish) is not None]
    spec = work.session.spec
    skew = engine.facts[1].clock - engine.facts[0].clock if engine.facts[0].clock and engine.facts[1].clock else 0.0
    found = resolve(
        chosen, wish.rules, engine.view(0), engine.view(1),
        names=(spec.source.place.name, spec.destination.place.name), at=_moment(chosen), skew=skew if abs(skew) > 1 else 0.0,
    )  # fmt: skip
    settled = Settled(plan=found.plan)
    settled.left = [(conflict.path, _why(conflict, wish)) for conflict in found.left]
    for item in found.merges:
        await _merged(work, item, settled)
    left = {path for path, _ in settled.left}
    for conflict in chosen:
        choice = _choice(conflict, wish)
        if conflict.path not in left and choice is not None:
            settled.paths.append(conflict.path)
            settled.lines.append(f"{DOES[choice]}: {shown(conflict.path)}")
    return settled


def _choice(conflict: Conflict, wish: Wish) -> Choice | None:
    from .conflicts import choose

    return choose(conflict.path, wish.rules)


def _why(conflict: Conflict, wish: Wish) -> str:
    match _choice(conflict, wish):
        case Choice.MERGE:
            return "only files that both sides had, and changed, can be merged"
        case Choice.NEWEST:
            return "times do not tell which is newer"
        case _:
            return "one side has nothing there"


def _moment(conflicts: Sequence[Conflict]) -> datetime:
    """When the newest of the two was written: the same whenever the plan is made."""
    times = [entry.mtime_ns for c in conflicts for entry in (c.alpha, c.beta) if entry is not None]
    return datetime.fromtimestamp(min(max(times, default=0) // 10**9, 2**33), UTC)


async def _merged(work: Work, item: Merge, settled: Settled) -> None:
    engine = work.engine
    base = work.bases.get(item.ancestor.digest)
    if base is None:
        settled.left.append((item.path, "the text that both sides had is not known any more"))
        return
    texts: list[bytes] = []
    for side, entry in zip(engine.sides, (item.alpha, item.beta), strict=True):
        (content,) = await side.fetch([Wanted(item.path, entry.digest, entry.size)])
        if content is None:
            settled.left.append((item.path, "it is being edited right now"))
            return
        texts.append(content)
    text, why = await merge(work.here, base, *texts)
    if text is None:
        settled.left.append((item.path, why))
        return
    mark = digest_of(text, engine.facts[0].algorithm)
    newer = max(item.alpha.mtime_ns, item.beta.mtime_ns)
    new = Entry("file", item.alpha.mode, len(text), newer, mark)
    settled.contents[mark] = text
    for changes, entry in ((settled.plan.to_alpha, item.alpha), (settled.plan.to_beta, item.beta)):
        if entry.digest != mark:
            changes.append(Change(item.path, entry, new))
    settled.plan.ancestor[item.path] = new


async def settle(work: Work, wish: Wish, expected: str) -> Settled:
    """Carry out what `planned` said; its `digest` must be `expected`. Raises Stale. What undoing needs is on disk first."""
    found = await planned(work, wish)
    if found.digest != expected:
        raise Stale("the conflicts are others than when the plan was shown", "Nothing was done. Ask again.")
    engine, directory = work.engine, work.session.directory
    await remember(directory, f"{expected}-0", engine, found.plan)
    await engine.carry(found.plan, "", found.contents)
    # Both were kept: now each goes to where it is not yet.
    paths = {*found.paths, *(change.path for change in (*found.plan.to_alpha, *found.plan.to_beta))}
    rest = engine.among(paths)
    if not rest.quiet:
        await remember(directory, f"{expected}-1", engine, rest)
    await engine.carry(rest)
    _drop(engine, paths)
    return found


def _drop(engine: Engine, paths: set[str]) -> None:
    """Conflicts that are none any more."""
    still = {conflict.path for conflict in engine.among(paths).conflicts}
    engine.conflicts = {path: c for path, c in engine.conflicts.items() if path not in paths or path in still}


async def answer(work: Work, asked: dict[str, Any]) -> dict[str, Any]:
    """What a keeper answers to `settle`: how it would be (with `dry`), or what was done. All plain JSON."""
    wish = Wish.of(asked["rules"])
    found = await (planned(work, wish) if asked.get("dry") else settle(work, wish, str(asked["changes"])))
    return {"lines": found.lines, "left": found.left, "paths": found.paths, "digest": found.digest}
