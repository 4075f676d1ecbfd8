"""Endpoints: what people write, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from envsync.tools.contract import Context
from envsync.tools.errors import Usage
from envsync.tools.sync.places import Place, place, refuse, split


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        ("./dir", "local", "./dir"),
        ("dir", "local", "dir"),
        ("/a/b", "local", "/a/b"),
        ("~/x", "local", "~/x"),
        ("./a:b", "local", "./a:b"),
        ("/a:b/c", "local", "/a:b/c"),
        ("local:./dir", "local", "./dir"),
        ("me@host:/srv/app", "me@host", "/srv/app"),
        ("me@host:app", "me@host", "app"),
        ("me@host:2222:/srv/app", "me@host:2222", "/srv/app"),
        ("me@[::1]:/srv/app", "me@[::1]", "/srv/app"),
        ("web:/srv/app", "web", "/srv/app"),
        ("docker:web:/srv/app", "docker:web", "/srv/app"),
        ("docker:web:app", "docker:web", "app"),
        ("vm:one:/srv", "vm:one", "/srv"),
        ("ssh:me@host:2222:/srv/a:b", "ssh:me@host:2222", "/srv/a:b"),
        ("ssh:host:/srv", "ssh:host", "/srv"),
        ("ssh:[fe80::1]:/srv", "ssh:[fe80::1]", "/srv"),
        ("me@host:/with space/and\nnewline", "me@host", "/with space/and\nnewline"),
    ],
)
def test_what_people_write(text: str, host: str, path: str) -> None:
    assert split(text) == (host, path)


@pytest.mark.parametrize(
    "text",
    [
        "", "a\0b", "C:\\work", "c:/work", "\\\\server\\share", "D:work", "https://host/x", "ssh://me@host/x", "docker:web",
        "docker:web:", "ssh::/x", "me@host:", "ssh:-oProxyCommand=x:/y", "-oProxyCommand=evil:/x", "docker:a b:/x", "ssh:a@b@c:/x",
    ],
)  # fmt: skip
def test_what_is_no_directory_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        split(text)


async def test_what_a_place_prints_can_be_typed_again(project: Path, make_context: Callable[..., Context]) -> None:
    there = Place("ssh:me@host:2222", "/srv/a b")
    assert split(str(there)) == (there.host, there.path)
    assert there.name == "host-2222"
    here = await place("sub/../x", make_context(project))
    assert here == Place("local", str(project / "x")) and split(str(here)) == ("local", here.path)


@pytest.mark.parametrize(("one", "other"), [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a", "link"), ("link/b", "a")])
async def test_hostile_20_neither_side_lies_in_the_other(
    one: str, other: str, project: Path, make_context: Callable[..., Context]
) -> None:
    (project / "a/b").mkdir(parents=True)
    (project / "link").symlink_to("a")
    context = make_context(project)
    with pytest.raises(Usage, match=r"same directory|lies inside"):
        await refuse(await place(one, context), await place(other, context), context)
    await refuse(await place("a", context), await place("a-evil", context), context)


async def test_what_is_too_wide_is_refused(project: Path, make_context: Callable[..., Context]) -> None:
    context = make_context(project)
    for wide in ("/", "/etc", "~", str(context.state), str(context.state / "x"), str(context.state.parent)):
        with pytest.raises(Usage, match="never kept in sync"):
            await refuse(await place("a", context), await place(wide, context), context)
