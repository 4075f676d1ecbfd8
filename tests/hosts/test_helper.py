"""The helper on a bare Python of the system's own: how it gets there, what it can do, and that nothing of it is left."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import importlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.core.places import PipeHost
from envsync.tools.contract import Context
from envsync.tools.errors import Unreachable
from envsync.tools.hosts import remote
from envsync.tools.hosts.helper import build
from envsync.tools.hosts.helper.probe import Probe
from envsync.tools.hosts.local import LocalHost
from envsync.tools.scan.observe import observe

ROOT = Path(__file__).parents[2]
MINUTE = 60.0


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[..., PipeHost]]:
    """Makes hosts that are this machine with an empty home; `say` is run before each command, as a login shell does."""
    made: list[PipeHost] = []

    def new(say: str = "", **env: str) -> PipeHost:
        home = tmp_path / "far"
        home.mkdir(exist_ok=True)
        before = ["sh", "-c", f'{say}; exec "$@"', "sh"] if say else []
        made.append(PipeHost("test:far", {"HOME": str(home), "PATH": os.environ["PATH"], **env}, before))
        return made[-1]

    yield new
    for host in made:
        await host.close()


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "far").rglob("*.pyz"))


# -- What it is made of --------------------------------------------------------------------------------------------


def test_the_same_sources_make_the_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = build.helper.__wrapped__()
    monkeypatch.setenv("HOME", str(tmp_path))  # another cache, so that it is built anew
    second = build.helper.__wrapped__()
    assert first == second
    assert hashlib.sha256(first.content).hexdigest() == first.digest


def test_a_damaged_copy_in_the_cache_is_not_sent(private: Path) -> None:
    first = build.helper.__wrapped__()
    (file,) = private.rglob("helper-*.zip")
    file.write_bytes(file.read_bytes()[:-5] + b"wrong")
    assert build.helper.__wrapped__() == first


# -- How it gets there ---------------------------------------------------------------------------------------------


async def test_it_is_pushed_once_and_old_versions_go(make: Callable[..., PipeHost], tmp_path: Path) -> None:
    old = tmp_path / "far" / ".cache" / "envsync" / "helper-0123456789abcdef.pyz"
    host = make()
    old.parent.mkdir(parents=True)
    old.write_text("old")
    await host.info()
    (file,) = kept(tmp_path)
    assert file.name == f"helper-{build.helper().digest[:16]}.pyz"
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.stat().st_ino
    await host.close()
    await host.info()
    (file,) = kept(tmp_path)
    assert file.stat().st_ino == before
    await host.remove_helper()
    assert not file.parent.exists()


async def test_a_copy_that_somebody_changed_is_never_run(make: Callable[..., PipeHost], tmp_path: Path) -> None:
    host = make()
    await host.info()
    await host.close()
    (file,) = kept(tmp_path)
    right = file.read_bytes()
    file.write_bytes(right[:-1] + b"!")
    assert (await host.info()).python
    assert kept(tmp_path)[0].read_bytes() == right


async def test_nothing_is_kept_where_nothing_may_be_or_can_be_kept(
    make: Callable[..., PipeHost], tmp_path: Path
) -> None:
    host = make()
    host.keeps = False
    assert (await host.info()).python and kept(tmp_path) == []
    other = make(XDG_CACHE_HOME="/dev/null/no")
    assert (await other.info()).python and kept(tmp_path) == []


async def test_hostile_12_a_noisy_login_is_skipped(make: Callable[..., PipeHost]) -> None:
    say = "echo 'Welcome! envsync-helper-0000 have'; echo; printf 'envsync-helper-'; head -c 20000 /dev/urandom; echo noise >&2"
    host = make(say)
    assert (await host.run(["echo", "hello"])).text == "hello\n"
    assert (await host.run(["echo", "hello"])).error == ""


async def test_hostile_12_a_login_that_never_stops_talking_is_given_up(make: Callable[..., PipeHost]) -> None:
    with pytest.raises(Unreachable, match="more than EnvSync is willing to skip") as error:
        await asyncio.wait_for(make("yes").info(), MINUTE)
    assert error.value.hint


async def test_a_login_that_says_nothing_is_given_up(
    make: Callable[..., PipeHost], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 0.3)
    with pytest.raises(Unreachable, match="nothing answered"):
        await asyncio.wait_for(make("sleep 300").info(), MINUTE)


async def test_a_login_that_is_refused_says_why(make: Callable[..., PipeHost]) -> None:
    with pytest.raises(Unreachable, match="This account is currently not available"):
        await make("echo 'This account is currently not available.'; exit 1").info()


async def test_a_python_that_does_not_suffice_is_passed_over(make: Callable[..., PipeHost], tmp_path: Path) -> None:
    host = make()
    for name, does in (("old", "exit 98"), ("older", "echo 'unknown option -I' >&2; exit 2"), ("lost", "exit 127")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    host.pythons = " ".join(str(tmp_path / name) for name in ("old", "older", "lost", "missing"))
    assert (await host.info()).python  # the one on PATH
    host = make(PATH="/nonexistent", ENV="")
    host.pythons = str(tmp_path / "old")
    with pytest.raises(Unreachable, match="neither a shell nor a Python"):
        await host.info()


async def test_a_broken_python_leaves_the_shell_to_put_the_machine_right(
    make: Callable[..., PipeHost], tmp_path: Path
) -> None:
    """As after `rm -rf /usr/lib/python3`: it is there, is found, and dies before it can speak."""
    (tmp_path / "python3").write_text("#!/bin/sh\necho \"No module named 'encodings'\" >&2\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    host = make(PATH=f"{tmp_path}:{os.environ['PATH']}")
    host.pythons = str(tmp_path / "python3")
    assert not (await host.info()).python
    assert (await host.run(["echo", "hello"])).text == "hello\n"


# Answers as a helper would, then sends what it is told to; the nonce is the seventh of its arguments.
IMPOSTOR = 'echo; echo "envsync-helper-$7 have"; '


@pytest.mark.parametrize(
    "sends",
    [
        "head -c 100000 /dev/zero; sleep 300",
        "head -c 100000 /dev/urandom; sleep 300",
        "yes; sleep 300",
        "exit 0",
        "echo dying >&2; kill -9 $$",
    ],
)
async def test_hostile_12_a_helper_that_talks_nonsense_is_unreachable(
    make: Callable[..., PipeHost], sends: str
) -> None:
    with pytest.raises(Unreachable) as error:
        await asyncio.wait_for(make(IMPOSTOR + sends).info(), MINUTE)
    assert error.value.hint and "test:far" in error.value.what


# -- What it can do ------------------------------------------------------------------------------------------------


def shipped() -> Iterator[tuple[str, str]]:
    """Every function and class that a tool sends to a host, found in the sources."""
    for file in sorted((ROOT / "tools").rglob("*.py")):
        place = file.relative_to(ROOT).with_suffix("")
        if place.parts[1] == "hosts":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("call", "start")
                and ast.unparse(node.func.value).endswith("host")
            ):
                given = node.args[0]
                names = [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]
                for name in map(ast.unparse, names):
                    found: Any = importlib.import_module(".".join(["envsync", *place.parts]))
                    for part in name.split("."):
                        found = getattr(found, part, None)
                    if found is not None:  # else it is imported where it is used
                        yield found.__module__, found.__qualname__


async def test_every_function_that_tools_send_is_there(make: Callable[..., PipeHost]) -> None:
    functions = sorted({*shipped(), ("envsync.tools.trees.side", "Side")})
    assert len(functions) > 20
    link = await make().start(Probe)
    lacking = {f"{module}.{name}": await link.ask("knows", module, name) for module, name in functions}
    assert {name: why for name, why in lacking.items() if why} == {}
    assert "ModuleNotFoundError" in await link.ask("knows", "envsync.tools.no_such_module", "x")
    await link.close()


async def test_a_scan_through_the_helper_finds_what_a_scan_here_finds(
    make: Callable[..., PipeHost], make_context: Callable[..., Context], project: Path, private: Path
) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["flask>=3"]\n')
    (project / "package.json").write_text('{"name": "x", "scripts": {"dev": "vite"}, "dependencies": {"vite": "^5"}}')
    (project / ".env.example").write_text("DATABASE_URL=\n")
    (project / "app.py").write_text("import flask\n")
    (project / ".gitignore").write_text("*.log\n")
    (private / ".gitconfig").write_text("[user]\nname = x\n")
    far = make(HOME=str(private))
    here = await observe(make_context(project, host=LocalHost()))
    there = await observe(make_context(project, host=far))
    assert there.project == here.project
    assert [file.path for file in there.dotfiles] == [file.path for file in here.dotfiles] == ["~/.gitconfig"]
    assert (there.tools, there.packages) == (here.tools, here.packages)
    assert there.facts is not None and here.facts is not None
    assert (there.facts.os, there.facts.cores, there.facts.memory) == (
        here.facts.os,
        here.facts.cores,
        here.facts.memory,
    )


async def test_what_a_function_prints_does_not_disturb_the_talk(make: Callable[..., PipeHost]) -> None:
    host = make()
    for _ in range(3):
        await host.call(print, "x" * 100_000)
    assert (await host.run(["echo", "hello"])).text == "hello\n"


async def test_commands_see_the_environment_of_the_machine_itself(make: Callable[..., PipeHost]) -> None:
    seen = (await make(LANG="C").run(["env"], env={"ADDED": "1"})).text.splitlines()
    assert {line.partition("=")[0] for line in seen} - {"PWD", "OLDPWD", "SHLVL", "_"} == {
        "HOME",
        "PATH",
        "LANG",
        "ADDED",
    }
    assert "LC_CTYPE=C" in (await make(LC_CTYPE="C").run(["env"])).text


async def test_a_function_that_is_not_there_is_refused_here(make: Callable[..., PipeHost]) -> None:
    from envsync.tools.errors import Failed

    host = make()
    for work in (lambda: 1, kept, pytest.raises):
        with pytest.raises(Failed, match="cannot be run on another machine"):
            await host.call(work)


# -- Nothing is left -----------------------------------------------------------------------------------------------


async def test_hostile_50_commands_end_with_their_connection(make: Callable[..., PipeHost], tmp_path: Path) -> None:
    host = make()
    script = "trap '' HUP TERM; echo $$ > child; sleep 300 & sleep 300; sleep 300"
    task = asyncio.ensure_future(host.run(["sh", "-c", script], cwd=tmp_path, timeout=None))
    until = time.monotonic() + MINUTE
    while time.monotonic() < until and not ((tmp_path / "child").exists() and (tmp_path / "child").read_text()):
        await asyncio.sleep(0.02)
    group = int((tmp_path / "child").read_text())
    await host.close()
    with pytest.raises(Unreachable):
        await task
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("its commands live on")


async def test_cancelling_a_call_waits_for_its_end(make: Callable[..., PipeHost]) -> None:
    host = make()
    await host.info()
    start = time.monotonic()
    task = asyncio.ensure_future(host.call(time.sleep, 0.5))
    await host.info()
    await host.stat(Path("/"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - start >= 0.45


async def test_many_hosts_at_once(make: Callable[..., PipeHost]) -> None:
    hosts = [make() for _ in range(6)]
    found = await asyncio.gather(*(host.run(["echo", str(n)]) for n, host in enumerate(hosts)))
    assert [done.text for done in found] == [f"{n}\n" for n in range(6)]
