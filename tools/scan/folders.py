"""Which folders of a project may be services: those with a manifest of their own that speaks of this project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import translate

from . import built, members
from .detectors.base import Detector
from .draft import Draft
from .ignore import is_copied, is_example
from .languages import LANGUAGE, languages
from .tree import Tree

MOST = 200
"""Services kept; a folder with more manifests is a registry mirror, not a project."""
_SERVED = frozenset({"public", "static", "wwwroot", "assets", "webroot"})
"""Folders of what is sent to browsers: a package deeper inside came with somebody else's library."""
_DEPLOYED = frozenset(
    {"terraform", "ansible", "helm", "k8s", "kubernetes", "kustomize", "cloudformation", "terragrunt", "pulumi"}
)
_DEPLOYING = frozenset(
    {"infra", "infrastructure", "deploy", "deployment", "deployments", "ops", "devops", "iac", "provisioning"}
)
_DEPLOYS = ("cdk.json", "Pulumi.yaml", "Pulumi.yml", "ansible.cfg", "galaxy.yml", "cdktf.json", "terragrunt.hcl")
_SHELLS = frozenset({"android", "ios", "macos", "linux", "windows"})
_WRAPPED = re.compile(r"\"(?:react-native|expo|@capacitor/core|@ionic/\w{1,20}|cordova|@nativescript/core)\"[ \t]*:")
_INSTALLED = re.compile(r"\"(?:_resolved|_id|_from|_requiredBy)\"[ \t]*:")
_SAYS = re.compile(
    r"\"(?:name|scripts|dependencies|devDependencies|peerDependencies|workspaces|bin|packageManager)\"[ \t]*:"
)


def candidates(tree: Tree, detectors: Sequence[Detector], contexts: Iterable[str]) -> dict[str, Draft]:
    """A draft for each folder that may be a service, the project's root first, each with the files that are its own."""
    roots, apart = _roots(tree, detectors)
    roots |= _loose(tree, detectors, contexts, roots | apart)
    if len(roots) > MOST:
        left = len(roots) - MOST
        roots = set(sorted(roots, key=lambda root: (root != ".", root.count("/"), root))[:MOST])
        tree.notes.append((".", f"{left} more folders have manifests; only the first {MOST} were looked at"))
    drafts = {root: Draft(tree, root, []) for root in sorted(roots, key=lambda root: (root != ".", root))}
    _share(tree, drafts)
    for root, draft in drafts.items():
        inside = tree.inside(root)
        others = tuple(f"{folder}/" for folder in apart if folder.startswith(inside))
        own = [path for path in draft.files if not path.startswith(others)] if others else draft.files
        draft.languages = languages(((path, tree.files[path]) for path in own), root)
    return drafts


def _roots(tree: Tree, detectors: Sequence[Detector]) -> tuple[set[str], set[str]]:
    """Folders with a manifest: those that may be services, and those that hold somebody else's project."""
    patterns = {pattern for detector in detectors for pattern in detector.manifests}
    exact = {pattern for pattern in patterns if "*" not in pattern}
    globs = re.compile("|".join(translate(pattern) for pattern in sorted(patterns) if "*" in pattern) or r"(?!)")
    inner = {name for detector in detectors for name in detector.inner}
    roots, apart = {"."}, set[str]()
    known = members.named(tree)
    for path in tree.files:
        folder, _, name = path.rpartition("/")
        if name in inner or not folder or folder in apart or not (name in exact or globs.match(name)):
            continue
        if name == "project.json" and not _nx(tree, folder):
            continue
        if folder not in known and foreign(tree, folder, name):
            if not _is_plugin(tree, folder):
                apart.add(folder)
            roots.discard(folder)
        elif not _says_nothing(tree, path, name) and not _is_part(tree, folder, name):
            roots.add(folder)
    held = roots - {"."} | {"" for path in tree.files if "/" not in path and (path in exact or globs.match(path))}
    for path in sorted((at for name in inner for at in tree.by_name.get(name, ())), key=lambda at: at.count("/")):
        folder = path.rpartition("/")[0]
        above = ["/".join(folder.split("/")[:depth]) for depth in range(folder.count("/") + 1)]
        if (
            folder
            and folder not in held
            and held.isdisjoint(above)
            and not foreign(tree, folder, path.rpartition("/")[2])
        ):
            roots.add(folder)
            held.add(folder)
    return roots, apart


