"""What status says of the things that EnvSync made."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from envsync.tools.contract import Context
from envsync.tools.made.ledger import Ledger, Made
from envsync.tools.status.tool import StatusArgs, read


async def test_sandboxes_are_shown_with_what_is_left_of_their_leases(
    make_context: Callable[..., Context], project: Path
) -> None:
    context, now = make_context(project), time.time()
    ledger = Ledger(context.state)
    for name, left in (("box", 90 * 60 + 30), ("short", 30), ("old", -5), ("evil\x1b[2J", 3 * 86400 + 60)):
        made = ledger.want(Made(kind="container", name=name, what="sandbox of debian:12", at=now, until=now + left))
        ledger.made(made.id)
    stuck = ledger.want(Made(kind="vm", name="stuck", what="sandbox", at=now, until=now - 60))
    ledger.claim(stuck.id, now, now + 300, lease=True)
    ledger.stayed(stuck.id, "the engine does not answer\nStart it", now + 60)
    status = await read(StatusArgs(), context)
    lines = {each.name: each.line(datetime.now(UTC)) for each in status.made}
    assert lines["box"] == "docker:box: sandbox of debian:12, 1 hour left"
    assert lines["short"].endswith("less than a minute left") and lines["old"].endswith("its lease has ended")
    assert lines["evil\x1b[2J"].startswith("docker:evil\\x1b[2J: ") and lines["evil\x1b[2J"].endswith("3 days left")
    assert (
        lines["stuck"]
        == "vm:stuck: sandbox, being removed, could not be removed: the engine does not answer; it is tried again"
    )
    assert "5 sandboxes" in status.summary


async def test_with_nothing_made_nothing_is_said_and_no_ledger_is_written(
    make_context: Callable[..., Context], project: Path
) -> None:
    context = make_context(project)
    assert "sandbox" not in (await read(StatusArgs(), context)).summary
    assert not (context.state / "made").exists()
