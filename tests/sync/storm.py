"""A storm: people writing on both sides while the keeper runs and is killed; and the account of what they wrote."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from envsync.tools.sync.keeper import keep
from envsync.tools.sync.session import Session, Side, Spec, id_of, now
from envsync.tools.trees.renaming import Renamer

NAMES = ("a", "b", "c.txt", "d.py", "e")
FOLDERS = ("", "src", "src/deep", "lib", "lib/b")


@dataclass
class Person:
    """Writes on one side, and remembers every content with the path it was last at."""

    name: str
    root: Path
    dice: random.Random
    grave: Path = field(init=False)
    written: set[bytes] = field(default_factory=set)
    """What this person wrote and did not destroy since, by an own write over it, move over it or deletion."""
    count: int = 0
    trace: list[str] = field(default_factory=list)
    renamer: Renamer = field(default_factory=Renamer)

    def __post_init__(self) -> None:
        self.grave = self.root.with_name(f"{self.root.name}-grave")
        self.grave.mkdir()

    def act(self) -> None:
        """One thing that people do."""
        path = "/".join(filter(None, (self.dice.choice(FOLDERS), self.dice.choice(NAMES))))
        verb = self.dice.choices(
            (self.write, self.save, self.delete, self.rename, self.folder, self.drop), (8, 8, 4, 3, 2, 1)
        )[0]
        try:
            verb(path)
            self.note(verb.__name__, path)
        except OSError as error:
            # The other side's changes arrive in between: a name may be a directory by now.
            self.note(verb.__name__, f"{path}: {error}")

    def note(self, what: str, path: str) -> None:
        self.trace.append(f"{time.time():.4f} {self.name} {what} {path}")

    def content(self) -> bytes:
        self.count += 1
        size = self.dice.choice((0, 10, 1000, 1000, 70_000))
        return f"{self.name}-{self.count}-{self.dice.random()} ".encode() + self.dice.randbytes(size)

    def write(self, path: str) -> None:
        """In place: what was there is gone the moment that the file is truncated."""
        content = self.content()
        fd = os.open(self.root / path, os.O_RDWR | os.O_CREAT, 0o644)
        with open(fd, "r+b") as file:
            self.destroyed(file.read(), path)
            # Noted first: from here on every byte of it may be on its way.
            self.written.add(content)
            file.seek(0)
            file.truncate()
            file.write(content)

    def save(self, path: str) -> None:
        """As editors do: a temporary file, then a rename."""
        content = self.content()
        temporary = f"{path}.{self.count}~"
        (self.root / temporary).write_bytes(content)
        self.written.add(content)
        self.over(temporary, path)

    def delete(self, path: str) -> None:
        """By way of a grave, so that it is known what was there at that very moment."""
        if (self.root / path).is_dir():
            raise IsADirectoryError(path)
        self.count += 1
        grave = self.grave / str(self.count)
        os.rename(self.root / path, grave)
        if grave.is_file():
            self.destroyed(grave.read_bytes(), path)

    def rename(self, path: str) -> None:
        to = "/".join(filter(None, (self.dice.choice(FOLDERS), self.dice.choice(NAMES))))
        if to != path:
            self.over(path, to)

    def over(self, path: str, to: str) -> None:
        """A rename that tells what it replaced: an exchange, after which that is under the old name."""
        one, other = self.root / path, self.root / to
        above, beyond = (os.open(p.parent, os.O_RDONLY) for p in (one, other))
        try:
            if other.is_file() and one.is_file():
                self.renamer.exchange(above, one.name, beyond, other.name)
                self.delete(path)
            else:
                self.renamer.fresh(above, one.name, beyond, other.name)
        finally:
            os.close(above)
            os.close(beyond)

    def folder(self, path: str) -> None:
        os.makedirs(self.root / path)

    def drop(self, path: str) -> None:
        """A whole directory; what arrives meanwhile may stay, as with `rm -r`."""
        folder = path.rpartition("/")[0] or path
        for above, folders, files in os.walk(self.root / folder, topdown=False):
            for name in files:
                self.delete(os.path.relpath(os.path.join(above, name), self.root))
            for name in folders:
                os.rmdir(os.path.join(above, name))
        os.rmdir(self.root / folder)

    def destroyed(self, content: bytes, path: str) -> None:
        """This person made that content go away."""
        self.note(f"destroyed {content[:12]!r} at", path)
        self.written.discard(content)


@dataclass
class Storm:
    """One round: two sides, a session, its keeper."""

    place: Path
    seed: int
    hosts: tuple[str, str] = ("local", "local")
    mode: str = "two-way"
    sides: Path | None = None
    """Another place below which a side keeps what it replaced: a home over there."""
    pids: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.roots = (self.place / "mine", self.place / "theirs")
        for side in self.roots:
            (side / "src").mkdir(parents=True)
            (side / "stays").touch()  # a side that is all empty halts
        self.people = tuple(
            Person(name, side, random.Random(f"{self.seed}-{name}"))
            for name, side in zip(("mine", "theirs"), self.roots, strict=True)
        )
        one, other = (Side(host=host, path=str(side)) for host, side in zip(self.hosts, self.roots, strict=True))
        self.session = Session(
            self.place / "state",
            Spec(id=id_of(one, other), source=one, destination=other, mode=self.mode, at=now(), max_delete=100),
        )
        self.session.save()
        self.session.mark("keep", True)

    def start(self) -> None:
        """The real keeper in a process of its own; forked, since starting Python takes longer than a round."""
        pid = os.fork()
        if pid:
            self.pids.append(pid)
            return
        try:
            import asyncio

            log = os.open(self.session.directory / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.environ["XDG_STATE_HOME"] = str(self.place / "sides")
            asyncio.run(keep(self.session.state, self.session.spec.id))
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)

    def kill(self) -> None:
        """At once, whatever it is doing."""
        pid = self.pids.pop()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def blow(self, kills: int, seconds: float) -> None:
        """Both people write at random; the keeper is killed `kills` times and started again."""
        end = time.monotonic() + seconds
        deaths = sorted(time.monotonic() + self.dice.uniform(0.02, seconds) for _ in range(kills))
        self.start()
        while (moment := time.monotonic()) < end:
            if deaths and moment >= deaths[0]:
                deaths.pop(0)
                self.kill()
                self.start()
            self.dice.choice(self.people).act()
            if self.dice.random() < 0.6:
                time.sleep(self.dice.choice((0, 0.001, 0.003, 0.01)))

    def settle(self, limit: float = 30.0) -> None:
        """Until the keeper has looked at everything and has nothing more to do."""
        import asyncio

        from envsync.tools.errors import EnvSyncError
        from envsync.tools.sync import control

        end = time.monotonic() + limit
        while True:
            try:
                answer = asyncio.run(control.ask(self.session.directory, limit, "flush"))
                if answer.get("ok"):
                    break
                said = str(answer)
            except EnvSyncError as error:
                said = str(error)
            if time.monotonic() > end:
                raise AssertionError(f"it does not settle: {said}\n{self.log()}")
            time.sleep(0.02)
        asyncio.run(control.ask(self.session.directory, limit, "stop"))
        pid = self.pids.pop()
        os.waitpid(pid, 0)

    def log(self) -> str:
        told = self.session.told()
        try:
            text = (self.session.directory / "log").read_text()[-3000:]
        except OSError:
            text = ""
        return f"seed {self.seed}: {told.phase} {told.what} {told.hint} {told.notices} {told.conflicting}\n{text}"

    def everything(self) -> set[bytes]:
        """Every content that can still be had: on a side, or kept beside it."""
        kept = [p for p in (self.place / "sides").rglob("kept/*")] + [p for p in self.place.glob(".envsync-*/kept/*")]
        if self.sides is not None:
            kept += self.sides.rglob("kept/*")
        return {content for place in (*self.roots, *kept) for content in contents(place)}

    def lost(self) -> list[str]:
        """What somebody wrote and nobody replaced on that side, and that is nowhere any more."""
        there = self.everything()
        return [f"{p.name}: {c[:30]!r}" for p in self.people for c in p.written if c not in there]

    def differing(self) -> list[str]:
        """Paths that are not the same on both sides and are in no conflict."""
        mine, theirs = (tree(side) for side in self.roots)
        stopped = [path for path, _ in self.session.told().conflicting]
        return [
            path
            for path in sorted(mine.keys() | theirs.keys())
            if mine.get(path) != theirs.get(path) and not any(path == s or path.startswith(f"{s}/") for s in stopped)
        ]


def contents(place: Path) -> Iterator[bytes]:
    """Of a file, or of all files below a directory."""
    if place.is_dir():
        for path in place.rglob("*"):
            if path.is_file():
                yield path.read_bytes()
    elif place.is_file():
        yield place.read_bytes()


def tree(root: Path) -> dict[str, bytes | None]:
    """Content by path; None for a directory. Our own temporary names are left out."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
        if not any(part.startswith(".envsync-") for part in path.relative_to(root).parts)
    }


def rounds(
    place: Path, seeds: range, make: Callable[[Path, int], Storm] = Storm, seconds: tuple[float, float] = (0.1, 0.5)
) -> list[str]:
    """Storms one after the other; what went wrong, each with its seed."""
    wrong: list[str] = []
    for seed in seeds:
        storm = make(place / str(seed), seed)
        try:
            storm.blow(kills=storm.dice.randint(0, 3), seconds=storm.dice.uniform(*seconds))
            storm.settle()
            for what, found in (("lost", storm.lost()), ("differs", storm.differing())):
                if found:
                    wrong.append(f"seed {seed}: {what}: {found[:5]}\n{storm.log()}")
                    trace = sorted(line for person in storm.people for line in person.trace)
                    (storm.place / "trace").write_text("\n".join([*found, *trace]))
        except AssertionError as error:
            wrong.append(f"seed {seed}: {error}")
        finally:
            for pid in storm.pids:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        if not wrong or not wrong[-1].startswith(f"seed {seed}:"):
            shutil.rmtree(storm.place)
    return wrong
