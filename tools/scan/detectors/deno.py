"""Deno: deno.json and its tasks."""

from __future__ import annotations

from ..draft import Draft
from ..parse import string, table
from .base import Detector


def detect(draft: Draft) -> None:
    """Add what deno.json says."""
    name = next((n for n in ("deno.json", "deno.jsonc") if draft.has(n)), "")
    if not name:
        return
    draft.manifest(name)
    content = draft.json(name)
    draft.name = draft.name or string(content.get("name"))
    draft.runtime("deno", "", name)
    draft.manager("deno", name, "", 0.9)
    if draft.has("deno.lock"):
        draft.lockfile("deno.lock")
    draft.command("install", "deno install", name, "", 0.8)
    for purpose in ("start", "dev", "build", "test"):
        if purpose in table(content, "tasks"):
            draft.command(purpose, f"deno task {purpose}", name, f"tasks.{purpose}", 0.95)
    if "exports" in content and "start" not in draft.commands:
        draft.role("library", 0.6)


DETECTOR = Detector(
    name="deno", manifests=("deno.json", "deno.jsonc"), detect=detect, lockfiles=("deno.lock",), languages=()
)
