"""The memory's contract: what a note is, what every memory can do, and two small memories (a double, and none)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal, Protocol

Kind = Literal["fact", "turn", "fingerprint"]
Redact = Callable[[str], str]
Warn = Callable[[str], None]
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

EVERYWHERE = ""
"""The project of a fact that holds in every project."""
LONGEST = 20_000
"""Characters of a note's text that are kept."""


class MemoryFault(Exception):
    """Memory cannot do it: `what` happened, and a `hint` what to do next. No note is lost by it."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n{self.hint}" if self.hint else self.what


class MemoryBusy(MemoryFault):
    """Another process holds the record for longer than one waits."""


class MemoryOff(MemoryFault):
    """Memory was switched off, and something was to be kept."""


@dataclass(frozen=True)
class Note:
    """One remembered fact or episode. Ids grow with time and are never used again: they order notes, times do not."""

    id: int
    text: str
    kind: Kind
    origin: str
    """Who said so: `person`, `turn`, or a tool's name. Whatever it says, a note is data and never an instruction."""
    at: datetime
    project: str = EVERYWHERE
    host: str = "local"
    data: Mapping[str, Json] = field(default_factory=dict[str, Json])


class Memory(Protocol):
    """What is remembered. Every method may be called at any time until `close`, from one event loop.

    All text is redacted and bounded before it is stored. Every method raises MemoryFault, and nothing else of its own.
    """

    async def add(
        self,
        text: str,
        *,
        project: str,
        host: str,
        kind: Kind = "fact",
        origin: str = "person",
        data: Mapping[str, Json] | None = None,
    ) -> int:
        """Keep a note; returns its id once it is on disk.

        Idempotent where it can be: a fact that is known word for word (same project and host), and a fingerprint equal
        to the project's newest, give the id of the note that is there. With memory off a fact raises MemoryOff, and
        other kinds return 0.
        """
        ...

    async def forget(self, id: int) -> None:
        """Delete a note for good, from record and index; an unknown id is no error."""
        ...

    async def get(self, id: int) -> Note | None: ...

    async def find(self, fact: str, *, project: str, host: str) -> Note | None:
        """The fact with exactly this text (after redaction), project and host; None when it is not known."""
        ...

    async def facts(self, *, project: str, host: str) -> list[Note]:
        """All facts that hold here, the nearest first: of the project, of directories above it, everywhere.

        Within one of these the newest is first, so the first of two that contradict each other counts.
        """
        ...

    async def search(self, query: str | None, *, project: str, limit: int, kinds: Sequence[str] = ()) -> list[Note]:
        """Notes of this project nearest in meaning to `query`, best first; newest first without one.

        Facts of directories above the project and those for everywhere belong to it. `kinds` () means all.
        """
        ...

    async def recall(self, query: str, *, project: str, host: str, limit: int = 12) -> list[Note]:
        """What may help with a request: facts that hold here first, then episodes like it. At once: opens no index."""
        ...

    async def open_index(self) -> bool:
        """Open the index of meanings and bring it up to date; False when another process has it or it cannot be used.

        Seconds when it must be rebuilt; meant for the background of a long session. `search` works without it.
        """
        ...

    async def rebuild(self) -> int:
        """Make the index again from the record; returns how many notes it has. Raises MemoryBusy when it is another's."""
        ...

    async def close(self) -> None:
        """Let go of everything; safe to call twice. Work on the index that is under way is broken off."""
        ...


def above(project: str) -> list[str]:
    """The project, then each directory above it, then EVERYWHERE: where a fact that holds in `project` may be filed."""
    path = PurePosixPath(project)
    return list(dict.fromkeys([project, *(str(parent) for parent in path.parents if path.is_absolute()), EVERYWHERE]))


def bounded(text: str, redact: Redact) -> str:
    """Text as it is stored: redacted, no lone surrogates (which no database takes), no NUL, at most LONGEST characters."""
    clean = redact(text).encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 2] + " …"


