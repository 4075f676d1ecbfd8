"""From a command line to an argv: quotes are read as a shell reads them, and nothing else of a shell is."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..errors import Usage
from ..plan import Risk

OPERATORS = {
    "|": "a pipe",
    "&": "`&`",
    ";": "`;`",
    "<": "a redirection",
    ">": "a redirection",
    "\n": "several lines",
    "`": "a command substitution",
    "$": "a variable or substitution",
    "(": "a subshell",
    ")": "a subshell",
}
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "fish", "ksh", "busybox"})
DESTROYS = frozenset(
    [
        "dd",
        "mkfs",
        "shred",
        "wipefs",
        "fdisk",
        "parted",
        "mkswap",
        "blkdiscard",
        "truncate",
        "userdel",
        "groupdel",
        "shutdown",
        "reboot",
        "halt",
        "poweroff",
        "kill",
        "killall",
        "pkill",
        "crontab",
        "visudo",
        "dropdb",
        "dropuser",
        "iptables",
        "nft",
    ]
)
"""Programs that can do what no snapshot of a project takes back."""
DESTROYS_WITH = {
    "git": ("push", "clean", "gc", "filter-branch", "filter-repo"),
    "docker": ("rm", "rmi", "prune", "volume", "system", "kill"),
    "podman": ("rm", "rmi", "prune", "volume", "system", "kill"),
    "kubectl": ("delete", "drain", "apply", "replace"),
    "helm": ("uninstall", "delete", "upgrade"),
    "terraform": ("destroy", "apply"),
    "tofu": ("destroy", "apply"),
    "aws": ("delete", "terminate", "rm"),
    "gcloud": ("delete",),
    "az": ("delete",),
    "npm": ("publish", "unpublish", "deprecate"),
    "twine": ("upload",),
    "cargo": ("publish", "yank"),
    "gh": ("delete", "merge", "release"),
    "systemctl": ("stop", "disable", "mask", "poweroff", "reboot", "kill"),
    "apt": ("remove", "purge", "autoremove"),
    "apt-get": ("remove", "purge", "autoremove"),
}
"""Programs of which some words reach beyond this machine or delete for good; the words as they stand on the line."""
LATE = frozenset({"docker", "podman", "aws", "gcloud", "az", "gh", "kubectl"})
"""Programs whose verb follows a noun."""
MOVES = frozenset(
    {"rm", "rmdir", "unlink", "mv", "cp", "install", "ln", "chmod", "chown", "tee", "rsync", "touch", "mkdir"}
)
"""Programs whose operands are paths: inside the project a snapshot covers them, outside nothing does."""
WRITES_WITH = {
    "find": ("-delete", "-exec", "-ok", "-fprint", "-fls"),
    "sed": ("-i", "--in-place"),
    "perl": ("-i", "-pi", "-ni"),
    "tar": ("-", "x", "c", "r", "u"),
    "unzip": ("-d", "-o"),
    "patch": ("-", ""),
    "sort": ("-o", "--output"),
    "curl": ("-o", "-O", "--output", "--remote-name"),
    "wget": ("",),
}
"""Programs that write to paths of their operands when one of these options is there."""
PREFIXES = frozenset({"env", "nohup", "nice", "time", "timeout", "stdbuf", "setsid", "xargs", "exec", "command"})


def split(command: str) -> list[str]:
    """The argv of `command`. Raises Usage for shell operators, with the way out, and for quotes that do not close."""
    quote = ""
    escaped = False
    for sign in command:
        if escaped:
            escaped = False
        elif sign == "\\" and quote != "'":
            escaped = True
        elif quote:
            # Inside double quotes a shell still substitutes; single quotes keep everything.
            if sign == quote:
                quote = ""
            elif quote == '"' and sign in "$`":
                raise _operator(sign, command)
        elif sign in "'\"":
            quote = sign
        elif sign in OPERATORS:
            raise _operator(sign, command)
    if "\0" in command:
        raise Usage("a command cannot contain a NUL byte", "Leave it out.")
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise Usage(f"the command cannot be read: {error}", "Close the quotes, or leave them out.") from error
    if not argv:
        raise Usage("no command was given", "Say which, e.g. run pytest -q.")
    if "=" in argv[0] and argv[0].split("=")[0].isidentifier():
        raise Usage("a variable before the command needs `env`", f"Write: env {shlex.join(argv)}")
    if any(word.startswith("~") for word in argv):
        raise Usage("`~` is not expanded, since no shell reads the command", "Write the directory out.")
    return argv


def _operator(sign: str, command: str) -> Usage:
    line = " ".join(command.splitlines())
    return Usage(
        f"{OPERATORS[sign]} needs a shell, and commands are run without one",
        f"Run the parts one by one, quote the sign if it is meant as text, or ask for a shell: sh -c {shlex.quote(line)}",
    )


def judge(argv: list[str], root: Path) -> tuple[Risk, str]:
    """R2, or R3 with the reason when the command can destroy what a snapshot of `root` does not hold.

    A guess by the words on the line, on the safe side; what a program does inside cannot be seen from here.
    """
    if Path(argv[0]).name in PREFIXES:
        # Which of a prefix's words are values of its options (`env -u X rm …`) only it knows: each may be the program.
        judged = [judge(argv[at:], root) for at in range(1, len(argv)) if Path(argv[at]).name not in PREFIXES]
        return max(judged, key=lambda one: one[0], default=(Risk.R2, ""))
    program, rest = Path(argv[0]).name, argv[1:]
    if program in ("sudo", "doas", "su", "pkexec"):
        return Risk.R3, "it runs as another user"
    if program in SHELLS and any(word.startswith("-") and "c" in word for word in rest):
        return Risk.R3, "a shell line can do anything"
    if program in DESTROYS or program.split(".")[0] in DESTROYS:
        return Risk.R3, f"{program} can destroy what no snapshot holds"
    if program == "git" and any(word in ("-c", "--config-env") or word.startswith("--config-env=") for word in rest):
        return Risk.R3, "a setting of git on its command line can run any program"
    plain = [word for word in rest if not word.startswith("-")]
    # `aws s3 rm` has its verb late, `git commit -m push` only looks like it; `git -C dir push` has a value before.
    late = program in LATE or rest[:1] in (["-C"], ["-c"])
    for word in plain[: 3 if late else 1]:
        if any(word == known or word.startswith(f"{known}-") for known in DESTROYS_WITH.get(program, ())):
            return Risk.R3, f"`{program} {word}` cannot be taken back"
    if program in MOVES or any(word.startswith(WRITES_WITH.get(program, ("\0",))) for word in rest):
        values = [word.partition("=")[2] or word[2:] for word in rest if word.startswith("-")]
        outside = [word for word in [*plain, *filter(None, values)] if _lies_outside(word, root)]
        if outside:
            return Risk.R3, f"{outside[0]} lies outside the project, where no snapshot holds it"
    return Risk.R2, ""


def _lies_outside(word: str, root: Path) -> bool:
    try:
        return not Path(root, word).resolve().is_relative_to(root)
    except (OSError, RuntimeError, ValueError):
        return True
