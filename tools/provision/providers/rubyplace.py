"""What lies in a place where gems go, read next to the files; the standard library alone."""

from __future__ import annotations

import glob
import os


def installed(home: str, defaults: str, others: list[str], wanted: list[str]) -> list[str]:
    """Those of the full names (`rack-3.0.0`) that are there whole: in `home`, among Ruby's own, or in other gem folders.

    RubyGems writes a gem's specification last, and the mark of a built extension after the build: what a kill left
    half-done lacks one of them.
    """
    return [full for full in wanted if _whole(home, full) or any(_listed(place, full) for place in [defaults, *(f"{o}/specifications" for o in others)])]  # fmt: skip


def _listed(folder: str, full: str) -> bool:
    return bool(folder) and os.path.isfile(os.path.join(folder, f"{full}.gemspec"))


def _whole(home: str, full: str) -> bool:
    if not os.path.isdir(os.path.join(home, "gems", full)):
        return False
    try:
        with open(os.path.join(home, "specifications", f"{full}.gemspec"), encoding="utf-8", errors="replace") as file:
            content = file.read(65536)
    except OSError:
        return False
    if "s.extensions = [" not in content:
        return True
    marks = os.path.join(glob.escape(home), "extensions", "*", "*", glob.escape(full), "gem.build_complete")
    return bool(glob.glob(marks))
