"""The packages of environments, by reading: dist-info folders, package.json files, dpkg's status. Nothing is run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import cast

from ..fingerprint import Installed, PackageSet
from .requirements import normal
from .text import safe
from .tree import Text, read_text

_HEAD = re.compile(r"^(Name|Version):[ \t]*(\S+)", re.MULTILINE)
_STANZA = re.compile(r"^Package: (\S+)\nStatus: install ok installed\n(?:[^\n]+\n)*?Version: (\S+)", re.MULTILINE)
MOST = 20_000


def of_project(
    root: str, environments: Sequence[str], modules: Sequence[str], active: str
) -> tuple[list[PackageSet], list[Installed]]:
    """The package sets of a project's environments and the Pythons in them.

    `environments` and `modules` are what the walk saw; `active` is VIRTUAL_ENV, which counts when it lies in the project.
    """
    places = list(environments)
    if active and os.path.realpath(active).startswith(os.path.realpath(root) + os.sep):
        places.append(os.path.relpath(os.path.realpath(active), os.path.realpath(root)))
    sets: list[PackageSet] = []
    pythons: list[Installed] = []
    for place in dict.fromkeys(places):
        sets.append(PackageSet(manager="pip", where=safe(place, 400), packages=_venv(os.path.join(root, place))))
        if version := _python(os.path.join(root, place)):
            pythons.append(Installed(name="python", version=version, path=safe(f"{place}/bin/python", 400)))
    for place in dict.fromkeys(modules):
        sets.append(
            PackageSet(manager="npm", where=safe(place, 400), packages=_modules(root, os.path.join(root, place)))
        )
    return sets, pythons


def _python(venv: str) -> str:
    text = read_text(os.path.join(venv, "pyvenv.cfg"), 1 << 16)
    found = (
        re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", text, re.MULTILINE) if isinstance(text, Text) else None
    )
    return found[1] if found else ""


def _folders(path: str) -> Iterator[str]:
    try:
        yield from sorted(os.listdir(path))
    except OSError:
        return


def _venv(venv: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for python in _folders(os.path.join(venv, "lib")):
        site = os.path.join(venv, "lib", python, "site-packages")
        for name in _folders(site) if python.startswith(("python", "pypy")) else ():
            if name.endswith((".dist-info", ".egg-info")) and len(found) < MOST:
                read = _metadata(os.path.join(site, name))
                if read:
                    found[safe(normal(read[0]))] = safe(read[1], 80)
    return found


def _metadata(folder: str) -> tuple[str, str] | None:
    """Name and version; an installer that was interrupted leaves a folder without METADATA, which is no package."""
    for file in ("METADATA", "PKG-INFO"):
        text = read_text(os.path.join(folder, file), 4096, tolerant=True)
        if isinstance(text, Text):
            facts = dict(_HEAD.findall(text.partition("\n\n")[0]))
            return (facts["Name"], facts["Version"]) if len(facts) == 2 else None
    return None


def _modules(root: str, folder: str) -> dict[str, str]:
    found: dict[str, str] = {}
    inside = os.path.realpath(root) + os.sep
    for name in _folders(folder):
        if name.startswith("@"):
            names = [f"{name}/{below}" for below in _folders(os.path.join(folder, name))]
        else:
            names = [] if name.startswith(".") else [name]
        for package in names:
            at = os.path.join(folder, package)
            # pnpm and workspaces link their packages; a link that leads out of the project is not ours to read.
            if os.path.islink(at) and not os.path.realpath(at).startswith(inside):
                continue
            version = _version(os.path.join(at, "package.json"))
            if version is not None and len(found) < MOST:
                found[safe(package)] = safe(version, 80)
    return found


def _version(manifest: str) -> str | None:
    text = read_text(manifest, 1 << 20, tolerant=True)
    if not isinstance(text, Text):
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    version = cast(dict[str, object], content).get("version") if isinstance(content, dict) else None
    return version if isinstance(version, str) else ""


def of_system(status: str = "/var/lib/dpkg/status") -> list[PackageSet]:
    """Debian's packages; nothing on other systems."""
    text = read_text(status, 64 << 20, tolerant=True)
    if not isinstance(text, Text):
        return []
    return [PackageSet(manager="apt", where="system", packages=dict(_STANZA.findall(text)))]
