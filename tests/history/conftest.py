"""A context with a small real scan, and the helpers of `tests/snapshot/rewinding.py` importable."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tools.contract import Context

sys.path.insert(0, str(Path(__file__).parents[1] / "snapshot"))

from rewinding import scan


@pytest.fixture
def context(make_context: Callable[..., Context], project: Path) -> Context:
    """The environment of an empty project."""
    return make_context(project, observe=scan)
