"""Sides that stay open from a plan to its being carried out: what happens in between still counts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from envsync.tools.hosts.base import Host
from envsync.tools.hosts.local import LocalHost
from envsync.tools.sync import holding
from envsync.tools.sync.ancestor import Ancestor
from envsync.tools.sync.session import Session, Side, Spec, id_of
from envsync.tools.sync.work import Work
from envsync.tools.trees.model import Entry

from .conftest import Desk

HERE = LocalHost()


def here(_: str) -> Host:
    return HERE


def other(_: str) -> Host:
    return LocalHost()


def made(tmp_path: Path) -> Session:
    one, two = Side(host="local", path=str(tmp_path / "one")), Side(host="local", path=str(tmp_path / "two"))
    for side in (one, two):
        Path(side.path).mkdir(exist_ok=True)
    spec = Spec(id=id_of(one, two), source=one, destination=two, at=datetime.now(UTC))
    return Session(tmp_path / "state", spec)


async def test_what_is_held_is_used_once_with_what_it_saw(tmp_path: Path) -> None:
    session = made(tmp_path)
    (tmp_path / "one" / "a").write_text("1")
    work = await Work.open(session, here)
    seen = await work.looked()
    holding.hold(work, here)
    again = await holding.take(session, here)
    assert again is work and await again.looked(3600.0) is seen
    assert await holding.take(session, here) is None
    await again.cycles(plan=seen.plan)
    assert (tmp_path / "two" / "a").read_text() == "1"
    assert again.seen is None, "what was seen before something was done must not be used again"
    await again.close()


async def test_what_somebody_else_recorded_meanwhile_counts(tmp_path: Path) -> None:
    session = made(tmp_path)
    work = await Work.open(session, here)
    await work.look()
    holding.hold(work, here)
    theirs = Ancestor(session.directory / "ancestor")
    theirs.record([("a", Entry("directory", 0o755))])
    theirs.close()
    again = await holding.take(session, here)
    assert again is work and again.seen is None
    assert list(again.engine.ancestor.tree) == ["a"]
    await again.close()


async def test_other_hosts_or_other_wishes_are_not_served_by_it(tmp_path: Path) -> None:
    session = made(tmp_path)
    for spec, hosts in ((session.spec, other), (session.spec.model_copy(update={"ignore": ("x",)}), here)):
        work = await Work.open(session, here)
        holding.hold(work, here)
        assert await holding.take(Session(session.state, spec), hosts) is None
        assert await holding.take(session, here) is None


async def test_a_file_edited_after_the_look_is_never_overwritten(tmp_path: Path) -> None:
    session = made(tmp_path)
    one, two = tmp_path / "one" / "a", tmp_path / "two" / "a"
    one.write_text("old")
    work = await Work.open(session, here)
    await work.cycles()
    one.write_text("mine, later")
    seen = await work.looked()
    two.write_text("theirs, meanwhile")
    await work.cycles(plan=seen.plan)
    assert two.read_text() == "theirs, meanwhile" and one.read_text() == "mine, later"
    assert list(work.engine.conflicts) == ["a"]
    await work.close()


async def test_after_a_plan_that_nobody_took_up_all_goes_on(desk: Desk) -> None:
    (desk.mine / "a").write_text("1")
    await desk.plan("sync", source=str(desk.mine), destination=str(desk.theirs), watch=False)
    (desk.mine / "b").write_text("2")
    await desk.sync()
    await desk.until(lambda: desk.session.told().phase == "watching", "for the keeper")
    (desk.theirs / "c").write_text("3")
    await desk.until(lambda: (desk.mine / "c").exists(), "for a change from there")
    assert (desk.theirs / "a").read_text() + (desk.theirs / "b").read_text() == "12"
