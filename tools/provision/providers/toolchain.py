"""What the providers of compiled and bundled languages share: a runtime that is there or is obtained, and a tool's command run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Unreachable
from ...plan import Step
from ..names import plain
from ..part import Part, Site, command, tail
from .runtime import have, obtain

NETWORK = re.compile(
    r"could(?: not|n't) resolve (?:host|proxy)|unknown host|UnknownHostException|no such host|getaddrinfo|network is unreachable|"
    r"connection (?:was )?(?:refused|reset|timed out)|failed to connect|could not connect|ConnectException|i/o timeout|"
    r"temporary failure in name resolution|could not reach host|curl error [67]\b|dial tcp|NU1301",
    re.IGNORECASE,
)
"""How the tools say that a registry could not be reached."""


async def ready(name: str, site: Site, context: Context, part: Part, runtime: str = "") -> bool:
    """Whether the runtime is there, so that the site's packages can be planned; False when `part` brings it first.

    A version that does not fit is a warning where nothing better is to be had. Raises Failed when nothing can be had.
    """
    specs = [_least(name, want.firm) for want in site.service.runtimes if want.name == name and want.firm]
    if await have(name, runtime, context):
        for spec in specs if not runtime else []:
            if not await have(name, spec, context):
                part.warnings.append(f"the project asks for {name} {plain(spec)}, this host has another version")
        return True
    part.add(await obtain(name, runtime or (specs[0] if specs else ""), context))
    part.warnings.append(f"the packages are planned when {name} is there: ask again then")
    return False


def _least(name: str, spec: str) -> str:
    """A spec as it is meant: in go.mod and Cargo.toml a bare version is the least that will do."""
    return f">={spec}" if name in ("go", "rust") and re.fullmatch(r"\d+(\.\d+){0,2}", spec) else spec


async def carried(
    argv: Sequence[str],
    step: Step,
    context: Context,
    *,
    cwd: Path,
    env: dict[str, str] | None = None,
    hint: str = "",
    hints: Sequence[tuple[str, str]] = (),
    timeout: float = 1800,
) -> dict[str, JsonValue]:
    """Run a step's command in the site and give what the journal should know. Raises Unreachable when its registry could
    not be reached, Failed with the end of what it said otherwise.

    Of `hints` (pattern and hint) the first whose pattern is in what it said tells what to do next; else `hint` does.
    """
    done = await command(context, argv, step.does, cwd=cwd, env=env, timeout=timeout)
    if done.code == 0:
        return {"code": 0, "seconds": round(done.seconds, 1)}
    said, what = tail(done), " ".join(argv[:2])
    for pattern, known in hints:
        if re.search(pattern, said):
            raise Failed(f"{what} failed: {said}", known)
    raise failure(what, said, hint)


def failure(what: str, said: str, hint: str = "") -> Failed | Unreachable:
    """The error for a command `what` that ended with `said`: whether its registry or something else is at fault."""
    said = re.sub(r"(?<=://)[^/\s@]+@", "", said)  # a registry's address can have a password
    if NETWORK.search(said):
        return Unreachable(f"{what} could not reach its registry: {said[-2000:]}", "Check the network and ask again.")
    return Failed(
        f"{what} failed: {said}", hint or "Ask again to retry; what the message names may have to be installed first."
    )


def leads(site: Site, workspace: Path, context: Context) -> bool:
    """Whether this site is the one that speaks for the workspace at that directory.

    It is the workspace's own directory where that is a part of its own, or else the first part that lies below it.
    """
    if site.root == workspace or workspace == context.path:
        return site.root == workspace
    if workspace in site.parts:
        return False
    return next((part for part in site.parts if workspace in part.parents), site.root) == site.root


def unreachable(what: str, said: str) -> None:
    """Raise Unreachable when `said`, the error output of the command `what`, means that its registry was not reached."""
    error = failure(what, said)
    if isinstance(error, Unreachable):
        raise error
