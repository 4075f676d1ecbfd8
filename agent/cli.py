"""`envsync` and `ask`: parse, hand on to a front end, map every ending to an exit code. Imports nothing heavy."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from ..tools.errors import Cancelled, EnvSyncError, Usage
from .frontends.flags import HELP, failure, split, table, wants_json

EXITS = (
    (0, "done, or nothing to do"),
    (1, "a tool failed; what was changed is said, and was taken back where that was possible"),
    (2, "wrong usage or configuration"),
    (3, "needs an approval that was not given; nothing was changed"),
    (4, "not understood, or out of scope; nothing was changed"),
    (5, "drift was found (drift only)"),
    (6, "the host, the model or the network could not be reached"),
    (7, "interrupted half-way; the message says how to go on"),
    (130, "cancelled"),
)


def main() -> NoReturn:
    """The console script `envsync`."""
    _leave(run(envsync, sys.argv[1:]))


def ask() -> NoReturn:
    """The console script `ask`."""
    _leave(run(_ask, sys.argv[1:]))


def run(command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Run a command to its exit code; every failure ends in a message that says what to do next."""
    gc.disable()  # nothing that starting up makes is garbage; commands switch it on again when they begin to work
    _steady()
    try:
        return command(argv)
    except SystemExit as leaving:  # argparse after --help
        return int(leaving.code or 0)
    except BaseException as error:
        return _exit(error, argv)


def envsync(argv: Sequence[str]) -> int:
    """The conversation, a typed call, or one of the other commands."""
    from ..tools.registry import names
    from .frontends.registry import COMMANDS

    before, word, rest = split(argv)
    if "--version" in before:
        return _version("envsync")
    if word == "help" and not rest:
        word, before = "", ["--help"]
    if not word:
        if {"-h", "--help"} & set(before):
            return _print(_envsync_help())
        from .frontends import repl

        return repl.run(before)
    if word in names():
        from .frontends import typed

        return typed.run(word, [*before, *rest])
    for entry in COMMANDS:
        if entry.name == word:
            return entry.run([*before, *rest])
    raise _unknown(word, [*names(), *(entry.name for entry in COMMANDS)], rest)


def _ask(argv: Sequence[str]) -> int:
    options = argv[: list(argv).index("--")] if "--" in argv else argv
    if "--version" in options:
        return _version("ask")
    if {"-h", "--help"} & set(options):
        return _print(_ask_help())
    from .frontends import ask as one_shot

    return one_shot.run(argv)


def _exit(error: BaseException, argv: Sequence[str]) -> int:
    """The one place where an error becomes an exit code."""
    match error:
        case EnvSyncError():
            _say(error, argv)
            return error.exit
        case KeyboardInterrupt():
            _say(Cancelled("cancelled", ""), argv)
            return 130
        case BrokenPipeError():
            return 0  # the reader had enough; what was to be done had been done before it was printed
        case _:
            _say(_bug(error), argv)
            return 1


def _say(error: EnvSyncError, argv: Sequence[str]) -> None:
    if wants_json(argv):
        import json

        print(json.dumps(failure(error)))
        return
    from .frontends.text import safe

    plain = not sys.stderr.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    mark = "error:" if plain or "--no-color" in argv else "\x1b[31m●\x1b[0m"
    print(f"{mark} {safe(error.what, lines=True)}", file=sys.stderr)
    if error.hint:
        print(f"  {safe(error.hint, lines=True)}", file=sys.stderr)


def _bug(error: BaseException) -> EnvSyncError:
    """A fault of ours: the trace goes to a file, without secrets; the person gets two lines."""
    import time
    import traceback

    from ..tools.errors import Failed
    from ..tools.redact import Redactor
    from .config import load, state_directory

    redact = Redactor(os.environ)
    trace = redact("".join(traceback.format_exception(error)))
    try:
        file = state_directory(load({}, os.environ)) / f"bug-{time.strftime('%Y%m%d-%H%M%S')}.txt"
        file.write_text(trace, "utf-8", "backslashreplace")
        where = f"The full trace is in {file}; please report it."
    except (OSError, EnvSyncError):
        where = trace
    return Failed(redact(f"this is a fault in EnvSync: {type(error).__name__}: {error}"), where)


def _unknown(word: str, known: Sequence[str], rest: Sequence[str]) -> Usage:
    from difflib import get_close_matches

    from .frontends.text import safe

    near = get_close_matches(word, known, 1, 0.7)
    words = safe(" ".join([word, *rest]))
    hint = f"Did you mean `envsync {near[0]}`?" if near else f'To ask in plain words: ask "{words}". '
    return Usage(
        f"there is no command {safe(word)!r}", f"{hint} `envsync --help` lists all commands.".replace("  ", " ")
    )


def _steady() -> None:
    """Output that cannot fail on a character, and streams that exist: a closed one is replaced by nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # lives as long as the process
        else:
            stream.reconfigure(errors="backslashreplace")


def _leave(code: int) -> NoReturn:
    """Flush, run what was registered for the end, and go: taking the interpreter down by hand costs 50 ms for nothing."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the reader is gone
            stream.flush()
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  # os._exit would skip what asked for it
    os._exit(code)


# -- Help -----------------------------------------------------------------------------------------------------------


def _version(program: str) -> int:
    from .. import __version__

    return _print(f"{program} {__version__}")


def _print(text: str) -> int:
    print(text)
    return 0


def _envsync_help() -> str:
    from ..tools.registry import TOOLS
    from .frontends.registry import COMMANDS

    tools = [(entry.name, entry.summary) for entry in TOOLS]
    others = [(f"{entry.name} {entry.usage}".strip(), entry.summary) for entry in COMMANDS]
    return f"""\
Words in, a previewed and undoable change to your development environment out.

usage:
  envsync                  start a conversation
  envsync TOOL [--arg …]   one call: the same plan, approval and undo as from words
  ask WORDS…               one request and its answer

tools (`envsync TOOL --help` shows the arguments):
{table(tools)}

other commands:
{table(others)}

flags, before or after the command:
{table([*HELP, ("-h, --help", "show this"), ("--version", "show the version")], 14)}

exit codes:
{_exits()}"""


def _ask_help() -> str:
    return f"""\
Ask for something in plain words; what would change is shown first, and can be taken back.

usage:
  ask WORDS…
  COMMAND | ask WORDS…     the output of COMMAND is context
  ask < FILE               the request is the text itself

examples:
  ask what does this project need, and what is missing here
  ask set this project up
  ask upgrade numpy to 2.0
  ask what changed since yesterday
  ask undo that

flags:
{table([*HELP, ("-h, --help", "show this"), ("--version", "show the version")], 14)}

Quote the words, or put them after `--`, when they hold characters that your shell reads: ask -- "what is --plan?"

exit codes:
{_exits()}"""


def _exits() -> str:
    return "\n".join(f"  {code:>3}  {text}" for code, text in EXITS)
