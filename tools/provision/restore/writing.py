"""The steps of an export: write the file, and take it away again."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from pydantic import JsonValue

from ...contract import Context
from ...errors import Failed, Usage
from ...hosts.here import here
from ...plan import Step
from ...portable import export
from ...portable.file import content, dump, load


class Write:
    """`fingerprint-write`: file (absolute, on this machine), dotfiles (names below the home directory)."""

    name = "fingerprint-write"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """Returns `file`, `bytes` and `left_out`. Raises Usage when a dotfile holds a secret by now."""
        path = Path(str(step.args["file"]))
        names = step.args.get("dotfiles")
        portable = await export.make(context, [str(name) for name in names] if isinstance(names, list) else [])
        made = dump(portable, plain=path.suffix == ".json")
        await here(_new, path, made)
        return {"file": str(path), "bytes": len(made), "left_out": list[JsonValue](portable.left_out[:50])}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return await here(_ours, Path(str(step.args["file"])))


class Remove:
    """`fingerprint-remove`: file. Removes it when it is an export; anything else that has its name by now stays."""

    name = "fingerprint-remove"

    async def do(self, step: Step, context: Context) -> dict[str, JsonValue]:
        """See StepKind.do."""
        path = Path(str(step.args["file"]))
        if not await here(os.path.lexists, path):
            return {}
        if not await here(_ours, path):
            raise Failed(f"{path} is no fingerprint any more", "It was left as it is.")
        await here(os.unlink, path)
        return {}

    async def holds(self, step: Step, context: Context) -> bool | None:
        """See StepKind.holds."""
        return not await here(os.path.lexists, Path(str(step.args["file"])))


def _ours(path: Path) -> bool:
    try:
        load(content(path), str(path))
    except (Usage, Failed):
        return False
    return True


def _new(path: Path, made: bytes) -> None:
    """Write a file that must not be there yet, readable by its owner only: complete, or not at all."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".envsync-")
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror or error}", "Name another place.") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)
        except OSError as error:
            # Not every file system has links; what is there by now is not written over all the same.
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS) or os.path.lexists(path):
                raise
            os.rename(name, path)
    except FileExistsError:
        if not _ours(path):
            raise Failed(f"{path} was made by somebody else meanwhile", "Name another file.") from None
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror or error}", "Name another place.") from None
    finally:
        with suppress(OSError):
            os.unlink(name)


STEPS = (Write(), Remove())
