"""Perl: cpanfile, Makefile.PL, Build.PL, dist.ini; Mojolicious, Dancer2, Catalyst, PSGI applications, scripts."""

from __future__ import annotations

import re

from ..draft import Draft, words
from .base import Detector, Known
from .shell import manifests

FRAMEWORKS = {
    "Mojolicious": Known("Mojolicious", "backend", 3000, 0.9),
    "Dancer2": Known("Dancer2", "backend", 5000, 0.95),
    "Dancer": Known("Dancer", "backend", 3000),
    "Catalyst::Runtime": Known("Catalyst", "backend", 3000, 0.95),
    "Catalyst": Known("Catalyst", "backend", 3000, 0.9),
    "Amon2": Known("Amon2", "backend", 5000, 0.85),
    "Kelp": Known("Kelp", "backend", 5000, 0.85),
    "Plack": Known("Plack", "backend", 5000, 0.6),
    "Minion": Known("Minion", "worker", 0, 0.3),
}
CLIENTS = {
    "DBD::Pg": "postgresql", "Mojo::Pg": "postgresql", "DBD::mysql": "mysql", "DBD::MariaDB": "mysql", "Mojo::mysql": "mysql",
    "DBD::SQLite": "sqlite", "Mojo::SQLite": "sqlite", "Redis": "redis", "Redis::Fast": "redis", "Mojo::Redis": "redis",
    "MongoDB": "mongodb", "Net::AMQP::RabbitMQ": "rabbitmq", "AnyEvent::RabbitMQ": "rabbitmq", "Cache::Memcached": "memcached",
    "Cache::Memcached::Fast": "memcached", "Search::Elasticsearch": "elasticsearch", "ElasticSearch": "elasticsearch", "Kafka": "kafka", "Net::Kafka": "kafka",
}  # fmt: skip
PATTERNS = (
    ("env", "ENV{", r"\$ENV\{[\"']?([A-Z][A-Z0-9_]{1,63})[\"']?\}"),
    ("perl-lite", "Mojolicious::Lite", r"^[ \t]*use[ \t]+(Mojolicious::Lite)\b"),
    ("perl-dance", "use Dancer", r"^[ \t]*use[ \t]+(Dancer2?)\b[ \t]*;"),
    ("perl-port", "listen", r"\blisten[ \t]*=>[ \t]*\[[ \t]*[\"']https?://[^\"':\s]{1,60}:(\d{2,5})\b"),
    ("perl-port", "port", r"\bset[ \t]+port[ \t]*=>[ \t]*[\"']?(\d{2,5})\b"),
)
MANIFESTS = ("cpanfile", "Makefile.PL", "Build.PL", "dist.ini")
_TESTS = re.compile(
    r"\bon[ \t]++\(?[\"']?(?:test|develop|configure|build|author)[\"']?[ \t]*+=>[ \t]*+sub[ \t]*+\{[^{}]*\}", re.DOTALL
)
_QUOTED = r"[\"']?([A-Za-z][\w:]{0,100})[\"']?"
_REQUIRES = re.compile(
    rf"^[ \t]*+requires[ \t]*+\(?[ \t]*+{_QUOTED}(?:[ \t]*+(?:=>|,)[ \t]*+[\"']?([^\"';\n)]{{0,60}}))?", re.MULTILINE
)
_PAIR = re.compile(rf"{_QUOTED}[ \t]*+=>[ \t]*+[\"']?([^\"',;\n}}]{{0,60}})")


def detect(draft: Draft) -> None:
    """Add what the manifests say; but for dist.ini they are Perl code, so only their plain declarations are read."""
    present = [name for name in MANIFESTS if draft.has(name)]
    needed: dict[str, tuple[str, str]] = {}
    for name in present:
        draft.manifest(name)
        for module, spec in _needs(name, draft.text(name)):
            needed.setdefault(module, (spec, name))
    if not present and (not draft.languages or draft.languages[0].value != "Perl" or draft.manifests):
        return
    _name(draft)
    spec, path = needed.get("perl", ("", present[0] if present else ""))
    source = path or next((name for name in draft.beside if name.endswith((".pl", ".psgi", ".pm"))), "")
    if source or present:
        draft.runtime("perl", _least(spec), source, "requires.perl" if spec else "")
    run = _installed(draft, present)
    for module, (_, at) in needed.items():
        if module in CLIENTS:
            draft.database(CLIENTS[module], at, f"requires.{module}")
    _web(draft, needed, run)
    _rest(draft, present)


