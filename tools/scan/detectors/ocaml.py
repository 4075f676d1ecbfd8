"""OCaml: dune-project and dune files read as s-expressions, *.opam; Dream, Opium, Eliom; programs, libraries, locks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .. import brackets
from ..brackets import LISP, Item
from ..draft import Draft, words
from ..ignore import is_example
from ..parse import Broken
from ..text import safe
from .base import Detector, Known

FRAMEWORKS = {
    "dream": Known("Dream", "backend", 8080, 0.95),
    "opium": Known("Opium", "backend", 3000, 0.95),
    "eliom": Known("Eliom", "backend", 8080),
    "ocsigenserver": Known("Ocsigen", "backend", 8080, 0.85),
    "tiny_httpd": Known("Tiny_httpd", "backend", 8080, 0.85),
    "cohttp-lwt-unix": Known("Cohttp", "backend", 0, 0.5),
    "cohttp-eio": Known("Cohttp", "backend", 0, 0.5),
    "httpaf": Known("http/af", "backend", 0, 0.5),
    "js_of_ocaml": Known("js_of_ocaml", "frontend", 0, 0.4),
    "melange": Known("Melange", "frontend", 0, 0.4),
    "cmdliner": Known("Cmdliner"),
}
CLIENTS = {
    "caqti-driver-postgresql": "postgresql", "postgresql": "postgresql", "pgx": "postgresql", "pgx_lwt": "postgresql", "pgocaml": "postgresql",
    "caqti-driver-mariadb": "mysql", "mysql8": "mysql", "mariadb": "mysql", "caqti-driver-sqlite3": "sqlite", "sqlite3": "sqlite",
    "redis": "redis", "redis-lwt": "redis", "redis-sync": "redis", "mongo": "mongodb", "amqp-client": "rabbitmq", "amqp-client-lwt": "rabbitmq",
    "kafka": "kafka", "kafka_lwt": "kafka", "memcached": "memcached",
}  # fmt: skip
PATTERNS = (
    ("env", "getenv", r"\b(?:Sys|Unix)\.getenv(?:_opt)?\s+\"([A-Z][A-Z0-9_]{1,63})\""),
    ("ocaml-port", "~port:", r"\b(?:Dream\.run|Tiny_httpd\.create)\b[^;]{0,80}?~port:\(?(\d{2,5})\b"),
    ("ocaml-port", "App.port", r"\bApp\.port[ \t]+(\d{2,5})\b"),
)


@dataclass
class _Told:
    """What dune's and opam's files say, gathered before anything is concluded."""

    needed: dict[str, str] = field(default_factory=dict[str, str])
    """File by dependency."""
    programs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(dune file, what `dune exec` takes)."""
    libraries: list[str] = field(default_factory=list[str])
    """dune files with a library that has a public name."""
    browser: str = ""
    """A dune file with a program that is made into JavaScript or WebAssembly."""
    tests: str = ""


def detect(draft: Draft) -> None:
    """Add what the manifests of an OCaml project say."""
    told = _Told()
    opams = sorted(name for name in draft.beside if name.endswith(".opam"))
    if draft.has("dune-project"):
        _project(draft, told)
    for name in opams:
        _opam(draft, told, name)
    if not draft.has("dune-project") and not opams:
        return
    source = "dune-project" if draft.has("dune-project") else opams[0]
    if not any(wanted.name == "ocaml" for wanted in draft.runtimes):
        draft.runtime("ocaml", "", source)
    if draft.has("dune.lock/lock.dune"):
        draft.lockfile("dune.lock/lock.dune")
    for name in draft.beside:
        if name.endswith(".opam.locked"):
            draft.lockfile(name)
    if opams:
        locked = " --locked" if any(name.endswith(".opam.locked") for name in draft.beside) else ""
        draft.command("install", f"opam install . --deps-only{locked}", opams[0], "", 0.9)
    if source == "dune-project":
        for path in draft.named("dune"):
            _stanzas(draft, told, path)
        for path in draft.files:
            if is_example(draft.inner(path)) and path.endswith("/dune") and not told.tests:
                _stanzas(draft, told, path, tests=True)
        draft.command("build", "dune build", "dune-project", "", 0.9)
        if told.tests:
            draft.command("test", "dune test", told.tests, "test", 0.9)
    for name, path in told.needed.items():
        if name in CLIENTS:
            draft.database(CLIENTS[name], path, _key(path, name))
    _roles(draft, told, source)


def _project(draft: Draft, told: _Told) -> None:
    draft.manifest("dune-project")
    draft.manager("dune", "dune-project")
    try:
        items = brackets.nested(draft.text("dune-project"), LISP)
    except Broken as error:
        draft.finding(f"{safe(draft.at('dune-project'))} could not be read: {error}", "dune-project", rule="unreadable")
        return
    packages = brackets.fields(items, "package")
    first = brackets.word(packages[0], "name") if packages else ""
    draft.name = draft.name or brackets.word(items, "name") or first
    if brackets.word(items, "generate_opam_files") not in ("", "false"):
        draft.manager("opam", "dune-project", "generate_opam_files", 0.9)
        draft.command("install", "opam install . --deps-only", "dune-project", "generate_opam_files", 0.8)
    for package in packages:
        for dependency in brackets.field(package, "depends"):
            name = next(iter(brackets.heads([dependency])), "")
            rest = dependency[1:] if isinstance(dependency, list) else []
            if any(mark in str(rest) for mark in (":with-test", ":with-doc", ":with-dev-setup")):
                continue
            told.needed.setdefault(name, "dune-project")
            if name == "ocaml":
                draft.runtime("ocaml", _constraint(rest), "dune-project", "package.depends.ocaml")


