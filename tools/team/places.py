"""Where a team's fingerprints lie: a folder that all can write to, or a branch of a git repository."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from ..errors import Failed, Unreachable, Usage
from ..hosts.base import Completed, Host
from ..hosts.here import here

LARGEST = 8 << 20
"""Bytes of one person's file."""
MOST = 500
"""People."""
BRANCH = "envsync-team"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,63}")


class Place(Protocol):
    """Where the files are. A file is named `PROJECT/PERSON.json`."""

    name: str
    """As it is remembered and told."""

    async def read(self, project: str) -> dict[str, bytes]:
        """The content by person. Raises Unreachable, Failed."""
        ...

    async def write(self, project: str, person: str, content: bytes | None) -> None:
        """Put this person's file there, or take it away (None). Raises Unreachable, Failed."""
        ...


def place_of(text: str, host: Host, state: Path, directory: Path) -> Place:
    """The place that people write as `PATH_OR_REMOTE[#branch]`. Raises Usage."""
    whole = Path(os.path.expanduser(text.strip()))
    whole = whole if whole.is_absolute() else directory / whole
    where, hash, branch = (text.strip(), "", "") if whole.is_dir() else text.strip().partition("#")
    if re.match(r"[a-z+]+://[^/@]*:[^/@]*@", where):
        raise Usage(
            "the address has a password in it, which is not kept",
            "Leave it out: git asks its own credential helper (git config credential.helper).",
        )
    remote = "://" in where or re.match(r"[\w.-]+@[\w.-]+:", where) is not None or where.endswith(".git")
    path = directory / os.path.expanduser(where)
    # It is kept and told, so without `..`; links stay as they are written otherwise, since they are what moves a share.
    path = path.resolve() if ".." in path.parts else path
    repository = not remote and (
        (path / ".git").exists() or ((path / "HEAD").is_file() and (path / "objects").is_dir())
    )
    if remote or hash or repository:
        if not where or where.startswith("-") or (hash and not re.fullmatch(r"[\w][\w./-]{0,100}", branch)):
            raise Usage("that is no remote and branch of git", "Write PATH_OR_URL#BRANCH, or a folder that you share.")
        local = not ("://" in where or re.match(r"[\w.-]+@[\w.-]+:", where))
        return Branch(str(path) if local else where, branch or BRANCH, host, state, local)
    if not path.is_dir():
        raise Usage(f"there is no folder {path}", "Make it first, where all of you can write, or name a git remote.")
    return Folder(path)


