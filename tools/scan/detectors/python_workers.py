"""Python's workers and jobs: Celery, RQ, Dramatiq, arq, Huey, Taskiq, Scrapy."""

from __future__ import annotations

from ..draft import Draft, words
from ..tree import Hit
from .python_manifests import Found
from .python_sources import Sources


def workers(draft: Draft, found: Found, sources: Sources, run: str) -> None:
    """Add what starts a worker: beside a web application as `worker`, else as the service's start."""
    for name, package, command, hit in _known(draft, found, sources):
        # A package for others lets them run its tasks.
        others = found.published and not draft.private
        if not draft.private and package not in found.names:
            continue
        beside = "start" in draft.commands or others
        key = f"line {hit.line}" if hit else package
        path = hit.path if hit else next(at for at, wanted in found.requires if wanted.name == package)
        draft.framework(name, path, key, 0.9)
        draft.command("worker" if beside else "start", run + command, path, key, 0.85)
        if not beside:
            draft.role("worker", 0.85)
        if name == "Celery" and (planned := sources.by_rule["beat"]):
            beat = command.removesuffix("worker") + "beat"
            draft.command("beat", run + beat, planned[0].path, f"line {planned[0].line}", 0.8)
        break
    if draft.has("scrapy.cfg"):
        spiders = {hit.value for hit in sources.by_rule["spider"]}
        draft.framework("Scrapy", "scrapy.cfg", "", 0.95)
        draft.role("job", 0.9)
        if len(spiders) == 1:
            hit = sources.by_rule["spider"][0]
            draft.command("start", f"{run}scrapy crawl {words(hit.value)}", hit.path, f"line {hit.line}", 0.85)


def _known(draft: Draft, found: Found, sources: Sources) -> list[tuple[str, str, str, Hit | None]]:
    """(name, package, command, evidence) of the workers that there are, the likeliest first."""
    names = found.names
    managed = "python manage.py " if draft.has("manage.py") and "Django" in draft.frameworks else ""
    several: list[tuple[str, str, str, Hit | None]] = []
    if (hits := sources.found("celery")) and ("celery" in names or not names):
        several.append(("Celery", "celery", _celery(sources, hits[0]), hits[0]))
    if (hits := sources.found("arq")) and "arq" in names and not sources.outside(hits[0].path):
        target = f"{sources.module(hits[0].path)}.{words(hits[0].value)}"
        several.append(("arq", "arq", f"arq {target}", hits[0]))
    if (hits := sources.found("dramatiq")) and "dramatiq" in names:
        modules = list(dict.fromkeys(sources.module(hit.path) for hit in hits))
        command = f"{managed}rundramatiq" if "django-dramatiq" in names else f"dramatiq {' '.join(modules[:5])}"
        if len(modules) <= 5 and not sources.outside(hits[0].path):
            several.append(("Dramatiq", "dramatiq", command, hits[0]))
    if "rq" in names or "django-rq" in names:
        several += _rq(draft, sources, names, managed)
    if (hits := sources.found("huey")) and "huey" in names and not sources.outside(hits[0].path):
        target = f"{sources.module(hits[0].path)}.{words(hits[0].value)}"
        command = f"{managed}run_huey" if managed else f"huey_consumer {target}"
        several.append(("Huey", "huey", command, hits[0]))
    if (hits := sources.found("taskiq")) and "taskiq" in names and not sources.outside(hits[0].path):
        several.append(("Taskiq", "taskiq", f"taskiq worker {sources.module(hits[0].path)}:{words(hits[0].value)}", hits[0]))  # fmt: skip
    return several


def _celery(sources: Sources, hit: Hit) -> str:
    """Celery looks into a package for its module `celery` by itself."""
    module = sources.module(hit.path)
    outside = sources.outside(hit.path)
    return f"celery -A {module.removesuffix('.celery')}{f' --workdir {words(outside)}' if outside else ''} worker"


def _rq(draft: Draft, sources: Sources, names: set[str], managed: str) -> list[tuple[str, str, str, Hit | None]]:
    if "django-rq" in names and managed:
        return [("RQ", "django-rq", f"{managed}rqworker", None)]
    if "rq" not in names:
        return []
    own = [hit for hit in sources.found("rq") if "guard" in sources.rules[hit.path] and sources.script(hit.path)]
    if own:
        return [("RQ", "rq", sources.script(own[0].path), own[0])]
    queues = sources.found("queue")
    command = f"rq worker {words(queues[0].value)}" if queues else "rq worker"
    return [("RQ", "rq", command if not queues or queues[0].value != "default" else "rq worker", (queues or [None])[0])]
