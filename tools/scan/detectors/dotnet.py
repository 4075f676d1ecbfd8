""".NET: projects of C#, F# and Visual Basic, solutions, global.json; ASP.NET Core, Blazor, workers and their kin."""

from __future__ import annotations

import posixpath
import re

from ..draft import Draft, words
from ..parse import string, table
from ..text import safe
from . import dotnet_settings
from .base import Detector, Known
from .dotnet_packages import FRAMEWORKS, PROPERTIES, SDKS, database, tests
from .msbuild import PROJECTS, PROPS, SOLUTIONS, Project, above, project, reached, solution

_URL = r"\"https?://[^\"\s:/]{0,60}:(\d{2,5})"
PATTERNS = (
    ("env", "GetEnvironmentVariable", r"GetEnvironmentVariable\(?\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("env", "onfiguration[", r"onfiguration\[\"([A-Z][A-Z0-9]{1,30}_[A-Z0-9_]{1,40})\"\]"),
    ("dotnet-port", "http", rf"\b(?:app\.Run|UseUrls|Urls\.Add|url)[ \t]*\(?\s*{_URL}"),
    ("dotnet-port", "Listen", r"\bListen(?:Localhost|AnyIP)\(\s*(\d{2,5})\b"),
    ("dotnet-port", "createSimple", r"\bcreateSimple HTTP \"[\w.]{1,60}\" (\d{2,5})\b"),
    ("dotnet-hosted", "HostedService", r"\b(AddHostedService)\b"),
    ("dotnet-blazor", "Add", r"\b(AddServerSideBlazor|AddInteractiveServerComponents|AddRazorComponents)\b"),
    ("dotnet-api", "Map", r"\b(MapControllers|MapGrpcService|MapPost|MapGet)\b"),
    ("dotnet-package", "#:package", r"^#:package ([\w.-]{1,150})"),
    ("dotnet-sdk", "#:sdk", r"^#:sdk ([\w.-]{1,100})"),
    ("dotnet-script", "#!", r"^#!/usr/bin/env (dotnet)\b"),
)


def detect(draft: Draft) -> None:
    """Add what project files and solutions say."""
    found = [project(draft.tree, draft.at(name)) for name in draft.beside if name.endswith(PROJECTS)]
    solutions = [name for name in draft.beside if name.endswith(SOLUTIONS)]
    real = [one for one in found if not _is_test(one)]
    held = [path for name in solutions for path in solution(draft, name)]
    if not real and not held:  # A solution may also hold nothing but C++.
        if not found and draft.root == "." and not draft.manifests:
            _single(draft)
        return
    for name in [*solutions, *(posixpath.basename(one.path) for one in real)]:
        draft.manifest(name)
    manifest = posixpath.basename(real[0].path) if real else solutions[0]
    draft.manager("nuget", manifest, "", 0.95)
    for lock in ("packages.lock.json", "paket.lock"):
        if draft.has(lock):
            draft.lockfile(lock)
    if paket := above(draft.tree, _folder(draft), "paket.dependencies"):
        draft.manager("paket", f"/{paket}")
    draft.members += [folder for path in held if (folder := posixpath.dirname(path)) and folder != draft.root]
    main = next((one for one in real if not _is_library(one)), real[0] if real else None)
    if main is not None:
        draft.name = draft.name or main.stem
        _project(draft, main, several=len(found) > 1)
    else:
        draft.name = draft.name or solutions[0].rpartition(".")[0]
    _versions(draft, main, manifest)
    _commands(draft, solutions, found)


def _folder(draft: Draft) -> str:
    return "" if draft.root == "." else draft.root


def _is_test(one: Project) -> bool:
    return tests(one.packages) or one.is_true("IsTestProject") or "MSTest.Sdk" in one.sdks


def _is_library(one: Project) -> bool:
    runs = any(sdk in SDKS for sdk in one.sdks) or one.value("OutputType").lower() in ("exe", "winexe")
    return not runs and not _is_old_web(one)


def _is_old_web(one: Project) -> bool:
    """A web application for IIS, by the mark that Visual Studio gives it."""
    return "349c5851-65df-11da-9384-00065b846f21" in one.value("ProjectTypeGuids").lower()


def _versions(draft: Draft, main: Project | None, manifest: str) -> None:
    draft.runtime("dotnet", "", manifest)
    wanted = _target(draft, main) if main else 0
    if main and not wanted and (old := _windows_only(main)):
        draft.finding(
            f".NET Framework {safe(old, 20)} is there on Windows only", manifest, "TargetFramework", "windows-only"
        )
    path = above(draft.tree, _folder(draft), "global.json")
    own = path.rpartition("/")[0] == _folder(draft)
    content = draft.json("global.json") if own else _quiet(draft, path)
    if version := string(table(content, "sdk").get("version")):
        draft.runtime("dotnet", version, f"/{path}", "sdk.version")
        major = re.match(r"(\d{1,3})\.", version)
        if main and major and wanted > int(major[1]):
            sdk = f"{safe(path)} asks for SDK {safe(version, 30)}"
            what = f"{sdk}, which cannot build for .NET {wanted} as {safe(main.path)} asks"
            draft.finding(what, f"/{path}", "sdk.version", "contradiction")


def _target(draft: Draft, main: Project) -> int:
    """Add the newest .NET that a project is built for; its first number, or 0 for none or .NET Framework."""
    for name in ("TargetFramework", "TargetFrameworks"):
        targets = re.findall(r"\bnet(?:coreapp)?(\d{1,2})\.(\d)(?![\d.])", main.value(name))
        if targets:
            major, minor = max((int(major), int(minor)) for major, minor in targets)
            draft.runtime("dotnet", f"{major}.{minor}", f"/{main.properties[name][1]}", name)
            return major
    return 0


def _quiet(draft: Draft, path: str) -> dict[str, object]:
    """A JSON file above; what is wrong with it is said where it lies."""
    from ..parse import Broken, jsonc

    try:
        return jsonc(draft.tree.texts[path]) if path else {}
    except Broken:
        return {}


def _windows_only(main: Project) -> str:
    short = re.match(r"net(4)(\d)(\d?)\b", main.value("TargetFramework") or main.value("TargetFrameworks"))
    if short:
        return ".".join(part for part in short.groups() if part)
    return main.value("TargetFrameworkVersion").removeprefix("v") if not main.sdks else ""


def _project(draft: Draft, main: Project, *, several: bool) -> None:
    if main.broken:
        draft.finding(main.broken, posixpath.basename(main.path), rule="unreadable")
    file = posixpath.basename(main.path)
    # A host of Aspire starts the projects that it refers to, and uses nothing of theirs.
    hosts = main.is_true("IsAspireHost") or "Aspire.AppHost.Sdk" in main.sdks
    mates = [] if hosts else reached(draft.tree, main)
    found: list[tuple[str, Known]] = [(sdk, SDKS[sdk]) for sdk in main.sdks if sdk in SDKS]
    found += [(name, known) for name, known in PROPERTIES.items() if main.is_true(name)]
    found += [(name, known) for name in main.packages if (known := FRAMEWORKS.get(name.lower()))]
    functions = main.value("AzureFunctionsVersion")
    if functions:
        found = [("AzureFunctionsVersion", Known("Azure Functions", "backend", 7071, 0.95))]
    if _is_old_web(main):
        found.append(("ProjectTypeGuids", Known("ASP.NET", "backend", 0, 0.9)))
    for key, known in found:
        draft.framework(known.name, file, key, known.confidence)
    for one in (main, *mates):
        for package in one.packages:
            if kind := database(package):
                draft.database(kind, f"/{one.path}", package)
    if blazor := draft.hits("dotnet-blazor"):
        draft.framework("Blazor", blazor[0].path, f"line {blazor[0].line}", 0.9)
    dotnet_settings.databases(draft)
    if _is_library(main) and not functions:
        draft.role("library", 0.85)
        return
    _role(draft, main, [known for _, known in found])
    _ports(draft, file, [known for _, known in found])
    if draft.best_role == "frontend" and "Fable" in draft.frameworks:
        return  # It is compiled to JavaScript and served by what package.json says.
    _start(draft, main, file, several=several, functions=bool(functions))


def _role(draft: Draft, main: Project, found: list[Known]) -> None:
    kind = main.value("OutputType").lower()
    draft.role("frontend" if kind == "winexe" else "job", 0.7 if kind == "winexe" else 0.5 if kind == "exe" else 0.4)
    for known in found:
        if known.role:
            draft.role(known.role, known.confidence)
    # A page that Blazor renders on the server is a user interface, unless the same program is also an API.
    if draft.hits("dotnet-blazor") and not draft.hits("dotnet-api"):
        draft.role("frontend", 0.95)
    if draft.hits("dotnet-hosted"):
        draft.role("worker", 0.6)


def _ports(draft: Draft, file: str, found: list[Known]) -> None:
    if draft.best_role not in ("backend", "frontend"):
        return
    for hit in draft.hits("dotnet-port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.9)
    if draft.ports:
        return
    for port, path, key in dotnet_settings.ports(draft):
        draft.port(port, path, key, 0.95)
    for known in found:
        if known.port and not draft.ports:
            draft.port(known.port, file, f"the default of {known.name}", 0.8)


def _start(draft: Draft, main: Project, file: str, *, several: bool, functions: bool) -> None:
    if functions:
        draft.tool("func", file, "AzureFunctionsVersion")
        draft.command("start", "func start", file, "AzureFunctionsVersion", 0.9)
        return
    if not main.sdks:
        return  # The old kind of project is for Visual Studio.
    if main.is_true("UseMaui") or any(sdk.startswith("Godot") for sdk in main.sdks):
        return  # It is started on a device, or by its editor.
    argument = ["--project", file] if several else []
    draft.command("start", words("dotnet", "run", *argument), file, "OutputType", 0.92)
    if draft.best_role != "job":
        draft.command("dev", words("dotnet", "watch", *argument), file, "", 0.85)
    if main.is_true("PackAsTool"):
        draft.command("cli", words(main.value("ToolCommandName") or main.stem), file, "PackAsTool", 0.9)


def _commands(draft: Draft, solutions: list[str], found: list[Project]) -> None:
    if found and not any(one.sdks for one in found):
        manifest = solutions[0] if solutions else posixpath.basename(found[0].path)
        draft.command("build", words("msbuild", manifest), manifest, "", 0.7)
        return
    several = len(solutions) + len(found) > 1
    manifest = solutions[0] if solutions else posixpath.basename(found[0].path)
    # With more than one of them in the folder, dotnet wants to be told which.
    argument = [manifest] if several else []
    sure = 0.95 if len(solutions) < 2 else 0.7
    draft.command("install", words("dotnet", "restore", *argument), manifest, "", sure)
    draft.command("build", words("dotnet", "build", *argument), manifest, "", sure)
    testing = _testing(draft, [one.path for one in found], everywhere=bool(solutions))
    if solutions and testing:
        draft.command("test", words("dotnet", "test", *argument), manifest, "", sure)
    elif len(testing) == 1:
        way = posixpath.relpath(testing[0].rpartition("/")[0] or ".", draft.root)
        draft.command("test", words("dotnet", "test", *([way] if way != "." else [])), f"/{testing[0]}", "", 0.85)


def _testing(draft: Draft, own: list[str], *, everywhere: bool) -> list[str]:
    """Test projects below a solution, or those that refer to one of these projects."""
    names = [posixpath.basename(path) for path in own]
    inside = draft.tree.inside(draft.root)
    found: list[str] = []
    for path, text in draft.tree.texts.items():
        if path.endswith(PROJECTS) and re.search(r"Microsoft\.NET\.Test\.Sdk|MSTest\.Sdk|xunit\.v3|TUnit", text):
            refers = any(re.search(rf"[\\/]{re.escape(name)}\"", text) for name in names)
            if path.startswith(inside) if everywhere else refers:
                found.append(path)
    return sorted(found)


def _single(draft: Draft) -> None:
    """Files that run without a project: scripts of F#, and since .NET 10 also those of C#."""
    marks = draft.hits("dotnet-package", "dotnet-sdk", "dotnet-script")
    if marks:
        path = marks[0].path
        draft.runtime("dotnet", "10.0", path, "#:")
        draft.role("job", 0.5)
        for hit in marks:
            known = SDKS.get(hit.value) if hit.rule == "dotnet-sdk" else FRAMEWORKS.get(hit.value.lower())
            if known:
                draft.framework(known.name, hit.path, hit.value, known.confidence)
                draft.role(known.role, known.confidence)
            elif hit.rule == "dotnet-package" and (kind := database(hit.value)):
                draft.database(kind, hit.path, hit.value)
        _ports(draft, path, [SDKS[hit.value] for hit in marks if hit.value in SDKS])
        if len({hit.path for hit in marks}) == 1:
            draft.command("start", words("dotnet", "run", draft.inner(path)), path, "#:", 0.85)
    elif len(scripts := [name for name in draft.beside if name.endswith(".fsx")]) == 1:
        draft.runtime("dotnet", "", scripts[0])
        draft.role("job", 0.5)
        draft.command("start", words("dotnet", "fsi", scripts[0]), scripts[0], "", 0.8)


DETECTOR = Detector(
    name="dotnet",
    manifests=("*.csproj", "*.fsproj", "*.vbproj", "*.sln", "*.slnx"),
    detect=detect,
    reads=(
        "global.json",
        PROPS,
        "Directory.Packages.props",
        "appsettings.json",
        "appsettings.*.json",
        "launchSettings.json",
        "packages.config",
        "paket.references",
        "paket.dependencies",
    ),
    lockfiles=("packages.lock.json", "paket.lock"),
    languages=("C#", "F#", "Visual Basic"),
    patterns={".cs": PATTERNS, ".fs": PATTERNS, ".fsx": PATTERNS, ".vb": PATTERNS},
)
