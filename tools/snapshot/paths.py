"""The paths a rewind is limited to: inside the project, checked by whole components, links never resolved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..errors import Usage
from ..moments.say import shown
from ..store.model import Manifest, within
from .dotfiles import CHOSEN
from .repository import in_repository


def clean(paths: Sequence[str], root: Path, home: Path) -> tuple[tuple[str, ...], list[str]]:
    """Paths relative to the project, and dotfiles written with `~`. Raises Usage for any that lies elsewhere."""
    inside: list[str] = []
    dotfiles: list[str] = []
    for given in paths:
        if not given.strip() or "\0" in given:
            raise Usage("an empty path means nothing", "Leave the paths out to rewind everything.")
        path = PurePosixPath(given)
        if ".." in path.parts:
            raise Usage(f"{shown(given)} has `..` in it", "Name paths inside the project, without `..`.")
        dotfile = _dotfile(path, home)
        if dotfile and not (path.is_absolute() and path.is_relative_to(root)):
            dotfiles.append(dotfile)
            continue
        if path.is_absolute():
            if not path.is_relative_to(root):
                raise Usage(f"{shown(given)} lies outside {root}", "A rewind changes only the project it is asked for.")
            path = path.relative_to(root)
        if path.parts[:1] == ("~",):
            raise Usage(f"{shown(given)} is no dotfile that snapshots hold", f"They hold: {', '.join(CHOSEN)}.")
        text = path.as_posix()
        if in_repository(text):
            raise Usage(
                f"{shown(given)} belongs to git, and a rewind leaves that to git", "Name files of the work tree."
            )
        inside.append(text)
    return (() if "." in inside else tuple(dict.fromkeys(inside))), list(dict.fromkeys(dotfiles))


def present(paths: Sequence[str], then: Manifest, now: Manifest, snapshot: str) -> None:
    """Raises Usage for a path that is neither in the snapshot nor here."""
    for path in paths:
        if path in then.by_path or path in now.by_path:
            continue
        if not any(within(entry.path, [path]) for side in (then, now) for entry in side.entries):
            raise Usage(
                f"there is no {shown(path)}, neither now nor in snapshot {snapshot}", "Check the spelling of the path."
            )


def _dotfile(path: PurePosixPath, home: Path) -> str:
    if path.is_absolute() and path.is_relative_to(home):
        path = PurePosixPath("~", path.relative_to(home))
    return str(path) if str(path).removeprefix("~/") in CHOSEN and path.parts[0] == "~" else ""
