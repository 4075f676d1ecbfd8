"""What CI files say: weak evidence, since what is tested with one version may well run with another."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from . import images, parse
from .built import nearest
from .ci_files import FILES, Job, actions, gitlab
from .draft import Draft
from .gathered import Gathered
from .hints import suppose
from .text import safe
from .tree import Tree

SURE = 0.5
"""At most this much: it is what somebody tries the project with."""
_TESTS = re.compile(
    r"(?:(?:uv|poetry|pdm|pipenv|hatch|rye) run )?(?:python3? -m )?(?:pytest|tox|nox|unittest|python manage\.py test|hatch test)\b"
    r"|(?:npm|pnpm|yarn|bun|deno)(?: run)? test(?::(?:unit|ci|all))?$|npm t$|npx (?:vitest|jest)\b|go test\b|cargo (?:nextest run|test)\b"
    r"|(?:\./)?(?:mvnw?|gradlew?)\b[^|;]{0,60} (?:test|verify|check)\b|sbt [^|;]{0,60}\btest\b|lein test\b|clojure -[MX]:[\w:-]{0,40}test|clj -[MX]:[\w:-]{0,40}test"
    r"|(?:bundle exec )?(?:rspec|rake(?: (?:test|spec))?|rails test|bin/rails test|bin/rspec)$|(?:\./)?vendor/bin/(?:phpunit|pest)\b|composer (?:run )?tests?$"
    r"|php artisan test\b|dotnet test\b|mix test\b|rebar3 (?:eunit|ct|do)\b|gleam test\b|stack test\b|cabal test\b|(?:opam exec -- )?dune (?:runtest|test|build @runtest)\b"
    r"|swift test\b|dart test\b|flutter test\b|crystal spec\b|zig build test\b|nimble test\b|busted\b|prove\b|ctest\b|make (?:test|check)$|just test$|task test$"
    r"|Rscript -e|julia --project"
)


def apply(drafts: Mapping[str, Draft], tree: Tree, gathered: Gathered) -> None:
    """Add what the jobs tell of the services that they mean."""
    jobs = _jobs(tree, gathered)
    pooled: dict[tuple[str, str], tuple[list[str], str, str]] = {}
    for job in jobs:
        meant = _meant(job, drafts)
        for name, versions, key in job.versions if _tries(job) else ():
            for draft in meant:
                known = pooled.setdefault((draft.root, name), ([], job.path, key))
                known[0].extend(version for version in versions if version not in known[0])
        for image, key in job.services:
            _service(job, image, key, meant, gathered)
        for folder, line, key in job.lines:
            draft = drafts.get(folder or ".")
            if draft is not None and "test" not in draft.commands and _is_test(line):
                draft.command("test", line, f"/{job.path}", key, SURE)
    for (root, name), (versions, path, key) in pooled.items():
        suppose(drafts[root], name, versions, path, key, SURE, "tests with")


def _jobs(tree: Tree, gathered: Gathered) -> list[Job]:
    found: list[Job] = []
    paths = sorted(path for path in tree.texts if path.startswith(".github/workflows/") or path == ".gitlab-ci.yml")
    for path in sorted(paths, key=_rank)[:FILES]:
        text = tree.texts[path]
        if len(text) > 200_000 or not re.search(r"version|image|run:|script|toolchain", text):
            continue
        try:
            content = parse.yaml(text)
        except parse.Broken as error:
            gathered.finding(f"{safe(path)} could not be read: {error}", path, rule="unreadable")
            continue
        found += gitlab(path, content) if path == ".gitlab-ci.yml" else actions(path, content)
    return found


def _rank(path: str) -> tuple[int, str]:
    """Files that test come first: a release workflow often has only what packs the result."""
    name = path.rpartition("/")[2].lower()
    return (0 if re.match(r"(?:ci|test|build|main|check|tests)\b", name) or name.startswith(".gitlab") else 1, path)


_TRIES = re.compile(r"\b(?:build|builds|test|tests|testing|check|checks|lint|linting|compile|verify|spec|ci|e2e|coverage|package|bench)\b|pytest|[jv]?unit|tox\b|nox\b|phpstan|mypy|clippy|rspec|pest\b")  # fmt: skip
"""What a job says that builds or tries the project; one that announces or labels has a version for its own script."""


def _tries(job: Job) -> bool:
    return bool(_TRIES.search(job.name.replace("_", " "))) or any(_TRIES.search(line[:300]) for _, line, _ in job.lines)


_SOURCE = frozenset({"src", "source", "app", "code", "lib"})
"""Folders in which a project on top has what it is made of."""


def _meant(job: Job, drafts: Mapping[str, Draft]) -> Sequence[Draft]:
    """The services that a job is about: by the folders that it works in, by its name, else all."""
    folders = {folder for folder, _, _ in job.lines if folder and folder in drafts}
    if folders:
        return [drafts[folder] for folder in folders]
    if job.lines and all(folder for folder, _, _ in job.lines):
        # It works in folders of its own: what it says holds for the service that one of them lies in, if any does.
        roots = {nearest(drafts, folder) for folder, _, _ in job.lines} - {"."}
        source = all(folder.partition("/")[0] in _SOURCE for folder, _, _ in job.lines)
        return [drafts[root] for root in sorted(roots)] or ([drafts["."]] if source and "." in drafts else [])
    words = set(re.split(r"[^a-z0-9]+", job.name))
    named = [draft for root, draft in drafts.items() if root.rpartition("/")[2].lower() in words and root != "."]
    return named or list(drafts.values())


def _service(job: Job, image: str, key: str, meant: Sequence[Draft], gathered: Gathered) -> None:
    known = images.backing(image)
    if known is None or known[0] not in images.DATABASES:
        return
    users = [draft for draft in meant if known[0] in draft.databases]
    for draft in users or (meant if len(meant) == 1 else ()):
        draft.database(known[0], f"/{job.path}", key, SURE)
    version = images.version(image)
    for other in list(gathered.backing.values()):
        if (
            other.name == known[0]
            and other.version
            and version
            and other.version.split(".")[0] != version.split(".")[0]
        ):
            where = other.evidence[0].path if other.evidence else ""
            gathered.finding(
                f"{safe(job.path)} tests with {known[0]} {version}, but {where} runs {other.version}; "
                "that is weak evidence, it may be meant so",
                job.path,
                key,
                "contradiction",
                0.4,
            )


def _is_test(line: str) -> bool:
    """Whether a line of a job runs the tests as one would type it."""
    return len(line) < 200 and not re.search(r"[$`|<>;\\]", line) and _TESTS.match(line) is not None
