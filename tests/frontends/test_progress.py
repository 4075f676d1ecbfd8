"""The line that says what is going on."""

from __future__ import annotations

import asyncio
import io

import pytest

from envsync.agent.frontends import progress
from envsync.agent.frontends.progress import Meter
from envsync.tools.contract import Progress


def meter(out: io.StringIO, *, live: bool, width: int = 80) -> Meter:
    return Meter(out, live=live, paint=lambda style, text: text, width=lambda: width)


async def test_what_is_quick_is_never_shown() -> None:
    out = io.StringIO()
    shown = meter(out, live=True)
    shown.begin("scan")
    await asyncio.sleep(0.3)
    shown.end()
    assert out.getvalue() == ""


async def test_a_terminal_sees_one_line_with_the_time_left_and_then_none() -> None:
    out = io.StringIO()
    shown = meter(out, live=True)
    shown.begin("provision")
    for done in range(12):
        shown.update(Progress("installing", done * 100, 2000, "files"))
        await asyncio.sleep(0.2)
    text = out.getvalue()
    assert "installing" in text and "/2000 files" in text and " left" in text and "━" in text
    assert "\n" not in text
    shown.end()
    assert out.getvalue().endswith("\r\x1b[K"), "nothing stays behind"


async def test_the_line_fits_the_terminal_and_its_label_is_data() -> None:
    out = io.StringIO()
    shown = meter(out, live=True, width=40)
    shown.begin("x")
    shown.update(Progress("a\x1b[2J" + "very long " * 20, 1, 2, "bytes"))
    await asyncio.sleep(1)
    shown.end()
    lines = [line.removeprefix("\x1b[K") for line in out.getvalue().split("\r") if len(line) > 3]
    assert lines and all(len(line) <= 40 or "of 2 B" in line[-20:] for line in lines)
    assert all(line.isprintable() for line in lines)


async def test_elsewhere_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_EVERY", 0.8)
    out = io.StringIO()
    shown = meter(out, live=False)
    shown.begin("provision")
    shown.update(Progress("installing", 3, 10, "packages"))
    await asyncio.sleep(2)
    shown.end()
    lines = out.getvalue().splitlines()
    assert 1 <= len(lines) <= 2 and all(line.startswith("installing … 3/10 packages") for line in lines)
    assert "\x1b" not in out.getvalue()


async def test_a_terminal_that_is_gone_stops_nothing() -> None:
    out = io.StringIO()
    shown = meter(out, live=True)
    shown.begin("provision")
    out.close()
    await asyncio.sleep(1)
    shown.update(Progress("still at it"))
    shown.end()
