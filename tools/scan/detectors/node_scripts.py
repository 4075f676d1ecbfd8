"""What a package's scripts start: every script as the programs it comes down to, wrappers and other scripts seen through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .node_programs import BUILDERS, KIND, UNLESS_BUILT

LONGEST = 2_000
"""Characters of a script that are looked at."""
DEEPEST = 6
"""How far one script is followed into others."""
MOST = 200
"""Commands that are looked at for one script: scripts that all call all others would never end."""

# Each alternative begins with another character, so a quote that is never closed is looked for only once.
_WORD = re.compile(r"(?:[^\s\"';&|\\]|\\.|\"(?:[^\"\\]|\\.)*+\"|'[^']*+')++|&&|\|\||[;&|]|[\"'\\]")
_QUOTED = re.compile(r"\\(.)|\"((?:[^\"\\]|\\.)*+)\"|'([^']*+)'")
_ASSIGNED = re.compile(r"([A-Za-z_]\w{0,60})=(.*)", re.DOTALL)
_IDLE = frozenset({"echo", "exit", "true", "false", ":"})

RUNNING = frozenset({"front", "static", "program", "desktop", "mobile", "browser"})
"""Kinds of programs that are the project itself, running."""
_BUILD_FILES = re.compile(
    r"(?:^|[/.-])(?:build|builds?er|esbuild|rollup|bundle|compile|gulpfile|clean|prebuild|postbuild|codegen)(?:[.-]|$)"
)
_VALUED = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader", "--env-file", "-C", "--conditions"})  # fmt: skip
_MANAGERS = frozenset({"npm", "yarn", "pnpm", "bun"})
_AWAY = ("-w", "--workspace", "--workspaces", "-ws", "--prefix", "--filter", "-F", "-r", "--recursive", "-C", "--dir", "--cwd", "--parallel", "-A")  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One program with its arguments, as a script comes down to it."""

    argv: tuple[str, ...]
    port: int = 0
    """What `PORT=` in front of it says."""

    @property
    def program(self) -> str:
        """Its name without folders and without the suffix that Windows or a script file has."""
        return re.sub(r"\.(?:cmd|exe|js|mjs|cjs)$", "", self.argv[0].rpartition("/")[2]) if self.argv else ""

    @property
    def operands(self) -> list[str]:
        """The arguments that are no options, nor an option's separate value where that is known."""
        found: list[str] = []
        skip = False
        for word in self.argv[1:]:
            if skip or word.startswith("-"):
                skip = not skip and word in _VALUED
            else:
                found.append(word)
        return found

    @property
    def kind(self) -> str:
        """One of RUNNING, or elsewhere, build, docs, test, docker; empty when the program is not known."""
        program, operands = self.program, self.operands
        verb = operands[0] if operands else ""
        if program in UNLESS_BUILT:
            kind, built = UNLESS_BUILT[program]
            return "build" if verb in built.split() else kind
        if program in ("eleventy", "@11ty/eleventy"):
            return "static" if "--serve" in self.argv or "--watch" in self.argv else "build"
        if program == "bun":
            return _bun(verb, operands)
        found = KIND.get((program, "*")) or KIND.get((program, verb)) or ""
        if found == "program" and program in ("node", "tsx", "ts-node") and (not verb or _BUILD_FILES.search(verb)):
            return "build"
        if (
            not found
            and program in ("tsup", "tsdown", "esbuild")
            and any("--onSuccess" in word or "--on-success" in word for word in self.argv)
        ):
            return "program"
        return found or ("build" if program in BUILDERS else "")


def _bun(verb: str, operands: list[str]) -> str:
    if verb in ("build", "test"):
        return verb
    file = operands[1] if verb == "run" and len(operands) > 1 else verb
    if re.search(r"\.[cm]?[jt]sx?$", file):
        return "build" if _BUILD_FILES.search(file) else "program"
    return "static" if file.endswith(".html") else ""


ELSEWHERE = Call(("turbo",))
"""Stands for a call of which only this is known: what it starts lies in other folders."""


