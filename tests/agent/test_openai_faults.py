"""Every fault at the model boundary, by a real connection, and what it comes to: one table of exit codes and messages.

Each fault meets a conversation whose plans are approved beforehand and whose model can write a file. Nothing may be written,
the endpoint is asked a bounded number of times, the person is told what happened and what to do, and the next request of
the same conversation works.
"""

from __future__ import annotations

import inspect
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from envsync.agent.config import Settings
from envsync.agent.events import ApprovalNeeded, Done, Failed, ToolFinished
from envsync.agent.models import faults
from envsync.agent.models import openai as adapter
from envsync.agent.models.faults import seconds
from envsync.agent.session import Session

from .conftest import all_of
from .endpoint import HELLO, KEY, Server, call, delta, server, settings_of, status, stream

__all__ = ["server", "settings_of"]

PUT = '{"name": "made", "text": "x"}'


@dataclass(frozen=True)
class Case:
    """`answer` is given for ever; `tries` requests are made of it at most."""

    answer: Callable[[Any], None]
    exit: int
    what: str
    tries: int = 1


def put(args: str = PUT, finish: str | None = "tool_calls", **more: Any) -> Callable[[Any], None]:
    """An answer that calls `put`."""
    return stream(delta(**call(args, **{"name": "put", **more})), *([delta(finish)] if finish else []))


def cut(text: bytes, kind: str = "text/event-stream", length: int | None = None) -> Callable[[Any], None]:
    """Bytes, and then the end of the connection; with `length` more was announced."""

    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-type", kind)
        if length:
            handler.send_header("content-length", str(length))
        handler.end_headers()
        handler.wfile.write(text)

    return answer


