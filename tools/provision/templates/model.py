"""What a template is: its questions, its files and what it needs. Data alone; nothing of a template is ever run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...plan import Data


class When(Data):
    """Something that only belongs to a project in which a question was answered so."""

    question: str
    value: str


class Question(Data):
    """One thing that a template asks."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")
    text: str
    kind: Literal["name", "package", "module", "port", "choice"]
    """Which values it takes: see questions.KINDS; `choice` takes those of `choices`."""
    default: str = ""
    source: str = ""
    """Where the default comes from instead: `directory`, or the id of an earlier question. It is made to fit."""
    choices: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    """Values that would clash with what the project itself uses, e.g. a package called like its own framework."""
    remember: bool = True
    """Whether an answer is the next project's default. Not where each project has its own, such as a name."""


class File(Data):
    """What is said about one file beyond its content. A file without such an entry is always written, mode 0644."""

    file: str
    """Its path below `files/`, without `.tmpl`."""
    to: str = ""
    """Where it goes, when that is elsewhere: two files may be for one place, for different answers."""
    when: When | None = None
    executable: bool = False


class Service(Data):
    """A service that the project talks to, e.g. `redis` or `postgresql@16`."""

    name: str
    when: When | None = None


class Template(Data):
    """`template.yaml` of one folder of the library."""

    name: str
    summary: str
    version: int
    """Grows whenever what it writes changes."""
    also: tuple[str, ...] = ()
    """Other words for it that people type."""
    questions: tuple[Question, ...]
    manifests: tuple[str, ...]
    """The files that say which packages the project needs."""
    runtimes: tuple[str, ...]
    """`python`, `go@>=1.22`: what it runs on. Where packages are installed, the manifests say it more exactly."""
    services: tuple[Service, ...] = ()
    files: tuple[File, ...] = ()
    after: tuple[str, ...] = ()
    """What a person does next, as lines; answers are filled in."""
