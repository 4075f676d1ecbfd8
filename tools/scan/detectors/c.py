"""C and C++: CMake, Meson, Autotools or a plain Makefile; packages from Conan and vcpkg; servers, windows, firmware."""

from __future__ import annotations

import re
from typing import cast

from ..draft import Draft, words
from ..parse import string, table
from ..tree import Hit
from . import c_cmake, c_make
from .base import Detector, Known
from .c_plan import Plan

FRAMEWORKS = {
    "drogon": Known("Drogon", "backend"),
    "crow": Known("Crow", "backend"),
    "oatpp": Known("Oat++", "backend"),
    "pistache": Known("Pistache", "backend"),
    "restinio": Known("RESTinio", "backend"),
    "userver": Known("userver", "backend"),
    "cpprestsdk": Known("C++ REST SDK", "backend", 0, 0.6),
    "civetweb": Known("CivetWeb", "backend"),
    "mongoose": Known("Mongoose", "backend", 0, 0.8),
    "libmicrohttpd": Known("libmicrohttpd", "backend"),
    "uwebsockets": Known("uWebSockets", "backend"),
    "wt": Known("Wt", "backend"),
    "cpp-httplib": Known("cpp-httplib"),
    "grpc": Known("gRPC"),
    "gtk4": Known("GTK", "frontend"),
    "gtk+-3.0": Known("GTK", "frontend"),
    "gtkmm-3.0": Known("GTK", "frontend"),
    "gtkmm-4.0": Known("GTK", "frontend"),
    "wxwidgets": Known("wxWidgets", "frontend"),
    "qt5": Known("Qt"),
    "qt6": Known("Qt"),
    "sdl2": Known("SDL"),
    "sdl3": Known("SDL"),
    "sfml": Known("SFML"),
    "raylib": Known("raylib"),
    "imgui": Known("Dear ImGui"),
    "cli11": Known("CLI11"),
}
ALIASES = {
    "httplib": "cpp-httplib",
    "cpprest": "cpprestsdk",
    "microhttpd": "libmicrohttpd",
    "grpc++": "grpc",
    "qt": "qt6",
}
WINDOWED = frozenset({"widgets", "qt5widgets", "qt6widgets", "gui", "quick", "qml", "quickcontrols2"})
"""Parts of Qt that show something; it is also used without."""
_CLIENTS = {
    "postgresql": "postgresql libpq libpqxx pq pqxx",
    "mysql": "mysqlclient libmysqlclient libmysql mysql mariadb libmariadb mysqlcppconn mysql-connector-cpp mysql++",
    "sqlite": "sqlite3 sqlite sqlitecpp sqlite_orm sqlite-orm",
    "redis": "hiredis redis++ redis-plus-plus cpp_redis",
    "mongodb": "mongocxx mongo-cxx-driver libmongocxx libmongoc-1.0 mongoc",
    "rabbitmq": "rabbitmq-c rabbitmq librabbitmq amqpcpp amqp-cpp",
    "kafka": "rdkafka librdkafka rdkafka++ cppkafka",
    "memcached": "libmemcached memcached",
    "cassandra": "cassandra cassandra-cpp-driver",
    "clickhouse": "clickhouse-cpp clickhouse-cpp-lib",
    "nats": "cnats nats libnats",
}
CLIENTS = {library: database for database, libraries in _CLIENTS.items() for library in libraries.split()}
PATTERNS = (
    ("env", "getenv(", r"\b(?:secure_)?getenv\(\s*\"([A-Z][A-Z0-9_]{1,63})\""),
    ("c-main", "main", r"^(?:int|void|auto)\s{1,4}(main)\s?\("),
    ("c-port", ".port(", r"\.port\(\s*(\d{2,5})\s*\)"),
    ("c-port", "listen", r"\blisten\w{0,24}\(\s*\"[\w.:]{1,40}\"\s*,\s*(\d{2,5})\s*\)"),
    ("c-port", "addListener", r"addListener\(\s*\"[\w.:]{1,40}\"\s*,\s*(\d{2,5})\b"),
    ("c-port", "listen(", r"\.listen\(\s*\"[\w.:]{1,40}\"\s*,\s*(\d{2,5})\b"),
    ("c-port", "listening_ports", r"\"listening_ports\"\s*,\s*\"(\d{2,5})\b"),
    ("c-port", "mg_http_listen", r"mg_http_listen\([^\"\n]{1,60}\"https?://[\w.:\[\]]{1,40}:(\d{2,5})\b"),
    ("c-port", "address", r"\b\w{0,20}address[\s({=]{1,6}\"[\w.\[\]]{1,40}:(\d{2,5})\""),
    ("c-port", "AddListeningPort", r"AddListeningPort\(\s*\"[\w.:\[\]]{1,40}:(\d{2,5})\""),
    ("c-port", "Port(", r"\bPort\(\s*(\d{2,5})\s*\)"),
    ("c-port", "MHD_start_daemon", r"MHD_start_daemon\([^;\n]{0,100}?,\s*(\d{2,5})\s*,"),
    ("c-socket", "htons(", r"\bhtons\(\s*(\d{2,5})\s*\)"),
    ("c-socket", "PORT", r"^[ \t]*#[ \t]*define[ \t]+(?:SERVER_|HTTP_|LISTEN_|DEFAULT_)?PORT[ \t]+\"?(\d{2,5})\b"),
    ("c-setting", "port", r"\b(?:settings|config|cfg|conf|options|opts|server)(?:\.|->)port[ \t]*=[ \t]*(\d{2,5})[ \t]*;"),
    ("c-setting", ".port", r"^[ \t]{1,16}\.port[ \t]*=[ \t]*(\d{2,5})\b"),
    ("c-listen", "listen(", r"(?<![.\w:>])(listen)\(\s*\w{1,40}\s*,"),
    ("c-serves", "ServerBuilder", r"\b(ServerBuilder)\b"),
    ("c-serves", "httplib::", r"\bhttplib::(?:SSL)?(Server)\b"),
)  # fmt: skip
OTHERS = frozenset({
    "pyproject.toml", "setup.py", "package.json", "Cargo.toml", "go.mod", "Gemfile", "composer.json", "DESCRIPTION", "mix.exs",
    "rebar.config", "pom.xml", "build.gradle", "build.gradle.kts",
})  # fmt: skip
"""Beside one of these C is how a package of another language is made, and that language says how."""
KITS = {
    "ESP-IDF": ("idf.py build", "idf.py flash monitor"),
    "Zephyr": ("west build", "west flash"),
    "Pico SDK": ("cmake -B build && cmake --build build", ""),
    "ROS 2": ("colcon build", ""),
    "ROS": ("catkin_make", ""),
}
"""(build, start) of development kits."""


