"""What goes wrong at an endpoint, and what that means: whether another try may help, and what a person is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

from ...tools.errors import EnvSyncError, Unreachable
from ...tools.redact import Redactor
from .ways import Way

BUSY = 5.0
"""Seconds to wait for an endpoint that does not say how long."""
SOON = 1.0
"""Seconds before a second try of what may have been an accident."""
TRIES = 4


class Again(Exception):
    """Another try may help, after `wait` seconds; `error` is what it comes to when none is left."""

    def __init__(self, error: EnvSyncError, wait: float | None = None, most: int = 1) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = SOON if wait is None else wait
        self.most = most
        """How many further tries this fault is worth."""


class Textual(Exception):
    """The model makes no native calls: ask again for JSON by a schema."""


_ABOUT_TOOLS = re.compile(r"\b(tool|function|jinja)", re.IGNORECASE)
"""What an endpoint's refusal of `tools` names, in every server that was seen."""
_ODD = re.compile(r"[^\w.-]")


@dataclass(frozen=True)
class Faults:
    """Those of one model at one endpoint."""

    who: str
    """Its name and place, for a person."""
    own: bool
    """An endpoint was named: it may be any server."""
    key: str

    def of(self, error: Exception, way: Way) -> Exception:
        """What a library's error means: Unreachable, Again or Textual."""
        import openai

        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return Unreachable(
                    f"{self.who} does not accept the key ({error.status_code})",
                    "Check OPENAI_API_KEY (or ENVSYNC_API_KEY), or use --model offline.",
                )
            case openai.RateLimitError():
                wait = seconds(error.response.headers)
                told = Unreachable(
                    f"{self.who} is over its limit (429{f', asks to wait {wait:.0f} s' if wait else ''})",
                    "Try again later, or use --model offline.",
                )
                return Again(told, BUSY if wait is None else wait, most=TRIES - 1)
            case openai.APIStatusError() if self.own and way != "worded" and _ABOUT_TOOLS.search(str(error)):
                return Textual()
            case openai.NotFoundError():
                return Unreachable(
                    f"{self.who} is not there (404)", "Check the model's name and that the endpoint ends in /v1."
                )
            case openai.APIStatusError() if error.status_code >= 500:
                return Again(Unreachable(f"{self.who} has a fault ({error.status_code})", "Try again later."))
            case openai.APIStatusError():
                return Unreachable(
                    f"{self.who} refuses the request ({error.status_code}): {self._quoted(error)}",
                    "Another model may take it, or use --model offline.",
                )
            case openai.APITimeoutError() | openai.APIConnectionError():
                return Unreachable(
                    f"{self.who} cannot be reached", "Check the address and the network, or use --model offline."
                )
            case _:
                return self.unreadable("the answer of {} cannot be read")

    def unreadable(self, what: str) -> Again:
        """An answer that is none; `what` has a place for who gave it."""
        hint = "Nothing was carried out. Check that it is an OpenAI-compatible endpoint."
        return Again(Unreachable(what.format(self.who), hint))

    def cut(self, finish: str) -> Unreachable:
        """An answer that ended for another reason than that it was whole."""
        return Unreachable(
            f"the answer of {self.who} was cut off ({_ODD.sub('?', finish[:40])})",
            "Nothing was carried out. Ask for less at once, or use another model.",
        )

    def _quoted(self, error: Exception) -> str:
        """The endpoint's words, short, on one line, without the key."""
        redact = Redactor()
        redact.register("key", self.key)
        return " ".join(redact(str(error)).split())[:200]


def seconds(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds; None when it is missing or unreadable. A date is read by the endpoint's own clock, since
    this machine's may be wrong."""
    said = headers.get("retry-after", "")
    with suppress(ValueError):
        return max(0.0, float(said)) if isfinite(float(said)) else None
    try:
        until = parsedate_to_datetime(said)
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):  # no date, or one with a zone and one without
        return None
