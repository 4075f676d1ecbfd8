"""Projects that are scripts of a shell and nothing else: commands, plugins, dotfiles; Bats and ShellSpec."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cache

from ..draft import Draft, words
from ..ignore import is_copied
from ..shared import NOT_OURS
from .base import Detector

SUFFIXES = (".sh", ".bash", ".zsh", ".ksh")
PATTERNS = (
    ("shell-bang", "#!", r"\A#![ \t]{0,4}/[\w/]{1,40}/(?:env[ \t]{1,4}(?:-S[ \t]{1,4})?)?(bash|sh|zsh|ksh|dash|fish)\b"),
    ("shell-needs", "${", r"\$\{([A-Z][A-Z0-9_]{1,63}):?\?"),
    ("shell-takes", "${", r"\$\{([A-Z][A-Z0-9_]{1,63}):?[-=](?!\})"),
    ("shell-set", "=", r"^[ \t]*(?:local |readonly |export |declare (?:-\w{1,4} )?)?([A-Z][A-Z0-9_]{1,63})=(?![\"']?\$\{\1\b)"),
    ("shell-client", " ", r"(?:^|[|;&(]|\bthen |\bdo |\bexec )[ \t]{0,40}(psql|pg_dump|pg_restore|mysqldump|mysql|redis-cli|mongodump|mongosh|sqlite3) "),
)  # fmt: skip
CLIENTS = {
    "psql": "postgresql", "pg_dump": "postgresql", "pg_restore": "postgresql", "mysqldump": "mysql", "mysql": "mysql", "redis-cli": "redis",
    "mongodump": "mongodb", "mongosh": "mongodb", "sqlite3": "sqlite",
}  # fmt: skip
ENTRIES = ("main", "run", "start", "app", "cli")
"""Names of the script that one starts, after the project's own."""
INSTALLERS = ("install.sh", "setup.sh", "bootstrap.sh", "install", "setup", "bootstrap")
"""What dotfiles are put in place with; anything else says by it how it is put into the system."""
HELPERS = re.compile(
    r"(?:un)?install|setup|bootstrap|build|release|lint|format|tests?|run[-_]?tests?|"
    r"common|utils?|lib|functions|helpers|config|env|colou?rs"
)


def detect(draft: Draft) -> None:
    """Add what the scripts say, where nothing else does."""
    if not draft.languages or draft.languages[0].value != "Shell" or not _alone(draft):
        return
    _tests(draft)
    _variables(draft)
    if plugin := next((name for name in draft.beside if name.endswith((".plugin.zsh", ".zsh-theme"))), ""):
        draft.framework("Zsh plugin", plugin, "", 0.9)
        draft.role("library", 0.85)
        return
    bangs = {draft.inner(hit.path): hit.value for hit in draft.hits("shell-bang")}
    for purpose, names in (("build", ("build.sh",)), ("test", ("test.sh", "run_tests.sh", "run-tests.sh", "tests.sh"))):
        if name := next((name for name in names if draft.has(name)), ""):
            draft.command(purpose, _typed(name, bangs), name, "", 0.7)
    if draft.has("src/bashly.yml"):
        draft.framework("Bashly", "src/bashly.yml", "", 0.95)
        draft.command("build", "bashly generate", "src/bashly.yml", "", 0.9)
    entry = _entry(draft, bangs)
    if entry:
        draft.command("start", _typed(entry, bangs), entry, "", 0.6)
    if entry or bangs or draft.has("src/bashly.yml"):
        draft.role("job", 0.5)
    else:
        draft.exports = True
        draft.role("library", 0.5)


@cache
def manifests() -> re.Pattern[str]:
    """Names of every ecosystem's manifests."""
    from .registry import DETECTORS  # it is made of this module too

    return re.compile("|".join(translate(name) for detector in DETECTORS for name in detector.manifests) or r"(?!)")


