"""The graph: recall, think, gate, ask, act, remember. The only importer of langgraph.

recall ─▶ think ─▶ gate ─▶ ask ─▶ act ─▶ remember
            ▲  ▲────┘ ▲─────┴─────┘│
            └──────────────────────┘
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any, cast

from .events import Approval
from .flow import Flow
from .turn import Json, State, fresh


def load() -> None:
    """Import langgraph, as little of it as is used; a front end may do it early, in a thread."""
    # Read when langgraph is imported: stored data may never name a type to build.
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
    if "langgraph.graph" in sys.modules:
        return
    # Measured, of 0.40 s: of its SDK langgraph needs one type, and the package's own __init__ loads an HTTP client for
    # it (0.06 s); LangSmith, which is not used, loads OpenTelemetry where it is installed (0.03 s). Both are left out
    # while langgraph is imported, and not missed: whoever imports them later gets them whole.
    spec = find_spec("langgraph_sdk")
    instead = {"langgraph_sdk": module_from_spec(spec) if spec else None, "opentelemetry": None}
    left_out = {name: module for name, module in instead.items() if name not in sys.modules}
    sys.modules.update(left_out)  # pyright: ignore[reportArgumentType, reportCallIssue]  # None: as if it were not installed
    try:
        for module in ("langgraph.graph", "langgraph.checkpoint.sqlite.aio"):
            import_module(module)
    finally:
        for name in left_out:
            del sys.modules[name]


def build(flow: Flow, saver: Any = None) -> Any:
    """Compile the graph over these parts; `saver` is a checkpointer or None."""
    load()
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import interrupt

    flow.interrupt = interrupt

    graph: Any = StateGraph(State)
    nodes = ("recall", "think", "gate", "ask", "act", "remember")
    for name in nodes:
        graph.add_node(name, getattr(flow, name))
    graph.add_edge(START, "recall")
    ways = {
        "recall": ("think", "gate"),
        "think": ("gate", "remember"),
        "gate": ("ask", "act", "think", "remember"),
        "ask": ("act", "gate", "remember"),
        "act": ("think", "gate", "remember"),
    }
    for name, to in ways.items():
        graph.add_conditional_edges(name, _next, list(to))
    graph.add_edge("remember", END)
    return graph.compile(checkpointer=saver, name="envsync")


class Thread:
    """A conversation's graph with its checkpoints: runs turns, and tells where it stands."""

    def __init__(self, flow: Flow, file: Path | None, id: str) -> None:
        """`file` None keeps nothing."""
        self._flow = flow
        self._file = file
        self._config = {"configurable": {"thread_id": id}, "recursion_limit": 200}
        self._graph: Any = None
        self._db: Any = None

    async def open(self) -> State | None:
        """Connect; returns the state of the thread, None for a new one. Raises sqlite3.Error, ValueError and others
        for stored data that cannot be read."""
        saver: Any = None
        if self._file is None:
            load()
            from langgraph.checkpoint.memory import InMemorySaver

            saver = InMemorySaver()
        else:
            load()
            import aiosqlite
            from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
            from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

            self._db = await aiosqlite.connect(self._file, timeout=5)
            # WAL with NORMAL never damages the file; a power cut may lose the last turn's text, never the journal.
            await self._db.execute("pragma synchronous=normal")
            saver = AsyncSqliteSaver(self._db, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._graph = build(self._flow, saver)
        values: Json = (await self._graph.aget_state(self._config)).values if self._file else {}
        return cast(State, {**fresh(), **values}) if values else None

    async def run(self, state: State) -> None:
        """Run a turn from its beginning; afterwards `Flow.last` is its state."""
        await self._invoke(state)

    async def resume(self, reply: Approval) -> None:
        """Go on after the question."""
        from langgraph.types import Command

        said = {"id": reply.id, "yes": reply.yes, "always": reply.always, "typed": reply.typed}
        await self._invoke(Command(resume=said))

    async def _invoke(self, given: Any) -> None:
        # A checkpoint per node would be written for nothing: a turn is over in one go, or waits at its question.
        with _untraced():
            await self._graph.ainvoke(given, self._config, durability="exit")

    async def close(self) -> None:
        if self._db is not None:
            db, self._db = self._db, None
            await db.close()


def studio() -> Any:
    """The compiled graph for LangGraph's own tools (langgraph.json), over this machine's settings."""
    from .config import load
    from .wiring import build as parts

    made = parts(load({}, dict(os.environ)))
    return build(Flow(made.executor, made.model, made.recall, redact=made.redact, known=made.known))


def _next(state: State) -> str:
    return state["next"]


@contextmanager
def _untraced() -> Generator[None]:
    """Without LangSmith: a variable that came with some project must not send this conversation to anybody."""
    if not any(os.environ.get(name) for name in TRACING):
        yield
        return
    from langsmith.run_helpers import tracing_context  # pyright: ignore[reportUnknownVariableType]  # takes anything

    with tracing_context(enabled=False):
        yield


TRACING = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2")