def detect(draft: Draft) -> None:
    """Add what the build description and the package lists say."""
    if draft.has("portfile.cmake") or draft.root.rpartition("/")[2] == "test_package":
        return  # a recipe for somebody else's library, or the trial of one's own
    if draft.has("platformio.ini"):
        _platformio(draft)
        return
    plans = [plan for plan in (c_cmake.read(draft), c_make.meson(draft), c_make.autotools(draft)) if plan]
    second = any(name in OTHERS for name in draft.beside)
    if not plans and not second and (plan := c_make.plain(draft)):
        plans = [plan]
    for rank, plan in enumerate(plans):
        draft.manifest(plan.path)
        draft.manager(plan.system, plan.path, "", 0.5 if rank or second else 1.0)
    if not plans:
        if any(draft.has(name) for name in ("vcpkg.json", "conanfile.txt", "conanfile.py")):
            _packages(draft, Plan("", ""))
        return
    plan = plans[0]
    draft.tool(plan.system, plan.path, "", plan.least)
    draft.name = draft.name or plan.name
    _packages(draft, plan)
    _used(draft, plan)
    if second:
        return
    _commands(draft, plan)
    _roles(draft, plan)


def _packages(draft: Draft, plan: Plan) -> None:
    """Conan's and vcpkg's lists; they also change how one builds."""
    if draft.has("vcpkg.json"):
        content = draft.json("vcpkg.json")
        draft.manifest("vcpkg.json")
        draft.manager("vcpkg", "vcpkg.json", "", 0.95)
        draft.name = draft.name or string(content.get("name"))
        listed = content.get("dependencies")
        for one in cast(list[object], listed) if isinstance(listed, list) else ():
            plan.word(string(one) or string(table(one).get("name")), "vcpkg.json", "dependencies")
        draft.command("install", "vcpkg install", "vcpkg.json", "", 0.9)
        if plan.system == "cmake" and not draft.has("CMakePresets.json"):
            chain = '-DCMAKE_TOOLCHAIN_FILE="$VCPKG_ROOT/scripts/buildsystems/vcpkg.cmake"'
            plan.commands["build"] = (f"cmake -B build {chain} && cmake --build build", "vcpkg.json", 0.8)
    recipe = next((name for name in ("conanfile.py", "conanfile.txt") if draft.has(name)), "")
    if recipe:
        _conan(draft, plan, recipe)


