"""The steps of the Go provider: fill the module cache without touching the project, and write the project's own files.

The cache lies outside the project, so its step has an inverse, which takes out what came in (see `caches`): a module version
that another project began to use meanwhile is fetched once more there. go.mod and go.sum are made beside the project by the first
step, and put into it by the second one, which the snapshot covers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...plan import Step
from ..defaults import away, scratch
from ..index import text
from ..part import digest
from . import caches, gocache
from .gofiles import joined, parse, uses
from .gotools import Go, find
from .pysteps import changes, mapping, place, strings
from .toolchain import carried

_OFTEN = 200
"""Modules named to one command, which keeps its line well below the system's limit."""


class GoCache:
    """`go-cache`: cache, root, key, verb, siblings, lock, sums, words, vendor, changes.

    The verbs: `fetch` what the sums have; `work`, the same in a workspace; `tidy` and `get`, which make new go.mod and go.sum;
    `clear`, the inverse of them all. `siblings` are directories by module path (of `work`: path and version) that stand in for
    modules that may be published nowhere.
    """

    name = "go-cache"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        cache, key, verb = Path(str(step.args["cache"])), str(step.args["key"]), str(step.args["verb"])

        async def held() -> list[str]:
            return await context.host.call(gocache.held, str(cache))

        if verb == "clear":
            return dict(await caches.clear(key, cache, held, context))
        root = place(step, "root", context)
        for name, wanted in mapping(step.args.get("lock", {})).items():
            content = await text(context.host, root / name)
            if (digest(content) if content else "") != wanted:
                raise Failed(f"{name} changed after the plan was made", "Nothing was changed. Ask again.")
        go = await find(context)
        if go.cache != cache:
            raise Failed(f"Go's module cache is {go.cache} now, and was {cache}", "Make the plan again.")
        await caches.begin(key, held, context)
        folder = await scratch(context.host)
        try:
            work = _Work(step, root, folder, go, context)
            made = await (work.workspace() if verb == "work" else work.module(verb))
        finally:
            await away(context.host, folder)
        added = await caches.end(key, held, context, made)
        came: dict[str, JsonValue] = gocache.versions(added)
        for path, (old, new) in changes(step).items():
            came[path] = [old, new]
        return {"code": 0, "files": len(added), "installed": came}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        key = str(step.args["key"])
        if step.args["verb"] == "clear":
            return not await caches.known(key, context)
        if await caches.files(key, context) is None:
            return False
        cache, sums = str(step.args["cache"]), mapping(step.args.get("sums", {}))
        return not await context.host.call(gocache.lacking, cache, sums)


