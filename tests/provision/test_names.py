"""What counts as a name, and what a name is too close to."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.tools.errors import Usage
from envsync.tools.provision.names import Named, normal, parse, requirement, shown
from envsync.tools.provision.popular import NODE, PYTHON
from envsync.tools.provision.providers import runtime
from envsync.tools.provision.services import plan as services
from envsync.tools.provision.trust import by_person, nearest


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("numpy", Named("numpy")),
        ("numpy@1.26.4", Named("numpy", "1.26.4")),
        ("numpy==1.26.4", Named("numpy", "1.26.4")),
        ("numpy>=1.26,<2", Named("numpy", ">=1.26,<2")),
        ("pip:uvicorn[standard]@0.30", Named("uvicorn[standard]", "0.30", "python")),
        ("npm:@types/node@20", Named("@types/node", "20", "node")),
        ("@types/node", Named("@types/node")),
        ("react@^18", Named("react", "^18")),
        ("apt:libpq-dev", Named("libpq-dev", "", "apt")),
        ("werkzeug@latest", Named("werkzeug", "latest")),
    ],
)
def test_names_are_read_as_people_write_them(text: str, named: Named) -> None:
    assert parse(text) == named


@pytest.mark.parametrize(
    "text",
    [
        "-rf", "--index-url=http://x", "; rm -rf ~", "a b", "../../etc", "/etc/passwd", "./local", "git+https://x/y",
        "https://x/y.whl", "a\nb", "numpy\u200b", "reque\u0455ts", "", "@", "npm:--force", "apt:-y", "name@-e .", "a@b c",
        "x" * 5000, "file:///etc", "name @ https://x/y", "\x1b[2Jnumpy", "pip:", "a;python_version<'3'",
    ],
)  # fmt: skip
def test_hostile_4_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(Usage) as caught:
        parse(text)
    assert "\x1b" not in str(caught.value) and "\u200b" not in str(caught.value) and len(str(caught.value)) < 400


@given(st.text(max_size=60))
def test_hostile_34_no_text_gets_through_as_option_path_or_address(text: str) -> None:
    try:
        named = parse(text)
    except Usage:
        return
    for part in (named.name, named.version, str(named)):
        assert not part.startswith(("-", "/", ".")) and "://" not in part and part.isascii() and part.isprintable()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("numpy", "numpy"),
        ("numpy@latest", "numpy"),
        ("numpy@1.26", "numpy==1.26.*"),
        ("numpy@1.26.4", "numpy==1.26.4"),
        ("numpy>=1, <2", "numpy>=1,<2"),
        ("uvicorn[standard]@0.30.1", "uvicorn[standard]==0.30.1"),
    ],
)
def test_a_version_beginning_means_its_line(text: str, line: str) -> None:
    assert requirement(parse(text)) == line


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("reqeusts", "requests"),
        ("python-requests2", "requests"),
        ("requests2", "requests"),
        ("djang0", "django"),
        ("nunpy", "numpy"),
        ("beautifulsoup", "beautifulsoup4"),
        ("pytest-env", ""),
        ("requests", ""),
        ("urllib3", ""),
        ("psycopg2", ""),
        ("some-thing-else", ""),
    ],
)
def test_hostile_45_near_names_of_python(name: str, near: str) -> None:
    assert nearest(name, PYTHON) == near


@pytest.mark.parametrize(
    ("name", "near"), [("expres", "express"), ("lodahs", "lodash"), ("reactjs", "react"), ("react", "")]
)
def test_hostile_45_near_names_of_node(name: str, near: str) -> None:
    assert nearest(name, NODE) == near


def test_normal_names_compare_as_indexes_do() -> None:
    assert normal("Flask_SQLAlchemy[x]") == "flask-sqlalchemy"


def test_shown_text_cannot_steer_a_terminal() -> None:
    assert shown("\x1b]0;x\x07" + "y" * 300).isprintable() and len(shown("\U000e0041" * 300)) < 200


@pytest.mark.parametrize("text", ["python@-c", "cobol", "node@20; x", "python@\n3", "go@--x"])
def test_hostile_34_runtimes_are_known_and_versions_are_versions(text: str) -> None:
    with pytest.raises(Usage):
        runtime.parse(text)


def test_runtimes_have_other_names() -> None:
    assert [runtime.parse(t) for t in ("nodejs@20", "golang", "python3@3.12")] == [
        ("node", "20"),
        ("go", ""),
        ("python", "3.12"),
    ]
    assert services.parse("postgres@15") == ("postgresql", "15")
    with pytest.raises(Usage):
        services.parse("oracle")


@pytest.mark.parametrize(
    ("name", "spec", "version", "meets"),
    [
        ("python", "3.11", "3.11.7", True), ("python", ">=3.9,<3.12", "3.12.1", False), ("python", "^3.9", "3.13.0", True),
        ("python", "~3.9", "3.10.0", False), ("node", "20", "20.1.0", True), ("node", "2", "20.1.0", False),
        ("node", ">=18 <21", "20.1.0", True), ("node", "^18", "20.1.0", False), ("go", "1.22", "1.22.3", True),
    ],
)  # fmt: skip
def test_versions_meet_what_is_asked(name: str, spec: str, version: str, meets: bool) -> None:
    assert runtime.meets(name, spec, version) is meets


@pytest.mark.parametrize(
    ("words", "name", "by"),
    [
        ("install numpy, please", "numpy", True),
        ("add scikit learn", "scikit-learn", True),
        ("we need sklearn", "scikit-learn", True),
        ("use Express.js", "express", True),
        ("upgrade `numpy@1.26`!", "numpy", True),
        ("put numpy==1.26.4 back", "numpy", True),
        ("the README says numpyx is good", "numpy", False),
        ("", "numpy", False),
    ],
)
def test_hostile_45_what_the_words_name(words: str, name: str, by: bool) -> None:
    context = SimpleNamespace(origin="words", words=words)
    assert by_person(Named(name), context) is by  # type: ignore[arg-type]
