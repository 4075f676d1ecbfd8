"""How findings about real packages are judged: a score that flatters would be worse than none."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from envsync.evals.scan import detectors, facts, fetch, peers, report, score
from envsync.evals.scan.facts import Expected, Found, Package, Right, Service
from envsync.tools.errors import Unreachable, Usage


def right(*values: str, may: bool = False, also: tuple[str, ...] = ()) -> Right:
    return Right(values, "README", may=may, also=also)


API = Service(
    "api",
    right("backend"),
    {"python": right(">=3.11", also=("3.12",)), "node": right("20", may=True)},
    {"install": right("pip install ."), "start": right("uvicorn app:app", "app"), "build": right("make", may=True)},
    frozenset({"test"}),
)
PLUGINS = Service("plugins/*", right("library", may=True), {}, {}, frozenset({"install"}))
EXPECTED = Expected(
    Package("pypi", "example", "1"),
    right("Python", also=("JavaScript",)),
    {"api": API, "web": replace(API, root="web", runtimes={}, commands={}), "plugins/*": PLUGINS},
    {"8000": right("8000"), "9000": right("9000", may=True)},
    {"postgresql": right("postgresql"), "redis": right("redis", may=True)},
)


def tally(found: Found, field: str) -> tuple[int, int, int]:
    """(right, wrong, missing)"""
    result = score.Score()
    result.add(EXPECTED, found)
    one = result.tallies[field]
    assert one.wrong + one.missing == len([mistake for mistake in result.mistakes if mistake.field == field])
    return one.right, one.wrong, one.missing


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"api": "", "web": ""}, (2, 0, 0)),
        ({"api": ""}, (1, 0, 1)),
        ({}, (0, 0, 2)),
        ({"api": "", "web": "", "plugins/a": ""}, (2, 0, 0)),
        ({"api": "", "web": "", "plugins/a/b": ""}, (2, 1, 0)),
        ({"api": "", "web": "", ".": ""}, (2, 1, 0)),
    ],
)
def test_a_service_that_may_be_there_counts_neither_way(found: dict[str, str], expected: tuple[int, int, int]) -> None:
    assert tally(Found(services=found), "services") == expected


def test_roles_are_judged_only_of_services_that_are_expected() -> None:
    assert tally(Found(services={"api": "backend", "web": "worker", "x": "worker", "plugins/a": "job"}), "roles") == (
        1,
        1,
        0,
    )


def test_a_detector_without_roles_has_no_such_field() -> None:
    result = score.Score()
    result.add(EXPECTED, Found(services={"api": ""}))
    assert set(result.tallies) == {"services"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"Python"}, (1, 0, 0)),
        ({"Python", "JSX", "HTML", "Markdown"}, (1, 0, 0)),
        ({"Python", "Shell"}, (1, 1, 0)),
        ({"HTML"}, (0, 0, 1)),
    ],
)
def test_markup_and_data_are_no_languages_unless_they_are_expected(
    found: set[str], expected: tuple[int, int, int]
) -> None:
    assert tally(Found(languages=found), "languages") == expected


def test_a_wrong_command_is_wrong_and_missing() -> None:
    found = Found(commands={("api", "install", "pip install ."), ("api", "start", "python app.py")})
    assert tally(found, "commands") == (1, 1, 1)


def test_a_command_where_none_belongs_is_wrong_and_an_unjudged_one_is_nothing() -> None:
    both = {("api", "install", "pip install ."), ("api", "start", "app")}
    assert tally(Found(commands=both), "commands") == (2, 0, 0)
    assert tally(Found(commands=both | {("api", "dev", "make dev")}), "commands") == (2, 1, 0)
    assert tally(Found(commands=both | {("api", "test", "nonsense")}), "commands") == (2, 0, 0)
    assert tally(Found(commands=both | {("api", "build", "make")}), "commands") == (2, 0, 0)
    assert tally(Found(commands=both | {("api", "build", "ninja")}), "commands") == (2, 1, 0)


def test_what_is_said_of_a_service_that_is_wrong_already_is_not_counted_again() -> None:
    found = Found(commands={("nowhere", "start", "x"), ("plugins/a", "install", "y")})
    assert tally(found, "commands") == (0, 0, 2)


def test_versions_are_judged_for_each_runtime_of_each_service() -> None:
    assert tally(Found(versions={("api", "python", ">= 3.11")}), "versions") == (1, 0, 0)
    assert tally(Found(versions={("api", "python", ">=3.11"), ("api", "python", "3.12")}), "versions") == (1, 0, 0)
    assert tally(Found(versions={("api", "python", "3.12")}), "versions") == (0, 0, 1)
    assert tally(Found(versions={("api", "python", "3.9"), ("api", "ruby", "3")}), "versions") == (0, 2, 1)
    assert tally(Found(versions={("api", "python", ">=3.11"), ("plugins/a", "node", "1")}), "versions") == (1, 0, 0)


def test_ports_and_databases_that_may_be_found_are_neither_right_nor_wrong() -> None:
    assert tally(Found(ports={"9000"}), "ports") == (0, 0, 1)
    assert tally(Found(ports={"8000", "1"}), "ports") == (1, 1, 0)
    assert tally(Found(databases={"postgresql", "redis"}), "databases") == (1, 0, 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("pip install -e '.[dev]'", "pip install ."),
        ("python3 -m pip install --editable .", "pip install ."),
        ("python3 -m build", "python -m build"),
        ("python -m pytest", "pytest"),
        ("npm run test", "npm test"),
        ("yarn install", "yarn"),
        ("yarn run build", "yarn build"),
        ("./gradlew build", "gradlew build"),
        ("cargo fetch --locked", "cargo fetch"),
    ],
)
def test_commands_that_do_the_same_are_the_same(one: str, other: str) -> None:
    assert score.command(one) == score.command(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("npm run tests", "npm test"), ("npm ci", "npm install"), ("pip install -r requirements.txt", "pip install ."), ("npm run start:dev", "npm start:dev")],
)  # fmt: skip
def test_commands_that_do_something_else_are_not(one: str, other: str) -> None:
    assert score.command(one) != score.command(other)


def test_versions_are_the_same_in_another_order_and_never_by_a_digit() -> None:
    assert score.version(">= 3.10, <4") == score.version("<4,>=3.10")
    assert score.version("v20.1") == score.version("20.1")
    assert score.version("^18 || ^20") == score.version("^20 || ^18")
    assert score.version("3.1") != score.version("3.11")
    assert score.version(">=3.1") != score.version("3.1")


def test_nothing_found_is_no_precision_and_not_a_perfect_one() -> None:
    result = score.Score()
    result.add(EXPECTED, Found(ports=set()))
    assert result.tallies["ports"].precision is None
    assert result.tallies["ports"].recall == 0.0
    assert result.tallies["ports"].exact == 0


@pytest.mark.parametrize(("which", "least"), [("worked", 36), ("held", 24)])
def test_every_expectation_can_be_read_and_says_where_it_is_from(which: str, least: int) -> None:
    packages = facts.read(facts.SETS[which])
    assert len(packages) >= least
    assert len({one.package for one in packages}) == len(packages)
    assert {one.package.registry for one in packages} == set(fetch.REGISTRIES)
    for one in packages:
        services = one.services.values()
        rights = [one.languages, *one.ports.values(), *one.databases.values(), *(service.roles for service in services)]
        for service in services:
            rights += [*service.runtimes.values(), *service.commands.values()]
        assert all(isinstance(right.source, str) and right.source for right in rights), one.package
        assert any(not service.roles.may for service in services), one.package
        assert all(port.isdigit() for port in one.ports), one.package


def test_no_package_is_both_worked_on_with_and_held_out() -> None:
    worked, held = ({one.package.name for one in facts.read(folder)} for folder in facts.SETS.values())
    assert not worked & held


def test_a_run_over_one_set_keeps_the_figures_of_the_other(tmp_path: Path) -> None:
    result = report.Run(packages=[EXPECTED])
    result.add(report.OURS, EXPECTED, Found(ports={"8000"}))
    path = tmp_path / "RESULTS.md"
    first, second = (report.markdown(result, "first", which) for which in ("worked", "held"))
    for which, document in (("held", second), ("worked", first), ("held", second), ("worked", first)):
        report.keep(path, document, which)
    assert path.read_text() == f"{first}\n{second}"
    report.keep(path, second.replace("first", "later"), "held")
    assert path.read_text() == first + "\n" + second.replace("first", "later")
    report.keep(path, first.replace("first", "later"), "worked")
    assert "first" not in path.read_text()


def test_an_unknown_key_in_an_expectation_is_an_error(tmp_path: Path) -> None:
    entry = "- {name: a, version: 1, about: b, languages: {all: [C], from: x}, services: {.: {role: job, from: x, prots: {}}}}"
    (tmp_path / "npm.yaml").write_text(entry)
    with pytest.raises(Usage, match="prots"):
        facts.read(tmp_path)


def test_an_archive_cannot_write_outside(tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("top/kept.txt", "../evil.txt", "/tmp/evil-from-a-tar.txt"):
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, BytesIO(b"x"))
        link = tarfile.TarInfo("top/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    place = tmp_path / "place"
    place.mkdir()
    found = fetch._unpack(archive, place)  # pyright: ignore[reportPrivateUsage]
    assert not (tmp_path / "evil.txt").exists() and not (place / "evil.txt").exists()
    assert not Path("/tmp/evil-from-a-tar.txt").exists()
    assert (found / "kept.txt").exists() or (found / "top/kept.txt").exists()
    assert not any(path.is_symlink() for path in found.rglob("*"))


def test_a_package_that_cannot_be_had_does_not_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def registry(package: Package, _: Path, place: Path) -> Path:
        asked.append(package.name)
        if package.name != "good":
            raise Unreachable("the registry is gone", hint="plug it in")
        (place / "found").mkdir()
        (place / "found/package.json").write_text('{"name": "good", "main": "index.js"}')
        return place / "found"

    def no_peers(_: Path) -> Path:
        raise Unreachable("no npm here")

    monkeypatch.setitem(fetch.REGISTRIES, "pypi", registry)
    monkeypatch.setattr(peers, "modules", no_peers)
    names = ["bad", "good", "bad1", "bad2", "bad3", "bad4"]
    packages = [replace(EXPECTED, package=Package("pypi", name, "1")) for name in names]
    result = report.run(packages, tmp_path, lambda _: None)
    assert [one.package.name for one in result.packages] == ["good"]
    assert set(result.scores) == {report.OURS, report.SURE, report.NAIVE}
    assert asked == ["bad", "good", "bad1", "bad2", "bad3"]  # then the registry is given up
    assert len(result.failed) == 6 and "plug it in" in result.failed[1]
    assert "bad4" in report.markdown(result, "x") and "a manifest is a service" in report.markdown(result, "x")


def test_the_naive_rule_takes_every_manifest_and_no_dependency(tmp_path: Path) -> None:
    for path in ("package.json", "docs/package.json", "node_modules/a/package.json", "src/a.js"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert set(detectors.naive(tmp_path).services or {}) == {".", "docs"}


def test_what_the_peers_say_is_put_in_the_same_words() -> None:
    found = peers.specfy({
        "roots": ["."], "languages": ["RenderScript"], "spoken": ["Rust"], "techs": ["aws.kafka", "mariadb", "rust"], "seconds": 0.1,
    })  # fmt: skip
    assert (found.languages, found.databases) == ({"Rust"}, {"kafka", "mysql"})
    found = peers.netlify({
        "roots": ["web"], "runtimes": ["node"], "install": "npm install", "seconds": 0.1,
        "settings": [{"root": "web", "build": "vite build", "dev": "", "port": 5173}],
    })  # fmt: skip
    assert found.commands == {("web", "install", "npm install"), ("web", "build", "vite build")}
    assert (found.languages, found.ports, found.versions) == ({"JavaScript"}, {"5173"}, None)


STATED = replace(
    EXPECTED,
    frameworks={"Flask": right("Flask"), "Vue": right("Vue", may=True)},
    variables={"PORT": right("PORT"), "SECRET_KEY": right("SECRET_KEY")},
    order={"postgresql < api": right("postgresql < api")},
)


@pytest.mark.parametrize(
    ("found", "field", "expected"),
    [
        (Found(frameworks={"Flask", "Vue", "Django"}), "frameworks", (1, 1, 0)),
        (Found(frameworks=set()), "frameworks", (0, 0, 1)),
        (Found(variables={"PORT", "HOME", "EVERYTHING_ELSE"}), "variables", (1, 0, 1)),
        (Found(order={"postgresql < api", "redis < api"}), "order", (1, 1, 0)),
        (Found(order={"api < postgresql"}), "order", (0, 1, 1)),
    ],
)
def test_what_is_stated_of_few_packages(found: Found, field: str, expected: tuple[int, int, int]) -> None:
    result = score.Score()
    result.add(STATED, found)
    one = result.tallies[field]
    assert (one.right, one.wrong, one.missing) == expected


def test_what_nobody_stated_is_not_judged() -> None:
    result = score.Score()
    result.add(EXPECTED, Found(frameworks={"Flask"}, variables={"PORT"}, order={"redis < api"}))
    assert not result.tallies


def test_enough_packages_state_their_frameworks_variables_and_order() -> None:
    packages = facts.read()
    assert sum(one.frameworks is not None for one in packages) >= 20
    assert sum(one.variables is not None for one in packages) >= 10
    assert any(one.order for one in packages)
