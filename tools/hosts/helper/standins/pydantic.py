"""Stands for pydantic where nothing is installed: models hold their fields and check nothing but their names.

What they hold is validated by the real pydantic on the machine that asked, when it arrives there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, cast

JsonValue = Any
ConfigDict = dict
_NONE: Any = object()
_MANY: tuple[Any, ...] = (tuple, list, set, frozenset)


class ValidationError(ValueError):
    """A field is missing, or unknown."""


class _Field:
    def __init__(self, default: Any, make: Callable[[], Any] | None) -> None:
        self.default = default
        self.make = make


def Field(default: Any = _NONE, *, default_factory: Callable[[], Any] | None = None, **_: Any) -> Any:
    """The default of a field; what else is said about it does not matter here."""
    return _Field(None if default is ... else default, default_factory)


class BaseModel:
    """Named fields with defaults."""

    model_fields: ClassVar[dict[str, _Field]] = {}

    def __init_subclass__(cls, **_: Any) -> None:
        super().__init_subclass__()
        known = dict(cls.model_fields)
        for name, about in cls.__dict__.get("__annotations__", {}).items():  # noqa: RUF063  # there is no `inspect.get_annotations` in Python 3.9
            if name.startswith("_") or name == "model_config" or str(about).startswith(("ClassVar", "typing.ClassVar")):
                continue
            given = cls.__dict__.get(name, _NONE)
            if isinstance(given, _Field):
                known[name] = given
                delattr(cls, name)
            else:
                known[name] = _Field(given, None)
        cls.model_fields = known

    def __init__(self, **values: Any) -> None:
        for name, field in self.model_fields.items():
            if name in values:
                value = values.pop(name)
            elif field.make is not None:
                value = field.make()
            elif field.default is not _NONE:
                value = field.default
            else:
                raise ValidationError(f"{type(self).__name__}.{name} is missing")
            self.__dict__[name] = value
        if values:
            raise ValidationError(f"{type(self).__name__} has no {', '.join(values)}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise ValidationError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.__dict__.values())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self.__dict__.items())})"

    @classmethod
    def model_validate(cls, value: Any, **_: Any) -> Any:
        """Make it from its fields."""
        return value if isinstance(value, cls) else cls(**value)

    def model_copy(self, *, update: dict[str, Any] | None = None, **_: Any) -> Any:
        """A copy with some fields changed."""
        return type(self)(**{**self.__dict__, **(update or {})})

    def model_dump(self, *, mode: str = "python", exclude: Any = None, **_: Any) -> dict[str, Any]:
        """The fields as plain data; `mode` json makes lists of tuples and texts of paths and times."""
        left_out = exclude or ()
        return {
            key: _plain(
                value, mode == "json", left_out[key] if isinstance(left_out, dict) and key in left_out else None
            )
            for key, value in self.__dict__.items()
            if key not in left_out or (isinstance(left_out, dict) and left_out[key] is not True)
        }

    def model_dump_json(self, **more: Any) -> str:
        """The same as JSON text."""
        return json.dumps(self.model_dump(mode="json", **more), separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any, text: bool, left_out: Any = None) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json" if text else "python", exclude=left_out)
    if type(value) is dict:
        return {key: _plain(item, text) for key, item in cast("dict[Any, Any]", value).items()}
    for kind in _MANY:
        if isinstance(value, kind):
            made = [_plain(item, text) for item in cast("list[Any]", value)]
            return made if text else kind(made)
    if text and isinstance(value, Enum):
        return value.value
    if text and isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if text and isinstance(value, Path):
        return str(value)
    return value
