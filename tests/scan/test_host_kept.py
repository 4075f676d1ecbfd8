"""What package managers, version managers and editors hold, from folders as those tools leave them."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zipfile
from pathlib import Path

import pytest

from envsync.tools.equipment import Kept
from envsync.tools.scan.host import editors, gobinary, held, kept
from envsync.tools.scan.host.base import Place

from .conftest import fill

APT = """Package: curl
Status: install ok installed
Priority: optional
Version: 7.88.1-10
Description: x
 Version: 9

Package: libcurl4
Status: install ok installed
Priority: optional
Version: 7.88.1-10

Package: dpkg
Essential: yes
Status: install ok installed
Priority: required
Version: 1.21

Package: gone
Status: deinstall ok config-files
Priority: optional
Version: 1

Package: jq
Status: install ok installed
Version: 1.6
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "home").mkdir()
    return Place(str(tmp_path / "home"), b"k" * 32, str(tmp_path))


def holds(place: Place) -> dict[tuple[str, str], Kept]:
    return {(k.manager, k.where): k for k in kept.look(place)["packages"]}


def test_of_debian_what_somebody_asked_for(place: Place, tmp_path: Path) -> None:
    auto = "Package: libcurl4\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: jq\nAuto-Installed: 0\n"
    fill(tmp_path, {"var/lib/dpkg/status": APT, "var/lib/apt/extended_states": auto})
    assert holds(place)["apt", "system"].packages == {"curl": "7.88.1-10", "jq": "1.6"}


def test_other_systems(place: Place, tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            "etc/apk/world": "alpine-base\njq=1.7\n!evil\n.virtual\ngone\n",
            "lib/apk/db/installed": "C:Q1x=\nP:jq\nV:1.7-r0\nA:x86_64\n\nP:alpine-base\nV:3.19\n\nP:musl\nV:1.2\n",
            "var/lib/pacman/local/jq-1.7-1/desc": "%NAME%\njq\n\n%VERSION%\n1.7-1\n",
            "var/lib/pacman/local/oniguruma-6-1/desc": "%NAME%\noniguruma\n\n%VERSION%\n6-1\n\n%REASON%\n1\n",
            "opt/homebrew/Cellar/jq/1.7.1/INSTALL_RECEIPT.json": '{"installed_on_request": true}',
            "opt/homebrew/Cellar/oniguruma/6.9/INSTALL_RECEIPT.json": '{"installed_on_request": false}',
            "opt/homebrew/Caskroom/iterm2/3.5/x": "",
            "var/lib/flatpak/app/org.gimp.GIMP/x": "",
            "snap/hello/42/meta/snap.yaml": "name: hello\nversion: '2.10'\n",
            "snap/core22/1/meta/snap.yaml": "version: x\n",
        },
    )
    for name, revision in (("hello", "42"), ("core22", "1")):
        (tmp_path / "snap" / name / "current").symlink_to(revision)
    found = holds(place)
    assert found["apk", "system"].packages == {"alpine-base": "3.19", "jq": "1.7-r0"}
    assert found["pacman", "system"].packages == {"jq": "1.7-1"}
    assert found["brew", "system"].packages == {"jq": "1.7.1"} and found["brew-cask", "system"].packages == {
        "iterm2": "3.5"
    }
    assert found["snap", "system"].packages == {"hello": "2.10"} and found["flatpak", "system"].packages == {
        "org.gimp.GIMP": ""
    }


