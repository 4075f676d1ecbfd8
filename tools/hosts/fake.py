"""A host for tests: a directory of its own and scripted commands, so that no test touches the real machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .base import Completed
from .local import LocalHost


class FakeHost(LocalHost):
    """Files are real, below `root`; commands answer from a table and are recorded in `ran`.

    `commands` maps the beginning of an argv to what it gives; the longest beginning wins, and a command that is not
    in the table does not exist (127).
    """

    name = "fake"

    def __init__(self, root: Path, commands: Mapping[tuple[str, ...], tuple[int, str]] | None = None) -> None:
        self.root = root
        self.commands = dict(commands or {})
        self.ran: list[tuple[str, ...]] = []

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: float | None = 60,
        output: Callable[[str, bytes], None] | None = None,
    ) -> Completed:
        """Answer from the table."""
        command = tuple(argv)
        self.ran.append(command)
        starts = [known for known in self.commands if command[: len(known)] == known]
        if not starts:
            return Completed(command, 127, b"", f"{command[0]}: not found".encode(), 0.0)
        code, text = self.commands[max(starts, key=len)]
        if output is not None:
            output("stdout", text.encode())
        return Completed(command, code, text.encode(), b"", 0.0)
