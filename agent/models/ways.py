"""How the model of an endpoint makes its calls, as far as that was seen: kept in the state directory."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, cast

from blake3 import blake3

Way = Literal["", "native", "worded"]
"""`native`: it made a tool call. `worded`: it cannot, and answers in JSON by a schema. Empty: not known yet."""
KEPT = 7 * 24 * 3600.0
"""Seconds that it holds: a server is updated, or started with other options."""
MOST = 64
"""Endpoints and models that are kept."""


class Ways:
    """What was seen of one model at one endpoint. A file that cannot be read or written is nothing but a slower start."""

    def __init__(self, state: Path, endpoint: str, model: str) -> None:
        self._file = state / "models.json"
        # Hashed, since an endpoint's address may have a password in it.
        self._key = blake3(f"{endpoint}\0{model}".encode("utf-8", "replace")).hexdigest()[:32]

    def read(self) -> Way:
        """What is known and not too old."""
        entry = self._entries().get(self._key)
        if not entry or not 0 <= time.time() - entry[1] < KEPT:
            return ""
        return "native" if entry[0] == "native" else "worded" if entry[0] == "worded" else ""

    def keep(self, way: Way) -> None:
        """Remember it."""
        entries = {**self._entries(), self._key: (way, time.time())}
        newest = sorted(entries.items(), key=lambda item: item[1][1])[-MOST:]
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            number, name = tempfile.mkstemp(dir=self._file.parent, prefix=".models-")
            try:
                with os.fdopen(number, "w", encoding="utf-8") as file:
                    json.dump(dict(newest), file)
                os.replace(name, self._file)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def _entries(self) -> dict[str, tuple[str, float]]:
        try:
            body: Any = json.loads(self._file.read_text("utf-8"))
            return {str(key): (str(way), float(at)) for key, (way, at) in cast(dict[str, Any], body).items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}
