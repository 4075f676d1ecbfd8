"""The tool `scan`: what a project needs, what the machine has, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ..contract import Args, Block, Context, Result, Tool
from ..fingerprint import Fingerprint
from ..plan import Risk
from . import say
from .observe import observe

__all__ = ["SCAN", "ScanArgs", "Scanned", "observe", "read"]


class ScanArgs(Args):
    """Arguments of `scan`."""

    path: str = Field(".", description="the project's directory")
    on: str = Field("local", description="the host to look at")
    scope: Literal["project", "machine", "all"] = Field("all", description="what to look at")


class Scanned(Result):
    """What a scan found."""

    fingerprint: Fingerprint
    """All of it, each finding with its evidence."""

    def blocks(self) -> Sequence[Block]:
        return say.blocks(self.fingerprint)


async def read(args: ScanArgs, context: Context) -> Scanned:
    """Find out what a project needs, what this machine has, and what is missing.

    Reads files and asks programs for their versions; runs nothing of the project and changes nothing. Gives the
    services with languages, versions, frameworks, commands, ports, databases and variables, the machine's facts, and
    the fix for everything that is missing.
    """
    fingerprint = await observe(context, args.scope)
    return Scanned(summary=say.summary(fingerprint), fingerprint=fingerprint)


SCAN = Tool(name="scan", args=ScanArgs, risk=Risk.R0, read=read)
