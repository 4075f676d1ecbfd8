"""Typed calls, `envsync TOOL --arg …`: a parser derived from the tool's Args, the executor, and no model or graph."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shlex
import types
import typing
from collections.abc import Sequence
from typing import Any, Literal

from ...tools import registry
from ...tools.contract import Tool
from ...tools.errors import Usage
from ..config import Settings
from ..events import Call
from ..executor import Direct, Executor
from ..wiring import build
from .approval import Asker
from .flags import VALUED, Parser, failure, settings, split
from .render import Screen
from .trust import trusted
from .turn import Turn, calls, dumped, follow, stoppable

MAIN: dict[str, tuple[str, ...]] = {
    "scan": ("path",),
    "provision": ("packages",),
    "sync": ("source", "destination"),
    "syncs": ("action", "name"),
    "fingerprint": ("action", "file"),
}
"""What words without a flag mean, where it is not the required fields or the first field."""
_SHARED = frozenset({"on"})
"""Fields that are common flags as well."""


def main_fields(tool: Tool[Any]) -> tuple[str, ...]:
    """The fields that words without a flag fill."""
    fields = tool.args.model_fields
    required = tuple(name for name, field in fields.items() if field.is_required())
    return MAIN.get(tool.name) or required or tuple(fields)[:1]


class ToolParser:
    """The command line of one tool."""

    def __init__(self, tool: Tool[Any], prog: str = "envsync") -> None:
        self.tool = tool
        first, _, rest = tool.doc.partition("\n")
        self.words = main_fields(tool)
        self.parser = Parser(f"{prog} {tool.name}".strip(), description=first.strip(), epilog=_unindented(rest))
        group = self.parser.add_argument_group("arguments")
        self.parser.add_argument(
            "words", nargs="*", metavar=" ".join(map(self._shown, self.words)), help=argparse.SUPPRESS
        )
        self.valued = set(VALUED)
        for name, field in tool.args.model_fields.items():
            if name not in _SHARED:
                options = _options(
                    field.annotation,
                    field.description or "",
                    field.get_default(call_default_factory=True),
                    field.is_required(),
                )
                flag = f"--{name.replace('_', '-')}"
                group.add_argument(flag, dest=f"arg_{name}", default=argparse.SUPPRESS, **options)
                if "action" not in options or options["action"] == "extend":
                    self.valued.add(flag)

    def _shown(self, name: str) -> str:
        field = self.tool.args.model_fields[name]
        shown = name.upper() + ("…" if _kind(field.annotation)[1] or name == "command" else "")
        return shown if field.is_required() else f"[{shown}]"

    def parse(self, argv: Sequence[str]) -> tuple[Call, argparse.Namespace]:
        """The call and the common flags. Raises Usage with what is wrong and where the help is."""
        command: list[str] = []
        if self.words == ("command",):
            # Everything from the first plain word on is the command, with its own flags.
            argv, first, rest = split(argv, self.valued)
            command = [first, *rest] if first or rest else []
        given = self.parser.read(argv)
        args = {name[4:]: value for name, value in vars(given).items() if name.startswith("arg_")}
        if "on" in self.tool.args.model_fields and hasattr(given, "on"):
            args["on"] = given.on
        self._words(args, [*given.words], command)
        missing = [n for n, field in self.tool.args.model_fields.items() if field.is_required() and n not in args]
        if missing:
            described = self.tool.args.model_fields[missing[0]].description or missing[0]
            raise Usage(
                f"{self.tool.name} needs {missing[0].upper()}: {described}", f"`{self.parser.prog} --help` shows more."
            )
        return Call(self.tool.name, args), given

    def _words(self, args: dict[str, Any], words: list[str], command: list[str]) -> None:
        """Give the words without a flag to the fields that they mean."""
        if command:
            args["command"] = command[0] if len(command) == 1 else shlex.join(command)
        if not words:
            return
        for name in self.words:
            if name in args:
                raise Usage(f"{self.tool.name}: {words[0]!r} and --{name} both say what {name} is", "Give one of them.")
        last = self.words[-1]
        for name in self.words[:-1]:
            if words:
                args[name] = words.pop(0)
        if words:
            _, many = _kind(self.tool.args.model_fields[last].annotation)
            args[last] = words if many else " ".join(words)


def _options(annotation: Any, help: str, default: Any, required: bool) -> dict[str, Any]:
    """How argparse takes a field of this type."""
    kind, many = _kind(annotation)
    text = help.replace("%", "%%")
    if not required and default not in (None, "", False, True) and default != [] and default != ():
        text += f" (default: {str(default).replace('%', '%%')})"
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction, "help": text}
    options: dict[str, Any] = {"help": text}
    if typing.get_origin(kind) is Literal:
        options["choices"] = list(typing.get_args(kind))
    elif kind in (int, float):
        options["type"] = kind
    elif kind is not str:
        options["type"] = _json
    if many:
        options |= {"nargs": "+", "action": "extend"}
    options["metavar"] = None if "choices" in options else _metavar(kind)
    return {name: value for name, value in options.items() if value is not None}


def _metavar(kind: Any) -> str:
    return {int: "N", float: "N", str: "TEXT"}.get(kind, "JSON")


def _kind(annotation: Any) -> tuple[Any, bool]:
    """The type of one value, and whether there may be many."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        kinds = [part for part in inner if part is not type(None)]
        return _kind(kinds[0]) if len(kinds) == 1 else (str if str in kinds else Any, False)
    if origin in (list, tuple, set, frozenset):
        return _kind(inner[0])[0], True
    return annotation, False