def _needs(name: str, text: str) -> list[tuple[str, str]]:
    """(module, version) that a manifest asks for at run time."""
    if name == "dist.ini":
        return _ini(text)
    text = re.sub(r"(^|[ \t])#[^\n]*", "", text, flags=re.MULTILINE)
    found = [(module, spec.strip()) for module, spec in _REQUIRES.findall(_TESTS.sub("", text))]
    if name != "cpanfile":
        for block in re.findall(r"\b(?:PREREQ_PM|requires)[\"']?[ \t]*+=>[ \t]*+\{([^{}]*)\}", text):
            found += [(module, spec.strip()) for module, spec in _PAIR.findall(block)]
        for version in re.findall(
            r"\b(?:MIN_PERL_VERSION[\"']?[ \t]*=>|perl_version)[ \t]*[\"']?([v\d._]{1,20})", text
        ):
            found.append(("perl", version))
    return found


def _ini(text: str) -> list[tuple[str, str]]:
    """The prerequisites of a dist.ini; its sections name plugins, some of them with what they are for."""
    found: list[tuple[str, str]] = []
    section = ""
    for line in text.splitlines():
        if header := re.match(r"\[([^\]]{1,80})\]", line):
            section = header[1].replace(" ", "")
        elif section in ("Prereqs", "Prereqs/RuntimeRequires") and (
            pair := re.match(r"[ \t]*([A-Za-z][\w:]*)[ \t]*=[ \t]*(\S*)", line)
        ):
            found.append((pair[1], pair[2]))
    return found


def _least(spec: str) -> str:
    """`5.010001` as the 5.10.1 that it means, with `>=` where nothing else stands before it."""

    def plain(match: re.Match[str]) -> str:
        whole, fraction = match[1], match[2].replace("_", "")
        if "." in fraction or len(fraction) < 3:
            return f"{whole}.{fraction}"
        numbers = [str(int(fraction[at : at + 3].ljust(3, "0"))) for at in range(0, len(fraction), 3)]
        return ".".join([whole, *numbers])

    if not spec.strip("0. "):
        return ""
    bare = re.sub(r"v?(\d+)\.([\d._]+)", plain, spec)
    return f">={bare}" if re.match(r"\d", bare) else bare


def _name(draft: Draft) -> None:
    for name, pattern in (
        ("dist.ini", r"^name[ \t]*=[ \t]*([\w-]{1,80})"),
        ("Makefile.PL", r"\bNAME[\"']?[ \t]*=>[ \t]*[\"']([\w:]{1,80})"),
        ("Build.PL", r"\bmodule_name[\"']?[ \t]*=>[ \t]*[\"']([\w:]{1,80})"),
    ):
        if found := re.search(pattern, draft.text(name), re.MULTILINE):
            draft.name = draft.name or found[1].replace("::", "-")


def _installed(draft: Draft, present: list[str]) -> str:
    """The manager and how it installs; what stands in front of commands because of it."""
    if draft.has("cpanfile.snapshot"):
        draft.manager("carton", "cpanfile.snapshot", "", 0.95)
        draft.lockfile("cpanfile.snapshot")
        draft.command("install", "carton install", "cpanfile.snapshot", "", 0.95)
        return "carton exec "
    plain = next((name for name in present if name != "dist.ini"), "")
    if plain:
        draft.manager("cpanm", plain, "", 0.8)
        draft.command("install", "cpanm --installdeps .", plain, "", 0.9)
    elif "dist.ini" in present:
        draft.manager("cpanm", "dist.ini", "", 0.6)
        draft.command("install", "dzil listdeps --missing | cpanm", "dist.ini", "", 0.8)
    return ""