class _Work:
    """One step being carried out in a scratch directory: gives the files that it makes."""

    def __init__(self, step: Step, root: Path, folder: Path, go: Go, context: Context) -> None:
        self._step, self._root, self._folder, self._go, self._context = step, root, folder, go, context

    async def module(self, verb: str) -> dict[str, str]:
        """`fetch`, `tidy`, `get`: with a copy of go.mod, so that nothing in the project is written."""
        host, copy = self._context.host, self._folder / "go.mod"
        before = await self._copied("go.mod")
        await self._copied("go.sum")
        siblings = mapping(self._step.args.get("siblings", {}))
        edits = [f"-replace={path}={self._root / rel}" for path, rel in siblings.items()]
        if edits:
            await self._go_run(["go", "mod", "edit", *edits, str(copy)])
        env = self._go.env(f"-modfile={copy}")
        if verb == "fetch":
            await self._fetch(env)
            return {}
        if verb == "tidy":
            await self._go_run(["go", "mod", "tidy"], env)
        else:
            await self._go_run(["go", "get", "-d", "--", *strings(self._step.args["words"])], env)
        if self._step.args.get("vendor"):
            await self._go_run(["go", "mod", "vendor", "-o", str(self._folder / "vendor")], env)
        if edits:
            drops = [f"-dropreplace={path}" for path in siblings]
            await self._go_run(["go", "mod", "edit", *drops, str(copy)])
        made = {name: await text(host, self._folder / name) for name in ("go.mod", "go.sum")}
        if not made["go.mod"]:
            made["go.mod"] = before
        return {name: content for name, content in made.items() if content}

    async def workspace(self) -> dict[str, str]:
        """`work`: with a copy of go.work that names its modules by absolute paths."""
        host = self._context.host
        content = await text(host, self._root / "go.work")
        named = [str(joined(self._root, rel)) for rel in uses(content)]
        kept = re.sub(r"^\s*use\s*\([^)]*\)|^\s*use\s+\S.*$", "", content, flags=re.MULTILINE)
        kept = re.sub(r"=>\s*(\.{1,2}/\S*)", lambda m: f"=> {joined(self._root, m[1])}", kept)
        listed = "".join(f"\t{_quoted(path)}\n" for path in named)
        # Go before 1.22 would fetch the published version of a module that is at hand, when another one names a version.
        siblings = mapping(self._step.args.get("siblings", {}))
        stand_ins = "".join(f"replace {item} => {self._root / rel}\n" for item, rel in siblings.items())
        await host.write(self._folder / "go.work", f"{kept}\nuse (\n{listed})\n{stand_ins}".encode())
        await self._copied("go.work.sum")
        await self._fetch(self._go.env(GOWORK=str(self._folder / "go.work")))
        made = await text(host, self._folder / "go.work.sum")
        return {"go.work.sum": made} if made else {}

    async def _fetch(self, env: dict[str, str]) -> None:
        """All that Go would download, and then by name what the sums have besides."""
        await self._go_run(["go", "mod", "download"], env)
        sums = mapping(self._step.args.get("sums", {}))
        left = await self._context.host.call(gocache.lacking, str(self._go.cache), sums)
        for first in range(0, len(left), _OFTEN):
            await self._go_run(["go", "mod", "download", "--", *left[first : first + _OFTEN]], env)

    async def _copied(self, name: str) -> str:
        content = await text(self._context.host, self._root / name)
        if content:
            await self._context.host.write(self._folder / name, content.encode())
        return content

    async def _go_run(self, argv: Sequence[str], env: dict[str, str] | None = None) -> None:
        """Raises Unreachable, Failed."""
        await carried(
            argv,
            self._step,
            self._context,
            cwd=self._root,
            env=env or self._go.env(),
            hint="`go mod tidy` and `go mod verify` tell more. Mend what the message names, then ask again.",
        )


def _quoted(path: str) -> str:
    if "\n" in path or '"' in path or "\\" in path:
        raise Failed(f"go.work cannot name {path!r}", "Rename that directory.")
    return f'"{path}"'


class GoFiles:
    """`go-files`: root, key, vendor, expect. Writes the go.mod, go.sum or go.work.sum that the `go-cache` step of that key made."""

    name = "go-files"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        root = place(step, "root", context)
        made = await caches.files(str(step.args["key"]), context)
        if made is None:
            raise Failed("there is no record of what was fetched", "Nothing was written. Ask again.")
        for name, content in made.items():
            path = root / name
            entry = await context.host.stat(path)
            if entry is not None and entry.kind != "file":
                raise Failed(
                    f"{path} is a {entry.kind}, no file", "It is not written through. Replace it, then ask again."
                )
            if await text(context.host, path) != content:
                await context.host.write(path, content.encode())
        if step.args.get("vendor"):
            go = await find(context)
            await carried(["go", "mod", "vendor"], step, context, cwd=root, env=go.env(GOPROXY="off"))
        return {"code": 0, "files": len(made)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        root = place(step, "root", context)
        made = await caches.files(str(step.args["key"]), context)
        if made is None:
            return None
        expect = mapping(step.args.get("expect", {}))
        if expect:
            requires = parse(await text(context.host, root / "go.mod"), "go.mod").requires
            if any(requires.get(path) != version for path, version in expect.items()):
                return False
        return all([await text(context.host, root / name) == content for name, content in made.items()])
