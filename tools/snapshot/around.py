"""What a rewind does around the tree: dotfiles, the system's packages, and what it cannot restore."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from blake3 import blake3

from ..contract import Context
from ..errors import Usage
from ..fingerprint import Fingerprint
from ..hosts.here import here
from ..journal import Journal, Record
from ..moments.say import count, shown
from ..plan import Step
from ..redact import Redactor
from ..store.model import Snapshot
from ..store.place import snapshots_of, store_of
from . import packages
from .dotfiles import read_one
from .goal import RECENT, Goal


def made_by(record: Record, snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """The snapshot that a transaction of the tool `snapshot` made, if it is still there."""
    id = next((step.data["snapshot"] for step in record.steps if "snapshot" in step.data), None)
    return next((s for s in snapshots if s.id == id), None) if record.plan.tool == "snapshot" else None


async def dotfiles(goal: Goal, context: Context, only: list[str] | None) -> tuple[list[Step], list[str]]:
    """Steps for the dotfiles that differ from the snapshot's; `only` these (with `~`), None means all."""
    snapshot = goal.snapshot
    if snapshot is None or only == []:
        return [], []
    held = {file.path: file for file in snapshot.dotfiles}
    if only and (unknown := [path for path in only if path not in held]):
        raise Usage(
            f"snapshot {snapshot.id} does not hold {shown(unknown[0])}", f"It holds: {', '.join(held) or 'none'}."
        )
    redact = Redactor(context.environ)
    steps: list[Step] = []
    warnings: list[str] = []
    for path, file in held.items():
        if only is not None and path not in only:
            continue
        now = await read_one(context, path)
        if now is None and await context.host.stat(context.home / path.removeprefix("~/")) is not None:
            warnings.append(f"{path} is no plain file any more, and stays")
        elif now is None:
            steps.append(_dotfile(path, file.digest, file.mode, None, None))
        elif (digest := blake3(now.content).hexdigest()) != file.digest or now.mode != file.mode:
            if redact.redact(now.content.decode("utf-8", "replace"))[1]:
                warnings.append(f"{path} holds a secret now, which no snapshot keeps, so it stays")
            else:
                steps.append(_dotfile(path, file.digest, file.mode, digest, now.mode))
    if only is None and goal.since and goal.last:
        # A rewind brought a dotfile back that was not there before: taking that back removes it again.
        came = {
            str(s.args["path"]): s
            for r in goal.since
            for s in r.plan.steps
            if s.kind == "dotfile" and not s.args.get("was")
        }
        for path, step in came.items():
            now = await read_one(context, path)
            if now is not None and blake3(now.content).hexdigest() == step.args.get("digest") and path not in held:
                steps.append(_dotfile(path, None, None, str(step.args["digest"]), now.mode))
    return steps, warnings


def _dotfile(path: str, digest: str | None, mode: int | None, was: str | None, was_mode: int | None) -> Step:
    verb = "remove" if digest is None else "bring back" if was is None else "restore"
    inverse = Step(
        kind="dotfile", does=f"{path} as it was before the rewind",
        args={"path": path, "digest": was, "mode": was_mode, "was": digest},
    )  # fmt: skip
    return Step(
        kind="dotfile", does=f"{verb} {path}", args={"path": path, "digest": digest, "mode": mode, "was": was},
        inverse=(inverse,),
    )  # fmt: skip


async def system(
    goal: Goal, now: Fingerprint | None, then: Fingerprint | None, context: Context
) -> tuple[list[Step], list[str]]:
    """The system's packages: what EnvSync changed since goes back, what others changed is only told."""
    if now is None or then is None:
        when = "now" if now is None else "when the snapshot was taken"
        return [], [f"the scan failed {when}: packages of the system are not compared, and stay"]
    differing = packages.changes(now, then, system=True)
    if not differing:
        return [], []
    since = list(goal.since)
    if not goal.last and goal.snapshot is not None:
        # apt's packages belong to the machine: what EnvSync changed for other projects since then counts as well.
        since = [r for r in Journal(context.state).recent(RECENT, host=context.host.name) if r.at >= goal.snapshot.at]
    names = packages.touched(since) | await here(_by_hand, since, now, context)
    if goal.last:
        names -= packages.steps_names(goal.steps)
    step = packages.apt_step(now, then, names)
    steps: list[Step] = []
    warnings: list[str] = []
    if step is not None:
        step, lost = await _offered(step, context)
        steps = [step] if step else []
        if lost:
            warnings.append(f"apt no longer offers {', '.join(lost)}, which therefore stay as they are")
            names_lost = {line.partition(" ")[0] for line in lost}
            differing = [line for line in differing if line.partition(" ")[0] not in names_lost]
    handled = packages.steps_names([*steps, *goal.steps])
    others = [line for line in differing if line.split(" ")[0] not in handled]
    if others:
        some = "; ".join(others[:3]) + (" …" if len(others) > 3 else "")
        warnings.append(f"{count(len(others), 'system package')} changed by others since, and stay: {some}")
    return steps, warnings


def _by_hand(since: Sequence[Record], now: Fingerprint, context: Context) -> set[str]:
    """What commands such as `run sudo apt-get install …` changed: what differs between the snapshots around them."""
    store, known = store_of(context), snapshots_of(context)
    names: set[str] = set()
    for record in since:
        index = next((i for i, s in enumerate(known) if s.id == record.snapshot), None)
        if index is None or not packages.by_command(record):
            continue
        after = store.fingerprint(known[index + 1]) if index + 1 < len(known) else now
        names |= packages.differing(store.fingerprint(known[index]), after)
    return names


async def _offered(step: Step, context: Context) -> tuple[Step | None, list[str]]:
    """The step without the versions that apt does not offer any more, and those."""
    install, lost = step.args.get("install"), list[str]()
    kept = dict(install) if isinstance(install, dict) else {}
    for name, version in list(kept.items()):
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name):
            continue
        done = await context.host.run(["apt-cache", "madison", "--", name], timeout=30, cwd=Path("/"))
        if not any(line.split("|")[1].strip() == version for line in done.text.splitlines() if line.count("|") >= 2):
            lost.append(f"{name} {version}")
            del kept[name]
    if not kept and not step.args.get("remove"):
        return None, lost
    return step.model_copy(update={"args": {**step.args, "install": kept}}), lost


def beyond(goal: Goal, now: Fingerprint | None, then: Fingerprint | None) -> list[str]:
    """What a rewind cannot restore, where it matters here."""
    said: list[str] = []
    if then is None or now is None:
        return said
    was, is_now = ({r.name: r.version for r in f.runtimes if r.version and r.path.startswith("/")} for f in (then, now))
    moved = [f"{n} {was[n]} → {is_now.get(n, 'gone')}" for n in sorted(was) if is_now.get(n) != was[n]]
    if moved:
        said.append(f"runtimes of the machine are not taken back: {', '.join(shown(line) for line in moved[:5])}")
    databases = sorted({fact.value for s in (then.project.services if then.project else ()) for fact in s.databases})
    if databases and not goal.last:
        said.append(
            f"contents of databases outside the project stay as they are: {', '.join(shown(d) for d in databases)}"
        )
    return said
