"""Makes the helper: one zip of `envsync.tools`, the pure-Python packages that it needs, and stand-ins for compiled ones."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PACKAGES = ("asyncinotify", "packaging", "pathspec", "tomllib", "typing_extensions", "yaml")
"""Pure Python, or with a part that is and suffices. `tomllib` is for Pythons before 3.11."""
STANDINS = ("blake3", "pydantic", "zstandard")

_MAIN = "from envsync.tools.hosts.helper.serve import main\n\nmain()\n"
_WHEN = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Helper:
    """The zip and its SHA-256 (hex), which is also its version."""

    content: bytes
    digest: str


@lru_cache(1)
def helper() -> Helper:
    """The helper for the installed sources; built anew only when these changed."""
    files = _files()
    mark = hashlib.sha256()
    for name, path in files:
        info = path.stat()
        mark.update(f"{name}\0{info.st_size}\0{info.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    kept = _cache() / f"helper-{mark.hexdigest()[:32]}.zip"
    content = b""
    with suppress(OSError):
        content = kept.read_bytes()
        # What a crash or somebody else left is not sent to another machine unseen.
        if hashlib.sha256(content[64:]).hexdigest().encode() != content[:64]:
            content = b""
    if not content:
        made = _zip(files)
        content = hashlib.sha256(made).hexdigest().encode() + made
        with suppress(OSError):
            _keep(kept, content)
    return Helper(content[64:], content[:64].decode())


def _files() -> list[tuple[str, Path]]:
    """What goes in: (name in the zip, path here), sorted."""
    root = Path(__file__).parents[3]
    found = [("envsync/__init__.py", root / "__init__.py")]
    found += [(f"envsync/{file.relative_to(root).as_posix()}", file) for file in (root / "tools").rglob("*.py")]
    found += [(f"{name}.py", Path(__file__).parent / "standins" / f"{name}.py") for name in STANDINS]
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        if origin.name == "__init__.py":
            found += [(f"{package}/{f.relative_to(origin.parent).as_posix()}", f) for f in origin.parent.rglob("*.py")]
        else:
            found.append((f"{package}.py", origin))
    return sorted(found)


def _zip(files: list[tuple[str, Path]]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in [("__main__.py", _MAIN.encode()), *((name, path.read_bytes()) for name, path in files)]:
            info = zipfile.ZipInfo(name, _WHEN)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    return made.getvalue()


def _cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("envsync"))


def _keep(file: Path, content: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".helper-")
    with os.fdopen(handle, "wb") as made:
        made.write(content)
    os.replace(name, file)
    for other in file.parent.glob("helper-*.zip"):
        if other != file:
            with suppress(OSError):
                other.unlink()
