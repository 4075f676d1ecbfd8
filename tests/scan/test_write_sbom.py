"""The bill of materials: checked by the library's own schema, with every lockfile that is known read as its ecosystem writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from envsync.tools.fingerprint import PackageSet, Project
from envsync.tools.scan import parse
from envsync.tools.scan.write import sbom
from envsync.tools.scan.write.base import Seen
from envsync.tools.scan.write.lockfiles import READERS, Locked, packages

from .writing import SHOP, looked, make, seen, service, texts


def checked(text: str) -> dict[str, Any]:
    """The document, valid by CycloneDX's own schema."""
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert fault is None, fault
    return json.loads(text)


LOCKS: dict[str, tuple[str, str, set[str]]] = {
    # what: file name, text, packages as purls; one for development only has a ? behind it
    "npm 3": ("package-lock.json", SHOP["web/package-lock.json"], {"npm/react@19.0.0", "npm/vite@6.0.1?", "npm/%40types/node@22.1.0?"}),
    "npm 3 with workspaces and nested ones": ("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": {
        "": {"name": "all"}, "apps/a": {"version": "1.0.0"}, "node_modules/a": {"resolved": "apps/a", "link": True},
        "node_modules/x": {"version": "1.0.0", "dev": True}, "node_modules/y/node_modules/x": {"version": "1.0.0"},
        "node_modules/alias": {"name": "real", "version": "2.0.0"}}}), {"npm/x@1.0.0", "npm/real@2.0.0"}),
    "npm 1": ("package-lock.json", json.dumps({"lockfileVersion": 1, "dependencies": {
        "a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0", "dev": True}}}}}), {"npm/a@1.0.0", "npm/b@2.0.0?"}),
    "pnpm 9": ("pnpm-lock.yaml", "lockfileVersion: '9.0'\npackages:\n  '@babel/core@7.24.0(x@1.0.0)':\n    resolution: {integrity: sha512-x}\n  left-pad@1.3.0:\n    resolution: {}\n",
        {"npm/%40babel/core@7.24.0", "npm/left-pad@1.3.0"}),
    "pnpm 5": ("pnpm-lock.yaml", "lockfileVersion: 5.4\npackages:\n  /@babel/core/7.0.0_peer@1.0.0:\n    dev: true\n  /left-pad/1.3.0:\n    dev: false\n",
        {"npm/%40babel/core@7.0.0?", "npm/left-pad@1.3.0"}),
    "yarn 1": ("yarn.lock", '# yarn lockfile v1\n\n\n"@babel/core@^7.0.0", "@babel/core@^7.1.0":\n  version "7.24.0"\n  resolved "https://x"\n\nleft-pad@^1.3.0:\n  version "1.3.0"\n',
        {"npm/%40babel/core@7.24.0", "npm/left-pad@1.3.0"}),
    "yarn 4": ("yarn.lock", '__metadata:\n  version: 8\n\n"left-pad@npm:^1.3.0":\n  version: 1.3.0\n  resolution: "left-pad@npm:1.3.0"\n\n"shop@workspace:.":\n  version: 0.0.0-use.local\n',
        {"npm/left-pad@1.3.0"}),
    "bun": ("bun.lock", '{\n  "lockfileVersion": 1,\n  "packages": {\n    "left-pad": ["left-pad@1.3.0", "", {}, "sha512-x"],\n    "@types/node": ["@types/node@22.1.0", "", {}, ""],\n    "own": ["own@workspace:apps/own"],\n  },\n}\n',
        {"npm/left-pad@1.3.0", "npm/%40types/node@22.1.0"}),
    "deno": ("deno.lock", '{"version": "4", "npm": {"left-pad@1.3.0": {}, "@x/y@2.0.0_left-pad@1.3.0": {}}}', {"npm/left-pad@1.3.0", "npm/%40x/y@2.0.0"}),
    "uv": ("uv.lock", SHOP["api/uv.lock"] + '\n[[package]]\nname = "shop"\nversion = "0"\nsource = { editable = "." }\n', {"pypi/fastapi@0.115.0"}),
    "poetry": ("poetry.lock", '[[package]]\nname = "Flask"\nversion = "3.0.0"\ngroups = ["main"]\n\n[[package]]\nname = "pytest"\nversion = "8.0.0"\ngroups = ["dev"]\n',
        {"pypi/flask@3.0.0", "pypi/pytest@8.0.0?"}),
    "pdm": ("pdm.lock", '[[package]]\nname = "flask"\nversion = "3.0.0"\ngroups = ["default"]\n', {"pypi/flask@3.0.0"}),
    "pylock": ("pylock.toml", 'lock-version = "1.0"\n[[packages]]\nname = "flask"\nversion = "3.0.0"\n', {"pypi/flask@3.0.0"}),
    "pipenv": ("Pipfile.lock", '{"default": {"flask": {"version": "==3.0.0"}}, "develop": {"pytest": {"version": "==8.0.0"}}}', {"pypi/flask@3.0.0", "pypi/pytest@8.0.0?"}),
    "pinned requirements": ("requirements.txt", "# x\nFlask[async]==3.0.0 \\\n    --hash=sha256:x\nrequests>=2\nnumpy == 1.26.4 ; python_version > '3'\n", {"pypi/flask@3.0.0", "pypi/numpy@1.26.4"}),
    "cargo": ("Cargo.lock", 'version = 3\n\n[[package]]\nname = "serde"\nversion = "1.0.200"\nsource = "registry+https://example.org/crates.io-index"\n\n[[package]]\nname = "shop"\nversion = "0.1.0"\n',
        {"cargo/serde@1.0.200"}),
    "go.mod": ("go.mod", "module example.com/x\n\ngo 1.22\n\nrequire github.com/lib/pq v1.10.9\n\nrequire (\n\tgolang.org/x/sys v0.20.0 // indirect\n)\n\nreplace (\n\tgithub.com/old/one v1.0.0 => github.com/new/one v1.0.1\n)\n\nexclude github.com/bad/one v9.9.9\n",
        {"golang/github.com/lib/pq@v1.10.9", "golang/golang.org/x/sys@v0.20.0"}),
    "go.sum": ("go.sum", "github.com/lib/pq v1.10.9 h1:x=\ngithub.com/lib/pq v1.10.9/go.mod h1:y=\n", {"golang/github.com/lib/pq@v1.10.9"}),
    "bundler": ("Gemfile.lock", "PATH\n  remote: .\n  specs:\n    own (1.0.0)\n\nGEM\n  remote: https://gems.example/\n  specs:\n    nokogiri (1.16.4-x86_64-linux)\n      racc (~> 1.4)\n    rack (3.0.10)\n\nPLATFORMS\n  ruby\n",
        {"gem/nokogiri@1.16.4", "gem/rack@3.0.10"}),
    "composer": ("composer.lock", '{"packages": [{"name": "symfony/console", "version": "v7.0.0"}], "packages-dev": [{"name": "phpunit/phpunit", "version": "11.0.0"}]}',
        {"composer/symfony/console@v7.0.0", "composer/phpunit/phpunit@11.0.0?"}),
    "gradle": ("gradle.lockfile", "# x\norg.slf4j:slf4j-api:2.0.13=compileClasspath,runtimeClasspath\nempty=annotationProcessor\n", {"maven/org.slf4j/slf4j-api@2.0.13"}),
    "mix": ("mix.lock", '%{\n  "phoenix": {:hex, :phoenix, "1.7.12", "x", [:mix], [], "hexpm", "y"},\n  "own": {:git, "https://x", "y", []},\n}\n', {"hex/phoenix@1.7.12"}),
    "pub": ("pubspec.lock", 'packages:\n  http:\n    dependency: "direct main"\n    source: hosted\n    version: "1.2.0"\n  test:\n    dependency: "direct dev"\n    source: hosted\n    version: "1.25.0"\n  own:\n    source: path\n    version: "0.0.1"\n',
        {"pub/http@1.2.0", "pub/test@1.25.0?"}),
    "nuget": ("packages.lock.json", '{"version": 1, "dependencies": {"net8.0": {"Serilog": {"type": "Direct", "resolved": "3.1.1"}, "own": {"type": "Project"}}}}', {"nuget/Serilog@3.1.1"}),
    "gleam": ("manifest.toml", 'packages = [\n  { name = "gleam_stdlib", version = "0.37.0", source = "hex" },\n  { name = "own", version = "1.0.0", source = "local" },\n]\n', {"hex/gleam_stdlib@0.37.0"}),
    "swift": ("Package.resolved", '{"pins": [{"location": "https://github.com/vapor/vapor.git", "state": {"version": "4.99.0"}}, {"location": "git@x:y.git", "state": {"branch": "main"}}]}',
        {"swift/github.com/vapor/vapor@4.99.0"}),
}  # fmt: skip


