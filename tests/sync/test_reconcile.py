"""The pure core: tables of what happens to one path, and properties over random trees."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.tests.sync.trees import agreed, applied, edited, file, folder, histories, tree, trees, view
from envsync.tools.sync.diff import diff
from envsync.tools.sync.model import Mode, Reconciled, View
from envsync.tools.sync.reconcile import reconcile
from envsync.tools.trees.model import Entry, Facts, Tree, Within, executable, same


def equal(one: Tree, other: Tree) -> bool:
    return one.keys() == other.keys() and all(same(one[path], other[path]) for path in one)


def run(base: str, left: str, right: str, mode: Mode = Mode.TWO_WAY) -> tuple[Tree, Tree, Tree, Reconciled]:
    ancestor, alpha, beta = tree(base), tree(left), tree(right)
    plan = reconcile(ancestor, view(alpha), view(beta), mode)
    return applied(alpha, plan.to_alpha), applied(beta, plan.to_beta), agreed(ancestor, plan.ancestor), plan


TWO_WAY = [
    # ancestor, alpha, beta, and what alpha and beta are afterwards; `!` before a path: a conflict there
    ("", "a=one", "", "a=one", "a=one"),
    ("", "a=one", "a=one", "a=one", "a=one"),
    ("", "a=one", "a=two", "a=one", "a=two !a"),
    ("a=one", "a=two", "a=one", "a=two", "a=two"),
    ("a=one", "a=one", "a=two", "a=two", "a=two"),
    ("a=one", "a=two", "a=two", "a=two", "a=two"),
    ("a=one", "a=two", "a=three", "a=two", "a=three !a"),
    ("a=one", "", "a=one", "", ""),
    ("a=one", "", "", "", ""),
    ("a=one", "", "a=two", "a=two", "a=two"),
    ("a=one", "a=two", "", "a=two", "a=two"),
    ("a=one", "a=one!", "a=one", "a=one!", "a=one!"),
    ("a=one", "a=one!", "a=two", "a=two!", "a=two!"),
    ("", "a=one!", "a=one", "a=one!", "a=one!"),
    ("a=one!", "a=one", "a=two!", "a=two", "a=two"),
    # directories
    ("", "a/", "", "a/", "a/"),
    ("a/ a/x=one", "", "a/ a/x=one", "", ""),
    ("a/ a/x=one", "", "a/ a/x=one a/y=two", "a/ a/y=two", "a/ a/y=two"),
    ("a/ a/x=one", "", "a/ a/x=two", "a/ a/x=two", "a/ a/x=two"),
    ("a/b/ a/b/x=one a/z=z", "", "a/b/ a/b/x=one a/b/new=n a/z=z", "a/b/ a/b/new=n", "a/b/ a/b/new=n"),
    ("a/ a/x=one", "a=leaf", "a/ a/x=one", "a=leaf", "a=leaf"),
    ("a/ a/x=one", "a=leaf", "a/ a/x=two", "a=leaf", "a/ a/x=two !a"),
    ("a/ a/x=one", "a=leaf", "a/ a/x=one a/y=two", "a=leaf", "a/ a/x=one a/y=two !a"),
    ("a=leaf", "a=leaf", "a/ a/x=one", "a/ a/x=one", "a/ a/x=one"),
    ("a=leaf", "a=other", "a/ a/x=one", "a=other", "a/ a/x=one !a"),
    ("a=leaf", "", "a/ a/x=one", "a/ a/x=one", "a/ a/x=one"),
    ("", "a=leaf", "a/ a/x=one", "a=leaf", "a/ a/x=one !a"),
    ("", "a/ a/x=one", "a/ a/y=two", "a/ a/x=one a/y=two", "a/ a/x=one a/y=two"),
    # links and units
    ("a->b", "a->c", "a->b", "a->c", "a->c"),
    ("a->b", "a=one", "a->b", "a=one", "a=one"),
    ("", "git:.git=one", "", "git:.git=one", "git:.git=one"),
    ("git:.git=one", "git:.git=two", "git:.git=three", "git:.git=two", "git:.git=three !.git"),
    ("git:.git=one", "", "git:.git=one", "", ""),
    # special files are left alone, and are not taken for something deleted
    ("", "fifo:a", "", "fifo:a", ""),
    ("a=one", "fifo:a", "a=one", "fifo:a", "a=one"),
]


@pytest.mark.parametrize(("base", "left", "right", "one", "other"), TWO_WAY)
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
def test_two_way(base: str, left: str, right: str, one: str, other: str, turned: bool) -> None:
    other, _, conflict = other.partition("!") if "!a" in other or "!.git" in other else (other, "", "")
    if turned:
        left, right, one, other = right, left, other, one
    alpha, beta, _, plan = run(base, left, right)
    assert equal(alpha, tree(one)) and equal(beta, tree(other))
    assert [found.path for found in plan.conflicts] == ([conflict] if conflict else [])


ONE_WAY = [
    # ancestor, alpha (the source), beta before, beta after safely, beta after as a mirror
    ("", "a=one", "", "a=one", "a=one"),
    ("a=one", "a=two", "a=one", "a=two", "a=two"),
    ("a=one", "", "a=one", "", ""),
    ("", "", "b=extra", "b=extra", ""),
    ("a=one", "a=one", "a=local", "a=local", "a=one"),
    ("a=one", "a=two", "a=local", "a=local", "a=two"),
    ("a=one", "", "a=local", "a=local", ""),
    ("a=one", "a=one", "", "a=one", "a=one"),
    ("", "a=one", "a=other", "a=other", "a=one"),
    ("d/ d/x=1", "", "d/ d/x=1 d/extra=2", "d/ d/extra=2", ""),
    ("d/ d/x=1", "d=leaf", "d/ d/x=1 d/extra=2", "d/ d/x=1 d/extra=2", "d=leaf"),
    ("d=leaf", "d/ d/x=1", "d=local", "d=local", "d/ d/x=1"),
    ("", "", "d/ d/e/ d/e/x=1", "d/ d/e/ d/e/x=1", ""),
]


@pytest.mark.parametrize(("base", "source", "before", "safe", "mirror"), ONE_WAY)
def test_one_way_never_changes_the_source(base: str, source: str, before: str, safe: str, mirror: str) -> None:
    for mode, after in ((Mode.ONE_WAY, safe), (Mode.MIRROR, mirror)):
        alpha, beta, _, plan = run(base, source, before, mode)
        assert equal(alpha, tree(source)) and not plan.to_alpha
        assert equal(beta, tree(after)), mode
        if not equal(beta, tree(source)):
            assert plan.conflicts or plan.notices, "what is left alone is listed"


@settings(max_examples=300, deadline=None)
@given(histories())
def test_both_sides_become_equal_but_for_conflicts_and_a_second_time_nothing_is_left(
    history: tuple[Tree, Tree, Tree],
) -> None:
    ancestor, alpha, beta = history
    plan = reconcile(ancestor, view(alpha), view(beta))
    stopped = Within([conflict.path for conflict in plan.conflicts])
    one, other = applied(alpha, plan.to_alpha), applied(beta, plan.to_beta)
    for path in one.keys() | other.keys():
        assert same(one.get(path), other.get(path)) or path in stopped, path
    now = agreed(ancestor, plan.ancestor)
    again = reconcile(now, view(one), view(other))
    assert again.quiet and not again.ancestor
    assert [found.path for found in again.conflicts] == [found.path for found in plan.conflicts]
    assert all(path in stopped or same(now.get(path), one.get(path)) for path in now.keys() | one.keys())


@settings(max_examples=300, deadline=None)
@given(histories())
def test_no_content_is_lost_that_is_not_an_unmodified_copy_of_what_was_agreed(history: tuple[Tree, Tree, Tree]) -> None:
    ancestor, alpha, beta = history
    plan = reconcile(ancestor, view(alpha), view(beta))
    one, other = applied(alpha, plan.to_alpha), applied(beta, plan.to_beta)
    for before, after in ((alpha, one), (beta, other)):
        for path, entry in before.items():
            if entry.kind == "directory" or same(entry, ancestor.get(path)):
                continue
            kept = after.get(path)
            # Only the executable bit may have been blended in from the other side.
            assert kept is not None and (kept.kind, kept.digest, kept.target) == (
                entry.kind,
                entry.digest,
                entry.target,
            )


@settings(max_examples=300, deadline=None)
@given(histories())
def test_two_way_is_symmetric(history: tuple[Tree, Tree, Tree]) -> None:
    ancestor, alpha, beta = history
    plan, turned = reconcile(ancestor, view(alpha), view(beta)), reconcile(ancestor, view(beta), view(alpha))
    assert (plan.to_alpha, plan.to_beta) == (turned.to_beta, turned.to_alpha)
    assert [found.path for found in plan.conflicts] == [found.path for found in turned.conflicts]
    assert plan.ancestor == turned.ancestor


@settings(max_examples=300, deadline=None)
@given(histories())
def test_a_mirror_is_exact_and_a_safe_push_loses_nothing_of_the_destination(history: tuple[Tree, Tree, Tree]) -> None:
    ancestor, alpha, beta = history
    plan = reconcile(ancestor, view(alpha), view(beta), Mode.MIRROR)
    assert not plan.to_alpha and equal(applied(beta, plan.to_beta), alpha)
    plan = reconcile(ancestor, view(alpha), view(beta), Mode.ONE_WAY)
    after = applied(beta, plan.to_beta)
    assert not plan.to_alpha
    for path, entry in beta.items():
        if entry.kind != "directory" and not same(entry, ancestor.get(path)):
            assert same(after.get(path), entry) or same(entry, alpha.get(path))
    again = reconcile(agreed(ancestor, plan.ancestor), view(alpha), view(after), Mode.ONE_WAY)
    assert again.quiet


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_looking_only_at_what_was_touched_finds_what_looking_at_everything_finds(data: st.DataObject) -> None:
    ancestor, alpha, beta = data.draw(histories())
    plan = reconcile(ancestor, view(alpha), view(beta))
    ancestor, alpha, beta = agreed(ancestor, plan.ancestor), applied(alpha, plan.to_alpha), applied(beta, plan.to_beta)
    later = edited(data.draw, alpha)
    whole = reconcile(ancestor, view(later), view(beta))
    part = reconcile(ancestor, view(later), view(beta), paths=list(diff(alpha, later)))
    assert (part.to_alpha, part.to_beta, part.ancestor) == (whole.to_alpha, whole.to_beta, whole.ancestor)


@settings(max_examples=200, deadline=None)
@given(trees(), trees())
def test_a_diff_leads_from_one_tree_to_the_other(before: Tree, now: Tree) -> None:
    changed = agreed(before, {path: new for path, (_, new) in diff(before, now).items()})
    assert equal(changed, now)
    assert diff(now, dict(now)) == {}


def test_a_rename_moves_no_content() -> None:
    alpha, beta, _, plan = run("d/ d/x=one d/y=two", "e/ e/x=one e/y=two", "d/ d/x=one d/y=two")
    assert equal(alpha, beta)
    assert {change.path: change.source for change in plan.to_beta if change.new and change.new.kind == "file"} == {
        "e/x": "d/x",
        "e/y": "d/y",
    }


def test_ignored_content_is_never_deleted_and_keeps_its_directory() -> None:
    ancestor = tree("d/ d/x=one")
    alpha, beta = view(""), view("d/ d/x=one", ignored=("d/node_modules",))
    plan = reconcile(ancestor, alpha, beta)
    assert [change.path for change in plan.to_beta] == ["d/x"]
    assert [notice.path for notice in plan.notices] == ["d"]
    # The next round finds a directory with nothing in it that counts, and makes it nowhere else.
    again = reconcile(agreed(ancestor, plan.ancestor), alpha, replace(beta, tree=tree("d/")))
    assert again.quiet


def test_a_path_that_becomes_ignored_is_not_taken_for_deleted() -> None:
    ancestor = tree("a=one log/ log/x=one")
    alpha = view("a=one .gitignore=log", ignored=("log",))
    plan = reconcile(ancestor, alpha, view(ancestor))
    assert [change.path for change in plan.to_beta] == [".gitignore"]
    assert plan.ancestor["log"] is None and plan.ancestor["log/x"] is None


def test_a_repository_that_somebody_is_changing_waits() -> None:
    ancestor = tree("git:.git=one a=one")
    alpha = view("git:.git=two a=two", busy=(".git",))
    plan = reconcile(ancestor, alpha, view(ancestor))
    assert [change.path for change in plan.to_beta] == ["a"] and plan.waiting == [".git"]


def test_a_repository_is_changed_last() -> None:
    plan = reconcile({}, view("git:.git=one zz=one"), view(""))
    assert [change.path for change in plan.to_beta] == ["zz", ".git"]


@pytest.mark.parametrize(("target", "copied"), [("b", True), ("../a", False), ("/etc/passwd", False), ("gone/x", True)])
def test_hostile_18_a_link_that_leads_outside_is_left_alone_unless_asked_for(target: str, copied: bool) -> None:
    alpha, beta = view({"a": Entry("link", target=target)}), view("")
    plan = reconcile({}, alpha, beta)
    assert bool(plan.to_beta) == copied and bool(plan.notices) != copied
    assert reconcile({}, alpha, beta, links="all").to_beta
    assert not reconcile({}, alpha, beta, links="none").to_beta


def test_a_link_inside_a_directory_may_climb_as_far_as_the_root() -> None:
    assert reconcile({}, view({"d": folder(), "d/l": Entry("link", target="../a")}), view("")).notices == []
    assert reconcile({}, view({"d": folder(), "d/l": Entry("link", target="../../a")}), view("")).notices


def test_names_that_fold_to_one_on_the_other_side_are_a_conflict_and_overwrite_nothing() -> None:
    beta = view("readme=one", folds_case=True)
    plan = reconcile(tree("readme=one"), view("readme=one README=two"), beta)
    assert plan.to_beta == [] and [found.path for found in plan.conflicts] == ["README"]
    both = reconcile({}, view("readme=one README=two"), view("", folds_case=True))
    assert len(both.to_beta) == 1 and len(both.conflicts) == 1


def test_a_change_of_case_alone_is_a_rename_on_a_side_that_folds_case() -> None:
    ancestor = tree("Docs/ Docs/x=one")
    plan = reconcile(ancestor, view("docs/ docs/x=one"), view(ancestor, folds_case=True))
    assert plan.conflicts == []
    assert [(change.path, change.source) for change in plan.to_beta] == [
        ("Docs/x", ""), ("Docs", ""), ("docs", ""), ("docs/x", "Docs/x"),
    ]  # fmt: skip


def test_a_side_that_stores_names_decomposed_is_the_same_tree() -> None:
    from envsync.tools.trees.model import Scan

    composed, decomposed = tree("\u00e9=one"), tree("e\u0301=one")
    facts = Facts("directory", unicode="decomposes")
    plan = reconcile({}, view(composed), View.of(Scan(decomposed), facts))
    assert plan.quiet and not plan.conflicts


def test_a_side_without_executable_bits_takes_none_away() -> None:
    ancestor = tree("a=one!")
    plan = reconcile(ancestor, view(ancestor), view("a=two", executable=False))
    assert [executable(change.new) for change in plan.to_alpha if change.new] == [True]


@pytest.mark.parametrize(
    ("name", "facts"),
    [("a:b", {"forbidden": ":"}), ("\udcff", {"utf8": True}), ("n" * 200, {"longest": 143})],
)
def test_a_name_that_the_other_side_cannot_have_is_left_with_a_notice(name: str, facts: dict[str, object]) -> None:
    plan = reconcile({}, view({name: folder(), f"{name}/x": file("one"), "b": file("two")}), view("", **facts))
    assert [change.path for change in plan.to_beta] == ["b"] and [notice.path for notice in plan.notices] == [name]
