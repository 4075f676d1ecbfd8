"""The tree: what starts first, what then, what each part needs, and what is never started."""

from __future__ import annotations

from envsync.agent.frontends.text import plain
from envsync.tools.contract import Tree
from envsync.tools.fingerprint import Backing, Evidence, Project
from envsync.tools.scan.picture import tree

from .writing import service

SERVICES = (
    service("api", "api", frameworks=["FastAPI"], ports=["8000"], needs=["postgresql"]),
    service("web", "web", role="frontend", frameworks=["Vite"], needs=["api"]),
    service("ui", "ui", role="library"),
    service("all", ".", role="workspace"),
)
DATABASE = Backing(
    name="postgresql", role="database", version="16", ports=(5433,), evidence=(Evidence(path="compose.yaml"),)
)


def test_waves_needs_and_what_runs_behind_are_shown() -> None:
    mail = Backing(name="mailpit", role="mail", profiles=("debug",))
    project = Project(
        root="/p", services=SERVICES, backing=(DATABASE, mail), order=(("postgresql",), ("api",), ("web",))
    )
    drawn = tree(project)
    assert drawn is not None and plain([drawn]) == [
        "/p",
        "  starts first",
        "    PostgreSQL 16  database  :5433  (compose.yaml)",
        "  starts second",
        "    api  FastAPI web application  :8000  needs PostgreSQL",
        "  starts third",
        "    web  Vite front end  needs api",
        "  not started",
        "    mailpit  mail  only on request",
        "    ui  library",
    ]


def test_without_an_order_to_tell_there_are_no_waves() -> None:
    drawn = tree(Project(root="/p", services=(service("a", "a"), service("b", "b"))))
    assert drawn is not None and [child.label for child in drawn.children] == [
        "a  web application",
        "b  web application",
    ]


def test_a_service_alone_needs_no_picture() -> None:
    assert tree(Project(root="/p", services=(service("a"),))) is None
    assert isinstance(tree(Project(root="/p", services=(service("a", databases=["redis"]),))), Tree)


def test_hostile_names_are_escaped() -> None:
    evil = "x\x1b[31m\ny"
    project = Project(root=evil, services=(service(evil, evil), service("b", "b", needs=[evil])))
    drawn = tree(project)
    assert drawn is not None and all(line.isprintable() for line in plain([drawn]))
