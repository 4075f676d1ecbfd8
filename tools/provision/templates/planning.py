"""From a template's name and answers to a part of a plan: its files first, then what they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Unreachable
from ...fingerprint import Fingerprint
from ...redact import Redactor
from .. import defaults
from ..names import plain, shown
from ..part import Part, Provider, Site
from ..providers import runtime
from ..services import plan as services
from ..sites import served, sites
from . import files, keeping, questions
from .model import Template
from .reading import find
from .rendering import Rendered, fill, render

_BESIDE = frozenset(
    {".git", ".gitattributes", ".gitignore", ".editorconfig", ".vscode", ".idea", ".github", ".gitlab", "docs", ".env"}
    | {"README.md", "README", "README.rst", "LICENSE", "LICENSE.md", "NOTICE", "CHANGELOG.md", ".DS_Store", ".envsync"}
)
"""What may lie in a directory beside a template's files and says nothing about packages."""
_THEN = "then: envsync provision"


async def plan(
    name: str,
    answers: Sequence[str],
    runtimes: Sequence[tuple[str, str]],
    besides: Sequence[tuple[str, str]],
    context: Context,
) -> Part:
    """The files of a template, the packages that they ask for, and the services that it talks to.

    `runtimes` and services `besides` are what was named too. Raises Usage for an unknown template, an answer that is none,
    and something in the way of a file.
    """
    template, redact = find(name), Redactor(context.environ)
    asked = questions.given(answers, template, redact)
    mine, version = await keeping.recorded(template, context)
    earlier = (("as this project was made", mine), ("as last time", await keeping.remembered(template, context)))
    settled = questions.settle(template, asked, earlier, context.path.name)
    values = {key: answer.value for key, answer in settled.items()}
    part = Part()
    part.details += [f"{key}: {answer.value} ({answer.origin})" for key, answer in settled.items()]
    for key, value in mine.items():
        if key in settled and settled[key].value != value and not settled[key].given:
            part.warnings.append(
                f"the project's record answers {key} with {shown(value)}, which is no answer: left out"
            )
    if version is not None and version != template.version:
        part.details.append(f"the project was made with version {version} of the template, this is {template.version}")
    made = render(template, values)
    found = await files.changes(made, context)
    part.add(files.planned(template.name, template.version, values, found, redact))
    wanted = [services.parse(each.name) for each in template.services if questions.holds(each.when, values)]
    wanted = [*besides, *(each for each in wanted if each[0] not in dict(besides))]
    whole = _Whole(template, made, dict(runtimes), wanted, context)
    part.add(await whole.plan([change.path for change in found]))
    if part.steps:
        part.details += [f"then: {fill(line, values, 'template.yaml')}" for line in template.after]
    return part


async def remember(given: Mapping[str, JsonValue], context: Context) -> tuple[str, ...]:
    """Keep what a person answered in a call with these arguments, once the project is made: the next one of this template
    begins with it. Returns what a person should know: the project is made, also when this cannot be kept."""
    name, answers = given.get("template"), given.get("answers")
    if not isinstance(name, str) or not isinstance(answers, list):
        return ()
    template = find(name)
    texts = [each for each in answers if isinstance(each, str)]
    try:
        await keeping.remember(template, questions.given(texts, template, Redactor(context.environ)), context)
    except Failed as error:
        return (f"the answers are not remembered for the next project: {plain(error.what)}",)
    return ()


@dataclass(frozen=True)
class _Whole:
    """What a project made of these files needs besides them."""

    template: Template
    made: Mapping[str, Rendered]
    runtimes: Mapping[str, str]
    """Version by name, as they were named."""
    services: Sequence[tuple[str, str]]
    context: Context

    async def plan(self, changed: Sequence[str]) -> Part:
        """The packages that the manifests ask for, runtimes whose packages nobody here installs, and the services.

        Without its manifests the project is looked at in a copy of the files, which is removed again: steps carry paths
        that are relative to the project, so what is planned there fits the project itself.
        """
        context = self.context
        if not set(changed) & set(self.template.manifests):
            found = await context.observe(context, "project")
            part = await self._provided(found, context)
            part.add(await self._served(found))
            return part
        scratch = await defaults.scratch(context.host)
        try:
            root = scratch / (context.path.name or "project")  # the scan calls a project after its directory
            for path, file in self.made.items():
                await context.host.write(root / path, file.content)
            copy = replace(context, path=root)
            found = await context.observe(copy, "project")
            others = await self._others()
            if others:
                note = f"{others} may ask for packages too, so these are planned with the files there; {_THEN}"
                part = Part(warnings=[note])
            else:
                part = await self._provided(found, copy)
            part.add(await self._served(found))
            return _without(scratch, root, part, context.path)
        finally:
            await defaults.away(context.host, scratch)

    async def _others(self) -> str:
        """What lies in the project that is neither of the template nor known to say nothing about packages."""
        known = _BESIDE | {path.partition("/")[0] for path in self.made}
        names = [entry.path.name for entry in await self.context.host.list(self.context.path)]
        found = [plain(name, 40) for name in names if name not in known]
        return ", ".join(found[:4]) + (", …" if len(found) > 4 else "")

    async def _provided(self, found: Fingerprint, context: Context) -> Part:
        """What the providers plan for the template's own places in `context.path`. What fails there is said: the files
        are of use without it, and asking again goes on from them."""
        part = Part()
        places = await sites(found, context)
        mine = [site for site in places if any(site.label(name) in self.made for name in site.files)]
        handled: set[str] = set()
        for site in mine:
            for provider in served(site):
                handled.add(provider.ecosystem)
                part.add(await _tried(provider, site, context, self.runtimes.get(provider.ecosystem, "")))
        for text in self.template.runtimes:
            name, spec = runtime.parse(text)
            if name not in handled:
                part.add(await _runtime(name, self.runtimes.get(name) or spec, context))
        return part

    async def _served(self, found: Fingerprint) -> Part:
        """What the project talks to. Its files are of use without it, so what cannot be had is said and no more."""
        part = Part()
        for name, version in self.services:
            try:
                part.add(await services.plan(name, version, self.context, found))
            except (Failed, Unreachable) as error:
                part.warnings.append(f"{error.what}; {error.hint}")
        ignored = self.made.get(".gitignore")
        if ignored is not None and b".env" in ignored.content.splitlines():  # git sees it once the files are there
            part.warnings = [line for line in part.warnings if not line.startswith("git does not ignore")]
        return part


def _without(scratch: Path, root: Path, part: Part, path: Path) -> Part:
    """The part, if nothing of it is about the copy: what is carried out later would look for it in vain."""
    part.warnings[:] = [line.replace(str(root), str(path)) for line in part.warnings]
    texts = [*part.details, *part.warnings, *part.reasons, *part.present, *part.basis, *part.differences]
    if any(str(scratch) in text for text in (*texts, *(step.model_dump_json() for step in part.steps))):
        return Part(warnings=[f"the packages can only be planned with the files there; {_THEN}"])
    return part


async def _tried(provider: Provider, site: Site, context: Context, version: str) -> Part:
    try:
        return await provider.project(site, context, version)
    except (Failed, Unreachable) as error:
        return Part(warnings=[f"the packages are not planned: {plain(error.what, 400)}; {_THEN}"])


async def _runtime(name: str, spec: str, context: Context) -> Part:
    try:
        return await runtime.obtain(name, spec, context)
    except Failed as error:
        return Part(warnings=[f"{error.what}; {error.hint}"])
