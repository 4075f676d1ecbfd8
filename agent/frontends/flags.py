"""Flags: the ones every command takes, and a parser whose complaints are our errors."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from ...tools.errors import EnvSyncError, Usage
from ..config import Settings, load

VALUED = frozenset({"--model", "--session", "--on", "-C"})
"""Common flags that take a value: what follows one is no command."""

HELP = (
    ("--json", "print exactly one JSON document, errors too"),
    ("--plan", "say what would be done, do nothing"),
    ("--yes", "approve plans up to R2"),
    ("--model NAME", "who answers, alone: offline, NAME or NAME@URL; auto: offline what is sure, else the model"),
    ("--session ID", "go on with that session"),
    ("--continue", "go on with the latest session of this project"),
    ("--on HOST", "the host to work on (default: local)"),
    ("-C DIR", "work in that directory"),
    ("--no-memory", "remember nothing, recall nothing"),
    ("--quiet", "the answer alone"),
    ("--no-color", "plain, linear text"),
)
"""The common flags as `--help` shows them."""


class Parser(argparse.ArgumentParser):
    """argparse that raises Usage, takes no abbreviations, and knows the common flags."""

    def __init__(self, prog: str, *, description: str = "", hint: str = "", **options: Any) -> None:
        super().__init__(
            prog=prog,
            description=description,
            allow_abbrev=False,
            add_help=False,
            **options,
        )
        self._hint = hint or f"`{prog} --help` shows what it takes."
        common = self._common = self.add_argument_group("common")
        common.add_argument("-h", "--help", action="help", help="show this")
        kinds: dict[str, dict[str, Any]] = {
            "--no-memory": {"action": "store_const", "const": False, "dest": "memory"},
            "--no-color": {"action": "store_const", "const": False, "dest": "color"},
            "--continue": {"action": "store_true", "dest": "resume"},
            "-C": {"dest": "path_", "metavar": "DIR"},
        }
        for shown, text in HELP:
            flag, _, value = shown.partition(" ")
            kind = kinds.get(flag) or ({"metavar": value} if value else {"action": "store_true"})
            common.add_argument(flag, help=text, default=argparse.SUPPRESS, **kind)

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """Parse flags and plain words in any order; everything after `--` is a plain word, whatever it looks like."""
        at = list(argv).index("--") if "--" in argv else len(argv)
        given = self.parse_intermixed_args(list(argv[:at]))
        given.words = [*getattr(given, "words", []), *argv[at + 1 :]]
        return given

    def format_help(self) -> str:
        """The summary, how to call it, its own arguments with one line each, then the rest."""
        own = [action for action in self._actions if action.help is not argparse.SUPPRESS]
        common = [action for action in own if action in self._common._group_actions]
        words = " ".join(str(a.metavar) for a in self._actions if not a.option_strings)
        parts = [self.description or "", f"usage: {self.prog} [flags] {words}".rstrip()]
        # argparse wants a percent sign written twice.
        rows = [(_shown(action), (action.help or "").replace("%%", "%")) for action in own if action not in common]
        if rows:
            parts.append("arguments:\n" + table(rows))
        parts.append("flags of every command:\n" + table([*HELP, ("-h, --help", "show this")]))
        if self.epilog:
            parts.append(textwrap.fill(self.epilog, 100))
        return "\n\n".join(part for part in parts if part) + "\n"

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{self.prog}: {message}", self._hint)


def table(rows: Sequence[tuple[str, str]], width: int = 0) -> str:
    """Two columns of help, the right one wrapped at 110 columns."""
    width = width or max(len(left) for left, _ in rows)
    shown: list[str] = []
    for left, right in rows:
        first, *more = textwrap.wrap(right, max(40, 106 - width)) or [""]
        shown += [f"  {left:<{width}}  {first}".rstrip(), *(" " * (width + 4) + line for line in more)]
    return "\n".join(shown)


def _shown(action: argparse.Action) -> str:
    flag = action.option_strings[0] if action.option_strings else ""
    if isinstance(action, argparse.BooleanOptionalAction):
        return " | ".join(action.option_strings)
    if action.choices:
        return f"{flag} {{{','.join(map(str, action.choices))}}}".strip()
    value = "" if action.nargs == 0 or not action.metavar else str(action.metavar)
    many = " …" if action.nargs in ("+", "*") and flag else ""
    return f"{flag} {value}{many}".strip()


def settings(given: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Settings from the common flags that were given."""
    names = ("json", "plan", "yes", "model", "session", "resume", "on", "memory", "quiet", "color")
    flags = {name: getattr(given, name) for name in names if hasattr(given, name)}
    if hasattr(given, "path_"):
        flags["path"] = given.path_
    return load(flags, environ)


def split(argv: Sequence[str], valued: Iterable[str] = VALUED) -> tuple[list[str], str, list[str]]:
    """The flags before the first plain word, that word (empty when there is none), and the rest."""
    takes, at = set(valued), 0
    while at < len(argv):
        word = argv[at]
        if word == "--":
            return list(argv[:at]), argv[at + 1] if argv[at + 1 :] else "", list(argv[at + 2 :])
        if word == "-" or not word.startswith("-"):
            return list(argv[:at]), word, list(argv[at + 1 :])
        at += 2 if word in takes else 1
    return list(argv), "", []


def wants_json(argv: Sequence[str]) -> bool:
    """Whether stdout must hold a JSON document even when the arguments cannot be parsed."""
    return "--json" in argv[: argv.index("--")] if "--" in argv else "--json" in argv


def failure(error: EnvSyncError) -> dict[str, Any]:
    """An error as the JSON document of a failed command."""
    return {"error": {"code": error.code, "what": error.what, "hint": error.hint}, "exit": error.exit}
