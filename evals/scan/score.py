"""Findings against expectations: precision and recall of every field, and each finding that is wrong or missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .facts import Expected, Found, Right, Service

FIELDS = (
    "services", "roles", "languages", "versions", "commands", "ports", "databases", "frameworks", "variables", "order",
)  # fmt: skip
NO_LANGUAGE = frozenset({
    "HTML", "CSS", "SCSS", "Sass", "Less", "Stylus", "Twig", "Liquid", "Handlebars", "Pug", "EJS", "Slim", "Haml", "MDX",
    "Mustache", "Smarty", "Jinja", "Markdown", "Text", "JSON", "JSON5", "YAML", "TOML", "XML", "SVG", "INI", "CSV", "TSV",
    "reStructuredText", "AsciiDoc", "Roff", "TeX", "Diff", "Makefile", "CMake", "Dockerfile", "Meson", "M4", "Autoconf",
    "Batchfile", "Awk", "HCL", "GraphQL", "Prisma", "Nix", "Gherkin", "Procfile", "desktop", "XSLT", "GLSL", "HLSL", "PO",
    "Protocol Buffers", "Protocol Buffer", "Gettext Catalog", "Vim Script", "Emacs Lisp", "Jupyter Notebook", "Jupyter",
})  # fmt: skip
"""Markup, data, templates and build files: nobody says that a project is written in them, so they are not judged, unless
a package is expected to be."""
CALLED = {
    "JSX": "JavaScript", "TSX": "TypeScript", "Typescript": "TypeScript", "Javascript": "JavaScript", "Bash": "Shell",
    "PLSQL": "SQL", "PLpgSQL": "SQL", "TSQL": "SQL", "Golang": "Go", "Csharp": "C#", "Cplusplus": "C++", "Vue.js": "Vue",
    "HTML+ERB": "Ruby", "Zsh": "Shell",
}  # fmt: skip
"""One name for each language, whoever says it."""


@dataclass
class Tally:
    """Of one field: how many findings are right, wrong and missing, and how many packages have all and no other."""

    right: int = 0
    wrong: int = 0
    missing: int = 0
    exact: int = 0
    packages: int = 0

    @property
    def precision(self) -> float | None:
        """None when nothing was found, and so nothing can be wrong."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else None

    @property
    def recall(self) -> float | None:
        return self.right / (self.right + self.missing) if self.right + self.missing else None

    def add(self, other: Tally) -> None:
        self.right += other.right
        self.wrong += other.wrong
        self.missing += other.missing
        self.packages += 1
        self.exact += not other.wrong and not other.missing


@dataclass(frozen=True)
class Mistake:
    """One finding that is wrong, or one fact that was not found."""

    package: str
    field: str
    kind: str
    """`wrong` or `missing`."""
    place: str
    found: str
    expected: str


@dataclass
class Score:
    """A detector over all packages."""

    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])
    mistakes: list[Mistake] = field(default_factory=list[Mistake])
    seconds: list[float] = field(default_factory=list[float])

    def add(self, expected: Expected, found: Found) -> None:
        self.seconds.append(found.seconds)
        for name, mistakes, right in judged(expected, found):
            wrong = sum(mistake.kind == "wrong" for mistake in mistakes)
            self.tallies.setdefault(name, Tally()).add(Tally(right, wrong, len(mistakes) - wrong))
            self.mistakes += mistakes


def judged(expected: Expected, found: Found) -> Iterable[tuple[str, list[Mistake], int]]:
    """(field, mistakes, how many findings are right) for every field that the detector has."""
    label = expected.package.label
    if found.services is not None:
        yield "services", *_services(expected, found.services)
        if any(found.services.values()):
            yield "roles", *_roles(expected, found.services)
    if found.languages is not None:
        yield "languages", *_languages(expected, found.languages)
    if found.versions is not None:
        yield "versions", *_versions(expected, found.versions)
    if found.commands is not None:
        yield "commands", *_commands(expected, found.commands)
    for name, rights, values in (
        ("ports", expected.ports, found.ports),
        ("databases", expected.databases, found.databases),
    ):
        if values is not None:
            yield name, *_named(label, name, rights, values)
    for name, rights, values in (
        ("frameworks", expected.frameworks, found.frameworks),
        ("variables", expected.variables, found.variables),
        ("order", expected.order, found.order),
    ):
        if rights is not None and values is not None:
            # No documentation names every variable that the source reads, so that what is found besides is not judged.
            judged = values & set(rights) if name == "variables" else values
            yield name, *_named(label, name, rights, judged)


def _named(label: str, name: str, rights: Mapping[str, Right], values: set[str]) -> tuple[list[Mistake], int]:
    wanted = {value for value, right in rights.items() if not right.may}
    mistakes = [Mistake(label, name, "wrong", "", value, "") for value in sorted(values - set(rights))]
    mistakes += [Mistake(label, name, "missing", "", "", value) for value in sorted(wanted - values)]
    return mistakes, len(values & wanted)


def service(expected: Expected, root: str) -> Service | None:
    """What is expected of a root; `plugins/*` is any folder there, `plugins/**` any below."""
    if root in expected.services:
        return expected.services[root]
    for pattern, one in expected.services.items():
        if "*" in pattern and fnmatchcase(root, pattern) and ("**" in pattern or root.count("/") == pattern.count("/")):
            return one
    return None


