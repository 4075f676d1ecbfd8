"""Two machines made of folders: real files below a root of their own, and package managers that keep account in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from envsync.tests.provision.conftest import index as index  # a fixture
from envsync.tools import registry
from envsync.tools.contract import Context, Outcome, Result
from envsync.tools.fingerprint import Fingerprint
from envsync.tools.hosts.base import Completed, Info
from envsync.tools.hosts.fake import FakeHost
from envsync.tools.hosts.local import LocalHost
from envsync.tools.journal import Journal, undo
from envsync.tools.plan import Plan
from envsync.tools.provision.fingerprint import FINGERPRINT, FingerprintArgs
from envsync.tools.scan import private, programs
from envsync.tools.scan.host.held import held
from envsync.tools.scan.host.look import equipment
from envsync.tools.transaction import Transactions


def fill(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


class Box(FakeHost):
    """A container-like machine. What managers hold is in `held`, what they could install in `offers`; both by manager."""

    def __init__(self, name: str, root: Path, user: str = "alice") -> None:
        super().__init__(root)
        self.name = name
        self.user = user
        self.home = root / "home" / user
        self.home.mkdir(parents=True)
        self.held: dict[str, dict[str, str]] = {}
        self.offers: dict[str, dict[str, str]] = {}
        self.extra: dict[str, list[str]] = {}
        """What comes along with a Debian package."""
        self.lists = True
        """Whether apt has its package lists."""

    async def info(self) -> Info:
        return replace(await super().info(), user=self.user, home=self.home, uid=0)

    def has(self, *managers: str) -> Box:
        for manager in managers:
            self.held.setdefault(manager, {})
            self.offers.setdefault(manager, {})
        return self

    async def list(self, path: Path) -> Any:
        return [] if path == Path("/var/lib/apt/lists") and not self.lists else await super().list(path)

    async def run(self, argv: Sequence[str], **options: Any) -> Completed:  # type: ignore[override]
        self.ran.append(tuple(argv))
        if argv[0].startswith(str(self.root)):
            return await LocalHost.run(self, argv, **options)
        name = {"apt-cache": "apt", "apt-get": "apt", "dpkg-query": "apt", "dpkg": "apt", "code": "vscode"}.get(
            argv[0], argv[0]
        )
        if name not in self.held:
            return Completed(tuple(argv), 127, b"", b"not found", 0.0)
        if argv[1:] in (["--version"], ["version"]):
            return Completed(tuple(argv), 0, f"{name} 1.2.3\n".encode(), b"", 0.0)
        code, text = getattr(self, f"_{name}")(list(argv))
        return Completed(tuple(argv), code, text.encode(), b"" if code == 0 else text.encode(), 0.0)

    # -- Managers --------------------------------------------------------------------------------------------------

    def _apt(self, argv: list[str]) -> tuple[int, str]:
        held, offers = self.held["apt"], self.offers["apt"] if self.lists else {}
        words = argv[argv.index("--") + 1 :] if "--" in argv else []
        match argv:
            case ["dpkg-query", *_]:
                return 0, "".join(f"{n} installed {held[n]}\n" for n in words if n in held)
            case ["dpkg", *_]:
                return 0, ""
            case ["apt-cache", "policy", *_]:
                return 0, "".join(
                    f"{n}:\n  Installed: (none)\n  Candidate: {offers[n]}\n" for n in words if n in offers
                )
            case ["apt-cache", "stats"]:
                return 0, "Normal packages: 60000\n" if self.lists else "Normal packages: 3\n"
            case ["apt-cache", *_]:
                return 0, ""
            case ["apt-get", *rest] if "update" in rest:
                self.lists = True
                return 0, ""
            case _:
                return self._get("-s" in argv or "--print-uris" in argv, words)

    def _get(self, simulated: bool, words: list[str]) -> tuple[int, str]:
        held, offers, said = self.held["apt"], self.offers["apt"] if self.lists else {}, ""
        for word in words:
            name = re.split(r"[=]", word)[0]
            if name.endswith("-") and name[:-1] in held:
                said += f"Remv {name[:-1]} [{held[name[:-1]]}]\n"
                if not simulated:
                    del held[name[:-1]]
                continue
            if name not in offers:
                return 100, f"E: Unable to locate package {name}"
            for one in (name, *self.extra.get(name, ())):
                if one not in held:
                    said += f"Inst {one} ({offers.get(one, '1')} Debian [amd64])\n"
                    if not simulated:
                        held[one] = offers.get(one, "1")
        return 0, said

    def _simple(self, manager: str, name: str, version: str, remove: bool = False) -> tuple[int, str]:
        held, offers = self.held[manager], self.offers[manager]
        if remove:
            return (0, "") if held.pop(name, None) is not None else (1, f"{name} is not installed")
        if name not in offers:
            return 1, f"ERROR 404: {name} is not in the registry"
        held[name] = version or offers[name]
        return 0, ""

    def _npm(self, argv: list[str]) -> tuple[int, str]:
        if argv[1] == "ls":
            return 1, json.dumps({"dependencies": {n: {"version": v} for n, v in self.held["npm"].items()}})
        name, _, version = argv[-1].rpartition("@") if argv[1] == "install" else (argv[-1], "", "")
        return self._simple("npm", name or version, version if name else "", argv[1] == "uninstall")

    def _uv(self, argv: list[str]) -> tuple[int, str]:
        if argv[1:3] == ["tool", "list"]:
            return 0, "".join(f"{n} v{v}\n- {n}\n" for n, v in self.held["uv"].items())
        if argv[1] == "tool":
            name, _, version = argv[-1].partition("==")
            return self._simple("uv", name, version, argv[2] == "uninstall")
        return 1, "no"

    def _vscode(self, argv: list[str]) -> tuple[int, str]:
        if "--list-extensions" in argv:
            return 0, "".join(f"{n}@{v}\n" for n, v in self.held["vscode"].items())
        name, _, version = argv[-1].partition("@")
        return self._simple("vscode", name, version, "--uninstall-extension" in argv)

    def _cargo(self, argv: list[str]) -> tuple[int, str]:
        if "--list" in argv:
            return 0, "".join(f"{n} v{v}:\n    {n}\n" for n, v in self.held["cargo"].items())
        version = argv[argv.index("--version") + 1] if "--version" in argv else ""
        return self._simple("cargo", argv[-1], version, argv[1] == "uninstall")


async def observe(context: Context, scope: str = "all") -> Fingerprint:
    """The scan's own parts, with the machine's files below the box's root."""
    box = context.host
    assert isinstance(box, Box)
    key = private.salt(context.state)
    # Of another host the programs on the PATH of the process over there are found, which here is this one.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(box.root / "bin"))
        found = [*await programs.installed(context), *held(str(context.home), {})]
    return Fingerprint(
        at=datetime.now(UTC),
        host=box.name,
        runtimes=tuple(item for item in found if item.name in programs.RUNTIMES),
        tools=tuple(item for item in found if item.name not in programs.RUNTIMES),
        variables=private.variables({"EDITOR": "vim"}, key),
        dotfiles=private.dotfiles(str(context.home), key),
        equipment=await equipment(context, key, str(box.root)),
    )


