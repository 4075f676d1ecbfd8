"""Joining a team, publishing this person's fingerprint, and reading the others' with every signature checked."""

from __future__ import annotations

import getpass
import json
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import cast

from pydantic import Field, JsonValue, ValidationError

from ..contract import Block, Context, Result, Table
from ..errors import Damaged, EnvSyncError, Failed, Usage
from ..fingerprint import Fingerprint, Installed
from ..hosts.here import here, near
from ..hosts.local import LocalHost
from ..moments.say import ago, shown
from ..plan import Data, canonical
from . import keys
from .places import LARGEST, NAME, Place, place_of

VERSION = 1
AHEAD = timedelta(days=2)
"""How far in the future a fingerprint may say that it was made: clocks differ, but not by more."""
RESERVED = frozenset(("team", "last", "spec", "local", "everybody", "everyone", "now"))
"""Words that mean something else where a person could be named."""
HOW = "Join it: envsync team join PATH_OR_REMOTE"


class Membership(Data):
    """What is remembered of one project's team."""

    place: str
    person: str
    project: str
    """How the project is called in that place."""
    sequence: int = 0
    """Of what was published last."""


class Pinned(Data):
    """What was last seen of one person."""

    key: str
    sequence: int
    digest: str


@dataclass(frozen=True)
class Member:
    """A person of the team, with a fingerprint whose signature was checked."""

    person: str
    key: str
    at: datetime
    fingerprint: Fingerprint
    team: str


class Joined(Result):
    """What `join`, `publish` and `leave` did."""

    place: str = ""
    person: str = ""
    key: str = ""
    """This person's public key as people compare it."""


class Listed(Data):
    """One person as `members` tells."""

    person: str
    key: str
    at: datetime | None = None
    you: bool = False
    fault: str = ""


class Members(Result):
    """Who is in the team."""

    members: tuple[Listed, ...] = ()
    notices: tuple[str, ...] = Field(default=())

    def blocks(self) -> Sequence[Block]:
        now = datetime.now(UTC)
        rows = [
            (shown(m.person) + (" (you)" if m.you else ""), m.key, ago(m.at, now) if m.at else "-", shown(m.fault))
            for m in self.members
        ]
        return [Table(("person", "key", "published", ""), rows)] if rows else []


# -- The four commands ------------------------------------------------------------------------------------------------


async def join(context: Context, place: str, person: str = "", project: str = "") -> Joined:
    """Join the team that meets at `place` (a folder, or `REMOTE[#branch]`) with this project, and publish.

    `person` is how the others name you (default: your user name), `project` what they all call it (default: the
    directory's name). Raises Usage, Failed when somebody else has that name there, Unreachable.
    """
    person = person or re.sub(r"[^A-Za-z0-9._+@-]", "-", context.environ.get("USER") or getpass.getuser())
    project = project or re.sub(r"[^A-Za-z0-9._+@-]", "-", context.path.name)
    for word, what in ((person, "person"), (project, "project")):
        if not NAME.fullmatch(word) or word.casefold() in RESERVED:
            raise Usage(f"{shown(word)!r} cannot name a {what}", "Use letters, digits and . _ + @ -, at most 64.")
    there = place_of(place, LocalHost(), context.state, context.path)
    mine = await here(keys.public, context.state)
    theirs = await there.read(project)
    sequence = 0
    if person in theirs:
        body = _parsed(theirs[person])
        if body.get("key") != mine:
            raise Failed(
                f"somebody with another key is {person} there already",
                "Choose another name: envsync team join … --person NAME; or have them leave first.",
            )
        known = body.get("sequence")
        sequence = known if isinstance(known, int) else 0
    membership = Membership(place=there.name, person=person, project=project, sequence=sequence)
    await here(_save, context, membership)
    try:
        return await publish(context)
    except BaseException:
        await here(_remove, context)
        raise


async def publish(context: Context) -> Joined:
    """Publish how this project's environment is now, signed. Raises Usage for a project without a team."""
    membership = _must(context)
    there = place_of(membership.place, LocalHost(), context.state, context.path)
    print_ = portable(await context.observe(context, "all"))
    # Never less than before, even when the state directory was lost or the clock went back.
    sequence = max(membership.sequence + 1, int(time.time()))
    key = await here(keys.public, context.state)
    body: dict[str, JsonValue] = {
        "version": VERSION, "person": membership.person, "project": membership.project, "key": key,
        "sequence": sequence, "at": context.now().isoformat(), "fingerprint": print_.model_dump(mode="json"),
    }  # fmt: skip
    body["signature"] = await here(keys.sign, context.state, _signed(body))
    content = canonical(body) + b"\n"
    if len(content) > LARGEST:
        raise Failed("this fingerprint is too large to share", "Name a smaller project.")
    await there.write(membership.project, membership.person, content)
    await here(_save, context, membership.model_copy(update={"sequence": sequence}))
    return Joined(
        summary=f"published as {membership.person} at {membership.place}; your key is {keys.short(key)}",
        place=membership.place, person=membership.person, key=keys.short(key),
    )  # fmt: skip


