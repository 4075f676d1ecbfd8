"""The scan of a host without Python: what its shell and its kernel's files tell, and the project's manifests fetched here."""

from __future__ import annotations

import asyncio
import os
import re
import tarfile
import tempfile
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path

from ..fingerprint import FileHash, HostFacts, PackageSet, Variable
from ..hosts.base import Host, Stat
from . import private
from .dotenv import is_private, names_only
from .ignore import MADE
from .packages import of_system
from .private import hashed
from .text import safe
from .tree import Limits, Wants

MOST = 6 << 20
"""Bytes of one batch of files: what a command's kept output surely holds."""
FILES = 5_000
"""Files looked at: each directory costs a command."""
SOURCES = 300
"""Source files fetched to be searched for variables."""


async def text(host: Host, path: str, limit: int = 1 << 20) -> str:
    """The beginning of a file, also of the kernel's, which have no size; empty when it cannot be read."""
    done = await host.run(["head", "-c", str(limit), path], timeout=15)
    return done.text if done.code == 0 else ""


async def facts(host: Host, project: Path) -> HostFacts:
    """As machine.facts has them."""
    info, cpu, memory, release, disk = await asyncio.gather(
        host.info(), text(host, "/proc/cpuinfo"), text(host, "/proc/meminfo"), text(host, "/etc/os-release"),
        host.run(["df", "-P", "-k", str(project)], timeout=15),
    )  # fmt: skip
    kernel = await host.run(["uname", "-r"], timeout=15)
    named = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)"?$', release, re.MULTILINE))
    system = " ".join(filter(None, (named.get("ID", info.system.lower()), named.get("VERSION_ID", ""))))
    model = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", cpu, re.MULTILINE)
    total = re.search(r"^MemTotal:\s+(\d+) kB", memory, re.MULTILINE)
    size = re.search(r"\s(\d+)\s+\d+\s+(\d+)\s+\d+%", disk.text) if disk.code == 0 else None
    return HostFacts(
        os=safe(system, 60),
        kernel=safe(kernel.text.strip(), 100),
        arch=safe(info.machine, 40),
        cpu=safe(" ".join(model[1].split()), 100) if model else "",
        cores=len(re.findall(r"^processor\s*:", cpu, re.MULTILINE)),
        memory=int(total[1]) * 1024 if total else 0,
        disk=int(size[1]) * 1024 if size else 0,
        disk_free=int(size[2]) * 1024 if size else 0,
    )


async def variables(host: Host, key: bytes) -> tuple[list[Variable], str]:
    """Names and keyed hashes of what commands there have in their environment; the values are forgotten here at once."""
    done = await host.run(["env"], timeout=15)
    environ: dict[str, str] = {}
    for line in done.text.splitlines() if done.code == 0 else ():
        name, equals, value = line.partition("=")
        if equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            environ[name] = value
    return hashed(environ, key), environ.get("VIRTUAL_ENV", "")


async def system_packages(host: Host) -> list[PackageSet]:
    """Debian's and Alpine's packages; nothing on other systems."""
    try:
        status = await host.read(Path("/var/lib/dpkg/status"))
    except OSError:
        return []
    with tempfile.NamedTemporaryFile(prefix="envsync-") as file:
        file.write(status)
        file.flush()
        return of_system(file.name)


async def dotfiles(host: Host, home: Path, key: bytes) -> tuple[FileHash, ...]:
    """As private.dotfiles_there has them."""
    script = 'for f in "$@"; do [ -f "$f" ] && [ -r "$f" ] && printf "%s\\0" "$f"; done; :'
    done = await host.run(["sh", "-c", script, "sh", *(str(home / name) for name in private.DOTFILES)], timeout=15)
    found: list[FileHash] = []
    for path in filter(None, done.text.split("\0")):
        try:
            content = await host.read(Path(path))
        except OSError:
            continue
        if len(content) <= private.MOST:
            found.append(FileHash(path=path.replace(str(home), "~", 1), digest=private.keyed(content, key)))
    return tuple(found) if key else ()


async def listening(host: Host, wanted: Sequence[int]) -> frozenset[int]:
    """Those of `wanted` on which something listens, by the kernel's own tables."""
    tables = await text(host, "/proc/net/tcp") + await text(host, "/proc/net/tcp6")
    open_ones = {
        int(port, 16) for port in re.findall(r"^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ 0A ", tables, re.MULTILINE)
    }
    return frozenset(port for port in wanted if port in open_ones)


