"""Editors with their extensions: VS Code and its kin, vim and Neovim, JetBrains, Emacs, Sublime Text, Zed. By reading only."""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Iterator

from ...equipment import Editor
from ..text import safe
from .base import Piece, Place, many, mapping, names, parsed, words

CODE = {
    "vscode": (".vscode/extensions",), "vscode-insiders": (".vscode-insiders/extensions",), "vscodium": (".vscode-oss/extensions",),
    "cursor": (".cursor/extensions",), "windsurf": (".windsurf/extensions",), "positron": (".positron/extensions",),
    "vscode-server": (".vscode-server/extensions", ".vscode-remote/extensions"), "cursor-server": (".cursor-server/extensions",),
    "code-server": (".local/share/code-server/extensions",), "openvscode-server": (".openvscode-server/extensions",),
}  # fmt: skip
"""Where VS Code and what is made of it keep extensions, below the home directory."""
_ID = re.compile(r"[A-Za-z0-9][\w-]{0,80}\.[A-Za-z0-9][\w-]{0,100}")
_VERSION = re.compile(r"\d[\w.+-]{0,60}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def look(place: Place) -> Piece:
    """See Editor; those without extensions are left out."""
    found = [editor for reader in READERS for editor in reader(place) if editor.extensions]
    return {"editors": tuple(found)}


# -- VS Code ---------------------------------------------------------------------------------------------------------


def code(place: Place) -> Iterator[Editor]:
    """By each extension's package.json. What was uninstalled stays in its folder for a while, and is listed in `.obsolete`."""
    for editor, folders in CODE.items():
        extensions: dict[str, str] = {}
        for base in (place.under(folder) for folder in folders):
            gone = mapping(parsed(os.path.join(base, ".obsolete"), 1 << 20))
            for folder in names(base):
                if folder.startswith(".") or gone.get(folder) is True:
                    continue
                about = mapping(parsed(os.path.join(base, folder, "package.json"), 4 << 20))
                id, version = f"{about.get('publisher')}.{about.get('name')}", about.get("version")
                if _ID.fullmatch(id) and isinstance(version, str) and _VERSION.fullmatch(version):
                    # Of two versions of one extension the newer one is in use; the other waits to be removed.
                    extensions[id.lower()] = max(extensions.get(id.lower(), ""), version, key=_ordered)
        yield Editor(name=editor, extensions=dict(sorted(extensions.items())))


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:4])


# -- vim -------------------------------------------------------------------------------------------------------------


def vim(place: Place) -> Iterator[Editor]:
    """Plugin folders: packages, and what the usual plugin managers make; the version is the commit."""
    own = place.under(".vim")
    yield Editor(
        name="vim", extensions=_plugins([*_packs(os.path.join(own, "pack")), f"{own}/plugged", f"{own}/bundle"])
    )
    data = os.path.join(place.data, "nvim")
    folders = [*_packs(os.path.join(data, "site/pack")), *_packs(os.path.join(place.config, "nvim/pack"))]
    yield Editor(name="neovim", extensions=_plugins([*folders, f"{data}/lazy", f"{data}/plugged"]))


def _packs(base: str) -> list[str]:
    return [os.path.join(base, pack, kind) for pack in names(base, 100) for kind in ("start", "opt")]


