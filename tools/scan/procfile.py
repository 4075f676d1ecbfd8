"""Procfiles and the targets of Makefiles, justfiles, Taskfiles and mise: commands that people type."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import takewhile

from .draft import Draft
from .parse import Node, string, strings, table

READS = (
    "Procfile", "Procfile.dev", "Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", ".justfile", "Taskfile.yml", "Taskfile.yaml",
    "taskfile.yml", "taskfile.yaml",
)  # fmt: skip
_LINE = re.compile(r"^(\w[\w-]{0,40}):[ \t]*(\S[^\n]*)$", re.MULTILINE)
_TARGET = re.compile(r"^([A-Za-z][\w-]{0,40})\b[^\n:=]*:(?!=)", re.MULTILINE)
PURPOSES = {
    # Of a target called install nobody knows whether it installs dependencies or the program into /usr.
    "install": ("setup", "bootstrap", "deps"),
    "build": ("build", "compile"),
    "start": ("run", "start", "serve", "up"),
    "dev": ("dev", "develop", "watch"),
    "test": ("test", "tests", "check"),
}


_JUST = ("justfile", "Justfile", ".justfile")
_MADE_FIRST = re.compile(r"\.?venv|[\w./-]{0,80}/?node_modules|\.[\w./-]{1,80}|[\w-]{0,20}(?:install|setup|deps|requirements|venv)[\w-]{0,20}|[\w./-]{1,80}\.(?:lock|txt|toml|json|stamp)")  # fmt: skip
_PREPARES = re.compile(
    r"(?:uv (?:sync|venv|pip install|tool install)|(?:uv|poetry|pdm) run (?:prek|pre-commit) install|(?:poetry|pdm|pipenv|bundle|composer|yarn|pnpm|bun|npm) (?:install|ci|i|add)\b"
    r"|(?:\S{0,60}/)?pip3? install|(?:\S{0,60}/)?python3? -m (?:venv|pip)\b|\$[({]PIP[)}] install|virtualenv\b|yarn$|go (?:mod|install|get)\b|mix (?:deps|local)\.|cargo (?:fetch|install)\b"
    r"|pre-commit install|lefthook install|git config\b|touch\b|mkdir\b|cp\b|echo\b|printf\b|source\b|test -|\[ |ln -s|chmod\b|#)"
)
"""Lines of recipes that get a working copy ready."""
_PRODUCT = re.compile(r"^(?:PREFIX|prefix|DESTDIR)[ \t]*[?:]?=", re.MULTILINE)


def apply(draft: Draft) -> None:
    """Add what the service's own files say."""
    _procfile(draft)
    _product(draft)
    _targets(draft, "make", ("Makefile", "makefile", "GNUmakefile"), _made)
    _targets(draft, "just", ("justfile", "Justfile", ".justfile"), _made)
    _targets(draft, "task", ("Taskfile.yml", "Taskfile.yaml", "taskfile.yml", "taskfile.yaml"), _tasks)
    _targets(draft, "mise run", ("mise.toml", ".mise.toml"), _mise)


def _product(draft: Draft) -> None:
    """A Makefile that puts the whole into a prefix makes the project's root more than the parts that it builds."""
    name = next((n for n in ("Makefile", "GNUmakefile") if draft.has(n)), "")
    text = draft.text(name) if draft.root == "." and name and not draft.manifests else ""
    if _PRODUCT.search(text) and re.search(r"^install[ \t]*:", text, re.MULTILINE):
        draft.manifest(name)


def _procfile(draft: Draft) -> None:
    for kind, command in _LINE.findall(draft.text("Procfile")):
        purpose = "start" if kind == "web" else str(kind)
        draft.command(purpose, command.strip(), "Procfile", kind, 0.93)
        if kind in ("web", "worker"):
            draft.role("backend" if kind == "web" else "worker", 0.7 if kind == "web" else 0.4)
            if kind == "web" and (
                port := re.search(r"(?:--port|-p|--bind[= ][\w.]{0,40}:|-b[ =][\w.]{0,40}:)[ =]?(\d{2,5})\b", command)
            ):
                draft.port(int(port[1]), "Procfile", kind, 0.85)
    if draft.has("Procfile.dev"):
        if draft.has("bin/dev"):
            draft.command("dev", "bin/dev", "Procfile.dev", "", 0.9)
        elif "dev" not in draft.commands:
            draft.command("dev", "foreman start -f Procfile.dev", "Procfile.dev", "", 0.5)


def _targets(draft: Draft, tool: str, names: tuple[str, ...], read: Callable[[Draft, str], dict[str, str]]) -> None:
    name = next((n for n in names if draft.has(n)), "")
    targets = read(draft, name) if name else {}
    for purpose, options in PURPOSES.items():
        ready = (t for t in options if t in targets and not (purpose == "dev" and _prepares(targets[t])))
        target = next(ready, "")
        # `up` and `run` often only start containers, in which the commands of the project itself are.
        if not target or re.match(r"(?:docker|podman)[ -]compose", targets[target]):
            continue
        draft.command(purpose, f"{tool} {target}", name, target, 0.5)
        if draft.commands.get(purpose) and draft.commands[purpose].value.startswith(f"{tool} "):
            draft.tool(tool.partition(" ")[0], name)


def _made(draft: Draft, name: str) -> dict[str, str]:
    """The lines of each recipe by target, or after a colon the targets that one without a recipe only stands for."""
    text = draft.text(name)
    found: dict[str, str] = {}
    for match in _TARGET.finditer(text):
        end = text.find("\n", match.end())
        lines = text[end + 1 : end + 1500].split("\n") if end >= 0 else []
        recipe = [line.strip().lstrip("@-") for line in takewhile(lambda line: line[:1] in (" ", "\t"), lines)]
        first = f":{text[match.end() : end].strip()}" if name not in _JUST else ""
        found.setdefault(match[1], "\n".join(line for line in recipe[:20] if line) or first)
    return found


def _prepares(recipe: str) -> bool:
    """Whether a target only installs what one needs to work, and leaves nothing running."""
    if recipe.startswith(":"):
        made = recipe[1:].split()
        return bool(made) and all(_MADE_FIRST.fullmatch(name) for name in made)
    return bool(recipe) and all(_PREPARES.match(line) for line in recipe.split("\n"))


def _tasks(draft: Draft, name: str) -> dict[str, str]:
    return {key: _first(value) for key, value in table(draft.yaml(name), "tasks").items()}


def _mise(draft: Draft, name: str) -> dict[str, str]:
    return {key: string(value) or string(table(value).get("run")) for key, value in _section(draft, name).items()}


def _section(draft: Draft, name: str) -> Node:
    return table(draft.toml(name), "tasks") if "[tasks" in draft.text(name) else {}


def _first(value: object) -> str:
    """The first command of a task, in any of the forms that Taskfile has."""
    found = table(value).get("cmds", value)
    return string(found) or string(table(value).get("cmd")) or next(iter(strings(found)), "")
