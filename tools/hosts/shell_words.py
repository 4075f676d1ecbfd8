"""The scripts that stand for the methods of a host where there is no Python, and how their answers are read.

They use what POSIX, GNU's and BusyBox's userland have in common. Arguments come as "$1", "$2", never inside the text, so
no name can become a command. What goes wrong is an exit code of 100 + errno, or a message in the C locale.
"""

from __future__ import annotations

import errno
import os
import stat as st
from collections.abc import Sequence
from pathlib import Path

from .base import Stat

BEGIN = 'g=$$; if [ -r /proc/$$/stat ]; then read -r _ _ _ _ g _ < /proc/$$/stat; fi; printf "%s %s\\n" "$0" "$g"; '
"""Says that we begin, and in which process group; the shell of a login may have printed anything before it."""

UNPACK = (
    's=$1; shift; i=$#; while [ "$i" -gt 0 ]; do x=$(printf "%b." "$1"); x=${x%.}; shift; set -- "$@" "$x"; '
    'i=$((i - 1)); done; eval "$s"'
)
"""One of our scripts, and its arguments as `pack` makes them: for words that are no UTF-8, which not every connection
carries (the Docker API's JSON does not)."""

RUN = (
    'if [ -n "$1" ]; then cd -- "$1" || exit 127; fi; n=$2; shift 2; '
    'while [ "$n" -gt 0 ]; do export "$1" || exit 127; shift; n=$((n - 1)); done; exec "$@"'
)
"""Directory or nothing, number of variables, NAME=VALUE each, argv."""

KILL = (
    'kill -TERM "-$1" 2>/dev/null || exit 0; n=0; '
    'while kill -0 "-$1" 2>/dev/null; do [ "$n" -lt "$2" ] || exec kill -KILL "-$1"; sleep 1; n=$((n + 1)); done'
)
"""Process group, seconds."""

_C = "LC_ALL=C; export LC_ALL; "
INFO = _C + (
    'printf "%s\\0" "$(uname -s)" "$(uname -m)" "$(uname -n)" "$(id -un 2>/dev/null || id -u)" "$(id -u)" '
    '"${HOME:-/}" "$PWD" "$(date +%s)"'
)
READ = _C + (
    f'if [ -d "$1" ]; then exit {100 + errno.EISDIR}; fi; '
    f'if [ -e "$1" ] && [ ! -f "$1" ]; then exit {100 + errno.EINVAL}; fi; exec cat -- "$1"'
)
WRITE = _C + (
    "p=$1 m=$2 n=$3; "
    f'if [ -d "$p" ] && [ ! -L "$p" ]; then exit {100 + errno.EISDIR}; fi; '
    'd=${p%/*}; if [ "$d" = "$p" ]; then d=.; fi; d=${d:-/}; mkdir -p -- "$d" || exit 1; '
    'if [ -z "$m" ]; then m=644; if [ -e "$p" ]; then m=$(stat -L -c %a -- "$p") || exit 1; fi; fi; '
    't=$(mktemp "$d/.envsync.XXXXXX") || exit 1; trap \'rm -f -- "$t"\' EXIT; trap "exit 1" HUP INT TERM; '
    'cat > "$t" || exit 1; '
    # A connection that was cut ends the input early: half a file must not take the place of a whole one.
    f'if [ "$(wc -c < "$t")" -ne "$n" ]; then exit {100 + errno.EIO}; fi; '
    'chmod "$m" "$t" || exit 1; sync "$t" 2>/dev/null || sync; '
    'if [ -L "$p" ] && [ -d "$p" ]; then rm -f -- "$p"; fi; mv -f -- "$t" "$p" || exit 1; trap - EXIT'
)
"""Path, mode in octal or nothing, number of bytes; the bytes as input."""
REMOVE = _C + (
    'if [ -d "$1" ] && [ ! -L "$1" ]; then rmdir -- "$1"; elif [ -e "$1" ] || [ -L "$1" ]; then rm -f -- "$1"; fi'
)

