"""R: DESCRIPTION, renv.lock, *.Rproj; Shiny and Plumber, packages, pipelines, books, scripts."""

from __future__ import annotations

import re
import shlex

from ..draft import Draft, words
from ..parse import string, table
from ..text import safe
from ..versions import satisfies
from .base import Detector, Known

FRAMEWORKS = {
    "shiny": Known("Shiny", "frontend", 0, 0.9),
    "golem": Known("golem", "frontend", 0, 0.9),
    "rhino": Known("Rhino", "frontend", 0, 0.9),
    "flexdashboard": Known("flexdashboard", "frontend", 0, 0.7),
    "plumber": Known("Plumber", "backend", 0, 0.9),
    "plumber2": Known("Plumber", "backend", 0, 0.9),
    "RestRserve": Known("RestRserve", "backend", 8080, 0.9),
    "ambiorix": Known("Ambiorix", "backend", 0, 0.9),
    "targets": Known("targets", "job", 0, 0.8),
}
CLIENTS = {
    "RPostgres": "postgresql", "RPostgreSQL": "postgresql", "RMariaDB": "mysql", "RMySQL": "mysql", "RSQLite": "sqlite", "redux": "redis",
    "mongolite": "mongodb", "rkafka": "kafka", "elastic": "elasticsearch", "neo4r": "neo4j", "RClickhouse": "clickhouse",
}  # fmt: skip
_KNOWN = "|".join(sorted({*FRAMEWORKS, *CLIENTS}, key=lambda word: (-len(word), word)))
PATTERNS = (
    ("env", "Sys.getenv", r"\bSys\.getenv\(\s*[\"']([A-Z][A-Z0-9_]{1,63})[\"']"),
    ("r-uses", "(", rf"\b(?:library|require|requireNamespace|loadNamespace)\([ \t]*[\"']?({_KNOWN})\b"),
    ("r-uses", "::", rf"\b({_KNOWN})::"),
    ("r-app", "shinyApp(", r"\b(shinyApp)\("),
    ("r-serves", "pr_run(", r"\b(pr_run)\("),
    ("r-serves", "$run(", r"\$(run)\("),
    ("r-port", "port", r"\b(?:runApp|pr_run|shinyApp|run_app)\([^\n]{0,120}?\bport[ \t]*=[ \t]*(\d{2,5})\b"),
    ("r-port", "$run(", r"\$run\([^)\n]{0,80}?\bport[ \t]*=[ \t]*(\d{2,5})\b"),
    ("r-port", ".port", r"\b(?:shiny|plumber)\.port[\"']?[ \t]*=[ \t]*(\d{2,5})\b"),
)


def detect(draft: Draft) -> None:
    """Add what DESCRIPTION, the lockfile and the source say."""
    if "inst" in draft.root.split("/"):
        return  # what a package brings along for others
    described = _description(draft.text("DESCRIPTION"))
    project = next((name for name in draft.beside if name.endswith(".Rproj")), "")
    if not {"Package", "Imports", "Depends", "DisplayMode"} & set(described):
        described = {}  # some other text of that name
    main = bool(draft.languages) and draft.languages[0].value == "R"
    if not described and not draft.has("renv.lock") and not project and (not main or draft.manifests):
        return
    if described:
        draft.manifest("DESCRIPTION")
        draft.name = draft.name or described.get("Package", "")
    elif draft.has("renv.lock"):
        draft.manifest("renv.lock")  # it says what is needed where nothing else does
    if project:
        draft.manifest(project)
        draft.name = draft.name or project.removesuffix(".Rproj")
    _versions(draft, described, project)
    package = bool(described.get("Package")) and described.get("Type", "Package") == "Package"
    if not draft.has("renv.lock") and package:
        draft.command("install", _call("remotes::install_deps(dependencies = TRUE)"), "DESCRIPTION", "Imports", 0.7)
    uses = {name: ("DESCRIPTION", "Imports") for name in _packages(described)}
    for hit in draft.hits("r-uses"):
        if draft.inner(hit.path).startswith("inst/"):
            continue
        uses.setdefault(hit.value, (hit.path, f"line {hit.line}"))
    for name in uses.keys() & CLIENTS.keys():
        draft.database(CLIENTS[name], *uses[name], 0.85)
    runs = _runs(draft, set(uses))
    for name in uses.keys() & FRAMEWORKS.keys():
        known = FRAMEWORKS[name]
        draft.framework(known.name, *uses[name], known.confidence)
        if runs:
            draft.role(known.role, known.confidence)
    if package and not runs:
        draft.private = False
        draft.role("library", 0.9)
    if package:
        draft.command("build", "R CMD build .", "DESCRIPTION", "", 0.85)
        if any(draft.inner(path).startswith("tests/testthat") for path in draft.files):
            draft.command("test", _call("devtools::test()"), "DESCRIPTION", "tests/testthat", 0.85)
    if not runs and not package:
        _scripts(draft)


def _description(text: str) -> dict[str, str]:
    """The fields of a DESCRIPTION, continued lines joined."""
    found: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if field := re.match(r"([A-Za-z][\w.@/-]{0,60}):[ \t]*(.*)", line):
            key = field[1]
            found[key] = field[2].strip()
        elif key and line[:1] in (" ", "\t"):
            found[key] += f" {line.strip()}"
    return found


def _packages(described: dict[str, str]) -> list[str]:
    """What it imports, without versions."""
    lines = ",".join(described.get(key, "") for key in ("Depends", "Imports", "LinkingTo"))
    return [name for part in lines.split(",") if (name := part.partition("(")[0].strip()) and name != "R"]