def sse(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


def beats(*chunks: dict[str, Any]) -> Callable[[Any], None]:
    """Some of an answer, then nothing but heartbeats."""

    def answer(handler: Any) -> None:
        stream(*chunks, done=False)(handler)
        for _ in range(30):
            handler.wfile.write(b": heartbeat\n\n")
            handler.wfile.flush()
            time.sleep(0.05)

    return answer


def many(count: int, **more: Any) -> Callable[[Any], None]:
    pieces = [call(json.dumps({"name": f"made{n}"}), "put", f"id{n}", n) for n in range(count)]
    return stream(*(delta(**piece) for piece in pieces), delta("tool_calls"))


NOT_JSON = "the model made a call that cannot be: put: its arguments were no JSON object"
ANSWER = delta("stop", content="Done, it is written.")
FAULTS: dict[str, Case] = {
    # What the endpoint says instead of an answer.
    "400": Case(status(400, '{"error": {"message": "bad temperature"}}'), 6, "refuses the request (400): "),
    "401": Case(status(401), 6, "does not accept the key (401)"),
    "402": Case(status(402, '{"error": {"message": "no credit"}}'), 6, "refuses the request (402): "),
    "403": Case(status(403), 6, "does not accept the key (403)"),
    "404": Case(status(404), 6, "is not there (404)"),
    "413": Case(status(413), 6, "refuses the request (413)"),
    "429 without a time": Case(status(429), 6, "is over its limit (429)", 4),
    "429 with a time": Case(status(429, retry_after="0.01"), 6, "is over its limit (429", 4),
    "429 for a day": Case(status(429, retry_after="86400"), 6, "(429, asks to wait 86400 s)"),
    "429 until a date": Case(status(429, retry_after="Fri, 31 Dec 2100 23:59:59 GMT"), 6, "(429, asks to wait "),
    "429 with nonsense": Case(status(429, retry_after="inf"), 6, "is over its limit (429)", 4),
    "500": Case(status(500), 6, "has a fault (500)", 2),
    "503": Case(status(503), 6, "has a fault (503)", 2),
    "529": Case(status(529), 6, "has a fault (529)", 2),
    "redirect": Case(status(307, location="http://127.0.0.1:9/"), 6, "refuses the request (307)"),
    # What is no answer.
    "html": Case(status(200, "<html>Log in to the Wi-Fi</html>", "text/html"), 6, "cannot be read", 2),
    "nothing": Case(cut(b""), 6, "cannot be read", 2),
    "empty choices": Case(stream({**delta(), "choices": []}), 6, "broke off", 2),
    "no choices": Case(stream({"id": "1"}), 6, "", 2),
    "a list": Case(cut(b"data: [1, 2]\n\n"), 6, "", 2),
    "no JSON": Case(cut(b"data: {\n\n"), 6, "cannot be read", 2),
    "no UTF-8": Case(cut(b"data: \xff\xfe\n\n"), 6, "cannot be read", 2),
    "error in the stream": Case(stream({"error": {"message": "out of memory"}}), 6, "", 2),
    "usage that is no number": Case(
        stream(
            delta(**call(PUT, "put")), delta("tool_calls"), {**delta(), "choices": [], "usage": {"prompt_tokens": "x"}}
        ),
        6,
        "cannot be read",
        2,
    ),
    "endless event": Case(cut(b"data: " + b"x" * 3_000_000), 6, "", 2),
    # What is cut off.
    "cut inside a string": Case(cut(sse(delta(**call('{"name": "ma', "put")))), 6, "broke off", 2),
    "cut inside an event": Case(cut(sse(delta(**call(PUT, "put")))[:-20]), 6, "", 2),
    "cut after a whole call": Case(cut(sse(delta(**call(PUT, "put")))), 6, "broke off", 2),
    "cut, and more was announced": Case(cut(sse(delta(**call(PUT, "put"))), length=10_000), 6, "", 2),
    "no finish reason": Case(put(finish=None), 6, "broke off", 2),
    "only heartbeats": Case(beats(), 6, "stopped answering"),
    "stalled inside a call": Case(beats(delta(**call(PUT, "put"))), 6, "stopped answering"),
    "length": Case(put('{"name": "ma', "length"), 6, "was cut off (length)"),
    "length after a whole call": Case(put(finish="length"), 6, "was cut off (length)"),
    "content filter": Case(put(finish="content_filter"), 6, "was cut off (content_filter)"),
    "unknown finish reason": Case(put(finish="sudo\x1b[31m" + "x" * 500), 6, "was cut off (sudo??31mxxx"),
    # Calls that cannot be.
    "malformed JSON": Case(put('{"name": "made"'), 4, NOT_JSON, 3),
    "a list as arguments": Case(put('["made"]'), 4, NOT_JSON, 3),
    "a string as arguments": Case(put('"made"'), 4, NOT_JSON, 3),
    "duplicate keys": Case(put('{"name": "made", "name": "made"}'), 4, NOT_JSON, 3),
    "NaN": Case(put('{"name": NaN}'), 4, NOT_JSON, 3),
    "a huge integer": Case(put(f'{{"name": {"9" * 400}}}'), 4, "name: Input should be a valid string", 3),
    "a huger integer": Case(put(f'{{"name": {"9" * 10_000}}}'), 4, NOT_JSON, 3),
    "deep nesting": Case(put(f'{{"name": {"[" * 9000}{"]" * 9000}}}'), 4, NOT_JSON, 3),
    "wrong type": Case(put('{"name": ["made"]}'), 4, "name: Input should be a valid string", 3),
    "unknown argument": Case(put('{"name": "made", "yes": true}'), 4, "unknown argument 'yes'", 3),
    "a megabyte of argument": Case(put(json.dumps({"name": "m" * 1_000_000, "text": 3})), 4, "", 3),
    "a megabyte of unknown argument": Case(put(json.dumps({"name": "made", "m" * 1_000_000: 3})), 4, "", 3),
    "unknown tool": Case(put(name="putt"), 4, "there is no tool 'putt'", 3),
    "a megabyte of tool": Case(put(name="p" * 1_000_000), 4, "there is no tool 'ppp", 3),
    "another case": Case(put(name="Put"), 4, "there is no tool 'Put'", 3),
    "zero width": Case(put(name="put\u200b"), 4, "there is no tool 'put", 3),
    "no tool": Case(put(name=""), 4, "there is no tool ''", 3),
    "500 calls": Case(many(500), 3, "500 calls in one turn are too many"),
    # Words.
    "a claim": Case(stream(ANSWER), 0, ""),
    "a call in text": Case(stream(delta("stop", content=f'put({PUT}) <tool_call>{{"name": "put"')), 6, "no schema", 3),
    "another language": Case(stream(delta("stop", content="完成了。已写入文件。")), 0, ""),
    "control characters": Case(stream(delta("stop", content="\x1b]0;owned\x07 \u202e done")), 0, ""),
    "its prompt": Case(stream(delta("stop", content="You are EnvSync, a shell for development environments.")), 0, ""),
}


@pytest.fixture
async def begin() -> AsyncIterator[Callable[[Settings], Any]]:
    opened: list[Session] = []

    async def open(settings: Settings) -> Session:
        opened.append(await Session.open(settings))
        return opened[-1]

    yield open
    for session in opened:
        await session.close()


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("BETWEEN", 0.4), ("SILENT", 0.3), ("FIRST", 0.8), ("CONNECT", 0.2)):
        monkeypatch.setattr(adapter, name, value)
    for name in ("BUSY", "SOON"):
        monkeypatch.setattr(faults, name, 0.01)


