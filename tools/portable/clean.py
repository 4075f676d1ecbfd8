"""Taking out of a record what must not leave the machine: secrets, the home directory, the user's name in paths."""

from __future__ import annotations

import json
import re
from typing import Any

from ..redact import Redactor

COMMON = frozenset(
    ("root", "user", "admin", "ubuntu", "debian", "fedora", "centos", "ec2-user", "vagrant", "codespace", "gitpod", "node", "vscode",
     "runner", "app", "dev", "git", "docker", "nobody", "pi", "jovyan", "coder", "workspace", "home")
)  # fmt: skip
"""Names of accounts that say nothing about a person, and that occur as words everywhere."""


class Cleaner:
    """Cleans texts and records of one user's machine."""

    def __init__(self, home: str, user: str, redact: Redactor) -> None:
        home = home.rstrip("/")
        self._home = re.compile(re.escape(home) + r"(?![\w.-])") if len(home) > 1 else None
        self._redact = redact
        personal = user and user.lower() not in COMMON and len(user) > 1
        # As a part of a path or before an `@`: a package or a program may well have the same name.
        self._user = (
            re.compile(rf"(?<=/){re.escape(user)}(?=[/:\s\"']|\Z)|\b{re.escape(user)}(?=@)") if personal else None
        )
        self._word = re.compile(rf"(?<![\w.-]){re.escape(user)}(?![\w.-])", re.IGNORECASE) if personal else None

    def home(self, text: str, home: str) -> str:
        """The text with `home` for the home directory."""
        return text if self._home is None else self._home.sub(lambda _: home, text)

    def text(self, text: str) -> str:
        """The text with `~` for the home directory, and without the user's name in paths."""
        text = self.home(text, "~")
        return text if self._user is None else self._user.sub("USER", text)

    def names(self, text: str) -> bool:
        """Whether the user's name stands in the text as a word."""
        return self._word is not None and self._word.search(text) is not None

    def secrets(self, text: str) -> tuple[str, ...]:
        """What the text seems to hold, by name."""
        return self._redact.redact(text)[1]

    def record(self, value: Any) -> Any:
        """A JSON value, cleaned all through, keys too."""
        cleaned = self._each(value, self.text)
        # Nearly always there is none: one look at the whole is a hundredth of looks at each.
        if not self._redact.spans(json.dumps(cleaned, ensure_ascii=False)):
            return cleaned
        return self._each(cleaned, self._redact)

    def _each(self, value: Any, change: Any) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list):
            return [self._each(item, change) for item in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
        if isinstance(value, dict):
            return {change(k): self._each(v, change) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # JSON
        return value
