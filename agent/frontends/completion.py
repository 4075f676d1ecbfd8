"""Completion scripts for bash, zsh and fish. The scripts are static, so that a Tab starts no process of ours."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ... import __version__
from ...tools.errors import Usage
from ...tools.registry import TOOLS, names
from .flags import HELP, Parser, settings
from .registry import COMMANDS

Flags = dict[str, tuple[str, list[str]]]
"""Help and choices by flag."""


def run(argv: Sequence[str]) -> int:
    """Print the script of a shell. Raises Usage for a shell that is not known."""
    parser = Parser("envsync completion", description="Print the completion script of a shell.", hint=HOW)
    parser.add_argument("words", nargs="*", metavar="bash | zsh | fish")
    given = parser.read(argv)
    chosen = settings(given, os.environ)
    if len(given.words) != 1 or given.words[0] not in SHELLS:
        raise Usage("completion takes a shell: bash, zsh or fish", HOW)
    cache = Path(chosen.environ.get("XDG_CACHE_HOME") or Path(chosen.environ.get("HOME", "~")).expanduser() / ".cache")
    script = SHELLS[given.words[0]](table(cache / "envsync"))
    sys.stdout.write(json.dumps({"script": script}) + "\n" if chosen.json else script)
    return 0


HOW = 'Put this in ~/.bashrc: eval "$(envsync completion bash)" — or zsh in ~/.zshrc; fish: envsync completion fish | source'


def common() -> Flags:
    """The flags of every command."""
    return {shown.split(" ")[0]: (text, []) for shown, text in [*HELP, ("--help", "show help")]}


def table(cache: Path | None = None) -> dict[str, Flags]:
    """Every tool's own flags. Deriving them loads the tools (0.3 s), so they are kept until the code changes."""
    tools = Path(__file__).parents[2] / "tools"
    modules = [tools / f"{entry.module.replace('.', '/')}.py" for entry in TOOLS]
    key = [__version__, *(path.stat().st_mtime_ns if path.exists() else 0 for path in [*modules, Path(__file__)])]
    file = cache / "flags.json" if cache else None
    if file is not None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(file.read_text("utf-8"))
            if kept["key"] == key:
                return {tool: {f: (v[0], v[1]) for f, v in flags.items()} for tool, flags in kept["flags"].items()}
    from .typed import flags_of

    made = {name: flags_of(name) for name in names()}
    if file is not None:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_name(f"flags-{os.getpid()}.new")
            new.write_text(json.dumps({"key": key, "flags": made}), "utf-8")
            new.replace(file)
    return made


def _bash(flags: dict[str, Flags]) -> str:
    everywhere = " ".join(common())
    heads = " ".join([*names(), *(entry.name for entry in COMMANDS)])
    tools = "\n".join(f"    {tool}) flags='{' '.join(own)}' ;;" for tool, own in flags.items())
    words = "\n".join(f"    {entry.name}) words='{' '.join(entry.words)}' ;;" for entry in COMMANDS if entry.words)
    values = "\n".join(
        f"    {tool}:{flag}) words='{' '.join(choices)}'; flags= ;;"
        for tool, own in flags.items()
        for flag, (_, choices) in own.items()
        if choices
    )
    return f"""\
# envsync completion for bash: eval "$(envsync completion bash)"
_envsync() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" word= i flags= words= skip=
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ -n $skip ]]; then skip=; continue; fi
    case "${{COMP_WORDS[i]}}" in
    --model|--session|--on|-C) skip=1 ;;
    -*) ;;
    *) word="${{COMP_WORDS[i]}}"; break ;;
    esac
  done
  COMPREPLY=()
  case "$prev" in
    -C|--path|--paths) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null; return ;;
    --on) COMPREPLY=($(compgen -W 'local' -- "$cur")); return ;;
    --model|--session) return ;;
  esac
  case "$word" in
{tools}
{words}
    '') words='{heads}' ;;
  esac
  if [[ $word == run && $cur != -* ]]; then COMPREPLY=($(compgen -c -- "$cur")); return; fi
  flags="$flags {everywhere}"
  case "$word:$prev" in
{values}
  esac
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null; fi
}}
_envsync_ask() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}"
  COMPREPLY=()
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '{everywhere}' -- "$cur"))
  else COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null; fi
}}
complete -F _envsync envsync
complete -F _envsync_ask ask
"""