async def leave(context: Context) -> Joined:
    """Take this person's file away and forget the team. Raises Usage for a project without one."""
    membership = _must(context)
    there = place_of(membership.place, LocalHost(), context.state, context.path)
    await there.write(membership.project, membership.person, None)
    await here(_remove, context)
    return Joined(summary=f"left the team at {membership.place}", place=membership.place, person=membership.person)


async def members(context: Context) -> Members:
    """Who is in the team, and whose file cannot be trusted and why."""
    membership = _must(context)
    there = place_of(membership.place, LocalHost(), context.state, context.path)
    own = await here(keys.public, context.state)
    listed: list[Listed] = []
    notices: list[str] = []
    for person, content in sorted((await there.read(membership.project)).items()):
        try:
            member, notice = _checked(content, person, membership, context, own)
        except Failed as error:
            listed.append(Listed(person=person, key="", fault=error.what))
            continue
        notices += [notice] if notice else []
        listed.append(Listed(person=person, key=keys.short(member.key), at=member.at, you=person == membership.person))
    wrong = sum(bool(m.fault) for m in listed)
    summary = f"{len(listed)} at {membership.place}" + (f", {wrong} of them not to be trusted" if wrong else "")
    return Members(summary=summary, members=tuple(listed), notices=tuple(notices))


# -- For drift --------------------------------------------------------------------------------------------------------


def is_member(context: Context, name: str) -> bool:
    """Whether a word names somebody who was seen in this project's team."""
    membership = _load(context)
    return membership is not None and name != membership.person and name in _pins(context, membership)


async def has_published(context: Context, name: str) -> bool:
    """Whether somebody of that name has published in this project's team; False where it cannot be asked."""
    membership = _load(context)
    if membership is None or name == membership.person or not NAME.fullmatch(name):
        return False
    try:
        there = place_of(membership.place, LocalHost(), context.state, context.path)
        return name in await there.read(membership.project)
    except EnvSyncError:
        return False


async def others(context: Context, only: str | None) -> tuple[list[Member], list[str]]:
    """The others' fingerprints (`only` one person's), each verified, and notices about new ones.

    Raises Usage for a project without a team or an unknown person, Failed for whoever cannot be trusted: when one of
    several cannot be, the others still count, and a notice says it.
    """
    membership = _must(context)
    there = place_of(membership.place, LocalHost(), context.state, context.path)
    own = await here(keys.public, context.state)
    found = await there.read(membership.project)
    if only is not None and only not in found:
        raise Usage(f"{shown(only)} has published nothing there", "See: envsync team members")
    result: list[Member] = []
    notices: list[str] = []
    for person, content in sorted(found.items()):
        if person == membership.person or (only is not None and person != only):
            continue
        try:
            member, notice = await here(_checked, content, person, membership, context, own)
        except Failed as error:
            if only is not None:
                raise
            notices.append(error.what)
            continue
        notices += [notice] if notice else []
        result.append(member)
    return result, notices


def portable(fingerprint: Fingerprint) -> Fingerprint:
    """What of a fingerprint others may see: no hashes of values, no paths of this machine, no names of its people."""

    def bare(programs: Sequence[Installed]) -> tuple[Installed, ...]:
        own = [p for p in programs if not p.path or p.path.startswith(("/", "~"))]
        pairs = sorted({(p.name, p.version) for p in own})
        return tuple(Installed(name=name, version=version, path="") for name, version in pairs)

    project = fingerprint.project
    if project is not None:
        read = {fact.value for service in project.services for fact in service.variables}
        git = project.git and project.git.model_copy(update={"index": ""})
        project = project.model_copy(update={"root": "", "git": git, "findings": ()})
    else:
        read = set[str]()
    facts = fingerprint.facts and fingerprint.facts.model_copy(
        update={"disk": 0, "disk_free": 0, "memory": 0, "cores": 0, "cpu": "", "kernel": ""}
    )
    return fingerprint.model_copy(
        update={
            "host": "", "facts": facts, "runtimes": bare(fingerprint.runtimes), "tools": bare(fingerprint.tools),
            "packages": tuple(p for p in fingerprint.packages if p.where != "system"),
            "variables": tuple(v.model_copy(update={"digest": ""}) for v in fingerprint.variables if v.name in read),
            "equipment": None,  # editors, aliases, hosts, what runs: a person's own affair
            "dotfiles": (), "project": project,
        }
    )  # fmt: skip


# -- Checking what others wrote ---------------------------------------------------------------------------------------


