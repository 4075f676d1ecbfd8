"""Python: uv, Poetry, PDM, Pipenv, conda, pip; versions, packages and the frameworks people use."""

from __future__ import annotations

import re

from ..draft import Declared, Draft
from ..ignore import is_example
from ..parse import locked, string, table
from ..requirements import from_file, normal
from ..text import safe
from ..versions import satisfies
from .base import Detector
from .overrule import overrule
from .python_apps import apps
from .python_known import BACKED, BROKERS, BROUGHT, CLIENT, ENGINES, EXTRAS, FRAMEWORKS, SCHEMES
from .python_manifests import CONDA, REQUIREMENTS, Found, read
from .python_servers import optional, server, started
from .python_sources import PATTERNS, Sources

LOCKS = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm", "Pipfile.lock": "pipenv", "pylock.toml": "pip"}
_BESIDE = ("Python", "Jupyter", "HTML", "CSS", "JavaScript", "SQL", "Shell")
"""Languages of which a Python program may have more bytes than of Python."""
_NATIVE = ("maturin", "setuptools_rust", "mesonpy", "scikit_build_core", "poetry_dynamic_versioning.maturin")
"""Back ends that build packages out of other languages."""
_ONLY_BUILDS = frozenset({"build", "version", "publish", "build-backend", "distribution"})
"""Keys of a tool's table that configure how a package is built, not how the project is installed."""
_PINS = ("requirements.lock", "requirements-lock.txt")
"""Requirements files that a tool made of the manifest."""
INSTALL = {"uv": "uv sync", "poetry": "poetry install", "pdm": "pdm install", "pipenv": "pipenv install --dev"}
RUN = {"uv": "uv run ", "poetry": "poetry run ", "pdm": "pdm run ", "pipenv": "pipenv run "}
_BUILDS = {"uv": "uv build", "poetry": "poetry build", "pdm": "pdm build"}


def detect(draft: Draft) -> None:
    """Add what Python's files say."""
    if draft.root.rpartition("/")[2] == "requirements" or _inside(draft):
        return  # its files belong to a folder above
    found = read(draft)
    sources = Sources(draft, found.buildable or bool(table(found.content, "tool", "poetry")), normal(found.name))
    manifest = any(_is_ours(path.rpartition("/")[2]) for path in draft.manifests)
    foreign = draft.manifests or (draft.languages and draft.languages[0].value not in _BESIDE)
    if foreign and not manifest and not sources.applications():
        return  # a helper in a project of another language
    draft.name = draft.name or found.name
    if found.buildable and not _importable(draft, found, sources):
        found.buildable = False
    draft.private = draft.private and (not found.buildable or "Private :: Do Not Upload" in found.traits)
    native = string(table(found.content, "build-system").get("build-backend")).startswith(_NATIVE)
    if native:
        overrule(draft, "install", "build", "start", "test")
    elif draft.settled and sources.applications() and draft.roles.get("backend", 0.0) < 0.6:
        overrule(draft, "install", "start", "test")
    manager = _manager(draft, found, sources)
    _versions(draft, found)
    _declare(draft, found)
    _frameworks(draft, found, sources)
    serves = server(draft, found, sources)
    _databases(draft, found, sources, serves is not None)
    sources.variables()
    apps(draft, found, sources, RUN.get(manager, ""))
    if serves:
        started(draft, serves, RUN.get(manager, ""))
    if serves or draft.private or draft.best_role in ("backend", "worker"):
        optional(draft, found, sources)


def _inside(draft: Draft) -> bool:
    """Whether the folder lies in the package that a manifest above it builds: what is there is data or a copy."""
    parts = draft.root.split("/")
    for depth in range(len(parts) - 1, -1, -1):
        inner = parts[depth:] if parts[depth] != "src" else parts[depth + 1 :]
        if len(inner) < 2 or "/".join([*parts[: len(parts) - len(inner) + 1], "__init__.py"]) not in draft.tree.files:
            continue
        for manifest in ("pyproject.toml", "setup.py", "setup.cfg"):
            text = draft.tree.texts.get("/".join([*parts[:depth], manifest]), "")
            named = re.search(r"^[ \t]*name[ \t]*=[ \t]*[\"']?([\w.-]{1,100})", text, re.MULTILINE)
            if named and normal(named[1]).endswith(normal(inner[0])):
                return True
    return False


def _is_ours(name: str) -> bool:
    return name in DETECTOR.manifests or name.endswith((".txt", ".in"))


