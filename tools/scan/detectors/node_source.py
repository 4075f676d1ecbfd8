"""What JavaScript and TypeScript source says: where it listens, which variables it reads, what it hands out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..draft import Draft
from ..mentions import mentions
from ..shared import NOT_OURS
from ..tree import Hit
from . import node_config

_OWN = r"(?:(?:APP|API|SERVER|HTTP|WEB|SERVICE|NODE|BACKEND|LISTEN|GATEWAY)_)?PORT"
_NUMBER = r"[\"'`]?(\d{2,5})\b"
_ELSE = r"\]?\s{0,8}(?:,\s{0,4}10\s{0,4})?\)?\s{0,8}(?:\|\||\?\?)\s{0,8}(?:Number\()?"
_LIBRARIES = (
    "express|koa|fastify|hono|@hapi/hapi|polka|restify|socket\\.io|ws|discord\\.js|telegraf|mongoose|(?:node:)?https?"
)


def _named(name: str) -> str:
    return rf"\b(?:const|let|var)\s{{1,4}}{name}\s{{0,4}}(?::\s{{0,4}}\w{{1,20}}\s{{0,4}})?=\s{{0,4}}(\d{{2,5}})\b"


PATTERNS = (
    ("env", "process.env.", r"process\.env\.([A-Z][A-Z0-9_]{1,63})\b"),
    ("env", "process.env[", r"process\.env\[\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    (
        "env",
        "import.meta.env.",
        r"import\.meta\.env\.(?!(?:MODE|DEV|PROD|SSR|BASE_URL|SITE|ASSETS_PREFIX|VITEST|STORYBOOK)\b)([A-Z][A-Z0-9_]{1,63})\b",
    ),
    ("env", "env:", r"^[ \t]{1,12}env:\s{0,4}[\"']([A-Z][A-Z0-9]{0,30}_[A-Z0-9_]{1,40})[\"']"),
    ("env", "Bun.env.", r"Bun\.env\.([A-Z][A-Z0-9_]{1,63})\b"),
    ("env", "$env/dynamic/", r"\benv\.([A-Z][A-Z0-9_]{1,63})\b"),
    ("env", "onfig", r"onfig(?:Service)?\.get(?:OrThrow)?(?:<[\w\[\]]{1,30}>)?\(\s{0,8}[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("env", "envVar", r"\benvVar\s{0,4}:\s{0,4}[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("env-list", "} = process.env", r"\{([^{}]{1,190})\} = process\.env\b"),
    ("env-list", "$env/static/", r"\bimport\s{1,4}\{([^{}]{1,190})\}\s{1,4}from\s{1,4}[\"']\$env/static/"),
    ("js-port", ".listen(", r"\.listen\(\s{0,8}(\d{2,5})\b"),
    ("js-port", ".listen(", r"\.listen\(\s{0,8}\{[^{}]{0,120}?\bport\s{0,4}:\s{0,4}(\d{2,5})\b"),
    ("js-port", "PORT", rf"\benv\.{_OWN}\b{_ELSE}{_NUMBER}"),
    ("js-port", "PORT", rf"\benv\.{_OWN}\s{{0,8}}\?[^:?\n]{{1,60}}:\s{{0,4}}{_NUMBER}"),
    ("js-port", "PORT", rf"[\"']{_OWN}[\"'](?:{_ELSE}|\s{{0,4}},\s{{0,4}}){_NUMBER}"),
    ("js-port", "PORT", rf"\b{_OWN}\s{{0,4}}:[^,;\n]{{1,100}}?\bdefault(?:\(|:)\s{{0,4}}{_NUMBER}"),
    ("js-port", "PORT", rf"\benv\.{_OWN}\s{{0,4}},\s{{0,4}}(\d{{2,5}})\s{{0,4}}\]"),
    ("js-port", "basePort", r"\.basePort\s{0,4}=\s{0,4}(\d{2,5})\b"),
    ("js-port", "port:", r"^[ \t]{1,12}port:\s{0,4}\{[^{}]{0,400}?\bdefault:\s{0,4}(\d{2,5})\b"),
    ("js-port", " port", _named("port")),
    ("js-port", "PORT", _named(r"(?:SERVER_|HTTP_|APP_)?PORT")),
    ("js-port", "Port", _named(r"(?:server|http|app)Port")),
    (
        "js-port",
        "port",
        r"\b(?:serve|server|Server|createServer|runServer)\(\s{0,8}(?:[\w.]{1,40},\s{0,8})?\{[^{}]{0,160}?\bport\s{0,4}:\s{0,4}(\d{2,5})\b",
    ),
    ("js-port", "listen", r"\blisten\s{0,4}:\s{0,4}\{\s{0,8}port\s{0,4}:\s{0,4}(\d{2,5})\b"),
    ("js-port", "export default {", r"^export default \{[^{}]{0,160}?\bport\s{0,4}:\s{0,4}(\d{2,5})\b"),
    *(
        ("js-port", f"{mark}port{mark}", rf"\b(?:key|name|id)\s{{0,4}}:\s{{0,4}}{mark}port{mark}[^{{}}]{{0,300}}?\bdefault\s{{0,4}}:\s{{0,4}}(\d{{2,5}})\b")
        for mark in ("'", '"')
    ),
    ("js-field", "port:", r"^[ \t]{1,12}port:[ \t]{1,4}(\d{2,5}),?[ \t\r]{0,4}$"),
    ("js-listen", ".listen(", r"\b(?:app|server|fastify|http|httpServer|express|application|koa|instance|api|srv|yoga|hapi)(?:\([\w.]{0,40}\))?(\.listen)\("),
    ("js-listen", ".listen(", r"\)\s{0,8}(\.listen)\(\s{0,4}(?:\d|\{|PORT\b|port\b|process\.|env\.|Number\()"),
    ("js-listen", "serve(", r"\b((?:Bun\.|Deno\.)?serve)\(\s{0,8}(?:\{|app\b|server\b)"),
    ("js-listen", "startStandaloneServer(", r"\b(startStandaloneServer)\("),
    ("js-listen", "erver.start(", r"\b[sS]erver(\.start)\("),
    ("js-http", "createServer(", r"\bhttps?\.createServer\(|\bcreateServer\(\s{0,8}(?:async\s{0,4})?\(\s{0,4}req"),
    ("js-bun", "Bun.", r"\b(Bun\.(?:serve|file|env|write|spawn|sql|password|argv))\b"),
    ("js-bun", "bun:", r"[\"'](bun:(?:sqlite|ffi|jsc))[\"']"),
    ("js-bun-serve", "Bun.serve(", r"\b(Bun\.serve)\("),
    ("js-sqlite", ":sqlite", r"[\"']((?:bun|node):sqlite)[\"']"),
    ("js-worker", "new Worker(", r"\b(new Worker)\(\s{0,8}(?:[\"'`][^\"'`\n]{1,60}[\"'`]|\w{1,60}),"),
    ("js-import", "require(", rf"\brequire\(\s{{0,4}}[\"']({_LIBRARIES})[\"']"),
    ("js-import", " from ", rf"\bfrom\s{{1,4}}[\"']({_LIBRARIES})[\"']"),
    ("js-shebang", "#!/usr/bin/env node", r"\A(#!/usr/bin/env node)"),
    ("js-handler", "handler", r"^(?:module\.)?exports\.handler\s{0,4}=|^export\s{1,4}(?:const|async\s{1,4}function|function)\s{1,4}handler\b"),
    ("js-exports", "xports", r"^(?:module\.exports\b|exports\.\w)"),
    ("js-exports", "export ", r"^export\s"),
)  # fmt: skip
_TRIED = re.compile(
    r"\.(?:test|spec|e2e|stories|bench)\.[cm]?[jt]sx?$|(?:^|/)(?:scripts|tools|e2e)/|\.config\.[cm]?[jt]s$"
)
_DATABASES = frozenset({5432, 3306, 6379, 27017, 5672, 9092, 1433, 11211, 9200, 25, 465, 587, 1025})
"""Ports that a program connects to; `port: 5432` in its source is no port of its own."""


def said(draft: Draft, *rules: str) -> list[Hit]:
    """What this service's own source mentions, tests beside it and helper scripts left out."""
    return [hit for hit in draft.hits(*rules) if not _TRIED.search(draft.inner(hit.path))]


