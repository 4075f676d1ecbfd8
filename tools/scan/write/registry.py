"""What `envsync scan --write` knows; adding a kind is one file, one line here, and its name in ScanArgs."""

from __future__ import annotations

from . import compose, devcontainer, dockerfile, mise, sbom
from .base import Writer

WRITERS: tuple[Writer, ...] = (
    Writer("devcontainer", devcontainer.make, devcontainer.reads),
    Writer("compose", compose.make, compose.reads),
    Writer("dockerfile", dockerfile.make, dockerfile.reads),
    Writer("mise", mise.make, mise.reads),
    Writer("sbom", sbom.make, sbom.reads),
)


def find(name: str) -> Writer:
    """The writer of that name. Raises KeyError."""
    return {writer.name: writer for writer in WRITERS}[name]
