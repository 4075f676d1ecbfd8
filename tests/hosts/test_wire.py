"""What goes over the wire comes out as it was, and nothing that a peer sends can do more than be refused."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from envsync.tools.errors import Damaged, EnvSyncError, Failed, Stale, Unreachable
from envsync.tools.fingerprint import Evidence, Fact, HostFacts
from envsync.tools.hosts.base import Completed, Info, Stat
from envsync.tools.hosts.frames import PIECE, Frames
from envsync.tools.hosts.wire import CAP, Malformed, decode, encode
from envsync.tools.plan import Step
from envsync.tools.risk import Risk

WORDS = some.text(some.characters(codec=None, categories=None))  # surrogates too, alone and side by side
NAMES = WORDS.map(lambda word: word.replace("\0", "")).filter(bool)
LEAVES = (
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats(allow_nan=False)
    | WORDS
    | some.binary(max_size=300)
    | NAMES.map(Path)
    | some.datetimes(timezones=some.none() | some.just(UTC) | some.just(timezone(timedelta(hours=-3, minutes=-30))))
    | some.sampled_from(Risk)
    | some.builds(Stat, NAMES.map(Path), WORDS, some.integers(), some.integers(), some.integers(), WORDS)
    | some.builds(
        Completed, some.lists(WORDS).map(tuple), some.integers(), some.binary(), some.binary(), some.just(0.5)
    )
    | some.builds(Evidence, path=WORDS.filter(lambda word: word.isascii()))
)
HASHABLE = some.none() | some.booleans() | some.integers() | WORDS | some.binary(max_size=30)
VALUES = some.recursive(
    LEAVES,
    lambda inner: (
        some.lists(inner)
        | some.lists(inner).map(tuple)
        | some.dictionaries(WORDS, inner)
        | some.dictionaries(HASHABLE | some.tuples(HASHABLE, HASHABLE), inner)
        | some.sets(HASHABLE)
        | some.frozensets(HASHABLE)
    ),
    max_leaves=20,
)


def bytes_of(value: object) -> bytes:
    return b"".join(encode(value))


def message(tree: object, *raw: bytes) -> bytes:
    """A message as a peer of ill will makes it."""
    text = json.dumps(tree).encode()
    return struct.pack(f">II{len(raw)}I", len(text), len(raw), *map(len, raw)) + text + b"".join(raw)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down (True is no 1, a tuple is no list)."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            any(same(key, k) and same(item, i) for k, i in other.items()) for key, item in one.items()
        )
    return bool(one == other)


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_plain_data_comes_out_as_it_went_in(value: object) -> None:
    assert same(decode(bytes_of(value)), value)


def test_models_and_what_they_hold_come_out_as_they_went_in() -> None:
    fact = Fact(value="x", confidence=0.5, evidence=(Evidence(path="a", key="b"),))
    step = Step(kind="a", does="b", args={"c": [1, {"d": None}]}, inverse=(Step(kind="x", does="y"),))
    info = Info("Linux", "x86_64", "h", "u", 0, Path("/"), Path("/x"), "3.11", 1.5)
    for value in (fact, step, info, HostFacts(os="debian 12", kernel="6", arch="x86_64")):
        assert decode(bytes_of([value])) == [value]


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file", "/x\udcff"),
        OSError(18, "Invalid cross-device link", "/a", None, "/b"),
        Stale("it moved", "plan again", digest="x", count=3),
        Damaged("what"),
        KeyError("key"),
        ValueError("value"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_keep_what_is_caught_and_said(error: Exception) -> None:
    got = decode(bytes_of(error))
    if isinstance(error, EnvSyncError | OSError):
        assert type(got) is type(error) and str(got) == str(error)
    assert isinstance(got, OSError | EnvSyncError | KeyError | ValueError)
    if isinstance(error, OSError):
        assert (got.errno, got.filename, got.filename2) == (error.errno, error.filename, error.filename2)
    if isinstance(error, EnvSyncError):
        assert (got.what, got.hint, got.data) == (error.what, error.hint, error.data)


def test_any_other_error_is_a_failure_with_its_text() -> None:
    got = decode(bytes_of(ZeroDivisionError("division by zero")))
    assert type(got) is Failed and "ZeroDivisionError: division by zero" in got.what and got.hint


def test_what_is_no_plain_data_is_refused_before_it_is_sent() -> None:
    class Own:
        pass

    class Colour(Enum):
        RED = 1

    for value in (Own(), open, Own, Colour.RED, lambda: 1, [Own()], {"a": (Own(),)}):
        with pytest.raises(TypeError, match="no plain data"):
            encode(value)


HOSTILE: list[object] = [
    {"!c": ["..os:system", {"command": "x"}]},
    {"!c": ["os:system", {}]},
    {"!c": ["hosts.base:Path", {}]},
    {"!c": ["hosts.local:LocalHost", {}]},
    {"!c": ["hosts.local:os.system", {}]},
    {"!c": ["hosts.fake:FakeHost", {"root": "/"}]},
    {"!c": ["hosts.registry:import_module", {}]},
    {"!c": ["hosts.base:Stat.__init__", {}]},
    {"!c": ["hosts.base:Stat.__class__", {}]},
    {"!c": ["hosts.base:Stat", {"path": "/x", "kind": "file", "size": 1, "mode": 1, "mtime_ns": 1}]},
    {"!c": ["hosts.base:Stat", {"path": {"!p": "/x"}, "kind": "file", "size": "1", "mode": 1, "mtime_ns": 1}]},
    {"!c": ["hosts.base:Stat", {"no": 1}]},
    {"!c": ["plan:Step", {"kind": 1, "does": []}]},
    {"!c": ["plan:Step", {"kind": "a", "does": "b", "more": 1}]},
    {"!c": ["errors:Failed", {"what": "x"}]},
    {"!c": 1},
    {"!c": ["a"]},
    {"!e": ["risk:Risk", "__class__"]},
    {"!e": ["hosts.base:Stat", "x"]},
    {"!n": ["hosts.base:Stat", []]},
    {"!x": ["errors:os", "a", "b", {}]},
    {"!x": ["hosts.base:Stat", "a", "b", {}]},
    {"!x": ["OSError", "1", "x", None, None]},
    {"!x": ["SystemExit", "0"]},
    {"!x": []},
    {"!p": 1},
    {"!p": {"!p": "x"}},
    {"!b": 0},
    {"!b": -1},
    {"!b": "0"},
    {"!s": [[]]},
    {"!d": [1]},
    {"!dt": 5},
    {"!dt": "yesterday"},
    {"!unknown": 1},
    {"!t": [], "more": 1},
]


@pytest.mark.parametrize("tree", HOSTILE, ids=str)
def test_hostile_12_a_peer_cannot_name_what_is_not_plain_data(tree: object) -> None:
    with pytest.raises(Malformed):
        decode(message(["ok", tree]))


@given(some.binary(max_size=200) | some.binary(max_size=60).map(lambda raw: struct.pack(">II", len(raw), 0) + raw))
@settings(max_examples=300, deadline=None)
def test_hostile_12_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(Malformed):
        decode(raw)


@given(VALUES, some.data())
@settings(max_examples=100, deadline=None)
def test_hostile_12_a_damaged_message_is_read_or_refused(value: object, data: some.DataObject) -> None:
    raw = bytearray(bytes_of(value))
    for _ in range(3):
        raw[data.draw(some.integers(0, len(raw) - 1))] = data.draw(some.integers(0, 255))
    with suppress(Malformed):
        decode(raw)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(Malformed):
        decode(struct.pack(">II", 200_000, 0) + b"[" * 200_000)


def test_an_error_that_a_peer_sends_is_cut_to_size() -> None:
    got = decode(message({"!x": ["errors:Unreachable", "x" * 10**6, "y" * 10**6, {"self": 1, "a b": 2, "ok": 3}]}))
    assert type(got) is Unreachable and len(str(got)) < 10_000
    assert "a b" not in got.data


# -- Frames --------------------------------------------------------------------------------------------------------


class Wire:
    """Two ends of one pipe in memory, which carries bytes in pieces of any size."""

    def __init__(self, sizes: Callable[[], int] = lambda: 1 << 20) -> None:
        self.bytes = bytearray()
        self.sizes = sizes
        self.news = asyncio.Event()
        self.ended = False

    async def read(self) -> bytes:
        while not self.bytes and not self.ended:
            self.news.clear()
            await self.news.wait()
        size = self.sizes()
        taken, self.bytes[:size] = bytes(self.bytes[:size]), b""
        return taken

    async def read_error(self) -> bytes:
        return b""

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        self.bytes += data
        self.news.set()
        await asyncio.sleep(0)

    async def end(self) -> None:
        self.ended = True
        self.news.set()

    async def wait(self) -> int:
        return 0

    async def close(self) -> None:
        await self.end()


async def _carried(messages: list[tuple[int, object]], sizes: Callable[[], int]) -> list[tuple[int, Any]]:
    got: list[tuple[int, Any]] = []
    wire = Wire(sizes)
    frames = Frames(wire, lambda channel, what: got.append((channel, what)))
    for channel, what in messages:
        frames.send(channel, what)
    writing = asyncio.ensure_future(frames.write())
    reading = asyncio.ensure_future(frames.read())
    while len(got) < len(messages) and not reading.done():
        await asyncio.sleep(0)
    writing.cancel()
    await wire.end()
    await reading
    return got


@given(
    some.lists(some.tuples(some.integers(1, 4), some.binary(max_size=50) | some.just(bytes(3 * PIECE + 7)) | WORDS)),
    some.integers(1, 100_000),
)
@settings(max_examples=15, deadline=None)
def test_messages_of_each_channel_arrive_whole_and_in_order(messages: list[tuple[int, object]], size: int) -> None:
    got = asyncio.run(_carried(messages, lambda: size if len(messages) < 3 else max(size, 5000)))
    for channel in range(1, 5):
        assert [what for n, what in got if n == channel] == [what for n, what in messages if n == channel]


async def test_a_large_message_lets_the_others_pass() -> None:
    got = await _carried([(1, bytes(20 * PIECE)), (2, "small"), (1, "after")], lambda: 1 << 20)
    assert [channel for channel, _ in got] == [2, 1, 1]


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">II", 1, PIECE + 1),
        struct.pack(">II", 1, 0x7FFFFFFF),
        bytes(1000),
        b"Welcome to this machine!\n" * 10,
        struct.pack(">II", 1, 1 << 31 | 4) + b"nope",
    ],
)
async def test_hostile_12_what_is_no_frame_is_malformed(sent: bytes) -> None:
    wire = Wire()
    await wire.write(sent)
    await wire.end()
    with pytest.raises(Malformed):
        await Frames(wire, lambda *_: None).read()


async def test_hostile_22_messages_that_never_end_are_refused_before_they_fill_the_memory() -> None:
    class Endless(Wire):
        sent = 0

        async def read(self) -> bytes:
            self.sent += PIECE
            return struct.pack(">II", self.sent // PIECE % 3 + 1, PIECE) + bytes(PIECE)

    wire = Endless()
    with pytest.raises(Malformed):
        await Frames(wire, lambda *_: None).read()
    assert wire.sent <= 2 * CAP


async def test_too_much_at_once_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="MiB"):
        Frames(Wire(), lambda *_: None).send(1, [bytes(1 << 26)] * 5)
