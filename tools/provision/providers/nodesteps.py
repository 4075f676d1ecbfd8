"""The step of the Node provider: run the project's package manager, and check what lies in node_modules."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...plan import Step
from ..index import text
from ..part import command, digest, tail
from .nodefiles import plugged, versions
from .pysteps import mapping, place, strings

ENV = {
    "NO_UPDATE_NOTIFIER": "1",
    "NO_COLOR": "1",
    "CI": "1",
    "NODE_ENV": "development",  # production would leave out what tests and builds need
    "npm_config_fund": "false",
    "npm_config_audit": "false",
}
_FROZEN = {
    "npm": ["ci", "--ignore-scripts"],
    "pnpm": ["install", "--frozen-lockfile", "--ignore-scripts"],
    "yarn": ["install", "--frozen-lockfile", "--ignore-scripts", "--non-interactive"],
    "berry": ["install", "--immutable", "--mode=skip-build"],
    "bun": ["install", "--frozen-lockfile", "--ignore-scripts"],
}
_OPEN = {
    "npm": ["install", "--ignore-scripts", "--prefer-offline"],
    "pnpm": ["install", "--ignore-scripts"],
    "yarn": ["install", "--ignore-scripts", "--non-interactive"],
    "berry": ["install", "--mode=skip-build"],
    "bun": ["install", "--ignore-scripts"],
}
_ADD = {
    "npm": ["install", "--ignore-scripts", "--prefer-offline", "--save"],
    "pnpm": ["add", "--ignore-scripts"],
    "yarn": ["add", "--ignore-scripts", "--non-interactive"],
    "berry": ["add", "--mode=skip-build"],
    "bun": ["add", "--ignore-scripts"],
}
_DEFAULT = {"pnpm": "9", "yarn": "1", "bun": "1"}
"""The line of a manager that is fetched when it is not installed and the project names no version."""


class NodeStep:
    """`node`: root, manager, pinned, linked, verb (frozen, open, add, rebuild, postinstall), words, expect (version by path), changes."""

    name = "node"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        root = place(step, "root", context)
        entry = await context.host.stat(root / "node_modules")
        if entry is not None and entry.kind != "directory":
            raise Failed(
                f"{root / 'node_modules'} is a {entry.kind}, no directory",
                "What lies behind it could not be taken back. Remove it, then ask again.",
            )
        manager, verb = str(step.args["manager"]), str(step.args["verb"])
        for name, wanted in mapping(step.args.get("lock", {})).items() if verb == "frozen" else ():
            if digest(await text(context.host, root / name, 64 * 1024 * 1024)) != wanted:
                raise Failed(f"{name} changed after the plan was made", "Nothing was changed. Ask again.")
        argv = [*await _program(manager, str(step.args.get("pinned") or ""), context)]
        words = strings(step.args.get("words", []))
        match verb:
            case "frozen":
                argv += _FROZEN[manager]
            case "open":
                argv += _OPEN[manager]
            case "add":
                argv += [*_ADD[manager], *(["--"] if manager == "npm" else []), *words]
            case "rebuild":
                argv = ["npm", "rebuild", "--", *words]
            case _:
                argv += ["run", "postinstall"]
        env = {**ENV, "COREPACK_ENABLE_STRICT": "0"}
        done = await command(context, argv, step.does, cwd=root, env=env)
        if done.code != 0:
            said = tail(done)
            if re.search(
                r"can only install with an existing package-lock|Missing: .* from lock file|not in sync", said
            ):
                hint = "package.json and its lockfile disagree: run `npm install` to settle it, then ask again."
            else:
                hint = "Ask again to retry; what the message names may have to be installed first."
            raise Failed(f"{' '.join(argv[:2])} failed: {said}", hint)
        return {"code": 0, "seconds": round(done.seconds, 1)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        expect = mapping(step.args.get("expect", {}))
        if step.args["verb"] in ("rebuild", "postinstall"):
            return None
        look = versions if step.args.get("linked", True) else plugged
        there = await context.host.call(look, str(place(step, "root", context)), list(expect))
        return all(path in there and version in ("", there[path]) for path, version in expect.items())


async def _program(manager: str, pinned: str, context: Context) -> list[str]:
    """How a package manager is started; one that is not installed is run through npm, which leaves nothing behind on PATH."""
    name = "yarn" if manager == "berry" else manager
    done = await context.host.run([name, "--version"], timeout=30, cwd=Path("/"), env=ENV)
    fits = not pinned or done.text.strip().split(".")[0] == pinned.split(".")[0]
    if name == "npm" or (
        done.code == 0 and fits and (name != "yarn" or done.text.startswith("1.") is (manager == "yarn"))
    ):
        return [name]
    package = "@yarnpkg/cli-dist" if manager == "berry" else name
    version = pinned or _DEFAULT.get(name, "latest") if manager != "berry" else pinned or "latest"
    return ["npm", "exec", "--yes", f"--package={package}@{version}", "--", name]
