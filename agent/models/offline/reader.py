"""From a request's words to its acts: the encoder's scores, read as parts, acts, flags and spans, with how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .compose import CORRECTED, Act, Span
from .cues import ENOUGH, LESS, cued, opens_before
from .encoder import Encoder
from .labels import ACTS, ALLOWED, FLAGGED, FLAGS, SLOTS
from .normalise import Text
from .words import Before, Word, shape, split

_PIPES = frozenset({"|", "||", "&&", ">", ">>", "<", "2>", "2>&1"})
"""Marks that join the halves of a command line, and never two requests."""
_FREE = ("fact", "query")
"""Slots of which an act has one, in words of any kind: two are its halves. So are two halves of a command beside each other."""
_ALWAYS = ("ask", "first")
SOUGHT = 0.15
"""Chance from which a word is taken for what the act cannot do without."""
_INSTEAD = frozenset({"last", "gpu"})
"""Flags that say it without a word."""
_WANTED: dict[str, tuple[tuple[str, ...], ...]] = {
    "provision": (("runtime", "package", "service", "template"),),
    "logs": (("name",),), "rollback": (("name",),), "switch": (("context",),), "destroy": (("name",),), "run": (("command",),),
    "remember": (("fact",),), "rewind": (("moment",),), "sync": (("source",), ("destination",)),
}  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """What one part means and how sure each side of it is, 0 to 1, before calibration."""

    act: Act
    tool: float
    """Probability of the act."""
    slots: float
    """Of the least sure word."""
    flags: float
    """Of the least sure flag."""
    second: str
    """The next likeliest act."""
    begin: int = 0


@dataclass(frozen=True)
class Read:
    """All parts in the order of the text; `cut` is how sure the cutting is. `whole` is False when the request was too long."""

    parts: tuple[Reading, ...]
    cut: float
    whole: bool


def read(encoder: Encoder, text: Text, here: Mapping[str, str], before: Before | None = None) -> Read:
    """Raises EncoderMissing. `here`: names that the session knows, as in words.shape; `before`: what was spoken of."""
    import numpy as np

    words = split(text)
    if not words:
        return Read((), 1.0, whole=True)
    scores: Any = encoder.scores([word.low for word in words], [shape(word.low, here) for word in words], before)
    count = len(scores)
    slots, cut, weight, acts, flags = np.split(scores, _columns(), axis=1)
    cuts = _sigmoid(np, cut[:, 0])
    quoted = text.quotes()
    whole = [at for at in range(1, count) if _PIPES & {words[at - 1].low, words[at].low} or _inside(words[at], quoted)]
    starts = [0, *(at for at in range(1, count) if cuts[at] > 0.5 and at not in whole), count]
    parts = tuple(
        _part(
            np,
            text,
            words,
            begin,
            end,
            slots[begin:end],
            weight[begin:end, 0],
            acts[begin:end],
            flags[begin:end],
            before,
        )
        for begin, end in pairwise(starts)
    )
    sure = float(min((max(p, 1 - p) for p in cuts[1:]), default=1.0))
    return Read(parts, sure, whole=count == len(words))


def _inside(word: Word, quoted: Sequence[tuple[int, int]]) -> bool:
    """What is quoted is one thing: a command with an "and" in it is not two requests."""
    return any(begin < word.start < end for begin, end in quoted)


def _columns() -> list[int]:
    first = 1 + 2 * len(SLOTS)
    return [first, first + 1, first + 2, first + 2 + len(ACTS)]


def _sigmoid(np: Any, x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _softmax(np: Any, x: Any) -> Any:
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    return x / x.sum(axis=-1, keepdims=True)


def _part(
    np: Any,
    text: Text,
    words: Sequence[Word],
    begin: int,
    end: int,
    slots: Any,
    weight: Any,
    acts: Any,
    flags: Any,
    before: Before | None,
) -> Reading:
    share = _softmax(np, weight)
    chances = _softmax(np, share @ acts)
    order = np.argsort(-chances)
    tool = ACTS[int(order[0])]
    raised = _sigmoid(np, share @ flags)
    more = ("more",) if before and before.tool == tool else ()
    mine = [FLAGS.index(flag) for flag in (*_ALWAYS, *FLAGGED.get(tool, ()), *more)]
    low = text.low[words[begin].start : words[end - 1].end]
    bars = [LESS if _cue(FLAGS[at], low, text.low[: words[begin].start]) else ENOUGH for at in mine]
    on = frozenset(FLAGS[at] for at, bar in zip(mine, bars, strict=True) if raised[at] > bar)
    flags_sure = float(min(max(raised[at], 1 - raised[at]) for at in mine))
    spans, slots_sure = _spans(np, text, words, begin, end, slots, ALLOWED[tool])
    for wanted in _WANTED.get(tool, ()):
        if not on & (_INSTEAD | {"more"}) and not any(span.slot in wanted for span in spans):
            spans, slots_sure = _sought(np, text, words, begin, end, slots, ALLOWED[tool], wanted) or (
                spans,
                slots_sure,
            )
    act = Act(tool, spans, on, text.cut(words[begin].start, words[end - 1].end))
    return Reading(act, float(chances[order[0]]), slots_sure, flags_sure, ACTS[int(order[1])], begin)


def _sought(
    np: Any,
    text: Text,
    words: Sequence[Word],
    begin: int,
    end: int,
    scores: Any,
    allowed: Sequence[str],
    wanted: Sequence[str],
) -> tuple[tuple[Span, ...], float] | None:
    """The spans with the likeliest word for what the act cannot do without; None where no word is likely enough to be it."""
    chances = _softmax(np, scores)
    firsts = [1 + 2 * SLOTS.index(slot) for slot in wanted]
    at, which = np.unravel_index(int(chances[:, firsts].argmax()), (len(chances), len(firsts)))
    if chances[at, firsts[which]] < SOUGHT:
        return None
    raised = scores.copy()
    raised[at, firsts[which]] += 50.0
    spans, _ = _spans(np, text, words, begin, end, raised, allowed)
    return spans, float(chances[at, firsts[which]])


def _cue(flag: str, low: str, earlier: str) -> bool:
    if flag != "first":
        return cued(flag, low)
    return bool(earlier) and (cued(flag, low) or opens_before(earlier))


def _spans(
    np: Any, text: Text, words: Sequence[Word], begin: int, end: int, scores: Any, allowed: Sequence[str]
) -> tuple[tuple[Span, ...], float]:
    """The likeliest labels among those that the act has, where a slot only goes on after it began (Viterbi)."""
    labels = [0, *(label for slot in allowed for label in (1 + 2 * SLOTS.index(slot), 2 + 2 * SLOTS.index(slot)))]
    logs = scores[:, labels]
    logs = logs - logs.max(axis=1, keepdims=True)
    logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
    size = len(labels)
    step = np.zeros((size, size))
    for to in range(2, size, 2):
        step[:, to] = -1e4
        step[to - 1, to] = step[to, to] = 0.0
    best = logs[0].copy()
    best[2::2] = -1e4
    back: list[Any] = []
    for row in logs[1:]:
        through = best[:, None] + step
        back.append(through.argmax(axis=0))
        best = through.max(axis=0) + row
    path = [int(best.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    path.reverse()
    sure = float(np.exp(min(logs[at, label] for at, label in enumerate(path))))
    spans: list[tuple[str, int, int]] = []
    for at, label in enumerate(path):
        slot = allowed[(label - 1) // 2] if label else ""
        same = (
            bool(spans)
            and spans[-1][0] == slot
            and (
                (
                    slot in _FREE
                    and not CORRECTED.search(
                        text.original[
                            text.starts[words[spans[-1][2] - 1].end - 1] : text.starts[words[begin + at].start]
                        ]
                    )
                )
                or (slot == "command" and spans[-1][2] == begin + at)
            )
        )
        if label % 2 == 1 and not same:
            spans.append((slot, begin + at, begin + at + 1))
        elif label:
            slot, first, _ = spans[-1]
            spans[-1] = (slot, first, begin + at + 1)
    return tuple(Span(slot, text.cut(words[a].start, words[b - 1].end)) for slot, a, b in spans), sure