def check(found: list[Any], project: Path, exit: int, what: str) -> None:
    done = found[-1]
    assert isinstance(done, Done)
    told = [event.error for event in found if isinstance(event, Failed)]
    assert done.exit == exit
    assert len(told) == (exit != 0)
    for error in told:
        assert what in error.what
        assert error.exit == exit
        assert error.hint
        assert len(str(error)) < 2_000
    if not exit:
        assert done.reply.endswith("Nothing was changed.")
    assert KEY not in str(found)
    assert "\x1b" not in "".join(error.what for error in told)
    assert not [event for event in found if isinstance(event, ToolFinished)]
    assert list(project.iterdir()) == []


@pytest.mark.parametrize("name", FAULTS)
async def test_hostile_33_to_43_a_fault_of_the_model_has_its_exit_code_and_its_message(
    name: str, begin, server: Server, settings_of: Settings, project: Path
):
    fault = FAULTS[name]
    server.answers = [fault.answer]
    session = await begin(replace(settings_of, yes=True))
    found = await all_of(session.send("write it"))
    check(found, project, fault.exit, fault.what)
    assert len(server.asked) <= fault.tries
    # The conversation goes on, and what is sent of it is valid: each call has its one answer, or none is mentioned.
    server.answers = [HELLO]
    assert "Hello" in (await all_of(session.send("and now?")))[-1].reply
    sent = server.asked[-1]["messages"]
    assert [message["role"] for message in sent[:1] + sent[-1:]] == ["system", "user"]
    assert all(isinstance(message["content"], str) and message["content"] for message in sent)
    assert len(json.dumps(sent)) < 30_000


# -- Answers that are odd, and whole ------------------------------------------------------------------------------

