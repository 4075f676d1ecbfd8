"""Random trees, random edits, and changes applied to plain data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from envsync.tools.sync.model import View
from envsync.tools.trees.model import Change, Entry, Facts, Tree, parent, same

NAMES = ("a", "b", "c", "A")


def file(content: str, mode: int = 0o644) -> Entry:
    raw = content.encode()
    return Entry("file", mode, len(raw), 1, hashlib.blake2b(raw, digest_size=20).digest())


def folder() -> Entry:
    return Entry("directory", 0o755)


def link(target: str) -> Entry:
    return Entry("link", 0, 0, 1, b"", target)


def tree(text: str) -> Tree:
    """`a/ a/x=one b -> a c=two!` : directories, files with content (`!`: executable), links."""
    found: Tree = {}
    for word in text.split():
        if "->" in word:
            path, _, target = word.partition("->")
            found[path] = link(target)
        elif word.endswith("/"):
            found[word[:-1]] = folder()
        elif word.startswith("git:"):
            path, _, content = word[4:].partition("=")
            found[path] = file(content)._replace(kind="unit")
        elif word.startswith("fifo:"):
            found[word[5:]] = Entry("special", 0o644)
        else:
            path, _, content = word.partition("=")
            found[path] = file(content.rstrip("!"), 0o755 if content.endswith("!") else 0o644)
    for path in list(found):
        above = parent(path)
        while above:
            found.setdefault(above, folder())
            above = parent(above)
    return found


def view(text: str | Mapping[str, Entry], **facts: object) -> View:
    ignored = facts.pop("ignored", ())
    busy = facts.pop("busy", ())
    entries = tree(text) if isinstance(text, str) else text
    return View(entries, ignored, busy, (), Facts("directory", **facts))  # type: ignore[arg-type]


def applied(before: Mapping[str, Entry], changes: Sequence[Change]) -> Tree:
    """The tree after the changes; fails the test when one of them could not be made there."""
    now = dict(before)
    taken: dict[str, Entry] = {}
    for change in changes:
        assert same(now.get(change.path), change.old), f"{change} expects something else"
        if change.new is None:
            assert not any(path.startswith(change.path + "/") for path in now), f"{change.path} is not empty"
            taken[change.path] = now.pop(change.path)
            continue
        if change.source:
            assert taken[change.source].digest == change.new.digest, f"{change} has no source"
        if change.new.kind != "directory":
            assert not any(path.startswith(change.path + "/") for path in now), f"{change.path} is a full directory"
        above = parent(change.path)
        assert not above or now[above].kind == "directory", f"{change.path} has nothing above it"
        now[change.path] = change.new
    return now


def agreed(ancestor: Mapping[str, Entry], changes: Mapping[str, Entry | None]) -> Tree:
    now = dict(ancestor)
    for path, entry in changes.items():
        if entry is None:
            now.pop(path, None)
        else:
            now[path] = entry
    return now


CONTENTS = st.sampled_from(("one", "two", "three", "four"))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind = draw(st.sampled_from("ffffddlx"))
    if kind == "d":
        return folder()
    if kind == "l":
        return link(draw(st.sampled_from(("x", "y"))))
    return file(draw(CONTENTS), 0o755 if kind == "x" else 0o644)


@st.composite
def trees(draw: st.DrawFn, names: Sequence[str] = NAMES[:3]) -> Tree:
    return edited(draw, {}, names)


def edited(draw: st.DrawFn, before: Mapping[str, Entry], names: Sequence[str] = NAMES[:3]) -> Tree:
    """A tree after some random edits of any kind."""
    now = dict(before)
    for _ in range(draw(st.integers(0, 7))):
        path = "/".join(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)))
        kind = draw(st.sampled_from(("put", "put", "delete", "move")))
        if kind == "put":
            _clear(now, path)
            _parents(now, path)
            now[path] = draw(entries())
        elif kind == "delete":
            _clear(now, path)
        elif path in now:
            to = "/".join(draw(st.lists(st.sampled_from(names), min_size=1, max_size=2)))
            if not (to + "/").startswith(path + "/") and not (path + "/").startswith(to + "/"):
                moved = {to + key[len(path) :]: now[key] for key in now if key == path or key.startswith(path + "/")}
                _clear(now, path)
                _clear(now, to)
                _parents(now, to)
                now.update(moved)
    return now


def _clear(now: Tree, path: str) -> None:
    for key in [key for key in now if key == path or key.startswith(path + "/")]:
        del now[key]


def _parents(now: Tree, path: str) -> None:
    above = parent(path)
    while above:
        if above not in now or now[above].kind != "directory":
            now[above] = folder()
        above = parent(above)


@st.composite
def histories(draw: st.DrawFn, names: Sequence[str] = NAMES[:3]) -> tuple[Tree, Tree, Tree]:
    """An ancestor (often none) and both sides after edits of their own."""
    base = draw(trees(names))
    ancestor = base if draw(st.booleans()) else {}
    return ancestor, edited(draw, base, names), edited(draw, base, names)