def _web(draft: Draft, needed: dict[str, tuple[str, str]], run: str) -> None:
    """Framework, start and port of a web application; a package that only extends a framework has nothing to start."""
    listed = [(name, known) for name, known in FRAMEWORKS.items() if name in needed]
    for name, known in listed:
        if known.name == "Plack" and len(listed) > 1:
            continue  # what the others run on
        draft.framework(known.name, needed[name][1], f"requires.{name}", known.confidence)
    names = {known.name for _, known in listed}
    # A module may show in its documentation how it is used; what one starts is a script.
    used = {draft.inner(hit.path) for hit in draft.hits("perl-lite") if not _is_module(draft.inner(hit.path))}
    lite = sorted(used, key=lambda path: (path.count("/"), path))
    dance = draft.hits("perl-dance")
    scripts = [path for path in map(draft.inner, draft.files) if re.fullmatch(r"script/\w{1,80}", path)]
    server = next(
        (path for path in map(draft.inner, draft.files) if re.fullmatch(r"script/\w{1,80}_server\.pl", path)), ""
    )
    psgi = [path for path in ("app.psgi", "bin/app.psgi") if draft.has(path)]
    psgi += sorted(path for path in draft.beside if path.endswith(".psgi") and path != "app.psgi")
    start = at = dev = ""
    served = Known("", "backend")
    if "Catalyst" in names and server:
        start, at, served = f"perl {words(server)}", server, FRAMEWORKS["Catalyst"]
    elif lite or ("Mojolicious" in names and len(scripts) == 1):
        at, served = (lite or scripts)[0], FRAMEWORKS["Mojolicious"]
        start, dev = f"perl {words(at)} daemon", f"morbo {words(at)}"
        draft.framework("Mojolicious", at, "", 0.9)
    elif psgi:
        start, at = f"plackup {words(psgi[0])}", psgi[0]
        served = FRAMEWORKS["Plack"]
        if dance:
            draft.framework(dance[0].value, dance[0].path, f"line {dance[0].line}", 0.9)
        elif not draft.frameworks:
            draft.framework("Plack", at, "", 0.7)
    elif dance and (script := draft.inner(dance[0].path)).endswith(".pl"):
        start, at, served = f"perl {words(script)}", script, Known(dance[0].value, "backend", 3000)
        draft.framework(dance[0].value, dance[0].path, f"line {dance[0].line}", 0.9)
    if not start:
        return
    draft.role("backend", 0.9)
    draft.command("start", run + start, at, "", 0.9)
    if dev:
        draft.command("dev", run + dev, at, "", 0.9)
    hits = draft.hits("perl-port")
    for hit in hits:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.8)
    if not hits:
        draft.port(served.port, at, f"the default of {served.name}", 0.8 if served.confidence > 0.8 else 0.5)


def _is_module(path: str) -> bool:
    return path.startswith(("lib/", "blib/")) and path.endswith(".pm")


def _rest(draft: Draft, present: list[str]) -> None:
    """Tests, how a distribution is built, and what starts a plain script."""
    tests = [path for path in draft.files if draft.inner(path).startswith("t/") and path.endswith(".t")]
    if "dist.ini" in present:
        draft.command("build", "dzil build", "dist.ini", "", 0.9)
        if tests:
            draft.command("test", "dzil test", "dist.ini", "", 0.9)
    for name, build in (("Build.PL", "perl Build.PL && ./Build"), ("Makefile.PL", "perl Makefile.PL && make")):
        if name in present:
            draft.command("build", build, name, "", 0.85)
    if tests:
        draft.command("test", "prove -lr t", tests[0], "", 0.85)
    if "start" in draft.commands:
        return
    modules = [path for path in draft.files if draft.inner(path).startswith("lib/") and path.endswith(".pm")]
    if present and present != ["cpanfile"]:
        draft.private = False
        draft.role("library", 0.85)
        return
    if any(manifests().match(name) and name not in MANIFESTS for name in draft.beside):
        return  # a helper in a project of something else
    scripts = [name for name in draft.beside if name.endswith(".pl")]
    if len(scripts) == 1 or "main.pl" in scripts:
        script = "main.pl" if "main.pl" in scripts else scripts[0]
        prefix = "carton exec " if "carton" in draft.managers else ""
        draft.command("start", f"{prefix}perl {words(script)}", script, "", 0.6)
        draft.role("job", 0.4)
    elif modules and present and not scripts:
        draft.role("library", 0.5)


DETECTOR = Detector(
    name="perl",
    manifests=MANIFESTS,
    detect=detect,
    lockfiles=("cpanfile.snapshot",),
    languages=("Perl",),
    patterns={".pl": PATTERNS, ".pm": PATTERNS, ".psgi": PATTERNS},
)
