"""Gradle's build files as far as they are declarations: they are programs, and only their plain statements are read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..draft import Draft
from ..parse import Broken, Node, string, strings, table, toml
from ..text import safe
from .jvm import Needed

BUILD = ("build.gradle", "build.gradle.kts")
SETTINGS = ("settings.gradle", "settings.gradle.kts")
CATALOG = "gradle/libs.versions.toml"
MOST = 20
"""Blocks of one name, and files that one build file leads to."""

# A string takes all that is left of its line when its end is missing, so that no second try starts inside of it.
_TRIVIA = re.compile(
    r"""("(?:[^"\\\n]|\\.)*+\\?(?:"|(?=\n)|\Z)|'(?:[^'\\\n]|\\.)*+\\?(?:'|(?=\n)|\Z))|//[^\n]*|/\*.*?(?:\*/|\Z)""",
    re.DOTALL,
)


def plain(text: str) -> str:
    """Without comments; what only looks like one inside a string stays."""
    return _TRIVIA.sub(lambda match: match[1] or " ", text)


def cut(text: str, *names: str) -> tuple[str, str]:
    """The text without the blocks of these names, and what stands in those."""
    rest: list[str] = []
    inner: list[str] = []
    start = 0
    for _ in range(MOST):
        found = re.compile(rf"\b(?:{'|'.join(names)})[ \t]{{0,20}}\{{").search(text, start)
        if not found:
            break
        depth, end = 1, len(text)
        for brace in re.compile(r"[{}]").finditer(text, found.end()):
            depth += 1 if brace[0] == "{" else -1
            if not depth:
                end = brace.start()
                break
        rest.append(text[start : found.start()])
        inner.append(text[found.end() : end])
        start = end + 1
    rest.append(text[start:])
    return "\n".join(rest), "\n".join(inner)


def project_of(draft: Draft) -> str:
    """The folder of the settings file that holds for this folder: its own or the nearest above; itself without any."""
    parts = [] if draft.root == "." else draft.root.split("/")
    for depth in range(len(parts), -1, -1):
        folder = "/".join(parts[:depth])
        if any(_join(folder, name) in draft.tree.files for name in SETTINGS):
            return folder or "."
    return draft.root


def _join(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name)) if folder not in ("", ".") else posixpath.normpath(name)


def build_file(draft: Draft, folder: str) -> str:
    """The path of a folder's build file, or nothing."""
    return next((path for name in BUILD if (path := _join(folder, name)) in draft.tree.files), "")


def included(draft: Draft, head: str) -> dict[str, str]:
    """Folders (relative to the project) by the path that settings give a subproject, e.g. `services:api`."""
    found: dict[str, str] = {}
    for name in SETTINGS:
        text = plain(draft.tree.texts.get(_join(head, name), ""))
        for call in re.findall(r"\binclude[ \t]*\(?((?:[ \t\r\n]*[\"'][\w:./-]{1,200}[\"'][ \t]*,?)+)", text):
            for path in re.findall(r"[\"']:?([\w:./-]{1,200})[\"']", call):
                found[path.replace("/", ":")] = _join(head, path.replace(":", "/"))
        moved = re.findall(
            r"project\([\"']:?([\w:.-]{1,200})[\"']\)\.projectDir[ \t]*=[^\n\"']{0,60}[\"']([\w./-]{1,200})[\"']", text
        )
        for path, folder in moved:
            found[path] = _join(head, folder)
    return {path: folder for path, folder in list(found.items())[:500] if not folder.startswith("..")}


@dataclass
class Catalog:
    """gradle/libs.versions.toml: names in build files stand for libraries, plugins and versions."""

    path: str
    versions: dict[str, str] = field(default_factory=dict[str, str])
    libraries: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """`group:artifact`, several for a bundle."""
    plugins: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """(id, version)."""


def catalog(draft: Draft, head: str) -> Catalog:
    """The version catalog of a Gradle project; empty without one."""
    path = _join(head, CATALOG)
    found = Catalog(path)
    text = draft.tree.texts.get(path)
    if text is None:
        return found
    try:
        content = toml(text)
    except Broken as error:
        if head == draft.root:
            draft.finding(f"{safe(path)} could not be read: {error}", path, rule="unreadable")
        return found
    for name, value in table(content, "versions").items():
        rich = table(value)
        found.versions[_dotted(name)] = string(value) or string(rich.get("strictly")) or string(rich.get("require"))
    for name, value in table(content, "libraries").items():
        module = string(table(value).get("module")) or string(value)
        group = string(table(value).get("group"))
        parts = module.split(":")[:2] if module else [group, string(table(value).get("name"))]
        found.libraries[_dotted(name)] = [":".join(parts)]
    for name, value in table(content, "bundles").items():
        libraries = [found.libraries.get(_dotted(part), []) for part in strings(value)]
        found.libraries[f"bundles.{_dotted(name)}"] = [library for group in libraries for library in group]
    for name, value in table(content, "plugins").items():
        identity, _, version = string(value).partition(":")
        identity = string(table(value).get("id")) or identity
        found.plugins[_dotted(name)] = (identity, version or _version(found, table(value)))
    return found