def _services(expected: Expected, found: Mapping[str, str]) -> tuple[list[Mistake], int]:
    label = expected.package.label
    wanted = {root for root, one in expected.services.items() if not one.roles.may}
    mistakes = [
        Mistake(label, "services", "wrong", root, found[root] or root, "")
        for root in sorted(found)
        if service(expected, root) is None
    ]
    mistakes += [Mistake(label, "services", "missing", root, "", root) for root in sorted(wanted - set(found))]
    return mistakes, len(wanted & set(found))


def _roles(expected: Expected, found: Mapping[str, str]) -> tuple[list[Mistake], int]:
    """Only of services that were found and are expected: the others are mistakes already."""
    mistakes: list[Mistake] = []
    right = 0
    for root, role in sorted(found.items()):
        one = service(expected, root)
        if one is None or one.roles.may:
            continue
        if role in one.roles.any:
            right += 1
        else:
            mistakes.append(Mistake(expected.package.label, "roles", "wrong", root, role, " or ".join(one.roles.any)))
    return mistakes, right


def _languages(expected: Expected, found: set[str]) -> tuple[list[Mistake], int]:
    label, right = expected.package.label, expected.languages
    said = {CALLED.get(name, name) for name in found}
    said = {name for name in said if name not in NO_LANGUAGE or name in right.allowed}
    mistakes = [Mistake(label, "languages", "wrong", "", name, "") for name in sorted(said - right.allowed)]
    mistakes += [Mistake(label, "languages", "missing", "", "", name) for name in sorted(set(right.any) - said)]
    return mistakes, len(said & set(right.any))


def _versions(expected: Expected, found: set[tuple[str, str, str]]) -> tuple[list[Mistake], int]:
    """Each runtime of each service by itself; nothing is known of a service that may be there or not."""
    label = expected.package.label
    mistakes: list[Mistake] = []
    right = 0
    here: dict[tuple[str, str], set[str]] = {}
    for root, name, spec in found:
        here.setdefault((root, name), set()).add(spec)
    for (root, name), specs in sorted(here.items()):
        one = service(expected, root)
        if one is None or (one.roles.may and not one.runtimes):
            continue
        want = one.runtimes.get(name)
        allowed = {version(spec) for spec in want.allowed} if want else set[str]()
        wrong = [spec for spec in sorted(specs) if version(spec) not in allowed]
        mistakes += [
            Mistake(label, "versions", "wrong", root, f"{name} {spec}", " or ".join(want.any) if want else "")
            for spec in wrong
        ]
    for root, one in expected.services.items():
        for name, want in one.runtimes.items():
            if want.may or one.roles.may:
                continue
            if {version(spec) for spec in here.get((root, name), ())} & {version(spec) for spec in want.any}:
                right += 1
            else:
                mistakes.append(Mistake(label, "versions", "missing", root, "", f"{name} {' or '.join(want.any)}"))
    return mistakes, right


def _commands(expected: Expected, found: set[tuple[str, str, str]]) -> tuple[list[Mistake], int]:
    """A wrong command where another is expected is wrong and missing: it is worse than none."""
    label = expected.package.label
    mistakes: list[Mistake] = []
    right = 0
    for root, purpose, value in sorted(found):
        one = service(expected, root)
        if one is None or purpose in one.unjudged:
            continue
        want = one.commands.get(purpose)
        if want is None or command(value) not in {command(text) for text in want.allowed}:
            said = " or ".join(want.any) if want else "none"
            mistakes.append(Mistake(label, "commands", "wrong", f"{root} {purpose}", value, said))
    for root, one in expected.services.items():
        for purpose, want in one.commands.items():
            if want.may or one.roles.may or purpose in one.unjudged:
                continue
            said = {command(value) for where, what, value in found if (where, what) == (root, purpose)}
            if said & {command(text) for text in want.any}:
                right += 1
            else:
                mistakes.append(Mistake(label, "commands", "missing", f"{root} {purpose}", "", " or ".join(want.any)))
    return mistakes, right


def version(spec: str) -> str:
    """A version's wish without what does not change its meaning: spaces, a leading `v`, the order of `,` and `||`."""
    text = re.sub(r"\s*([<>=!~^]+)\s*v?\s*", r"\1", spec.strip().lstrip("v"))
    parts = [",".join(sorted(re.split(r"\s*,\s*|\s+", part.strip()))) for part in re.split(r"\|\|?", text)]
    return "||".join(sorted(parts))


_SAME = (
    (r"^python3? -m (?=pip |pytest)", ""),
    (r"^python3(?= )", "python"),
    (r"^pip3 ", "pip "),
    (r"^py\.test", "pytest"),
    (r"^(pip install (?:--editable |-e )?)['\"]?\.(?:\[[\w,-]+\])?['\"]?$", "pip install ."),
    (r"^npm i$", "npm install"),
    (r"^npm run (test|start)$", r"npm \1"),
    (r"^(yarn|pnpm|bun) run ", r"\1 "),
    (r"^yarn install$", "yarn"),
    (r"^\./(mvnw|gradlew) ", r"\1 "),
    (r"^(cargo \w+) --locked$", r"\1"),
    (r"^(php )?(\./)?vendor/bin/", "vendor/bin/"),
    (r"^(?:uv|poetry|pdm|pipenv) run (?!-)", ""),
    (r"^ruby (bin/rails) ", r"\1 "),
    (r"['\"]", ""),
    (r"\s+", " "),
)
"""What may be typed one way or another and does the same."""


def command(text: str) -> str:
    """A command as it is compared: with one spelling of what does the same."""
    text = text.strip()
    for pattern, instead in _SAME:
        text = re.sub(pattern, instead, text)
    return text.strip()
