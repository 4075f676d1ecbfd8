"""Settling conflicts by rules, and halting instead of guessing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings

from envsync.tests.sync.trees import agreed, applied, file, histories, tree, view
from envsync.tools.sync.conflicts import choose, copy_name, resolve
from envsync.tools.sync.halts import halts
from envsync.tools.sync.model import Choice, Conflict, Mode, Past, Rule, View
from envsync.tools.sync.reconcile import reconcile
from envsync.tools.trees.model import Facts, Tree, Within, same

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def settled(ancestor: Tree, alpha: Tree, beta: Tree, *rules: Rule) -> tuple[Tree, Tree, Tree, list[Conflict]]:
    """Both sides and the ancestor after reconciling, settling and reconciling again."""
    for turn in range(2):
        plan = reconcile(ancestor, view(alpha), view(beta))
        alpha, beta = applied(alpha, plan.to_alpha), applied(beta, plan.to_beta)
        ancestor = agreed(ancestor, plan.ancestor)
        if turn == 0:
            again = reconcile(ancestor, view(alpha), view(beta))
            found = resolve(again.conflicts, rules, view(alpha), view(beta), names=("here", "there"), at=AT)
            alpha, beta = applied(alpha, found.plan.to_alpha), applied(beta, found.plan.to_beta)
            ancestor = agreed(ancestor, found.plan.ancestor)
    return alpha, beta, ancestor, plan.conflicts


def test_mine_under_src_and_theirs_elsewhere() -> None:
    ancestor = tree("src/ src/x=0 docs/ docs/x=0 src/gen/ src/gen/y=0 top=0")
    alpha = tree("src/ src/x=1 docs/ docs/x=1 src/gen/ src/gen/y=1 top=1")
    beta = tree("src/ src/x=2 docs/ docs/x=2 src/gen/ src/gen/y=2 top=2")
    one, other, _, left = settled(ancestor, alpha, beta, Rule(Choice.BETA), Rule(Choice.ALPHA, "src"))
    assert one == other == tree("src/ src/x=1 docs/ docs/x=2 src/gen/ src/gen/y=1 top=2") and left == []


def test_both_are_kept_on_both_sides() -> None:
    one, other, _, left = settled(tree("a=0"), tree("a=1"), tree("a=2"), Rule(Choice.BOTH))
    assert one == other == tree("a=1 a.conflict-there-20260304-050607=2") and left == []
    one, other, _, left = settled({}, tree("a/ a/x=1"), tree("a=2"), Rule(Choice.BOTH))
    assert one == other == tree("a/ a/x=1 a.conflict-there-20260304-050607=2") and left == []
    one, other, _, left = settled({}, tree("a=2"), tree("a/ a/x=1"), Rule(Choice.BOTH))
    assert one == other == tree("a/ a/x=1 a.conflict-here-20260304-050607=2") and left == []


def test_a_directory_against_a_file_is_settled_whole() -> None:
    for choice, after in ((Choice.ALPHA, "a/ a/x=1 a/y=1"), (Choice.BETA, "a=2")):
        one, other, _, left = settled({}, tree("a/ a/x=1 a/y=1"), tree("a=2"), Rule(choice))
        assert one == other == tree(after) and left == []


@pytest.mark.parametrize(("skew", "winner"), [(0.0, "1"), (3600.0, "1"), (-3600.0, "2")])
def test_the_newest_counts_by_one_clock(skew: float, winner: str) -> None:
    # Alpha's is ten seconds younger, if the clocks agree.
    alpha, beta = {"a": file("1")._replace(mtime_ns=10**10)}, {"a": file("2")._replace(mtime_ns=1)}
    plan = reconcile(tree("a=0"), view(alpha), view(beta))
    found = resolve(plan.conflicts, [Rule(Choice.NEWEST)], view(alpha), view(beta), at=AT, skew=skew)
    changes = found.plan.to_beta if winner == "1" else found.plan.to_alpha
    assert [change.new for change in changes] == [(alpha if winner == "1" else beta)["a"]] and not found.left
    equal = {"a": alpha["a"]._replace(digest=b"z" * 20)}
    plan = reconcile(tree("a=0"), view(alpha), view(equal))
    assert resolve(plan.conflicts, [Rule(Choice.NEWEST)], view(alpha), view(equal), at=AT).left == plan.conflicts


def test_what_cannot_be_merged_or_has_no_rule_is_left() -> None:
    ancestor, alpha, beta = tree("a=0 l->x"), tree("a=1 l->y n=1"), tree("a=2 l->z n=2")
    plan = reconcile(ancestor, view(alpha), view(beta))
    found = resolve(plan.conflicts, [Rule(Choice.MERGE)], view(alpha), view(beta), at=AT)
    assert [merge.path for merge in found.merges] == ["a"] and [left.path for left in found.left] == ["l", "n"]
    found = resolve(plan.conflicts, [Rule(Choice.ALPHA, "other")], view(alpha), view(beta), at=AT)
    assert found.left == plan.conflicts and found.plan.quiet


def test_a_repository_is_never_kept_twice() -> None:
    alpha, beta = tree("git:.git=1"), tree("git:.git=2")
    plan = reconcile({}, view(alpha), view(beta))
    assert resolve(plan.conflicts, [Rule(Choice.BOTH)], view(alpha), view(beta), at=AT).left == plan.conflicts


def test_the_last_rule_that_fits_decides() -> None:
    rules = [
        Rule(Choice.ALPHA),
        Rule(Choice.BETA, "*.lock"),
        Rule(Choice.MERGE, "src/**/*.py"),
        Rule(Choice.BOTH, "/top"),
    ]
    cases = {
        "a": Choice.ALPHA,
        "x/y.lock": Choice.BETA,
        "src/a/b.py": Choice.MERGE,
        "top/x": Choice.BOTH,
        "x/top": Choice.ALPHA,
    }
    assert {path: choose(path, rules) for path in cases} == cases
    assert choose("a", []) is None


def test_a_copy_has_a_name_that_nothing_has_and_every_system_takes() -> None:
    first = copy_name("d/a b.txt", "ssh:me@host:22", AT, {})
    assert first == "d/a b.txt.conflict-ssh-me-host-22-20260304-050607"
    assert copy_name("d/a b.txt", "ssh:me@host:22", AT, {first: file("1")}) == first + "-2"
    assert len(copy_name("n" * 255, "h" * 200, AT, {}).encode()) <= 255
    assert "/" not in copy_name("a", "../../etc", AT, {}).partition("a")[2]


@settings(max_examples=200, deadline=None)
@given(histories())
def test_any_history_can_be_settled_either_way_and_no_content_is_lost_by_keeping_both(
    history: tuple[Tree, Tree, Tree],
) -> None:
    ancestor, alpha, beta = history
    for choice in (Choice.ALPHA, Choice.BETA, Choice.BOTH):
        one, other, now, left = settled(ancestor, alpha, beta, Rule(choice))
        assert left == [] and one.keys() == other.keys() and all(same(one[path], other[path]) for path in one)
        assert all(same(now.get(path), one[path]) for path in one)
        if choice is Choice.BOTH:
            stopped = Within([found.path for found in reconcile(ancestor, view(alpha), view(beta)).conflicts])
            held = {entry.digest for entry in one.values()}
            for side in (alpha, beta):
                assert all(e.digest in held for path, e in side.items() if path in stopped and e.kind == "file")


# -- Halts ---------------------------------------------------------------------------------------------------------

BASE = {f"f{i}": file(str(i)) for i in range(60)}
HERE = Facts("directory", "/a", device=1, inode=10)
THERE = Facts("directory", "/b", device=2, inode=20)


def found(alpha: Tree, beta: Tree, here: Facts = HERE, there: Facts = THERE, mode: Mode = Mode.TWO_WAY) -> list[str]:
    one, other = View(alpha, facts=here), View(beta, facts=there)
    plan = reconcile(BASE, one, other, mode)
    halted = halts(Past(BASE, HERE, THERE), one, other, plan, mode)
    assert all(halt.what and halt.hint for halt in halted)
    return [halt.code for halt in halted]


def first(count: int) -> Tree:
    return dict(list(BASE.items())[:count])


@pytest.mark.parametrize(
    ("alpha", "beta", "codes"),
    [
        (BASE, BASE, []),
        (first(31), BASE, []),
        (first(29), BASE, ["deletions"]),
        (BASE, first(10), ["deletions"]),
        ({}, BASE, ["emptied"]),
        (BASE, {}, ["emptied"]),
        ({}, {}, []),
        ({f"moved/{path}": entry for path, entry in BASE.items()}, BASE, []),
    ],
)
def test_many_deletions_halt_and_renames_do_not(alpha: Tree, beta: Tree, codes: list[str]) -> None:
    alpha = {**({"moved": replace_kind()} if any("/" in path for path in alpha) else {}), **alpha}
    assert found(alpha, beta) == codes


def replace_kind():  # type: ignore[no-untyped-def]
    from envsync.tests.sync.trees import folder

    return folder()


def test_few_files_may_all_but_one_go_and_the_last_one_halts() -> None:
    base = {f"f{i}": file(str(i)) for i in range(5)}
    past = Past(base, HERE, THERE)
    for left, codes in ((1, []), (0, ["emptied"])):
        alpha = View(dict(list(base.items())[:left]), facts=HERE)
        beta = View(base, facts=THERE)
        assert [halt.code for halt in halts(past, alpha, beta, reconcile(base, alpha, beta))] == codes


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        (replace(HERE, kind="missing"), ["missing"]),
        (replace(HERE, kind="file"), ["kind"]),
        (replace(HERE, kind="unread"), ["kind"]),
        (replace(HERE, device=9, inode=9), ["device"]),
        (replace(HERE, device=9), []),
        (replace(HERE, folds_case=True), ["names"]),
        (replace(HERE, unicode="folds"), ["names"]),
        (replace(HERE, clock=86400.0 * 365), []),
    ],
)
def test_a_root_that_is_another_one_halts(facts: Facts, codes: list[str]) -> None:
    assert found(BASE, BASE, here=facts) == codes
    assert found(BASE, BASE, there=replace(facts, device=facts.device + (facts.device == 1))) == codes or codes == []


def test_an_empty_destination_of_a_push_is_simply_filled() -> None:
    assert found(BASE, {}, mode=Mode.MIRROR) == []
    assert found({}, BASE, mode=Mode.MIRROR) == ["emptied"]


def test_the_first_time_a_missing_root_halts_and_nothing_else() -> None:
    one, other = View({}, facts=HERE), View(BASE, facts=THERE)
    assert halts(None, one, other, reconcile({}, one, other)) == []
    gone = View({}, facts=replace(HERE, kind="missing"))
    assert [halt.code for halt in halts(None, gone, other, reconcile({}, gone, other))] == ["missing"]