def _zsh(flags: dict[str, Flags]) -> str:
    heads = "\n".join(
        f"    {_quoted(f'{name}:{text}')}"
        for name, text in [*((e.name, e.summary) for e in TOOLS), *((c.name, c.summary) for c in COMMANDS)]
    )
    everywhere = "\n".join(f"    {_zsh_flag(flag, text, [])}" for flag, (text, _) in common().items())
    tools = "\n".join(
        f"    {tool}) own=({' '.join(_zsh_flag(flag, text, choices) for flag, (text, choices) in own.items())}) ;;"
        for tool, own in flags.items()
    )
    words = "\n".join(
        f"    {entry.name}) rest='*:word:({' '.join(entry.words)})' ;;" for entry in COMMANDS if entry.words
    )
    return f"""\
#compdef envsync ask
# envsync completion for zsh: eval "$(envsync completion zsh)"
_envsync() {{
  local -a heads common own
  local word= i skip= rest='*:file:_files'
  heads=(
{heads}
  )
  common=(
{everywhere}
  )
  if [[ $service == ask ]]; then _arguments $common $rest; return; fi
  for ((i = 2; i < CURRENT; i++)); do
    if [[ -n $skip ]]; then skip=; continue; fi
    case $words[i] in
    --model|--session|--on|-C) skip=1 ;;
    -*) ;;
    *) word=$words[i]; break ;;
    esac
  done
  case $word in
{tools}
{words}
    '') if [[ $PREFIX == -* ]]; then _arguments $common; else _describe command heads; fi; return ;;
  esac
  words[i]=() ; ((CURRENT--))
  _arguments $common $own $rest
}}
compdef _envsync envsync ask
"""


def _fish(flags: dict[str, Flags]) -> str:
    lines = ["# envsync completion for fish: envsync completion fish | source"]
    heads = [*((e.name, e.summary) for e in TOOLS), *((c.name, c.summary) for c in COMMANDS)]
    lines += [f"complete -c envsync -n __fish_use_subcommand -f -a {name} -d {_quoted(text)}" for name, text in heads]
    for program in ("envsync", "ask"):
        lines += [f"complete -c {program} {_fish_flag(flag, text, [])}" for flag, (text, _) in common().items()]
    for tool, own in flags.items():
        seen = f"-n '__fish_seen_subcommand_from {tool}'"
        lines += [
            f"complete -c envsync {seen} {_fish_flag(flag, text, choices)}" for flag, (text, choices) in own.items()
        ]
    for entry in COMMANDS:
        if entry.words:
            seen = f"-n '__fish_seen_subcommand_from {entry.name}'"
            lines.append(f"complete -c envsync {seen} -f -a {_quoted(' '.join(entry.words))}")
    return "\n".join(lines) + "\n"


def _zsh_flag(flag: str, text: str, choices: Sequence[str]) -> str:
    plain = text.replace("[", "(").replace("]", ")").replace(":", " ")
    value = (
        f":value:({' '.join(choices)})" if choices else ":path:_files" if flag in ("-C", "--path", "--paths") else ""
    )
    if not value and (flag in ("--model", "--session", "--on") or flag not in common()):
        value = ":value: "
    return _quoted(f"{flag}[{plain}]{value}")


def _fish_flag(flag: str, text: str, choices: Sequence[str]) -> str:
    name = f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
    value = f" -x -a {_quoted(' '.join(choices))}" if choices else ""
    if flag in ("--model", "--session", "--on"):
        value = " -x"
    return f"{name} -d {_quoted(text)}{value}"


def _quoted(text: str) -> str:
    """In single quotes, as all three shells read them."""
    return "'" + text.replace("\\", "").replace("'", "’") + "'"


SHELLS: dict[str, Callable[[dict[str, Flags]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
