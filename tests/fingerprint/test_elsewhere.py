"""The same over a connection: a machine with a Python, and one with nothing but a shell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tests.core.places import pipe_host
from envsync.tools import registry
from envsync.tools.contract import Context
from envsync.tools.portable import export
from envsync.tools.portable.model import HOME, Alias, Dotfile
from envsync.tools.provision.part import Part
from envsync.tools.provision.restore import home

from .conftest import fill

ALIASES = (Alias(shell="bash", name="ll", text="ls -la"), Alias(shell="bash", name="gs", text="git status"))
DOTFILES = (
    Dotfile(path="~/.vimrc", text=f'set number\n" {HOME}/.vim\n', mode=0o600),
    Dotfile(path="~/.config/deep/er.conf", text="x\n"),
)


@pytest.mark.parametrize("kind", ["remote", "shell"])
async def test_aliases_and_dotfiles_there_and_back(
    kind: str, make_context: Callable[..., Context], tmp_path: Path
) -> None:
    host = pipe_host(kind, tmp_path)
    try:
        there = (await host.info()).home
        fill(there, {".bashrc": "# theirs\nalias gs='other'\n", ".vimrc": "old\n"})
        (there / ".vimrc").chmod(0o640)
        context = make_context(tmp_path, host=host, home=there)
        here = await export.defined(context)
        part = Part()
        part.add(await home.aliases(ALIASES, here, context))
        part.add(await home.dotfiles(DOTFILES, context))
        kinds = registry.kinds()
        for step in part.steps:
            await kinds[step.kind].do(step, context)
            assert await kinds[step.kind].holds(step, context) is True
        rc = (there / ".bashrc").read_text()
        assert "alias ll='ls -la'\n" in rc and rc.startswith("# theirs\n")
        assert "git status" not in rc, "what means something there keeps its meaning"
        assert (there / ".vimrc").read_text() == f'set number\n" {there}/.vim\n' and (
            there / ".vimrc"
        ).stat().st_mode & 0o777 == 0o600
        assert (there / ".config/deep/er.conf").read_text() == "x\n"
        for step in reversed(part.steps):
            for back in step.inverse:
                await kinds[back.kind].do(back, context)
                assert await kinds[back.kind].holds(back, context) is True
    finally:
        await host.close()
    assert (there / ".bashrc").read_text() == "# theirs\nalias gs='other'\n" and not (
        there / ".config/deep/er.conf"
    ).exists()
    assert (there / ".vimrc").read_text() == "old\n" and (there / ".vimrc").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("kind", ["remote", "shell"])
async def test_exporting_what_another_machine_has(
    kind: str, make_context: Callable[..., Context], tmp_path: Path
) -> None:
    from envsync.tools.scan.observe import observe

    host = pipe_host(kind, tmp_path)
    try:
        there = (await host.info()).home
        fill(there, {".bashrc": "alias ll='ls -la'\n", ".vimrc": f'" {there}\n'})
        portable = await export.make(make_context(tmp_path, host=host, home=there, observe=observe), [".vimrc"])
    finally:
        await host.close()
    assert portable.dotfiles[0].text == f'" {HOME}\n' and str(there) not in portable.model_dump_json()
    assert [a.name for a in portable.aliases] == (["ll"] if kind == "remote" else [])