def _plugins(folders: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in folders:
        for name in names(folder, 500):
            at = os.path.join(folder, name)
            if os.path.isdir(at) and not name.startswith("."):
                found[safe(name, 100)] = _commit(at)
    return dict(sorted(found.items()))


def _commit(folder: str) -> str:
    """What HEAD is; empty where there is no repository, or a packed one."""
    head = words(os.path.join(folder, ".git/HEAD"), 300).strip()
    if head.startswith("ref: refs/") and ".." not in head:
        reference = head.removeprefix("ref: ")
        said = words(os.path.join(folder, ".git", reference), 100).strip()
        if not said:
            packed = words(os.path.join(folder, ".git/packed-refs"), 1 << 20)
            at = packed.find(f" {reference}\n")
            said = packed[max(0, at - 40) : at] if at >= 0 else ""
        head = said
    return head[:12] if _COMMIT.fullmatch(head) else ""


# -- JetBrains -------------------------------------------------------------------------------------------------------


def jetbrains(place: Place) -> Iterator[Editor]:
    """Plugins that were added to each product, newest version of it only; they name themselves in an archive of theirs."""
    for base in (os.path.join(place.data, "JetBrains"), place.under("Library/Application Support/JetBrains")):
        newest: dict[str, str] = {}
        for folder in names(base, 100):
            product = re.fullmatch(r"([A-Za-z]+)(20\d\d\.\d)", folder)
            if product:
                newest[product[1]] = max(newest.get(product[1], ""), folder)
        for product, folder in sorted(newest.items()):
            plugins: dict[str, str] = {}
            for at in (os.path.join(base, folder), os.path.join(base, folder, "plugins")):
                for name in names(at, 200):
                    found = _plugin(os.path.join(at, name))
                    if found:
                        plugins[safe(found[0], 120)] = safe(found[1], 60)
            yield Editor(name=product.lower(), extensions=dict(sorted(plugins.items())))


def _plugin(path: str) -> tuple[str, str] | None:
    """Id and version by META-INF/plugin.xml, in the folder or in one of its archives."""
    lib = os.path.join(path, "lib")
    jars = [os.path.join(lib, name) for name in names(lib, 100) if name.endswith(".jar")]
    stem = os.path.basename(path).lower()
    jars.sort(key=lambda jar: (not os.path.basename(jar).lower().startswith(stem), jar))
    texts = [words(os.path.join(path, "META-INF/plugin.xml"), 1 << 18)]
    for text in (*texts, *(_inside(jar) for jar in ([path] if path.endswith(".jar") else jars[:8]))):
        if "<idea-plugin" in text:
            id = re.search(r"<(id|name)>\s{0,20}([^<]{1,150}?)\s{0,20}</\1>", text)
            version = re.search(r"<version>\s{0,20}([^<]{1,80}?)\s{0,20}</version>", text)
            if id:
                return id[2], version[1] if version else ""
    return None


def _inside(jar: str) -> str:
    """One small file of an archive; its claimed size is not believed."""
    try:
        if not os.path.isfile(jar):
            return ""
        with zipfile.ZipFile(jar) as archive, archive.open("META-INF/plugin.xml") as file:
            return file.read(1 << 18).decode("utf-8", "replace")
    except Exception:  # zlib and lzma each have errors of their own, and any bytes may be in there
        return ""


# -- Others ----------------------------------------------------------------------------------------------------------


def emacs(place: Place) -> Iterator[Editor]:
    """Packages of ELPA, by their folders, and those of straight."""
    found: dict[str, str] = {}
    for base in (place.under(".emacs.d"), os.path.join(place.config, "emacs")):
        for folder in names(os.path.join(base, "elpa")):
            package = re.fullmatch(r"([a-z][\w+-]{0,80}?)-(\d[\d.]*)", folder)
            if package:
                found[package[1]] = package[2]
        for folder in names(os.path.join(base, "straight/repos")):
            found.setdefault(safe(folder, 100), "")
    yield Editor(name="emacs", extensions=dict(sorted(found.items())))


def sublime(place: Place) -> Iterator[Editor]:
    """Packages as files, and what Package Control was told to install."""
    base = os.path.join(place.config, "sublime-text")
    asked = mapping(parsed(os.path.join(base, "Packages/User/Package Control.sublime-settings"), 1 << 20))
    found = {safe(name, 100): "" for name in many(asked.get("installed_packages")) if isinstance(name, str)}
    for name in names(os.path.join(base, "Installed Packages"), 500):
        if name.endswith(".sublime-package"):
            found[safe(name.removesuffix(".sublime-package"), 100)] = ""
    yield Editor(name="sublime-text", extensions=dict(sorted(found.items())))


def zed(place: Place) -> Iterator[Editor]:
    """Extensions by their folders."""
    found: dict[str, str] = {}
    for base in (os.path.join(place.data, "zed"), place.under("Library/Application Support/Zed")):
        for name in names(os.path.join(base, "extensions/installed"), 500):
            text = words(os.path.join(base, "extensions/installed", name, "extension.toml"), 1 << 16)
            version = re.search(r'^version[ \t]*=[ \t]*"([^"\n]{1,60})"', text, re.MULTILINE)
            found[safe(name, 100)] = safe(version[1], 60) if version else ""
    yield Editor(name="zed", extensions=dict(sorted(found.items())))


READERS: tuple[Callable[[Place], Iterator[Editor]], ...] = (code, vim, jetbrains, emacs, sublime, zed)
"""Adding an editor is one function, and one word here."""
