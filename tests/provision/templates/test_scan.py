"""What the scan understands of every template, against what its author meant, written down by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from envsync.tools.scan.project import survey, wants
from envsync.tools.scan.tree import collect

from .conftest import NAMES, rendered, written

NPM = {"dev": "npm run dev", "start": "npm start", "test": "npm test", "build": "npm run build"}
EXPECTED: dict[str, dict[str, Any]] = {
    "data-science": {
        "role": "job", "languages": ["Python", "Jupyter"], "frameworks": set(), "ports": set(), "databases": set(),
        "commands": {"start": "python -m shop", "test": "pytest"}, "variables": {"DATA_DIR"}, "runtimes": {"python": ">=3.11"},
    },
    "django": {
        "role": "backend", "languages": ["Python"], "frameworks": {"Django"}, "ports": {"8000"}, "databases": {"sqlite"},
        "commands": {"start": "gunicorn shop.wsgi", "dev": "python manage.py runserver", "test": "pytest"},
        "variables": {"DJANGO_DEBUG", "DJANGO_SECRET_KEY", "DJANGO_ALLOWED_HOSTS"}, "runtimes": {"python": ">=3.11"},
    },
    "express": {
        "role": "backend", "languages": ["JavaScript"], "frameworks": {"Express"}, "ports": {"3000"}, "databases": set(),
        "commands": {key: NPM[key] for key in ("start", "dev", "test")}, "variables": {"HOST", "PORT"},
        "runtimes": {"node": ">=20"},
    },
    "fastapi": {
        "role": "backend", "languages": ["Python"], "frameworks": {"FastAPI"}, "ports": {"8000"}, "databases": set(),
        "commands": {"start": "python -m shop", "dev": "fastapi dev shop/main.py", "test": "pytest"},
        "variables": {"HOST", "PORT"}, "runtimes": {"python": ">=3.11"},
    },
    "flask": {
        "role": "backend", "languages": ["Python"], "frameworks": {"Flask"}, "ports": {"5000"}, "databases": set(),
        "commands": {"start": "gunicorn 'shop:create_app()'", "test": "pytest"}, "variables": {"SECRET_KEY", "HOST", "PORT"},
        "runtimes": {"python": ">=3.11"},
    },
    "go-service": {
        "role": "backend", "languages": ["Go"], "frameworks": {"net/http"}, "ports": {"8080"}, "databases": set(),
        "commands": {"start": "go run .", "test": "go test ./...", "build": "go build ./..."}, "variables": {"HOST", "PORT"},
        "runtimes": {"go": "1.22"},
    },
    "next": {
        "role": "frontend", "languages": ["TypeScript"], "frameworks": {"Next.js", "React"}, "ports": {"3000"},
        "databases": set(), "commands": NPM, "variables": {"NEXT_PUBLIC_TITLE"}, "runtimes": {"node": ">=20.9"},
    },
    "rust-axum": {
        "role": "backend", "languages": ["Rust"], "frameworks": {"Axum"}, "ports": {"8080"}, "databases": set(),
        "commands": {"start": "cargo run", "test": "cargo test", "build": "cargo build --release"},
        "variables": {"HOST", "PORT"}, "runtimes": {"rust": "1.85"},
    },
    "vite-react": {
        "role": "frontend", "languages": ["TypeScript", "HTML"], "frameworks": {"Vite", "React"}, "ports": {"5173"},
        "databases": set(), "commands": {key: NPM[key] for key in ("dev", "test", "build")}, "variables": {"VITE_TITLE"},
        "runtimes": {"node": ">=20.19"},
    },
    "worker+redis": {
        "role": "worker", "languages": ["Python"], "frameworks": {"RQ"}, "ports": set(), "databases": {"redis"},
        "commands": {"start": "python -m shop.worker", "test": "pytest"}, "variables": {"REDIS_URL"},
        "runtimes": {"python": ">=3.11"},
    },
}  # fmt: skip


def found(root: Path) -> dict[str, Any]:
    """What the scan says of the only service there must be."""
    project = survey(collect(str(root), wants()))
    assert not project.findings, project.findings
    (service,) = project.services
    assert service.root == "."
    return {
        "role": service.role,
        "languages": [fact.value for fact in service.languages],
        "frameworks": {fact.value for fact in service.frameworks},
        "ports": {fact.value for fact in service.ports},
        "databases": {fact.value for fact in service.databases},
        "commands": {purpose: fact.value for purpose, fact in service.commands.items()},
        "variables": {fact.value for fact in service.variables},
        "runtimes": {want.name: want.spec for want in service.runtimes},
        "needs": {fact.value for fact in service.needs},
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_scan_understands_what_a_template_makes(name: str, tmp_path: Path) -> None:
    said, wanted = found(written(tmp_path / "shop", rendered(name))), EXPECTED[name]
    said["commands"] = {purpose: said["commands"].get(purpose) for purpose in wanted["commands"]}
    assert {key: said[key] for key in wanted} == wanted


@pytest.mark.parametrize("name", [name for name in NAMES if EXPECTED[name]["ports"] and name != "django"])
def test_the_scan_sees_the_port_that_was_answered(name: str, tmp_path: Path) -> None:
    assert "9123" in found(written(tmp_path / "shop", rendered(name, port="9123")))["ports"]


def test_the_scan_sees_the_database_that_was_answered(tmp_path: Path) -> None:
    said = found(written(tmp_path / "shop", rendered("fastapi", database="postgresql")))
    assert said["databases"] == said["needs"] == {"postgresql"} and "DATABASE_URL" in said["variables"]
