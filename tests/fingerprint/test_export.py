"""What leaves the machine and what does not, and a file that can be read, trusted and compared."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import zstandard
from blake3 import blake3

from envsync.tools.errors import Damaged, Failed, Usage
from envsync.tools.plan import Risk, canonical
from envsync.tools.portable.clean import Cleaner
from envsync.tools.portable.file import FORMAT, MAGIC, dump, load
from envsync.tools.portable.model import HOME, Portable
from envsync.tools.provision.fingerprint import Exported, Shown
from envsync.tools.redact import Redactor

from .conftest import Desk, fill


async def exported(desk: Desk, name: str = "x.fingerprint", **args: object) -> tuple[Path, Portable]:
    file = desk.context.path / name
    await desk.do("export", file=str(file), **args)
    return file, load(file.read_bytes(), name)


async def test_what_the_file_has_and_what_it_never_has(source: Desk) -> None:
    file, portable = await exported(source)
    text = json.dumps(portable.model_dump(mode="json")) + file.read_bytes().decode("latin-1")
    secrets = (
        "npm_abcdef",
        "abcdefgh12345678",
        "corp.example",
        "Alice Example",
        "10.1.2.3",
        str(source.box.home),
        "alice",
    )
    for private in secrets:
        assert private not in text, private
    kept = portable.fingerprint.equipment
    assert kept and kept.ssh_hosts == ("build",) and kept.identity and kept.identity.email
    held = {k.manager: k.packages for k in kept.packages}
    assert held["apt"] == {"jq": "1.6", "ripgrep": "13", "libssl-old": "1.1", "linux-image-amd64": "6.1"} and held[
        "uv"
    ] == {"ruff": "0.5.0"}
    assert (
        portable.fingerprint.packages == ()
        and portable.fingerprint.project is None
        and portable.fingerprint.host == "local"
    )
    assert {i.path for i in portable.fingerprint.runtimes if i.name == "python"} == {"~/.pyenv/versions/3.12.1"}
    assert file.stat().st_mode & 0o777 == 0o600 and file.stat().st_size < 50_000


async def test_aliases_go_along_when_they_mean_the_same_elsewhere(source: Desk) -> None:
    _, portable = await exported(source)
    assert {(a.shell, a.kind, a.name): a.text for a in portable.aliases} == {
        ("bash", "alias", "ll"): "ls -la", ("bash", "alias", "gs"): "git status", ("bash", "alias", "src"): "cd $HOME/src",
        ("bash", "alias", "proj"): "cd $HOME/proj", ("fish", "abbreviation", "gco"): "git checkout",
    }  # fmt: skip
    assert set(portable.left_out) == {
        "alias mine of bash: it holds your user name",
        "alias now of bash: what it stands for is worked out when the shell starts",
        "alias call of bash: it seems to hold a secret",
    }


async def test_dotfiles_only_when_they_are_chosen(source: Desk) -> None:
    _, portable = await exported(source)
    assert portable.dotfiles == () and "~/.vimrc" in {d.path for d in portable.fingerprint.dotfiles}
    _, portable = await exported(source, "y.fingerprint", with_dotfiles=[".vimrc,.tmux.conf", "~/.vimrc"])
    assert [f.path for f in portable.dotfiles] == ["~/.vimrc", "~/.tmux.conf"]
    assert portable.dotfiles[0].text == f'set number\n" mine: {HOME}/.vim\n'


@pytest.mark.parametrize(
    ("name", "why"),
    [(".npmrc", "seems to hold a secret"), (".ssh/id_ed25519", "made to hold secrets"), (".netrc", "made to hold secrets"), ("../x", "no file below"),
     ("/etc/passwd", "no file below"), (".none", "there is no"), (".config", "no small file"), (".bin", "no text"), (".fifo", "no small file"),
     (".huge", "no small file")],
)  # fmt: skip
async def test_a_dotfile_that_is_not_carried_stops_the_export_before_anything_is_written(
    source: Desk, name: str, why: str
) -> None:
    (source.box.home / ".bin").write_bytes(b"\xff\xfe\x00")
    (source.box.home / ".huge").write_bytes(b"x" * (2 << 20))
    os.mkfifo(source.box.home / ".fifo")
    with pytest.raises(Usage, match=why):
        await source.plan("export", file="x.fingerprint", with_dotfiles=[".vimrc", name])
    assert not list(source.context.path.iterdir())


async def test_a_secret_that_came_after_the_plan_is_not_written_either(source: Desk) -> None:
    from envsync.tools import registry

    plan = await source.plan("export", file="x.fingerprint", with_dotfiles=[".vimrc"])
    fill(source.box.home, {".vimrc": f"let g:github = 'ghp_{'a1B2' * 10}'\n"})
    with pytest.raises(Usage, match="secret"):
        await registry.kinds()[plan.steps[0].kind].do(plan.steps[0], source.context)
    assert not list(source.context.path.iterdir())


async def test_an_export_is_r1_is_undone_and_never_writes_over_anything(source: Desk) -> None:
    plan, outcome, result = await source.do("export", file="x.fingerprint")
    assert (
        plan.risk == Risk.R1
        and plan.undoable
        and not plan.system
        and isinstance(result, Exported)
        and result.bytes > 500
    )
    file = source.context.path / "x.fingerprint"
    with pytest.raises(Usage, match="is there already"):
        await source.plan("export", file="x.fingerprint")
    with pytest.raises(Usage, match="is no directory"):
        await source.plan("export", file="no/where.fingerprint")
    kept = file.read_bytes()
    file.write_text("mine now")
    with pytest.raises(Failed, match="no fingerprint any more"):
        await source.undo(outcome.transaction)
    file.write_bytes(kept)
    await source.undo(outcome.transaction)
    assert not file.exists()


async def test_json_for_people_and_the_same_bytes_for_the_same_machine(source: Desk) -> None:
    _, portable = await exported(source, "x.json")
    text = (source.context.path / "x.json").read_text()
    assert json.loads(text)["format"] == FORMAT and load(text.encode(), "x") == portable
    assert dump(portable) == dump(Portable.model_validate_json(portable.model_dump_json()))


async def test_showing_what_would_leave_and_what_a_file_has(source: Desk) -> None:
    here = await source.show()
    assert isinstance(here, Shown) and "5 aliases" in here.summary and here.bytes < 50_000
    rows = {row[0]: row[1] for row in here.blocks()[0].rows}  # type: ignore[union-attr]
    assert rows["vscode"] == "gone.away, ms-python.python" and rows["runtimes"] == "node 20, python 3.12"
    await exported(source)
    there = await source.show(file="x.fingerprint")
    assert isinstance(there, Shown) and there.portable.aliases == here.portable.aliases


@pytest.mark.parametrize(
    ("args", "why"),
    [({"action": "export"}, "needs a FILE"), ({"action": "apply"}, "needs a FILE"), ({"action": "show", "only": ["tools"]}, "go with apply"),
     ({"action": "apply", "file": "x", "with_dotfiles": [".x"]}, "goes with export"), ({"action": "apply", "file": "none"}, "cannot be read")],
)  # fmt: skip
async def test_arguments_that_do_not_fit(source: Desk, args: dict[str, object], why: str) -> None:
    with pytest.raises(Usage, match=why):
        await (
            source.show(**{k: v for k, v in args.items() if k != "action"})
            if args["action"] == "show"
            else source.plan(**args)
        )  # type: ignore[arg-type]


# -- The file ----------------------------------------------------------------------------------------------------------


def body(**changes: object) -> bytes:
    about = {"version": 1, "made_by": "1", "fingerprint": {"at": "2024-01-01T00:00:00Z"}, **changes}
    return json.dumps({"format": FORMAT, "digest": blake3(canonical(about)).hexdigest(), "body": about}).encode()


def test_a_small_one_is_read() -> None:
    assert load(body(), "x").made_by == "1"
    assert load(zstandard.compress(body()), "x").made_by == "1"


HOSTILE = {
    "empty": b"", "text": b"hello", "list": b"[]", "deep": b"[" * 200_000, "nan": b'{"format": NaN}', "no body": b'{"format": "envsync fingerprint"}',
    "magic only": MAGIC, "binary": bytes(range(256)) * 10, "wrong types": body(fingerprint=[1]), "unknown field": body(more=1),
    "a later version": body(version=2), "version is text": body(version="1"), "traversal in a dotfile": body(dotfiles=[{"path": 1, "text": None}]),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_export_is_refused(name: str) -> None:
    with pytest.raises((Usage, Damaged)):
        load(HOSTILE[name], "x")


def test_a_changed_file_is_damaged_and_a_bomb_is_not_unpacked() -> None:
    whole = json.loads(body())
    whole["body"]["made_by"] = "2"
    with pytest.raises(Damaged, match="digest"):
        load(json.dumps(whole).encode(), "x")
    packed = zstandard.compress(body())
    with pytest.raises((Damaged, Usage)):
        load(packed[: len(packed) // 2], "x")
    bomb = zstandard.ZstdCompressor().compress(b"\0" * (200 << 20))
    assert len(bomb) < 100_000
    with pytest.raises(Usage, match="larger"):
        load(bomb, "x")


# -- Cleaning ----------------------------------------------------------------------------------------------------------


def test_the_users_name_goes_from_paths_and_stays_in_other_words() -> None:
    clean = Cleaner("/home/ada", "ada", Redactor())
    told = {
        "path": "/home/ada/.x",
        "mount": "/media/ada/usb",
        "other": "/home/adam/x",
        "ada": ["ada-lang", "~/.local/ada"],
        "n": 3,
    }
    assert clean.record(told) == {
        "path": "~/.x",
        "mount": "/media/USER/usb",
        "other": "/home/adam/x",
        "ada": ["ada-lang", "~/.local/USER"],
        "n": 3,
    }
    assert clean.names("ssh ada@x") and clean.names("cd /x/Ada") and not clean.names("adam ada-lang")
    assert not Cleaner("/root", "root", Redactor()).names("run as root")


def test_a_secret_in_any_place_becomes_a_mark() -> None:
    clean = Cleaner("/home/ada", "ada", Redactor({"DB_PASSWORD": "correct-horse-battery"}))
    key = "ghp_" + "a1B2" * 10
    text = json.dumps(clean.record({"a": [f"x {key}", {"correct-horse-battery": 1}]}))
    assert key not in text and "correct-horse" not in text
