"""Where servers' programs are on this host, and which version they say they are."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress

FOLDERS = "/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin /opt/homebrew/bin /opt/homebrew/sbin"


def on_path(*names: str) -> list[str]:
    """Paths of the programs of these names, on PATH and where only root looks; those of the first name first."""
    folders = dict.fromkeys([*os.environ.get("PATH", "").split(os.pathsep), *FOLDERS.split()])
    found = [os.path.join(folder, name) for name in names for folder in folders if os.path.isabs(folder)]
    return [path for path in found if os.path.isfile(path) and os.access(path, os.X_OK)]


def version_of(argv: list[str], pattern: str = r"(\d+(?:\.\d+)+)") -> str:
    """The first version in what a program says of itself; empty when it says none within ten seconds."""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(argv, capture_output=True, timeout=10, stdin=subprocess.DEVNULL, cwd="/", check=False)
        found = re.search(pattern, (done.stdout + done.stderr).decode("utf-8", "replace"))
        return found[1] if found else ""
    return ""
