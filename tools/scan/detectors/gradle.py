"""Gradle: what a project's build file, its conventions, the build above it and its version catalog say together."""

from __future__ import annotations

import posixpath
import re

from ..draft import Draft
from .gradle_text import (  # fmt: skip
    BUILD,
    MOST,
    SETTINGS,
    Build,
    Catalog,
    build_file,
    catalog,
    cut,
    dependencies,
    included,
    plain,
    plugins,
    project_of,
)
from .gradle_versions import is_android, versions
from .jvm import Needed, conclude, databases, has_main
from .jvm_settings import Settings, settings

_TESTS = ("testing", "buildscript", "dependencyManagement")
_BUILDS_BUILDS = re.compile(r"(^|/)(buildSrc|build-logic|buildLogic|build-plugins|build-conventions)(/|$)")


def detect(draft: Draft) -> None:
    """Add what Gradle's files say."""
    head = project_of(draft)
    own = next((name for name in BUILD if draft.has(name)), "")
    name = own or next((name for name in SETTINGS if draft.has(name)), "")
    if not name or _is_no_service(draft, head, name):
        return
    build = _build(draft, head, name)
    if any(re.search(r"(^|\.)android\.test$", identity) for identity in build.plugins):
        return
    for each in (*BUILD, *SETTINGS):
        if draft.has(each):
            draft.manifest(each)
    draft.manager("gradle", name)
    if draft.has("gradle.lockfile"):
        draft.lockfile("gradle.lockfile")
    members = {path: folder for path, folder in included(draft, head).items() if folder != draft.root}
    if head == draft.root:
        draft.members += members.values()
        _name(draft)
    gradle = _wrapper(draft, head)
    draft.command("install", f"{gradle} dependencies", name, "", 0.6)
    draft.command("build", f"{gradle} build", name, "", 0.9)
    draft.command("test", f"{gradle} test", name, "", 0.9)
    versions(draft, build)
    empty = not any(path.startswith(draft.tree.inside(draft.root) + "src/") for path in draft.files)
    if not own or (members and head == draft.root and empty):
        return
    _judge(draft, build, gradle, members)


def _is_no_service(draft: Draft, head: str, name: str) -> bool:
    """Plugins that build the build, and the Android shell of an app that another tool makes."""
    if _BUILDS_BUILDS.search(draft.root) or _BUILDS_BUILDS.search(head):
        return True
    if draft.root != "." and re.search(r"\bkotlin-dsl\b|\bgroovy-gradle-plugin\b", draft.text(name)):
        return True
    shell = draft.root if draft.root.rpartition("/")[2] == "android" else posixpath.dirname(draft.root)
    if shell.rpartition("/")[2] != "android":
        return False
    above = posixpath.dirname(shell)
    package = draft.tree.texts.get(posixpath.join(above, "package.json"), "")
    return posixpath.join(above, "pubspec.yaml") in draft.tree.files or bool(
        re.search(r"\"(?:react-native|expo|@capacitor/core|cordova)\"", package)
    )


def _build(draft: Draft, head: str, name: str) -> Build:
    libs = catalog(draft, head)
    path = draft.at(name)
    text = plain(draft.tree.texts.get(path, "")) if name in BUILD else ""
    text, _ = cut(text, "subprojects", *_TESTS)
    above = build_file(draft, head) if head != draft.root else ""
    if above:
        _, shared = cut(plain(draft.tree.texts.get(above, "")), "subprojects", "allprojects")
        text += "\n" + cut(shared, *_TESTS)[0]
    text = _with_conventions(draft, head, text, libs)
    found = plugins(text, libs)
    fixed = plugins(plain(draft.tree.texts.get(above, "")), libs, unapplied=True) if above else {}
    applied = {identity: version or fixed.get(identity, "") for identity, version in found.items()}
    top = plain(draft.tree.texts.get(build_file(draft, head), ""))
    if (tools := re.search(r"\bcom\.android\.tools\.build:gradle:(\d[\w.-]{0,20})", top)) and is_android(applied):
        applied["com.android.tools.build"] = tools[1]
    return Build(name, head, text, libs, applied)


def _with_conventions(draft: Draft, head: str, text: str, libs: Catalog) -> str:
    """The text with that of the project's own plugins and of scripts that it applies."""
    seen: set[str] = set()
    parts, queue = [text], [text]
    while queue and len(seen) < MOST:
        current = queue.pop()
        files = [path for identity in plugins(current, libs) for path in _convention(draft, identity)]
        applied = re.findall(r"\bapply[ \t(]{1,9}from[ \t]*[:=][^\"'\n]{0,40}[\"']([^\"'\n]{1,200})[\"']", current)
        for file in applied:
            inner = re.sub(r"^(\$\{?rootDir\}?|\$\{?rootProject\.projectDir\}?|\$projectDir)/", "", file)
            files += [
                posixpath.normpath(posixpath.join(base, inner)) for base in ("" if head == "." else head, draft.root)
            ]
        for path in files:
            if path in draft.tree.texts and path not in seen:
                seen.add(path)
                queue.append(plain(draft.tree.texts[path]))
                parts.append(queue[-1])
    return "\n".join(parts)


