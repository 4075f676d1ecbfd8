"""The block in a project's `.env`: everything else stays byte for byte, and what is odd is not touched."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.tools.errors import Failed
from envsync.tools.provision.services import dotenv

PAIRS = [("DATABASE_URL", "postgresql://a:b@127.0.0.1:1/x"), ("DB_PASSWORD", "b")]


@pytest.fixture
def note(tmp_path: Path) -> Path:
    (tmp_path / "private").mkdir()
    return tmp_path / "private" / "env.json"


@pytest.mark.parametrize(
    "before",
    [b"", b"A=1\n", b"A=1", b"A=1\r\nB=2", b"\n\n# only a comment\n", b"A=\xff\xfe\n", "Ä=ö\n".encode(), b"A='x\ny'\n"],
)
def test_what_was_there_is_the_same_afterwards(project: Path, note: Path, before: bytes) -> None:
    path = project / ".env"
    path.write_bytes(before)
    path.chmod(0o640)
    assert dotenv.put(project, ".env", "pg", PAIRS, note) == ["DATABASE_URL", "DB_PASSWORD"]
    assert path.read_bytes().startswith(before) and dotenv.read(path)["DB_PASSWORD"] == "b"
    once = path.read_bytes()
    dotenv.put(project, ".env", "pg", PAIRS, note)
    assert path.read_bytes() == once
    dotenv.drop(project, ".env", "pg", note)
    assert path.read_bytes() == before and stat.S_IMODE(path.stat().st_mode) == 0o640
    dotenv.drop(project, ".env", "pg", note)
    assert path.read_bytes() == before


@given(
    st.lists(st.sampled_from(["A=1", "# x", "", " export B='2'", "C", "\t", "D=$A"]), max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_any_lines_survive(tmp_path_factory: pytest.TempPathFactory, rows: list[str], end: str, last: bool) -> None:
    folder = tmp_path_factory.mktemp("any")
    before = (end.join(rows) + (end if last else "")).encode()
    (folder / ".env").write_bytes(before)
    for name in ("one", "two"):
        dotenv.put(folder, ".env", name, [(f"{name.upper()}_URL", "x")], folder / f"{name}.json")
    for name in ("two", "one"):
        dotenv.drop(folder, ".env", name, folder / f"{name}.json")
    assert (folder / ".env").read_bytes() == before


def test_a_new_file_is_private_and_goes_again(project: Path, note: Path) -> None:
    dotenv.put(project, ".env", "pg", PAIRS, note)
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600
    dotenv.drop(project, ".env", "pg", note)
    assert list(project.iterdir()) == []


def test_a_file_that_somebody_wrote_into_stays(project: Path, note: Path) -> None:
    dotenv.put(project, ".env", "pg", PAIRS, note)
    path = project / ".env"
    path.write_text("MINE=1\n" + path.read_text().replace("DB_PASSWORD=b", "DB_PASSWORD=b\nINSIDE=2") + "AFTER=3\n")
    dotenv.drop(project, ".env", "pg", note)
    assert path.read_text() == "MINE=1\nINSIDE=2\nAFTER=3\n"


def test_a_variable_with_a_value_is_never_overwritten_and_one_without_is_set(project: Path, note: Path) -> None:
    (project / ".env").write_text("DATABASE_URL=postgres://mine\nexport DB_PASSWORD=\n")
    assert dotenv.put(project, ".env", "pg", PAIRS, note) == ["DB_PASSWORD"]
    assert dotenv.read(project / ".env") == {"DATABASE_URL": "postgres://mine", "DB_PASSWORD": "b"}


def test_a_line_of_ours_that_was_changed_is_the_persons_own_now(project: Path, note: Path) -> None:
    dotenv.put(project, ".env", "pg", PAIRS, note)
    path = project / ".env"
    path.write_text(path.read_text().replace("DB_PASSWORD=b", "DB_PASSWORD=theirs"))
    dotenv.put(project, ".env", "pg", PAIRS, note)
    assert dotenv.read(path)["DB_PASSWORD"] == "theirs"
    dotenv.drop(project, ".env", "pg", note)
    assert path.read_text() == "DB_PASSWORD=theirs\n"


def test_some_names_alone_can_be_taken_out(project: Path, note: Path) -> None:
    (project / ".env").write_text("A=1")
    dotenv.put(project, ".env", "pg", PAIRS[:1], note)
    before = (project / ".env").read_bytes()
    dotenv.put(project, ".env", "pg", PAIRS, note)
    dotenv.drop(project, ".env", "pg", note, ["DB_PASSWORD"])
    assert (project / ".env").read_bytes() == before
    dotenv.drop(project, ".env", "pg", note)
    assert (project / ".env").read_text() == "A=1"


@pytest.mark.parametrize("odd", ["link", "huge", "binary", "fifo", "hard link", "directory"])
def test_hostile_18_21_22_what_is_odd_is_not_touched(project: Path, tmp_path: Path, note: Path, odd: str) -> None:
    path, outside = project / ".env", tmp_path / "outside"
    outside.write_text("SECRET=1\n")
    match odd:
        case "link":
            path.symlink_to(outside)
        case "huge":
            with path.open("wb") as file:
                file.truncate(1 << 40)
        case "binary":
            path.write_bytes(b"A=1\0\n")
        case "fifo":
            os.mkfifo(path)
        case "hard link":
            os.link(outside, path)
        case _:
            path.mkdir()
    with pytest.raises(Failed):
        dotenv.put(project, ".env", "pg", PAIRS, note)
    assert dotenv.read(path) == {}
    dotenv.drop(project, ".env", "pg", note)
    assert outside.read_text() == "SECRET=1\n" and path.is_symlink() is (odd == "link")


def test_a_project_that_is_gone_is_no_error(project: Path, note: Path) -> None:
    dotenv.put(project, ".env", "pg", PAIRS, note)
    (project / ".env").unlink()
    project.rmdir()
    dotenv.drop(project, ".env", "pg", note)