@pytest.mark.parametrize("name", LOCKS)
def test_a_lockfile_is_read_as_its_ecosystem_writes_it(name: str) -> None:
    path, text, wanted = LOCKS[name]
    found = {
        sbom.purl(one).to_string().removeprefix("pkg:") + ("?" if one.dev else "")
        for one in packages(f"a/{path}", text)
    }
    assert found == wanted


def test_every_reader_has_a_case() -> None:
    same = {"npm-shrinkwrap.json", "requirements.lock", "requirements-lock.txt"}
    assert {path for path, _, _ in LOCKS.values()} | same == set(READERS)


def test_the_document_is_valid_and_says_where_each_package_comes_from(tmp_path: Path) -> None:
    made = texts(make(tmp_path / "shop", SHOP, "sbom"))
    document = checked(made["sbom.cdx.json"])
    assert list(made) == ["sbom.cdx.json"] and document["metadata"]["component"]["name"] == "shop"
    rows = {one["purl"]: one for one in document["components"]}
    assert set(rows) == {
        "pkg:pypi/fastapi@0.115.0",
        "pkg:npm/react@19.0.0",
        "pkg:npm/vite@6.0.1",
        "pkg:npm/%40types/node@22.1.0",
    }
    assert rows["pkg:npm/vite@6.0.1"]["scope"] == "excluded" and rows["pkg:npm/react@19.0.0"]["scope"] == "required"
    assert rows["pkg:npm/react@19.0.0"]["properties"] == [{"name": "envsync:source", "value": "web/package-lock.json"}]


