"""Where a container engine listens, and what its errors mean to a person."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import EnvSyncError, Failed, Unreachable

MACHINES = [Path("/run/docker.sock"), Path("/var/run/docker.sock"), Path("/run/podman/podman.sock")]
"""The sockets of the machine's own engines; the user's own come before the last one, Podman's."""


@dataclass(frozen=True)
class Address:
    """Where an engine listens: `url` is unix://, tcp://, https:// or ssh://; `tls` the SDK's settings for it."""

    url: str
    tls: Any = None


def find() -> Address:
    """Where the engine listens, without asking it: DOCKER_HOST, the docker command's context, then the usual sockets of
    Docker, of the user's Podman and of the machine's Podman. Raises Unreachable when there is none."""
    if os.environ.get("DOCKER_HOST"):
        with mapped("DOCKER_HOST"):
            from docker.utils import kwargs_from_env

            kwargs: Any = kwargs_from_env()
        return Address(str(kwargs["base_url"]), kwargs.get("tls"))
    if context := _context():
        with mapped(f"docker context {context}"):
            from docker.context import ContextAPI

            # In the SDK since 7.2; the stubs that type checkers carry are older.
            settings: Callable[[str], dict[str, Any]] = vars(ContextAPI)["kwargs_from_context"].__get__(
                None, ContextAPI
            )
            kwargs = settings(context)
        if not kwargs:
            raise Unreachable(
                f"there is no docker context {context!r}", "`docker context ls` shows those that there are."
            )
        return Address(str(kwargs["base_url"]), kwargs.get("tls"))
    for path in usual():
        if path.is_socket():
            return Address(f"unix://{path}")
    raise Unreachable(
        "there is no container engine here: no socket of Docker or Podman was found",
        "Start one (sudo systemctl start docker; or: systemctl --user start podman.socket), or set DOCKER_HOST.",
    )


def usual() -> list[Path]:
    """Where engines listen by default, in the order in which they are tried."""
    run = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    docker, podman = MACHINES[:-1], MACHINES[-1:]
    return [*docker, run / "docker.sock", run / "podman/podman.sock", *podman]


def _context() -> str:
    """The context that the docker command was told to use, if it is not the usual engine."""
    name = os.environ.get("DOCKER_CONTEXT", "")
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if not name:
        with suppress(OSError, ValueError, AttributeError):
            name = str(json.loads((folder / "config.json").read_text()).get("currentContext") or "")
    return "" if name == "default" else name


def knock(url: str) -> None:
    """Connect once ourselves: the SDK leaves a socket open when it cannot. Raises as the SDK does."""
    if url.startswith("unix://"):
        import requests.exceptions

        with socket.socket(socket.AF_UNIX) as knock:
            knock.settimeout(5)
            try:
                knock.connect(url.removeprefix("unix://"))
            except OSError as error:
                raise requests.exceptions.ConnectionError(error) from error


@contextmanager
def mapped(where: str) -> Generator[None]:
    """Let what the SDK raises be one of ours: Unreachable when the engine does not answer, Failed when it says no."""
    try:
        yield
    except EnvSyncError:
        raise
    except Exception as error:
        ours = _ours(error, where)
        if ours is None:
            raise
        raise ours from error


def _ours(error: Exception, where: str) -> EnvSyncError | None:
    import docker.errors
    import requests.exceptions

    gone = (requests.exceptions.RequestException, docker.errors.DockerException, ConnectionError, TimeoutError)
    if not isinstance(error, gone) and not type(error).__module__.startswith("urllib3"):
        return None  # e.g. an OSError about a file in a container
    chain = [error, *_causes(error)]
    text = " ".join(str(error).split())[:500]
    if any(isinstance(each, PermissionError) for each in chain) or "Permission denied" in text:
        return Unreachable(
            f"you may not use the container engine at {where}: permission denied",
            "Join its group and log in again: sudo usermod -aG docker $USER; or use rootless Docker or Podman.",
        )
    if isinstance(error, docker.errors.InvalidVersion):
        return Unreachable(
            f"the container engine at {where} is too old: {text}", "Upgrade it to Docker 19.03 or later."
        )
    if isinstance(error, docker.errors.APIError):
        said = " ".join(str(error.explanation or error).split())[:500]
        if error.status_code is not None and error.status_code == 400 and "client version" in said:
            return Unreachable(
                f"the container engine at {where} does not speak to us: {said}", "Upgrade EnvSync or the engine."
            )
        return Failed(f"the container engine refused: {said}", "", status=error.status_code)
    return Unreachable(
        f"the container engine at {where} does not answer: {_short(chain)}",
        "Start it (sudo systemctl start docker; or: systemctl --user start podman.socket), or set DOCKER_HOST; "
        "`envsync doctor` says what works here.",
    )


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    todo: list[object] = [error.__cause__, error.__context__, *error.args]
    while todo and len(found) < 12:
        each = todo.pop(0)
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            todo += [each.__cause__, each.__context__, *each.args]
    return found


def _short(chain: list[BaseException] | list[Exception]) -> str:
    for each in chain:
        if isinstance(each, OSError) and each.strerror:
            return each.strerror.lower()
    return " ".join(str(chain[0]).split())[:200]
