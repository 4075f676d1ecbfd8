"""Haskell: *.cabal, package.yaml (hpack), stack.yaml, cabal.project; Servant, Scotty, Yesod and their kin."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from ..draft import Draft, words
from ..parse import strings
from .base import Detector, Known
from .haskell_package import Package, cabal, hpack

FRAMEWORKS = {
    "yesod": Known("Yesod", "backend", 3000, 0.96),
    "yesod-core": Known("Yesod", "backend", 3000, 0.9),
    "ihp": Known("IHP", "backend", 8000, 0.96),
    "servant-server": Known("Servant", "backend", 0, 0.95),
    "scotty": Known("Scotty", "backend", 0, 0.9),
    "snap": Known("Snap", "backend", 8000, 0.9),
    "snap-server": Known("Snap", "backend", 8000, 0.85),
    "happstack-server": Known("Happstack", "backend", 8000, 0.9),
    "Spock": Known("Spock", "backend", 0, 0.9),
    "okapi": Known("Okapi", "backend", 0, 0.8),
    "warp": Known("Warp", "backend", 0, 0.7),
    "hakyll": Known("Hakyll", "static", 8000, 0.95),
    "reflex-dom": Known("Reflex", "frontend", 0, 0.85),
    "miso": Known("Miso", "frontend", 0, 0.85),
}
CLIENTS = {
    "postgresql-simple": "postgresql", "persistent-postgresql": "postgresql", "hasql": "postgresql", "postgresql-libpq": "postgresql",
    "beam-postgres": "postgresql", "groundhog-postgresql": "postgresql", "opaleye": "postgresql", "rel8": "postgresql",
    "mysql": "mysql", "mysql-simple": "mysql", "persistent-mysql": "mysql", "mysql-haskell": "mysql", "sqlite-simple": "sqlite",
    "persistent-sqlite": "sqlite", "direct-sqlite": "sqlite", "beam-sqlite": "sqlite", "hedis": "redis", "mongoDB": "mongodb",
    "persistent-mongoDB": "mongodb", "amqp": "rabbitmq", "hw-kafka-client": "kafka", "bloodhound": "elasticsearch",
    "memcache": "memcached", "cql-io": "cassandra", "clickhouse-haskell": "clickhouse", "hasbolt": "neo4j", "minio-hs": "minio",
}  # fmt: skip
GHC = {
    12: "8.4", 13: "8.6", 14: "8.6", 15: "8.8", 16: "8.8", 17: "8.10", 18: "8.10", 19: "9.0", 20: "9.2", 21: "9.4", 22: "9.6",
    23: "9.8", 24: "9.10",
}  # fmt: skip
"""The compiler of each long-term series of Stackage."""
BASE = {
    11: "8.4", 12: "8.6", 13: "8.8", 14: "8.10", 15: "9.0", 16: "9.2", 17: "9.4", 18: "9.6", 19: "9.8", 20: "9.10", 21: "9.12",
}  # fmt: skip
"""The compiler that brings base-4.N; it comes with no other."""
PATTERNS = (
    ("env", "Env", r"\b(?:lookupEnv|getEnv)\s+\"([A-Z][A-Z0-9_]{1,63})\""),
    ("haskell-port", "run", r"\brun(?:TLS|Env)?[ \t]+(\d{4,5})\b"),
    ("haskell-port", "scotty", r"\bscotty(?:T)?[ \t]+(\d{2,5})\b"),
    ("haskell-port", "setPort", r"\bsetPort[ \t]+(\d{2,5})\b"),
    ("haskell-port", "runSpock", r"\brunSpock[ \t]+(\d{2,5})\b"),
    ("haskell-port", "warp", r"\bwarp[ \t]+(\d{4,5})\b"),
)


def detect(draft: Draft) -> None:
    """Add what the package's description and the files of stack and cabal say."""
    package = hpack(draft) or cabal(draft)
    own = _managers(draft)
    if package is None and not own:
        return
    stack = draft.yaml("stack.yaml")
    if package is None:  # one that is a package itself is no mere head of those beside it
        draft.members += _members(draft, strings(stack.get("packages")))
        draft.members += _members(draft, _packages(draft.text("cabal.project")))
    managers = own or [
        tool for tool, name in (("stack", "stack.yaml"), ("cabal", "cabal.project")) if _nearest(draft, name)[0]
    ]
    if package is not None and not own:
        draft.manager(managers[0] if managers else "cabal", package.path, "", 0.8)
    tool = managers[0] if managers else "cabal"
    _compiler(draft, package)
    source = package.path if package else "stack.yaml" if tool == "stack" else "cabal.project"
    build = "stack build" if tool == "stack" else "cabal build" if package else "cabal build all"
    if own or not managers:
        draft.command("install", f"{build} --only-dependencies", source, "", 0.85)
    draft.command("build", build, source, "", 0.9)
    if package is None:
        return
    draft.name = draft.name or package.name
    if package.tests:
        draft.command("test", f"{tool} test", package.path, "test-suite", 0.9)
    for constraint in package.needed:
        name = constraint.split()[0]
        if name in CLIENTS:
            draft.database(CLIENTS[name], package.path, name)
    _runs(draft, package, tool)


