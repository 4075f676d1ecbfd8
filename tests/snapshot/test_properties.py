"""Random trees and random edits: a rewind gives the snapshot's state exactly, and undoing it the state before."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rewinding import facts, rewind, rewind_plan, scan, snapshot

from envsync.tools.contract import Context
from envsync.tools.hosts.local import LocalHost

NAMES = st.sampled_from(["a", "b", "a.py", "ü", "a-b", "a b", "\udcff", "A", "nul\n"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join(parts))
KINDS = st.one_of(
    st.tuples(st.just("file"), st.binary(max_size=40), st.sampled_from([0o600, 0o644, 0o755, 0o444])),
    st.tuples(st.just("directory"), st.just(b""), st.sampled_from([0o700, 0o755])),
    st.tuples(st.just("link"), st.sampled_from([b"a", b"../b", b"/etc/passwd", b"nowhere"]), st.just(0)),
    st.tuples(st.just("gone"), st.just(b""), st.just(0)),
    st.tuples(st.just("touch"), st.just(b""), st.integers(1, 2_000_000_000)),
)
EDITS = st.lists(st.tuples(PATHS, KINDS), max_size=14)


def edit(root: Path, edits: list[tuple[str, tuple[str, bytes, int]]]) -> None:
    """Carry out edits that are possible; ones that are not (a file in a file's place) are left out."""
    for path, (kind, content, number) in edits:
        at = root / path
        try:
            at.parent.mkdir(parents=True, exist_ok=True)
            if kind == "touch":
                os.utime(at, ns=(number * 10**9 + 7, number * 10**9 + 7), follow_symlinks=False)
                continue
            if at.is_symlink() or at.is_file():
                at.unlink()
            elif at.is_dir() and kind != "directory":
                shutil.rmtree(at)
            if kind == "file":
                at.write_bytes(content)
                at.chmod(number)
            elif kind == "directory":
                at.mkdir(exist_ok=True)
                at.chmod(number)
            elif kind == "link":
                at.symlink_to(os.fsdecode(content))
        except OSError:
            continue


FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where syncing costs nothing: thousands of durable writes are not the subject here."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=EDITS, second=EDITS, third=EDITS)
def test_rewind_is_exact_and_its_undo_too(
    first: list[tuple[str, tuple[str, bytes, int]]],
    second: list[tuple[str, tuple[str, bytes, int]]],
    third: list[tuple[str, tuple[str, bytes, int]]],
) -> None:
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        base = Path(folder)
        project = base / "project"
        project.mkdir()
        (base / "state").mkdir()
        (base / "home").mkdir()
        context = Context(
            host=LocalHost(), path=project, state=base / "state", notes=None, observe=scan, home=base / "home"
        )  # pyright: ignore[reportArgumentType]

        async def story() -> None:
            edit(project, first)
            one = facts(project)
            await snapshot(context, "one")
            edit(project, second)
            two = facts(project)
            made = await snapshot(context, "two")
            edit(project, third)
            three = facts(project)
            if (await rewind_plan(context, "one")).empty:
                assert three == one
                return
            await rewind(context, "one")
            assert facts(project) == one
            await rewind(context, "last")
            assert facts(project) == three
            if not (await rewind_plan(context, "two")).empty:
                await rewind(context, made.snapshot)
            assert facts(project) == two

        asyncio.run(story())