def ports(draft: Draft) -> dict[int, Hit]:
    """The ports that source says it listens on."""
    found = {int(hit.value): hit for hit in reversed(said(draft, "js-port")) if int(hit.value) not in _DATABASES}
    if not found:
        serving = {hit.path for hit in said(draft, "js-listen")}
        fields = [hit for hit in said(draft, "js-field") if hit.path in serving and int(hit.value) not in _DATABASES]
        found = {int(hit.value): hit for hit in fields[:1]}
    return found


def listens(draft: Draft) -> list[Hit]:
    """Where it starts to listen, as far as that can be seen without running it."""
    return said(draft, "js-listen", "js-http")


def variables(draft: Draft) -> None:
    """Add the variables that are read in ways that `env` does not see: several at once, or in a file of settings."""
    for hit in draft.hits("env-list"):
        for name in _listed(hit.value):
            draft.variable(name, hit.path, f"line {hit.line}", 0.8, rule="source")
    for name in node_config.READS:
        if text := draft.text(name):
            for rule, value, line in mentions(text, PATTERNS[:10]):
                for variable in _listed(value) if rule == "env-list" else [value]:
                    if variable not in NOT_OURS:
                        draft.variable(variable, name, f"line {line}", 0.8, rule="source")


def _listed(text: str) -> Iterator[str]:
    """The names in `{ DATABASE_URL, JWT_SECRET: secret = "x" }`."""
    for part in text.split(","):
        if (found := re.match(r"\s*([A-Z][A-Z0-9_]{1,63})\b", part)) and found[1] not in NOT_OURS:
            yield found[1]
