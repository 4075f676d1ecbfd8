"""Whether the splits are apart and every case is one: near-duplicates, doubles, contradictions, calls that cannot be.

Two requests with the same context are near-duplicates when one of these holds:

- words: they are the same words, whatever their case and punctuation. All that can be said of short ones.
- 13-gram: at least HALF of all sequences of 13 characters that either has are in both (Jaccard), after the same
  normalisation. 13 characters are two or three words; single ones are shared by all requests ("take a snapsho"), so one
  alone, as is usual for web pages, says nothing here.
- meaning: the cosine of their MiniLM vectors is CLOSE or more and they mean the same calls. From 0.95 on the pairs of
  these splits differ by an article or a letter; below, other wordings of the same wish begin, which a test wants.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from . import cases
from .cases import Case
from .compare import same
from .contract import faults

GRAM = 13
HALF = 0.5
CLOSE = 0.95


@dataclass(frozen=True)
class Finding:
    rule: str
    """`words`, `13-gram`, `meaning`, `double`, `contradiction`, `broken`."""
    id: str
    other: str
    """The learnt case of a near-duplicate: that is the one to remove."""
    said: str


def check(sink: TextIO, *, as_json: bool = False) -> int:
    """List all findings; 1 when there are any."""
    test, learnt = cases.read(cases.test()), cases.read(cases.learnt())
    found = [*broken([*test, *learnt]), *doubles(test), *doubles(learnt), *near(test, learnt)]
    if as_json:
        sink.write(json.dumps([asdict(finding) for finding in found], ensure_ascii=False) + "\n")
        return 1 if found else 0
    for finding in found:
        sink.write(f"{finding.rule:13} {finding.id:16} {finding.other:16} {finding.said}\n")
    counts = Counter(finding.rule for finding in found)
    said = ", ".join(f"{count} {rule}" for rule, count in counts.items()) or "nothing to say against them"
    sink.write(f"{len(test)} test cases, {len(learnt)} learnt ones: {said}\n")
    return 1 if found else 0


def broken(found: Iterable[Case]) -> Iterator[Finding]:
    """Cases without an id of their own, of no kind, or with calls that the contract does not allow."""
    ids: Counter[str] = Counter()
    for case in found:
        id = str(case["id"])
        ids[id] += 1
        if ":" in id or not id:
            yield Finding("broken", id, "", "it has no id")
        if ids[id] == 2:
            yield Finding("broken", id, "", "another case has this id")
        if not case["text"].strip():
            yield Finding("broken", id, "", "it has no text")
        if case.get("kind") not in ("calls", "ask", "decline") or (case["kind"] == "calls") != bool(case["calls"]):
            yield Finding("broken", id, "", f"kind {case.get('kind')!r} with {len(case['calls'])} calls")
        for call in case["calls"]:
            for fault in faults(call):
                yield Finding("broken", id, "", fault)


def doubles(found: Sequence[Case]) -> Iterator[Finding]:
    """The same request twice in a split; a contradiction when it does not mean the same both times."""
    seen: dict[str, Case] = {}
    for case in found:
        key = json.dumps([_written(case["text"]), case.get("context")], sort_keys=True)
        first = seen.setdefault(key, case)
        if first is not case:
            rule = "double" if _alike(first, case) else "contradiction"
            yield Finding(rule, first["id"], case["id"], _shown(case["text"]))


RULES = ("words", "13-gram", "meaning")


def near(test: Sequence[Case], learnt: Sequence[Case], rules: Sequence[str] = RULES) -> Iterator[Finding]:
    """Each learnt case that is nearly one of the test, under the first rule that says so. `meaning` takes a minute."""
    told: set[tuple[str, str]] = set()
    for rule in rules:
        for one, other, how in _PAIRS[rule](test, learnt):
            if (one["id"], other["id"]) not in told and one.get("context") == other.get("context"):
                told.add((one["id"], other["id"]))
                yield Finding(rule, one["id"], other["id"], f"{how} {_shown(one['text'])} ~ {_shown(other['text'])}")


_Pairs = Iterator[tuple[Case, Case, str]]


def _equal(test: Sequence[Case], learnt: Sequence[Case]) -> _Pairs:
    known: dict[str, list[Case]] = defaultdict(list)
    for other in learnt:
        known[plain(other["text"])].append(other)
    for one in test:
        for other in known.get(plain(one["text"]), ()):
            yield one, other, "="


def _grammed(test: Sequence[Case], learnt: Sequence[Case]) -> _Pairs:
    known = [grams(other["text"]) for other in learnt]
    having: dict[str, list[int]] = defaultdict(list)
    for at, found in enumerate(known):
        for gram in found:
            having[gram].append(at)
    for one in test:
        own = grams(one["text"])
        for at, shared in Counter(at for gram in own for at in having.get(gram, ())).items():
            share = shared / (len(own) + len(known[at]) - shared)
            if share >= HALF:
                yield one, learnt[at], f"{share:.2f}"


def _meant(test: Sequence[Case], learnt: Sequence[Case]) -> _Pairs:
    import numpy as np

    from .vectors import vectors

    cosines: Any = vectors([case["text"] for case in test]) @ vectors([case["text"] for case in learnt]).T
    for row, column in zip(*np.where(cosines >= CLOSE), strict=True):
        if _alike(test[row], learnt[column]):
            yield test[row], learnt[column], f"{cosines[row, column]:.2f}"


_PAIRS = {"words": _equal, "13-gram": _grammed, "meaning": _meant}


def plain(text: str) -> str:
    """The words alone, with one blank between them."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def grams(text: str) -> set[str]:
    """All sequences of GRAM characters; none of a text that is shorter."""
    low = plain(text)
    return {low[at : at + GRAM] for at in range(len(low) - GRAM + 1)}


def _written(text: str) -> str:
    """Punctuation inside is kept: 3.11 and 3 11 are two requests when it comes to what is learnt from them."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip("?!. ")


def _alike(one: Case, other: Case) -> bool:
    return one["kind"] == other["kind"] and same(one["calls"], other["calls"])


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= 90 else text[:89] + "…", ensure_ascii=False)
