"""What files tell of a program's version, so that it need not be run: starting Java, Node or a version manager takes a second."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable
from typing import cast

_SCRIPTS = {name: name for name in ["pip", "poetry", "pdm", "pipenv", "hatch", "meson", "pipx", "conan", "scons"]} | {
    "pip3": "pip"
}
"""Programs of Python's world, and the package that each belongs to."""
_PROPERTIES = "META-INF/maven/org.apache.maven/maven-core/pom.properties"
MANAGERS = {"pyenv": "PYENV_VERSION", "rbenv": "RBENV_VERSION", "nodenv": "NODENV_VERSION", "goenv": "GOENV_VERSION"}


def behind(at: str, name: str) -> str | None:
    """The program that a stand-in (`~/.pyenv/shims/python3`) starts outside of projects; itself when it is none, None when
    no version is chosen that has it."""
    folder, root = os.path.dirname(at), os.path.dirname(os.path.dirname(at))
    if os.path.basename(folder) != "shims" or not os.path.isdir(os.path.join(root, "versions")):
        return at
    manager = os.path.basename(root).lstrip(".")
    said = os.environ.get(MANAGERS.get(manager, ""), "").replace(":", " ") or _text(os.path.join(root, "version"), 1000)
    chosen = said.split() or ["system"]
    for version in chosen[:20]:
        if version == "system":
            continue
        held = os.path.join(root, "versions", version)
        if not re.fullmatch(r"[\w.+-]+", version) or not os.path.isdir(held):
            return at  # the beginning of a version, which the manager itself works out
        real = os.path.join(held, "bin", name)
        if os.access(real, os.X_OK) and os.path.isfile(real):
            return real
    return None


def version(name: str, at: str, real: str) -> str:
    """Empty when no file tells it. `at` is the program's path, `real` what it leads to."""
    for reader in (_from_pyvenv, _from_holder, _from_package, _from_site, _from_neighbours):
        found = reader(name, at, real)
        if found:
            return found[:40]
    return ""


def _text(path: str, limit: int) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(limit)
    except OSError:
        return ""


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _from_pyvenv(name: str, at: str, real: str) -> str:
    """A virtual environment says its version beside it; its `python` is a link into it or out of it."""
    if not name.startswith("python"):
        return ""
    text = _text(os.path.join(os.path.dirname(os.path.dirname(at)), "pyvenv.cfg"), 10_000)
    found = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+\.\d+)", text, re.MULTILINE)
    return found[1] if found else ""


def _from_holder(name: str, at: str, real: str) -> str:
    """pyenv's and rbenv's folders are named after the version."""
    found = re.search(r"/versions/(\d+\.\d+\.\d+)/bin/[^/]+$", real)
    return found[1] if found and re.match(r"(?:python|ruby)[\d.]*$", os.path.basename(real)) else ""


def _from_package(name: str, at: str, real: str) -> str:
    """Programs from npm's world lie in a package whose package.json has the version."""
    if not real.endswith((".js", ".cjs", ".mjs")):
        return ""
    folder = os.path.dirname(real)
    for _ in range(3):
        try:
            with open(os.path.join(folder, "package.json"), "rb") as file:
                content = json.loads(file.read(1 << 20))
        except (OSError, ValueError, RecursionError):
            folder = os.path.dirname(folder)
            continue
        facts = cast(dict[str, object], content) if isinstance(content, dict) else {}
        return str(facts.get("version", "")) if facts.get("name") == name else ""
    return ""


def _from_site(name: str, at: str, real: str) -> str:
    """A script of Python's beside the packages that it belongs to; where several interpreters have it, nobody knows whose it is."""
    package = _SCRIPTS.get(name)
    if package is None:
        return ""
    lib = os.path.join(os.path.dirname(os.path.dirname(real)), "lib")
    found: set[str] = set()
    for python in _names(lib):
        for kind in ("site-packages", "dist-packages") if re.fullmatch(r"python3(\.\d+)?", python) else ():
            for entry in _names(os.path.join(lib, python, kind)):
                if version := re.fullmatch(rf"{package}-(\d[\w.+]*)\.(?:dist|egg)-info", entry):
                    found.add(version[1])
    return found.pop() if len(found) == 1 else ""


def _from_neighbours(name: str, at: str, real: str) -> str:
    """Maven and Gradle have their version in a library's file name, or inside of it; a JDK has a `release` file."""
    home = os.path.dirname(os.path.dirname(real))
    reader: dict[str, Callable[[str], str]] = {"mvn": _maven, "gradle": _gradle, "java": _java}
    return reader[name](home) if name in reader else ""


def _maven(home: str) -> str:
    for file in _names(os.path.join(home, "lib")):
        if found := re.fullmatch(r"maven-core-(\d+\.\d+[\d.]*)\.jar", file):
            return found[1]
        if file.startswith("maven-core-"):  # Debian's is named after the line only
            return _inside(os.path.join(home, "lib", file))
    return ""


def _inside(jar: str) -> str:
    try:
        with zipfile.ZipFile(jar) as archive, archive.open(_PROPERTIES) as file:
            said = re.search(rb"^version=([\w.-]+)", file.read(4096), re.MULTILINE)
    except Exception:  # any bytes may be in there, and each compression has errors of its own
        return ""
    return said[1].decode() if said else ""


def _gradle(home: str) -> str:
    found = (
        re.fullmatch(r"gradle-core-(?:api-)?(\d+\.\d+[\d.]*)\.jar", file) for file in _names(os.path.join(home, "lib"))
    )
    return next((match[1] for match in found if match), "")


def _java(home: str) -> str:
    found = re.search(r'^JAVA_VERSION="([\w.+-]+)"', _text(os.path.join(home, "release"), 10_000), re.MULTILINE)
    return found[1] if found else ""
