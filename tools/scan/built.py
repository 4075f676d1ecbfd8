"""What Dockerfiles say of the services that they build: the language's version, ports, the command, variables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import dockerfile, images
from .dockerfile import Stage
from .draft import Draft
from .hints import suppose
from .ignore import is_example
from .runnable import typed
from .tree import Tree

READS = (
    *("Dockerfile", "dockerfile", "Dockerfile.*", "Dockerfile-*", "Dockerfile_*", "*.Dockerfile", "*.dockerfile"),
    *("Containerfile", "Containerfile.*", "Containerfile-*", "Containerfile_*"),
)
_NAME = re.compile(
    r"(?:(?P<ahead>[\w-]{1,40})\.)?(?:dockerfile|containerfile)(?:[._-](?P<behind>[\w.-]{1,40}))?", re.IGNORECASE
)
HOLDERS = frozenset({
    "docker", ".docker", "dockerfiles", "deploy", "deployment", "deployments", "container", "containers", "infra", "ops", "image", "images", "ci", "etc",
    "package", "packaging", "prod", "production", "dev", "development", "local", "tools", "scripts",
})  # fmt: skip
"""Folders that hold the Dockerfiles of what lies above them."""
_HELD = frozenset(
    {
        "php",
        "php-fpm",
        "node",
        "python",
        "ruby",
        "golang",
        "java",
        "app",
        "web",
        "server",
        "api",
        "backend",
        "rails",
        "django",
        "laravel",
    }
)
"""What the folders in them are called after."""
_DEVELOP = frozenset({"dev", "development", "local", "debug", "devel"})
_ELSE = frozenset({
    "test", "tests", "testing", "ci", "e2e", "lint", "docs", "builder", "base", "deps", "playwright", "cypress", "sandbox", "bench", "legacy", "old",
})  # fmt: skip
_WORK = frozenset({
    "worker", "beat", "scheduler", "migrate", "migrations", "migration", "celery", "celery-worker", "celery-beat", "sidekiq", "queue", "cron",
    "consumer", "jobs", "job", "prestart", "init", "seed", "flower", "resque", "horizon", "ws", "websocket", "bot", "listener",
})  # fmt: skip
"""What a second process of a service is called."""
_PURPOSES = {
    "beat": {"beat", "scheduler", "cron"}, "migrate": {"migrate", "migrations", "migration"},
    "worker": {"worker", "workers", "celery", "sidekiq", "queue", "consumer", "resque", "horizon", "jobs"},
}  # fmt: skip
_TOOLS = re.compile(
    r"(?:PYTHON|PIP_|UV_|POETRY_|PDM_|PIPENV_|VIRTUAL_ENV|NPM_|npm_|PNPM_|YARN_|COREPACK_|BUN_|DENO_|GO(?:PATH|ROOT|OS|ARCH|FLAGS|PROXY|CACHE|111)|CGO_|"
    r"CARGO_|RUST|BUNDLE_|GEM_|RUBY|JAVA_|JDK_|MAVEN_|GRADLE_|SBT_|DOTNET_|NUGET_|HEX_|ERL_|ELIXIR_|LC_|LANG|DEBIAN_|LD_|NEXT_TELEMETRY|NODE_OPTIONS|"
    r"NODE_ENV$|RAILS_ENV$|RACK_ENV$|MIX_ENV$|TZ$|PATH$|HOME$|TERM$|USER$|SHELL$|HOSTNAME$|COMPOSER_|PHP_|APACHE_|NGINX_|OPAM|GHC|STACK_|NVM_|"
    r"PUPPETEER_SKIP|PLAYWRIGHT_BROWSERS|TINI_|S6_)|\w{0,100}_(?:VERSION|HOME|SHA256|CHECKSUM)$"
)
"""Variables that steer tools and not the program."""


@dataclass(frozen=True)
class Built:
    """A Dockerfile and the service that it builds."""

    path: str
    variant: str
    """`dev` of Dockerfile.dev; empty for the one that is meant when none is named."""
    target: str = ""


def is_work(label: str) -> bool:
    """Whether a name is that of a second process beside a service's server."""
    return label.lower() in _WORK or bool(_WORK & set(re.split(r"[._-]", label.lower())))


def work_of(label: str) -> str:
    """What its command is for: `worker` for all that works off a queue, else as it is called."""
    words = set(re.split(r"[._-]", label.lower()))
    for purpose, names in _PURPOSES.items():
        if words & names:
            return purpose
    return label.lower()


def variant(path: str) -> str | None:
    """`worker` of Dockerfile.worker and worker.Dockerfile, nothing of Dockerfile; None for another file."""
    found = _NAME.fullmatch(path.rpartition("/")[2])
    return (found["ahead"] or found["behind"] or "").lower() if found else None