def test_the_same_packages_make_the_same_bytes(tmp_path: Path) -> None:
    first, second = (texts(make(tmp_path / "shop", SHOP, "sbom")) for _ in range(2))
    assert first == second and "serialNumber" not in first["sbom.cdx.json"]


def test_installed_packages_count_where_nothing_is_locked(tmp_path: Path) -> None:
    found = seen(tmp_path, SHOP, "sbom")
    groups = (
        PackageSet(manager="pip", where=".venv", packages={"pip": "24.0", "flask": "3.0.0"}),
        PackageSet(manager="npm", where="node_modules", packages={"left-pad": "1.3.0"}),
        PackageSet(manager="apt", where="system", packages={"bash": "5.2"}),
    )
    without = Seen(found.project, groups, {path: text for path, text in found.texts.items() if "uv.lock" not in path})
    names = {one["purl"] for one in checked(sbom.make(without).files[0].text)["components"]}
    assert {"pkg:pypi/pip@24.0", "pkg:pypi/flask@3.0.0", "pkg:npm/react@19.0.0"} <= names
    assert not names & {"pkg:npm/left-pad@1.3.0", "pkg:deb/bash@5.2"}


def test_what_one_part_runs_with_is_not_for_development_only(tmp_path: Path) -> None:
    lock = {
        dev: json.dumps({"packages": {"node_modules/x": {"version": "1.0.0", "dev": dev}}}) for dev in (True, False)
    }
    for order in ("ab", "ba"):
        project = Project(root=str(tmp_path), services=(service("x"),))
        given = {f"{order[0]}/package-lock.json": lock[True], f"{order[1]}/package-lock.json": lock[False]}
        found, _ = sbom.collect(Seen(project, (), given))
        assert list(found) == [Locked("npm", "x", "1.0.0", dev=False)]


def test_a_broken_lockfile_is_said_and_the_rest_is_kept(tmp_path: Path) -> None:
    made = make(tmp_path, {**SHOP, "web/package-lock.json": "{"}, "sbom")
    assert any(note.startswith("web/package-lock.json could not be read") for note in made.notes)
    assert len(checked(made.files[0].text)["components"]) == 1


def test_nothing_locked_and_nothing_installed_makes_no_file(tmp_path: Path) -> None:
    made = make(tmp_path, {"main.py": "x = 1\n"}, "sbom")
    assert made.files == () and "lockfile" in made.notes[0]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(READERS)), st.sampled_from([text for _, text, _ in LOCKS.values()]) | st.text(max_size=200)
)
def test_hostile_no_lockfile_breaks_the_reader(name: str, text: str) -> None:
    try:
        found = packages(name, text)
    except parse.Broken:
        return
    if found:
        project = Project(root="/p", services=(service("x"),))
        checked(sbom.render(project, dict.fromkeys(found, name)))


def test_the_texts_of_lockfiles_are_asked_for(tmp_path: Path) -> None:
    found = looked(tmp_path, seen(tmp_path, SHOP, "sbom").project, "sbom")
    assert set(found.texts) == {"api/uv.lock", "web/package-lock.json"}
