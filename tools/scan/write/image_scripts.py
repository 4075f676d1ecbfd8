"""Images of Ruby, PHP and Deno services."""

from __future__ import annotations

import re

from ...fingerprint import Service
from .base import Seen, command, port
from .image import HEAD, USER, Image, apt, argv, cached, copy, ending, place, probe, served
from .image_node import assets
from .releases import release

GEMS = {"postgresql": "libpq5", "mysql": "libmariadb3", "sqlite": "libsqlite3-0"}
EXTENSIONS = {
    "postgresql": "pdo_pgsql",
    "mysql": "pdo_mysql",
    "redis": "redis",
    "mongodb": "mongodb",
    "memcached": "memcached",
}
_LOCAL_GEM = re.compile(r"^[ \t]*(?:gemspec\b|gem\b[^\n#]*\bpath:|path\b|eval_gemfile\b)", re.MULTILINE)
_ASSETS = re.compile(r"[\"'](?:propshaft|sprockets-rails|sprockets)[\"']")


def ruby(service: Service, seen: Seen) -> Image | str:
    """The image, or why there is none."""
    start = command(service, "start")
    if not start:
        return "it is not known what starts it"
    where, version, listens = place(service, seen), release("ruby", service.runtimes), port(service)
    frameworks = {fact.value for fact in service.frameworks}
    rails = "Rails" in frameworks
    gemfile = seen.text(service.root, "Gemfile")
    if re.search(r"[\"'](?:jsbundling|cssbundling)-rails[\"']|[\"']webpacker[\"']", gemfile):
        return "its assets are built with Node as well, and how is not known"
    locked = bool(seen.has(service.root, "Gemfile.lock"))
    files = [
        "Gemfile",
        *(name for name in ("Gemfile.lock", ".ruby-version", ".tool-versions") if seen.has(service.root, name)),
    ]
    settings = "BUNDLE_PATH=/usr/local/bundle BUNDLE_WITHOUT=development:test" + (
        " BUNDLE_DEPLOYMENT=1" if locked else ""
    )
    environment = (
        " RAILS_ENV=production RAILS_LOG_TO_STDOUT=1 RAILS_SERVE_STATIC_FILES=1"
        if rails
        else " APP_ENV=production RACK_ENV=production"
    )
    install = cached("bundle install", "/root/.bundle/cache")
    assets = rails and _ASSETS.search(gemfile)
    early = where.alone and not _LOCAL_GEM.search(gemfile)
    if "Jekyll" in frameworks:
        lines = [f"FROM ruby:{version} AS build", "WORKDIR /app", "COPY . .", *install]
        return served(
            lines, "JEKYLL_ENV=production bundle exec jekyll build", "_site", where, ("_site", "vendor/bundle")
        )
    return Image(
        (
            HEAD,
            f"FROM ruby:{version} AS build",
            f"ENV {settings}{environment}",
            f"WORKDIR {where.workdir}",
            *([copy(*files), *install, "COPY . ."] if early else ["COPY . /app", *install]),
            *(["RUN SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile"] if assets else []),
            "",
            f"FROM ruby:{version}-slim",
            f"ENV {settings}{environment}",
            *apt(*sorted({GEMS[fact.value] for fact in service.databases if fact.value in GEMS})),
            USER,
            f"WORKDIR {where.workdir}",
            "COPY --from=build /usr/local/bundle /usr/local/bundle",
            "COPY --from=build --chown=app:app /app /app",
            *ending("app", listens, argv(start, listens)),
        ),
        where.context,
        listens,
        probe("ruby", listens),
        ("log", "tmp", "vendor/bundle", "storage", "node_modules"),
    )


def php(service: Service, seen: Seen) -> Image | str:
    """The image, or why there is none. Apache serves it: PHP's own server is for development."""
    where, version = place(service, seen), release("php", service.runtimes)
    public = "public" if seen.has(service.root, "public") else "." if seen.has(service.root, "index.php") else ""
    if not public:
        return "it is not known which folder is served"
    composer = bool(seen.has(service.root, "composer.json"))
    locks = ["composer.lock"] if seen.has(service.root, "composer.lock") else []
    install = (
        "composer install --no-dev --no-interaction --prefer-dist --no-scripts --no-autoloader --ignore-platform-reqs"
    )
    extensions = sorted({EXTENSIONS[fact.value] for fact in service.databases if fact.value in EXTENSIONS})
    laravel = any(fact.value == "Laravel" for fact in service.frameworks)
    writable = [
        name for name in ("storage", "bootstrap/cache", "var") if seen.has(service.root, name.partition("/")[0])
    ]
    root = "/app" if public == "." else f"/app/{public}"
    first = [
        "FROM composer:2 AS build",
        "WORKDIR /app",
        *([copy("composer.json", *locks), *cached(install, "/root/.composer/cache")] if composer else []),
        "COPY . .",
        *(["RUN composer dump-autoload --no-dev --optimize --no-scripts"] if composer else []),
    ]
    pages = assets(service, seen, where) if laravel else []
    if not where.alone:
        return "it is a part of a larger whole, whose layout is not known"
    return Image(
        (
            HEAD,
            *pages,
            *first,
            "",
            f"FROM php:{version}-apache",
            "COPY --from=mlocati/php-extension-installer:2 /usr/bin/install-php-extensions /usr/local/bin/",
            f"RUN install-php-extensions {' '.join(['opcache', *extensions])}",
            "RUN a2enmod rewrite \\",
            "    && sed -ri 's/^Listen 80$/Listen 8080/' /etc/apache2/ports.conf \\",
            f"    && sed -ri 's!:80>!:8080>!; s!/var/www/html!{root}!' /etc/apache2/sites-available/000-default.conf \\",
            f"    && printf '<Directory {root}>\\n  AllowOverride All\\n  Require all granted\\n</Directory>\\n' > /etc/apache2/conf-enabled/app.conf",
            "WORKDIR /app",
            "COPY --from=build /app /app",
            *(["COPY --from=assets /app/public/build ./public/build"] if pages else []),
            *([f"RUN chown -R www-data:www-data {' '.join(writable)}"] if writable else []),
            *ending("www-data", 8080, ["apache2-foreground"]),
        ),
        where.context,
        8080,
        probe("php", 8080),
        ("vendor", "node_modules"),
        (f"{service.root}: run `php artisan migrate --force` once when it is deployed",) if laravel else (),
    )


def deno(service: Service, seen: Seen) -> Image | str:
    """The image, or why there is none."""
    start, listens, where = command(service, "start"), port(service), place(service, seen)
    if not start:
        return "it is not known what starts it"
    return Image(
        (
            HEAD,
            f"FROM denoland/deno:{release('deno', service.runtimes)} AS build",
            "ENV DENO_DIR=/deno-dir",
            "WORKDIR /app",
            "COPY . .",
            "RUN deno install",
            "",
            f"FROM denoland/deno:{release('deno', service.runtimes)}",
            "ENV DENO_DIR=/deno-dir",
            f"WORKDIR {where.workdir}",
            "COPY --from=build --chown=deno:deno /deno-dir /deno-dir",
            "COPY --from=build --chown=deno:deno /app /app",
            *ending("deno", listens, argv(start, listens)),
        ),
        where.context,
        listens,
        (),
        ("node_modules",),
    )