def _importable(draft: Draft, found: Found, sources: Sources) -> bool:
    """Whether there is a package to build: what `poetry new` wrote for a single script has none."""
    module = normal(found.name).replace("-", "_")
    if draft.named("__init__.py") or draft.has(f"{module}.py") or table(found.content, "tool", "setuptools"):
        return True
    if any(draft.has(f"{target.replace('.', '/')}.py") for target in found.targets) or draft.has("Cargo.toml"):
        return True
    return not any("/" not in draft.inner(hit.path) for hit in sources.by_rule["guard"]) and not draft.has("main.py")


def _workspace(draft: Draft) -> str:
    """The lockfile of the uv workspace that this folder is a member of, or nothing."""
    parts = draft.root.split("/")
    for depth in range(len(parts) - 1, -1, -1):
        above = "/".join([*parts[:depth], "pyproject.toml"])
        lock = above.replace("pyproject.toml", "uv.lock")
        text = draft.tree.texts.get(above, "")
        if "[tool.uv.workspace]" in text and lock in draft.tree.files and draft.root != ".":
            return lock
    return ""


def _manager(draft: Draft, found: Found, sources: Sources) -> str:
    locks = [(name, manager) for name, manager in LOCKS.items() if draft.has(name)]
    for name, manager in locks:
        draft.lockfile(name)
        draft.manager(manager, name)
    if len(locks) > 1:
        names = " and ".join(name for name, _ in locks)
        draft.finding(
            f"{names} are both there: two package managers lock this project", locks[1][0], rule="two-lockfiles"
        )
    for name in ("uv", "poetry", "pdm"):
        if set(table(found.content, "tool", name)) - _ONLY_BUILDS:
            draft.manager(name, "pyproject.toml", f"tool.{name}", 0.9)
    shared = _workspace(draft) if draft.has("pyproject.toml") and not locks else ""
    if shared:
        draft.manager("uv", f"/{shared}", "", 0.95)
    if draft.has("Pipfile"):
        draft.manager("pipenv", "Pipfile", "", 0.95)
    first = next((name for name in REQUIREMENTS if draft.has(name)), "")
    setups = ("pyproject.toml", "setup.py", "setup.cfg")
    source = first or next((n for n in setups if draft.has(n) and draft.at(n) in draft.manifests), "")
    if not any(name in draft.managers for name in (*INSTALL, "conda")) and source:
        draft.manager("pip", source, "", 0.7)
    managers = [fact for fact in draft.managers.values() if fact.value in (*INSTALL, "pip")]
    name = max(managers, key=lambda fact: fact.confidence).value if managers else ""
    if name in INSTALL:
        where = locks[0][0] if locks else f"/{shared}" if shared else source or "Pipfile"
        draft.command("install", INSTALL[name] + _option(name, draft, found), where, "", 0.95)
    elif first and not (found.buildable and (found.declares or found.published or not sources.applications())):
        file = _installed(draft, first)
        draft.command("install", f"pip install -r {file}", file, "", 0.9)
    elif found.buildable:
        draft.command("install", "pip install -e .", source, "", 0.8)
    if found.buildable and not draft.private:
        hatch = "hatch build" if table(found.content, "tool", "hatch", "envs") else "python -m build"
        draft.command("build", _BUILDS.get(name, hatch), found.source, "build-system", 0.8)
        if draft.commands.get("build") and draft.commands["build"].value == "hatch build":
            draft.tool("hatch", found.source, "tool.hatch.envs")
    return name


def _option(manager: str, draft: Draft, found: Found) -> str:
    """What has to be added to the usual command."""
    if manager == "uv" and draft.members and not table(found.content, "project"):
        return " --all-packages"
    poetry = table(found.content, "tool", "poetry")
    whole = manager != "poetry" or found.buildable or poetry.get("package-mode") is False or not found.name
    return "" if whole else " --no-root"


def _installed(draft: Draft, first: str) -> str:
    """The requirements that one installs to work on it: of a folder with one for each place, those of this place."""
    folder, _, _ = first.rpartition("/")
    if folder:
        settings = [hit.value.rpartition(".")[2] for hit in draft.hits("django-settings") if "manage.py" in hit.path]
        for name in (*settings[:1], "local", "dev", "development"):
            file = f"{folder}/{name}.txt"
            if draft.has(file) and re.search(r"^-r[ \t]", draft.text(file), re.MULTILINE):
                return file
    return first


