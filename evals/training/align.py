"""Cases to labels: which words of a request stand for which argument of which call.

A case says its calls, not where in the text their values stand. Each value is looked for by the very functions that make
values out of words (agent/models/offline/slots.py), so a case that cannot be aligned shows an error in the case or in
the reader. What no word stands for must be one of the flags.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from envsync.agent.events import Call
from envsync.agent.models.offline import simple
from envsync.agent.models.offline.compose import Act, Span, compose
from envsync.agent.models.offline.labels import ACTIONS, FLAGS, NONE, OUTSIDE, SLOTS, TAKES, VAGUE
from envsync.agent.models.offline.mend import mend
from envsync.agent.models.offline.normalise import Text, normalise
from envsync.agent.models.offline.slots import value
from envsync.agent.models.offline.things import canonical, thing, wanted
from envsync.agent.models.offline.words import Before, Word, split

UNSAID = ""
"""The act of a part of which the case does not say what it wants."""


class Misfit(ValueError):
    """The case's calls cannot be found in its text."""


@dataclass
class Part:
    """A part's words are `words[begin:end]` of the request."""

    begin: int
    end: int
    act: str
    flags: frozenset[str]
    spans: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    """Slot, first word, word after the last; places in the request."""


@dataclass
class Labelled:
    text: Text
    words: list[Word]
    parts: list[Part]
    before: Before | None = None

    def slots(self) -> list[int]:
        """A label for each word."""
        out = [OUTSIDE] * len(self.words)
        for part in self.parts:
            for slot, begin, end in part.spans:
                first = 1 + 2 * SLOTS.index(slot)
                out[begin] = first
                for at in range(begin + 1, end):
                    out[at] = first + 1
        return out


def prepared(text: str) -> Text:
    """The text as the encoder's words are cut from it."""
    return mend(normalise(text))


def label(case: dict[str, Any]) -> Labelled:
    """Raises Misfit with what could not be found."""
    text = prepared(case["text"])
    words = split(text)
    pieces: list[str] = case.get("parts") or [case["text"]]
    if "".join(pieces) != case["text"]:
        raise Misfit("the parts are not the text")
    acts: list[dict[str, Any] | None] = case.get("acts") or _acts(case, len(pieces))
    if len(acts) != len(pieces):
        raise Misfit(f"{len(pieces)} parts and {len(acts)} acts")
    ranks = case.get("order") or list(range(len(pieces)))
    earlier = Earlier.of(case)
    said: set[Any] = set()
    parts: list[Part] = []
    at = begin = 0
    for number, (piece, act) in enumerate(zip(pieces, acts, strict=True)):
        at += len(piece)
        end = begin
        while end < len(words) and text.starts[words[end].start] < at:
            end += 1
        if end == begin:
            raise Misfit(f"part {number} has no words")
        flags: set[str] = set()
        if any(ranks[number] < ranks[other] for other in range(number)):
            flags.add("first")
        if case["kind"] == "ask":
            flags.add("ask")
        if act is None:
            # Of a question about several parts it is not said which part it is about: their acts teach nothing.
            tool = NONE if case["kind"] != "ask" else VAGUE if len(pieces) == 1 else UNSAID
            parts.append(Part(begin, end, tool, frozenset(flags & {"first", "ask"})))
        else:
            args = undefaulted(act["tool"], act["args"])
            part = _Search(text, words, begin, end, act["tool"], said, earlier).run(args)
            if earlier.goes_on(act["tool"]) and (part.carried or not part.spans) and not parts:
                part.flags.add("more")
                part.loose = True
            parts.append(Part(begin, end, act["tool"], frozenset(flags | part.flags), part.spans))
            if not part.loose and case["kind"] == "calls":
                _check(text, words, parts[-1], act["tool"], args)
            said |= {value for value in args.values() if isinstance(value, str)}
        begin = end
    return Labelled(text, words, parts, earlier.before)


