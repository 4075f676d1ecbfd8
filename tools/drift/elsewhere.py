"""Drift against another host, or against a person of the team."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..contract import Context
from ..errors import EnvSyncError, Failed, Usage
from ..fingerprint import Fingerprint
from ..hosts.base import Host
from ..hosts.here import helped, here, near
from ..moments.say import shown
from ..store import tree
from ..store.cache import Cache
from ..store.fetching import Mirror
from ..store.hashing import plain
from ..store.model import Entry, Manifest
from ..store.place import budget, excluded, store_of
from ..team.members import Member, others
from . import files
from .across import Agreed, Item, Side, differ, items, moved, sentence
from .model import Difference, Fix

FORM = re.compile(r"(?P<host>(?:docker|ssh|vm):[^\s]+?|local|[\w.-]+@\[?[\w.:-]+?\]?(?::\d+)?)(?::(?P<path>[/~].*))?")


def host_of(text: str) -> tuple[str, str] | None:
    """`USER@HOST:/dir` as host and directory (empty when none is said); None for what is written as no host."""
    found = FORM.fullmatch(text)
    return (found["host"], found["path"] or "") if found else None


async def against_host(name: str, path: str, context: Context) -> tuple[list[Difference], list[str], str]:
    """The differences between `context` and another host, what is told aside, and the sentence. Raises Unreachable, Usage."""
    host = context.open(name)
    if host.name == context.host.name and not path:
        raise Usage(f"{host.name} is the host that you are asking about", "Name another one.")
    info = await host.info()
    root, certain = await _root(host, info.home, path, context)
    theirs = replace(context, host=host, path=root or info.home, home=info.home)
    if near(host):
        theirs = replace(theirs, home=Path(context.environ.get("HOME") or info.home))
    there, now = await asyncio.gather(
        theirs.observe(theirs, "all" if root else "machine"), context.observe(context, "all" if root else "machine")
    )
    here_side = Side("here", context.host.name, _if_not(str(context.path), context.host.name == "local"))
    sides = (Side(host.name, host.name, str(root) if root else ""), here_side)
    pair = Agreed(context.state, (context.host.name, str(context.path), host.name, str(root)))
    agreed = await here(pair.load)
    one, other = items(there), items(now)
    found = differ(one, other, agreed, sides)
    aside: list[str] = []
    values = ({k: v.value for k, v in one.items()}, {k: v.value for k, v in other.items()})
    if root is None:
        aside.append(
            f"{context.path} was not found on {host.name}: only the machines were compared; name it as {name}:/DIR"
        )
    else:
        try:
            more, told, trees = await _files(theirs, context, agreed, sides)
            found += more
            aside += told
            for side, extra in zip(values, trees, strict=True):
                side.update(extra)
        except (EnvSyncError, OSError) as error:
            aside.append(f"the files were not compared: {error}")
        if not certain:
            aside.append(f"compared with {shown(str(root))} on {host.name}")
    await here(pair.save, *values)
    return found, aside, sentence(found, sides)


def _normal(path: str) -> Path:
    return Path(os.path.normpath(path))


def _if_not(text: str, leave: bool) -> str:
    return "" if leave else text


async def _root(host: Host, home: Path, path: str, context: Context) -> tuple[Path | None, bool]:
    """Where the project is over there: as it was said, or at the same place, absolute or below the home. None: not found."""
    if path:
        root = home / path[1:].lstrip("/") if path.startswith("~") else _normal(path)
        entry = await host.stat(root)
        if entry is None or entry.kind != "directory":
            raise Usage(
                f"{shown(str(root))} is no directory on {host.name}", "Name the project's directory over there."
            )
        return root, True
    places = [context.path]
    if context.path.is_relative_to(context.home) and context.path != context.home:
        places.insert(0, home / context.path.relative_to(context.home))
    for place in dict.fromkeys(places):
        entry = await host.stat(place)
        if entry is not None and entry.kind == "directory" and (host.name, place) != (context.host.name, context.path):
            return place, place == context.path
    return None, False


# -- Files ------------------------------------------------------------------------------------------------------------


async def _files(
    theirs: Context, context: Context, agreed: dict[str, str], sides: tuple[Side, Side]
) -> tuple[list[Difference], list[str], tuple[dict[str, str], dict[str, str]]]:
    """The project's own files, by their contents' names; what package managers fill is compared by packages."""
    one, other = await asyncio.gather(_tree(theirs), _tree(context))
    found, aside = files.differences(one, other, _nothing, _nothing)
    values = (_values(one), _values(other))
    result: list[Difference] = []
    for difference in found:
        if difference.change == "mode" and not _executable(difference):
            continue  # another umask on every machine
        key = f"file\x1f{difference.what}\x1f"
        who = moved(values[0].get(key, ""), values[1].get(key, ""), agreed.get(key))
        call = _synced(who, sides)
        result.append(
            difference.model_copy(
                update={"side": sides[0].name, "moved": who, "call": call, "fix": str(call) if call else ""}
            )
        )
    return result, aside, values


async def _tree(context: Context) -> Manifest:
    """A tree under the names that every host can give."""
    if near(context.host):
        cache = Cache(context.state / "cache" / "plain")
        return await here(
            tree.look, context.path, store_of(context), cache, context.report, excluded(context), budget(context), plain
        )
    if not await helped(context.host):
        raise Failed(f"{context.host.name} has no Python to name contents with", "")
    return await Mirror(context).far()


def _values(side: Manifest) -> dict[str, str]:
    return {f"file\x1f{e.path}\x1f": e.digest[:16] for e in side.entries if e.kind == "file" and e.digest}


def _nothing(_: Entry) -> bytes:
    return b""


def _executable(difference: Difference) -> bool:
    return bool((int(difference.was, 8) ^ int(difference.now, 8)) & 0o111)


def _synced(who: str, sides: tuple[Side, Side]) -> Fix | None:
    """A sync towards the side that did not move; where nobody knows, a person decides."""
    there, own = sides
    if who not in ("here", "there") or there.on is None or own.on is None:
        return None
    ends = [_end(own), _end(there)] if who == "here" else [_end(there), _end(own)]
    mode = "push" if ends[0].startswith((".", "/")) else "pull"
    return Fix.model_validate(
        {"tool": "sync", "args": {"source": ends[0], "destination": ends[1], "mode": mode, "watch": "false"}}
    )


def _end(side: Side) -> str:
    return side.path or "." if side.on == "local" else f"{side.on}:{side.path}"


# -- People -----------------------------------------------------------------------------------------------------------


async def against_people(
    who: str, context: Context
) -> tuple[list[Difference], list[str], str, Sequence[Member]]:  # fmt: skip
    """The differences to one person of the team, or to each (`team`). Raises Usage for nobody, Failed for a bad signature."""
    members, notices = await others(context, None if who == "team" else who)
    now: Fingerprint = await context.observe(context, "all")
    own = items(now)
    found: list[Difference] = []
    said: list[str] = []
    for member in members:
        theirs: dict[str, Item] = items(member.fingerprint)
        sides = (Side(member.person), Side("here", context.host.name))
        pair = Agreed(context.state, ("team", member.team, member.person, context.host.name, str(context.path)))
        agreed = await here(pair.load)
        # A machine of another person is theirs: what counts is what the project depends on.
        mine = {key: item for key, item in own.items() if item.where != "system"}
        yours = {key: item for key, item in theirs.items() if item.where != "system"}
        differing = differ(yours, mine, agreed, sides)
        found += differing
        said += [sentence(differing, sides)] if differing else []
        await here(pair.save, {k: v.value for k, v in yours.items()}, {k: v.value for k, v in mine.items()})
    return found, notices, "; ".join(said), members