@asynccontextmanager
async def fetched(host: Host, root: Path, wants: Wants, limits: Limits) -> AsyncGenerator[Path]:
    """A directory here with what a scan reads of `root`: manifests, lockfiles and some sources whole, all else as a hole
    of the right size. Raises OSError when `root` cannot be read."""
    with tempfile.TemporaryDirectory(prefix="envsync-scan-") as folder:
        copy = Path(folder)
        files = await _walked(host, root, limits)
        reading: list[tuple[str, int]] = []
        sources = 0
        for path, size in files.items():
            name = path.rpartition("/")[2]
            target = copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as hole:
                hole.truncate(size)
            source = os.path.splitext(name)[1] in wants.patterns and size <= limits.source
            sources += source
            if (_reads(path, name, wants) and size <= limits.lockfile) or (source and sources <= SOURCES):
                reading.append((path, size))
        for batch in _batches(reading):
            await _fetch(host, root, batch, copy)
        yield copy


async def _walked(host: Host, root: Path, limits: Limits) -> dict[str, int]:
    """Size by relative path of the regular files, breadth first; what tools make is left out as in every scan."""
    found: dict[str, int] = {}
    queue: deque[tuple[str, int, list[Stat]]] = deque([("", 0, await host.list(root))])
    while queue and len(found) < min(FILES, limits.files):
        prefix, depth, entries = queue.popleft()
        below: list[str] = []
        for entry in entries:
            name = entry.path.name
            if entry.kind == "file":
                found[prefix + name] = entry.size
            elif entry.kind == "directory" and name == "node_modules":
                found |= await _modules(host, root / prefix / name, f"{prefix}{name}/")
            elif entry.kind == "directory" and name not in MADE and depth < min(12, limits.depth):
                below.append(name)
        for start in range(0, len(below), 8):
            names = below[start : start + 8]
            lists = await asyncio.gather(*(_listed(host, root / prefix / name) for name in names))
            queue += [(f"{prefix}{name}/", depth + 1, list_) for name, list_ in zip(names, lists, strict=True)]
    return found


async def _listed(host: Host, path: Path) -> list[Stat]:
    try:
        return await host.list(path)
    except OSError:
        return []


async def _modules(host: Host, folder: Path, prefix: str) -> dict[str, int]:
    """The `package.json` of each package directly in a node_modules."""
    script = 'cd "$1" && for f in */package.json @*/*/package.json; do [ -f "$f" ] && printf "%s\\0" "$f"; done; :'
    done = await host.run(["sh", "-c", script, "sh", str(folder)], timeout=60)
    paths = [path for path in done.text.split("\0") if path and ".." not in path.split("/")]
    return {prefix + path: 4096 for path in paths[:2000]}


def _reads(path: str, name: str, wants: Wants) -> bool:
    return (
        name in wants.manifests
        or name in wants.lockfiles
        or name in (".gitignore", "pyvenv.cfg", "package.json")
        or any("*" in pattern and fnmatchcase(path if "/" in pattern else name, pattern) for pattern in wants.manifests)
    )


def _batches(files: Sequence[tuple[str, int]]) -> list[list[str]]:
    batches: list[list[str]] = [[]]
    held = 0
    for path, size in files:
        if batches[-1] and (held + size + 2048 > MOST or len(batches[-1]) >= 200):
            batches.append([])
            held = 0
        batches[-1].append(path)
        held += size + 2048
    return batches if batches[-1] else batches[:-1]


async def _fetch(host: Host, root: Path, paths: Sequence[str], copy: Path) -> None:
    """Through one tar; only regular files that were asked for are taken out of it."""
    wanted = {f"./{path}": path for path in paths}
    done = await host.run(["tar", "-cf", "-", "-C", str(root), "--", *wanted], timeout=120)
    taken = set[str]()
    try:
        with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
            for member in archive:
                path = wanted.get(member.name)
                content = archive.extractfile(member) if path is not None and member.isreg() else None
                if path is not None and content is not None:
                    _keep(copy / path, content.read())
                    taken.add(path)
    except (tarfile.TarError, OSError, EOFError):
        pass
    for path in [path for path in paths if path not in taken][:50]:
        # Without tar, or when the archive was cut: one by one.
        try:
            _keep(copy / path, await host.read(root / path))
        except OSError:
            (copy / path).unlink(missing_ok=True)


def _keep(file: Path, content: bytes) -> None:
    """Values of that machine's `.env` go no further than this line."""
    file.write_bytes(names_only(content.decode("utf-8", "replace")).encode() if is_private(file.name) else content)