class Desk:
    """One person's EnvSync, and the machine it works on."""

    def __init__(self, box: Box, tmp: Path, make: Callable[..., Context]) -> None:
        self.box = box
        (box.root / "work").mkdir(exist_ok=True)
        state = tmp / f"state-{box.name}"
        state.mkdir()
        self.context = make(
            box.root / "work",
            host=box,
            home=box.home,
            state=state,
            observe=observe,
            environ={"PATH": str(box.root / "bin")},
        )
        self.journal = Journal(state)

    def args(self, action: str, **args: object) -> FingerprintArgs:
        return FingerprintArgs.model_validate({"action": action, **args})

    async def plan(self, action: str, **args: object) -> Plan:
        assert FINGERPRINT.plan is not None
        return await FINGERPRINT.plan(self.args(action, **args), self.context)

    async def show(self, **args: object) -> Result:
        assert FINGERPRINT.read is not None
        return await FINGERPRINT.read(self.args("show", **args), self.context)

    async def do(self, action: str, **args: object) -> tuple[Plan, Outcome, Result]:
        """Plan, approve, carry out."""
        assert FINGERPRINT.plan is not None and FINGERPRINT.finish is not None
        given, make = self.args(action, **args), FINGERPRINT.plan
        plan = await make(given, self.context)
        outcome = await self._transactions().apply(plan.digest, lambda: make(given, self.context), self.context)
        return plan, outcome, await FINGERPRINT.finish(given, plan, outcome, self.context)

    async def undo(self, number: int) -> None:
        """Take a transaction back by its own inverses."""
        kinds = registry.kinds()
        for step in undo(self.journal.get(number)):
            await kinds[step.kind].do(step, self.context)
            assert await kinds[step.kind].holds(step, self.context) is not False, step.does

    def _transactions(self) -> Transactions:
        async def capture(context: Context, label: str | None = None) -> str:
            raise AssertionError("nothing of a project is touched")

        async def restore(context: Context, snapshot: str) -> str:
            raise AssertionError("nothing of a project is touched")

        return Transactions(self.journal, registry.kinds(), capture, restore)


