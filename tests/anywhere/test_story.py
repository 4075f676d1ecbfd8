"""The same story on every kind of host: look, set up, record, change, compare, go back, and take that back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envsync.tests.anywhere.acting import World
from envsync.tests.provision.conftest import Index

PROJECT = r"""
mkdir -p src empty node_modules/x && printf 'leaf==1.0\n' > requirements.txt
printf 'import os\nimport leaf\nprint(os.environ["STORY_TOKEN"])\n' > src/app.py
printf 'build/\nnode_modules/\n' > .gitignore && mkdir build && printf 'kept' > build/out.bin
printf '#!/bin/sh\necho hi\n' > run.sh && chmod 755 run.sh && printf 'secret' > locked && chmod 600 locked
ln -s src/app.py link && mkfifo pipe && printf 'odd' > "$(printf 'a\nb')" && printf 'x' > './--force'
touch -d '2020-01-02 03:04:05' src/app.py
"""
CHANGES = r"""
printf 'edited\n' >> src/app.py && rm locked && printf 'new' > fresh.txt && chmod 644 run.sh && rmdir empty
ln -sfn /etc link && rm build/out.bin && mkdir -p later/below && printf '1' > later/below/one
"""


@pytest.mark.parametrize("kind", [pytest.param("local", marks=pytest.mark.slow), "remote", "ssh"])
async def test_a_project_is_scanned_set_up_recorded_changed_and_taken_back(
    world: Callable[..., object], kind: str, index: Index
) -> None:
    index.wheel("leaf", "1.0")
    index.wheel("leaf", "2.0")
    async with world(kind) as w:  # type: ignore[attr-defined]
        await w.sh(PROJECT)
        if kind != "ssh":  # its machine has neither uv nor pip of its own
            await _set_up(w, index)
        scanned = await w.read("scan")
        (service,) = scanned.fingerprint.project.services
        assert scanned.fingerprint.host == w.host.name and scanned.fingerprint.facts.kernel
        assert [fact.value for fact in service.variables] == ["STORY_TOKEN"]
        await _there_and_back(w)


async def _set_up(w: World, index: Index) -> None:
    """From the index that the user over there has, and no other."""
    await w.host.write(
        w.home / ".config/uv/uv.toml", f'[[index]]\nurl = "{index.url}/simple"\ndefault = true\n'.encode()
    )
    done = await w.act("provision")
    assert done.packages[0].name == "leaf" and done.packages[0].new == "1.0"
    assert (await w.act("provision")).empty
    scan = await w.read("scan")
    sets = {s.where: s.packages for s in scan.fingerprint.packages}
    assert sets[".venv"]["leaf"] == "1.0" and not [m for m in scan.fingerprint.project.missing if m.kind == "packages"]


async def _there_and_back(w: World) -> None:
    good = await w.listing()
    made = await w.act("snapshot", label="good")
    assert made.files >= 8, made
    assert any("FIFO" in notice for notice in made.notices)
    assert (await w.read("drift", against="good")).exit == 0
    assert (await w.plan("rewind", to="good")).empty

    await w.sh(CHANGES)
    changed = await w.listing()
    drift = await w.read("drift", against="good")
    what = {d.what: d.change for d in drift.differences}
    expected = {"src/app.py": "edited", "locked": "removed", "fresh.txt": "added", "run.sh": "mode"}
    assert expected.items() <= what.items(), what
    edited = next(d for d in drift.differences if d.what == "src/app.py")
    assert (f"--on {w.host.name} --path {w.root}" in edited.fix) == (w.host.name != "local"), edited.fix
    assert what["link"] == "edited" and what["build/out.bin"] == "removed"

    plan = await w.plan("rewind", to="good")
    assert "fresh.txt" in " ".join(plan.details) and plan.host == w.host.name
    back = await w.act("rewind", to="good")
    assert back.to == made.snapshot and not [line for line in back.kept if "pipe" not in line]
    assert await w.listing() == good

    await w.act("rewind", to="last")
    assert await w.listing() == changed
    await w.act("rewind", to="good", paths=["src"])
    assert "edited" not in await w.sh("cat src/app.py") and await w.sh("cat fresh.txt") == "new"

    ran = await w.act("run", command="sh -c 'printf ran > fresh.txt; exit 3'")
    assert ran.code == 3 and await w.sh("cat fresh.txt") == "ran"
    await w.act("rewind", to="last")
    assert await w.sh("cat fresh.txt") == "new"
    history = await w.read("history")
    assert any(made.snapshot in (e.snapshot or "") or made.snapshot == e.id for e in history.entries)
    status = await w.read("status")
    assert status.last_snapshot and not status.locks and not status.unfinished


@pytest.mark.parametrize(
    "kind", ["docker-bare", pytest.param("docker", marks=pytest.mark.slow), pytest.param("vm", marks=pytest.mark.slow)]
)
async def test_a_machine_is_recorded_and_put_back_whole(world: Callable[..., object], kind: str) -> None:
    async with world(kind) as w:  # type: ignore[attr-defined]
        await w.sh("mkdir -p src && printf 'one' > src/app.py && printf 'requests\n' > requirements.txt")
        scanned = (await w.read("scan")).fingerprint
        assert scanned.facts is not None and scanned.facts.kernel and scanned.host == w.host.name
        assert [s.languages[0].value for s in scanned.project.services] == ["Python"]
        made = await w.act("snapshot", label="good")
        assert "the whole machine" in made.summary
        assert (await w.read("drift", against="good")).exit == 0

        await w.sh("printf 'two' > src/app.py && printf 'x' > /etc/planted && rm requirements.txt")
        drift = await w.read("drift", against="good")
        assert {d.what: d.change for d in drift.differences} == {"src/app.py": "edited", "requirements.txt": "removed"}
        assert any("/etc/planted" in line for line in drift.aside)

        plan = await w.plan("rewind", to="good")
        assert "1 edited path restored" in plan.summary and plan.undoable
        await w.act("rewind", to="good")
        assert (
            await w.sh("cat src/app.py requirements.txt; ls /etc/planted 2>/dev/null || echo gone")
            == "onerequests\ngone\n"
        )
        await w.act("rewind", to="last")
        assert await w.sh("cat src/app.py /etc/planted; ls") == "twoxsrc\n"
        if kind == "docker-bare":
            return  # each step records a whole machine: the rest of the story is for `make story`
        await w.act("rewind", to="good", paths=["/etc/planted"])
        assert await w.sh("cat src/app.py; ls /etc/planted 2>/dev/null || echo gone") == "twogone\n"

        ran = await w.act("run", command="sh -c 'printf three > src/app.py; printf y > /etc/hostile'")
        assert ran.code == 0
        await w.act("rewind", to="last")
        assert await w.sh("cat src/app.py; ls /etc/hostile 2>/dev/null || echo gone") == "twogone\n"
        assert made.snapshot in [e.snapshot for e in (await w.read("history")).entries]
        assert (await w.read("status")).last_snapshot
