"""Python's packages outside of projects: for this user, in each interpreter that a manager holds, and tools on their own."""

from __future__ import annotations

import os
import re
import tomllib

from ...equipment import Kept
from ..requirements import normal
from ..text import safe
from .base import Place, content, many, mapping, names, parsed, words

_HEAD = re.compile(r"^(Name|Version):[ \t]*(\S+)", re.MULTILINE)
_PYTHON = re.compile(r"python3\.\d{1,2}")
_OWN = frozenset({"pip", "setuptools", "wheel"})
"""They come with every interpreter."""


def pip(place: Place) -> list[Kept]:
    """What was installed by name into interpreters that are no project's."""
    kept = _sites("user", [place.under(".local/lib")], place)
    kept += _sites("system", [place.system("/usr/local/lib")], place)
    for root in place.at("PYENV_ROOT", ".pyenv"):
        for version in names(os.path.join(root, "versions"), 60):
            at = os.path.join(root, "versions", version)
            if not os.path.islink(at) and not os.path.exists(os.path.join(at, "pyvenv.cfg")):
                kept += _sites(place.short(at), [os.path.join(at, "lib")], place)
    return kept


def _sites(where: str, folders: list[str], place: Place) -> list[Kept]:
    found: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    for folder in folders:
        for python in names(folder, 100):
            for kind in ("site-packages", "dist-packages") if _PYTHON.fullmatch(python) else ():
                site = os.path.join(folder, python, kind)
                for name in names(site, 5000):
                    if name.endswith(".dist-info"):
                        _one(os.path.join(site, name), found, elsewhere)
    return [Kept(manager="pip", where=where, packages=found, elsewhere=elsewhere)] if found else []


def _one(info: str, found: dict[str, str], elsewhere: dict[str, str]) -> None:
    """pip and uv mark what was asked for with an empty file; a package of the distribution has another installer."""
    if not os.path.exists(os.path.join(info, "REQUESTED")):
        return
    facts = dict(_HEAD.findall(words(os.path.join(info, "METADATA"), 4096).partition("\n\n")[0]))
    name = normal(facts.get("Name", ""))
    if not name or name in _OWN:
        return
    found[safe(name, 120)] = safe(facts.get("Version", ""), 80)
    origin = mapping(parsed(os.path.join(info, "direct_url.json"), 1 << 16))
    if origin:
        elsewhere[safe(name, 120)] = "git" if "vcs_info" in origin else "path" if "dir_info" in origin else "url"


def pipx(place: Place) -> list[Kept]:
    """pipx's programs, each in an environment of its own."""
    found: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    for home in place.at("PIPX_HOME", ".local/share/pipx", ".local/pipx"):
        for folder in names(os.path.join(home, "venvs"), 500):
            about = mapping(parsed(os.path.join(home, "venvs", folder, "pipx_metadata.json"), 1 << 20))
            main = mapping(about.get("main_package"))
            name, version = main.get("package"), main.get("package_version")
            if not isinstance(name, str) or not name:
                continue
            found[safe(normal(name), 120)] = safe(version, 80) if isinstance(version, str) else ""
            given = main.get("package_or_url")
            if isinstance(given, str) and re.search(r"://|^[./~]|^git\+", given):
                elsewhere[safe(normal(name), 120)] = "git" if "git" in given else "url" if "://" in given else "path"
    return [Kept(manager="pipx", packages=found, elsewhere=elsewhere)] if found else []


def uv(place: Place) -> list[Kept]:
    """`uv tool`'s programs."""
    found: dict[str, str] = {}
    elsewhere: dict[str, str] = {}
    for base in place.at("UV_TOOL_DIR", f"{os.path.relpath(place.data, place.home)}/uv/tools"):
        for folder in names(base, 500):
            receipt = content(os.path.join(base, folder, "uv-receipt.toml"), 1 << 18)
            if receipt is None:
                continue
            name = normal(folder)
            found[safe(name, 120)] = _version(os.path.join(base, folder), name)
            kind = _kind(receipt, name)
            if kind:
                elsewhere[safe(name, 120)] = kind
    return [Kept(manager="uv", packages=found, elsewhere=elsewhere)] if found else []


def _version(venv: str, name: str) -> str:
    for python in names(os.path.join(venv, "lib"), 20):
        for info in names(os.path.join(venv, "lib", python, "site-packages"), 3000):
            stem, _, version = info.removesuffix(".dist-info").rpartition("-")
            if info.endswith(".dist-info") and normal(stem) == name:
                return safe(version, 80)
    return ""


def _kind(receipt: bytes, name: str) -> str:
    try:
        tool = mapping(tomllib.loads(receipt.decode("utf-8", "replace")).get("tool"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return ""
    for wanted in map(mapping, many(tool.get("requirements"))):
        if normal(str(wanted.get("name", ""))) == name:
            return next((kind for kind in ("git", "url", "path", "directory", "editable") if kind in wanted), "")
    return ""
