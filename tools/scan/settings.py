"""Where a server listens by its own default settings: redis.conf, conf/zoo_sample.cfg, config/default.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from .draft import Draft
from .parse import table
from .tree import Tree

READS = (
    "*.conf", "*.cfg", "*.ini", "default.json", "defaults.json", "default.toml", "defaults.toml", "default.yaml", "defaults.yaml", "default.yml",
    "defaults.yml",
)  # fmt: skip
_FOLDERS = ("", "conf/", "config/", "etc/", "cfg/", "settings/")
_SAMPLE = re.compile(r"[-_.](?:sample|example|default|defaults|dist|template)$")
_GENERAL = frozenset({"default", "defaults", "server"})
_SECTION = re.compile(r"[ \t]*\[[ \t]*([\w.-]{1,60})[ \t]*\]")
_OWN = frozenset({"", "server", "http", "web", "main", "general", "default", "api", "listen", "app", "service"})
"""Sections that speak of the server itself, and not of what it talks to."""
_KEY = re.compile(
    r"[ \t]{0,8}[\"']?(?:(?:http|server|listen|client|bind|web|app)?[-_]?port|listen(?:er)?(?:[-_]?addr(?:ess)?)?|bind(?:[-_]?addr(?:ess)?)?)[\"']?"
    r"(?:[ \t]*[:=][ \t]*|[ \t]{1,8})[\"']?(?:https?://)?(?:[\w.*\[\]-]{0,60}:)?(\d{2,5})[\"']?[ \t]*[;,]?[ \t\r]*(?:#[^\n]*)?$",
    re.IGNORECASE,
)


def apply(drafts: Mapping[str, Draft], tree: Tree) -> None:
    """Add the ports of such files to the services that have no port that is surer."""
    for draft in drafts.values():
        if draft.best_role in ("library", "frontend", "static", "job"):
            continue
        meant = draft
        if draft.best_role == "workspace":
            members = [one for one in drafts.values() if one is not draft and one.best_role in ("backend", "worker")]
            near = [one for one in members if one.root.count("/") == min(each.root.count("/") for each in members)]
            if len(near) != 1:
                continue
            meant = near[0]
        if any(fact.confidence > 0.6 for fact in meant.ports.values()):
            continue
        for path in _paths(draft, meant):
            if found := _port(tree.texts[path], path):
                meant.port(found[0], f"/{path}", found[1], 0.75)
                if draft.best_role == "unknown" and "start" in draft.commands:
                    draft.role("backend", 0.55)
                break


def _paths(draft: Draft, meant: Draft) -> list[str]:
    """Settings that are called after the service, or that are everybody's default."""
    inside = draft.tree.inside(draft.root)
    names = {draft.name.lower(), meant.name.lower(), draft.root.rpartition("/")[2].lower()}
    if draft.root == ".":
        names.add(draft.tree.root.rstrip("/").rpartition("/")[2].lower())
    found: list[str] = []
    for path in draft.files:
        folder, slash, name = path.removeprefix(inside).rpartition("/")
        if path not in draft.tree.texts or (folder + slash not in _FOLDERS and name not in READS):
            continue
        stem, _, suffix = name.lower().rpartition(".")
        plain = _SAMPLE.sub("", stem)
        called = len(plain) > 2 and any(one.startswith(plain) for one in names)
        shared = name in READS and folder.rpartition("/")[2] in ("config", "conf", "settings") and folder.count("/") < 4
        if shared or (suffix in ("conf", "cfg", "ini") and called):
            found.append(path)
    return sorted(found, key=lambda path: (path.count("/"), path))


_OTHERS = re.compile(r"^\s{0,20}(?:server_name|proxy_pass|upstream|location)\s|<VirtualHost|^ProxyPass|^\[(?:program:|supervisord|uwsgi)", re.MULTILINE)  # fmt: skip
"""Settings of the web server or supervisor in front of it, which are called after what they serve."""


def _port(text: str, path: str) -> tuple[int, str] | None:
    if _OTHERS.search(text[:50_000]):
        return None
    if path.endswith(".json"):
        return _of_json(text)
    section = ""
    for number, line in enumerate(text.splitlines()[:5000], 1):
        if heading := _SECTION.match(line):
            section = heading[1].lower()
        elif section in _OWN and len(line) < 300 and (found := _KEY.match(line)) and 0 < int(found[1]) < 65536:
            return int(found[1]), f"line {number}"
        elif path.endswith((".yaml", ".yml")) and (opened := re.match(r"([\w-]{1,60}):[ \t\r]*$", line)):
            section = opened[1].lower()
    return None


def _of_json(text: str) -> tuple[int, str] | None:
    try:
        content = table(json.loads(text))
    except (ValueError, RecursionError):
        return None
    for keys in (("server",), ("http",), ("web",), ("app",), ()):
        port = table(content, *keys).get("port")
        if type(port) is int and 0 < port < 65536 and (keys or port not in _BESIDE):
            return port, ".".join([*keys, "port"])
    return None


_BESIDE = frozenset({5432, 3306, 6379, 27017, 5672, 9092, 1433, 11211, 9200, 25, 465, 587, 1025})
"""Ports of what a program talks to, where a file does not say whose they are."""
