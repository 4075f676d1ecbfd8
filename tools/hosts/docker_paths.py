"""Only some paths of a recorded container put back, in the container as it is."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import Failed
from . import docker_files as files
from . import docker_record as records
from .base import Frozen
from .docker_engine import Engine
from .docker_freeze import NOW, WAS, below, helper, join, present
from .docker_pipe import carried


def put_back(
    engine: Engine, frozen: Frozen, record: dict[str, Any], info: dict[str, Any], paths: Sequence[str]
) -> None:
    """Put these back in the container as it is; what was done already is taken back when one of them fails."""
    data, remove = frozen.data, _exec_remover(engine, info)
    wanted = [posixpath.normpath(path) for path in paths]
    away = records.outside(info) + records.outside(record)
    now = present(engine, info, data["volumes"])
    for path in wanted:
        bound = [m["Destination"] for m in records.rows(info.get("Mounts")) if m.get("Type") != "volume"]
        if not path.startswith("/") or any(_within(path, mount) for mount in bound):
            raise Failed(
                f"{path} is not in the snapshot: it is not part of the container", "Put it back on its own host."
            )
    image, undo = data["image"], files.Undo()
    with (
        helper(engine, image, {WAS: data["volume"]}) as ours,
        helper(engine, image, below(NOW, now)) as its,
        undo,
    ):
        for path in wanted:
            for index, volume in enumerate(data["volumes"]):
                inside = _within(path, volume["path"])
                if now[index]["name"] and (inside or _within(volume["path"], path)):
                    rest = path.removeprefix(volume["path"]) if inside else ""
                    was, target = f"{WAS}/{index}", f"{NOW}/{index}"
                    _reach(engine, (ours, was), (its, target), rest)
                    moved = _moved(remove, target, volume["path"])
                    files.level(engine.slow, (ours, was + rest), (its, target + rest), moved, undo=undo)
            if not any(_within(path, mount) for mount in away):
                _reach(engine, (ours, ""), (info["Id"], ""), path)

                def left(rest: str, path: str = path) -> bool:
                    return records.foreign(join(path, rest), [*away, "/envsync"])

                files.level(engine.slow, (ours, path), (info["Id"], path), remove, left, undo)


def _within(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")


def _moved(remove: Callable[[list[str]], None], seen: str, real: str) -> Callable[[list[str]], None]:
    """Remove in the container what a helper sees at another place."""
    return lambda paths: remove([posixpath.normpath(real + path.removeprefix(seen)) for path in paths])


def _reach(engine: Engine, source: tuple[str, str], target: tuple[str, str], path: str) -> None:
    """See that the directories above a path are what they were: make those that are gone, refuse one that has become
    something else, since what is put below a link lands wherever that leads."""
    parts = path.strip("/").split("/")[:-1]
    for end in range(1, len(parts) + 1):
        above = "/" + "/".join(parts[:end])
        was = files.kind(engine.slow, source[0], source[1] + above)
        now = files.kind(engine.slow, target[0], target[1] + above)
        if was == "directory" and not now:
            chunk = files.alone(files.archive(engine.slow, source[0], source[1] + above), target[1] + above)
            engine.slow.put_archive(target[0], "/", chunk)
        elif was and was != now:
            raise Failed(
                f"{above} has become something else since the snapshot", f"Rewind {above} itself, or everything."
            )
        elif not was:
            return


def _exec_remover(engine: Engine, info: dict[str, Any]) -> Callable[[list[str]], None]:
    """Removes paths in a running container, by whatever there is in it."""

    def remove(paths: list[str]) -> None:
        if not info["State"]["Running"]:
            raise Failed(
                f"{paths[0]} was not there then, and cannot be removed from a container that does not run",
                f"Start it (docker start {str(info['Name']).lstrip('/')}) and try again, or rewind without paths.",
            )
        script = "import shutil,os,sys\nfor p in sys.argv[1:]:\n (shutil.rmtree if os.path.isdir(p) and not os.path.islink(p) else os.unlink)(p)"
        told = ""
        for start in range(0, len(paths), 500):
            for words in (["rm", "-rf", "--"], ["busybox", "rm", "-rf", "--"], ["python3", "-c", script]):
                made = engine.api.exec_create(info["Id"], carried([*words, *paths[start : start + 500]]), user="0")
                told = said(engine.slow.exec_start(made["Id"]))
                code = engine.api.exec_inspect(made["Id"])["ExitCode"]
                if code not in (126, 127):
                    break
            else:
                raise Failed(
                    "there is no `rm` in the container to remove what was not there then", "Rewind without paths."
                )
            if code:
                raise Failed(f"what was not there then could not be removed: {told}", "Rewind without paths.")

    return remove


def said(output: bytes, most: int = 300) -> str:
    """The end of what a program printed, as text."""
    return output.decode("utf-8", "backslashreplace").strip()[-most:]
