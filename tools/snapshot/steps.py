"""The kinds of steps that snapshot and rewind make."""

from __future__ import annotations

from blake3 import blake3
from pydantic import JsonValue

from ..contract import Context, StepKind
from ..errors import Failed
from ..hosts.here import here
from ..plan import Step
from ..store.model import Snapshot
from ..store.place import snapshots_of, store_of
from . import dotfiles
from .take import take
from .trees import Tree, TreeBack
from .whole import Thaw, ThawBack, release


class Take:
    """`snapshot`: record the environment under `label`."""

    name = "snapshot"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `snapshot` (its id), `files`, `bytes`, `seconds`, `stored` (bytes the store grew by) and `notices`."""
        store = store_of(context)
        before = await here(store.du)
        label = step.args.get("label")
        taken = await take(context, str(label) if label else None, automatic=False)
        after = await here(store_of(context).du)
        return {
            "snapshot": taken.snapshot.id,
            "files": taken.snapshot.files,
            "bytes": taken.snapshot.bytes,
            "seconds": round(taken.seconds, 2),
            "stored": taken.snapshot.frozen.bytes if taken.snapshot.frozen else max(0, after.bytes - before.bytes),
            "notices": list[JsonValue](taken.notices[:50]),
            "whole": taken.snapshot.frozen is not None,
        }

    async def holds(self, step: Step, context: Context) -> bool | None:
        return any(s.label == step.args.get("label") and not s.automatic for s in snapshots_of(context))


class Forget:
    """`snapshot-forget`: forget the snapshot `id`, or the first by hand with `label` whose number is above `after`."""

    name = "snapshot-forget"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        snapshot = self._meant(step, context)
        if snapshot is None:
            return {}
        await here(store_of(context).forget, snapshot.id)
        await release(context, snapshot)
        return {"forgotten": snapshot.id}

    async def holds(self, step: Step, context: Context) -> bool | None:
        # By label, there may be another of that name afterwards: then only `do` knows.
        return self._meant(step, context) is None if "id" in step.args else None

    def _meant(self, step: Step, context: Context) -> Snapshot | None:
        known = snapshots_of(context)
        if "id" in step.args:
            return next((s for s in known if s.id == step.args["id"]), None)
        after, label = int(str(step.args.get("after", 0))), step.args.get("label")
        return next((s for s in known if s.seq > after and not s.automatic and s.label == label), None)


class Keep:
    """`snapshot-keep`: bring the forgotten `record` back, under a new id. Fails when its content is gone by now."""

    name = "snapshot-keep"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        kept = await here(store_of(context).save, Snapshot.model_validate_json(str(step.args["record"])))
        return {"snapshot": kept.id}

    async def holds(self, step: Step, context: Context) -> bool | None:
        was = Snapshot.model_validate_json(str(step.args["record"]))
        return any((s.manifest, s.at) == (was.manifest, was.at) for s in snapshots_of(context))


class DotfileStep:
    """`dotfile`: give the file at `path` (with `~`) the content `digest` (null: none) and `mode`, if it still is `was`."""

    name = "dotfile"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        path, digest, was = str(step.args["path"]), step.args.get("digest"), step.args.get("was")
        now = await _digest(context, path)
        if now == digest and digest is None:
            return {}
        if now not in (was, digest):
            raise Failed(f"{path} was edited meanwhile", "It was left as it is. Ask again to see the new plan.")
        store = store_of(context)
        if was is not None and not await here(store.has, str(was)):
            raise Failed(
                f"{path} is not overwritten: its present content is in no snapshot", "Move it away, then ask again."
            )
        file = context.home / path.removeprefix("~/")
        if digest is None:
            await context.host.remove(file)
        else:
            content = await here(store.get, str(digest))
            await context.host.write(file, content, int(str(step.args.get("mode") or 0o644)))
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        return await _digest(context, str(step.args["path"])) == step.args.get("digest")


async def _digest(context: Context, path: str) -> str | None:
    held = await dotfiles.read_one(context, path)
    return blake3(held.content).hexdigest() if held else None


STEPS: tuple[StepKind, ...] = (Take(), Forget(), Keep(), Tree(), TreeBack(), DotfileStep(), Thaw(), ThawBack())
