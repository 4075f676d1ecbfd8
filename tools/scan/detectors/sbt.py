"""sbt: build.sbt and what lies in `project`, as far as they are plain declarations; a build is one service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..draft import Draft
from .gradle_text import plain
from .jvm import Needed, conclude, has_main, known
from .jvm_settings import settings

HELPERS = ("Dependencies.scala", "Versions.scala", "BuildSettings.scala", "Settings.scala", "Common.scala")
"""Files in `project` that by habit hold what build.sbt speaks of."""
READS = ("*.sbt", "build.properties", *HELPERS)
MOST = 200
_PROJECT = re.compile(r"^(?:lazy )?val `?([\w-]{1,60})`?(?:[ \t]*:[^=\n]{1,60})?[ \t]*=", re.MULTILINE)
_DEPENDENCY = re.compile(
    r"\"([\w.-]{1,100})\"[ \t\r\n]{0,20}%{1,3}[ \t\r\n]{0,20}s?\"([\w.-]{1,100})[^\"\n]{0,60}\"([^,)\n]{0,120})"
)
_NAMED = re.compile(rf"\bval (\w{{1,60}})(?:[ \t]*:[^=\n]{{1,60}})?[ \t]*=\s{{0,20}}{_DEPENDENCY.pattern}")
_TEST = re.compile(r"%[ \t]*\"?(?:it,)?(?:test|IntegrationTest)\b", re.IGNORECASE)
_JAVA = (
    re.compile(r"\"-{1,2}(?:release|java-output-version|source|target)\"[ \t]*,[ \t]*\"(1\.\d|\d{1,2})\""),
    re.compile(r"\"-(?:release|java-output-version|target):(?:jvm-)?(1\.\d|\d{1,2})\""),
)


@dataclass(frozen=True)
class Project:
    """One project of the build."""

    name: str
    folder: str
    """Relative to the build's root."""
    text: str


def detect(draft: Draft) -> None:
    """Add what build.sbt and its neighbours say."""
    if not draft.has("build.sbt"):
        return
    name = draft.root.rpartition("/")[2]
    if name == "project":
        return  # A build of the build above it.
    text = _without_comments(draft, "build.sbt")
    for other in draft.beside:
        if other.endswith(".sbt") and other != "build.sbt":
            text += "\n" + _without_comments(draft, other)
    helpers = [draft.at(f"project/{file}") for file in HELPERS]
    helper = "\n".join(plain(draft.tree.texts.get(path, "")) for path in helpers)
    added = "\n".join(
        plain(content)
        for path, content in draft.tree.texts.items()
        if re.fullmatch(r"project/[\w.-]+\.sbt", draft.inner(path))
    )
    draft.manifest("build.sbt")
    key = "sbt.version" if draft.has("project/build.properties") else ""
    draft.manager("sbt", "project/build.properties" if key else "build.sbt", key)
    if draft.has("build.sbt.lock"):
        draft.lockfile("build.sbt.lock")
    projects = list(_projects(text))
    draft.members += [draft.at(one.folder) for one in projects if one.folder != "."]
    _name(draft, f"{text}\n{helper}", projects)
    above = _above(draft)
    text += f"\n{above[1].text}" if above else ""
    _versions(draft, f"{text}\n{above[0]}" if above else text, helper)
    needed = list(_needed(draft, text, helper))
    if re.search(
        r"\benablePlugins\([^)]{0,200}\bPlay(?:Scala|Java|Service|MinimalJava)\b|\bPlay(?:Scala|Java)\b", text
    ):
        needed.append(Needed("org.playframework:play", f"/{draft.at('build.sbt')}"))
    runs = _judge(draft, text, needed)
    # A project of a build above is run from there, by the name that it has there.
    if not above:
        _commands(draft, text, added, needed, projects, runs=runs)


def _without_comments(draft: Draft, name: str) -> str:
    return plain(draft.text(name))


def _projects(text: str) -> Iterator[Project]:
    starts = list(_PROJECT.finditer(text))[:MOST]
    for at, found in enumerate(starts):
        end = starts[at + 1].start() if at + 1 < len(starts) else len(text)
        chunk = text[found.end() : end]
        head = chunk[:300].lstrip(" \t\r\n(")
        if not re.match(r"(?:project|Project|crossProject|projectMatrix)\b", head):
            continue
        folder = re.search(r"\bfile\([ \t]*\"([\w./-]{1,200})\"", head)
        identity = re.match(r"Project\([ \t]*(?:id[ \t]*=[ \t]*)?\"([\w-]{1,60})\"", head)
        place = folder[1].removeprefix("./").rstrip("/") if folder else found[1]
        yield Project(identity[1] if identity else found[1], place or ".", chunk)


def _name(draft: Draft, text: str, projects: list[Project]) -> None:
    root = next((one.text for one in projects if one.folder == "."), "")
    for part in (root, text):
        if found := re.search(r"(?:^|[\s(,])name[ \t]*:=[ \t]*(\"{1,3}[^\"\n]{1,80}\"|\w{1,60})", part):
            draft.name = draft.name or _literal(found[1], text)


def _versions(draft: Draft, text: str, helper: str) -> None:
    java = next((found for expression in _JAVA if (found := expression.search(text))), None)
    draft.runtime("java", java[1] if java else "", "build.sbt", "javacOptions" if java else "")
    for said in re.findall(r"\bscalaVersion[ \t]*:=[ \t]*([^\n,)]{1,80})", text)[:20]:
        version = _literal(said, f"{text}\n{helper}")
        if re.match(r"\d", version):
            draft.runtime("scala", version, "build.sbt", "scalaVersion")
            return


