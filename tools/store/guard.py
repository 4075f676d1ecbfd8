"""Which directories are too wide to be captured by accident."""

from __future__ import annotations

from pathlib import Path

WIDE = (
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
)
"""Of the system: whoever means a project does not mean one of these. Temporary directories are allowed: projects live there."""
WIDE_TOO = ("/tmp", "/usr", "/usr/local", "/var", "/var/lib", "/var/tmp", "/Users", "/Library", "/System")  # noqa: S108


def guarded(path: Path, home: Path, state: Path) -> str:
    """Why `path` must not be captured as a project, in words that fit after "this is"; empty when it may be."""
    if path == home:
        return "your home directory"
    if home.is_relative_to(path):
        return "above your home directory"
    if str(path) in (*WIDE, *WIDE_TOO):
        return "a directory of the system"
    if path.is_relative_to(state):
        return "EnvSync's own state"
    if state.is_relative_to(path):
        return "where EnvSync keeps its own state"
    return ""
