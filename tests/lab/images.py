"""The base images of the lab, made from Debian's packages alone: no registry is asked.

`envsync-lab:debian` (python3, CA certificates), `envsync-lab:sshd` (that, openssh-server and rsync),
`envsync-lab:services` (that, PostgreSQL and Redis) and
`envsync-lab:busybox` (one static program, no Python) and `envsync-lab:hollow` (no program at all). The Debian tree is kept as a tar in the lab's cache: 40 s the
first time, 2 s later.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from .engine import docker
from .place import cache, only_one

SUITE = "bookworm"
MIRROR = os.environ.get("ENVSYNC_LAB_MIRROR", "")
"""Of Debian; empty: the one that this machine's apt uses."""
CERTIFICATES = Path("/usr/local/share/ca-certificates")
MADE = "envsync.lab.recipe"
"""Label with the digest of what an image was made from: another recipe makes another image."""
IDLE = 'CMD ["sleep","2147483647"]'


def debian(address: str = "") -> str:
    """The image with Debian and Python."""
    recipe = _digest(SUITE, _sources(), *(path.read_text() for path in _certificates()))
    return _made("debian", recipe, address, lambda: _import(_tree(recipe).read_bytes(), "debian", recipe, address))


def busybox(address: str = "") -> str:
    """The image with nothing but BusyBox."""
    program = shutil.which("busybox")
    if program is None:
        raise RuntimeError("there is no busybox here (on Debian: apt-get install busybox-static)")
    content = Path(program).read_bytes()
    recipe = _digest("1", hashlib.sha256(content).hexdigest())
    return _made("busybox", recipe, address, lambda: _import(_busybox(content), "busybox", recipe, address))


def sshd(address: str = "") -> str:
    """The image with an SSH server to start."""
    lines = "rm -rf /etc/ssh/ssh_host_* && mkdir -p /run/sshd"
    return _with("sshd", "openssh-server rsync", lines, address)


def services(address: str = "") -> str:
    """The image with the programs of PostgreSQL and Redis, of which nothing runs, and a user `dev`."""
    lines = "pg_dropcluster 15 main; useradd --create-home --uid 1234 dev"
    return _with("services", "postgresql redis-server", lines, address)


def _with(name: str, packages: str, lines: str, address: str) -> str:
    """The image with Debian, and these packages of it; `lines` are what a shell does after."""
    base = debian(address)
    recipe = _digest(base, docker("image", "inspect", "--format", "{{.Id}}", base, address=address), packages, lines)

    def make() -> None:
        script = f"apt-get update -qq && apt-get install -qq -y --no-install-recommends {packages} >/dev/null"
        script += f" && rm -rf /var/lib/apt/lists/* && {lines}"
        argv = [
            "create",
            "--label",
            "envsync.lab=1",
            "--env",
            "DEBIAN_FRONTEND=noninteractive",
            base,
            "sh",
            "-ec",
            script,
        ]
        id = docker(*argv, address=address)
        try:
            docker("start", "--attach", id, address=address)
            changes = [word for change in (IDLE, f"LABEL {MADE}={recipe}") for word in ("--change", change)]
            docker("commit", *changes, id, f"envsync-lab:{name}", address=address)
        finally:
            docker("rm", "--force", id, address=address)

    return _made(name, recipe, address, make)


def hollow(address: str = "") -> str:
    """The image with one file that is no program: nothing can be started in it."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = 6
        tar.addfile(entry, io.BytesIO(b"a file"))
    return _made("hollow", "1", address, lambda: _import(held.getvalue(), "hollow", "1", address))


IMAGES = {"debian": debian, "busybox": busybox, "sshd": sshd, "services": services, "hollow": hollow}


def _made(name: str, recipe: str, address: str, make: Callable[[], None]) -> str:
    image = f"envsync-lab:{name}"
    with only_one(f"image-{name}"):
        label = f'{{{{index .Config.Labels "{MADE}"}}}}'
        try:
            known = docker("image", "inspect", "--format", label, image, address=address)
        except subprocess.CalledProcessError:
            known = ""
        if known != recipe:
            make()
    return image


def _import(tree: bytes, name: str, recipe: str, address: str) -> None:
    changes = [word for change in (IDLE, f"LABEL envsync.lab=1 {MADE}={recipe}") for word in ("--change", change)]
    docker("import", *changes, "-", f"envsync-lab:{name}", address=address, stdin=tree)


def _tree(recipe: str) -> Path:
    """A tar of the Debian tree. Raises RuntimeError when it is not there and cannot be made."""
    kept = cache() / f"{SUITE}-{recipe}.tar"
    if kept.exists():
        return kept
    if shutil.which("debootstrap") is None:
        raise RuntimeError("there is no debootstrap here (on Debian: apt-get install debootstrap)")
    if os.geteuid() != 0:
        raise RuntimeError("making the base image needs root once: sudo make lab")
    with tempfile.TemporaryDirectory(dir=cache(), prefix="tree-") as name:
        tree, mirror = Path(name, "tree"), _sources().split()[1]
        # No --include of what needs a configured certificate store: update-ca-certificates runs below anyway.
        _run("debootstrap", "--variant=minbase", "--include=ca-certificates,python3", SUITE, str(tree), mirror)
        (tree / "etc/apt/sources.list").write_text(_sources())
        for path in _certificates():
            shutil.copy(path, tree / str(CERTIFICATES).lstrip("/"))
        _run("chroot", str(tree), "update-ca-certificates")
        _run("chroot", str(tree), "apt-get", "clean")
        part = kept.with_suffix(".part")
        _run("tar", "--numeric-owner", "-C", str(tree), "-cf", str(part), ".")
        part.replace(kept)
    return kept


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def _certificates() -> list[Path]:
    """What this machine trusts besides the usual: needed inside wherever the way out is inspected."""
    return sorted(CERTIFICATES.glob("*.crt"))


def _sources() -> str:
    """The apt sources inside: the mirror that this machine itself uses, if it is a Debian."""
    mirror = MIRROR
    for file in (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list")):
        if mirror or not file.exists():
            continue
        words = [line.split() for line in file.read_text().splitlines()]
        found = [w[1] for w in words if len(w) > 1 and (w[0] == "URIs:" or (w[0] == "deb" and "debian" in w[1]))]
        if found:
            mirror = found[0].rstrip("/")
    if not mirror:
        raise RuntimeError("this machine's apt names no mirror of Debian; name one: ENVSYNC_LAB_MIRROR=ADDRESS")
    security = mirror.removesuffix("/debian") + "/debian-security"
    suites = [(mirror, SUITE), (mirror, f"{SUITE}-updates"), (security, f"{SUITE}-security")]
    return "".join(f"deb {where} {suite} main\n" for where, suite in suites)


def _busybox(program: bytes) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:

        def add(name: str, kind: bytes, content: bytes = b"", mode: int = 0o755, target: str = "") -> None:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.mode, entry.linkname = kind, len(content), mode, target
            tar.addfile(entry, io.BytesIO(content))

        for folder in ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "var"):
            add(folder, tarfile.DIRTYPE, mode=0o1777 if folder == "tmp" else 0o755)
        add("bin/busybox", tarfile.REGTYPE, program)
        add("etc/passwd", tarfile.REGTYPE, b"root:x:0:0:root:/root:/bin/sh\n", 0o644)
        add("etc/group", tarfile.REGTYPE, b"root:x:0:\n", 0o644)
        names = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
        for name in names:
            if name != "busybox":
                add(f"bin/{name}", tarfile.SYMTYPE, target="busybox")
    return held.getvalue()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
