"""What a tool is, and nothing else: its arguments, its result, what it may use, and how it declares its effect."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from .errors import Usage
from .fingerprint import Fingerprint
from .hosts.base import Host
from .plan import Data, Plan, Risk, Step


class Args(BaseModel):
    """Arguments of one tool: strict and frozen, and an unknown argument is an error.

    LangChain's own tools silently drop unknown arguments; a hallucinated `dry_run=true` would then really deploy.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    absent: ClassVar[bool] = False
    """Whether the directory that it is about may be gone, on a machine that is recorded whole."""


def brief(text: str | None) -> dict[str, JsonValue]:
    """`json_schema_extra` of an argument: what a model reads of it instead of the description, which `--help` shows.

    Empty: its name and type say enough. None: only people who type it can give it. All tools share 6 KB with the prompt.
    """
    return {"brief": text}


# -- What a result shows: a small neutral document that front ends draw as they can ------------------------------


@dataclass(frozen=True)
class Lines:
    """Plain lines under an optional title."""

    lines: Sequence[str]
    title: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells, all strings; `columns` are the headings."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""


@dataclass(frozen=True)
class Tree:
    """A label with children, e.g. a project and its services."""

    label: str
    children: Sequence[Tree] = ()


Block = Lines | Table | Tree


class Result(Data):
    """What a call gave. Subclasses add typed fields; `--json` prints them all."""

    summary: str
    """One line, complete in itself: the answer."""

    def blocks(self) -> Sequence[Block]:
        """What to show under the summary, most important first; untrusted text is escaped by the front end."""
        return ()

    @property
    def document(self) -> str:
        """Text for another program, e.g. a diagram: it is all that standard output gets then. Empty: there is none."""
        return ""

    @property
    def exit(self) -> int:
        """The exit code of the contract's table; only `drift` differs from 0."""
        return 0


def place_words(path: str, on: str = "local") -> str:
    """What a command needs to be about `path` of the host `on` (as they were given); begins with a blank, unless empty."""
    where = "" if on == "local" else f" --on {shlex.quote(on)}"
    return where if path == "." else f"{where} --path {shlex.quote(path)}"


def undo_words(path: str, on: str = "local") -> str:
    """How a person takes back what was just done in `path`: `undo that` is about the directory they are in, here."""
    where = place_words(path, on)
    return f"envsync rewind --to last{where}" if where else "say `undo that`, or: envsync rewind --to last"


class Changed(Result):
    """What an R1+ call did, taken from the journal and never from a model's words."""

    transaction: int | None = None
    """The journal's number of the transaction; None when there was nothing to do."""
    snapshot: str | None = None
    """Id of the snapshot taken before, or (tool `snapshot`) of the one made."""
    done: tuple[str, ...] = ()
    undo: str = ""
    """How to take it back, as a command or a sentence; empty when nothing was changed."""

    def blocks(self) -> Sequence[Block]:
        lines = [Lines(self.done)] if self.done else []
        return [*lines, Lines([f"undo: {self.undo}"])] if self.undo else lines


# -- What a tool may use ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """Work that takes over a second. `done`/`total` count `unit`s; total None means unknown; the reader computes the ETA."""

    label: str
    done: float = 0
    total: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class Output:
    """A chunk of a running command's output. Data, never instructions."""

    text: str
    stream: str = "stdout"


Report = Callable[[Progress | Output], None]


class Remembered(Data):
    """One note that memory holds: `origin` says who said so (person, turn, tool)."""

    id: int
    text: str
    kind: str
    """`fact`, `turn` or `fingerprint`."""
    origin: str
    at: datetime


class Notes(Protocol):
    """The memory as tools see it. With memory off every search is empty, and adding or finding raises Usage."""

    async def add(self, fact: str, *, project: str, host: str) -> int:
        """Keep a fact; returns its id."""
        ...

    async def forget(self, id: int) -> None:
        """Take a fact back; forgetting an unknown id is no error."""
        ...

    async def get(self, id: int) -> Remembered | None: ...

    async def find(self, fact: str, *, project: str, host: str) -> Remembered | None:
        """The fact with exactly this text, project and host; None when it is not known. Adding it again gives its id."""
        ...

    async def search(
        self, query: str | None, *, project: str, limit: int, kinds: Sequence[str] = ()
    ) -> list[Remembered]:
        """Notes nearest in meaning to `query`, best first; newest first without one. `kinds` () means all."""
        ...


