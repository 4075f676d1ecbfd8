"""A large model behind any OpenAI-compatible endpoint: OpenAI, Gemini's and Ollama's endpoints, vLLM, llama.cpp."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from ...tools.errors import EnvSyncError, Unreachable, Usage
from .. import events
from ..config import Settings
from ..events import Text
from . import founded, worded
from .base import Request, Thought
from .faults import TRIES, Again, Faults, Textual
from .ways import Way, Ways
from .wire import Heard, alive, messages, tool_schemas

DEFAULT = "gpt-5-mini"
"""OpenAI's small model, when there is a key and neither model nor endpoint is named."""
CONNECT = 5.0
"""Seconds for a connection."""
FIRST = 120.0
"""Seconds for the first piece of an answer: a local model may have to be loaded first."""
SILENT = 6.0
"""Seconds without a first piece after which the endpoint is asked whether it lives at all."""
BETWEEN = 60.0
"""Seconds between two pieces; heartbeats are no pieces."""
BUDGET = 60.0
"""Seconds that waiting for a busy endpoint may take in all."""


OTHERWISE = "Say it in other words, or use --model offline."


class OpenAIModel:
    """Implements Model over langchain-openai.

    Where the endpoint's model makes no native tool calls, which its first answer shows, it is asked for one JSON object by
    a schema from then on (worded.py); that is remembered for its endpoint and name.
    """

    follows_up = True

    def __init__(self, settings: Settings, given: str = "") -> None:
        """`given` is NAME or NAME@ENDPOINT, or empty for the default. Raises Usage for what cannot be."""
        name, at, place = given.rpartition("@")
        if at and not place.startswith(("http://", "https://")):
            if ":" in place or "." in place:
                raise Usage(f"{place!r} is no endpoint", "Write NAME@http://HOST:PORT/v1.")
            name, at = given, ""  # an @ of the name's own
        self.settings = settings
        self.endpoint = place if at else settings.base_url
        """Empty for OpenAI itself."""
        self.name = (name if at else given) or ("" if self.endpoint else DEFAULT)
        if not self.name:
            raise Usage("the endpoint's model is not named", "Name it: --model NAME, or ENVSYNC_MODEL.")
        if not self.endpoint and not settings.key:
            raise Usage(
                f"there is no key for the model {self.name}",
                "Set OPENAI_API_KEY (or ENVSYNC_API_KEY, or `keyring set envsync api-key`), "
                "or name an endpoint: --model NAME@http://HOST:PORT/v1.",
            )
        self._faults = Faults(self.who, bool(self.endpoint), settings.key)
        self._ways = Ways(settings.state, self.endpoint, self.name)
        self._way: Way = self._ways.read() if self.endpoint else "native"

    async def think(self, request: Request) -> AsyncIterator[Text | Thought]:
        """See Model.think. Waits at most a minute in all for an endpoint that is busy."""
        try:
            async for piece in self._tried(request):
                yield piece
        except Textual:
            before, self._way = self._way, "worded"
            try:
                async for piece in self._tried(request):
                    yield piece
            except Unreachable:
                self._way = before  # it may not know schemas either
                raise

    async def _tried(self, request: Request) -> AsyncIterator[Text | Thought]:
        deadline = time.monotonic() + BUDGET
        for attempt in range(1, TRIES + 1):
            said = False
            try:
                async for piece in self._once(request):
                    said = said or isinstance(piece, Text)
                    yield piece
                return
            except Again as fault:
                # What was shown cannot be taken back, and a second answer after half of one would confuse.
                if said or attempt > fault.most or time.monotonic() + fault.wait > deadline:
                    raise fault.error from None
                await asyncio.sleep(fault.wait * random.uniform(0.8, 1.0))  # noqa: S311  # jitter
        raise AssertionError("the last try raises")

    async def _once(self, request: Request) -> AsyncIterator[Text | Thought]:
        import openai

        heard, way, shown = Heard(), self._way, 0
        held: list[str] = []
        # Of our own, so that it is closed; and what a person said goes to the place they named, wherever that points.
        http = openai.DefaultAsyncHttpxClient(follow_redirects=False)
        stream = self._client(way, http, not request.answered).astream(
            (worded.messages if way == "worded" else messages)(request)
        )
        try:
            async for chunk in self._timed(stream):
                held.append(heard.add(chunk))
                # Before the first call it is not known whether a text is an answer or a call that went wrong.
                text = {"native": heard.text, "worded": worded.said(heard.text), "": ""}[way]
                if len(text) > shown:
                    yield Text(text[shown:])
                    shown = len(text)
        except EnvSyncError:
            raise
        except Exception as error:
            # Whatever an endpoint sends, it is the endpoint's fault: the libraries raise a dozen kinds for it.
            raise self._faults.of(error, way) from None
        finally:
            await stream.aclose()
            await http.aclose()
        if not heard.finish:
            raise self._faults.unreadable("the answer of {} broke off" if heard.any else "{} answered nothing")
        if heard.finish not in ("stop", "tool_calls", "function_call"):
            raise self._faults.cut(heard.finish)
        thought = self._thought(heard, way, request)
        for piece in held if way == "" else ():
            if piece:
                yield Text(piece)
        yield thought

    def _thought(self, heard: Heard, way: Way, request: Request) -> Thought:
        """What the whole answer comes to, and what it shows about the way of the model."""
        if way == "worded":
            try:
                thought = worded.thought(heard.text, self._usage(heard))
            except (ValueError, RecursionError):
                raise self._faults.unreadable("the answer of {} keeps to no schema") from None
        else:
            thought = heard.thought(self._usage(heard))
            if way == "" and not thought.calls and worded.pretends(heard.text):
                raise Textual
            way = "native"
        if thought.calls and self.endpoint and self._ways.read() != way:
            self._ways.keep(way)
        if thought.calls:
            self._way = way
        if way == "worded":
            return worded.unrepeated(founded.pruned(thought, request, worded.prompt()), request)
        if not thought.calls and not thought.reply.strip() and not request.answered:
            # A refusal comes in a field of its own, which the library leaves out of a stream.
            return replace(thought, kind="decline", reply=f"{self.name} refused, or had nothing to say. {OTHERWISE}")
        # In the middle of a turn that is the graph's to say, which then knows what was done.
        asked = "" if request.answered else founded.question(thought.calls, request)
        return replace(thought, kind="ask", calls=(), reply=asked) if asked else thought

    async def _timed(self, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The pieces as they come; Unreachable when the endpoint is dead or stays silent."""
        began, first = time.monotonic(), True
        while True:
            coming = asyncio.ensure_future(anext(stream, None))
            try:
                while not coming.done():
                    await asyncio.wait([coming], timeout=SILENT if first else BETWEEN)
                    if coming.done():
                        break
                    if not first or time.monotonic() - began > FIRST:
                        raise Unreachable(f"{self.who} stopped answering", "Try again, or use --model offline.")
                    if self.endpoint and not await asyncio.to_thread(alive, self.endpoint):
                        raise Unreachable(
                            f"{self.who} does not answer", "Look whether it runs there, or use --model offline."
                        )
                chunk = coming.result()
            finally:
                if not coming.done():
                    coming.cancel()
                    await asyncio.wait([coming])
            if chunk is None:
                return
            first = False
            yield chunk

    def _client(self, way: Way, http: Any, first: bool) -> Any:
        import openai
        from langchain_openai import ChatOpenAI

        client = ChatOpenAI(
            model=self.name,
            base_url=self.endpoint or None,
            api_key=self.settings.key or "none",  # pyright: ignore[reportArgumentType]  # it takes a str and hides it
            timeout=openai.Timeout(FIRST, connect=CONNECT),
            max_retries=0,
            stream_usage=True,
            use_responses_api=False,
            http_async_client=http,
        )
        # Not by langchain's own `response_format`, which parses and retries in ways of its own.
        return client.bind(extra_body=worded.body(first)) if way == "worded" else client.bind(tools=tool_schemas())

    @property
    def who(self) -> str:
        """Name and place, for a person."""
        where = self.endpoint.partition("://")[2].partition("/")[0].rpartition("@")[2]
        return f"the model {self.name} at {where or 'api.openai.com'}"

    def _usage(self, heard: Heard) -> events.Usage | None:
        if heard.usage is None:
            return None
        prompt, completion = heard.usage
        cost, prices = None, (self.settings.price_prompt, self.settings.price_completion)
        if prices[0] is not None and prices[1] is not None:
            cost = (prompt * prices[0] + completion * prices[1]) / 1e6
        return events.Usage(prompt, completion, cost)
