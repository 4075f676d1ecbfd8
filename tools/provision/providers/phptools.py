"""The host's PHP and composer: what they are, what their indexes have, and what composer would choose, asked in a copy."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ...contract import Context
from ...errors import Failed, Unreachable, Usage
from .. import defaults
from ..index import text
from ..names import plain
from ..part import Part, tail
from . import apt
from .phpfiles import Declared, read_lock, table
from .phpsteps import ENV, OPTIONS
from .phpversions import meets
from .toolchain import NETWORK

_ASK = "echo json_encode([PHP_VERSION, array_map('strtolower', get_loaded_extensions()), PHP_BINARY]);"
_PACKAGES = {
    "dom": "xml", "simplexml": "xml", "xmlreader": "xml", "xmlwriter": "xml", "xsl": "xml", "wddx": "xml", "mysqli": "mysql",
    "mysqlnd": "mysql", "pdo_mysql": "mysql", "pdo_pgsql": "pgsql", "pdo_sqlite": "sqlite3", "pdo_odbc": "odbc", "pdo_dblib": "sybase",
}  # fmt: skip
"""Where Debian's package is not called after the extension."""
_DEBIAN = frozenset(
    """
    amqp apcu ast bcmath bz2 cgi curl dba ds enchant excimer gd gearman gmagick gmp gnupg http igbinary imagick imap
    interbase intl ldap lz4 mailparse maxminddb mbstring mcrypt memcache memcached mongodb msgpack mysql oauth odbc
    pcov pgsql protobuf ps pspell raphf redis rrd smbclient snmp soap solr sqlite3 ssh2 stomp sybase tidy uopz
    uploadprogress uuid xdebug xml xmlrpc yac yaml zip zmq zstd
    """.split()  # noqa: SIM905 (quotes would hide the names)
)
"""Extensions that Debian has as `php-NAME`."""


@dataclass(frozen=True)
class Php:
    """The PHP on PATH."""

    version: str
    extensions: frozenset[str]
    debian: bool
    """Whether it is the system's own, which apt's packages extend."""


async def php(context: Context) -> Php:
    """Ask the host's PHP. Raises Failed."""
    done = await context.host.run(["php", "-d", "display_errors=stderr", "-r", _ASK], cwd=Path("/"), timeout=30)
    try:
        version, extensions, binary = json.loads(done.text)
    except ValueError:
        raise Failed(
            f"php does not say what it is: {plain(done.error, 200)}", "Mend it (`php -v`), then ask again."
        ) from None
    number = re.match(r"\d+(\.\d+)*", str(version))
    named = {str(each).replace("zend opcache", "opcache").replace(" ", "-") for each in extensions}
    return Php(number[0] if number else "", frozenset(named), str(binary).startswith("/usr/bin/"))


async def composer(context: Context) -> str:
    """The version of the host's composer; empty when there is none."""
    done = await context.host.run(["composer", "--version", *OPTIONS[1:3]], cwd=Path("/"), env=ENV, timeout=60)
    found = re.search(r"\b(\d+\.\d+\.\d+)", done.text) if done.code == 0 else None
    return found[1] if found else ""


async def platform(declared: Declared, own: Php, context: Context, part: Part) -> None:
    """See that PHP and its extensions are what is required, through apt where Debian has them. Raises Failed."""
    wanted = declared.platform.get("php", "*")
    if "php" not in declared.given and meets(own.version, wanted) is False:
        raise Failed(
            f"it requires php {plain(wanted, 60)} and this host has {own.version}",
            "Install such a PHP (envsync provision --runtimes php@VERSION), then ask again.",
        )
    names = [
        name.removeprefix("ext-")
        for name in declared.platform
        if name.startswith("ext-") and name not in declared.given | declared.provided
    ]
    lacking = sorted(name for name in names if name.lower().removeprefix("zend-") not in own.extensions)
    known = {name: _PACKAGES.get(name.lower(), name.lower()) for name in lacking}
    packages = {f"php-{package}" for package in known.values() if package in _DEBIAN}
    unknown = [name for name, package in known.items() if package not in _DEBIAN]
    said = f"PHP lacks {plain(', '.join(f'ext-{name}' for name in lacking))}"
    if unknown or (lacking and not own.debian):
        how = f" (Debian: {', '.join(sorted(packages))})" if packages else ""
        raise Failed(
            f"{said}{how}", "Install and enable what is lacking (`php -m` lists what is there), then ask again."
        )
    if packages:
        try:
            brought = await apt.plan(dict.fromkeys(sorted(packages), ""), context)
        except (Failed, Usage) as error:
            raise Failed(f"{said} (Debian: {', '.join(sorted(packages))}), and {error.what}", error.hint) from None
        if not brought.steps:
            raise Failed(f"{said}, though {', '.join(sorted(packages))} is installed", "Enable it with `phpenmod`.")
        part.warnings.append(f"{said}: {', '.join(sorted(packages))} of Debian is installed first")
        part.add(brought)


