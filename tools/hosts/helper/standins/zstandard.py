"""Stands for zstandard where nothing is installed: the snapshot store is never used on another machine."""

from __future__ import annotations

from typing import Any


class ZstdError(Exception):
    """Never raised: nothing is packed here."""


def __getattr__(name: str) -> Any:
    raise NotImplementedError(
        f"zstandard.{name} is not there: snapshots are stored on the machine that EnvSync runs on"
    )
