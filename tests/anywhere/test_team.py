"""A team that compares its environments: every signature is checked, every trick is seen."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from envsync.tools.contract import Context
from envsync.tools.drift.tool import DRIFT, DriftArgs, Drifted
from envsync.tools.errors import EnvSyncError, Failed, Unreachable, Usage
from envsync.tools.fingerprint import (
    Fact,
    FileHash,
    Fingerprint,
    Git,
    HostFacts,
    Installed,
    PackageSet,
    Project,
    Service,
    Variable,
    Wanted,
)
from envsync.tools.team import members as team
from envsync.tools.team.keys import sign

Person = Callable[..., Context]


def environment(
    numpy: str = "1.26.4", node: str = "20.1.0", variables: tuple[str, ...] = ("DATABASE_URL",)
) -> Fingerprint:
    service = Service(
        name="app", runtimes=(Wanted(name="node"),), variables=(Fact(value="DATABASE_URL"), Fact(value="TOKEN"))
    )
    return Fingerprint(
        at=datetime.now(UTC),
        host="local",
        facts=HostFacts(os="debian 12", kernel="6.1-private", arch="x86_64", cpu="secret-cpu"),
        runtimes=(Installed(name="node", version=node, path="/home/ann/bin/node"),),
        packages=(
            PackageSet(manager="pip", where=".venv", packages={"numpy": numpy}),
            PackageSet(manager="apt", where="system", packages={"zlib1g": "1.2"}),
        ),
        variables=tuple(Variable(name=name, digest="d" * 64) for name in variables),
        dotfiles=(FileHash(path="~/.bashrc", digest="e" * 64),),
        project=Project(root="/home/ann/app", services=(service,), git=Git(head="a" * 40, branch="main", index="")),
    )


@pytest.fixture
def person(make_context: Person, tmp_path: Path) -> Person:
    """Ann's or Ben's own installation of EnvSync, with a project called `app`."""

    def make(name: str, **facts: object) -> Context:
        root = tmp_path / name / "app"
        root.mkdir(parents=True, exist_ok=True)
        seen = {"now": environment(**facts)}  # type: ignore[arg-type]

        async def observe(context: Context, scope: str = "all") -> Fingerprint:
            return seen["now"]

        context = make_context(root, observe=observe, environ={"USER": name})
        return replace(context, state=tmp_path / name / "state")

    return make


@pytest.fixture(params=["folder", "git"])
def meeting(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where they meet."""
    place = tmp_path / "shared"
    if request.param == "folder":
        place.mkdir()
        return str(place)
    subprocess.run(["git", "init", "-q", "--bare", str(place)], check=True)
    hook = place / "hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n")
    hook.chmod(0o755)
    return f"{place}#envsync"


async def drift(context: Context, against: str) -> Drifted:
    assert DRIFT.read is not None
    return await DRIFT.read(DriftArgs(against=against), context)  # type: ignore[return-value]


async def test_two_people_see_what_differs_and_who_moved(person: Person, meeting: str, tmp_path: Path) -> None:
    ann, ben = person("ann"), person("ben")
    joined = await team.join(ann, meeting)
    assert joined.person == "ann" and joined.key
    await team.join(ben, meeting)
    agreed = await drift(ann, "team")
    assert agreed.exit == 0 and any("ben is new here" in line for line in agreed.aside), agreed

    ben = person("ben", numpy="2.3.1")
    await team.publish(ben)
    seen = await drift(ann, "ben")
    (numpy,) = seen.differences
    assert (numpy.what, numpy.was, numpy.now, numpy.moved, numpy.side) == ("numpy", "2.3.1", "1.26.4", "there", "ben")
    assert numpy.fix == "envsync provision --packages numpy@2.3.1" and seen.exit == 5
    assert "ben moved" in seen.summary

    ann = person("ann", numpy="2.3.1", node="22.0.0")
    both = await drift(ann, "team")
    (node,) = both.differences
    assert (node.what, node.moved) == ("node", "here") and "ben should have node 22.0.0" in node.fix
    ann = person("ann", numpy="2.3.1", variables=())
    (variable,) = (await drift(ann, "ben")).differences
    assert (variable.what, variable.fix) == ("DATABASE_URL", "set DATABASE_URL here")
    told = await team.members(ann)
    assert [(m.person, m.you, bool(m.key)) for m in told.members] == [("ann", True, True), ("ben", False, True)]
    assert not (tmp_path / "hook-ran").exists()
    await team.leave(ben)
    assert [m.person for m in (await team.members(ann)).members] == ["ann"]


