"""CMake: CMakeLists.txt and what it adds, and presets; read as plain declarations, conditions are not judged."""

from __future__ import annotations

import posixpath
import re
from collections import deque
from collections.abc import Iterator
from typing import cast

from ..draft import Draft, words
from ..ignore import is_example
from ..parse import Node, string, table
from .c_plan import TESTED, Plan

LISTS = "CMakeLists.txt"
MOST = 60
"""Files that are followed."""
TOKENS = 40_000
"""Words of one file."""
# A string and a comment take all that is left when their end is missing, so that no second try starts inside of them.
_TOKEN = re.compile(
    r'"((?:[^"\\]|\\.)*+)\\?"?|#\[(=*)\[.*?(?:\]\2\]|\Z)|#[^\n]*|([()])|((?:[^\s()"#\\]|\\.)++|\\)', re.DOTALL
)
_VARIABLE = re.compile(r"\$\{(\w{1,80})\}")
_SOURCE = ("${CMAKE_SOURCE_DIR}", "${CMAKE_CURRENT_SOURCE_DIR}", "${PROJECT_SOURCE_DIR}")
_BINARY = ("${CMAKE_BINARY_DIR}", "${PROJECT_BINARY_DIR}", "${CMAKE_CURRENT_BINARY_DIR}")
_USES = frozenset({
    "find_package", "find_library", "pkg_check_modules", "pkg_search_module", "target_link_libraries", "fetchcontent_declare",
    "cpmaddpackage", "link_libraries", "cpmfindpackage", "find_dependency",
})  # fmt: skip
_TESTS = frozenset({"enable_testing", "add_test", "catch_discover_tests", "gtest_discover_tests"})
_PROGRAMS = frozenset({"add_executable", "qt_add_executable", "qt6_add_executable"})
_KITS = {"Zephyr": "Zephyr", "ament_cmake": "ROS 2", "catkin": "ROS"}
_KEYWORDS = frozenset({
    "required", "public", "private", "interface", "components", "config", "quiet", "imported_target", "git_repository", "git_tag",
    "url", "name", "module", "optional_components", "no_module", "names", "hints", "paths",
})  # fmt: skip


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """(command in lower case, its arguments) in order; brackets inside of arguments are left out."""
    name, arguments, depth = "", list[str](), 0
    for count, match in enumerate(_TOKEN.finditer(text)):
        if count > TOKENS:
            return
        if match[3] == "(":
            depth += 1
        elif match[3] == ")":
            depth = max(0, depth - 1)
            if not depth and name:
                yield name, arguments
                name, arguments = "", list[str]()
        elif (word := match[4] if match[4] is not None else match[1]) is not None:
            if depth:
                arguments.append(word)
            else:
                name = word.lower()


def read(draft: Draft) -> Plan | None:
    """The project as its CMakeLists.txt has it; None without one."""
    if not draft.has(LISTS):
        return None
    reader = _Reader(draft)
    while reader.queue:
        folder, foreign, names = reader.queue.popleft()
        reader.file(folder, foreign, names)
    plan, inner = reader.plan, reader.inner
    if not plan.programs and not plan.library:
        plan.programs, plan.library, plan.exported = inner.programs, inner.library, inner.exported
    _built(draft, plan, reader.tested, reader.output)
    return plan


