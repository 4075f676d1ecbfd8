"""Swift: Package.swift as far as it is declarative; Vapor, Hummingbird, commands, and apps with a window."""

from __future__ import annotations

import re

from ..comments import without_slashes
from ..draft import Draft, words
from .base import Detector, Known

FRAMEWORKS = {
    "vapor": Known("Vapor", "backend", 8080, 0.95),
    "hummingbird": Known("Hummingbird", "backend", 8080, 0.95),
    "kitura": Known("Kitura", "backend", 8080),
    "perfect-httpserver": Known("Perfect", "backend", 8181),
    "swifter": Known("Swifter", "backend", 8080, 0.8),
    "smoke-framework": Known("Smoke", "backend", 8080),
    "swift-aws-lambda-runtime": Known("AWS Lambda", "backend", 0, 0.8),
    "grpc-swift": Known("gRPC"),
    "swift-nio": Known("SwiftNIO"),
    "swift-argument-parser": Known("ArgumentParser"),
    "publish": Known("Publish", "static", 8000, 0.8),
    "ignite": Known("Ignite", "static", 8000, 0.8),
    "tokamak": Known("Tokamak", "frontend", 8080),
}
CLIENTS = {
    "fluent-postgres-driver": "postgresql",
    "postgres-nio": "postgresql",
    "postgres-kit": "postgresql",
    "postgresclientkit": "postgresql",
    "fluent-mysql-driver": "mysql",
    "mysql-nio": "mysql",
    "mysql-kit": "mysql",
    "fluent-sqlite-driver": "sqlite",
    "sqlite-nio": "sqlite",
    "sqlite.swift": "sqlite",
    "grdb.swift": "sqlite",
    "fluent-mongo-driver": "mongodb",
    "mongokitten": "mongodb",
    "mongo-swift-driver": "mongodb",
    "redis": "redis",
    "redistack": "redis",
    "hummingbird-redis": "redis",
    "queues-redis-driver": "redis",
    "swift-kafka-client": "kafka",
    "nats.swift": "nats",
}
PATTERNS = (
    ("env", "Environment.", r"\bEnvironment\.get\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "environment", r"\benvironment\[\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "environment", r"\benvironment\.get\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("swift-port", "port", r"\.configuration\.port\s*=\s*(\d{2,5})\b"),
    ("swift-port", "port", r"\.hostname\([^)\n]{0,80}?port:\s*(\d{2,5})\b"),
    ("swift-port", "port", r"\.(?:serve|start|run)\([^)\n]{0,60}?\bport:\s*(\d{2,5})\b"),
    ("swift-port", "PORT", r"\"PORT\"[)\]][^\n]{0,60}?\?\?\s*\"?(\d{2,5})\b"),
    ("swift-grpc", "Server", r"\b(Server\.(?:insecure|usingTLS\w{0,20})|GRPCServer)\("),
    ("swift-ui", "import ", r"^[ \t]*import (SwiftUI|UIKit|AppKit)\b"),
    ("swift-app", "App", r"\bstruct \w{1,60}\s?:\s?(?:SwiftUI\.)?(App)\b"),
    ("swift-app", "Main", r"@(UIApplicationMain|NSApplicationMain)\b"),
)
_TOOLS = re.compile(r"^//[ \t]*swift-tools-version[ \t]*:?[ \t]*(\d+(?:\.\d+){0,2})", re.MULTILINE | re.IGNORECASE)
_NAME = re.compile(r'\bPackage\([ \t\r\n]{0,60}name:[ \t]*"([^"\n]{1,80})"')
_TARGET = re.compile(r'\.(executableTarget|target|testTarget|macro|plugin)\([ \t\r\n]{0,60}name:[ \t]*"([^"\n]{1,80})"')
_PRODUCT = re.compile(r'\.(executable|library|plugin)\([ \t\r\n]{0,60}name:[ \t]*"([^"\n]{1,80})"')
_NAMED = re.compile(
    r'\.package\([ \t\r\n]{0,60}(?:name:[ \t]*"[^"\n]{1,80}",[ \t\r\n]{0,60})?(?:url|path|id):[ \t]*"([^"\n]{1,300})"'
)


def detect(draft: Draft) -> None:
    """Add what Package.swift says; it is Swift code, so only its plain declarations are read."""
    if not draft.has("Package.swift"):
        _app(draft)
        return
    raw = draft.text("Package.swift")
    text = without_slashes(raw)
    draft.manifest("Package.swift")
    draft.manager("swiftpm", "Package.swift")
    least = _TOOLS.search(raw[:2000])
    draft.runtime("swift", f">={least[1]}" if least else "", "Package.swift", "swift-tools-version" if least else "")
    if draft.has("Package.resolved"):
        draft.lockfile("Package.resolved")
    name = _NAME.search(text)
    if not name:
        if text.strip():
            draft.finding(f"{draft.at('Package.swift')} names no package", "Package.swift", "Package", "unreadable")
        return
    draft.name = draft.name or name[1]
    packages = [url.rstrip("/").rpartition("/")[2].removesuffix(".git").lower() for url in _NAMED.findall(text)]
    for package in packages:
        if known := FRAMEWORKS.get(package):
            draft.framework(known.name, "Package.swift", f"dependencies {package}", known.confidence)
        if package in CLIENTS:
            draft.database(CLIENTS[package], "Package.swift", f"dependencies {package}")
    targets = _TARGET.findall(text)
    if _ships_with_npm(draft, text, targets):
        draft.exports = True
        return  # it only offers npm's package to Xcode as well
    if packages:
        draft.command("install", "swift package resolve", "Package.swift", "", 0.9)
    draft.command("build", "swift build", "Package.swift", "", 0.9)
    if any(kind == "testTarget" for kind, _ in targets):
        draft.command("test", "swift test", "Package.swift", "testTarget", 0.95)
    _conclude(draft, _programs(draft, text, targets), [FRAMEWORKS[p] for p in packages if p in FRAMEWORKS])


def _ships_with_npm(draft: Draft, text: str, targets: list[tuple[str, str]]) -> bool:
    """Whether the folder is a package of npm, with a name and a version, and nothing here is a program."""
    package = draft.text("package.json")
    named = re.search(r'"name"[ \t]*:', package) and re.search(r'"version"[ \t]*:', package)
    private = re.search(r'"private"[ \t]*:[ \t]*true', package)
    return bool(named) and not private and not _programs(draft, text, targets)


def _programs(draft: Draft, text: str, targets: list[tuple[str, str]]) -> list[str]:
    """What `swift run` can start: products, and executable targets that are none."""
    products = [name for kind, name in _PRODUCT.findall(text) if kind == "executable"]
    executable = [name for kind, name in targets if kind == "executableTarget"]
    # Before tools version 5.4 a target with a main.swift was a program without saying so.
    executable += [
        name
        for kind, name in targets
        if kind == "target" and draft.has(f"Sources/{name}/main.swift") and name not in executable
    ]
    return list(dict.fromkeys(products or executable))


def _conclude(draft: Draft, programs: list[str], known: list[Known]) -> None:
    if not programs:
        draft.exports = True
        draft.role("library", 0.85)
        return
    if "AWS Lambda" not in draft.frameworks:
        if len(programs) == 1:
            draft.command("start", "swift run", "Package.swift", f"executable {programs[0]}", 0.9)
        elif chosen := next((n for n in (draft.name, "App", "Run", "Server", "server") if n in programs), ""):
            draft.command("start", f"swift run {words(chosen)}", "Package.swift", f"executable {chosen}", 0.8)
    for one in known:
        if one.role:
            draft.role(one.role, one.confidence)
    if "gRPC" in draft.frameworks and draft.hits("swift-grpc"):
        draft.role("backend", 0.88)
    if draft.roles:
        for hit in draft.hits("swift-port"):
            draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
        for one in known if not draft.ports else ():
            if one.port:
                draft.port(
                    one.port, "Package.swift", f"the default of {one.name}", 0.8 if one.confidence > 0.9 else 0.5
                )
    draft.role("job", 0.5)


def _app(draft: Draft) -> None:
    """An app of Xcode's, whose own project file nobody can type a command for."""
    shown = {hit.value: hit for hit in reversed(draft.hits("swift-ui"))}
    if not shown or not draft.hits("swift-app") or draft.root != ".":
        return
    draft.runtime("swift", "", next(iter(shown.values())).path)
    for value, hit in shown.items():
        draft.framework(value, hit.path, f"line {hit.line}", 0.9)
    draft.role("frontend", 0.85)
    if draft.has("Podfile"):
        draft.manifest("Podfile")
        draft.manager("cocoapods", "Podfile")
        draft.command("install", "pod install", "Podfile", "", 0.9)
        if draft.has("Podfile.lock"):
            draft.lockfile("Podfile.lock")


DETECTOR = Detector(
    name="swift",
    manifests=("Package.swift",),
    detect=detect,
    lockfiles=("Package.resolved",),
    languages=("Swift",),
    patterns={".swift": PATTERNS},
)
