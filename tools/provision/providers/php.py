"""PHP: the packages of composer.lock into vendor, by composer, without running scripts or plugins of anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Usage
from ...plan import Step
from ..names import Named, plain, shown
from ..part import Part, Site, counted
from ..popular import PHP
from ..trust import by_person, nearest
from .folders import filled, links
from .phpfiles import Declared, installed, read, table
from .phptools import Php, composer, php, platform, resolved, show, tools
from .phpversions import constraint, meets, numbers
from .toolchain import ready


class PhpProvider:
    """See Provider."""

    ecosystem = "php"
    alone = False

    def serves(self, site: Site) -> bool:
        """See Provider.serves."""
        return "composer.json" in site.files

    async def declared(self, site: Site, context: Context) -> frozenset[str]:
        """See Provider.declared."""
        return (await read(site, context)).names

    async def project(self, site: Site, context: Context, runtime: str = "") -> Part:
        """See Provider.project."""
        part = Part()
        declared = await _read(site, context, part)
        try:
            if not await ready("php", site, context, part, runtime):
                return part
            await self._project(site, declared, await php(context), context, part)
        except Failed as error:
            part.warnings.append(
                f"the packages of {site.label('composer.json')} cannot be installed here, because {error.what}; {error.hint}"
            )
        return part

    async def _project(self, site: Site, declared: Declared, own: Php, context: Context, part: Part) -> None:
        await _place(site, declared, context)
        where = site.label(declared.vendor)
        there, ended = await context.host.call(installed, str(site.root / declared.vendor))
        if not declared.direct and not declared.locked and not any("autoload" in key for key in declared.manifest):
            part.present.append(f"{site.label('composer.json')} names no packages")
            return
        if declared.lock:
            _agree(site, declared)
        wanted: dict[str, str] | None = dict(declared.locked)
        unlocked = table(declared.manifest, "config").get("lock") is False
        if not declared.lock and not (unlocked and ended and set(declared.direct) <= set(there)):
            wanted = await self._chosen(site, declared, own, context, part)
            if wanted is None:
                return
        lacking = {name: version for name, version in wanted.items() if version == "" or there.get(name) != version}
        done = ended and not lacking
        if done and (declared.lock or unlocked):
            part.present.append(f"{counted(len(wanted or there), 'package')} in {where}")
            return
        await platform(declared, own, context, part)
        await tools(own, context, part)
        changes = {name: [there.get(name, ""), version] for name, version in lacking.items()}
        part.details += _lines(changes)
        if declared.lock:
            gone = sorted(set(there) - set(wanted)) if declared.direct else []
            part.details += [f"{name} {there[name]} is removed, since the lock does not have it" for name in gone]
        await self._said(site, declared, lacking, there, context, part)
        first = "" if declared.lock or unlocked else f"write {site.label('composer.lock')}, and "
        does = f"{first}install {counted(len(lacking), 'package')} into {where} with composer"
        if not lacking:
            does = (
                f"write {where}/autoload.php with composer"
                if declared.lock
                else f"write {site.label('composer.lock')} with composer"
            )
        part.steps.append(_step(site, declared, "install", does, wanted, changes, lock=not unlocked))

    async def _chosen(
        self, site: Site, declared: Declared, own: Php, context: Context, part: Part
    ) -> dict[str, str] | None:
        """Without a lock: what composer would choose, or only what is named where it cannot be asked; None: not yet."""
        if not await composer(context):
            if await tools(own, context, part) is False:
                part.warnings.append("the packages are planned when composer is there: ask again then")
            return None
        found = await resolved(declared, context, site.root)
        part.warnings.append(f"there is no {site.label('composer.lock')}: composer chooses versions and writes one")
        if found is None:
            return dict.fromkeys(declared.direct, "")
        _learn(declared, found)
        return found.locked

    async def packages(self, site: Site, named: Sequence[Named], context: Context) -> Part:
        """See Provider.packages."""
        part = Part()
        declared = await _read(site, context, part)
        if not await ready("php", site, context, part):
            return part
        own = await php(context)
        await _place(site, declared, context)
        if not await tools(own, context, part):
            part.warnings.append("the packages are planned when composer is there: ask again then")
            return part
        there, ended = await context.host.call(installed, str(site.root / declared.vendor))
        words: list[str] = []
        for item in named:
            name = item.name.lower()
            chosen, wanted = await self._known(item, declared, context, part)
            have = there.get(name, "") if ended else ""
            enough = have == chosen if item.version == "latest" else have and (not wanted or meets(have, wanted))
            if name in declared.direct and enough:
                part.present.append(f"{name} {have}")
                continue
            words.append(f"{name}:{wanted}" if wanted else name)
        if not words:
            part.details.clear()
            part.reasons.clear()
            return part
        kinds = {word.partition(":")[0] in declared.dev for word in words}
        if len(kinds) > 1:
            raise Usage("some of these are for development and some are not", "Name them in two requests.")
        dev = kinds == {True}
        found = await resolved(declared, context, site.root, words, dev)
        wanted = found.locked if found else {word.partition(":")[0]: "" for word in words}
        if found:
            _learn(declared, found)
        await platform(declared, own, context, part)
        changes = {
            name: [there.get(name, ""), version] for name, version in wanted.items() if there.get(name) != version
        }
        part.details += [*_lines(changes), "composer.json and composer.lock are changed too"]
        lacking = {name: version for name, (_, version) in changes.items()}
        await self._said(site, declared, lacking, there, context, part)
        does = f"add {', '.join(words)} to {site.label(declared.vendor)} with composer"
        part.steps.append(_step(site, declared, "require", does, wanted, changes, words=words, dev=dev))
        return part

    async def _known(self, item: Named, declared: Declared, context: Context, part: Part) -> tuple[str, str]:
        """The version that fits best, and the constraint. Raises Usage for a package or version that does not exist."""
        name, wanted = item.name.lower(), constraint(item)
        entry = await show(context, name)
        if entry is None:
            near = nearest(name, PHP | declared.names, slips=2)
            raise Usage(
                f"composer's repositories have no {shown(name)}",
                (f"Did you mean {near}? " if near else "Check the name. ")
                + "Nothing was installed: a name that does not exist can be registered by anybody.",
                near=near,
            )
        released = [version for version in entry.versions if numbers(version)]
        released.sort(key=lambda version: numbers(version) or (), reverse=True)
        chosen = next((v for v in released if not wanted or meets(v, wanted)), "")
        if not chosen and wanted in entry.versions:
            chosen = wanted
        if not chosen and released:
            raise Usage(
                f"composer's repositories have no {shown(str(item))}",
                f"Its newest versions are {plain(', '.join(released[:5]))}. Name one of them, or leave the version out.",
            )
        about = f"“{entry.summary}”" if entry.summary else "no summary"
        part.details.append(
            f"composer: {name}: {about}, {chosen or 'a branch'} fits, the newest is {(released or ['a branch'])[0]}"
        )
        if entry.abandoned:
            part.warnings.append(f"{name} is abandoned, says its author")
        if name not in declared.names:
            near = "" if name in PHP else nearest(name, PHP | declared.names)
            part.reasons += [f"{name} looks like {near}, which is another package"] if near else []
            said = by_person(item, context)
            part.reasons += [] if said else [f"neither you nor a file of this project named {name}"]
        return chosen, wanted

    async def _said(
        self,
        site: Site,
        declared: Declared,
        lacking: Mapping[str, str],
        there: Mapping[str, str],
        context: Context,
        part: Part,
    ) -> None:
        """What a person must know before composer runs."""
        if declared.scripts:
            names = ", ".join(declared.scripts)
            part.warnings.append(
                f"scripts of {site.label('composer.json')} that are not run: {names}; `composer run-script NAME` runs one"
            )
        if declared.plugins:
            part.warnings.append(
                f"plugins of composer that are not run: {plain(', '.join(declared.plugins))}; `composer install` of your own runs them"
            )
        if declared.foreign:
            part.reasons.append(
                f"the project takes packages from elsewhere: {'; '.join(dict.fromkeys(declared.foreign))}"
            )
        if declared.told:
            part.reasons.append(f"the settings in composer.json need your eye: it {', '.join(declared.told[:5])}")
        theirs = [name for name in lacking if name not in there]
        taken = await context.host.call(filled, str(site.root / declared.vendor), theirs)
        if taken:
            part.warnings.append(
                f"{plain(', '.join(taken))} in {declared.vendor} did not come from composer and is replaced"
            )


async def _read(site: Site, context: Context, part: Part) -> Declared:
    declared = await read(site, context)
    part.basis += [f"{site.label(name)}:{value}" for name, value in sorted(declared.files.items())]
    return declared


def _learn(declared: Declared, found: Declared) -> None:
    """Take over what composer's choice says of plugins and of what is required of PHP."""
    declared.plugins, declared.provided = found.plugins, declared.provided | found.provided
    declared.platform.update({k: v for k, v in found.platform.items() if k not in declared.platform})


