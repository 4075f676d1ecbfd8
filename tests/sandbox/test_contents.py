"""Which release of Debian has what was asked for, and what a package's name may be."""

from __future__ import annotations

import pytest

from envsync.tools.errors import Usage
from envsync.tools.sandbox.contents import RUNTIMES, SERVICES, Content, Wanted, fits, parse, release
from envsync.tools.sandbox.provide import known, package


@pytest.mark.parametrize(
    ("wanted", "tag", "suite"),
    [
        ([], "", "bookworm"),
        (["python"], "", "bookworm"),
        (["python@3.11"], "", "bookworm"),
        (["python@3.13"], "", "trixie"),
        (["python@3"], "13", "trixie"),
        (["node@20", "postgresql@17"], "latest", "trixie"),
        (["redis@7"], "bookworm-slim", "bookworm"),
    ],
)
def test_the_first_release_that_has_all_of_it_is_taken(wanted: list[str], tag: str, suite: str) -> None:
    assert release([_wanted(text) for text in wanted], tag) == suite


@pytest.mark.parametrize(
    ("wanted", "tag", "hint"),
    [
        (["python@3.9"], "", "3.11 (debian:12), 3.13 (debian:13)"),
        (["python@3.13"], "12", "3.13 (debian:13)"),
        (["python@3.11", "node@20"], "", "two sandboxes"),
        (["mysql@8"], "", "Name no version"),
    ],
)
def test_what_no_release_has_is_said_with_what_there_is(wanted: list[str], tag: str, hint: str) -> None:
    with pytest.raises(Usage) as caught:
        release([_wanted(text) for text in wanted], tag)
    assert hint in caught.value.hint


def test_versions_fit_from_the_left_and_part_by_part() -> None:
    assert fits("3.11", "3") and fits("3.11", "3.11.4") and fits("", "")
    assert not fits("3.11", "3.1") and not fits("3.1", "3.11") and not fits("", "3")


def test_names_that_people_use_lead_to_the_same_thing() -> None:
    assert parse(" Postgres@15 ", SERVICES, "service") == Wanted("postgresql", "15")
    assert parse("nodejs", RUNTIMES, "runtime") == Wanted("node")
    assert known(["python@3.11", "redis"]) == ([Wanted("python", "3.11")], [Wanted("redis")])


@pytest.mark.parametrize(
    "text", ["", "-rf", "../x", "a b", "x;y", "git+https://h/x", "x@@1", "x\n", "pip:", "npm:../x", "x@$(id)"]
)
def test_hostile_4_what_is_no_package_name_is_refused(text: str) -> None:
    if text == "x\n":  # stripped: a name from a file ends in one
        assert package(text) == ("", "x", "")
        return
    with pytest.raises(Usage):
        package(text)


def test_packages_say_whose_they_are() -> None:
    assert package("pip:uvicorn[standard]@0.30.1") == ("pip", "uvicorn[standard]", "0.30.1")
    assert package("npm:@types/node@20") == ("npm", "@types/node", "20")
    assert package("curl") == ("", "curl", "")


@pytest.mark.parametrize("content", [*RUNTIMES.values(), *SERVICES.values()], ids=[*RUNTIMES, *SERVICES])
def test_everything_can_be_seen_to_work(content: Content) -> None:
    assert content.packages and (content.check or content.port)
    assert bool(content.service) == bool(content.port)


def _wanted(text: str) -> Wanted:
    name = text.partition("@")[0]
    return parse(text, RUNTIMES if name in RUNTIMES else SERVICES, "thing")
