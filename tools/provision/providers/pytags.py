"""Which wheels an interpreter takes: its tags are computed here from what it says of itself, whichever machine it is on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from ...contract import Context

_ASK = """
import json, os, platform, sys, sysconfig
libc = ""
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except (AttributeError, ValueError, OSError):
    pass
if not libc.startswith("glibc"):
    import glob
    libc = "musl 1.2" if glob.glob("/lib/ld-musl-*") else ""
print(json.dumps([sys.implementation.name, sys.version_info[:2], bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
                  sys.platform, platform.machine(), libc, platform.mac_ver()[0], sys.maxsize > 2**32]))
"""
_OLDEST = {"x86_64": 5, "i686": 5}
_OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""What manylinux_2_N was called first (PEP 600)."""


async def ranks(context: Context, python: str) -> dict[Tag, int]:
    """The tags that the interpreter at `python` takes, the best with rank 0; empty when it does not say."""
    # -I: a project's own modules must not run here.
    done = await context.host.run([python, "-I", "-c", _ASK], cwd=Path("/"), timeout=15)
    try:
        name, version, free, system, machine, libc, mac, wide = json.loads(done.text)
        if name != "cpython" or not wide:
            return {}
        minor = (int(version[0]), int(version[1]))
        where = platforms(str(system), str(machine), str(libc), str(mac))
    except (ValueError, TypeError, KeyError, IndexError):
        return {}
    abi = f"cp{minor[0]}{minor[1]}" + ("t" if free else "")
    own = [*cpython_tags(minor, abis=[abi], platforms=where), *compatible_tags(minor, f"cp{minor[0]}{minor[1]}", where)]
    return {tag: rank for rank, tag in reversed(list(enumerate(own)))}


def platforms(system: str, machine: str, libc: str, mac: str) -> list[str]:
    """Platform tags, the newest first (PEP 600, PEP 656). `libc` is `glibc 2.36`, `musl 1.2` or empty."""
    if system == "darwin":
        major, _, minor = mac.partition(".")
        return list(mac_platforms((int(major), int(minor.partition(".")[0] or 0)), machine))
    if system != "linux":
        return []
    kind, _, version = libc.partition(" ")
    newest = min(int(version.split(".")[1]), 200) if "." in version else -1
    if kind == "musl":
        found = [f"musllinux_1_{number}_{machine}" for number in range(newest, -1, -1)]
    else:
        found = list[str]()
        for number in range(newest, _OLDEST.get(machine, 17) - 1, -1):
            found.append(f"manylinux_2_{number}_{machine}")
            found += [f"{_OLD_NAMES[number]}_{machine}"] if number in _OLD_NAMES else []
    return [*found, f"linux_{machine}"]


def rank(filename: str, known: Mapping[Tag, int]) -> int | None:
    """How good a wheel is for the interpreter with these tags, 0 the best; None for one that it does not take."""
    try:
        tags = parse_wheel_filename(filename)[3]
    except (InvalidWheelFilename, ValueError):
        return None
    return min((known[tag] for tag in tags if tag in known), default=None)


def best(filenames: Iterable[str], known: Mapping[Tag, int]) -> str:
    """The file of one release that an installer would take: the best wheel, else the source; empty when there is none."""
    names = list(filenames)
    fitting = [(place, _build(name), name) for name in names if (place := rank(name, known)) is not None]
    if fitting:
        lowest = min(place for place, _, _ in fitting)
        return max((build, name) for place, build, name in fitting if place == lowest)[1]
    for name in names:
        try:
            parse_sdist_filename(name)
        except (InvalidSdistFilename, ValueError):
            continue
        return name
    return ""


def _build(name: str) -> tuple[int, str]:
    built = parse_wheel_filename(name)[2]
    return (built[0], built[1]) if built else (-1, "")


def listed(value: object) -> list[Mapping[str, Any]]:
    """The tables of a list that somebody else wrote."""
    entries = cast(list[object], value) if isinstance(value, list) else []
    return [cast(Mapping[str, Any], entry) for entry in entries if isinstance(entry, dict)]
