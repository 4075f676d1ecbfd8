"""What the configured NuGet sources say of a name: whether it exists and in which versions. Read over HTTP, or in a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

from ...contract import Context
from ...errors import Unreachable, Usage
from ..index import get, text, without_user
from ..names import Named, plain
from .dotnetsteps import ENV
from .xmlfile import Unreadable, parse

_LISTED = re.compile(r"^\s*E\s+(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A package in the version that is to be added."""

    name: str
    version: str
    detail: str


def configs(context: Context) -> tuple[Path, ...]:
    """Where the user's own settings may lie."""
    return (context.home / ".nuget/NuGet/NuGet.Config", context.home / ".config/NuGet/NuGet.Config")


async def sources(context: Context) -> list[str]:
    """The user's own sources as addresses and folders: as the SDK lists them, or else as their settings have them."""
    done = await context.host.run(
        ["dotnet", "nuget", "list", "source", "--format", "short"], cwd=Path("/"), env=ENV, timeout=60
    )
    found = [line.strip() for line in _LISTED.findall(done.text)] if done.code == 0 else []
    for path in configs(context) if not found else ():
        content = await text(context.host, path)
        try:
            elements = list(parse(content).all("packageSources/add")) if content else []
        except Unreadable:
            continue
        found += [add.attributes.get("value", "") for add in elements]
    return [one for one in dict.fromkeys(found) if one]


async def find(item: Named, project: Sequence[str], context: Context) -> Entry:
    """Look a name up in the user's sources. Those of the project are not asked before a person has said yes.

    Raises Usage when none has the name or version, Unreachable when none answers.
    """
    if item.version and item.version != "latest" and not item.version[0].isdigit():
        raise Usage(f"{item}: a range is not taken here", f"Name one version, e.g. {item.name}@1.2.3.")
    asked, silent = 0, list[str]()
    for source in await sources(context):
        known = await _versions(item.name, source, context)
        if known is None:
            silent.append(plain(urlsplit(source).hostname or source, 80))
            continue
        asked += 1
        wanted = item.version if item.version not in ("", "latest") else ""
        fitting = [version for version in known if version.lower() == wanted.lower()] if wanted else _newest(known)
        if fitting:
            releases = f"{len(known)} releases" if len(known) > 1 else "1 release"
            return Entry(item.name, fitting[0], f"nuget: {item.name} {fitting[0]}: {releases}")
        if known:
            raise Usage(f"NuGet has no {plain(str(item))}", f"The newest ones are: {', '.join(_newest(known, 5))}.")
    if not asked:
        where = f" ({', '.join(silent)})" if silent else ""
        raise Unreachable(
            f"no NuGet source answered about {item.name}{where}", "Check the network and `dotnet nuget list source`."
        )
    raise Usage(
        f"NuGet has no {plain(item.name)}",
        "Check the name. Nothing was installed: a name that does not exist can be registered by anybody."
        + (" The project's own sources were not asked." if project else ""),
    )


async def _versions(name: str, source: str, context: Context) -> list[str] | None:
    """All versions that a source has, oldest first; None when it does not answer."""
    if urlsplit(source).scheme not in ("http", "https"):
        try:
            entries = [entry.path.name for entry in await context.host.list(Path(source))]
        except OSError:
            return None
        found = [re.fullmatch(re.escape(name) + r"\.(\d[\w.+-]*)\.nupkg", entry, re.IGNORECASE) for entry in entries]
        return sorted((match[1] for match in found if match), key=_order)
    address, user = without_user(source)
    service = _json((await get(context.host, address, user)).body)
    resources = service.get("resources")
    for one in cast(list[Any], resources) if isinstance(resources, list) else []:
        resource = cast(dict[str, Any], one) if isinstance(one, dict) else {}
        if str(resource.get("@type", "")).startswith("PackageBaseAddress/3"):
            base = str(resource.get("@id", "")).rstrip("/")
            # Where the service leads, credentials go only if it leads back to its own server.
            same = urlsplit(base).netloc == urlsplit(address).netloc
            if urlsplit(base).scheme not in ("http", "https"):
                return None
            answer = await get(context.host, f"{base}/{quote(name.lower())}/index.json", user if same else "")
            if answer.code == 404:
                return []
            versions = _json(answer.body).get("versions") if answer.code == 200 else None
            return (
                [v for v in cast(list[Any], versions) if isinstance(v, str) and v]
                if isinstance(versions, list)
                else None
            )
    return None


def _newest(versions: Sequence[str], number: int = 1) -> list[str]:
    """The newest releases, or pre-releases where there is nothing else."""
    stable = [version for version in versions if "-" not in version]
    return sorted(stable or versions, key=_order, reverse=True)[:number]


def _order(version: str) -> tuple[list[int], bool, str]:
    core, _, pre = version.partition("+")[0].partition("-")
    return [int(part) for part in core.split(".") if part.isdigit()], not pre, pre


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8-sig", "replace") or "null")
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}