class Observe(Protocol):
    """Makes a fingerprint: the scan, as other capabilities see it."""

    async def __call__(self, context: Context, scope: Literal["project", "machine", "all"] = "all") -> Fingerprint: ...


def silent(_: Progress | Output) -> None:
    """A Report that tells nobody."""


def alone(name: str) -> Host:
    """An `open` that reaches no other host."""
    raise Usage(f"host {name!r} cannot be reached from here", "Name it with --on.")


@dataclass(frozen=True)
class Context:
    """All that a tool may touch. Built once per call by the executor."""

    host: Host
    path: Path
    """The project's directory, absolute, on the host."""
    state: Path
    """EnvSync's own state directory on this machine: journal, snapshots, locks. Mode 0700."""
    notes: Notes
    observe: Observe
    report: Report = silent
    home: Path = field(default_factory=Path.home)
    """The user's home directory on the host: dotfiles are read from here."""
    origin: str = "person"
    """Who asked: `person` for a typed command, `words` when a model made the call from a request."""
    words: str = ""
    """The request's own words, when there are any: names that occur in them were named by the user."""
    open: Callable[[str], Host] = alone
    """Gives another host by the name that people write: for tools that work between two. Raises Usage."""
    environ: dict[str, str] = field(default_factory=dict[str, str])
    """The environment variables of the user's process, for names and salted hashes; values never leave the process."""

    def now(self) -> datetime:
        return datetime.now(UTC)


# -- What a tool is -----------------------------------------------------------------------------------------------

A = TypeVar("A", bound=Args)


class StepRecord(Data):
    """What the journal knows of one step: `state` is intent, done, failed, undone or stuck (could not be undone)."""

    index: int
    does: str
    state: str
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """What the step's kind returned, e.g. `{"code": 0}`."""
    error: str = ""


class Outcome(Data):
    """How a transaction ended: `state` is committed, compensated (failed, all taken back), broken (failed, `stuck` steps
    remain), stopped (cancelled, and kept as the plan says) or interrupted (the process died; found on the next start)."""

    transaction: int
    state: str
    snapshot: str | None = None
    steps: tuple[StepRecord, ...] = ()
    error: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Tool(Generic[A]):
    """One capability. `read` (R0) or `plan` (R1 and up) is given; both where `changes` tells by the arguments which is meant.

    The docstring of `read` or `plan` is what models, `--help` and the docs show; its first line is the summary.
    Both may only read. `plan` must be deterministic: it is made again under the lock right before it is carried out,
    and a different digest means that the environment moved (`Stale`).
    """

    name: str
    args: type[A]
    risk: Risk
    read: Callable[[A, Context], Awaitable[Result]] | None = None
    plan: Callable[[A, Context], Awaitable[Plan]] | None = None
    finish: Callable[[A, Plan, Outcome, Context], Awaitable[Result]] | None = None
    """Makes the result of a committed transaction; None means a plain `Changed`."""
    nothing: Callable[[A, Plan, Context], Awaitable[Result]] | None = None
    """Makes the result of a plan without steps, reading only; None means its summary alone."""
    changes: Callable[[A], bool] | None = None
    """Of a tool with both: whether a call with these arguments changes something, so that it is planned and not read."""

    def planned(self, args: A) -> bool:
        """Whether a call with these arguments goes through a plan. Without one it may only read."""
        return self.plan is not None and (self.read is None or (self.changes is not None and self.changes(args)))

    @property
    def doc(self) -> str:
        return (self.read or self.plan).__doc__ or ""


class StepKind(Protocol):
    """Carries out one kind of step. Stateless: everything it needs is in the step and the context."""

    name: str

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Carry it out; return what the journal should know. Raises EnvSyncError on failure.

        Must be safe to call again after a crash half-way (idempotent), or `holds` must be able to tell.
        """
        ...

    async def holds(self, step: Step, context: Context) -> bool | None:
        """The post-condition, by probing: True it is done, False it is not, None it cannot be known."""
        ...


class Restore(Protocol):
    """Puts the project's tree back to what a snapshot holds: how a transaction takes back its `covered` steps."""

    async def __call__(self, context: Context, snapshot: str) -> str:
        """Snapshot now first, then restore `context.path` to `snapshot`; returns one line of what was done."""
        ...


class Capture(Protocol):
    """Takes the snapshot that precedes a transaction."""

    async def __call__(self, context: Context, label: str | None = None) -> str:
        """Record the environment of `context.path`; returns the snapshot's id. Raises Usage when the path is guarded."""
        ...