@dataclass(frozen=True)
class Earlier:
    """What the session knows in a case with a context: where values may come from that no word stands for."""

    before: Before | None = None
    args: dict[str, Any] = field(default_factory=dict[str, Any])
    """Of the last call."""
    words: str = ""
    """All that was said, done or known, in lower case."""

    @classmethod
    def of(cls, case: dict[str, Any]) -> Earlier:
        context = case.get("context")
        if not context:
            return cls()
        turns = context.get("history", [])
        calls = next((turn["calls"] for turn in reversed(turns) if turn["calls"]), [])
        before = Before(calls[-1]["tool"]) if calls else None
        if turns and not turns[-1]["calls"]:
            asked = next((part.act.tool for part in simple.read(prepared(turns[-1]["request"]), {}).parts), NONE)
            if asked in (NONE, VAGUE) and not calls and case["calls"]:
                asked = case["calls"][0]["tool"]
            if asked not in (NONE, VAGUE):
                return cls(Before(asked, open=True), {}, json.dumps(context, ensure_ascii=False).lower())
        return cls(before, calls[-1]["args"] if calls else {}, json.dumps(context, ensure_ascii=False).lower())

    def goes_on(self, tool: str) -> bool:
        """The tool is that of the call before."""
        return self.before is not None and self.before.tool == tool

    def gives(self, key: str, item: Any) -> bool:
        """The value can come from what went before."""
        if not self.words:
            return False
        if self.args.get(key) == item or (isinstance(self.args.get(key), list) and item in self.args[key]):
            return True
        name = _parted(item)[0].lower() if key in ("runtimes", "packages", "services") else str(item).lower()
        return name in self.words or all(word in self.words for word in name.split())


def _acts(case: dict[str, Any], count: int) -> list[dict[str, Any] | None]:
    calls: list[dict[str, Any]] = case["calls"]
    if not calls and count == 1:
        return [None]
    if len(calls) != count:
        raise Misfit(f"{count} parts and {len(calls)} calls")
    return list(calls)


def act(text: Text, words: Sequence[Word], part: Part) -> Act:
    """A labelled part as the reader of labels gets it."""
    spans = [
        Span(slot, text.cut(words[b].start, words[e - 1].end)) for slot, b, e in sorted(part.spans, key=lambda s: s[1])
    ]
    return Act(part.act, tuple(spans), part.flags, text.cut(words[part.begin].start, words[part.end - 1].end))


def _check(text: Text, words: Sequence[Word], part: Part, tool: str, args: dict[str, Any]) -> None:
    made = compose(act(text, words, part))
    if made != Call(tool, args):
        raise Misfit(f"{args} comes out as {dict(made.args)}")


DEFAULTS: dict[str, Any] = {"path": ".", "on": "local", "against": "last", "mode": "two-way", "action": "list", "to": "docker", "replicas": 1,
                            "scope": "all", "watch": True, "tail": 100}  # fmt: skip
"""Of the contract: a case may name them, an answer leaves them out."""


def undefaulted(tool: str, args: dict[str, Any]) -> dict[str, Any]:
    """The arguments without those that say the default; `to` has one for deploy alone."""
    return {
        key: value
        for key, value in args.items()
        if DEFAULTS.get(key, ...) != value or (key == "to" and tool != "deploy")
    }


_TEXTUAL = {
    ("scan", "path"): "path", ("provision", "template"): "template", ("provision", "path"): "path", ("sync", "source"): "source",
    ("sync", "destination"): "destination", ("sync", "ignore"): "file", ("syncs", "under"): "file", ("syncs", "name"): "name",
    ("snapshot", "label"): "label", ("snapshot", "path"): "path", ("rewind", "to"): "moment", ("rewind", "paths"): "file",
    ("rewind", "path"): "path", ("drift", "against"): "moment", ("drift", "path"): "path", ("history", "query"): "query",
    ("history", "limit"): "count", ("logs", "service"): "name", ("logs", "tail"): "count", ("deploy", "path"): "path",
    ("deploy", "to"): "host", ("deploy", "name"): "name", ("deploy", "replicas"): "count", ("deploy", "port"): "port",
    ("deploy", "context"): "context", ("rollback", "name"): "name", ("switch", "context"): "context", ("destroy", "name"): "name",
    ("run", "command"): "command", ("run", "path"): "path", ("remember", "fact"): "fact", ("sandbox", "image"): "image",
    ("sandbox", "hours"): "hours", ("sandbox", "name"): "name",
}  # fmt: skip
"""Which slot stands for an argument; `on` is always a host, things are looked for by name and version."""
_FLAGGED: dict[tuple[str, str, Any], str] = {
    ("scan", "scope", "machine"): "machine", ("scan", "scope", "project"): "project", ("provision", "gpu", True): "gpu",
    ("sync", "mode", "push"): "push", ("sync", "mode", "pull"): "pull", ("sync", "watch", False): "once", ("sync", "mirror", True): "mirror",
    ("history", "kind", "snapshots"): "snapshots", ("history", "kind", "actions"): "actions", ("sandbox", "kind", "vm"): "vm",
    ("sandbox", "kind", "docker"): "docker", ("syncs", "name", "all"): "all",
    **{("syncs", "action", action): action for action in ACTIONS}, **{("syncs", "take", take): take for take in TAKES},
}  # fmt: skip
_INSTEAD: dict[tuple[str, str, Any], str] = {
    ("rewind", "to", "last"): "last", ("drift", "against", "spec"): "spec", ("drift", "against", "team"): "team",
    ("history", "limit", 1): "one",
}  # fmt: skip
"""Values that may stand in the text, and are flags where they do not."""
_IT = ("it", "that", "this", "those", "them", "these", "das", "es", "ça", "eso", "esto", "isso", "isto")
_LATE = {"command", "query", "fact"}
_LONG = {"command": 60, "query": 60, "fact": 120, "moment": 16}


