"""Gleam: gleam.toml and manifest.toml; Wisp and Mist, Lustre, packages for Erlang and for JavaScript."""

from __future__ import annotations

from ..draft import Draft
from ..parse import string, table
from .base import Detector, Known

FRAMEWORKS = {
    "wisp": Known("Wisp", "backend"),
    "mist": Known("Mist", "backend", 4000, 0.8),
    "lustre": Known("Lustre", "frontend", 0, 0.8),
    "glen": Known("Glen", "backend", 0, 0.8),
    "ewe": Known("Ewe", "backend", 0, 0.8),
}
CLIENTS = {
    "pog": "postgresql", "gleam_pgo": "postgresql", "squirrel": "postgresql", "sqlight": "sqlite", "gmysql": "mysql", "shork": "mysql",
    "radish": "redis", "valkyrie": "redis", "mungo": "mongodb", "carotte": "rabbitmq", "franz": "kafka",
}  # fmt: skip
PATTERNS = (
    ("env", "envoy.", r"\benvoy\.get\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "os.get_env", r"\bos\.get_env\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("gleam-main", "pub fn main", r"^pub fn (main)\("),
    ("gleam-port", "mist", r"\bmist\.port\(\s*(\d{2,5})\s*\)"),
)


def detect(draft: Draft) -> None:
    """Add what gleam.toml says."""
    if not draft.has("gleam.toml"):
        return
    draft.manifest("gleam.toml")
    draft.manager("gleam", "gleam.toml")
    content = draft.toml("gleam.toml")
    name = string(content.get("name"))
    draft.name = draft.name or name
    spec = string(content.get("gleam"))
    draft.runtime("gleam", spec, "gleam.toml", "gleam" if spec else "")
    if not content:
        return
    target = string(content.get("target"))
    runs = {"javascript": string(table(content, "javascript").get("runtime")) or "node"}.get(target, "erlang")
    runtime = {"nodejs": "node", "node": "node", "deno": "deno", "bun": "bun"}.get(runs, "erlang")
    draft.runtime(runtime, "", "gleam.toml", "target" if target else "")
    if draft.has("manifest.toml"):
        draft.lockfile("manifest.toml")
    draft.command("install", "gleam deps download", "gleam.toml", "", 0.95)
    draft.command("build", "gleam build", "gleam.toml", "", 0.9)
    developed = {**table(content, "dev-dependencies"), **table(content, "dev_dependencies")}
    if any(draft.inner(path).startswith("test/") and path.endswith("_test.gleam") for path in draft.files):
        draft.command("test", "gleam test", "gleam.toml", "", 0.9)
    mains = [hit for hit in draft.hits("gleam-main") if draft.inner(hit.path) == f"src/{name}.gleam"]
    draft.exports = not mains
    # What is published needs a licence in this file; an application has none, as a rule.
    draft.private = bool(mains) or "licences" not in content
    _frameworks(draft, set(table(content, "dependencies")), set(developed), bool(mains))
    if mains and "lustre_dev_tools" not in developed:
        draft.command("start", "gleam run", mains[0].path, "main", 0.9)
        draft.role("job", 0.3)
    elif not mains:
        draft.role("library", 0.85 if "licences" in content else 0.6)


def _frameworks(draft: Draft, asked: set[str], developed: set[str], runs: bool) -> None:
    for name, known in FRAMEWORKS.items():
        if name not in asked:
            continue
        if name == "lustre" and "wisp" in asked:
            known = Known(known.name)  # pages that the server renders
        draft.framework(known.name, "gleam.toml", f"dependencies.{name}", known.confidence)
        if known.role and runs:
            draft.role(known.role, known.confidence)
    for name in asked & set(CLIENTS):
        draft.database(CLIENTS[name], "gleam.toml", f"dependencies.{name}")
    if not runs:
        return
    if "lustre_dev_tools" in asked | developed and draft.best_role == "frontend":
        draft.command("start", "gleam run -m lustre/dev start", "gleam.toml", "lustre_dev_tools", 0.9)
        draft.port(1234, "gleam.toml", "the default of Lustre's development server", 0.8)
    ports = draft.hits("gleam-port")
    for hit in ports:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    if not ports and "mist" in asked:
        draft.port(4000, "gleam.toml", "the default of Mist", 0.5)


DETECTOR = Detector(
    name="gleam",
    manifests=("gleam.toml",),
    detect=detect,
    lockfiles=("manifest.toml",),
    languages=("Gleam",),
    patterns={".gleam": PATTERNS},
)