def _versions(draft: Draft, found: Found) -> None:
    if draft.has("runtime.txt") and (told := re.match(r"python-(\d[\d.]*)", draft.text("runtime.txt"))):
        for other in draft.runtimes:
            if other.name == "python" and satisfies("python", other.spec, told[1]) is False:
                what = f"{safe(draft.at('runtime.txt'))} asks for python {told[1]}, but {other.evidence[0].path} asks for {other.spec}"  # fmt: skip
                draft.finding(what, "runtime.txt", "", "contradiction")
        draft.runtime("python", told[1], "runtime.txt")
    if not any(wanted.name == "python" for wanted in draft.runtimes):
        ours = [draft.inner(path) for path in draft.manifests if _is_ours(path.rpartition("/")[2])]
        own = [draft.inner(path) for path in draft.files if path.endswith((".py", ".ipynb"))]
        shown = sorted(own, key=lambda path: (is_example(path), path.count("/"), path))
        if source := (ours + shown)[:1]:
            draft.runtime("python", "", source[0])


def _declare(draft: Draft, found: Found) -> None:
    own = normal(found.name)
    for path, wanted in found.requires:
        draft.declared.append(Declared("pip", wanted.name, wanted.spec, draft.at(path)))
    names = {wanted.name for _, wanted in found.requires}
    for path, wanted in found.extra:
        if wanted.name not in names and wanted.name != own:
            draft.declared.append(Declared("pip", wanted.name, wanted.spec, draft.at(path), extra=True))
    pinned = [(draft.at(path), wanted) for path, wanted in found.pinned]
    for name in _PINS:
        if draft.has(name):
            draft.lockfile(name)
            pinned += from_file(draft.at(name), lambda path: draft.tree.texts.get(path, ""))
    pinned = [(at, wanted) for at, wanted in pinned if wanted.spec.startswith("==")]
    draft.declared += [Declared("pip", wanted.name, wanted.spec, at, exact=True) for at, wanted in pinned]
    for name in ("uv.lock", "poetry.lock", "pdm.lock"):
        for package, versions in locked(draft.text(name)).items():
            if len(versions) == 1 and normal(package) != own:
                version = next(iter(versions))
                draft.declared.append(Declared("pip", normal(package), f"=={version}", draft.at(name), exact=True))


def _frameworks(draft: Draft, found: Found, sources: Sources) -> None:
    names, own = found.names, normal(found.name)
    for path, wanted in (*found.requires, *found.elsewhere):
        known = FRAMEWORKS.get(wanted.name)
        brought = names.intersection(BROUGHT.get(wanted.name, "").split()) and not sources.found(wanted.name)
        if not known or wanted.name == own or brought:
            continue
        draft.framework(known.name, path, wanted.name, known.confidence)
        # A published package that depends on a framework extends it more often than it is an application of it.
        if known.role:
            draft.role(known.role, known.confidence * (1.0 if draft.private else 0.4))
    if not draft.private:
        draft.role("library", 0.6)


def _databases(draft: Draft, found: Found, sources: Sources, serves: bool) -> None:
    for path, wanted in (*found.requires, *found.elsewhere):
        if wanted.name in CLIENT:
            draft.database(CLIENT[wanted.name], path, wanted.name)
        for extra in wanted.extras if wanted.name in BACKED else ():
            if extra in EXTRAS:
                draft.database(EXTRAS[extra], path, f"{wanted.name}[{extra}]")
    if not draft.private and not serves and not sources.applications():
        return  # a library names the databases of those who use it
    for hit in sources.by_rule["django-database"]:
        draft.database(ENGINES.get(hit.value, hit.value), hit.path, f"line {hit.line}", 0.8)
    for hit in sources.by_rule["url"]:
        draft.database(SCHEMES.get(hit.value, hit.value), hit.path, f"line {hit.line}", 0.75)
    for hit in sources.by_rule["broker"]:
        if hit.value in BROKERS:
            draft.database(BROKERS[hit.value], hit.path, f"line {hit.line}", 0.8)
    if draft.has("alembic.ini"):
        url = re.search(r"^sqlalchemy\.url[ \t]*=[ \t]*(postgres|postgresql|mysql|sqlite|mssql)\b", draft.text("alembic.ini"), re.MULTILINE)  # fmt: skip
        if url:
            draft.database(SCHEMES.get(url[1], url[1]), "alembic.ini", "sqlalchemy.url", 0.75)


DETECTOR = Detector(
    name="python",
    manifests=("pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Pipfile", *CONDA),
    detect=detect,
    reads=(
        "*requirements*.txt",
        "*requirements*.in",
        *sorted(
            {name.rpartition("/")[2].removesuffix(".txt") + s for name in REQUIREMENTS[1:] for s in (".txt", ".in")}
        ),
        *(f"{name}.txt" for name in ("dev", "develop", "development", "local", "test", "tests", "testing")),
        "runtime.txt",
        ".flaskenv",
        "alembic.ini",
        "config.toml",
    ),
    lockfiles=(*LOCKS, *_PINS),
    languages=("Python", "Jupyter"),
    patterns={".py": PATTERNS},
)
