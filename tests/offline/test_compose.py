"""Labelled words into calls: a table for each tool. What is written [slot words] is a span; flags follow after the tool."""

from __future__ import annotations

import re

import pytest

from envsync.agent.models.offline.compose import NEEDED, Act, Span, compose, missing
from envsync.agent.models.offline.labels import ACTS, ALLOWED, FLAGGED, FLAGS, NONE, SLOTS, VAGUE
from envsync.agent.models.offline.mend import mend
from envsync.agent.models.offline.normalise import normalise
from envsync.agent.models.offline.tables import RISKS

_SPAN = re.compile(r"\[(?P<slot>[a-z]+) (?P<words>[^]]*)\]")


def act(tool: str, marked: str) -> Act:
    """`tool flag flag` and a text with its spans marked."""
    tool, *flags = tool.split()
    typed, spans = "", list[tuple[str, int, int]]()
    at = 0
    for match in _SPAN.finditer(marked):
        typed += marked[at : match.start()]
        spans.append((match["slot"], len(typed), len(typed) + len(match["words"])))
        typed += match["words"]
        at = match.end()
    text = normalise(typed + marked[at:])
    place = {at: n for n, at in enumerate(text.starts)}
    cut = [(slot, text.cut(place[a], place[b - 1] + 1)) for slot, a, b in spans]
    return Act(tool, tuple(Span(slot, mend(words)) for slot, words in cut), frozenset(flags), text)


def args(tool: str, marked: str) -> dict[str, object]:
    made = compose(act(tool, marked))
    assert made.tool == tool.split()[0]
    return dict(made.args)


@pytest.mark.parametrize(
    ("tool", "marked", "expected"),
    [
        ("scan", "what does this need", {}),
        ("scan machine", "which tools has [host docker:web]", {"on": "docker:web", "scope": "machine"}),
        ("scan project", "look at [path ./api]", {"path": "./api", "scope": "project"}),
        ("scan", "scan [path this directory] on [host localhost]", {}),
        ("provision", "set this up", {}),
        ("provision", "install [package numpy] and [package pandas]", {"packages": ["numpy", "pandas"]}),
        ("provision", "[runtime golang] [version 1.22] with [service postgresql]", {"runtimes": ["go@1.22"], "services": ["postgres"]}),
        ("provision", "install [package numpy==1.26.4] on [host me@box]", {"packages": ["numpy@1.26.4"], "on": "me@box"}),
        ("provision", "install [package numpy] [version below 2]", {"packages": ["numpy<2"]}),
        ("provision gpu", "[package torch] with gpu support", {"packages": ["torch"], "gpu": True}),
        ("provision latest", "upgrade [package django]", {"packages": ["django@latest"]}),
        ("provision", "a [template fastapi] project in [path ./new]", {"template": "fastapi", "path": "./new"}),
        ("provision", "[service my-own-db]", {"packages": ["my-own-db"]}),
        ("provision", "version [version 16] of [service postgres]", {"services": ["postgres@16"]}),
        ("snapshot", "snapshot", {}),
        ("snapshot", 'call it [label Before The Merge] on [host vm:lab]', {"label": "Before The Merge", "on": "vm:lab"}),
        ("rewind", "back to [moment green]", {"to": "green"}),
        ("rewind last", "undo that", {"to": "last"}),
        ("rewind before", "undo the [moment Upgrade]", {"to": "before Upgrade"}),
        ("rewind before", "back to [moment before lunch]", {"to": "before lunch"}),
        ("rewind", "put [file package.json] and [file src/a.py] back to [moment yesterday]", {"to": "yesterday", "paths": ["package.json", "src/a.py"]}),
        ("drift", "what changed", {}),
        ("drift", "since [moment last]", {}),
        ("drift", "since [moment two hours]", {"against": "two hours ago"}),
        ("drift spec", "is it what we declared", {"against": "spec"}),
        ("drift team", "am I in step with the others", {"against": "team"}),
        ("history", "history", {}),
        ("history snapshots", "the last [count five] snapshots", {"limit": 5, "kind": "snapshots"}),
        ("history one actions", "the last thing you did", {"limit": 1, "kind": "actions"}),
        ("history", "when did we touch [query the Redis config?]", {"query": "the Redis config"}),
        ("status", "status of [host docker:web]", {"on": "docker:web"}),
        ("logs", "[count 50] lines of [name the Worker service]", {"service": "Worker", "tail": 50}),
        ("deploy", "deploy", {}),
        ("deploy", "ship [name api] to [context production] with [count three] replicas on port [port eighty eighty]",
         {"name": "api", "context": "prod", "replicas": 3, "port": 8080}),
        ("deploy", "deploy [path ./web] to [host swarm]", {"path": "./web", "to": "swarm"}),
        ("deploy", "deploy [name api] to [host docker] with [count one] replica", {"name": "api"}),
        ("rollback", "roll [name api] back", {"name": "api"}),
        ("switch", "switch to [context stage]", {"context": "staging"}),
        ("destroy", "destroy [name the lab-3 sandbox]", {"name": "lab-3"}),
        ("run", "run [command pytest -q  -k Foo] in [path ./api] on [host docker:web]", {"command": "pytest -q  -k Foo", "path": "./api", "on": "docker:web"}),
        ("remember", "remember that [fact my DB listens on 5433.]", {"fact": "my DB listens on 5433"}),
        ("sandbox", "a sandbox", {}),
        ("sandbox vm", "[image ubuntu 24.04] vm with [runtime python] [version 3.12] for [hours 2 hours] called [name Lab]",
         {"image": "ubuntu:24.04", "runtimes": ["python@3.12"], "hours": 2.0, "name": "Lab", "kind": "vm"}),
        ("sandbox docker", "a [image debian] container", {}),
        ("syncs", "which syncs are there", {}),
        ("syncs pause", "pause [name site]", {"action": "pause", "name": "site"}),
        ("syncs end all", "stop all syncing", {"action": "end", "name": "all"}),
        ("syncs mine", "keep mine under [file src/]", {"action": "resolve", "take": "mine", "under": ["src/"]}),
    ],
)  # fmt: skip
def test_each_tool(tool: str, marked: str, expected: dict[str, object]) -> None:
    assert args(tool, marked) == expected