def _constraint(parts: list[Item]) -> str:
    """`(and (>= 4.14) (< 5.3))` as words; what says more than that is left out."""
    found: list[str] = []
    for part in parts:
        inner = part[1:] if isinstance(part, list) and part and part[0] == "and" else [part]
        for bound in inner:
            if isinstance(bound, list) and len(bound) == 2 and re.fullmatch(r">=|<=|<|>|=", str(bound[0])):
                found.append(f"{bound[0]}{bound[1]}")
    return " ".join(found)


def _opam(draft: Draft, told: _Told, name: str) -> None:
    draft.manifest(name)
    draft.manager("opam", name, "", 0.9)
    draft.name = draft.name or name.removesuffix(".opam")
    text = re.sub(r"^[ \t]*#[^\n]*", "", draft.text(name), flags=re.MULTILINE)
    # Without its end the list takes the rest, so that no second try starts inside of it.
    block = re.search(r"^depends:[ \t\r\n]{0,200}\[([^\]]*)", text, re.MULTILINE)
    if not block:
        return
    for dependency, marks in re.findall(r'"([A-Za-z][\w+-]{0,80})"[ \t\r\n]*(?:\{([^{}]*)\})?', block[1]):
        if "with-test" in marks or "with-doc" in marks or "with-dev-setup" in marks:
            continue
        told.needed.setdefault(dependency, name)
        if dependency == "ocaml" and not any(wanted.name == "ocaml" for wanted in draft.runtimes):
            bounds = re.findall(r'(>=|<=|<|>|=)[ \t]*"([\w.~+-]{1,30})"', marks)
            spec = "" if "|" in marks else " ".join(sign + version for sign, version in bounds)
            draft.runtime("ocaml", spec, name, "depends.ocaml")


def _stanzas(draft: Draft, told: _Told, path: str, *, tests: bool = False) -> None:
    """Programs, libraries and tests of one dune file; one that is written in OCaml says nothing."""
    try:
        items = brackets.nested(draft.tree.texts.get(path, ""), LISP)
    except Broken:
        return
    if brackets.fields(items, "test") or brackets.fields(items, "tests") or brackets.fields(items, "cram"):
        told.tests = told.tests or path
    for stanza in brackets.fields(items, "library"):
        if brackets.fields(stanza, "inline_tests"):
            told.tests = told.tests or path
        if brackets.word(stanza, "public_name"):
            told.libraries.append(path)
    if tests:
        return
    for kind in ("library", "executable", "executables"):
        for stanza in brackets.fields(items, kind):
            for name in brackets.heads(brackets.field(stanza, "libraries")):
                if name in FRAMEWORKS or name in CLIENTS:
                    told.needed.setdefault(name, path)
    folder = draft.inner(path).rpartition("/")[0]
    for stanza in (*brackets.fields(items, "executable"), *brackets.fields(items, "executables")):
        public = brackets.heads(brackets.field(stanza, "public_name") or brackets.field(stanza, "public_names"))
        names = brackets.heads(brackets.field(stanza, "name") or brackets.field(stanza, "names"))
        if {"js", "wasm"} & set(brackets.heads(brackets.field(stanza, "modes"))):
            told.browser = told.browser or path
            continue
        for index, name in enumerate(names):
            offered = public[index] if index < len(public) and public[index] != "-" else ""
            told.programs.append((path, offered or f"./{folder + '/' if folder else ''}{name}.exe"))


def _key(path: str, name: str) -> str:
    return f"libraries.{name}" if path.rpartition("/")[2] == "dune" else f"depends.{name}"


def _roles(draft: Draft, told: _Told, source: str) -> None:
    for name, known in FRAMEWORKS.items():
        if name in told.needed and draft.name != name:
            path = told.needed[name]
            draft.framework(known.name, path, _key(path, name), known.confidence)
            if known.role and told.programs:
                draft.role(known.role, known.confidence)
    draft.private = not told.libraries
    if not told.programs:
        if told.browser:
            draft.role("frontend", 0.9)
        elif told.libraries or source != "dune-project":
            draft.role("library", 0.85)
        return
    path, program = next((p for p in told.programs if p[1] == draft.name), told.programs[0])
    sure = 0.9 if len(told.programs) == 1 or program == draft.name else 0.55
    served = any(
        known.role == "backend" and known.confidence > 0.8 for name, known in FRAMEWORKS.items() if name in told.needed
    )
    if told.libraries and not served:
        # A package that is imported and brings a command along; nothing of it keeps running.
        draft.role("library", 0.6)
        if not program.startswith("./"):
            draft.command("cli", words(program), path, "public_name", 0.9)
        return
    draft.command("start", f"dune exec {words(program)}", path, "executable", sure)
    draft.role("job", 0.45)
    if draft.best_role != "backend":
        return
    hits = draft.hits("ocaml-port")
    for hit in hits:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    for name, known in FRAMEWORKS.items():
        if not hits and name in told.needed and known.port:
            draft.port(known.port, told.needed[name], f"the default of {known.name}", 0.5)


DETECTOR = Detector(
    name="ocaml",
    manifests=("dune-project", "*.opam"),
    detect=detect,
    reads=("dune",),
    languages=("OCaml",),
    patterns={".ml": PATTERNS},
)
