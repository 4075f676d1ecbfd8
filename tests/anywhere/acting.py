"""What the tests of one environment on any host share: the real tools, the real scan, real transactions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envsync.tests.conftest import ListNotes
from envsync.tools import registry
from envsync.tools.contract import Context
from envsync.tools.errors import EnvSyncError, Failed
from envsync.tools.hosts.base import Host
from envsync.tools.journal import Journal
from envsync.tools.scan.observe import observe
from envsync.tools.snapshot.take import capture, restore
from envsync.tools.transaction import Transactions

LISTING = (
    "import os,sys,hashlib,stat\n"
    "r=sys.argv[1]\n"
    "for d,_,n in sorted(os.walk(r)):\n"
    " for f in ['.',*sorted(n)]:\n"
    "  p=os.path.join(d,f); s=os.lstat(p); m=stat.S_IMODE(s.st_mode)\n"
    "  c=os.readlink(p) if stat.S_ISLNK(s.st_mode) else hashlib.sha256(open(p,'rb').read()).hexdigest()[:12] if stat.S_ISREG(s.st_mode) else '-'\n"
    "  print(repr(os.path.relpath(p,r)),oct(m),s.st_mtime_ns if f!='.' else '',c)\n"
)
"""A program that lists a tree with modes, times and contents, so that it can be compared exactly."""


@dataclass
class World:
    """One project on one host, as the executor would call tools on it."""

    host: Host
    root: Path
    state: Path
    home: Path
    environ: dict[str, str] = field(default_factory=dict)
    open: Callable[[str], Host] | None = None
    told: list[Any] = field(default_factory=list)

    @property
    def context(self) -> Context:
        self.state.mkdir(exist_ok=True, mode=0o700)
        context = Context(
            host=self.host, path=self.root, state=self.state, notes=ListNotes(), observe=observe,
            report=self.told.append, home=self.home, environ=dict(self.environ),
            **({"open": self.open} if self.open else {}),
        )  # fmt: skip
        return context

    async def read(self, name: str, **args: Any) -> Any:
        tool = registry.find(name)
        return await tool.read(tool.args.model_validate(args), self.context)  # type: ignore[misc]

    async def plan(self, name: str, **args: Any) -> Any:
        tool = registry.find(name)
        return await tool.plan(tool.args.model_validate(args), self.context)  # type: ignore[misc]

    async def act(self, name: str, **args: Any) -> Any:
        """Plan, approve, carry out. Raises what failed."""
        tool = registry.find(name)
        parsed = tool.args.model_validate(args)
        context = self.context
        plan = await tool.plan(parsed, context)  # type: ignore[misc]
        if plan.empty:
            return plan
        transactions = Transactions(Journal(self.state), registry.kinds(), capture, restore)
        outcome = await transactions.apply(plan.digest, lambda: tool.plan(parsed, context), context, plan.summary)  # type: ignore[misc]
        if outcome.state != "committed":
            raise Failed(outcome.error, outcome.hint, outcome=outcome)
        return await tool.finish(parsed, plan, outcome, context) if tool.finish else outcome

    async def sh(self, script: str, *words: str) -> str:
        """A person's own shell over there."""
        done = await self.host.run(["sh", "-c", script, "sh", *words], cwd=self.root, timeout=120)
        assert done.code == 0, (script, done.text, done.error)
        return done.text

    async def listing(self) -> str:
        """The tree exactly as it is."""
        done = await self.host.run(["python3", "-c", LISTING, str(self.root)], cwd=Path("/"), timeout=120)
        assert done.code == 0, done.error
        return done.text


def alone(name: str) -> Host:
    raise EnvSyncError(name)
