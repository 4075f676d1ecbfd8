"""A worker that answers what it is asked: to measure a host, and to see whether it can be relied on."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any


class Probe:
    """See Host.start."""

    def __init__(self, tell: Callable[[Any], None], greeting: Any = None) -> None:
        self._tell = tell
        if greeting is not None:
            tell(greeting)

    def echo(self, value: Any) -> Any:
        """Give it back: one round trip."""
        return value

    def tell(self, *values: Any) -> int:
        """Tell each value; how many."""
        for value in values:
            self._tell(value)
        return len(values)

    def knows(self, module: str, name: str) -> str:
        """Whether a function is there, with everything that its module imports: nothing, or why not."""
        try:
            found: Any = importlib.import_module(module)
            for part in name.split("."):
                found = getattr(found, part)
        except Exception as error:  # whatever a module does when it is loaded
            return f"{type(error).__name__}: {error}"
        return ""

    def pause(self, seconds: float) -> float:
        """Take a while."""
        time.sleep(seconds)
        return seconds

    def fail(self, number: int) -> None:
        """Raise the OSError of that number."""
        raise OSError(number, "as asked")
