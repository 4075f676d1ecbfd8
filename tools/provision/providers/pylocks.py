"""What Python lockfiles fix, as requirement lines; and poetry's version syntax in PEP 440's."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any, cast

from ...errors import Failed
from ..names import plain


def locked(name: str, content: str, label: str) -> list[str]:
    """`numpy==1.26.4` lines of uv.lock, pylock.toml, poetry.lock, pdm.lock or Pipfile.lock. Raises Failed when unreadable.

    Entries without a version (the project itself) or from elsewhere than an index are left out.
    """
    try:
        data: Any = json.loads(content) if name == "Pipfile.lock" else tomllib.loads(content)
    except (ValueError, RecursionError) as error:
        raise Failed(
            f"{label} cannot be read: {plain(str(error))}",
            "Make it again with its own tool, or delete it; then ask again.",
        ) from None
    if not isinstance(data, dict):
        return []
    table = cast(dict[str, Any], data)
    if name == "Pipfile.lock":
        return _pipfile(table)
    entries = table.get("packages" if name == "pylock.toml" else "package")
    found: dict[str, set[str]] = {}
    for entry in cast(list[Any], entries) if isinstance(entries, list) else []:
        record = cast(dict[str, Any], entry) if isinstance(entry, dict) else {}
        source = record.get("source")
        kinds = set(cast(dict[str, Any], source)) if isinstance(source, dict) else set[str]()
        if isinstance(record.get("version"), str) and not kinds & {"editable", "virtual", "directory", "path", "git"}:
            found.setdefault(str(record.get("name")), set()).add(str(record["version"]))
    # Several versions of one package stand for several platforms or Pythons: those are left to the resolver.
    return [f"{key}=={next(iter(versions))}" for key, versions in sorted(found.items()) if len(versions) == 1]


def _pipfile(table: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for section in ("default", "develop"):
        packages = table.get(section)
        for key, value in cast(dict[str, Any], packages).items() if isinstance(packages, dict) else ():
            record = cast(dict[str, Any], value) if isinstance(value, dict) else {}
            if not isinstance(record.get("version"), str):
                continue
            extras = ",".join(record.get("extras") or [])
            marker = f" ; {record['markers']}" if record.get("markers") else ""
            lines.append(f"{key}{f'[{extras}]' if extras else ''}{record['version']}{marker}")
    return lines


def caret(spec: str) -> str:
    """poetry's `^1.2`, `~1.2`, `1.2`, `*` as PEP 440; anything else as it is."""
    spec = spec.strip()
    if spec in ("", "*"):
        return ""
    parts = [part.strip() for part in spec.split(",")]
    return ",".join(_one(part) for part in parts if part)


def _one(part: str) -> str:
    match = re.fullmatch(r"([\^~])\s*(\d+(?:\.\d+)*)(\S*)", part)
    if match:
        numbers = [int(n) for n in match[2].split(".")]
        at = _fixed(numbers) if match[1] == "^" else min(1, len(numbers) - 1)
        upper = [*numbers[:at], numbers[at] + 1]
        return f">={match[2]}{match[3]},<{'.'.join(map(str, upper))}"
    return f"=={part}" if re.match(r"\d", part) else part.replace(" ", "")


def _fixed(numbers: list[int]) -> int:
    """Where a caret lets go: behind the first number that is not 0."""
    return next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
