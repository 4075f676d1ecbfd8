"""A side behind SSH: through a real server that goes away and comes back, and a helper that is killed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from envsync.tools.hosts.registry import Hosts
from envsync.tools.sync.places import Place

from . import storm
from .conftest import Desk
from .test_sync import fill, read
from .test_watch import text

ROUNDS = int(os.environ.get("ENVSYNC_REMOTE_ROUNDS", "3"))


@pytest.fixture
def there(desk: Desk, make_sshd: Callable, private: Path) -> Callable:
    """The desk's other side, reached over an SSH server of its own."""
    server = make_sshd()
    server.trust(private / ".ssh")
    hosts = Hosts()
    desk.context = replace(desk.context, open=hosts.open, environ={"HOME": str(private)})
    return server


async def test_it_is_kept_the_same_over_ssh_and_catches_up_when_the_host_comes_back(desk: Desk, there) -> None:
    fill(desk.mine, a="1", src__b="2")
    target = str(Place(there.host, str(desk.theirs)))
    result = await desk.do("sync", source=str(desk.mine), destination=target)
    assert result.watching and read(desk.theirs) == {"a": "1", "src/b": "2"}
    fill(desk.mine, a="3")
    await desk.until(lambda: text(desk.theirs / "a") == "3", "for the first edit")
    fill(desk.theirs, c="4")
    await desk.until(lambda: text(desk.mine / "c") == "4", "for an edit there")
    there.stop()
    await desk.until(lambda: desk.session.told().phase == "unreachable", "for the host to be missed")
    told = desk.session.told()
    assert told.what and told.hint
    fill(desk.mine, a="while it was away")
    fill(desk.theirs, d="there meanwhile")
    there.start()
    await desk.until(lambda: text(desk.theirs / "a") == "while it was away", "after the host came back")
    await desk.until(lambda: text(desk.mine / "d") == "there meanwhile")
    await desk.do("syncs", action="end")
    await desk.context.open(there.host).close()


async def test_two_remote_sides_are_kept_the_same_from_here(desk: Desk, there, tmp_path: Path) -> None:
    fill(desk.mine, a="1")
    source, target = (str(Place(there.host, str(path))) for path in (desk.mine, desk.theirs))
    await desk.do("sync", source=source, destination=target, watch=False)
    fill(desk.theirs, a="2", b="3")
    await desk.do("sync", source=source, destination=target, watch=False)
    assert read(desk.mine) == read(desk.theirs) == {"a": "2", "b": "3"}
    await desk.take_back()
    assert read(desk.mine) == {"a": "1"}
    await desk.context.open(there.host).close()


def test_hostile_50_nothing_is_lost_when_keeper_and_helper_are_killed(tmp_path: Path, make_sshd, private: Path) -> None:
    server = make_sshd()
    server.trust(private / ".ssh")

    class Remote(storm.Storm):
        def kill(self) -> None:
            """Either the keeper, or what runs for it over there."""
            if self.dice.random() < 0.5:
                server.cut()
            super().kill()

    def make(place: Path, seed: int) -> storm.Storm:
        return Remote(place, seed, ("local", server.host), sides=server.home)

    assert not storm.rounds(tmp_path, range(ROUNDS), make, seconds=(0.5, 1.5))
