"""Time words: `yesterday at noon`, `two hours ago`, `last friday`. The rule for what they leave open is here."""

from __future__ import annotations

import re
import warnings
from datetime import UTC, datetime, timedelta

WORDS = re.compile(
    r"\d|\bago\b|yesterday|today|tonight|morning|noon|midnight|evening|\bnight\b|\b(?:week|month|year|day|hour|minute|"
    r"second|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july|august|september|october|"
    r"november|december)s?\b",
    re.IGNORECASE,
)
"""Something of this must occur: dateparser takes `may`, `sat` or `2` for dates, too."""
CLOCK = re.compile(
    r"\d\s*:\s*\d|\dT\d|\d\s*[ap]\.?m\b|noon|midnight|morning|evening|night|\bago\b|hour|minute|second|week|month|year|today",
    re.IGNORECASE,
)
SHORT = re.compile(r"\b(?:\d+\s*[hms]|hours?|hrs?|minutes?|mins?|seconds?|secs?)\b.*\bago\b", re.IGNORECASE)
LEAD = re.compile(
    r"^(?:(?:back|to|as|of|it|was|how|the|state|from|since|at|on|in|things|were|that|snapshot|before|until|by)\s+)+",
    re.IGNORECASE,
)
VAGUE = (
    (r"\ban? (hour|day|week|minute) and a half ago\b", r"1.5 \1s ago"),
    (r"\bhalf an? (hour|minute|day)\b", r"0.5 \1s"),
    (r"\b(?:a )?couple (?:of )?(?=\w)", "2 "),
    (r"\b(?:a )?few (?=\w)", "3 "),
    (r"\b(?:around |after )?lunch(?:time| time)?\b", "12:30"),
    (r"\bthe day before yesterday\b", "day before yesterday"),
)


def moment(words: str, now: datetime) -> datetime | None:
    """The moment that `words` mean, in UTC; None when they are no time.

    `now` is aware. Words are read on the user's own clock, across changes of daylight saving too. What is relative in
    hours or less is counted in real time. A bare day (`yesterday`, `friday`, `2025-06-09`) is its end: the state that
    the day came to; with `before` it is the end of the day before. What could be past or future is past.
    """
    text = words.strip().rstrip(".!?")
    for pattern, plain in VAGUE:
        text = re.sub(pattern, plain, text, flags=re.IGNORECASE)
    if not WORDS.search(text) or re.fullmatch(r"\d{1,4}|[\w-]*[a-z_]-?\d[\w-]*", text):
        return None
    real = bool(SHORT.search(text))
    base = now.astimezone(UTC).replace(tzinfo=None) if real else now.astimezone().replace(tzinfo=None)
    scaled = re.fullmatch(r"(\d+\.\d+) (minute|hour|day|week)s ago", LEAD.sub("", text))
    if scaled:
        return now.astimezone(UTC) - float(scaled[1]) * timedelta(**{f"{scaled[2]}s": 1})
    parsed = _parse(text, base) or _parse(LEAD.sub("", text), base)
    if parsed is None:
        return None
    if not CLOCK.search(text):
        end = timedelta(0) if re.match(r"\s*(?:to )?before\b", text, re.IGNORECASE) else timedelta(days=1)
        parsed = parsed.replace(hour=0, minute=0, second=0, microsecond=0) + end - timedelta(microseconds=1)
    if parsed.tzinfo is None and real:
        parsed = parsed.replace(tzinfo=UTC)
    # A naive time is taken to be on this machine's clock, with the offset of that very day.
    return parsed.astimezone(UTC)


def _parse(text: str, base: datetime) -> datetime | None:
    import dateparser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dateparser 1.2 still calls deprecated parts of the standard library
        return dateparser.parse(text, languages=["en"], settings={"RELATIVE_BASE": base, "PREFER_DATES_FROM": "past"})


_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_SPAN = re.compile(
    rf"\b(?:(since|after|from|in the|the|on|over the)\s+)?"
    rf"(today|tonight|yesterday|this (?:morning|afternoon|evening|week|month|year)|(?:last|past) (?:hour|day|week|month|year|night|{_DAY})"
    rf"|{_DAY}|\d{{4}}-\d\d-\d\d|(?:\d+|an?|one|two|three|four|five|six|ten|half an|a few|a couple of) "
    rf"(?:minutes?|hours?|days?|weeks?|months?) ago)\b",
    re.IGNORECASE,
)


def span(words: str, now: datetime) -> tuple[datetime, datetime, str] | None:
    """The stretch of time that a question is about (`what did I do yesterday?`), and the question without it.

    A day means that day, anything else from that moment on, and so does a day after `since`. None when there is none.
    """
    found = _SPAN.search(words)
    if found is None:
        return None
    rest = f"{words[: found.start()]} {words[found.end() :]}".strip(" ?.!,")
    phrase, here = found[2].casefold(), now.astimezone()
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    match phrase.split():
        case ["today" | "tonight"] | ["this", "morning" | "afternoon" | "evening"]:
            return midnight, now, rest
        case ["this", "week"]:
            return midnight - timedelta(days=here.weekday()), now, rest
        case ["this", "month"]:
            return midnight.replace(day=1), now, rest
        case ["this", "year"]:
            return midnight.replace(month=1, day=1), now, rest
        case ["last" | "past", "hour" | "day" | "week" | "month" | "year" as unit]:
            hours = {"hour": 1, "day": 24, "week": 168, "month": 31 * 24, "year": 366 * 24}[unit]
            return now - timedelta(hours=hours), now, rest
        case _:
            at = moment(phrase, now)
    if at is None:
        return None
    if CLOCK.search(phrase) and "night" not in phrase:
        return at, now, rest
    start = at.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    if found[1] and found[1].casefold() in ("since", "after", "from"):
        return start, now, rest
    return start, start + timedelta(days=1), rest
