"""Which command of a container can be typed in the repository just so: paths of the image, and what was built in it, are not there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from .draft import Draft, words

LAUNCHERS = frozenset({
    "python", "python3", "pip", "pip3", "uv", "uvx", "poetry", "pipenv", "pdm", "hatch", "rye", "gunicorn", "uvicorn", "hypercorn", "daphne", "granian", "waitress-serve",
    "flask", "fastapi", "django-admin", "streamlit", "celery", "dramatiq", "rq", "arq", "huey_consumer", "chainlit", "gradio", "litestar", "sanic",
    "node", "npm", "npx", "pnpm", "yarn", "bun", "deno", "nest", "next", "nuxt", "vite", "astro", "ts-node", "ts-node-dev", "tsx", "nodemon", "strapi",
    "ruby", "bundle", "rails", "rake", "puma", "unicorn", "thin", "rackup", "sidekiq", "foreman", "php", "composer", "go", "air", "cargo", "java", "mvn", "gradle",
    "dotnet", "mix", "iex", "elixir", "sbt", "lein", "clojure", "clj", "stack", "cabal", "runhaskell", "swift", "dart", "flutter", "shards", "crystal",
    "zig", "nim", "nimble", "lua", "perl", "plackup", "morbo", "hypnotoad", "Rscript", "julia", "gleam", "rebar3", "hugo", "jekyll", "make", "just",
    "task", "alembic", "prisma", "dune", "mkdocs", "mlflow", "jupyter", "airflow", "dagster", "prefect",
})  # fmt: skip
"""Programs that are the same in the image and on the machine; any other word names something made in the image."""
_WRAPPERS = ("tini", "dumb-init", "catatonit", "exec", "env")
_SHELLS = ("sh", "bash", "ash", "/bin/sh", "/bin/bash", "/bin/ash")
_IDLE = re.compile(r"(?:sleep|tail|cat|true|tty|bash|sh|zsh)\b|[^\n]{0,40}(?:sleep infinity|tail -f /dev/null)")


def typed(draft: Draft, command: Sequence[str] | str) -> str:
    """The command as one would type it in the service's root; empty when it only makes sense in the container."""
    line = command.strip().removeprefix("exec ") if isinstance(command, str) else _unwrapped(list(command))
    if isinstance(line, str):
        return line if _line_fits(draft, line) else ""
    return words(*line) if line and _fits(draft, line) else ""


def _unwrapped(argv: list[str]) -> list[str] | str:
    """Without what only passes signals on, and the text out of `sh -c`."""
    while argv and (argv[0].rpartition("/")[2] in _WRAPPERS or re.fullmatch(r"-[a-z]{0,3}|--", argv[0])):
        argv = argv[1:]
    # A script that prepares and then runs its arguments.
    while len(argv) > 1 and argv[0].endswith(("entrypoint.sh", "entrypoint", "docker-php-entrypoint")):
        argv = argv[1:]
    if len(argv) > 2 and argv[0] in _SHELLS and re.fullmatch(r"-[a-z]{0,3}c", argv[1]):
        return argv[2].strip().removeprefix("exec ")
    return argv


def _line_fits(draft: Draft, line: str) -> bool:
    if not line or len(line) > 300 or "\n" in line or "$" in line or "`" in line or _IDLE.match(line):
        return False
    for part in re.split(r"&&|\|\||;", line)[:10]:
        try:
            argv = shlex.split(part)
        except ValueError:
            return False
        if not _fits(draft, argv):
            return False
    return True


def _fits(draft: Draft, argv: Sequence[str]) -> bool:
    argv = [word for word in argv if not re.fullmatch(r"[A-Z_][A-Z0-9_]*=\S*", word)]
    if not argv or sum(map(len, argv)) > 300 or _IDLE.match(" ".join(argv)):
        return False
    first = argv[0]
    script = first.removeprefix("./")
    if first not in LAUNCHERS and not ("/" in first and draft.has(script)):
        return False
    for word in argv[1:]:
        if re.match(r"(?:--?[\w-]{1,40}=)?/(?!/)", word) or "$" in word:
            return False
        if word.endswith((".jar", ".dll", ".war", ".phar")) and not draft.has(word.removeprefix("./")):
            return False
    return True
