"""PHP: composer.json and its lock; Laravel, Symfony, WordPress, plain PHP."""

from __future__ import annotations

from ..draft import Draft
from ..parse import string, strings, table
from .base import Detector, Known

FRAMEWORKS = {
    "laravel/framework": Known("Laravel", "backend", 8000, 0.97),
    "symfony/framework-bundle": Known("Symfony", "backend", 8000, 0.97),
    "slim/slim": Known("Slim", "backend", 8080),
    "cakephp/cakephp": Known("CakePHP", "backend", 8765),
    "codeigniter4/framework": Known("CodeIgniter", "backend", 8080),
    "yiisoft/yii2": Known("Yii", "backend", 8080),
    "laminas/laminas-mvc": Known("Laminas", "backend", 8080),
    "drupal/core-recommended": Known("Drupal", "backend", 8888),
    "roots/wordpress": Known("WordPress", "backend", 8080),
}
CLIENTS = {
    "ext-pdo_pgsql": "postgresql",
    "ext-pgsql": "postgresql",
    "ext-pdo_mysql": "mysql",
    "ext-mysqli": "mysql",
    "ext-redis": "redis",
    "predis/predis": "redis",
    "mongodb/mongodb": "mongodb",
    "ext-mongodb": "mongodb",
    "php-amqplib/php-amqplib": "rabbitmq",
    "ext-pdo_sqlite": "sqlite",
}
PATTERNS = (
    ("env", "env(", r"(?:getenv|\benv)\(\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("env", "$_ENV", r"\$_ENV\[\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
)


def detect(draft: Draft) -> None:
    """Add what composer.json says."""
    if not draft.has("composer.json"):
        return
    draft.manifest("composer.json")
    content = draft.json("composer.json")
    draft.name = draft.name or string(content.get("name")).rpartition("/")[2]
    required = table(content, "require")
    php = string(required.get("php"))
    draft.runtime("php", php, "composer.json", "require.php" if php else "")
    draft.manager("composer", "composer.json")
    if draft.has("composer.lock"):
        draft.lockfile("composer.lock")
    draft.command("install", "composer install", "composer.json", "", 0.95)
    library = string(content.get("type")) in ("library", "symfony-bundle", "composer-plugin") or (
        "type" not in content and "name" in content and "autoload" in content and not draft.has("public/index.php")
    )
    for name in required:
        if known := FRAMEWORKS.get(name):
            draft.framework(known.name, "composer.json", f"require.{name}", known.confidence)
            draft.role(known.role, known.confidence * (0.4 if library else 1.0))
            if not library:
                draft.port(known.port, "composer.json", f"the default of {known.name}", 0.6)
        if name in CLIENTS:
            draft.database(CLIENTS[name], "composer.json", f"require.{name}")
    if library:
        draft.private = False
        draft.role("library", 0.7)
    _commands(draft, content)


def _commands(draft: Draft, content: dict[str, object]) -> None:
    if draft.has("artisan"):
        draft.command("start", "php artisan serve", "artisan", "", 0.95)
        draft.command("test", "php artisan test", "artisan", "", 0.85)
    elif draft.has("bin/console"):
        draft.command("start", "symfony server:start", "bin/console", "", 0.7)
    elif draft.has("public/index.php"):
        draft.command("start", "php -S localhost:8000 -t public", "public/index.php", "", 0.7)
        draft.role("backend", 0.7)
    elif draft.has("index.php"):
        draft.command("start", "php -S localhost:8000", "index.php", "", 0.6)
        draft.role("backend", 0.6)
    scripts = table(content, "scripts")
    for purpose in ("start", "dev", "build", "test"):
        if purpose in scripts and (isinstance(scripts[purpose], str) or strings(scripts[purpose])):
            draft.command(
                purpose,
                f"composer {'run ' if purpose != 'test' else ''}{purpose}",
                "composer.json",
                f"scripts.{purpose}",
                0.9,
            )
    if "phpunit/phpunit" in table(content, "require-dev"):
        draft.command("test", "vendor/bin/phpunit", "composer.json", "require-dev.phpunit/phpunit", 0.8)


DETECTOR = Detector(
    name="php",
    manifests=("composer.json",),
    detect=detect,
    reads=("artisan",),
    lockfiles=("composer.lock",),
    languages=("PHP",),
    patterns={".php": PATTERNS},
)
