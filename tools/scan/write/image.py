"""What an image of a service is, and what all ecosystems' images share: the place of the build, commands, users, health."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ...fingerprint import Service
from .base import Seen

PLAIN = re.compile(r"[\w@+.-]+(/[\w@+.-]+)*", re.ASCII)
"""Paths that a Dockerfile takes as they are."""
_SHELL = re.compile(r"[$&|;<>`*?(){}!\n]|^\w+=|(?<=\s)#")
_RUNNERS = (("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("pipenv", "run"))
ALL = "0.0.0.0"  # noqa: S104  # inside a container nobody reaches a server that listens on the loopback only


@dataclass(frozen=True)
class Image:
    """A service's image."""

    lines: tuple[str, ...]
    """The Dockerfile."""
    context: str = "."
    """The folder that the build gets, relative to the project: the service's own, or its workspace's."""
    port: int = 0
    """What it listens on inside; 0 when that is not known."""
    probe: tuple[str, ...] = ()
    """A command that ends with 0 in the container when something listens on the port; empty when the image has no means."""
    ignore: tuple[str, ...] = ()
    """What the build does not need of this ecosystem's files."""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


@dataclass(frozen=True)
class Place:
    """Where a service is built: `context` is the folder that the build gets, `inner` the service's root below it."""

    context: str
    inner: str

    @property
    def alone(self) -> bool:
        return self.inner == "."

    @property
    def workdir(self) -> str:
        """The service's root inside the image."""
        return "/app" if self.alone else f"/app/{self.inner}"


def place(service: Service, seen: Seen) -> Place:
    """A member of a workspace is built with the whole of it, since its lockfile and its siblings lie there."""
    above = [posixpath.dirname(lock) or "." for lock in service.lockfiles]
    managers = {fact.value for fact in service.managers}
    above += [
        other.root
        for other in seen.project.services
        if other.role == "workspace" and managers & {fact.value for fact in other.managers}
    ]
    if "=> ../" in seen.text(service.root, "go.mod"):
        above.append(".")
    heads = [root for root in above if root != service.root and inside(service.root, root)]
    context = min(heads, key=len, default=service.root)
    inner = service.root if context == "." else posixpath.relpath(service.root, context)
    return Place(context, "." if context == service.root else inner)


def inside(path: str, folder: str) -> bool:
    return folder == "." or path == folder or path.startswith(f"{folder}/")


# -- Commands -------------------------------------------------------------------------------------------------------


def argv(command: str, port: int = 0) -> list[str]:
    """A command as a container runs it: without the manager that starts it, and listening where others reach it."""
    if _SHELL.search(command):
        words = command.split()
        plain = " ".join(words[2:]) if tuple(words[:2]) in _RUNNERS else command
        return ["sh", "-c", plain if re.search(r"[&|;\n]|^\w+=", plain) else f"exec {plain}"]
    try:
        words = shlex.split(command)
    except ValueError:
        return ["sh", "-c", command]
    if tuple(words[:2]) in _RUNNERS and words[2:] and not words[2].startswith("-"):
        words = words[2:]
    return reachable(words, port)


def reachable(words: Sequence[str], port: int) -> list[str]:
    """The same command listening on all addresses, for servers that would listen on the loopback only."""
    out = [word for word in words if word != "--reload"]
    program = posixpath.basename(out[0]) if out else ""
    if program in ("python", "python3") and out[1:2] == ["-m"] and out[2:]:
        program = out[2]
    match program:
        case "uvicorn":
            return option(option(out, ("--host",), ALL), ("--port",), str(port or 8000), replace=False)
        case "gunicorn" | "hypercorn":
            return option(out, ("--bind", "-b"), f"{ALL}:{port or 8000}")
        case "daphne":
            return option(out, ("-b", "--bind"), ALL)
        case "flask":
            return option(option(out, ("--host", "-h"), ALL), ("--port", "-p"), str(port or 5000), replace=False)
        case "fastapi":
            out = ["run" if word == "dev" and at == 1 else word for at, word in enumerate(out)]
            return option(option(out, ("--host",), ALL), ("--port",), str(port or 8000), replace=False)
        case "streamlit":
            return option(out, ("--server.address",), ALL)
        case "python" | "python3" if out[1:3] == ["manage.py", "runserver"]:
            return [*out[:3], f"{ALL}:{port or 8000}", *(word for word in out[3:] if word.startswith("-"))]
        case "rails":
            return option(out, ("-b", "--binding"), ALL) if "server" in out or "s" in out else out
        case "bundle" if out[1:2] == ["exec"] and out[2:]:
            rest = out[2:]
            flags = {"rails": ("-b", "--binding"), "rackup": ("-o", "--host"), "jekyll": ("-H", "--host")}.get(rest[0])
            return ["bundle", "exec", *option(rest, flags, ALL)] if flags else out
        case _:
            return out


