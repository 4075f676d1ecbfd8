"""Files of environment variables: which of them hold this machine's values, and their names without them."""

from __future__ import annotations

import re

EXAMPLES = (
    ".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults", "example.env", "env.example", "sample.env", "env.sample",
    ".env-example", ".env-sample", ".env.local.example", ".env.development.example", ".env.docker.example",
)  # fmt: skip
"""Committed examples: what they name is what the project declares."""
LINE = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]{0,127})[ \t]*=(.*)$", re.MULTILINE)


def is_private(name: str) -> bool:
    """A file with values of this machine: its names are read, its values never leave the reader."""
    return (
        name.startswith(".env")
        and name not in EXAMPLES
        and not name.endswith((".example", ".sample", ".template", ".dist"))
    )


def names_only(text: str) -> str:
    """The names that a .env file gives a value, one a line, without any value."""
    return "\n".join(f"{match[1]}=" for match in LINE.finditer(text) if match[2].strip())
