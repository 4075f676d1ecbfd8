"""Takes secrets out of text: by their own shape, by the name they stand under, and by value where it is known."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

from .secret_shapes import PATH, Span, named, said, secret_name, shaped

_SHORTEST = 6
_MARK = re.compile(r"\[redacted:[^\]\n]{1,100}\]")
_COMMON = {"127.0.0.1", "0.0.0.0", "password123"}  # noqa: S104 (not an address to bind)
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-=")


def _telling(value: str) -> bool:
    """Whether the value is unusual enough to be looked for everywhere: `postgres` as a password is not."""
    if len(value) < _SHORTEST or value.lower() in _COMMON or PATH.match(value):
        return False
    return len(value) >= 12 if value.isalpha() else len(value) >= 8 if value.isdigit() else True


def _forms(value: str) -> Iterator[str]:
    """The value as it may turn up: as is, escaped, URL-quoted, hex, and inside any base64 text."""
    raw = value.encode("utf-8", "surrogatepass")
    yield from (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1])
    if not (value.isascii() and value.isalnum()):
        quoted = quote(raw, safe="")
        lower = re.sub(r"%[0-9A-F]{2}", lambda m: m[0].lower(), quoted)
        yield from (quoted, lower, quote(raw), quote_plus(raw))
    yield from (raw.hex(), raw.hex().upper())
    lines = [line for line in value.splitlines() if len(line) >= 12]
    yield from lines if len(lines) > 1 else ()


def _base64_forms(value: str) -> Iterator[str]:
    """What any base64 text that contains the value must contain: the part that its neighbours cannot change.

    Base64 of `user:VALUE` holds VALUE at one of three alignments.
    """
    raw = value.encode("utf-8", "surrogatepass")
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        core = whole[(0, 2, 3)[shift] : len(whole) - (1 if (len(raw) + shift) % 3 else 0)]
        if len(core) >= 7:
            yield from (core, core.replace("+", "-").replace("/", "_"))


class Redactor:
    """Finds and replaces secrets. Built once from the user's environment and passed on as `Callable[[str], str]`.

    Replaced text reads `[redacted:NAME]`, where NAME is a rule's or a variable's name; redacting it again changes nothing.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._values: dict[str, str] = {}
        self._encoded: dict[str, str] = {}
        for name, value in (environ or {}).items():
            if secret_name(name):
                self.register(name, value)

    def register(self, name: str, value: str) -> None:
        """Look for this value from now on, in all its forms. Too short or too common a value is left out."""
        value = value.strip()
        if not _telling(value):
            return
        for form in _forms(value):
            self._values.setdefault(form, name)
        for form in _base64_forms(value):
            self._encoded.setdefault(form, name)

    def __call__(self, text: str) -> str:
        return self.redact(text)[0]

    def redact(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The text without its secrets, and the names of what was found, in order, each once."""
        spans = self.spans(text)
        if not spans:
            return text, ()
        parts: list[str] = []
        at = 0
        for start, end, name in spans:
            parts += [text[at:start], f"[redacted:{name}]"]
            at = end
        return "".join([*parts, text[at:]]), tuple(dict.fromkeys(name for _, _, name in spans))

    def spans(self, text: str) -> list[Span]:
        """Where the secrets lie: sorted, not overlapping, the longer of two that overlap (joined)."""
        found = [*self._known(text), *shaped(text), *named(text), *said(text)]
        if "[redacted:" in text:  # marks of an earlier pass are no secrets, whatever stands before them
            marks = [mark.span() for mark in _MARK.finditer(text)]
            found = [span for span in found if span[2] == "private-key" or not _meets(span, marks)]
        merged: list[Span] = []
        for start, end, name in sorted(found, key=lambda span: (span[0], -span[1])):
            if merged and start < merged[-1][1]:
                first, last, kept = merged[-1]
                merged[-1] = (first, max(last, end), kept)
            else:
                merged.append((start, end, name))
        return merged

    def stream(self) -> Stream:
        """A redactor for output that comes in chunks."""
        return Stream(self)

    @property
    def longest(self) -> int:
        """Characters of the longest form that is looked for."""
        return max(map(len, self._values), default=0)

    def _known(self, text: str) -> Iterator[Span]:
        for form, name in self._values.items():
            for start in _places(text, form):
                end = start + len(form)
                if len(form) >= 12 or not _inside_word(text, start, end):
                    yield start, end, name
        for form, name in self._encoded.items():
            last = 0
            for start in _places(text, form):
                if start < last:
                    continue
                last = start + len(form)
                while start and start > last - 8192 and text[start - 1] in _BASE64:
                    start -= 1
                while last < len(text) and text[last] in _BASE64:
                    last += 1
                yield start, last, name


def _places(text: str, form: str) -> Iterator[int]:
    at = text.find(form)
    while at >= 0:
        yield at
        at = text.find(form, at + 1)


def _meets(span: Span, marks: list[tuple[int, int]]) -> bool:
    """Whether the span shares a character with one of the marks, which are in order."""
    at = bisect_left(marks, (span[1], 0)) - 1
    return at >= 0 and marks[at][1] > span[0]


def _inside_word(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    return (before.isalnum() and text[start].isalnum()) or (after.isalnum() and text[end - 1].isalnum())


class Stream:
    """Redacts chunks so that a secret cut in two by a chunk's end is still found.

    Whole lines come out at once; an unfinished line is held back, up to `longest` + 4,096 characters of it.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def feed(self, chunk: str) -> str:
        """What can be shown now."""
        self._held += chunk
        cut = max(self._held.rfind("\n"), self._held.rfind("\r")) + 1
        cut = max(cut, len(self._held) - self._redactor.longest - 4096)
        if cut <= 0:
            return ""
        for start, end, name in self._redactor.spans(self._held):
            # A key block without its end may go on in the next chunk; one that never ends is let go as one mark.
            if start < cut and (
                end > cut or (name == "private-key" and end == len(self._held) and end - start < 65_536)
            ):
                cut = start
        out, self._held = self._held[:cut], self._held[cut:]
        return self._redactor(out)

    def close(self) -> str:
        """The rest."""
        out, self._held = self._held, ""
        return self._redactor(out)
