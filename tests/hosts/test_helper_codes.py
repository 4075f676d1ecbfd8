"""What Python made of the helper's modules is kept beside it, and is never what a connection depends on."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from envsync.tests.core.places import PipeHost

MINUTE = 60.0


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[PipeHost]:
    """This machine with an empty home."""
    home = tmp_path / "far"
    home.mkdir()
    made = PipeHost("test:far", {"HOME": str(home), "PATH": os.environ["PATH"]})
    yield made
    await made.close()


async def codes(host: PipeHost, tmp_path: Path) -> Path:
    """Use it once and let it go; the file that it leaves then."""
    await host.info()
    await host.close()
    end = time.monotonic() + MINUTE
    while not (found := list((tmp_path / "far").rglob("helper-*.codes"))):
        assert time.monotonic() < end, "nothing was kept"
        await asyncio.sleep(0.02)
    return found[0]


async def test_they_are_kept_for_the_user_alone_and_used_again(host: PipeHost, tmp_path: Path) -> None:
    file = await codes(host, tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    body = file.read_bytes()
    assert hashlib.sha256(body[64:]).hexdigest().encode() == body[:64]
    before = file.stat().st_ino
    assert (await host.info()).python
    await host.close()
    assert file.stat().st_ino == before, "the same modules were compiled once more"


@pytest.mark.parametrize("harm", ["cut", "empty", "other bytes", "not marshalled"])
async def test_damaged_ones_are_left_alone_and_made_anew(host: PipeHost, tmp_path: Path, harm: str) -> None:
    file = await codes(host, tmp_path)
    right = file.read_bytes()
    wrong = b"\xff nothing of Python's"
    match harm:
        case "cut":
            file.write_bytes(right[: len(right) // 2])
        case "empty":
            file.write_bytes(b"")
        case "other bytes":
            file.write_bytes(right[:-40] + b"!" * 40)
        case _:
            file.write_bytes(hashlib.sha256(wrong).hexdigest().encode() + wrong)
    assert (await host.info()).python
    await host.close()
    end = time.monotonic() + MINUTE
    while len(file.read_bytes()) < len(right) // 2 + 1000:
        assert time.monotonic() < end, "they were not made anew"
        await asyncio.sleep(0.02)


async def test_what_others_may_write_is_not_run(host: PipeHost, tmp_path: Path) -> None:
    file = await codes(host, tmp_path)
    file.chmod(0o666)
    await host.info()
    await host.close()
    end = time.monotonic() + MINUTE
    while file.stat().st_mode & 0o777 != 0o600:
        assert time.monotonic() < end, "they were not made anew"
        await asyncio.sleep(0.02)


async def test_they_go_with_the_helper_and_do_not_come_back(host: PipeHost, tmp_path: Path) -> None:
    file = await codes(host, tmp_path)
    await host.remove_helper()
    await host.call(os.getpid)
    await host.close()
    assert not file.parent.exists()
