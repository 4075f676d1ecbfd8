"""A large model behind any OpenAI-compatible endpoint: OpenAI, Gemini's and Ollama's endpoints, vLLM, llama.cpp."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from ...tools.errors import EnvSyncError, Unreachable, Usage
from ...tools.redact import Redactor
from .. import events
from ..config import Settings
from ..events import Text
from . import founded, worded
from .base import Request, Thought
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
BUSY = 5.0
"""Seconds to wait for an endpoint that does not say how long."""
TRIES = 4


class _Again(Exception):
    """Another try may help, after `wait` seconds; `error` is what it comes to when none is left."""

    def __init__(self, error: EnvSyncError, wait: float = 1.0, most: int = 1) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait
        self.most = most
        """How many further tries this fault is worth."""


class _Textual(Exception):
    """The model makes no native calls: ask again for JSON by a schema."""


_ABOUT_TOOLS = re.compile(r"\b(tool|function|jinja)", re.IGNORECASE)
"""What an endpoint's refusal of `tools` names, in every server that was seen."""

_ODD = re.compile(r"[^\w.-]")


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
        self._ways = Ways(settings.state, self.endpoint, self.name)
        self._way: Way = self._ways.read() if self.endpoint else "native"

    async def think(self, request: Request) -> AsyncIterator[Text | Thought]:
        """See Model.think. Waits at most a minute in all for an endpoint that is busy."""
        try:
            async for piece in self._tried(request):
                yield piece
        except _Textual:
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
            except _Again as fault:
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
            raise self._fault(error, way) from None
        finally:
            await stream.aclose()
            await http.aclose()
        if not heard.finish:
            raise _Again(self._unreadable("the answer of {} broke off" if heard.any else "{} answered nothing"))
        if heard.finish not in ("stop", "tool_calls", "function_call"):
            raise Unreachable(
                f"the answer of {self.who} was cut off ({_ODD.sub('?', heard.finish[:40])})",
                "Nothing was carried out. Ask for less at once, or use another model.",
            )
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
                raise _Again(self._unreadable("the answer of {} keeps to no schema")) from None
        else:
            thought = heard.thought(self._usage(heard))
            if way == "" and not thought.calls and worded.pretends(heard.text):
                raise _Textual
            way = "native"
        if thought.calls and self.endpoint and self._ways.read() != way:
            self._ways.keep(way)
        if thought.calls:
            self._way = way
        if way == "worded":
            return worded.unrepeated(founded.pruned(thought, request, worded.prompt()), request)
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

    def _fault(self, error: Exception, way: Way) -> Exception:
        """What a library's error means for the person."""
        import openai

        who = self.who
        match error:
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return Unreachable(
                    f"{who} does not accept the key ({error.status_code})",
                    "Check OPENAI_API_KEY (or ENVSYNC_API_KEY), or use --model offline.",
                )
            case openai.RateLimitError():
                wait = seconds(error.response.headers)
                told = Unreachable(
                    f"{who} is over its limit (429{f', asks to wait {wait:.0f} s' if wait else ''})",
                    "Try again later, or use --model offline.",
                )
                return _Again(told, BUSY if wait is None else wait, most=TRIES - 1)
            case openai.APIStatusError() if self.endpoint and way != "worded" and _ABOUT_TOOLS.search(str(error)):
                return _Textual()
            case openai.NotFoundError():
                return Unreachable(
                    f"{who} is not there (404)", "Check the model's name and that the endpoint ends in /v1."
                )
            case openai.APIStatusError() if error.status_code >= 500:
                return _Again(Unreachable(f"{who} has a fault ({error.status_code})", "Try again later."))
            case openai.APIStatusError():
                return Unreachable(
                    f"{who} refuses the request ({error.status_code}): {self._quoted(error)}",
                    "Another model may take it, or use --model offline.",
                )
            case openai.APITimeoutError() | openai.APIConnectionError():
                return Unreachable(
                    f"{who} cannot be reached", "Check the address and the network, or use --model offline."
                )
            case _:
                return _Again(self._unreadable("the answer of {} cannot be read"))

    def _unreadable(self, what: str) -> Unreachable:
        return Unreachable(
            what.format(self.who), "Nothing was carried out. Check that it is an OpenAI-compatible endpoint."
        )

    def _quoted(self, error: Exception) -> str:
        """The endpoint's words, short, on one line, without the key."""
        redact = Redactor()
        redact.register("key", self.settings.key)
        return " ".join(redact(str(error)).split())[:200]

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


def seconds(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds; None when it is missing or unreadable. A date is read by the endpoint's own clock, since
    this machine's may be wrong."""
    said = headers.get("retry-after", "")
    with suppress(ValueError):
        return max(0.0, float(said)) if isfinite(float(said)) else None
    try:
        until = parsedate_to_datetime(said)
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError):  # no date, or one with a zone and one without
        return None
