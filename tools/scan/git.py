"""Git's state as facts: HEAD and branch by reading, `dirty` by asking git with everything off that a repository can start."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass

from blake3 import blake3

from ..contract import Context
from ..fingerprint import Git
from ..hosts.here import helped
from .text import safe
from .tree import Text, read_text

OFF = (
    "--no-pager", "--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    "-c", "core.pager=cat", "-c", "diff.external=", "-c", "core.untrackedCache=false", "-c", "submodule.recurse=false",
)  # fmt: skip
ENV = {
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
TIMEOUT = 3.0
MOST_FILTERS = 50
_EMPTY = (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True)
class Repository:
    """What was read of a repository's own files."""

    tree: str
    """The working tree."""
    folder: str
    """The `.git` directory, of this worktree."""
    head: str
    branch: str
    index: str


def read(path: str) -> Repository | None:
    """The repository that `path` lies in, looking upwards as git does; None when there is none."""
    here = os.path.abspath(path)
    while True:
        folder = _folder(here)
        if folder:
            return _repository(here, folder)
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def _folder(here: str) -> str:
    at = os.path.join(here, ".git")
    if os.path.isdir(at) and not os.path.islink(at):
        return at if isinstance(read_text(os.path.join(at, "HEAD"), 4096), Text) else ""
    text = read_text(at, 4096)
    if isinstance(text, Text) and text.startswith("gitdir: "):
        target = os.path.normpath(os.path.join(here, text[8:].strip("\n")))
        if isinstance(read_text(os.path.join(target, "HEAD"), 4096), Text):
            return target
    return ""


def _repository(tree: str, folder: str) -> Repository:
    head, branch = "", ""
    text = read_text(os.path.join(folder, "HEAD"), 4096)
    line = text.strip() if isinstance(text, Text) else ""
    if line.startswith("ref: "):
        ref = line[5:].strip()
        branch = ref.removeprefix("refs/heads/")
        head = _resolve(folder, ref)
    elif _ID.fullmatch(line):
        head = line
    return Repository(tree, folder, head, safe(branch), _index(folder))


def _resolve(folder: str, ref: str) -> str:
    if ".." in ref.split("/") or ref.startswith("/"):
        return ""
    common = read_text(os.path.join(folder, "commondir"), 4096)
    places = [folder]
    if isinstance(common, Text):
        places.append(os.path.normpath(os.path.join(folder, common.strip())))
    for place in places:
        text = read_text(os.path.join(place, ref), 4096)
        if isinstance(text, Text) and _ID.fullmatch(text.strip()):
            return text.strip()
    packed = read_text(os.path.join(places[-1], "packed-refs"), 64 << 20)
    if isinstance(packed, Text):
        found = re.search(rf"^([0-9a-f]{{40,64}}) {re.escape(ref)}$", packed, re.MULTILINE)
        return found[1] if found else ""
    return ""


def _index(folder: str) -> str:
    try:
        handle = os.open(os.path.join(folder, "index"), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        return blake3(file.read(1 << 30)).hexdigest() if stat.S_ISREG(os.fstat(handle).st_mode) else ""


async def state(context: Context) -> Git | None:
    """The facts of the repository that holds the project; None outside of one."""
    if not await helped(context.host):
        return None
    repository = await context.host.call(read, str(context.path))
    if repository is None:
        return None
    dirty = await _dirty(context, repository)
    return Git(head=repository.head, branch=repository.branch, index=repository.index, dirty=dirty)


async def _dirty(context: Context, repository: Repository) -> bool:
    """Whether git sees a change below the project. A filter that the repository configures is a command: it is switched off."""
    # The working tree is named here, so that a repository's core.worktree cannot point the walk at the whole disk.
    at = ("git", *OFF, "-C", str(context.path), "--git-dir", repository.folder, "--work-tree", repository.tree)
    config = ("config", "--includes", "--name-only", "--show-scope", "-z", "--list")
    listed = await context.host.run([*at, *config], env=ENV, timeout=TIMEOUT)
    if listed.code != 0:
        return False
    env = _without_filters(listed.text)
    if env is None:
        return False
    status = ("status", "--porcelain", "-z", "--ignore-submodules=all", "--untracked-files=normal", "--", ".")
    given = await context.host.run([*at, *status], env={**ENV, **env}, timeout=TIMEOUT)
    return given.code == 0 and bool(given.stdout)


def _without_filters(listed: str) -> dict[str, str] | None:
    """Variables that empty every filter of the repository's own configuration; None when there are too many to be honest.

    They go through variables and not through `-c`, which would split a name at a `=` that it may contain.
    """
    words = listed.split("\0")
    keys = [
        key for scope, key in zip(words[::2], words[1::2], strict=False) if scope in ("local", "worktree", "unknown")
    ]
    names = dict.fromkeys(
        key[7:].rpartition(".")[0] for key in keys if key.lower().startswith("filter.") and key.count(".") > 1
    )
    if len(names) > MOST_FILTERS:
        return None
    pairs = [(f"filter.{name}.{key}", value) for name in names for key, value in _EMPTY]
    env = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for index, (key, value) in enumerate(pairs):
        env |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
    return env
