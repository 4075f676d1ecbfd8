"""From a service's name to the steps that give the project one of its own, or to what is there already."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Usage
from ...fingerprint import Fingerprint, Project, Service
from ...hosts.here import helped, near
from ...made.ledger import Made
from ...plan import Step
from ..names import plain, shown
from ..part import Part
from ..providers import apt
from . import containers, keeper, lines, project, quiet
from .kind import Spec, database, fits
from .registry import ALIASES, KINDS, PACKAGED

MAIN = {"postgresql", "mysql", "mongodb"}
"""Databases of which a service mostly has one."""


def parse(text: str) -> tuple[str, str]:
    """`mysql@8` as name and version. Raises Usage for what is no service."""
    name, _, version = text.strip().partition("@")
    found = ALIASES.get(name.lower(), name.lower())
    if found not in {**KINDS, **PACKAGED} or (version and not re.fullmatch(r"[0-9][0-9.]{0,12}", version)):
        raise Usage(
            f"{shown(text)} is no service that can be provided", f"Services are: {', '.join([*KINDS, *PACKAGED])}."
        )
    return found, version


def needed(found: Fingerprint) -> list[tuple[str, str]]:
    """The databases that the project's services need and that can be provided, in the order of their start. Not those that
    one could use just as well as another: see `choices`.

    A version that its files name is a wish, written `~16`: another one is taken, and said, where that cannot be had.
    """
    known = found.project
    if known is None:
        return []
    used = {name for service in known.services if service.role != "library" for name in _sure(service, known)}
    first = [name for wave in known.order for name in wave if name in used]
    wanted: list[tuple[str, str]] = []
    for name in dict.fromkeys([*first, *sorted(used - {service.root for service in known.services})]):
        beside = next((one for one in known.backing if one.name == name), None)
        maria = beside is not None and re.search(r"(?:^|/)mariadb(?:[:@]|$)", beside.image) is not None
        version = beside.version if beside is not None and re.fullmatch(r"[0-9][0-9.]{0,12}", beside.version) else ""
        kind = "mariadb" if maria and name == "mysql" else ALIASES.get(name, name)
        if kind in KINDS:
            wanted.append((kind, f"~{version}" if version else ""))
    return wanted


def _sure(service: Service, project: Project) -> set[str]:
    """What a service needs. Of several databases for the same purpose, which nobody sets up by the half dozen, those that
    the project's files run; none where they run none of them."""
    names = {need.value for need in service.needs}
    several = names & MAIN
    if len(several) < 2:
        return names
    run = {one.name for one in project.backing}
    return (names - MAIN) | (several & run) if several & run else set()


def choices(found: Fingerprint) -> list[str]:
    """The databases that a service can use and does not need by what its files say, and that can be provided."""
    if found.project is None:
        return []
    able = {
        ALIASES.get(fact.value, fact.value)
        for service in found.project.services
        if service.role != "library" and not _sure(service, found.project) & {fact.value for fact in service.databases}
        for fact in service.databases
        if fact.confidence > 0.5
    }
    return sorted(able & set(KINDS))


async def plan(name: str, version: str, context: Context, found: Fingerprint) -> Part:
    """What gives the project the service: `name` and `version` as `parse` or `needed` gives them.

    Nothing to do where one answers already. Raises Failed when nothing here can bring it.
    """
    if name in PACKAGED:
        return await _packaged(name, version, context)
    soft, version = version.startswith("~"), version.lstrip("~")
    part = Part()
    made = lines.own(name, context)
    if made is not None:
        await _own(made, version, soft, context, found, part)
    elif not await project.answers(name, version, context, found, part):
        await _new(name, version, soft, context, found, part)
    return part


async def _own(made: Made, version: str, soft: bool, context: Context, found: Fingerprint, part: Part) -> None:
    """What the project has of EnvSync already: nothing to do, or its start, or the rest of what a kill left."""
    spec = lines.spec_of(made)
    if made.state == "ending":
        raise Failed(f"{spec.name} is being removed", f"envsync destroy --name {spec.name} goes on with it.")
    if version and not soft and spec.version != version:
        has = (
            await context.host.call(keeper.program, spec.kind, spec.version)
            if spec.by == "native"
            else spec.image.rpartition(":")[2]
        )
        if not fits(version, has or ""):
            raise Failed(
                f"{spec.name} is {spec.kind} {has or spec.version}, not {version}",
                f"envsync destroy --name {spec.name} removes it with its data; then ask again.",
            )
    state = await context.host.call(keeper.look, spec)
    if made.state == "wanted" or state == "gone":
        part.steps.append(_make(spec))
        part.details.append(f"{spec.name} was begun and not finished: it is made anew")
    elif state == "running":
        part.present.append(f"{spec.name} answers on port {spec.port}")
    else:
        args: dict[str, JsonValue] = {"name": spec.name}
        back = Step(kind="service-stop", does=f"stop {spec.name} again", args=args)
        step = Step(kind="service-start", does=f"start {spec.name} on port {spec.port}", args=args, inverse=(back,))
        part.steps.append(step)
    await project.variables(spec, context, found, part)