async def test_nothing_private_is_published(person: Person, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    await team.join(person("ann", variables=("DATABASE_URL", "AWS_SECRET")), str(tmp_path / "shared"))
    text = (tmp_path / "shared/envsync-team/app/ann.json").read_text()
    for private in ("/home/ann", "d" * 64, "e" * 64, "AWS_SECRET", "zlib1g", ".bashrc", "6.1-private", "secret-cpu"):
        assert private not in text, private
    assert "DATABASE_URL" in text
    key = tmp_path / "ann/state/person.key"
    assert key.stat().st_mode & 0o777 == 0o600 and key.read_bytes().hex() not in text


def _again(body: dict[str, object], context: Context) -> bytes:
    body["signature"] = sign(context.state, team._signed(body))  # type: ignore[arg-type]
    return json.dumps(body).encode()


TRICKS: dict[str, tuple[str, Callable[[dict[str, object], Context, Context], bytes]]] = {
    "edited": ("signature does not match", lambda b, ann, ben: json.dumps({**b, "at": "2020-01-01T00:00:00+00:00"}).encode()),
    "unsigned": ("not signed", lambda b, ann, ben: json.dumps({k: v for k, v in b.items() if k != "signature"}).encode()),
    "another key": ("key of ben changed", lambda b, ann, ben: _again({**b, "key": team.keys.public(ann.state)}, ann)),
    "another project": ("another person or project", lambda b, ann, ben: _again({**b, "project": "other"}, ben)),
    "another name": ("another person or project", lambda b, ann, ben: _again({**b, "person": "eve"}, ben)),
    "no fingerprint": ("it is no fingerprint", lambda b, ann, ben: _again({**b, "sequence": b["sequence"] + 1, "fingerprint": {"at": "x"}}, ben)),  # type: ignore[operator]
    "the future": ("made in the future", lambda b, ann, ben: _again({**b, "sequence": b["sequence"] + 1, "at": "2999-01-01T00:00:00+00:00"}, ben)),  # type: ignore[operator]
    "noise": ("not to be trusted|does not know", lambda b, ann, ben: b"\xff" * 1000),
    "nested": ("not to be trusted|does not know", lambda b, ann, ben: b"[" * 100_000),
    "too large": ("not to be trusted|does not know", lambda b, ann, ben: b" " * (9 << 20)),
    "same number, other content": ("older than what was seen", lambda b, ann, ben: _again({**b, "at": "2020-01-01T00:00:00+00:00"}, ben)),
}  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
async def test_hostile_what_is_not_signed_as_it_was_is_refused(person: Person, tmp_path: Path, trick: str) -> None:
    (tmp_path / "shared").mkdir()
    ann, ben = person("ann"), person("ben", numpy="2.0")
    await team.join(ann, str(tmp_path / "shared"))
    await team.join(ben, str(tmp_path / "shared"))
    assert (await drift(ann, "ben")).exit == 5
    file = tmp_path / "shared/envsync-team/app/ben.json"
    said, change = TRICKS[trick]
    file.write_bytes(change(json.loads(file.read_bytes()), ann, ben))
    with pytest.raises(Failed, match=said):
        await drift(ann, "ben")
    # Of a whole team the others still count, and the fault is told.
    everybody = await drift(ann, "team")
    assert everybody.exit == 0 and len(everybody.aside) == 1


async def test_hostile_an_old_state_that_was_put_back_is_refused(person: Person, meeting: str) -> None:
    ann, ben = person("ann"), person("ben", numpy="2.0")
    await team.join(ann, meeting)
    await team.join(ben, meeting)
    there = team.place_of(meeting, ann.host, ann.state, ann.path)
    old = (await there.read("app"))["ben"]
    await drift(ann, "ben")
    await team.publish(person("ben", numpy="2.1"))
    await drift(ann, "ben")
    await there.write("app", "ben", old)
    with pytest.raises(Failed, match="older than what was seen before"):
        await drift(ann, "ben")
    await team.publish(ben)
    assert (await drift(ann, "ben")).exit == 5


async def test_a_place_is_kept_without_the_way_there(person: Person, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "link").symlink_to("shared")
    ann = person("ann")
    up = "../" * (len(ann.path.parts) - 1)
    joined = await team.join(ann, f"{up}{tmp_path}/shared")
    assert joined.place == str(tmp_path / "shared")
    assert (await team.join(ann, str(tmp_path / "link"))).place == str(tmp_path / "link")


async def test_a_name_that_somebody_has_is_not_taken(person: Person, meeting: str) -> None:
    await team.join(person("ann"), meeting)
    with pytest.raises(Failed, match="somebody with another key is ann"):
        await team.join(person("ben"), meeting, "ann")
    with pytest.raises(Usage, match="has no team yet"):
        await team.publish(person("ben"))


async def test_a_key_that_changed_is_believed_only_after_trust(person: Person, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    ann, ben = person("ann"), person("ben")
    await team.join(ann, str(tmp_path / "shared"))
    await team.join(ben, str(tmp_path / "shared"))
    await drift(ann, "ben")
    (ben.state / "person.key").unlink()
    await team.publish(ben)
    with pytest.raises(Failed, match="key of ben changed"):
        await drift(ann, "ben")
    team.trust(ann, "ben")
    assert (await drift(ann, "ben")).exit == 0


async def test_a_key_that_others_may_read_is_not_used(person: Person, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    ann = person("ann")
    await team.join(ann, str(tmp_path / "shared"))
    os.chmod(ann.state / "person.key", 0o644)
    with pytest.raises(Failed, match="others may read your signing key"):
        await team.publish(ann)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("nowhere", Usage),
        ("--upload-pack=touch x#b", Usage),
        ("https://me:pass@example.org/x.git", Usage),
        ("ext::sh -c touch% x#b", EnvSyncError),
        ("/nowhere/at/all.git#b", Unreachable),
    ],
)
async def test_hostile_a_place_that_is_none_is_said_and_runs_nothing(
    person: Person, tmp_path: Path, place: str, kind: type[EnvSyncError]
) -> None:
    ann = person("ann")
    with pytest.raises(kind):
        await team.join(ann, place)
    assert not list(tmp_path.rglob("x")) and not (ann.state / "teams").exists()


async def test_two_who_publish_at_once_to_a_branch_both_arrive(person: Person, tmp_path: Path) -> None:
    place = tmp_path / "shared.git"
    subprocess.run(["git", "init", "-q", "--bare", str(place)], check=True)
    import asyncio

    people = [person(name) for name in ("ann", "ben", "cid")]
    await asyncio.gather(*(team.join(one, str(place)) for one in people))
    assert [m.person for m in (await team.members(people[0])).members] == ["ann", "ben", "cid"]