def _dist(site: str, name: str, version: str, *more: str) -> dict[str, str]:
    info = f"{site}/{name}-{version}.dist-info"
    return {f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n\nName: no\n"} | {f"{info}/{m}": "" for m in more}


def test_python_outside_of_projects(place: Place, tmp_path: Path) -> None:
    home, user = "home", "home/.local/lib/python3.11/site-packages"
    held_there = "home/.pyenv/versions/3.12.1/lib/python3.12/site-packages"
    pipx = {"main_package": {"package": "Black", "package_version": "24.1", "package_or_url": "black"}}
    from_git = {"main_package": {"package": "mine", "package_version": "1", "package_or_url": "git+https://u:p@x/mine"}}
    fill(
        tmp_path,
        {
            **_dist(user, "Requests", "2.31", "REQUESTED"), **_dist(user, "urllib3", "2"), **_dist(user, "pip", "24", "REQUESTED"),
            **_dist(held_there, "ipython", "8", "REQUESTED"),
            f"{user}/local-1.dist-info/METADATA": "Name: local\nVersion: 1\n", f"{user}/local-1.dist-info/REQUESTED": "",
            f"{user}/local-1.dist-info/direct_url.json": '{"url": "file:///home/alice/x", "dir_info": {}}',
            f"{home}/.pyenv/versions/env/pyvenv.cfg": "", **_dist(f"{home}/.pyenv/versions/env/lib/python3.12/site-packages", "no", "1", "REQUESTED"),
            f"{home}/.local/share/pipx/venvs/black/pipx_metadata.json": json.dumps(pipx),
            f"{home}/.local/pipx/venvs/mine/pipx_metadata.json": json.dumps(from_git),
            f"{home}/.local/pipx/venvs/broken/pipx_metadata.json": "{",
            f"{home}/.local/share/uv/tools/ruff/uv-receipt.toml": '[tool]\nrequirements = [{ name = "ruff" }]\n',
            **_dist(f"{home}/.local/share/uv/tools/ruff/lib/python3.12/site-packages", "ruff", "0.5.0"),
            f"{home}/.local/share/uv/tools/own/uv-receipt.toml": '[tool]\nrequirements = [{ name = "own", git = "https://u:p@x/y" }]\n',
            f"{home}/.local/share/uv/tools/bad/uv-receipt.toml": "[[[",
        },
    )  # fmt: skip
    found = holds(place)
    assert found["pip", "user"].packages == {"requests": "2.31", "local": "1"} and found["pip", "user"].elsewhere == {
        "local": "path"
    }
    assert found["pip", "~/.pyenv/versions/3.12.1"].packages == {"ipython": "8"}
    assert found["pipx", "user"].packages == {"black": "24.1", "mine": "1"} and found["pipx", "user"].elsewhere == {
        "mine": "git"
    }
    assert found["uv", "user"].packages["ruff"] == "0.5.0" and found["uv", "user"].elsewhere == {"own": "git"}
    assert not any("no" in k.packages for k in found.values())
    assert "u:p" not in str(found) and "alice" not in str(found), "no address and no path is kept"


def test_node_cargo_gem_and_go(place: Place, tmp_path: Path) -> None:
    version = '{"version": "%s"}'
    crates = {"ripgrep 14.1.0 (registry+https://example.org/crates.io-index)": {}, "mine 0.1.0 (path+file:///home/alice/mine)": {},
              "other 1.0.0 (git+https://u:p@x/y?rev=1#2)": {}, "odd": {}}  # fmt: skip
    fill(
        tmp_path,
        {
            "home/.nvm/versions/node/v20.1.0/lib/node_modules/typescript/package.json": version % "5.4.0",
            "home/.nvm/versions/node/v20.1.0/lib/node_modules/@vue/cli/package.json": version % "5.0.8",
            "home/.nvm/versions/node/v20.1.0/lib/node_modules/npm/package.json": version % "10",
            "home/.nvm/versions/node/v20.1.0/lib/node_modules/--evil/package.json": version % "1",
            "home/.npmrc": "prefix=~/.npm-global\n",
            "home/.npm-global/lib/node_modules/serve/package.json": version % "14.0.0",
            "home/.local/share/pnpm/global/5/package.json": '{"dependencies": {"tsx": "^4"}}',
            "home/.local/share/pnpm/global/5/node_modules/tsx/package.json": version % "4.7.0",
            "home/.cargo/.crates2.json": json.dumps({"installs": crates}),
            "home/.gem/ruby/3.1.0/specifications/rails-7.1.0.gemspec": "",
            "home/.gem/ruby/3.1.0/specifications/nokogiri-1.16.0-x86_64-linux.gemspec": "",
            "home/.rbenv/versions/3.2.2/lib/ruby/gems/3.2.0/specifications/rake-13.0.gemspec": "",
            "home/.rbenv/versions/3.2.2/lib/ruby/gems/3.2.0/specifications/sinatra-4.0.0.gemspec": "",
        },
    )
    own = tmp_path / "work"
    own.mkdir()
    (tmp_path / "home/.npm-global/lib/node_modules/linked").symlink_to(own)
    go = tmp_path / "home/go/bin"
    go.mkdir(parents=True)
    (go / "gopls").write_bytes(elf("golang.org/x/tools/gopls", "golang.org/x/tools/gopls", "v0.15.3"))
    (go / "mine").write_bytes(elf("example.com/me/mine", "example.com/me/mine", "(devel)"))
    (go / "script").write_text("#!/bin/sh\n")
    for program in go.iterdir():
        program.chmod(0o755)
    found = holds(place)
    assert found["npm", "~/.nvm/versions/node/v20.1.0"].packages == {"typescript": "5.4.0", "@vue/cli": "5.0.8"}
    assert found["npm", "~/.npm-global"].packages == {"serve": "14.0.0"} and found["pnpm", "user"].packages == {
        "tsx": "4.7.0"
    }
    assert found["cargo", "user"].packages == {"ripgrep": "14.1.0", "mine": "0.1.0", "other": "1.0.0"}
    assert found["cargo", "user"].elsewhere == {"mine": "path", "other": "git"}
    assert found["gem", "user"].packages == {"rails": "7.1.0", "nokogiri": "1.16.0"}
    assert found["gem", "~/.rbenv/versions/3.2.2"].packages == {"sinatra": "4.0.0"}
    assert found["go", "user"].packages == {"golang.org/x/tools/gopls": "v0.15.3", "example.com/me/mine": "(devel)"}
    assert found["go", "user"].elsewhere == {"example.com/me/mine": "path"}
    assert "alice" not in str(found) and "u:p" not in str(found)


def elf(program: str, module: str, version: str) -> bytes:
    """A 64-bit ELF file with a section table and Go's build information, and nothing else."""
    told = f"path\t{program}\nmod\t{module}\t{version}\th1:x=\n".encode()
    told = b"\x30" * 16 + told + b"\x31" * 16
    block = gobinary.MAGIC + bytes([8, 2]) + b"\0" * 16 + bytes([8]) + b"go1.22.1" + bytes([len(told)]) + told
    names = b"\0.shstrtab\0.go.buildinfo\0"
    at, strings = 64, 64 + len(block)
    table = strings + len(names)
    head = (
        b"\x7fELF\x02\x01\x01" + b"\0" * 9 + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 1)
    )

    def section(name: int, offset: int, size: int) -> bytes:
        return struct.pack("<IIQQQQIIQQ", name, 1, 0, 0, offset, size, 0, 0, 1, 0)

    return head + block + names + b"\0" * 64 + section(1, strings, len(names)) + section(11, at, len(block))


