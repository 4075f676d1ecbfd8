"""Containers recorded whole and put back: the changed layer as an image, the volumes as copies, the settings as a label.

All of a record lies in the engine, under names made from the snapshot's id: image `envsync/snapshot:ID` and volume
`envsync-snapshot-ID`, whose label `envsync.record` has the settings and whose directories 0, 1, … have the volumes'
content. The image carries no label of ours: a container made from it would inherit it, and pass for one of ours.
"""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import Damaged, Failed, Usage
from . import docker_files as files
from . import docker_record as records
from .base import Frozen, Touched
from .docker_engine import Engine, mapped
from .docker_process import ended, mark

REPOSITORY = "envsync/snapshot"
DEEP = 100
"""Layers above which a record is made flat: an engine refuses more than 127."""
FEW = 16
"""Paths up to which each is looked at alone, at 40 ms each; beyond, the whole file system is read once, at 200 MB/s."""
MOST = 10_000
"""Differences that are listed at most."""
STARTS = 5.0
"""Seconds that a program may take to start in a container; what was made and never started is not waited for."""
WAS, NOW = "/envsync/was", "/envsync/now"
"""Where a helper container that never runs has a record's volume and the container's own volumes."""


def freeze(engine: Engine, name: str, id: str, *, deep: int = DEEP) -> Frozen:
    """See Freezes.freeze. The container is held still meanwhile; at `deep` layers the record is made flat."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}", id):
        raise Usage(f"{id!r} cannot name a snapshot in a container engine", "Use letters, digits, `.`, `_` and `-`.")
    info = engine.inspect(name)
    with mapped(engine.address.url):
        tidy(engine, info["Id"])
        discard(engine, id)
        info = engine.inspect(info["Id"])
        mounted, image = records.volumes(info), engine.api.inspect_image(info["Image"])
        # Podman's archive calls write beside a volume that is mounted in a container which does not run.
        found = [] if engine.podman else mounted
        flat = len(image["RootFS"].get("Layers") or []) >= deep
        try:
            with _still(engine, info, id, bool(found) or flat) as paused:
                changed = records.roots(engine.slow.diff(info["Id"]), records.outside(info))
                packed = records.pack(
                    info,
                    [engine.api.inspect_volume(each["name"]) for each in mounted],
                    list(changed.items()) if len(changed) <= FEW else None,
                )
                labels = {"envsync.snapshot": id, "envsync.record": packed}
                volume = engine.api.create_volume(f"envsync-snapshot-{id}", labels=labels)["Name"]
                made, moved = _layer(engine, info, id, flat), 0
                if found:
                    with helper(engine, made, below(NOW, found)) as its, helper(engine, made, {WAS: volume}) as ours:
                        for index in range(len(found)):
                            moved += files.copy(engine.slow, (its, f"{NOW}/{index}"), (ours, WAS))
            size = engine.api.inspect_image(made)["Size"] - (0 if flat else image["Size"])
            others: list[dict[str, Any]] = engine.api.containers(all=True)
        except BaseException:
            with suppress(Exception):
                discard(engine, id)
            raise
    notices = records.notices(info, others)
    if engine.podman:
        notices += tuple(f"{each['path']} is not in it: volumes are not recorded with Podman" for each in mounted)
    if not paused:
        notices += ("it ran on while it was recorded: this engine cannot pause it",)
    data: dict[str, Any] = {"id": id, "name": info["Name"].lstrip("/"), "container": info["Id"], "image": made}
    data |= {"volume": volume, "volumes": found}
    return Frozen("container", data, max(0, size) + moved, notices)


def _layer(engine: Engine, info: dict[str, Any], id: str, flat: bool) -> str:
    """The container's file system as an image; its id."""
    if flat:
        engine.slow.import_image_from_stream(engine.slow.export(info["Id"], chunk_size=files.CHUNK), REPOSITORY, tag=id)
        return str(engine.api.inspect_image(f"{REPOSITORY}:{id}")["Id"])
    running = bool(info["State"]["Running"])
    made = engine.slow.commit(info["Id"], REPOSITORY, id, f"snapshot {id}", "envsync", pause=running)
    return str(engine.api.inspect_image(made["Id"])["Id"])


