"""Runtimes that version managers hold: folders are read, nothing is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ...fingerprint import Installed
from ..text import safe
from .base import Place, names, words

_VERSION = re.compile(r"(\d+\.\d+(?:\.\d+)?)")
_PLUGINS = {"nodejs": "node", "golang": "go", "ghcup": "ghc", "dotnet-core": "dotnet", "openjdk": "java"}
"""What asdf and mise call a runtime, where we call it otherwise."""
EACH = 60
"""Versions of one runtime in one manager."""


@dataclass(frozen=True)
class Holder:
    """Where one manager keeps one runtime: a folder for each version."""

    name: str
    variable: str
    usual: tuple[str, ...]
    """Below the home directory."""
    below: str = ""


HOLDERS = (
    Holder("python", "PYENV_ROOT", (".pyenv",), "versions"),
    Holder("python", "UV_PYTHON_INSTALL_DIR", (".local/share/uv/python",)),
    Holder("node", "NVM_DIR", (".nvm", ".config/nvm"), "versions/node"),
    Holder("node", "FNM_DIR", (".local/share/fnm", ".fnm", "Library/Application Support/fnm"), "node-versions"),
    Holder("node", "VOLTA_HOME", (".volta",), "tools/image/node"),
    Holder("node", "N_PREFIX", ("n",), "n/versions/node"),
    Holder("node", "NODENV_ROOT", (".nodenv",), "versions"),
    Holder("ruby", "RBENV_ROOT", (".rbenv",), "versions"),
    Holder("ruby", "", (".rvm/rubies", ".rubies")),
    Holder("go", "GOENV_ROOT", (".goenv",), "versions"),
    Holder("go", "", ("sdk",)),
    Holder("php", "", (".phpenv/versions", ".phpbrew/php")),
    Holder("perl", "", (".plenv/versions", "perl5/perlbrew/perls")),
    Holder("ghc", "", (".ghcup/ghc",)),
    Holder("julia", "", (".julia/juliaup",)),
    Holder("ocaml", "", (".opam",)),
    Holder("flutter", "", ("fvm/versions", "fvm/cache.git/versions")),
    Holder("swift", "", (".local/share/swiftly/toolchains", ".swiftenv/versions")),
    Holder("zig", "", (".zvm",)),
    Holder("dotnet", "DOTNET_ROOT", (".dotnet",), "sdk"),
    Holder("terraform", "", (".tfenv/versions",)),
    Holder("deno", "", (".dvm/versions",)),
)
"""Adding a version manager is one line."""


def held(home: str, environ: Mapping[str, str] | None = None) -> list[Installed]:
    """Every version, once, with its folder. `environ` says where managers keep what they hold; None: this process's."""
    place = Place.of(home, b"", os.environ if environ is None else environ)
    found: dict[str, Installed] = {}
    for reader in READERS:
        for item in reader(place):
            found.setdefault(item.path, item)
    return list(found.values())


def _folders(place: Place) -> Iterator[Installed]:
    for holder in HOLDERS:
        bases = place.at(holder.variable) if holder.variable else []
        bases += [place.under(name) for name in holder.usual]
        for base in dict.fromkeys(bases):
            at = os.path.join(base, holder.below) if holder.below else base
            for entry, path in _real(at):
                version = _VERSION.search(entry)
                if version and not os.path.exists(os.path.join(path, "pyvenv.cfg")):
                    yield _installed(place, holder.name, version[1], path)


def _real(folder: str) -> Iterator[tuple[str, str]]:
    """Folders; a link (`20` for `20.1.0`) is the same version once more."""
    for entry in names(folder, EACH):
        path = os.path.join(folder, entry)
        if os.path.isdir(path) and not os.path.islink(path):
            yield entry, path


def _installed(place: Place, name: str, version: str, path: str) -> Installed:
    return Installed(name=name, version=safe(version, 40), path=place.short(path))


def _of_many(place: Place) -> Iterator[Installed]:
    """mise, asdf and SDKMAN hold anything: a folder for each runtime or tool, and in it one for each version."""
    bases = [os.path.join(base, "installs") for base in place.at("MISE_DATA_DIR", ".local/share/mise")]
    bases += [os.path.join(base, "installs") for base in place.at("ASDF_DATA_DIR", ".asdf")]
    bases += [os.path.join(base, "candidates") for base in place.at("SDKMAN_DIR", ".sdkman")]
    for base in bases:
        for plugin, folder in _real(base):
            name = _PLUGINS.get(plugin, plugin)
            for entry, path in _real(folder):
                version = re.search(r"\d[\w.+-]*", entry)
                if version and re.fullmatch(r"[a-z][a-z0-9_.-]{0,40}", name):
                    yield _installed(place, name, version[0], path)


def _rust(place: Place) -> Iterator[Installed]:
    """rustup's toolchains: `stable` and `nightly` say only in their manifest which version they are."""
    for base in place.at("RUSTUP_HOME", ".rustup"):
        for entry, path in _real(os.path.join(base, "toolchains")):
            named = re.match(r"\d+\.\d+(?:\.\d+)?", entry)
            yield _installed(place, "rust", named[0] if named else _channel(path), path)


def _channel(toolchain: str) -> str:
    manifest = words(os.path.join(toolchain, "lib/rustlib/multirust-channel-manifest.toml"), 4 << 20)
    at = manifest.find("[pkg.rustc]")
    found = re.match(r'\[pkg\.rustc\]\s{1,4}version = "(\d[\w.+-]*)', manifest[at : at + 200]) if at >= 0 else None
    return found[1] if found else ""


def _java(place: Place) -> Iterator[Installed]:
    """The JDKs that IDEs and Gradle fetched."""
    for base in (place.under(".jdks"), place.under(".gradle/jdks")):
        for _, path in _real(base):
            text = words(os.path.join(path, "release"), 10_000)
            found = re.search(r'^JAVA_VERSION="([\w.+-]+)"', text, re.MULTILINE)
            if found:
                yield _installed(place, "java", found[1], path)


def _conda(place: Place) -> Iterator[Installed]:
    """The Python of each environment."""
    usual = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", ".conda", "opt/miniconda3")
    for base in (place.under(name) for name in usual):
        for path in (base, *(path for _, path in _real(os.path.join(base, "envs")))):
            for name in names(os.path.join(path, "conda-meta"), 2000):
                found = re.match(r"python-(\d+\.\d+\.\d+)-", name)
                if found:
                    yield _installed(place, "python", found[1], path)


READERS: tuple[Callable[[Place], Iterator[Installed]], ...] = (_folders, _of_many, _rust, _java, _conda)
