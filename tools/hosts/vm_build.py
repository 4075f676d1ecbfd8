"""Building the base image of virtual machines: debootstrap, a kernel, a disk. Needs root.

As a program it builds into the directory it is given, for users who may do that only as root:
`sudo PYTHON -m envsync.tools.hosts.vm_build DIRECTORY`.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..contract import Output, Progress, Report, silent
from ..errors import EnvSyncError, Failed
from . import vm_recipe as recipe
from . import vm_sources
from .local import LocalHost
from .vm_image import NEEDED, PATH, Image, certificates, find, program, seal, version
from .vm_place import full, turn

TYPICAL = 610
"""Lines that debootstrap prints for these packages: what progress is measured by."""
LATER = 90
"""The steps after it, in such lines."""
REFUSE = (
    "etc/ssh/ssh_host_*",
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "etc/hostname",
    "var/cache/apt/archives/*.deb",
    "var/cache/apt/*.bin",
    "var/lib/apt/lists/*_*",
    "var/log/*.log",
)
"""What each machine must have for itself, and what only fills the disk."""


async def build(directory: Path, report: Report = silent) -> Image:
    """Build the image of the current version in `directory`, unless somebody else did meanwhile.

    Raises Failed, with what to install or to do; nothing is left behind then.
    """
    for name in NEEDED:
        program(name)
    mirror = vm_sources.mirror()
    try:
        await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
        async with turn(directory / ".lock", "building the base image of virtual machines", 3600):
            image = await asyncio.to_thread(_tidy, directory)
            if image is not None:
                return image
            work = Path(tempfile.mkdtemp(prefix=".building-", dir=directory))
            try:
                return await _build(work, directory, mirror, report)
            finally:
                await asyncio.to_thread(shutil.rmtree, work, True)
    except OSError as error:
        raise full(error, "building the base image", directory) from error


async def _build(work: Path, directory: Path, mirror: str, report: Report) -> Image:
    os.chmod(work, 0o755)  # noqa: S103  # a root directory that nobody may enter cannot be built in
    tree, made = work / "tree", work / "image"
    os.mkdir(made)
    await _debian(tree, mirror, report)
    report(Progress("base image: kernel", TYPICAL, TYPICAL + LATER, "steps"))
    await _kernel(work, tree, made)
    report(Progress("base image: files", TYPICAL + 20, TYPICAL + LATER, "steps"))
    await asyncio.to_thread(_configure, tree, mirror)
    await _run(["chroot", str(tree), "update-ca-certificates"])
    await _run(["chroot", str(tree), "/bin/busybox", "depmod", os.listdir(tree / "lib/modules")[0]])
    report(Progress("base image: disk", TYPICAL + 50, TYPICAL + LATER, "steps"))
    raw = work / "disk.raw"
    await asyncio.to_thread(_sparse, raw)
    # No lazily initialised tables: the guest would write them into every machine's own disk.
    options = "lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0"
    await _run([program("mke2fs"), "-q", "-t", "ext4", "-L", "envsync", "-E", options, "-d", str(tree), str(raw)])
    await _run([program("qemu-img"), "convert", "-f", "raw", "-O", "qcow2", str(raw), str(made / "disk.qcow2")])
    image = await asyncio.to_thread(_finish, tree, made, directory)
    report(Progress("base image", TYPICAL + LATER, TYPICAL + LATER, "steps"))
    return image


async def _debian(tree: Path, mirror: str, report: Report) -> None:
    """A root directory by debootstrap, which checks the archive's signature."""
    seen = 0

    def count(stream: str, chunk: bytes) -> None:
        nonlocal seen
        seen += chunk.count(b"\n")
        report(Progress("base image: packages", min(seen, TYPICAL), TYPICAL + LATER, "steps"))
        report(Output(chunk.decode("utf-8", "backslashreplace"), stream))

    argv = [program("debootstrap"), "--variant=minbase", f"--include={','.join(recipe.PACKAGES)}", recipe.SUITE]
    # A mount namespace of its own: what debootstrap mounts goes with it, however it ends.
    argv = [program("unshare"), "--mount", "--propagation", "private", *argv, str(tree), mirror]
    await _run(argv, count, hint="Is the archive of your apt reachable? `apt-get update` tells.")


