"""Builds the parts of a session or a typed command from the settings. Imports nothing heavy, opens nothing yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..memory.base import Memory, MemoryFault, MemoryOff, NoMemory, Note
from ..tools.contract import Remembered
from ..tools.errors import EnvSyncError, Failed, Usage
from ..tools.redact import Redactor
from ..tools.sandbox.reaper import wake
from ..tools.sync.revive import revive
from .config import Settings
from .executor import Executor
from .models.base import Known, Model

if TYPE_CHECKING:
    from .flow import Recall

RECALLED = 8
"""Notes that one request brings back."""
SPEAKS_OF_COMMANDS = re.compile(r"\b(?:tests?|suite|lint(?:er)?|build|start|launch|serve|server|app)\b", re.IGNORECASE)
LONG = 400
"""Characters of one recalled note; the whole is in `history`."""


@dataclass
class Parts:
    """What belongs to one session or one typed command. Close it at the end."""

    settings: Settings
    redact: Redactor
    memory: Memory
    executor: Executor
    notices: list[str] = field(default_factory=list[str])
    """What the person should be told once, e.g. that memory had to be repaired; may grow from other threads."""

    @cached_property
    def model(self) -> Model:
        """The model that the settings name. Raises Usage."""
        from .models.registry import open_model

        return open_model(self.settings)

    @property
    def recall(self) -> Recall:
        """The memory as the graph sees it."""
        return Recalling(self.memory, self.settings, self.notices.append)

    def known(self, words: str = "") -> Known:
        """Names that exist here, newest first. The project is read only when `words` speak of its commands."""
        commands = self._commands() if SPEAKS_OF_COMMANDS.search(words) else {}
        return Known(
            project=self.settings.path.name,
            snapshots=self._snapshots(),
            services=(made := self._made()),
            hosts=self._hosts(words, made),
            commands=commands,
        )

    def _hosts(self, words: str, made: Sequence[str]) -> tuple[str, ...]:
        """What EnvSync made, and of all other machines those that the words name: a model need not know the rest."""
        from ..tools.hosts.names import names

        said = set(re.findall(r"[a-z0-9][\w.-]*[a-z0-9]|[a-z0-9]", words.casefold()))
        there = names(self.settings.state)
        return tuple(name for name in there if name == "local" or name in made or name.casefold() in said)

    def _made(self) -> tuple[str, ...]:
        """What EnvSync made that is still there."""
        from ..tools.made.ledger import Ledger

        try:
            return tuple(one.name for one in Ledger(self.settings.state).living())
        except EnvSyncError:
            return ()  # whoever uses it is told

    def _commands(self) -> dict[str, str]:
        from ..tools.scan.project import survey, wants
        from ..tools.scan.tree import Limits, collect

        kept = str(self.settings.state / "cache" / "scan")
        try:
            services = survey(collect(str(self.settings.path), wants(), Limits(seconds=1.0), kept)).services
        except OSError:
            return {}  # whoever scans is told; the question is asked without
        asked = ("start", "dev", "build", "test")
        return {use: one.commands[use].value for one in services[:1] for use in asked if use in one.commands}

    def _snapshots(self) -> tuple[str, ...]:
        from ..tools.store.store import Store

        try:
            found = Store(self.settings.state / "store").snapshots(str(self.settings.path.resolve()), self.settings.on)
        except EnvSyncError:
            return ()  # whoever uses a snapshot is told; a request is understood without
        return tuple(dict.fromkeys(name for one in reversed(found) for name in (one.label, one.id) if name))

    async def close(self) -> None:
        """Let go of the memory and of the hosts."""
        await self.executor.close()
        await self.memory.close()


def build(settings: Settings) -> Parts:
    """Build them. Raises Usage when the state directory cannot be made."""
    notices: list[str] = []
    redact = Redactor(settings.environ)
    memory: Memory = NoMemory(redact)
    if settings.memory:
        from ..memory.notebook import Notebook

        memory = Notebook(settings.state, redact, notices.append)
    executor = Executor(settings, ToolNotes(memory), redact)
    revive(settings.state)  # so that what is kept in sync stays so, whatever became of its keeper
    wake(settings.state)  # leases end also when whoever waited for that was killed, or the machine was switched off
    return Parts(settings, redact, memory, executor, notices)


class ToolNotes:
    """A memory as tools see it: `contract.Notes`, with the tools' errors."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def add(self, fact: str, *, project: str, host: str) -> int:
        """See Notes.add."""
        try:
            return await self._memory.add(fact, project=project, host=host)
        except MemoryFault as error:
            raise _fault(error) from error

    async def forget(self, id: int) -> None:
        """See Notes.forget."""
        try:
            await self._memory.forget(id)
        except MemoryFault as error:
            raise _fault(error) from error

    async def get(self, id: int) -> Remembered | None:
        """See Notes.get."""
        try:
            note = await self._memory.get(id)
        except MemoryFault as error:
            raise _fault(error) from error
        return _remembered(note) if note else None

    async def find(self, fact: str, *, project: str, host: str) -> Remembered | None:
        """See Notes.find."""
        try:
            note = await self._memory.find(fact, project=project, host=host)
        except MemoryFault as error:
            raise _fault(error) from error
        return _remembered(note) if note else None

    async def search(
        self, query: str | None, *, project: str, limit: int, kinds: Sequence[str] = ()
    ) -> list[Remembered]:
        """See Notes.search."""
        try:
            found = await self._memory.search(query, project=project, limit=limit, kinds=kinds)
        except MemoryFault as error:
            raise _fault(error) from error
        return [_remembered(note) for note in found]


class Recalling:
    """A memory as the graph sees it: lines of text, and never an error of the turn."""

    def __init__(self, memory: Memory, settings: Settings, tell: Callable[[str], None]) -> None:
        self._memory = memory
        self._project = str(settings.path.resolve())
        self._host = settings.on
        self._tell = tell

    async def recall(self, request: str) -> Sequence[str]:
        """Facts that hold here and turns like this one, each with who said it and when."""
        try:
            notes = await self._memory.recall(request, project=self._project, host=self._host, limit=RECALLED)
        except MemoryFault as error:
            self._tell(f"memory cannot be read: {error}")
            return ()
        return [f"[{note.kind}, said by {note.origin}, {note.at:%Y-%m-%d}] {_short(note.text)}" for note in notes]

    async def keep(self, request: str, calls: Sequence[str], outcome: str) -> None:
        """One note for the turn: request, calls, outcome."""
        text = "\n".join([request, *(f"- {call}" for call in calls), f"=> {outcome}"])
        try:
            await self._memory.add(
                text,
                project=self._project,
                host=self._host,
                kind="turn",
                origin="turn",
                data={"request": request, "calls": list(calls), "outcome": outcome},
            )
        except MemoryFault as error:
            self._tell(f"this turn cannot be remembered: {error}")


def _fault(error: MemoryFault) -> EnvSyncError:
    return (Usage if isinstance(error, MemoryOff) else Failed)(error.what, error.hint)


def _remembered(note: Note) -> Remembered:
    return Remembered(id=note.id, text=note.text, kind=note.kind, origin=note.origin, at=note.at)


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 2]} …"