async def tools(own: Php, context: Context, part: Part) -> bool:
    """Whether composer is there; what is lacking comes through apt. Raises Failed."""
    needs: dict[str, str] = {}
    there = bool(await composer(context))
    if not there:
        needs["composer"] = ""
    if "zip" not in own.extensions and (await context.host.run(["unzip", "-v"], cwd=Path("/"), timeout=15)).code == 127:
        needs["unzip"] = ""
    if needs:
        try:
            brought = await apt.plan(needs, context)
        except (Failed, Usage) as error:
            what = "composer is not installed" if "composer" in needs else "neither ext-zip nor unzip is there"
            raise Failed(f"{what}, and {error.what}", error.hint) from None
        if not brought.steps:
            raise Failed(
                "composer is installed, but does not answer", "Mend it (`composer --version`), then ask again."
            )
        part.add(brought)
    return there


@dataclass(frozen=True)
class Shown:
    """A package as the user's repositories describe it."""

    versions: tuple[str, ...]
    """Newest first; branches too."""
    summary: str
    abandoned: bool


async def show(context: Context, name: str) -> Shown | None:
    """What the user's repositories have under a name; None when they have no such package. Raises Unreachable, Failed."""
    folder = await defaults.scratch(context.host)
    try:
        await context.host.write(folder / "composer.json", b"{}")
        argv = ["composer", "show", "--all", "--available", "--format=json", *OPTIONS[1:3], "--", name]
        done = await context.host.run(argv, cwd=folder, env=ENV, timeout=120)
    finally:
        await defaults.away(context.host, folder)
    if done.code != 0:
        said = tail(done)
        if re.search(r"not found|No package|Could not find", said) and "could not be downloaded" not in said:
            return None
        raise silent(said)
    try:
        data: Any = json.loads(done.text)
        record = cast(dict[str, Any], data)
        versions = tuple(map(str, cast(list[Any], record["versions"])))
    except (ValueError, KeyError, TypeError):
        raise Failed(
            f"composer's answer about {name} cannot be read", "Try `composer show --all NAME` by hand."
        ) from None
    return Shown(versions, plain(str(record.get("description") or "")), bool(record.get("abandoned")))


async def resolved(
    declared: Declared, context: Context, folder: Path, words: Sequence[str] = (), dev: bool = False
) -> Declared | None:
    """What composer would lock, asked in a copy of the manifest (and of the lock, when `words` are to be added); None when
    the project's own repositories would have to be asked, which is for a person to allow first. Raises Failed, Unreachable."""
    if declared.manifest.get("repositories"):
        return None
    kept = ("name", "require", "require-dev", "minimum-stability", "prefer-stable", "conflict", "replace", "provide")
    manifest: dict[str, Any] = {key: declared.manifest[key] for key in kept if key in declared.manifest}
    if declared.given:
        manifest["config"] = {"platform": table(table(declared.manifest, "config"), "platform")}
    copy = await defaults.scratch(context.host)
    try:
        await context.host.write(copy / "composer.json", json.dumps(manifest).encode())
        if words and declared.lock:
            await context.host.write(copy / declared.lock, await context.host.read(folder / declared.lock))
        verb = ["require", *(["--dev"] if dev else []), "--no-install"] if words else ["update", "--no-install"]
        # What PHP lacks is looked at when it is known what all packages require.
        verb.append("--ignore-platform-req=ext-*")
        argv = ["composer", *verb, *OPTIONS, *(["--", *words] if words else [])]
        done = await context.host.run(argv, cwd=copy, env=ENV, timeout=300)
        if done.code != 0:
            said = tail(done, 20)
            raise (
                silent(said)
                if NETWORK.search(said)
                else Failed(
                    f"composer finds no versions: {plain(said, 600)}",
                    "Correct the constraints in composer.json, then ask again.",
                )
            )
        lock: Any = json.loads(await text(context.host, copy / "composer.lock", 64 * 1024 * 1024) or "{}")
    except ValueError:
        raise Failed(
            "composer's answer cannot be read", "Run `composer update --dry-run` by hand to see why."
        ) from None
    finally:
        await defaults.away(context.host, copy)
    found = Declared()
    read_lock(cast(dict[str, Any], lock), "composer.lock", found, frozenset())
    found.foreign.clear()
    return found


def silent(said: str) -> Unreachable:
    """The error of an index that does not answer."""
    # What composer says of itself first, and where in its own source that was.
    said = re.sub(r"Composer is operating significantly slower[^\n]*|In \w+\.php line \d+:", "", said)
    return Unreachable(
        f"composer could not ask its repositories: {plain(said, 300)}",
        "Check the network and `composer config --global --list`; then ask again.",
    )