@contextmanager
def _still(engine: Engine, info: dict[str, Any], id: str, needed: bool) -> Generator[bool]:
    """Hold the container still; gives whether it is. The engine itself does so for a commit alone.

    A marker stands in the engine before it is paused: when we are killed, whoever comes next lets it run on.
    """
    import docker.errors

    state = info["State"]
    if not state["Running"] or state["Paused"]:
        yield True
        return
    _quiet(engine, info["Id"])
    if not needed:
        yield True
        return
    labels = {"envsync.paused": info["Id"], "envsync.process": mark()}
    name = f"envsync-paused-{id}"
    engine.api.create_volume(name, labels=labels)
    paused = False
    try:
        with suppress(docker.errors.APIError):
            engine.api.pause(info["Id"])
            paused = True
        yield paused
    finally:
        if paused:
            with suppress(docker.errors.APIError):
                engine.api.unpause(info["Id"])
        engine.api.remove_volume(name, force=True)


def _quiet(engine: Engine, container: str) -> None:
    """Wait until no program is just being started in it: one that is caught half-way by a pause blocks the engine's
    hold on the container for good (runc 1.1 with cgroups of version 1)."""
    import docker.errors

    until = time.monotonic() + STARTS
    while time.monotonic() < until:
        starting = False
        for each in records.rows(engine.inspect(container).get("ExecIDs")):
            with suppress(docker.errors.APIError):
                program: dict[str, Any] = engine.api.exec_inspect(each)
                starting |= not program.get("Pid") and program.get("ExitCode") is None
        if not starting:
            return
        time.sleep(0.02)


def sweep(engine: Engine) -> None:
    """Remove the helpers of those who were killed."""
    for row in engine.api.containers(all=True, filters={"label": "envsync.helper"}):
        if ended(records.table(row.get("Labels")).get("envsync.process", "")):
            _remove(engine, row["Id"])


def tidy(engine: Engine, container: str) -> None:
    """Clear what somebody who was killed left: let the container run on that was paused, remove helpers."""
    import docker.errors

    sweep(engine)
    volumes: list[dict[str, Any]] = engine.api.volumes({"label": f"envsync.paused={container}"})["Volumes"] or []
    for volume in volumes:
        if ended(volume["Labels"].get("envsync.process", "")):
            with suppress(docker.errors.APIError):
                engine.api.unpause(container)
            engine.api.remove_volume(volume["Name"], force=True)


@contextmanager
def helper(engine: Engine, image: str, mounts: Mapping[str, str]) -> Generator[str]:
    """A container that never runs, by which the engine's archive calls reach an image and volumes (by where they are
    mounted in it). Gives its id.

    What is read from one can only be written to another: the engine locks a container for as long as it reads it.
    """
    binds = [_mount(volume, path) for path, volume in mounts.items()]
    host = engine.api.create_host_config(mounts=binds, network_mode="none")
    labels = {"envsync.helper": "1", "envsync.process": mark()}
    made = engine.api.create_container(image, ["-"], entrypoint=["-"], host_config=host, labels=labels)["Id"]
    try:
        yield str(made)
    finally:
        _remove(engine, str(made))


def below(root: str, found: Sequence[dict[str, str]]) -> dict[str, str]:
    return {f"{root}/{index}": volume["name"] for index, volume in enumerate(found) if volume["name"]}


def _mount(volume: str, path: str) -> dict[str, Any]:
    return {"Type": "volume", "Source": volume, "Target": path, "VolumeOptions": {"NoCopy": True}}


def _remove(engine: Engine, container: str) -> None:
    import docker.errors

    with suppress(docker.errors.NotFound):
        # Its anonymous volumes are those of the image, made new and empty with it.
        engine.api.remove_container(container, force=True, v=True)


