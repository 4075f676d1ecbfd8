"""Java and Kotlin: Maven's pom.xml and Gradle as far as it is declarative; Spring Boot, Quarkus and their kin."""

from __future__ import annotations

import re

from ..draft import Draft
from ..parse import Broken, xml
from ..text import safe
from .base import Detector, Known

FRAMEWORKS = {
    "spring-boot": Known("Spring Boot", "backend", 8080, 0.95),
    "quarkus": Known("Quarkus", "backend", 8080, 0.95),
    "micronaut": Known("Micronaut", "backend", 8080, 0.9),
    "ktor-server": Known("Ktor", "backend", 8080, 0.9),
    "javalin": Known("Javalin", "backend", 7070, 0.9),
    "vertx": Known("Vert.x", "backend", 8080, 0.7),
    "dropwizard": Known("Dropwizard", "backend", 8080, 0.9),
    "com.android.application": Known("Android", "frontend", 0, 0.95),
}
CLIENTS = {
    "org.postgresql": "postgresql",
    "mysql-connector": "mysql",
    "mariadb-java-client": "mysql",
    "jedis": "redis",
    "lettuce-core": "redis",
    "data-redis": "redis",
    "mongodb": "mongodb",
    "amqp": "rabbitmq",
    "kafka": "kafka",
    "sqlite-jdbc": "sqlite",
    "com.h2database": "h2",
}
PATTERNS = (
    ("env", "getenv", r"getenv\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("java-main", "main(", r"(public static void main|^fun main\()"),
)
GRADLE = ("build.gradle", "build.gradle.kts")
SETTINGS = ("settings.gradle", "settings.gradle.kts")


def detect(draft: Draft) -> None:
    """Add what Maven's or Gradle's files say."""
    if draft.has("pom.xml"):
        _maven(draft)
    for name in GRADLE:
        if draft.has(name):
            _gradle(draft, name)
    for name in SETTINGS:
        for path in re.findall(
            r"[\"']:?([\w:-]+)[\"']",
            " ".join(re.findall(r"include[ \t]*\(?([^)\n]*(?:,[ \t]*\n[^)\n]*)*)", draft.text(name))),
        ):
            draft.members.append(draft.at(path.replace(":", "/")))
    for name in ("application.properties", "application.yml", "application.yaml"):
        for path in draft.named(name):
            text = draft.tree.texts.get(path, "")
            if port := re.search(r"server\.port\s*[=:]\s*(?:\$\{[A-Z_]+:)?(\d{2,5})", text) or re.search(
                r"^server:[ \t]*\n(?:[ \t]*\n){0,5}[ \t]+port:[ \t]*(?:\$\{[A-Z_]+:)?(\d{2,5})", text, re.MULTILINE
            ):
                draft.port(int(port[1]), path, "server.port", 0.95)
            for variable in re.findall(r"\$\{([A-Z][A-Z0-9_]{1,63})(?::[^${}\n]*)?\}", text):
                draft.variable(variable, path, f"${{{variable}}}", 0.9)
            for kind in re.findall(r"jdbc:(postgresql|mysql|mariadb|sqlite|h2)", text):
                draft.database("mysql" if kind == "mariadb" else kind, path, f"jdbc:{kind}", 0.9)


def _maven(draft: Draft) -> None:
    draft.manifest("pom.xml")
    draft.manager("maven", "pom.xml")
    maven = "./mvnw" if draft.has("mvnw") else "mvn"
    try:
        pairs = xml(draft.text("pom.xml"))
    except Broken as error:
        draft.finding(f"{safe(draft.at('pom.xml'))} could not be read: {error}", "pom.xml", rule="unreadable")
        pairs = []
    facts = {path: text for path, text in reversed(pairs) if text}
    draft.name = draft.name or facts.get("project/artifactId", "")
    for key in ("maven.compiler.release", "java.version", "maven.compiler.source", "maven.compiler.target"):
        if version := re.fullmatch(r"[\d.]+", facts.get(f"project/properties/{key}", "")):
            draft.runtime("java", version[0], "pom.xml", f"properties.{key}")
            break
    else:
        draft.runtime("java", "", "pom.xml")
    draft.members += [draft.at(text) for path, text in pairs if path == "project/modules/module" and text]
    texts = [
        (path, text)
        for path, text in pairs
        if re.search(r"(dependency|plugin|parent)/(groupId|artifactId)$", path) and text
    ]
    _known(draft, "pom.xml", [text for path, text in texts if "dependencyManagement" not in path or "bom" in text])
    draft.command("install", f"{maven} dependency:go-offline", "pom.xml", "", 0.8)
    draft.command("build", f"{maven} package", "pom.xml", "", 0.9)
    draft.command("test", f"{maven} test", "pom.xml", "", 0.9)
    _start(draft, "pom.xml", {"Spring Boot": f"{maven} spring-boot:run", "Quarkus": f"{maven} quarkus:dev"})
    if facts.get("project/packaging") == "pom" or any(p == "project/modules/module" for p, _ in pairs):
        draft.roles.clear()


def _gradle(draft: Draft, name: str) -> None:
    draft.manifest(name)
    draft.manager("gradle", name)
    gradle = "./gradlew" if draft.has("gradlew") else "gradle"
    text = re.sub(r"//[^\n]*|(?s:/\*.*?(?:\*/|\Z))", "", draft.text(name))
    project = next(
        (re.search(r"rootProject\.name\s*=\s*[\"']([^\"']+)", draft.text(s)) for s in SETTINGS if draft.has(s)), None
    )
    draft.name = draft.name or (project[1] if project else "")
    version = re.search(
        r"(?:JavaLanguageVersion\.of\(|jvmToolchain\(|JavaVersion\.VERSION_|sourceCompatibility\s*=\s*[\"']?)(\d+(?:[._]\d+)?)",
        text,
    )
    draft.runtime("java", version[1].replace("_", ".") if version else "", name, "java toolchain" if version else "")
    _known(draft, name, re.findall(r"[\"']([\w.:-]+)[\"']", text))
    if draft.has("gradle.lockfile"):
        draft.lockfile("gradle.lockfile")
    draft.command("install", f"{gradle} dependencies", name, "", 0.6)
    draft.command("build", f"{gradle} build", name, "", 0.9)
    draft.command("test", f"{gradle} test", name, "", 0.9)
    starts = {"Spring Boot": f"{gradle} bootRun", "Quarkus": f"{gradle} quarkusDev"}
    if re.search(r"[\"'( ]application[\"'\s)]", text):
        starts[""] = f"{gradle} run"
    _start(draft, name, starts)


def _known(draft: Draft, manifest: str, words: list[str]) -> None:
    for word in words:
        for part, known in FRAMEWORKS.items():
            if part in word:
                draft.framework(known.name, manifest, word, known.confidence)
                draft.role(known.role, known.confidence)
                if known.port:
                    draft.port(known.port, manifest, f"the default of {known.name}", 0.6)
        for part, database in CLIENTS.items():
            if part in word:
                draft.database(database, manifest, word)


def _start(draft: Draft, manifest: str, starts: dict[str, str]) -> None:
    for framework, command in starts.items():
        if framework in draft.frameworks or not framework:
            draft.command("start", command, manifest, framework, 0.9)
            draft.role("job", 0.3)
            return
    if not draft.hits("java-main"):
        draft.role("library", 0.5)


DETECTOR = Detector(
    name="java",
    manifests=("pom.xml", *GRADLE, *SETTINGS),
    detect=detect,
    reads=("application.properties", "application.yml", "application.yaml"),
    lockfiles=("gradle.lockfile",),
    languages=("Java", "Kotlin"),
    patterns={".java": PATTERNS, ".kt": PATTERNS},
)
