"""Drift of what a machine is equipped with, and against an exported file."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from envsync.tools.drift import exported, words
from envsync.tools.drift.compare import compare
from envsync.tools.equipment import Definition, Editor, Equipment, Graphics, Kept, Listener, Unfinished
from envsync.tools.fingerprint import Fingerprint, HostFacts, Installed
from envsync.tools.portable.model import Alias, Portable
from envsync.tools.team.members import portable as shared


def machine(**changes: object) -> Fingerprint:
    return Fingerprint(at=datetime.now(UTC), equipment=Equipment.model_validate(changes))


def kept(manager: str, where: str = "user", **packages: str) -> Kept:
    return Kept(manager=manager, where=where, packages=packages)


def told(old: Fingerprint, new: Fingerprint) -> list[tuple[str, str, str, str]]:
    return [(d.kind, d.what, d.change, d.severity) for d in compare(old, new)[0]]


def test_tools_extensions_and_aliases_that_came_or_went() -> None:
    alias = Definition(shell="bash", kind="alias", name="ll", digest="1")
    old = machine(packages=[kept("npm", typescript="5.4.0", gone="1.0"), kept("apt", "system", jq="1.6")],
                  editors=[Editor(name="vscode", extensions={"a.b": "1.0.0"})], definitions=[alias])  # fmt: skip
    new = machine(packages=[kept("npm", typescript="5.5.0"), kept("uv", ruff="0.5.0")], editors=[Editor(name="vscode", extensions={"c.d": "1.0.0"})],
                  definitions=[alias.model_copy(update={"digest": "2"}), Definition(shell="bash", kind="function", name="mk", digest="3")])  # fmt: skip
    assert told(old, new) == [
        ("tool", "gone", "removed", "minor"), ("tool", "typescript", "version", "info"), ("tool", "ruff", "added", "info"),
        ("extension", "a.b", "removed", "minor"), ("extension", "c.d", "added", "info"), ("alias", "ll", "edited", "info"), ("alias", "mk", "added", "info"),
    ]  # fmt: skip
    said = words.sentence(compare(old, new)[0])
    assert "gone 1.0 removed" in said and "ll edited" in said and "c.d 1.0.0 added" in said


def test_what_runs_and_listens_is_no_drift_and_an_older_record_says_nothing() -> None:
    assert told(machine(services=["a"], listening=[Listener(port=80)]), machine(services=["b"])) == []
    assert told(Fingerprint(at=datetime.now(UTC)), machine(packages=[kept("npm", a="1")])) == []


@pytest.mark.parametrize("probe", ["packages", "editors", "shells", "graphics"])
def test_a_probe_that_ran_out_of_time_says_nothing_about_drift(probe: str) -> None:
    full = machine(
        packages=[kept("npm", a="1")], editors=[Editor(name="vim", extensions={"x": ""})], graphics=[Graphics(name="G", platform="CUDA")],
        definitions=[Definition(shell="bash", kind="alias", name="ll", digest="1")],
    )  # fmt: skip
    kinds = {"packages": "tool", "editors": "extension", "shells": "alias", "graphics": "host"}
    late = Fingerprint(
        at=full.at,
        equipment=Equipment(graphics=(Graphics(name="G"),), unfinished=(Unfinished(probe=probe, why="late"),)),
    )
    assert kinds[probe] not in {kind for kind, *_ in told(full, late)} and len(told(full, late)) == 3


def test_a_gpu_that_can_no_longer_be_used_is_bad_news() -> None:
    old = machine(graphics=[Graphics(name="H200", platform="CUDA", version="12.8", driver="570")])
    new = machine(graphics=[Graphics(name="H200", driver="570", why="x")])
    assert told(old, new) == [("host", "H200", "version", "major")]
    assert [(d.was, d.now) for d in compare(old, new)[0]] == [("CUDA 12.8, driver 570", "not usable, driver 570")]


def test_two_exports() -> None:
    facts = HostFacts(os="debian 12", kernel="6", arch="x86_64")

    def export(os: str, tools: dict[str, str], *aliases: Alias, **equipment: object) -> Portable:
        print_ = machine(**equipment).model_copy(
            update={
                "facts": facts.model_copy(update={"os": os}),
                "tools": tuple(Installed(name=n, version=v, path="/x") for n, v in tools.items()),
            }
        )
        return Portable(made_by="1", fingerprint=print_, aliases=aliases)

    ll = Alias(shell="bash", name="ll", text="ls -l")
    one = export(
        "debian 12",
        {"git": "2.39", "jq": "1.6", "mute": ""},
        ll,
        definitions=[Definition(shell="bash", kind="alias", name="ll", digest="1")],
    )
    other = export("fedora 41", {"git": "2.45", "mute": "1"}, ll.model_copy(update={"text": "ls -la"}),
                   definitions=[Definition(shell="bash", kind="alias", name="ll", digest="2")])  # fmt: skip
    found = [(d.kind, d.what, d.change) for d in exported.differences(one, other)]
    assert found == [
        ("tool", "git", "version"),
        ("tool", "jq", "removed"),
        ("alias", "ll", "edited"),
        ("host", "operating system", "version"),
    ]
    assert exported.differences(one, one) == []


def test_nothing_of_it_is_shared_with_a_team() -> None:
    whole = machine(ssh_hosts=["secret-box"], services=["x"], packages=[kept("npm", private="1")])
    assert "secret-box" not in shared(whole).model_dump_json() and shared(whole).equipment is None
