"""The memory that lasts: the record, and beside it the index of meanings when it is worth its start-up."""

from __future__ import annotations

import asyncio
import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from .base import Json, Kind, MemoryBusy, MemoryFault, Note, Redact, Warn, above
from .chroma import Index, IndexFault
from .embed import Embedder, best
from .events import Record

P = ParamSpec("P")
T = TypeVar("T")
BATCH = 32
"""Notes embedded between two looks at whether the session is closing: about 0.15 s."""
PATIENCE = 3.0
"""Seconds that a search waits for an index that is being made, before it does without."""
AT_ONCE = 256
"""Notes without a vector that a search without the index embeds itself, the newest ones: about 1 s."""
ASKED = 2000
"""Characters of a query that are looked for: piped text may be a megabyte, and its beginning says what it is."""
ALIKE = 0.35
"""Cosine similarity from which an episode is worth recalling (MiniLM; unrelated sentences lie under 0.2)."""


class Notebook:
    """Implements Memory in `STATE/memory`: the record in SQLite, the index in Chroma.

    Nothing is opened before it is needed. The record works in one thread and the index in another, so that making an
    index never delays a note. Messages for the person (damage, what is missing) go to `warn`, from those threads.
    """

    def __init__(
        self,
        state: Path,
        redact: Redact = str,
        warn: Warn = lambda _: None,
        embedder: Callable[[Warn], Embedder] = best,
    ) -> None:
        self._directory = state / "memory"
        self._record = Record(self._directory, redact, warn)
        self._warn = warn
        self._make_embedder = embedder
        self._embedder: Embedder | None = None
        self._index: Index | None = None
        self._opening: asyncio.Future[bool] | None = None
        self._stop = threading.Event()
        self._writer = ThreadPoolExecutor(1, "memory-record")
        self._indexer = ThreadPoolExecutor(1, "memory-index")
        self._embedding = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- The record -----------------------------------------------------------------------------------------------

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
        return await self._recorded(self._record.add, text, project, host, kind, origin, data)

    async def forget(self, id: int) -> None:
        await self._recorded(self._record.forget, id)
        if self._index is not None:  # a vector tells something of its text, so it goes now and not at the next search
            await self._indexed(self._catch_up)

    async def get(self, id: int) -> Note | None:
        return await self._recorded(self._record.get, id)

    async def find(self, fact: str, *, project: str, host: str) -> Note | None:
        return await self._recorded(self._record.find, fact, project, host)

    async def facts(self, *, project: str, host: str) -> list[Note]:
        return await self._recorded(self._record.facts, project, host)

    async def recall(self, query: str, *, project: str, host: str, limit: int = 12) -> list[Note]:
        query = query[:ASKED]
        facts = await self.facts(project=project, host=host)
        if len(facts) > limit:  # then those that share words with the request come before the others
            told = await self._recorded(self._record.lexical, query, project, limit, ("fact",))
            near = {note.id: at for at, note in enumerate(told)}
            facts = sorted(facts, key=lambda note: near.get(note.id, limit))[:limit]
        room = max(limit - len(facts), limit // 4)
        episodes = await self._recorded(self._record.lexical, query, project, room, ("turn",))
        if self._index is not None and not self._busy:
            ranked = await self._indexed(self._nearest, query, project, room, ("turn",), False)
            alike = [id for id, similarity in ranked or [] if similarity >= ALIKE]
            episodes = await self._merged(alike, [note.id for note in episodes], room)
        return [*facts[: limit - len(episodes)], *episodes]

    async def search(self, query: str | None, *, project: str, limit: int, kinds: Sequence[str] = ()) -> list[Note]:
        if query is None or not query.strip():
            return await self._recorded(self._record.newest, project, limit, kinds)
        query = query[:ASKED]
        wide = max(limit * 3, 30)
        lexical = await self._recorded(self._record.lexical, query, project, wide, kinds)
        ranked = None
        if await self._opened_soon():
            ranked = await self._indexed(self._nearest, query, project, wide, kinds)
        if ranked is None:  # another process owns the index, or it is still being made
            ranked = await self._recorded(self._compared, query, project, wide, kinds)
        return await self._merged([id for id, _ in ranked], [note.id for note in lexical], limit)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._stop.set()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._indexer, self._let_go)
        await loop.run_in_executor(self._writer, self._record.close)
        self._indexer.shutdown()
        self._writer.shutdown()

    # -- The index ------------------------------------------------------------------------------------------------

    async def open_index(self) -> bool:
        if self._index is not None:
            return True
        self._loop = asyncio.get_running_loop()
        if self._opening is None or self._opening.done():
            self._opening = asyncio.ensure_future(self._indexed_or(False, self._open))
        return await asyncio.shield(self._opening)

    async def rebuild(self) -> int:
        def work() -> int:
            self._let_go()
            self._put_seal("")
            self._record_now(self._record.drop_vectors, self._embeds().name)
            if not self._open():
                raise MemoryBusy(
                    "The index of meanings could not be made again now: another EnvSync has it, or it cannot be used.",
                    "Close the other one and try again; searches work meanwhile.",
                )
            return len(self._index.ids) if self._index else 0

        return await self._run(self._indexer, work)

    @property
    def _busy(self) -> bool:
        return self._opening is not None and not self._opening.done()

    async def _opened_soon(self) -> bool:
        try:
            return await asyncio.wait_for(self.open_index(), PATIENCE)
        except TimeoutError:
            return False

    def _open(self) -> bool:
        """In the index's thread: own, open and bring up to date. False when it is another's or cannot be used."""
        if self._index is not None:
            return True
        try:
            embedder = self._embeds()
            index = Index.open(self._place(embedder), embedder.dimension, self._seal())
            if index is None:
                return False
            self._index = index
            self._put_seal("")  # from now on the files change: after a crash no seal fits them
            self._catch_up()
        except (IndexFault, MemoryFault) as fault:
            self._warn(f"Memory searches without its index: {fault}")
            self._let_go()
            return False
        return True

    def _catch_up(self) -> None:
        """Make the index hold exactly the record's notes. Stops early, without harm, when the session closes."""
        index, embedder = self._index, self._embeds()
        if index is None:
            return
        wanted = self._record_now(self._record.ids)
        index.remove(index.ids - wanted)
        missing = sorted(wanted - index.ids, reverse=True)  # the newest are asked for most
        known: list[int] = []
        for at in range(0, len(missing), 500):
            block = missing[at : at + 500]
            vectors = self._record_now(self._record.vectors, embedder.name, embedder.dimension, block)
            self._put_in(index, {id: _floats(vector) for id, vector in vectors.items()})
            known += vectors
            if self._ending():
                return
        fresh = sorted(set(missing) - set(known), reverse=True)
        for at in range(0, len(fresh), BATCH):
            if self._ending():
                return
            self._put_in(index, self._embedded(fresh[at : at + BATCH]))
        index.check()

    def _ending(self) -> bool:
        """The session closes, or its loop ended without closing it: the process must not wait for the index to end."""
        return self._stop.is_set() or (self._loop is not None and self._loop.is_closed())

    def _put_in(self, index: Index, vectors: Mapping[int, Sequence[float]]) -> None:
        notes = self._record_now(self._record.notes, list(vectors))  # without what was forgotten meanwhile
        if notes:
            places = [(note.project, note.kind) for note in notes]
            index.add([note.id for note in notes], [vectors[note.id] for note in notes], places)

    def _embedded(self, ids: Sequence[int]) -> dict[int, Sequence[float]]:
        """Make the vectors of these notes, and keep them in the record. From any thread but the record's."""
        embedder = self._embeds()
        notes = self._record_now(self._record.notes, ids)
        vectors = dict(zip((note.id for note in notes), embedder.embed([note.text for note in notes]), strict=True))
        rows = [(id, array("f", vector).tobytes()) for id, vector in vectors.items()]
        self._record_now(self._record.keep_vectors, embedder.name, rows)
        return dict(vectors)

    def _nearest(
        self, query: str, project: str, limit: int, kinds: Sequence[str], fresh: bool = True
    ) -> list[tuple[int, float]] | None:
        """In the index's thread: ids by similarity, of notes kept meanwhile too when `fresh`. None without an index."""
        if fresh:
            self._catch_up()
        if self._index is None:
            return None
        [vector] = self._embeds().embed([query])
        return self._index.nearest(vector, limit, above(project), kinds)

    def _compared(self, query: str, project: str, limit: int, kinds: Sequence[str]) -> list[tuple[int, float]]:
        """In the record's thread: the same without the index, by comparing with every vector that is kept."""
        import numpy as np

        embedder = self._embeds()
        ids = self._record.scoped(project, kinds)
        vectors = self._record.vectors(embedder.name, embedder.dimension, ids)
        new = self._record.notes([id for id in ids if id not in vectors][:AT_ONCE])
        made = embedder.embed([note.text for note in new])
        rows = [(note.id, array("f", vector).tobytes()) for note, vector in zip(new, made, strict=True)]
        if rows:
            self._record.keep_vectors(embedder.name, rows)
            vectors.update(rows)
        if not vectors:
            return []
        matrix = np.frombuffer(b"".join(vectors.values()), dtype=np.float32).reshape(len(vectors), embedder.dimension)
        [vector] = embedder.embed([query])
        similarity = matrix @ np.array(vector, dtype=np.float32)
        order = np.argsort(-similarity)[:limit]
        keys = list(vectors)
        return [(keys[int(at)], float(similarity[int(at)])) for at in order]

    def _let_go(self) -> None:
        index, self._index = self._index, None
        if index is None:
            return
        seal = index.close()
        try:
            self._put_seal(seal)
        except MemoryFault:
            return  # without a seal the index is made again at the next open, which is slower and never wrong

    def _embeds(self) -> Embedder:
        with self._embedding:
            if self._embedder is None:
                self._embedder = self._make_embedder(self._warn)
            return self._embedder

    def _place(self, embedder: Embedder) -> Path:
        return self._directory / "index" / embedder.name

    def _seal(self) -> str:
        return self._record_now(self._record.meta, f"seal {self._embeds().name}")

    def _put_seal(self, seal: str) -> None:
        self._record_now(self._record.put, f"seal {self._embeds().name}", seal)

    # -- Threads --------------------------------------------------------------------------------------------------

    async def _merged(self, first: Sequence[int], second: Sequence[int], limit: int) -> list[Note]:
        """Two rankings as one, by reciprocal ranks (Cormack et al. 2009, with its constant 60)."""
        score: dict[int, float] = {}
        for ranking in (first, second):
            for rank, id in enumerate(ranking):
                score[id] = score.get(id, 0) + 1 / (60 + rank)
        order = sorted(score, key=lambda id: (-score[id], -id))[:limit]
        return await self._recorded(self._record.notes, order)

    async def _recorded(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(self._writer, work, *args, **kwargs)

    async def _indexed(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Run in the index's thread; None when the index fails, which is then closed and made again when it is asked for."""

        def guarded() -> T | None:
            try:
                return work(*args, **kwargs)
            except IndexFault as fault:
                self._warn(f"The index of meanings failed and will be made again: {fault}")
                index, self._index = self._index, None
                if index is not None:
                    index.close()  # without its seal: what the files hold now is not to be trusted
                return None

        return await self._run(self._indexer, guarded)

    async def _indexed_or(self, otherwise: T, work: Callable[[], T]) -> T:
        done = await self._indexed(work)
        return otherwise if done is None else done

    async def _run(self, thread: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._closed:
            raise MemoryFault("Memory is closed.", "Open the session again.")
        return await asyncio.get_running_loop().run_in_executor(thread, lambda: work(*args, **kwargs))

    def _record_now(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """From the index's thread: the record works in its own."""
        return self._writer.submit(work, *args, **kwargs).result()


def _floats(vector: bytes) -> array[float]:
    floats = array("f")
    floats.frombytes(vector)
    return floats
