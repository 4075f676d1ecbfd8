"""Laravel's and Symfony's own files: the databases they name, and the workers that run their queues."""

from __future__ import annotations

import re

from ..dotenv import EXAMPLES, LINE
from ..draft import Draft
from ..parse import Node, string, table
from .php_known import NAMES

_STORES = ("QUEUE_CONNECTION", "QUEUE_DRIVER", "CACHE_STORE", "CACHE_DRIVER", "SESSION_DRIVER", "BROADCAST_CONNECTION", "BROADCAST_DRIVER")  # fmt: skip
_SETTINGS = ("messenger", "doctrine", "cache", "mailer")


def laravel(draft: Draft, required: Node) -> None:
    """Databases and queues of Laravel's example of its variables."""
    if not draft.has("artisan"):
        return
    example = next((name for name in EXAMPLES if draft.has(name)), "")
    values = {name: value.strip().strip("\"'") for name, value in LINE.findall(draft.text(example))} if example else {}
    if (database := values.get("DB_CONNECTION", "")) in NAMES:
        draft.database(NAMES[database], example, "DB_CONNECTION", 0.9)
    elif not database:
        for hit in draft.hits("laravel-database")[:1]:
            if hit.value in NAMES:
                draft.database(NAMES[hit.value], hit.path, f"line {hit.line}", 0.7)
    for name in _STORES:
        if values.get(name) in ("redis", "memcached", "rabbitmq"):
            draft.database(values[name], example, name, 0.85)
    queue = values.get("QUEUE_CONNECTION") or values.get("QUEUE_DRIVER", "")
    jobs = any(draft.inner(path).startswith("app/Jobs/") for path in draft.files)
    if "laravel/horizon" in required:
        draft.command("worker", "php artisan horizon", "composer.json", "require.laravel/horizon", 0.9)
    elif queue not in ("", "sync", "null"):
        draft.command("worker", "php artisan queue:work", example, "QUEUE_CONNECTION", 0.85)
    elif jobs and queue != "sync":
        draft.command("worker", "php artisan queue:work", "artisan", "", 0.6)


def symfony(draft: Draft, required: Node) -> None:
    """Variables of Symfony's settings, and the worker of its messages."""
    if not draft.has("bin/console"):
        return
    for name in (*(f"config/packages/{setting}.yaml" for setting in _SETTINGS), "config/services.yaml"):
        for variable in re.findall(r"%env\((?:\w{1,30}:){0,5}([A-Z][A-Z0-9_]{1,63})\)%", draft.text(name)):
            draft.variable(variable, name, "", 0.9, rule="source")
    path = "config/packages/messenger.yaml"
    if "symfony/messenger" not in required or not draft.has(path):
        return
    messenger = table(draft.yaml(path), "framework", "messenger")
    failed = string(messenger.get("failure_transport"))
    names: list[str] = []
    for name, value in table(messenger, "transports").items():
        dsn = string(value) or string(table(value).get("dsn"))
        if name != failed and dsn and not dsn.startswith(("sync://", "in-memory://")) and re.fullmatch(r"[\w.-]{1,60}", str(name)):  # fmt: skip
            names.append(str(name))
    if names:
        draft.command("worker", f"php bin/console messenger:consume {' '.join(names)}", path, "framework.messenger.transports", 0.85)  # fmt: skip
