"""Finds a template of the library by its name, and reads it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ...errors import Usage
from ..names import shown
from .model import Template

LIBRARY = Path(__file__).with_name("library")
ENDING = ".tmpl"
"""Every file of a template ends so: no tool then takes it for a part of EnvSync itself."""


@cache
def names() -> tuple[str, ...]:
    """Every template's name, sorted."""
    return tuple(sorted(path.parent.name for path in LIBRARY.glob("*/template.yaml")))


@cache
def load(name: str) -> Template:
    """The template of that name, which must be one of `names`."""
    import yaml  # here, since most plans need none

    return Template.model_validate(yaml.safe_load((LIBRARY / name / "template.yaml").read_text("utf-8")))


@cache
def contents(name: str) -> dict[str, str]:
    """The template's files as they lie in the library: text by path below `files/`, without the ending."""
    root = LIBRARY / name / "files"
    paths = sorted(path for path in root.rglob(f"*{ENDING}") if path.is_file())
    return {path.relative_to(root).as_posix().removesuffix(ENDING): path.read_bytes().decode("utf-8") for path in paths}


def find(name: str) -> Template:
    """The template that a person names, also by another word for it. Raises Usage with what there is."""
    wanted = name.strip().lower()
    known = {word: each for each in names() for word in (each, *load(each).also)}
    if wanted in known:
        return load(known[wanted])
    raise Usage(_unknown(name.strip(), wanted, known), _listed())


def _unknown(name: str, wanted: str, known: dict[str, str]) -> str:
    if wanted in ("", "list", "help", "?"):
        return f"there are {len(names())} templates; name one of them"
    near = _near(wanted, known)
    return f"there is no template {shown(name)}" + (f"; did you mean {near}?" if near else "")


def _near(wanted: str, known: dict[str, str]) -> str:
    """The template that was most likely meant: a slip of the finger, or a word of its name; empty when none is near."""
    from rapidfuzz import process  # here, since only a wrong name needs it
    from rapidfuzz.distance import OSA

    short = wanted[:80]
    found = process.extractOne(short, sorted(known), scorer=OSA.distance, score_cutoff=2 if len(short) > 5 else 1)
    if found is not None and len(short) > 2:
        return known[str(found[0])]
    whole = [each for each in names() if len(short) > 2 and (short in each or short in load(each).summary.lower())]
    return whole[0] if len(whole) == 1 else ""


def _listed() -> str:
    width = max(map(len, names()))
    lines = [f"  {name:<{width}}  {load(name).summary}" for name in names()]
    example = "envsync provision --template fastapi --answers name=shop port=8080"
    return "\n".join(["The templates are:", *lines, f"  For example: {example}"])
