"""What differs between two fingerprints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..fingerprint import Fingerprint, Installed
from ..moments.say import count
from . import equipment
from .model import Difference, Severity, step

ALWAYS = frozenset(
    ("PYTHONPATH", "PYTHONHOME", "NODE_ENV", "NODE_OPTIONS", "NODE_PATH", "JAVA_HOME", "GOFLAGS", "LD_LIBRARY_PATH",
     "LD_PRELOAD", "DATABASE_URL", "VIRTUAL_ENV")
)  # fmt: skip
"""Variables that change how programs run, whether or not the project names them."""


def compare(old: Fingerprint, new: Fingerprint) -> tuple[list[Difference], list[str]]:
    """The differences, and names of variables that differ but are none of the project's: those are told aside."""
    variables, aside = _variables(old, new)
    found = [
        *_packages(old, new),
        *_programs(old.runtimes, new.runtimes, "runtime", _needed(old) | _needed(new)),
        *_programs(old.tools, new.tools, "tool", _managers(old) | _managers(new)),
        *variables,
        *_dotfiles(old, new),
        *_git(old, new),
        *_host(old, new),
        *equipment.compare(old.equipment, new.equipment),
    ]
    return found, aside


def _packages(old: Fingerprint, new: Fingerprint) -> Iterable[Difference]:
    before = {(s.manager, s.where): s.packages for s in old.packages}
    after = {(s.manager, s.where): s.packages for s in new.packages}
    for manager, where in sorted(before.keys() | after.keys()):
        there, here = before.get((manager, where)), after.get((manager, where))
        if there is None or here is None:
            # A whole environment: one difference, not one for each of its packages.
            change, packages = ("removed", there) if here is None else ("added", here)
            held = count(len(packages or ()), "package")
            was, now, severity = (held, "", "breaking") if here is None else ("", held, "info")
            yield _package(where, change, was, now, where, severity)
            continue
        for name in sorted(there.keys() | here.keys()):
            was, now = there.get(name, ""), here.get(name, "")
            if was == now and (name in there) == (name in here):
                continue
            if name not in here:
                yield _package(name, "removed", was, "", where, "breaking" if where != "system" else "major")
            elif name not in there:
                yield _package(name, "added", "", now, where, "info")
            else:
                yield _package(name, "version", was, now, where, step(was, now))


def _package(name: str, change: str, was: str, now: str, where: str, severity: Severity) -> Difference:
    return Difference.model_validate(
        {
            "kind": "package",
            "what": name,
            "change": change,
            "was": was,
            "now": now,
            "where": where,
            "severity": severity,
        }
    )


def _programs(
    old: Sequence[Installed], new: Sequence[Installed], kind: str, needed: frozenset[str]
) -> Iterable[Difference]:
    """By name and path. A program that did not say its version in time says nothing about drift either."""
    before, after = ({(p.name, p.path): p.version for p in side} for side in (old, new))
    names = {name for name, _ in after}
    # Two commands of one program are told once, by what both answer: when one was mute, the other stands for itself.
    mute = {name for side in (before, after) for (name, _), version in side.items() if version == ""}
    for name, path in sorted(before.keys() | after.keys()):
        was, now = before.get((name, path)), after.get((name, path))
        if was == now or (was == "" and now is not None) or (now == "" and was is not None):
            continue
        if name in mute and name in names and (was is None or now is None):
            continue
        if was is None:
            change, severity = "added", "info"
        elif now is None:
            change = "removed"
            severity = "info" if name in names else "breaking" if name in needed else "minor"
        else:
            change, severity = "version", step(was, now) if name in needed else "info"
        yield Difference.model_validate(
            {
                "kind": kind,
                "what": name,
                "change": change,
                "was": was or "",
                "now": now or "",
                "where": path,
                "severity": severity,
            }
        )


def _needed(side: Fingerprint) -> frozenset[str]:
    return frozenset(w.name for s in (side.project.services if side.project else ()) for w in s.runtimes)


def _managers(side: Fingerprint) -> frozenset[str]:
    return frozenset(m.value for s in (side.project.services if side.project else ()) for m in s.managers)


def _variables(old: Fingerprint, new: Fingerprint) -> tuple[list[Difference], list[str]]:
    read = {
        f.value for side in (old, new) for s in (side.project.services if side.project else ()) for f in s.variables
    }
    before, after = ({v.name: v.digest for v in side.variables} for side in (old, new))
    found: list[Difference] = []
    aside: list[str] = []
    if not before or not after:
        return [], []
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) == after.get(name):
            continue
        change = "added" if name not in before else "removed" if name not in after else "value"
        if name not in read | ALWAYS:
            aside.append(f"{name} ({'another value' if change == 'value' else change})")
            continue
        severity = {"removed": "major", "value": "minor", "added": "info"}[change]
        fix = {
            "removed": f"set {name} again",
            "added": f"unset {name}",
            "value": f"look at {name}: only its hash is known",
        }
        found.append(
            Difference.model_validate(
                {"kind": "variable", "what": name, "change": change, "was": _set(name, before), "now": _set(name, after),
                 "severity": severity, "fix": fix[change]}
            )
        )  # fmt: skip
    return found, aside


def _set(name: str, side: dict[str, str]) -> str:
    """Not the hash itself: it means nothing to a person."""
    return "set" if name in side else ""


def _dotfiles(old: Fingerprint, new: Fingerprint) -> Iterable[Difference]:
    before, after = ({f.path: f.digest for f in side.dotfiles} for side in (old, new))
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path):
            continue
        change = "added" if path not in before else "removed" if path not in after else "edited"
        severity = {"added": "info", "edited": "minor", "removed": "major"}[change]
        yield Difference.model_validate({"kind": "dotfile", "what": path, "change": change, "severity": severity})


def _git(old: Fingerprint, new: Fingerprint) -> Iterable[Difference]:
    before = old.project.git if old.project else None
    after = new.project.git if new.project else None
    if before is None or after is None:
        if before is not after:
            change = "added" if before is None else "removed"
            severity = "info" if before is None else "breaking"
            yield Difference.model_validate(
                {"kind": "git", "what": "repository", "change": change, "severity": severity}
            )
        return
    if before.branch != after.branch:
        back = f"git switch {before.branch}" if before.branch else f"git switch --detach {before.head[:12]}"
        yield Difference(
            kind="git", what="branch", change="moved", was=before.branch or "detached", now=after.branch or "detached",
            severity="minor", fix=back,
        )  # fmt: skip
    if before.head != after.head:
        yield Difference(
            kind="git", what="HEAD", change="moved", was=before.head[:9], now=after.head[:9], severity="info"
        )


def _host(old: Fingerprint, new: Fingerprint) -> Iterable[Difference]:
    if old.facts is None or new.facts is None:
        return
    for what, was, now in (
        ("operating system", old.facts.os, new.facts.os),
        ("kernel", old.facts.kernel, new.facts.kernel),
        ("architecture", old.facts.arch, new.facts.arch),
        ("GPUs", ", ".join(old.facts.gpus), ", ".join(new.facts.gpus)),
    ):
        if was != now:
            severity: Severity = "info" if what == "kernel" else "major"
            yield Difference(kind="host", what=what, change="version", was=was, now=now, severity=severity)
