"""The step of the .NET provider: restore, or add a package by name."""

from __future__ import annotations

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...plan import Step
from ..index import text
from ..part import digest
from . import grown
from .dotnetfiles import FILES, agrees, results, solution
from .gathered import SKIP, gather
from .grownfiles import absent
from .pysteps import mapping, place, strings
from .toolchain import carried

ENV = {
    "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
    "DOTNET_NOLOGO": "1",
    "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1",
    "DOTNET_GENERATE_ASPNET_CERTIFICATE": "false",
    "DOTNET_CLI_UI_LANGUAGE": "en",
    "MSBUILDDISABLENODEREUSE": "1",  # a build server would stay behind
}


class DotNet:
    """`dotnet`: root, key, targets (file by mode: locked, open), expect (version by name that must be restored), add
    (name, version), project. Covered; see grown for the packages' folder."""

    name = "dotnet"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        root, key = place(step, "root", context), str(step.args["key"])
        data: dict[str, JsonValue] = {"code": 0}
        for name, wanted in mapping(step.args.get("locks", {})).items():
            if digest(await text(context.host, root / name, 64 * 1024 * 1024)) != wanted:
                raise Failed(f"{name} changed after the plan was made", "Nothing was changed. Ask again.")
        if words := strings(step.args.get("add", [])):
            argv = ["dotnet", "add", f"./{step.args['project']}", "package", words[0], "--version", words[1]]
            data = await carried(argv, step, context, cwd=root, env=ENV)
        for target, mode in mapping(step.args.get("targets", {})).items():
            argv = ["dotnet", "restore", f"./{target}", *(["--locked-mode"] if mode == "locked" else [])]
            hint = (
                "A lock and its project disagree: run `dotnet restore --force-evaluate` to settle it, then ask again."
            )
            data = await carried(argv, step, context, cwd=root, env=ENV, hint=hint if mode == "locked" else "")
        needed = await needs(str(root), step.args.get("expect"), context)
        if needed is None:
            raise Failed(
                "restore ended well, but its result is not what the projects ask for", "See `dotnet restore` itself."
            )
        return {**data, "files": await grown.finished(key, needed, context)}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        needed = await needs(str(place(step, "root", context)), step.args.get("expect"), context)
        return needed is not None and not await context.host.call(absent, needed)


async def needs(root: str, expect: JsonValue, context: Context) -> list[str] | None:
    """The files of packages that the restored projects need; None when one is not restored as it is now."""
    found = solution(await context.host.call(gather, root, FILES, sorted(SKIP)))
    known = await context.host.call(results, root)
    paths: set[str] = set()
    for project in found.projects:
        restored = known.get(f"{root}/{project}")
        if restored is None or not agrees(restored, found.packages(project, sure=True)):
            return None
        paths.update(restored.files)
    endings = {f"{name}.{version}.nupkg.sha512".lower() for name, version in mapping(expect or {}).items()}
    return None if endings - {path.rpartition("/")[2] for path in paths} else sorted(paths)
