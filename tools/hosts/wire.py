"""Plain data as bytes and back, between this machine and a helper on another one. What a peer sends is never trusted.

A message is a JSON text with the raw bytes of the `bytes` values beside it. JSON keeps what it can; everything else is
an object with one key that begins with `!`. Decoding makes plain data, and calls the constructors of dataclasses, named
tuples, pydantic models, enums and errors of `envsync.tools`, nothing else.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any, ClassVar, cast, get_type_hints

from pydantic import BaseModel

from ..errors import EnvSyncError, Failed

CAP = 256 << 20
"""Bytes of one message at most."""
TEXT = 4000
"""Characters of an error's text that are kept."""

_HEAD = struct.Struct(">II")
_ROOT = __name__.rpartition(".hosts.")[0]
_NAME = re.compile(r"([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", re.ASCII)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_BUILT_IN: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (ValueError, KeyError, IndexError, LookupError, RuntimeError, EOFError)
}
"""Errors that callers of a function catch by their kind; they come back as what they are."""


class Malformed(ValueError):
    """What a peer sent cannot be read."""


def encode(value: object) -> list[bytes]:
    """A message as pieces to be sent one after the other. Raises TypeError for what is no plain data."""
    raw: list[bytes] = []
    text = json.dumps(_Writer(raw).tree(value), separators=(",", ":")).encode("ascii")
    head = _HEAD.pack(len(text), len(raw)) + struct.pack(f">{len(raw)}I", *map(len, raw))
    return [head + text, *raw]


def decode(message: bytes | bytearray | memoryview) -> Any:
    """The value of a message. Raises Malformed, and nothing else, whatever the bytes are."""
    whole = memoryview(message)
    try:
        length, count = _HEAD.unpack_from(whole)
        sizes = struct.unpack_from(f">{count}I", whole, _HEAD.size) if count * 4 < len(whole) else ()
        at = _HEAD.size + 4 * count
        if at + length + sum(sizes) != len(whole) or len(sizes) != count:
            raise Malformed("its lengths do not add up")
        text = bytes(whole[at : at + length])
        at += length
        raw: list[bytes] = []
        for size in sizes:
            raw.append(bytes(whole[at : at + size]))
            at += size
        return json.loads(text, object_hook=_Reader(raw).value)
    except Malformed:
        raise
    except Exception as error:  # constructors of our own classes refuse wrong values in many ways
        raise Malformed(f"{type(error).__name__}: {str(error)[:300]}") from None


