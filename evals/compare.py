"""When two values mean the same. Each kind of argument has its own rule; what no rule names is compared as it is.

A comparison never makes 3.11 equal to 3.1.1, nor 5 to 5.0, nor 1 to true, and never drops a word that means something.
Each kind has a `key`: two values are the same when their keys are.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from .contract import TOOLS, Argument


def _words(text: str) -> list[str]:
    return text.split()


CANONICAL = frozenset(
    _words(
        "python node go java ruby rust php deno bun dotnet elixir erlang kotlin scala swift zig perl lua julia haskell r "
        "postgres mysql mariadb redis mongodb rabbitmq kafka elasticsearch opensearch nginx memcached minio cassandra "
        "clickhouse influxdb etcd consul vault nats traefik caddy haproxy zookeeper valkey couchdb neo4j qdrant"
    )
)
"""Runtimes and services that everybody writes alike: their letters' case says nothing. A name of the user's own does."""


def same(wanted: Sequence[dict[str, Any]], made: Sequence[dict[str, Any]]) -> bool:
    """Whether these are the same calls: tools, order, every argument, nothing extra; a default is as good as left out."""
    return len(wanted) == len(made) and all(
        one["tool"] == other["tool"] and key_of(one) == key_of(other) for one, other in zip(wanted, made, strict=True)
    )


def key_of(call: dict[str, Any]) -> dict[str, Hashable]:
    """A call's arguments by their keys, without defaults. An unknown tool's or argument's value is compared as it is."""
    known = TOOLS.get(call["tool"], {})
    found: dict[str, Hashable] = {}
    for name, value in call["args"].items():
        argument = known.get(name)
        if argument is None:
            found[name] = ("as it is", repr(value))
        elif value is not None and (key := key_for(argument, value)) != key_for(argument, argument.default):
            found[name] = key
    return found


def key_for(argument: Argument, value: Any) -> Hashable:
    """A value of another type than its argument's is the same as no other."""
    try:
        return KEYS[argument.kind](value)
    except (TypeError, AttributeError):
        return ("no such value", type(value).__name__, repr(value))


def path(value: str) -> str:
    """./a, a/ and a are the same; ~ and .. stay: what they mean is known on the host alone."""
    parts = [part for part in value.strip().split("/") if part not in ("", ".")]
    return ("/" if value.strip().startswith("/") else "") + "/".join(parts) or "."


def host(value: str) -> str:
    """ssh:USER@HOST is USER@HOST, and port 22 is no port."""
    value = value.strip().removeprefix("ssh:")
    return value.removesuffix(":22") if "@" in value else value


_PLACE = re.compile(r"((?:docker:|vm:)[^:/]+|(?:ssh:)?[^:/@]+@[^:/]+(?::\d+)?|[^:/.~@][^:/@]+):(.*)", re.DOTALL)


def place(value: str) -> Hashable:
    """A path here, or HOST:PATH."""
    found = _PLACE.fullmatch(value.strip())
    return (host(found[1]), path(found[2])) if found else path(value)


def name(value: str) -> str:
    """Exact, but for the case of what everybody writes alike."""
    value = value.strip()
    return value.casefold() if value.casefold() in CANONICAL else value


def version(value: str) -> str:
    """Exact, without a leading v: v18 is 18, 3.11 is not 3.1.1 and not 3.110. Only the word latest has no case."""
    value = value.strip()
    if re.match(r"[vV]\d", value):
        return value[1:]
    return "latest" if value.casefold() == "latest" else value


_VERSIONED = re.compile(r"(@?[^@<>=!~]+?)\s*(@|[<>=!~]=?)\s*(.+)", re.DOTALL)


def _versioned(value: str, fold: Callable[[str], str]) -> tuple[str, ...]:
    found = _VERSIONED.fullmatch(value.strip())
    if not found:
        return (fold(value.strip()),)
    # Of a range with several bounds only white space is dropped.
    bounds = found[3] if "," in found[3] else version(found[3])
    return fold(found[1]), found[2], re.sub(r"\s+", "", bounds)


def package(value: str) -> tuple[str, ...]:
    """NAME, NAME@VERSION or NAME<VERSION; names as PEP 503 compares them: without case, and - _ . alike."""
    return _versioned(value, lambda text: re.sub(r"[-_.]+", "-", text).casefold())


def thing(value: str) -> tuple[str, ...]:
    """A runtime or service with its version."""
    return _versioned(value, name)


def several(one: Callable[[str], Hashable]) -> Callable[[Any], Hashable]:
    """A list whose order means nothing. Twice the same is not once: it was not asked for twice."""

    def key(value: Any) -> Hashable:
        if not isinstance(value, list | tuple):
            raise TypeError("no list")
        return frozenset(Counter(one(item) for item in value).items())

    return key


