"""Elm: elm.json of applications and packages; elm-land, elm-pages, elm-spa, Lamdera."""

from __future__ import annotations

from ..draft import Draft, words
from ..parse import string, strings, table
from .base import Detector, Known

TOOLS = {
    "elm-land.json": (Known("Elm Land", "frontend", 1234, 0.95), "elm-land server", "elm-land build"),
    "elm-pages.config.mjs": (Known("elm-pages", "frontend", 1234, 0.95), "elm-pages dev", "elm-pages build"),
    ".elm-spa": (Known("elm-spa", "frontend", 1234, 0.95), "elm-spa server", "elm-spa build"),
}
"""By the file or folder of source that the tool cannot do without: the framework, and what starts and builds it."""
PATTERNS = (
    ("elm-main", "main", r"^(main)[ \t]*(?::|=)"),
    ("elm-lamdera", "Lamdera", r"^import (Lamdera)\b"),
)


def detect(draft: Draft) -> None:
    """Add what elm.json says."""
    if not draft.has("elm.json"):
        return
    content = draft.json("elm.json")
    kind = string(content.get("type"))
    direct = table(content, "dependencies", "direct") or table(content, "dependencies")
    if "jfmengels/elm-review" in direct and kind == "application":
        return  # the rules that another project's source is checked with
    draft.manifest("elm.json")
    draft.manager("elm", "elm.json")
    version = string(content.get("elm-version"))
    draft.runtime("elm", _spec(version), "elm.json", "elm-version" if version else "")
    tested = {**table(content, "test-dependencies", "direct"), **table(content, "test-dependencies")}
    developed = {
        **table(draft.json("package.json"), "devDependencies"),
        **table(draft.json("package.json"), "dependencies"),
    }
    if "elm-explorations/test" in tested and any(draft.inner(path).startswith("tests/") for path in draft.files):
        test = "npx elm-test" if "elm-test" in developed else "elm-test"
        draft.command("test", test, "elm.json", "test-dependencies", 0.85)
    if kind == "package":
        draft.name = draft.name or string(content.get("name")).rpartition("/")[2]
        draft.private = False
        draft.exports = True
        draft.role("library", 0.95)
        draft.command("build", "elm make", "elm.json", "type", 0.85)
        return
    if kind != "application":
        if content:
            draft.finding(
                f"{draft.at('elm.json')} could not be read: it is no application and no package",
                "elm.json",
                "type",
                "unreadable",
            )
        return
    draft.role("frontend", 0.85)
    run = "npx " if developed else ""
    folders = strings(content.get("source-directories"))
    for name, (known, start, build) in TOOLS.items():
        if draft.has(name) or any(folder.startswith(f"{name}/") for folder in folders):
            path = name if draft.has(name) else "elm.json"
            draft.framework(known.name, path, "", known.confidence)
            draft.port(known.port, path, f"the default of {known.name}", 0.8)
            draft.command("start", run + start, path, "", 0.9)
            draft.command("build", run + build, path, "", 0.9)
    if draft.hits("elm-lamdera") and "lamdera/core" in direct:
        draft.role("backend", 0.95)
        draft.framework("Lamdera", "elm.json", "dependencies.direct.lamdera/core", 0.95)
        draft.port(8000, "elm.json", "the default of Lamdera", 0.8)
        draft.command("start", "lamdera live", "elm.json", "dependencies.direct.lamdera/core", 0.95)
    elif not draft.frameworks and not developed:
        _plain(draft, folders)


def _spec(version: str) -> str:
    """An application's exact version, or a package's `0.19.0 <= v < 0.20.0` in the order of other ecosystems."""
    low, found, high = version.partition(" <= v < ")
    return f">={low} <{high}" if found else version


def _plain(draft: Draft, folders: list[str]) -> None:
    """An application that only the compiler builds."""
    mains = [f"{folder.removeprefix('./').rstrip('/')}/Main.elm" for folder in folders]
    main = next((path for path in mains if draft.has(path)), "")
    if not main:
        found = sorted(
            {draft.inner(hit.path) for hit in draft.hits("elm-main")}, key=lambda path: (path.count("/"), path)
        )
        main = found[0] if len(found) == 1 else ""
    if main:
        draft.command("build", f"elm make {words(main)}", main, "main", 0.85)
        draft.command("start", "elm reactor", "elm.json", "", 0.6)
        draft.port(8000, "elm.json", "the default of elm reactor", 0.5)


DETECTOR = Detector(
    name="elm",
    manifests=("elm.json",),
    detect=detect,
    languages=("Elm",),
    patterns={".elm": PATTERNS},
)
