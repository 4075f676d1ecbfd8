"""What a file has now and what it would have, as lines of a unified diff, without the secrets that it has now. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from ...redact import Redactor
from ..text import plural

SHOWN = 400
"""Lines of a new file that are shown: all of it, but for a bill of materials."""
MOST = 4_000
"""Lines of a difference that are shown, likewise."""
COMPARED = 40_000
"""Lines of both sides together that are compared in order; the time for it grows faster than they do."""
_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
"""What `splitlines` takes for the end of a line."""


def difference(path: str, before: bytes | None, after: str, redact: Redactor) -> list[str]:
    """The lines; of a new file (`before` None) what it gets. What is written has no secrets, so that side is shown as it is."""
    wanted = after.splitlines()
    if before is None:
        return _cut(["--- /dev/null", f"+++ {path}", *(f"+{line}" for line in wanted)], SHOWN)
    text = before.decode("utf-8", "replace")
    there = text.splitlines()
    compare = _compared if len(there) + len(wanted) <= COMPARED else _counted
    changes = compare(there, _masked(text, redact).splitlines(), wanted)
    return _cut([f"--- {path}", f"+++ {path} (as it would be)", *changes], MOST)


def _cut(lines: list[str], most: int) -> list[str]:
    left = len(lines) - most
    return [*lines[:most], f"… {plural(left, 'more line')}"] if left > 0 else lines


def _masked(text: str, redact: Redactor) -> str:
    """The text with its secrets replaced, line for line."""
    parts: list[str] = []
    at = 0
    for start, end, name in redact.spans(text):
        parts += [text[at:start], f"[redacted:{name}]", "".join(c for c in text[start:end] if c in _BREAKS)]
        at = end
    return "".join([*parts, text[at:]])


def _compared(before: Sequence[str], shown: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """Hunks with three lines around them; `shown` is `before` as it may be shown."""
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(3):
        first, last = group[0], group[-1]
        yield f"@@ -{first[1] + 1},{last[2] - first[1]} +{first[3] + 1},{last[4] - first[3]} @@"
        for tag, start, end, start_after, end_after in group:
            yield from (f"{' ' if tag == 'equal' else '-'}{line}" for line in shown[start:end])
            if tag != "equal":
                yield from (f"+{line}" for line in after[start_after:end_after])


def _counted(before: Sequence[str], shown: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """What lines go and what lines come, without their places."""
    display = dict(zip(before, shown, strict=False))
    old, new = Counter(before), Counter(after)
    yield from (f"-{display.get(line, '')}" for line in (old - new).elements())
    yield from (f"+{line}" for line in (new - old).elements())
