"""From a file to another machine: what is planned, what is left, what a failure costs, and the way back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pydantic import JsonValue

from envsync.tools import registry
from envsync.tools.errors import Failed, Stale, Usage
from envsync.tools.plan import Plan, Risk, Step
from envsync.tools.portable.file import dump
from envsync.tools.portable.model import Alias, Portable
from envsync.tools.provision.fingerprint import Restored
from envsync.tools.provision.restore import home, managers, packages, steps

from .conftest import Box, Desk, fill


async def carried(source: Desk, target: Desk, **args: object) -> str:
    """Export on one machine, and bring the file to the other."""
    await source.do("export", file="x.fingerprint", **args)
    file = target.context.path / "x.fingerprint"
    file.write_bytes((source.context.path / "x.fingerprint").read_bytes())
    return str(file)


def does(plan: Plan) -> str:
    return "\n".join(step.does for step in plan.steps)


def tree(box: Box) -> dict[str, bytes]:
    return {str(p.relative_to(box.home)): p.read_bytes() for p in sorted(box.home.rglob("*")) if p.is_file()}


async def test_the_round_trip_and_the_way_back(source: Desk, target: Desk) -> None:
    file = await carried(source, target, with_dotfiles=[".vimrc", ".tmux.conf"])
    files, held = tree(target.box), {name: dict(kept) for name, kept in target.box.held.items()}
    plan, outcome, result = await target.do("apply", file=file)
    assert plan.risk == Risk.R2 and plan.system and plan.undoable and outcome.state == "committed"
    # Packages: by each manager that is there; the version of the other machine where the index has one, Debian's own otherwise.
    box = target.box
    assert box.held["apt"] == {
        "jq": "1.7",
        "libjq1": "1.7",
        "ripgrep": "14",
        "git": "2.43",
        "neovim": "0.10",
        "nodejs": "20.19",
        "npm": "9.2",
    }
    assert box.held["npm"] == {"typescript": "5.4.0"} and box.held["uv"] == {"ruff": "0.5.0"}
    assert box.held["vscode"] == {"ms-python.python": "2024.1.0"}
    # Files: what was there stays, unless it was chosen to be replaced, and then it is kept beside.
    rc = (box.home / ".bashrc").read_text()
    assert (
        rc.startswith("# theirs\nalias gs='echo something else'\n# >>> envsync aliases >>>\n")
        and rc.count("alias ll=") == 1
    )
    assert "alias src='cd $HOME/src'\n" in rc and "git status" not in rc
    assert (box.home / ".config/fish/config.fish").read_text().count("abbr --add gco 'git checkout'") == 1
    assert (box.home / ".vimrc").read_text() == f'set number\n" mine: {box.home}/.vim\n' and (
        box.home / ".tmux.conf"
    ).exists()
    # What could not be had is said, each with its reason.
    assert (
        isinstance(result, Restored)
        and set(result.failed) == {"gone-from-index", "gone.away"}
        and "404" in result.failed["gone.away"]
    )
    told = "\n".join(result.lacking)
    for words in ("libssl-old: apt offers no such package here", "linux-image-amd64: they belong to the other machine", "fd-find: cargo is not on target",
                  "own (cargo): it comes from a path", "helm: no package is known", "python 3.12", "gs stands for something else in bash here"):  # fmt: skip
        assert words in told, words
    # A second time there is nothing to do but what cannot be had anyway.
    again = await target.plan("apply", file=file)
    assert {name for step in again.steps for name in step.args["packages"]} == {"gone-from-index", "gone.away"}  # type: ignore[union-attr]
    await target.undo(outcome.transaction)
    assert tree(box) == files and box.held == held


async def test_the_plan_shows_every_name_line_and_difference_before_anything_happens(
    source: Desk, target: Desk
) -> None:
    file = await carried(source, target, with_dotfiles=[".vimrc"])
    before = tree(target.box)
    plan = await target.plan("apply", file=file)
    shown = "\n".join([does(plan), *plan.details, *plan.differences])
    for words in ("npm: typescript 5.4.0", "apt: jq 1.7", "vscode: ms-python.python 2024.1.0", "~/.bashrc: alias ll='ls -la'", "+set number", "-set nonumber",
                  "what is there is kept as ~/.vimrc.before-"):  # fmt: skip
        assert words in shown, words
    assert tree(target.box) == before and all(not held for held in target.box.held.values())
    assert (await target.plan("apply", file=file)).digest == plan.digest


@pytest.mark.parametrize(
    ("only", "kinds"),
    [
        (["aliases"], {"home-block"}),
        (["dotfiles"], {"home-file"}),
        (["extensions"], {"user-packages"}),
        (["aliases,dotfiles"], {"home-block", "home-file"}),
    ],
)
async def test_only_what_was_asked_for(source: Desk, target: Desk, only: list[str], kinds: set[str]) -> None:
    file = await carried(source, target, with_dotfiles=[".vimrc", ".tmux.conf"])
    plan = await target.plan("apply", file=file, only=only)
    assert {step.kind for step in plan.steps} == kinds
    chosen = await target.plan("apply", file=file, only=["dotfiles"], dotfiles=[".tmux.conf"])
    assert [step.args["path"] for step in chosen.steps] == ["~/.tmux.conf"]
    with pytest.raises(Usage, match="no part of a fingerprint"):
        await target.plan("apply", file=file, only=["everything"])
    with pytest.raises(Usage, match="is not in that file"):
        await target.plan("apply", file=file, dotfiles=[".zshrc"])


async def test_a_new_container_without_package_lists(source: Desk, target: Desk) -> None:
    target.box.lists = False
    file = await carried(source, target)
    plan, _, result = await target.do("apply", file=file, only=["packages"])
    assert [step.kind for step in plan.steps][:2] == ["apt-update", "user-packages"]
    assert {"jq", "ripgrep", "libjq1"} <= set(target.box.held["apt"]) and isinstance(result, Restored)
    assert result.failed["libssl-old"] == "apt offers no such package here"


async def test_when_none_of_a_managers_packages_can_be_had_all_is_taken_back(source: Desk, target: Desk) -> None:
    target.box.offers["npm"] = {}
    file = await carried(source, target)
    before = tree(target.box)
    plan = await target.plan("apply", file=file, only=["packages"])
    outcome = await target._transactions().apply(
        plan.digest, lambda: target.plan("apply", file=file, only=["packages"]), target.context
    )
    assert outcome.state == "compensated" and "404" in outcome.error
    assert tree(target.box) == before and all(not held for held in target.box.held.values())


async def test_a_file_that_was_exchanged_after_the_plan_is_stale(source: Desk, target: Desk) -> None:
    file = await carried(source, target)
    plan = await target.plan("apply", file=file, only=["aliases"])
    fill(source.box.home, {".bash_aliases": "alias evil='rm -rf ~'\n"})
    Path(file).unlink()
    (source.context.path / "x.fingerprint").unlink()
    await carried(source, target)
    with pytest.raises(Stale):
        await target._transactions().apply(
            plan.digest, lambda: target.plan("apply", file=file, only=["aliases"]), target.context
        )
    assert "evil" not in (target.box.home / ".bashrc").read_text()


# -- Files below the home directory ----------------------------------------------------------------------------------


async def test_an_edit_in_between_is_kept_and_a_later_one_is_not_undone_over(source: Desk, target: Desk) -> None:
    file = await carried(source, target, with_dotfiles=[".vimrc"])
    plan = await target.plan("apply", file=file, only=["aliases", "dotfiles"])
    kinds = registry.kinds()
    block, vimrc = (next(s for s in plan.steps if s.args["path"] == path) for path in ("~/.bashrc", "~/.vimrc"))
    fill(target.box.home, {".vimrc": "edited\n"})
    with pytest.raises(Failed, match="edited meanwhile"):
        await kinds[vimrc.kind].do(vimrc, target.context)
    assert (target.box.home / ".vimrc").read_text() == "edited\n"
    await kinds[block.kind].do(block, target.context)
    rc = target.box.home / ".bashrc"
    rc.write_text(rc.read_text() + "export MORE=1\n")
    await kinds["home-block"].do(block.inverse[0], target.context)
    assert rc.read_text() == "# theirs\nalias gs='echo something else'\nexport MORE=1\n", (
        "what a person added behind it stays"
    )


async def test_a_step_may_be_repeated_after_a_crash(source: Desk, target: Desk) -> None:
    file = await carried(source, target, with_dotfiles=[".vimrc"])
    plan = await target.plan("apply", file=file, only=["aliases", "dotfiles", "extensions"])
    kinds = registry.kinds()
    for _ in range(2):
        for step in plan.steps:
            await kinds[step.kind].do(step, target.context)
    first = tree(target.box)
    # Killed right after the file was moved aside, and before the new one was written.
    vimrc = next(s for s in plan.steps if s.args.get("path") == "~/.vimrc")
    (target.box.home / ".vimrc").unlink()
    await kinds["home-file-back"].do(vimrc.inverse[0], target.context)
    assert (target.box.home / ".vimrc").read_text() == "set nonumber\n" and tree(target.box) != first


@pytest.mark.parametrize("path", ["/etc/passwd", "~/../x", "x", "~", "~/", "~/a/../../b"])
async def test_no_path_leads_out_of_the_home_directory(target: Desk, path: str) -> None:
    args: dict[str, JsonValue] = {
        "path": path,
        "text": "x",
        "was": None,
        "aside": "~/x",
        "name": "aliases",
        "lines": "x\n",
    }
    for kind in ("home-file", "home-block", "home-file-back"):
        with pytest.raises(Failed):
            await registry.kinds()[kind].do(Step(kind=kind, does="x", args=args), target.context)


async def test_links_fifos_and_folders_in_the_way_are_left_alone(source: Desk, target: Desk) -> None:
    file = await carried(source, target, with_dotfiles=[".vimrc", ".tmux.conf"])
    rc = target.box.home / ".bashrc"
    rc.rename(target.box.home / "real")
    rc.symlink_to("real")
    (target.box.home / ".vimrc").unlink()
    (target.box.home / ".vimrc").mkdir()
    os.mkfifo(target.box.home / ".tmux.conf")
    plan = await target.plan("apply", file=file, only=["aliases", "dotfiles"])
    assert [s.args["path"] for s in plan.steps] == ["~/.config/fish/config.fish"]
    told = "\n".join(plan.warnings)
    assert "is a link" in told and "is a directory" in told and "is a special" in told


def test_blocks_in_texts() -> None:
    assert steps.with_block("", "a", "x\n") == "# >>> envsync a >>>\nx\n# <<< envsync a <<<\n"
    text = steps.with_block("one", "a", "x\n")
    assert text.startswith("one\n# >>>") and steps.block_of(text, "a") == "x\n"
    changed = steps.with_block(text + "two\n", "a", "y\n")
    assert steps.block_of(changed, "a") == "y\n" and changed.endswith("<<<\ntwo\n") and changed.count(">>>") == 2
    assert steps.with_block(changed, "a", None) == "one\ntwo\n" and steps.with_block("z", "a", None) == "z"
    assert steps.block_of("# >>> envsync a >>>\nx\n", "a") is None, "an end that somebody deleted"


@pytest.mark.skipif(not os.path.exists("/bin/bash"), reason="there is no bash here")
@pytest.mark.parametrize(
    "text", ["ls -la", "it's; rm -rf /", 'echo $(id) `id` "$HOME" \\', "a' 'b", "!$ && || > x", "$HOME/x"]
)
def test_what_is_written_is_the_alias_and_runs_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "rc").write_text(home.written(Alias(shell="bash", name="a", text=text)) + "\n")
    script = f'shopt -s expand_aliases; . {tmp_path}/rc; printf %s "${{BASH_ALIASES[a]}}"'
    assert (
        subprocess.run(["/bin/bash", "--norc", "-c", script], capture_output=True, text=True, cwd=tmp_path).stdout
        == text
    )
    assert [p.name for p in tmp_path.iterdir()] == ["rc"]


async def test_a_file_somebody_else_made_cannot_slip_a_command_in(source: Desk, target: Desk) -> None:
    """Names, versions and texts of a file are data: what is no name goes nowhere, and no alias is more than an alias."""
    await source.do("export", file="x.fingerprint")
    evil = Portable.model_validate(
        {
            "made_by": "1",
            "aliases": [{"shell": "bash", "name": n, "text": t} for n, t in (("a=b;rm", "x"), ("-p", "x"), ("ok", "x\nrm -rf /"), ("$(id)", "x"), ("fine", "echo"))]
            + [{"shell": "evil", "name": "x", "text": "y"}],
            "dotfiles": [{"path": p, "text": "x"} for p in ("/etc/cron.d/x", "~/../../x", "~/.ok")],
            "fingerprint": {
                "at": "2024-01-01T00:00:00Z",
                "runtimes": [{"name": "--help", "version": "1.0", "path": ""}, {"name": "node", "version": "; id", "path": ""}],
                "tools": [{"name": "$(id)", "version": "1", "path": ""}],
                "equipment": {
                    "packages": [
                        {"manager": "npm", "packages": {"--registry=http://x": "1", "../x": "1", "typescript": "5;id", "https://x/y.tgz": "1", "ok": "1.0.0"}},
                        {"manager": "apt", "packages": {"-o=x": "1", "jq": "1", "a b": "1"}},
                        {"manager": "uv", "packages": {"git+https://x": "", "ruff": "https://x"}},
                        {"manager": "../npm", "packages": {"x": "1"}},
                    ],
                    "editors": [{"name": "vscode", "extensions": {"/tmp/evil.vsix": "1", "a.b": "--x", "c.d": "1.0"}}],
                },
            },
        }
    )  # fmt: skip
    file = target.context.path / "evil.fingerprint"
    file.write_bytes(dump(evil))
    target.box.offers["npm"]["ok"] = "1.0.0"
    target.box.offers["vscode"]["c.d"] = "1.0"
    plan, _, _ = await target.do("apply", file=str(file))
    planned = {step.args["manager"]: step.args["packages"] for step in plan.steps if step.kind == "user-packages"}
    assert planned == {"npm": {"ok": "1.0.0"}, "vscode": {"c.d": "1.0"}}
    assert (
        target.box.held["apt"].keys() == {"jq", "libjq1"}
        and (target.box.home / ".ok").exists()
        and not (target.box.root / "x").exists()
    )
    block = steps.block_of((target.box.home / ".bashrc").read_text(), "aliases")
    assert block == "alias fine='echo'\n"
    for command in target.box.ran:
        assert not any(
            word in part for part in command for word in ("registry=", "evil", "http", ";id", "$(", "../x")
        ), command


# -- Managers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manager", managers.MANAGERS, ids=lambda manager: manager.name)
def test_no_manager_takes_an_option_a_path_or_an_address_for_a_name(manager: managers.Manager) -> None:
    for name in (
        "-y",
        "--x",
        "",
        " ",
        "a b",
        "../a",
        "/a",
        "./a",
        "https://a/b",
        "git+ssh://a",
        "a;b",
        "a\nb",
        "$(a)",
        "a\0",
        "~a",
    ):
        assert not manager.takes(name, ""), name
    good = {"go": "golang.org/x/tools/gopls", "npm": "@vue/cli"}.get(
        manager.name, "ms-python.python" if manager.noun == "extension" else "ripgrep"
    )
    assert (
        manager.takes(good, "1.2.3")
        and not manager.takes(good, "--x")
        and not manager.takes(good, "1;x")
        and not manager.takes(good, "https://x")
    )
    assert all(isinstance(word, str) for word in manager.install(good, "1.2.3"))


def test_what_managers_say_is_read() -> None:
    read = {manager.name: manager.read for manager in managers.MANAGERS}
    assert (
        read["npm"]('npm warn x\n{"dependencies": {"a": {"version": "1"}, "b": []}}') == {"a": "1", "b": ""}
        and read["npm"]("no") == {}
    )
    assert read["uv"]("ruff v0.5.0\n- ruff\nwarning: x\n") == {"ruff": "0.5.0"}
    assert read["pipx"](
        '{"venvs": {"x": {"metadata": {"main_package": {"package": "Black", "package_version": "24"}}}}}'
    ) == {"black": "24"}
    assert read["cargo"]("ripgrep v14.1.0:\n    rg\nown v0.1.0 (/home/x/own):\n    own\n") == {
        "ripgrep": "14.1.0",
        "own": "0.1.0",
    }
    assert read["gem"]("rails (7.1.0, 7.0.0)\nrake (default: 13.0.6)\n") == {"rails": "7.1.0", "rake": "13.0.6"}
    assert read["brew"]("jq 1.7.1\nopenssl@3 3.2.0 3.1.0\n") == {"jq": "1.7.1", "openssl@3": "3.1.0"}
    assert read["vscode"]("Ms-Python.Python@2024.1.0\nnonsense\n") == {"ms-python.python": "2024.1.0"}
    assert read["pip"]('[{"name": "A_b", "version": "1"}, 3]') == {"a-b": "1"} and read["pip"]("no") == {}


@pytest.mark.parametrize(
    ("name", "own"),
    [("linux-image-amd64", True), ("nvidia-driver", True), ("zfs-dkms", True), ("firmware-iwlwifi", True), ("grub-pc", True), ("jq", False),
     ("linux-perf", False), ("libnvme1", False), ("task-spooler", False), ("task-gnome-desktop", True)],
)  # fmt: skip
def test_packages_of_a_machine_and_of_its_user(name: str, own: bool) -> None:
    assert (packages.MACHINE.fullmatch(name) is not None) is own
