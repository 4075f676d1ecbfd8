"""Aliases and dotfiles of another machine in this one's home directory: what is there stays, unless it was chosen to be replaced."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...plan import Step
from ...portable import fishfile, shellfile
from ...portable.definitions import LARGEST, Defined
from ...portable.model import HOME, Alias, Dotfile
from ...portable.shellfile import ALIAS
from ...redact import Redactor
from ..names import plain
from ..part import Part, counted
from . import steps

FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "sh": "~/.profile", "fish": "~/.config/fish/config.fish"}
"""Which file each shell reads when a person begins to type."""
BLOCK = "aliases"
LINES = 60
"""Of one file's difference."""


async def aliases(wanted: Sequence[Alias], here: Sequence[Defined], context: Context) -> Part:
    """Lines between two marks in the file that each shell reads. A name that means something here keeps its meaning."""
    part = Part()
    known = {(item.shell, item.found.name): item.found.text for item in here}
    for shell, path in FILES.items():
        mine = [alias for alias in wanted if alias.shell == shell and ALIAS.fullmatch(alias.name)]
        fine = [alias for alias in mine if alias.text.isprintable() and not alias.name.startswith("-")]
        if not fine:
            continue
        try:
            part.add(await _of_shell(shell, path, fine, known, context))
        except Failed as error:
            part.warnings.append(
                f"not restored: {counted(len(fine), 'alias')[:-2]} of {shell}: {plain(error.what, 200)}"
            )
    return part


async def _of_shell(
    shell: str, path: str, wanted: Sequence[Alias], known: dict[tuple[str, str], str], context: Context
) -> Part:
    part = Part()
    text = await steps.read(steps.below(path, context), context)
    was = None if text is None else steps.block_of(text, BLOCK)
    lines = dict.fromkeys((was or "").splitlines())
    home, own = str(context.home), _own(shell, text)
    for alias in sorted(wanted, key=lambda alias: alias.name):
        line, there = written(alias), known.get((shell, alias.name), own.get(alias.name))
        if line in lines:
            continue
        if there is not None and there.replace(home, "$HOME") != alias.text:
            part.warnings.append(f"{plain(alias.name, 40)} stands for something else in {shell} here, and stays so")
        elif there is None:
            lines[line] = None
    block = "".join(f"{line}\n" for line in lines)
    if not lines or block == was:
        part.present.append(f"the aliases of {shell}")
        return part
    new = [line for line in lines if line not in (was or "").splitlines()]
    args: dict[str, JsonValue] = {"path": path, "name": BLOCK, "made": text is None}
    back = Step(
        kind="home-block", does=f"take the lines out of {path} again", args={**args, "lines": was, "was": block}
    )
    part.steps.append(
        Step(
            kind="home-block", does=f"define {len(new)} {'alias' if len(new) == 1 else 'aliases'} in {path}",
            args={**args, "lines": block, "was": was}, inverse=(back,), seconds=0.1,
        )
    )  # fmt: skip
    part.details += [f"{path}: {plain(line, 160)}" for line in new]
    return part


def _own(shell: str, text: str | None) -> dict[str, str]:
    """What the file itself defines besides our lines: on a host without a Python nobody else could tell."""
    rest = steps.with_block(text or "", BLOCK, None)
    if len(rest) > LARGEST:
        return {}
    file = fishfile.scan(rest) if shell == "fish" else shellfile.scan(rest)
    return {found.name: found.text for found in file.found.values()}


def written(alias: Alias) -> str:
    """The line that defines it. All of it is quoted: nothing of the text is expanded before the alias is used."""
    if alias.shell == "fish":
        text = "'" + alias.text.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return f"abbr --add {alias.name} {text}" if alias.kind == "abbreviation" else f"alias {alias.name} {text}"
    return f"alias {alias.name}='" + alias.text.replace("'", "'\\''") + "'"


async def dotfiles(wanted: Sequence[Dotfile], context: Context) -> Part:
    """Each file that is missing or differs; what is there is moved aside and shown as a difference."""
    part, redact = Part(), Redactor(context.environ)
    for file in sorted(wanted, key=lambda file: file.path):
        content = file.text.replace(HOME, str(context.home))
        try:
            path = steps.below(file.path, context)
            now = await steps.read(path, context)
            was = await steps.digest(path, context)
        except Failed as error:
            part.warnings.append(f"not restored: {plain(file.path, 80)}: {plain(error.what, 200)}")
            continue
        if now == content:
            part.present.append(file.path)
            continue
        args: dict[str, JsonValue] = {
            "path": file.path,
            "text": file.text,
            "was": was,
            "aside": f"{file.path}.before-{(was or 'x')[:8]}",
        }
        back = Step(kind="home-file-back", does=f"put {plain(file.path, 80)} back", args=args)
        if was is None:
            does = f"write {plain(file.path, 80)}, {counted(len(content.splitlines()), 'line')}"
        else:
            does = f"replace {plain(file.path, 80)}; what is there is kept as {plain(str(args['aside']), 100)}"
            part.differences += _difference(file.path, redact(now or ""), redact(content))
        part.steps.append(
            Step(kind="home-file", does=does, args={**args, "mode": file.mode & 0o755}, inverse=(back,), seconds=0.1)
        )
    return part


def _difference(path: str, now: str, then: str) -> list[str]:
    lines = list(difflib.unified_diff(now.splitlines(), then.splitlines(), path, path, n=1, lineterm=""))
    left = len(lines) - LINES
    shown = [line[:200] for line in lines[:LINES]]
    return [*shown, f" … {counted(left, 'line')} more"] if left > 0 else shown
