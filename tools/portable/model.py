"""What the file holds: the fingerprint of a machine, and the texts that are needed to restore a part of it."""

from __future__ import annotations

from typing import Literal

from ..fingerprint import Fingerprint
from ..plan import Data

HOME = "\x1a~"
"""Stands for the home directory in a dotfile's text; no text file has this character by itself."""


class Alias(Data):
    """An alias or abbreviation, with its text."""

    shell: str
    kind: Literal["alias", "abbreviation"] = "alias"
    name: str
    text: str
    """`$HOME` or `~` where it names the home directory."""


class Dotfile(Data):
    """A file of settings that a person chose to take along."""

    path: str
    """With `~`."""
    mode: int = 0o644
    text: str
    """With HOME for the home directory."""


class Portable(Data):
    """A fingerprint that can be read on any machine: no secret, no address, no home directory, no user's name.

    `version` counts the shapes of this record: a file of a later one is refused, one of an earlier one is read.
    """

    version: Literal[1] = 1
    made_by: str
    """Version of EnvSync."""
    fingerprint: Fingerprint
    """Of the machine alone, without a project and without the packages that came along with others."""
    aliases: tuple[Alias, ...] = ()
    dotfiles: tuple[Dotfile, ...] = ()
    left_out: tuple[str, ...] = ()
    """What is not in it although it is on the machine, and why: names only."""
