"""appsettings.json and launchSettings.json: ports, and which databases connection strings are for; never values."""

from __future__ import annotations

import re

from ..draft import Draft
from ..parse import Node, string, table

LAUNCH = ("Properties/launchSettings.json", "My Project/launchSettings.json")
_PORT = re.compile(r"^https?://[^/\s:]{0,100}(?:\[[\da-fA-F:]{0,60}\])?:(\d{2,5})(?:/|$)")


def urls(text: str) -> list[int]:
    """The ports of `https://localhost:7001;http://localhost:5001`."""
    return [int(found[1]) for part in text[:1000].split(";") if (found := _PORT.match(part.strip()))]


def ports(draft: Draft) -> list[tuple[int, str, str]]:
    """(port, file, key) of what the settings say; Kestrel's endpoints hold whatever the launch profile says."""
    settings = draft.json("appsettings.json")
    found: list[tuple[int, str, str]] = []
    for name, endpoint in table(settings, "Kestrel", "Endpoints").items():
        key = f"Kestrel.Endpoints.{name}.Url"
        found += [(port, "appsettings.json", key) for port in urls(string(table(endpoint).get("Url")))]
    return (
        found
        or _launched(draft)
        or [
            (port, "appsettings.json", "Urls")
            for port in urls(string(settings.get("Urls")) or string(settings.get("urls")))
        ]
    )


def _launched(draft: Draft) -> list[tuple[int, str, str]]:
    """Of the first profile that starts the project itself, which is the one that `dotnet run` takes."""
    for file in LAUNCH:
        if not draft.has(file):
            continue
        for name, value in table(draft.json(file), "profiles").items():
            profile = table(value)
            if string(profile.get("commandName")) == "Project":
                key = f"profiles.{name}.applicationUrl"
                return [(port, file, key) for port in urls(string(profile.get("applicationUrl")))]
    return []


def databases(draft: Draft) -> None:
    """Add the databases that connection strings are plainly for."""
    names = sorted(name for name in draft.beside if re.fullmatch(r"appsettings(\.\w{1,40})?\.json", name))
    for name in names[:10]:
        content = draft.json(name)
        if "test" in name.lower():
            continue
        for key, value in _strings(content):
            if kind := _kind(value):
                draft.database(kind, name, f"ConnectionStrings.{key}", 0.85 if name == "appsettings.json" else 0.7)


def _strings(content: Node) -> list[tuple[str, str]]:
    found = table(content, "ConnectionStrings")
    return [(key, string(value) or string(table(value).get("ConnectionString"))) for key, value in found.items()]


_SCHEMES = {"mongodb": "mongodb", "postgres": "postgresql", "postgresql": "postgresql", "redis": "redis", "rediss": "redis",
            "amqp": "rabbitmq", "amqps": "rabbitmq", "mysql": "mysql", "nats": "nats", "bolt": "neo4j", "neo4j": "neo4j"}  # fmt: skip
_SERVER_ONLY = (
    "initial catalog",
    "trusted_connection",
    "trustservercertificate",
    "integrated security",
    "multipleactiveresultsets",
)


def _kind(value: str) -> str:
    """The database that a connection string is for, where its words leave no doubt."""
    value = value[:2000]
    if scheme := re.match(r"([a-z]{3,12})(?:\+\w{1,8})?://", value):
        return _SCHEMES.get(scheme[1], "")
    pairs = (part.partition("=") for part in value.lower().split(";"))
    words = {key.strip(): text.strip() for key, _, text in pairs}
    source = words.get("data source", words.get("datasource", words.get("filename", "")))
    if source.endswith((".db", ".sqlite", ".sqlite3", ".db3")) or source == ":memory:":
        return "sqlite"
    if any(word in words for word in _SERVER_ONLY) or "(localdb)" in words.get("server", source):
        return "mssql"
    if "host" in words and ("username" in words or "database" in words):
        return "postgresql"
    if "server" in words and words.get("port") == "5432":
        return "postgresql"
    if "server" in words and (words.get("port") == "3306" or "uid" in words or "user" in words):
        return "mysql"
    return "redis" if re.match(r"[\w.-]{1,100}:6379(?:,|$)", value) else ""
