"""Meson, Autotools and plain Makefiles of C and C++: read as plain declarations, never run."""

from __future__ import annotations

import posixpath
import re
from collections import deque

from ..comments import without_hashes
from ..draft import Draft
from ..ignore import is_example
from .c_plan import Plan

MOST = 60
"""Files that are followed."""
MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
_STRING = r"'([^'\n]{1,200})'"
_PROJECT = re.compile(rf"\bproject[ \t]*\([ \t\r\n]{{0,100}}{_STRING}")
_MESON = re.compile(rf"\bmeson_version[ \t]*:[ \t]*{_STRING}")
_SUBDIR = re.compile(rf"\bsubdir[ \t]*\([ \t\r\n]{{0,40}}{_STRING}")
_PROGRAM = re.compile(rf"\bexecutable[ \t]*\([ \t\r\n]{{0,100}}(?:{_STRING}|(meson\.project_name\(\)))")
_LIBRARY = re.compile(r"\b(?:shared_library|static_library|both_libraries|library|declare_dependency)[ \t]*\(")
_DEPENDENCY = re.compile(rf"\b(?:dependency|find_library)[ \t]*\([ \t\r\n]{{0,40}}{_STRING}")
_AC_INIT = re.compile(r"^[ \t]*AC_INIT[ \t]*\([ \t]*\[?[ \t]*([\w.+-]{1,80})", re.MULTILINE)
_AC_USES = re.compile(
    r"^[ \t]*(PKG_CHECK_MODULES|PKG_CHECK_EXISTS|AC_CHECK_LIB|AC_SEARCH_LIBS)[ \t]*\(([^()]{1,400})", re.MULTILINE
)
_AM = re.compile(r"^[ \t]*(\w*(?:_PROGRAMS|_LTLIBRARIES|_LIBRARIES)|TESTS)[ \t]*\+?=([^\n]*)", re.MULTILINE)
_ASSIGNED = re.compile(r"^[ \t]*(?:export[ \t]+)?(\w{1,60})[ \t]*(?::{0,3}|\?)=[ \t]*([^\n#]{0,300})", re.MULTILINE)
_RULE = re.compile(r"^([^\s#:=][^\n#:=]{0,200})::?(?![=:])([^\n#;]{0,300})")
_FORWARD = re.compile(r"\t[@+-]*[ \t]*(?:cd[ \t]+([\w./-]{1,80})[ \t]*(?:&&|;)[ \t]*\$[({]MAKE[)}]|\$[({]MAKE[)}][ \t]+(?:-\w[ \t]+)?-C[ \t]*([\w./-]{1,80}))")  # fmt: skip
_UNSET = re.compile(r"\$[({]\w{1,60}[)}]")
"""To make, a variable that is set nowhere is nothing."""
_TOOLCHAIN = frozenset({"CC", "CXX", "LD", "AR"})
_COMPILER = re.compile(r"\$[({](?:CC|CXX|LD|LINK\.\w{1,3})[)}]|(?<![\w./-])(?:gcc|g\+\+|cc|clang|clang\+\+)[ \t]")


def meson(draft: Draft) -> Plan | None:
    """The project as its meson.build has it; None without one, or in a folder that another one adds."""
    text = without_hashes(draft.text("meson.build"))
    project = _PROJECT.search(text)
    if not project:
        return None
    plan = Plan("meson", "meson.build", name=project[1])
    if least := _MESON.search(text):
        plan.least = least[1].replace(" ", "")
    seen, queue = {""}, deque([""])
    tested = ""
    while queue:
        folder = queue.popleft()
        path = f"{folder}/meson.build" if folder else "meson.build"
        text = without_hashes(draft.tree.texts.get(draft.at(path), ""))
        for name, own in _PROGRAM.findall(text):
            name = name or (plan.name if own else "")
            plan.program(name, posixpath.join("build", folder, name))
        plan.library = plan.library or bool(_LIBRARY.search(text))
        tested = tested or (path if re.search(r"^[ \t]*test[ \t]*\(", text, re.MULTILINE) else "")
        for word in _DEPENDENCY.findall(text):
            plan.word(word, path, "dependency")
        for below in _SUBDIR.findall(text):
            inner = posixpath.normpath(posixpath.join(folder, below))
            if is_example(inner):
                tested = tested or (path if "test" in inner else "")
            elif len(seen) < MOST and inner not in seen and not inner.startswith((".", "/")):
                seen.add(inner)
                queue.append(inner)
    plan.exported = "pkgconfig" in text or plan.library
    plan.commands["build"] = ("meson setup build && meson compile -C build", "meson.build", 0.9)
    if tested:
        plan.commands["test"] = ("meson test -C build", tested, 0.9)
    return plan


