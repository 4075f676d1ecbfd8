"""The commands besides the tools, in the order of `--help`; adding one is a module with `run` and one line here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Command:
    """One line of the table: enough for `--help` and completion without importing the command."""

    name: str
    summary: str
    usage: str = ""
    words: tuple[str, ...] = ()
    """What may follow the name, for completion."""
    module: str = ""

    def run(self, argv: Sequence[str]) -> int:
        """Carry it out; returns the exit code. Raises EnvSyncError."""
        return import_module(f".{self.module or self.name}", __package__).run(argv)


COMMANDS: tuple[Command, ...] = (
    Command("doctor", "Check what works here and what does not, each with the fix."),
    Command(
        "sessions",
        "List the conversations; rename or delete one.",
        "[rename ID TITLE | delete ID]",
        ("list", "rename", "delete"),
    ),
    Command("memory", "Search what is remembered; forget a note.", "[WORDS… | forget ID]", ("forget",), "remembered"),
    Command("unlock", "Drop a lock that another machine left behind.", "ID"),
    Command("shell", "Open a terminal on any host.", "HOST [COMMAND…]"),
    Command("tunnel", "Reach ports of a host on this machine.", "HOST [LOCAL:]PORT…"),
    Command("mount", "Mount a host's directory here.", "HOST:/DIR DIR"),
    Command("trust", "Keep the key of an SSH machine, when it is the right one.", "HOST [FINGERPRINT]"),
    Command(
        "team",
        "Share this project's fingerprint, signed, with its people.",
        "[join PLACE | publish | members | trust PERSON | leave]",
        ("join", "publish", "members", "trust", "leave"),
    ),
    Command(
        "fingerprint",
        "Carry this machine's tools, packages, extensions, aliases and chosen dotfiles to another one.",
        "[show | export FILE | apply FILE --on HOST]",
        ("show", "export", "apply"),
    ),
    Command("completion", "Print the completion script of a shell.", "bash | zsh | fish", ("bash", "zsh", "fish")),
)
