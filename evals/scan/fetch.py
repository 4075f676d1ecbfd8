"""Real packages from their registries, unpacked once into a cache: with pip, npm and apt as this machine has them set up.

Nothing of a package is run: pip is given an environment without any build backend, npm no scripts, and of a Debian source
package only what its authors released is unpacked."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from envsync.tools.errors import Unreachable

from .facts import Package

SECONDS = 600
PIP = "see `pip config list` for the index that is asked"
NPM = "see `npm config get registry` for the registry that is asked"
APT = "a Debian 12 with its package sources set up is needed (/etc/apt/sources.list or sources.list.d)"


def cache() -> Path:
    """Where packages and peers are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "envsync-evals" / "scan"


def fetch(package: Package, cache: Path) -> Path:
    """The folder with the package's files; fetched when it is not there. Raises Unreachable."""
    folder = kept(package, cache)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as place:
        found = REGISTRIES[package.registry](package, cache, Path(place))
        made = found.rename(Path(place) / "complete")
        with suppress(OSError):  # another run was faster
            made.rename(folder)
    return folder


def kept(package: Package, cache: Path) -> Path:
    """Where a package lies once it was fetched."""
    return cache / "packages" / package.registry / f"{package.name.replace('/', '+')}@{package.version}"


def call(*argv: str | Path, cwd: Path, hint: str, **environ: str) -> str:
    """What a program printed. Raises Unreachable with its own words."""
    try:
        done = subprocess.run(
            [str(word) for word in argv], cwd=cwd, env={**os.environ, **environ},
            capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise Unreachable(f"{argv[0]} is not installed", hint=hint) from None
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{argv[0]} took longer than {SECONDS} s", hint=hint) from None
    if done.returncode:
        raise Unreachable(f"{argv[0]} failed: {_said(done.stderr or done.stdout)}", hint=hint)
    return done.stdout


def _said(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("W:")]
    errors = [line for line in lines if re.match(r"(E:|ERROR|error|npm err)", line, re.IGNORECASE)]
    return " / ".join(errors[:2] or lines[-2:])[:300] or "it said nothing"


def _pypi(package: Package, cache: Path, place: Path) -> Path:
    """pip unpacks a source distribution before it asks it for its metadata; that it cannot ask here does no harm."""
    python = cache / "no-backends" / "bin" / "python"
    if not python.exists():
        call(sys.executable, "-m", "venv", "--without-pip", cache / "no-backends", cwd=place, hint="venv is needed")
    unpacked = place / "unpacked"
    unpacked.mkdir()
    said = "it was not unpacked"
    try:
        call(
            sys.executable, "-m", "pip", "--python", python, "download", "--no-clean", "--no-deps", "--no-build-isolation",
            "--no-binary", ":all:", "--dest", place / "archives", f"{package.name}=={package.version}",
            cwd=place, hint=PIP, TMPDIR=str(unpacked),
        )  # fmt: skip
    except Unreachable as error:
        said = error.what
    found = [path for path in unpacked.glob("pip-download-*/*") if path.is_dir() and any(path.iterdir())]
    if not found:
        raise Unreachable(f"no source distribution of {package.label}: {said}", hint=PIP)
    return found[0]


def _npm(package: Package, _: Path, place: Path) -> Path:
    wanted = f"{package.name}@{package.version}"
    call("npm", "pack", "--loglevel", "error", "--ignore-scripts", wanted, cwd=place, hint=NPM)
    return _unpack(next(place.glob("*.tgz")), place)


def _debian(package: Package, cache: Path, place: Path) -> Path:
    """The released archive of a source package, whatever Debian's revision of it is called at the moment."""
    environ = {"APT_CONFIG": str(_apt(cache))}
    listed = call("apt-cache", "showsrc", "--only-source", package.name, cwd=place, hint=APT, **environ)
    versions = [line.split()[1] for line in listed.splitlines() if line.startswith("Version: ")]
    fitting = [version for version in versions if _upstream(version) == package.version]
    last = Unreachable(f"no {package.label}, only {', '.join(versions) or 'nothing of that name'}", hint=APT)
    for version in fitting:
        wanted = f"{package.name}={version}"
        try:
            call("apt-get", "source", "--download-only", "--tar-only", wanted, cwd=place, hint=APT, **environ)
            return _unpack(next(place.glob("*.orig.tar.*")), place)
        except Unreachable as error:
            last = error
    raise last


def _upstream(version: str) -> str:
    """`1.2` of Debian's `2:1.2-3`."""
    return version.partition(":")[2].rpartition("-")[0] if ":" in version else version.rpartition("-")[0]


def _apt(cache: Path) -> Path:
    """A configuration with lists of its own, made of the machine's sources; the machine's own lists stay as they are."""
    home = cache / "apt"
    config = home / "apt.conf"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:  # two runs at once would both fetch the lists, and one would fail
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not config.exists():
            _make_lists(home, config)
    return config


def _make_lists(home: Path, config: Path) -> None:
    for folder in ("lists/partial", "cache/archives/partial", "sources"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    for path in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")):
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = re.sub(r"^(Types:).*$", r"\1 deb-src", path.read_text("utf-8"), flags=re.MULTILINE)
        (home / "sources" / path.name).write_text(
            re.sub(r"^deb(?=[ \t])", "deb-src", text, flags=re.MULTILINE), "utf-8"
        )
    made = home / "apt.conf.new"
    made.write_text(
        f'Dir::State::Lists "{home}/lists";\nDir::Cache "{home}/cache";\n'
        f'Dir::Etc::SourceList "/dev/null";\nDir::Etc::SourceParts "{home}/sources";\n',
        "utf-8",
    )
    call("apt-get", "update", cwd=home, hint=APT, APT_CONFIG=str(made))
    made.rename(config)


def _unpack(archive: Path, place: Path) -> Path:
    target = place / "unpacked"
    target.mkdir()
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter=_harmless)
    inside = list(target.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else target


def _harmless(member: tarfile.TarInfo, place: str) -> tarfile.TarInfo | None:
    """What would lie or point outside is left out, and every folder can be written."""
    try:
        safe = tarfile.data_filter(member, place)
    except tarfile.FilterError:
        return None
    return safe.replace(mode=0o755, deep=False) if safe.isdir() else safe


REGISTRIES: dict[str, Callable[[Package, Path, Path], Path]] = {"pypi": _pypi, "npm": _npm, "debian": _debian}
