"""The steps of a restore: packages of one manager, lines in a file that a shell reads, a file of settings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from blake3 import blake3
from pydantic import JsonValue

from ...contract import Context, Progress
from ...errors import EnvSyncError, Failed
from ...hosts.base import Completed
from ...hosts.here import helped
from ...plan import Step
from ...portable.model import HOME
from ..names import plain
from ..part import command, tail
from ..providers import apt
from ..providers.pysteps import mapping
from .managers import Manager, find, go_folder, go_program, listed, started


class Packages:
    """`user-packages`: manager, packages (version by name, empty for any), remove. What cannot be had is told in `failed`,
    and the others stay: of a hundred extensions one is always gone."""

    name = "user-packages"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do. Raises Failed when none of them could be had."""
        manager, wanted = _manager(step), mapping(step.args["packages"])
        start = await started(manager, context)
        if not start:
            raise Failed(f"{manager.name} is not on {context.host.name} any more", "Make the plan again.")
        remove = bool(step.args.get("remove"))
        there = await listed(manager, start, list(wanted), context)
        todo = {name: version for name, version in wanted.items() if (name in there) is remove}
        failed: dict[str, JsonValue] = {}
        if manager.name == "apt":
            failed.update(await _apt(todo, remove, context))
        else:
            for number, (name, version) in enumerate(todo.items()):
                context.report(Progress(f"{step.does}: {name}", number, len(todo), "packages"))
                said = await _one(manager, start, name, version, remove, context)
                if said:
                    failed[name] = said
        if failed and len(failed) == len(wanted):
            name, why = next(iter(failed.items()))
            raise Failed(f"{manager.name}: {name}: {why}", "None of them could be had. Ask again to retry.")
        return {"failed": failed, "done": len(todo) - len(failed)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds. None: some are there and some are not."""
        manager, wanted = _manager(step), mapping(step.args["packages"])
        start = await started(manager, context)
        if not start:
            return None
        there = await listed(manager, start, list(wanted), context)
        number = sum((name in there) is not bool(step.args.get("remove")) for name in wanted)
        return True if number == len(wanted) else None if number else False


def _manager(step: Step) -> Manager:
    manager = find(str(step.args["manager"]))
    wanted = mapping(step.args["packages"])
    if manager is None or not all(manager.takes(name, version) for name, version in wanted.items()):
        raise Failed(
            f"{plain(str(step.args['manager']))}: that is no package of a known manager", "Make the plan again."
        )
    return manager


async def _one(manager: Manager, start: Sequence[str], name: str, version: str, remove: bool, context: Context) -> str:
    """Why it could not be done; empty when it was."""
    if manager.name == "go" and remove:
        folder = await go_folder(start, context)
        if folder is not None:
            await context.host.remove(folder / go_program(name))
        return ""
    words = manager.remove(name) if remove else manager.install(name, version)
    done = await command(context, [*start, *words], name, cwd=Path("/"), env=manager.env, timeout=1800)
    return "" if done.code == 0 else _why(done)


def _why(done: Completed) -> str:
    """What a manager says of a failure: the lines that it calls errors, else the last ones."""
    lines = [
        line.strip() for line in tail(done, 200).splitlines() if line.strip() and "omplete log of this" not in line
    ]
    errors = [line for line in lines if re.match(r"(?:npm )?(?:err|error|fatal|failed)\b", line, re.IGNORECASE)]
    told = [
        re.sub(r"^(?:npm )?(?:err!?|error)(?:\[\w+\])?:? *", "", line, flags=re.IGNORECASE)
        for line in errors or lines[-3:]
    ]
    return plain(" ".join(line for line in told[:4] if len(line) > 8), 240) or f"exit code {done.code}"


async def _apt(todo: Mapping[str, str], remove: bool, context: Context) -> dict[str, JsonValue]:
    """Those that apt has, all at once; in a new container its lists are empty until now."""
    if not todo:
        return {}
    known = dict.fromkeys(todo, True) if remove else await candidates(list(todo), context)
    names = [name for name in todo if known.get(name)]
    failed: dict[str, JsonValue] = {name: "apt offers no such package here" for name in todo if name not in names}
    if names:
        args: dict[str, JsonValue] = {
            "install": {} if remove else dict[str, JsonValue](dict.fromkeys(names, "")),
            "remove": list[JsonValue](names) if remove else [],
        }
        try:
            await apt.Apt().do(Step(kind="apt", does="apt", args=args), context)
        except EnvSyncError as error:
            return {**failed, **dict.fromkeys(names, plain(error.what, 300))}
    return failed


async def candidates(names: Sequence[str], context: Context) -> dict[str, bool]:
    """Which of them apt would install."""
    done = await context.host.run(["apt-cache", "policy", "--", *names], timeout=60, env=apt.ENV, cwd=Path("/"))
    found = re.findall(r"^([a-z0-9][^\s:]*)(?::\w+)?:\n  Installed: .*\n  Candidate: (\S+)$", done.text, re.MULTILINE)
    return {name: version != "(none)" for name, version in found}


# -- Files below the home directory ------------------------------------------------------------------------------------

BEGIN, END = "# >>> envsync {name} >>>", "# <<< envsync {name} <<<"


def block_of(text: str, name: str) -> str | None:
    """The lines between our marks; None without them."""
    _, begin, rest = text.partition(BEGIN.format(name=name) + "\n")
    inside, end, _ = rest.partition(END.format(name=name))
    return inside if begin and end else None


def with_block(text: str, name: str, lines: str | None) -> str:
    """The file's text with other lines between the marks, at its end when they are new; None: without the marks."""
    begin, end = BEGIN.format(name=name) + "\n", END.format(name=name) + "\n"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        before, after = text, ""
        if lines is None:
            return text
        before += "" if not before or before.endswith("\n") else "\n"
    return before + after if lines is None else f"{before}{begin}{lines}{end}{after}"


class Block:
    """`home-block`: path (below the home directory), name, lines (null: none), was (the same as it is now), made (whether
    the file is made by it, and so taken away when its block is all that it has)."""

    name = "home-block"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do. Raises Failed when the lines are others by now."""
        path, name = place(step, context), str(step.args["name"])
        text = await read(path, context)
        wanted = step.args.get("lines")
        now = None if text is None else block_of(text, name)
        if now == wanted:
            return {}
        if now != step.args.get("was"):
            raise Failed(
                f"{step.args['path']} was edited meanwhile", "It was left as it is. Ask again to see the new plan."
            )
        changed = with_block(text or "", name, None if wanted is None else str(wanted))
        if wanted is None and step.args.get("made") and not changed.strip():
            await context.host.remove(path)
        else:
            await context.host.write(path, changed.encode("utf-8", "surrogateescape"))
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        text = await read(place(step, context), context)
        return (None if text is None else block_of(text, str(step.args["name"]))) == step.args.get("lines")


class File:
    """`home-file`: path, text (with HOME), mode, was (digest of what is there, null: nothing), aside (where that is kept).

    What is there is moved aside and not kept by EnvSync: it may hold anything, a secret too.
    """

    name = "home-file"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        path = place(step, context)
        content, now = filled(step, context), await digest(path, context)
        if now == _digest(content):
            return {}
        if now != step.args.get("was"):
            raise Failed(
                f"{step.args['path']} was edited meanwhile", "It was left as it is. Ask again to see the new plan."
            )
        if now is not None:
            await move(path, place(step, context, "aside"), context)
        await context.host.write(path, content, int(str(step.args.get("mode") or 0o644)))
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return await digest(place(step, context), context) == _digest(filled(step, context))


class FileBack:
    """`home-file-back`: path, text, was, aside as `home-file` had them: the file goes, and what was moved aside comes back."""

    name = "home-file-back"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        path, aside = place(step, context), place(step, context, "aside")
        now, was = await digest(path, context), step.args.get("was")
        if now == was:
            return {}
        if now is not None and now != _digest(filled(step, context)):
            raise Failed(
                f"{step.args['path']} was edited since", f"It was left as it is; what was there before is {aside}."
            )
        if was is None:
            await context.host.remove(path)
            return {}
        if await digest(aside, context) != was:
            raise Failed(f"{aside} is gone or was edited", f"{step.args['path']} was left as it is.")
        await context.host.remove(path)
        await move(aside, path, context)
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return await digest(place(step, context), context) == step.args.get("was")


def place(step: Step, context: Context, key: str = "path") -> Path:
    """A path argument, written with `~`, which must stay below the home directory. Raises Failed otherwise."""
    return below(str(step.args[key]), context)


def below(written: str, context: Context) -> Path:
    """`~/NAME` on this host. Raises Failed for any other place."""
    path = PurePosixPath(written.removeprefix("~/"))
    if not written.startswith("~/") or path.is_absolute() or ".." in path.parts or not path.parts:
        raise Failed(f"{plain(written)} is no path below the home directory", "Make the plan again.")
    return context.home / path


def filled(step: Step, context: Context) -> bytes:
    """A dotfile's content on this host."""
    return str(step.args["text"]).replace(HOME, str(context.home)).encode("utf-8")


async def read(path: Path, context: Context) -> str | None:
    """A file's text, whatever its bytes are; None when there is none. Raises Failed for what is no regular file: a link
    belongs to whoever manages the dotfiles."""
    content = await _content(path, context)
    return None if content is None else content.decode("utf-8", "surrogateescape")


async def digest(path: Path, context: Context) -> str | None:
    """BLAKE3 of a file's content; None when there is none. Raises Failed."""
    content = await _content(path, context)
    return None if content is None else _digest(content)


async def _content(path: Path, context: Context) -> bytes | None:
    entry = await context.host.stat(path)
    if entry is None:
        return None
    if entry.kind != "file" or entry.size > 4 << 20:
        what = f"a {entry.kind}" if entry.kind != "file" else "too large"
        raise Failed(f"{path} is {what}", "It is left to whoever made it so.")
    try:
        return await context.host.read(path)
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror or error}", "Check its permissions.") from None


def _digest(content: bytes) -> str:
    return blake3(content).hexdigest()


async def move(source: Path, target: Path, context: Context) -> None:
    """Rename, never over anything. Raises Failed."""
    if await context.host.stat(target) is not None:
        raise Failed(f"{target} is there already", "Move it away, then ask again.")
    try:
        if await helped(context.host):
            await context.host.call(os.rename, source, target)
        else:
            await context.host.run(["mv", "-n", "--", str(source), str(target)], cwd=Path("/"), timeout=30)
    except OSError as error:
        raise Failed(f"{source} could not be moved to {target}: {error.strerror or error}", "It was left.") from None
    if await context.host.stat(source) is not None:
        raise Failed(f"{source} could not be moved to {target}", "It was left as it is.")


STEPS = (Packages(), Block(), File(), FileBack())