# For some files: their names, each with a NUL; a NUL; a line of `stat` each; a NUL; the targets of links, each with a NUL.
_EACH = (
    'r=$1; shift; for f do printf "%s\\0" "${f#"$r"}"; done; printf "\\0"; stat -c "%f %i %s %Y %y %Z %z" -- "$@"; '
    'printf "\\0"; for f do if [ -L "$f" ]; then readlink -n -- "$f"; fi; printf "\\0"; done; exit 0'
)
STAT = _C + f'stat -- "$1" > /dev/null || exit 1; set -- "" "$1"; {_EACH}'
LIST = _C + f"""exec find "$1/." -mindepth 1 -maxdepth 1 -exec sh -c '{_EACH}' sh "$1/./" {{}} +"""
TREE = _C + f'''find "$1/." -mindepth 1 -exec sh -c '{_EACH}' sh "$1/./" {{}} + 2>/dev/null; cd -- "$1"'''

_KINDS = {st.S_IFREG: "file", st.S_IFDIR: "directory", st.S_IFLNK: "link"}
_NUMBERS = {os.strerror(number): number for number in errno.errorcode}


def pack(words: Sequence[str]) -> list[str]:
    """Words for `printf %b`, in ASCII."""
    keep = frozenset(range(32, 127)) - {ord("\\")}
    return ["".join(chr(byte) if byte in keep else f"\\0{byte:03o}" for byte in os.fsencode(word)) for word in words]


class Moved(OSError):
    """Files came or went while they were looked at: look again."""


def _records(said: bytes) -> list[tuple[str, list[bytes], str]]:
    """Name, words of `stat`, target of each file. Raises Moved."""
    found: list[tuple[str, list[bytes], str]] = []
    parts = said.split(b"\0")
    at = 0
    while at < len(parts) - 1:
        try:
            end = parts.index(b"", at)
        except ValueError:
            raise Moved(errno.EAGAIN, "the list is cut off") from None
        names = parts[at:end]
        lines = parts[end + 1].splitlines() if end + 1 < len(parts) else []
        targets = parts[end + 2 : end + 2 + len(names)]
        at = end + 2 + len(names)
        if not len(names) == len(lines) == len(targets):
            raise Moved(errno.EAGAIN, "files came or went meanwhile")
        for name, line, target in zip(names, lines, targets, strict=True):
            words = line.split()
            if len(words) != 11:
                raise Moved(errno.EAGAIN, "its `stat` does not speak as GNU's or BusyBox's does")
            found.append((os.fsdecode(name), words, os.fsdecode(target)))
    return found


def entries(said: bytes, above: Path) -> list[Stat]:
    """What LIST or STAT said, of names below `above`. Raises Moved."""
    made: list[Stat] = []
    for name, words, target in _records(said):
        mode = int(words[0], 16)
        part = words[5].partition(b".")[2].ljust(9, b"0")[:9]
        nanoseconds = int(words[3]) * 10**9 + (int(part) if part.isdigit() else 0)
        kind = _KINDS.get(st.S_IFMT(mode), "special")
        made.append(Stat(above / name, kind, int(words[2]), st.S_IMODE(mode), nanoseconds, target))
    return made


def marks(said: bytes) -> dict[str, bytes]:
    """What TREE said: what tells a change of each path. Raises Moved."""
    made: dict[str, bytes] = {}
    for name, words, target in _records(said):
        directory = st.S_ISDIR(int(words[0], 16))
        # A directory changes its time with each file in it, which is told as that file.
        made[name] = b" ".join(words[:2] if directory else words) + os.fsencode(target)
    return made


def failure(code: int, said: bytes, path: str | None) -> OSError:
    """The error that a script ended with."""
    if code - 100 in errno.errorcode:
        return OSError(code - 100, os.strerror(code - 100), path)
    text = said.decode("utf-8", "backslashreplace").strip()
    reason = text.rpartition(": ")[2]
    number = errno.ENOENT if reason.lower().endswith("nonexistent") else _NUMBERS.get(reason, errno.EIO)
    return OSError(number, os.strerror(number) if number != errno.EIO else text[-300:] or f"exit code {code}", path)
