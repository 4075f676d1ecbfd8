"""The file: canonical JSON with its own digest, packed with zstd unless it is to be read by people (`NAME.json`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from blake3 import blake3
from pydantic import ValidationError

from ..errors import Damaged, Usage
from ..plan import canonical
from .model import Portable

FORMAT = "envsync fingerprint"
MAGIC = b"\x28\xb5\x2f\xfd"
"""A frame of zstd begins so."""
LARGEST = 8 << 20
"""Bytes of a file that is read."""
UNPACKED = 64 << 20
LEVEL = 19


def dump(portable: Portable, plain: bool = False) -> bytes:
    """The file's content; equal records give equal bytes."""
    body = portable.model_dump(mode="json", exclude_defaults=True) | {"version": portable.version}
    whole = canonical({"format": FORMAT, "digest": blake3(canonical(body)).hexdigest(), "body": body})
    if plain:
        return whole + b"\n"
    import zstandard

    return zstandard.ZstdCompressor(level=LEVEL).compress(whole)


def content(path: Path) -> bytes:
    """The bytes of a file on this machine. Raises Usage for one that cannot be read or is too large to be an export."""
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
    except OSError as error:
        raise Usage(f"{path} cannot be read: {error.strerror or error}", "Name the file of an export.") from None
    if len(found) > LARGEST:
        raise Usage(f"{path} is larger than any fingerprint", "Name the file of an export.")
    return found


def load(content: bytes, name: str) -> Portable:
    """What a file holds; `name` is for messages. Raises Usage for what is no export, Damaged for one that was changed."""
    hint = "Name a file that `envsync fingerprint export` made."
    if content[:4] == MAGIC:
        content = _unpacked(content, name)
    if len(content) > UNPACKED:
        raise Usage(f"{name} is larger than any fingerprint", hint)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise Usage(f"{name} is no fingerprint", hint) from None
    whole = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    body = whole.get("body")
    if whole.get("format") != FORMAT or not isinstance(body, dict):
        raise Usage(f"{name} is no fingerprint", hint)
    about = cast("dict[str, Any]", body)
    if about.get("version") not in (1,):
        raise Usage(
            f"{name} was made by a later version of EnvSync ({str(about.get('made_by', 'unknown'))[:40]!r})",
            "Update EnvSync here, or export it again with this version.",
        )
    try:
        digest = blake3(canonical(about)).hexdigest()
    except (ValueError, TypeError, RecursionError):
        digest = ""
    if whole.get("digest") != digest:
        raise Damaged(f"{name} is damaged: it does not have the digest that it says", "Export it again.")
    try:
        return Portable.model_validate(about)
    except (ValidationError, RecursionError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is nested too deep"
        raise Usage(f"{name} is no fingerprint that this version can read: {what[:200]}", hint) from None


def _unpacked(content: bytes, name: str) -> bytes:
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(content) as reader:
            # Not more than is sensible, whatever the frame says of its size.
            return reader.read(UNPACKED + 1)
    except (zstandard.ZstdError, MemoryError):
        raise Damaged(f"{name} is damaged: it cannot be unpacked", "Export it again.") from None
