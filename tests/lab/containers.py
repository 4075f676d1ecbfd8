"""One container for one test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from .engine import docker


@dataclass(frozen=True)
class Container:
    """A running container of the lab's, by the name that no other test has."""

    name: str
    address: str = ""
    """Of its engine; empty where everybody looks."""

    @property
    def host(self) -> str:
        """As EnvSync writes it."""
        return f"docker:{self.name}"

    def run(self, *argv: str, stdin: bytes = b"") -> str:
        """What a command inside prints; raises CalledProcessError."""
        return docker("exec", "-i", self.name, *argv, address=self.address, stdin=stdin)

    def act(self, verb: str, *words: str) -> None:
        """A verb of the docker command on it: stop, start, pause, unpause, kill, restart."""
        docker(verb, *words, self.name, address=self.address)

    def remove(self) -> None:
        """Remove it with its anonymous volumes; gone already is no error."""
        docker("rm", "--force", "--volumes", self.name, address=self.address)


def start(
    image: str, *options: str, address: str = "", labels: Mapping[str, str] | None = None, command: tuple[str, ...] = ()
) -> Container:
    """Run a container; `options` are those of `docker run`. The caller removes it."""
    name = f"lab-{os.getpid()}-{secrets.token_hex(4)}"
    marks = {"envsync.lab": "1", **(labels or {})}
    marked = [word for key, value in marks.items() for word in ("--label", f"{key}={value}")]
    # --init: process 1 reaps what tests leave, and ends at once on `docker stop`.
    docker("run", "--detach", "--init", "--name", name, *marked, *options, image, *command, address=address)
    return Container(name, address)
