"""What Python 3.9 and 3.10 lack of the names that `envsync.tools` uses; imported first on the other machine."""

from __future__ import annotations

# ruff: noqa: UP017, UP007, UP036, UP042  # it is there for Pythons that are older than ours
import ast
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
        builtins.__dict__["_either"] = _either
        loader = type(__spec__.loader)
        if hasattr(loader, "change"):
            loader.change = staticmethod(_unions)  # type: ignore[union-attr, attr-defined]
    if sys.version_info < (3, 11):
        import typing_extensions

        datetime.UTC = datetime.timezone.utc  # type: ignore[attr-defined]
        enum.StrEnum = _StrEnum  # type: ignore[attr-defined]
        for name in ("Self", "Never", "assert_never", "NotRequired", "Required"):
            if not hasattr(typing, name):
                setattr(typing, name, getattr(typing_extensions, name))


def _unions(source: bytes) -> ast.AST:
    """A module in which `A | B` of types works: its `|` becomes a call that knows both."""
    return ast.fix_missing_locations(_Either().visit(ast.parse(source)))


class _Either(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.BitOr):
            return node
        call = ast.Call(ast.Name("_either", ast.Load()), [node.left, node.right], [])
        return ast.copy_location(call, node)


def _either(one: Any, other: Any) -> Any:
    try:
        return one | other
    except TypeError:
        return typing.Union[one, other]


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
