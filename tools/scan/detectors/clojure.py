"""Clojure: deps.edn, Leiningen's project.clj, shadow-cljs, and Babashka's tasks."""

from __future__ import annotations

import re

from ..brackets import Item
from ..draft import Draft, words
from . import leiningen
from .base import Detector
from .clojure_libraries import FRAMEWORKS, judge, library, listens
from .edn import Pairs, first, kept, pairs, port, read

_RUNS = (":run", ":run-m", ":start", ":server", ":serve", ":main", ":app", ":run-x", ":dev/run")
"""Aliases that start the program, by habit."""
_MAIN = ("clj-main", "-main", r"\(defn (?:\^:?[\w-]{1,20} )?(-main)\b")
PATTERNS = (
    _MAIN,
    ("env", "getenv", r"\(System/getenv \"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "#env", r"#env \"?([A-Z][A-Z0-9_]{1,63})\b"),
    ("clj-env", "env :", r"\(env :([a-z][a-z0-9-]{1,63})[\s)]"),
    ("clj-port", ":port", r"\b(?:run-jetty|run-server|start-server|run-undertow|serve)\b[^;]{0,120}?:port (\d{2,5})\b"),
    ("clj-port", "::http/port", r"::http/port (\d{2,5})\b"),
    ("clj-port", '"PORT"', r"\(or \(System/getenv \"PORT\"\) \"?(\d{2,5})\b"),
    ("clj-port", "(env :port", r"\(env :port\)? \"?(\d{2,5})\b"),
    ("clj-task", "(defn ", r"^\(defn (\w{1,40})\b"),
)
SETTINGS = (
    ("env", "#env", r"#env \"?([A-Z][A-Z0-9_]{1,63})\b"),
    ("clj-port", ":port", r":port (?:#(?:long|int) )?#or \[#env \"?\w{1,40}\"? \"?(\d{2,5})\b"),
    ("clj-port", ":port", r":(?:http|server|web|jetty|undertow)[\w./-]{0,30}\s{1,20}\{[^{}]{0,80}?:port (\d{2,5})\b"),
)


def detect(draft: Draft) -> None:
    """Add what the manifests say."""
    leiningen.detect(draft)
    if draft.has("deps.edn"):
        _deps(draft)
    if draft.has("shadow-cljs.edn"):
        _shadow(draft)
    if draft.has("bb.edn"):
        _babashka(draft)
    for hit in draft.hits("clj-env") if draft.manifests else ():
        # environ's :database-url is DATABASE_URL.
        draft.variable(hit.value.upper().replace("-", "_"), hit.path, f"line {hit.line}", 0.8, rule="source")


def _deps(draft: Draft) -> None:
    draft.manifest("deps.edn")
    draft.manager("clojure", "deps.edn", "", 0.8 if draft.has("project.clj") else 1.0)
    edn = pairs(first(read(draft, "deps.edn")))
    libraries, aliases = edn.inner(":deps"), edn.inner(":aliases")
    path = f"/{draft.at('deps.edn')}"
    needed = [library(name, libraries.inner(name).word(":mvn/version"), path) for name in libraries.entries]
    for name in libraries.entries:
        folder = libraries.inner(name).word(":local/root").removeprefix("./")
        if folder and not folder.startswith(("..", "/")):
            draft.members.append(draft.at(folder))
    draft.runtime("java", "", "deps.edn")
    run = next(((command, name) for name in _RUNS if (command := _alias(aliases, name))), None)
    mains = sorted({hit.path for hit in draft.hits("clj-main")})
    judge(draft, "deps.edn", needed, run is not None or bool(mains))
    draft.command("install", "clojure -P", "deps.edn", "", 0.85)
    if run:
        draft.command("start", run[0], "deps.edn", run[1], 0.9)
    elif len(mains) == 1 and (space := _namespace(draft, mains[0])):
        draft.command("start", words("clojure", "-M", "-m", space), mains[0], "-main", 0.7)
    for name in (":test", ":test/run", ":run-tests"):
        if command := _alias(aliases, name):
            draft.command("test", command, "deps.edn", name, 0.9)
    if draft.has("workspace.edn"):  # Polylith's
        draft.role("workspace", 0.9)
    _build(draft, aliases)
    listens(draft, "deps.edn")


def _alias(aliases: Pairs, name: str) -> str:
    """What to type for an alias that runs something, or nothing."""
    alias = aliases.inner(name)
    if ":exec-fn" in alias.entries:
        return f"clojure -X{name}"
    options = [item for item in alias.items(":main-opts") if isinstance(item, str)]
    return f"clojure -M{name}" if any(re.match(r"(?:-m|--main)\b", option) for option in options) else ""


def _build(draft: Draft, aliases: Pairs) -> None:
    if aliases.inner(":build").word(":ns-default") and draft.has("build.clj"):
        tasks = {hit.value for hit in draft.hits("clj-task") if hit.path == draft.at("build.clj")}
        for task in ("uber", "uberjar", "ci", "jar"):
            if task in tasks:
                draft.command("build", f"clojure -T:build {task}", "build.clj", task, 0.9)
    for name in (":uberjar", ":uberdeps", ":depstar", ":jar"):
        if command := _alias(aliases, name):
            draft.command("build", command, "deps.edn", name, 0.8)


def _namespace(draft: Draft, path: str) -> str:
    """The namespace of a source file, as its place below `src` says it."""
    found = re.search(r"^src/(?:(?:cljc?|main|main/clojure)/)?([\w/]+)\.cljc?$", draft.inner(path))
    return found[1].replace("/", ".").replace("_", "-") if found else ""


def _shadow(draft: Draft) -> None:
    name = "shadow-cljs.edn"
    draft.manifest(name)
    edn = pairs(first(read(draft, name)))
    draft.framework("shadow-cljs", name, "", 0.9)
    for item in edn.items(":dependencies"):
        vector = kept(item) if isinstance(item, list) else []
        said = vector[0] if vector and isinstance(vector[0], str) else ""
        if (known := FRAMEWORKS.get(library(said, "", "").name)) and known.role == "frontend":
            draft.framework(known.name, name, said, known.confidence)
    builds = edn.inner(":builds")
    browser = [build for build in builds.entries if builds.inner(build).word(":target") == ":browser"]
    if browser and re.fullmatch(r":[\w-]{1,60}", browser[0]):
        draft.role("frontend", 0.8)
        draft.command("dev", f"npx shadow-cljs watch {browser[0][1:]}", name, browser[0], 0.8)
        draft.command("build", f"npx shadow-cljs release {browser[0][1:]}", name, browser[0], 0.8)
    served = [
        *edn.inner(":dev-http").entries,
        *(builds.inner(b).inner(":devtools").word(":http-port") for b in browser),
    ]
    for said in served:
        draft.port(port(said), name, ":dev-http", 0.95)


def _babashka(draft: Draft) -> None:
    """Tasks: what `bb` runs, beside a build or instead of one."""
    forms: list[Item] = read(draft, "bb.edn")
    tasks = pairs(first(forms)).inner(":tasks").entries
    draft.manifest("bb.edn")
    for purpose, names in (
        ("start", ("run", "start", "serve")),
        ("dev", ("dev",)),
        ("build", ("build",)),
        ("test", ("test",)),
    ):
        for task in names:
            if task in tasks:
                draft.command(purpose, f"bb {task}", "bb.edn", f":tasks.{task}", 0.7)
                if draft.commands[purpose].value.startswith("bb "):
                    draft.tool("bb", "bb.edn", ":tasks")
    if tasks:
        draft.role("job", 0.2)


DETECTOR = Detector(
    name="clojure",
    manifests=("deps.edn", "project.clj", "shadow-cljs.edn", "bb.edn"),
    detect=detect,
    languages=("Clojure",),
    patterns={".clj": PATTERNS, ".cljc": PATTERNS, ".edn": SETTINGS},
)
