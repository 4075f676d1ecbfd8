"""A NuGet source (V3) on loopback with packages made here, and small real projects that need them."""

from __future__ import annotations

import io
import json
import subprocess
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from .loopback import Handler, listening

_TYPES = """<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="txt" ContentType="text/plain"/><Default Extension="nuspec" ContentType="application/octet"/></Types>"""


class Source:
    """Packages by lower-case name and version."""

    def __init__(self) -> None:
        self.packages: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.url = ""
        self.held = threading.Event()
        """While cleared, packages named `slow` are not sent."""
        self.held.set()
        self.waiting = threading.Event()

    def add(self, name: str, version: str, needs: Sequence[tuple[str, str]] = ()) -> None:
        """A package with one text file."""
        inner = "".join(f'<dependency id="{n}" version="{v}"/>' for n, v in needs)
        nuspec = f"""<?xml version="1.0"?><package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd"><metadata>
<id>{name}</id><version>{version}</version><authors>t</authors><description>d</description>
<dependencies>{inner}</dependencies></metadata></package>"""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(f"{name}.nuspec", nuspec)
            archive.writestr("content/readme.txt", version)
            archive.writestr("[Content_Types].xml", _TYPES)
        self.packages.setdefault(name.lower(), {})[version] = packed.getvalue()

    def answer(self, path: str) -> bytes | None:
        """The service index, a list of versions, a package."""
        parts = path.strip("/").split("/")
        if parts == ["v3", "index.json"]:
            base = {"@id": f"{self.url}/flat/", "@type": "PackageBaseAddress/3.0.0"}
            return json.dumps({"version": "3.0.0", "resources": [base]}).encode()
        known = self.packages.get(parts[1], {}) if parts[0] == "flat" and len(parts) > 2 else {}
        if known and parts[2] == "index.json":
            return json.dumps({"versions": list(known)}).encode()
        if "slow" in parts and path.endswith(".nupkg"):
            self.waiting.set()
            self.held.wait(60)
        return known.get(parts[2]) if known and path.endswith(".nupkg") else None


@contextmanager
def serving() -> Iterator[Source]:
    """A source that answers until the block ends."""
    made = Source()

    class Answers(Handler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            found = made.answer(self.path)
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

    with listening(Answers) as made.url:
        try:
            yield made
        finally:
            made.held.set()


def config(*sources: str) -> str:
    """A NuGet.Config with these sources only."""
    adds = "".join(f'<add key="s{i}" value="{source}"/>' for i, source in enumerate(sources))
    return f'<?xml version="1.0"?><configuration><packageSources><clear/>{adds}</packageSources></configuration>'


@cache
def framework() -> str:
    """The target framework of the installed SDK."""
    done = subprocess.run(["dotnet", "--version"], capture_output=True, text=True)
    major, minor = (done.stdout.strip() or "8.0").split(".")[:2]
    return f"netcoreapp{major}.{minor}" if int(major) < 5 else f"net{major}.0"


def project(body: str = "", properties: str = "") -> str:
    """A library."""
    inner = f"<TargetFramework>{framework()}</TargetFramework>{properties}"
    return f'<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup>{inner}</PropertyGroup><ItemGroup>{body}</ItemGroup></Project>'


def uses(name: str, version: str = "") -> str:
    """A package reference."""
    given = f' Version="{version}"' if version else ""
    return f'<PackageReference Include="{name}"{given}/>'


def sln(*projects: str) -> str:
    """A solution as `dotnet new sln` writes it."""
    lines = ["Microsoft Visual Studio Solution File, Format Version 12.00"]
    for number, path in enumerate(projects):
        guid = f"{{0000000{number}-0000-0000-0000-000000000000}}"
        name = Path(path.replace("\\", "/")).stem
        lines += [f'Project("{{FAE04EC0-301F-11D3-BF4B-00C04F79EFBC}}") = "{name}", "{path}", "{guid}"', "EndProject"]
    return "\n".join([*lines, "Global", "EndGlobal", ""])
