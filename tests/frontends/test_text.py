"""What is shown: nothing hidden, nothing active, nothing cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.agent.events import Call, Prepared
from envsync.agent.frontends.text import Cleaner, plain, plan_lines, safe, size, span, tight
from envsync.tools.contract import Lines, Table, Tree
from envsync.tools.plan import Plan, Risk, Step

ANY = st.text(st.characters(codec=None))


@given(ANY)
def test_safe_text_has_nothing_invisible_or_active(text: str) -> None:
    assert all(c.isprintable() for c in safe(text))
    assert all(c.isprintable() or c in "\n\t" for c in safe(text, lines=True))


@given(ANY)
def test_escapes_tell_different_names_apart(text: str) -> None:
    """A name with a hidden character never looks like the name without it."""
    if text.isprintable() and "\\" not in text:
        return
    assert safe("a" + text) != "a" or not text


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad", "\U000e0041", "\ud800", "\u2028", "\x1b[31m", "\x9b31m",
        "\r", "\x00", "\x7f", "\u3164", "\u2800", "\u115f",
    ],
)  # fmt: skip
def test_hostile_03_hidden_characters_are_visible_escapes(hidden: str) -> None:
    shown = safe(f"invoice{hidden}fdp.exe")
    assert "\\" in shown and shown.startswith("invoice") and shown.endswith("fdp.exe")


def test_hostile_05_a_name_with_a_newline_stays_on_its_line() -> None:
    name = "a\n● done\x1b[2J\r.txt"
    table = plain([Table(("file",), [(name,)]), Tree("root", [Tree(name)]), Lines([name], title=name)])
    assert len(table) == 6
    assert all(line.isprintable() for line in table)


@given(ANY, st.lists(st.integers(0, 200), max_size=6))
def test_cleaned_output_does_not_depend_on_where_the_chunks_end(text: str, cuts: list[int]) -> None:
    whole = Cleaner()
    expected = whole(text) + whole.end()
    parts = Cleaner()
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    shown = "".join(parts(text[a:b]) for a, b in pairwise(edges)) + parts.end()
    assert shown == expected
    assert all(c.isprintable() or c in "\n\t" for c in shown)


@pytest.mark.parametrize("cut", range(1, 24))
def test_colours_are_dropped_and_other_sequences_shown_wherever_a_chunk_ends(cut: int) -> None:
    text = "\x1b[1;31mred\x1b[0m\r\n50%\r100%\n\x1b]0;title\x07"
    cleaner = Cleaner()
    shown = cleaner(text[:cut]) + cleaner(text[cut:]) + cleaner.end()
    assert shown == "red\n50%\n100%\n\\x1b]0;title\\x07"


def prepared(**changes: object) -> Prepared:
    step = Step(kind="k", does="do it", covered=True)
    given = {"tool": "run", "path": "/p", "summary": "one thing", "steps": (step,), "risk": Risk.R2, **changes}
    return Prepared(Call("run"), Risk.R2, Plan.model_validate(given), asks=True)


@given(st.lists(st.text(max_size=60), max_size=40), st.integers(0, 200))
def test_hostile_31_every_detail_of_a_plan_is_shown_whatever_the_width(details: list[str], width: int) -> None:
    shown = " ".join(" ".join(line.text for line in plan_lines([prepared(details=tuple(details))], width)).split())
    for detail in details:
        assert " ".join(tight(detail).split()) in shown


def test_hostile_31_padding_cannot_push_the_tail_out_of_sight() -> None:
    lines = plan_lines([prepared(summary="upgrade numpy" + " " * 5000 + "and delete /home")])
    assert len(lines[0].text) < 100
    assert "5000 blanks" in lines[0].text and lines[0].text.endswith("and delete /home")


def test_a_plan_says_what_cannot_be_taken_back() -> None:
    good, bad = Step(kind="k", does="a", covered=True), Step(kind="k", does="b")
    text = "\n".join(line.text for line in plan_lines([prepared(steps=(good, bad))]))
    assert "not step 2" in text
    text = "\n".join(line.text for line in plan_lines([prepared(steps=(bad,))]))
    assert "undo  none of it" in text


def test_figures_read_as_people_say_them() -> None:
    assert [span(s) for s in (0.04, 9.96, 59.6, 125, 7290)] == [
        "0.0 s",
        "10.0 s",
        "1 min 00 s",
        "2 min 05 s",
        "2 h 01 min",
    ]
    assert [size(n) for n in (0, 999, 1500, 15_000, 3_400_000, 2e13)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "15 kB",
        "3.4 MB",
        "20.0 TB",
    ]


def test_a_long_line_of_a_plan_is_broken_between_words() -> None:
    summary = (
        "pip: pytest: simple powerful testing with Python, first released in the year 2010 and since then 193 releases"
    )
    lines = [line.text for line in plan_lines([prepared(summary=summary)], 60)]
    assert (
        lines[0].endswith("powerful testing with Python, first")
        and lines[1] == "  released in the year 2010 and since then 193 releases"
    )
    assert max(map(len, lines)) <= 60