async def _new(name: str, version: str, soft: bool, context: Context, found: Fingerprint, part: Part) -> None:
    label = f"{name}@{version}" if version else name
    if not await helped(context.host):
        raise Failed(
            f"cannot make {label} here because {context.host.name} has no Python to look after it with",
            "Install it there first: envsync provision --packages apt:python3 --on HOST.",
        )
    by, got, image, engine = await _way(name, version, soft, context, part)
    wanted = await project.port(name, context)
    taken = [port for line in lines.all_on(context) for port in (line.data["port"], *line.data["more"])]
    kind = KINDS[name]
    more = kind.more if by == "native" else 0
    turn = int(lines.mark(context), 16) % keeper.TRIES
    ports = await context.host.call(keeper.ports, kind.first, 1 + more, taken, wanted, turn)
    base = await context.host.call(keeper.base, str(context.state / "services") if near(context.host) else "")
    called = lines.name(name, context)
    spec = Spec(
        name=called, kind=name, folder=Path(base) / f"{called}-{lines.mark(context)}", port=ports[0], more=ports[1:], version=got,
        database=database(context.path.name), project=context.path, file=project.FILE, by=by, image=image, engine=engine,
    )  # fmt: skip
    part.steps.append(_make(spec))
    where = f"the container envsync-{called} of {image}" if by == "container" else str(spec.folder)
    part.details.append(f"{called}: 127.0.0.1:{spec.port}, in {where}")
    if kind.keeps:
        part.warnings.append(f"an undo removes {called} with all that is stored in it by then")
    else:
        part.warnings.append(f"{called} has no password: every program of this machine can use it")
    await project.variables(spec, context, found, part)


def _make(spec: Spec) -> Step:
    args = spec.plain()
    back = Step(kind="service-end", does=f"stop {spec.name} and remove it with its data", args=args)
    how = f"as a container of {spec.image}" if spec.by == "container" else "with data of its own"
    does = f"make and start {spec.name} on port {spec.port}, {how}"
    return Step(kind="service-make", does=does, args=args, inverse=(back,), seconds=KINDS[spec.kind].starts / 12)


async def _way(name: str, version: str, soft: bool, context: Context, part: Part) -> tuple[str, str, str, str]:
    """(by, version, image, engine): a program that is here, Debian's package, a container; in this order.

    Adds the steps that must come first. Raises Failed with all that was tried.
    """
    label = f"{name}@{version}" if version else name
    here = await context.host.call(keeper.program, name, version)
    if here is not None:
        if name == "mysql" and "MariaDB" in here:
            part.details.append(f"MariaDB {here.partition(' ')[0]} serves as MySQL: this host has no other")
        return "native", version, "", ""
    tried: list[str] = []
    try:
        if await _installs(name, version, context, part, tried):
            return "native", version, "", ""
    except Failed as error:
        tried.append(error.what)
    try:
        engine, image, ready = await containers.choice(name, version, context)
    except Failed as error:
        tried.append(error.what)
    else:
        if not ready:
            keep = Step(kind="service-image", does="nothing: the image is kept", args={"keep": True})
            step = Step(
                kind="service-image",
                does=f"pull {image}",
                args={"image": image, "engine": engine},
                inverse=(keep,),
                seconds=30.0,
            )
            part.steps.append(step)
        return "container", version, image, engine
    if soft and version:
        part.warnings.append(f"the project's files name {label}, which cannot be had here: another version is taken")
        return await _way(name, "", False, context, part)
    raise Failed(
        f"cannot get {label} here because {'; '.join(plain(each, 300) for each in tried)}",
        f"Start it by other means on port {KINDS[name].port}, or put its address into .env; then it counts as there.",
        tried=tuple(tried),
    )


async def _installs(name: str, version: str, context: Context, part: Part, tried: list[str]) -> bool:
    """Whether Debian's package brings it; adds the steps."""
    kind = KINDS[name]
    offered = await apt.candidate(kind.debian, context) if kind.debian else ""
    if not offered and kind.debian and offered is not None and await apt.lists_empty(context):
        offered = version or "any"  # known when the lists are there; until then the package's name must do
    if not offered:
        tried.append("this host has no apt" if offered is None else "Debian has no package of it")
        return False
    number = await _number(kind.debian, offered, context)
    if version and number != "any" and not fits(version, number):
        tried.append(f"apt offers {kind.debian} {number} only")
        return False
    brought = await apt.plan({kind.debian: ""}, context)
    if not brought.steps:
        tried.append(f"{kind.debian} is installed, and its program is not found")
        return False
    part.add(quiet.around(brought, kind.units))
    part.warnings.append(f"what the package {kind.debian} puts into /etc and /var stays after an undo")
    if name == "mysql":
        part.details.append("Debian's MySQL is MariaDB")
    return True


async def _number(package: str, offered: str, context: Context) -> str:
    """The version of the server itself: `postgresql` and `default-mysql-server` are packages that only lead to one."""
    number = re.sub(r"^\d+:", "", offered)
    if package == "postgresql":
        return number.partition("+")[0]
    if package == "default-mysql-server":
        leads = await apt.candidate("mariadb-server", context)
        return re.sub(r"^\d+:", "", leads or number)
    return number


async def _packaged(name: str, version: str, context: Context) -> Part:
    """A service of the whole host: satisfied when one answers at its port, else its package."""
    part, kind = Part(), PACKAGED[name]
    label = f"{name}@{version}" if version else name
    if await project.listens(kind.port, context):
        part.present.append(f"{name} answers on port {kind.port}")
        if version:
            part.warnings.append(f"whether it is {label} was not asked: only its port was tried")
        return part
    offered = await apt.candidate(kind.debian, context) if kind.debian else ""
    number = re.sub(r"^\d+:", "", offered or "")
    if not offered or (version and not fits(version, number)):
        why = (
            "this host has no apt" if offered is None
            else f"apt offers {kind.debian} {number} only" if offered else "Debian has no package of it"
        )  # fmt: skip
        raise Failed(
            f"cannot get {label} here because {why}",
            f"Start it by other means on port {kind.port}; then it counts as there.",
        )
    part.add(await apt.plan({kind.debian: ""}, context))
    if part.steps:
        part.warnings.append(
            f"{name} is only installed; what its package puts into /etc and /var/lib stays after an undo"
        )
    else:
        part.warnings.append(f"{kind.debian} is installed but nothing answers on port {kind.port}: start it yourself")
    return part
