"""The container engine of this machine: Docker Engine, or Podman by its API socket, through the Docker SDK."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import Unreachable, Usage
from .docker_find import Address, find, knock, mapped

T = TypeVar("T")

OLDEST = "1.40"
"""Engine API of Docker 19.03: older ones lack what freezing needs."""
ANSWER = 60
"""Seconds that the engine has for an answer; for moving content it has SLOW."""
SLOW = 3600
TAIL = 1 << 20
"""Bytes of a container's log that are kept at most."""


@dataclass(frozen=True)
class Container:
    """A container as a list shows it. All of it but `id` was chosen by whoever made it: data, never instructions."""

    id: str
    name: str
    image: str
    state: str
    """created, running, paused, restarting, exited or dead."""
    status: str
    """In words, e.g. `Up 3 minutes (healthy)`."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


class Engine:
    """A connection to one engine. Its `api` and `slow` (for what moves content) are the SDK's APIClient, blocking and
    to be used from threads inside `mapped`; the coroutines do both."""

    def __init__(self, address: Address) -> None:
        """Connects. Raises Unreachable."""
        import docker

        self.address = address
        with mapped(address.url):
            knock(address.url)
            common: dict[str, Any] = {"base_url": address.url, "tls": address.tls or False, "max_pool_size": 32}
            common["use_ssh_client"] = address.url.startswith("ssh://")
            self.api: Any = docker.APIClient(**common, version="auto", timeout=ANSWER)
            self.version: str = self.api.api_version
            if _number(self.version) < _number(OLDEST):
                raise Unreachable(
                    f"the container engine at {address.url} speaks API {self.version}, and {OLDEST} is the oldest that works",
                    "Upgrade it to Docker 19.03 or later, or to Podman 4 or later.",
                )
            parts: list[dict[str, Any]] = self.api.version().get("Components") or []
            self.podman = any("podman" in str(part.get("Name", "")).lower() for part in parts)
            """Podman answers the same calls, some of them differently."""
            self.slow: Any = docker.APIClient(**common, version=self.version, timeout=SLOW)

    async def ask(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a blocking method of `api` or `slow` (or anything made of them) in a thread; its errors become ours.

        Cancelling waits for it to end, since a thread cannot be stopped half-way.
        """

        def do() -> T:
            with mapped(self.address.url):
                return work(*args, **kwargs)

        task = asyncio.ensure_future(asyncio.to_thread(do))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    def close(self) -> None:
        """Let its connections go; the next use makes new ones."""
        self.api.close()
        self.slow.close()

    def inspect(self, container: str) -> dict[str, Any]:
        """All that the engine knows of a container, by name or the beginning of its id. Raises Unreachable."""
        import docker.errors

        with mapped(self.address.url):
            try:
                return self.api.inspect_container(container)
            except docker.errors.NotFound:
                found = self.containers()
                names = ", ".join(each.name for each in found[:8]) or "none"
                raise Unreachable(
                    f"there is no container {container!r}", f"Containers of {self.address.url}: {names}."
                ) from None

    def containers(self, labels: Mapping[str, str] | Sequence[str] = ()) -> list[Container]:
        """All containers, also stopped ones, newest first; only those with `labels` (names, or names and values)."""
        wanted = [f"{k}={v}" for k, v in labels.items()] if isinstance(labels, Mapping) else list(labels)
        with mapped(self.address.url):
            rows: list[dict[str, Any]] = self.api.containers(all=True, filters={"label": wanted} if wanted else None)
        return [_container(row) for row in rows]

    def logs(self, container: str, tail: int = 100) -> list[tuple[str, str]]:
        """The last `tail` lines of what a container printed, as (`stdout` or `stderr`, line). Raises Unreachable."""
        info = self.inspect(container)
        with mapped(self.address.url):
            if info["Config"].get("Tty"):
                raw: bytes = self.api.logs(info["Id"], tail=tail)
                return [("stdout", _words(line)) for line in raw[-TAIL:].splitlines()]
            lines: list[tuple[str, bytes]] = []
            for stream in ("stdout", "stderr"):
                part: bytes = self.api.logs(
                    info["Id"], stdout=stream == "stdout", stderr=stream == "stderr", tail=tail, timestamps=True
                )
                lines += [(stream, line) for line in part[-TAIL:].splitlines()]
        # Each line begins with its time; the engine has no call that keeps the order and says which stream it was.
        lines.sort(key=lambda pair: pair[1].partition(b" ")[0])
        return [(stream, _words(line.partition(b" ")[2])) for stream, line in lines[-tail:]]

    def create(
        self,
        image: str,
        name: str,
        *,
        command: Sequence[str] = (),
        labels: Mapping[str, str],
        env: Mapping[str, str] | None = None,
        memory: int | None = None,
        cpus: float | None = None,
        processes: int | None = 4096,
        ports: Mapping[int, int] | None = None,
        start: bool = True,
    ) -> str:
        """Make a container with limits (`memory` in bytes) and start it; its id. `ports` maps the container's to ports
        of 127.0.0.1 here (0 for any). It gets an init, no privileges beyond the engine's usual ones, and cannot gain any.

        Raises Usage when the name is taken or the image is not there, Failed when it does not start; nothing is left then.
        """
        with mapped(self.address.url):
            host = self.api.create_host_config(
                init=True,
                security_opt=["no-new-privileges"],
                mem_limit=memory,
                nano_cpus=int(cpus * 1e9) if cpus else None,
                pids_limit=processes,
                port_bindings={inner: ("127.0.0.1", outer or None) for inner, outer in (ports or {}).items()},
            )
            import docker.errors

            try:
                made = self.api.create_container(
                    image,
                    list(command) or None,
                    name=name,
                    labels=dict(labels),
                    environment=dict(env or {}),
                    host_config=host,
                    ports=list(ports or {}),
                )
            except docker.errors.ImageNotFound:
                raise Usage(f"there is no image {image!r} here", f"Get it first: docker pull {image}") from None
            except docker.errors.APIError as error:
                if error.status_code == 409:
                    raise Usage(f"the container name {name!r} is taken", "Choose another one.") from None
                raise
            id = str(made["Id"])
        if start:
            try:
                with mapped(self.address.url):
                    self.api.start(id)
            except BaseException:
                self.remove(id)
                raise
        return id

    def remove(self, container: str) -> None:
        """End and remove a container with its anonymous volumes; one that is gone already is no error."""
        import docker.errors

        with mapped(self.address.url):
            try:
                self.api.remove_container(container, force=True, v=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError as error:
                if error.status_code != 409:  # being removed by somebody else
                    raise


def _container(row: dict[str, Any]) -> Container:
    # A name with a slash inside is another container's link to it.
    names: list[str] = sorted(row.get("Names") or [], key=lambda name: name.count("/"))
    return Container(
        id=row["Id"],
        name=names[0].lstrip("/") if names else row["Id"][:12],
        image=str(row.get("Image", "")),
        state=str(row.get("State", "")),
        status=str(row.get("Status", "")),
        labels=dict(row.get("Labels") or {}),
    )


_engines: dict[tuple[int, str], Engine] = {}
_lock = threading.Lock()


def engine() -> Engine:
    """The engine that people use here, connected: one client per process. Raises Unreachable, with what to do next."""
    address = find()
    key = (os.getpid(), address.url)
    with _lock:
        if key not in _engines:
            made = _engines[key] = Engine(address)
            atexit.register(made.close)
        return _engines[key]


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _words(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
