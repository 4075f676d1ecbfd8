"""What lasts of a conversation: its thread in the graph's checkpoints, its line in the list, and that only one has it."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..tools.errors import EnvSyncError, Failed, Locked
from .asking import waiting
from .config import Settings, state_directory
from .events import Approval, ApprovalNeeded
from .flow import Flow
from .graph import Thread
from .sessions import UNAFFECTED, Info, Sessions, damaged, find, open_sessions, put_aside
from .turn import UNCHANGED, Json, State, fresh, remembered


class Conversation:
    """One thread. What cannot be kept is said once, and the conversation goes on without being kept."""

    def __init__(self, settings: Settings, flow: Flow, tell: Callable[[str], None]) -> None:
        self.id = self.title = ""
        self.history: list[Json] = []
        self.dropped: Json = {}
        """The request and calls of the last plan that was shown and not answered."""
        self.waiting: ApprovalNeeded | None = None
        self._settings = settings
        self._flow = flow
        flow.acting = self._acting
        self._tell = tell
        self._turns = 0
        self._lock: int | None = None
        self._sessions: Sessions | None = None
        self._thread = Thread(flow, None, "")

    async def open(self) -> None:
        """Find or make it, hold it, and read where it stands. Raises Usage for an unknown one, Locked for one in use."""
        directory = state_directory(self._settings)
        self._sessions = open_sessions(directory, self._tell)
        for again in (False, True):
            try:
                if self._sessions is not None:
                    await self._enter(self._sessions, directory)
                    return
                break
            except (sqlite3.Error, OSError) as error:
                await self.close()
                if again or not damaged(error):
                    self._tell(f"conversations cannot be kept ({error}): this one is not. {UNAFFECTED}")
                    break
                self._tell(f"{put_aside(directory / 'sessions.db')} {UNAFFECTED}")
                self._sessions = open_sessions(directory, self._tell)
        await self._unkept()

    async def run(self, state: State) -> Exception | None:
        """Run a turn to its end or its question; returns why it could not be kept. Raises EnvSyncError when it broke off."""
        state["history"], state["dropped"] = self.history, self.dropped
        return await self._kept(self._thread.run(state))

    async def resume(self, approval: Approval) -> Exception | None:
        """Go on after the question, likewise."""
        return await self._kept(self._thread.resume(approval))

    def first_time(self, what: str) -> bool:
        """True once per installation; always, where nothing is kept."""
        with suppress(sqlite3.Error):
            return self._sessions is None or self._sessions.first_time(what)
        return True

    def noted(self, words: str, model: str) -> None:
        """The turn ended, or waits for an answer: write its line in the list."""
        asked = self.waiting is not None
        self._turns += not asked
        if self._sessions is not None:
            try:
                self._sessions.touched(self.id, words=words, turns=self._turns, model=model, waiting=asked)
            except sqlite3.Error as error:
                self._tell(f"the list of conversations cannot be written: {error}. {UNAFFECTED}")
        self.title = self.title or " ".join(words.split())[:60]

    def pending(self) -> Json:
        """What waits for an answer, to be shown again or dropped."""
        state = self._flow.last or fresh()
        calls = [*(item["call"] for item in state["prepared"]), *state["later"]]
        return {key: state[key] for key in ("request", "piped", "origin")} | {"calls": calls}

    def drop(self) -> None:
        """The person turned to something else: the plan that waits is not approved, and kept for a late yes."""
        self.dropped = held = self.pending()
        self.waiting = None
        self.remember(held["request"], held["calls"], f"planned, not approved. {UNCHANGED}")

    def remember(self, request: str, calls: Sequence[Json], reply: str) -> None:
        """Add a turn to the history that no graph ran to its end."""
        self.history = remembered(self.history, request or typed(calls), calls, reply)

    async def close(self) -> None:
        """Let go of it; safe to call twice."""
        await self._thread.close()
        if self._sessions is not None:
            self._sessions.close()
            self._sessions = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _enter(self, sessions: Sessions, directory: Path) -> None:
        project, on = str(self._settings.path.resolve()), self._settings.on
        known = sessions.all()
        info = find(known, self._settings.session) if self._settings.session else None
        if info is None and self._settings.resume:
            info = next((one for one in known if (one.project, one.host) == (project, on)), None)
            if info is None:
                self._tell("there is no earlier conversation about this project: this is a new one")
        if info is not None and await self._go_on(sessions, info, directory):
            return
        self.id = sessions.add(project, on)
        self._lock = _hold(directory, self.id)
        self._thread = Thread(self._flow, directory / "sessions.db", self.id)
        await self._thread.open()

    async def _go_on(self, sessions: Sessions, info: Info, directory: Path) -> bool:
        """Take up an earlier conversation; False, and the person is told, when what was kept of it cannot be read."""
        self._lock = _hold(directory, info.id)
        self._thread = Thread(self._flow, directory / "sessions.db", info.id)
        try:
            state = await self._thread.open() or fresh()
            asked = waiting(state) if state["asked"] else None
        except (sqlite3.Error, OSError):
            raise
        except Exception:  # whatever stands in the file is no reason to stop
            await self._thread.close()
            os.close(self._lock)
            self._lock = None
            self._tell(f"the conversation {info.id} cannot be read: this is a new one. {UNAFFECTED}")
            return False
        self.id, self.title, self._turns = info.id, info.title, info.turns
        self.history, self.dropped = state["history"], state["dropped"]
        cut_off = sessions.interrupted(self.id)
        if cut_off is not None:
            # Its approval is used up, whatever the checkpoint says: only the journal knows how far it came.
            what = "interrupted: the process ended half-way; the journal has what was done"
            self.remember(cut_off["request"], cut_off["calls"], what)
            self._tell(
                f"the last turn was stopped half-way ({typed(cut_off['calls'])}). `envsync history` shows what was "
                "done, `envsync rewind --to last` takes it back."
            )
        elif asked is not None:
            self._flow.last = state
            self.waiting = asked
        return True

    async def _kept(self, work: Coroutine[Any, Any, None]) -> Exception | None:
        try:
            await work
        except EnvSyncError:
            raise
        except (sqlite3.Error, OSError) as error:
            if self._flow.last is None:
                raise Failed(f"the conversation broke off: {error}", "Ask again.") from error
            await self._unkept()
            return error
        return None

    async def _unkept(self) -> None:
        """Go on without a file."""
        await self._thread.close()
        self._thread = Thread(self._flow, None, self.id)
        await self._thread.open()

    def _acting(self, what: Json) -> None:
        if self._sessions is None:
            return
        try:
            self._sessions.acting(self.id, what)
        except sqlite3.Error as error:
            raise Failed(f"the conversation cannot be written: {error}", f"{UNCHANGED} Try again.") from error


def _hold(directory: Path, id: str) -> int:
    """Hold a conversation: two processes would overwrite each other's turns. The kernel lets go when a process ends."""
    (directory / "sessions").mkdir(mode=0o700, exist_ok=True)
    handle = os.open(directory / "sessions" / f"{id}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Locked(
            f"the conversation {id} is open in another process", "Close it there, or begin a new one."
        ) from None
    return handle


def typed(calls: Sequence[Json]) -> str:
    """Calls as a person types them."""
    return "; ".join(
        f"/{call['tool']} {' '.join(f'{key}={json.dumps(value)}' for key, value in call['args'].items())}".strip()
        for call in calls
    )
