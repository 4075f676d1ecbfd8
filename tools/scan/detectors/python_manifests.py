"""What Python's manifests declare: pyproject.toml, setup.*, Pipfile, conda, requirements files; read, and never run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from ..draft import Draft
from ..parse import Broken, Node, string, strings, table
from ..requirements import (
    Legacy,
    Requirement,
    from_file,
    from_poetry,
    from_setup_cfg,
    from_setup_py,
    normal,
    requirement,
)
from ..text import safe

REQUIREMENTS = (
    "requirements.txt",
    "requirements/base.txt",
    "requirements/common.txt",
    "requirements/prod.txt",
    "requirements/production.txt",
    "requirements/default.txt",
    "requirements/main.txt",
    "requirements/requirements.txt",
)
CONDA = ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml")
TASKS = (
    (("tool", "pdm", "scripts"), "pdm run "),
    (("tool", "hatch", "envs", "default", "scripts"), "hatch run "),
    (("tool", "poe", "tasks"), "poe "),
    (("tool", "taskipy", "tasks"), "task "),
)
"""Where pyproject.toml keeps commands, and what runs one of them."""
_DEVELOPS = r"(requirements[-_.]?(dev|develop|development|test|tests|testing|local)|(dev|test)-requirements|requirements/(dev|develop|development|test|tests|testing|local))\.(txt|in)"
_PACKAGING = re.compile(r"^[ \t]*(?:from|import)[ \t]+(?:setuptools|distutils|skbuild|numpy\.distutils|cx_Freeze|py2app|py2exe)\b", re.MULTILINE)  # fmt: skip
_TRAIT = re.compile(
    r"^[ \t]*[\"']?((?:Environment|Framework|Topic|Private|License|Programming Language) :: [^\"'\n]{1,80})",
    re.MULTILINE,
)


_FOR_DEVELOPERS = re.compile(r"(?:[\w.-]{0,30}[-_.])?(?:dev|devel|develop|development|tests?|testing|docs?|documentation|lint|linting|types?|typing|mypy|ci|check|checks|release|benchmarks?|build)(?:[-_.][\w.-]{0,30})?", re.IGNORECASE)  # fmt: skip
"""Names of extras that nobody installs to use the package."""


@dataclass
class Found:
    """What the manifests say, gathered before anything is concluded."""

    name: str = ""
    requires: list[tuple[str, Requirement]] = field(default_factory=list[tuple[str, Requirement]])
    """(manifest, requirement), direct and needed to run."""
    extra: list[tuple[str, Requirement]] = field(default_factory=list[tuple[str, Requirement]])
    """Those for development and of optional groups."""
    elsewhere: list[tuple[str, Requirement]] = field(default_factory=list[tuple[str, Requirement]])
    """Those that conda installs: pip's environments do not have them."""
    pinned: list[tuple[str, Requirement]] = field(default_factory=list[tuple[str, Requirement]])
    """What a tool froze out of the manifest."""
    scripts: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """(manifest, key, name) of a command that an installed package has."""
    targets: list[str] = field(default_factory=list[str])
    """Modules in which those commands begin, one for each."""
    plugins: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """(manifest, key, what to type) of a command that it adds to another program's."""
    optional: list[tuple[str, Requirement]] = field(default_factory=list[tuple[str, Requirement]])
    """Those of extras that its users may ask for; the ones that are for developing it are left out."""
    tasks: list[tuple[str, str, str, str]] = field(default_factory=list[tuple[str, str, str, str]])
    """(manifest, key, what to type, what it does) of a task."""
    traits: set[str] = field(default_factory=set[str])
    """Classifiers."""
    published: bool = False
    """It is described for people who find it somewhere: with classifiers, keywords, links."""
    declares: bool = False
    """The package itself says what it requires, wherever it reads that from."""
    buildable: bool = False
    source: str = ""
    """The file that makes it buildable."""
    content: Node = field(default_factory=dict[str, object])
    """pyproject.toml."""

    @property
    def names(self) -> set[str]:
        """Packages that it needs to run."""
        return {wanted.name for _, wanted in (*self.requires, *self.elsewhere)}

    @property
    def all_names(self) -> set[str]:
        """Those for development too."""
        return self.names | {wanted.name for _, wanted in self.extra}


def read(draft: Draft) -> Found:
    """Everything that the manifests beside each other say."""
    found = Found()
    _pyproject(draft, found)
    _setups(draft, found)
    _pipfile(draft, found)
    _conda(draft, found)
    _requirements(draft, found)
    return found


def _parsed(path: str, lines: list[str]) -> list[tuple[str, Requirement]]:
    return [(path, wanted) for line in lines if (wanted := requirement(line)) is not None]


