"""Dev containers: the versions, ports, variables and the install command of the environment that a project is worked on in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

from . import dockerfile, images, parse
from .addresses import PORTS
from .draft import Draft
from .gathered import Gathered
from .hints import suppose
from .parse import Node, string, table
from .runnable import typed
from .text import safe
from .tree import Tree

READS = ("devcontainer.json", ".devcontainer.json")
SURE = 0.5
_FEATURES = {
    "python": "python", "node": "node", "go": "go", "rust": "rust", "java": "java", "ruby": "ruby", "php": "php", "dotnet": "dotnet", "deno": "deno",
    "bun": "bun", "elixir": "elixir", "erlang": "erlang", "haskell": "haskell", "julia": "julia", "zig": "zig", "crystal": "crystal", "dart": "dart",
    "swift": "swift", "perl": "perl", "lua": "lua", "ocaml": "ocaml", "r-apt": "r", "flutter": "flutter",
}  # fmt: skip


def apply(drafts: Mapping[str, Draft], tree: Tree, gathered: Gathered) -> None:
    """Add what the project's dev containers say; of several, the one that opens when none is named."""
    paths = [p for p in tree.texts if re.fullmatch(r"(?:\.devcontainer/(?:[\w.-]{1,60}/)?)?\.?devcontainer\.json", p)]
    for path in sorted(paths, key=lambda path: (path.count("/"), path))[:3]:
        try:
            content = parse.jsonc(tree.texts[path])
        except parse.Broken as error:
            gathered.finding(f"{safe(path)} could not be read: {error}", path, rule="unreadable")
            continue
        _versions(drafts.values(), tree, path, content)
        if path == min(paths, key=lambda path: (path.count("/"), path)):
            _rest(drafts, path, content)


def _versions(drafts: Iterable[Draft], tree: Tree, path: str, content: Node) -> None:
    found: list[tuple[str, str, str]] = []
    if image := images.runtime(string(content.get("image"))):
        found.append((*image, "image"))
    file = string(table(content, "build").get("dockerfile")) or string(content.get("dockerFile"))
    folder = path.rpartition("/")[0]
    stages = dockerfile.stages(tree.texts.get(f"{folder}/{file}".lstrip("/"), "")) if file else ()
    if stages and (image := images.runtime(stages[-1].root)):
        found.append((*image, "build.dockerfile"))
    for name, options in table(content, "features").items():
        feature = name.rpartition("/")[2].partition(":")[0]
        version = string(options) or string(table(options).get("version"))
        if feature in _FEATURES and re.fullmatch(r"\d[\d.]{0,20}", version):
            found.append((_FEATURES[feature], version, f"features.{name}"))
    for draft in drafts:
        for name, version, key in found:
            suppose(draft, name, [version], path, key, SURE, "sets up")


def _rest(drafts: Mapping[str, Draft], path: str, content: Node) -> None:
    root = drafts["."]
    for key in ("containerEnv", "remoteEnv"):
        for name in table(content, key):
            if re.fullmatch(r"[A-Z][A-Z0-9_]{1,63}", name) and name != "PATH":
                root.variable(name, f"/{path}", key, 0.6, rule="devcontainer")
    for command in ("postCreateCommand", "onCreateCommand", "updateContentCommand"):
        line = typed(root, string(content.get(command)))
        if line and re.search(r"\b(?:install|sync|restore|get|setup|bootstrap|ci|fetch|deps)\b", line):
            root.command("install", line, f"/{path}", command, SURE)
    ports = content.get("forwardPorts")
    known = set(PORTS.values())
    if len(drafts) == 1 and not any(fact.confidence > 0.6 for fact in root.ports.values()):
        for port in cast(list[object], ports)[:20] if isinstance(ports, list) else []:
            if isinstance(port, int) and not isinstance(port, bool) and port not in known:
                root.port(port, f"/{path}", "forwardPorts", SURE)