_COMMON = """
a an and are as at be by can did do does for from had has have how i if in is it its me my of on or our please should so
that the their then there this to us was we were what when where which who why will with you your
"""


def words(text: str) -> list[str]:
    """The words to look for, lower case, in order, each once; the commonest English ones are left out."""
    common = _COMMON.split()
    found = [word for word in re.findall(r"\w+", text.lower()) if word not in common]
    return list(dict.fromkeys(found))[:40]


class ListMemory:
    """A memory in a list, gone with the process: the double for tests."""

    def __init__(self, redact: Redact = str) -> None:
        self._redact = redact
        self._notes: dict[int, Note] = {}
        self._last = 0

    async def add(
        self,
        text: str,
        *,
        project: str,
        host: str,
        kind: Kind = "fact",
        origin: str = "person",
        data: Mapping[str, Json] | None = None,
    ) -> int:
        text = bounded(text, self._redact)
        if kind == "fact" and (known := await self.find(text, project=project, host=host)):
            return known.id
        if kind == "fingerprint":
            newest = await self.search(None, project=project, limit=1, kinds=("fingerprint",))
            if newest and (newest[0].text, newest[0].host, newest[0].data) == (text, host, data or {}):
                return newest[0].id
        self._last += 1
        self._notes[self._last] = Note(self._last, text, kind, origin, datetime.now(UTC), project, host, data or {})
        return self._last

    async def forget(self, id: int) -> None:
        self._notes.pop(id, None)

    async def get(self, id: int) -> Note | None:
        return self._notes.get(id)

    async def find(self, fact: str, *, project: str, host: str) -> Note | None:
        key = (bounded(fact, self._redact), project, host)
        return next((n for n in self._notes.values() if n.kind == "fact" and (n.text, n.project, n.host) == key), None)

    async def facts(self, *, project: str, host: str) -> list[Note]:
        places = above(project)
        here = [
            note
            for note in self._notes.values()
            if note.kind == "fact" and note.project in places and (note.host == host or note.project == EVERYWHERE)
        ]
        return sorted(here, key=lambda note: (places.index(note.project), -note.id))

    async def search(self, query: str | None, *, project: str, limit: int, kinds: Sequence[str] = ()) -> list[Note]:
        places = above(project)
        here = [
            note
            for note in reversed(self._notes.values())
            if (note.project == project or (note.kind == "fact" and note.project in places))
            and (not kinds or note.kind in kinds)
        ]
        if query is None:
            return here[:limit]
        wanted = set(words(query))
        scored = [(len(wanted & set(words(note.text))), note) for note in here]
        return [note for score, note in sorted(scored, key=lambda pair: -pair[0]) if score][:limit]

    async def recall(self, query: str, *, project: str, host: str, limit: int = 12) -> list[Note]:
        facts = (await self.facts(project=project, host=host))[:limit]
        episodes = await self.search(query, project=project, limit=limit, kinds=("turn",))
        return [*facts, *episodes][:limit]

    async def open_index(self) -> bool:
        return False

    async def rebuild(self) -> int:
        return len(self._notes)

    async def close(self) -> None:
        return None


class NoMemory(ListMemory):
    """Memory switched off: finds nothing, keeps nothing."""

    async def add(
        self,
        text: str,
        *,
        project: str,
        host: str,
        kind: Kind = "fact",
        origin: str = "person",
        data: Mapping[str, Json] | None = None,
    ) -> int:
        if kind == "fact":
            raise MemoryOff("Memory is switched off, so this fact cannot be kept.", "Ask again without --no-memory.")
        return 0

    async def find(self, fact: str, *, project: str, host: str) -> Note | None:
        """Who looks for one fact is about to keep or to drop it: better refused before a plan than after."""
        raise MemoryOff("Memory is switched off, so no fact can be kept or dropped.", "Ask again without --no-memory.")