class Scripts:
    """The scripts of one package.json."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self.table = table
        self._known: dict[str, list[Call]] = {}
        self._left = 0

    def set(self, name: str) -> bool:
        """Whether a script does more than say that there is none."""
        programs = [words[0] for words, _ in _split(self.table.get(name, "")) if words]
        return bool(programs) and not all(program in _IDLE for program in programs)

    def calls(self, name: str) -> list[Call]:
        """What a script starts, in order."""
        if name not in self._known:
            self._left = MOST
            self._known[name] = list(self._follow(self.table.get(name, ""), (name,)))
        return self._known[name]

    def kinds(self, *names: str) -> frozenset[str]:
        """The kinds of everything that these scripts start."""
        return frozenset(call.kind for name in names for call in self.calls(name))

    def runs(self, *names: str) -> bool:
        """Whether one of these scripts leaves something of this package running."""
        return bool(self.kinds(*names) & RUNNING)

    def uses(self, *programs: str) -> str:
        """The first script that starts one of the programs."""
        return next((name for name in self.table if any(call.program in programs for call in self.calls(name))), "")

    def _follow(self, text: str, seen: tuple[str, ...]) -> Iterator[Call]:
        for words, port in _split(text):
            self._left -= 1
            if self._left < 0:
                return
            if words and words[0] == "cd" and words[1:] != ["."]:
                yield ELSEWHERE  # what comes after it is another folder's
                return
            yield from self._resolve(words, port, seen)

    def _resolve(self, words: list[str], port: int, seen: tuple[str, ...]) -> Iterator[Call]:
        words, port = _unwrapped(words, port)
        if not words:
            return
        call = Call(tuple(words), port)
        name = call.program
        if len(seen) >= DEEPEST:
            return
        if name in ("concurrently", "conc"):
            for operand in call.operands:
                manager, _, script = operand.partition(":")
                if manager in _MANAGERS | {"node"} and script:
                    yield from self._named(script.split()[0] if script.split() else "", port, seen)
                elif " " in operand or operand in _KNOWN:
                    yield from self._follow(operand, (*seen, operand))
        elif name in ("npm-run-all", "npm-run-all2", "run-s", "run-p"):
            for operand in call.operands:
                yield from self._named(operand.split()[0] if operand.split() else "", port, seen)
        elif name in _MANAGERS or (name == "node" and "--run" in words):
            yield from self._managed(call, seen)
        else:
            yield call

    def _managed(self, call: Call, seen: tuple[str, ...]) -> Iterator[Call]:
        verbs = [word for word in call.operands if word not in ("run", "run-script")]
        away = [word.partition("=")[0] for word in call.argv[1:] if word.startswith("-")]
        if any(word in _AWAY for word in away[:6]) or verbs[:1] in (["workspace"], ["workspaces"]):
            yield ELSEWHERE
            return
        script = verbs[0] if verbs else ""
        if script in self.table:
            extra = call.argv[call.argv.index(script) + 1 :] if script in call.argv else ()
            port = _flag(extra) or call.port
            for inner in self._named(script, port, seen):
                yield Call(inner.argv, port) if port else inner
        elif call.program == "bun":
            yield call
        elif script in _KNOWN:
            yield from self._resolve([*call.argv[call.argv.index(script) :]], call.port, (*seen, script))

    def _named(self, pattern: str, port: int, seen: tuple[str, ...]) -> Iterator[Call]:
        names: Iterable[str] = (pattern,) if pattern in self.table else ()
        if "*" in pattern and pattern.count("*") < 4:
            names = [name for name in self.table if fnmatchcase(name, pattern)][:20]
        for name in names:
            if name not in seen:
                for call in self._follow(self.table[name], (*seen, name)):
                    yield Call(call.argv, call.port or port)


_KNOWN = frozenset({program for program, _ in KIND} | set(UNLESS_BUILT) | BUILDERS | {"eleventy", "concurrently"})


def port_of(call: Call) -> int:
    """The port that a call's arguments or its environment name; 0 when they name none."""
    if call.kind not in RUNNING or call.program == "json-server":
        return 0
    return _flag(call.argv[1:]) or call.port


def _flag(argv: Iterable[str]) -> int:
    words = list(argv)
    for index, word in enumerate(words):
        option, _, value = word.partition("=")
        if option in ("--port", "-p", "--listen", "-l", "--devPort", "--httpPort"):
            value = value or (words[index + 1] if index + 1 < len(words) else "")
            if found := re.fullmatch(r"(?:[\w:/.]{0,60}:)?(\d{2,5})", value):
                return int(found[1])
        elif found := re.fullmatch(r"-p(\d{2,5})", word):
            return int(found[1])
    return 0


def _split(text: str) -> Iterator[tuple[list[str], int]]:
    """The single commands of a shell line, each as words without the assignments in front, and what these say of PORT."""
    words: list[str] = []
    for match in _WORD.finditer(text[:LONGEST]):
        word = match[0]
        if word in ("&&", "||", ";", "&", "|"):
            yield _assigned(words)
            words = []
        else:
            words.append(_QUOTED.sub(lambda m: m[1] or (m[2] or "").replace('\\"', '"') or m[3] or "", word))
    if words:
        yield _assigned(words)


def _assigned(words: list[str]) -> tuple[list[str], int]:
    port = 0
    while words and (found := _ASSIGNED.fullmatch(words[0])):
        if found[1] == "PORT" and re.fullmatch(r"\d{2,5}", found[2].strip()):
            port = int(found[2])
        words = words[1:]
    return words, port


def _unwrapped(words: list[str], port: int) -> tuple[list[str], int]:
    """The words without what only sets the stage: npx, cross-env, dotenv and their kin."""
    for _ in range(8):
        words, more = _assigned(words)
        port = more or port
        if not words:
            break
        first, rest = words[0], words[1:]
        if first in ("npx", "bunx", "pnpx", "cross-env", "cross-env-shell", "env", "env-cmd", "exec", "sudo", "time"):
            words = _operands(rest, ("-f", "--file", "-p", "--package", "-e", "-r", "--rc-file"))
        elif first in ("dotenv", "dotenvx", "infisical", "doppler", "op", "with-env", "dotenv-flow") or (
            first in ("npm", "pnpm", "yarn", "bun") and rest[:1] in (["exec"], ["dlx"], ["x"])
        ):
            words = rest[rest.index("--") + 1 :] if "--" in rest else _operands(rest, ("-e", "-f", "-c"))
            words = words[1:] if words[:1] in (["exec"], ["dlx"], ["x"], ["run"]) else words
        elif first == "bun" and "--bun" in rest[:2]:
            words = [w for w in rest if w not in ("--bun", "run", "x")]
        elif first in ("node", "bun") and (inner := _installed(rest)):
            words = inner
        else:
            break
    return words, port


def _operands(words: list[str], valued: tuple[str, ...]) -> list[str]:
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in valued else words[1:]
    return words


def _installed(words: list[str]) -> list[str]:
    """`node node_modules/vite/bin/vite.js build` as `vite build`."""
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif found := re.search(r"(?:^|/)node_modules/(?:\.bin/)?((?:@[\w.-]+/)?[\w.-]+)", word):
            return [found[1], *words[index + 1 :]]
        elif not word.startswith("-"):
            break
        else:
            skip = word in _VALUED
    return []
