"""What a command line becomes without a shell, and how risky it looks."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envsync.tools.errors import Usage
from envsync.tools.plan import Risk
from envsync.tools.run.words import judge, split


@pytest.mark.parametrize(
    "command",
    [
        "a | b",
        "a > f",
        "a < f",
        "a && b",
        "a; b",
        "a & b",
        "echo $HOME",
        "echo `id`",
        "echo $(id)",
        'echo "$HOME"',
        "(a)",
        "a\nb",
    ],
)
def test_shell_operators_are_refused_with_the_way_out(command: str) -> None:
    with pytest.raises(Usage) as error:
        split(command)
    assert "sh -c" in error.value.hint


@pytest.mark.parametrize(
    "command", ["echo 'a | b'", "pytest -k 'a and (b or c)'", r"echo a\;b", "echo '$HOME'", 'echo "a;b"']
)
def test_quoted_operators_are_text(command: str) -> None:
    assert split(command) == shlex.split(command)


@given(
    st.lists(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1), min_size=1)
)
def test_any_argv_survives_quoting(argv: list[str]) -> None:
    argv = ["echo", *argv]
    quoted = shlex.join(argv)
    if any(word.startswith("~") for word in argv):
        return
    assert split(quoted) == argv


def test_hostile_04_file_names_stay_arguments(tmp_path: Path) -> None:
    name = "; rm -rf ~ #.txt"
    (tmp_path / name).write_text("kept")
    argv = split(f"cat -- {shlex.quote(name)}")
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "kept"


@pytest.mark.parametrize(
    ("command", "risk"),
    [
        ("pytest -q", Risk.R2),
        ("rm -rf build", Risk.R2),
        ("rm -rf /etc/hosts", Risk.R3),
        ("rm -rf ../other", Risk.R3),
        ("rm -rf build/../../other", Risk.R3),
        ("git push --force", Risk.R3),
        ("git commit -m push", Risk.R2),
        ("sudo ls", Risk.R3),
        ("env A=1 sudo ls", Risk.R3),
        ("bash -c 'rm -rf /'", Risk.R3),
        ("bash script.sh", Risk.R2),
        ("dd if=/dev/zero of=/dev/sda", Risk.R3),
        ("mkfs.ext4 /dev/sda", Risk.R3),
        ("terraform destroy", Risk.R3),
        ("find . -name x -delete", Risk.R2),
        ("env -u X rm ../other", Risk.R3),
        ("env -i A=1 pytest -q", Risk.R2),
        ("timeout -s KILL 5 rm ../other", Risk.R3),
        ("nice -n 5 timeout 3 sh -c id", Risk.R3),
        ("timeout 60 pytest -q", Risk.R2),
        ("cp a --target-directory=..", Risk.R3),
        ("cp a -t..", Risk.R3),
        ("cp --preserve=mode a b", Risk.R2),
        ("sed -i s/a/b/ ../other", Risk.R3),
        ("sed s/a/b/ ../other", Risk.R2),
        ("tar xf a.tar -C ..", Risk.R3),
        ("tar xf a.tar", Risk.R2),
        ("git -c alias.x=!sh x", Risk.R3),
        ("curl -o ../other https://example.org/x", Risk.R3),
        ("find /var -delete", Risk.R3),
    ],
)
def test_what_can_destroy_is_r3(command: str, risk: Risk, tmp_path: Path) -> None:
    assert judge(split(command), tmp_path)[0] == risk
