"""Published Python packages that are a server of their own: what proves it, the command they install, where it listens."""

from __future__ import annotations

import re

from ..draft import Draft, words
from ..parse import string, table
from ..requirements import normal
from ..tree import Hit
from .python_known import BACKING, CLIENT, FRAMEWORKS, SCHEMES, SERVES
from .python_manifests import Found
from .python_serving import SUBCOMMANDS
from .python_sources import Sources

SURE = 0.6
"""How sure it is that a package's command starts it: what it needs besides is not known."""


_SERVER = re.compile(r"(?:\b|[a-z])(?:servers?|daemon|proxy|gateway|broker|httpd|smtpd)\b|HTTP Servers|Environment :: Web Environment", re.IGNORECASE)  # fmt: skip
"""How a server speaks of itself; what merely has one in the standard library's words may only show its result with it."""
_ABOUT = re.compile(r"(?<!\w)description[ \t]{0,8}=[ \t]{0,8}[\"']?([^\n\"']{1,200})")
_ASIDE = re.compile(
    r"(?:^|[/_])(?:preview|docs?|coverage|reports?|watch|livereload|demo|login|auth|oauth2?|callback)(?:[/_.]|$)"
)
_STANDARD = frozenset({"serve_forever", "HTTPServer"})


class Server:
    """A published package that is started by a command of its own, and not imported by others."""

    def __init__(self, found: Found, sources: Sources) -> None:
        self.found, self.sources = found, sources
        own = normal(found.name)
        self.script = next((one for one in found.scripts if normal(one[2]) == own), (found.scripts or found.plugins or [("", "", "")])[0])  # fmt: skip
        index = found.scripts.index(self.script) if self.script in found.scripts else 0
        self.target = self._file(found.targets[index] if index < len(found.targets) else "")
        self.near = self._near()
        """Folders of the file in which the command begins, and of the one that it hands over to."""

    def _file(self, module: str) -> str:
        path = module.strip().replace(".", "/")
        draft = self.sources.draft
        for name in (f"{path}.py", f"{path}/__init__.py"):
            for folder in ("", "src/", "lib/", "python/") if path else ():
                if draft.has(folder + name):
                    return draft.at(folder + name)
        return ""

    def _near(self) -> set[str]:
        by_rule, folders = self.sources.by_rule, set[str]()
        if self.target:
            folder = self.target.rpartition("/")[0]
            folders.add(folder)
            for hit in by_rule["main-of"]:
                if hit.path == self.target:
                    folders.add(self._from(folder, hit.value))
        elif self.found.plugins:
            folders.update(hit.path.rpartition("/")[0] for hit in by_rule["serves"])
        return folders

    def _from(self, folder: str, module: str) -> str:
        """The folder of a module that is imported from a file of `folder`."""
        if not module.startswith("."):
            beside = f"{folder}/{module.replace('.', '/')}.py"  # of a program that puts its own folder on the path
            known = self._file(module) or (beside if beside in self.sources.draft.tree.files else "")
            return known.rpartition("/")[0]
        up = len(module) - len(module.lstrip("."))
        parts = folder.split("/")[: len(folder.split("/")) - up + 1] + module.lstrip(".").split(".")
        return "/".join(part for part in parts[:-1] if part)

    def close(self, *rules: str) -> list[Hit]:
        """Mentions in the files around the command, its own first."""
        hits = [hit for hit in self.sources.found(*rules) if hit.path.rpartition("/")[0] in self.near]
        return sorted(hits, key=lambda hit: hit.path != self.target)

    @property
    def proof(self) -> Hit | None:
        """Where it starts to serve; None when it is no server."""
        traits = " ".join(self.found.traits)
        own = normal(self.found.name)
        if not self.script[2] or "Software Development :: Libraries" in traits or own in FRAMEWORKS or own in SERVES:
            return None
        if not any(name in SERVES or (name in FRAMEWORKS and FRAMEWORKS[name].role == "backend") for name in self.found.names):  # fmt: skip
            return self._own_loop
        hits = self.close("serves", "manages-flask")
        managed = [hit for hit in self.sources.by_rule["manages-django"] if hit.path == self.target]
        return (managed or hits or [None])[0] if self.command else None

    @property
    def _own_loop(self) -> Hit | None:
        """Where it serves with nothing but the standard library, if it says of itself that it is a server."""
        draft, content = self.sources.draft, self.found.content
        about = [self.found.name, string(table(content, "project").get("description")), *self.found.traits]
        about.append(string(table(content, "tool", "poetry").get("description")))
        about += [
            found[1] for name in ("setup.cfg", "setup.py") if (found := _ABOUT.search(draft.text(name)[:100_000]))
        ]
        if not any(_SERVER.search(text) for text in about) or not self.command:
            return None
        hits = [hit for hit in self.close("serves-own", "serves") if hit.rule == "serves-own" or hit.value in _STANDARD]
        return next((hit for hit in hits if not _ASIDE.search(draft.inner(hit.path))), None)

    @property
    def command(self) -> str:
        """What to type, without what runs it in an environment; empty when it asks for a word that the source does not show."""
        script = " ".join(words(part) for part in self.script[2].split())
        mine = {rule: [hit for hit in self.sources.by_rule[rule] if hit.path == self.target] for rule in ("subcommands", "subcommand", "subcommand-def", "manages-flask", "manages-django")}  # fmt: skip
        if mine["manages-django"]:
            return f"{script} runserver"
        if mine["manages-flask"]:
            return f"{script} run"
        if not mine["subcommands"] or not self.target:
            return script
        said = {hit.value for hit in mine["subcommand"] or mine["subcommand-def"]}
        return next((f"{script} {name}" for name in SUBCOMMANDS if name in said), "")


def server(draft: Draft, found: Found, sources: Sources) -> Server | None:
    """A published package that serves; None for a library, and for what does something else."""
    if draft.private or not (found.scripts or found.plugins):
        return None
    one = Server(found, sources)
    return one if one.proof else None


def started(draft: Draft, one: Server, run: str) -> None:
    """Add what it is started with, unless the source shows something surer, and where it listens then."""
    proof, (path, key, script) = one.proof, one.script
    if proof is None:
        return
    draft.role("backend", 0.75 if proof.path == one.target else 0.66)
    if "start" in draft.commands and draft.commands["start"].confidence > SURE:
        return
    draft.command("start", run + one.command, path, f"{key}.{script}", SURE)
    options = one.close("port-option", "port", "port-constant") or one.sources.found("port-constant")
    options = [hit for hit in options if int(hit.value) not in BACKING]
    for hit in options[:1]:
        draft.port(int(hit.value), hit.path, f"line {hit.line}", 0.75)
    if not options and (name := _default(one.found, proof)):
        draft.port(FRAMEWORKS[name].port, proof.path, f"the default of {FRAMEWORKS[name].name}", 0.6)


def _default(found: Found, proof: Hit) -> str:
    """The framework whose own default counts, as the package hands over to its command."""
    if proof.rule == "manages-django":
        return "django"
    return "flask" if proof.rule == "manages-flask" or (proof.value == "app.run" and "flask" in found.names) else ""


def optional(draft: Draft, found: Found, sources: Sources) -> None:
    """Databases that an application can do with: those of its extras, and those whose URLs it tells apart."""
    for path, wanted in found.optional:
        if wanted.name in CLIENT:
            draft.database(CLIENT[wanted.name], path, wanted.name, 0.5)
    for hit in (*sources.found("scheme"), *sources.found("sqlite")):
        draft.database(SCHEMES.get(hit.value, hit.value), hit.path, f"line {hit.line}", 0.5)