async def _place(site: Site, declared: Declared, context: Context) -> None:
    """See that what composer writes stays in the project. Raises Failed."""
    for key, value in (("vendor-dir", declared.vendor), ("bin-dir", declared.bins)):
        path = Path(value)
        if value and (path.is_absolute() or ".." in path.parts or value.startswith(("~", "$", "{")) or not path.parts):
            raise Failed(
                f"its {key} is {plain(value, 80)}, which is not inside the project",
                "Set a directory inside it, then ask again.",
            )
    blocked = await context.host.call(links, str(site.root), list(Path(declared.vendor).parts))
    if blocked:
        raise Failed(
            f"{plain(blocked)} is a link or no directory: what lies behind it could not be taken back",
            "Make it a directory of the project, then ask again.",
        )


def _agree(site: Site, declared: Declared) -> None:
    """Raise Failed when the lock does not have what the manifest asks for, as far as that is certain."""
    have = declared.locked
    absent = [name for name in declared.direct if name not in have and name not in declared.provided]
    off = [name for name, wanted in declared.direct.items() if name in have and meets(have[name], wanted) is False]
    if absent or off:
        names = plain(", ".join([*absent, *off]), 200)
        raise Failed(
            f"composer.json asks for {names}, and {site.label('composer.lock')} does not have {'that' if absent else 'such a version'}",
            f"Run `composer update {plain(' '.join([*absent, *off]), 200)}` to settle it, then ask again.",
        )


def _lines(changes: Mapping[str, list[str]]) -> list[str]:
    return [
        f"{name} {old} -> {new}" if old else f"{name} {new}".strip() for name, (old, new) in sorted(changes.items())
    ]


def _step(
    site: Site,
    declared: Declared,
    verb: str,
    does: str,
    expect: Mapping[str, str],
    changes: Mapping[str, list[str]],
    *,
    words: Sequence[str] = (),
    dev: bool = False,
    lock: bool = True,
) -> Step:
    args: dict[str, JsonValue] = {
        "root": site.rel,
        "vendor": declared.vendor,
        "verb": verb,
        "words": list[JsonValue](words),
        "dev": dev,
        "files": dict[str, JsonValue](declared.files),
        "lock": lock,
        "expect": dict[str, JsonValue](expect),
        "changes": {name: list[JsonValue](pair) for name, pair in changes.items()},
    }
    return Step(kind="composer", does=does, args=args, covered=True, seconds=3.0 + 0.3 * len(changes))
