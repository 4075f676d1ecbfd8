"""Go: go.mod, go.work, main packages, and the web frameworks."""

from __future__ import annotations

import re

from ..draft import Draft, words
from .base import Detector, Known

FRAMEWORKS = {
    "github.com/gin-gonic/gin": Known("Gin", "backend", 8080),
    "github.com/labstack/echo": Known("Echo", "backend", 1323),
    "github.com/gofiber/fiber": Known("Fiber", "backend", 3000),
    "github.com/go-chi/chi": Known("chi", "backend", 0, 0.85),
    "github.com/gorilla/mux": Known("gorilla/mux", "backend", 0, 0.85),
    "github.com/beego/beego": Known("Beego", "backend", 8080),
    "google.golang.org/grpc": Known("gRPC", "backend", 0, 0.5),
    "github.com/hibiken/asynq": Known("Asynq", "worker", 0, 0.5),
    "github.com/spf13/cobra": Known("Cobra"),
}
CLIENTS = {
    "github.com/lib/pq": "postgresql",
    "github.com/jackc/pgx": "postgresql",
    "gorm.io/driver/postgres": "postgresql",
    "github.com/go-sql-driver/mysql": "mysql",
    "gorm.io/driver/mysql": "mysql",
    "github.com/redis/go-redis": "redis",
    "github.com/go-redis/redis": "redis",
    "github.com/gomodule/redigo": "redis",
    "go.mongodb.org/mongo-driver": "mongodb",
    "github.com/mattn/go-sqlite3": "sqlite",
    "modernc.org/sqlite": "sqlite",
    "gorm.io/driver/sqlite": "sqlite",
    "github.com/rabbitmq/amqp091-go": "rabbitmq",
    "github.com/segmentio/kafka-go": "kafka",
    "github.com/elastic/go-elasticsearch": "elasticsearch",
}
PATTERNS = (
    ("env", "os.", r"os\.(?:Getenv|LookupEnv)\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("go-main", "package main", r"^package (main)\b"),
    ("go-http", "http.", r"(http\.ListenAndServe|http\.Server\{)"),
    ("port", ":", r"(?:ListenAndServe|Listen|Run|Start)\(\s*\"[\w.]{0,40}:(\d{2,5})\""),
    ("port", "Addr:", r"Addr:\s*\"[\w.]{0,40}:(\d{2,5})\""),
)


def detect(draft: Draft) -> None:
    """Add what go.mod and the main packages say."""
    for name in ("go.mod", "go.work"):
        if draft.has(name):
            draft.manifest(name)
    if draft.has("go.work"):
        text = re.sub(r"//[^\n]*", "", draft.text("go.work"))
        uses = re.findall(r"^[ \t]*use[ \t]+(\S+)[ \t]*$", text, re.MULTILINE)
        uses += [w for block in re.findall(r"^[ \t]*use[ \t]*\(([^()]*)\)", text, re.MULTILINE) for w in block.split()]
        draft.members += [draft.at(use.removeprefix("./")) for use in uses if use != "."]
    if not draft.has("go.mod"):
        return
    text = draft.text("go.mod")
    if module := re.search(r"^module\s+\"?([^\s\"]+)", text, re.MULTILINE):
        last = module[1].rsplit("/", 1)[-1]
        draft.name = draft.name or (
            module[1].split("/")[-2] if re.fullmatch(r"v\d+", last) and "/" in module[1] else last
        )
    elif text.strip():
        draft.finding(f"{draft.at('go.mod')} names no module", "go.mod", "module", "unreadable")
    version = re.search(r"^go\s+(\d[\w.]*)", text, re.MULTILINE)
    draft.runtime("go", version[1] if version else "", "go.mod", "go" if version else "")
    draft.manager("go", "go.mod")
    if draft.has("go.sum"):
        draft.lockfile("go.sum")
    needed = [path for line in text.splitlines() if (path := _required(line))]
    for path in needed:
        for known_path, known in FRAMEWORKS.items():
            if path == known_path or path.startswith(known_path + "/"):
                draft.framework(known.name, "go.mod", path, known.confidence)
        for client, database in CLIENTS.items():
            if path == client or path.startswith(client + "/"):
                draft.database(database, "go.mod", path)
    _commands(draft, needed)


def _required(line: str) -> str:
    """The module that a line of go.mod requires directly, or nothing."""
    words = line.split() if "// indirect" not in line else []
    words = words[1:] if words[:1] == ["require"] else words
    return words[0] if len(words) > 1 and "." in words[0] and "/" in words[0] and words[1].startswith("v") else ""


def _commands(draft: Draft, needed: list[str]) -> None:
    draft.command("install", "go mod download", "go.mod", "", 0.95)
    draft.command("build", "go build ./...", "go.mod", "", 0.9)
    draft.command("test", "go test ./...", "go.mod", "", 0.9)
    mains = sorted(
        {draft.inner(hit.path).rpartition("/")[0] for hit in draft.hits("go-main")}, key=lambda p: (p.count("/"), p)
    )
    source = draft.hits("go-main")
    if not mains:
        draft.role("library", 0.8)
        return
    chosen = next((p for p in mains if p in ("", f"cmd/{draft.name}", "cmd/server", "cmd/api")), mains[0])
    sure = 0.9 if len(mains) == 1 else 0.6
    draft.command("start", f"go run {words('./' + chosen) if chosen else '.'}", source[0].path, "package main", sure)
    served = draft.hits("go-http")
    for name, known in FRAMEWORKS.items():
        if known.role and any(path == name or path.startswith(name + "/") for path in needed):
            draft.role(known.role, known.confidence)
            if known.port:
                draft.port(known.port, "go.mod", f"the default of {known.name}", 0.5)
    if served:
        draft.role("backend", 0.8)
        draft.framework("net/http", served[0].path, f"line {served[0].line}", 0.7)
    for hit in draft.hits("port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    draft.role("job", 0.3)


DETECTOR = Detector(
    name="go",
    manifests=("go.mod", "go.work"),
    detect=detect,
    lockfiles=("go.sum", "go.work.sum"),
    languages=("Go",),
    patterns={".go": PATTERNS},
)
