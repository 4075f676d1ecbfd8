"""What facts say in slots."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.memory.facts import Slot, parse, slots


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("my database always listens on 5433", [("database", "port", 5433)]),
        ("the DB is on port 5433", [("database", "port", 5433)]),
        ("my db's port is 5433", [("database", "port", 5433)]),
        ("port 8080 is for the web server", [("web server", "port", 8080)]),
        ("frontend runs on :3000", [("frontend", "port", 3000)]),
        ("Postgres runs on port 5433 on db.local", [("postgresql", "port", 5433), ("postgresql", "host", "db.local")]),
        (
            "the API server listens at 127.0.0.1:8000",
            [("api server", "host", "127.0.0.1"), ("api server", "port", 8000)],
        ),
        ("always use python 3.11", [("python", "version", "3.11")]),
        ("we use Node 20 and pnpm", [("node", "version", "20")]),
        ("use pnpm, not npm", [("package manager", "manager", "pnpm")]),
        ("the staging server is deploy@10.0.0.5", [("staging server", "host", "deploy@10.0.0.5")]),
        ("prod is on ssh:ops@web1.example.com:2222", [("prod", "host", "ssh:ops@web1.example.com:2222")]),
        ("our backend lives in ./services/api", [("backend", "path", "./services/api")]),
        ("the database used to listen on 5432, but it now listens on 5433", [("database", "port", 5433)]),
        (
            "my web server runs on 8080. It lives in ./web",
            [("web server", "port", 8080), ("web server", "path", "./web")],
        ),
    ],
)
def test_a_plain_fact_fills_its_slots(fact: str, said: list[tuple[str, str, str | int]]):
    assert parse(fact) == [Slot(*one) for one in said]


@pytest.mark.parametrize(
    "fact",
    [
        "never use port 80",
        "the database does not listen on 5432",
        "does the database listen on 5433?",
        "the year is 2024",
        "the tests take 5000 seconds",
        "my name is Bob",
        "my postgres database listens on port 99999",
        "the database was on 5432",
    ],
)
def test_what_is_negated_asked_or_no_such_thing_fills_nothing(fact: str):
    assert parse(fact) == []


def test_the_first_of_two_facts_that_contradict_each_other_counts():
    told = slots(["my database listens on 5433", "the db is on port 5432", "the database is on host db.local"])
    assert told == {"database": {"port": 5433, "host": "db.local"}}


@given(st.text(max_size=400))
def test_any_text_is_read_without_an_error_and_ports_are_ports(text: str):
    for slot in parse(text) + parse(f"my database listens on {text}"):
        assert slot.attribute != "port" or (isinstance(slot.value, int) and 0 < slot.value < 65536)


@pytest.mark.parametrize("part", ["is ", "a b c d ", "on ", "x", "my database ", "1", "a.b-", "use ", "port 1 "])
def test_long_text_is_fast(part: str):
    start = time.process_time()
    parse(part * (1_000_000 // len(part)))
    assert time.process_time() - start < 1