class _Writer:
    def __init__(self, raw: list[bytes]) -> None:
        self.raw = raw

    def tree(self, value: object) -> object:
        """What JSON can hold of a value; its bytes go to `raw`."""
        make = self.KINDS.get(type(value))
        if make is not None:
            return make(self, value)
        return self._other(value)

    def _same(self, value: object) -> object:
        return value

    def _str(self, value: str) -> object:
        # JSON would read two surrogates side by side as one character.
        if not value.isascii() and _PAIR.search(value):
            return {"!u": self._bytes(value.encode("utf-8", "surrogatepass"))["!b"]}
        return value

    def _bytes(self, value: bytes) -> dict[str, int]:
        self.raw.append(bytes(value))
        return {"!b": len(self.raw) - 1}

    def _list(self, value: list[object]) -> object:
        return [self.tree(item) for item in value]

    def _tuple(self, value: tuple[object, ...]) -> object:
        return {"!t": [self.tree(item) for item in value]}

    def _set(self, value: set[object]) -> object:
        return {"!s": [self.tree(item) for item in value]}

    def _frozenset(self, value: frozenset[object]) -> object:
        return {"!f": [self.tree(item) for item in value]}

    def _dict(self, value: dict[Any, Any]) -> object:
        if all(type(key) is str and key[:1] != "!" and (key.isascii() or not _PAIR.search(key)) for key in value):
            return {key: self.tree(item) for key, item in value.items()}
        return {"!d": [[self.tree(key), self.tree(item)] for key, item in value.items()]}

    def _datetime(self, value: datetime) -> object:
        return {"!dt": value.isoformat()}

    def _other(self, value: object) -> object:
        kind = type(value)
        if isinstance(value, PurePath):
            return {"!p": self.tree(str(value))}
        if isinstance(value, Enum):
            return {"!e": [_name(kind), value.name]}
        if isinstance(value, BaseModel):
            return {"!c": [_name(kind), self._dict(dict(value.__dict__))]}
        if is_dataclass(kind):
            held = {field.name: getattr(value, field.name) for field in fields(kind) if field.init}
            return {"!c": [_name(kind), self._dict(held)]}
        if isinstance(value, BaseException):
            return self._error(value)
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return {"!n": [_name(kind), self._list(list(cast("tuple[object, ...]", value)))]}
        if isinstance(value, (bytearray, memoryview)):
            return self._bytes(bytes(cast("bytearray", value)))
        for base, make in self.KINDS.items():
            if isinstance(value, base):  # e.g. a defaultdict or a str subclass: what it holds is what counts
                return make(self, cast("Any", base)(value) if base is not datetime else value)
        raise TypeError(f"{kind.__module__}.{kind.__qualname__} is no plain data, so it cannot be sent to a host")

    def _error(self, error: BaseException) -> object:
        if isinstance(error, EnvSyncError):
            data: dict[object, object] = {}
            for key, item in error.data.items():
                try:
                    data[key] = _Writer([]).tree(item) and item
                except TypeError:
                    data[key] = str(item)[:TEXT]
            return {"!x": [_name(type(error)), self._str(error.what), self._str(error.hint), self._dict(data)]}
        if isinstance(error, OSError) and error.errno is not None:
            named = [self.tree(name if isinstance(name, (str, bytes)) else None) for name in _names(error)]
            return {"!x": ["OSError", error.errno, self._str(str(error.strerror)), *named]}
        for kind in type(error).__mro__:
            if kind.__name__ in _BUILT_IN and kind is _BUILT_IN[kind.__name__]:
                text = error.args[0] if kind is KeyError and error.args and type(error.args[0]) is str else str(error)
                return {"!x": [kind.__name__, self._str(text[:TEXT])]}
        return {"!x": ["", self._str(f"{type(error).__name__}: {error}"[:TEXT])]}

    KINDS: ClassVar[dict[type, Callable[[_Writer, Any], object]]] = {
        type(None): _same,
        bool: _same,
        int: _same,
        float: _same,
        str: _str,
        bytes: _bytes,
        list: _list,
        tuple: _tuple,
        set: _set,
        frozenset: _frozenset,
        dict: _dict,
        datetime: _datetime,
    }


