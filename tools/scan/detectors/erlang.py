"""Erlang: rebar.config and *.app.src read as terms, erlang.mk; Cowboy and its kin, releases, escripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .. import brackets
from ..brackets import ERLANG, Item
from ..draft import Draft, words
from ..parse import Broken
from ..text import safe
from .base import Detector, Known

FRAMEWORKS = {
    "nova": Known("Nova", "backend", 8080, 0.95),
    "cowboy": Known("Cowboy", "backend", 0, 0.85),
    "elli": Known("Elli", "backend", 8080, 0.85),
    "yaws": Known("Yaws", "backend", 8000, 0.85),
    "mochiweb": Known("MochiWeb", "backend", 0, 0.8),
    "webmachine": Known("Webmachine", "backend", 8000, 0.85),
    "n2o": Known("N2O", "backend", 0, 0.8),
    "grpcbox": Known("grpcbox", "backend", 8080, 0.7),
}
CLIENTS = {
    "epgsql": "postgresql", "pgo": "postgresql", "pgapp": "postgresql", "mysql": "mysql", "emysql": "mysql", "eredis": "redis",
    "eredis_cluster": "redis", "mongodb": "mongodb", "mc_worker_api": "mongodb", "amqp_client": "rabbitmq", "brod": "kafka",
    "esqlite": "sqlite", "sqlite3": "sqlite", "cqerl": "cassandra", "erlcass": "cassandra", "enats": "nats", "mcd": "memcached",
    "bolt": "neo4j",
}  # fmt: skip
_RESOURCE = re.compile(r"(?:(?:apps|lib)/[^/]+/)?src/[^/]+\.app\.src")
PATTERNS = (
    # The shared search knows no comments that begin with a percent sign.
    ("env", "os:getenv", r"^[^%\n]{0,160}?\bos:getenv\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("erlang-port", "cowboy:start_", r"^[^%\n]{0,80}?\bcowboy:start_\w{2,12}\([^.]{0,160}?\{port,\s*(\d{2,5})\}"),
    ("erlang-port", "elli:start_link", r"^[^%\n]{0,80}?\belli:start_link\([^.]{0,160}?\{port,\s*(\d{2,5})\}"),
)


@dataclass
class _Told:
    """What rebar.config and the application files say, gathered before anything is concluded."""

    needed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(file, dependency)."""
    started: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(file, application) that has a callback module, so that it runs on its own."""
    published: bool = False
    released: bool = False
    broken: bool = False
    booted: bool = False
    """`rebar3 shell` knows by itself which applications to start."""
    script: bool = False


def detect(draft: Draft) -> None:
    """Add what the manifests of an Erlang project say."""
    told = _Told()
    if draft.has("rebar.config"):
        _rebar(draft, told)
    elif draft.has("erlang.mk"):
        _make(draft, told)
    else:
        return
    inside = draft.tree.inside(draft.root)
    # The applications of a release may have manifests of their own, but they run in the release and not by themselves.
    for path, text in draft.tree.texts.items():
        inner = path.removeprefix(inside) if path.startswith(inside) else ""
        if _RESOURCE.fullmatch(inner):
            _application(draft, told, path)
        elif re.fullmatch(r"(?:apps|lib)/[^/]+/rebar\.config", inner):
            told.needed += [(path, name) for name in _all(_terms(draft, path, text, quiet=True), "deps")]
    for path, name in told.needed:
        known = FRAMEWORKS.get(name)
        if known and draft.name != name:
            draft.framework(known.name, path, f"deps.{name}", known.confidence)
        if name in CLIENTS:
            draft.database(CLIENTS[name], path, f"deps.{name}")
    _roles(draft, told)


def _terms(draft: Draft, path: str, text: str, *, quiet: bool = False) -> list[Item]:
    try:
        return brackets.nested(text, ERLANG)
    except Broken as error:
        if not quiet:
            draft.finding(f"{safe(path)} could not be read: {error}", path, rule="unreadable")
        return []


def _member(draft: Draft) -> bool:
    """Whether it is one of the applications of the release around it."""
    folder, _, kind = draft.root.rpartition("/")[0].rpartition("/")
    return kind in ("apps", "lib") and f"{folder}/rebar.config".lstrip("/") in draft.tree.files


def _rebar(draft: Draft, told: _Told) -> None:
    draft.manifest("rebar.config")
    draft.manager("rebar3", "rebar.config")
    terms = _terms(draft, draft.at("rebar.config"), draft.text("rebar.config"))
    told.broken = any(fact.rule == "unreadable" for fact in draft.findings)
    if draft.has("rebar.lock"):
        draft.lockfile("rebar.lock")
    least = brackets.word(terms, "minimum_otp_vsn") or brackets.word(terms, "require_min_otp_vsn")
    draft.runtime(
        "erlang", f">={least}" if least[:1].isdigit() else least, "rebar.config", "minimum_otp_vsn" * bool(least)
    )
    draft.command("install", "rebar3 get-deps", "rebar.config", "", 0.9)
    told.needed += [("rebar.config", name) for name in _all(terms, "deps")]
    relx = [
        item for items in brackets.fields(terms, "relx") for part in items if isinstance(part, list) for item in part
    ]
    production = brackets.field(
        [i for p in brackets.field(terms, "profiles") if isinstance(p, list) for i in p], "prod"
    )
    releases = brackets.field(relx, "release")
    told.released = bool(releases)
    told.booted = told.released or bool(brackets.fields(terms, "shell"))
    if told.released:
        first = releases[0]
        name = first[0] if isinstance(first, list) and first else first
        draft.name = draft.name or (name if isinstance(name, str) else "")
        build = "rebar3 as prod release" if production else "rebar3 release"
        draft.command("build", build, "rebar.config", "relx.release", 0.9)
    elif script := brackets.word(terms, "escript_name"):
        told.script = True
        draft.name = draft.name or script
        draft.command("build", "rebar3 escriptize", "rebar.config", "escript_name", 0.9)
        draft.command("start", words(f"_build/default/bin/{script}"), "rebar.config", "escript_name", 0.7)
    else:
        draft.command("build", "rebar3 compile", "rebar.config", "", 0.85)
    inside = draft.tree.inside(draft.root)
    members = (path.removesuffix("/rebar.config") for path in draft.tree.texts if path.endswith("/rebar.config"))
    draft.members += [folder for folder in members if re.fullmatch(rf"{re.escape(inside)}(?:apps|lib)/[^/]+", folder)]
    suites = [path for path in draft.files if path.endswith("_SUITE.erl")]
    units = [path for path in draft.files if path.endswith("_tests.erl")]
    if suites or units:
        test = "rebar3 do eunit, ct" if suites and units else "rebar3 ct" if suites else "rebar3 eunit"
        draft.command("test", test, (suites or units)[0], "", 0.85)


def _all(terms: list[Item], name: str) -> list[str]:
    return [
        head
        for items in brackets.fields(terms, name)
        for part in items
        if isinstance(part, list)
        for head in brackets.heads(part)
    ]


def _make(draft: Draft, told: _Told) -> None:
    """A Makefile that includes erlang.mk."""
    text = draft.text("Makefile")
    draft.manifest("Makefile")
    draft.manager("make", "erlang.mk")
    draft.runtime("erlang", "", "erlang.mk")
    if name := re.search(r"^[ \t]*PROJECT[ \t]*[?:]?=[ \t]*(\w{1,80})", text, re.MULTILINE):
        draft.name = draft.name or name[1]
    for line in re.findall(r"^[ \t]*DEPS[ \t]*[+?:]?=[ \t]*([^\n#]+)", text, re.MULTILINE):
        told.needed += [("Makefile", dependency) for dependency in line.split()]
    draft.command("install", "make deps", "Makefile", "DEPS", 0.85)
    draft.command("build", "make", "Makefile", "", 0.85)
    if draft.has("relx.config"):
        told.released = True
        draft.command("start", "make run", "relx.config", "", 0.85)
    if any(path.endswith(("_SUITE.erl", "_tests.erl")) for path in draft.files):
        draft.command("test", "make tests", "Makefile", "", 0.8)


def _application(draft: Draft, told: _Told, path: str) -> None:
    """An application's resource file: its name, what it needs, whether it starts anything."""
    body = brackets.field(_terms(draft, path, draft.tree.texts.get(path, "")), "application")
    name = body[0] if body and isinstance(body[0], str) else ""
    facts = [item for part in body[1:] if isinstance(part, list) for item in part]
    if draft.inner(path).startswith("src/"):
        draft.name = draft.name or name
    if brackets.field(facts, "mod"):
        told.started.append((path, name))
    if brackets.field(facts, "licenses") and brackets.field(facts, "links"):
        told.published = True


