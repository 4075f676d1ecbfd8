"""Words that hardly ever stand in a part without the flag: with one of them less evidence is needed.

Flags are rare, and the encoder is careful with what it saw seldom. Each pattern was counted on the training cases: where it
matches, the flag is raised in 95 % of them or more.
"""

from __future__ import annotations

import re

ENOUGH = 0.5
"""Chance from which a flag is raised."""
LESS = 0.12
"""The same where a cue stands in the part."""

CUES: dict[str, re.Pattern[str]] = {
    "first": re.compile(
        r"\b(?:beforehand|before (?:that|this|you|doing|it|any of|all that)|but first|but .{0,40}\bfirst|though first|first though|only after|not (?:before|until)|"
        r"once you(?:'ve| have)|as soon as|preceded by|after (?:you|having|a|the|\w+ing)|having|begin (?:by|with)|start with|zuvor|vorher|antes|primero|d'abord)\b"
    ),
    "gpu": re.compile(
        r"(?<!no )(?<!without )\b(?:gpu|gpus|cuda|graphics card|grafikkarte|carte graphique|nvidia|gfx)\b"
    ),
    "latest": re.compile(
        r"\b(?:upgrad\w*|updat\w*|bump|up[- ]to[- ]date|newest|latest|last version|most recent|moderni[sz]\w*|actuali[sz]\w*|aktualisier\w*|neueste\w*|à jour|dernière version|"
        r"última versi[óo]n|atuali[sz]\w*|última versão)\b"
    ),
    "theirs": re.compile(r"\b(?:theirs?|remote|other side|far side|destination)\b"),
    "mine": re.compile(r"\b(?:mine|my|local|ours?|what's here|this side|meine?|míos?|meus)\b"),
    "newest": re.compile(r"\b(?:newest|newer|latest|most recent|saved last|neueste?)\b"),
    "both": re.compile(r"\b(?:keep|take|leave|garde|behalte) (?:\w+ )?(?:both|les deux|beide)\b"),
    "merge": re.compile(r"\bmerg\w+\b"),
    "once": re.compile(
        r"\b(?:once|one[- ]time|single (?:time|sync)|one shot|(?:no|not|without|don't|don't keep|no need to) watch\w*|just this time|one last time|einmal|une (?:seule )?fois|una (?:sola |única )?vez|uma (?:única )?vez|one[- ]off)\b"
    ),
    "snapshots": re.compile(
        r"\b(?:snapshots|checkpoints|save ?points|restore points|saved states|instantáneas|schnappschüsse|instantanés)\b"
    ),
    "vm": re.compile(r"(?<!not a )\b(?:vms?|virtual machines?|máquina virtual|machine virtuelle)\b"),
}
_BEFORE = re.compile(
    r"\W*(?:please |and |but )?(?:(?:right |just )?before|prior to|ahead of|bevor|antes de|avant (?:de|d')) ?(?!that\b|this\b)"
)


def cued(flag: str, low: str) -> bool:
    """A cue for the flag stands in the words."""
    return flag in CUES and bool(CUES[flag].search(low))


def opens_before(low: str) -> bool:
    """The words say what the next part comes before: "before you upgrade, ‖take a snapshot"."""
    return bool(_BEFORE.match(low))
