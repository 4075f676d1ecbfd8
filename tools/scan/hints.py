"""Versions that files beside the manifests speak of: they count where nothing surer names one, else they may contradict it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .draft import Draft
from .text import listed, safe
from .versions import AT_LEAST, number, satisfies

_NEWER_BUILDS = AT_LEAST | {"dotnet", "kotlin"}
"""A newer version builds what asks for an older one, so that only an older one contradicts."""


def suppose(
    draft: Draft,
    runtime: str,
    specs: Sequence[str],
    path: str,
    key: str,
    confidence: float,
    said: str = "uses",
    against: float = 0.0,
) -> None:
    """A hint for a runtime that the service is known to use. `path` is relative to the project.

    Of several versions none is the one that is asked for: they are only what it is tried with. `against`: how sure a wish
    must be to be contradicted.
    """
    specs = [spec.strip()[:60] for spec in specs if spec.strip()]
    known = [wanted for wanted in draft.runtimes if wanted.name == runtime]
    if not known or not specs:
        return
    for other in known:
        if other.spec and other.confidence >= against and all(disagree(runtime, spec, other.spec) for spec in specs):
            where = other.evidence[0].path if other.evidence else ""
            weak = "; that is weak evidence, it may be meant so" if confidence <= 0.5 else ""
            draft.finding(
                f"{safe(path)} {said} {runtime} {listed([safe(spec) for spec in specs], 4)}, "
                f"but {where} asks for {other.spec}{weak}",
                f"/{path}",
                key,
                "contradiction",
                confidence,
            )
            return
    if len(set(specs)) > 1:
        return
    if any(wanted.spec == safe(specs[0]) for wanted in known):
        draft.runtime(runtime, specs[0], f"/{path}", key, confidence)
    elif not any(wanted.spec for wanted in known):
        at = draft.runtimes.index(known[0])
        evidence = draft.fact("", f"/{path}", key).evidence + known[0].evidence
        better = known[0].model_copy(update={"spec": safe(specs[0]), "evidence": evidence, "confidence": confidence})
        draft.runtimes[at : at + 1] = [better]


def disagree(runtime: str, pin: str, spec: str) -> bool:
    """Whether no version that a pin means can meet what is asked for; False when either cannot be read."""
    pin = re.sub(r"(?:\.[xX*])+$", "", pin.strip().removeprefix("v"))
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6}){0,4}", pin):
        return False
    if runtime in _NEWER_BUILDS and re.fullmatch(r"\d{1,6}(\.\d{1,6}){0,3}", spec):
        low, there = number(spec), number(pin + ".999" * max(0, 3 - len(pin.split("."))))
        return low is not None and there is not None and there < low
    if any(
        named == pin or named.startswith(f"{pin}.") for named in re.findall(r"\d{1,6}(?:\.\d{1,6}){0,4}", spec[:300])
    ):
        return False  # a pin on 3.3 may well be the 3.3.1 that is asked for
    missing = 3 - len(pin.split("."))
    newest, oldest = pin + ".999" * missing, pin + ".0" * missing
    return satisfies(runtime, spec, newest) is False and satisfies(runtime, spec, oldest) is False
