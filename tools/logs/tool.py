"""The tool `logs`: the end of what a service printed, as data."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from ..contract import Args, Block, Context, Lines, Result, Tool, brief
from ..moments.say import count, shown
from ..plan import Risk
from ..redact import Redactor
from .sources import find

LONGEST = 2000
"""Characters of a line that are kept."""
MOST = 256 * 1024
"""Characters in all: a model reads it, and a person scrolls through it."""


class LogsArgs(Args):
    """Arguments of `logs`."""

    service: str = Field(
        min_length=1,
        max_length=300,
        description="Service, container, compose service or unit",
        json_schema_extra=brief(""),
    )
    tail: int = Field(100, ge=1, le=10000, description="How many lines", json_schema_extra=brief(""))
    on: str = Field("local", description="The host")


class Logs(Result):
    """The end of a service's output: untrusted text, without the secrets that were recognised in it."""

    service: str
    source: str
    """Where it is from, in words."""
    lines: tuple[str, ...] = ()
    cut: bool = False
    """Some lines or parts of lines were left out because they were too long."""

    def blocks(self) -> Sequence[Block]:
        """See Result.blocks."""
        return [Lines([shown(line) for line in self.lines])] if self.lines else []


async def read(args: LogsArgs, context: Context) -> Logs:
    """Show the end of what a service, container or unit printed."""
    found = await find(args.service, args.tail, context)
    redact = Redactor(context.environ)
    kept: list[str] = []
    room, cut = MOST, len(found.lines) > args.tail
    for _, line in reversed(found.lines[-args.tail :]):
        text = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
        room -= len(text) + 1
        cut = cut or text is not line
        if room < 0:
            cut = True
            break
        kept.append(text)
    # All at once: a key may span lines.
    text = redact("\n".join(reversed(kept)))
    lines = tuple(text.split("\n")) if kept else ()
    more = ", shortened" if cut else ""
    source = shown(found.source)
    return Logs(
        summary=f"{count(len(lines), 'line')} of {source}{more}" if lines else f"{source} printed nothing",
        service=args.service,
        source=source,
        lines=lines,
        cut=cut,
    )


LOGS = Tool(name="logs", args=LogsArgs, risk=Risk.R0, read=read)
