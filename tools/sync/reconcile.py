"""What each side must change so that both are the same: pure, from the ancestor and both sides as they are now.

Paths are decided from the top down; what stops a path stops all below it. Then, from the bottom up, it shows which
directories that one side deleted can really go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping
from functools import cached_property

from ..trees.model import Change, Entry, Notice, Within, executable, parent, parents, same
from .model import Conflict, Mode, Reconciled, View
from .names import folded, folds, portable, unfit

ALPHA, BETA = 0, 1
CREATED = "both sides made it, with different content"
EDITED = "both sides changed it"
KINDS = "a directory on one side, something else on the other"
EXTRA = "only at the destination: left alone"
LOCAL = "edited at the destination: left alone"
RESTORED = "deleted on one side, edited on the other: the edit stays"
HOLDS = "the directory stays: ignored content is in it"


def reconcile(
    ancestor: Mapping[str, Entry],
    alpha: View,
    beta: View,
    mode: Mode = Mode.TWO_WAY,
    paths: Collection[str] | None = None,
    *,
    links: str = "portable",
) -> Reconciled:
    """The plan. With `paths` only these, all below and what they need above are looked at (after a partial scan).

    `links`: `portable` leaves links alone that are absolute or lead outside, `all` copies every link as it is written,
    `none` leaves all alone. In one-way modes alpha is the source.
    """
    return _Work(ancestor, (alpha, beta), mode, links).run(paths)


class _Work:
    def __init__(self, ancestor: Mapping[str, Entry], sides: tuple[View, View], mode: Mode, links: str) -> None:
        self.ancestor = ancestor
        self.sides = sides
        self.trees = (sides[ALPHA].tree, sides[BETA].tree)
        self.mode = mode
        self.links = links
        self.out = Reconciled()
        self.ignored = frozenset(sides[ALPHA].ignored) | frozenset(sides[BETA].ignored)
        self.busy = frozenset(sides[ALPHA].busy) | frozenset(sides[BETA].busy)
        self.stopped: set[str] = set()
        self.dropped: set[str] = set()
        """Stopped, and what was agreed about them is void: they are ignored now."""
        self.put: tuple[dict[str, Entry], dict[str, Entry]] = ({}, {})
        """What is to be at a path, by side."""
        self.gone: tuple[set[str], set[str]] = (set(), set())
        self.maybe: dict[str, int] = {}
        """Directories that one side deleted, and the side that still has it."""
        self.keys: list[str] = []
        self._folded: list[dict[str, str] | None] = [None, None]

    @cached_property
    def holding(self) -> tuple[set[str], set[str]]:
        """Directories with something ignored in or below them, by side."""
        one, other = [{above for path in side.ignored for above in parents(path)} for side in self.sides]
        return one, other

    def run(self, paths: Collection[str] | None) -> Reconciled:
        """Decide."""
        self.keys = self._keys(paths)
        for path in self.keys:
            self._decide(path)
        self._directories()
        self._emit()
        return self.out

    # -- Which paths ----------------------------------------------------------------------------------------------

    def _keys(self, paths: Collection[str] | None) -> list[str]:
        trees = (self.ancestor, *self.trees)
        if paths is None or "." in paths or "" in paths:
            return sorted({path for tree in trees for path in tree})
        wanted: set[str] = set()
        deep: set[str] = set()
        for path in paths:
            for one in (path, *parents(path)):
                if one in wanted:
                    continue
                wanted.add(one)
                kinds = [entry.kind == "directory" for entry in (tree.get(one) for tree in trees) if entry is not None]
                if any(kinds) and (one == path or len(kinds) < 3 or not all(kinds)):
                    deep.add(one)
        if deep:
            below = Within(deep)
            wanted.update(path for tree in trees for path in tree if path in below)
        return sorted(path for path in wanted if any(path in tree for tree in trees))

    def _below(self, path: str) -> list[str]:
        start = path + "/"
        first = bisect_left(self.keys, start)
        last = bisect_left(self.keys, path + "0", first)  # "0" comes right after "/"
        return self.keys[first:last]

    # -- From the top down ----------------------------------------------------------------------------------------

    def _decide(self, path: str) -> None:
        above = parent(path)
        if above in self.stopped:
            self.stopped.add(path)
            if above in self.dropped:
                self._drop(path)
            return
        if path in self.gone[ALPHA] or path in self.gone[BETA]:
            return  # below a directory that is replaced
        if path in self.ignored:
            self.stopped.add(path)
            self._drop(path)
            return
        before = self.ancestor.get(path)
        one, other = self._entry(ALPHA, path), self._entry(BETA, path)
        if self._untouchable(path, one, other):
            self.stopped.add(path)
            return
        first = one is not None and one.kind == "directory"
        second = other is not None and other.kind == "directory"
        if first and second:
            self._agree(path, before, one)
        elif first or second:
            self._mixed(path, before, ALPHA if first else BETA)
        else:
            self._leaf(path, before, one, other)

    def _entry(self, side: int, path: str) -> Entry | None:
        entry = self.trees[side].get(path)
        if entry is not None and entry.kind == "file" and not self.sides[side].facts.executable:
            # A file system without executable bits says nothing about them.
            like = self.ancestor.get(path) or self.trees[1 - side].get(path)
            if like is not None and like.kind == "file":
                entry = entry._replace(mode=entry.mode & ~0o111 | like.mode & 0o111)
        return entry

    def _drop(self, path: str) -> None:
        self.dropped.add(path)
        if path in self.ancestor:
            self.out.ancestor[path] = None

    def _untouchable(self, path: str, one: Entry | None, other: Entry | None) -> bool:
        if path in self.busy:
            if not same(one, other):
                self.out.waiting.append(path)
            return True
        for side, entry in ((ALPHA, one), (BETA, other)):
            if entry is None:
                continue
            if entry.kind in ("special", "unread"):
                said = [notice for notice in self.sides[side].notices if notice.path == path]
                self.out.notices += said or [Notice(path, "left alone: it is neither file, directory nor link")]
                return True
            if entry.kind == "link" and not same(one, other) and self._link_stays(path, entry, side):
                return True
        return False

    def _link_stays(self, path: str, entry: Entry, side: int) -> bool:
        if self.links == "none":
            why = "links are left alone"
        elif self.links == "portable" and not portable(path, entry.target):
            why = f"the link leads to {entry.target!r}, which is outside: left alone"
        elif not self.sides[1 - side].facts.links:
            why = "the other side cannot have links"
        else:
            return False
        self.out.notices.append(Notice(path, why))
        return True

    def _leaf(self, path: str, before: Entry | None, one: Entry | None, other: Entry | None) -> None:
        """Neither is a directory; either may be nothing."""
        if same(one, other):
            self._agree(path, before, one)
        elif self.mode is Mode.MIRROR:
            self._set(BETA, path, one)
        elif self.mode is Mode.ONE_WAY:
            self._leaf_one_way(path, before, one, other)
        elif same(one, before):
            self._set(ALPHA, path, other)
        elif same(other, before):
            self._set(BETA, path, one)
        elif one is None or other is None:
            self.out.notices.append(Notice(path, RESTORED))
            self._set(ALPHA if one is None else BETA, path, other if one is None else one)
        else:
            blended = blend(before, one, other)
            if blended is None:
                self._conflict(path, EDITED if before is not None else CREATED)
                return
            for side, entry in ((ALPHA, one), (BETA, other)):
                if not same(entry, blended):
                    self._set(side, path, blended)

    def _leaf_one_way(self, path: str, before: Entry | None, one: Entry | None, other: Entry | None) -> None:
        if same(other, before) or other is None:
            self._set(BETA, path, one)
        elif same(one, before) or one is None:
            self.out.notices.append(Notice(path, EXTRA if one is None and before is None else LOCAL))
            self.stopped.add(path)
        else:
            self._conflict(path, EDITED if before is not None else CREATED)

    def _mixed(self, path: str, before: Entry | None, side: int) -> None:
        """`side` has a directory here, the other side nothing or something else."""
        other = 1 - side
        folder, leaf = self.trees[side][path], self.trees[other].get(path)
        was = before is not None and before.kind == "directory"
        way = self.mode is not Mode.TWO_WAY
        if leaf is None:
            if way and side == BETA:
                if was or self.mode is Mode.MIRROR:
                    self.maybe[path] = BETA
                else:
                    self.out.notices.append(Notice(path, EXTRA))
                    self.stopped.add(path)
            elif was and not way:
                self.maybe[path] = side
            elif path in self.holding[side] and not any(below in self.trees[side] for below in self._below(path)):
                self.stopped.add(path)  # nothing but ignored content is in it
            else:
                self._set(other, path, folder)
        elif way and side == ALPHA:
            if self.mode is Mode.MIRROR or same(leaf, before):
                self._set(BETA, path, folder)
            else:
                self._conflict(path, KINDS)
        elif self.mode is Mode.MIRROR:
            if path in self.holding[BETA]:
                self.out.notices.append(Notice(path, HOLDS))
                self.stopped.add(path)
            else:
                self._replace(path, BETA, leaf)
        elif was and self._untouched(path, side):
            self._replace(path, side, leaf)
        elif not way and same(leaf, before):
            self._set(other, path, folder)
        else:
            self._conflict(path, KINDS)

    def _untouched(self, path: str, side: int) -> bool:
        """Whether a directory holds exactly what was agreed, and nothing ignored."""
        if path in self.holding[side]:
            return False
        tree = self.trees[side]
        return all(
            below not in self.busy and same(tree.get(below), self.ancestor.get(below)) for below in self._below(path)
        )

    def _replace(self, path: str, side: int, leaf: Entry) -> None:
        self._set(side, path, leaf)
        for below in self._below(path):
            self.gone[side].add(below)
            self.out.ancestor[below] = None

    def _agree(self, path: str, before: Entry | None, now: Entry | None) -> None:
        if not same(before, now):
            self.out.ancestor[path] = now

    def _conflict(self, path: str, why: str) -> None:
        self.stopped.add(path)
        entries = (self.ancestor.get(path), self.trees[ALPHA].get(path), self.trees[BETA].get(path))
        self.out.conflicts.append(Conflict(path, why, *entries))

    def _set(self, side: int, path: str, entry: Entry | None) -> None:
        """`side` shall have that at `path`."""
        facts = self.sides[side].facts
        if entry is None:
            self.gone[side].add(path)
            self.out.ancestor[path] = None
            return
        if path not in self.trees[side]:
            why = unfit(path, facts)
            if why:
                self.out.notices.append(Notice(path, f"cannot be on the other side: {why}"))
                self.stopped.add(path)
                return
            twin = self._twin(side, path) if folds(facts) else None
            if twin is not None:
                self._conflict(path, f"{twin!r} is the same name on the other side")
                return
        self.put[side][path] = entry
        self.out.ancestor[path] = entry

    def _twin(self, side: int, path: str) -> str | None:
        """Another path that a side has, or is to have, under what is the same name there."""
        facts, other = self.sides[side].facts, self.trees[1 - side]
        known = self._folded[side]
        if known is None:
            # What the other side no longer has and nobody edited here is about to go: a change of case alone.
            known = self._folded[side] = {
                folded(name, facts): name
                for name, entry in self.trees[side].items()
                if name in other or not same(entry, self.ancestor.get(name))
            }
        key = folded(path, facts)
        twin = known.setdefault(key, path)
        return twin if twin != path else None

    # -- From the bottom up ---------------------------------------------------------------------------------------

    def _directories(self) -> None:
        """Which directories that one side deleted can go on the other."""
        lives: tuple[set[str], set[str]] = (set(), set())
        for path in reversed(self.keys):
            side = self.maybe.get(path)
            if side is not None:
                self._directory(path, side, path in lives[side], path in lives[1 - side])
            for here in (ALPHA, BETA):
                if path in self.put[here] or (path in self.trees[here] and path not in self.gone[here]):
                    lives[here].add(parent(path))

    def _directory(self, path: str, side: int, here: bool, there: bool) -> None:
        if there and self.mode is Mode.TWO_WAY:
            self._agree(path, self.ancestor.get(path), self.trees[side][path])
            self.put[1 - side][path] = self.trees[side][path]
        elif here or path in self.holding[side]:
            if path in self.holding[side]:
                self.out.notices.append(Notice(path, HOLDS))
            self.out.ancestor[path] = None
        else:
            self.gone[side].add(path)
            self.out.ancestor[path] = None

    # -- The plan -------------------------------------------------------------------------------------------------

    def _emit(self) -> None:
        for side, changes in ((ALPHA, self.out.to_alpha), (BETA, self.out.to_beta)):
            tree, put, gone = self.trees[side], self.put[side], self.gone[side]
            deleted = [path for path in sorted(gone, reverse=True) if path in tree and path not in put]
            moves = _moves({path: tree[path] for path in deleted}, put, tree)
            changes += [Change(path, tree[path], None) for path in deleted]
            units = [path for path, entry in put.items() if entry.kind == "unit"]
            for path in (*sorted(put.keys() - set(units)), *sorted(units)):
                old = tree.get(path)
                if not same(old, put[path]):
                    changes.append(Change(path, old, put[path], moves.get(path, "")))
        self.out.conflicts.sort()
        self.out.notices.sort()


def blend(before: Entry | None, one: Entry, other: Entry) -> Entry | None:
    """What two changed files make together: content of the one, executable bit of the other; None for a conflict."""
    if one.kind != "file" or other.kind != "file":
        return None
    if before is not None and before.kind != "file":
        before = None
    if one.digest == other.digest:
        content = one
    elif before is None:
        return None
    elif one.digest == before.digest:
        content = other
    elif other.digest == before.digest:
        content = one
    else:
        return None
    bits = {executable(one), executable(other)}
    wanted = not executable(before) if before is not None and len(bits) == 2 else True in bits
    mode = content.mode | 0o111 & (content.mode >> 2 | 0o100) if wanted else content.mode & ~0o111
    return content._replace(mode=mode)


def _moves(deleted: Mapping[str, Entry], put: Mapping[str, Entry], tree: Mapping[str, Entry]) -> dict[str, str]:
    """New path -> deleted path of the same content, on one side."""
    sources: dict[bytes, list[str]] = {}
    for path, entry in deleted.items():
        if entry.kind == "file" and entry.size:
            sources.setdefault(entry.digest, []).append(path)
    moves: dict[str, str] = {}
    if not sources:
        return moves
    new = [path for path, entry in put.items() if entry.kind == "file" and path not in tree and entry.digest in sources]
    for alike in (True, False):
        for path in sorted(new):
            left = sources[put[path].digest]
            if path in moves or not left:
                continue
            name = path.rpartition("/")[2]
            found = next((old for old in left if not alike or old.rpartition("/")[2] == name), None)
            if found is not None:
                left.remove(found)
                moves[path] = found
    return moves
