"""CI files as data: what each job of GitHub Actions or GitLab CI sets up, runs beside itself, and runs."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from .compose_files import inside
from .images import named, runtime
from .parse import Node, string, strings, table

READS = (".github/workflows/*.yml", ".github/workflows/*.yaml", ".gitlab-ci.yml")
# fmt: off
SETUPS = {
    "actions/setup-python": ("python", "python-version"), "actions/setup-node": ("node", "node-version"), "actions/setup-go": ("go", "go-version"),
    "actions/setup-java": ("java", "java-version"), "ruby/setup-ruby": ("ruby", "ruby-version"), "shivammathur/setup-php": ("php", "php-version"),
    "actions/setup-dotnet": ("dotnet", "dotnet-version"), "oven-sh/setup-bun": ("bun", "bun-version"), "denoland/setup-deno": ("deno", "deno-version"),
    "haskell-actions/setup": ("haskell", "ghc-version"), "haskell/actions/setup": ("haskell", "ghc-version"),
    "ocaml/setup-ocaml": ("ocaml", "ocaml-compiler"), "swift-actions/setup-swift": ("swift", "swift-version"), "dart-lang/setup-dart": ("dart", "sdk"),
    "subosito/flutter-action": ("flutter", "flutter-version"), "crystal-lang/install-crystal": ("crystal", "crystal"),
    "goto-bus-stop/setup-zig": ("zig", "version"), "mlugg/setup-zig": ("zig", "version"), "jiro4989/setup-nim-action": ("nim", "nim-version"),
    "leafo/gh-actions-lua": ("lua", "luaVersion"), "r-lib/actions/setup-r": ("r", "r-version"), "julia-actions/setup-julia": ("julia", "version"),
    "shogo82148/actions-setup-perl": ("perl", "perl-version"), "astral-sh/setup-uv": ("python", "python-version"),
    "actions-rs/toolchain": ("rust", "toolchain"), "dtolnay/rust-toolchain": ("rust", "toolchain"), "graalvm/setup-graalvm": ("java", "java-version"),
    "conda-incubator/setup-miniconda": ("python", "python-version"), "coursier/setup-action": ("java", "jvm"),
}
# fmt: on
_BEAM = {"elixir-version": "elixir", "otp-version": "erlang", "gleam-version": "gleam"}
MATRIX = re.compile(r"\$\{\{[ \t]*(matrix|env)\.([\w.-]{1,80})[ \t]*\}\}")
FILES = 15


@dataclass
class Job:
    """One job."""

    path: str
    key: str
    """`jobs.test`."""
    name: str
    versions: list[tuple[str, list[str], str]] = field(default_factory=list[tuple[str, list[str], str]])
    """(runtime, the versions that it is tried with, key)."""
    services: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(image, key)."""
    lines: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """(folder that it runs in, relative to the project; command; key)."""


def actions(path: str, content: Node) -> Iterator[Job]:
    """The jobs of a GitHub workflow."""
    top = table(content, "defaults", "run").get("working-directory")
    for name, value in list(table(content, "jobs").items())[:100]:
        facts = table(value)
        job = Job(
            path,
            f"jobs.{name}",
            f"{path.rpartition('/')[2].partition('.')[0]} {string(content.get('name'))} {name}".lower(),
        )
        values = _values(content, facts)
        folder = string(table(facts, "defaults", "run").get("working-directory")) or string(top)
        container = facts.get("container")
        image = string(container) or string(table(container).get("image"))
        _image(job, [image], "container", values)
        for label, service in table(facts, "services").items():
            if found := string(table(service).get("image")):
                job.services.append((found, f"{job.key}.services.{label}"))
        steps = facts.get("steps")
        for number, step in enumerate(cast(list[Any], steps)[:100] if isinstance(steps, list) else []):
            _step(job, table(step), f"{job.key}.steps[{number}]", folder, values)
        yield job


def _values(content: Node, facts: Node) -> dict[str, list[str]]:
    """The values of `matrix.x` and `env.X`, as far as the file has them."""
    found: dict[str, list[str]] = {}
    for source in (table(content, "env"), table(facts, "env")):
        found.update({f"env.{name}": [str(value)] for name, value in source.items()})
    matrix = table(facts, "strategy", "matrix")
    for name, value in matrix.items():
        if isinstance(value, list) and name not in ("include", "exclude"):
            listed = cast(list[object], value)[:40]
            found[f"matrix.{name}"] = [str(item) for item in listed if isinstance(item, str | int | float)]
    include = matrix.get("include")
    for entry in cast(list[object], include)[:40] if isinstance(include, list) else []:
        for name, value in table(entry).items():
            if isinstance(value, str | int | float):
                known = found.setdefault(f"matrix.{name}", [])
                known += [str(value)] if str(value) not in known else []
    return found


