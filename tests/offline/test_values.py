"""Values as people write and say them."""

from __future__ import annotations

import pytest

from envsync.agent.models.offline.mend import mend
from envsync.agent.models.offline.normalise import normalise
from envsync.agent.models.offline.values import HOSTISH, PLACE, number, spoken_number, version


@pytest.mark.parametrize(
    ("said", "as_version"),
    [
        ("three point eleven", "3.11"),
        ("three eleven", "3.11"),
        ("one point twenty six point four", "1.26.4"),
        ("twenty", "20"),
    ],
)
def test_spoken_versions(said: str, as_version: str) -> None:
    assert version(spoken_number(said) or "") == as_version


@pytest.mark.parametrize(
    ("said", "port"),
    [
        ("eighty eighty", 8080),
        ("fifty four thirty two", 5432),
        ("three thousand", 3000),
        ("nine thousand ninety", 9090),
        ("one hundred and fifty", 150),
        ("five four three two", 5432),
    ],
)
def test_spoken_ports_and_counts(said: str, port: int) -> None:
    assert number(spoken_number(said) or "") == port


@pytest.mark.parametrize("written", ["3.11", "3.1.1", "v20", "1.26.4", "2.0.0rc1"])
def test_a_written_version_stays_as_it_is(written: str) -> None:
    assert version(written) == written.removeprefix("v")


@pytest.mark.parametrize("text", ["docker:web", "ssh:me@host:22", "me@10.0.0.5", "me@host", "vm:lab"])
def test_hosts(text: str) -> None:
    assert HOSTISH.fullmatch(text)


@pytest.mark.parametrize("text", ["react@18", "me@box:/dir", "@types/node", "numpy@latest", "docker:web:/app"])
def test_no_hosts(text: str) -> None:
    assert not HOSTISH.fullmatch(text)


@pytest.mark.parametrize("text", ["me@box:/dir", "docker:web:/app", "./src", "/srv/x", "~/code", "."])
def test_places(text: str) -> None:
    assert PLACE.fullmatch(text)


@pytest.mark.parametrize("word", ["remind me", "a draft", "a remote", "the statue", "my shop", "snapchat"])
def test_real_words_are_no_typos_of_the_grammars(word: str) -> None:
    assert mend(normalise(word)).low == word


def test_mending_never_reaches_what_is_quoted_or_a_path() -> None:
    assert mend(normalise("run `instal snapshto` ./snapshto")).low == "run `instal snapshto` ./snapshto"
