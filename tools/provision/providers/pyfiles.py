"""Reads a Python site's files, most binding first: lockfile, metadata, requirements files, the tests' requirements."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ...hosts.base import Host
from ..index import text
from ..names import plain
from ..part import Site, digest
from . import pymeta
from .pydeclared import Declared, from_address, name_of
from .pylocks import locked

_TESTS = ("requirements-tests", "requirements-test", "requirements_test", "test-requirements", "test_requirements")
_DEVS = ("requirements-dev", "requirements_dev", "dev-requirements", "dev_requirements")
TEST_FILES = (
    *(f"{name}{ending}" for ending in (".txt", ".in") for name in _TESTS),
    *(f"requirements/{name}{ending}" for ending in (".txt", ".in") for name in ("tests", "test", "ci-tests")),
    *("tests/requirements.txt", "tests/requirements/py3.txt"),
    *(f"{name}{ending}" for ending in (".txt", ".in") for name in _DEVS),
    *(f"requirements/{name}{ending}" for ending in (".txt", ".in") for name in ("dev", "develop", "local")),
)
"""Where projects keep what their tests need; the first that exists is taken."""
LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock")
MANIFESTS = frozenset(
    {"pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "requirements.in", "Pipfile", *LOCKS}
    | {name for name in TEST_FILES if "/" not in name}
)


async def read(host: Host, site: Site) -> Declared:
    """What the site's files ask for. Raises Failed for a manifest or lockfile that cannot be read."""
    reader = _Reader(host, site)
    return await reader.read()


class _Reader:
    def __init__(self, host: Host, site: Site) -> None:
        self._host = host
        self._site = site
        self.found = Declared()

    async def _read(self, name: str) -> str:
        content = await text(self._host, self._site.root / name)
        if content:
            self.found.files[name] = digest(content)
        return content

    async def read(self) -> Declared:
        found, files = self.found, self._site.files
        content = await self._read("pyproject.toml")
        data: Mapping[str, Any] = {}
        if content:
            data = pymeta.pyproject(content, self._site.label("pyproject.toml"), found)
        if content := await self._read("setup.cfg"):
            pymeta.setup_cfg(content, found)
        if not table_names(data) and (content := await self._read("setup.py")):
            pymeta.setup_py(content, found)
        await self._locks()
        if found.lock == "uv.lock":
            found.groups = pymeta.uv_groups(data, found.groups)
        tests = bool(found.extras or found.groups) or await self._test_file()
        if not found.lock and (not found.installable or not tests):
            await self._requirements("requirements.txt" if "requirements.txt" in files else "requirements.in")
        elif found.installable and "requirements.txt" in files and not found.lock:
            found.notes.append(
                "requirements.txt is left out: the project's metadata and its test requirements say what it needs"
            )
        await self._pytest()
        found.urls += [line for line in found.lines if from_address(line)]
        found.lines = [line for line in dict.fromkeys(found.lines) if not from_address(line)]
        return found

    async def _pytest(self) -> None:
        """A project that configures pytest has named it, even where no list of requirements does."""
        found = self.found
        for name, mark in (("pytest.ini", r"\[pytest\]"), ("tox.ini", r"^\[pytest\]")):
            if name in self._site.files and re.search(mark, await self._read(name), re.MULTILINE):
                found.pytest = name
        if found.pytest and found.lines and not found.lock and "pytest" not in map(name_of, found.lines):
            found.lines.append("pytest")
            found.sources.append(f"{found.pytest}, which configures pytest")

    async def _locks(self) -> None:
        found = self.found
        for name in LOCKS:
            if name in self._site.files:
                content = await self._read(name)
                found.lock = name
                found.sources.insert(0, name)
                found.pins = locked(name, content, self._site.label(name))
                if name == "uv.lock":
                    address = r'^\s*(?:source = \{ (?:registry|url|git)|.*\burl) = "\w[\w+]*://(?:[^@/"]*@)?([^/:"]+)'
                    found.indexes = set(re.findall(address, content, re.MULTILINE))
                if name == "Pipfile.lock":
                    found.lines += found.pins
                return
        if "Pipfile" in self._site.files:
            try:
                data = tomllib.loads(await self._read("Pipfile"))
            except tomllib.TOMLDecodeError:
                found.notes.append("Pipfile could not be read")
                return
            found.sources.append("Pipfile")
            for section in ("packages", "dev-packages"):
                lines = (pymeta.poetry_line(name, value) for name, value in pymeta.table(data, section).items())
                found.lines += [line for line in lines if line]

    async def _test_file(self) -> bool:
        for name in TEST_FILES:
            if name.partition("/")[0] in self._site.files and await self._requirements(name):
                return True
        return False

    async def _requirements(self, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Read a requirements file with what it includes. False when there is none."""
        content = await self._read(name) if name not in seen and len(seen) < 20 else ""
        if not content:
            return False
        if not seen:
            self.found.sources.append(name)
        for line in _joined(content):
            await self._line(line, name, seen | {name})
        return True

    async def _line(self, line: str, name: str, seen: frozenset[str]) -> None:
        found = self.found
        match = re.match(r"(--?[A-Za-z][\w-]*?)(?:[= ]\s*|(?<=^-[A-Za-z])(?=[^-=\s]))(.*)$", line)
        option, value = (match[1], match[2].strip()) if match else ("", line)
        if option in ("-r", "--requirement", "-c", "--constraint"):
            path = _folded(PurePosixPath(name).parent / value)
            if path.is_absolute() or ".." in path.parts:
                found.notes.append(f"{name}: {plain(value)} lies outside the project and is left out")
            elif option in ("-c", "--constraint"):
                lines = _joined(await self._read(str(path)))
                found.pins += [re.split(r"\s+--", line)[0] for line in lines if not line.startswith("-")]
            else:
                await self._requirements(str(path), seen)
        elif option in ("-i", "--index-url", "--extra-index-url", "-f", "--find-links"):
            # An index that a project brings along can offer any name (dependency confusion): one index, the user's.
            host = re.sub(r"^\w+://(?:[^@/]*@)?([^/]*).*$", r"\1", value)
            found.notes.append(f"{name} names another index, which is not used: {plain(host)}")
        elif option in ("-e", "--editable") or re.match(r"\.{1,2}(/|\[|$)", line):
            self._local(name, value)
        elif not line.startswith("-"):
            body, *hashes = re.split(r"\s+--hash[= ]", line)
            body = re.split(r"\s+--", body)[0].strip()
            found.lines.append(body)
            if hashes:
                found.hashes[name_of(body)] = [item.strip() for item in hashes]

    def _local(self, name: str, value: str) -> None:
        match = re.fullmatch(r"\.(?:/)?(?:\[([\w,. -]+)\])?", value)
        if match is None and from_address(value):
            self.found.lines.append(value)
        elif match is None:
            self.found.notes.append(f"{name}: {plain(value)} is left out: a path other than the project itself")
        else:
            self.found.installable = True
            for extra in (match[1] or "").split(","):
                self.found.take(extra.strip())


def table_names(data: object) -> bool:
    """Whether a parsed pyproject.toml says what the project is, so that setup.py has nothing to add."""
    tools = pymeta.table(data, "tool")
    return bool(pymeta.table(data, "project") or tools.get("poetry") or pymeta.table(tools, "flit", "metadata"))


def _joined(content: str) -> list[str]:
    """Requirement lines without comments and with continuations put together."""
    whole = re.sub(r"\\\r?\n\s*", " ", content.removeprefix("\ufeff"))
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in whole.splitlines())
    return [line for line in lines if line]


def _folded(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)