def option(words: Sequence[str], flags: tuple[str, ...], value: str, *, replace: bool = True) -> list[str]:
    """The command with an option set; one that is given is left as it is unless `replace`."""
    out = list(words)
    for at, word in enumerate(out):
        if word in flags and at + 1 < len(out):
            return [*out[: at + 1], value, *out[at + 2 :]] if replace else out
        name, sign, _ = word.partition("=")
        if sign and name in flags:
            return [*out[:at], f"{name}={value}", *out[at + 1 :]] if replace else out
    return [*out, flags[0], value]


# -- Lines ----------------------------------------------------------------------------------------------------------

HEAD = "# syntax=docker/dockerfile:1"
USER = "RUN useradd --system --uid 10001 --create-home app"


def form(words: Sequence[str]) -> str:
    """The exec form of a command."""
    return json.dumps(list(words), ensure_ascii=False)


def copy(*names: str) -> str:
    """Copy these files of the context's root."""
    return f"COPY {' '.join(names)} ./"


def cached(command: str, *targets: str) -> list[str]:
    """A step whose downloads are kept between builds."""
    mounts = [f"--mount=type=cache,target={target}" for target in targets]
    return [f"RUN {' '.join(mounts)} \\", f"    {command}"]


def apt(*packages: str) -> list[str]:
    """Debian packages; nothing without any."""
    if not packages:
        return []
    return [
        "RUN apt-get update \\",
        f"    && apt-get install -y --no-install-recommends {' '.join(packages)} \\",
        "    && rm -rf /var/lib/apt/lists/*",
    ]


def ending(user: str, port: int, words: Sequence[str]) -> list[str]:
    """Who runs it, where it listens, and how it starts."""
    asked = words[0] == "sh" and re.search(r"\$\{?PORT\b", words[-1])
    said = [f"ENV PORT={port or 8080}"] if asked else []
    return [*said, f"USER {user}", *([f"EXPOSE {port}"] if port else []), f"CMD {form(words)}"]


def served(build: Sequence[str], command: str, folder: str, where: Place, ignore: tuple[str, ...]) -> Image:
    """A site: built once, and its files behind a web server. A path that is no file is the page's own, so it gets the page."""
    config = "server { listen 8080; root /usr/share/nginx/html; location / { try_files $uri $uri/ /index.html; } }"
    return Image(
        (
            HEAD,
            *build,
            f"RUN {command} && mv {folder} /site",
            "",
            "FROM nginxinc/nginx-unprivileged:stable-alpine",
            f"RUN echo '{config}' > /etc/nginx/conf.d/default.conf",
            "COPY --from=build /site /usr/share/nginx/html",
            *ending("nginx", 8080, ["nginx", "-g", "daemon off;"]),
        ),
        where.context,
        8080,
        probe("wget", 8080),
        ignore,
    )


def keys(service: Service) -> frozenset[str]:
    """What the findings of databases rest on: mostly the names of the client libraries."""
    return frozenset(evidence.key for fact in service.databases for evidence in fact.evidence)


# -- Health ---------------------------------------------------------------------------------------------------------


def probe(program: str, port: int) -> tuple[str, ...]:
    """A test that the port is open, with what the image has anyway; empty without a port."""
    if not port:
        return ()
    match program:
        case "python":
            return ("CMD", "python", "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}), 3).close()")
        case "node" | "bun":
            code = f"require('net').connect({port}, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))"
            return ("CMD", program, "-e", code)
        case "ruby":
            return ("CMD", "ruby", "-rsocket", "-e", f"TCPSocket.new('127.0.0.1', {port}).close")
        case "php":
            return ("CMD", "php", "-r", f"exit(@fsockopen('127.0.0.1', {port}) ? 0 : 1);")
        case "bash":
            return ("CMD", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}")
        case "wget":
            return ("CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port}/")
        case _:
            return ()