def _roles(draft: Draft, told: _Told) -> None:
    if told.broken:
        return
    if told.script:
        draft.role("job", 0.8)
        return
    if not told.released and (told.published or not told.started):
        draft.private = False
        draft.role("library", 0.85)
        return
    if _member(draft):
        draft.exports = True
        for purpose in ("install", "build"):
            draft.commands.pop(purpose, None)
        return
    path, name = next((pair for pair in told.started if pair[1] == draft.name), (told.started or [("", "")])[0])
    path = path or "rebar.config"
    # Which of several applications is the one to start, only a release or the shell's settings say.
    if "rebar3" in draft.managers and (told.booted or len(told.started) == 1 or name == draft.name):
        shell = "rebar3 shell" if told.booted else f"rebar3 shell --apps {words(name)}"
        draft.command("start", shell, path, "relx" if told.released else "mod", 0.85 if told.booted else 0.7)
    draft.role("worker", 0.6 if told.released else 0.4)
    inside = draft.tree.inside(draft.root)
    ports = [hit for hit in draft.tree.hits if hit.rule == "erlang-port" and hit.path.startswith(inside)]
    for hit in ports:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    for at, dependency in told.needed:
        if known := FRAMEWORKS.get(dependency):
            draft.role(known.role, known.confidence)
            if known.port and not ports:
                draft.port(known.port, at, f"the default of {known.name}", 0.8 if known.confidence > 0.9 else 0.5)


DETECTOR = Detector(
    name="erlang",
    manifests=("rebar.config", "erlang.mk"),
    detect=detect,
    reads=("*.app.src", "Makefile", "relx.config"),
    lockfiles=("rebar.lock",),
    languages=("Erlang",),
    patterns={".erl": PATTERNS},
)
