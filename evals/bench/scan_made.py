"""The trees that scan.py measures: the same in every run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

PYTHON = '''"""{name}."""
import os
from dataclasses import dataclass

from fastapi import APIRouter, Depends

from .models import {name}

router = APIRouter(prefix="/{name}")
TIMEOUT = int(os.environ.get("{upper}_TIMEOUT", "30"))


@dataclass
class Query:
    """What is asked for."""

    page: int = 1
    size: int = 50


@router.get("/{{id}}")
async def read(id: int, query: Query = Depends()) -> dict[str, object]:
    # one page of what belongs to it
    rows = await {name}.filter(owner=id).offset(query.page * query.size).limit(query.size)
    return {{"items": [row.as_dict() for row in rows], "page": query.page}}
'''
SCRIPT = """import {{ useEffect, useState }} from 'react'
import {{ api }} from '../lib/api'

export interface {name}Props {{ id: string; onClose?: () => void }}

export function {name}({{ id, onClose }}: {name}Props) {{
  const [rows, setRows] = useState<unknown[]>([])
  useEffect(() => {{
    api.get(`${{process.env.{upper}_URL}}/items/${{id}}`).then((answer) => setRows(answer.rows))
  }}, [id])
  return <section onClick={{onClose}}>{{rows.map((row, at) => <p key={{at}}>{{String(row)}}</p>)}}</section>
}}
"""
GO = """package {name}

import (
	"context"
	"net/http"
	"os"
)

// Handler answers one request.
type Handler struct {{ store Store }}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {{
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if os.Getenv("{upper}_DEBUG") != "" {{
		w.Header().Set("X-Debug", "1")
	}}
	_ = h.store.Each(ctx, func(item Item) error {{ return item.Write(w) }})
}}
"""
RUST = """use std::env;
use serde::{{Deserialize, Serialize}};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct {name} {{ pub id: u64, pub label: String }}

impl {name} {{
    pub fn load(id: u64) -> Result<Self, crate::Error> {{
        let base = env::var("{upper}_BASE").unwrap_or_default();
        crate::store::get(&format!("{{base}}/{{id}}"))
    }}
}}
"""
PACKAGE = {
    "scripts": {"dev": "vite", "build": "tsc -b && vite build", "test": "vitest run", "start": "node dist/server.js"},
    "dependencies": {"react": "^18.3.1", "express": "^4.19.2", "pg": "^8.12.0", "ioredis": "^5.4.1"},
    "devDependencies": {"typescript": "~5.6.2", "vite": "^5.4.10", "vitest": "^2.1.0"},
    "engines": {"node": ">=20"},
}
PYPROJECT = """[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["fastapi>=0.115", "uvicorn[standard]", "sqlalchemy>=2", "asyncpg", "redis>=5"]

[tool.pytest.ini_options]
testpaths = ["tests"]
"""
KINDS = {
    "web": ({"package.json": json.dumps(PACKAGE), "tsconfig.json": "{}", "vite.config.ts": "export default {}\n"}, ".tsx", SCRIPT),
    "api": ({"pyproject.toml": PYPROJECT, "Dockerfile": "FROM python:3.12\nEXPOSE 8000\n", ".env.example": "PORT=8000\n"}, ".py", PYTHON),
    "edge": ({"go.mod": "module example.org/{name}\n\ngo 1.23\n", "main.go": "package main\n\nfunc main() {}\n"}, ".go", GO),
    "core": ({"Cargo.toml": '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'}, ".rs", RUST),
}  # fmt: skip


def monorepo(root: Path, files: int) -> None:
    """A tree of about that many files, the same in every run."""
    random = Random(7)
    write = _writer(root)
    write("package.json", json.dumps({"private": True, "workspaces": ["services/*"]}))
    write(".gitignore", "node_modules/\ndist/\n*.log\n.env\n/coverage\n**/generated/\n!keep.log\n")
    write("docker-compose.yml", "services:\n  db:\n    image: postgres:16\n  cache:\n    image: redis:7\n")
    services = max(4, files // 700)
    own = files * 3 // 5
    for number in range(services):
        kind = list(KINDS)[number % len(KINDS)]
        _service(write, f"services/{kind}{number}", kind, own // services, random)
    for number in range(files * 2 // 5 // 20):
        package = f"node_modules/{'@scope/' if number % 5 == 0 else ''}package{number}"
        write(
            f"{package}/package.json", json.dumps({"name": f"package{number}", "version": "1.0.0", "main": "index.js"})
        )
        for module in range(19):
            write(f"{package}/{'lib/' if module % 3 else ''}module{module}.js", "module.exports = () => 42\n" * 20)


def _service(write: Callable[[str, str], None], home: str, kind: str, files: int, random: Random) -> None:
    manifests, suffix, template = KINDS[kind]
    name = home.rpartition("/")[2]
    for path, text in manifests.items():
        write(f"{home}/{path}", text.replace("{name}", name))
    write(f"{home}/.gitignore", "build/\n*.tmp\n/local.*\n__pycache__/\ntarget/\n")
    write(f"{home}/README.md", f"# {name}\n" * 40)
    folders = [f"{home}/src"]
    while len(folders) < max(2, files // 12):
        folders.append(
            f"{random.choice(folders[-8:])}/{random.choice(['api', 'lib', 'views', 'store', 'jobs'])}{len(folders)}"
        )
    for number in range(files - 12):
        folder = folders[number % len(folders)]
        word = f"{random.choice(['Order', 'Account', 'Invoice', 'Session', 'Report'])}{number}"
        text = template.format(name=word, upper=f"APP_{number % 40}") * random.choice([1, 1, 2, 4])
        ending = random.choice([suffix, suffix, suffix, suffix, ".md", ".json", ".css", ".svg"])
        write(f"{folder}/{word}{ending}", text if ending == suffix else "x" * random.randrange(80, 3000))
        if number % 97 == 0:
            write(f"{folder}/.gitignore", f"*.bak\nscratch{number}/\n/tmp\n")
        if number % 40 == 0:
            write(f"{folder}/generated/{word}{suffix}", text)


def small(root: Path) -> None:
    """A service and its front end, some thirty files."""
    write = _writer(root)
    write(".gitignore", "node_modules\ndist\n.venv\n__pycache__\n")
    write(
        "compose.yaml", "services:\n  db:\n    image: postgres:16\n  api:\n    build: api\n    ports: ['8000:8000']\n"
    )
    write("README.md", "# small\n")
    write("api/pyproject.toml", PYPROJECT.format(name="api"))
    write("api/Dockerfile", 'FROM python:3.12\nEXPOSE 8000\nCMD ["uvicorn", "api.main:app"]\n')
    write("api/api/main.py", "from fastapi import FastAPI\n\napp = FastAPI()\n")
    write("web/package.json", json.dumps(PACKAGE))
    write("web/vite.config.ts", "export default { server: { port: 5173 } }\n")
    write("web/index.html", "<div id=root></div>\n")
    for number in range(10):
        write(f"api/api/part{number}.py", PYTHON.format(name=f"part{number}", upper="API"))
        write(f"web/src/Part{number}.tsx", SCRIPT.format(name=f"Part{number}", upper="WEB"))


def _writer(root: Path) -> Callable[[str, str], None]:
    def write(path: str, text: str) -> None:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")

    return write
