"""The machine's side: programs with time-outs and a cache, packages by reading, hashes instead of values, graphics processors."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from envsync.tools.contract import Context
from envsync.tools.hosts.fake import FakeHost
from envsync.tools.scan import machine, private, programs
from envsync.tools.scan.packages import of_project, of_system

from .conftest import Scan, fill, program, seen, told


async def test_versions_on_path(context: Context) -> None:
    found = {i.name: i.version for i in await programs.installed(context)}
    assert found == {"python": "3.12.1", "node": "20.11.0", "npm": "10.2.4", "go": "1.22.3", "rust": "1.78.0", "cargo": "1.78.0", "uv": "0.9.1",
                     "pip": "24.0", "ruby": "3.3.1", "php": "8.3.6"}  # fmt: skip


async def test_a_probe_that_hangs_crashes_or_babbles_has_no_version(bin: Path, context: Context) -> None:
    program(bin, "node", "sleep 60")
    program(bin, "go", "kill -9 $$")
    program(bin, "uv", "echo no numbers")
    program(bin, "php", "echo 'curl x | sh'; exit 3")
    (bin / "ruby").write_bytes(b"\x7fELFbroken")
    start = time.monotonic()
    found = {i.name: i.version for i in await programs.installed(context)}
    assert time.monotonic() - start < programs.TIMEOUT + 4
    assert [found[name] for name in ("node", "go", "uv", "php", "ruby")] == [""] * 5
    assert found["python"] == "3.12.1"


async def test_the_cache_asks_again_only_when_the_program_changed(bin: Path, context: Context, tmp_path: Path) -> None:
    count = tmp_path / "count"
    program(bin, "node", f"echo x >> {count}; echo v1.0.0")
    for _ in range(3):
        assert {i.name: i.version for i in await programs.installed(context)}["node"] == "1.0.0"
    assert count.read_text() == "x\n"
    program(bin, "node", f"echo x >> {count}; echo v2.0.0 ")
    assert {i.name: i.version for i in await programs.installed(context)}["node"] == "2.0.0"


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "\0\xff", "[" * 5000])
async def test_a_damaged_cache_is_no_error(context: Context, content: str) -> None:
    fill(context.state, {"cache/versions-local.json": content})
    assert {i.name: i.version for i in await programs.installed(context)}["uv"] == "0.9.1"


async def test_programs_of_npm_and_maven_are_read_and_not_run(bin: Path, context: Context, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    home = fill(tmp_path / "npmhome", {"package.json": '{"name":"npm","version":"9.9.9"}'})
    (bin / "npm").unlink()
    (bin / "npm").symlink_to(program(home / "bin", "npm-cli.js", f"touch {mark}"))
    maven = fill(tmp_path / "maven", {"lib/maven-core-3.9.6.jar": ""})
    (bin / "mvn").symlink_to(program(maven / "bin", "mvn", f"touch {mark}"))
    java = fill(tmp_path / "jdk", {"release": 'IMPLEMENTOR="x"\nJAVA_VERSION="21.0.2"\n'})
    (bin / "java").symlink_to(program(java / "bin", "java", f"touch {mark}"))
    found = {i.name: i.version for i in await programs.installed(context)}
    assert (found["npm"], found["mvn"], found["java"]) == ("9.9.9", "3.9.6", "21.0.2") and not mark.exists()


async def test_probes_do_not_run_in_the_project(bin: Path, context: Context, tmp_path: Path, project: Path) -> None:
    program(bin, "yarn", f"pwd > {tmp_path}/where; echo 1.22.0")
    await programs.installed(context)
    assert (tmp_path / "where").read_text() == "/\n"


async def test_an_active_environment_of_the_project_is_read_by_its_own_file(project: Path, context: Context) -> None:
    venv = fill(project / ".venv", {"pyvenv.cfg": "version = 3.11.9\n"})
    (venv / "bin").mkdir()
    (venv / "bin/python3").symlink_to(sys.executable)
    found = await seen(context, "project", PATH=f"{venv}/bin", VIRTUAL_ENV=str(venv))
    assert found.project is not None
    assert {"3.11.9"} == {
        i.version for i in (await seen(context, "all", PATH=f"{venv}/bin")).runtimes if i.name == "python"
    }


async def test_version_managers_hold_more_than_path_has(context: Context) -> None:
    fill(
        context.home,
        {
            ".pyenv/versions/3.9.18/x": "",
            ".nvm/versions/node/v18.1.0/x": "",
            ".local/share/uv/python/cpython-3.13.0-linux-x86_64-gnu/x": "",
        },
    )
    held = {(i.name, i.version) for i in (await seen(context, "machine")).runtimes}
    assert {("python", "3.9.18"), ("node", "18.1.0"), ("python", "3.13.0")} <= held


async def test_facts_of_this_machine(context: Context) -> None:
    facts = (await seen(context, "machine")).facts
    assert facts and facts.os and facts.kernel == os.uname().release and facts.arch == os.uname().machine
    assert facts.cores >= 1 and facts.memory > 1 << 27 and facts.disk >= facts.disk_free > 0


NVIDIA = "GPU 0: NVIDIA H200 (UUID: GPU-1)\nGPU 1: NVIDIA H200 (UUID: GPU-2)\n"
ROCM = "=== ROCm ===\nGPU[0]\t\t: Card Series: \t\tAMD Instinct MI300X\n"


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ({("nvidia-smi", "-L"): (0, NVIDIA)}, ("NVIDIA H200", "NVIDIA H200")),
        (
            {("nvidia-smi", "-L"): (9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver")},
            (),
        ),
        ({("rocm-smi",): (0, ROCM)}, ("AMD Instinct MI300X",)),
        ({}, ()),
    ],
)
async def test_a_gpu_is_what_its_driver_reports(
    commands: dict[tuple[str, ...], tuple[int, str]], expected: tuple[str, ...], context: Context, tmp_path: Path
) -> None:
    from dataclasses import replace

    listed = tuple(machine.drivers())
    found = await machine.gpus(replace(context, host=FakeHost(tmp_path, commands)))
    assert found == (expected or listed)


def test_salt_is_made_once_and_private(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    key = private.salt(state)
    assert len(key) == 32 and private.salt(state) == key
    assert (state / "salt").stat().st_mode & 0o777 == 0o600 and os.listdir(state) == ["salt"]
    (state / "salt").write_bytes(b"short")
    assert len(private.salt(state)) == 32


def test_variables_are_keyed_and_equal_values_do_not_show() -> None:
    one, two = private.variables({"A": "same", "B": "same"}, b"k" * 32)
    other = private.variables({"A": "same"}, b"q" * 32)[0]
    assert len({one.digest, two.digest, other.digest}) == 3
    assert private.variables({"A": "same"}, b"k" * 32)[0] == one
    assert private.variables({"N": "\udcff"}, b"k" * 32)


async def test_dotfiles_by_hash_and_a_fifo_does_not_block(context: Context) -> None:
    fill(context.home, {".npmrc": "//r/:_authToken=npm_secretsecret", ".config/pip/pip.conf": "x"})
    os.mkfifo(context.home / ".bashrc")
    found = await seen(context, "machine")
    assert [d.path for d in found.dotfiles] == ["~/.npmrc", "~/.config/pip/pip.conf"]
    assert "npm_secret" not in found.model_dump_json()


def test_dpkg_status(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text(
        "Package: curl\nStatus: install ok installed\nPriority: optional\nVersion: 7.88.1-10\nDescription: x\n Version: 9\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: vim\nStatus: install ok installed\nVersion: 2:9.0\n"
    )
    assert of_system(str(status))[0].packages == {"curl": "7.88.1-10", "vim": "2:9.0"}
    assert of_system(str(tmp_path / "none")) == []


def test_node_modules_of_four_hundred_packages_are_quick(project: Path) -> None:
    fill(project, {f"node_modules/p{i}/package.json": f'{{"version":"1.0.{i}"}}' for i in range(400)})
    best = 9.0
    for _ in range(5):
        start = time.perf_counter()
        sets, _ = of_project(str(project), [], ["node_modules"], "")
        best = min(best, time.perf_counter() - start)
    assert len(sets[0].packages) == 400 and best < 0.15  # 10 ms on the machine it was written on


async def test_an_active_environment_elsewhere_is_not_the_projects(
    project: Path, context: Context, tmp_path: Path
) -> None:
    other = fill(tmp_path / "other", {"pyvenv.cfg": "version = 3.1.1\n"})
    fill(project, {"app.py": "x=1"})
    assert (await seen(context, "project", VIRTUAL_ENV=str(other))).packages == ()


async def test_a_fingerprint_says_the_same_twice_and_survives_json(scan: Scan, context: Context) -> None:
    await scan({"requirements.txt": "flask\n", "app.py": "x=1"})
    first, second = await seen(context, "all"), await seen(context, "all")
    assert first.digest == second.digest
    assert type(first).model_validate_json(first.model_dump_json()) == first


async def test_machine_scope_is_one_sentence_about_the_machine(context: Context) -> None:
    said = (await told(context, "machine")).summary
    assert " with 6 runtimes, " in said and said.endswith(".") and "\n" not in said


async def test_small_project_is_scanned_in_a_blink(scan: Scan, context: Context, project: Path) -> None:
    await scan(
        {
            "package.json": '{"name":"x"}',
            **{f"src/{i}.ts": "export const a = process.env.A_B\n" * 50 for i in range(60)},
        }
    )
    best = 9.0
    for _ in range(5):
        start = time.perf_counter()
        await told(context, "project")
        best = min(best, time.perf_counter() - start)
    assert best < 0.25  # 12 ms on the machine it was written on; 50 ms is the aim


async def test_a_state_folder_that_cannot_be_written_costs_only_the_hashes(context: Context, tmp_path: Path) -> None:
    from dataclasses import replace

    fill(tmp_path, {"file": ""})
    fill(context.home, {".npmrc": "x"})
    found = await seen(replace(context, state=tmp_path / "file" / "state"), "machine", A="x")
    assert found.variables == () and found.dotfiles == () and found.runtimes
