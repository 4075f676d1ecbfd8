"""The keeper of a session: a process of its own that goes on when the command that started it has ended.

python -I -m envsync.tools.sync.keeper STATE ID
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ..hosts.registry import Hosts
    from .engine import Engine
    from .session import Session
    from .watching import Watcher
    from .work import Work

FIRST, LAST = 0.5, 60.0
"""Seconds until a host that went away is tried again, at first and at most."""


def main() -> None:
    """Leave the starter at once, then keep the session until it is paused, ended, or needs a person."""
    if os.fork():
        os._exit(0)
    import asyncio
    import gc
    from pathlib import Path

    # Likewise no search through all of a large tree for garbage while somebody waits: see Watcher.
    gc.set_threshold(20_000, 50, 1000)
    state, id = Path(sys.argv[1]), sys.argv[2]
    # Three threads hand each save of a file on to each other: none of them may wait 5 ms for another to give way.
    sys.setswitchinterval(0.0002)
    asyncio.run(keep(state, id))


async def keep(state: Path, id: str) -> None:
    """Keep one session; returns when it is over, or when another process works on it."""
    from ..errors import Locked
    from .session import all_of

    found = next((session for session in all_of(state) if session.spec.id == id), None)
    if found is None or not found.keeping:
        return
    try:
        with found.locked(wait=2.0):
            await Keeper(found).run()
    except Locked:
        return


class Keeper:
    """One session's life: connect, watch, and begin again when a host comes back."""

    def __init__(self, session: Session) -> None:
        import asyncio

        from .session import Told, now

        self.session = session
        self.state = Told(pid=os.getpid(), began=_began(), since=now())
        self._watcher: Watcher | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Until stopped."""
        import asyncio
        import signal

        from ..hosts.registry import Hosts
        from .control import serve

        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(sign, self.stop)
        server = await serve(self.session.directory, self._answer)
        hosts = Hosts()
        delay = FIRST
        try:
            while not self._stopping.is_set() and self.session.keeping:
                began = loop.time()
                if not await self._once(hosts):
                    break
                await hosts.close()
                delay = FIRST if loop.time() - began > LAST else min(delay * 2, LAST)
                await self._pause(delay)
        finally:
            server.close()
            await hosts.close()

    def stop(self) -> None:
        """End after the operation that is under way."""
        self._stopping.set()
        self._hurry.set()
        if self._watcher is not None:
            self._watcher.stop()

    async def _once(self, hosts: Hosts) -> bool:
        """Connect and watch; True when it is worth trying again."""
        import traceback
        from contextlib import suppress

        from ..errors import Damaged, EnvSyncError, Unreachable
        from .engine import Halted
        from .watching import Watcher
        from .work import Work

        self._tell(phase="starting" if not self.state.cycles else self.state.phase)
        work: Work | None = None
        try:
            work = await Work.open(self.session, hosts.open)
            self._watcher = Watcher(work, self._told)
            if self._stopping.is_set():
                return False
            await self._watcher.run()
            self._tell(phase="stopped", what="", hint="")
            return False
        except Halted as halt:
            self._tell(phase="halted", what=halt.what, hint=halt.hint, halt=halt.halt.code)
            self.session.mark("keep", False)
            return False
        except Damaged as error:
            self._tell(phase="failed", what=error.what, hint=error.hint)
            self.session.mark("keep", False)
            return False
        except Unreachable as error:
            self._tell(phase="unreachable", what=error.what, hint=error.hint)
        except (EnvSyncError, OSError) as error:
            what, hint = (error.what, error.hint) if isinstance(error, EnvSyncError) else (str(error), "")
            self._tell(phase="failed", what=what, hint=hint or "It is tried again by itself.")
        except Exception as error:
            traceback.print_exc()  # into the session's log
            self._tell(
                phase="failed", what=f"{type(error).__name__}: {error}", hint=f"See {self.session.directory}/log"
            )
        finally:
            self._watcher = None
            if work is not None:
                with suppress(EnvSyncError, OSError):  # it is gone already
                    await work.close()
        return not self._stopping.is_set()

    async def _pause(self, delay: float) -> None:
        import asyncio
        from datetime import timedelta

        from .session import now

        self._hurry.clear()
        if self._stopping.is_set():
            return
        self._tell(retry=now() + timedelta(seconds=delay))
        try:
            async with asyncio.timeout(delay):
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._tell(retry=None)

    async def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What a command asks of the keeper: `stop`, `flush`, or `settle` conflicts (with `dry`: only say how)."""
        from .engine import failed
        from .settling import answer

        if asked.get("do") == "stop":
            self.stop()
            return {"ok": True}
        watcher = self._watcher
        if watcher is None:
            self._hurry.set()
            return {"ok": False, "what": self.state.what or "it is not connected", "hint": self.state.hint}
        try:
            match asked.get("do"):
                case "flush":
                    found = await watcher.call(_flushed)
                    engine = watcher.work.engine
                    found = {"conflicts": len(engine.conflicts), "problems": len(engine.problems)}
                case "settle":
                    found = await watcher.call(lambda work: answer(work, asked))
                case other:
                    return {"ok": False, "what": f"{other!r} is nothing that a keeper does", "hint": ""}
        except Exception as error:
            what, hint = failed(error)
            return {"ok": False, "what": what, "hint": hint}
        return {"ok": True, **found}

    def _told(self, watcher: Watcher, phase: str) -> None:
        from .session import now

        engine = watcher.work.engine
        equal = phase == "watching"
        self._tell(
            phase=phase, what="", hint="", halt="", retry=None, cycles=watcher.cycles,
            synced=now() if equal else self.state.synced, pushed=(watcher.made[0], watcher.made[1]), **listed(engine),
        )  # fmt: skip

    def _tell(self, **changes: object) -> None:
        from .session import now

        if changes.get("phase", self.state.phase) != self.state.phase:
            changes["since"] = now()
        self.state = self.state.model_copy(update=changes)
        self.session.tell(self.state)


async def _flushed(_: Work) -> dict[str, Any]:
    """Nothing but the look at everything that follows each job."""
    return {}


def listed(engine: Engine) -> dict[str, object]:
    """What the state says of an engine: counts, conflicts, notices."""
    from .session import LISTED

    conflicts = [(path, conflict.why) for path, conflict in sorted(engine.conflicts.items())]
    notices = [*((path, why) for path, why in sorted(engine.problems.items())), *engine.notices]
    return {
        "files": len(engine.ancestor.tree),
        "conflicts": len(conflicts),
        "conflicting": tuple(conflicts[:LISTED]),
        "notices": tuple(notices[:LISTED]),
    }


def _began() -> float:
    """When this process began, in seconds since the machine did; 0 where nothing tells."""
    try:
        with open("/proc/self/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


if __name__ == "__main__":
    main()
