"""What is done inside a virtual machine, next to its files. Standard library only: it is sent there."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path


def put_back(frozen: str, paths: list[str]) -> None:
    """Make each of `paths` what it is below `frozen`, where the frozen disk is mounted: all of them, or none.

    One that is not there is removed. Raises OSError, or RuntimeError with the reason; then everything is as it was.
    """
    moved: list[tuple[Path, Path | None]] = []
    fresh: list[Path] = []
    try:
        for path in _outermost(paths):
            live = path.parent.resolve() / path.name
            source = _below(Path(frozen), live)
            beside = live.parent / f".envsync-{secrets.token_hex(6)}"
            if source is not None:
                _parents(Path(frozen), live.parent)
                fresh.append(beside)
                done = subprocess.run(["cp", "-a", "--", source, beside], capture_output=True, check=False)
                if done.returncode:
                    raise RuntimeError(done.stderr.decode("utf-8", "backslashreplace")[-500:])
            old = None
            if os.path.lexists(live):
                old = live.parent / f".envsync-{secrets.token_hex(6)}"
                os.rename(live, old)
            moved.append((live, old))
            if source is not None:
                os.rename(beside, live)
    except BaseException:
        for live, old in reversed(moved):
            _remove(live)
            if old is not None:
                os.rename(old, live)
        for path in fresh:
            _remove(path)
        raise
    for _, old in moved:
        if old is not None:
            _remove(old)


def same(frozen: str, paths: list[str]) -> list[str]:
    """Those of `paths` whose content is what it is below `frozen`."""
    found: list[str] = []
    for path in paths:
        with suppress(OSError), open(path, "rb") as now, open(frozen + path, "rb") as then:
            while True:
                mine, theirs = now.read(1 << 20), then.read(1 << 20)
                if mine != theirs:
                    break
                if not mine:
                    found.append(path)
                    break
    return found


def _outermost(paths: list[str]) -> list[Path]:
    wanted = {Path(os.path.normpath(path)) for path in paths}
    return sorted(path for path in wanted if not wanted & set(path.parents))


def _below(frozen: Path, path: Path) -> Path | None:
    """Where `path` is in the frozen tree; None when it was not there. A link on the way is not followed: it could lead
    out of that tree."""
    place = frozen
    for name in path.parts[1:-1]:
        place = place / name
        if place.is_symlink():
            raise RuntimeError(f"{place.relative_to(frozen)} was a symbolic link then: name what it leads to")
    place = place / path.name
    return place if os.path.lexists(place) else None


def _parents(frozen: Path, directory: Path) -> None:
    """Make a missing directory as it was."""
    if directory.is_dir():
        return
    _parents(frozen, directory.parent)
    was = frozen / directory.relative_to("/")
    directory.mkdir()
    about = was.stat()
    os.chown(directory, about.st_uid, about.st_gid)
    shutil.copystat(was, directory)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