def apply(drafts: Mapping[str, Draft], tree: Tree, composed: Mapping[str, tuple[str, str]]) -> None:
    """Add what every Dockerfile says to its service; `composed`: (root, target) by path, where a compose file says so."""
    by_root: dict[str, list[Built]] = {}
    paths = [path for path in tree.texts if variant(path) is not None]
    for path in sorted(paths, key=lambda path: (path.count("/"), path))[:300]:
        kind = variant(path) or ""
        if path in composed:
            root, target = composed[path]
        else:
            root, target = owner(drafts, path, kind), ""
        if root is not None and root in drafts:
            by_root.setdefault(root, []).append(Built(path, "" if kind in _own(root) else kind, target))
    for root, found in by_root.items():
        _of(drafts[root], sorted(found, key=_rank))


def _own(root: str) -> tuple[str, ...]:
    return ("prod", "production", "release", "app", "web", "server", "main", root.rpartition("/")[2].lower())


def _rank(built: Built) -> tuple[int, int, str]:
    kind = built.variant
    return (0 if not kind else 3 if kind in _ELSE else 2 if kind in _WORK else 1, built.path.count("/"), built.path)


def owner(drafts: Mapping[str, Draft], path: str, kind: str) -> str | None:
    """The root of the service that a Dockerfile builds as far as its place and name tell."""
    folder = path.rpartition("/")[0]
    if is_example(folder) or ".devcontainer" in path or ".github" in path:
        return None
    root = nearest(drafts, folder)
    inner = [part for part in folder[len(root) if root != "." else 0 :].split("/") if part]
    tokens = {kind, *inner} - {""}
    below = [r for r in drafts if r != root and (root == "." or r.startswith(f"{root}/"))]
    meant = [r for r in below if r.rpartition("/")[2].lower() in {token.lower() for token in tokens}]
    if len(meant) == 1:
        return meant[0]
    holds = inner[:1] and inner[0].lower() in HOLDERS
    return root if all(part.lower() in HOLDERS or (holds and part.lower() in _HELD) for part in inner) else None


def nearest(drafts: Mapping[str, Draft], folder: str) -> str:
    """The root of the service that a folder lies in."""
    while folder and folder not in drafts:
        folder = folder.rpartition("/")[0]
    return folder or "."


def _of(draft: Draft, found: list[Built]) -> None:
    own = next((name for built in found if draft.at(name := built.path.rpartition("/")[2]) == built.path), "")
    if own and not draft.manifests and (draft.root != "." or draft.roles or draft.frameworks):
        # Source that is made into an image, without a word elsewhere on what it needs.
        draft.manifest(own)
    for built in found:
        stages = dockerfile.stages(draft.tree.texts.get(built.path, ""))
        if not stages or built.variant in _ELSE:
            continue
        final = next((s for s in stages if built.target and s.name == built.target.lower()), stages[-1])
        _version(draft, built, final, stages)
        if draft.best_role == "workspace":
            continue  # what it exposes and runs is one of the members', and which is not said
        if is_work(built.variant):
            if line := typed(draft, dockerfile.command(final)):
                draft.command(work_of(built.variant), line, f"/{built.path}", "CMD", 0.6)
            continue
        main = built is found[0]
        _ports(draft, built, final, main)
        purpose = "dev" if built.variant in _DEVELOP else "start"
        line = typed(draft, dockerfile.command(final))
        if line and (main or purpose == "dev"):
            draft.command(purpose, line, f"/{built.path}", "CMD", 0.45)
        for name, number in final.env.items():
            if not _TOOLS.match(name) and name != "PORT":
                draft.variable(name, f"/{built.path}", f"line {number}", 0.6, rule="docker")


def _version(draft: Draft, built: Built, final: Stage, stages: Sequence[Stage]) -> None:
    """The image that it runs in tells more than those that it is built in."""
    candidates = [(final, images.runtime(final.root))]
    candidates += [(stage, images.runtime(stage.image)) for stage in reversed(stages) if stage.base is None]
    chosen: dict[str, tuple[str, int]] = {}
    for stage, image in candidates:
        if image and image[0] not in chosen:
            chosen[image[0]] = image[1], stage.chain[-1].line
    if not draft.runtimes and chosen:
        name, (spec, line) = next(iter(chosen.items()))
        draft.runtime(name, spec, f"/{built.path}", f"FROM, line {line}", 0.7)
        return
    for name, (spec, line) in chosen.items():
        # Two images of one service may well differ on purpose.
        against = 0.9 if built.variant else 0.0
        suppose(draft, name, [spec], built.path, f"FROM, line {line}", 0.7, "is built on", against)


def _ports(draft: Draft, built: Built, final: Stage, main: bool) -> None:
    served = images.backing(final.root)
    # What such a server listens on in the image is not what the service's own commands listen on.
    sure = 0.6 if (served and served[0] in images.SERVERS) or not main else 0.85
    ports = dockerfile.exposed(final)
    for port in ports:
        draft.port(port, f"/{built.path}", "EXPOSE", sure)
    if (port := final.values.get("PORT", "")).isdigit() and len(port) < 6 and "PORT" in final.env:
        draft.port(int(port), f"/{built.path}", "ENV PORT", sure - 0.05)
        ports = ports or [int(port)]
    if ports and sure > 0.6 and not draft.roles.get("frontend"):
        # Something that listens is a server, whatever it is written in.
        draft.role("backend", 0.45)
