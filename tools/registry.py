"""The one explicit list of tools, in the order a model sees them, and the kinds of steps they make.

A tool's module is imported when the tool is used: `envsync --help` needs only this table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import Usage
from .risk import Risk

if TYPE_CHECKING:  # pydantic costs 0.08 s, and this table is all that `--help` needs
    from .contract import Args, StepKind, Tool


@dataclass(frozen=True)
class Entry:
    """One line of the list: enough for `--help`, completion and policy without importing the tool."""

    name: str
    risk: Risk
    summary: str
    """The first line of the tool's docstring; a test holds that."""
    module: str
    """Relative to envsync.tools; it has the tool in a constant named after it, in capitals."""


TOOLS: tuple[Entry, ...] = (
    Entry("scan", Risk.R0, "Find out what a project needs, what this machine has, and what is missing.", "scan.tool"),
    Entry(
        "provision",
        Risk.R2,
        "Install what a project needs, or what is named.",
        "provision.tool",
    ),
    Entry("sync", Risk.R2, "Keep two directories the same, in both directions or in one.", "sync.tool"),
    Entry(
        "syncs",
        Risk.R1,
        "List what is kept in sync; pause, flush or end it, or settle its conflicts.",
        "sync.syncs",
    ),
    Entry("snapshot", Risk.R1, "Record the environment, to be able to come back to it.", "snapshot.tool"),
    Entry(
        "rewind", Risk.R2, "Take the environment, or some of its paths, back to an earlier moment.", "snapshot.rewind"
    ),
    Entry(
        "drift",
        Risk.R0,
        "Tell what changed or differs, how bad it is, and the fix.",
        "drift.tool",
    ),
    Entry("history", Risk.R0, "Show what was done and recorded, and what is remembered.", "history.tool"),
    Entry(
        "status",
        Risk.R0,
        "Show what is going on: locks, interrupted work, running services, the store's size.",
        "status.tool",
    ),
    Entry("logs", Risk.R0, "Show the end of what a service, container or unit printed.", "logs.tool"),
    Entry(
        "destroy",
        Risk.R3,
        "Remove a sandbox, deployment or service that EnvSync made, for good.",
        "destroy.tool",
    ),
    Entry("run", Risk.R2, "Run one command, without a shell.", "run.tool"),
    Entry("remember", Risk.R1, "Keep a fact or a preference for later requests.", "remember.tool"),
    Entry(
        "sandbox",
        Risk.R2,
        "Make a throw-away machine, removed by itself when its lease ends.",
        "sandbox.tool",
    ),
)

TYPED: tuple[Entry, ...] = (
    Entry(
        "fingerprint",
        Risk.R0,
        "Carry this machine's tools, packages, extensions, aliases and chosen dotfiles to another one.",
        "provision.fingerprint",
    ),
)
"""What only a person types: no model sees it or may call it."""

STEPS: tuple[str, ...] = (
    "scan.writing",
    "provision.tool",
    "provision.fingerprint",
    "snapshot.steps",
    "run.tool",
    "remember.tool",
    "destroy.tool",
    "sandbox.tool",
    "sync.tool",
    "sync.syncs",
)
"""Modules with a constant `STEPS`, a tuple of step kinds."""


def names() -> tuple[str, ...]:
    """All tools' names, in order, as a model sees them."""
    return tuple(entry.name for entry in TOOLS)


@cache
def find(name: str) -> Tool[Any]:
    """The tool of exactly that name; no near match is ever taken. Raises Usage."""
    for entry in (*TOOLS, *TYPED):
        if entry.name == name:
            return getattr(import_module(f".{entry.module}", __package__), name.upper())
    raise Usage(f"there is no tool {name!r}", f"The tools are: {', '.join(names())}.")


class Kinds(Mapping[str, "StepKind"]):
    """Every step kind by its name. Only what is looked up is imported: all of them together take 0.1 s."""

    def __getitem__(self, name: str) -> StepKind:
        package = name.partition("-")[0] + "."
        for module in sorted(STEPS, key=lambda module: not module.startswith(package)):
            found = _steps(module)
            if name in found:
                return found[name]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for module in STEPS for name in _steps(module))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@cache
def _steps(module: str) -> dict[str, StepKind]:
    return {kind.name: kind for kind in import_module(f".{module}", __package__).STEPS}


def kinds() -> Mapping[str, StepKind]:
    """Every step kind by its name."""
    return Kinds()


def schema(args: type[Args]) -> dict[str, Any]:
    """The JSON schema of a tool's arguments as a model sees it: no titles, nothing it does not need."""
    return _without_titles(args.model_json_schema())


def _without_titles(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_titles(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}  # pyright: ignore[reportUnknownVariableType]  # JSON
    if isinstance(value, list):
        return [_without_titles(item) for item in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
    return value
