"""Prompts are files; a value that is missing, or that no place in the text asks for, is an error."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

PLACE = re.compile(r"\{\{(\w+)\}\}")


def render(name: str, **values: str) -> str:
    """The prompt NAME.md with its `{{places}}` filled. Raises KeyError naming what is missing or too much.

    A value is put in as it is and never looked at again: `{{x}}` inside a value stays text.
    """
    text = _text(name)
    places = set(PLACE.findall(text))
    if places != set(values):
        raise KeyError(f"prompt {name}: it has places for {sorted(places)} and was given {sorted(values)}")
    return PLACE.sub(lambda place: values[place[1]], text)


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(f"{name}.md").read_text("utf-8").strip()
