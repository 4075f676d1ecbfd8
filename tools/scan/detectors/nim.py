"""Nim: *.nimble as far as it is declarative; Jester, Prologue, commands and libraries."""

from __future__ import annotations

import re

from ..comments import without_hashes
from ..draft import Draft, words
from .base import Detector, Known

FRAMEWORKS = {
    "jester": Known("Jester", "backend", 5000, 0.9),
    "prologue": Known("Prologue", "backend", 8080, 0.92),
    "happyx": Known("HappyX", "backend", 5000, 0.9),
    "basolato": Known("Basolato", "backend", 8000, 0.92),
    "mummy": Known("Mummy", "backend", 0, 0.9),
    "httpbeast": Known("httpbeast", "backend", 8080, 0.8),
    "scorper": Known("Scorper", "backend", 0, 0.9),
    "rosencrantz": Known("Rosencrantz", "backend", 0, 0.9),
    "karax": Known("Karax", "frontend", 8080, 0.7),
    "cligen": Known("cligen"),
    "docopt": Known("docopt"),
    "nigui": Known("NiGui", "frontend"),
}
CLIENTS = {
    "norm": "", "allographer": "", "db_connector": "", "tiny_sqlite": "sqlite", "pg": "postgresql", "ndb": "", "nimongo": "mongodb",
    "anonimongo": "mongodb", "redis": "redis", "ready": "redis", "debby": "", "amqp": "rabbitmq", "nats": "nats",
}  # fmt: skip
"""The empty ones speak to several; which, the source says."""
PATTERNS = (
    ("env", "nv(", r"\b(?:get|exists)Env\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("nim-database", "db_", r"\b(?:db_connector/|norm/|std/)?db_(postgres|mysql|sqlite)\b"),
    ("nim-database", "norm/", r"\bnorm/\[?(postgres|sqlite)\b"),
    ("nim-database", "debby/", r"\bdebby/(postgres|mysql|sqlite)\b"),
    ("nim-port", "Port", r"\bPort\(?[ \t]{0,4}(\d{2,5})\b"),
    ("nim-port", "Port", r"\b(\d{2,5})\.Port\b"),
    ("nim-port", "PORT", r"getEnv\(\"PORT\",[ \t]*\"(\d{2,5})\""),
    ("nim-http", "asynchttpserver", r"\b(asynchttpserver)\b"),
)
_REQUIRES = re.compile(r"^[ \t]*requires\b[ \t]*\(?([^\n]*(?:,[ \t]*\n[^\n]*){0,60})", re.MULTILINE)
_QUOTED = re.compile(r'"([^"\n]{1,200})"')
_BIN = re.compile(r"^[ \t]*bin[ \t]*=[ \t]*@\[([^\]]{0,2000})\]", re.MULTILINE)
_NAMED_BIN = re.compile(r'^[ \t]*namedBin\["[^"\n]{1,80}"\][ \t]*=[ \t]*"([^"\n]{1,80})"', re.MULTILINE)
_TASK = re.compile(r"^[ \t]*task[ \t]+(\w{1,60})[ \t]*,", re.MULTILINE)


def detect(draft: Draft) -> None:
    """Add what the nimble file says; it is NimScript, so only its plain declarations are read."""
    nimble = next((name for name in sorted(draft.beside) if name.endswith(".nimble") and name != ".nimble"), "")
    if not nimble:
        _loose(draft)
        return
    draft.manifest(nimble)
    draft.name = draft.name or nimble.removesuffix(".nimble")
    draft.manager("nimble", nimble)
    if draft.has("nimble.lock"):
        draft.lockfile("nimble.lock")
    text = without_hashes(draft.text(nimble), blocks=True)
    wanted = _required(text)
    draft.runtime("nim", wanted.get("nim", ""), nimble, "requires nim" if wanted.get("nim") else "")
    needed = [name for name in wanted if name != "nim"]
    for name in needed:
        if known := FRAMEWORKS.get(name):
            draft.framework(known.name, nimble, f"requires {name}", known.confidence)
        if CLIENTS.get(name):
            draft.database(CLIENTS[name], nimble, f"requires {name}")
    _databases(draft)
    if needed:
        draft.command("install", "nimble install --depsOnly", nimble, "requires", 0.9)
    tasks = set(_TASK.findall(text))
    if "test" in tasks or any(re.match(r"tests/t\w*\.nim$", draft.inner(path)) for path in draft.files):
        draft.command("test", "nimble test", nimble, "task test" if "test" in tasks else "", 0.9)
    _conclude(draft, nimble, _programs(text), [FRAMEWORKS[name] for name in needed if name in FRAMEWORKS])


def _required(text: str) -> dict[str, str]:
    """The spec by lower-case name of each package that it requires."""
    found: dict[str, str] = {}
    for listed in _REQUIRES.findall(text):
        for quoted in _QUOTED.findall(listed):
            for one in quoted.split(","):
                parts = re.match(r"[ \t]*([^\s<>=#@^~]{1,200})[ \t]*([^\n]*)", one)
                if parts:
                    # A package is named by its repository as well: `https://github.com/dom96/jester`.
                    name = parts[1].rstrip("/").rpartition("/")[2].removesuffix(".git").lower()
                    found.setdefault(name, re.sub(r"[ \t]+", "", parts[2]).replace("&", " "))
    return found


def _programs(text: str) -> list[str]:
    found = [name for listed in _BIN.findall(text)[:1] for name in _QUOTED.findall(listed)]
    return list(dict.fromkeys([*found, *_NAMED_BIN.findall(text)]))


def _databases(draft: Draft) -> None:
    for hit in draft.hits("nim-database"):
        draft.database({"postgres": "postgresql"}.get(hit.value, hit.value), hit.path, f"line {hit.line}", 0.85)


def _conclude(draft: Draft, nimble: str, programs: list[str], known: list[Known]) -> None:
    if not programs:
        draft.exports = True
        draft.role("library", 0.85)
        return
    draft.command("build", "nimble build", nimble, "bin", 0.9)
    own = [name for name in programs if name.rpartition("/")[2] == draft.name]
    if len(programs) == 1:
        draft.command("start", "nimble run", nimble, "bin", 0.9)
    elif chosen := own or [name for name in ("server", "app", "main") if name in programs]:
        draft.command("start", f"nimble run {words(chosen[0])}", nimble, "bin", 0.8)
    _roles(draft, nimble, known)
    draft.role("job", 0.5)


def _roles(draft: Draft, where: str, known: list[Known]) -> None:
    for one in known:
        if one.role:
            draft.role(one.role, one.confidence)
    # Jester is itself served by httpbeast: the framework's own default comes first.
    web = sorted((one for one in known if one.role == "backend"), key=lambda one: -one.confidence)
    if not web and (hits := draft.hits("nim-http")):
        draft.role("backend", 0.8)
        draft.framework("asynchttpserver", hits[0].path, f"line {hits[0].line}", 0.7)
    if draft.best_role != "backend":
        return
    for hit in draft.hits("nim-port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    for one in web[:1] if not draft.ports else ():
        draft.port(one.port, where, f"the default of {one.name}", 0.5)


def _loose(draft: Draft) -> None:
    """A program in one file, without a nimble file."""
    mains = [name for name in draft.beside if name.endswith(".nim")]
    if len(mains) == 1:
        draft.runtime("nim", "", mains[0])
        draft.command("start", f"nim r {words(mains[0])}", mains[0], "", 0.7)
        _databases(draft)
        _roles(draft, mains[0], [])
        draft.role("job", 0.5)


DETECTOR = Detector(
    name="nim",
    manifests=("*.nimble",),
    detect=detect,
    lockfiles=("nimble.lock",),
    languages=("Nim",),
    patterns={".nim": PATTERNS},
)