def _nx(tree: Tree, folder: str) -> bool:
    """Whether a folder lies in an Nx workspace: any other project.json is somebody's data."""
    parts = folder.split("/")
    return any("/".join([*parts[:depth], "nx.json"]) in tree.files for depth in range(len(parts) + 1))


def foreign(tree: Tree, folder: str, name: str = "") -> bool:
    """Whether a manifest speaks of something else than a part of this project."""
    parts = folder.split("/")
    if is_copied(folder) or any(part.startswith(".") for part in parts):
        return True
    if name in ("package.json", "composer.json", "bower.json") and _is_served(tree, parts):
        return True
    if {"supabase"} & set(parts) and ("functions" in parts or "migrations" in parts):
        return True
    deploying = parts[1:2] if parts[0].lower() in _DEPLOYING else parts[:1]
    if any(part.lower() in _DEPLOYED for part in deploying) or any(
        f"{folder}/{file}" in tree.files for file in _DEPLOYS
    ):
        return True
    text = tree.texts.get(f"{folder}/{name}", "") if name == "package.json" else ""
    return (
        _is_shell(tree, parts) or _is_bundled(tree, parts, name) or (text != "" and _INSTALLED.search(text) is not None)
    )


def _is_served(tree: Tree, parts: Sequence[str]) -> bool:
    """Below the folder that a program's server sends to browsers; a folder of packages may be called the same."""
    for index, part in enumerate(parts[:-1]):
        above = "/".join([*parts[:index], ""])
        if part.lower() in _SERVED and any(f"{above}{name}" in tree.files for name in _PROGRAMS):
            return True
    return False


_PROGRAMS = (
    "package.json", "composer.json", "Gemfile", "manage.py", "requirements.txt", "pyproject.toml", "go.mod", "mix.exs", "pom.xml", "build.gradle",
    "build.gradle.kts", "index.php", "index.html", "Cargo.toml", "Program.cs", "app.py",
)  # fmt: skip


def _is_shell(tree: Tree, parts: Sequence[str]) -> bool:
    """The platform's side of an app that is written in Flutter, React Native or for a web view."""
    for index, part in enumerate(parts):
        if part.lower() in _SHELLS:
            above = "/".join(parts[:index])
            inside = f"{above}/" if above else ""
            if f"{inside}pubspec.yaml" in tree.files or _WRAPPED.search(tree.texts.get(f"{inside}package.json", "")):
                return True
    return False


_C = frozenset({"configure.ac", "configure.in", "CMakeLists.txt", "meson.build", "Makefile", "vcpkg.json", "conanfile.txt", "conanfile.py"})  # fmt: skip
_MODULE = re.compile(r"(?:^|(.+)/)src/(?:main|test)/(?:c|cpp|c\+\+|cc|native|jni)(?:/|$)")
_JVM = ("pom.xml", "build.gradle", "build.gradle.kts", "build.sbt")


def _is_bundled(tree: Tree, parts: Sequence[str], name: str) -> bool:
    """What a program in C keeps in `deps` is other people's libraries, which its own build makes first."""
    at = parts.index("deps") if "deps" in parts else -1
    if at < 0 or name not in _C:
        return False
    above = "".join(f"{part}/" for part in parts[:at])
    return any(
        f"{above}{build}" in tree.files for build in ("Makefile", "CMakeLists.txt", "configure.ac", "meson.build")
    )


def _is_part(tree: Tree, folder: str, name: str) -> bool:
    """Whether a manifest only serves the package around it: native code of a Java module, requirements of a Python package."""
    if name in _C and (found := _MODULE.search(folder)):
        return any(f"{found[1]}/{build}".removeprefix("None/") in tree.files for build in _JVM)
    if name != "requirements.txt" or any(f"{folder}/{own}" in tree.files for own in _OWN_SERVICE):
        return False
    parts = folder.split("/")
    while parts and f"{'/'.join(parts)}/__init__.py" in tree.files:
        parts.pop()
    above = "".join(f"{part}/" for part in (parts[:-1] if parts[-1:] == ["src"] else parts))
    if above == f"{folder}/" or len(folder.split("/")) == len(parts):
        return False
    text = tree.texts.get(f"{above}pyproject.toml", "")
    return f"{above}setup.py" in tree.files or "[build-system]" in text or "[tool.poetry]" in text


