"""Mill: build.mill or build.sc, as far as they are plain declarations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..draft import Draft
from .gradle_text import cut, plain
from .jvm import Needed, conclude, has_main
from .jvm_settings import settings

BUILD = ("build.mill", "build.sc")
_MODULE = re.compile(r"^object `?([\w-]{1,60})`? extends ([^{\n]{1,200})", re.MULTILINE)
_DEPENDENCY = re.compile(r"\b(?:ivy|mvn)\"([\w.-]{1,100}):{1,3}([\w.-]{1,100})")


def detect(draft: Draft) -> None:
    """Add what the build file says."""
    name = next((name for name in BUILD if draft.has(name)), "")
    if not name:
        return
    draft.manifest(name)
    draft.manager("mill", name)
    text, _ = cut(plain(draft.text(name)), r"object `?(?:test|it|itest)`?[ \t][^{\n]{0,200}")
    mill = "./mill" if draft.has("mill") else "mill"
    draft.runtime("java", "", name)
    for runtime in ("scala", "kotlin"):
        if version := re.search(rf"\bdef {runtime}Version[^=\n]{{0,40}}=[ \t]*\"(\d[\w.-]{{0,30}})\"", text):
            draft.runtime(runtime, version[1], name, f"{runtime}Version")
    needed = [Needed(f"{group}:{artifact}", f"/{draft.at(name)}") for group, artifact in _DEPENDENCY.findall(text)]
    runs = has_main(draft) is True or bool(draft.hits("scala-main"))
    published = "PublishModule" in text
    conclude(draft, name, needed, settings(draft), runs=runs and not published)
    draft.command("build", f"{mill} __.compile", name, "", 0.8)
    draft.command("test", f"{mill} __.test", name, "", 0.8)
    apps = list(_apps(draft, text)) if runs and not published else []
    if apps:
        module = f"{apps[0]}." if apps[0] else ""
        draft.command("start", f"{mill} {module}run", name, apps[0], 0.9 if len(apps) == 1 else 0.6)


def _apps(draft: Draft, text: str) -> Iterator[str]:
    """Modules with a program in their folder; the root's is the empty name."""
    mains = [draft.inner(hit.path) for hit in draft.hits("scala-main", "jvm-main")]
    for name, kinds in _MODULE.findall(text):
        if name == "package" or "RootModule" in kinds:
            yield ""
        elif "Module" in kinds and any(main.startswith(f"{name}/") for main in mains):
            yield name