def _managers(draft: Draft) -> list[str]:
    """The tools whose project this folder is the head of."""
    found: list[str] = []
    if draft.has("stack.yaml"):
        draft.manifest("stack.yaml")
        draft.manager("stack", "stack.yaml", "", 0.95)
        found.append("stack")
        if draft.has("stack.yaml.lock"):
            draft.lockfile("stack.yaml.lock")
    if draft.has("cabal.project"):
        draft.manifest("cabal.project")
        draft.manager("cabal", "cabal.project", "", 0.9)
        found.append("cabal")
    if draft.has("cabal.project.freeze"):
        draft.lockfile("cabal.project.freeze")
    return found


def _packages(project: str) -> list[str]:
    """What a cabal.project names as packages: the field may go on over indented lines."""
    found: list[str] = []
    inside = False
    for line in project.splitlines():
        line = line.partition("--")[0]
        inside = line.startswith("packages:") or (inside and line[:1] in ("", " ", "\t"))
        if inside:
            found += re.split(r"[\s,]+", line.removeprefix("packages:").strip())
    return [word for word in found if word]


def _members(draft: Draft, packages: list[str]) -> list[str]:
    """The folders of packages: named, or matched by a glob that may stand for other things as well."""
    found: list[str] = []
    for word in packages[:200]:
        folder = re.sub(r"(?:^|/)[^/]{0,200}\.cabal$", "", word).removeprefix("./").rstrip("/")
        if "*" not in folder:
            found += [draft.at(folder)] if folder not in ("", ".") else []
            continue
        holders = {path.rpartition("/")[0] for path in draft.tree.texts if path.endswith((".cabal", "/package.yaml"))}
        found += sorted(holder for holder in holders if fnmatchcase(holder, draft.at(folder)))
    return found


def _nearest(draft: Draft, name: str) -> tuple[str, str]:
    """The file of that name in the package's folder or the closest one above it, as both tools look for it."""
    parts = [] if draft.root == "." else draft.root.split("/")
    for depth in range(len(parts), -1, -1):
        path = "/".join([*parts[:depth], name])
        if path in draft.tree.texts:
            return path, draft.tree.texts[path]
    return "", ""