def _several(value: object, values: Mapping[str, list[str]]) -> list[str]:
    """The versions that a step's setting means: itself, those of the matrix, or several lines of them."""
    found: list[str] = []
    for item in cast(list[object], value)[:40] if isinstance(value, list) else [value]:
        text = str(item) if isinstance(item, str | int | float) and not isinstance(item, bool) else ""
        if match := MATRIX.fullmatch(text.strip()):
            found += values.get(f"{match[1]}.{match[2]}", [])
        elif "${{" not in text:
            found += text.split("\n")
    return [clean for text in found if (clean := _clean(text))]


def _clean(text: str) -> str:
    """A version, without what an action of its own means by words around it."""
    text = text.strip().strip("\"'").removesuffix("-dev")
    text = re.sub(r"^(?:temurin|zulu|adopt|corretto|graalvm|pypy|ruby|ghc|otp|OTP|v|~> ?)[-:]?(?=\d)", "", text)
    if re.fullmatch(r"3\.[xX*]", text):
        return ""  # any Python
    return text if re.fullmatch(r"\d{1,4}(?:\.(?:\d{1,6}|[xX*])){0,3}", text) else ""


def _step(job: Job, step: Node, key: str, folder: str, values: Mapping[str, list[str]]) -> None:
    action, _, ref = string(step.get("uses")).partition("@")
    given = table(step, "with")
    if action in SETUPS:
        name, setting = SETUPS[action]
        versions = _several(given.get(setting), values)
        if action == "dtolnay/rust-toolchain" and not versions:
            versions = [ref] if re.fullmatch(r"1\.\d+(\.\d+)?", ref) else []
        if versions:
            job.versions.append((name, versions, f"{key}.with.{setting}"))
    elif action == "erlef/setup-beam":
        for setting, name in _BEAM.items():
            if versions := _several(given.get(setting), values):
                job.versions.append((name, versions, f"{key}.with.{setting}"))
    at = string(step.get("working-directory")) or folder
    _lines(job, string(step.get("run")).split("\n"), at, key)


def _image(job: Job, found: list[str], key: str, values: Mapping[str, list[str]]) -> None:
    for image in found:
        whole = MATRIX.sub(lambda match: (values.get(f"{match[1]}.{match[2]}") or [""])[0], image)
        known = runtime(whole) if whole and "$" not in whole else None
        several = MATRIX.search(named(image).tag) if known else None
        if known and known[1]:
            versions = values.get(f"{several[1]}.{several[2]}", []) if several else [known[1]]
            cleaned = [clean for text in versions if (clean := _clean(text))]
            job.versions.append((known[0], cleaned or [known[1]], f"{job.key}.{key}"))


def _lines(job: Job, lines: list[str], folder: str, key: str) -> None:
    """Commands with the folder that each runs in: `cd` counts for what follows in the same step."""
    at: str | None = inside("", folder or ".")
    for line in lines[:200]:
        for part in line.split("&&")[:10]:
            part = part.strip()
            if part.startswith("cd "):
                to = _word(part)
                at = inside(at or "", to) if at is not None and to else None
            elif part and at is not None and len(job.lines) < 500:
                job.lines.append((at, part, key))


def _word(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError:
        return ""
    return posixpath.normpath(words[1]) if len(words) == 2 and "$" not in words[1] else ""


_RESERVED = frozenset(
    {
        "stages",
        "variables",
        "cache",
        "include",
        "workflow",
        "default",
        "image",
        "services",
        "before_script",
        "after_script",
        "spec",
    }
)


def gitlab(path: str, content: Node) -> Iterator[Job]:
    """The jobs of .gitlab-ci.yml."""
    common = table(content, "default")
    values = {f"env.{name}": [str(value)] for name, value in table(content, "variables").items()}
    for name, value in list(content.items())[:200]:
        facts = table(value)
        if name in _RESERVED or not facts:
            continue
        job = Job(path, str(name), str(name).lower())
        images = [facts.get("image") or common.get("image") or content.get("image")]
        if "script" in facts or "image" in facts:
            texts = [string(image) or string(table(image).get("name")) for image in images]
            _image(job, [_filled(text, values) for text in texts], "image", {})
        services = facts.get("services") or common.get("services") or content.get("services")
        for entry in cast(list[Any], services)[:20] if isinstance(services, list) and "script" in facts else []:
            if found := _filled(string(entry) or string(table(entry).get("name")), values):
                job.services.append((found, f"{job.key}.services"))
        before = facts.get("before_script") or common.get("before_script") or content.get("before_script")
        _lines(job, [*strings(before), *_script(facts)], ".", f"{job.key}.script")
        yield job


def _script(facts: Node) -> list[str]:
    script = facts.get("script")
    return [line for text in strings(script) or [string(script)] for line in text.split("\n")]


def _filled(text: str, values: Mapping[str, list[str]]) -> str:
    return re.sub(r"\$\{?(\w{1,80})\}?", lambda match: (values.get(f"env.{match[1]}") or [""])[0][:100], text[:400])
