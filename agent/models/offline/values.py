"""Typed values out of words: versions, ports, counts, hosts, paths, names, moments. Pure functions on lower-case text."""

from __future__ import annotations

import re

from .tables import EVERYDAY, OBJECTS, TENS, UNITS, words

INSTALLABLE = ("runtimes", "packages", "services")
"""Arguments of `provision` and `sandbox` that name things, each perhaps with a version."""
_VERSION_BEGINS = re.compile(r"(?<=.)[@<>=~^!]")


def unversioned(item: str) -> str:
    """`numpy` of `numpy@1.26` and `numpy<2`; the @ of a scope stays."""
    return _VERSION_BEGINS.split(item, maxsplit=1)[0]


JOINT = "·"
"""Between groups of a spoken number: three·eleven is 3.11 as a version and 311 as a port; eighty·eighty is 8080."""

_NUMBER = "|".join(sorted([*UNITS, *TENS, "hundred", "thousand"], key=len, reverse=True))
SPOKEN_NUMBER = re.compile(
    rf"(?<![\w.@/-])(?:{_NUMBER})(?:[ -](?:(?:point|dot) |(?:(?<=hundred )|(?<=thousand ))and )?(?:{_NUMBER})){{0,12}}(?![\w@/=-])"
)


def spoken_number(text: str) -> str | None:
    """Digits for spoken numbers, groups joined by JOINT where nothing was said between them; None for a lone `one`.

    "three point eleven" 3.11, "eighty eighty" 80·80, "fifty four thirty two" 54·32, "three thousand" 3000.
    """
    if text in ("one", "oh", "zero"):
        return None
    out = ""
    for part in re.split(r"[ -](?:point|dot) ", text):
        out += ("." if out else "") + JOINT.join(str(n) for n in _groups(re.split(r"[ -](?:and )?", part)))
    return out


def _groups(said: list[str]) -> list[int]:
    groups: list[int] = []
    room = 0  # what may still be added to the last group: below 10 after a ten, below 1000 after a thousand
    for word in said:
        if word in ("hundred", "thousand"):
            scale = 100 if word == "hundred" else 1000
            groups[-1:] = [max(groups[-1] if groups else 1, 1) * scale]
            room = scale
            continue
        value = UNITS.get(word, TENS.get(word, 0))
        if groups and 0 < value < room:
            groups[-1] += value
            room = 10 if word in TENS else 0
        else:
            groups.append(value)
            room = 10 if word in TENS else 0
    return groups


VERSION = re.compile(r"v?(\d{1,5}(?:[.·][\w]{1,20}){0,5}(?:[-+.][\w.]{1,20})?(?:\.(?:x|\*))?)")


def version(text: str) -> str:
    """A version as it is written: `v20` 20, `3·11` 3.11; what is not understood stays as it is."""
    match = VERSION.fullmatch(text)
    return (match[1] if match else text).replace(JOINT, ".")


def number(text: str) -> int | None:
    """A count or a port; spoken groups are put side by side."""
    digits = text.split(JOINT)
    if len(digits) == 2 and all(len(d) == 1 for d in digits[1:]) and len(digits[0]) == 2:
        digits[1] = digits[1].zfill(2)
    plain = "".join(digits).replace(",", "")
    return int(plain) if plain.isdigit() and len(plain) <= 9 else None


_USER = r"[a-z_][\w.-]{0,63}"
_NAME = r"[a-z0-9](?:[\w.-]{0,252}[a-z0-9])?"
_FQDN = r"(?:(?!(?:latest|next|beta|lts|stable|alpha|rc|canary|v\d[\w.]*)\b)[a-z](?:[\w.-]{0,252}[a-z0-9])?|\d{1,3}(?:\.\d{1,3}){3}(?![\w.]))"
HOST = rf"(?:docker:{_NAME}|vm:{_NAME}|ssh:(?:{_USER}@)?{_NAME}(?::\d{{1,5}}(?!\d))?|{_USER}@{_FQDN}(?::\d{{1,5}}(?![\d/]))?)"
"""An explicit host. `me@box:/dir` is a place of sync, not a host: what follows must be no path."""
HOSTISH = re.compile(rf"(?<![\w@/.:-]){HOST}(?![\w@/]|:[/~.\w])")
PLACE = re.compile(
    rf"(?<![\w@/.:-])(?:(?:docker:{_NAME}|vm:{_NAME}|ssh:(?:{_USER}@)?{_NAME}|{_USER}@{_NAME}):(?:\d{{1,5}}:)?[~/.\w][^\s,;\"'`]{{0,1000}}"
    rf"|[a-z0-9][\w.-]*[a-z0-9]:(?!//)[~/][^\s,;\"'`]{{0,1000}}"
    rf"|(?:\.{{1,2}}|~)?/[^\s,;\"'`]{{0,1000}}|\.{{1,2}}(?=[\s,]|$))"
)
"""A place of sync, or a path that cannot be anything else."""
FILELIKE = re.compile(r"[\w.@+-]*\.[a-z][a-z0-9]{0,9}|[\w.@+/-]+/[\w.@+/*-]*|\.[a-z][\w.-]*|[\w.-]*\*[\w.*-]*")


NAME = re.compile(r"[a-z0-9_](?:[\w.+/-]{0,120}[\w+])?")


def namelike(word: str) -> bool:
    """A single word that can name a service, label or context: no everyday thing, no pronoun, no plain function word."""
    return bool(NAME.fullmatch(word)) and word not in EVERYDAY and word not in OBJECTS and word not in _FUNCTION


_FUNCTION = words(
    "a an the my your his her our their its me you him us them i we he she they who what which where when why "
    "how to of on in at by for from with without and or but not no yes do does did is are was were be been "
    "have has had will would can could should may might must if then than so too very please up down out off "
    "over under again there some any something anything nothing someone somewhere anyone one ones other "
    "another both each few more most such only own same about into through during before after above below "
    "between against because until while ok okay now later back away yourself myself together around mode new "
    "old last latest previous next first good bad afterwards afterward too also soon quickly finally today instead"
)


def coined(word: str) -> bool:
    """Looks like somebody made this name up: digits, a hyphen, an underscore or a dot in it."""
    return bool(re.search(r"[\d_.-]", word)) and namelike(word)


_TIME = re.compile(
    r"\b(?:ago|yesterday|today|tonight|morning|noon|midday|midnight|evening|afternoon|night|lunch|breakfast|dinner|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|week|weekend|month|year|hours?|minutes?|mins?|seconds?|days?|o'clock|"
    r"january|february|march|april|june|july|august|september|october|november|december|before|after|since|when|"
    r"while|until|earlier|start|beginning|original|gestern|heute|hier|ayer|ontem|vorhin|"
    r"\d{1,2}:\d{2}|\d{1,2} ?[ap]m|\d{4}-\d{2}(?:-\d{2})?)\b"
)


def moment(text: str) -> bool:
    """True when the words are about a time."""
    return bool(_TIME.search(text))
