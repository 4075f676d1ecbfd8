"""One process of a conversation, for the tests that need several: `python turns.py STATE PROJECT STEP…`.

A step is `say:WORDS`, `yes` (answer what waits), `die` (SIGKILL to itself), or `die-acting` (SIGKILL once a call has begun).
The script of the model is the file `script.jsonl` beside the project. It prints one line per event, and its session's id.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from envsync.agent.config import Settings
from envsync.agent.events import Approval, ApprovalNeeded, Done, Failed, Notice, ToolStarted
from envsync.agent.session import Session

sys.path.insert(0, str(Path(__file__).parent.parent.parent))


async def main(state: str, project: str, *steps: str) -> None:
    settings = Settings(
        state=Path(state),
        file=Path(state, "none.toml"),
        path=Path(project),
        model=f"scripted:{Path(project).parent / 'script.jsonl'}",
        memory=False,
        resume=True,
        environ={"HOME": state},
    )
    session = await Session.open(settings)
    print("session", session.id, flush=True)
    if session.waiting:
        print("waiting", *(item.plan.summary for item in session.waiting.prepared if item.plan), flush=True)
    for step in steps:
        word, _, words = step.partition(":")
        if word == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        waits = session.waiting
        stream = session.send(words) if word == "say" else session.answer(Approval(waits.id if waits else "", True))
        async for event in stream:
            match event:
                case ApprovalNeeded():
                    print("asked", *(item.plan.summary for item in event.prepared if item.plan), flush=True)
                case Failed(error):
                    print("failed", error.what, flush=True)
                case Notice(text):
                    print("notice", text, flush=True)
                case Done():
                    print("done", event.reply.splitlines()[:1], flush=True)
                case ToolStarted() if word == "die-acting":
                    # Once its command runs, which is after its intent is in the journal.
                    while not Path(project, "began").exists():
                        await asyncio.sleep(0.01)
                    os.kill(os.getpid(), signal.SIGKILL)
                case _:
                    pass
    await session.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