class _Reader:
    """Goes through CMakeLists.txt and the folders that it adds."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.plan = Plan("cmake", LISTS)
        self.inner = Plan("cmake", LISTS)
        """What projects inside of this one make: copies of libraries, mostly."""
        self.tested = ""
        """The file that has tests."""
        self.output = ""
        """The folder for programs, where it is set."""
        self.seen = {""}
        self.queue: deque[tuple[str, bool, dict[str, str]]] = deque([("", False, {})])

    def file(self, folder: str, foreign: bool, names: dict[str, str]) -> None:
        """Take one file in; `names` are the variables known where it is added."""
        path = f"{folder}/{LISTS}" if folder else LISTS
        under: list[bool] = []
        """For each `if` that is open: whether it asks for tests or examples."""
        left_out = 0
        for command, written in commands(self.draft.tree.texts.get(self.draft.at(path), "")):
            given = [_resolved(word, names) for word in written]
            first = given[0] if given else ""
            if command == "project" and first:
                foreign = foreign or bool(folder and self.plan.name)
                names |= {"PROJECT_NAME": first} if foreign else {"PROJECT_NAME": first, "CMAKE_PROJECT_NAME": first}
                self.plan.name = self.plan.name or first
            elif command == "set" and len(given) == 2 and len(given[1]) < 200:
                names[first] = given[1]
                if first == "CMAKE_RUNTIME_OUTPUT_DIRECTORY" and not foreign:
                    self.output = self.output or given[1]
            elif command == "if":
                condition = " ".join(given).lower()
                left_out += (asks := any(word in condition for word in TESTED))
                under.append(asks)
            elif command == "endif" and under:
                left_out -= under.pop()
            elif not left_out:
                self.command(command, given, folder, foreign, names)

    def command(self, command: str, given: list[str], folder: str, foreign: bool, names: dict[str, str]) -> None:
        """Take in one command that is not left out by a condition on tests or examples."""
        path = f"{folder}/{LISTS}" if folder else LISTS
        first = given[0] if given else ""
        if command == "cmake_minimum_required" and not folder and len(given) > 1:
            least = re.match(r"\d+(?:\.\d+){1,3}", given[1])
            self.plan.least = f">={least[0]}" if least else ""
        elif command in _TESTS or (command == "include" and first == "CTest"):
            self.tested = self.tested or ("" if foreign else path)
        elif command == "add_subdirectory" and first and "EXCLUDE_FROM_ALL" not in given:
            below = posixpath.normpath(posixpath.join(folder, first))
            if (
                below not in self.seen
                and not below.startswith((".", "/"))
                and "$" not in below
                and not is_example(below)
            ):
                self.seen.add(below)
                self.queue.append((below, foreign, dict(names)))
        else:
            _declared(self.inner if foreign else self.plan, folder, path, command, given)


def _resolved(word: str, names: dict[str, str]) -> str:
    for _ in range(3):
        if "${" not in word or len(word) > 400:
            break
        word = _VARIABLE.sub(lambda match: names.get(match[1], match[0]), word)
    return word


def _declared(plan: Plan, folder: str, path: str, command: str, given: list[str]) -> None:
    first = given[0] if given else ""
    if command in _PROGRAMS and not {"IMPORTED", "ALIAS"} & set(given) and re.fullmatch(r"[\w.+-]{1,80}", first):
        plan.program(first, f"{folder}/{first}" if folder else first)
    elif command == "add_library" and not {"IMPORTED", "ALIAS", "OBJECT"} & set(given):
        plan.library = True
    elif command == "install" and {"EXPORT", "LIBRARY", "ARCHIVE"} & set(given):
        plan.exported = True
    elif command == "include" and "IDF_PATH" in first:
        plan.kit = "ESP-IDF"
    elif command == "pico_sdk_init":
        plan.kit = "Pico SDK"
    elif command == "find_package" and first in _KITS:
        plan.kit = _KITS[first]
    for argument in given if command in _USES else ():
        # `gh:CrowCpp/Crow@1.2.0`, `Qt6::Widgets`, `libpq>=12`
        for part in re.split(r"::|[/@>=<]", argument.removeprefix("gh:"), maxsplit=20):
            if part.lower() not in _KEYWORDS and re.fullmatch(r"[A-Za-z][\w.+-]*", part):
                plan.word(part.removesuffix(".git"), path, command)


def _built(draft: Draft, plan: Plan, tested: str, output: str) -> None:
    """The commands, and where the programs will lie."""
    binary, build, path, sure = "build", "cmake -B build && cmake --build build", LISTS, 0.9
    presets = draft.json("CMakePresets.json")
    if chosen := _preset(presets):
        name, binary = chosen
        builds = [
            string(one.get("name")) for one in _listed(presets, "buildPresets") if one.get("configurePreset") == name
        ]
        second = (
            f"cmake --build --preset {words(builds[0])}"
            if builds
            else f"cmake --build {words(binary)}"
            if binary
            else ""
        )
        build, path = f"cmake --preset {words(name)} && {second}", "CMakePresets.json"
        sure = 0.9 if second else 0.0
    elif _listed(presets, "configurePresets"):
        sure = 0.6
    if sure:
        plan.commands["build"] = (build, path, sure)
    if tested and binary:
        plan.commands["test"] = (f"ctest --test-dir {words(binary)}", tested, 0.85)
    for name, inner in plan.programs.items():
        plan.programs[name] = _placed(binary, output, name, inner)


def _placed(binary: str, output: str, name: str, inner: str) -> str:
    if not binary:
        return ""
    if not output:
        return f"{binary}/{inner}"
    for prefix in _BINARY[:2]:
        if output.startswith(prefix):
            folder = output.removeprefix(prefix)
            return "" if "$" in folder else posixpath.normpath(f"{binary}{folder}/{name}")
    for prefix in _SOURCE:
        if output.startswith(prefix):
            folder = output.removeprefix(prefix).strip("/")
            return "" if "$" in folder or ".." in folder else posixpath.normpath(f"{folder}/{name}")
    return ""


def _listed(content: Node, key: str) -> list[Node]:
    found = content.get(key)
    return [table(one) for one in cast(list[object], found)] if isinstance(found, list) else []


def _preset(content: Node) -> tuple[str, str] | None:
    """(name, folder that is built in, empty where it is not known) of the preset that one would take."""
    shown = [
        one for one in _listed(content, "configurePresets") if string(one.get("name")) and one.get("hidden") is not True
    ]
    chosen = shown[0] if len(shown) == 1 else next((one for one in shown if one.get("name") == "default"), None)
    if chosen is None:
        return None
    name = string(chosen.get("name"))
    folder = string(chosen.get("binaryDir")).replace("${presetName}", name).removeprefix("${sourceDir}/")
    return name, "" if "$" in folder or folder.startswith("/") or ".." in folder else folder.rstrip("/")