_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        _words(
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        )
    )
}
_TENS = {word: 10 * n for n, word in enumerate(_words("twenty thirty forty fifty sixty seventy eighty ninety"), 2)}
_UNITS = r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|snapshots?|steps?)"
_DAYS = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|today|tonight|noon|midday|midnight|morning|afternoon|evening|night|"
    r"january|february|march|april|may|june|july|august|september|october|november|december|am|pm|ago|o'clock"
)
_TIMELY = re.compile(rf"\b(?:{_UNITS}|{_DAYS}|\d{{1,2}}:\d\d|\d{{1,2}}(?:am|pm))\b", re.IGNORECASE)
_FRAME = re.compile(r"(?:(?:at|on|from|since|the)\s+)+(?=\S)", re.IGNORECASE)
_INNER = re.compile(
    rf"(?<=\S)\s+(?:at|on)\s+(?=\d|noon|mid|{_DAYS}|(?:{'|'.join([*_NUMBERS, *_TENS])})\b)", re.IGNORECASE
)
_TENFOLD = re.compile(rf"\b({'|'.join(_TENS)})(?:[\s-]({'|'.join(list(_NUMBERS)[1:10])}))?\b", re.IGNORECASE)


def moment(value: str) -> str:
    """A label, id, host or person as it is; words for a moment without what says nothing.

    "an hour ago", "1 hour ago" and "one hour ago" are the same, as are "yesterday noon" and "yesterday at noon".
    Otherwise it takes the same words: "before the upgrade" is not "after the upgrade".
    """
    text = " ".join(value.split())
    text = host(_FRAME.sub("", text, count=1) if _FRAME.match(text) else text)
    if not _TIMELY.search(text) or (" " not in text and not _TIMELY.fullmatch(text)):
        return text  # a name, though "friday" be a part of it
    text = _INNER.sub(" ", text)
    text = _TIMELY.sub(lambda found: found[0].lower(), text)
    text = _TENFOLD.sub(_digits, text)
    text = " ".join(_NUMBERS.get(word.lower(), word) for word in text.split(" "))
    text = re.sub(rf"\ban?(?= {_UNITS}\b)", "1", text, flags=re.IGNORECASE)
    return re.sub(r"(\d)(?=(?:am|pm)\b)", r"\1 ", text)


def _digits(found: re.Match[str]) -> str:
    return str(_TENS[found[1].lower()] + int(_NUMBERS[(found[2] or "zero").lower()]))


_STOP = frozenset(
    _words(
        "a an the that this these those is are was were be been being am do does did has have had will would shall i we you "
        "it he she they me us my our your its their his her of in on at to for and with as by when what which who how there "
        "please der die das dass den dem des ein eine le la les l' un une que qui de du el los las una o os um uma"
    )
)
"""Words that hold a sentence together. Not, no, never, only, without, before, after, from, until, must, or: those mean
something, and are not here. Of the other languages only articles and "that"."""
_EDGE = "\"'`“”‘’«».,;:!?()[]{}…"


def _content(value: str, fold: Callable[[str], str]) -> Hashable:
    words = [word.strip(_EDGE) for word in unicodedata.normalize("NFC", value).split()]
    kept = [fold(word) for word in words if word and word.casefold() not in _STOP]
    # All stop words ("to be"): then they are what is meant.
    return frozenset(Counter(kept or [fold(word) for word in words if word]).items())


def query(value: str) -> Hashable:
    """The content words in any order, without case: they are searched for."""
    return _content(value, str.casefold)


def fact(value: str) -> Hashable:
    """The content words in any order. Only a first capital is no difference: TZ=UTC is not tz=utc."""
    return _content(value, lambda word: word.lower() if word[:1].isupper() and word[1:].islower() else word)


def command(value: str) -> str:
    """Exact, but for how much white space stands outside of quotes."""
    pieces = re.split(r"""("(?:[^"\\]|\\.)*"|'[^']*')""", value.strip())
    return "".join(piece if at % 2 else re.sub(r"\s+", " ", piece) for at, piece in enumerate(pieces)).strip()


def _typed(*types: type) -> Callable[[Any], Hashable]:
    def key(value: Any) -> Hashable:
        if type(value) not in types:
            raise TypeError("another type")
        return value

    return key


KEYS: dict[str, Callable[[Any], Hashable]] = {
    "path": path,
    "paths": several(path),
    "place": place,
    "host": host,
    "word": str.strip,
    "words": several(str.strip),
    "name": name,
    "label": str.strip,
    "moment": moment,
    "things": several(thing),
    "packages": several(package),
    "flag": _typed(bool),
    "count": _typed(int),
    "number": _typed(int, float),
    "command": command,
    "query": query,
    "fact": fact,
}