def _offered(path: str, extras: Mapping[str, list[str]]) -> list[tuple[str, Requirement]]:
    """What the extras for users ask for."""
    return [pair for name, lines in extras.items() if not _FOR_DEVELOPERS.fullmatch(name) for pair in _parsed(path, lines)]  # fmt: skip


def _from_poetry(dependencies: Node) -> list[tuple[str, Requirement]]:
    extras = {normal(name): tuple(strings(table(value).get("extras"))) for name, value in dependencies.items()}
    return [("pyproject.toml", replace(r, extras=extras.get(r.name, ()))) for r in from_poetry(dependencies)]


def _pyproject(draft: Draft, found: Found) -> None:
    if not draft.has("pyproject.toml"):
        return
    content = found.content = draft.toml("pyproject.toml")
    project, poetry = table(content, "project"), table(content, "tool", "poetry")
    if not content or project or table(content, "build-system") or _installs(content):
        draft.manifest("pyproject.toml")
    found.name = string(project.get("name")) or string(poetry.get("name"))
    versioned = bool(project.get("version") or strings(project.get("dynamic")))
    told = [project.get(key) for key in ("classifiers", "urls", "keywords")]
    told += [poetry.get(key) for key in ("classifiers", "homepage", "repository", "documentation", "keywords")]
    found.published = any(told)
    found.declares = any(key in project for key in ("dependencies", "dynamic")) or bool(table(poetry, "dependencies"))
    if (
        (table(content, "build-system") or (versioned and project.get("classifiers")))
        and found.name
        and poetry.get("package-mode") is not False
    ):
        found.buildable, found.source = table(content, "tool", "uv").get("package") is not False, "pyproject.toml"
    found.traits.update(strings(project.get("classifiers")) + strings(poetry.get("classifiers")))
    if python := string(project.get("requires-python")):
        draft.runtime("python", python, "pyproject.toml", "project.requires-python")
    found.requires += _parsed("pyproject.toml", strings(project.get("dependencies")))
    extras = table(project, "optional-dependencies")
    found.optional += _offered("pyproject.toml", {name: strings(group) for name, group in extras.items()})
    groups = [*table(content, "dependency-groups").values(), *extras.values()]
    groups += [table(content, "tool", "uv").get("dev-dependencies")]
    groups += table(content, "tool", "pdm", "dev-dependencies").values()
    environments = table(content, "tool", "hatch", "envs")
    groups += [table(environments, name).get(key) for name in environments for key in ("dependencies", "extra-dependencies")]  # fmt: skip
    for group in groups:
        found.extra += _parsed("pyproject.toml", strings(group))
    dynamic = table(content, "tool", "setuptools", "dynamic", "dependencies").get("file")
    for file in [dynamic] if isinstance(dynamic, str) else strings(dynamic):
        found.requires += _lines(draft, file)
    if poetry:
        if python := string(table(poetry, "dependencies").get("python")):
            draft.runtime("python", python, "pyproject.toml", "tool.poetry.dependencies.python")
        found.requires += _from_poetry(table(poetry, "dependencies"))
        asked = {normal(name): facts for name, facts in table(poetry, "dependencies").items()}
        for extra, names in table(poetry, "extras").items():
            lines = [name for name in strings(names) if normal(name) in asked]
            found.optional += _offered("pyproject.toml", {extra: lines})
        developed = [table(poetry, "dev-dependencies")]
        developed += [table(poetry, "group", name, "dependencies") for name in table(poetry, "group")]
        found.extra += [pair for group in developed for pair in _from_poetry(group)]
    for group, entries in table(project, "entry-points").items():
        if group.endswith(".commands"):
            program = group.removesuffix(".commands")
            found.plugins += [("pyproject.toml", f"project.entry-points.{group}", f"{program} {name}") for name in table(entries)]  # fmt: skip
    for scripts, key in ((table(project, "scripts"), "project.scripts"), (table(poetry, "scripts"), "tool.poetry.scripts")):  # fmt: skip
        found.scripts += [("pyproject.toml", key, name) for name in scripts]
        found.targets += [string(target).partition(":")[0] for target in scripts.values()]
    for keys, run in TASKS:
        for name, task in table(content, *keys).items():
            does = string(task) or string(table(task).get("cmd")) or string(table(task).get("shell"))
            found.tasks.append(("pyproject.toml", f"{'.'.join(keys)}.{name}", f"{run}{name}", does))
    if table(content, "tool", "pytest"):
        found.extra.append(("pyproject.toml", Requirement("pytest")))
    workspace = table(content, "tool", "uv", "workspace")
    draft.members += [draft.at(glob.removeprefix("./")) for glob in strings(workspace.get("members"))]
    draft.members += ["!" + draft.at(glob.removeprefix("./")) for glob in strings(workspace.get("exclude"))]


def _installs(content: Node) -> bool:
    """Whether pyproject.toml is more than the settings of linters."""
    return any(table(content, "tool", name) for name in ("uv", "poetry", "pdm", "hatch", "flit", "setuptools"))


