"""Dockerfiles as their grammar has them: instructions, continued lines, heredocs, stages and the values of build arguments."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from functools import lru_cache

from .parse import strings

MOST = 5_000
"""Lines of one file that are looked at."""
STAGES = 60
LONGEST = 200
"""Characters of a variable's value that are kept: values are put into one another."""
_HEREDOC = re.compile(r"<<(-?)[ \t]{0,4}([\"']?)([A-Za-z_]\w{0,60})\2")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w{0,100})(?::?([-+])([^${}]{0,200}))?\}|([A-Za-z_]\w{0,100}))")
_PAIR = re.compile(r"([A-Za-z_][\w.-]{0,120})=(\"(?:[^\"\\\n]|\\.)*\"?|'[^'\n]*'?|(?:\\.|[^\s\\])*)")


@dataclass(frozen=True)
class Step:
    """One instruction, its continued lines put together."""

    word: str
    """In capitals: `RUN`."""
    text: str
    line: int


@dataclass
class Stage:
    """What stands below one FROM."""

    image: str
    """With the values of build arguments put in; of a stage, its name."""
    name: str
    line: int
    base: Stage | None = None
    """The stage that it goes on from."""
    steps: list[Step] = field(default_factory=list[Step])
    values: dict[str, str] = field(default_factory=dict[str, str])
    """Of ENV and ARG, as known at its end."""
    env: dict[str, int] = field(default_factory=dict[str, int])
    """Names that ENV sets, and the line."""

    @property
    def chain(self) -> list[Stage]:
        """It and the stages below it, itself first; a name can only mean a stage above, so there is an end."""
        found: list[Stage] = [self]
        while (base := found[-1].base) is not None:
            found.append(base)
        return found

    @property
    def root(self) -> str:
        """The image that all of it begins with."""
        return self.chain[-1].image

    def last(self, word: str) -> Step | None:
        """The instruction that holds in the image: the last of its kind, also of the stages below."""
        for stage in self.chain:
            for step in reversed(stage.steps):
                if step.word == word:
                    return step
        return None

    def every(self, word: str) -> list[Step]:
        """All instructions of a kind, of the stages below first."""
        return [step for stage in reversed(self.chain) for step in stage.steps if step.word == word]

    def filled(self, text: str) -> str:
        """A text with the values of variables put in; what has none is left as it stands."""
        return fill(text, self.values)


def fill(text: str, values: dict[str, str]) -> str:
    """Put in `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+instead}`."""

    def value(match: re.Match[str]) -> str:
        name, sign, other = match[1] or match[4], match[2], match[3] or ""
        if sign == "+":
            return other if values.get(name) else ""
        return values.get(name) or (other if sign else values.get(name, match[0]))

    return _VARIABLE.sub(value, text[:1_000]) if "$" in text else text


def steps(text: str) -> list[Step]:
    """The instructions of a Dockerfile."""
    lines = text.replace("\r\n", "\n").split("\n")[:MOST]
    escape = "\\"
    for line in lines:
        if not line.startswith("#"):
            break
        if found := re.match(r"#[ \t]*escape[ \t]*=[ \t]*([`\\])", line, re.IGNORECASE):
            escape = found[1]
    found_steps: list[Step] = []
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        start = index = index + 1
        if not line or line.startswith("#"):
            continue
        parts: list[str] = []
        while line.endswith(escape):
            parts.append(line[:-1])
            while index < len(lines) and (not lines[index].strip() or lines[index].lstrip().startswith("#")):
                index += 1
            line = lines[index].strip() if index < len(lines) else ""
            index += 1
        parts.append(line)
        whole = " ".join(part.strip() for part in parts)
        word, _, rest = whole.partition(" ") if " " in whole else whole.partition("\t")
        word = word.upper()
        if word in ("RUN", "COPY", "ADD"):
            index = _after(lines, index, rest)
        if word.isalpha():
            found_steps.append(Step(word, rest.strip(), start))
    return found_steps


def _after(lines: list[str], index: int, text: str) -> int:
    """The line behind the heredocs that an instruction opens."""
    for dash, _, name in _HEREDOC.findall(text)[:10]:
        while index < len(lines):
            line = lines[index]
            index += 1
            if (line.lstrip("\t") if dash else line) == name:
                break
    return index


@lru_cache(maxsize=32)
def stages(text: str) -> tuple[Stage, ...]:
    """The stages of a Dockerfile, in order; not to be changed, since several services may be built from one file."""
    given: dict[str, str] = {}
    found: list[Stage] = []
    by_name: dict[str, Stage] = {}
    for step in steps(text):
        if step.word == "FROM":
            if len(found) >= STAGES:
                break
            words = [word for word in step.text.split() if not word.startswith("--")]
            image = fill(words[0], given) if words else ""
            base = by_name.get(image.lower())
            name = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else ""
            stage = Stage(image, name, step.line, base)
            if base is not None:
                stage.values.update(base.values)
            found.append(stage)
            by_name[str(len(found) - 1)] = stage
            if name:
                by_name[name] = stage
        elif not found:
            if step.word == "ARG":
                given.update(_pairs(step.text, given))
        else:
            _add(found[-1], step, given)
    return tuple(found)


def _add(stage: Stage, step: Step, given: dict[str, str]) -> None:
    stage.steps.append(step)
    if step.word == "ENV":
        pairs = _pairs(step.text, stage.values)
        if not pairs and (old := step.text.split(None, 1)) and re.fullmatch(r"[A-Za-z_]\w{0,120}", old[0]):
            pairs = {old[0]: stage.filled(old[1].strip("\"'"))[:LONGEST] if len(old) > 1 else ""}
        stage.values.update(pairs)
        for name in pairs:
            stage.env.setdefault(name, step.line)
    elif step.word == "ARG":
        pairs = _pairs(step.text, stage.values)
        for name in step.text.split():
            # Without a value it means the one given above the first FROM.
            if "=" not in name and name in given:
                pairs[name] = given[name]
        for name, value in pairs.items():
            if name not in stage.env:
                stage.values[name] = value


def _pairs(text: str, values: dict[str, str]) -> dict[str, str]:
    pairs = _PAIR.findall(text[:20_000])[:200]
    return {name: fill(value.strip("\"'"), values)[:LONGEST] for name, value in pairs}


def argv(step: Step | None) -> list[str] | str:
    """What CMD or ENTRYPOINT runs: words of the exec form, or the text that a shell gets."""
    if step is None:
        return []
    if step.text.startswith("["):
        try:
            return strings(json.loads(step.text))
        except (ValueError, RecursionError):
            return []
    return step.text


def command(stage: Stage) -> list[str] | str:
    """What the image runs: ENTRYPOINT with CMD behind it."""
    entry, cmd = argv(stage.last("ENTRYPOINT")), argv(stage.last("CMD"))
    if isinstance(entry, str):
        return entry
    if not entry:
        return cmd
    if isinstance(cmd, str):
        # The shell form of CMD becomes words for `sh -c`, which an entry point as a list hardly ever means.
        try:
            cmd = shlex.split(cmd)[:50]
        except ValueError:
            cmd = []
    return [*entry, *cmd]


def exposed(stage: Stage) -> list[int]:
    """The ports that EXPOSE names."""
    found: list[int] = []
    for step in stage.every("EXPOSE"):
        for word in stage.filled(step.text.partition("#")[0]).split():
            port = word.partition("/")[0]
            if port.isdigit() and len(port) < 6 and int(port) not in found:
                found.append(int(port))
    return found