def _json(text: str) -> Any:
    return json.loads(text)


def _unindented(text: str) -> str:
    return " ".join(text.split())


# -- Running one ----------------------------------------------------------------------------------------------------


def run(name: str, argv: Sequence[str]) -> int:
    """Carry out one typed call; returns the exit code."""
    parser = ToolParser(registry.find(name))
    call, given = parser.parse(argv)
    chosen = settings(given, os.environ)
    return asyncio.run(_run(call, chosen, parser))


async def _run(call: Call, chosen: Settings, parser: ToolParser) -> int:
    parts = build(chosen)
    executor = parts.executor
    screen = Screen(chosen, raw=call.tool == "run")
    gc.freeze()
    gc.enable()

    turn = await stoppable(lambda: _turns(call, executor, screen, parser), executor.stop, screen)
    await parts.close()
    for notice in parts.notices:
        screen.note(notice)
    if chosen.json:
        print(json.dumps(document(turn, chosen)))
    return turn.exit


async def _turns(call: Call, executor: Executor, screen: Screen, parser: ToolParser) -> Turn:
    """The call, and what the person made of it with `edit`."""
    while True:
        words = shlex.join(["envsync", call.tool, *_flags(call)])
        asker = Asker(screen, words=words, edit="what instead? envsync")
        direct = Direct(executor)
        turn = await follow(direct, direct.send([call]), screen, asker, executor.stop)
        if await trusted(turn, asker):
            continue
        if not turn.reworded:
            return turn
        argv = shlex.split(turn.reworded.removeprefix("envsync "))
        if argv[:1] == [call.tool]:
            argv = argv[1:]
        call, _ = parser.parse(argv)


def _flags(call: Call) -> list[str]:
    """A call's arguments as flags."""
    shown: list[str] = []
    for name, value in call.args.items():
        values = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON
        flag = f"--{name.replace('_', '-')}"
        shown += [flag if value else f"--no-{flag[2:]}"] if isinstance(value, bool) else [flag, *values]
    return shown


def document(turn: Turn, chosen: Settings) -> dict[str, Any]:
    """The one JSON document of a typed call: the result, or the plan, or the error."""
    if turn.errors:
        return failure(turn.errors[0])
    if chosen.plan:
        plans = [item.plan.model_dump(mode="json") if item.plan else None for item in turn.prepared]
        return {"kind": "calls", "calls": calls(turn.prepared), "plans": plans, "exit": 0}
    return {**dumped(turn.results[0][1]), "exit": turn.exit} if turn.results else {"exit": turn.exit}


def flags_of(name: str) -> dict[str, tuple[str, list[str]]]:
    """Help and choices of every flag of a tool, for completion."""
    found: dict[str, tuple[str, list[str]]] = {}
    for field, info in registry.find(name).args.model_fields.items():
        if field not in _SHARED:
            kind, _ = _kind(info.annotation)
            choices = [str(choice) for choice in typing.get_args(kind)] if typing.get_origin(kind) is Literal else []
            found[f"--{field.replace('_', '-')}"] = (info.description or "", choices)
    return found