@pytest.mark.parametrize("cut", [0, 10, 63, 64, 80, 200, 300])
def test_a_broken_binary_is_none(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "x"
    file.write_bytes(elf("a.b/c", "a.b/c", "v1.0.0")[:cut])
    file.chmod(0o755)
    assert gobinary.module(str(file)) is None
    os.mkfifo(tmp_path / "fifo", 0o755)
    assert gobinary.module(str(tmp_path / "fifo")) is None and gobinary.module(str(tmp_path)) is None


@pytest.mark.skipif(not shutil.which("terraform"), reason="there is no program of Go here that says its module")
def test_a_real_program_of_go() -> None:
    made = gobinary.module(os.path.realpath(shutil.which("terraform") or ""))
    assert made and made[0] == "github.com/hashicorp/terraform"


# -- Version managers --------------------------------------------------------------------------------------------------


def test_every_version_that_managers_hold(tmp_path: Path) -> None:
    home = fill(
        tmp_path,
        {
            ".pyenv/versions/3.9.18/x": "", ".pyenv/versions/pypy3.10-7.3.12/x": "", ".pyenv/versions/env/pyvenv.cfg": "",
            ".local/share/uv/python/cpython-3.13.0-linux-x86_64-gnu/x": "", ".nvm/versions/node/v18.1.0/x": "",
            ".local/share/fnm/node-versions/v20.2.0/installation/x": "", ".volta/tools/image/node/16.3.0/x": "",
            ".rbenv/versions/3.2.2/x": "", ".goenv/versions/1.21.0/x": "", "sdk/go1.22.1/x": "", ".asdf/installs/nodejs/21.0.0/x": "",
            ".asdf/installs/erlang/26.1/x": "", ".local/share/mise/installs/go/1.20.5/x": "", ".local/share/mise/installs/java/temurin-21.0.2/x": "",
            ".sdkman/candidates/java/17.0.9-tem/x": "", ".sdkman/candidates/kotlin/1.9.22/x": "", ".ghcup/ghc/9.4.7/x": "",
            ".rustup/toolchains/1.75.0-x86_64-unknown-linux-gnu/x": "",
            ".rustup/toolchains/stable-x86_64-unknown-linux-gnu/lib/rustlib/multirust-channel-manifest.toml":
                'date = "2024-05-02"\n[pkg.rustc]\nversion = "1.78.0 (9b00956e5 2024-04-29)"\n',
            ".jdks/corretto-11/release": 'JAVA_VERSION="11.0.22"\n', "miniconda3/envs/ml/conda-meta/python-3.10.4-h12.json": "{}",
        },
    )  # fmt: skip
    (home / ".local/share/mise/installs/go/1.20").symlink_to("1.20.5")
    (home / ".sdkman/candidates/java/current").symlink_to("17.0.9-tem")
    found = sorted((i.name, i.version) for i in held.held(str(home), {}))
    assert found == sorted([
        ("python", "3.9.18"), ("python", "3.10"), ("python", "3.13.0"), ("python", "3.10.4"), ("node", "18.1.0"), ("node", "20.2.0"),
        ("node", "16.3.0"), ("node", "21.0.0"), ("ruby", "3.2.2"), ("go", "1.21.0"), ("go", "1.22.1"), ("go", "1.20.5"), ("erlang", "26.1"),
        ("java", "21.0.2"), ("java", "17.0.9-tem"), ("java", "11.0.22"), ("kotlin", "1.9.22"), ("ghc", "9.4.7"), ("rust", "1.75.0"), ("rust", "1.78.0"),
    ])  # fmt: skip
    assert all(i.path.startswith("~/") for i in held.held(str(home), {}))
    fill(tmp_path, {"elsewhere/versions/3.8.1/x": ""})
    moved = held.held(str(home), {"PYENV_ROOT": str(tmp_path / "elsewhere")})
    assert ("python", "3.8.1") in {(i.name, i.version) for i in moved}


# -- Editors -----------------------------------------------------------------------------------------------------------


def test_editors_and_their_extensions(place: Place, tmp_path: Path) -> None:
    def package(publisher: str, name: str, version: str) -> str:
        return json.dumps({"publisher": publisher, "name": name, "version": version})

    commit = "0123456789abcdef0123456789abcdef01234567"
    fill(
        tmp_path / "home",
        {
            ".vscode/extensions/ms-python.python-2024.1.0/package.json": package("ms-python", "python", "2024.1.0"),
            ".vscode/extensions/ms-python.python-2024.10.0/package.json": package("ms-python", "python", "2024.10.0"),
            ".vscode/extensions/old.gone-1.0.0/package.json": package("old", "gone", "1.0.0"),
            ".vscode/extensions/.obsolete": '{"old.gone-1.0.0": true}',
            ".vscode/extensions/evil/package.json": package("--x", "../../y", "1.0"),
            ".vscode/extensions/broken/package.json": "[" * 5000,
            ".cursor/extensions/a.b-1/package.json": package("A", "B", "1.2.3"),
            ".vim/pack/mine/start/fugitive/.git/HEAD": "ref: refs/heads/master\n",
            ".vim/pack/mine/start/fugitive/.git/refs/heads/master": commit + "\n",
            ".vim/plugged/nerdtree/plugin/x.vim": "",
            ".local/share/nvim/lazy/telescope.nvim/.git/HEAD": "ref: refs/heads/main\n",
            ".local/share/nvim/lazy/telescope.nvim/.git/packed-refs": f"# pack-refs\n{commit} refs/heads/main\n",
            ".emacs.d/elpa/magit-3.3.0/magit.el": "",
            ".config/sublime-text/Packages/User/Package Control.sublime-settings": '{"installed_packages": ["LSP", 3]}',
            ".local/share/zed/extensions/installed/html/extension.toml": 'id = "html"\nversion = "0.1.0"\n',
            ".local/share/JetBrains/PyCharm2023.1/old/META-INF/plugin.xml": "<idea-plugin><id>old</id></idea-plugin>",
        },
    )
    lib = tmp_path / "home/.local/share/JetBrains/PyCharm2024.1/ideavim/lib"
    lib.mkdir(parents=True)
    with zipfile.ZipFile(lib / "ideavim.jar", "w") as jar:
        jar.writestr("META-INF/plugin.xml", "<idea-plugin>\n<id>IdeaVIM</id><version>2.10</version></idea-plugin>")
    (lib / "broken.jar").write_bytes(b"PK\x03\x04" + b"\xff" * 100)
    found = {e.name: e.extensions for e in editors.look(place)["editors"]}
    assert found == {
        "vscode": {"ms-python.python": "2024.10.0"}, "cursor": {"a.b": "1.2.3"}, "vim": {"fugitive": commit[:12], "nerdtree": ""},
        "neovim": {"telescope.nvim": commit[:12]}, "emacs": {"magit": "3.3.0"}, "sublime-text": {"LSP": ""}, "zed": {"html": "0.1.0"},
        "pycharm": {"IdeaVIM": "2.10"},
    }  # fmt: skip
