"""What a machine is equipped with beyond its programs: hardware, engines, packages, editors, shells, what runs. A part of
the fingerprint: names and keyed hashes, no address, no value, no content."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .plan import Data


class Graphics(Data):
    """A graphics processor."""

    name: str
    vendor: str = ""
    """nvidia, amd, intel or apple."""
    driver: str = ""
    """Version of the driver that is loaded."""
    memory: int = 0
    """Bytes."""
    platform: str = ""
    """CUDA, ROCm or Metal, where programs can really use it: its own library was loaded and found the device."""
    version: str = ""
    """The newest CUDA that this driver runs, or ROCm's version."""
    capability: str = ""
    """`9.0`, `gfx942`: what programs are built for."""
    why: str = ""
    """Why programs cannot use it; empty when they can."""


class Drive(Data):
    """A block device."""

    name: str
    kind: str
    """nvme, ssd, hdd or virtual."""
    bytes: int = 0
    model: str = ""


class Disk(Data):
    """A file system that is mounted from a device or the network."""

    at: str
    """With `~` for the home directory."""
    kind: str
    bytes: int = 0
    free: int = 0


class Virtual(Data):
    """What the machine runs in, and what can run in it."""

    kvm: Literal["", "usable", "denied"] = ""
    """Whether /dev/kvm is there, and may be opened by this user."""
    hypervisor: str = ""
    """Of the virtual machine that this is: kvm, vmware, hyper-v … or unknown; empty on bare metal."""
    container: str = ""
    """Of the container that this is in: docker, podman, lxc, wsl …; empty outside."""


class Engine(Data):
    """A program that runs containers."""

    name: str
    version: str = ""
    """Of the command."""
    server: str = ""
    """Of what answers it; empty when nothing does."""
    reachable: bool = False
    why: str = ""
    """Why it cannot be reached."""


class Kept(Data):
    """What a package manager holds for the whole machine or for this user."""

    manager: str
    """apt, apk, pacman, brew, snap, flatpak, pip, pipx, uv, npm, pnpm, yarn, bun, cargo, gem, go."""
    where: str = "user"
    """`system`, `user`, or the path of the runtime whose packages these are, with `~`."""
    packages: dict[str, str] = Field(default_factory=dict)
    """Version by name: what somebody asked for, not what came along, as far as the manager tells them apart."""
    elsewhere: dict[str, str] = Field(default_factory=dict)
    """Those that no index has: `git`, `path` or `url`, by name."""


class Editor(Data):
    """An editor with extensions."""

    name: str
    extensions: dict[str, str] = Field(default_factory=dict)
    """Version (of vim's plugins: the commit) by id."""


class Definition(Data):
    """An alias, abbreviation or function of a shell, as a file of the user defines it."""

    shell: str
    kind: Literal["alias", "abbreviation", "function"]
    name: str
    digest: str
    """Keyed, of its text; empty where no key could be kept."""
    path: str = ""
    """The file, with `~`."""


class Identity(Data):
    """Who git says the user is."""

    name: str = ""
    email: bool = False
    """Whether one is set."""
    digest: str = ""
    """Keyed, of name and email; empty where no key could be kept."""


class Listener(Data):
    """A TCP port that is listened on."""

    port: int
    program: str = ""
    """Empty when the kernel does not say it to this user."""
    everywhere: bool = False
    """Whether other machines can reach it, as far as the address goes."""


class Unfinished(Data):
    """A probe that did not end, or was left out, and why: what it would have found is unknown and not absent."""

    probe: str
    why: str


class Equipment(Data):
    """All of it. What a probe in `unfinished` would have found is empty."""

    drives: tuple[Drive, ...] = ()
    disks: tuple[Disk, ...] = ()
    graphics: tuple[Graphics, ...] = ()
    virtual: Virtual = Field(default_factory=Virtual)
    engines: tuple[Engine, ...] = ()
    packages: tuple[Kept, ...] = ()
    editors: tuple[Editor, ...] = ()
    shell: str = ""
    """The login shell, by name."""
    definitions: tuple[Definition, ...] = ()
    identity: Identity | None = None
    ssh_hosts: tuple[str, ...] = ()
    """Names from ~/.ssh/config; no patterns, and no addresses."""
    services: tuple[str, ...] = ()
    """Units of systemd that run, or else the names of processes."""
    services_by: Literal["", "systemd", "processes"] = ""
    listening: tuple[Listener, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()

    @property
    def still(self) -> Equipment:
        """Without what changes by itself from one minute to the next."""
        disks = tuple(disk.model_copy(update={"free": 0}) for disk in self.disks)
        update = {"disks": disks, "services": (), "services_by": "", "listening": (), "unfinished": ()}
        return self.model_copy(update=update)
