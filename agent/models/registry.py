"""Which models there are; adding a kind is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...tools import registry as tools
from ...tools.errors import Usage
from ..config import Settings
from .base import Model

if TYPE_CHECKING:
    from .openai import OpenAIModel
    from .router import Offline


def _offline(_: Settings, rest: str) -> Offline:
    if rest:
        raise Usage(f"offline has no variant {rest!r}", "Write --model offline.")
    from .offline.model import OfflineModel

    return OfflineModel(frozenset(tools.names()))


def _scripted(settings: Settings, rest: str) -> Model:
    from .scripted import load

    return load(Path(settings.path, Path(rest).expanduser()))


def _openai(settings: Settings, name: str) -> OpenAIModel:
    from .openai import OpenAIModel

    return OpenAIModel(settings if settings.key else replace(settings, key=_kept()), name)


def _kept() -> str:
    """The key that the user put into the system's keyring (`keyring set envsync api-key`); empty without one."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:  # an extra
        return ""
    try:
        return keyring.get_password("envsync", "api-key") or ""
    except (KeyringError, OSError):  # none runs here, or it is locked
        return ""


KINDS: dict[str, Callable[[Settings, str], Model]] = {"offline": _offline, "scripted": _scripted}
"""Maker by the word before the first colon; any other name is a model of an OpenAI-compatible endpoint."""


def open_model(settings: Settings) -> Model:
    """The model that the settings name: `offline`, `scripted:FILE`, NAME or NAME@ENDPOINT.

    With no name an endpoint's or key's default is taken, and offline with neither. With `settings.route` a large model
    gets only what the offline one is not sure of (router.py). Raises Usage.
    """
    name = settings.model
    kind, _, rest = name.partition(":")
    if kind in KINDS:
        return KINDS[kind](settings, rest)
    if not name and not settings.base_url and not settings.key:
        return _offline(settings, "")
    large = _openai(settings, name)
    if not settings.route:
        return large
    from .router import Router

    return Router(_offline(settings, ""), large, large.who)