def _versions(draft: Draft, described: dict[str, str], project: str) -> None:
    bound = re.search(
        r"(?:^|,)[ \t]*R[ \t]*\([ \t]*([<>=]{1,2})[ \t]*([\d.]{1,20})[ \t]*\)", described.get("Depends", "")
    )
    spec = bound[1] + bound[2] if bound else ""
    if spec:
        draft.runtime("r", spec, "DESCRIPTION", "Depends.R")
    if draft.has("renv.lock"):
        draft.lockfile("renv.lock")
        draft.manager("renv", "renv.lock")
        draft.command("install", _call("renv::restore()"), "renv.lock", "", 0.95)
        pinned = string(table(draft.json("renv.lock"), "R").get("Version"))
        if pinned:
            if spec and satisfies("r", spec, pinned) is False:
                draft.finding(
                    f"{safe(draft.at('renv.lock'))} is for R {safe(pinned)}, but DESCRIPTION asks for {spec}",
                    "renv.lock",
                    "R.Version",
                    rule="contradiction",
                )
            draft.runtime("r", pinned, "renv.lock", "R.Version")
    if not any(wanted.name == "r" for wanted in draft.runtimes):
        source = "DESCRIPTION" if described else "renv.lock" if draft.has("renv.lock") else project
        draft.runtime("r", "", source or next((name for name in draft.beside if name.endswith((".R", ".r"))), ""))


def _call(code: str) -> str:
    return f"Rscript -e {shlex.quote(code)}"


def _shown(path: str) -> str:
    """A path as a string of R inside of a quoted command."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _runs(draft: Draft, uses: set[str]) -> bool:
    """Whether something keeps running, with what starts it."""
    if "plumber" in uses or "plumber2" in uses:
        serving = sorted(
            {draft.inner(hit.path) for hit in draft.hits("r-serves")}, key=lambda path: (path.count("/"), path)
        )
        if serving and "R/" not in serving[0]:
            draft.command("start", f"Rscript {words(serving[0])}", serving[0], "", 0.9)
        elif found := draft.named("plumber.R", "entrypoint.R"):
            path = draft.inner(found[0])
            draft.command("start", _call(f"plumber::pr_run(plumber::pr({_shown(path)}))"), found[0], "", 0.8)
    if {"shiny", "golem", "rhino"} & uses and "start" not in draft.commands:
        _shiny(draft)
    if "start" not in draft.commands:
        return False
    for hit in draft.hits("r-port"):
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.85)
    return True


def _shiny(draft: Draft) -> None:
    """An application is a folder with app.R, or with ui.R and server.R, or any file that makes one."""
    paths = {draft.inner(path) for path in draft.files}
    folders = [path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] == "app.R"]
    servers = [path.removesuffix("server.R") for path in paths if path.rpartition("/")[2] == "server.R"]
    folders += [folder.rstrip("/") for folder in servers if f"{folder}ui.R" in paths]
    folders = sorted(
        (f for f in folders if not re.search(r"(^|/)(inst|R|tests?)(/|$)", f)), key=lambda f: (f.count("/"), f)
    )
    if "" in folders:
        where = "app.R" if "app.R" in paths else "server.R"
        draft.command("start", _call("shiny::runApp()"), where, "", 0.95)
    elif folders:
        where = next(f"{folders[0]}/{name}" for name in ("app.R", "server.R") if f"{folders[0]}/{name}" in paths)
        draft.command(
            "start", _call(f"shiny::runApp({_shown(folders[0])})"), where, "", 0.85 if len(folders) == 1 else 0.5
        )
    elif "R/run_app.R" in paths and "R/app_server.R" in paths:
        draft.command("start", _call("pkgload::load_all(); run_app()"), "R/run_app.R", "", 0.75)
    elif apps := [hit for hit in draft.hits("r-app") if not draft.inner(hit.path).startswith(("R/", "inst/"))]:
        path = draft.inner(apps[0].path)
        draft.command("start", _call(f"shiny::runApp({_shown(path)})"), path, "shinyApp", 0.75)


def _scripts(draft: Draft) -> None:
    """A pipeline, a book, a site of documents, or a script that is run from its top to its end."""
    if draft.has("_targets.R"):
        draft.framework("targets", "_targets.R", "", 0.9)
        draft.role("job", 0.9)
        draft.command("start", _call("targets::tar_make()"), "_targets.R", "", 0.9)
    elif draft.has("_bookdown.yml"):
        draft.framework("bookdown", "_bookdown.yml", "", 0.95)
        draft.role("static", 0.9)
        draft.command("build", _call("bookdown::render_book()"), "_bookdown.yml", "", 0.9)
    elif draft.has("_quarto.yml"):
        draft.framework("Quarto", "_quarto.yml", "", 0.95)
        draft.role("static", 0.85)
        draft.tool("quarto", "_quarto.yml")
        draft.command("build", "quarto render", "_quarto.yml", "", 0.9)
        draft.command("dev", "quarto preview", "_quarto.yml", "", 0.85)
    else:
        scripts = [name for name in draft.beside if name.endswith((".R", ".r")) and not name.startswith(".")]
        named = [name for name in scripts if name.rpartition(".")[0] in ("main", "run", "run_all", "make")]
        if chosen := named[:1] or (scripts if len(scripts) == 1 else []):
            draft.command("start", f"Rscript {words(chosen[0])}", chosen[0], "", 0.6)
        if scripts:
            draft.role("job", 0.4)


DETECTOR = Detector(
    name="r",
    manifests=("DESCRIPTION", "*.Rproj", "renv.lock"),
    detect=detect,
    lockfiles=("renv.lock",),
    languages=("R",),
    patterns={".R": PATTERNS, ".r": PATTERNS, ".Rmd": PATTERNS, ".qmd": PATTERNS},
)
