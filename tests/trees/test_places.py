"""Trees in real containers: a layered file system, with a Python and with BusyBox alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envsync.tests.lab.containers import Container
from envsync.tests.trees.test_side import git, put
from envsync.tools.hosts.base import Host
from envsync.tools.hosts.local import LocalHost
from envsync.tools.hosts.registry import Hosts
from envsync.tools.trees.between import perform
from envsync.tools.trees.model import Change, Options, same
from envsync.tools.trees.near import NearReplica
from envsync.tools.trees.open import algorithm_for, open_replica
from envsync.tools.trees.shell import ShellReplica


async def _there_and_back(host: Host, tmp_path: Path, kind: type) -> None:
    here = tmp_path / "here"
    here.mkdir()
    await host.run(["mkdir", "-p", "/site/tree"])
    options = Options(algorithm=await algorithm_for(LocalHost(), host))
    near = await open_replica(LocalHost(), str(here), options=options, private=str(tmp_path / "private"))
    far = await open_replica(host, "/site/tree", options=options)
    try:
        assert isinstance(far, kind)
        assert (await far.facts()).links
        put(here, {f"d{i % 5}/f{i}": b"%d" % i for i in range(100)})
        put(here, {"big": os.urandom(3_000_000), "l/x": b"x"})
        (here / "l/link").symlink_to("x")
        git(here, "init", "-q")
        git(here, "add", ".")
        git(here, "commit", "-qm", "first")
        first = (await near.scan()).tree
        await far.scan()
        outcomes = await perform(near, far, [Change(path, None, entry) for path, entry in sorted(first.items())])
        assert not [outcome for outcome in outcomes if outcome.why]
        there = (await far.scan()).tree
        assert there.keys() == first.keys() and all(same(first[path], there[path]) for path in first)
        put(here, {"d0/f0": b"changed", "big": os.urandom(2_000_000)})
        (here / "d1/f1").unlink()
        git(here, "commit", "-qam", "second")
        second = (await near.scan()).tree
        changes = [
            Change(path, first.get(path), second.get(path))
            for path in sorted(first.keys() | second.keys())
            if not same(first.get(path), second.get(path))
        ]
        assert {change.path for change in changes} == {".git", "big", "d0/f0", "d1/f1"}
        outcomes = await perform(near, far, changes, batch="b")
        assert not [outcome for outcome in outcomes if outcome.why]
        there = (await far.scan()).tree
        assert there.keys() == second.keys() and all(same(second[path], there[path]) for path in second)
        assert {"d0/f0", "d1/f1", "big", ".git"} <= {item.path for item in await far.kept()}
        # And a file that was written over there meanwhile stays.
        await host.write(Path("/site/tree/d0/f0"), b"theirs")
        refused = await perform(near, far, [Change("d0/f0", second["d0/f0"], first["d0/f0"])])
        assert refused[0].why and await host.read(Path("/site/tree/d0/f0")) == b"theirs"
    finally:
        await far.close()
        await near.close()


@pytest.mark.parametrize("python", [True, False], ids=["python", "busybox"])
async def test_a_container_holds_what_this_side_holds(
    python: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    box: Container = request.getfixturevalue("container" if python else "bare_container")
    hosts = Hosts()
    try:
        await _there_and_back(hosts.open(f"docker:{box.name}"), tmp_path, NearReplica if python else ShellReplica)
    finally:
        await hosts.close()
