"""Installing a Debian package of a server without a server of the whole machine coming to life with it."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed
from ...plan import Step
from ..part import Part, command, tail

POLICY = "/usr/sbin/policy-rc.d"
CLUSTERS = "/etc/postgresql-common/createcluster.d/envsync.conf"
MARK = "# envsync: while the package of a server is installed; removed right after"
# policy-rc.d is Debian's own way to say so (invoke-rc.d asks it, also under systemd); one that is there already is
# somebody else's and stays. PostgreSQL's package would also make a cluster, unless it is told not to.
_ON = f"""set -e
[ -e "$1" ] || {{ printf '#!/bin/sh\\n{MARK}\\nexit 101\\n' >"$1.part"; chmod 755 "$1.part"; mv "$1.part" "$1"; }}
[ -e "$2" ] || {{ mkdir -p "${{2%/*}}"; printf '{MARK}\\ncreate_main_cluster = false\\n' >"$2"; }}
"""
_OFF = f"""for each in "$1" "$2"; do
if [ -f "$each" ] && grep -qxF '{MARK}' "$each"; then rm -f "$each"; fi
done
rmdir "${{2%/*}}" "$(dirname "${{2%/*}}")" 2>/dev/null
shift 2
for each in "$@"; do
if command -v systemctl >/dev/null 2>&1; then systemctl disable --quiet "$each" 2>/dev/null; fi
if [ -e "/etc/init.d/$each" ]; then update-rc.d "$each" disable >/dev/null 2>&1; fi
done
:
"""


def around(part: Part, units: tuple[str, ...]) -> Part:
    """The steps that install packages, between two that keep what comes with them from running, now and at a start of
    the machine."""
    off = Step(kind="service-quiet", does="let packages start servers again", args={"on": False})
    on = Step(kind="service-quiet", does="keep packages from starting servers", args={"on": True}, inverse=(off,))
    after: dict[str, JsonValue] = {"on": False, "units": list[JsonValue](units)}
    last = Step(
        kind="service-quiet",
        does=f"keep the machine's own {units[0]} from starting by itself",
        args=after,
        inverse=(off,),
    )
    part.steps = [on, *part.steps, last]
    return part


class QuietStep:
    """`service-quiet`: forbid packages to start servers (`on`), or allow it again and disable those of `units`."""

    name = "service-quiet"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        units = step.args.get("units", [])
        words = [str(unit) for unit in units] if isinstance(units, list) else []
        script = _ON if step.args["on"] else _OFF
        argv = [*await _root(context), "sh", "-c", script, "sh", POLICY, CLUSTERS, *words]
        done = await command(context, argv, step.does, cwd=Path("/"), timeout=120)
        if done.code:
            raise Failed(f"{step.does} failed: {tail(done)}", "Nothing was installed by it.")
        return {"code": 0}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        if step.args["on"]:
            return await context.host.stat(Path(POLICY)) is not None
        done = await context.host.run(["grep", "-lsxF", MARK, POLICY, CLUSTERS], timeout=30, cwd=Path("/"))
        return not done.stdout.strip()


async def _root(context: Context) -> list[str]:
    """How a command becomes root where apt's do, which asked already whether it can."""
    uid = (await context.host.info()).uid
    return [] if uid == 0 else ["sudo", "-n"]
