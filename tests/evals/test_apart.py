"""What makes two cases too near, and a case none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from envsync.evals import apart, cases, vectors
from envsync.evals.apart import Finding
from envsync.memory.embed import MiniLM


def case(id: str, text: str, *calls: dict[str, Any], kind: str = "", **more: Any) -> dict[str, Any]:
    kind = kind or ("calls" if calls else "decline")
    return {"id": id, "category": "x", "text": text, "kind": kind, "calls": list(calls), **more}


def call(tool: str, **args: Any) -> dict[str, Any]:
    return {"tool": tool, "args": args}


def rules(found: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(one.rule, one.id, one.other) for one in found]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Vectors of tests are kept in a place of their own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "envsync/evals" / f"{MiniLM.name}.npz"


def test_near_duplicates_are_found_by_words_by_letters_and_by_meaning() -> None:
    test = [
        case("t1", "Undo that!", call("rewind", to="last")),
        case("t2", "scale the thumbnailer of the shop to 6 please", call("deploy", name="thumbnailer", replicas=6)),
        case("t3", "how do you exit vim"),
        case("t4", "show me what is running on the build box"),
    ]
    learnt = [
        case("l1", "undo that", call("rewind", to="last")),
        case("l2", "scale the thumbnailer of the shop to 8 please", call("deploy", name="thumbnailer", replicas=8)),
        case("l3", "how do i exit vim"),
        # The same letters mean something else after another conversation, and the same meaning other calls.
        case("l4", "undo that", call("rewind", to="last"), context={"history": []}),
        case("l5", "how do i exit vim", call("run", command="vim")),
        case("l6", "take a snapshot before the upgrade", call("snapshot")),
    ]
    assert rules(list(apart.near(test, learnt))) == [
        ("words", "t1", "l1"),
        ("13-gram", "t2", "l2"),
        ("meaning", "t3", "l3"),
    ]


def test_what_only_begins_alike_is_apart() -> None:
    test = [case("t", "take a snapshot called before-seed", call("snapshot", label="before-seed"))]
    learnt = [
        case(
            "l",
            "take a snapshot and then deploy the web service to staging",
            call("snapshot"),
            call("deploy", name="web"),
        )
    ]
    assert not list(apart.near(test, learnt))


def test_nothing_that_is_learnt_is_nearly_a_case_of_the_frozen_split() -> None:
    test, learnt = cases.read(cases.test()), cases.read(cases.learnt())
    assert len(test) >= 1000 and len(learnt) >= 4000
    assert not list(apart.near(test, learnt, ("words", "13-gram")))  # `python -m evals check` looks at meanings, too


def test_doubles_and_contradictions_of_a_split_are_found() -> None:
    found = [
        case("a", "install numpy 3.11", call("provision", packages=["numpy@3.11"])),
        case("b", "Install  numpy 3.11.", call("provision", packages=["numpy@v3.11"])),
        case("c", "install numpy 3 11", call("provision", packages=["numpy"])),
        case("d", "go live", call("deploy", context="prod")),
        case("e", "go live", kind="ask"),
        case("f", "go live", kind="ask", context={"notes": ["x"]}),
    ]
    assert rules(list(apart.doubles(found))) == [("double", "a", "b"), ("contradiction", "d", "e")]


@pytest.mark.parametrize(
    "bad",
    [
        case("", "text"),
        case("file:3", "text"),
        case("a", " "),
        case("a", "text", kind="calls"),
        case("a", "text", call("scan"), kind="ask"),
        case("a", "text", kind="maybe"),
        case("a", "text", call("scan", deep=True)),
        case("a", "text", call("fly")),
        case("a", "text", call("rewind")),
    ],
)
def test_a_broken_case_is_found(bad: dict[str, Any]) -> None:
    assert [one.rule for one in apart.broken([bad])] == ["broken"]
    assert not list(apart.broken([case("a", "text", call("scan"))]))


def test_an_id_is_given_once() -> None:
    assert len(list(apart.broken([case("a", "x"), case("a", "y"), case("a", "z")]))) == 1


def test_check_says_what_it_found_and_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("test", "train"):
        (tmp_path / name).mkdir()
    for name in ("dev", "heldout", "fresh"):
        (tmp_path / f"{name}.jsonl").write_text("")
    (tmp_path / "test/a.jsonl").write_text(json.dumps(case("t", "undo that", call("rewind", to="last"))) + "\n")
    (tmp_path / "train/b.jsonl").write_text(json.dumps(case("l", "a snapshot", call("snapshot"))) + "\n")
    monkeypatch.setattr(cases, "CASES", tmp_path)
    sink = StringIO()
    assert apart.check(sink) == 0 and "nothing to say" in sink.getvalue()
    (tmp_path / "dev.jsonl").write_text(json.dumps(case("d", "Undo that.", call("rewind", to="last"))) + "\n")
    sink = StringIO()
    assert apart.check(sink, as_json=True) == 1
    assert [(one["rule"], one["id"], one["other"]) for one in json.loads(sink.getvalue())] == [("words", "t", "d")]


def test_vectors_are_kept_and_a_damaged_file_is_made_anew(cache: Path) -> None:
    first = vectors.vectors(["undo that", "take a snapshot", "undo that"])
    assert first.shape == (3, 384) and (first[0] == first[2]).all()
    kept = cache.stat().st_mtime_ns
    assert (vectors.vectors(["take a snapshot"])[0] == first[1]).all() and cache.stat().st_mtime_ns == kept
    cache.write_bytes(b"PK\x03\x04 broken")
    assert (vectors.vectors(["undo that"])[0] == first[0]).all()
