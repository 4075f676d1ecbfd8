"""All probes together: in parallel, with an end, on every kind of host; and what is told of the programs on PATH without running them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from envsync.tests.core.places import pipe_host
from envsync.tools.contract import Context
from envsync.tools.equipment import Disk, Equipment, Listener, Unfinished
from envsync.tools.fingerprint import Fingerprint
from envsync.tools.scan.host import look
from envsync.tools.scan.host.base import LOCATIONS, Piece, Place, Probe
from envsync.tools.scan.observe import observe

from .conftest import fill, program, seen, told

RC = "alias ll='ls -la'\nalias key='curl -H \"Authorization: Bearer abcdefgh12345678\"'\nmk() { mkdir \"$1\"; }\n"


async def test_what_is_recorded_of_a_users_machine(context: Context) -> None:
    fill(
        context.home,
        {
            ".bashrc": RC,
            ".gitconfig": "[user]\n name = Ann\n email = ann@x.example\n",
            ".ssh/config": "Host box\n HostName 10.9.8.7\n",
        },
    )
    found = await seen(context, "machine", SHELL="/bin/zsh", SECRET_TOKEN="hunter2hunter2")
    kept = found.equipment
    assert kept is not None and kept.ssh_hosts == ("box",) and kept.shell == "zsh" and not kept.unfinished
    assert [(d.kind, d.name, d.path) for d in kept.definitions] == [
        ("alias", "key", "~/.bashrc"),
        ("alias", "ll", "~/.bashrc"),
        ("function", "mk", "~/.bashrc"),
    ]
    assert kept.identity and kept.identity.email and len({d.digest for d in kept.definitions}) == 3
    text = found.model_dump_json()
    for private in ("abcdefgh12345678", "ann@x.example", "10.9.8.7", "hunter2", "ls -la"):
        assert private not in text
    assert Fingerprint.model_validate_json(text) == found


async def test_a_scan_of_a_project_alone_does_not_look_at_the_machine(context: Context, project: Path) -> None:
    fill(project, {"app.py": "x=1"})
    assert (await seen(context, "project")).equipment is None
    assert (await seen(context, "all")).equipment is not None


def test_an_old_fingerprint_is_still_read() -> None:
    old = Fingerprint.model_validate_json(
        '{"schema_version": 1, "at": "2024-01-01T00:00:00Z", "facts": null, "dotfiles": []}'
    )
    assert old.equipment is None and old.still == old


def test_what_changes_by_itself_is_no_other_environment() -> None:
    def at(**changes: object) -> Fingerprint:
        return Fingerprint.model_validate({"at": "2024-01-01T00:00:00Z", "equipment": Equipment(**changes)})  # type: ignore[arg-type]

    same = [
        at(
            disks=(Disk(at="/", kind="ext4", bytes=9, free=1),),
            listening=(Listener(port=80),),
            services=("a",),
            services_by="processes",
        ),
        at(disks=(Disk(at="/", kind="ext4", bytes=9, free=2),), unfinished=(Unfinished(probe="x", why="y"),)),
    ]
    assert same[0].digest == same[1].digest != at(ssh_hosts=("box",)).digest


# -- Time --------------------------------------------------------------------------------------------------------------


def hangs(_: Place) -> Piece:
    time.sleep(30)
    return {}


def crashes(_: Place) -> Piece:
    raise RuntimeError("no \x1b[31msuch thing")


async def test_a_probe_that_hangs_or_crashes_is_a_finding_and_the_others_are_there(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(context.home, {".ssh/config": "Host box\n"})
    monkeypatch.setattr(look, "PROBES", (*look.PROBES, Probe("slow", hangs, 0.3), Probe("wrong", crashes)))
    start = time.monotonic()
    found = await look.equipment(context, b"")
    assert time.monotonic() - start < 10
    assert found.ssh_hosts == ("box",)
    assert found.unfinished == (Unfinished(probe="slow", why="it did not end within 0.3 s"),
                                Unfinished(probe="wrong", why="RuntimeError: no \\x1b[31msuch thing"))  # fmt: skip


async def test_a_usual_machine_takes_no_two_seconds(context: Context) -> None:
    fill(context.home, {".bashrc": "".join(f"alias a{i}='echo {i}'\n" for i in range(200))})
    fill(
        context.home,
        {
            f".vscode/extensions/a.b{i}-1/package.json": f'{{"publisher": "a", "name": "b{i}", "version": "1.0.0"}}'
            for i in range(80)
        },
    )
    best = 9.0
    for _ in range(3):
        start = time.perf_counter()
        await seen(context, "machine")
        best = min(best, time.perf_counter() - start)
    assert best < 2.0  # 0.15 s on the machine it was written on, under load


async def test_a_home_full_of_traps(context: Context) -> None:
    """FIFOs, folders and endless links where files are expected: nothing blocks, nothing fails."""
    home = context.home
    for name in (".bashrc", ".gitconfig", ".npmrc", ".ssh", ".cargo/.crates2.json"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(home / name)
    for name in (".zshrc", ".profile", ".config/git/config", ".docker/config.json", ".editorconfig"):
        (home / name).mkdir(parents=True)
    for name in (".vscode", ".pyenv", ".nvm", "go", ".gem"):
        (home / name).symlink_to(home / name)
    (home / ".local").symlink_to("/proc/self/root/proc/self/root")
    fill(home, {".cursor/extensions/x/package.json": "[" * 100_000, ".vim/plugged/\udcff/x": ""})
    found = await seen(context, "machine")
    assert found.equipment is not None
    assert {u.probe for u in found.equipment.unfinished} == {"shells"}
    assert not stat.S_ISREG((home / ".bashrc").stat().st_mode)


def test_no_variable_but_those_that_say_where_things_lie_reaches_a_probe() -> None:
    place = Place.of(
        "/home/x", b"", {"PATH": "/bin:relative:/bin", "AWS_SECRET_ACCESS_KEY": "s", "PYENV_ROOT": "/p", "GOPATH": ""}
    )
    assert place.path == ("/bin",) and place.environ == {"PYENV_ROOT": "/p"}
    assert not any(word in name for name in LOCATIONS for word in ("KEY", "TOKEN", "SECRET", "PASS"))


# -- Other hosts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["remote", "shell"])
async def test_another_machine_is_looked_at_as_far_as_it_lets(
    kind: str, make_context: Callable[..., Context], tmp_path: Path
) -> None:
    host = pipe_host(kind, tmp_path)
    try:
        home = (await host.info()).home
        fill(
            home,
            {
                ".bashrc": RC,
                ".ssh/config": "Host box\n",
                ".nvm/versions/node/v18.1.0/x": "",
                ".vim/plugged/nerdtree/x": "",
            },
        )
        (tmp_path / "far").mkdir()
        found = await observe(
            make_context(tmp_path / "far", host=host, home=home, environ={"NVM_DIR": "/nowhere"}), "machine"
        )
    finally:
        await host.close()
    kept = found.equipment
    assert kept is not None and found.facts is not None
    if kind == "shell":
        assert [u.probe for u in kept.unfinished] == ["most of the machine"] and kept.definitions == ()
        return
    assert (
        kept.unfinished == ()
        and kept.ssh_hosts == ("box",)
        and [d.name for d in kept.definitions] == ["key", "ll", "mk"]
    )
    assert [e.name for e in kept.editors] == ["vim"]
    assert ("node", "18.1.0") in {(i.name, i.version) for i in found.runtimes}, (
        "this machine's variables say nothing about that one"
    )


OLDEST = sorted(Path.home().joinpath(".pyenv/versions").glob("3.9.*/bin/python3")) + sorted(
    Path("/usr/bin").glob("python3.9")
)


@pytest.mark.skipif(not OLDEST, reason="there is no Python 3.9 here, the oldest that a helper runs on")
async def test_the_oldest_python_can_look(make_context: Callable[..., Context], tmp_path: Path) -> None:
    host = pipe_host("remote", tmp_path)
    host.pythons = str(OLDEST[0])
    try:
        home = (await host.info()).home
        fill(home, {".bashrc": RC, ".local/share/uv/tools/ruff/uv-receipt.toml": "[tool]\n"})
        (tmp_path / "far").mkdir()
        found = await observe(make_context(tmp_path / "far", host=host, home=home), "machine")
        assert (await host.info()).python.startswith("3.9")
    finally:
        await host.close()
    assert found.equipment is not None and not found.equipment.unfinished and len(found.equipment.definitions) == 3
    assert "uv" in {kept.manager for kept in found.equipment.packages} and found.facts and " " in found.facts.os


# -- Programs ----------------------------------------------------------------------------------------------------------


async def test_a_stand_in_is_looked_through_and_its_manager_never_started(
    context: Context, bin: Path, tmp_path: Path
) -> None:
    root, mark = tmp_path / "pyenv", tmp_path / "started"
    for name in ("python3", "python3.9", "python3.10", "node"):
        program(root / "shims", name, f"touch {mark}; echo Python 0.0.1")
    program(root / "versions/3.10.13/bin", "python3.10", f"touch {mark}")
    program(root / "versions/3.9.18/bin", "python3.9", f"touch {mark}")
    fill(root, {"version": "3.10.13\n"})
    (root / "versions/3.10.13/bin/python3").symlink_to("python3.10")
    folders = f"{root}/shims:{bin}"
    found = {(i.name, i.version) for i in (await seen(context, "machine", PATH=folders)).runtimes}
    assert ("python", "3.10.13") in found and not any(v in ("0.0.1", "3.9.18") for n, v in found if n == "python")
    assert ("node", "20.11.0") in found, "what the manager does not have is looked for further on"
    assert not mark.exists()


async def test_scripts_of_python_are_told_by_the_packages_beside_them(context: Context, tmp_path: Path) -> None:
    venv, mark = tmp_path / "venv", tmp_path / "ran"
    program(venv / "bin", "pip", f"touch {mark}; echo pip 9.9")
    fill(
        venv,
        {
            "lib/python3.12/site-packages/pip-24.0.dist-info/METADATA": "",
            "lib/python3.12/site-packages/pipdeptree-2.0.dist-info/x": "",
        },
    )
    found = {(i.name, i.version) for i in (await seen(context, "machine", PATH=f"{venv}/bin")).tools}
    assert ("pip", "24.0") in found and not mark.exists()


async def test_the_machine_in_words(context: Context, bin: Path) -> None:
    fill(context.home, {".bashrc": RC, ".ssh/config": "Host box\n", ".vim/plugged/nerdtree/x": ""})
    rows = {row[0]: row[1] for block in (await told(context, "machine")).blocks() for row in getattr(block, "rows", ())}
    assert (
        rows["editors"] == "vim (1 extension)"
        and rows["SSH hosts"] == "box"
        and rows["shell"].endswith("2 aliases, 1 function")
    )
    project = {
        row[0]
        for block in (await told(replace(context, path=context.path), "all")).blocks()
        for row in getattr(block, "rows", ())
    }
    assert "editors" not in project and "GPU" in project