_OWN_SERVICE = ("Dockerfile", "pyproject.toml", "setup.py", "Pipfile", "manage.py", "Procfile", "package.json")
"""What a folder has that is more than a part of the package around it."""
_EXTENDS = re.compile(r"\"peerDependencies\"[ \t]*:[ \t\r\n]*\{[^{}]{0,2000}?\"(?:react-native|expo|@capacitor/core|@nativescript/core)\"")  # fmt: skip
_FLUTTER_PLUGIN = re.compile(r"^[ \t]+plugin:[ \t\r]*$", re.MULTILINE)


def _is_plugin(tree: Tree, folder: str) -> bool:
    """Whether the platforms' folders of an app's plugin hold its own source, and not what a tool made around a page."""
    parts = folder.split("/")
    at = next((index for index, part in enumerate(parts) if part.lower() in _SHELLS), -1)
    inside = "".join(f"{part}/" for part in parts[:at]) if at >= 0 else ""
    package, pubspec = tree.texts.get(f"{inside}package.json", ""), tree.texts.get(f"{inside}pubspec.yaml", "")
    return at >= 0 and len(parts) == at + 1 and bool(_EXTENDS.search(package) or _FLUTTER_PLUGIN.search(pubspec))


_CLOJURE = re.compile(r"^[ \t]*\(defproject[ \t\n]+(?![^ \t\n]{0,80}\{\{)", re.MULTILINE)
"""A project.clj without it is source that is called so; a name with braces is a template's."""
_PYTHON = {
    "setup.cfg": re.compile(r"^\[(?:metadata|options)\]", re.MULTILINE),
    "pyproject.toml": re.compile(r"^[ \t]*\[{1,2}(?:project|build-system|dependency-groups|tool\.(?:poetry|pdm|uv|hatch|flit|setuptools))\b", re.MULTILINE),
}  # fmt: skip


def _says_nothing(tree: Tree, path: str, name: str) -> bool:
    """A package.json that only tells Node how to read the files beside it, a setup.cfg for a linter alone."""
    text = tree.texts.get(path)
    if name == "project.clj":
        return text is not None and not _CLOJURE.search(text)
    if name in _PYTHON:
        return text is not None and bool(text.strip()) and not _PYTHON[name].search(text)
    if name != "package.json":
        return False
    return text is not None and len(text) < 2_000 and text.lstrip().startswith("{") and not _SAYS.search(text)


def _loose(tree: Tree, detectors: Sequence[Detector], contexts: Iterable[str], known: set[str]) -> set[str]:
    """Folders without a manifest that are built into an image of their own and hold source."""
    source = _source(tree)
    asked = {folder for folder in contexts if folder in source}
    for path in tree.texts:
        folder = path.rpartition("/")[0]
        if built.variant(path) != "" or folder not in source or folder.rpartition("/")[2].lower() in built.HOLDERS:
            continue
        if not _belongs(tree, detectors, folder, source[folder]):
            asked.add(folder)
    return {folder for folder in asked - known if not is_example(folder) and not foreign(tree, folder)}


def _source(tree: Tree) -> dict[str, set[str]]:
    """Languages of programs that lie in a folder or one level below."""
    found: dict[str, set[str]] = {}
    for path in tree.files:
        folder, _, name = path.rpartition("/")
        language = LANGUAGE.get(f".{name.rpartition('.')[2]}", "")
        if folder and language not in _NO_PROGRAM:
            for at in (folder, folder.rpartition("/")[0]):
                if at:
                    found.setdefault(at, set()).add(language)
    return found


def _belongs(tree: Tree, detectors: Sequence[Detector], folder: str, found: set[str]) -> bool:
    """Whether a manifest above speaks of the source in a folder."""
    names = {name for detector in detectors if found & set(detector.languages) for name in detector.manifests}
    while folder:
        folder = folder.rpartition("/")[0]
        inside = f"{folder}/" if folder else ""
        if any(f"{inside}{name}" in tree.files for name in names):
            return True
    return False


_NO_PROGRAM = frozenset({"", "Shell", "HTML", "CSS", "SQL", "PowerShell", "HCL", "Lua", "Nix", "Perl"})
"""What settings of a proxy or a database come with; no program of the project's own."""


def _share(tree: Tree, drafts: dict[str, Draft]) -> None:
    """Give each file to the innermost folder that may be a service."""
    owners: dict[str, Draft] = {}

    def owner(folder: str) -> Draft:
        known = owners.get(folder)
        if known is None:
            known = drafts.get(folder or ".") or owner(folder.rpartition("/")[0])
            owners[folder] = known
        return known

    for path in tree.files:
        owner(path.rpartition("/")[0]).files.append(path)
