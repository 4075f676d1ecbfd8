"""Racket (info.rkt), CHICKEN's eggs, Akku's packages, Guile's scripts."""

from __future__ import annotations

import re

from .. import brackets
from ..brackets import LISP, Item
from ..draft import Draft, words
from ..parse import Broken
from ..text import safe
from ..tree import Hit
from .base import Detector

CLIENTS = {
    "postgresql-connect": "postgresql", "mysql-connect": "mysql", "sqlite3-connect": "sqlite", "redis-lib": "redis", "redis-client": "redis",
    "rackdis": "redis", "mongodb": "mongodb", "postgresql": "postgresql", "sql-de-lite": "sqlite", "sqlite3": "sqlite", "rabbitmq": "rabbitmq",
}  # fmt: skip
"""By procedure that is called, or package that is asked for."""
RACKET = (
    ("env", "getenv", r"\(getenv[ \t]+\"([A-Z][A-Z0-9_]{1,63})\""),
    ("racket-web", "serve", r"\((serve/(?:servlet|dispatch))\b"),
    ("racket-web", "insta", r"^#lang[ \t]+(web-server/insta)\b"),
    ("racket-port", "#:port", r"#:port[ \t]+(\d{2,5})\b"),
    ("racket-test", "rackunit", r"\b(rackunit)\b"),
    ("scheme-database", "-connect", r"\((postgresql-connect|mysql-connect|sqlite3-connect)\b"),
)
SCHEME = (
    ("env", "getenv", r"\(getenv[ \t]+\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "get-environment-variable", r"\(get-environment-variable[ \t]+\"([A-Z][A-Z0-9_]{1,63})\""),
    ("guile", "use-modules", r"^\((?:use-modules|define-module)[ \t]+(\()"),
    ("guile-web", "(web server)", r"\((web server)\)"),
    ("guile-web", "(artanis", r"\((artanis artanis)\)"),
    ("chicken", "chicken", r"\(import[ \t(\n]{1,20}(chicken)\b"),
    ("chicken-web", "spiffy", r"\((?:import|use)[^()\n]{0,80}[ \t(](spiffy|awful)\b"),
    ("scheme-port", "port", r"(?:#:port|server-port)[ \t]+(\d{2,5})\b"),
)
GUIX = ("guix.scm", "manifest.scm", "channels.scm", ".guix.scm", "hall.scm")
"""Files in Scheme that describe a project of any language."""


def detect(draft: Draft) -> None:
    """Add what the manifests say; without one, what the source plainly is."""
    # Python's packed packages have the same suffix; they are no text.
    eggs = [name for name in draft.beside if name.endswith(".egg") and draft.text(name).lstrip().startswith(("(", ";"))]
    if draft.has("info.rkt"):
        _racket(draft)
    elif eggs:
        _egg(draft, eggs[0])
    elif draft.has("Akku.manifest"):
        _akku(draft)
    elif draft.languages and draft.languages[0].value in ("Racket", "Scheme") and not draft.manifests:
        if draft.languages[0].value == "Racket":
            draft.runtime("racket", "", next((name for name in draft.beside if name.endswith(".rkt")), "*.rkt"))
            _racket_runs(draft, library=False)
        else:
            _script(draft)
    for hit in _inside(draft, "scheme-database"):
        draft.database(CLIENTS[hit.value], hit.path, f"line {hit.line}", 0.8)


def _read(draft: Draft, name: str) -> list[Item]:
    # `#lang info` is a line of its own, and `'(` quotes a list.
    text = re.sub(r"^#(?:lang|!)[^\n]*", "", draft.text(name), flags=re.MULTILINE)
    try:
        return brackets.nested(re.sub(r"['`](?=[(\[])", "", text), LISP)
    except Broken as error:
        draft.finding(f"{safe(draft.at(name))} could not be read: {error}", name, rule="unreadable")
        return []


def _inside(draft: Draft, rule: str) -> list[Hit]:
    """Mentions anywhere below: a collection's folders have manifests of their own and are no packages."""
    inside = draft.tree.inside(draft.root)
    return [hit for hit in draft.tree.hits if hit.rule == rule and hit.path.startswith(inside)]


def _racket(draft: Draft) -> None:
    items = _read(draft, "info.rkt")
    defined = {str(body[0]): body[1:] for body in brackets.fields(items, "define") if len(body) > 1}
    if items and not {"collection", "deps"} & set(defined):
        return  # settings of one folder of a collection
    draft.manifest("info.rkt")
    draft.manager("raco", "info.rkt")
    if not items:
        draft.runtime("racket", "", "info.rkt")
        return
    collection = next((part for part in defined.get("collection", []) if isinstance(part, str)), "")
    named = collection if re.fullmatch(r"[\w+-]{1,80}", collection) and collection not in ("multi", "'multi") else ""
    draft.name = draft.name or named
    wanted = [part for part in defined.get("deps", []) if isinstance(part, list)]
    asked = [entry for part in wanted for entry in part]
    base = brackets.field(asked, "base")
    least = next((str(base[at + 1]) for at, part in enumerate(base[:-1]) if part == "#:version"), "")
    draft.runtime("racket", f">={least}" if least else "", "info.rkt", "deps.base" if least else "")
    draft.command("install", "raco pkg install --auto", "info.rkt", "deps", 0.85)
    for name in brackets.heads(asked):
        if name in CLIENTS:
            draft.database(CLIENTS[name], "info.rkt", f"deps.{name}")
    tested = [part for part in defined.get("build-deps", []) if isinstance(part, list)]
    if "rackunit-lib" in brackets.heads([entry for part in (*wanted, *tested) for entry in part]):
        draft.command("test", "raco test .", "info.rkt", "build-deps.rackunit-lib", 0.85)
    _racket_runs(draft, library=bool(defined.get("collection")))


def _racket_runs(draft: Draft, *, library: bool) -> None:
    """A web server that is called somewhere, or main.rkt."""
    web = sorted(_inside(draft, "racket-web"), key=lambda hit: (hit.path.count("/"), hit.path))
    if draft.hits("racket-test"):
        draft.command("test", "raco test .", draft.hits("racket-test")[0].path, "rackunit", 0.8)
    if web and draft.name != "web-server":
        main = "main.rkt" if draft.has("main.rkt") else draft.inner(web[0].path)
        draft.framework("Racket web server", web[0].path, f"line {web[0].line}", 0.9)
        draft.role("backend", 0.9)
        draft.command("start", f"racket {words(main)}", main, "", 0.85 if len(web) == 1 else 0.6)
        ports = _inside(draft, "racket-port")
        for hit in ports:
            draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
        if not ports and web[0].value == "serve/servlet":
            draft.port(8000, web[0].path, "the default of serve/servlet", 0.8)
    elif library:
        draft.private = False
        draft.role("library", 0.8)
    elif draft.has("main.rkt"):
        draft.role("job", 0.4)
        draft.command("start", "racket main.rkt", "main.rkt", "", 0.7)


def _egg(draft: Draft, egg: str) -> None:
    draft.manifest(egg)
    draft.manager("chicken-install", egg)
    draft.runtime("chicken", "", egg)
    draft.name = draft.name or egg.removesuffix(".egg")
    found = _read(draft, egg)
    facts = found[0] if found and isinstance(found[0], list) else []
    if not facts:
        return
    draft.command("build", "chicken-install -n", egg, "components", 0.8)
    if draft.has("tests/run.scm"):
        draft.command("test", "chicken-install -n -test", "tests/run.scm", "", 0.8)
    for name in brackets.heads(brackets.field(facts, "dependencies")):
        if name in CLIENTS:
            draft.database(CLIENTS[name], egg, f"dependencies.{name}")
    components = brackets.field(facts, "components")
    programs = brackets.heads([name for body in brackets.fields(components, "program") for name in body[:1]])
    if not programs:
        draft.private = False
        draft.role("library", 0.9)
        return
    draft.command("cli", words(programs[0]), egg, "components.program", 0.85)
    draft.role("job" if not brackets.fields(components, "extension") else "library", 0.7)


def _akku(draft: Draft) -> None:
    draft.manifest("Akku.manifest")
    draft.manager("akku", "Akku.manifest")
    package = brackets.field(_read(draft, "Akku.manifest"), "akku-package")
    draft.name = draft.name or next(iter(brackets.heads(package[:1])), "")
    if draft.has("Akku.lock"):
        draft.lockfile("Akku.lock")
    draft.command("install", "akku install", "Akku.manifest", "depends", 0.9)
    draft.role("library", 0.6)


def _script(draft: Draft) -> None:
    """Guile's and CHICKEN's programs, told apart by what they import."""
    for rule, runtime, run, web, server, port in (
        ("guile", "guile", "guile", "guile-web", "Guile web server", 8080),
        ("chicken", "chicken", "csi -s", "chicken-web", "Spiffy", 8080),
    ):
        hits = [hit for hit in draft.hits(rule) if hit.path.rpartition("/")[2] not in GUIX]
        if not hits:
            continue
        draft.runtime(runtime, "", hits[0].path, f"line {hits[0].line}")
        served = [hit for hit in draft.hits(web) if hit.path.rpartition("/")[2] not in GUIX]
        names = {"artanis artanis": "Artanis", "awful": "Awful"}
        for hit in served[:1]:
            draft.framework(names.get(hit.value, server), hit.path, f"line {hit.line}", 0.9)
            draft.role("backend", 0.85)
            draft.command("start", f"{run} {words(draft.inner(hit.path))}", hit.path, f"line {hit.line}", 0.7)
            ports = [found for found in draft.hits("scheme-port") if found.path == hit.path]
            for found in ports:
                draft.port(int(found.value), found.path, f"line {found.line}", 0.8)
            if not ports and hit.value in ("web server", "spiffy"):
                draft.port(port, hit.path, f"the default of {server}", 0.5)
        own = [name for name in draft.beside if name.endswith((".scm", ".ss")) and name not in GUIX]
        if not served and (len(own) == 1 or "main.scm" in own):
            draft.role("job", 0.4)
            draft.command("start", f"{run} {words('main.scm' if 'main.scm' in own else own[0])}", own[0], "", 0.55)
        return


DETECTOR = Detector(
    name="scheme",
    manifests=("info.rkt", "*.egg", "Akku.manifest"),
    detect=detect,
    lockfiles=("Akku.lock",),
    languages=("Scheme", "Racket"),
    patterns={".rkt": RACKET, ".scm": SCHEME, ".ss": SCHEME},
)
