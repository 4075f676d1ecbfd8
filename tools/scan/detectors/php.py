"""PHP: composer.json and its lock; Laravel, Symfony and other frameworks, WordPress, plain PHP."""

from __future__ import annotations

import re
from typing import cast

from ..draft import Draft, words
from ..parse import Node, string, strings, table
from ..versions import satisfies
from .base import Detector
from .overrule import overrule
from .php_frameworks import laravel, symfony
from .php_known import CLIENT, COMMAND_LINE, FOLDERS, FRAMEWORKS, HOSTS, LIBRARIES, NAMES, RUNNERS
from .php_wordpress import PATTERNS as WORDPRESS
from .php_wordpress import vendored, wordpress

PATTERNS = (
    ("env", "env(", r"(?:getenv|\benv)\(\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("env", "$_ENV", r"\$_ENV\[\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("php-database", ":", r"[\"'](mysql|pgsql|sqlsrv):(?:host|dbname|Server|unix_socket)="),
    ("php-database", "sqlite:", r"[\"'](sqlite):(?!:memory:)[^\"'\s]"),
    ("php-database", "(", r"\bnew \\?(mysqli|SQLite3|Redis|Memcached)\("),
    ("php-database", "connect(", r"\b(mysqli_connect|mysql_connect|pg_connect)\("),
    ("php-page", "$_", r"(\$_(?:GET|POST|REQUEST|SESSION|COOKIE|FILES))\b"),
    ("laravel-database", "DB_CONNECTION", r"\benv\([ \t]*[\"']DB_CONNECTION[\"'][ \t]*,[ \t]*[\"'](\w{1,20})[\"']"),
    *WORDPRESS,
)  # fmt: skip


def detect(draft: Draft) -> None:
    """Add what composer.json says, and what PHP does without it."""
    if vendored(draft):
        return
    content: Node = {}
    template = next((name for name in _TEMPLATES if draft.has(name)), "")
    if draft.has("composer.json"):
        content = draft.json("composer.json")
        _composer(draft, content, "composer.json")
    elif template:
        content = draft.json(template)
        _composer(draft, content, template)
    elif draft.manifests and (not draft.languages or draft.languages[0].value != "PHP"):
        return  # a helper in a project of another language
    else:
        own = sorted((path for path in draft.files if path.endswith(".php")), key=lambda path: (path.count("/"), path))
        if own:
            draft.runtime("php", "", own[0])
    loaded = wordpress(draft)
    library = loaded or _library(draft, content)
    required = table(content, "require")
    for name in required:
        if known := FRAMEWORKS.get(name):
            draft.framework(known.name, "composer.json", f"require.{name}", known.confidence)
            if known.role:
                draft.role(known.role, known.confidence * (0.4 if library else 1.0))
        if name in CLIENT:
            draft.database(CLIENT[name], "composer.json", f"require.{name}")
    _offers(draft, content, library)
    if library:
        draft.private = False
        draft.role("library", 0.8)
    else:
        _databases(draft)
        _starts(draft, required)
        laravel(draft, required)
        symfony(draft, required)
        _plain(draft)
    _scripts(draft, content, library)
    _tests(draft, content)


_TEMPLATES = ("composer.json-dist", "composer.json.dist")
"""What one copies to composer.json before packages are installed."""
_SCHEMA = re.compile(r"(?:^|/)(?:sql|schemas?|db|database|install)/(mysql|mariadb|postgres|postgresql|pgsql|sqlite3?|mssql|sqlsrv)(?:[._-]\w{1,20}){0,2}\.sql$", re.IGNORECASE)  # fmt: skip
"""Files of a schema that are called after the databases which they are for."""


def _composer(draft: Draft, content: Node, file: str) -> None:
    draft.manifest(file)
    draft.name = draft.name or string(content.get("name")).rpartition("/")[2]
    php = string(table(content, "require").get("php"))
    platform = string(table(content, "config", "platform").get("php"))
    draft.runtime("php", php, file, "require.php" if php else "")
    if platform:
        draft.runtime("php", platform, file, "config.platform.php")
        if php and satisfies("php", php, platform) is False:
            what = f"composer.json resolves packages for PHP {platform}, but requires {php}"
            draft.finding(what, file, "config.platform.php", "contradiction")
    draft.manager("composer", file, "", 1.0 if file == "composer.json" else 0.8)
    if draft.has("composer.lock"):
        draft.lockfile("composer.lock")
    draft.command("install", "composer install", file, "", 0.95 if file == "composer.json" else 0.7)
    listed: object = content.get("repositories")
    entries = cast(list[object], listed) if isinstance(listed, list) else list(table(listed).values())
    for entry in entries:
        url = string(table(entry).get("url"))
        if table(entry).get("type") == "path" and url and not url.startswith(("/", "..")):
            draft.members.append(draft.at(url.removeprefix("./").rstrip("/")))


def _library(draft: Draft, content: Node) -> bool:
    """Whether the package is there for others to load."""
    kind = string(content.get("type"))
    if kind in LIBRARIES or kind.startswith(HOSTS):
        return True
    pages = ("index.php", "artisan", "bin/console", *(f"{folder}/index.php" for folder in FOLDERS))
    named = "name" in content and "autoload" in content
    return "type" not in content and named and not any(draft.has(name) for name in pages)


def _offers(draft: Draft, content: Node, library: bool) -> None:
    """Commands that an installed package has."""
    names = strings(content.get("bin")) or [string(content.get("bin"))]
    if not names[0]:
        return
    draft.command("cli", words(names[0].rpartition("/")[2]), "composer.json", "bin", 0.9)
    for package, name in COMMAND_LINE.items():
        if package in table(content, "require"):
            draft.framework(name, "composer.json", f"require.{package}", 0.8)
            draft.role("job", 0.5 if library else 0.7)
    if not library:
        draft.role("job", 0.5)


def _databases(draft: Draft) -> None:
    if "WordPress" in draft.frameworks:
        return  # its own code knows more databases than it uses
    for path in draft.files:
        if path.endswith(".sql") and (found := _SCHEMA.search(draft.inner(path))):
            name = found[1].lower()
            draft.database({"postgres": "postgresql", "pgsql": "postgresql", "mariadb": "mysql", "sqlite3": "sqlite", "sqlsrv": "mssql"}.get(name, name), path, "", 0.6)  # fmt: skip
    for hit in draft.hits("php-database"):
        draft.database(NAMES.get(hit.value, hit.value), hit.path, f"line {hit.line}", 0.8)


def _starts(draft: Draft, required: Node) -> None:
    """What serves the application: the framework's own program, or PHP on the folder with the first page."""
    known = [FRAMEWORKS[name] for name in required if name in FRAMEWORKS and FRAMEWORKS[name].role == "backend"]
    bare = [known_ for name, known_ in _BARE if draft.has(name)] if not known and draft.has("composer.json") else []
    for framework in known or bare:
        runner = RUNNERS.get(framework.name)
        if runner and draft.has(runner.file):
            overrule(draft, "install", "start", "test")
            draft.command("install", "composer install", "composer.json", "", 0.95)
            draft.command("start", runner.command, runner.file, "", runner.confidence)
            draft.port(framework.port, runner.file, f"the default of {framework.name}", 0.7)
            return
        if framework.name == "Drupal" and "drush/drush" in required:
            draft.command("start", "vendor/bin/drush serve", "composer.json", "require.drush/drush", 0.7)
            draft.port(8888, "composer.json", "the default of Drush", 0.5)
            return
    page = next((f"{folder}/index.php" for folder in FOLDERS if draft.has(f"{folder}/index.php")), "")
    page = page or ("index.php" if draft.has("index.php") else "")
    if page and not (draft.settled and not draft.has("composer.json")):
        port = next((framework.port for framework in known if framework.port), 8000)
        folder = page.rpartition("/")[0]
        sure = 0.7 if known or folder else 0.6
        draft.command("start", f"php -S localhost:{port}{f' -t {folder}' if folder else ''}", page, "", sure)
        draft.role("backend", sure)
        if draft.commands["start"].value.startswith("php -S"):
            draft.port(port, page, "the default of PHP's own server", 0.5)


_BARE = (("artisan", FRAMEWORKS["laravel/framework"]), ("bin/console", FRAMEWORKS["symfony/framework-bundle"]))
"""Frameworks by a file of theirs, where composer.json cannot be read or leaves them to another package."""


def _plain(draft: Draft) -> None:
    """Pages without a first one; or a program without pages: the only file on top that is no settings file."""
    pages = [hit for hit in draft.hits("php-page") if "/" not in draft.inner(hit.path)]
    if pages and not draft.roles and not draft.settled:
        draft.role("backend", 0.6)
        draft.command("start", "php -S localhost:8000", pages[0].path, f"line {pages[0].line}", 0.5)
        draft.port(8000, pages[0].path, "the default of PHP's own server", 0.5)
    alone = [name for name in draft.beside if name.endswith(".php") and not name.startswith((".", "rector", "ecs", "config"))]  # fmt: skip
    if "start" not in draft.commands and len(alone) == 1 and not draft.roles and not draft.settled:
        draft.command("start", f"php {words(alone[0])}", alone[0], "", 0.5)
    if not draft.settled:
        draft.role("job", 0.2)


def _scripts(draft: Draft, content: Node, library: bool) -> None:
    scripts = table(content, "scripts")
    names = {"start": ("start", "serve"), "dev": ("dev",), "build": ("build",), "test": ("test", "tests")}
    for purpose, options in names.items():
        name = next((n for n in options if string(scripts.get(n)) or strings(scripts.get(n))), "")
        if not name or (library and purpose in ("start", "dev")):
            continue
        if purpose == "dev":
            overrule(draft, "dev")
        does = string(scripts[name]) or " ".join(strings(scripts[name]))
        draft.command(purpose, f"composer {'' if name == 'test' else 'run '}{name}", "composer.json", f"scripts.{name}", 0.9)  # fmt: skip
        port = re.search(r"-S[ ]+[\w.]{1,60}:(\d{2,5})\b|--port[= ](\d{2,5})\b", does)
        if port and purpose == "start":
            draft.port(int(port[1] or port[2]), "composer.json", f"scripts.{name}", 0.9)


def _tests(draft: Draft, content: Node) -> None:
    developed = table(content, "require-dev")
    if draft.has("artisan") and "test" not in draft.commands:
        draft.command("test", "php artisan test", "artisan", "", 0.85)
    if draft.has("bin/phpunit"):
        draft.command("test", "php bin/phpunit", "bin/phpunit", "", 0.82)
    elif "pestphp/pest" in developed:
        draft.command("test", "vendor/bin/pest", "composer.json", "require-dev.pestphp/pest", 0.81)
    elif "symfony/phpunit-bridge" in developed and "phpunit/phpunit" not in developed:
        draft.command("test", "vendor/bin/simple-phpunit", "composer.json", "require-dev.symfony/phpunit-bridge", 0.8)
    elif "phpunit/phpunit" in developed:
        draft.command("test", "vendor/bin/phpunit", "composer.json", "require-dev.phpunit/phpunit", 0.8)


DETECTOR = Detector(
    name="php",
    manifests=("composer.json",),
    detect=detect,
    reads=(
        *_TEMPLATES,
        "artisan",
        "style.css",
        "messenger.yaml",
        "doctrine.yaml",
        "services.yaml",
        "cache.yaml",
        "mailer.yaml",
    ),
    lockfiles=("composer.lock",),
    languages=("PHP",),
    patterns={".php": PATTERNS},
)