def _checked(
    content: bytes, person: str, membership: Membership, context: Context, own: str
) -> tuple[Member, str]:  # fmt: skip
    """A person's fingerprint when all of it is right, and what should be told of it. Raises Damaged, Failed."""
    body = _parsed(content)
    key, signature, sequence = body.get("key"), body.get("signature"), body.get("sequence")
    if body.get("version") != VERSION:
        raise Failed(f"{person} published in a form that this version does not know", "Upgrade EnvSync, or have them.")
    if not isinstance(key, str) or not isinstance(signature, str) or not isinstance(sequence, int):
        raise _damaged(person, "it is not signed")
    if not keys.verifies(key, signature, _signed(body)):
        raise _damaged(person, "its signature does not match")
    if body.get("person") != person or body.get("project") != membership.project:
        raise _damaged(person, "it is signed for another person or project")
    if person == membership.person and key != own:
        raise _damaged(person, "it has your name and another key than yours")
    pins = _pins(context, membership)
    known = pins.get(person)
    digest = blake2b(content, digest_size=32).hexdigest()
    if known is not None and known.key != key:
        raise Failed(
            f"the key of {person} changed: it was {keys.short(known.key)}, it is {keys.short(key)}",
            f"Ask {person} by other means whether that is so; then: envsync team trust {person}",
        )
    if known is not None and (sequence < known.sequence or (sequence == known.sequence and digest != known.digest)):
        raise Failed(
            f"what lies there of {person} is older than what was seen before",
            "Somebody may have put an old state back. Have them publish again: envsync team publish",
        )
    try:
        at = datetime.fromisoformat(str(body.get("at")))
        fingerprint = Fingerprint.model_validate(body.get("fingerprint"), strict=False)
    except (ValueError, ValidationError):
        raise _damaged(person, "it is no fingerprint") from None
    if at.tzinfo is None or at > context.now() + AHEAD:
        raise _damaged(person, "it says that it was made in the future")
    if known is None or known.sequence != sequence:
        _pin(context, membership, {**pins, person: Pinned(key=key, sequence=sequence, digest=digest)})
    notice = "" if known or person == membership.person else f"{person} is new here, with the key {keys.short(key)}"
    return Member(person, key, at, fingerprint, membership.place), notice


def trust(context: Context, person: str) -> None:
    """Forget the key that was known of a person: the next one that is seen is believed. Raises Usage."""
    membership = _must(context)
    pins = _pins(context, membership)
    if person not in pins:
        raise Usage(f"nothing is known of {shown(person)}", "See: envsync team members")
    _pin(context, membership, {name: pin for name, pin in pins.items() if name != person})


def _damaged(person: str, why: str) -> Damaged:
    return Damaged(
        f"what lies there of {shown(person)} is not to be trusted: {why}",
        "Nothing of it was used. Have them publish again: envsync team publish",
    )


def _parsed(content: bytes) -> dict[str, JsonValue]:
    if len(content) > LARGEST:
        return {}
    with suppress(ValueError, RecursionError):
        body = json.loads(content)
        if isinstance(body, dict):
            return cast("dict[str, JsonValue]", body)
    return {}


def _signed(body: dict[str, JsonValue]) -> bytes:
    """What the signature covers: everything else, in one form."""
    with suppress(ValueError):  # a NaN, which no honest body has
        return b"envsync team 1\n" + canonical({key: value for key, value in body.items() if key != "signature"})
    return b""


# -- What is remembered here ------------------------------------------------------------------------------------------


def _directory(context: Context) -> Path:
    if not near(context.host):
        raise Usage("a team is joined with a project on this machine", "Leave --on out.")
    return context.state / "teams"


def _name(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _load(context: Context) -> Membership | None:
    if not near(context.host):
        return None
    with suppress(OSError, ValueError, ValidationError):
        return Membership.model_validate_json((_directory(context) / f"{_name(str(context.path))}.json").read_bytes())
    return None


def _must(context: Context) -> Membership:
    _directory(context)
    membership = _load(context)
    if membership is None:
        raise Usage(f"{context.path.name} has no team yet", HOW)
    return membership


def _save(context: Context, membership: Membership) -> None:
    _write(_directory(context) / f"{_name(str(context.path))}.json", membership.model_dump_json())


def _remove(context: Context) -> None:
    (_directory(context) / f"{_name(str(context.path))}.json").unlink(missing_ok=True)


def _pins(context: Context, membership: Membership) -> dict[str, Pinned]:
    file = _directory(context) / f"{_name(membership.place, membership.project)}.known"
    with suppress(FileNotFoundError):
        try:
            found = cast("dict[str, object]", json.loads(file.read_bytes()))
            return {person: Pinned.model_validate(pin) for person, pin in found.items()}
        except (ValueError, ValidationError, AttributeError):
            raise Failed(
                f"what was known of your team's keys ({file}) is damaged",
                "Compare the keys with your team; when they are right, remove that file.",
            ) from None
    return {}


def _pin(context: Context, membership: Membership, pins: dict[str, Pinned]) -> None:
    file = _directory(context) / f"{_name(membership.place, membership.project)}.known"
    _write(file, json.dumps({person: pin.model_dump() for person, pin in pins.items()}))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(handle)
    os.replace(temporary, file)


__all__ = ["Member", "Place", "is_member", "join", "leave", "members", "others", "publish", "trust"]
