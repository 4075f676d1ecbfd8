"""The step of the PHP provider: run composer without scripts and plugins, and check what lies in vendor."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...plan import Step
from ..index import text
from ..part import digest
from .folders import links
from .phpfiles import installed
from .pysteps import mapping, place, strings
from .toolchain import carried

ENV = {
    "COMPOSER": "composer.json",
    "COMPOSER_ALLOW_SUPERUSER": "1",
    "COMPOSER_NO_INTERACTION": "1",
    "COMPOSER_NO_AUDIT": "1",
    "NO_COLOR": "1",
}
OPTIONS = ("--no-scripts", "--no-plugins", "--no-interaction", "--no-progress")
HINTS = (
    (r"(?s)lock file.*(?:not up to date|not present|does not satisfy|does not contain)|not present in the lock file",
     "composer.json and composer.lock disagree: run `composer update NAME` for what it names, then ask again."),
    (r"requires (?:php|ext-)|missing from your system", "Install what it names (Debian: php-NAME), then ask again."),
    (r"Your requirements could not be resolved|--with-all-dependencies",
     "No versions fit together: correct the constraints in composer.json, then ask again."),
    (r"zip extension and unzip", "Install unzip (Debian: unzip), then ask again."),
)  # fmt: skip


class ComposerStep:
    """`composer`: root, vendor (relative to it), verb (install, require), words (`name:constraint`), dev, files (digests by
    name), lock (whether one must be there afterwards), expect (version by name), changes."""

    name = "composer"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        root, vendor = place(step, "root", context), Path(str(step.args["vendor"]))
        if vendor.is_absolute() or ".." in vendor.parts:
            raise Failed(f"{vendor} lies outside the project", "Make the plan again.")
        blocked = await context.host.call(links, str(root), list(vendor.parts))
        if blocked:
            raise Failed(f"{blocked} is no directory of the project", "What lies there could not be taken back.")
        words = strings(step.args.get("words", []))
        begun = bool(words) and await _begun(root, words, context)
        for name, wanted in mapping(step.args.get("files", {})).items():
            if not begun and digest(await text(context.host, root / name, 64 * 1024 * 1024)) != wanted:
                raise Failed(f"{name} changed after the plan was made", "Nothing was changed. Ask again.")
        argv = ["composer", str(step.args["verb"]), *OPTIONS]
        if words:
            argv += [*(["--dev"] if step.args.get("dev") else []), "--", *words]
        return await carried(
            argv, step, context, cwd=root, env={**ENV, "COMPOSER_VENDOR_DIR": str(vendor)}, hints=HINTS
        )

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        root = place(step, "root", context)
        there, ended = await context.host.call(installed, str(root / str(step.args["vendor"])))
        words = strings(step.args.get("words", []))
        if words and not await _begun(root, words, context):
            return False
        if step.args.get("lock") and await context.host.stat(root / "composer.lock") is None:
            return False
        expect = mapping(step.args.get("expect", {}))
        return ended and all(name in there and version in ("", there[name]) for name, version in expect.items())


async def _begun(root: Path, words: list[str], context: Context) -> bool:
    """Whether composer.json has all that is to be added, as when a run was killed after it was changed."""
    try:
        data: Any = json.loads(await text(context.host, root / "composer.json"))
    except ValueError:
        return False
    tables = (
        [cast(dict[str, Any], data).get(key) for key in ("require", "require-dev")] if isinstance(data, dict) else []
    )
    named = {
        name.lower(): wanted
        for each in tables
        if isinstance(each, dict)
        for name, wanted in cast(dict[str, Any], each).items()
    }
    pairs = [re.split(r":", word, maxsplit=1) for word in words]
    return all(pair[0] in named and (len(pair) == 1 or named[pair[0]] == pair[1]) for pair in pairs)
