"""Aliases and functions by reading: what counts, what does not, and files that were written to break a reader."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from envsync.tools.portable import fishfile, shellfile
from envsync.tools.portable.definitions import FILES, LARGEST, read

from .conftest import fill

RC = r"""
# alias no=1
alias ll='ls -la' la="ls -A"   # two in a line
alias g=git
export PATH="$HOME/bin:$PATH" EDITOR=vim
if [ -x /usr/bin/dircolors ]; then
    test -r ~/.dircolors && eval "$(dircolors -b ~/.dircolors)" || eval "$(dircolors -b)"
    alias ls='ls --color=auto'
fi
[ -d ~/src ] && alias src="cd $HOME/src"
alias now="date $(date +%F)" esc="echo \$FOO" quote='it'\''s' tabbed=$'a\tb'
cat <<'EOF'
alias hidden=1
EOF
cat <<-END >/dev/null
	alias hidden2=1
	END
(( 1 << 3 )); x=$((1<<2))
greet() { echo "hi } there ${1:-you}"; case $1 in a) echo;; esac; alias inner=1; }
function mk { mkdir -p "$1" && cd "$1"; }
sub() ( cd / && ls )
case $TERM in
  xterm*) alias t=xterm;;
  (dumb|linux) alias t=plain;;
esac
list=(a b 'alias c=d')
unalias g
alias -- -='cd -'
alias -g G='| grep'
"""


def aliases(text: str) -> dict[str, str]:
    return {found.name: found.text for found in shellfile.scan(text).found.values() if found.kind == "alias"}


def test_what_a_usual_file_defines() -> None:
    file = shellfile.scan(RC)
    assert aliases(RC) == {
        "ll": "ls -la", "la": "ls -A", "ls": "ls --color=auto", "src": "cd $HOME/src", "now": "date $(date +%F)", "esc": "echo $FOO",
        "quote": "it's", "tabbed": "a\tb", "t": "plain", "G": "| grep",
    }  # fmt: skip
    stays = {found.name for found in file.found.values() if found.kind == "alias" and not found.plain}
    assert stays == {"now", "G"}, "worked out at the start, or meant for anywhere in a line"
    functions = {found.name: found.text for found in file.found.values() if found.kind == "function"}
    assert set(functions) == {"greet", "mk", "sub"} and functions["sub"] == "sub() ( cd / && ls )"
    assert functions["greet"].endswith("alias inner=1; }") and not file.trouble


@pytest.mark.parametrize(
    ("line", "name"),
    [("alias a=b", "a"), ("true && alias a=b", "a"), ("true; alias a='x y'", "a"), ("{ alias a=b; }", "a"), ("(alias a=b)", "a"),
     ("X=1 alias a=b", "a"), ("alias a=b>/dev/null", "a"), ("if true; then alias a=b; fi", "a"), ("builtin alias a=b", "a"),
     ("echo alias a=b", ""), ("'alias a=b'", ""), ("x='\nalias a=b\n'", ""), ("f() { alias a=b; }", ""), ("alias a", ""), ("#alias a=b", "")],
)  # fmt: skip
def test_only_a_command_is_a_definition(line: str, name: str) -> None:
    assert list(aliases(line)) == ([name] if name else [])


@pytest.mark.skipif(not os.path.exists("/bin/bash"), reason="there is no bash here to compare with")
def test_bash_itself_says_the_same(tmp_path: Path) -> None:
    """The reader's answer beside the shell's own, for a file that is harmless to run."""
    (tmp_path / "rc").write_text(RC.replace("alias -g G='| grep'", ""))
    script = f"shopt -s expand_aliases; . {tmp_path}/rc >/dev/null 2>&1; for n in ll la ls src esc quote tabbed; do printf '%s\\0%s\\0' $n \"${{BASH_ALIASES[$n]}}\"; done"
    said = subprocess.run(
        ["/bin/bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "TERM": "linux", "PATH": "/usr/bin:/bin"},
    ).stdout
    words = said.split("\0")
    theirs = {name: text.replace(str(tmp_path), "$HOME") for name, text in zip(words[::2], words[1::2], strict=False)}
    ours = aliases(RC)
    theirs = {name: text for name, text in theirs.items() if text}
    assert len(theirs) >= 5 and theirs == {name: ours[name] for name in theirs}


def test_fish() -> None:
    file = fishfile.scan(
        "alias ll 'ls -l'\nalias g=git\nalias s=\"cd $HOME/x\"\nabbr -a gco git checkout\nabbr --erase old\n"
        "function mk --description 'x'\n  if test -d $argv; echo end; end\n  alias inner x\n  mkdir $argv\nend\n"
        "if status is-interactive\n  alias in 'x y'\nend\nfor x in (ls); echo $x; end\nalias dyn \"x $FOO\"\n"
    )
    found = {(f.kind, f.name): (f.text, f.plain) for f in file.found.values()}
    assert found.pop(("function", "mk"))[0].startswith("function mk --description") and not file.trouble
    assert found == {
        ("alias", "ll"): ("ls -l", True), ("alias", "g"): ("git", True), ("alias", "s"): ("cd $HOME/x", True),
        ("abbreviation", "gco"): ("git checkout", True), ("alias", "in"): ("x y", True), ("alias", "dyn"): ("x $FOO", False),
    }  # fmt: skip


def test_files_that_are_read_by_others_are_followed_and_circles_end(tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            ".bashrc": '. ~/.aliases\nsource "$HOME/more.sh"\n. /etc/profile\n. "$HOME/../out.sh"\n. $HOME/$X\nalias a=first\n',
            ".aliases": "alias a=second\nalias b=c\n. ~/.bashrc\n",
            "more.sh": "alias m=n\n",
            ".oh-my-zsh/custom/mine.zsh": "alias z=zz\n",
            ".config/fish/functions/ff.fish": "function ff; echo; end\n",
        },
    )
    (tmp_path.parent / "out.sh").write_text("alias out=1\n")
    found = {(d.shell, d.found.name): d.path for d in read(str(tmp_path)).defined}
    assert found == {("bash", "a"): "~/.aliases", ("bash", "b"): "~/.aliases", ("bash", "m"): "~/more.sh",
                     ("zsh", "z"): "~/.oh-my-zsh/custom/mine.zsh", ("fish", "ff"): "~/.config/fish/functions/ff.fish"}  # fmt: skip


def test_a_folder_of_files_that_read_each_other_is_bounded(tmp_path: Path) -> None:
    for number in range(FILES + 100):
        fill(tmp_path, {f".bashrc.d/{number:04}": f"alias a{number}=b\n"})
    result = read(str(tmp_path))
    assert len(result.defined) <= FILES and any("not all files" in why for _, why in result.trouble)


HOSTILE = {
    "aliases": "".join(f"alias a{i}='x'\n" for i in range(100_000)),
    "open quotes": "alias a='x\n" * 20_000,
    "one open quote": "alias b=c\nalias a='" + "x" * 200_000,
    "here": "".join(f"cat <<E{i}\n" for i in range(20_000)),
    "substitutions": "$(" * 100_000,
    "nested quotes": '"$(' * 60_000,
    "braces": "f() { " * 40_000,
    "backticks": "`" * 100_001,
    "cases": "case x in a) " * 20_000,
    "words": "a " * 120_000,
    "backslashes": '"' + "\\" * 200_001,
    "brackets": "(" * 200_000,
    "operators": "<" * 150_000,
    "unalias": "unalias a\n" * 20_000,
    "controls": "\x0c\x0b\x01" * 60_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("scan", [shellfile.scan, fishfile.scan])
def test_hostile_text_takes_time_in_proportion(name: str, scan: object) -> None:
    text = HOSTILE[name]
    start = time.perf_counter()
    file = scan(text)  # type: ignore[operator]
    assert time.perf_counter() - start < 6.0  # 1 s at most on the machine it was written on, under load
    assert len(file.found) <= shellfile.MOST


def test_what_stands_before_an_open_quote_is_known_and_the_rest_is_said(tmp_path: Path) -> None:
    fill(tmp_path, {".bashrc": "alias a=b\nalias c='never closed\nalias d=e\n"})
    result = read(str(tmp_path))
    assert [d.found.name for d in result.defined] == ["a"]
    assert result.trouble == [("~/.bashrc", "what is opened in line 2 is never closed, so what follows was not read")]


def test_files_that_are_none_are_findings_and_nothing_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".bashrc")
    (tmp_path / ".zshrc").write_bytes(b"alias a=b\n\x00\xff")
    (tmp_path / ".profile").write_bytes(b"#" * (LARGEST + 1))
    (tmp_path / ".bash_profile").mkdir()
    (tmp_path / ".zshenv").symlink_to(tmp_path / ".zshenv")
    (tmp_path / ".zlogin").write_bytes(b"alias latin='caf\xe9'\n")
    result = read(str(tmp_path))
    why = dict(result.trouble)
    assert "no regular file" in why["~/.bashrc"] and "binary" in why["~/.zshrc"] and "bytes" in why["~/.profile"]
    assert "~/.bash_profile" in why and "~/.zshenv" in why and [d.found.name for d in result.defined] == ["latin"]
