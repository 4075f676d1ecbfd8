"""Steps of the Python provider's plans, made from what was resolved; nothing here looks at the machine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version
from pydantic import JsonValue

from ...plan import Step
from ..names import plain
from ..part import Part, Site, counted
from .pydeclared import Declared, name_of
from .pyenvs import Environment, Python
from .pytools import NeedsBuild, Resolved


@dataclass(frozen=True)
class Base:
    """Where packages will go: the environment's path, the one that is there and can be kept, and its interpreter."""

    path: Path
    kept: Environment | None
    python: Python

    @property
    def readable(self) -> Path | None:
        """The environment that an installer can look into."""
        whole = self.kept and not any(dist.gutted for dist in self.kept.dists.values())
        return self.kept.path if self.kept and whole else None

    @property
    def versions(self) -> dict[str, str]:
        return {name: dist.version for name, dist in self.kept.dists.items()} if self.kept else {}


def pinned(
    site: Site,
    base: Base,
    found: Resolved,
    part: Part,
    *,
    hashes: Mapping[str, list[str]] = {},
    first: Set[str] = frozenset(),
    places: Sequence[str] = (),
) -> None:
    """The step for an exactly known set; `first` are the names that its line shows before others.

    `places` are where the installer has to look besides the index.
    """
    wanted = {name: v for name, v in found.wanted.items() if base.versions.get(name) != v}
    again = [name for name in broken(base) if name not in wanted]
    pins = {**wanted, **{name: base.versions[name] for name in again}}
    if not pins:
        return
    hashed = bool(hashes) and all(name in hashes for name in pins)
    lines = [
        f"{name}=={version}" + ("".join(f" --hash={h}" for h in hashes[name]) if hashed else "")
        for name, version in sorted(pins.items())
    ]
    changes = {name: [base.versions.get(name, ""), version] for name, version in sorted(pins.items())}
    part.details += change_lines(changes)
    how = _verb({name: pair for name, pair in changes.items() if name in first} or changes)
    asked = [line for line in change_lines(changes) if not first or line.split(" ")[0] in first]
    some = (asked or change_lines(changes))[:3]
    more = f" and {len(pins) - len(some)} more" if len(pins) > len(some) else ""
    part.steps.append(
        covered_step(
            "python-install",
            f"{how} {', '.join(some)}{more} in {site.label(base.path.name)}",
            1.0 + 0.1 * len(pins),
            {
                "env": site.label(base.path.name),
                "requirements": list[JsonValue](lines),
                "expect": dict[str, JsonValue](pins),
                "again": list[JsonValue](again),
                "deps": False,
                "builds": False,
                "hashes": hashed,
                "changes": {name: list[JsonValue](pair) for name, pair in changes.items()},
                **({"links": list[JsonValue](list(places))} if places else {}),
            },
        )
    )


def unresolved(site: Site, base: Base, lines: list[str], error: NeedsBuild, part: Part) -> None:
    """The step for a set of which something has to be built: the project's files named it, so it may be."""
    part.warnings.append(
        "something has to be built from source, which runs its build script and decides the exact versions then: "
        + plain(error.what, 300)
    )
    part.steps.append(
        covered_step("python-install", f"build and install {counted(len(lines), 'requirement')} of the project", 60.0, {
            "env": site.label(base.path.name), "requirements": list[JsonValue](lines), "deps": True, "builds": True,
            "expect": {name_of(line): "" for line in lines if ";" not in line},
        })
    )  # fmt: skip


def addresses(site: Site, declared: Declared, base: Base, part: Part) -> None:
    """Requirements from an address instead of the index: named by the project, but for a person to look at."""
    good = [line for line in declared.urls if re.search(r"(?:git\+)?(?:https|ssh)://", line)]
    part.warnings += [f"{plain(line)} is left out: not fetched safely" for line in declared.urls if line not in good]
    origins = [dist.origin for dist in base.kept.dists.values() if dist.origin] if base.kept else []
    lines = [line for line in good if not any(origin in line for origin in origins)]
    if not lines:
        return
    part.reasons.append(f"comes from an address and not from the package index: {', '.join(map(plain, lines))}")
    part.steps.append(
        covered_step("python-install", f"build and install {counted(len(lines), 'requirement')} from addresses", 30.0, {
            "env": site.label(base.path.name), "requirements": list[JsonValue](list(lines)), "deps": True, "builds": True,
            "expect": {name_of(line): "" for line in lines if "@" in line.partition("://")[0]},
        })
    )  # fmt: skip


def broken(base: Base) -> list[str]:
    """Names of installed packages that lack some of their files."""
    return sorted(dist.name for dist in base.kept.dists.values() if dist.broken) if base.kept else []


def _verb(changes: Mapping[str, list[str]]) -> str:
    pairs = [(old, new) for old, new in changes.values() if old]
    if len(pairs) < len(changes):
        return "install"
    if all(old == new for old, new in pairs):
        return "repair"
    try:
        up = [Version(old) < Version(new) for old, new in pairs if old != new]
    except InvalidVersion:
        return "change"
    return "upgrade" if all(up) else "change" if any(up) else "downgrade"


def change_lines(changes: Mapping[str, list[str]]) -> list[str]:
    """`click 8.1 -> 8.3` by name, for the preview."""
    return [
        f"{name} {old} -> {new}" if old and old != new else f"{name} {new}{' (again)' if old else ''}"
        for name, (old, new) in sorted(changes.items())
    ]


def covered_step(kind: str, does: str, seconds: float, args: dict[str, JsonValue]) -> Step:
    """A step whose inverse is the snapshot."""
    return Step(kind=kind, does=does, args=args, covered=True, seconds=seconds)
