"""When values are the same, and above all when they are not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.evals import compare
from envsync.evals.contract import NEEDED, TOOLS, faults
from envsync.tools import registry

ALIKE = {
    "path": [("./a", "a/"), ("a", "./a/"), ("a//b", "a/./b"), (".", "./"), ("/srv/", "/srv"), ("~/x/", "~/x")],
    "host": [("ssh:tim@box", "tim@box"), ("tim@box:22", "ssh:tim@box"), ("docker:web", "docker:web")],
    "place": [
        ("ssh:a@b:/srv/", "a@b:/srv"),
        ("docker:web:/app/", "docker:web:/app"),
        ("./src/", "src"),
        ("box:/x", "box:/x/"),
    ],
    "packages": [
        (["Flask", "scikit_learn@1.5"], ["scikit-learn@v1.5", "flask"]),
        (["zope.interface"], ["zope-interface"]),
        (["numpy<2"], ["numpy < 2"]),
        (["@TanStack/react-query@5"], ["@tanstack/react-query@v5"]),
        (["vite@Latest"], ["vite@latest"]),
    ],
    "things": [(["Postgres@16", "redis"], ["redis", "postgres@v16"]), (["Python@3.11"], ["python@3.11"])],
    "name": [("Postgres", "postgres"), ("api", "api")],
    "moment": [
        ("an hour ago", "1 hour ago"),
        ("one hour ago", "an hour ago"),
        ("yesterday noon", "yesterday at noon"),
        ("at 10am", "10 am"),
        ("since Monday", "monday"),
        ("from the 4th of November", "4th of november"),
        ("forty-two minutes ago", "42 minutes ago"),
        ("yesterday at five", "yesterday 5"),
        ("on tuesday morning", "tuesday morning"),
        ("ssh:tim@box", "tim@box"),
        ("pre-otel", "pre-otel"),
    ],
    "query": [("install redis", "redis install"), ("when did we install Redis?", "install redis")],
    "fact": [
        ("the vpn must be up before pulling images", "vpn must be up before pulling images"),
        ("Tests need TZ=UTC.", "tests need TZ=UTC"),
    ],
    "command": [("go  test ./...", "go test ./..."), (" ls -l ", "ls -l")],
    "number": [(1, 1.0)],
}
APART = {
    "path": [("a", "b"), ("a", "/a"), ("~/a", "a"), ("../a", "a"), ("A", "a"), ("a b", "ab")],
    "host": [
        ("tim@box", "tom@box"),
        ("tim@box:2222", "tim@box"),
        ("docker:web", "vm:web"),
        ("docker:Web", "docker:web"),
    ],
    "place": [("a@b:/x", "a@c:/x"), ("docker:w:/x", "/x"), ("a@b:/x", "a@b:x")],
    "packages": [
        (["numpy@3.11"], ["numpy@3.1.1"]),
        (["numpy@5"], ["numpy@5.0"]),
        (["numpy@1.26.4"], ["numpy==1.26.4"]),
        (["numpy<2"], ["numpy<=2"]),
        (["numpy"], ["numpy", "numpy"]),
        (["numpy"], ["numpy@latest"]),
        (["numpy"], "numpy"),
        (["@a/b"], ["a/b"]),
    ],
    "things": [(["python@3.11"], ["python@3.1.1"]), (["python@3.1"], ["python@3.10"]), (["Otter"], ["otter"])],
    "name": [("Api", "api"), ("a-b", "a_b"), ("postgres", "postgresql")],
    "moment": [
        ("before the upgrade", "after the upgrade"),
        ("two hours ago", "two days ago"),
        ("an hour ago", "11 hours ago"),
        ("yesterday", "the day before yesterday"),
        ("Green", "green"),
        ("phase one", "phase 1"),
        ("monday", "monday noon"),
        ("5 am", "5 pm"),
    ],
    "query": [("install redis", "install"), ("proxy", "no proxy")],
    "fact": [
        ("never deploy on friday", "deploy on friday"),
        ("TZ=UTC", "tz=utc"),
        ("3.8 loses offsets", "38 loses offsets"),
        ("restart after the seed", "restart before the seed"),
        ("postgres is on 5433", "postgres is on 5433 and 5434"),
    ],
    "command": [("echo 'a  b'", "echo 'a b'"), ("ls -l", "ls -L"), ('echo "a"', "echo 'a'"), ("a b", "ab")],
    "flag": [(True, 1), (False, 0)],
    "count": [(3, 3.0), (1, True), (3, "3")],
}


def key(kind: Any, value: Any) -> Any:
    return compare.key_for(compare.Argument(kind), value)


@pytest.mark.parametrize(("kind", "one", "other"), [(kind, *pair) for kind, pairs in ALIKE.items() for pair in pairs])
def test_what_means_the_same_is_the_same(kind: str, one: Any, other: Any) -> None:
    assert key(kind, one) == key(kind, other)


@pytest.mark.parametrize(("kind", "one", "other"), [(kind, *pair) for kind, pairs in APART.items() for pair in pairs])
def test_what_does_not_mean_the_same_never_is(kind: str, one: Any, other: Any) -> None:
    assert key(kind, one) != key(kind, other)


def call(tool: str, **args: Any) -> dict[str, Any]:
    return {"tool": tool, "args": args}


def test_a_default_is_as_good_as_left_out_and_nothing_else_is() -> None:
    assert compare.same([call("scan")], [call("scan", path="./", on="local", scope="all")])
    assert compare.same(
        [call("provision", packages=["jq"])], [call("provision", packages=["jq"], services=[], gpu=False)]
    )
    assert compare.same([call("snapshot")], [call("snapshot", label=None)])
    assert not compare.same([call("scan")], [call("scan", scope="machine")])
    assert not compare.same([call("scan")], [call("scan", deep=False)])
    # What a tool needs has no default, even if another tool's argument of that name has one.
    assert not compare.same([call("rewind", to="last")], [call("rewind")])


def test_order_and_number_of_calls_count() -> None:
    one, two = call("snapshot"), call("deploy", name="web")
    assert compare.same([one, two], [one, two])
    assert not compare.same([one, two], [two, one])
    assert not compare.same([one], [one, one])


numbers = st.integers(1, 99)
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
LOW = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
LOW += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]


def spelt(number: int) -> str:
    if number < 20:
        return LOW[number]
    return TENS[number // 10] + (f" {LOW[number % 10]}" if number % 10 else "")


@given(numbers, numbers, st.sampled_from(["minutes", "hours", "days", "weeks"]))
def test_a_spelt_number_is_its_digits_and_no_other(number: int, other: int, unit: str) -> None:
    assert compare.moment(f"{spelt(number)} {unit} ago") == compare.moment(f"{number} {unit} ago")
    assert (compare.moment(f"{spelt(number)} {unit} ago") == compare.moment(f"{other} {unit} ago")) == (number == other)


versions = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(versions, versions)
def test_versions_are_the_same_only_when_they_are_written_alike(one: str, other: str) -> None:
    alike = key("packages", [f"a@{one}"]) == key("packages", [f"a@v{other}"])
    assert alike == (one == other)


segments = st.text("ab._-~ é", min_size=1, max_size=4).filter(lambda text: text.strip() == text and text not in (".",))


@given(st.lists(segments, min_size=1, max_size=4))
def test_a_path_is_itself_however_it_is_dressed(parts: list[str]) -> None:
    path = "/".join(parts)
    assert compare.path(f"./{path}/") == compare.path(path) == compare.path(compare.path(path)) == path
    assert compare.path(f"/{path}") != compare.path(path)


words = st.text("ab 1.@<=/-~:'\"é", max_size=8)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(TOOLS)), st.data())
def test_whatever_a_model_sends_is_compared_and_is_itself(tool: str, data: st.DataObject) -> None:
    names = st.sampled_from([*TOOLS[tool], "invented"])
    one = {"tool": tool, "args": data.draw(st.dictionaries(names, json, max_size=4))}
    assert compare.same([one], [one])
    assert isinstance(faults(one), list)


def test_the_contract_is_that_of_the_tools_there_are() -> None:
    for name in registry.names():
        fields = registry.find(name).args.model_fields
        assert set(fields) == set(TOOLS[name]), name
        for argument, field in fields.items():
            default = NEEDED if field.is_required() else field.get_default(call_default_factory=True)
            if isinstance(default, tuple):
                default = list(default)
            assert TOOLS[name][argument].default == default, f"{name}.{argument}"


@pytest.mark.parametrize(
    "call",
    [
        {"tool": "format", "args": {}},
        {"tool": "scan", "args": {"deep": True}},
        {"tool": "scan", "args": {"scope": "everything"}},
        {"tool": "scan", "args": {"path": ""}},
        {"tool": "rewind", "args": {}},
        {"tool": "logs", "args": {"service": "web", "tail": "20"}},
        {"tool": "logs", "args": {"service": "web", "tail": True}},
        {"tool": "logs", "args": {"service": None}},
        {"tool": "provision", "args": {"packages": "numpy"}},
        {"tool": "provision", "args": {"packages": [" "]}},
        {"tool": "sync", "args": {"source": "a"}},
        {"tool": "sync", "args": {"source": "a", "destination": "b", "watch": 1}},
        {"tool": ["scan"], "args": {}},
        {"args": {}},
        "scan",
    ],
)
def test_a_call_that_the_contract_does_not_allow_is_said(call: Any) -> None:
    assert faults(call)


def test_calls_of_the_contract_have_no_faults() -> None:
    assert not faults({"tool": "sandbox", "args": {"hours": 3, "kind": "vm", "packages": ["jq"]}})
    assert not faults({"tool": "snapshot", "args": {"label": None}})
    assert not faults({"tool": "drift", "args": {"against": "monday"}})
