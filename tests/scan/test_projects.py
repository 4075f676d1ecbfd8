"""Small projects of every kind that people have, and what must be known about each: tests/scan/projects/*.yaml.

A file holds projects of one ecosystem. A project is its files and what the scan must find; what is not named is not checked,
and what is named must be exactly that:

    - name: flask with gunicorn
      files:
        requirements.txt: |
          flask
        app.py: |
          from flask import Flask
          app = Flask(__name__)
      services:                     # all of them, by root
        .:
          role: backend             # frontend, backend, worker, job, library, static, workspace …
          languages: [Python]       # in order
          runtimes: {python: ">=3.11"}
          managers: [pip]
          frameworks: [Flask]       # a set
          commands: {install: pip install -r requirements.txt, start: flask run, build: null}   # null: there must be none
          ports: [5000]             # a set
          databases: [postgresql]   # a set
          variables: [SECRET_KEY]   # a set
          needs: [postgresql]       # a set
      order: [[postgresql], [.]]    # waves of names of databases and roots of services
      backing: {db: [postgresql, database, "16"]}   # all that runs beside the services: name, role and version by label
      shared: [pnpm, turbo]         # a set: workspaces and monorepo tools
      findings: [two-lockfiles]     # rules that must fire; `[]`: none may
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from envsync.tools.fingerprint import Service
from envsync.tools.scan.project import survey, wants
from envsync.tools.scan.tree import collect

from .conftest import fill

FOLDER = Path(__file__).with_name("projects")
QUIET = frozenset({"special", "monorepo"})
"""Rules of findings that are no complaint."""


@cache
def projects() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        for one in yaml.safe_load(path.read_text("utf-8")) or ():
            found[f"{path.stem}: {one['name']}"] = one
    return found


def facts(service: Service) -> dict[str, Any]:
    """A service in the words of the files."""
    return {
        "role": service.role,
        "languages": [fact.value for fact in service.languages],
        "runtimes": {wanted.name: wanted.spec for wanted in service.runtimes},
        "managers": [fact.value for fact in service.managers],
        "frameworks": {fact.value for fact in service.frameworks},
        "commands": {purpose: fact.value for purpose, fact in service.commands.items()},
        "ports": {int(fact.value) for fact in service.ports},
        "databases": {fact.value for fact in service.databases},
        "variables": {fact.value for fact in service.variables},
        "needs": {fact.value for fact in service.needs},
    }


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    for key, value in wanted.items():
        got = found[key]
        if key == "commands":
            got = {purpose: got.get(purpose) for purpose in value}
        elif isinstance(got, set):
            value = set(value)
        if got != value:
            yield f"{key}: {got!r}, and not {value!r}"


@pytest.mark.parametrize("name", sorted(projects()))
def test_of_a_small_project_is_found_what_its_files_say(name: str, tmp_path: Path) -> None:
    one = projects()[name]
    root = fill(tmp_path / "project", {path: text or "" for path, text in one["files"].items()})
    surveyed = survey(collect(str(root), wants()))
    services = {service.root: service for service in surveyed.services}
    wrong: list[str] = []
    if "services" in one:
        if set(services) != set(one["services"]):
            wrong.append(f"services: {sorted(services)}, and not {sorted(one['services'])}")
        for at, wanted in one["services"].items():
            if at in services:
                wrong += [f"{at}: {line}" for line in differences(facts(services[at]), wanted or {})]
    if "order" in one and [sorted(wave) for wave in surveyed.order] != [
        sorted(map(str, wave)) for wave in one["order"]
    ]:
        wrong.append(f"order: {surveyed.order}, and not {one['order']}")
    if "backing" in one:
        beside = {found.label: [found.name, found.role, found.version] for found in surveyed.backing}
        if beside != one["backing"]:
            wrong.append(f"backing: {beside}, and not {one['backing']}")
    if "shared" in one and {fact.value for fact in surveyed.shared} != set(one["shared"]):
        wrong.append(f"shared: {[fact.value for fact in surveyed.shared]}, and not {one['shared']}")
    if "findings" in one:
        rules = {fact.rule for fact in surveyed.findings}
        wanted_rules = set(one["findings"])
        if wanted_rules - rules or (not wanted_rules and rules - QUIET):
            wrong.append(f"findings: {sorted(rules)}, and not {sorted(wanted_rules)}")
    assert not wrong, "\n".join(wrong)


def test_there_are_many_projects_and_no_two_are_the_same() -> None:
    bodies = [str(sorted(one["files"].items())) for one in projects().values()]
    assert len(set(bodies)) == len(bodies)
    assert all(one.get("services") or one.get("findings") for one in projects().values())