WRONG_NUMBERS = [
    {"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": 0},
    {"prompt_tokens": 10**30, "completion_tokens": 2, "total_tokens": 1},
    {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
    {},
]
ODD = {
    "without an id": put(id=""),
    "with words beside it": stream(delta(content="I will write it."), delta(**call(PUT, "put")), delta("tool_calls")),
    "one id twice": stream(delta(**call(PUT, "put")), delta(**call(PUT, "put", index=1)), delta("tool_calls")),
    "in a thousand pieces": stream(
        delta(**call("", "put")),
        *(delta(tool_calls=[{"index": 0, "function": {"arguments": char}}]) for char in PUT + " " * 1_000),
        delta("tool_calls"),
    ),
    "finished as a text": put(finish="stop"),
    **{f"usage {n}": stream(delta(**call(PUT, "put")), delta("tool_calls"), {**delta(), "choices": [], "usage": usage})
       for n, usage in enumerate(WRONG_NUMBERS)},
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
async def test_hostile_38_an_odd_answer_that_is_whole_is_one_call_that_is_asked_for(
    name: str, begin, server: Server, settings_of: Settings, project: Path
):
    server.answers = [ODD[name]]
    session = await begin(replace(settings_of, price_prompt=1.0, price_completion=1.0))
    asked = (await all_of(session.send("write it")))[-1]
    assert isinstance(asked, ApprovalNeeded)
    assert [item.call.tool for item in asked.prepared] == ["put"]
    assert list(project.iterdir()) == []
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [{"refusal": "I cannot help with that."}, {"content": " \n"}, {}])
async def test_hostile_43_a_refusal_is_said_to_be_one(begin, server, settings_of, project, answer: dict[str, str]):
    server.answers = [stream(delta(**answer), delta("stop"))]
    session = await begin(replace(settings_of, yes=True))
    done = (await all_of(session.send("write it")))[-1]
    assert (done.kind, done.exit, list(project.iterdir())) == ("decline", 4, [])
    assert "refused" in done.reply


async def test_hostile_38_the_same_call_for_ever_is_stopped(begin, server, settings_of, project):
    (project / "n").write_text("x")
    server.answers = [stream(delta(**call('{"name": "n"}')), delta("tool_calls"))]
    session = await begin(settings_of)
    found = await all_of(session.send("look"))
    assert len([event for event in found if isinstance(event, ToolFinished)]) == 3
    assert (found[-1].exit, len(server.asked)) == (1, 4)


async def test_hostile_41_a_key_that_is_withdrawn_in_the_middle_ends_the_turn_and_keeps_what_was_done(
    begin, server, settings_of, project
):
    (project / "n").write_text("x")
    server.answers = [stream(delta(**call('{"name": "n"}')), delta("tool_calls")), status(401), HELLO]
    session = await begin(settings_of)
    found = await all_of(session.send("look"))
    assert (found[-1].exit, len(server.asked)) == (6, 2)
    assert found[-1].reply.startswith("n: x\nthe model tiny")
    assert KEY not in str(found)
    assert "Hello" in (await all_of(session.send("and now?")))[-1].reply


# -- No connection ------------------------------------------------------------------------------------------------


@contextmanager
def closed() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"


@contextmanager
def unknown() -> Iterator[str]:
    yield "http://no-such-host.invalid/v1"


@contextmanager
def full() -> Iterator[str]:
    """A queue of connections that nobody takes any: the next one is not answered at all."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        yield f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        for one in waiting:
            one.close()


@contextmanager
def hangs_up() -> Iterator[str]:
    """Takes a connection and resets it."""
    with socket.socket() as rude:
        rude.bind(("127.0.0.1", 0))
        rude.listen()
        rude.settimeout(10)

        def work() -> None:
            with suppress(OSError):
                while True:
                    taken, _ = rude.accept()
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    taken.close()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{rude.getsockname()[1]}/v1"
        rude.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def no_tls(server: Server) -> Iterator[str]:
    yield server.url.replace("http:", "https:")


@contextmanager
def own_certificate(server: Server, tmp_path: Path) -> Iterator[str]:
    """TLS with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield server.url.replace("http:", "https:")


@pytest.mark.parametrize("kind", [closed, unknown, full, hangs_up, no_tls, own_certificate])
async def test_hostile_42_without_a_connection_the_turn_ends_with_6(
    kind: Any, begin, server: Server, settings_of: Settings, project: Path, tmp_path: Path
):
    given = {"server": server, "tmp_path": tmp_path}
    with kind(**{name: given[name] for name in inspect.signature(kind).parameters}) as url:
        session = await begin(replace(settings_of, base_url=url, yes=True))
        found = await all_of(session.send("write it"))
    check(found, project, 6, "cannot be reached")
    assert "--model offline" in found[-1].reply
    assert server.asked == []


# -- Clocks -------------------------------------------------------------------------------------------------------


def test_a_date_to_wait_for_is_read_by_the_endpoints_own_clock():
    skewed = datetime(2031, 1, 1, tzinfo=UTC)
    dates = {"date": format_datetime(skewed, usegmt=True)}
    later = format_datetime(skewed + timedelta(seconds=20), usegmt=True)
    assert seconds({**dates, "retry-after": later}) == 20
    assert seconds({**dates, "retry-after": dates["date"]}) == 0
    assert 50 < (seconds({"retry-after": format_datetime(datetime.now(UTC) + timedelta(minutes=1))}) or 0) < 61
    for none in ("", "soon", "nan", "inf", "-inf", "Fri, 99 Foo 2031", "1e400"):
        assert seconds({**dates, "retry-after": none}) is None
    assert seconds({**dates, "retry-after": "-5"}) == 0
    assert seconds({**dates, "retry-after": "Wed, 01 Jan 2031 00:00:00"}) is None
