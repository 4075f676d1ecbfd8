"""With real programs: npm and uv against an index of our own, and the command as a person types it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tests.provision.conftest import Index
from envsync.tools import registry
from envsync.tools.contract import Context
from envsync.tools.plan import Step
from envsync.tools.portable.file import load
from envsync.tools.scan.host import kept_others, kept_python
from envsync.tools.scan.host.base import Place

UV = shutil.which("uv") or str(Path(sys.executable).parent / "uv")


def group(manager: str, **packages: str) -> Step:
    args = {"manager": manager, "packages": packages}
    back = Step(kind="user-packages", does="back", args={**args, "remove": True})
    return Step(kind="user-packages", does=f"install with {manager}", args=args, inverse=(back,))


async def there_and_back(step: Step, context: Context, look: Callable[[], dict[str, str]]) -> dict[str, object]:
    """Carry a step out and take it back; what the scan reads of it in between must be the same as what the manager says."""
    kind = registry.kinds()[step.kind]
    assert await kind.holds(step, context) is False and look() == {}
    data = await kind.do(step, context)
    assert await kind.holds(step, context) in (True, None)
    wanted = {name: version for name, version in step.args["packages"].items() if name not in data["failed"]}  # type: ignore[union-attr, operator]
    assert look() == wanted
    again = await kind.do(step, context)
    assert again["done"] == 0 and again["failed"].keys() == data["failed"].keys(), (
        "a second time there is nothing to do"
    )  # type: ignore[union-attr]
    (back,) = step.inverse
    await kind.do(back, context)
    assert await kind.holds(back, context) is True and look() == {}
    return data


@pytest.mark.skipif(not shutil.which("npm"), reason="there is no npm here")
async def test_npm(
    index: Index, make_context: Callable[..., Context], project: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.npm("tiny", "1.0.0", bin={"tiny": "index.js"}, scripts={"postinstall": f"touch {private}/ran"})
    index.npm("tiny", "2.0.0")
    monkeypatch.setenv("npm_config_prefix", str(private / "npm"))
    place = Place.of(str(private), b"", dict(os.environ))

    def look() -> dict[str, str]:
        return {n: v for kept in kept_others.npm(place) if kept.where == "~/npm" for n, v in kept.packages.items()}

    data = await there_and_back(group("npm", tiny="1.0.0", gone="3.0.0"), make_context(project), look)
    assert list(data["failed"]) == ["gone"] and "404" in data["failed"]["gone"] and not (private / "ran").exists()  # type: ignore[index, call-overload]


@pytest.mark.skipif(not os.path.exists(UV), reason="there is no uv here")
async def test_uv(
    index: Index, make_context: Callable[..., Context], project: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.files["/files/tiny_tool-1.2.3-py3-none-any.whl"] = wheel("tiny_tool", "1.2.3")
    index.python["tiny-tool"] = [("1.2.3", "tiny_tool-1.2.3-py3-none-any.whl")]
    monkeypatch.setenv("PATH", f"{Path(UV).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("UV_PYTHON", sys.executable)
    place = Place.of(str(private), b"", {})

    def look() -> dict[str, str]:
        return {n: v for kept in kept_python.uv(place) for n, v in kept.packages.items()}

    await there_and_back(group("uv", **{"tiny-tool": "1.2.3"}), make_context(project), look)


def wheel(module: str, version: str) -> bytes:
    """A wheel with a command."""
    info = f"{module}-{version}.dist-info"
    content = {
        f"{module}.py": "def main():\n    print('hi')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{module.replace('_', '-')} = {module}:main\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n"
        for path, text in content.items()
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in {**content, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return packed.getvalue()


# -- As it is typed ------------------------------------------------------------------------------------------------------


@pytest.fixture
def typed(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `envsync …` in a process of its own, as the user of a home directory."""
    code = "import sys; from envsync.agent.cli import main; sys.argv = ['envsync', *sys.argv[1:]]; main()"

    def run(home: Path, *argv: str) -> subprocess.CompletedProcess[str]:
        home.mkdir(exist_ok=True)
        env = {
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
            "NO_COLOR": "1",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }
        return subprocess.run(
            [sys.executable, "-c", code, *argv], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
        )

    return run


def test_export_apply_and_undo_as_they_are_typed(
    typed: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    (one / ".bashrc").write_text("alias ll='ls -la'\n")
    (one / ".vimrc").write_text("set number\n")
    done = typed(one, "fingerprint", "export", "m.fingerprint", "--with-dotfiles", ".vimrc", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["bytes"] == (tmp_path / "m.fingerprint").stat().st_size < 50_000 and told["undo"]
    assert load((tmp_path / "m.fingerprint").read_bytes(), "m").aliases[0].name == "ll"
    assert typed(one, "fingerprint", "export", "m.fingerprint").returncode == 2
    shown = typed(one, "fingerprint", "show", "m.fingerprint")
    assert shown.returncode == 0 and "ll (bash)" in shown.stdout and "~/.vimrc" in shown.stdout

    planned = typed(two, "fingerprint", "apply", "m.fingerprint", "--only", "aliases,dotfiles", "--plan")
    assert planned.returncode == 0 and "define 1 alias in ~/.bashrc" in planned.stdout and not (two / ".vimrc").exists()
    assert typed(two, "fingerprint", "apply", "m.fingerprint", "--only", "aliases,dotfiles").returncode == 3, (
        "a person must say yes"
    )
    applied = typed(two, "fingerprint", "apply", "m.fingerprint", "--only", "aliases,dotfiles", "--yes")
    assert applied.returncode == 0, applied.stderr
    assert "alias ll='ls -la'" in (two / ".bashrc").read_text() and (two / ".vimrc").read_text() == "set number\n"
    assert "nothing to do" in typed(two, "fingerprint", "apply", "m.fingerprint", "--only", "aliases,dotfiles").stdout
    drift = typed(two, "drift", "--against", "m.fingerprint", "--json")
    assert not [d for d in json.loads(drift.stdout)["differences"] if d["kind"] == "alias"]
    back = typed(two, "rewind", "--to", "last", "--yes")
    assert back.returncode == 0, back.stderr
    assert not (two / ".bashrc").exists() and not (two / ".vimrc").exists()
    again = typed(two, "rewind", "--to", "last", "--yes")
    assert again.returncode == 0, again.stderr
    assert (two / ".vimrc").read_text() == "set number\n", "the taking back is taken back"


def test_a_model_neither_sees_nor_finds_it() -> None:
    from envsync.agent.models.wire import tool_schemas

    assert "fingerprint" not in registry.names() and registry.find("fingerprint").name == "fingerprint"
    assert all(schema["function"]["name"] != "fingerprint" for schema in tool_schemas())
    (entry,) = registry.TYPED
    tool = registry.find(entry.name)
    assert (
        tool.risk == entry.risk and tool.doc.strip().splitlines()[0] == entry.summary and not tool.planned(tool.args())
    )
    for name, field in tool.args.model_fields.items():
        assert field.description, name
