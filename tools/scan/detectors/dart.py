"""Dart: pubspec.yaml and its workspace; servers, commands and pages; Flutter apps, packages and plugins."""

from __future__ import annotations

import re

from ..draft import Draft, words
from ..parse import Node, string, strings, table
from .base import Detector, Known

PUBSPEC = "pubspec.yaml"
FRAMEWORKS = {
    "dart_frog": Known("Dart Frog", "backend", 8080, 0.95),
    "serverpod": Known("Serverpod", "backend", 8080, 0.95),
    "shelf": Known("Shelf", "backend", 8080, 0.85),
    "conduit_core": Known("Conduit", "backend", 8888),
    "conduit": Known("Conduit", "backend", 8888),
    "angel3_framework": Known("Angel3", "backend", 3000),
    "alfred": Known("Alfred", "backend", 3000, 0.85),
    "jaspr": Known("Jaspr", "frontend", 8080),
    "ngdart": Known("AngularDart", "frontend", 8080),
    "grpc": Known("gRPC"),
    "flame": Known("Flame"),
    "args": Known("args"),
    "nyxx": Known("Nyxx", "worker", 0, 0.7),
}
CLIENTS = {
    "postgres": "postgresql", "postgresql2": "postgresql", "mysql1": "mysql", "mysql_client": "mysql", "mongo_dart": "mongodb",
    "redis": "redis", "ioredis": "redis", "sqlite3": "sqlite", "sqflite": "sqlite", "sqlite_async": "sqlite", "drift": "sqlite",
    "dart_amqp": "rabbitmq", "dart_nats": "nats", "elastic_client": "elasticsearch", "minio": "minio",
}  # fmt: skip
PATTERNS = (
    ("env", "Platform.environment", r"Platform\.environment\[\s*['\"]([A-Z][A-Z0-9_]{1,63})['\"]"),
    ("env", "fromEnvironment", r"\.fromEnvironment\(\s*['\"]([A-Z][A-Z0-9_]{1,63})['\"]"),
    ("env", "env[", r"\b(?:dotenv\.env|dotEnv|env)\[\s*['\"]([A-Z][A-Z0-9_]{1,63})['\"]"),
    ("dart-port", "serve(", r"\bserve\([^;]{0,160}?,\s*(\d{2,5})\s*[,)]"),
    ("dart-port", "PORT", r"\[['\"]PORT['\"]\]\s{0,20}\?\?\s{0,20}['\"]?(\d{2,5})\b"),
    ("dart-port", "listen", r"\.listen\(\s*(\d{2,5})\b"),
    ("dart-port", "bind(", r"HttpServer\.bind\([^;]{0,100}?,\s*(\d{2,5})\s*[,)]"),
    ("dart-server", "HttpServer", r"\bHttpServer\.(bind)\("),
    ("dart-grpc", "Server", r"\b(?:grpc\.)?Server(?:\.create)?\(\s{0,20}(services):"),
)
PLATFORMS = {"android": "apk", "web": "web", "ios": "ios", "linux": "linux", "macos": "macos", "windows": "windows"}
"""By folder of a Flutter app: what is built for it."""


def detect(draft: Draft) -> None:
    """Add what pubspec.yaml says."""
    if not draft.has(PUBSPEC):
        return
    draft.manifest(PUBSPEC)
    content = draft.yaml(PUBSPEC)
    draft.name = draft.name or string(content.get("name"))
    draft.manager("pub", PUBSPEC)
    if draft.has("pubspec.lock"):
        draft.lockfile("pubspec.lock")
    wanted, developed = table(content, "dependencies"), table(content, "dev_dependencies")
    flutter = string(table(wanted.get("flutter")).get("sdk")) == "flutter"
    environment = table(content, "environment")
    sdk, least = string(environment.get("sdk")), string(environment.get("flutter"))
    draft.runtime("dart", sdk, PUBSPEC, "environment.sdk" if sdk else "")
    if flutter or least:
        draft.runtime("flutter", least, PUBSPEC, "environment.flutter" if least else "dependencies.flutter")
    _workspace(draft, content)
    draft.command("install", "flutter pub get" if flutter else "dart pub get", PUBSPEC, "", 0.95)
    for name in wanted:
        if known := FRAMEWORKS.get(name):
            draft.framework(known.name, PUBSPEC, f"dependencies.{name}", known.confidence)
        if name in CLIENTS:
            draft.database(CLIENTS[name], PUBSPEC, f"dependencies.{name}")
    tested = next((name for name in ("flutter_test", "test") if name in developed), "")
    if tested:
        command = "flutter test" if flutter or tested == "flutter_test" else "dart test"
        draft.command("test", command, PUBSPEC, f"dev_dependencies.{tested}", 0.9)
    if flutter:
        _flutter(draft, content)
    else:
        _dart(draft, content, wanted, developed)


def _workspace(draft: Draft, content: Node) -> None:
    draft.members += [draft.at(path.removeprefix("./").rstrip("/")) for path in strings(content.get("workspace"))]
    if draft.has("melos.yaml"):
        draft.members += [
            draft.at(glob.removeprefix("./")) for glob in strings(draft.yaml("melos.yaml").get("packages"))
        ]
        draft.finding("a monorepo run with melos", "melos.yaml", rule="monorepo")
        draft.command("install", "melos bootstrap", "melos.yaml", "", 0.97)


