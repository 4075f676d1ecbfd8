"""Settings in configuration files that are code (vite.config.ts and its kin) and ports in JSON: read, never run."""

from __future__ import annotations

import re

from ..draft import Draft
from ..parse import table

# A string, template or comment whose end is missing takes all that is left.
_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|`(?:[^`\\]|\\.)*+`?"
    r"|(?:\"((?:[^\"\\\n]|\\.)*+)\"?|'((?:[^'\\\n]|\\.)*+)'?|([A-Za-z_$][\w$]*+))[ \t]{0,20}(:)?|([{}])",
    re.DOTALL,
)
_NUMBER = re.compile(r"\s{0,20}(\d{2,5})\b|[^,{}\n]{0,120}?(?:\|\||\?\?)[ \t]{0,4}[\"']?(\d{2,5})\b")

SERVED = (
    ("vite.config", ("server", "port")),
    ("nuxt.config", ("devServer", "port")),
    ("astro.config", ("server", "port")),
    ("rsbuild.config", ("server", "port")),
    ("webpack.config", ("devServer", "port")),
    ("vue.config", ("devServer", "port")),
    ("quasar.config", ("devServer", "port")),
    ("electron.vite.config", ("server", "port")),
    (".eleventy", ("port",)),
    ("eleventy.config", ("port",)),
)
"""By the beginning of a file's name: the keys under which it says where its development server listens."""
CODE = (".ts", ".js", ".mjs", ".cjs", ".mts", ".cts")
READS = tuple(f"{name}{suffix}" for name, _ in SERVED for suffix in CODE)
"""Files of settings; as manifests they are read whole, and not searched like source."""


def port_in(text: str, keys: tuple[str, ...]) -> int:
    """The number at the end of the path `keys` of nested braces, e.g. of `server: { port: 3000 }`; 0 where none is."""
    stack: list[str] = []
    pending = ""
    for match in _TOKEN.finditer(text):
        name = match[1] or match[2] or match[3] or ""
        if match[5] == "{":
            stack.append(pending)
            pending = ""
        elif match[5]:
            pending = ""
            if stack:
                stack.pop()
        elif match[4]:
            pending = name
            here = name == keys[-1] and stack[len(stack) - len(keys) + 1 :] == list(keys[:-1])
            if here and (found := _NUMBER.match(text, match.end())):
                return int(found[1] or found[2])
    return 0


def ports(draft: Draft) -> dict[int, tuple[str, str]]:
    """The ports that settings name, each with the file and the key."""
    found: dict[int, tuple[str, str]] = {}
    for name, keys in SERVED:
        for file in (f"{folder}{name}{suffix}" for folder in ("", "config/") for suffix in CODE):
            if (text := draft.text(file)) and (port := port_in(text, keys)):
                found[port] = (file, ".".join(keys))
    if draft.has("angular.json"):
        for project, facts in table(draft.json("angular.json"), "projects").items():
            for targets in ("architect", "targets"):
                port = table(facts, targets, "serve", "options").get("port")
                if type(port) is int:
                    found[port] = ("angular.json", f"projects.{project}.{targets}.serve.options.port")
    if draft.has("wrangler.toml") and type(port := table(draft.toml("wrangler.toml"), "dev").get("port")) is int:
        found[port] = ("wrangler.toml", "dev.port")
    return found