def _alone(draft: Draft) -> bool:
    """Whether no other ecosystem has a manifest in the project: beside one scripts are only tools."""
    manifest = manifests()
    return not any(
        manifest.match(path.rpartition("/")[2]) and not is_copied(path.rpartition("/")[0]) for path in draft.tree.texts
    )


def _tests(draft: Draft) -> None:
    if draft.has(".shellspec"):
        draft.framework("ShellSpec", ".shellspec", "", 0.95)
        draft.command("test", "shellspec", ".shellspec", "", 0.95)
    inner = sorted(draft.inner(path) for path in draft.files if path.endswith(".bats"))
    # Bats brings tests of its own when it lies in the project.
    inner = [path for path in inner if not re.search(r"(?:^|/)(?:bats|bats-\w+)/", path)]
    if not inner:
        return
    draft.framework("Bats", inner[0], "", 0.95)
    folders = {path.rpartition("/")[0] for path in inner}
    top = min(folders, key=lambda folder: (folder.count("/"), folder))
    above = {folder.partition("/")[0] for folder in folders}
    own = next(
        (path for path in ("test/bats/bin/bats", "test/libs/bats/bin/bats", "tests/bats/bin/bats") if draft.has(path)),
        "",
    )
    program = f"./{own}" if own else "bats"
    if len(folders) == 1:
        draft.command("test", f"{program} {words(top or '.')}", inner[0], "", 0.9)
    elif len(above) == 1 and "" not in above:
        draft.command("test", f"{program} -r {words(above.pop())}", inner[0], "", 0.9)


def _variables(draft: Draft) -> None:
    """Variables that the scripts expect from outside: none that one of them sets itself."""
    own = {hit.value for hit in draft.hits("shell-set")}
    for rule, sure in (("shell-needs", 0.9), ("shell-takes", 0.7)):
        for hit in draft.hits(rule):
            if (
                hit.value not in own
                and hit.value not in NOT_OURS
                and not hit.value.startswith(("BASH", "XDG_", "BATS_", "ZSH"))
            ):
                draft.variable(hit.value, hit.path, f"line {hit.line}", sure, rule="source")
    for hit in draft.hits("shell-client"):
        draft.database(CLIENTS[hit.value], hit.path, f"line {hit.line}", 0.7)


def _entry(draft: Draft, bangs: dict[str, str]) -> str:
    """The script that a user starts; empty when none stands out."""
    top = [
        name for name in sorted(draft.beside) if name in bangs or (name.endswith(SUFFIXES) and not name.startswith("."))
    ]
    programs = sorted(path for path in map(draft.inner, draft.files) if re.fullmatch(r"bin/[\w-]{1,80}", path))
    name = draft.name or draft.tree.root.rstrip("/").rpartition("/")[2]
    for wanted in (name, *ENTRIES):
        for path in (*programs, *top):
            if path.rpartition("/")[2].rpartition(".")[0] == wanted or path.rpartition("/")[2] == wanted:
                return path
    if len(programs) == 1:
        return programs[0]
    real = [path for path in top if not HELPERS.fullmatch(path.rpartition(".")[0].lower())]
    if len(real) == 1:
        return real[0]
    installers = [path for path in INSTALLERS if path in draft.beside]
    return installers[0] if not real and not programs and len(installers) == 1 else ""


def _typed(path: str, bangs: dict[str, str]) -> str:
    """A script without suffix is meant to be run as it is; for others the shell is named, whatever their mode."""
    if not path.endswith(SUFFIXES) and path not in bangs:
        return f"./{words(path)}"
    by_suffix = {"bash": "bash", "zsh": "zsh", "ksh": "ksh"}.get(path.rpartition(".")[2], "sh")
    return f"{bangs.get(path, by_suffix)} {words(path)}"


DETECTOR = Detector(
    name="shell",
    manifests=(),
    detect=detect,
    reads=(),
    languages=("Shell",),
    patterns=dict.fromkeys(SUFFIXES, PATTERNS),
)
