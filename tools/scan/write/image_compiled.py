"""Images of compiled services: Go, Rust, the JVM and .NET. What runs has no compiler in it."""

from __future__ import annotations

import re
import shlex
from typing import cast

from ...fingerprint import Service
from .. import parse
from .base import Seen, command, port
from .image import HEAD, PLAIN, USER, Image, Place, apt, cached, copy, ending, keys, place, probe
from .releases import release

READ = (
    "templates", "static", "public", "views", "web", "assets", "migrations", "config", "configs", "conf", "i18n", "locales",
)  # fmt: skip
"""Folders that programs read while they run."""


def _beside(service: Service, seen: Seen, where: Place, user: str = "") -> list[str]:
    """Copy what the program reads while it runs from the stage that has the source."""
    source = "/src" if where.alone else f"/src/{where.inner}"
    owner = f" --chown={user}" if user else ""
    return [f"COPY --from=build{owner} {source}/{name} ./{name}" for name in READ if seen.has(service.root, name)]


def go(service: Service, seen: Seen) -> Image | str:
    """The image, or why there is none."""
    start = re.fullmatch(r"go run ([\w./@+-]+)", command(service, "start"))
    if not start:
        return "it is not known which package is its program"
    where, version, listens = place(service, seen), release("go", service.runtimes), port(service)
    # These two call C: the program needs the C library of the system that it was built on.
    cgo = bool(
        keys(service)
        & {"github.com/mattn/go-sqlite3", "gorm.io/driver/sqlite", "github.com/confluentinc/confluent-kafka-go"}
    )
    sums = [name for name in ("go.sum",) if seen.has(service.root, name)]
    early = where.alone and not seen.has(service.root, "vendor")
    modules, builds = "/go/pkg/mod", "/root/.cache/go-build"
    package = start[1]
    return Image(
        (
            HEAD,
            f"FROM golang:{version} AS build",
            "WORKDIR /src",
            *([copy("go.mod", *sums), *cached("go mod download", modules)] if early else []),
            "COPY . .",
            *([] if where.alone else [f"WORKDIR /src/{where.inner}"]),
            *cached(
                f'CGO_ENABLED={int(cgo)} go build -trimpath -ldflags="-s -w" -o /out/app {package}', modules, builds
            ),
            "",
            f"FROM gcr.io/distroless/{'base' if cgo else 'static'}-debian13:nonroot",
            "WORKDIR /app",
            "COPY --from=build /out/app /usr/local/bin/app",
            *_beside(service, seen, where),
            *ending("nonroot", listens, ["/usr/local/bin/app"]),
        ),
        where.context,
        listens,
    )


def rust(service: Service, seen: Seen) -> Image | str:
    """The image, or why there is none."""
    where, version, listens = place(service, seen), release("rust", service.runtimes), port(service)
    package = _cargo(seen.text(service.root, "Cargo.toml"))
    name = _binary(service, package)
    if not name or not PLAIN.fullmatch(name):
        return "it is not known which binary is its program"
    locked = " --locked" if service.lockfiles else ""
    member = (
        ""
        if where.alone
        else f" --package {shlex.quote(parse.string(parse.table(package, 'package').get('name')) or name)}"
    )
    build = f"cargo build --release{locked}{member} --bin {name}"
    libraries = ["ca-certificates", "libssl3"]
    libraries += (
        ["libpq5"] if any(fact.value == "postgresql" for fact in service.databases) and "diesel" in str(package) else []
    )
    libraries += ["libsqlite3-0"] if any(fact.value == "sqlite" for fact in service.databases) else []
    return Image(
        (
            HEAD,
            # What is built on an older Debian runs on a newer one; older compilers have no image on the newer one.
            f"FROM rust:{version}-{'trixie' if version == '1' else 'bookworm'} AS build",
            "WORKDIR /src",
            "COPY . .",
            *cached(
                f"{build} && install -D target/release/{name} /out/app",
                "/usr/local/cargo/registry",
                "/src/target",
            ),
            "",
            "FROM debian:trixie-slim",
            *apt(*libraries),
            USER,
            "WORKDIR /app",
            "COPY --from=build /out/app /usr/local/bin/app",
            *_beside(service, seen, where, "app:app"),
            *ending("app", listens, ["/usr/local/bin/app"]),
        ),
        where.context,
        listens,
        probe("bash", listens),
        ("target",),
    )


def _cargo(text: str) -> dict[str, object]:
    try:
        return parse.toml(text)
    except parse.Broken:
        return {}


def _binary(service: Service, package: dict[str, object]) -> str:
    """The program's name: what `cargo run` is told, else the only one there is."""
    told = re.search(r"--bin[= ](\S+)", command(service, "start"))
    bins = package.get("bin")
    rows = cast(list[object], bins) if isinstance(bins, list) else []
    named = [parse.string(parse.table(row).get("name")) for row in rows]
    if told or len(named) > 1:
        return told[1] if told else ""
    if not command(service, "start").startswith("cargo run"):
        return ""
    return (named or [parse.string(parse.table(package, "package").get("name"))])[0]


