"""A slot's words into its value."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.agent.models.offline.labels import SLOTS
from envsync.agent.models.offline.mend import mend
from envsync.agent.models.offline.normalise import normalise
from envsync.agent.models.offline.slots import value
from envsync.agent.models.offline.things import canonical, joined, thing, wanted


def of(slot: str, words: str) -> object:
    return value(slot, mend(normalise(words)))


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("3.11", "3.11"), ("v20", "20"), ("version 3.12", "3.12"), ("three point eleven", "3.11"), ("one point twenty six point four", "1.26.4"),
        ("2.0.0rc1", "2.0.0rc1"), ("18.x", "18.x"), ("latest", "latest"), ("the newest version", "latest"), ("the latest stable", "latest"), ("lts", "lts"),
        ("the lts version", "lts"), ("nightly", "nightly"), ("below 2", "<2"), ("under 2.0", "<2.0"), ("at least 1.4", ">=1.4"), ("no newer than 3", "<=3"),
        ("above 5", ">5"), ("2 or newer", ">=2"), ("3.9 or later", ">=3.9"), ("2 or older", "<=2"), ("4+", ">=4"), (">= 1.4, < 2", ">=1.4,<2"),
        ("==1.26.4", "1.26.4"), ("^18", "^18"), ("~4.2", "~4.2"), ("16 branch", "16"),
    ],
)  # fmt: skip
def test_versions_and_ranges(words: str, asked: str) -> None:
    assert wanted(mend(normalise(words))) == asked


@pytest.mark.parametrize("words", ["numpy", "some", "the", "version", "soon", "", "1 2 3 of", "a.b"])
def test_what_is_no_version(words: str) -> None:
    assert wanted(mend(normalise(words))) is None


@pytest.mark.parametrize(
    ("words", "name", "exact"),
    [
        ("numpy", "numpy", ""), ("NumPy", "NumPy", ""), ("numpy==1.26.4", "numpy", "1.26.4"), ("react@18", "react", "18"), ("react@^18.2", "react", "@^18.2"),
        ("numpy<2", "numpy", "<2"), ("numpy>=1.26,<2", "numpy", ">=1.26,<2"), ("uvicorn[standard]>=0.30", "uvicorn[standard]", ">=0.30"),
        ("@types/node@20.1", "@types/node", "20.1"), ("node@lts", "node", "lts"), ("postgres:16", "postgres", "16"), ("python3.11", "python", "3.11"),
        ("Python3.11", "Python", "3.11"), ("the requests library", "requests", ""), ("a redis server", "redis", ""), ("pie arrow", "pyarrow", ""),
        ("type dash fest", "type-fest", ""), ("num pie", "numpy", ""), ("post gres", "postgres", ""), ("`left-pad`", "left-pad", ""),
        ("My_Weird.Pkg", "My_Weird.Pkg", ""),
    ],
)  # fmt: skip
def test_things_and_the_version_written_onto_them(words: str, name: str, exact: str) -> None:
    assert thing(mend(normalise(words))) == (name, exact)


@pytest.mark.parametrize(
    ("name", "exact", "whole"),
    [
        ("a", "", "a"),
        ("a", "1.2", "a@1.2"),
        ("a", "<2", "a<2"),
        ("a", "@^1", "a@^1"),
        ("a", "latest", "a@latest"),
        ("a", "~=1.4", "a~=1.4"),
    ],
)
def test_a_thing_with_its_version(name: str, exact: str, whole: str) -> None:
    assert joined(name, exact) == whole


def test_only_runtimes_and_services_have_a_usual_name() -> None:
    assert canonical("runtime", "golang") == "go" and canonical("service", "PostgreSQL") == "postgres"
    assert canonical("package", "postgresql") == "postgresql" and canonical("service", "my-own") == "my-own"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("3", 3), ("three", 3), ("twenty", 20), ("the last 50", 50), ("last fifty", 50), ("1,000", 1000), ("2k", 2000), ("x4", 4), ("4x", 4),
        ("one hundred and fifty", 150), ("a couple of", 2), ("a dozen", 12), ("half a dozen", 6), ("drei", 3), ("zwanzig", 20), ("fünfzig", 50),
        ("trois", 3), ("cinquante", 50), ("cinco", 5), ("veinte", 20), ("duas", 2), ("vinte", 20), ("cem", 100),
    ],
)  # fmt: skip
def test_counts_in_five_languages(words: str, count: int) -> None:
    assert of("count", words) == count


@pytest.mark.parametrize(
    ("words", "port"),
    [
        ("8080", 8080),
        ("port 8080", 8080),
        ("eighty eighty", 8080),
        ("fifty four thirty two", 5432),
        ("three thousand", 3000),
        (":3000", 3000),
        ("port number 22", 22),
    ],
)
def test_ports(words: str, port: int) -> None:
    assert of("port", words) == port


@pytest.mark.parametrize("words", ["65536", "99999", "http", "-1", "8080 and", ""])
def test_what_is_no_port(words: str) -> None:
    assert of("port", words) is None


@pytest.mark.parametrize(
    ("words", "host"),
    [
        ("docker:web", "docker:web"), ("me@box", "me@box"), ("Deploy@Box:2222", "Deploy@Box:2222"), ("vm:lab", "vm:lab"), ("the docker container web", "docker:web"),
        ("the container called Web-2", "docker:Web-2"), ("my web container", "docker:web"), ("the vm lab", "vm:lab"), ("the lab virtual machine", "vm:lab"),
        ("the build server", "build"), ("the host gpu7", "gpu7"), ("lab", "lab"),
    ],
)  # fmt: skip
def test_hosts(words: str, host: str) -> None:
    assert of("host", words) == host


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("./src", "./src"), ("the src folder", "src"), ("my Backend directory", "Backend"), ("this directory", "."), ("here", "."), ("the current folder", "."),
        ("the repo root", "."), ("'my files'", "my files"), ("~/Code/App", "~/Code/App"), ("dot slash apps", "./apps"), ("apps slash web", "apps/web"),
    ],
)  # fmt: skip
def test_paths(words: str, path: str) -> None:
    assert of("path", words) == path and of("source", words) == path


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("yesterday", "yesterday"), ("two hours", "two hours ago"), ("10 minutes", "10 minutes ago"), ("5 min", "5 min ago"), ("an hour ago", "an hour ago"),
        ("to green", "green"), ("the snapshot called Green", "Green"), ("the green snapshot", "green"), ("snapshot a1b2c3", "a1b2c3"),
        ("as it was on monday", "monday"), ("before the Upgrade", "before the Upgrade"), ("production", "prod"), ("'release candidate'", "release candidate"),
        ("yestarday evening", "yesterday evening"), ("golden dash base", "golden-base"),
    ],
)  # fmt: skip
def test_moments(words: str, moment: str) -> None:
    assert of("moment", words) == moment


@pytest.mark.parametrize(
    ("words", "hours"),
    [
        ("2 hours", 2.0), ("for 3h", 3.0), ("half an hour", 0.5), ("90 minutes", 1.5), ("a day", 24.0), ("a couple of days", 48.0), ("a week", 168.0),
        ("overnight", 12.0), ("the afternoon", 4.0), ("two more hours", 2.0), ("drei Stunden", 3.0), ("deux heures", 2.0), ("tres horas", 3.0), ("duas horas", 2.0),
        ("zwei Tage", 48.0), ("trois jours", 72.0), ("1.5 hours", 1.5),
    ],
)  # fmt: skip
def test_hours_in_five_languages(words: str, hours: float) -> None:
    assert of("hours", words) == hours


@pytest.mark.parametrize("words", ["forever", "hours of fun", "1.2.3 hours", ""])
def test_what_is_no_length_of_time(words: str) -> None:
    assert of("hours", words) is None


@pytest.mark.parametrize(
    ("slot", "words", "found"),
    [
        ("context", "production", "prod"), ("context", "the staging environment", "staging"), ("context", "Produktion", "prod"), ("context", "blue-7", "blue-7"),
        ("name", "the api service", "api"), ("name", "my Worker deployment", "Worker"), ("name", "api", "api"), ("name", "the sandbox called Lab-3", "Lab-3"),
        ("image", "ubuntu 22.04", "ubuntu:22.04"), ("image", "bookworm", "debian:12"), ("image", "alpine", "alpine"), ("image", "ghcr.io/X/y:1", "ghcr.io/X/y:1"),
        ("label", "pre dash merge", "pre-merge"), ("label", '"Before The Merge"', "Before The Merge"), ("label", "Green", "Green"),
        ("command", "pie test -q", "pytest -q"), ("command", "`Make  All`", "Make  All"), ("command", "npm test dash dash watch", "npm test --watch"),
        ("fact", "My DB listens on 5433.", "My DB listens on 5433"), ("query", "the Redis upgrade?", "the Redis upgrade"), ("file", "package.json", "package.json"),
    ],
)  # fmt: skip
def test_contexts_names_images_labels_commands_and_free_text(slot: str, words: str, found: str) -> None:
    assert of(slot, words) == found


_TYPED = st.from_regex(r"[A-Za-z][A-Za-z0-9_+]{0,12}([.-][A-Za-z0-9_]{1,8}){0,3}[A-Za-z0-9]", fullmatch=True)


@given(_TYPED)
@settings(max_examples=200, deadline=None)
def test_a_name_without_spaces_comes_out_as_it_was_typed(name: str) -> None:
    """An argument that was changed on the way names another thing. What is a known word of the tables may get its usual name."""
    text = normalise(name)
    for slot in ("label", "file", "command", "source", "template", "fact", "query"):
        if slot == "source" and value(slot, text) == ".":
            continue  # "repo", "root", …: this directory
        assert value(slot, text) == name
    for slot in ("name", "host"):
        assert value(slot, text) == name


@given(st.sampled_from(SLOTS), st.text(alphabet=st.characters(codec=None), max_size=60))
@settings(max_examples=300, deadline=None)
def test_hostile_61_any_words_in_any_slot_give_a_value_or_none(slot: str, words: str) -> None:
    found = of(slot, words)
    assert found is None or (found != "" and isinstance(found, str | int | float))


@pytest.mark.parametrize(
    "unit",
    [
        "the ",
        "a ",
        "1 ",
        "a b ",
        "a",
        "1",
        "dash ",
        "dot ",
        "before ",
        "last ",
        "one ",
        "@",
        "[a,",
        "<2,",
        "x ",
        "hours ",
    ],
)
def test_hostile_61_no_slot_backtracks_without_end(unit: str) -> None:
    text = normalise((unit * 8_000)[:8_000])
    start = time.process_time()
    for slot in SLOTS:
        value(slot, text)
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("cp a b", "cp a b"), ("touch A B C", "touch A B C"), ("n p m run build", "npm run build"), ("git commit -m 'fix the Dot bug'", "git commit -m 'fix the Dot bug'"),
        ("pie test -k Foo", "pytest -k Foo"), ("grep  -R  'X'", "grep  -R  'X'"), ("python manage dot py migrate", "python manage.py migrate"),
        ("ls\u200b -la", "ls\u200b -la"),
    ],
)  # fmt: skip
def test_a_command_is_as_typed_but_for_what_speech_wrote_apart(typed: str, command: str) -> None:
    assert of("command", typed) == command
