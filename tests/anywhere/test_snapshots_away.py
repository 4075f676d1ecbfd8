"""Every test of snapshots and rewinds again, on a host that is reached through the wire's bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tests.anywhere.wired import Wired
from envsync.tools.contract import Context

sys.path.insert(0, str(Path(__file__).parents[1] / "snapshot"))

from rewinding import scan
from test_rewind import *  # noqa: F403  # the tests themselves: their `context` is the fixture below
from test_take import *  # noqa: F403

pytestmark = pytest.mark.slow


@pytest.fixture
def context(make_context: Callable[..., Context], project: Path) -> Context:
    """The environment of an empty project, elsewhere."""
    here = make_context(project)
    return make_context(project, observe=scan, host=Wired(home=here.home))