def _compiler(draft: Draft, package: Package | None) -> None:
    """Which GHC: what stack's resolver or cabal.project name, else what the bounds of `base` allow."""
    at, text = _nearest(draft, "stack.yaml")
    said = dict(re.findall(r"^(compiler|resolver|snapshot):[ \t]*[\"']?([\w.-]{1,60})", text, re.MULTILINE))
    for key in ("compiler", "resolver", "snapshot"):
        value = said.get(key, "")
        if exact := re.fullmatch(r"ghc-(\d[\d.]{0,20})", value):
            draft.runtime("haskell", exact[1], at, key)
            return
        if (series := re.match(r"lts-(\d{1,3})\b", value)) and int(series[1]) in GHC:
            draft.runtime("haskell", GHC[int(series[1])], at, key)
            return
    at, text = _nearest(draft, "cabal.project")
    if chosen := re.search(r"^with-compiler:[ \t]*ghc-(\d[\d.]{0,20})", text, re.MULTILINE):
        draft.runtime("haskell", chosen[1], at, "with-compiler")
        return
    bounds = next((c for c in package.needed if c.split()[0] == "base"), "") if package else ""
    spec = _bounds(bounds.partition(" ")[2])
    where = package.path if package else "cabal.project" if draft.has("cabal.project") else "stack.yaml"
    if spec or not any(wanted.name == "haskell" for wanted in draft.runtimes):
        draft.runtime("haskell", spec, where, "build-depends.base" if spec else "")


def _bounds(base: str) -> str:
    """What a bound on `base` says of the compiler; empty where it says nothing or too much."""
    if "||" in base:
        return ""
    found: list[str] = []
    for operator, minor in re.findall(r"(\^>=|>=|<|==)[ \t]*4\.(\d{1,3})", base):
        here, above = BASE.get(int(minor)), BASE.get(int(minor) + 1)
        if here and operator in ("^>=", ">=", "=="):
            found.append(f">={here}")
        if above and operator in ("^>=", "=="):
            found.append(f"<{above}")
        elif here and operator == "<":
            found.append(f"<{here}")
    return " ".join(found)


def _runs(draft: Draft, package: Package, tool: str) -> None:
    needed = {constraint.split()[0] for constraint in package.needed}
    draft.exports = package.library and not package.programs
    for name, known in FRAMEWORKS.items():
        if name not in needed or package.name == name:
            continue
        if name == "warp" and any(FRAMEWORKS[other].role == "backend" for other in needed & set(FRAMEWORKS) - {"warp"}):
            continue  # what the others run on
        draft.framework(known.name, package.path, name, known.confidence)
        if known.role and package.programs:
            draft.role(known.role, known.confidence)
    if not package.programs and package.name:
        draft.private = False
        draft.role("library", 0.85)
    if not package.programs:
        return
    own = next(
        (name for name in package.programs if name in (package.name, f"{package.name}-exe")), package.programs[0]
    )
    sure = 0.9 if len(package.programs) == 1 or own.startswith(package.name) else 0.5
    run = f"{tool} run" if len(package.programs) == 1 else f"{tool} run {words(own)}"
    if "hakyll" in needed:
        draft.command("start", f"{tool} exec {words(own)} watch", package.path, "executable", 0.85)
        draft.command("build", f"{tool} exec {words(own)} build", package.path, "executable", 0.95)
    else:
        draft.command("start", run, package.path, "executable", sure)
    if "yesod" in needed and tool == "stack":
        draft.command("dev", "stack exec -- yesod devel", package.path, "yesod", 0.85)
    draft.role("job", 0.3)
    _ports(draft, package, needed)


def _ports(draft: Draft, package: Package, needed: set[str]) -> None:
    if draft.best_role == "job":
        return
    hits = draft.hits("haskell-port")
    for hit in hits:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    settings = "config/settings.yml"
    if port := re.search(r"^port:[ \t]*\"?_env:(\w{1,60}):(\d{2,5})", draft.text(settings), re.MULTILINE):
        draft.port(int(port[2]), settings, "port", 0.9)
        draft.variable(port[1], settings, "port", 0.8)
    elif not hits:
        for name in needed & set(FRAMEWORKS):
            if known := FRAMEWORKS[name]:
                draft.port(
                    known.port, package.path, f"the default of {known.name}", 0.8 if known.confidence > 0.95 else 0.5
                )


DETECTOR = Detector(
    name="haskell",
    manifests=("*.cabal", "package.yaml", "stack.yaml", "cabal.project"),
    detect=detect,
    reads=("settings.yml",),
    lockfiles=("stack.yaml.lock", "cabal.project.freeze"),
    languages=("Haskell",),
    patterns={".hs": PATTERNS, ".lhs": PATTERNS},
)
