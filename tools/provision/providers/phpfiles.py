"""What a PHP project's composer.json and composer.lock ask for and what its vendor folder holds; nothing of it runs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from ...contract import Context
from ...errors import Failed
from ...hosts.base import Host
from ...hosts.here import variables
from ..index import text
from ..names import plain, shown
from ..part import Site, digest

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,100}/[a-z0-9][a-z0-9_.-]{0,100}", re.IGNORECASE)
_BIGGEST = 32 * 1024 * 1024
_EVENTS = (
    "pre-install-cmd", "post-install-cmd", "pre-update-cmd", "post-update-cmd", "pre-autoload-dump", "post-autoload-dump",
    "pre-package-install", "post-package-install", "pre-operations-exec",
)  # fmt: skip
_HARMLESS = frozenset(
    """
    sort-packages preferred-install optimize-autoloader classmap-authoritative apcu-autoloader platform platform-check
    allow-plugins process-timeout discard-changes lock autoloader-suffix prepend-autoloader vendor-dir bin-dir bin-compat
    htaccess-protect notify-on-install use-parent-dir store-auths audit bump-after-update cache-ttl cache-files-ttl
    cache-read-only archive-format archive-dir github-protocols optimize-autoload use-include-path
    """.split()  # noqa: SIM905 (quotes would hide the names)
)
"""Settings of composer.json that decide neither where packages come from nor whom composer trusts."""
FORGES = frozenset(("api.github.com", "codeload.github.com", "github.com", "gitlab.com", "bitbucket.org"))
"""Where released packages usually lie, whatever index describes them."""


@dataclass
class Declared:
    """What the files ask for."""

    direct: dict[str, str] = field(default_factory=dict[str, str])
    """Constraint by name, of packages."""
    dev: frozenset[str] = frozenset()
    """Those of them that are for development."""
    platform: dict[str, str] = field(default_factory=dict[str, str])
    """Constraint by name (`php`, `ext-mbstring`), of the manifest and of all that the lock has."""
    given: frozenset[str] = frozenset()
    """Platform names that `config.platform` stands in for."""
    scripts: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    """Packages of the lock that are plugins of composer."""
    locked: dict[str, str] = field(default_factory=dict[str, str])
    """Version by name of what has to be there."""
    provided: frozenset[str] = frozenset()
    """Names that the manifest or packages of the lock replace or provide; polyfills provide extensions."""
    lock: str = ""
    vendor: str = "vendor"
    bins: str = ""
    foreign: list[str] = field(default_factory=list[str])
    """In words: repositories and packages that come from elsewhere."""
    told: list[str] = field(default_factory=list[str])
    """What its settings do that a person should know of."""
    manifest: dict[str, Any] = field(default_factory=dict[str, Any])
    files: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def names(self) -> frozenset[str]:
        """Names that the manifest or the lock has."""
        return frozenset(self.direct) | frozenset(self.locked)


async def read(site: Site, context: Context) -> Declared:
    """Read a site's composer.json and composer.lock. Raises Failed for what is none."""
    found = Declared()
    found.manifest = await _json(context.host, site, "composer.json", found)
    env = await variables(context.host, context.environ, ("COMPOSER_VENDOR_DIR", "COMPOSER_NO_DEV"))
    dev = env.get("COMPOSER_NO_DEV", "0") in ("", "0", "false")
    for key in ("require", "require-dev") if dev else ("require",):
        for name, wanted in table(found.manifest, key).items():
            if NAME.fullmatch(name):
                found.direct[name.lower()] = str(wanted)
            elif re.fullmatch(r"(?:php|ext)(?:-[\w.-]{1,60})?", name):
                found.platform[name.lower()] = str(wanted)
            elif not re.fullmatch(r"(?:lib|composer)[\w.-]*|hhvm", name):
                raise Failed(
                    f"{site.label('composer.json')} requires {shown(name)}, which is no package", "Correct it."
                )
    found.dev = frozenset(name.lower() for name in table(found.manifest, "require-dev"))
    found.scripts = tuple(name for name in _EVENTS if name in table(found.manifest, "scripts"))
    config = table(found.manifest, "config")
    found.told = [f"sets {plain(key, 40)}" for key in config if key not in _HARMLESS]
    found.given = frozenset(table(config, "platform"))
    found.provided = frozenset((*table(found.manifest, "provide"), *table(found.manifest, "replace")))
    found.vendor = env.get("COMPOSER_VENDOR_DIR") or str(config.get("vendor-dir") or "vendor").rstrip("/")
    found.bins = str(config.get("bin-dir") or "")
    found.foreign = _repositories(found.manifest.get("repositories"))
    if "composer.lock" in site.files:
        found.lock = "composer.lock"
        lock = await _json(context.host, site, "composer.lock", found)
        usual = FORGES | await _own_hosts(context)
        read_lock(lock, site.label("composer.lock"), found, usual, dev)
    return found