def _conan(draft: Draft, plan: Plan, recipe: str) -> None:
    draft.manifest(recipe)
    draft.manager("conan", recipe, "", 0.95)
    if draft.has("conan.lock"):
        draft.lockfile("conan.lock")
    text = re.sub(r"(?m)(?:^|[ \t])#[^\n]*", "", draft.text(recipe))
    for word in re.findall(r"(?:^|[\"'(\[ \t])([a-z0-9_][a-z0-9_+.-]{1,60})/(?:\d|\[|cci)", text, re.MULTILINE):
        plan.word(word, recipe, "requires")
    layout = "cmake_layout" in text
    if recipe == "conanfile.py":
        draft.command("install", "conan install . --build=missing", recipe, "", 0.9)
        if "def build(" in text and plan.system:
            plan.commands["build"] = ("conan build . --build=missing", recipe, 0.85)
    elif layout:
        draft.command("install", "conan install . --build=missing", recipe, "", 0.9)
    else:
        draft.command("install", "conan install . --output-folder=build --build=missing", recipe, "", 0.85)
    if (
        recipe == "conanfile.txt"
        and plan.system == "cmake"
        and "CMakeToolchain" in text
        and not draft.has("CMakePresets.json")
    ):
        if layout:
            build = "cmake --preset conan-release && cmake --build --preset conan-release"
        else:
            chain = "-DCMAKE_TOOLCHAIN_FILE=conan_toolchain.cmake -DCMAKE_BUILD_TYPE=Release"
            build = f"cmake -B build {chain} && cmake --build build"
        plan.commands["build"] = (build, recipe, 0.85)
    if layout and not draft.has("CMakePresets.json"):
        plan.programs = {
            name: path.replace("build/", "build/Release/", 1) if path.startswith("build/") else path
            for name, path in plan.programs.items()
        }
        if "test" in plan.commands:
            plan.commands["test"] = ("ctest --test-dir build/Release", *plan.commands["test"][1:])


def _used(draft: Draft, plan: Plan) -> None:
    """Frameworks and databases by the names of the libraries that it asks for."""
    for word, (path, key) in plan.words.items():
        if known := FRAMEWORKS.get(ALIASES.get(word, word)):
            draft.framework(known.name, path, f"{key} {word}", known.confidence)
        if word in CLIENTS and word != plan.name.lower():
            draft.database(CLIENTS[word], path, f"{key} {word}")
    if plan.kit:
        draft.framework(plan.kit, plan.path, "", 0.95)


