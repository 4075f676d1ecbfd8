"""Full frameworks start an application also where another language, that of its assets, has more bytes and spoke first."""

from __future__ import annotations

from ..draft import Draft


def overrule(draft: Draft, *purposes: str) -> None:
    """Take back the commands for these purposes, and with them whose port comes first."""
    for purpose in purposes:
        draft.settled.discard(purpose)
        draft.commands.pop(purpose, None)
    draft.settled.discard("port")