def read_lock(lock: Mapping[str, Any], label: str, found: Declared, usual: frozenset[str], dev: bool = True) -> None:
    """Read a parsed lock into `found`; packages that lie on none of the hosts `usual` are told of. Raises Failed."""
    found.given |= frozenset(table(lock, "platform-overrides"))
    plugins: list[str] = []
    provided: set[str] = set()
    for key in ("packages", "packages-dev") if dev else ("packages",):
        for entry in records(lock.get(key)):
            name, version = str(entry.get("name") or ""), str(entry.get("version") or "")
            if not NAME.fullmatch(name) or not re.fullmatch(r"[\w.+#/@-]{1,120}", version) or version.startswith("-"):
                raise Failed(
                    f"{label} names {shown(f'{name} {version}')}, which is no package",
                    "Correct that entry, or write the lock anew with `composer update`; then ask again.",
                )
            found.locked[name.lower()] = _identity(entry)
            plugins += [name] if entry.get("type") in ("composer-plugin", "composer-installer") else []
            provided |= {each.lower() for each in (*table(entry, "replace"), *table(entry, "provide"))}
            found.platform.update(
                {
                    k: str(v)
                    for k, v in table(entry, "require").items()
                    if k.startswith("ext-") and k not in found.platform
                }
            )
            where = table(entry, "dist") or table(entry, "source")
            address = str(where.get("url") or "")
            host = urlsplit(address).netloc.rpartition("@")[2]
            if where.get("type") == "path" or (address and not host):
                found.foreign.append(f"{plain(name, 60)} from the directory {plain(address, 80)}")
            elif host and host not in usual:
                found.foreign.append(f"{plain(name, 60)} from {plain(host, 80)}")
    for key in ("platform", "platform-dev"):
        found.platform.update({k: str(v) for k, v in table(lock, key).items() if k == "php" or k.startswith("ext-")})
    found.plugins, found.provided = tuple(plugins), found.provided | provided


def _identity(entry: Mapping[str, Any]) -> str:
    """A version as it is compared; a branch moves, so its commit belongs to it."""
    version = str(entry.get("version") or "")
    if "dev" not in version:
        return version
    reference = table(entry, "dist").get("reference") or table(entry, "source").get("reference") or ""
    return f"{version} {str(reference)[:7]}".strip()


def _repositories(value: Any) -> list[str]:
    """Repositories of a manifest in words; switching the usual one off is told as well."""
    listed: list[Any] = list(cast(dict[str, Any], value).values()) if isinstance(value, dict) else []
    listed = cast(list[Any], value) if isinstance(value, list) else listed
    told: list[str] = []
    for each in listed:
        entry = cast(dict[str, Any], each) if isinstance(each, dict) else {}
        if entry.get("type"):
            address = re.sub(r"//[^/@]*@", "//", str(entry.get("url") or ""))
            told.append(f"a repository of type {plain(str(entry['type']), 20)} {plain(address, 100)}".strip())
        else:
            told.append("it switches the usual repository off")
    return told


async def _own_hosts(context: Context) -> frozenset[str]:
    """The hosts of the repositories that the user's own settings of composer name."""
    env = await variables(context.host, context.environ, ("COMPOSER_HOME", "XDG_CONFIG_HOME"))
    config = Path(env.get("XDG_CONFIG_HOME") or context.home / ".config") / "composer"
    for home in (Path(env["COMPOSER_HOME"]),) if env.get("COMPOSER_HOME") else (config, context.home / ".composer"):
        kept = await text(context.host, home / "config.json")
        if kept:
            return frozenset(host for _, host in re.findall(r'"url":\s*"(https?:\\?/\\?/)([^"/\\]+)', kept))
    return frozenset()


async def _json(host: Host, site: Site, name: str, found: Declared) -> dict[str, Any]:
    entry = await host.stat(site.root / name)
    label = site.label(name)
    if entry is not None and entry.kind == "file" and entry.size > _BIGGEST:
        raise Failed(f"{label} cannot be read: it has {entry.size} bytes", "Correct the file, then ask again.")
    kept = await text(host, site.root / name, _BIGGEST)
    found.files[name] = digest(kept)
    if "\0" in kept or "\ufffd" in kept:
        raise Failed(f"{label} cannot be read: it is no UTF-8 text", "Save it as UTF-8, then ask again.")
    try:
        data: Any = json.loads(kept.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise Failed(
            f"{label} cannot be read: {plain(str(error))}", "Correct it at that line, then ask again."
        ) from None
    if not isinstance(data, dict):
        raise Failed(f"{label} cannot be read: it is no JSON object", "Correct the file, then ask again.")
    return cast(dict[str, Any], data)


def table(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, an empty one for anything else."""
    found = value.get(key)
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def records(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    listed: list[Any] = cast(list[Any], value) if isinstance(value, list) else []
    return [cast(dict[str, Any], each) for each in listed if isinstance(each, dict)]


def installed(vendor: str) -> tuple[dict[str, str], bool]:
    """Version by name of what composer installed into `vendor` and is still there, and whether it came to its end."""
    home = os.path.join(vendor, "composer")
    try:
        with open(os.path.join(home, "installed.json"), encoding="utf-8", errors="replace") as file:
            data: Any = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}, False
    listed = cast(dict[str, Any], data).get("packages") if isinstance(data, dict) else data
    found: dict[str, str] = {}
    for entry in records(listed):
        name = str(entry.get("name") or "").lower()
        default = f"../{name}" if entry.get("type") != "metapackage" else "."
        place = os.path.normpath(os.path.join(home, str(entry.get("install-path") or default)))
        if os.path.isdir(place) and (place == os.path.normpath(home) or os.listdir(place)):
            found[name] = _identity(entry)
    return found, os.path.isfile(os.path.join(vendor, "autoload.php"))