class _Search:
    def __init__(
        self, text: Text, words: Sequence[Word], begin: int, end: int, tool: str, said: set[Any], earlier: Earlier
    ) -> None:
        self.text, self.words, self.begin, self.end, self.tool = text, words, begin, end, tool
        self.said, self.earlier = said, earlier
        self.carried = False
        """True when an argument comes from what went before."""
        self.loose = False
        """True when an argument stands in another part, or not word for word: the call cannot be checked here."""
        self.taken: set[int] = set()
        self.spans: list[tuple[str, int, int]] = []
        self.flags: set[str] = set()

    def run(self, args: dict[str, Any]) -> _Search:
        # The long ones first: a name inside a command belongs to the command.
        for key in sorted(args, key=lambda key: (key not in ("command", "fact", "query"), key != "on", key)):
            self._argument(key, args[key])
        return self

    def _argument(self, key: str, given: Any) -> None:
        if (
            flag := _FLAGGED.get((self.tool, key, given) if not isinstance(given, list) else (self.tool, key, None))
        ) is not None:
            if self.earlier.goes_on(self.tool) and self.earlier.args.get(key) == given:
                self.carried = True
            else:
                self.flags.add(flag)
            return
        if self.tool == "syncs" and key == "action" and given == "list":
            return
        if key in ("runtimes", "packages", "services"):
            self._things(key[:-1], given)
            return
        slot = "host" if key == "on" else _TEXTUAL.get((self.tool, key))
        if slot is None:
            raise Misfit(f"{self.tool} has no argument {key}")
        instead = _INSTEAD.get((self.tool, key, given)) if not isinstance(given, list) else None
        if instead == "last":
            self.flags.add(instead)
            return
        for item in given if isinstance(given, list) else [given]:
            if (found := self._find(slot, item)) is not None:
                self._take(slot, *found)
            elif instead:
                self.flags.add(instead)
            elif slot in ("source", "destination") and (split_ := self._apart(str(item))):
                for part, where in zip(("host", slot), split_, strict=True):
                    if where:
                        self._take(part, *where)
                    else:
                        self.loose = self.carried = True
            elif slot == "query" and (about := self._about(str(item))):
                self._take(slot, *about)
                self.loose = True
            elif slot in ("name", "host", "path", "moment", "label", "context") and item in self.said:
                self.loose = True
            elif (
                key == "to"
                and isinstance(item, str)
                and item.startswith("before ")
                and (found := self._find(slot, item[7:]))
            ):
                self._take(slot, *found)
                self.flags.add("before")
            elif self.earlier.gives(key, item):
                self.loose = self.carried = True
            else:
                raise Misfit(
                    f"{key}={item!r} is not in {self.text.cut(self.words[self.begin].start, self.words[self.end - 1].end).raw()!r}"
                )

    def _free(self, begin: int, end: int) -> bool:
        return not any(at in self.taken for at in range(begin, end))

    def _take(self, slot: str, begin: int, end: int) -> None:
        self.taken.update(range(begin, end))
        self.spans.append((slot, begin, end))

    def _spans(self, longest: int) -> Iterable[tuple[int, int]]:
        for size in range(1, min(longest, self.end - self.begin) + 1):
            for begin in range(self.begin, self.end - size + 1):
                if self._free(begin, begin + size):
                    yield begin, begin + size

    def _cut(self, begin: int, end: int) -> Text:
        return self.text.cut(self.words[begin].start, self.words[end - 1].end)

    def _find(self, slot: str, item: Any) -> tuple[int, int] | None:
        hits = [(b, e) for b, e in self._spans(_LONG.get(slot, 9)) if value(slot, self._cut(b, e)) == item]
        if not hits:
            return None
        if slot in ("count", "port", "hours"):
            # "3 replicas on port 3": the one whose noun stands beside it
            hits.sort(key=lambda hit: not self._beside(slot, *hit))
            return hits[0]
        shortest = min(e - b for b, e in hits)
        hits = [(b, e) for b, e in hits if e - b == shortest]
        return hits[-1] if slot in _LATE else hits[0]

    def _apart(self, item: str) -> tuple[tuple[int, int] | None, tuple[int, int]] | None:
        """A place whose host and directory are said apart: "pull /data from me@box"; the host perhaps as "there"."""
        host, colon, path = item.rpartition(":")
        found, rest = self._find("host", host), self._find("source", path)
        return (found, rest) if colon and rest and (found or self.earlier.gives("on", host)) else None

    def _about(self, item: str) -> tuple[int, int] | None:
        """The fewest words that hold all the words of a question's subject."""
        want = set(item.lower().split())
        here = {word.low for word in self.words[self.begin : self.end]}
        if absent := want - here:
            # "when did we install it": the pronoun stands for what the query names
            it = next((word.low for word in self.words[self.begin : self.end] if word.low in _IT), None)
            if self.earlier.before is None or not self.earlier.gives("query", " ".join(sorted(absent))):
                return None
            self.carried = True
            want = want & here | ({it} if it else set())
        if not want:
            return None
        hits = [(e - b, b, e) for b, e in self._spans(60) if want <= {w.low for w in self.words[b:e]}]
        return min(hits)[1:] if hits else None

    def _beside(self, slot: str, begin: int, end: int) -> bool:
        near = " ".join(w.low for w in self.words[max(self.begin, begin - 2) : min(self.end, end + 2)])
        return ("port" in near) == (slot == "port")

    def _things(self, slot: str, items: list[str]) -> None:
        pending: list[tuple[str, int]] = []
        last = -1
        for item in items:
            name, exact = _parted(item)
            found = self._thing(slot, name, exact, last)
            if found is None and self.earlier.gives(f"{slot}s", name):
                self.loose = self.carried = True
                found = (-1, -1, item in self.earlier.args.get(f"{slot}s", ()))
            if found is None:
                raise Misfit(f"{slot} {item!r} is not in the part")
            begin, end, attached = found
            if begin >= 0:
                self._take(slot, begin, end)
                last = end
            if exact and not attached:
                pending.append((exact, max(last, self.begin)))
        for exact, near in pending:
            options = [
                (b, e)
                for b, e in self._spans(6)
                if wanted(self._cut(b, e)) == exact and not value_is_thing(self._cut(b, e))
            ]
            if not options and any(
                slot_ == "version" and wanted(self._cut(b, e)) == exact for slot_, b, e in self.spans
            ):
                continue  # one version for several things
            if not options:
                if exact == "latest":
                    self.flags.add("latest")
                    continue
                if self.earlier.gives("version", exact):
                    self.loose = True
                    continue
                raise Misfit(f"version {exact!r} is not in the part")
            # behind its thing, else before it; of those that begin at one place the shortest
            options.sort(key=lambda o: ((o[0] - near if o[0] >= near else 50 + near - o[0]), o[1]))
            self._take("version", *options[0])

    def _thing(self, slot: str, name: str, exact: str, after: int) -> tuple[int, int, bool] | None:
        hits: list[tuple[int, int, bool]] = []
        for b, e in self._spans(4):
            said, own = thing(self._cut(b, e))
            if canonical(slot, said) == name and (not own or own.removeprefix("@") == exact):
                hits.append((b, e, bool(own)))
        if not hits:
            # "python 3.9 and 3.10": the same thing once more, in another version
            same = [s for s in self.spans if s[0] == slot and canonical(slot, thing(self._cut(s[1], s[2]))[0]) == name]
            return (-1, -1, False) if same and exact else None
        hits.sort(key=lambda h: (h[0] < after, not (h[2] or not exact), h[1] - h[0], h[0]))
        return hits[0]


def value_is_thing(text: Text) -> bool:
    """A word such as `numpy==1.2` is a thing with its version, not a version."""
    return bool(thing(text)[1])


def _parted(item: str) -> tuple[str, str]:
    name, at, exact = item.rpartition("@")
    if at and name:
        return name, exact
    for place, char in enumerate(item):
        if char in "<>=~!^" and place:
            return item[:place], item[place:]
    return item, ""


__all__ = ["FLAGS", "UNSAID", "Labelled", "Misfit", "Part", "act", "label", "prepared"]
