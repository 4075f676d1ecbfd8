"""Ruby: the gems of Gemfile.lock into the project, by bundler; what builds code of its own is named before it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...plan import Step
from ..names import Named, plain
from ..part import Part, Site, counted
from .rubyfiles import MANIFESTS, Declared, Settings, read
from .rubyplan import FOLDER, doubts, outside, own_ruby, said, settle_place, tools, unknown
from .rubysteps import home, looked_at, missing_in
from .rubytools import Looked, Ruby, ask, closure, fulls, look, newest
from .rubyversions import order, satisfies, wanted
from .toolchain import ready


class RubyProvider:
    """See Provider."""

    ecosystem = "ruby"
    alone = True

    def serves(self, site: Site) -> bool:
        """See Provider.serves."""
        return any(name in site.files for name in MANIFESTS)

    async def declared(self, site: Site, context: Context) -> frozenset[str]:
        """See Provider.declared."""
        return (await read(context.host, site)).names

    async def project(self, site: Site, context: Context, runtime: str = "") -> Part:
        """See Provider.project."""
        part = Part()
        declared = await _read(site, context, part)
        try:
            if not await ready("ruby", site, context, part, runtime):
                return part
            own = await own_ruby(declared, context, part)
            if own is None:
                return part
            place = await settle_place(site, declared, own, context)
            if declared.lock:
                await self._locked(site, declared, own, place, context, part)
            else:
                await self._open(site, declared, own, place, context, part)
        except Failed as error:
            part.warnings.append(
                f"the gems of {site.label(declared.manifest)} cannot be installed here, because {error.what}; {error.hint}"
            )
        return part

    async def _locked(
        self, site: Site, declared: Declared, own: Ruby, place: Settings, context: Context, part: Part
    ) -> None:
        label, names = site.label(declared.lock), fulls(declared, own.platform)
        other = [name for name in declared.direct if declared.needs and name not in declared.needs]
        if other:
            part.warnings.append(
                f"{site.label(declared.manifest)} seems to name {plain(', '.join(other))}, which {label} does not have: "
                f"`bundle lock` settles it"
            )
        where = str(home(site, place.path, own))
        lacking = await missing_in(site, declared, own, where, [], context)
        if lacking and not place.path and not await missing_in(site, declared, own, where, list(own.path), context):
            part.present.append(f"{counted(len(names), 'gem')} among Ruby's own")
            return
        unfit = [name for name in lacking if not names[name]]
        if unfit:
            raise Failed(
                f"{label} has {plain(', '.join(unfit))} for other platforms than {own.platform} only",
                f"Run `bundle lock --add-platform {own.platform}`, then ask again.",
            )
        configure = not place.path and not place.elsewhere
        if not lacking and (not configure or not names or set(names) == set(declared.elsewhere)):
            part.present.append(f"{counted(len(names), 'gem')} in {site.label(place.path or FOLDER)}")
            return
        looked = await looked_at(site, declared, lacking, own, context)
        changes = {name: names[name][0].removeprefix(f"{name}-") for name in lacking}
        sizes = [looked.sizes.get(names[name][0]) for name in lacking]
        part.details += [f"{name} {version}" for name, version in sorted(changes.items())]
        said(site, declared, place, looked, part)
        await tools(looked, own, context, part)
        folder = site.label(place.path or FOLDER)
        does = f"install {counted(len(lacking), 'gem')} into {folder} with bundler"
        part.steps.append(
            _step(
                site,
                declared,
                place,
                "frozen",
                does if lacking else f"let bundler look for gems in {folder}",
                download=sum(size for size in sizes if size) if all(sizes) else None,
                seconds=2.0 + len(lacking) + 20.0 * len(looked.builds),
                changes={name: ["", version] for name, version in changes.items()},
            )
        )

    async def _open(
        self, site: Site, declared: Declared, own: Ruby, place: Settings, context: Context, part: Part
    ) -> None:
        """Without a lock bundler chooses; the plan knows by the index alone what that will probably be."""
        probable = await closure(context, declared.direct, place, own)
        looked = await look(context, site.root, home(site, place.path, own), probable, place)
        lock = site.label(MANIFESTS[declared.manifest])
        part.warnings.append(f"there is no {lock}: bundler chooses versions and writes it")
        part.details += [f"{name} {', '.join(lines)}".strip() for name, lines in sorted(declared.direct.items())]
        said(site, declared, place, looked, part, probable=True)
        await tools(looked, own, context, part)
        does = f"write {lock}, and install its gems into {site.label(place.path or FOLDER)} with bundler"
        part.steps.append(_step(site, declared, place, "open", does, looked=looked, seconds=5.0 + 1.0 * len(probable)))

    async def packages(self, site: Site, named: Sequence[Named], context: Context) -> Part:
        """See Provider.packages."""
        part = Part()
        declared = await _read(site, context, part)
        if not await ready("ruby", site, context, part):
            return part
        own = await own_ruby(declared, context, part)
        if own is None:
            return part
        place = await settle_place(site, declared, own, context)
        known = await ask(context, [item.name for item in named], place, own)
        lacking = await missing_in(site, declared, own, str(home(site, place.path, own)), [], context)
        adds: dict[str, tuple[str, ...]] = {}
        updates: dict[str, tuple[str, ...]] = {}
        held: list[str] = []
        for item in named:
            lines = wanted(item)
            release = newest(known.get(item.name, []), lines, own)
            if release is None:
                raise unknown(item, [version for version, *_ in known.get(item.name, [])], declared)
            last = max((version for version, *_ in known[item.name]), key=order)
            part.details.append(f"gem: {item.name}: {release[0]} fits, the newest is {last}")
            locked = next((version for version, _ in declared.specs.get(item.name, [])), "")
            enough = satisfies(locked, lines) if item.version != "latest" else locked == release[0]
            if item.name not in declared.direct and item.name not in declared.needs:
                adds[item.name] = lines
                part.reasons += doubts(item, declared, context)
            elif not declared.lock or (locked and enough):
                held.append(f"{item.name} {locked}".strip())
            else:
                updates[item.name] = lines or (f"= {release[0]}",)
        if not adds and not updates:
            if not lacking and declared.lock:
                part.present += held
                part.details.clear()
                return part
            part.add(await self.project(site, context))
            return part
        looked = await self._added(site, declared, own, place, {**adds, **updates}, lacking, context)
        said(site, declared, place, looked, part, probable=True)
        part.details.append(f"{declared.manifest} and {MANIFESTS[declared.manifest]} are changed too")
        await tools(looked, own, context, part)
        words = ", ".join(
            f"{name} ({', '.join(lines) or 'any version'})" for name, lines in {**adds, **updates}.items()
        )
        verb = "add" if adds else "update"
        does = f"{verb} {words} with bundler, gems into {site.label(place.path or FOLDER)}"
        part.steps.append(
            _step(site, declared, place, verb, does, looked=looked, adds={**adds, **updates}, names=list(updates))
        )
        return part

    async def _added(
        self,
        site: Site,
        declared: Declared,
        own: Ruby,
        place: Settings,
        more: Mapping[str, Sequence[str]],
        lacking: list[str],
        context: Context,
    ) -> Looked:
        """What may be built by adding gems: of what they need, and of what the lock has and is not there yet."""
        probable = await closure(context, more if declared.lock else {**declared.direct, **more}, place, own)
        looked = await look(context, site.root, home(site, place.path, own), probable, place)
        rest = await looked_at(site, declared, lacking, own, context)
        return Looked({}, sorted({*looked.builds, *rest.builds}), sorted({*looked.unknown, *rest.unknown}))


async def _read(site: Site, context: Context, part: Part) -> Declared:
    declared = await read(context.host, site)
    part.basis += [f"{site.label(name)}:{value}" for name, value in sorted(declared.files.items())]
    return declared


def _step(
    site: Site,
    declared: Declared,
    place: Settings,
    verb: str,
    does: str,
    *,
    looked: Looked | None = None,
    adds: Mapping[str, Sequence[str]] | None = None,
    names: Sequence[str] = (),
    changes: Mapping[str, list[JsonValue]] | None = None,
    download: int | None = None,
    seconds: float = 20.0,
) -> Step:
    kept = {declared.manifest, declared.lock} - {""}
    args: dict[str, JsonValue] = {
        "root": site.rel,
        "manifest": declared.manifest,
        "path": place.path or FOLDER,
        "configure": not place.path and not place.elsewhere,
        "verb": verb,
        "files": {name: declared.files[name] for name in sorted(kept)},
        "adds": {name: list[JsonValue](lines) for name, lines in (adds or {}).items()},
        "names": list[JsonValue](names),
        "builds": list[JsonValue](looked.builds if looked else []),
        "any": bool(looked and looked.unknown) or bool(declared.foreign),
        "changes": dict[str, JsonValue](changes or {}),
    }
    covered = not outside(place.path)
    return Step(kind="bundle", does=does, args=args, covered=covered, download=download, seconds=seconds)