class _Reader:
    def __init__(self, raw: list[bytes]) -> None:
        self.raw = raw

    def value(self, found: dict[str, Any]) -> object:
        """What an object of the JSON text stands for; called from the inside out."""
        if len(found) != 1:
            if any(key[:1] == "!" for key in found):
                raise Malformed("an object has more keys than it may")
            return found
        ((tag, held),) = found.items()
        if tag[:1] != "!":
            return found
        if tag not in self.KINDS:
            raise Malformed(f"there is no kind {tag[:20]!r}")
        return self.KINDS[tag](self, held)

    def _raw(self, held: Any) -> bytes:
        if type(held) is not int or held < 0:
            raise Malformed("a place of bytes is no number")
        return self.raw[held]

    def _path(self, held: Any) -> Path:
        if type(held) is not str:
            raise Malformed("a path is no text")
        return Path(held)

    def _enum(self, held: Any) -> object:
        name, member = held
        kind = _find(name)
        if not issubclass(kind, Enum):
            raise Malformed(f"{name!r} is no enum")
        return kind[member]

    def _class(self, held: Any) -> object:
        name, values = held
        return _maker(name)(values)

    def _named(self, held: Any) -> object:
        name, values = held
        kind: Any = _find(name)
        if not (issubclass(kind, tuple) and hasattr(cast("Any", kind), "_fields")):
            raise Malformed(f"{name!r} is no named tuple")
        return cast("Any", kind)(*values)

    def _error(self, held: Any) -> BaseException:
        name, *rest = held
        if name == "OSError":
            number, text, first, second = rest
            if type(number) is not int:
                raise Malformed("an error's number is no number")
            return OSError(number, str(text)[:TEXT], *([first] if first is not None else []), *_second(second))
        if name == "":
            return Failed(
                f"on the other side: {str(rest[0])[:TEXT]}",
                "This is a bug of EnvSync, or that machine is in a bad state; `envsync doctor` looks at it.",
            )
        if name in _BUILT_IN:
            return _BUILT_IN[name](str(rest[0])[:TEXT])
        kind = _find(name)
        if not issubclass(kind, EnvSyncError):
            raise Malformed(f"{name!r} is no error")
        what, hint, data = rest
        return kind(
            str(what)[:TEXT],
            str(hint)[:TEXT],
            **{key: item for key, item in data.items() if key.isidentifier() and key not in ("self", "what", "hint")},
        )

    KINDS: ClassVar[dict[str, Callable[[_Reader, Any], object]]] = {
        "!b": _raw,
        "!u": lambda self, held: self._raw(held).decode("utf-8", "surrogatepass"),
        "!t": lambda _, held: tuple(held),
        "!s": lambda _, held: set(held),
        "!f": lambda _, held: frozenset(held),
        "!d": lambda _, held: dict(held),
        "!dt": lambda _, held: datetime.fromisoformat(held),
        "!p": _path,
        "!e": _enum,
        "!c": _class,
        "!n": _named,
        "!x": _error,
    }


def _names(error: OSError) -> tuple[object, object]:
    return error.filename, error.filename2


def _second(name: object) -> list[object]:
    return [] if name is None else [None, name]


def _name(kind: type) -> str:
    """A class of `envsync.tools` in words. Raises TypeError for any other."""
    if not kind.__module__.startswith(f"{_ROOT}."):
        raise TypeError(f"{kind.__module__}.{kind.__qualname__} is no plain data, so it cannot be sent to a host")
    return f"{kind.__module__[len(_ROOT) + 1 :]}:{kind.__qualname__}"


@lru_cache(1000)
def _find(name: str) -> type[Any]:
    """The class of `envsync.tools` of that name. Raises Malformed."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise Malformed(f"{name[:80]!r} is no name of a class")
    module = f"{_ROOT}.{match[1]}"
    found: object = import_module(module)
    for part in match[2].split("."):
        found = getattr(found, part)
    if not isinstance(found, type) or found.__module__ != module:
        raise Malformed(f"{name[:80]!r} is no class of ours")
    return found


@lru_cache(1000)
def _maker(name: str) -> Callable[[dict[str, Any]], object]:
    """What makes an object of that class from the values of its fields, and checks them. Raises Malformed."""
    found = _find(name)
    if issubclass(found, BaseModel):
        return found.model_validate
    if not is_dataclass(found):
        raise Malformed(f"{name!r} is not made of fields")
    known = {field.name for field in fields(found) if field.init}
    check = _checker(found, known)

    def make(values: dict[str, Any]) -> object:
        if not known.issuperset(values):
            raise Malformed(f"{name!r} has no such fields")
        check(values)
        return found(**values)

    return make


def _checker(kind: type[Any], names: set[str]) -> Callable[[object], object]:
    """What raises ValueError when fields of a dataclass are of other types than they say."""
    try:
        from pydantic import ConfigDict, TypeAdapter
        from typing_extensions import TypedDict
    except ImportError:
        # On the other machine: what comes there is ours.
        return lambda _: None
    try:
        hints = {name: hint for name, hint in get_type_hints(kind).items() if name in names}
        shape = cast("Any", TypedDict)(kind.__name__, hints, total=False)
        shape.__pydantic_config__ = ConfigDict(strict=True, arbitrary_types_allowed=True)
        return TypeAdapter(shape).validate_python
    except Exception:  # a class that holds what cannot be sent, e.g. a function: nothing of it ever comes
        return lambda _: None