@pytest.mark.parametrize(
    ("tool", "marked", "expected"),
    [
        ("sync", "[source ./src] with [destination me@box:/src]", {"source": "./src", "destination": "me@box:/src"}),
        ("sync push", "push [source ./src] to [destination me@box:/src]", {"source": "./src", "destination": "me@box:/src", "mode": "push"}),
        # One way is push from here and pull from elsewhere, whatever verb was said.
        ("sync push", "copy [source me@box:/src] to [destination ./src]", {"source": "me@box:/src", "destination": "./src", "mode": "pull"}),
        ("sync pull", "get [source docker:web:/app] into [destination .]", {"source": "docker:web:/app", "destination": ".", "mode": "pull"}),
        ("sync pull", "pull [source ./a] into [destination ./b]", {"source": "./a", "destination": "./b", "mode": "push"}),
        ("sync pull", "pull [source box:~/a] into [destination ./b]", {"source": "box:~/a", "destination": "./b", "mode": "pull"}),
        # The side that is elsewhere said in two pieces.
        ("sync pull", "pull [source /data] from [host me@box] to [destination ./d]", {"source": "me@box:/data", "destination": "./d", "mode": "pull"}),
        ("sync push", "push [source ./d] to [destination /data] on [host me@box]", {"source": "./d", "destination": "me@box:/data", "mode": "push"}),
        ("sync", "[source .] with [destination /data] on [host me@box]", {"source": ".", "destination": "me@box:/data"}),
        ("sync push once", "copy [source ./d] once to [destination vm:x:/d]", {"source": "./d", "destination": "vm:x:/d", "mode": "push", "watch": False}),
        ("sync push mirror", "mirror [source ./d] to [destination vm:x:/d] but not [file node_modules]",
         {"source": "./d", "destination": "vm:x:/d", "mode": "push", "mirror": True, "ignore": ["node_modules"]}),
    ],
)  # fmt: skip
def test_the_mode_of_a_sync_goes_by_its_sides(tool: str, marked: str, expected: dict[str, object]) -> None:
    assert args(tool, marked) == expected


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("[package react] and [package react-dom] to [version 19]", ["react@19", "react-dom@19"]),
        ("[package react] and [package react-dom] both at [version 19]", ["react@19", "react-dom@19"]),
        ("[package react], [package vue] [version 3]", ["react", "vue@3"]),
        ("[package react@18] and [package react-dom] to [version 19]", ["react@18", "react-dom@19"]),
        ("[package flask] and [version the latest] [package numpy]", ["flask", "numpy@latest"]),
        ("[package flask] [version 3] and [package numpy] [version 2.1]", ["flask@3", "numpy@2.1"]),
        ("[version 3] of [package flask]", ["flask@3"]),
        ("[version 3] of [package flask] and [package numpy]", ["flask@3", "numpy"]),
    ],
)
def test_a_version_goes_to_what_it_was_said_of(marked: str, expected: list[str]) -> None:
    assert args("provision", marked) == {"packages": expected}


