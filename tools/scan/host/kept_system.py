"""What was asked for of the system's package managers, by reading what they keep; what only came along is left out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ...equipment import Kept
from ..text import safe
from .base import Place, content, mapping, names, parsed, words

_FIELD = re.compile(r"^(Package|Status|Version|Priority|Essential|Auto-Installed): *(\S.*)$", re.MULTILINE)
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{1,120}")
_BASE = frozenset({"required", "important"})
BREW = ("/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew")


def apt(place: Place) -> list[Kept]:
    """Debian's packages that are marked as wanted by somebody. The base system is always marked, so it is left out."""
    status = content(place.system("/var/lib/dpkg/status"), 64 << 20)
    if status is None:
        return []
    auto = _automatic(place)
    found: dict[str, str] = {}
    for stanza in status.decode("utf-8", "replace").split("\n\n"):
        facts = dict(_FIELD.findall(_head(stanza)))
        name = facts.get("Package", "")
        wanted = facts.get("Status", "").startswith("install ok installed") and name not in auto
        base = facts.get("Priority") in _BASE or facts.get("Essential") == "yes"
        if wanted and not base and _NAME.fullmatch(name):
            found[name] = safe(facts.get("Version", ""), 80)
    return [Kept(manager="apt", where="system", packages=dict(sorted(found.items())))] if found else []


def _head(stanza: str) -> str:
    """Without the description, which is most of it."""
    return stanza.partition("\nDescription")[0]


def _automatic(place: Place) -> frozenset[str]:
    text = (content(place.system("/var/lib/apt/extended_states"), 16 << 20) or b"").decode("utf-8", "replace")
    stanzas = (dict(_FIELD.findall(stanza)) for stanza in text.split("\n\n"))
    return frozenset(facts.get("Package", "") for facts in stanzas if facts.get("Auto-Installed") == "1")


def apk(place: Place) -> list[Kept]:
    """Alpine's world: its own list of what was asked for."""
    asked = re.split(r"\s+", words(place.system("/etc/apk/world"), 1 << 18).strip())
    wanted = {re.split(r"[=<>~@]", word, maxsplit=1)[0] for word in asked if word and not word.startswith((".", "!"))}
    text = (content(place.system("/lib/apk/db/installed"), 32 << 20) or b"").decode("utf-8", "replace")
    have = dict(re.findall(r"^P:(\S+)\nV:(\S+)$", text, re.MULTILINE))
    found = {name: safe(have[name], 80) for name in sorted(wanted) if name in have and _NAME.fullmatch(name)}
    return [Kept(manager="apk", where="system", packages=found)] if found else []


def pacman(place: Place) -> list[Kept]:
    """Arch's packages that were installed by name: those that came along say so."""
    base = place.system("/var/lib/pacman/local")
    found: dict[str, str] = {}
    for folder in names(base, 10_000):
        text = words(os.path.join(base, folder, "desc"), 1 << 16)
        facts = dict(re.findall(r"^%(NAME|VERSION|REASON)%\n(\S+)$", text, re.MULTILINE))
        if facts.get("REASON", "0") == "0" and _NAME.fullmatch(facts.get("NAME", "")):
            found[facts["NAME"]] = safe(facts.get("VERSION", ""), 80)
    return [Kept(manager="pacman", where="system", packages=found)] if found else []


def brew(place: Place) -> list[Kept]:
    """Homebrew's formulas that were asked for, and its casks."""
    found: dict[str, str] = {}
    casks: dict[str, str] = {}
    for prefix in BREW:
        cellar, caskroom = place.system(f"{prefix}/Cellar"), place.system(f"{prefix}/Caskroom")
        for name, version in _newest(cellar):
            if _asked(os.path.join(cellar, name, version, "INSTALL_RECEIPT.json")):
                found[safe(name, 100)] = safe(version, 60)
        casks.update((safe(name, 100), safe(version, 60)) for name, version in _newest(caskroom))
    kept = (
        Kept(manager="brew", where="system", packages=found),
        Kept(manager="brew-cask", where="system", packages=casks),
    )
    return [one for one in kept if one.packages]


def _newest(folder: str) -> Iterator[tuple[str, str]]:
    for name in names(folder, 5000):
        versions = [version for version in names(os.path.join(folder, name), 20) if not version.startswith(".")]
        if versions:
            yield name, versions[-1]


def _asked(receipt: str) -> bool:
    return mapping(parsed(receipt, 1 << 20)).get("installed_on_request") is not False


def snap(place: Place) -> list[Kept]:
    """Snaps by the link to the revision in use; bases are no programs."""
    found: dict[str, str] = {}
    for name in names(place.system("/snap"), 500):
        link = place.system(f"/snap/{name}/current")
        if os.path.islink(link) and not re.fullmatch(r"core\d*|bare|snapd|gnome-[\d-]+.*|gtk-common-themes", name):
            text = words(os.path.join(link, "meta/snap.yaml"), 1 << 16)
            version = re.search(r"^version:[ \t]*['\"]?([^'\"\n]+)", text, re.MULTILINE)
            found[safe(name, 100)] = safe(version[1].strip(), 60) if version else ""
    return [Kept(manager="snap", where="system", packages=found)] if found else []


def flatpak(place: Place) -> list[Kept]:
    """Applications by their id, installed for all or for this user."""
    kept: list[Kept] = []
    for where, base in (("system", place.system("/var/lib/flatpak/app")), ("user", f"{place.data}/flatpak/app")):
        found = {safe(name, 150): "" for name in names(base, 1000) if name.count(".") >= 2}
        if found:
            kept.append(Kept(manager="flatpak", where=where, packages=found))
    return kept