def _flutter(draft: Draft, content: Node) -> None:
    draft.framework("Flutter", PUBSPEC, "dependencies.flutter", 0.97)
    flavours = any(re.fullmatch(r"lib/main_\w{1,60}\.dart", draft.inner(path)) for path in draft.files)
    if not draft.has("lib/main.dart") and not flavours:
        draft.exports = True
        draft.role("library", 0.9)
        return
    if "plugin" in table(content, "flutter"):
        draft.role("library", 0.95)
        return
    draft.role("frontend", 0.95)
    if draft.has("lib/main.dart"):
        draft.command("start", "flutter run", "lib/main.dart", "", 0.95)
    folders = {
        draft.inner(path).partition("/")[0]
        for path in draft.tree.files
        if path.startswith(draft.tree.inside(draft.root))
    }
    made = [PLATFORMS[name] for name in PLATFORMS if name in folders]
    if made:
        # Of several platforms the phone's is what most build for.
        sure = 0.9 if len(made) == 1 else 0.6
        draft.command("build", f"flutter build {made[0]}", PUBSPEC, "", sure)


def _dart(draft: Draft, content: Node, wanted: Node, developed: Node) -> None:
    programs = sorted(
        draft.inner(path)
        for path in draft.files
        if re.fullmatch(r"bin/[\w-]{1,80}\.dart", draft.inner(path))
    )  # fmt: skip
    served = _roles(draft, wanted, bool(programs))
    if "Dart Frog" in draft.frameworks and any(draft.inner(path).startswith("routes/") for path in draft.files):
        draft.command("dev", "dart_frog dev", PUBSPEC, "dependencies.dart_frog", 0.95)
        draft.command("start", "dart_frog dev", PUBSPEC, "dependencies.dart_frog", 0.9)
        draft.command("build", "dart_frog build", PUBSPEC, "dependencies.dart_frog", 0.95)
        return
    if "Jaspr" in draft.frameworks and any(draft.inner(path).startswith(("lib/", "web/")) for path in draft.files):
        draft.command("start", "jaspr serve", PUBSPEC, "dependencies.jaspr", 0.9)
        draft.command("build", "jaspr build", PUBSPEC, "dependencies.jaspr", 0.9)
        return
    if draft.has("web/index.html") and "build_web_compilers" in developed:
        draft.role("frontend", 0.85)
        draft.command("start", "webdev serve", "web/index.html", "", 0.9)
        draft.command("build", "webdev build", "web/index.html", "", 0.9)
        draft.port(8080, "web/index.html", "the default of webdev", 0.8)
        return
    offered = table(content, "executables")
    library = any(re.fullmatch(r"lib/[\w-]{1,80}\.dart", draft.inner(path)) for path in draft.files)
    published = content.get("publish_to") != "none" and bool(string(content.get("version")))
    if not programs or (library and published and not served and not offered):
        draft.exports = True
        draft.role("library", 0.85 if not programs else 0.6)
        return
    _start(draft, programs)
    if offered:
        name = string(content.get("name"))
        draft.command("cli", words(name if name in offered else str(next(iter(offered)))), PUBSPEC, "executables", 0.9)
    draft.role("job", 0.5)


def _start(draft: Draft, programs: list[str]) -> None:
    own = f"bin/{draft.name}.dart"
    chosen = own if own in programs else programs[0] if len(programs) == 1 else ""
    chosen = chosen or next((p for p in ("bin/server.dart", "bin/main.dart") if p in programs), "")
    if not chosen:
        return
    draft.command("start", "dart run" if chosen == own else f"dart run {words(chosen)}", chosen, "", 0.9)
    draft.command("build", f"dart compile exe {words(chosen)}", chosen, "", 0.8)


def _roles(draft: Draft, wanted: Node, programs: bool) -> bool:
    """Add what the program does, and on which port; returns whether it keeps running."""
    if not programs and not {"dart_frog", "jaspr"} & set(wanted):
        return False
    # Dart Frog and Serverpod are themselves served by shelf.
    known = sorted((FRAMEWORKS[name] for name in wanted if name in FRAMEWORKS), key=lambda one: one.name == "Shelf")
    for one in known:
        if one.role:
            draft.role(one.role, one.confidence)
    if "gRPC" in draft.frameworks and draft.hits("dart-grpc"):
        draft.role("backend", 0.88)
    if draft.hits("dart-server"):
        draft.role("backend", 0.8)
    if draft.roles:
        for hit in draft.hits("dart-port"):
            draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
        for one in [one for one in known if one.port][:1] if not draft.ports else ():
            draft.port(one.port, PUBSPEC, f"the default of {one.name}", 0.8 if one.confidence > 0.9 else 0.4)
    return bool(draft.roles)


DETECTOR = Detector(
    name="dart",
    manifests=(PUBSPEC,),
    detect=detect,
    reads=("melos.yaml",),
    lockfiles=("pubspec.lock",),
    languages=("Dart",),
    patterns={".dart": PATTERNS},
)
