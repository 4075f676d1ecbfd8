"""More requests out of each: other values in the slots, slips of the fingers, two requests as one. On words, not on text."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from envsync.agent.models.offline.labels import ACTS, NONE, SLOTS, VAGUE
from envsync.agent.models.offline.words import Before
from envsync.tools.provision.popular import NODE, PYTHON, SYSTEM

from .align import UNSAID, Labelled


@dataclass(frozen=True)
class Example:
    """Parallel lists over words: the words, their slot labels, the part each is in; per part its act and flags; what went before."""

    words: tuple[str, ...]
    slots: tuple[int, ...]
    part: tuple[int, ...]
    acts: tuple[str, ...]
    flags: tuple[frozenset[str], ...]
    before: Before | None = None


def example(labelled: Labelled) -> Example:
    """The labelled case without its text."""
    part = [0] * len(labelled.words)
    for number, piece in enumerate(labelled.parts):
        part[piece.begin : piece.end] = [number] * (piece.end - piece.begin)
    return Example(
        tuple(word.low for word in labelled.words),
        tuple(labelled.slots()),
        tuple(part),
        tuple(piece.act for piece in labelled.parts),
        tuple(piece.flags for piece in labelled.parts),
        labelled.before,
    )


_NEVER = frozenset({"runtime", "context", "hours"})
"""Slots whose values are few and known, or change the meaning of the words around them."""
_TOOLS = [act for act in ACTS if act not in (NONE, VAGUE)]
_FIRM = frozenset({"run", "remember", "syncs"})
_JOINTS = (("and", "then"), ("then",), (",", "then"), ("and",), (",", "and"), (";",), (",",), (".",), ("and", "after", "that"), ("afterwards",), ("&",), (",", "and", "also"), ("plus",), (".", "then"), ("next",), ("and", "finally"))  # fmt: skip
_KEYS = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "ryg", "y": "tuh", "u": "yij", "i": "uok", "o": "ipl", "p": "ol", "a": "sqz", "s": "adwx", "d": "sfec",
    "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum", "k": "jli", "l": "kop", "z": "xas", "x": "zcs", "c": "xvd", "v": "cbf", "b": "vng", "n": "bmh", "m": "nj",
}  # fmt: skip


class Grower:
    """Draws a changed form of an example; the same seed draws the same forms."""

    def __init__(self, examples: Sequence[Example], seed: int) -> None:
        self.random = random.Random(seed)
        self.pools: dict[tuple[str, str], list[tuple[str, ...]]] = defaultdict(list)
        self.single = [one for one in examples if self._joinable(one)]
        for one in examples:
            for slot, begin, end in spans(one):
                self.pools[one.acts[one.part[begin]], slot].append(one.words[begin:end])
        self.names = sorted(PYTHON | NODE | SYSTEM)

    def grow(self, one: Example) -> Example:
        """One form of it, itself sometimes."""
        if self.random.random() < 0.55:
            one = self._other_values(one)
        if self.random.random() < 0.35:
            one = self._slips(one)
        if self.random.random() < 0.3:
            one = self._unmarked(one)
        if self.random.random() < 0.10 and self._joinable(one):
            one = self._joined(one, self.random.choice(self.single))
        return self._after_another(one)

    def _after_another(self, one: Example) -> Example:
        """A request that says all means the same whatever went before; what lacks something may mean something then."""
        if one.before or self.random.random() > 0.35 or any("ask" in flags for flags in one.flags):
            return one
        if all(act in (NONE, VAGUE, UNSAID) for act in one.acts) and len(one.words) < 6:
            return one
        return replace(one, before=Before(self.random.choice(_TOOLS), open=self.random.random() < 0.3))

    def _other_values(self, one: Example) -> Example:
        words, slots, part = list[str](), list[int](), list[int]()
        at = 0
        for slot, begin, end in [*spans(one), ("", len(one.words), 0)]:
            words += one.words[at:begin]
            slots += one.slots[at:begin]
            part += one.part[at:begin]
            if not slot:
                break
            new = self._value(one.acts[one.part[begin]], slot, one.words[begin:end])
            words += new
            first = 1 + 2 * SLOTS.index(slot)
            slots += [first] + [first + 1] * (len(new) - 1)
            part += [one.part[begin]] * len(new)
            at = end
        return replace(one, words=tuple(words), slots=tuple(slots), part=tuple(part))

    def _value(self, act: str, slot: str, old: tuple[str, ...]) -> tuple[str, ...]:
        if slot in _NEVER or self.random.random() < 0.35 or (act in _FIRM and slot in ("fact", "query")):
            return old
        if slot == "package" and len(old) == 1 and not set(old[0]) & set("=<>~^"):
            kind = self.random.random()
            if kind < 0.6:
                return (self.random.choice(self.names),)
            if kind < 0.75:
                return (self._coined(),)
        if slot in ("name", "label") and len(old) == 1 and self.random.random() < 0.3:
            return (self._coined(),)
        if slot in ("host", "source", "destination", "path", "file") and self.random.random() < 0.25:
            return old
        pool = self.pools[act, slot]
        return self.random.choice(pool) if pool else old

    def _coined(self) -> str:
        """A name that nobody has: two or three syllables, sometimes with a number or a second word."""
        pick = self.random.choice
        name = "".join(
            pick("bcdfghjklmnprstvwz") + pick("aeiou") + pick(["", "", "n", "r", "s", "x", "l"])
            for _ in range(self.random.randint(1, 3))
        )
        tail = self.random.random()
        return (
            f"{name}-{pick(['api', 'db', 'core', 'x', 'lite', 'dev', 'kit', 'old', 'v2', 'js'])}"
            if tail < 0.2
            else f"{name}{self.random.randint(1, 99)}"
            if tail < 0.3
            else name
        )

    def _slips(self, one: Example) -> Example:
        words = list(one.words)
        plain = [at for at, word in enumerate(words) if one.slots[at] == 0 and len(word) > 3 and word.isalpha()]
        for at in self.random.sample(plain, min(len(plain), self.random.randint(1, 2))):
            words[at] = self._slip(words[at])
        return replace(one, words=tuple(words))

    def _slip(self, word: str) -> str:
        at = self.random.randrange(1, len(word) - 1)
        kind = self.random.randrange(4)
        if kind == 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == 1:
            return word[:at] + word[at + 1 :]
        if kind == 2:
            return word[:at] + word[at] + word[at:]
        return word[:at] + self.random.choice(_KEYS.get(word[at], "e")) + word[at + 1 :]

    def _unmarked(self, one: Example) -> Example:
        keep = [at for at, word in enumerate(one.words) if not (word in ",.!?;:" and one.slots[at] == 0)]
        if not keep or {one.part[at] for at in keep} != set(one.part):
            return one
        return replace(
            one,
            words=tuple(one.words[at] for at in keep),
            slots=tuple(one.slots[at] for at in keep),
            part=tuple(one.part[at] for at in keep),
        )

    def _joinable(self, one: Example) -> bool:
        return (
            len(one.acts) == 1
            and one.before is None
            and not {"ask", "first"} & one.flags[0]
            and one.acts[0] not in (NONE, VAGUE, UNSAID)
            and len(one.words) < 14
        )

    def _joined(self, one: Example, two: Example) -> Example:
        while one.words[-1] in ".!?,;":
            one = replace(one, words=one.words[:-1], slots=one.slots[:-1], part=one.part[:-1])
        flags = two.flags[0]
        if self.random.random() < 0.12:
            joint, flags = (
                self.random.choice(
                    [("but", "first"), (",", "but", "first"), (",", "before", "that"), ("but", "before", "that")]
                ),
                flags | {"first"},
            )
        else:
            joint = self.random.choice(_JOINTS)
        # A mark that ends a part belongs to it; a word that leads the next one belongs to that.
        split = next((n for n, word in enumerate(joint) if word.isalpha()), len(joint))
        return Example(
            (*one.words, *joint, *two.words),
            (*one.slots, *([0] * len(joint)), *two.slots),
            (*one.part, *([0] * split), *([1] * (len(joint) - split)), *([1] * len(two.words))),
            (*one.acts, *two.acts),
            (*one.flags, flags),
            one.before,
        )


def spans(one: Example) -> list[tuple[str, int, int]]:
    """Slot, first word and word after the last, in order."""
    out: list[tuple[str, int, int]] = []
    for at, label in enumerate(one.slots):
        if label % 2 == 1:
            out.append((SLOTS[(label - 1) // 2], at, at + 1))
        elif label and out and out[-1][2] == at:
            out[-1] = (out[-1][0], out[-1][1], at + 1)
    return out
