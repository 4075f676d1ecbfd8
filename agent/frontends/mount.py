"""`envsync mount HOST:/DIR DIR`: a host's directory as one of this machine's, through FUSE."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...tools.errors import EnvSyncError, Failed, Unreachable, Usage
from ...tools.hosts.base import Host, Link
from ...tools.hosts.files import Attributes, Files
from ...tools.hosts.registry import Hosts
from .flags import Parser, settings
from .render import Screen

CACHED = 1.0
"""Seconds for which the kernel believes names and attributes that it asked for: a change over there shows after that."""


def run(argv: Sequence[str]) -> int:
    """Mount until Ctrl-C or `umount`. Raises Usage where FUSE or the directory is missing."""
    parser = Parser("envsync mount", description="Mount a host's directory here, until Ctrl-C or umount.")
    parser.add_argument("words", nargs="*", metavar="HOST:/DIR DIR")
    parser.add_argument("--read-only", action="store_true", help="change nothing over there")
    given = parser.read(argv)
    chosen = settings(given, os.environ)
    if len(given.words) != 2:
        raise Usage("mount needs what and where", "For example: envsync mount user@machine:/srv/app ./app")
    name, there = _split(given.words[0])
    here = Path(chosen.path, Path(given.words[1]).expanduser())
    why = missing()
    if why:
        raise Usage(
            why, "Install it (on Debian: apt install fuse3; pip install 'envsync[mount]'), or use envsync sync."
        )
    if not here.is_dir():
        raise Usage(f"{here} is no directory", "Make an empty one first: mkdir -p DIR.")
    if os.path.ismount(here) or any(here.iterdir()):
        raise Usage(f"{here} is not empty", "Mount on an empty directory; what is in it would be hidden.")
    if chosen.plan:
        text = f"would mount {there} of {name} at {here}"
        print(json.dumps({"summary": text}) if chosen.json else text)
        return 0
    loop = asyncio.new_event_loop()
    turning = threading.Thread(target=loop.run_forever, daemon=True)
    turning.start()
    hosts = Hosts()
    try:
        host = hosts.open(name)
        link = asyncio.run_coroutine_threadsafe(_start(host, there), loop).result()
        if chosen.json:
            print(json.dumps({"host": host.name, "directory": there, "mounted": str(here)}), flush=True)
        else:
            Screen(chosen).note(
                f"{there} of {host.name} is mounted at {here}; Ctrl-C or `umount {here}` ends it", "good"
            )
        _serve(Mounted(loop, link), here, f"{host.name}:{there}", given.read_only)
    finally:
        asyncio.run_coroutine_threadsafe(hosts.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        turning.join(5)
    return 0


def missing() -> str:
    """Why directories cannot be mounted here; empty when they can."""
    if not os.path.exists("/dev/fuse"):
        return "this machine has no FUSE (/dev/fuse is missing)"
    if not shutil.which("fusermount3") and not shutil.which("fusermount"):
        return "the program fusermount3 is missing"
    try:
        import mfusepy  # noqa: F401  # pyright: ignore[reportUnusedImport]  # loads libfuse, which may be missing
    except (ImportError, OSError) as error:
        return f"FUSE cannot be used from Python: {error}"
    return ""


def _split(text: str) -> tuple[str, str]:
    name, colon, there = text.rpartition(":")
    if not colon or not name or not there.startswith(("/", "~")):
        raise Usage(
            f"{text!r} is no directory of a host", "Write HOST:/DIRECTORY, for example docker:web:/app or me@box:/srv."
        )
    return name, there


async def _start(host: Host, there: str) -> Link:
    info = await host.info()
    if there.startswith("~"):
        there = str(info.home) + there[1:]
    if not info.python:
        raise Failed(
            f"{host.name} has no Python, so its files cannot be mounted", "Install python3 there, or use sync."
        )
    try:
        return await host.start(Files, there)
    except OSError as error:
        raise Usage(f"{there} of {host.name} cannot be opened: {error.strerror}", "Name a directory there.") from error


class Mounted:
    """What FUSE asks, passed on to the host: the operations of mfusepy, each one round trip.

    mfusepy calls from the kernel's threads; the host's connection lives in `loop`.
    """

    use_ns = True

    def __init__(self, loop: asyncio.AbstractEventLoop, link: Link) -> None:
        self._loop = loop
        self._link = link
        self._listed: dict[str, tuple[float, Attributes]] = {}

    def _ask(self, method: str, *args: Any) -> Any:
        try:
            return asyncio.run_coroutine_threadsafe(self._link.ask(method, *args), self._loop).result()
        except OSError:
            raise
        except Unreachable as error:
            raise OSError(errno.ENOTCONN, error.what) from error
        except EnvSyncError as error:
            raise OSError(errno.EIO, error.what) from error

    def _change(self, method: str, *args: Any) -> Any:
        self._listed.clear()
        return self._ask(method, *args)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        at, known = self._listed.get(path, (0.0, None))
        return _shown(known if known and time.monotonic() - at < CACHED else self._ask("getattr", path))

    def readdir(self, path: str, fh: int) -> list[Any]:
        found: list[tuple[str, Attributes]] = self._ask("readdir", path)
        now, base = time.monotonic(), path.rstrip("/")
        if len(self._listed) > 50_000:
            self._listed.clear()
        self._listed.update({f"{base}/{name}": (now, attributes) for name, attributes in found})
        return [".", "..", *((name, _shown(attributes), 0) for name, attributes in found)]

    def readlink(self, path: str) -> str:
        return self._ask("readlink", path)

    def open(self, path: str, flags: int) -> int:
        return self._change("open", path, flags) if flags & os.O_TRUNC else self._ask("open", path, flags)

    def create(self, path: str, mode: int, flags: int | None = None) -> int:
        return self._change("open", path, (flags or os.O_RDWR) | os.O_CREAT, mode)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return self._ask("read", fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._listed.pop(path, None)
        return self._ask("write", fh, bytes(data), offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        return self._change("truncate", path, length, fh) or 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        return self._ask("fsync", fh) or 0

    def release(self, path: str, fh: int) -> int:
        return self._ask("release", fh) or 0

    def unlink(self, path: str) -> int:
        return self._change("unlink", path) or 0

    def mkdir(self, path: str, mode: int) -> int:
        return self._change("mkdir", path, mode) or 0

    def rmdir(self, path: str) -> int:
        return self._change("rmdir", path) or 0

    def rename(self, old: str, new: str) -> int:
        return self._change("rename", old, new) or 0

    def symlink(self, target: str, source: str) -> int:
        # FUSE names the new link first.
        return self._change("symlink", source, target) or 0

    def link(self, target: str, source: str) -> int:
        return self._change("link", source, target) or 0

    def chmod(self, path: str, mode: int) -> int:
        return self._change("chmod", path, mode) or 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        return self._change("chown", path, uid, gid) or 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        return self._change("utimens", path, times) or 0

    def statfs(self, path: str) -> dict[str, int]:
        return self._ask("statfs")


def _shown(attributes: Attributes) -> dict[str, Any]:
    names = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_atime", "st_mtime", "st_ctime", "st_ino")
    return dict(zip(names, attributes, strict=True))


def _serve(mounted: Mounted, here: Path, source: str, read_only: bool) -> None:
    import mfusepy

    class Operations(mfusepy.Operations):
        """mfusepy looks at its own base class for what is there: each method of Mounted becomes one of it."""

        use_ns = True

    for name, method in vars(Mounted).items():
        if not name.startswith("_") and callable(method):
            setattr(Operations, name, staticmethod(getattr(mounted, name)))

    # libfuse ends the mount on these by itself, but only where nobody else handles them; a handler of Python's would
    # wait for ever for the call into libfuse to come back.
    before = {sign: signal.signal(sign, signal.SIG_DFL) for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    options: dict[str, Any] = {"fsname": source.replace(",", "_"), "subtype": "envsync", "attr_timeout": CACHED}
    if read_only:
        options["ro"] = True
    try:
        mfusepy.FUSE(Operations(), str(here), foreground=True, entry_timeout=CACHED, **options)
    except RuntimeError as error:
        raise Failed(
            f"the mount ended with FUSE's error {error}", "Try again; `envsync doctor` checks FUSE."
        ) from error
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