def autotools(draft: Draft) -> Plan | None:
    """The project as configure.ac and the Makefile.am files have it; None without the first."""
    source = next((name for name in ("configure.ac", "configure.in") if draft.has(name)), "")
    if not source:
        return None
    text = re.sub(r"(?m)(?:^|[ \t])(?:dnl\b|#)[^\n]*", "", draft.text(source))
    found = _AC_INIT.search(text)
    plan = Plan("make", source, name=found[1] if found else "")
    for command, given in _AC_USES.findall(text):
        for word in re.findall(r"[A-Za-z][\w.+-]{1,60}", given):
            plan.word(word, source, command)
    tested = False
    for path in draft.named("Makefile.am"):
        folder = draft.inner(path).rpartition("/")[0]
        for kind, given in _AM.findall(draft.tree.texts.get(path, "").replace("\\\n", " ")):
            tested = tested or kind == "TESTS"
            plan.library = plan.library or (kind.startswith("lib_") and bool(given.strip()))
            for name in given.split() if kind == "bin_PROGRAMS" else ():
                if re.fullmatch(r"[\w.+-]{1,80}", name):
                    plan.program(name, posixpath.join(folder, name))
    plan.exported = plan.library
    first = next(
        (f"./{name} && " for name in ("autogen.sh", "bootstrap", "bootstrap.sh") if draft.has(name)),
        "autoreconf -i && ",
    )
    plan.commands["build"] = (("" if draft.has("configure") else first) + "./configure && make", source, 0.9)
    if tested or any(name.endswith("/Makefile.am") for name in draft.tree.texts if "test" in draft.inner(name)):
        plan.commands["test"] = ("make check", source, 0.85)
    return plan


def _compiles(text: str) -> bool:
    return bool(_COMPILER.search(text) or re.search(r"^[^\s#:=][^\n:=]{0,200}:[^\n]{0,200}\.o\b", text, re.MULTILINE))


def _forwarded(draft: Draft, text: str) -> str:
    """The one folder whose Makefile does what this one is asked for; empty when it does things itself."""
    recipes = [line for line in text.splitlines() if line.startswith("\t") and line.strip()]
    found = [_FORWARD.match(line) for line in recipes[:50]]
    folders = {(match[1] or match[2]).rstrip("/") for match in found if match}
    if not recipes or None in found or len(folders) != 1:
        return ""
    folder = posixpath.normpath(folders.pop())
    return folder if not folder.startswith((".", "/")) and draft.has(f"{folder}/Makefile") else ""


def plain(draft: Draft) -> Plan | None:
    """A Makefile that calls a compiler of C, or only hands over to one that does; None without one."""
    path = next((name for name in MAKEFILES if draft.has(name)), "")
    text = draft.text(path).replace("\\\n", " ") if path else ""
    inside = ""
    if path and not _compiles(text):
        inside = _forwarded(draft, text)
        text = draft.text(f"{inside}/Makefile").replace("\\\n", " ") if inside else ""
    if not path or not _compiles(text):
        return None
    plan = Plan("make", path)
    values = {name: value.strip() for name, value in _ASSIGNED.findall(text)}
    targets: dict[str, list[str]] = {}
    target = ""
    for line in text.splitlines()[:5000]:
        if line.startswith("\t"):
            _linked(plan, target, line[:1000], values)
        elif rule := _RULE.match(line):
            names = _UNSET.sub("", _filled(rule[1], values)).split()
            target = names[0] if names else ""
            for name in names:
                targets.setdefault(name, []).extend(_UNSET.sub("", _filled(rule[2], values)).split())
    for word in re.findall(
        r"(?<![\w-])-l([\w+-]{2,40})|pkg-config[^\n`)]{0,80}[ \t](lib[\w.+-]{2,40}|[\w.+-]{3,40})[ \t`)]", text
    ):
        plan.word(word[0] or word[1], path, "libraries")
    first = next((name for name in targets if not name.startswith(".") and "%" not in name), "")
    _settle(plan, first, targets)
    if inside:
        plan.programs = {name: f"{inside}/{file}" for name, file in plan.programs.items()}
    plan.commands["build"] = ("make", path, 0.85)
    for purpose, names in (("test", ("test", "check")), ("start", ("run",))):
        if found := next((name for name in names if name in targets), ""):
            plan.commands[purpose] = (f"make {found}", path, 0.85)
    return plan


def _filled(text: str, values: dict[str, str]) -> str:
    for _ in range(3):
        if "$" not in text or len(text) > 500:
            break
        text = re.sub(r"\$[({](\w{1,60})[)}]", lambda match: values.get(match[1], match[0]), text)
    return text


def _linked(plan: Plan, target: str, line: str, values: dict[str, str]) -> None:
    """A line that links: what it makes is a program, or a library when it says so."""
    filled = _filled(line, values)
    line = _filled(line, {name: value for name, value in values.items() if name not in _TOOLCHAIN})
    archived = re.search(r"(?:\$\(AR\)|(?<!\w)ar)[ \t]", line) or target.endswith((".a", ".so", ".dylib"))
    if archived or "-shared" in filled:
        plan.library = True
    elif _COMPILER.search(line) and not re.search(r"[ \t]-c(?:[ \t]|$)", filled):
        made = re.search(r"[ \t]-o[ \t]{0,4}([^\s;]{1,200})", filled)
        name = target if made and made[1] == "$@" else made[1] if made else ""
        if re.fullmatch(r"[\w./+-]{1,200}", name) and ".." not in name and not name.endswith((".o", ".obj")):
            plan.program(name.rpartition("/")[2], name.removeprefix("./"))


def _settle(plan: Plan, first: str, targets: dict[str, list[str]]) -> None:
    """Of several programs the one that plain `make` makes is what the project is for."""
    paths = set(plan.programs.values())
    made = {first, *targets.get(first, [])}
    wanted = [name for name, path in plan.programs.items() if path in made or f"./{path}" in made]
    # Beside a server lie the programs that talk to it.
    wanted = wanted if len(wanted) == 1 else [name for name in plan.programs if re.search(r"(?:^|[-_])server$", name)]
    if len(wanted) == 1 and len(paths) > 1:
        plan.name = wanted[0]
