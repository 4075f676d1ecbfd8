"""Ruby: Gemfile and its lock, gemspecs; Rails, Sinatra, Rack, Sidekiq."""

from __future__ import annotations

import re

from ..draft import Draft, words
from .base import Detector, Known

FRAMEWORKS = {
    "rails": Known("Rails", "backend", 3000, 0.97),
    "sinatra": Known("Sinatra", "backend", 4567),
    "hanami": Known("Hanami", "backend", 2300),
    "grape": Known("Grape", "backend", 9292, 0.7),
    "roda": Known("Roda", "backend", 9292, 0.8),
    "rack": Known("Rack", "backend", 9292, 0.4),
    "sidekiq": Known("Sidekiq", "worker", 0, 0.5),
    "jekyll": Known("Jekyll", "static", 4000, 0.95),
}
CLIENTS = {
    "pg": "postgresql",
    "mysql2": "mysql",
    "trilogy": "mysql",
    "sqlite3": "sqlite",
    "redis": "redis",
    "sidekiq": "redis",
    "mongoid": "mongodb",
    "mongo": "mongodb",
    "bunny": "rabbitmq",
    "dalli": "memcached",
}
PATTERNS = (
    ("env", "ENV", r"ENV(?:\.fetch\(|\[)\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("port", "set :port", r"set :port,\s*(\d{2,5})"),
)


def detect(draft: Draft) -> None:
    """Add what the Gemfile says; it is Ruby code, so only its plain declarations are read."""
    spec = next((name for name in draft.beside if name.endswith(".gemspec")), "")
    if spec:
        draft.manifest(spec)
        draft.role("library", 0.9)
        draft.private = False
        draft.name = draft.name or spec.removesuffix(".gemspec")
        if version := re.search(r"required_ruby_version\s*=\s*[\"']([^\"']+)", draft.text(spec)):
            draft.runtime("ruby", version[1], spec, "required_ruby_version")
    if not draft.has("Gemfile"):
        if spec:
            draft.runtime("ruby", "", spec)
        return
    draft.manifest("Gemfile")
    text = re.sub(r"^[ \t]*#.*$", "", draft.text("Gemfile"), flags=re.MULTILINE)
    version = re.search(r"^[ \t]*ruby[ \t]+[\"']([^\"']+)[\"']", text, re.MULTILINE)
    draft.runtime("ruby", version[1] if version else "", "Gemfile", "ruby" if version else "")
    draft.manager("bundler", "Gemfile")
    draft.command("install", "bundle install", "Gemfile", "", 0.95)
    if draft.has("Gemfile.lock"):
        draft.lockfile("Gemfile.lock")
    gems = re.findall(r"^[ \t]*gem[ \t]*\(?[ \t]*[\"']([\w-]+)[\"']", text, re.MULTILINE)
    for gem in gems:
        if known := FRAMEWORKS.get(gem):
            draft.framework(known.name, "Gemfile", gem, known.confidence)
            draft.role(known.role, known.confidence * (1.0 if draft.private else 0.4))
            if known.port and draft.private:
                draft.port(known.port, "Gemfile", f"the default of {known.name}", 0.6)
        if gem in CLIENTS:
            draft.database(CLIENTS[gem], "Gemfile", gem)
    _commands(draft, gems)


def _commands(draft: Draft, gems: list[str]) -> None:
    if "rails" in gems or draft.has("bin/rails"):
        draft.command(
            "start",
            "bin/rails server" if draft.has("bin/rails") else "bundle exec rails server",
            "Gemfile",
            "rails",
            0.95,
        )
        draft.command("test", "bundle exec rspec" if "rspec-rails" in gems else "bin/rails test", "Gemfile", "", 0.8)
    elif "jekyll" in gems:
        draft.command("start", "bundle exec jekyll serve", "Gemfile", "jekyll", 0.9)
        draft.command("build", "bundle exec jekyll build", "Gemfile", "jekyll", 0.9)
    elif draft.has("config.ru"):
        draft.command("start", "bundle exec rackup", "config.ru", "", 0.9)
        draft.role("backend", 0.7)
    elif found := draft.named("app.rb", "server.rb", "main.rb"):
        draft.command("start", f"bundle exec ruby {words(draft.inner(found[0]))}", found[0], "", 0.6)
    if "rspec" in gems:
        draft.command("test", "bundle exec rspec", "Gemfile", "rspec", 0.85)
    elif draft.has("Rakefile"):
        draft.command("test", "bundle exec rake test", "Rakefile", "", 0.6)
    for hit in draft.hits("port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    if "start" in draft.commands:
        draft.role("job", 0.2)


DETECTOR = Detector(
    name="ruby",
    manifests=("Gemfile", "*.gemspec"),
    detect=detect,
    reads=("config.ru",),
    lockfiles=("Gemfile.lock",),
    languages=("Ruby",),
    patterns={".rb": PATTERNS},
)
