"""Zig: build.zig, build.zig.zon, and the frameworks of servers."""

from __future__ import annotations

import re

from ..comments import without_slashes
from ..draft import Draft, words
from .base import Detector, Known

FRAMEWORKS = {
    "zap": Known("Zap", "backend"),
    "httpz": Known("http.zig", "backend", 5882),
    "jetzig": Known("Jetzig", "backend", 8080, 0.95),
    "tokamak": Known("Tokamak", "backend", 8080),
    "zzz": Known("zzz", "backend"),
    "zinc": Known("Zinc", "backend"),
    "clap": Known("zig-clap"),
    "zig_clap": Known("zig-clap"),
    "cli": Known("zig-cli"),
    "raylib_zig": Known("raylib"),
    "mach": Known("Mach"),
    "vaxis": Known("libvaxis"),
}
CLIENTS = {
    "pg": "postgresql",
    "pgz": "postgresql",
    "sqlite": "sqlite",
    "zqlite": "sqlite",
    "zig_sqlite": "sqlite",
    "myzql": "mysql",
    "okredis": "redis",
    "nats": "nats",
}
LINKED = {"pq": "postgresql", "sqlite3": "sqlite", "mysqlclient": "mysql", "hiredis": "redis", "rdkafka": "kafka"}
PATTERNS = (
    ("env", "getenv(", r"\bgetenv\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "EnvVar", r"\b(?:getEnvVarOwned|hasEnvVar\w{0,20})\(\s*\w{1,40}\s*,\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "env", r"\benv\w{0,12}\.get\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("zig-main", "fn main(", r"^pub fn (main)\("),
    ("zig-port", ".port", r"\.port\s*=\s*(\d{2,5})\b"),
    ("zig-port", ".address", r"\.address\s*=\s*\.(?:localhost|all)\((\d{2,5})\)"),
    ("zig-port", "parseIp", r"parseIp[46]?\(\s*\"[\w.:]{1,40}\"\s*,\s*(\d{2,5})\b"),
    ("zig-server", ".listen(", r"(\.listen)\("),
)
_NAME = re.compile(r'\.name[ \t]*=[ \t]*(?:"([^"\n]{1,80})"|\.(?:@")?([\w-]{1,80}))')
_MINIMUM = re.compile(r'\.minimum_zig_version[ \t]*=[ \t]*"([\w.+-]{1,60})"')
_DEPENDENCY = re.compile(r'\.(?:@")?([\w.-]{1,80})"?[ \t]*=[ \t]*\.\{[ \t\r\n]{0,40}\.(url|path|hash|lazy)\b')
_EXECUTABLE = re.compile(r'\baddExecutable\(\.\{[ \t\r\n]{0,40}\.name[ \t]*=[ \t]*"([^"\n]{1,80})"')
_LIBRARY = re.compile(r"\b(?:addStaticLibrary|addSharedLibrary|addLibrary|addModule)\(")
_STEP = re.compile(r'\.step\([ \t]*"([\w:.-]{1,60})"')
_LINKED = re.compile(r'\blinkSystemLibrary2?\([ \t]*"([\w.+-]{1,60})"')


def detect(draft: Draft) -> None:
    """Add what build.zig and build.zig.zon say; they are Zig code, so only their plain declarations are read."""
    if not draft.has("build.zig"):
        _loose(draft)
        return
    draft.manifest("build.zig")
    draft.manager("zig", "build.zig")
    _package(draft)
    build = without_slashes(draft.text("build.zig"))
    executables = list(dict.fromkeys(_EXECUTABLE.findall(build)))
    steps = set(_STEP.findall(build))
    draft.name = draft.name or (executables[0] if len(executables) == 1 else "")
    for library in _LINKED.findall(build):
        if library in LINKED:
            draft.database(LINKED[library], "build.zig", f"linkSystemLibrary {library}")
    draft.command("build", "zig build", "build.zig", "", 0.9)
    if "test" in steps:
        draft.command("test", "zig build test", "build.zig", "step test", 0.95)
    if _LIBRARY.search(build) and draft.has("src/root.zig") and not draft.has("src/main.zig"):
        # What it makes beside a module for others are examples of its use.
        executables = []
    if not executables:
        draft.exports = True
        draft.role("library", 0.8 if _LIBRARY.search(build) else 0.5)
        return
    if "run" in steps:
        draft.command("start", "zig build run", "build.zig", "step run", 0.95)
    elif chosen := draft.name if draft.name in executables else executables[0] if len(executables) == 1 else "":
        draft.command("start", f"./zig-out/bin/{words(chosen)}", "build.zig", "addExecutable", 0.6)
    _roles(draft)
    draft.role("job", 0.5)


def _package(draft: Draft) -> None:
    """The package's name, its least compiler and what it depends on."""
    name = "build.zig.zon"
    text = without_slashes(draft.text(name))
    least = _MINIMUM.search(text)
    draft.runtime(
        "zig", f">={least[1]}" if least else "", name if least else "build.zig", "minimum_zig_version" if least else ""
    )
    if not text.strip():
        return
    draft.manifest(name)
    if not re.match(r"\s*\.\{", text):
        draft.finding(f"{draft.at(name)} could not be read: it does not begin with .{{", name, rule="unreadable")
        return
    if found := _NAME.search(text):
        draft.name = draft.name or found[1] or found[2]
    dependencies = [key for key, _ in _DEPENDENCY.findall(text)]
    if dependencies:
        draft.command("install", "zig build --fetch", name, "dependencies", 0.85)
    for dependency in dependencies:
        key = dependency.replace("-", "_").lower()
        if known := FRAMEWORKS.get(key):
            draft.framework(known.name, name, f"dependencies.{dependency}", known.confidence)
        if key in CLIENTS:
            draft.database(CLIENTS[key], name, f"dependencies.{dependency}")


def _roles(draft: Draft) -> None:
    servers = [known for known in FRAMEWORKS.values() if known.role and known.name in draft.frameworks]
    for known in servers:
        draft.role(known.role, known.confidence)
    if not servers and draft.hits("zig-server"):
        draft.role("backend", 0.6)
    if not draft.roles:
        return
    if "Jetzig" in draft.frameworks:
        draft.command("dev", "jetzig server", "build.zig.zon", "dependencies.jetzig", 0.8)
    for hit in draft.hits("zig-port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.8)
    for known in servers[:1] if not draft.ports else ():
        draft.port(known.port, "build.zig.zon", f"the default of {known.name}", 0.4)


def _loose(draft: Draft) -> None:
    """A program in one file, without a build script."""
    mains = [draft.inner(hit.path) for hit in draft.hits("zig-main") if "/" not in draft.inner(hit.path)]
    if len(mains) == 1:
        draft.runtime("zig", "", mains[0])
        draft.command("start", f"zig run {words(mains[0])}", mains[0], "pub fn main", 0.7)
        draft.role("job", 0.5)


DETECTOR = Detector(
    name="zig",
    manifests=("build.zig",),
    detect=detect,
    reads=("build.zig.zon",),
    languages=("Zig",),
    patterns={".zig": PATTERNS},
)
