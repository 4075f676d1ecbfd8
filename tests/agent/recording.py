"""Cassettes: a real server's answers, kept as files and played back without a network.

A request is kept and matched in a canonical form: what is said and how it is asked, in sorted JSON; the system prompt and the
schemas, which change with every tool, only by name. So a cassette stays good until the adapter asks something else.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import yaml
from vcr import VCR

from envsync.tools.redact import Redactor

CASSETTES = Path(__file__).parent / "cassettes"
RECORD = "ENVSYNC_RECORD"
"""Names the server to record from, e.g. http://127.0.0.1:8080/v1; `make cassettes` sets it."""
KEPT = frozenset({"content-type", "content-encoding"})
"""Headers of an answer that are kept; none of a request is."""
URI = "http://model.test/v1/chat/completions"


def canonical(body: bytes) -> bytes:
    """What a request asks, whatever the order of its keys and the wording of prompts and schemas. Of its own result it
    makes the same."""
    said: dict[str, Any] = json.loads(body)
    for message in said["messages"]:
        if message["role"] == "system":
            message["content"] = "(the system prompt)"
        elif len(message["content"]) > 2_000:
            digest = blake2b(message["content"].encode(), digest_size=8).hexdigest()
            message["content"] = f"({len(message['content'])} characters, {digest})"
    if "tools" in said:
        said["tools"] = "(the tools)"
    if isinstance(said.get("response_format"), dict):
        said["response_format"] = f"({said['response_format']['type']})"
    return json.dumps(said, sort_keys=True, ensure_ascii=False).encode()


def _request(request: Any) -> Any:
    if request.method != "POST":
        return None  # whether the server lives is asked while it is recorded, and never played
    request.uri, request.headers = URI, {}
    request.body = canonical(request.body)
    return request


def _response(response: dict[str, Any]) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in response["headers"].items()}
    return {**response, "headers": {name: value for name, value in headers.items() if name in KEPT}}


@contextmanager
def cassette(name: str) -> Iterator[Any]:
    """Play NAME, with every socket blocked; or record it, when ENVSYNC_RECORD names a server."""
    record = bool(os.environ.get(RECORD))
    tape = VCR(
        cassette_library_dir=str(CASSETTES),
        record_mode="all" if record else "none",
        match_on=["method", "uri", "body"],
        before_record_request=_request,
        before_record_response=_response,
        decode_compressed_response=False,
    )
    file = f"{name}.yaml"
    if record:
        (CASSETTES / file).unlink(missing_ok=True)
        with tape.use_cassette(file) as played:
            yield played
        return
    with blocked(), tape.use_cassette(file) as played:
        yield played
    assert played.all_played, f"{file}: the adapter asks something else now; record it anew: make cassettes"


@contextmanager
def blocked() -> Iterator[None]:
    """No connection leaves this machine, whatever a recorder lets through; a container engine's own socket is on it."""
    kept = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}
    resolve = socket.getaddrinfo

    def refuse(*_: Any) -> Any:
        raise AssertionError("a test of a cassette reached for the network")

    def guarded(method: Any) -> Any:
        return lambda one, *given: (method if one.family == socket.AF_UNIX else refuse)(one, *given)

    try:
        for name, method in kept.items():
            setattr(socket.socket, name, guarded(method))
        socket.getaddrinfo = refuse
        yield
    finally:
        for name, method in kept.items():
            setattr(socket.socket, name, method)
        socket.getaddrinfo = resolve


def faults(text: str) -> list[str]:
    """What a cassette must not hold: secrets, headers beyond those kept, other addresses, paths of a machine."""
    found: list[str] = []
    for one in yaml.safe_load(text)["interactions"]:
        request, response = one["request"], one["response"]
        body = response["body"]["string"]
        if response["headers"].get("content-encoding") == ["gzip"]:
            body = gzip.decompress(body)
        said = f"{request['body']}\n{body.decode() if isinstance(body, bytes) else body}"
        said = re.sub(r'"timings":\{[^}]*\}', "", said)  # milliseconds per token are no token
        found += [f"a secret: {name}" for name in Redactor().redact(said)[1]]
        found += [f"the address {request['uri']}"] * (request["uri"] != URI)
        found += [f"the header {name}" for name in {*request["headers"], *set(response["headers"]) - KEPT}]
        found += re.findall(r"/(?:home|root|tmp|work|Users)/\S*|\bBearer \S+|\b\d+\.\d+\.\d+\.\d+\b", said)
    return found
