"""The steps of the Rust provider: settle Cargo.toml and Cargo.lock, and fill Cargo's home with what the lock has.

Cargo's home lies outside the project, so filling it has an inverse, which takes out the crates and repositories that came in (see
`caches`): one that another project began to use meanwhile is fetched once more there. The index stays: it changes no build.
Settling changes files of the project, which the snapshot covers, and fetches no crate; only for repositories that Cargo.lock does
not have yet it has to look into them, and those are noted as well. No build script runs: nothing is built.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context, Output
from ...errors import Failed
from ...plan import Step
from ..part import digest
from . import caches, cargocache
from .pysteps import mapping, place, strings
from .rustfiles import Lock, big, read_lock
from .rusttools import Cargo, find
from .toolchain import carried


async def _cargo(step: Step, context: Context) -> Cargo:
    """The cargo that the plan was made with. Raises Failed when its home is another one now."""
    cargo = await find(context, str(step.args.get("toolchain") or ""), strings(step.args.get("options", [])))
    if str(cargo.home) != step.args["home"]:
        raise Failed(f"Cargo's home is {cargo.home} now, and was {step.args['home']}", "Make the plan again.")
    return cargo


async def _held(step: Step, context: Context) -> list[str]:
    return await context.host.call(cargocache.held, str(step.args["home"]))


async def _lock(step: Step, context: Context) -> Lock:
    return read_lock(await big(Path(str(step.args["lock"])), context), "Cargo.lock")


async def lacking(lock: Lock, cargo: Cargo, manifest: Path, ask: bool, context: Context) -> list[str]:
    """What of a lock a build without network would not find, as `name version`.

    `ask`: Cargo itself has to say, since packages come from directories and not from its cache. It is asked as well where it has
    the indexes of several registries, since the same crate of another one does not count.
    """
    home = str(cargo.home)
    found = [] if ask else await context.host.call(cargocache.lacking, home, lock.crates, lock.sources)
    if found or not (ask or await context.host.call(cargocache.places, home) > 1):
        return found
    done = await cargo.run(context, cargo.argv("fetch", "--locked", "--offline", manifest=manifest), 300)
    return sorted([*lock.crates, *lock.sources]) if done.code != 0 else []


class RustCache:
    """`rust-cache`: home, root, lock, key, verb (fetch, clear), digest, toolchain, options, ask, changes.

    `lock` is the path of the Cargo.lock, which is only read; `digest` what it was, empty when a step before makes it: such a step
    fetches nothing when it comes back by an undo of an undo, since that step does not run again.
    """

    name = "rust-cache"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        key, home = str(step.args["key"]), Path(str(step.args["home"]))

        async def held() -> list[str]:
            return await _held(step, context)

        if step.args["verb"] == "clear":
            return dict(await caches.clear(key, home, held, context))
        cargo = await _cargo(step, context)
        wanted = str(step.args.get("digest") or "")
        if wanted and digest(await big(Path(str(step.args["lock"])), context)) != wanted:
            raise Failed("Cargo.lock changed after the plan was made", "Nothing was changed. Ask again.")
        if not wanted and not await caches.known(key, context):
            # An undo is being undone: the lock that this step is about comes back with the tree, after the steps.
            context.report(Output("the crates are not fetched again by this: envsync provision does\n", "stderr"))
            return {"code": 0, "files": 0}
        await caches.begin(key, held, context)
        lock = await _lock(step, context)
        broken = await context.host.call(cargocache.damaged, str(home), lock.crates)
        await context.host.call(caches.drop, str(home), broken)
        manifest = place(step, "root", context) / "Cargo.toml"
        await carried(
            cargo.argv("fetch", "--locked", manifest=manifest), step, context, cwd=Path("/"), env=cargo.env, hint=_HINT
        )
        added = await caches.end(key, held, context)
        return {"code": 0, "files": len(added), "installed": dict[str, JsonValue](cargocache.versions(added))}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        if step.args["verb"] == "clear":
            return not await caches.known(str(step.args["key"]), context)
        if not step.args.get("digest") and not await caches.known(str(step.args["key"]), context):
            return None
        if await caches.files(str(step.args["key"]), context) is None:
            return False
        cargo, manifest = await _cargo(step, context), place(step, "root", context) / "Cargo.toml"
        return not await lacking(await _lock(step, context), cargo, manifest, bool(step.args.get("ask")), context)


_HINT = (
    "If Cargo.toml and Cargo.lock disagree, `cargo update --workspace` settles it. "
    "Mend what the message names, then ask again."
)


class RustFiles:
    """`rust-files`: home, root, lock, key, verb (settle, add), words, exact (version by name), expect (names), toolchain, options."""

    name = "rust-files"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        root, lock = place(step, "root", context), Path(str(step.args["lock"]))
        for path in (root / "Cargo.toml", lock):
            entry = await context.host.stat(path)
            if entry is not None and entry.kind != "file":
                raise Failed(
                    f"{path} is a {entry.kind}, no file", "It is not written through. Replace it, then ask again."
                )
        cargo = await _cargo(step, context)

        async def held() -> list[str]:
            return await _held(step, context)

        async def run(words: Sequence[str]) -> None:
            argv = cargo.argv(*words, manifest=root / "Cargo.toml")
            await carried(argv, step, context, cwd=Path("/"), env=cargo.env, hint=_HINT)

        await caches.begin(str(step.args["key"]), held, context)
        if step.args["verb"] == "add":
            await run(["add", "--", *strings(step.args["words"])])
        await run(["update", "--workspace"])
        for name, version in mapping(step.args.get("exact", {})).items():
            there = [
                item.partition(" ")[2] for item in (await _lock(step, context)).crates if item.startswith(f"{name} ")
            ]
            nearest = [one for one in there if _line(one) == _line(version)]
            if version not in there and nearest:
                await run(["update", "--package", f"{name}:{nearest[0]}", "--precise", version])
        return {"code": 0}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        lock = await _lock(step, context)
        exact = mapping(step.args.get("exact", {}))
        return bool(lock.names) and all(f"{name} {version}" in lock.crates for name, version in exact.items())


def _line(version: str) -> tuple[str, ...]:
    """The numbers up to the first that is not 0: versions that share them stand in for each other."""
    match = re.match(r"(?:0\.)*\d+", version)
    return tuple(match[0].split(".")) if match else ()
