"""Static sites: Hugo, Zola, MkDocs, Sphinx, mdBook, and pages that are served as they are."""

from __future__ import annotations

import re

from ..draft import Draft, words
from ..ignore import is_copied
from ..parse import Node, string, table
from .base import Detector

HUGO = ("hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json")
_OLD_HUGO = (
    "config.toml",
    "config.yaml",
    "config.yml",
    "config.json",
    "config/_default/hugo.toml",
    "config/_default/config.toml",
)
_HUGO_KEYS = frozenset(
    {"baseurl", "theme", "languagecode", "permalinks", "taxonomies", "markup", "contentdir", "defaultcontentlanguage"}
)
_MKDOCS = ("mkdocs.yml", "mkdocs.yaml")
_MANIFESTS = frozenset({
    "pyproject.toml", "setup.py", "setup.cfg", "package.json", "go.mod", "Cargo.toml", "pom.xml", "build.gradle", "build.gradle.kts", "Gemfile",
    "composer.json", "mix.exs", "Pipfile", "Package.swift", "pubspec.yaml", "build.sbt", "CMakeLists.txt", "deno.json", "deno.jsonc",
})  # fmt: skip
_PAGES = ("", "public", "site", "www", "docs", "html", "htdocs")
"""Folders, seen from the root, that hold the pages of a site without any manifest."""
_SIDE = frozenset({"HTML", "CSS", "JavaScript", "TypeScript", "Shell"})
_SCRIPTED = re.compile(r'"(?:start|dev|build)"[ \t]{0,9}:[ \t]{0,9}"[^"\n]{0,200}\bhugo\b')
"""Scripts of package.json that call Hugo are what its people type."""
_CONF = re.compile(r"^(?:extensions|html_theme|master_doc|root_doc)[ \t]*=", re.MULTILINE)
_NEEDED = re.compile(r"^[ \t]*([A-Za-z][\w.-]{0,80})", re.MULTILINE)


def detect(draft: Draft) -> None:
    """Add what the settings of a site's generator say."""
    if _hugo(draft) or _zola(draft) or _mkdocs(draft) or _mdbook(draft) or (draft.root == "." and _sphinx(draft)):
        return
    if draft.root == "." and not draft.manifests and not draft.roles and not draft.commands:
        _pages(draft)


def _site(draft: Draft, name: str, path: str, sure: float = 0.96) -> None:
    draft.framework(name, path, "", sure)
    draft.role("static", sure)


def _settings(draft: Draft, name: str) -> Node:
    if name.endswith(".toml"):
        return draft.toml(name)
    return draft.json(name) if name.endswith(".json") else draft.yaml(name)


def _hugo(draft: Draft) -> bool:
    name = next((name for name in HUGO if draft.has(name)), "")
    if not name:
        old = next((name for name in _OLD_HUGO if draft.has(name)), "")
        keys = {key.lower() for key in _settings(draft, old)} if old else set[str]()
        folders = {draft.inner(path).partition("/")[0] for path in draft.files if "/" in draft.inner(path)}
        marks = {"archetypes", "layouts", "content", "themes", "data", "i18n"} & folders
        # Zola writes base_url.
        if not ("baseurl" in keys and len(keys & _HUGO_KEYS) + len(marks) > 1 and marks):
            return False
        name = old
    draft.manifest(name)
    _site(draft, "Hugo", name, 0.97)
    least = table(_settings(draft, name), "module", "hugoVersion")
    version, where, key = string(least.get("min")), name, "module.hugoVersion.min"
    if draft.has("netlify.toml"):
        told = table(draft.toml("netlify.toml"), "build", "environment").get("HUGO_VERSION")
        if isinstance(told, str) and re.fullmatch(r"\d[\d.]{0,20}", told):
            version, where, key = told, "netlify.toml", "build.environment.HUGO_VERSION"
            draft.tool("hugo", where, key, version)
    draft.tool("hugo", where if version else name, key if version else "", f">={version}" if version else "")
    if not _SCRIPTED.search(draft.text("package.json")):
        _override(draft, "start", "hugo server", name)
        draft.command("build", "hugo", name, "", 0.9)
    draft.port(1313, name, "the default of Hugo", 0.8)
    return True


def _zola(draft: Draft) -> bool:
    text = draft.text("config.toml") or draft.text("zola.toml")
    name = "config.toml" if draft.text("config.toml") else "zola.toml"
    if not re.search(r"^base_url[ \t]*=", text, re.MULTILINE):
        return False
    folders = {draft.inner(path).partition("/")[0] for path in draft.files}
    if not folders & {"content", "templates", "sass"}:
        return False
    draft.manifest(name)
    _site(draft, "Zola", name)
    draft.tool("zola", name)
    draft.command("start", "zola serve", name, "", 0.9)
    draft.command("build", "zola build", name, "", 0.9)
    draft.port(1111, name, "the default of Zola", 0.8)
    return True


def _mkdocs(draft: Draft) -> bool:
    """A site of its own; beside another project's manifest MkDocs only documents that one."""
    name = next((name for name in _MKDOCS if draft.has(name)), "")
    if not name or _beside(draft, name):
        return False
    draft.manifest(name)
    _site(draft, "MkDocs", name)
    draft.runtime("python", "", name)
    install = _requirements(draft, ("requirements.txt", "docs/requirements.txt", "requirements-docs.txt"))
    draft.manager("pip", install or name, "", 0.7 if install else 0.5)
    draft.command(
        "install",
        f"pip install -r {install}" if install else f"pip install {_packages(draft, name)}",
        install or name,
        "",
        0.8,
    )
    _override(draft, "start", "mkdocs serve", name)
    draft.command("build", "mkdocs build", name, "", 0.9)
    # Tags of Python objects, which its settings often have, are none of plain YAML: the one line that matters is read as text.
    address = re.search(r"^dev_addr:[ \t]*['\"]?[\w.]{0,60}:(\d{2,5})", draft.text(name), re.MULTILINE)
    if address:
        for port, fact in list(draft.ports.items()):
            if fact.evidence[0].key == "the default of MkDocs":
                del draft.ports[port]
        draft.port(int(address[1]), name, "dev_addr", 0.95)
    else:
        draft.port(8000, name, "the default of MkDocs", 0.8)
    return True