class Folder:
    """See Place: files below `envsync-team` in a folder that people share, each replaced atomically."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._root = path / "envsync-team"

    async def read(self, project: str) -> dict[str, bytes]:
        """See Place.read."""
        found: dict[str, bytes] = {}
        try:
            names = sorted(os.listdir(self._root / project))[: 4 * MOST]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Failed(f"{self._root / project}: {error.strerror}", "Look at the folder's permissions.") from None
        for name in names:
            person, dot, kind = name.rpartition(".")
            if dot and kind == "json" and NAME.fullmatch(person) and len(found) < MOST:
                with suppress(OSError):  # e.g. a link, or a file that is being replaced
                    handle = os.open(self._root / project / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                    with os.fdopen(handle, "rb") as file:
                        found[person] = file.read(LARGEST + 1)
        return found

    async def write(self, project: str, person: str, content: bytes | None) -> None:
        """See Place.write."""
        folder = self._root / project
        try:
            if content is None:
                (folder / f"{person}.json").unlink(missing_ok=True)
                return
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder / f".{person}.{token_hex(6)}"
            try:
                handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(handle)
                os.replace(temporary, folder / f"{person}.json")
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise Failed(f"{folder}: {error.strerror}", "Look at the folder's permissions and free space.") from None


class Branch:
    """See Place: a branch of a git repository, read and written without a work tree, so that nothing of it is ever run."""

    TRIES = 5

    def __init__(self, remote: str, branch: str, host: Host, state: Path, local: bool) -> None:
        self.name = f"{remote}#{branch}"
        self._remote = remote
        self._branch = branch
        self._host = host
        self._local = local
        self._own = state / "team.git"
        self._reference = f"refs/envsync/{token_hex(8)}"

    async def read(self, project: str) -> dict[str, bytes]:
        """See Place.read."""
        try:
            commit = await self._fetch()
            return await self._files(commit, project) if commit else {}
        finally:
            await self._git("update-ref", "-d", self._reference)

    async def write(self, project: str, person: str, content: bytes | None) -> None:
        """See Place.write. Somebody who pushed in between is no conflict: everybody has a file of their own."""
        try:
            for _ in range(self.TRIES):
                tip = await self._fetch()
                commit = await self._commit(tip, project, person, content)
                if commit == tip:
                    return
                to = f"{commit}:refs/heads/{self._branch}"
                pushed = await self._git("push", "-q", *self._receiver(), "--", self._remote, to)
                if pushed.code == 0:
                    return
                if not re.search(r"rejected|non-fast-forward|fetch first|cannot lock ref|stale info", pushed.error):
                    raise self._unreachable(pushed)
            raise Failed("others push to the team's branch all the time", "Try again.")
        finally:
            await self._git("update-ref", "-d", self._reference)

    async def _fetch(self) -> str:
        """The branch's commit; empty when there is no such branch yet."""
        if not self._own.exists():
            made = await self._host.run(["git", "init", "-q", "--bare", str(self._own)], env=_ENV, cwd=Path("/"))
            if made.code != 0:
                raise Failed(
                    f"git cannot be used: {made.error.strip()[:300]}", "Install git, or share a folder instead."
                )
        spec = f"+refs/heads/{self._branch}:{self._reference}"
        got = await self._git("fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", self._remote, spec)
        if got.code != 0:
            if re.search(r"couldn't find remote ref|no matching remote head", got.error, re.IGNORECASE):
                return ""
            raise self._unreachable(got)
        return (await self._git("rev-parse", "--verify", "-q", self._reference)).text.strip()

    async def _files(self, commit: str, project: str) -> dict[str, bytes]:
        listed = await self._git("ls-tree", "-z", "-l", f"{commit}:envsync-team/{project}")
        found: dict[str, bytes] = {}
        for line in listed.text.split("\0") if listed.code == 0 else ():
            match = re.fullmatch(r"100644 blob ([0-9a-f]{40,64}) +(\d+)\t(.+)\.json", line)
            if match and NAME.fullmatch(match[3]) and int(match[2]) <= LARGEST and len(found) < MOST:
                blob = await self._git("cat-file", "blob", match[1])
                if blob.code == 0:
                    found[match[3]] = blob.stdout
        return found

    async def _commit(self, tip: str, project: str, person: str, content: bytes | None) -> str:
        """A commit upon `tip` with this one file changed; `tip` itself when nothing is."""
        index = {"GIT_INDEX_FILE": str(self._own / f"index-{token_hex(6)}")}
        path = f"envsync-team/{project}/{person}.json"
        try:
            if tip:
                await self._must("read-tree", tip, env=index)
            if content is None:
                await self._must("rm", "-q", "--cached", "--ignore-unmatch", "--", path, env=index)
            else:
                blob = (await self._must("hash-object", "-w", "--no-filters", "--stdin", stdin=content)).text.strip()
                await self._must("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
            tree = (await self._must("write-tree", env=index)).text.strip()
            if tip and (await self._must("rev-parse", f"{tip}^{{tree}}")).text.strip() == tree:
                return tip
            parents = ["-p", tip] if tip else []
            said = f"envsync: {'leave' if content is None else 'publish'} {person} for {project}"
            return (await self._must("commit-tree", tree, *parents, "-m", said)).text.strip()
        finally:
            await here(Path(index["GIT_INDEX_FILE"]).unlink, missing_ok=True)

    async def _must(self, *words: str, env: dict[str, str] | None = None, stdin: bytes = b"") -> Completed:
        done = await self._git(*words, env=env, stdin=stdin)
        if done.code != 0:
            raise Failed(f"git {words[0]} failed: {done.error.strip()[:300]}", "See: git --version")
        return done

    async def _git(self, *words: str, env: dict[str, str] | None = None, stdin: bytes = b"") -> Completed:
        argv = ["git", *_OFF, f"--git-dir={self._own}", *words]
        return await self._host.run(argv, cwd=Path("/"), env={**_ENV, **(env or {})}, stdin=stdin, timeout=60)

    def _receiver(self) -> list[str]:
        """A repository on this machine would run its own hooks as this user."""
        return ["--receive-pack=git -c core.hooksPath=/dev/null receive-pack"] if self._local else []

    def _unreachable(self, done: Completed) -> Unreachable:
        said = " ".join(done.error.split())[:300]
        return Unreachable(
            f"the team's repository {self._remote} did not answer: {said}",
            "Check the address, the network and that you may read and write it with git.",
        )


_OFF = (
    "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.attributesFile=/dev/null",
    "-c", "protocol.ext.allow=never", "-c", "gc.auto=0", "-c", "commit.gpgSign=false", "-c", "push.gpgSign=false",
    "-c", "fetch.recurseSubmodules=false", "-c", "push.recurseSubmodules=no", "-c", "submodule.recurse=false",
)  # fmt: skip
_ENV = {
    "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat", "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "envsync", "GIT_AUTHOR_EMAIL": "envsync@localhost",
    "GIT_COMMITTER_NAME": "envsync", "GIT_COMMITTER_EMAIL": "envsync@localhost",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
}  # fmt: skip