def _version(catalog: Catalog, value: Node) -> str:
    reference = string(table(value, "version").get("ref"))
    return string(value.get("version")) or catalog.versions.get(_dotted(reference), "")


def _dotted(name: str) -> str:
    return re.sub(r"[-_]", ".", name)


_PLUGIN = re.compile(
    r"(?:\bid[ \t]*\(?[ \t]*|\bplugin[ \t]*[:=][ \t]*)[\"']([\w.-]{1,100})[\"'][ \t]*\)?"
    r"(?:[ \t.]{0,9}version[ \t(]{0,9}[\"']?([\w.-]{1,60})[\"']?)?"
)
_KOTLIN = re.compile(r"^kotlin[ \t]*\([ \t]*\"([\w.-]{1,60})\"[ \t]*\)(?:[ \t]+version[ \t]+\"?([\w.-]{1,60})\"?)?")
_ALIAS = re.compile(r"\balias[ \t(]{0,9}libs\.plugins\.([\w.]{1,100})")
_UNAPPLIED = re.compile(r"\bapply[ \t(]{0,9}false\b")


def plugins(text: str, catalog: Catalog, *, unapplied: bool = False) -> dict[str, str]:
    """Versions (perhaps empty) by id of the plugins that a build file applies, or of those that it only declares."""
    found: dict[str, str] = {}
    _, blocks = cut(text, "plugins")
    for statement in re.split(r"[;\n]", blocks):
        if bool(_UNAPPLIED.search(statement)) is not unapplied:
            continue
        statement = statement.strip()
        if alias := _ALIAS.search(statement):
            identity, version = catalog.plugins.get(alias[1].removesuffix(".get"), ("", ""))
            found[identity] = version
        elif kotlin := _KOTLIN.search(statement):
            found[f"org.jetbrains.kotlin.{kotlin[1]}"] = kotlin[2] or ""
        elif bare := re.fullmatch(r"`?([a-z][\w-]{1,60})`?", statement):
            found[bare[1]] = ""
        elif plugin := _PLUGIN.search(statement):
            found[plugin[1]] = plugin[2] or ""
    if not unapplied:
        for identity in re.findall(r"\bapply[ \t(]{1,9}plugin[ \t]*[:=][ \t]*[\"']([\w.-]{1,100})[\"']", text):
            found.setdefault(identity, "")
    found.pop("", None)
    return found


_GROUPED = r"group[ \t]*:[ \t]*[\"']([\w.-]{1,200})[\"'][ \t]*,[ \t]*name[ \t]*:[ \t]*[\"']([\w.-]{1,200})[\"']"
_DEPENDENCY = re.compile(
    r"\b([A-Za-z]\w{2,60})[ \t(]{1,9}\s{0,40}(?:(?:enforcedP|p)latform[ \t(]{1,9})?(?:"
    r"[\"']([\w.-]{1,200}:[\w.-]{1,200})|" + _GROUPED + r"|(libs|ktorLibs)\.([\w.]{1,200})|"
    r"project[ \t(]{1,9}(?:path[ \t]*[:=][ \t]*)?[\"']:([\w:.-]{1,200})[\"']|projects\.([\w.]{1,200}))"
)
_ANOTHER = re.compile(r"[^\"'\n]{0,100}[\"']\)?[ \t]{0,20},\s{0,40}[\"']([\w.-]{1,200}:[\w.-]{1,200})")
"""The next of several that one call names."""
_WORKS = ("implementation", "api", "compile", "compileonly", "runtimeonly", "runtime", "developmentonly", "provided", "providedcompile")  # fmt: skip


def dependencies(text: str, path: str, catalog: Catalog) -> Iterator[Needed]:
    """Libraries that the program itself uses; another project of the build is `project:its:path`."""
    for match in _DEPENDENCY.finditer(text):
        configuration = match[1].lower()
        if "test" in configuration or not configuration.endswith(_WORKS):
            continue
        if match[2]:
            yield Needed(match[2], path)
            more = _ANOTHER.match(text, match.end())
            while more:
                yield Needed(more[1], path)
                more = _ANOTHER.match(text, more.end())
        elif match[3]:
            yield Needed(f"{match[3]}:{match[4]}", path)
        elif match[5] == "ktorLibs":
            yield Needed("io.ktor:ktor-" + match[6].replace(".", "-"), path)
        elif match[5]:
            for library in catalog.libraries.get(match[6].removesuffix(".get"), []):
                yield Needed(library, path)
        elif match[7]:
            yield Needed(f"project:{match[7]}", path)
        else:
            yield Needed("project:" + re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", match[8]).lower().replace(".", ":"), path)


@dataclass(frozen=True)
class Build:
    """A Gradle project as one reads it."""

    name: str
    """The file in its own folder that says most."""
    head: str
    text: str
    catalog: Catalog
    plugins: dict[str, str]