async def _kernel(work: Path, tree: Path, made: Path) -> None:
    """The kernel as apt downloads it, which checks its signature: unpacked, not installed."""
    meta, hint = "linux-image-cloud-amd64", "Run `apt-get update`, then try again."
    shown = await _run(["apt-cache", "depends", meta], hint=hint)
    names = [line.split()[-1] for line in shown.splitlines() if "Depends: linux-image-" in line]
    if not names:
        raise Failed(f"apt does not know the package {meta}", hint)
    await _run(["apt-get", "--quiet", "download", names[0]], hint=hint, cwd=work)
    package = next(name for name in os.listdir(work) if name.startswith("linux-image-"))
    await _run(["dpkg-deb", "-x", str(work / package), str(work / "kernel")])
    await asyncio.to_thread(_take, work / "kernel", tree, made)


def _tidy(directory: Path) -> Image | None:
    """The image that somebody else made meanwhile; takes away what builds left that were killed."""
    image = find(directory)
    for left in directory.glob(".building-*") if image is None else ():
        shutil.rmtree(left, True)
    return image


def _take(kernel: Path, tree: Path, made: Path) -> None:
    shutil.copyfile(next((kernel / "boot").glob("vmlinuz-*")), made / "kernel")
    modules = next((kernel / "lib/modules").iterdir())
    shutil.copytree(modules, tree / "lib/modules" / modules.name, symlinks=True)


def _configure(tree: Path, mirror: str) -> None:
    """Write our files over Debian's, and take out what must not be shared."""
    for path, (text, mode) in recipe.FILES.items():
        _put(tree / path, text.encode(), mode)
    archives = vm_sources.lines(recipe.SUITE) or f"deb {mirror} {recipe.SUITE} main\n"
    _put(tree / "etc/apt/sources.list", archives.encode())
    for name, content in certificates().items():
        _put(tree / "usr/local/share/ca-certificates" / name, content)
    for name in ("poweroff", "reboot", "halt", "modprobe", "insmod", "lsmod", "ip", "ping"):
        (tree / "usr/local/sbin" / name).symlink_to("/bin/busybox")
    for path in (path for pattern in REFUSE for path in tree.glob(pattern)):
        path.unlink()


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(recipe.SIZE)


def _finish(tree: Path, made: Path, directory: Path) -> Image:
    """Give the image its name when all of it is on disk."""
    modules = next((tree / "lib/modules").iterdir())
    (made / "initrd").write_bytes(recipe.initrd(Path(program("busybox")).read_bytes(), modules))
    owner = directory.stat()
    seal(made)
    for path in (*made.iterdir(), made):
        os.chown(path, owner.st_uid, owner.st_gid)
        path.chmod(0o755 if path == made else 0o444)
        _flush(path)
    final = directory / f"{version()}-{os.urandom(4).hex()}"
    made.rename(final)
    _flush(directory)
    return Image(final)


def _put(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def _run(
    argv: Sequence[str], output: Callable[[str, bytes], None] | None = None, *, hint: str = "", cwd: Path | None = None
) -> str:
    """Run a step with a plain environment. Raises Failed with the end of what it said."""
    path = f"{os.environ.get('PATH', '')}{os.pathsep}{PATH}"
    # What is built must be readable whatever the caller's umask is.
    line = ["sh", "-c", 'umask 022; exec "$@"', "sh", *argv]
    env = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "PATH": path}
    done = await LocalHost().run(line, env=env, cwd=cwd, timeout=3600, output=output)
    if done.code:
        tail = (done.error.strip() or done.text.strip())[-1000:]
        raise Failed(f"building the base image failed: {shlex.join(argv[:8])} ended with {done.code}: {tail}", hint)
    return done.text


def main(argv: Sequence[str]) -> int:
    """Build into the directory that is named; prints how far it is."""
    if len(argv) != 1 or os.geteuid() != 0:
        print("usage, as root: python -m envsync.tools.hosts.vm_build DIRECTORY", file=sys.stderr)
        return 2
    last = ""

    def show(event: Progress | Output) -> None:
        nonlocal last
        if isinstance(event, Progress) and event.total:
            line = f"{event.label}: {event.done / event.total:.0%}"
            if line != last:
                print(line, file=sys.stderr)
            last = line

    try:
        print(asyncio.run(build(Path(argv[0]).absolute(), show)).path)
    except EnvSyncError as error:
        print(error, file=sys.stderr)
        return error.exit
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