def _setups(draft: Draft, found: Found) -> None:
    readers: dict[str, Callable[[str], Legacy]] = {"setup.cfg": from_setup_cfg, "setup.py": from_setup_py}
    for name, reader in readers.items():
        if not draft.has(name):
            continue
        try:
            legacy = reader(draft.text(name))
        except Broken as error:
            draft.finding(f"{safe(draft.at(name))} could not be read: {error}", name, rule="unreadable")
            draft.private = draft.private and not _PACKAGING.search(draft.text(name))
            continue
        if name == "setup.cfg" and not (legacy.name or legacy.requires):
            continue
        if name == "setup.py" and not legacy.name and not _PACKAGING.search(draft.text(name)):
            continue  # a script that sets something else up
        if legacy.computed:
            what = f"{safe(draft.at(name))} computes what it requires, and nothing is run to find out"
            draft.finding(what, name, "install_requires", "computed")
        draft.manifest(name)
        traits = _TRAIT.findall(draft.text(name)[:100_000])
        found.traits.update(traits)
        found.published = found.published or bool(traits)
        found.declares = found.declares or legacy.computed or bool(legacy.requires)
        found.name = found.name or legacy.name
        if not found.buildable and (legacy.name or name == "setup.py"):
            found.buildable, found.source = True, name
        if legacy.python:
            draft.runtime("python", legacy.python, name, "python_requires")
        for line in legacy.requires:
            file = re.match(r"file:[ \t]*([\w./-]{1,200})$", line)
            found.requires += _lines(draft, file[1]) if file else _parsed(name, [line])
        found.scripts += [(name, "console_scripts", script) for script in legacy.scripts]
        found.targets += legacy.targets
        found.extra += [pair for _, lines in legacy.extras for pair in _parsed(name, list(lines))]
        found.optional += _offered(name, {extra: list(lines) for extra, lines in legacy.extras})
        found.plugins += [(name, f"{group}.commands", f"{group} {command}") for group, command in legacy.plugins]


def _pipfile(draft: Draft, found: Found) -> None:
    if not draft.has("Pipfile"):
        return
    draft.manifest("Pipfile")
    pipfile = draft.toml("Pipfile")
    requires = table(pipfile, "requires")
    for key in ("python_version", "python_full_version"):
        if python := string(requires.get(key)):
            draft.runtime("python", python, "Pipfile", f"requires.{key}")
            break
    found.requires += [("Pipfile", wanted) for _, wanted in _from_poetry(table(pipfile, "packages"))]
    found.extra += [("Pipfile", wanted) for _, wanted in _from_poetry(table(pipfile, "dev-packages"))]
    for name, task in table(pipfile, "scripts").items():
        found.tasks.append(("Pipfile", f"scripts.{name}", f"pipenv run {name}", string(task)))


def _conda(draft: Draft, found: Found) -> None:
    for name in CONDA:
        if not draft.has(name):
            continue
        listed = draft.yaml(name).get("dependencies")
        if not isinstance(listed, list):
            continue
        dependencies = cast(list[object], listed)
        draft.manifest(name)
        draft.manager("conda", name, "dependencies")
        draft.command("install", f"conda env create -f {name}", name)
        for line in strings(dependencies):
            parsed = re.match(r"(?:[\w./-]{1,80}::)?([A-Za-z][\w.-]{0,80})[ \t]*([^#\[]{0,60})", line)
            if parsed and parsed[1] == "python":
                version = parsed[2].strip()
                version = re.sub(r"^=+[ \t]*", "", version).partition("=")[0] if version[:1] == "=" else version
                draft.runtime("python", version, name, "dependencies.python")
            elif parsed:
                found.elsewhere.append((name, Requirement(normal(parsed[1]))))
        for inner in dependencies:
            found.elsewhere += _parsed(name, strings(table(inner).get("pip")))


def _lines(draft: Draft, name: str) -> list[tuple[str, Requirement]]:
    """The requirements of a file and of those that it includes."""
    got = from_file(draft.at(name), lambda path: draft.tree.texts.get(path, ""))
    return [(draft.inner(path), parsed) for path, parsed in got]


def _requirements(draft: Draft, found: Found) -> None:
    for name in REQUIREMENTS:
        if not draft.has(name):
            continue
        draft.manifest(name)
        written = name.removesuffix(".txt") + ".in"
        if draft.has(written):
            draft.manifest(written)
            draft.lockfile(name)
            found.requires += _lines(draft, written)
            found.pinned += _lines(draft, name)
        else:
            found.requires += _lines(draft, name)
        break
    for path in draft.files:
        inner = draft.inner(path)
        if inner.count("/") < 2 and re.fullmatch(_DEVELOPS, inner):
            draft.manifest(inner)
            found.extra += _lines(draft, inner)