def _convention(draft: Draft, identity: str) -> list[str]:
    by_name = draft.tree.by_name
    return [
        path for end in (".gradle.kts", ".gradle") for path in by_name.get(identity + end, []) if "/src/main/" in path
    ][:1]


def _name(draft: Draft) -> None:
    for name in SETTINGS:
        if found := re.search(r"\brootProject\.name[ \t]*=[ \t]*[\"']([^\"'\n]{1,80})", plain(draft.text(name))):
            draft.name = draft.name or found[1]


def _wrapper(draft: Draft, head: str) -> str:
    """`./gradlew`, that of the build above, or the program on PATH."""
    depth = 0 if head == draft.root else draft.root.count("/") + 1 - (0 if head == "." else head.count("/") + 1)
    for up in range(depth + 1):
        folder = draft.root if draft.root != "." else ""
        for _ in range(up):
            folder = posixpath.dirname(folder)
        if posixpath.join(folder, "gradlew") in draft.tree.files:
            return ("../" * up or "./") + "gradlew"
    return "gradle"


_STARTS = (
    ("org.springframework.boot", "bootRun"), ("spring-boot", "bootRun"), ("org.grails.grails-web", "bootRun"), ("io.quarkus", "quarkusDev"),
    ("io.vertx.vertx-plugin", "vertxRun"), ("org.gretty", "appRun"), ("application", "run"), ("io.micronaut.application", "run"),
    ("io.ktor.plugin", "run"), ("org.openjfx.javafxplugin", "run"),
)  # fmt: skip
_PUBLISHES = ("maven-publish", "java-library", "java-gradle-plugin", "signing", "com.vanniktech.maven.publish", "com.android.library",
              "com.android.dynamic-feature", "com.android.kotlin.multiplatform.library")  # fmt: skip


def _judge(draft: Draft, build: Build, gradle: str, members: dict[str, str]) -> None:
    path = f"/{draft.at(build.name)}"
    needed = list(dependencies(build.text, path, build.catalog))
    needed += [Needed(identity, path, version) for identity, version in build.plugins.items()]
    config = settings(draft, *(["config.yml"] if any("dropwizard" in one.name for one in needed) else []))
    # A plugin of the build's own that is called so applies the real one.
    if any(re.search(r"(^|\.)android\.application$", identity) for identity in build.plugins):
        _app(draft, build, gradle, needed, config)
        return
    main = has_main(draft)
    start, key = next(
        ((f"{gradle} {task}", identity) for identity, task in _STARTS if identity in build.plugins), ("", "")
    )
    if not start and re.search(r"\bcompose\.desktop\b", build.text) and "org.jetbrains.compose" in build.plugins:
        start, key = f"{gradle} run", "compose.desktop"
        draft.framework("Compose Multiplatform", build.name, key, 0.9)
    named = re.search(r"\bmainClass(?:Name)?\b", build.text) is not None or key in (
        "io.quarkus",
        "org.grails.grails-web",
    )
    plain_jar = re.search(
        r"\bbootJar[ \t]*\{[^{}]{0,200}\benabled[ \t]*=[ \t]*false|bootJar\.enabled[ \t]*=[ \t]*false", build.text
    )
    starts = bool(start) and not plain_jar and (named or main is not False)
    published = any(identity in _PUBLISHES for identity in build.plugins)
    runs = starts or "war" in build.plugins or (bool(main) and not published and not plain_jar)
    if runs:
        needed += _of_others(draft, build, needed, members)
    conclude(draft, build.name, needed, config, runs=runs)
    if key == "compose.desktop" and runs:
        draft.role("frontend", 0.8)
    if "war" in build.plugins and draft.best_role == "job":
        draft.role("backend", 0.6)
    if starts:
        draft.command("start", start, build.name, key, 0.95 if named or main else 0.85)
        if key == "io.quarkus":
            draft.command("dev", start, build.name, key, 0.95)


def _app(draft: Draft, build: Build, gradle: str, needed: list[Needed], config: Settings) -> None:
    """An Android app: it is put on a device by the IDE, so there is no command that starts it."""
    draft.framework("Android", build.name, "com.android.application", 0.95)
    if any(one.name.startswith("androidx.compose") for one in needed) or re.search(
        r"\bcompose[ \t]*=[ \t]*true", build.text
    ):
        draft.framework("Jetpack Compose", build.name, "compose", 0.8)
    draft.role("frontend", 0.95)
    databases(draft, needed, config)
    draft.command("build", f"{gradle} assembleDebug", build.name, "com.android.application", 0.92)


def _of_others(draft: Draft, build: Build, needed: list[Needed], members: dict[str, str]) -> list[Needed]:
    """The libraries that come with the build's own projects that this one uses."""
    found: list[Needed] = []
    seen: set[str] = set()
    queue = [one.name for one in needed if one.name.startswith("project:")]
    while queue and len(seen) < 60:
        name = queue.pop(0).removeprefix("project:")
        if name in seen:
            continue
        seen.add(name)
        path = build_file(draft, members.get(name, name.replace(":", "/")))
        text, _ = cut(plain(draft.tree.texts.get(path, "")), *_TESTS)
        for one in dependencies(text, f"/{path}", build.catalog):
            if one.name.startswith("project:"):
                queue.append(one.name)
            else:
                found.append(one)
    return found
