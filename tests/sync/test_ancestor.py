"""The ancestor on disk: whatever a crash leaves, what is read back was once agreed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.tools.errors import Damaged
from envsync.tools.sync.ancestor import Ancestor
from envsync.tools.trees.model import Entry, Tree


def entry(seed: int) -> Entry:
    if seed % 5 == 0:
        return Entry("directory", 0o755)
    if seed % 5 == 1:
        return Entry("link", target=f"to-{seed}")
    return Entry("file", 0o644, seed, seed * 1000, bytes([seed % 256]) * 20)


def test_it_is_read_back(tmp_path: Path) -> None:
    one = Ancestor(tmp_path)
    assert not one.begun
    one.record([])
    assert Ancestor(tmp_path).begun
    one.record([("a", entry(2)), ("b\udcff\n", entry(1)), ("c", entry(0))])
    one.record([("a", None), ("c/d", entry(3))])
    expected = dict(one.tree)
    one.close()
    again = Ancestor(tmp_path)
    assert again.tree == expected == {"b\udcff\n": entry(1), "c": entry(0), "c/d": entry(3)}
    again.compact()
    again.record([("e", entry(4))])
    assert Ancestor(tmp_path).tree == expected | {"e": entry(4)}
    assert len(list(tmp_path.iterdir())) == 2


@given(
    writes=st.lists(
        st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(0, 300)), max_size=4), max_size=12
    ),
    cut=st.floats(0, 1),
    compacted=st.integers(0, 12),
)
@settings(max_examples=60, deadline=None)
def test_hostile_50_a_log_cut_anywhere_is_a_state_that_was(
    tmp_path_factory: pytest.TempPathFactory, writes: list[list[tuple[str, int | None]]], cut: float, compacted: int
) -> None:
    place = tmp_path_factory.mktemp("ancestor")
    one, states = Ancestor(place), list[Tree]()
    states.append({})
    for number, write in enumerate(writes):
        one.record([(path, None if seed is None else entry(seed)) for path, seed in write])
        states.append(dict(one.tree))
        if number == compacted:
            one.compact()
            states = [dict(one.tree)]
    one.close()
    for log in place.glob("agreed-*"):
        raw = log.read_bytes()
        log.write_bytes(raw[: int(len(raw) * cut)])
    again = Ancestor(place)
    assert again.tree in states
    again.record([("z", entry(2))])
    again.close()
    assert Ancestor(place).tree == again.tree


def test_a_damaged_whole_tree_is_said_and_not_guessed(tmp_path: Path) -> None:
    one = Ancestor(tmp_path)
    one.record([("a", entry(2))])
    one.compact()
    one.close()
    (base,) = tmp_path.glob("ancestor-*")
    raw = bytearray(base.read_bytes())
    raw[-1] ^= 1
    base.write_bytes(bytes(raw))
    with pytest.raises(Damaged, match="does not verify"):
        Ancestor(tmp_path)


def test_hostile_50_a_kill_between_the_new_tree_and_the_old_log_loses_nothing(tmp_path: Path) -> None:
    one = Ancestor(tmp_path / "x")
    one.record([("a", entry(2))])
    shutil.copytree(tmp_path / "x", tmp_path / "old")
    one.compact()
    for left in (tmp_path / "old").iterdir():
        shutil.copy(left, tmp_path / "x")  # as if the old ones had not been removed yet
    again = Ancestor(tmp_path / "x")
    assert again.tree == {"a": entry(2)}
    assert len(list((tmp_path / "x").iterdir())) == 1
