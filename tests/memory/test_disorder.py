"""Any order of adding, forgetting, opening, closing, damaging and killing: the notebook agrees with a plain list."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from envsync.memory.base import ListMemory
from envsync.memory.embed import NGrams
from envsync.memory.notebook import Notebook

PROJECTS = st.sampled_from(["", "/a", "/a/b", "/ab"])
TEXTS = st.sampled_from([f"{word} listens on {n}" for word in ("redis", "mysql") for n in range(3)])
KINDS = st.sampled_from(["fact", "turn", "fingerprint"])

KILLED = """
import asyncio, os, sys
from pathlib import Path
from envsync.memory.embed import NGrams
from envsync.memory.notebook import Notebook
async def main():
    notebook = Notebook(Path(sys.argv[1]), embedder=lambda _: NGrams())
    if sys.argv[2] == "True":
        await notebook.open_index()
    await notebook.add(sys.argv[3], project="/a", host="local")
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""


class Disorder(RuleBasedStateMachine):
    ids = Bundle("ids")

    @initialize()
    def begin(self) -> None:
        self.state = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.notebook = self.opened()
        self.model = ListMemory()
        self.numbers: dict[int, int] = {}
        self.kills = 0

    def opened(self) -> Notebook:
        return Notebook(self.state, embedder=lambda _: NGrams())

    def run(self, work):
        return self.loop.run_until_complete(work)

    @rule(target=ids, text=TEXTS, project=PROJECTS, kind=KINDS)
    def add(self, text: str, project: str, kind: str) -> int:
        theirs = self.run(self.notebook.add(text, project=project, host="local", kind=kind))
        ours = self.run(self.model.add(text, project=project, host="local", kind=kind))
        assert self.numbers.setdefault(ours, theirs) == theirs
        return ours

    @rule(id=ids)
    def forget(self, id: int) -> None:
        self.run(self.notebook.forget(self.numbers[id]))
        self.run(self.model.forget(id))

    @rule()
    def open_index(self) -> None:
        assert self.run(self.notebook.open_index())

    @rule()
    def restart(self) -> None:
        self.run(self.notebook.close())
        self.notebook = self.opened()

    @rule(seed=st.integers(0, 99))
    def damage_the_index(self, seed: int) -> None:
        self.run(self.notebook.close())
        chance = random.Random(seed)
        files = sorted(path for path in (self.state / "memory/index").rglob("*") if path.is_file())
        if files:
            victim = chance.choice(files)
            victim.write_bytes(victim.read_bytes()[: chance.randrange(5000)] + chance.randbytes(chance.randrange(50)))
        self.notebook = self.opened()

    @rule(indexed=st.booleans(), text=TEXTS)
    def another_process_is_killed(self, indexed: bool, text: str) -> None:
        if self.kills >= 1:  # each costs most of a second
            return
        self.kills += 1
        self.run(self.notebook.close())
        subprocess.run([sys.executable, "-c", KILLED, str(self.state), str(indexed), text], timeout=60)
        self.notebook = self.opened()
        theirs = self.run(self.notebook.find(text, project="/a", host="local"))
        assert theirs
        self.numbers[self.run(self.model.add(text, project="/a", host="local"))] = theirs.id

    @rule(text=TEXTS)
    def search(self, text: str) -> None:
        for project in ("/a", "/a/b"):
            found = self.run(self.notebook.search(text, project=project, limit=1000))
            wanted = self.run(self.model.search(text, project=project, limit=1000))
            assert {(n.text, n.project) for n in wanted} <= {(n.text, n.project) for n in found}

    @invariant()
    def the_same_notes(self) -> None:
        for project in ("/a", "/a/b", "/ab"):
            ours = self.run(self.model.search(None, project=project, limit=1000))
            theirs = self.run(self.notebook.search(None, project=project, limit=1000))
            assert [n.id for n in theirs] == [self.numbers[n.id] for n in ours]
            facts = self.run(self.notebook.facts(project=project, host="local"))
            assert [(n.text, n.project) for n in facts] == [
                (n.text, n.project) for n in self.run(self.model.facts(project=project, host="local"))
            ]

    def teardown(self) -> None:
        if hasattr(self, "notebook"):
            self.run(self.notebook.close())
            self.loop.close()
            shutil.rmtree(self.state)


TestDisorder = Disorder.TestCase
TestDisorder.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
