"""The Mermaid picture: every line is one that the grammar has, and no name can become syntax."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from envsync.tools.fingerprint import Backing, Project
from envsync.tools.scan.write.mermaid import render

from .writing import service

LABEL = r"(?! *\")(?:[\w .,:/@+=·()-]|#\d+;|<br/>)+"
"""What may stand between quotes: nothing that Mermaid, Markdown or HTML reads as more than itself."""
NODE = rf'[bs]\d+(?:\["{LABEL}"\]|\[\("{LABEL}"\)\]|\(\["{LABEL}"\]\)|\[\["{LABEL}"\]\]|\[/"{LABEL}"/\]):::\w+'
LINE = re.compile(
    rf'flowchart LR|  none\["{LABEL}"\]|  subgraph start\d+\["{LABEL}"\]|  end|    {NODE}|  {NODE}|  [bs]\d+ --> [bs]\d+|  classDef \w+ [\w:#,]+'
)


def drawn(project: Project) -> list[str]:
    lines = render(project).splitlines()
    for line in lines:
        assert LINE.fullmatch(line), line
    assert lines[0] == "flowchart LR" and [line.strip() for line in lines].count("end") == sum(
        "subgraph" in line for line in lines
    )
    return lines


def test_services_servers_needs_and_the_order_of_the_start_are_drawn() -> None:
    project = Project(
        root="/p",
        services=(
            service("api", "api", frameworks=["FastAPI"], ports=["8000"], needs=["postgresql", "redis"]),
            service("web", "web", role="frontend", ports=["3000"], needs=["api"]),
            service("jobs", "jobs", role="worker", needs=["redis"]),
            service("ui", "packages/ui", role="library"),
            service("all", ".", role="workspace"),
        ),
        backing=(
            Backing(name="postgresql", role="database", version="16", ports=(5433,)),
            Backing(name="redis", role="cache"),
            Backing(name="mailhog", role="mail"),
        ),
        order=(("postgresql", "redis"), ("api", "jobs"), ("web",)),
    )
    text = "\n".join(drawn(project))
    assert '[("PostgreSQL 16<br/>:5433")]:::backing' in text and '[/"mailhog"/]:::backing' in text
    assert 's0["api<br/>backend · FastAPI<br/>:8000"]:::service' in text and '(["jobs<br/>worker"])' in text
    assert '[["ui<br/>packages/ui<br/>library"]]:::library' in text and "workspace" not in text
    assert {"s0 --> b0", "s0 --> b1", "s1 --> s0", "s2 --> b1"} <= {line.strip() for line in text.splitlines()}
    first, second, third = text.split("subgraph")[1:]
    assert "PostgreSQL" in first and "s0[" in second and "s2(" in second and "s1[" in third


def test_without_an_order_one_is_made_of_the_needs_and_a_circle_ends() -> None:
    services = (
        service("a", "a", needs=["b", "kafka"]),
        service("b", "b", needs=["a"]),
        service("c", "c", databases=["redis"]),
    )
    text = "\n".join(drawn(Project(root="/p", services=services)))
    assert text.index("Kafka") < text.index("s0[") and text.index("Redis") < text.index("s2[")
    assert "s0 --> s1" in text and "s1 --> s0" in text and "s2 --> b1" in text


def test_a_database_in_a_file_is_no_server_and_a_lonely_service_stands_alone() -> None:
    lines = drawn(Project(root="/p", services=(service("a", databases=["sqlite"], ports=["80"]),)))
    assert [line for line in lines if not line.startswith("  classDef")] == [
        "flowchart LR",
        '  s0["a<br/>backend<br/>:80"]:::service',
    ]
    assert "nothing" in drawn(Project(root="/p"))[1]


HOSTILE = st.text(min_size=1, max_size=40) | st.sampled_from(
    [
        '"]; click s0 "javascript:alert(1)"',
        "</br><script>x</script>",
        "`**md**`",
        "%%{init: {}}%%",
        "1. list",
        "- list",
        "#quot;",
        "end",
        "a\nb",
        "‮x",
    ]
)


@given(st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=4, unique_by=lambda pair: pair[1]))
def test_hostile_no_name_becomes_syntax(names: list[tuple[str, str]]) -> None:
    services = tuple(service(name, root, frameworks=[name], databases=[name]) for name, root in names)
    drawn(
        Project(root="/p", services=services, backing=(Backing(name=names[0][0], role="proxy", version=names[0][1]),))
    )
