"""What a build description of C or C++ says, whichever tool it is for."""

from __future__ import annotations

from dataclasses import dataclass, field

TESTED = ("test", "bench", "example", "sample", "demo", "fuzz", "tutorial")
"""Words in the names of programs, or of the options that switch them on, that are nothing one would start."""


@dataclass
class Plan:
    """A project as its build description has it."""

    system: str
    """The build tool, which is also what the program's users type."""
    path: str
    """The description, relative to the service's root."""
    name: str = ""
    least: str = ""
    """The least version of the build tool."""
    programs: dict[str, str] = field(default_factory=dict[str, str])
    """By name: where the build puts it, relative to the service's root; empty where that is not known."""
    library: bool = False
    exported: bool = False
    """The library is installed for others to find."""
    words: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """By lower-case name of a package or library that it uses: (file, the command that names it)."""
    commands: dict[str, tuple[str, str, float]] = field(default_factory=dict[str, tuple[str, str, float]])
    """By purpose: (command, file, how sure)."""
    kit: str = ""
    """A development kit that builds it with a tool of its own."""

    def program(self, name: str, path: str) -> None:
        """Add a program unless it is a test or an example."""
        if not any(word in name.lower() for word in TESTED):
            self.programs.setdefault(name, path)

    def word(self, word: str, path: str, key: str) -> None:
        """Add the name of something that it uses."""
        if 1 < len(word) < 80 and len(self.words) < 2000:
            self.words.setdefault(word.lower(), (path, key))

    @property
    def started(self) -> str:
        """Where the one program is that a user would start; empty when none stands out."""
        if len(self.programs) == 1:
            return next(iter(self.programs.values()))
        return self.programs.get(self.name, "")
