"""Manifests that cannot be read are findings, and the scan goes on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envsync.tools.scan import parse
from envsync.tools.scan.project import survey, wants
from envsync.tools.scan.tree import Tree

from .conftest import Scan

LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
)
ENTITIES = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY a{i} "&a;&a;&a;">' for i in range(9))
    + "]><project>&a8;</project>"
)
EXTERNAL = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><project><artifactId>&e;</artifactId></project>'
BROKEN = {
    "package.json": [b"{", b"[1]", b"[" * 100_000, b'{"a": ' * 50_000, b"\x89PNG\0\0", b"\xff\xfe\xfa", b'{"version": 1' + b"0" * 5000 + b"}"],
    "pyproject.toml": [b"[project", b"a = " + b"[" * 5000, b"\xc3\x28", b"x = 1\nx = 2"],
    "compose.yaml": [LAUGHS.encode(), b"a: &a\n  b: *a\n", b"- 1", b"[" * 10_000, b"a: !!python/object/apply:os.system [id]", b"a:\n\t- b"],
    "pom.xml": [ENTITIES.encode(), EXTERNAL.encode(), b"<a>", b"<a>" * 5000, b""],
    "setup.cfg": [b"[a\n", b"no section"],
    "setup.py": [b"def (", b"x = " + b"(" * 3000, b"x = " + b"-" * 200_000 + b"1"],
    "Cargo.toml": [b"[["],
    "composer.json": [b"nope"],
    "Pipfile": [b"[["],
    "mise.toml": [b"[["],
    "pnpm-workspace.yaml": [b"{"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"), [(n, c) for n, contents in BROKEN.items() for c in contents], ids=lambda v: str(v)[:24]
)
async def test_broken_manifest_is_a_finding(name: str, content: bytes, scan: Scan, project: Path) -> None:
    (project / name).write_bytes(content)
    start = time.monotonic()
    # Beside a manifest of another ecosystem, which must still be read.
    found = await scan(
        {"package.json": '{"name":"x","dependencies":{"next":"1"}}'}
        if name == "pnpm-workspace.yaml"
        else {"go.mod": "module m\n"}
    )
    assert time.monotonic() - start < 5
    assert any(name in fact.value and "read" in fact.value for fact in found.findings), found.findings
    assert any(w.name in ("go", "node") for s in found.services for w in s.runtimes)
    assert "root:x:" not in found.model_dump_json()


async def test_a_huge_manifest_is_not_read(scan: Scan, project: Path) -> None:
    (project / "package.json").write_bytes(b'{"name": "' + b"x" * (100 << 20) + b'"}')
    found = await scan({"app.py": "x=1"})
    assert any("package.json: not read: 104857612 bytes" in f.value for f in found.findings)


async def test_unreadable_folder_is_a_finding(scan: Scan, project: Path) -> None:
    (project / "package.json").write_bytes('\ufeff{"name": "utf16"}'.encode("utf-16"))
    assert (await scan()).services[0].name in ("utf16", "project")


TEXT = st.text(st.characters(codec="utf-8"), max_size=200)
NAMES = st.sampled_from([n for n in wants().manifests if "*" not in n] + list(wants().lockfiles))
LINES = st.lists(st.sampled_from(
    ["[project]", 'name = "x"', "dependencies = [1, 'a']", "{", "}", '"scripts": {"start": 1}', "services:", "  a: {build: 1, ports: x}", "FROM x",
     "CMD [1]", "EXPOSE 99999999", "web: x", "require (", "gem 'x'", "<a>", "ruby ''", "packages: [1]", "A=b://c", "workspaces: 5", "go .", "use ("]
), max_size=12).map("\n".join)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.tuples(st.sampled_from(["", "a/", "a/b/"]), NAMES).map("".join), TEXT | LINES, max_size=6))
def test_any_text_in_any_manifest_gives_a_survey(texts: dict[str, str]) -> None:
    tree = Tree("/p", files={name: len(text) for name, text in texts.items()}, texts=dict(texts))
    found = survey(tree)
    assert found.services and not [f for f in found.findings if f.rule == "gave-up"]
    for service in found.services:
        service.model_dump_json()


@given(st.text(max_size=300))
def test_parsers_raise_nothing_but_broken(text: str) -> None:
    for reader in (parse.toml, parse.jsonc, parse.yaml, parse.xml):
        try:
            reader(text)
        except parse.Broken as error:
            assert str(error)


def test_jsonc_keeps_what_only_looks_like_a_comment() -> None:
    assert parse.jsonc('{"a": "http://x, }", /* c */ "b": [1, 2,], // d\n}') == {"a": "http://x, }", "b": [1, 2]}


SLOW = [
    ("go.mod", "\n"), ("go.work", "use (\n"), ("go.mod", "a.a"), ("Gemfile", "\n"), ("Dockerfile", "\n"), ("Dockerfile", "CMD \\\n"),
    ("pyproject.toml", "a.a"), ("mise.toml", "a."), ("requirements.txt", "a\n"), ("requirements.txt", "-r "), ("setup.py", "a\n"),
    ("package.json", '"\\'), ("package.json", "/* "), ("package.json", "[ ,"), ("deno.jsonc", "{, "), ("compose.yaml", "1:"), ("compose.yaml", "- "),
    ("compose.yaml", "a: {"), ("pom.xml", "<a>"), ("build.gradle", "/* "), ("settings.gradle", "include ,\n"), ("application.yml", "server:\n\n"),
    ("application.yml", "${AA:"), ("prisma/schema.prisma", "provider = \"a\"\n\n"), ("Procfile", "a:"), ("Makefile", "a:\n"), (".env.example", "A="),
    (".gitignore", "*a"), ("poetry.lock", "[[package]]\n"), ("package-lock.json", '{"packages":'), (".tool-versions", "a "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "piece"), SLOW)
async def test_no_text_makes_a_reader_slow(name: str, piece: str, scan: Scan) -> None:
    """200 KB of one repeated piece: an expression that tries again from every place would take minutes."""
    text = (piece * (200_000 // len(piece)))[:200_000]
    start = time.monotonic()
    await scan({"go.mod": "module m\n", "package.json": "{}", "Cargo.toml": "", "build.gradle": "", name: text})
    assert time.monotonic() - start < 8


def test_no_source_makes_the_search_slow() -> None:
    """By language: the patterns of one kind of file are the only ones that its text meets."""
    from envsync.tools.scan.mentions import mentions

    odd = {"a ", "\n", "a\n", " ", "\t", "(", '"', "a:", "a=", "http.", "a" * 50 + " "}
    for patterns in dict.fromkeys(wants().patterns.values()):
        pieces = {needle for _, needle, _ in patterns}
        needles = " ".join(sorted(pieces))
        for piece in pieces | odd:
            start = time.process_time()  # of this process alone: the machine may be busy, or stand still
            list(mentions(needles + (piece * (50_000 // len(piece))), patterns))
            assert time.process_time() - start < 4, piece
        for _, needle, _ in patterns:
            for blank in " \n\t":
                start = time.process_time()
                list(mentions(f"{needles} {needle}{blank * 30_000}", patterns))
                assert time.process_time() - start < 4, (needle, blank)
