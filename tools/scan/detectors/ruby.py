"""Ruby: Bundler, gems; Rails, Sinatra, Rack, Hanami, Jekyll; Sidekiq and other workers."""

from __future__ import annotations

import re

from ..draft import Draft, words
from .base import Detector
from .overrule import overrule
from .ruby_gems import Gem, Spec, gems, gemspec, ruby_version
from .ruby_known import ADAPTERS, CLIENT, COMMAND_LINE, FRAMEWORKS

_SETTINGS = (
    "config/database.yml",
    "config/mongoid.yml",
    "config/cable.yml",
    "config/storage.yml",
    "config/sidekiq.yml",
)
PATTERNS = (
    ("env", "ENV", r"\bENV(?:\.fetch\(|\[)\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("ruby-port", "set :port", r"\bset :port,\s*(\d{2,5})"),
    ("ruby-port", "port", r"^[ \t]*port[ \t(]+(?:ENV\.fetch\([ \t]*[\"']PORT[\"'](?:\)[ \t]*\{[ \t]*|[ \t]*,[ \t]*)|ENV\[[\"']PORT[\"']\][ \t]*\|\|[ \t]*)?[\"']?(\d{2,5})\b"),
    ("ruby-url", "://", r"[\"'](postgres(?:ql)?|mysql2?|sqlite|rediss?|mongodb|amqp)://"),
    ("sidekiq", "Sidekiq", r"\binclude (Sidekiq)::(?:Worker|Job)\b"),
    ("sinatra", "sinatra", r"^require [\"'](sinatra)(?:/base)?[\"']"),
)  # fmt: skip


def detect(draft: Draft) -> None:
    """Add what the Gemfile, the gemspec and the files beside them say."""
    spec = _spec(draft)
    declared = _gemfile(draft)
    names = {gem.name for gem in declared}
    used = list(spec.needs) if spec else [gem.name for gem in declared if gem.live]
    for name in used:
        if known := FRAMEWORKS.get(name):
            where = _where(draft, name, spec)
            draft.framework(known.name, where, name, known.confidence)
            if known.role:
                draft.role(known.role, known.confidence * (0.4 if spec else 1.0))
        if name in CLIENT:
            draft.database(CLIENT[name], _where(draft, name, spec), name)
    if spec:
        _library(draft, spec, names)
        return
    for gem in declared:
        if gem.name in CLIENT and gem.runs:
            draft.database(CLIENT[gem.name], "Gemfile", gem.name, 0.9 if gem.live else 0.6)
    _settings(draft)
    start = _site(draft, names) or _rails(draft, names) or _web(draft, names)
    _workers(draft, names, beside=start)
    _plain(draft, names)
    _tests(draft, names)
    if draft.frameworks and not declared and not draft.has("Gemfile") and "Jekyll" not in draft.frameworks:
        fact = next(iter(draft.frameworks.values()))
        what = f"this uses {fact.value}, but no Gemfile says which gems it needs"
        draft.finding(what, fact.evidence[0].path, rule="undeclared")


def _where(draft: Draft, gem: str, spec: Spec | None) -> str:
    named = next((name for name in draft.beside if name.endswith(".gemspec")), "")
    return named if spec and gem in spec.needs and named else _file(draft) or named


def _file(draft: Draft) -> str:
    return next((name for name in ("Gemfile", "gems.rb") if draft.has(name)), "")


def _spec(draft: Draft) -> Spec | None:
    """A gemspec makes the folder a gem, whatever else lies in it."""
    name = next((name for name in draft.beside if name.endswith(".gemspec")), "")
    if not name:
        return None
    spec = gemspec(draft.text(name))
    draft.manifest(name)
    draft.private = False
    draft.role("library", 0.9)
    draft.name = draft.name or name.removesuffix(".gemspec")
    draft.runtime("ruby", spec.ruby, name, "required_ruby_version" if spec.ruby else "")
    return spec


def _gemfile(draft: Draft) -> list[Gem]:
    name = _file(draft)
    if not name:
        if not any(wanted.name == "ruby" for wanted in draft.runtimes) and not draft.manifests:
            own = sorted((p for p in draft.files if p.endswith(".rb")), key=lambda path: (path.count("/"), path))
            if own:
                draft.runtime("ruby", "", own[0])
        return []
    draft.manifest(name)
    text = draft.text(name)
    version = ruby_version(text)
    if version or not any(wanted.name == "ruby" for wanted in draft.runtimes):
        draft.runtime("ruby", version, name, "ruby" if version else "")
    draft.manager("bundler", name)
    draft.command("install", "bundle install", name, "", 0.95)
    for lock in ("Gemfile.lock", "gems.locked"):
        if draft.has(lock):
            draft.lockfile(lock)
    return gems(text)


def _library(draft: Draft, spec: Spec, names: set[str]) -> None:
    """A gem: what it offers, how it is built and tested; it starts nothing."""
    name = next(name for name in draft.beside if name.endswith(".gemspec"))
    draft.command("build", f"gem build {words(name)}", name, "", 0.8)
    if spec.commands:
        own = name.removesuffix(".gemspec")
        draft.command("cli", words(own if own in spec.commands else spec.commands[0]), name, "executables", 0.9)
    tools = [gem for gem in spec.needs if gem in COMMAND_LINE]
    for gem in tools if spec.commands else ():
        draft.framework(COMMAND_LINE[gem], name, gem, 0.8)
        draft.role("job", 0.92)
    _tests(draft, names)


def _settings(draft: Draft) -> None:
    """Databases and variables of Rails' settings, which are YAML full of Ruby: only single lines are looked at."""
    for name in _SETTINGS:
        text = re.sub(r"^[ \t]*#[^\n]*", "", draft.text(name), flags=re.MULTILINE)
        for variable in re.findall(r"\bENV(?:\.fetch\(|\[)[ \t]*[\"']([A-Z][A-Z0-9_]{1,63})[\"']", text):
            draft.variable(variable, name, "", 0.8, rule="source")
        if name == "config/database.yml":
            for adapter in re.findall(r"^[ \t]*adapter:[ \t]*[\"']?(\w{1,30})", text, re.MULTILINE):
                if adapter in ADAPTERS:
                    draft.database(ADAPTERS[adapter], name, "adapter", 0.95)
    for hit in draft.hits("ruby-url"):
        if hit.value in ADAPTERS:
            draft.database(ADAPTERS[hit.value], hit.path, f"line {hit.line}", 0.75)
        elif hit.value == "mysql2":
            draft.database("mysql", hit.path, f"line {hit.line}", 0.75)


def _ports(draft: Draft, default: int, name: str, path: str) -> None:
    """The port that the settings name, else the framework's own."""
    hits = draft.hits("ruby-port")
    for hit in hits[:2]:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    if not hits and default:
        draft.port(default, path, f"the default of {name}", 0.6)


def _rails(draft: Draft, names: set[str]) -> bool:
    rails = draft.has("bin/rails") or draft.has("config/application.rb")
    if "rails" not in names and not (rails and "railties" in names):
        return False
    overrule(draft, "install", "start", "test", "dev", "build")
    path = _file(draft)
    draft.framework("Rails", path, "rails" if "rails" in names else "railties", 0.97)
    draft.role("backend", 0.97)
    draft.command("install", "bundle install", path, "", 0.95)
    own = draft.has("bin/rails")
    rails = "bin/rails" if own else "bundle exec rails"
    draft.command("start", f"{rails} server", "bin/rails" if own else path, "rails", 0.92)
    if draft.has("bin/dev"):
        draft.command("dev", "bin/dev", "bin/dev", "", 0.9)
    elif draft.has("Procfile"):
        draft.command("dev", f"{rails} server", "bin/rails" if own else path, "rails", 0.8)
    if not names & {"rspec-rails", "rspec"}:
        draft.command("test", f"{rails} test", path, "rails", 0.8)
    if names & {"sprockets-rails", "propshaft", "webpacker", "shakapacker", "vite_rails"}:
        draft.command("build", f"{rails} assets:precompile", path, "rails", 0.7)
    _ports(draft, 3000, "Rails", path)
    return True


def _site(draft: Draft, names: set[str]) -> bool:
    """Generators of static sites; GitHub builds one with Jekyll from less than a Gemfile."""
    made = {path.partition("/")[0] for path in (draft.inner(path) for path in draft.files)}
    bare = draft.has("_config.yml") and not any(
        draft.has(n) for n in ("Gemfile", "gems.rb", "package.json", "_toc.yml")
    )
    if bare and made & {"_posts", "_layouts", "_includes"}:
        draft.framework("Jekyll", "_config.yml", "", 0.85)
        draft.role("static", 0.9)
        draft.manifest("_config.yml")
    run = "bundle exec " if _file(draft) else ""
    tools = {"Jekyll": ("jekyll serve", "jekyll build", 4000), "Bridgetown": ("bridgetown start", "bridgetown build", 4000), "Middleman": ("middleman server", "middleman build", 4567)}  # fmt: skip
    for name, (serve, build, port) in tools.items():
        if name in draft.frameworks and "rails" not in names:
            path = _file(draft) or "_config.yml"
            draft.command("start", run + serve, path, name.lower(), 0.9)
            draft.command("build", run + build, path, name.lower(), 0.9)
            told = re.search(r"^port:[ \t]*(\d{2,5})\b", draft.text("_config.yml"), re.MULTILINE)
            if told and name == "Jekyll":
                draft.port(int(told[1]), "_config.yml", "port", 0.9)
            else:
                draft.port(port, path, f"the default of {name}", 0.6)
            return True
    return False


def _web(draft: Draft, names: set[str]) -> bool:
    """Applications on Rack, and Sinatra's own server."""
    if "hanami" in names:
        draft.command("start", "bundle exec hanami server", "Gemfile", "hanami", 0.92)
        draft.command("dev", "bundle exec hanami dev", "Gemfile", "hanami", 0.8)
        _ports(draft, 2300, "Hanami", "Gemfile")
        return True
    run = "bundle exec " if _file(draft) else ""
    if draft.has("config.ru"):
        configured = draft.has("config/puma.rb") or ("rackup" not in names and "sinatra" in names)
        server = "falcon serve" if "falcon" in names else "puma" if "puma" in names and configured else "rackup"
        draft.command("start", run + server, "config.ru", "", 0.9)
        draft.role("backend", 0.7)
        _ports(draft, 9292, "Rack", "config.ru")
        return True
    hits = sorted(draft.hits("sinatra"), key=lambda hit: (hit.path.count("/"), hit.path))
    if hits:
        draft.framework("Sinatra", hits[0].path, f"line {hits[0].line}", 0.9)
        draft.role("backend", 0.9)
        draft.command("start", f"{run}ruby {words(draft.inner(hits[0].path))}", hits[0].path, f"line {hits[0].line}", 0.85)  # fmt: skip
    if hits or "sinatra" in names:
        _ports(draft, 4567, "Sinatra", hits[0].path if hits else "Gemfile")
    return bool(hits)


def _workers(draft: Draft, names: set[str], *, beside: bool) -> None:
    """What runs the jobs: beside a web application as `worker`, else as the service's start."""
    sidekiq = sorted(draft.hits("sidekiq"), key=lambda hit: (hit.path.count("/"), hit.path))
    boot = f" -r ./{words(draft.inner(sidekiq[0].path))}" if sidekiq and not beside else ""
    known = (
        ("sidekiq", f"bundle exec sidekiq{boot}", beside or bool(sidekiq)),
        ("solid_queue", "bin/jobs", draft.has("bin/jobs")),
        ("good_job", "bundle exec good_job start", beside),
        ("delayed_job_active_record", "bundle exec rake jobs:work", beside),
        ("delayed_job", "bundle exec rake jobs:work", beside),
        ("resque", "QUEUE=* bundle exec rake resque:work", beside),
        ("karafka", "bundle exec karafka server", draft.has("karafka.rb")),
        ("shoryuken", "bundle exec shoryuken -R", beside),
    )
    for gem, command, certain in known:
        if gem in names and certain:
            draft.command("worker" if beside else "start", command, _file(draft), gem, 0.85)
            if not beside:
                draft.role("worker", 0.85)
            return


def _plain(draft: Draft, names: set[str]) -> None:
    """A program without a framework: the file that is called so, or the only one there is."""
    alone = [name for name in draft.beside if name.endswith(".rb") and name not in ("gems.rb", "karafka.rb")]
    found = draft.named("main.rb", "app.rb", "server.rb", "bot.rb", "run.rb")
    chosen = found[0] if found else draft.at(alone[0]) if len(alone) == 1 and not draft.manifests else ""
    main = bool(_file(draft)) or (bool(draft.languages) and draft.languages[0].value == "Ruby")
    if chosen and main and not draft.has("config.ru"):
        run = "bundle exec " if _file(draft) else ""
        draft.command("start", f"{run}ruby {words(draft.inner(chosen))}", chosen, "", 0.5)
    if main and not draft.settled:
        draft.role("job", 0.2)


def _tests(draft: Draft, names: set[str]) -> None:
    rakefile = draft.text("Rakefile")
    run = "bundle exec " if _file(draft) else ""
    spec = next((name for name in draft.beside if name.endswith(".gemspec")), "")
    marks = [name for name in (".rspec", "spec/spec_helper.rb", "spec/rails_helper.rb") if draft.has(name)]
    if names & {"rspec", "rspec-rails"}:
        marks.insert(0, _file(draft))
    elif spec and re.search(r"[\"']rspec[\"']", draft.text(spec)):
        marks.insert(0, spec)
    if marks:
        draft.command("test", f"{run}rspec", marks[0], "rspec", 0.85)
    elif re.search(r"\bTestTask\b", rakefile):
        draft.command("test", f"{run}rake test", "Rakefile", "TestTask", 0.85)
    elif re.search(r"\bRSpec::Core::RakeTask\b", rakefile):
        draft.command("test", f"{run}rake spec", "Rakefile", "RakeTask", 0.85)


DETECTOR = Detector(
    name="ruby",
    manifests=("Gemfile", "gems.rb", "*.gemspec", "_config.yml"),
    detect=detect,
    reads=("Rakefile", *(name.rpartition("/")[2] for name in _SETTINGS)),
    lockfiles=("Gemfile.lock", "gems.locked"),
    languages=("Ruby",),
    patterns={".rb": PATTERNS, ".ru": PATTERNS},
)
