"""The library itself: every template can be read, asks sensible things, and makes files that are what they say."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import yaml
from blake3 import blake3

from envsync.tools.errors import Usage
from envsync.tools.provision.providers import runtime
from envsync.tools.provision.services import plan as services
from envsync.tools.provision.templates import questions, reading
from envsync.tools.provision.templates.model import Template
from envsync.tools.provision.templates.rendering import RECORD, fill, render
from envsync.tools.redact import Redactor

from .conftest import NAMES, answered, choices, rendered

HERE = Path(__file__).parent
TEN = [
    "data-science",
    "django",
    "express",
    "fastapi",
    "flask",
    "go-service",
    "next",
    "rust-axum",
    "vite-react",
    "worker+redis",
]
HOSTILE = (
    "../x", "--force", "-rf", "a\nb", "a\rb", "it's", 'a"b', "a`b", "a\\b", "x" * 10_000, "Müller", "日本", "a b", "", ".",
    "..", "/etc", "a/../b", "{{name}}", "${HOME}", "$(id)", "a;id", "\u202eabc", "a\u200bb", "a\x1b[31m", "a\0b", "%s",
    "-", "a-", "A", "1e400", "99999999999", "import", "０", "٣٣٣٣",
)  # fmt: skip


def test_there_are_ten() -> None:
    assert list(NAMES) == TEN


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_whole(name: str) -> None:
    template, folder = reading.find(name), reading.LIBRARY / name
    assert template.name == name and template.summary and len(template.summary) < 80
    stray = [path for path in folder.rglob("*") if path.is_file() and path.suffix != reading.ENDING]
    assert stray == [folder / "template.yaml"], "another ending: a tool would take it for a part of EnvSync"
    asked = {question.id: question for question in template.questions}
    assert len(asked) == len(template.questions)
    for when in [each.when for each in (*template.files, *template.services) if each.when]:
        assert when.value in asked[when.question].choices
    for question in template.questions:
        assert question.text.endswith("?")
        assert question.source or not questions.fault(question, question.default), "its own default is no answer"
        assert question.remember != (question.kind in ("name", "package", "module")), "each project has its own name"
    for each in template.runtimes:
        runtime.parse(each)
    for each in template.services:
        services.parse(each.name)
    for chosen in choices(template):
        made = rendered(name, **chosen)
        assert set(template.manifests) <= set(made)
        assert {"README.md", ".gitignore", ".env.example", RECORD} <= set(made)
        assert any("test" in path for path in made), "no test of its own"


def test_no_word_means_two_templates() -> None:
    words = [word for name in NAMES for word in (name, *reading.find(name).also)]
    assert len(words) == len(set(words)) and all(word == word.lower() for word in words)


@pytest.mark.parametrize("name", NAMES)
def test_what_it_makes_is_what_it_is_called(name: str) -> None:
    for chosen in choices(reading.find(name)):
        for path, file in rendered(name, **chosen).items():
            text = file.content.decode("utf-8")
            assert text.endswith("\n") or not text, f"{path} does not end with a line"
            assert "\t\n" not in text and " \n" not in text, f"{path} has blanks at an end"
            if path.endswith(".py"):
                compile(text, path, "exec")
            elif path.endswith((".json", ".ipynb")):
                json.loads(text)
            elif path.endswith(".toml"):
                tomllib.loads(text)
            elif path.endswith(".yaml"):
                yaml.safe_load(text)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_the_same_every_time_and_a_change_is_a_new_version(name: str) -> None:
    """A project tells by its record what it was made from: other bytes under the same version would make that a lie.

    After a wanted change: raise `version` in template.yaml and put the new digest into versions.json.
    """
    template = reading.find(name)
    known = json.loads((HERE / "versions.json").read_text())[name]
    made = [render(template, answered(template, **chosen)) for chosen in choices(template)]
    again = [render(template, answered(template, **chosen)) for chosen in choices(template)]
    assert made == again
    whole = [(path, file.content.hex(), file.executable) for files in made for path, file in files.items()]
    assert [template.version, blake3(json.dumps(whole).encode()).hexdigest()[:16]] == known


@pytest.mark.parametrize("name", NAMES)
def test_hostile_answers_are_refused_with_a_message(name: str) -> None:
    template, redact = reading.find(name), Redactor({})
    for question in template.questions:
        for value in HOSTILE:
            if value == "import" and question.kind in ("name", "module"):
                continue  # a name like any other; only a package cannot have it
            with pytest.raises(Usage) as refused:
                questions.given([f"{question.id}={value}"], template, redact)
            said = str(refused.value)
            assert (
                question.id in said and len(said) < 400 and said.isprintable() is False
            )  # what, a line end, and a hint
            assert said.replace("\n", "").isprintable()


def test_wrong_answers_say_what_is_asked() -> None:
    template, redact = reading.find("fastapi"), Redactor({})
    with pytest.raises(Usage, match="asks no question 'colour'") as refused:
        questions.given(["colour=red"], template, redact)
    assert "database (Which database does it use?)" in refused.value.hint
    with pytest.raises(Usage, match="is no answer") as refused:
        questions.given(["shop"], template, redact)
    assert "name=shop" in refused.value.hint
    with pytest.raises(Usage, match="answered twice"):
        questions.given(["port=8080", "port=8081"], template, redact)
    assert questions.given(["port=8080", " port = 8080 "], template, redact) == {"port": "8080"}
    with pytest.raises(Usage, match="none or postgresql"):
        questions.given(["database=oracle"], template, redact)
    for port in ("1023", "65536", "08080"):
        with pytest.raises(Usage, match="from 1024 to 65535"):
            questions.given([f"port={port}"], template, redact)


def test_a_package_never_hides_what_it_uses() -> None:
    template = reading.find("fastapi")
    for value in ("fastapi", "json", "class", "tests", "test"):
        with pytest.raises(Usage, match="taken"):
            questions.given([f"package={value}"], template, Redactor({}))
    assert answered(template, "fastapi")["package"] == "fastapi_app"
    assert answered(template, "json")["package"] == "json_app" and answered(template, "json")["name"] == "json"
    assert answered(reading.find("next"), "next")["name"] == "next-app", "npm refuses a package that needs itself"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "directory",
    ["", "123", "My Shop", "Über-Laden", "日本", "--x", ".hidden", "a" * 255, "__init__", "{{name}}", "a\nb", "go"],
)
def test_any_directory_gives_answers_that_are_taken(name: str, directory: str) -> None:
    template = reading.find(name)
    answers = answered(template, directory)
    assert [key for q in template.questions if questions.fault(q, answers[q.id]) for key in [q.id]] == []
    render(template, answers)


def test_an_answer_of_before_that_is_no_answer_is_passed_over() -> None:
    template: Template = reading.find("fastapi")
    earlier = (("record", {"port": "22", "database": "postgresql"}), ("last time", {"port": "9000", "name": "x"}))
    settled = questions.settle(template, {"name": "mine"}, earlier, "shop")
    assert (settled["port"].value, settled["port"].origin) == ("9000", "last time")
    assert (settled["database"].value, settled["database"].origin) == ("postgresql", "record")
    assert (settled["name"].value, settled["name"].given, settled["package"].value) == ("mine", True, "mine")


def test_only_a_name_between_two_braces_is_filled_in() -> None:
    assert fill("a {{x}}{{y_2}} {z} ${q}", {"x": "{{y_2}}", "y_2": "2"}, "f") == "a {{y_2}}2 {z} ${q}"
    with pytest.raises(ValueError, match=r"nothing answers \{\{missing\}\}"):
        fill("{{missing}}", {}, "f")
    for text in ("{{ x }}", "{{x|upper}}", "{{X}}", "{{x", "x}}", "{{}}", "{{x.y}}", "{%{{"):
        with pytest.raises(ValueError, match="no \\{\\{name"):
            fill(text, {"x": "1"}, "f")


@pytest.mark.parametrize(
    ("said", "found"),
    [("fastapi", "fastapi"), (" FastAPI ", "fastapi"), ("nextjs", "next"), ("worker-redis", "worker+redis"), ("go", "go-service")],
)  # fmt: skip
def test_a_template_has_other_names(said: str, found: str) -> None:
    assert reading.find(said).name == found


@pytest.mark.parametrize(
    ("said", "near"),
    [
        ("fastpi", "fastapi"), ("djagno", "django"), ("expres", "express"), ("vite-reakt", "vite-react"), ("sqlite", "django"),
        ("cobol", ""), ("x" * 10_000, ""), ("../../etc", ""), ("--force", ""), ("\x1b[31m", ""),
    ],
)  # fmt: skip
def test_an_unknown_template_is_usage_with_all_of_them_and_the_near_one(said: str, near: str) -> None:
    with pytest.raises(Usage) as refused:
        reading.find(said)
    assert "no template" in refused.value.what and len(refused.value.what) < 200 and refused.value.what.isprintable()
    assert (f"did you mean {near}?" in refused.value.what) if near else ("did you mean" not in refused.value.what)
    for name in NAMES:
        assert reading.find(name).summary in refused.value.hint


@pytest.mark.parametrize("said", ["list", "", "?"])
def test_asking_for_the_list_gives_the_list(said: str) -> None:
    with pytest.raises(Usage, match="there are 10 templates") as refused:
        reading.find(said)
    assert "an HTTP API in Python with FastAPI" in refused.value.hint and "--answers" in refused.value.hint


def test_a_file_of_the_library_never_leads_out_of_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    from envsync.tools.provision.templates import rendering

    template = reading.find("flask")
    for path in ("../x", "/etc/x", "a/../../x", "a//b", "./x"):
        monkeypatch.setattr(rendering, "contents", lambda name, path=path: {path: "x\n"})
        with pytest.raises(ValueError, match="no path inside"):
            render(template.model_copy(update={"files": ()}), answered(template))