def jvm(service: Service, seen: Seen) -> Image | str:
    """The image, or why there is none."""
    frameworks = {fact.value for fact in service.frameworks}
    manager = next((fact.value for fact in service.managers if fact.value in ("maven", "gradle")), "")
    if not manager or "Android" in frameworks:
        return (
            "Android does not run in a container" if "Android" in frameworks else "neither Maven nor Gradle builds it"
        )
    where, version, listens = place(service, seen), release("java", service.runtimes), port(service)
    build = _maven(service, seen, where) if manager == "maven" else _gradle(service, seen, where)
    output = "target" if manager == "maven" else "build"
    if "Quarkus" in frameworks:
        taken, words = f"mv {_in(where)}{output}/quarkus-app /out", ["java", "-jar", "quarkus-run.jar"]
    elif "Spring Boot" in frameworks or (manager == "maven" and "Micronaut" in frameworks):
        jars = f"{_in(where)}{output if manager == 'maven' else 'build/libs'}/*.jar"
        # Beside the program there may be jars of its sources and of its bare classes, which are smaller.
        taken, words = f'mkdir /out && mv "$(ls -S {jars} | head -n 1)" /out/app.jar', ["java", "-jar", "app.jar"]
    elif manager == "gradle" and re.search(r"gradlew? (?:\S*:)?run$", command(service, "start")):
        taken = f"mv {_in(where)}build/install/* /out && rm -f /out/bin/*.bat && mv /out/bin/* /out/bin/start"
        words = ["/app/bin/start"]
    else:
        return "it is not known what its build makes"
    image = (
        f"maven:3-eclipse-temurin-{version}"
        if build.startswith("mvn")
        else f"gradle:jdk{version}"
        if build.startswith("gradle")
        else f"eclipse-temurin:{version}-jdk"
    )
    cache = "/root/.m2" if manager == "maven" else "/root/.gradle"
    return Image(
        (
            HEAD,
            f"FROM {image} AS build",
            *([] if manager == "maven" else ["ENV GRADLE_USER_HOME=/root/.gradle"]),
            "WORKDIR /src",
            "COPY . .",
            *cached(f"{build} && {taken}", cache),
            "",
            f"FROM eclipse-temurin:{version}-jre",
            USER,
            "WORKDIR /app",
            "COPY --from=build --chown=app:app /out /app",
            *ending("app", listens, words),
        ),
        where.context,
        listens,
        probe("bash", listens),
        ("target", "build", ".gradle") if manager == "gradle" else ("target",),
    )


def _in(where: Place) -> str:
    return "" if where.alone else f"{where.inner}/"


def _maven(service: Service, seen: Seen, where: Place) -> str:
    program = "./mvnw" if seen.has(where.context, "mvnw") else "mvn"
    module = "" if where.alone else f" --projects {where.inner} --also-make"
    return f"{program} --batch-mode -DskipTests{module} package"


def _gradle(service: Service, seen: Seen, where: Place) -> str:
    program = "./gradlew" if seen.has(where.context, "gradlew") else "gradle"
    frameworks = {fact.value for fact in service.frameworks}
    task = "bootJar" if "Spring Boot" in frameworks else "quarkusBuild" if "Quarkus" in frameworks else "installDist"
    module = "" if where.alone else f":{where.inner.replace('/', ':')}:"
    return f"{program} --no-daemon {module}{task}"


def dotnet(service: Service, seen: Seen) -> Image | str:
    """The image, or why there is none."""
    projects = [path for path in service.manifests if re.search(r"\.(?:cs|fs|vb)proj$", path)]
    where, version, listens = place(service, seen), release("dotnet", service.runtimes), port(service)
    if len(projects) != 1 or not PLAIN.fullmatch(projects[0]):
        return (
            "it is not known which of its projects is the program" if projects else "no project file of .NET is known"
        )
    inner = projects[0] if where.context == "." else projects[0].removeprefix(f"{where.context}/")
    name = inner.rpartition("/")[2].rpartition(".")[0]
    web = 'Sdk="Microsoft.NET.Sdk.Web"' in seen.texts.get(projects[0], "") or service.role == "backend"
    listens = listens or (8080 if web else 0)
    packages = "/root/.nuget/packages"
    return Image(
        (
            HEAD,
            f"FROM mcr.microsoft.com/dotnet/sdk:{version} AS build",
            "WORKDIR /src",
            "COPY . .",
            *cached(f"dotnet publish {inner} --configuration Release --output /out -p:UseAppHost=false", packages),
            "",
            f"FROM mcr.microsoft.com/dotnet/{'aspnet' if web else 'runtime'}:{version}",
            *([f"ENV ASPNETCORE_URLS=http://+:{listens}"] if web else []),
            USER,
            "WORKDIR /app",
            "COPY --from=build --chown=app:app /out /app",
            *ending("app", listens, ["dotnet", f"{name}.dll"]),
        ),
        where.context,
        listens,
        probe("bash", listens),
        ("**/bin", "**/obj"),
    )
