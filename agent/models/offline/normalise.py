"""A request as it is matched, with the way back to the very characters that were typed.

Matching wants plain lower-case ASCII-like text; arguments want what the person wrote, byte for byte. `Text` has both: every
character of `low` knows which span of `original` it stands for, so a rewrite (a spoken number to digits, a typo in a verb to
the verb, a German verb to an English one) never loses the original.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LIMIT = 8_000
"""Characters. A longer request is no sentence but a paste: it is asked about, never cut and half understood."""

_SAME = {
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "´": "'", "–": "-", "—": "-", "‐": "-",
    "‑": "-", "−": "-", "…": ".", "\t": " ", "\r": " ", "\v": " ", "\f": " ", "\x85": "\n", "\u2028": "\n", "\u2029": "\n",
    "¿": " ", "¡": " ",
}  # fmt: skip


@dataclass(frozen=True)
class Text:
    """`low` is for matching; `raw(a, b)` gives the characters that `low[a:b]` stands for."""

    low: str
    starts: Sequence[int]
    ends: Sequence[int]
    original: str

    def raw(self, start: int = 0, end: int | None = None) -> str:
        """The original of a span, without the white space around it."""
        end = len(self.low) if end is None else end
        while start < end and self.low[start] == " ":
            start += 1
        while end > start and self.low[end - 1] == " ":
            end -= 1
        return self.original[self.starts[start] : self.ends[end - 1]] if start < end else ""

    def cut(self, start: int = 0, end: int | None = None) -> Text:
        """A part of it, without the white space around it."""
        end = len(self.low) if end is None else end
        while start < end and self.low[start] in " \n":
            start += 1
        while end > start and self.low[end - 1] in " \n":
            end -= 1
        return Text(self.low[start:end], self.starts[start:end], self.ends[start:end], self.original)

    def blank(self, start: int, end: int) -> Text:
        """The same with a span made white: what was read is out of the way of what is read next."""
        low = self.low[:start] + " " * (end - start) + self.low[end:]
        return Text(low, self.starts, self.ends, self.original)

    def sub(self, pattern: re.Pattern[str], put: Callable[[re.Match[str]], str | None]) -> Text:
        """Rewrite matches in `low`; None leaves a match as it is. Every new character stands for the whole match."""
        out: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for match in pattern.finditer(self.low):
            new = put(match)
            if new is None or new == match[0] or match.end() == match.start():
                continue
            out += self.low[at : match.start()], new
            starts += self.starts[at : match.start()]
            ends += self.ends[at : match.start()]
            starts += [self.starts[match.start()]] * len(new)
            ends += [self.ends[match.end() - 1]] * len(new)
            at = match.end()
        if not out:
            return self
        out.append(self.low[at:])
        starts += self.starts[at:]
        ends += self.ends[at:]
        return Text("".join(out), starts, ends, self.original)

    def masked(self) -> str:
        """`low` with everything in quotes or backticks hidden, same length: what is quoted is never grammar."""
        return _QUOTED.sub(lambda match: "\x01" * len(match[0]), self.low)

    def quotes(self) -> list[tuple[int, int]]:
        """Where in `low` something is quoted, with its quotes."""
        return [match.span() for match in _QUOTED.finditer(self.low)]


_QUOTED = re.compile(r"```[^`]{0,8000}```|`[^`\n]{0,8000}`|\"[^\"\n]{0,8000}\"|(?<![\w])'[^'\n]{1,8000}'(?!\w)")


def normalise(original: str) -> Text:
    """Lower case, plain quotes and spaces; characters that cannot be seen (zero-width, bidi, control) are skipped."""
    low: list[str] = []
    starts: list[int] = []
    for at, char in enumerate(original):
        plain = _plain(char)
        if not plain or (plain == " " and low and low[-1] == " "):
            continue
        low.append(plain)
        starts.append(at)
    return Text("".join(low), starts, [at + 1 for at in starts], original).cut()


def _plain(char: str) -> str:
    if " " <= char <= "~":
        return char.lower()
    if char in _SAME:
        return _SAME[char]
    if char == "\n":
        return char
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn") or "\ufe00" <= char <= "\ufe0f":
        return ""
    if category == "Zs":
        return " "
    folded = unicodedata.normalize("NFKC", char)
    low = (folded if len(folded) == 1 else char).lower()
    return low if len(low) == 1 else char


def sayable(value: str) -> bool:
    """True when a value can be an argument: encodable, and free of control characters other than tab and newline."""
    return all(ord(char) >= 32 or char in "\t\n" for char in value) and not any(
        0xD800 <= ord(c) < 0xE000 for c in value
    )