def test_a_runtime_in_two_versions_is_there_twice() -> None:
    assert args("provision", "[runtime python] [version 3.11] and [version 3.12]") == {
        "runtimes": ["python@3.11", "python@3.12"]
    }


@pytest.mark.parametrize("tool", sorted(NEEDED))
def test_what_a_call_needs_is_missed(tool: str) -> None:
    assert missing(compose(act(tool, "please"))) == NEEDED[tool]


def test_every_act_has_its_slots_and_flags_and_every_tool_is_an_act() -> None:
    """A slot that no act has would be trained and never heard; a tool without an act could never be called."""
    assert set(ACTS) == {*RISKS, NONE, VAGUE} == set(ALLOWED)
    assert {slot for slots in ALLOWED.values() for slot in slots} == set(SLOTS)
    assert {"ask", "first", "more", *(flag for flags in FLAGGED.values() for flag in flags)} == set(FLAGS)
    for tool in RISKS:
        assert compose(Act(tool)).tool == tool


@pytest.mark.parametrize(
    ("tool", "marked", "expected"),
    [
        ("deploy", "deploy [name api], no, [name worker]", {"name": "worker"}),
        ("logs", "logs of [name api], I mean [name Web]", {"service": "Web"}),
        ("history", "the last [count 10] actions, make it [count 25]", {"limit": 25}),
        ("provision", "install [package flask], no, [package django]", {"packages": ["django"]}),
        (
            "provision",
            "[package numpy] and [package flask], sorry, [package django]",
            {"packages": ["numpy", "django"]},
        ),
        ("provision", "[runtime python] [version 3.11], no wait, [version 3.12]", {"runtimes": ["python@3.12"]}),
        ("deploy", "deploy [name api] not [name nowait]", {"name": "api"}),
    ],
)
def test_what_is_corrected_is_not_meant(tool: str, marked: str, expected: dict[str, object]) -> None:
    assert args(tool, marked) == expected


@pytest.mark.parametrize(
    ("marked", "command"),
    [
        ("run [command grep -R 'A] B' .", "grep -R 'A B' ."),
        ('run [command git commit -m "a] and b" on [host me@box]', 'git commit -m "a and b"'),
        ("run `[command make] build && x` please", "make build && x"),
        ("run [command cat x] | grep y", "cat x | grep y"),
        ("run [command make all] > out.txt", "make all > out.txt"),
        ("run [command echo don't] please", "echo don't"),
        ("it is called [command nox], so run `[command nox -s Lint]`", "nox -s Lint"),
        ("run [command npm test], I mean [command pnpm test]", "pnpm test"),
        ("run [command pytest -q] please", "pytest -q"),
    ],
)
def test_a_command_is_never_half_of_one(marked: str, command: str) -> None:
    assert args("run", marked)["command"] == command
