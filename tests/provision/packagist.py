"""An index of PHP packages over HTTP on loopback that speaks composer's own protocol (version 2), with dist archives."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from envsync.tools.plan import Plan

from .loopback import Handler, listening

World = Any
PSR_LOG = Path("/usr/share/php/Psr/Log")
"""A real library as Debian installs it with composer."""


class Packagist:
    """Packages by name and version; `asked` has the paths that were asked for."""

    def __init__(self) -> None:
        self.packages: dict[str, list[dict[str, object]]] = {}
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.url = ""
        self.stalled = ""
        """A path that is answered only when this is empty again."""

    def put(self, name: str, version: str, files: Mapping[str, str] | None = None, **manifest: object) -> None:
        """Publish a package; without `files` it has one class named after it, with a constant VERSION."""
        title = name.rpartition("/")[2].capitalize()
        if files is None:
            files = {f"src/{title}.php": f"<?php\nclass {title} {{ const VERSION = '{version}'; }}\n"}
            manifest.setdefault("autoload", {"classmap": ["src/"]})
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            described = json.dumps({"name": name, **manifest})
            for path, content in {"composer.json": described, **files}.items():
                archive.writestr(f"{name.replace('/', '-')}-{version}/{path}", content)
        content = packed.getvalue()
        path = f"/dist/{name}/{version}.zip"
        self.files[path] = content
        entry: dict[str, object] = {
            "name": name,
            "version": version,
            "description": f"About {name}",
            "dist": {"type": "zip", "url": self.url + path, "reference": f"r{version}", "shasum": hashlib.sha1(content).hexdigest()},
            "type": "library",
            "time": "2020-01-02T00:00:00+00:00",
            **manifest,
        }  # fmt: skip
        self.packages.setdefault(name, []).insert(0, entry)

    def answer(self, path: str) -> bytes | None:
        if path == "/packages.json":
            return json.dumps({"packages": [], "metadata-url": "/p2/%package%.json"}).encode()
        name = path.removeprefix("/p2/").removesuffix(".json")
        if path.startswith("/p2/") and name in self.packages:
            return json.dumps({"packages": {name: self.packages[name]}}).encode()
        return self.files.get(path)


@contextmanager
def serving(made: Packagist) -> Iterator[Packagist]:
    """Serve an index until the block ends."""

    class Answers(Handler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            while made.stalled and self.path == made.stalled:
                time.sleep(0.02)
            body = made.answer(self.path.split("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"no")))
            self.end_headers()
            self.wfile.write(body or b"no")

    with listening(Answers) as made.url:
        yield made


@pytest.fixture
def index(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packagist]:
    """own/inner <- own/outer, and Debian's psr/log, from the user's own repository."""
    for name in [name for name in os.environ if name.startswith("COMPOSER")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Packagist()) as made:
        made.put("own/inner", "1.0.0")
        made.put("own/inner", "1.1.0")
        made.put("own/inner", "2.0.0")
        made.put("own/outer", "1.0.0", require={"own/inner": "^1.0"})
        files = {f"Psr/Log/{path.name}": path.read_text() for path in PSR_LOG.glob("*.php")}
        made.put("psr/log", "1.1.4", files, autoload={"psr-4": {"Psr\\Log\\": "Psr/Log/"}})
        configure(made.url)
        yield made


def configure(url: str) -> None:
    """The user's own settings of composer."""
    config = Path(os.environ["HOME"]) / ".config/composer/config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    repositories = [{"type": "composer", "url": url}, {"packagist": False}]
    config.write_text(json.dumps({"repositories": repositories, "config": {"secure-http": False}}))


def manifest(world: World, folder: str = "", more: dict[str, object] | None = None, **require: str) -> None:
    named = {name.replace("_", "/"): wanted for name, wanted in require.items()}
    world.put(f"{folder}composer.json", json.dumps({"name": "own/app", "require": named, **(more or {})}))


def composer(world: World, *words: str, folder: str = ".") -> None:
    env = {**os.environ, "COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_NO_INTERACTION": "1"}
    subprocess.run(["composer", *words], cwd=world.path / folder, check=True, capture_output=True, env=env)


def lock(world: World, folder: str = ".") -> None:
    composer(world, "update", "--no-install", "--no-scripts", "--no-plugins", folder=folder)


def php(world: World, code: str, folder: str = ".") -> str:
    argv = ["php", "-r", f"require 'vendor/autoload.php'; {code}"]
    done = subprocess.run(argv, cwd=world.path / folder, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def told(plan: Plan) -> str:
    return "\n".join((*plan.details, *plan.warnings, plan.reason))


def lacking() -> str:
    """Why these tests cannot run here; empty when they can."""
    there = all(map(shutil.which, ("php", "composer", "unzip")))
    return "" if there else "php, composer and unzip are needed (on Debian: apt-get install php-cli composer unzip)"
