"""The same for fish: `alias`, `abbr` and `function` of a file, by reading."""

from __future__ import annotations

import re

from .shellfile import ALIAS, FUNCTION, LARGEST, MOST, File, Found
from .shellwords import Unclosed

_GAP = re.compile(r"(?:[ \t\r]|\\\n)+")
_RUN = re.compile(r"[^\s'\"$\\;&|()<>]+")
_SINGLE = re.compile(r"[^'\\]+")
_DOUBLE = re.compile(r"[^\"\\$]+")
_BLOCKS = frozenset(("begin", "if", "while", "for", "switch", "function"))
_AGAIN = frozenset(("and", "or", "not", "!", "begin", "else", "if", "while", "builtin", "command", "time"))
_OPTION_WITH_VALUE = frozenset(("-p", "--position", "-r", "--regex", "-f", "--function", "-c", "--command"))


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.file = File()
        self.blocks: list[tuple[str, int]] = []
        """What `end` closes: the function's name (empty for other blocks), and where it began."""

    def run(self) -> File:
        try:
            while self.at < len(self.text) and not self.file.trouble:
                self._command()
        except Unclosed as error:
            line = self.text.count("\n", 0, error.at) + 1
            self.file.trouble = f"what is opened in line {line} is never closed, so what follows was not read"
        return self.file

    def _command(self) -> None:
        """One simple command, up to what separates it from the next."""
        start, words = self.at, list[tuple[str, bool]]()
        while self.at < len(self.text):
            gap = _GAP.match(self.text, self.at)
            if gap:
                self.at = gap.end()
                continue
            character = self.text[self.at]
            if character == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
                continue
            if character in "\n;&|":
                self.at += 1
                break
            if character in "<>()":
                self.at = self._group() if character == "(" else self.at + 1
                continue
            if not words:
                start = self.at
            word = self._word()
            words.append(word)
            if len(words) == 1 and word[0] in _AGAIN:
                if word[0] in _BLOCKS:
                    self.blocks.append(("", start))
                words.clear()
        if words:
            self._meaning(start, words)

    def _word(self) -> tuple[str, bool]:
        value, static, start = list[str](), True, self.at
        while self.at < len(self.text):
            run = _RUN.match(self.text, self.at)
            if run:
                value.append(run[0])
                self.at = run.end()
                continue
            character = self.text[self.at]
            if character == "'":
                value.append(self._quoted(_SINGLE, "'\\"))
            elif character == '"':
                before = self.at
                value.append(self._quoted(_DOUBLE, '"\\$'))
                static = static and "$" not in self.text[before : self.at].replace("$HOME", "")
            elif character == "\\":
                value.append(self.text[self.at + 1 : self.at + 2])
                self.at += 2
            elif character == "$":
                home = self.text.startswith("$HOME", self.at)
                value.append("$")
                static = static and home
                self.at += 1
            elif character == "(":
                static = False
                self.at = self._group()
            else:
                break
        self.at = max(self.at, start + 1)
        return "".join(value), static

    def _quoted(self, run: re.Pattern[str], escaped: str) -> str:
        quote, start, value = self.text[self.at], self.at, list[str]()
        self.at += 1
        while self.at < len(self.text):
            plain = run.match(self.text, self.at)
            if plain:
                value.append(plain[0])
                self.at = plain.end()
            elif self.text[self.at] == quote:
                self.at += 1
                return "".join(value)
            elif self.text[self.at] == "\\":
                following = self.text[self.at + 1 : self.at + 2]
                value.append(following if following in escaped else "\\" + following)
                self.at += 2
            else:
                value.append(self.text[self.at])
                self.at += 1
        raise Unclosed(start)

    def _group(self) -> int:
        """Behind a command substitution."""
        start, depth, at = self.at, 0, self.at
        while at < len(self.text):
            character = self.text[at]
            if character == "\\":
                at += 1
            elif character in "'\"":
                self.at = at
                self._quoted(_SINGLE if character == "'" else _DOUBLE, character + "\\")
                at = self.at - 1
            elif character in "()":
                depth += 1 if character == "(" else -1
                if depth == 0:
                    return at + 1
            at += 1
        raise Unclosed(start)

    def _meaning(self, start: int, words: list[tuple[str, bool]]) -> None:
        name = words[0][0]
        if name == "function":
            self.blocks.append((words[1][0] if len(words) > 1 else "", start))
        elif name in _BLOCKS:
            self.blocks.append(("", start))
        elif name == "end" and self.blocks:
            function, begun = self.blocks.pop()
            inside = any(other for other, _ in self.blocks)
            if function and not inside and FUNCTION.fullmatch(function):
                self._add(Found("function", function, self.text[begun : self.at][:LARGEST].rstrip("\n;"), False))
        elif any(function for function, _ in self.blocks):
            return
        elif name == "alias":
            self._alias([word for word in words[1:] if not word[0].startswith("-")])
        elif name == "abbr":
            self._abbreviation(words[1:])
        elif name in ("source", ".") and len(words) > 1 and words[1][1]:
            self.file.sourced.append(words[1][0])

    def _alias(self, words: list[tuple[str, bool]]) -> None:
        if len(words) == 1:
            name, equals, value = words[0][0].partition("=")
            words = [(name, True), (value, words[0][1])] if equals else []
        if len(words) >= 2 and ALIAS.fullmatch(words[0][0]):
            self._add(Found("alias", words[0][0], " ".join(v for v, _ in words[1:]), all(s for _, s in words)))

    def _abbreviation(self, words: list[tuple[str, bool]]) -> None:
        plain, rest = True, list(words)
        while rest and rest[0][0].startswith("-"):
            option = rest.pop(0)[0]
            if option in ("-e", "--erase", "-s", "--show", "-l", "--list", "-q", "--query", "--rename"):
                return
            plain = plain and option in ("-a", "--add", "-g", "--global", "-U", "--universal", "--")
            if option in _OPTION_WITH_VALUE and rest:
                rest.pop(0)
        if len(rest) >= 2 and ALIAS.fullmatch(rest[0][0]):
            text = " ".join(value for value, _ in rest[1:])
            self._add(Found("abbreviation", rest[0][0], text, plain and all(static for _, static in rest)))

    def _add(self, found: Found) -> None:
        self.file.found[found.kind, found.name] = found
        if len(self.file.found) >= MOST:
            self.file.trouble = f"it defines more than {MOST:,} things, so the rest was not read"


def scan(text: str) -> File:
    """What the file defines."""
    return _Scanner(text).run()