def _commands(draft: Draft, plan: Plan) -> None:
    if plan.kit:
        build, start = KITS[plan.kit]
        draft.command("build", build, plan.path, plan.kit, 0.85)
        if start:
            draft.command("start", start, plan.path, plan.kit, 0.7)
        return
    for purpose, (command, path, sure) in plan.commands.items():
        draft.command(purpose, command, path, "", sure)
    if plan.started:
        draft.command("start", f"./{words(plan.started)}", plan.path, "", 0.75)


def _roles(draft: Draft, plan: Plan) -> None:
    if not plan.programs and not plan.kit:
        if plan.library:
            draft.exports = True
            draft.role("library", 0.85)
        elif draft.hits("c-main") and plan.path in c_make.MAKEFILES:
            draft.role("job", 0.5)
        return
    if plan.library and plan.exported and not plan.started:
        draft.role("library", 0.7)
        return
    servers = [known for known in FRAMEWORKS.values() if known.role and known.name in draft.frameworks]
    for known in servers:
        draft.role(known.role, known.confidence)
    if "Qt" in draft.frameworks and not WINDOWED.isdisjoint(plan.words):
        draft.role("frontend", 0.85)
    sockets: list[Hit] = []
    if draft.hits("c-serves") or any(known.role == "backend" for known in servers):
        draft.role("backend", 0.88)
    elif listening := draft.hits("c-listen"):
        draft.role("backend", 0.6)
        folders = {hit.path.rpartition("/")[0] for hit in listening}
        sockets = [hit for hit in draft.hits("c-socket") if hit.path.rpartition("/")[0] in folders]
    if draft.best_role == "backend":
        surer = sockets or draft.hits("c-port")
        for hit in surer:
            draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.7 if sockets else 0.85)
        told = [hit for hit in draft.hits("c-setting") if _serving(draft, hit)] if not surer else []
        for hit in told if len({hit.value for hit in told}) == 1 else ():
            draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.6)
    draft.role("job", 0.5)


def _serving(draft: Draft, hit: Hit) -> bool:
    """Whether a setting's default stands beside the source that listens, and not in that of a client."""
    folders = {one.path.rpartition("/")[0] for one in draft.hits("c-listen", "c-serves")}
    folder, _, name = hit.path.rpartition("/")
    return folder in folders and "client" not in name


def _platformio(draft: Draft) -> None:
    """Firmware for boards, built by PlatformIO."""
    draft.manifest("platformio.ini")
    draft.manager("platformio", "platformio.ini")
    draft.framework("PlatformIO", "platformio.ini", "", 0.95)
    frameworks: list[str] = re.findall(
        r"^[ \t]*framework[ \t]*=[ \t]*(\w{1,40})", draft.text("platformio.ini"), re.MULTILINE
    )
    for name in dict.fromkeys(frameworks):
        shown = {"arduino": "Arduino", "espidf": "ESP-IDF"}.get(name)
        draft.framework(shown or name, "platformio.ini", "framework", 0.9)
    draft.command("install", "pio pkg install", "platformio.ini", "", 0.85)
    draft.command("build", "pio run", "platformio.ini", "", 0.9)
    draft.command("start", "pio run --target upload", "platformio.ini", "", 0.7)
    if any(draft.inner(path).startswith("test/") for path in draft.files):
        draft.command("test", "pio test", "platformio.ini", "", 0.85)
    draft.role("job", 0.6)


SUFFIXES = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp")
DETECTOR = Detector(
    name="c",
    manifests=(
        "vcpkg.json",
        "conanfile.txt",
        "conanfile.py",
        "CMakePresets.json",
        "configure.ac",
        "configure.in",
        "platformio.ini",
        "CMakeLists.txt",
        "meson.build",
    ),
    inner=("CMakeLists.txt", "meson.build"),
    detect=detect,
    reads=("Makefile.am",),
    lockfiles=("conan.lock",),
    languages=("C", "C++", "CUDA"),
    patterns=dict.fromkeys(SUFFIXES, PATTERNS),
)