def _literal(said: str, text: str) -> str:
    """The string that stands there, or the one that the name there stands for."""
    if literal := re.match(r"\"{1,3}([^\"\n]{1,80})\"", said):
        return literal[1]
    name = re.match(r"(?:\w{1,40}\.){0,3}`?(\w{1,60})", said)
    given = r"`?(?:[ \t]*:[ \t]*String)?[ \t]*=[ \t]*\"([^\"\n]{1,80})\""
    found = re.search(rf"\b(?:val|def) `?{name[1]}{given}", text) if name else None
    return found[1] if found else ""


def _needed(draft: Draft, text: str, helper: str) -> Iterator[Needed]:
    """Libraries that the build names; of those in Dependencies.scala the ones that build.sbt speaks of."""
    build = f"/{draft.at('build.sbt')}"
    for group, artifact, rest in _DEPENDENCY.findall(text):
        if not _TEST.search(rest):
            yield Needed(f"{group}:{artifact}", build)
    words = set(re.findall(r"\w+", text))
    path = f"/{draft.at('project/Dependencies.scala')}"
    for name, group, artifact, rest in _NAMED.findall(helper):
        # Sequences in that file may hold the name; a name that is nowhere but there says no less.
        if not _TEST.search(rest) and (name in words or helper.count(name) > 1):
            yield Needed(f"{group}:{artifact}", path)
    for group, artifact, rest in _DEPENDENCY.findall(_NAMED.sub("", helper)):
        if not _TEST.search(rest):
            yield Needed(f"{group}:{artifact}", path)


def _judge(draft: Draft, text: str, needed: list[Needed]) -> bool:
    """Add frameworks, role and ports; whether something can be run."""
    play = any(one.name.startswith(("org.playframework:play", "com.typesafe.play:play")) for one in needed)
    browser = "ScalaJSPlugin" in text and not any(found.role == "backend" for _, found in known(needed))
    config = settings(draft)
    runs = play or (not browser and (has_main(draft) is True or bool(draft.hits("scala-main"))))
    conclude(draft, "build.sbt", needed, config, runs=runs)
    if browser:
        draft.framework("Scala.js", "build.sbt", "ScalaJSPlugin", 0.9)
        draft.role("frontend", 0.85)
    return runs


def _commands(
    draft: Draft, text: str, added: str, needed: list[Needed], projects: list[Project], *, runs: bool
) -> None:
    sbt = next((f"./{name}" for name in ("sbt", "sbtx") if draft.has(name)), "sbt")
    play, browser = "Play" in draft.frameworks, "Scala.js" in draft.frameworks
    draft.command("install", f"{sbt} update", "build.sbt", "", 0.8)
    draft.command("test", f"{sbt} test", "build.sbt", "", 0.9)
    task = "fullLinkJS" if browser else "assembly" if "sbt-assembly" in added else "dist" if play else "compile"
    draft.command("build", f"{sbt} {task}", "build.sbt", "", 0.85)
    provided = re.search(r"\"org\.apache\.(?:spark|flink)\"[^,)\n]{0,160}%[ \t]*\"?provided", text, re.IGNORECASE)
    if not runs or provided:
        return
    if re.search(r"\bScalatraPlugin\b|\bJettyPlugin\b", text):
        # A servlet in the container that this plugin brings.
        draft.command("start", f"{sbt} ~Jetty/start", "build.sbt", "ScalatraPlugin", 0.7)
        return
    app, sure = _app(draft, needed, projects)
    draft.command("start", f"{sbt} {app}run", "build.sbt", app.rstrip("/"), sure)
    if "sbt-revolver" in added:
        draft.command("dev", f"{sbt} ~{app}reStart", "project/plugins.sbt", "sbt-revolver", 0.8)


def _above(draft: Draft) -> tuple[str, Project] | None:
    """The text of a build above that has this folder as one of its projects, and what it says of it."""
    for path in draft.tree.by_name.get("build.sbt", []) if draft.root != "." else ():
        folder = path.rpartition("/")[0]
        inside = f"{folder}/" if folder else ""
        if folder != draft.root and draft.root.startswith(inside):
            text = plain(draft.tree.texts.get(path, ""))
            for project in _projects(text):
                if project.folder == draft.root.removeprefix(inside):
                    return text, project
    return None


def _app(draft: Draft, needed: list[Needed], projects: list[Project]) -> tuple[str, float]:
    """The project to run (`api/`, or nothing for the root), and how sure that is."""
    mains = [draft.inner(hit.path) for hit in draft.hits("scala-main", "jvm-main")]
    nested = [one for one in projects if one.folder != "."]
    apps = [
        one
        for one in nested
        if re.search(r"\bPlay(?:Scala|Java|Service)\b", one.text)
        or any(main.startswith(f"{one.folder}/") for main in mains)
    ]
    if not apps:
        return "", 0.9 if len(mains) < 2 else 0.6
    own = [main for main in mains if not any(main.startswith(f"{one.folder}/") for one in nested)]
    if own:
        return "", 0.7
    servers = {found.name for _, found in known(needed) if found.role == "backend"}
    serving = [one for one in apps if _serves(one.text, servers)] or apps
    several = sum(main.startswith(f"{serving[0].folder}/") for main in mains) > 1
    return f"{serving[0].name}/", 0.6 if several or len(serving) > 1 else 0.9


def _serves(text: str, servers: set[str]) -> bool:
    names = [Needed(f"{group}:{artifact}", "") for group, artifact, _ in _DEPENDENCY.findall(text)]
    return bool(re.search(r"\bPlay(?:Scala|Java|Service)\b", text)) or any(
        found.name in servers for _, found in known(names)
    )