def _packages(draft: Draft, name: str) -> str:
    material = re.search(r"^[ \t]*(?:name:[ \t]*|theme:[ \t]*)['\"]?material\b", draft.text(name), re.MULTILINE)
    return "mkdocs-material" if material else "mkdocs"


def _override(draft: Draft, purpose: str, command: str, path: str) -> None:
    """Set a command that a language's own detector only guessed from a file's name."""
    known = draft.commands.get(purpose)
    if known is None or known.confidence <= 0.6:
        draft.commands.pop(purpose, None)
        draft.settled.discard(purpose)
        draft.command(purpose, command, path, "", 0.9)


def _mdbook(draft: Draft) -> bool:
    if not draft.has("book.toml") or "book" not in draft.toml("book.toml"):
        return False
    draft.manifest("book.toml")
    if _beside(draft, "book.toml"):
        return False
    _site(draft, "mdBook", "book.toml")
    draft.tool("mdbook", "book.toml")
    draft.command("start", "mdbook serve", "book.toml", "", 0.9)
    draft.command("build", "mdbook build", "book.toml", "", 0.9)
    draft.port(3000, "book.toml", "the default of mdBook", 0.8)
    return True


def _beside(draft: Draft, name: str) -> bool:
    """Whether the folder is another project that the site only belongs to."""
    if any(other in _MANIFESTS for other in draft.beside if other != name):
        return True
    return any(fact.value not in (*_SIDE, "Python", "Jupyter") for fact in draft.languages) or _program(draft)


def _program(draft: Draft) -> bool:
    """Whether there is Python beyond a site's hooks and settings."""
    code = [draft.inner(path) for path in draft.files if path.endswith(".py")]
    return any(
        not re.match(
            r"(?:docs?|hooks|macros|overrides|scripts|\.github)(?:/|\.py$)|(?:\w{0,20}/)?(?:conf|main|macros)\.py$",
            path,
        )
        for path in code
    )


def _sphinx(draft: Draft) -> bool:
    """A repository that is nothing but documentation."""
    for folder in ("", "source/", "docs/", "docs/source/", "doc/", "doc/source/"):
        if _CONF.search(draft.text(f"{folder}conf.py")):
            break
    else:
        return False
    if not any(draft.has(f"{folder}index.{suffix}") for suffix in ("rst", "md", "txt")) or _beside(draft, "conf.py"):
        return False
    conf = f"{folder}conf.py"
    draft.manifest(conf)
    _site(draft, "Sphinx", conf, 0.9)
    draft.runtime("python", "", conf)
    install = _requirements(
        draft, ("requirements.txt", f"{folder}requirements.txt", "docs/requirements.txt", "doc/requirements.txt")
    )
    draft.manager("pip", install or conf, "", 0.7 if install else 0.5)
    if install:
        draft.command("install", f"pip install -r {install}", install, "", 0.9)
    base = folder.removesuffix("source/")
    if draft.has(f"{base}Makefile"):
        draft.command("build", f"make -C {base.rstrip('/')} html" if base else "make html", f"{base}Makefile", "", 0.9)
        draft.tool("make", f"{base}Makefile")
    else:
        draft.command("build", f"sphinx-build -b html {folder.rstrip('/') or '.'} {base}_build/html", conf, "", 0.8)
    if install and "sphinx-autobuild" in _NEEDED.findall(draft.text(install)):
        draft.command(
            "start",
            f"sphinx-autobuild {folder.rstrip('/') or '.'} {base}_build/html",
            install,
            "sphinx-autobuild",
            0.85,
        )
        draft.port(8000, install, "the default of sphinx-autobuild", 0.7)
    return True


def _requirements(draft: Draft, names: tuple[str, ...]) -> str:
    return next((name for name in names if draft.has(name)), "")


def _pages(draft: Draft) -> None:
    """Pages without a generator: any web server shows them, and Python's is nearly everywhere."""
    tree = draft.tree
    if any(fact.value not in _SIDE for fact in draft.languages) or _others(draft):
        return
    for folder in _PAGES:
        path = f"{folder}/index.html" if folder else "index.html"
        if path in tree.files:
            draft.role("static", 0.7)
            at = f" -d {words(folder)}" if folder else ""
            draft.command("start", f"python3 -m http.server{at}", path, "", 0.4)
            draft.port(8000, path, "the default of http.server", 0.3)
            return


def _others(draft: Draft) -> bool:
    """Whether folders below are projects of their own: then a page at the top says nothing of them."""
    paths = [path for name in _MANIFESTS for path in draft.tree.by_name.get(name, ())]
    return any(not is_copied(path.rpartition("/")[0]) for path in paths)


DETECTOR = Detector(
    name="static",
    # Where the documentation is built by a service, its settings lie at the top, and may be all that does.
    manifests=(*HUGO, *_MKDOCS, "book.toml", ".readthedocs.yaml", ".readthedocs.yml"),
    detect=detect,
    reads=("config.toml", "config.yaml", "config.yml", "config.json", "zola.toml", "conf.py", "netlify.toml"),
    at_root=(*_OLD_HUGO, "zola.toml"),
    languages=("HTML", "CSS", "JavaScript", "Python"),
)
