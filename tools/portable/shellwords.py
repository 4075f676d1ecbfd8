"""Reading words as sh, bash and zsh read them, without expanding anything. Each character is looked at once."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RUN = re.compile(r"[^\s'\"`$\\;&|()<>]+")
_BARE = re.compile(r"[^\"\\$`]+")
_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_DOLLAR = re.compile(r"\$(?:[A-Za-z_]\w*|[0-9@*#?$!-]|\{)")
_ANSI = re.compile(r"[^'\\]+")
_INSIDE = re.compile(r"[^'\"`\\(){}]+")
DEPTH = 40
"""Substitutions within each other: no person writes more."""
ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"', "e": "\x1b", "E": "\x1b", "a": "\a", "r": "\r"}


class Unclosed(ValueError):
    """A quote or substitution is never closed, or they are nested too deep; `at` is where it begins."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


@dataclass(frozen=True)
class Word:
    """One word: as it is written, and what it means."""

    raw: str
    value: str
    static: bool
    """Whether the value is what the shell would make of it. `$HOME` and a `~` in front stay as they are and count as static:
    they mean the same later and on another machine."""


def read(text: str, at: int) -> tuple[Word, int]:
    """The word that begins at `at`, and where it ends. Raises Unclosed."""
    start, value, static = at, list[str](), True
    while at < len(text):
        run = _RUN.match(text, at)
        if run:
            value.append(run[0])
            at = run.end()
            continue
        character = text[at]
        if character == "'":
            end = _closing(text, at)
            value.append(text[at + 1 : end])
            at = end + 1
        elif character == '"':
            inner, at, plain = _double(text, at, 0)
            value.append(inner)
            static = static and plain
        elif character == "\\":
            if at + 1 >= len(text):
                return Word(text[start:], "".join(value), static), len(text)
            if text[at + 1] != "\n":
                value.append(text[at + 1])
            at += 2
        elif character == "$" and text[at + 1 : at + 2] == "'":
            inner, at, plain = _ansi(text, at)
            value.append(inner)
            static = static and plain
        elif character in "$`":
            end, plain = _substitution(text, at, 0)
            value.append(text[at:end])
            static = static and plain
            at = end
        else:
            break
    return Word(text[start:at], "".join(value), static), at


def _closing(text: str, at: int) -> int:
    end = text.find("'", at + 1)
    if end < 0:
        raise Unclosed(at)
    return end


def _double(text: str, at: int, depth: int) -> tuple[str, int, bool]:
    start, value, static = at, list[str](), True
    at += 1
    while at < len(text):
        bare = _BARE.match(text, at)
        if bare:
            value.append(bare[0])
            at = bare.end()
            continue
        character = text[at]
        if character == '"':
            return "".join(value), at + 1, static
        if character == "\\":
            following = text[at + 1 : at + 2]
            # Before anything else a backslash is a character of its own.
            value.append("" if following == "\n" else following if following in '"\\$`' else "\\" + following)
            at += 2
        else:
            end, plain = _substitution(text, at, depth)
            value.append(text[at:end])
            static = static and plain
            at = end
    raise Unclosed(start)


def _ansi(text: str, at: int) -> tuple[str, int, bool]:
    r"""`$'…'`: with the escapes that people use; any other one (`\x41`) is not worked out."""
    start, value, static = at, list[str](), True
    at += 2
    while at < len(text):
        run = _ANSI.match(text, at)
        if run:
            value.append(run[0])
            at = run.end()
        elif text[at] == "'":
            return "".join(value), at + 1, static
        else:
            following = text[at + 1 : at + 2]
            static = static and following in ESCAPES
            value.append(ESCAPES.get(following, "\\" + following))
            at += 2
    raise Unclosed(start)


def _substitution(text: str, at: int, depth: int) -> tuple[int, bool]:
    """Where `$x`, `${x}`, `$(x)` or backticks end, and whether it is `$HOME`."""
    if depth > DEPTH:
        raise Unclosed(at)
    if text[at] == "`":
        end = at + 1
        while True:
            end = text.find("`", end)
            if end < 0:
                raise Unclosed(at)
            if text[end - 1] != "\\":
                return end + 1, False
            end += 1
    if text[at + 1 : at + 2] == "(":
        return enclosed(text, at + 1, depth + 1), False
    named = _NAME.match(text, at)
    if named:
        return named.end(), (named[1] or named[2]) == "HOME"
    if text[at + 1 : at + 2] == "{":
        return enclosed(text, at + 1, depth + 1), False
    dollar = _DOLLAR.match(text, at)
    return (dollar.end(), False) if dollar else (at + 1, True)


def enclosed(text: str, at: int, depth: int = 0) -> int:
    """Where the bracket that opens at `at` is closed; quotes inside are respected. Raises Unclosed."""
    if depth > DEPTH:
        raise Unclosed(at)
    start, close = at, {"(": ")", "{": "}"}[text[at]]
    expecting = [close]
    at += 1
    while at < len(text):
        run = _INSIDE.match(text, at)
        if run:
            at = run.end()
            continue
        character = text[at]
        if character == "\\":
            at += 2
        elif character == "'":
            at = _closing(text, at) + 1
        elif character == '"':
            _, at, _ = _double(text, at, depth + 1)
        elif character == "`":
            at, _ = _substitution(text, at, depth + 1)
        elif character in "({":
            expecting.append(")" if character == "(" else "}")
            if len(expecting) > DEPTH:
                raise Unclosed(start)
            at += 1
        else:
            at += 1
            # A bracket of the other kind is a pattern of `case`, or a plain character.
            if character == expecting[-1]:
                expecting.pop()
                if not expecting:
                    return at
    raise Unclosed(start)