def drop(engine: Engine, volume: str) -> None:
    """Remove a volume of ours, also when a helper still holds it; one that is gone is no error."""
    import docker.errors

    until = time.monotonic() + STARTS
    while True:
        # What somebody who was killed had asked for last may be made only now.
        sweep(engine)
        try:
            engine.api.remove_volume(volume, force=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code != 409 or time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def discard(engine: Engine, id: str) -> None:
    """Free what a snapshot takes, and what is left of making it."""
    import docker.errors

    drop(engine, f"envsync-snapshot-{id}")
    try:
        # By its name only: a container that was put back from it keeps the layers, nameless, for as long as it lives.
        # Podman would remove that container with it when forced: there the image stays until the container goes.
        engine.api.remove_image(f"{REPOSITORY}:{id}", force=not engine.podman)
    except docker.errors.APIError as error:
        if error.status_code != 404 and not (engine.podman and error.status_code in (409, 500)):
            raise


def unname(engine: Engine, image: str) -> None:
    """Free an image of ours that was forgotten while a container lived from it, now that that one is gone."""
    import docker.errors

    with suppress(docker.errors.APIError):
        info: dict[str, Any] = engine.api.inspect_image(image)
        if info.get("Author") == "envsync" and not info.get("RepoTags"):
            engine.api.remove_image(image)


def kept(engine: Engine, frozen: Frozen) -> dict[str, Any]:
    """The settings of a recorded container. Raises Failed when the record is gone, Damaged when it is another one's."""
    import docker.errors

    data = frozen.data
    try:
        engine.api.inspect_image(data["image"])
        volume: dict[str, Any] = engine.api.inspect_volume(data["volume"])
    except docker.errors.NotFound:
        raise Failed(
            f"the container engine no longer has snapshot {data['id']} of container {data['name']}",
            "It was removed there (docker prune?): take a new snapshot, or rewind to another one.",
        ) from None
    labels = records.table(volume.get("Labels"))
    if labels.get("envsync.snapshot") != data["id"]:
        raise Damaged(f"volume {data['volume']} is not the one of snapshot {data['id']}", "Take a new snapshot.")
    return records.unpack(labels.get("envsync.record", ""))


# -- What differs -------------------------------------------------------------------------------------------------


def differs(engine: Engine, name: str, frozen: Frozen) -> list[Touched]:
    """See Freezes.differs. At most MOST are listed."""
    info = engine.inspect(name)
    with mapped(engine.address.url):
        tidy(engine, info["Id"])
        record = kept(engine, frozen)
        away = records.outside(info) + records.outside(record)
        volumes, image = frozen.data["volumes"], frozen.data["image"]
        now = present(engine, info, volumes)
        with helper(engine, image, {WAS: frozen.data["volume"], **below(NOW, now)}) as helping:
            found = _own(engine, info, frozen, record, helping, away)
            for index, volume in enumerate(volumes):
                was = files.look(engine.slow, helping, f"{WAS}/{index}")
                after = files.look(engine.slow, helping, f"{NOW}/{index}") if now[index]["name"] else {}
                found += [Touched(join(volume["path"], each.path), each.how) for each in files.compare(was, after)]
    return sorted(found, key=lambda each: each.path)[:MOST]


def _own(
    engine: Engine, info: dict[str, Any], frozen: Frozen, record: dict[str, Any], helping: str, away: list[str]
) -> list[Touched]:
    """What differs in the container's own file system."""
    looks: dict[str, bool] | None = None
    if info["Image"] == frozen.data["image"]:
        looks = records.roots(engine.slow.diff(info["Id"]), away)
    elif info["Id"] == frozen.data["container"] and record.get("Changed") is not None:
        looks = dict(record["Changed"])
        for path, whole in records.roots(engine.slow.diff(info["Id"]), away).items():
            looks[path] = looks.get(path, False) or whole
    if looks is None or len(looks) > FEW:
        sides = (engine.slow.export(each, chunk_size=files.CHUNK) for each in (helping, info["Id"]))
        was, now = (files.entries(side) for side in sides)
        return [each for each in files.compare(was, now) if not records.foreign(each.path, [*away, "/envsync"])]
    found: dict[str, Touched] = {}
    for path, whole in looks.items():
        sides = [None if whole else files.glance(engine.slow, each, path) for each in (helping, info["Id"])]
        kinds = {side.kind for side in sides if side is not None}
        if whole or ("directory" in kinds and len(kinds) == 2):
            all_below = (files.look(engine.slow, container, path) for container in (helping, info["Id"]))
            was, now = ({join(path, rest): entry for rest, entry in side.items()} for side in all_below)
        else:
            was, now = ({path: side} if side is not None else {} for side in sides)
        found |= {each.path: each for each in files.compare(was, now) if not records.foreign(each.path, away)}
    return list(found.values())


def present(engine: Engine, info: dict[str, Any] | None, volumes: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The volumes that are now where a record has these: what is mounted there, else the one of that name; no name
    where there is none any more."""
    import docker.errors

    mounted = {volume["path"]: volume["name"] for volume in records.volumes(info or {})}
    found: list[dict[str, str]] = []
    for volume in volumes:
        name = mounted.get(volume["path"], volume["name"])
        try:
            engine.api.inspect_volume(name)
        except docker.errors.NotFound:
            name = ""
        found.append({"name": name, "path": volume["path"]})
    return found


def join(top: str, below: str) -> str:
    return top if below == "/" else posixpath.normpath(top + below)
