"""The cases against the code that makes calls of labels: a case's own labels give its own calls."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from envsync.agent.events import Call
from envsync.agent.models.offline.compose import compose, missing
from envsync.agent.models.offline.labels import ALLOWED, FLAGGED, NONE, VAGUE
from envsync.evals.cases import learnt, plain, read
from envsync.evals.training.align import UNSAID, Labelled, Misfit, act, label, undefaulted


@cache
def labelled() -> tuple[list[tuple[dict[str, Any], Labelled]], list[tuple[dict[str, Any], str]]]:
    good: list[tuple[dict[str, Any], Labelled]] = []
    bad: list[tuple[dict[str, Any], str]] = []
    for case in plain(read(learnt())):
        try:
            good.append((case, label(case)))
        except Misfit as error:
            bad.append((case, str(error)))
    return good, bad


def meaning_calls() -> Iterator[tuple[dict[str, Any], Labelled]]:
    return ((case, found) for case, found in labelled()[0] if case["kind"] == "calls")


def test_nearly_every_case_can_be_aligned_with_its_text() -> None:
    """What cannot is an error in the case, or a form of words that no reading of labels could ever get right."""
    good, bad = labelled()
    lost = [case["text"] for case, _ in bad if case["kind"] == "calls"]
    kept = sum(1 for case, _ in good if case["kind"] == "calls")
    assert kept > 9_000
    assert len(lost) / (kept + len(lost)) <= 0.01, lost
    others = [case["text"] for case, _ in bad if case["kind"] != "calls"]
    assert len(others) <= 5, others


def test_cases_that_mean_calls_come_out_of_their_own_labels_again() -> None:
    """The oracle: with a perfect encoder, these are the answers. Where it is wrong no training helps."""
    wrong: list[tuple[str, object]] = []
    count = 0
    for case, found in meaning_calls():
        count += 1
        calls = [compose(act(found.text, found.words, part)) for part in found.parts if part.act not in (NONE, VAGUE)]
        ranks = case.get("order") or list(range(len(found.parts)))
        kept = [rank for rank, part in zip(ranks, found.parts, strict=True) if part.act not in (NONE, VAGUE)]
        done = [call for _, call in sorted(zip(kept, calls, strict=True), key=lambda pair: pair[0])]
        wanted = [Call(call["tool"], undefaulted(call["tool"], call["args"])) for call in case["calls"]]
        if done != wanted and not _told_elsewhere(done, wanted):
            wrong.append((case["text"], [dict(call.args) for call in done]))
    assert len(wrong) / count <= 0.005, wrong[:20]


def _told_elsewhere(done: list[Call], wanted: list[Call]) -> bool:
    """ "deploy api and show its logs": a name of another part, which resolve finds, or a question in other words."""
    return [call.tool for call in done] == [call.tool for call in wanted] and all(
        set(made.args) <= set(asked.args)
        and all(key == "query" or asked.args[key] == value for key, value in made.args.items())
        for made, asked in zip(done, wanted, strict=True)
    )


def test_parts_are_the_text_and_follow_each_other_word_by_word() -> None:
    for case, found in labelled()[0]:
        if parts := case.get("parts"):
            assert "".join(parts) == case["text"]
        at = 0
        for part in found.parts:
            assert part.begin == at < part.end
            at = part.end
        assert at == len(found.words) or not found.words


def test_labels_are_only_those_that_their_act_has() -> None:
    """Others are never heard by the reader, so the case could not be understood however well it was learnt."""
    for case, found in labelled()[0]:
        for part in found.parts:
            if part.act == UNSAID:
                assert not part.spans and case["kind"] == "ask", case["text"]
                continue
            assert {slot for slot, _, _ in part.spans} <= set(ALLOWED[part.act]), case["text"]
            assert part.flags - {"ask", "first"} <= set(FLAGGED.get(part.act, ())), case["text"]
            taken = sorted((begin, end) for _, begin, end in part.spans)
            assert all(a[1] <= b[0] for a, b in pairwise(taken)), case["text"]
            assert all(part.begin <= begin < end <= part.end for begin, end in taken), case["text"]


def test_labels_of_words_begin_before_they_go_on() -> None:
    for _, found in labelled()[0]:
        before = 0
        for one in found.slots():
            assert one == 0 or one % 2 == 1 or before in (one, one - 1)
            before = one


@pytest.mark.parametrize(
    "case",
    [
        {"text": "install numpy", "kind": "calls", "calls": [{"tool": "provision", "args": {"packages": ["pandas"]}}]},
        {"text": "deploy api", "kind": "calls", "calls": [{"tool": "deploy", "args": {"name": "api", "port": 80}}]},
        {"text": "deploy api", "kind": "calls", "calls": [{"tool": "deploy", "args": {"service": "api"}}]},
        {"text": "scan and snap", "kind": "calls", "calls": [{"tool": "scan", "args": {}}], "parts": ["scan ", "and"]},
        {"text": "scan it", "kind": "calls", "calls": [{"tool": "scan", "args": {}}, {"tool": "snapshot", "args": {}}]},
    ],
)
def test_a_case_whose_call_is_not_in_its_text_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(Misfit):
        label(case)


def test_half_a_call_lacks_what_is_asked_about() -> None:
    """Cases that ask because something is missing: their labels are a question too, unless the flag says so."""
    for case, found in labelled()[0]:
        if case["kind"] == "ask" and len(found.parts) == 1 and found.parts[0].act not in (NONE, VAGUE, UNSAID):
            assert "ask" in found.parts[0].flags or missing(compose(act(found.text, found.words, found.parts[0])))
