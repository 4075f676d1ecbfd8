"""The aliases and functions that a file of sh, bash or zsh defines, found by reading it: nothing of it is ever run.

Whether a definition stands under an `if` does not matter; what a file makes by `eval` or a loop is not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from .shellwords import Unclosed, Word, enclosed, read

_GAP = re.compile(r"(?:[ \t\r]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_HERE = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]{1,100})'|\"([^\"\n]{1,100})\"|\\?([\w.-]{1,100}))")
_OPERATOR = re.compile(r"<<<|[<>]&|&>>?|>>|[<>]\||<>|&&|\|\||;;&|;;|;&|[;|&()<>\n]")
_REDIRECT = frozenset(("<<<", "<&", ">&", "&>", "&>>", ">>", ">|", "<>", "<", ">"))
_AGAIN = frozenset(("if", "then", "else", "elif", "do", "while", "until", "!", "time", "builtin", "command", "noglob"))
"""Words after which a command begins."""
_ASSIGNED = re.compile(r"[A-Za-z_]\w*\+?=")
ALIAS = re.compile(r"[^\s/$`=|&;()<>\\'\"]{1,100}")
FUNCTION = re.compile(r"[^\s$`=|&;()<>\\'\"]{1,100}")
MOST = 5_000
"""Definitions of one file."""
LARGEST = 20_000
"""Characters of one function that are kept."""
UNENDED = 20
"""Here-documents without an end: each costs a look through the rest of the file."""
_BRACKETS = re.compile(r"[ \t]*\([ \t]*\)")


Kind = Literal["alias", "abbreviation", "function"]


@dataclass(frozen=True)
class Found:
    """One definition. `text` is what an alias stands for, or the function as it is written."""

    kind: Kind
    name: str
    text: str
    plain: bool
    """Whether the text means the same wherever it is written down again."""


@dataclass
class File:
    """What a file has."""

    found: dict[tuple[str, str], Found] = field(default_factory=dict[tuple[str, str], Found])
    """By kind and name: the last definition counts."""
    sourced: list[str] = field(default_factory=list[str])
    """Files that it reads, as they are written: `~/.aliases`, `$HOME/.aliases`."""
    trouble: str = ""
    """Why not all of it was read."""


@dataclass
class _Function:
    name: str
    start: int
    depth: int = -1
    """Of the stack, when its body began."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.file = File()
        self.stack: list[str] = []
        self.functions: list[_Function] = []
        """Whose body is being read; the last may wait for its body."""
        self.here: list[tuple[str, bool]] = []
        self.unended = 0

    def run(self) -> File:
        beginning = True
        try:
            while self.at < len(self.text) and not self.file.trouble:
                beginning = self._step(beginning)
        except Unclosed as error:
            line = self.text.count("\n", 0, error.at) + 1
            self.file.trouble = f"what is opened in line {line} is never closed, so what follows was not read"
        if not self.file.trouble and any(function.depth >= 0 for function in self.functions):
            name = self.functions[0].name
            self.file.trouble = f"the function {name[:40]} is never closed, so what follows was not read"
        return self.file

    def _step(self, beginning: bool) -> bool:
        """Read one token; whether a command may begin after it."""
        text = self.text
        gap = _GAP.match(text, self.at)
        if gap:
            self.at = gap.end()
            return beginning
        if text[self.at] == "#":
            comment = _COMMENT.match(text, self.at)
            self.at = comment.end() if comment else len(text)
            return beginning
        if beginning and text.startswith("((", self.at):
            self.at = enclosed(text, self.at)
            return False
        here = _HERE.match(text, self.at)
        if here and not text.startswith("<<<", self.at):
            self.here.append((here[2] or here[3] or here[4], bool(here[1])))
            self.at = here.end()
            return beginning
        operator = _OPERATOR.match(text, self.at)
        if operator:
            self.at = operator.end()
            return self._operator(operator[0], beginning)
        word = self._word()
        return self._command(word) if beginning else False

    def _word(self) -> Word:
        start = self.at
        word, self.at = read(self.text, start)
        if self.at == start:  # a character that begins nothing, e.g. a form feed
            self.at += 1
        return word

    def _operator(self, operator: str, beginning: bool) -> bool:
        if operator in _REDIRECT:
            # What follows is a file's name, and after it a command may still begin.
            gap = _GAP.match(self.text, self.at)
            self.at = gap.end() if gap else self.at
            if self.at < len(self.text) and not _OPERATOR.match(self.text, self.at):
                self._word()
            return beginning
        if operator == "\n":
            for delimiter, tabs in self.here:
                self._skip(delimiter, tabs)
            self.here.clear()
        elif operator == "(":
            self._open("(")
        elif operator == ")" and self.stack and self.stack[-1] == "(":
            self._close()
        return True

    def _skip(self, delimiter: str, tabs: bool) -> None:
        """Go to behind a here-document. One without an end is none: `1 << 3` looks like one."""
        if self.unended > UNENDED:
            return
        indent = r"\t*" if tabs else ""
        end = re.compile(rf"^{indent}{re.escape(delimiter)}$", re.MULTILINE).search(self.text, self.at)
        if end:
            self.at = min(end.end() + 1, len(self.text))
        else:
            self.unended += 1

    def _open(self, kind: str) -> None:
        self.stack.append(kind)
        if self.functions and self.functions[-1].depth < 0:
            self.functions[-1].depth = len(self.stack)

    def _close(self) -> None:
        if self.functions and self.functions[-1].depth == len(self.stack):
            done = self.functions.pop()
            if not self.functions and FUNCTION.fullmatch(done.name):
                self._add(Found("function", done.name, self.text[done.start : self.at][:LARGEST], False))
        self.stack.pop()

    def _add(self, found: Found) -> None:
        self.file.found[found.kind, found.name] = found
        if len(self.file.found) >= MOST:
            self.file.trouble = f"it defines more than {MOST:,} things, so the rest was not read"

    def _command(self, word: Word) -> bool:
        """What a word in the place of a command means; whether the next one is in that place as well."""
        start, name = self.at - len(word.raw), word.raw
        if self.functions and self.functions[-1].depth < 0 and name != "{":
            self.functions.pop()  # its body is no group of commands, as zsh allows
        if name == "{":
            self._open("{")
            return True
        if name == "}":
            if self.stack and self.stack[-1] == "{":
                self._close()
            return False
        if name in _AGAIN:
            return True
        if name == "case":
            self.stack.append("case")
            return False
        if name == "esac":
            if self.stack and self.stack[-1] == "case":
                self.stack.pop()
            return False
        if _ASSIGNED.match(name):
            return not self.text.startswith("(", self.at) or self._list()
        if name == "function":
            self._space()
            self._declared(self._word().value if self.at < len(self.text) else "", start)
            return True
        if _BRACKETS.match(self.text, self.at):
            self._declared(word.value, start)
            return True
        if name == "alias" and not self.functions:
            self._alias()
        elif name == "unalias" and not self.functions:
            for gone in self._arguments():
                self.file.found.pop(("alias", gone.value), None)
        elif name in ("source", ".") and not self.functions:
            self._source()
        return False

    def _list(self) -> bool:
        """`x=(a b)`: its words are no commands."""
        self.at = enclosed(self.text, self.at)
        return True

    def _space(self) -> None:
        gap = _GAP.match(self.text, self.at)
        self.at = gap.end() if gap else self.at

    def _declared(self, name: str, start: int) -> None:
        brackets = _BRACKETS.match(self.text, self.at)
        self.at = brackets.end() if brackets else self.at
        if self.functions and self.functions[-1].depth < 0:
            self.functions.pop()  # the one before had no body that we know
        self.functions.append(_Function(name, start))

    def _arguments(self) -> list[Word]:
        """The words up to the end of the command."""
        words: list[Word] = []
        while self.at < len(self.text) and len(words) < MOST:
            self._space()
            if self.at >= len(self.text) or _OPERATOR.match(self.text, self.at) or self.text[self.at] == "#":
                break
            words.append(self._word())
        return words

    def _alias(self) -> None:
        words = self._arguments()
        # zsh's aliases for anywhere (-g) and for suffixes (-s) are no commands: they are told and not carried.
        special = any(word.value in ("-g", "-s") for word in words)
        for word in words:
            name, equals, value = word.value.partition("=")
            if equals and ALIAS.fullmatch(name) and not name.startswith("-") and not self.file.trouble:
                self._add(Found("alias", name, value, word.static and not special))

    def _source(self) -> None:
        words = self._arguments()
        if words and words[0].static and len(self.file.sourced) < 100:
            self.file.sourced.append(words[0].value)


def scan(text: str) -> File:
    """What the file defines, the last definition of a name last. Takes time in proportion to its length."""
    return _Scanner(text).run()
