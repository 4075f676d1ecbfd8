"""WordPress: a whole site, or a plugin or theme that one loads."""

from __future__ import annotations

import re

from ..draft import Draft

PATTERNS = (
    ("wp-plugin", "Plugin Name:", r"^[ \t/*#]{0,20}(Plugin Name):[ \t]*\S"),
    ("wp-php", "Requires PHP:", r"^[ \t/*#]{0,20}Requires PHP:[ \t]*(\d{1,2}(?:\.\d{1,3}){0,2})"),
    ("wp-site", "wp-", r"\b(wp-blog-header\.php|wp-settings\.php)\b"),
    ("wp-least", "required_php_version", r"\$required_php_version[ \t]*=[ \t]*[\"'](\d{1,2}(?:\.\d{1,3}){0,2})"),
)


def vendored(draft: Draft) -> bool:
    """Whether the folder is a plugin or theme inside a whole site: it came with it, or is part of it."""
    before, inside, _ = f"/{draft.root}/".partition("/wp-content/")
    return bool(inside) and f"{before}/wp-includes/version.php".lstrip("/") in draft.tree.files


def wordpress(draft: Draft) -> bool:
    """Add what WordPress says of itself; whether this is something that it loads."""
    plugins = [hit for hit in draft.hits("wp-plugin") if "/" not in draft.inner(hit.path)]
    sites = [name for name in ("wp-settings.php", "wp-includes/version.php", "wp-load.php") if draft.has(name)]
    if sites:
        draft.framework("WordPress", sites[0], "", 0.95)
        draft.role("backend", 0.9)
        draft.database("mysql", sites[0], "", 0.9)
        for hit in draft.hits("wp-least")[:1]:
            draft.runtime("php", f">={hit.value}", hit.path, f"line {hit.line}")
        return False
    if plugins:
        draft.framework("WordPress", plugins[0].path, "Plugin Name", 0.95)
        for hit in draft.hits("wp-php"):
            if hit.path == plugins[0].path:
                draft.runtime("php", f">={hit.value}", hit.path, "Requires PHP")
        return True
    style = draft.text("style.css")
    if re.search(r"^[ \t/*]{0,20}Theme Name:[ \t]*\S", style, re.MULTILINE):
        draft.framework("WordPress", "style.css", "Theme Name", 0.95)
        if least := re.search(r"^[ \t/*]{0,20}Requires PHP:[ \t]*(\d{1,2}(?:\.\d{1,3}){0,2})", style, re.MULTILINE):
            draft.runtime("php", f">={least[1]}", "style.css", "Requires PHP")
        return True
    bedrock = [hit for hit in draft.hits("wp-site") if hit.path.endswith(("/index.php", "/wp-config.php"))]
    if bedrock:
        draft.framework("WordPress", bedrock[0].path, f"line {bedrock[0].line}", 0.9)
        draft.role("backend", 0.8)
        draft.database("mysql", bedrock[0].path, f"line {bedrock[0].line}", 0.85)
    return False
