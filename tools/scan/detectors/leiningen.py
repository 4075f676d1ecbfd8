"""Leiningen: project.clj."""

from __future__ import annotations

import re

from ..brackets import Item
from ..draft import Draft
from .clojure_libraries import judge, library, listens
from .edn import kept, pairs, port, read
from .jvm import Needed


def detect(draft: Draft) -> None:
    """Add what project.clj says."""
    if not draft.has("project.clj"):
        return
    draft.manifest("project.clj")
    draft.manager("lein", "project.clj")
    forms = (item for item in read(draft, "project.clj") if isinstance(item, list))
    form = kept(next((form for form in forms if form[:1] == ["defproject"]), list[Item]()))
    if len(form) > 1 and isinstance(form[1], str):
        draft.name = draft.name or form[1].rpartition("/")[2]
    project = pairs(form[3:])
    needed = _vectors(draft, project.items(":dependencies"))
    plugins = {one.name.partition(":")[2] for one in _vectors(draft, project.items(":plugins"))}
    options = (word for word in project.items(":javac-options") if isinstance(word, str))
    java = next((word for word in options if re.fullmatch(r"1\.\d|\d{1,2}", word)), "")
    draft.runtime("java", java, "project.clj", ":javac-options" if java else "")
    main, ring = project.word(":main"), project.inner(":ring")
    handled = bool(ring.word(":handler")) and "lein-ring" in plugins
    starts = bool(main) or handled or bool(draft.hits("clj-main"))
    judge(draft, "project.clj", needed, starts)
    draft.command("install", "lein deps", "project.clj", "", 0.9)
    draft.command("test", "lein test", "project.clj", "", 0.9)
    if handled:
        draft.role("backend", 0.9)
        draft.command("start", "lein ring server", "project.clj", ":ring", 0.9)
        draft.command("build", "lein ring uberjar", "project.clj", ":ring", 0.9)
        said = port(ring.word(":port"))
        draft.port(
            said or 3000, "project.clj", ":ring.port" if said else "the default of lein-ring", 0.95 if said else 0.8
        )
    elif main:
        draft.command("start", "lein run", "project.clj", ":main", 0.9)
    draft.command("build", "lein uberjar" if starts else "lein jar", "project.clj", "", 0.85)
    if "lein-figwheel" in plugins:
        draft.command("dev", "lein figwheel", "project.clj", "lein-figwheel", 0.85)
        draft.role("frontend", 0.5)
        draft.port(3449, "project.clj", "the default of figwheel", 0.8)
    if not handled:
        listens(draft, "project.clj")


def _vectors(draft: Draft, items: list[Item]) -> list[Needed]:
    """Libraries of `[group/artifact "1.0" :scope "test"]`, those for tests left out."""
    found: list[Needed] = []
    for item in items:
        words = [word for word in kept(item) if isinstance(word, str)] if isinstance(item, list) else []
        if words and words[-2:] != [":scope", "test"]:
            found.append(library(words[0], words[1] if len(words) > 1 else "", f"/{draft.at('project.clj')}"))
    return found
