"""A context over a real directory of the real machine, a driver that carries plans out, and a package index of our own."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from envsync.tools.contract import Context, Outcome, StepRecord
from envsync.tools.equipment import Equipment
from envsync.tools.fingerprint import Fingerprint, Missing, Project, Service
from envsync.tools.hosts.base import Completed
from envsync.tools.hosts.local import LocalHost
from envsync.tools.plan import Plan, Step
from envsync.tools.provision.tool import PROVISION, STEPS, ProvisionArgs, Provisioned

from .loopback import Handler, listening

KINDS = {kind.name: kind for kind in STEPS}


class NoNotes:
    """Memory that is off: provisioning has no use for it."""

    async def search(self, query: str | None, *, project: str, limit: int, kinds: Sequence[str] = ()) -> list[object]:
        return []


class Without(LocalHost):
    """This machine, but some programs are not installed on it."""

    def __init__(self, *programs: str) -> None:
        self.programs = programs

    async def run(self, argv: Sequence[str], **options: object) -> Completed:  # type: ignore[override]
        if Path(argv[0]).name in self.programs or list(argv[1:3]) in [["-m", name] for name in self.programs]:
            return Completed(tuple(argv), 127, b"", b"not found", 0.0)
        return await super().run(argv, **options)  # type: ignore[arg-type]


class World:
    """One project directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.services: tuple[Service, ...] = ()
        self.missing: tuple[Missing, ...] = ()
        self.equipment: Equipment | None = None
        self.origin = "person"
        self.words = ""
        self.reports: list[object] = []
        self.host: LocalHost = LocalHost()

    @property
    def context(self) -> Context:
        async def observe(context: Context, scope: str = "all") -> Fingerprint:
            project = Project(root=str(self.path), services=self.services, missing=self.missing)
            return Fingerprint(at=datetime.now(UTC), project=project, equipment=self.equipment)

        return Context(
            host=self.host,
            path=self.path,
            state=self.path.parent / "state",
            notes=NoNotes(),  # type: ignore[arg-type]
            observe=observe,  # type: ignore[arg-type]
            report=self.reports.append,
            home=Path(os.environ["HOME"]),
            origin=self.origin,
            words=self.words,
            environ=dict(os.environ),
        )

    def put(self, name: str, content: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    async def plan(self, **args: object) -> Plan:
        assert PROVISION.plan is not None
        return await PROVISION.plan(ProvisionArgs.model_validate(args), self.context)

    async def carry(self, plan: Plan) -> Provisioned:
        """Carry out a plan as a transaction does: each step, then its post-condition."""
        assert PROVISION.finish is not None
        records: list[StepRecord] = []
        for index, step in enumerate(plan.steps):
            assert await self.do(step) is not False, step.does
            records.append(StepRecord(index=index, does=step.does, state="done", data=self.last))
        outcome = Outcome(transaction=1, state="committed", steps=tuple(records))
        return await PROVISION.finish(ProvisionArgs(), plan, outcome, self.context)  # type: ignore[return-value]

    async def do(self, step: Step) -> bool | None:
        """One step and its post-condition."""
        self.last = await KINDS[step.kind].do(step, self.context)
        return await KINDS[step.kind].holds(step, self.context)

    async def holds(self, step: Step) -> bool | None:
        return await KINDS[step.kind].holds(step, self.context)

    def tree(self) -> dict[str, int]:
        """Every path below the project with its time, to see that nothing was touched."""
        return {str(path): path.lstat().st_mtime_ns for path in sorted(self.path.rglob("*"))}


class Index:
    """A package index for Python (Simple and JSON) and npm over HTTP on loopback, filled by the test."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.python: dict[str, list[tuple[str, str]]] = {}
        self.node: dict[str, dict[str, dict[str, object]]] = {}
        self.asked: list[str] = []
        self.url = ""
        self.store = ""
        """Where Python's files are said to be; empty is the index itself."""
        self.json = False
        """Whether Simple pages are JSON."""
        self.sizes: dict[str, object] = {}
        """What a JSON page says of files' sizes (PEP 700), by file name."""
        self.lengths: dict[str, str] = {}
        """What the headers say instead of a file's length, by path."""
        self.slow = 0.0
        """Seconds until a question for headers alone is answered."""

    def wheel(self, name: str, version: str, requires: Sequence[str] = (), code: str = "") -> None:
        """A wheel with one module."""
        module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
        needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
        content = {
            f"{module}.py": code or f"VERSION = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = ""
        for path, data in content.items():
            sha = base64.urlsafe_b64encode(hashlib.sha256(data.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={sha},{len(data)}\n"
        content[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, data in content.items():
                archive.writestr(path, data)
        self._file(name, version, f"{module}-{version}-py3-none-any.whl", packed.getvalue())

    def sdist(self, name: str, version: str, script: str) -> None:
        """A source distribution whose build script is `script`."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, data in {
                "setup.py": script,
                "PKG-INFO": f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n",
            }.items():
                member = tarfile.TarInfo(f"{name}-{version}/{path}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data.encode()))
        self._file(name, version, f"{name}-{version}.tar.gz", packed.getvalue())

    def _file(self, name: str, version: str, file: str, content: bytes) -> None:
        self.files[f"/files/{file}"] = content
        self.python.setdefault(name, []).append((version, file))

    def npm(self, name: str, version: str, **manifest: object) -> None:
        """An npm package with an index.js."""
        data = {"name": name, "version": version, "main": "index.js", **manifest}
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, text in {"package.json": json.dumps(data), "index.js": f"module.exports={version!r}\n"}.items():
                member = tarfile.TarInfo(f"package/{path}")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
        content = packed.getvalue()
        file = f"/tgz/{name.replace('/', '-')}-{version}.tgz"
        self.files[file] = content
        sha = base64.b64encode(hashlib.sha512(content).digest()).decode()
        data["dist"] = {"tarball": self.url + file, "integrity": f"sha512-{sha}"}
        self.node.setdefault(name, {})[version] = data

    def answer(self, path: str) -> tuple[str, bytes] | None:
        path = path.split("?")[0].replace("%2f", "/")
        if path in self.files:
            return "application/octet-stream", self.files[path]
        parts = path.strip("/").split("/")
        if parts[0] == "simple" and parts[1] in self.python:
            files = [file for _, file in self.python[parts[1]]]
            if self.json:
                listed: list[dict[str, object]] = [
                    {"filename": file, "url": f"{self.store}/files/{file}", "hashes": {}} for file in files
                ]
                for file in listed:
                    file.update({"size": self.sizes[str(file["filename"])]} if file["filename"] in self.sizes else {})
                page = {
                    "meta": {"api-version": "1.1" if self.sizes else "1.0"},
                    "versions": sorted({v for v, _ in self.python[parts[1]]}),
                    "name": parts[1],
                    "files": listed,
                }
                return "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()
            links = "".join(f'<a href="{self.store}/files/{file}">{file}</a>\n' for file in files)
            return "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
        if parts[0] == "pypi" and parts[1] in self.python:
            releases = {v: [{"upload_time": "2020-01-02T00:00:00"}] for v, _ in self.python[parts[1]]}
            info = {"summary": f"About {parts[1]}", "version": self.python[parts[1]][-1][0]}
            return "application/json", json.dumps({"info": info, "releases": releases}).encode()
        name = "/".join(parts)
        if name in self.node:
            versions = self.node[name]
            body = {"name": name, "dist-tags": {"latest": list(versions)[-1]}, "versions": versions}
            return "application/json", json.dumps(body).encode()
        return None


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty project, and a private home."""
    home, path = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    path.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return World(path)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The configured index of uv, pip and npm, with caches of its own."""
    made = Index()

    class Answers(Handler):
        def do_GET(self) -> None:
            # uv asks for headers too, when it looks into a wheel.
            ours = self.command == "HEAD" and self.headers["User-Agent"] == "envsync"
            made.asked.append(f"HEAD {self.path}" if ours else self.path)
            if ours and made.slow:
                time.sleep(made.slow)
            found = made.answer(self.path)
            self.send_response(404 if found is None else 200)
            kind, body = found or ("text/plain", b"no")
            self.send_header("Content-Type", kind)
            length = made.lengths.get(self.path) if ours else None
            self.send_header("Content-Length", length or str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

    with listening(Answers) as made.url:
        for name in list(os.environ):
            if name.upper().startswith(("PIP_", "UV_", "NPM_CONFIG_")):
                monkeypatch.delenv(name)
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{made.url}/simple")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("npm_config_registry", f"{made.url}/")
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
        monkeypatch.setenv("npm_config_userconfig", os.devnull)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield made


@pytest.fixture
def without() -> Callable[..., LocalHost]:
    """Makes hosts that lack programs."""
    return Without