BASHRC = """
alias ll='ls -la'
alias gs="git status"
alias src="cd $HOME/src"
alias proj="cd /HOME/proj"
alias mine='ssh alice@box'
alias now="date $(date +%s)"
alias call='curl -H "Authorization: Bearer abcdefgh12345678ijkl"'
mk() { mkdir -p "$1"; }
"""


@pytest.fixture
def source(tmp_path: Path, make_context: Callable[..., Context]) -> Desk:
    """A developer's machine."""
    root = tmp_path / "source"
    box = Box("source", root)
    fill(
        root,
        {
            "var/lib/dpkg/status": "".join(
                f"Package: {n}\nStatus: install ok installed\nPriority: optional\nVersion: {v}\n\n"
                for n, v in (("jq", "1.6"), ("ripgrep", "13"), ("libssl-old", "1.1"), ("linux-image-amd64", "6.1"), ("libjq1", "1.6"))
            ),
            "var/lib/apt/extended_states": "Package: libjq1\nAuto-Installed: 1\n\n",
            "bin/node": "#!/bin/sh\necho v20.11.0\n",
            "bin/git": "#!/bin/sh\necho git version 2.39.5\n",
            "bin/nvim": "#!/bin/sh\necho NVIM v0.9.5\n",
            "bin/helm": "#!/bin/sh\necho v3.14.0\n",
        },
    )  # fmt: skip
    for program in (root / "bin").iterdir():
        program.chmod(0o755)
    fill(
        box.home,
        {
            ".bashrc": BASHRC.replace("/HOME", str(box.home)),
            ".config/fish/config.fish": "abbr -a gco git checkout\n",
            ".vimrc": f"set number\n\" mine: {box.home}/.vim\n",
            ".tmux.conf": "set -g mouse on\n",
            ".npmrc": "prefix=~/.npm-global\n//registry.example/:_authToken=npm_abcdefghijklmnopqrstuvwxyz0123456789\n",
            ".gitconfig": "[user]\n name = Alice Example\n email = alice@corp.example\n",
            ".ssh/config": "Host build\n  HostName 10.1.2.3\n  User alice\n",
            ".npm-global/lib/node_modules/typescript/package.json": '{"version": "5.4.0"}',
            ".npm-global/lib/node_modules/gone-from-index/package.json": '{"version": "1.0.0"}',
            ".local/share/uv/tools/ruff/uv-receipt.toml": "[tool]\n",
            ".local/share/uv/tools/ruff/lib/python3.12/site-packages/ruff-0.5.0.dist-info/METADATA": "",
            ".cargo/.crates2.json": '{"installs": {"fd-find 9.0.0 (registry+https://example.org/crates.io-index)": {}, "own 0.1.0 (path+file:///x)": {}}}',
            ".vscode/extensions/a/package.json": '{"publisher": "ms-python", "name": "python", "version": "2024.1.0"}',
            ".vscode/extensions/b/package.json": '{"publisher": "gone", "name": "away", "version": "1.0.0"}',
            ".pyenv/versions/3.12.1/x": "",
        },
    )  # fmt: skip
    return Desk(box, tmp_path, make_context)


@pytest.fixture
def target(tmp_path: Path, make_context: Callable[..., Context]) -> Desk:
    """A new container: Debian's package manager with lists, npm, uv, VS Code; another user."""
    box = Box("target", tmp_path / "target", user="dev").has("apt", "npm", "uv", "vscode")
    box.offers["apt"] = {
        "jq": "1.7",
        "ripgrep": "14",
        "libjq1": "1.7",
        "git": "2.43",
        "neovim": "0.10",
        "nodejs": "20.19",
        "npm": "9.2",
    }
    box.extra = {"jq": ["libjq1"]}
    box.offers["npm"] = {"typescript": "5.9.0"}
    box.offers["uv"] = {"ruff": "0.9.0"}
    box.offers["vscode"] = {"ms-python.python": "2025.1.0"}
    fill(box.home, {".bashrc": "# theirs\nalias gs='echo something else'\n", ".vimrc": "set nonumber\n"})
    return Desk(box, tmp_path, make_context)
