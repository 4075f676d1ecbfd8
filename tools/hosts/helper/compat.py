"""What Python 3.9 and 3.10 lack of the names that `envsync.tools` uses; imported first on the other machine."""

from __future__ import annotations

# ruff: noqa: UP017, UP036, UP042  # it is there for Pythons that are older than ours
import builtins
import datetime
import enum
import itertools
import sys
import typing
from collections.abc import Iterable, Iterator
from typing import Any


def fill() -> None:
    """Put the missing names where newer versions have them."""
    if sys.version_info < (3, 10):
        import typing_extensions

        for name in ("ParamSpec", "Concatenate", "TypeAlias", "TypeGuard"):
            setattr(typing, name, getattr(typing_extensions, name))
        builtins.zip = _Zip  # type: ignore[misc, assignment]
        itertools.pairwise = _pairwise  # type: ignore[assignment]
    if sys.version_info < (3, 11):
        import typing_extensions

        datetime.UTC = datetime.timezone.utc  # type: ignore[attr-defined]
        enum.StrEnum = _StrEnum  # type: ignore[attr-defined]
        for name in ("Self", "Never", "assert_never", "NotRequired", "Required"):
            if not hasattr(typing, name):
                setattr(typing, name, getattr(typing_extensions, name))


class _StrEnum(str, enum.Enum):
    __str__ = str.__str__


_zip = builtins.zip


class _Zip:
    """`zip` that knows `strict`."""

    def __new__(cls, *many: Iterable[Any], strict: bool = False) -> Any:
        return _strict(many) if strict else _zip(*many)


def _strict(many: tuple[Iterable[Any], ...]) -> Iterator[tuple[Any, ...]]:
    end = object()
    for row in itertools.zip_longest(*many, fillvalue=end):
        if end in row:
            raise ValueError("zip() arguments differ in length")
        yield row


def _pairwise(items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    first, second = itertools.tee(items)
    next(second, None)
    return _zip(first, second)
