"""Files that say something about services whatever their language, read one kind after the other, the surest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import (
    built,
    ci,
    ci_files,
    compose,
    compose_files,
    compose_match,
    devcontainer,
    example,
    monorepo,
    needs,
    procfile,
    readme,
    settings,
    terraform,
)
from .addresses import PORTS as PORTS
from .compose_files import Composed
from .dotenv import EXAMPLES, LINE, is_private
from .draft import Draft
from .gathered import Gathered
from .tree import Tree

READS = (
    *procfile.READS,
    *built.READS,
    *compose_files.READS,
    *EXAMPLES,
    ".env",
    ".env.*",
    *ci_files.READS,
    *devcontainer.READS,
    *terraform.READS,
    *monorepo.READS,
    *needs.READS,
    *settings.READS,
    *readme.READS,
)

NOT_OURS = frozenset({
    "PATH", "HOME", "USER", "USERNAME", "LOGNAME", "SHELL", "TERM", "COLORTERM", "TMPDIR", "TEMP", "TMP", "PWD",
    "OLDPWD", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES",
    "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "DISPLAY", "EDITOR", "VISUAL", "PAGER", "CONDA_PREFIX", "APPDATA",
    "LOCALAPPDATA", "USERPROFILE", "PROGRAMFILES", "SYSTEMROOT", "WINDIR", "MSYSTEM", "COMSPEC", "HOSTNAME",
    "SSH_CLIENT", "SSH_TTY", "SSH_CONNECTION", "GITHUB_ACTIONS", "NODE_PATH", "GOPATH", "GOROOT", "GOFLAGS",
    "CARGO_MANIFEST_DIR", "OUT_DIR", "JAVA_HOME", "PROCESSOR_ARCHITECTURE", "SUDO_USER", "SHLVL",
})  # fmt: skip
"""Variables that every machine has or that tools set; a project that reads them does not need them set."""


def apply(drafts: Mapping[str, Draft], tree: Tree, services: Sequence[Composed], gathered: Gathered) -> None:
    """Add what the shared files say to all services; `services` are those of the compose files."""
    for draft in drafts.values():
        procfile.apply(draft)
    built.apply(drafts, tree, compose_match.dockerfiles(services, drafts))
    for draft in drafts.values():
        example.apply(draft, gathered)
    compose.apply(services, drafts, tree, gathered)
    for draft in drafts.values():
        _mentioned(draft)
        needs.gather(draft, gathered)
    settings.apply(drafts, tree)
    readme.apply(drafts)
    terraform.apply(tree, gathered)
    devcontainer.apply(drafts, tree, gathered)
    ci.apply(drafts, tree, gathered)
    monorepo.apply(drafts, gathered)


def _mentioned(draft: Draft) -> None:
    for hit in draft.hits("env"):
        if hit.value not in NOT_OURS and not hit.value.startswith(("XDG_", "LC_", "npm_", "GITHUB_", "_")):
            draft.variable(hit.value, hit.path, f"line {hit.line}", 0.8, rule="source")


def set_names(draft: Draft) -> set[str]:
    """The variables that the .env files beside a service, or at the project's root, give a value."""
    found: set[str] = set()
    for path, text in draft.tree.texts.items():
        folder, _, name = path.rpartition("/")
        if is_private(name) and folder in ("", draft.root):
            found.update(match[1] for match in LINE.finditer(text))
    return found
