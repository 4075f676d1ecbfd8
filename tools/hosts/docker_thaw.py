"""Putting a recorded container back: another one made from the record takes its place, and the old one waits aside.

Whoever is killed on the way leaves a journal in the engine: volume `envsync-thaw-TOKEN` (with what the container's
volumes held, once `…-saved` exists). With `…-done` the new container stays, without it the old one comes back.
"""

from __future__ import annotations

import json
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from ..errors import Damaged, EnvSyncError, Failed, Interrupted, Unreachable
from . import docker_files as files
from . import docker_record as records
from .base import Frozen
from .docker_engine import Engine, mapped
from .docker_freeze import NOW, REPOSITORY, WAS, below, drop, helper, kept, sweep, tidy, unname
from .docker_paths import put_back, said
from .docker_pipe import carried
from .docker_process import ended, mark

SETTLES = 0.3
"""Seconds for which the new container must run before the old one goes."""
SWARM = "com.docker.swarm.task.id"


def thaw(engine: Engine, name: str, frozen: Frozen, paths: Sequence[str] = ()) -> None:
    """See Freezes.thaw."""
    with mapped(engine.address.url):
        repair(engine, frozen.data["name"])
        if name != frozen.data["name"]:
            repair(engine, name)
        info = _found(engine, name) or _found(engine, frozen.data["name"])
        if info is not None and repair(engine, str(info["Name"]).lstrip("/")):
            info = _found(engine, name)
        if info is not None:
            tidy(engine, info["Id"])
        record = kept(engine, frozen)
        if not paths:
            _Swap(engine, frozen, record, info).do()
        elif info is None:
            raise Unreachable(f"there is no container {name!r} any more", "Rewind without paths: that makes it again.")
        else:
            put_back(engine, frozen, record, info, paths)


def _found(engine: Engine, name: str) -> dict[str, Any] | None:
    import docker.errors

    try:
        return engine.api.inspect_container(name)
    except docker.errors.NotFound:
        return None


# -- Wholly -------------------------------------------------------------------------------------------------------


class _Swap:
    """One container taking the place of another."""

    def __init__(self, engine: Engine, frozen: Frozen, record: dict[str, Any], info: dict[str, Any] | None) -> None:
        self.engine, self.frozen, self.record = engine, frozen, record
        self.name = str(info["Name"]).lstrip("/") if info else str(frozen.data["name"])
        self.old = info
        self.token = secrets.token_hex(4)
        self.journal = f"envsync-thaw-{self.token}"

    def do(self) -> None:
        """All of it; on any failure the old container is back when this raises Failed."""
        if self.old and records.table(self.old["Config"].get("Labels")).get(SWARM):
            raise Failed(f"container {self.name} belongs to a swarm service", "Roll the service back instead.")
        api, old = self.engine.api, self.old
        state: dict[str, Any] = old["State"] if old else {}
        fleeting = bool(old and old["HostConfig"].get("AutoRemove"))
        labels = {"envsync.thaw": self.name, "envsync.token": self.token, "envsync.process": mark()}
        labels |= {"envsync.old": old["Id"] if old else "", "envsync.fleeting": "1" if fleeting else ""}
        labels |= {"envsync.running": "1" if state.get("Running") else "", "envsync.paused": ""}
        labels["envsync.volumes"] = json.dumps(self.frozen.data["volumes"])
        api.create_volume(self.journal, labels=labels)
        try:
            if fleeting:
                self._understudy()
            new = self._make(f"{self.name}-envsync-new-{self.token}", self._image(), self.record)
            if old:
                _stop(self.engine, old)
            self._fill()
            if old and not fleeting:
                api.rename(old["Id"], f"{self.name}-envsync-old-{self.token}")
            if fleeting:
                _gone(self.engine, old["Id"] if old else "")
            api.rename(new, self.name)
            if self.record["State"]["Running"]:
                api.start(new)
                self._settle(new)
                if self.record["State"]["Paused"]:
                    api.pause(new)
            api.create_volume(f"{self.journal}-done", labels={"envsync.token": self.token})
        except BaseException as error:
            self._back(error)
            raise
        with suppress(Exception):  # the machine is as it was asked for; what remains is cleared at the next use
            _finish(self.engine, self.journal, labels)

    def _image(self) -> str:
        """The record's image, by the name that a person can read where it still is that one."""
        import docker.errors

        image, name = str(self.frozen.data["image"]), f"{REPOSITORY}:{self.frozen.data['id']}"
        try:
            return name if self.engine.api.inspect_image(name)["Id"] == image else image
        except docker.errors.NotFound:
            return image

    def _back(self, error: BaseException) -> None:
        try:
            journal = self.engine.api.inspect_volume(self.journal)
            _finish(self.engine, self.journal, journal["Labels"])
        except Exception as worse:
            raise Interrupted(
                f"container {self.name} could not be put back ({error}), nor the old one return ({worse})",
                f"Its old self is container {self.name}-envsync-old-{self.token}; the next rewind or snapshot tries again.",
            ) from error
        if isinstance(error, Exception) and not isinstance(error, EnvSyncError):
            with mapped(self.engine.address.url):
                raise error

    def _understudy(self) -> None:
        """A container that removes itself when it is stopped has another one in its place, should it have to come back."""
        assert self.old is not None  # noqa: S101  # only called for one that is there
        made = self.engine.slow.commit(
            self.old["Id"], "envsync/thaw", self.token, pause=bool(self.old["State"]["Running"])
        )
        record: dict[str, Any] = {**self.old, "Networks": self.old["NetworkSettings"]["Networks"], "Volumes": None}
        self._make(f"{self.name}-envsync-old-{self.token}", made["Id"], record)

    def _make(self, name: str, image: str, record: dict[str, Any]) -> str:
        """A container as recorded, not started; its id."""
        api = self.engine.api
        for volume in records.rows(record.get("Volumes")):
            # Gives the one that is there when there is one.
            api.create_volume(volume["Name"], volume["Driver"], volume["Options"] or None, volume["Labels"] or None)
        body, networks = records.recipe(record, image)
        made = str(api.create_container_from_config(body, name)["Id"])
        for network, endpoint in networks.items():
            given = {"EndpointConfig": endpoint, "Container": made}
            # The SDK's own call takes the parts one by one, and not all of them.
            url = api._url("/networks/{0}/connect", network)  # pyright: ignore[reportPrivateUsage]
            api._raise_for_status(api._post_json(url, data=given))  # pyright: ignore[reportPrivateUsage]
        return made

    def _fill(self) -> None:
        """Let the volumes hold what they held; what they hold now is kept until all is done."""
        data, api = self.frozen.data, self.engine.slow
        volumes: list[dict[str, str]] = data["volumes"]
        if not volumes:
            return
        mounts = below(NOW, volumes)
        saved = "/envsync/saved"
        image = data["image"]
        with (
            helper(self.engine, image, {WAS: data["volume"], saved: self.journal}) as ours,
            helper(self.engine, image, mounts) as its,
        ):
            different: list[int] = []
            for index in range(len(volumes)):
                was = files.look(api, ours, f"{WAS}/{index}")
                if not was:
                    raise Damaged(f"the record lacks volume {volumes[index]['name']}", "Rewind to another snapshot.")
                if files.compare(was, files.look(api, its, f"{NOW}/{index}")):
                    different.append(index)
                    files.copy(api, (its, f"{NOW}/{index}"), (ours, saved))
            if not different:
                return
            self.engine.api.create_volume(f"{self.journal}-saved", labels={"envsync.token": self.token})
            for index in different:
                remove = remover(self.engine, image, mounts)
                files.level(api, (ours, f"{WAS}/{index}"), (its, f"{NOW}/{index}"), remove)

    def _settle(self, container: str) -> None:
        until = time.monotonic() + SETTLES
        while time.monotonic() < until:
            state: dict[str, Any] = self.engine.api.inspect_container(container)["State"]
            if not state["Running"] or state.get("Restarting"):
                lines = "; ".join(line for _, line in self.engine.logs(container, 3))
                raise Failed(
                    f"container {self.name} ended with code {state.get('ExitCode')} as soon as it was put back: {lines}",
                    "The one of before is back; this snapshot may lack what it needs outside, e.g. a network.",
                )
            time.sleep(0.05)


def _stop(engine: Engine, info: dict[str, Any]) -> None:
    import docker.errors

    if not info["State"]["Running"]:
        return
    with suppress(docker.errors.NotFound):  # one that removes itself
        if info["State"]["Paused"]:
            engine.api.unpause(info["Id"])
        if _deaf(engine, info):
            engine.api.kill(info["Id"])  # the engine would do that after ten seconds
        engine.slow.stop(info["Id"])


def _deaf(engine: Engine, info: dict[str, Any]) -> bool:
    """Whether its first process surely does not hear the signal to stop, e.g. `sleep`: the kernel keeps from a first
    process what it has no handler for."""
    name = str(info["Config"].get("StopSignal") or "SIGTERM")
    number = getattr(signal, name if name.startswith("SIG") else f"SIG{name}", None)
    if number is None or info["HostConfig"].get("PidMode"):
        return False
    made = engine.api.exec_create(info["Id"], ["cat", "/proc/1/status"], user="0")
    fields = dict(
        line.split(":\t", 1) for line in said(engine.api.exec_start(made["Id"]), 4000).splitlines() if ":\t" in line
    )
    try:
        hears = int(fields["SigCgt"], 16) | int(fields["SigBlk"], 16)
    except (KeyError, ValueError):
        return False
    return not hears & 1 << (int(number) - 1)


def _gone(engine: Engine, container: str) -> None:
    """Wait until a container that removes itself has done so: its name is needed."""
    until = time.monotonic() + 60
    while _found(engine, container) is not None:
        if time.monotonic() > until:
            raise Failed("the container engine does not remove the old container", "Try again.")
        time.sleep(0.02)


def remover(engine: Engine, image: str, mounts: dict[str, str]) -> Callable[[list[str]], None]:
    """Removes paths of volumes by a short-lived container of `image`: the engine has no call for that."""

    def remove(paths: list[str]) -> None:
        import docker.errors

        api = engine.api
        binds = [
            {"Type": "volume", "Source": volume, "Target": path, "VolumeOptions": {"NoCopy": True}}
            for path, volume in mounts.items()
        ]
        for start in range(0, len(paths), 500):
            host = api.create_host_config(mounts=binds, network_mode="none")
            labels = {"envsync.helper": "1", "envsync.process": mark()}
            first, *rest = carried(["rm", "-rf", "--", *paths[start : start + 500]])
            options: dict[str, Any] = {"host_config": host, "labels": labels, "user": "0", "working_dir": "/"}
            made = api.create_container(image, rest, entrypoint=[first], **options)["Id"]
            try:
                try:
                    api.start(made)
                except docker.errors.APIError as error:
                    raise Failed(
                        "files that a volume has now and did not have then cannot be removed: the image has no `rm`",
                        "Remove them by hand, or empty the volume, and try again.",
                    ) from error
                if engine.slow.wait(made)["StatusCode"]:
                    raise Failed(f"files of a volume could not be removed: {said(api.logs(made))}", "Try again.")
            finally:
                with suppress(docker.errors.NotFound):
                    api.remove_container(made, force=True, v=True)

    return remove


# -- After a kill -------------------------------------------------------------------------------------------------


def repair(engine: Engine, name: str) -> bool:
    """Finish or take back what somebody who was killed had begun with a container; whether there was anything."""
    found: list[dict[str, Any]] = records.rows(engine.api.volumes({"label": f"envsync.thaw={name}"})["Volumes"])
    for volume in found:
        labels = volume["Labels"]
        if not ended(labels.get("envsync.process", "")):
            raise Failed(f"container {name} is being put back by another process right now", "Wait until it is done.")
        sweep(engine)
        _finish(engine, volume["Name"], labels)
    return bool(found)


def _finish(engine: Engine, journal: str, labels: dict[str, str]) -> None:
    """Go to one of the two ends of a swap, from wherever it is; may be killed and called again."""
    import docker.errors

    api, name, token = engine.api, labels["envsync.thaw"], labels["envsync.token"]
    aside = f"{name}-envsync-old-{token}"
    if _volume(engine, f"{journal}-done") is None:
        _roll_back(engine, journal, labels, aside)
    else:
        old = _found(engine, aside)
        if old is not None:
            api.remove_container(old["Id"], force=True)
            unname(engine, old["Image"])
    with suppress(docker.errors.NotFound):
        api.remove_image(f"envsync/thaw:{token}", force=not engine.podman)
    # The journal goes before the word that it was done: else a kill between the two would take it all back.
    for volume in (f"{journal}-saved", journal, f"{journal}-done"):
        drop(engine, volume)


def _roll_back(engine: Engine, journal: str, labels: dict[str, str], aside: str) -> None:
    api, name, token = engine.api, labels["envsync.thaw"], labels["envsync.token"]
    fleeting = bool(labels["envsync.fleeting"])
    new, old, current = _found(engine, f"{name}-envsync-new-{token}"), _found(engine, aside), _found(engine, name)
    if new is None and current is not None and current["Id"] != labels["envsync.old"]:
        new, current = current, None
    if new is not None:
        api.remove_container(new["Id"], force=True)
    if _volume(engine, f"{journal}-saved") is not None:
        _refill(engine, journal, json.loads(labels["envsync.volumes"]), (old or current or {}).get("Image", ""))
    if old is not None:
        if fleeting and current is not None and current["State"]["Running"]:
            api.remove_container(old["Id"], force=True)  # it was not stopped yet: nobody has to stand in for it
            old = None
        else:
            if fleeting and current is not None:
                _gone(engine, current["Id"])
            api.rename(old["Id"], name)
    back = old or current
    if back is not None and labels["envsync.running"]:
        api.start(back["Id"])


def _refill(engine: Engine, journal: str, volumes: list[dict[str, str]], image: str) -> None:
    """Let the volumes hold again what they held before they were touched."""
    mounts = below(NOW, volumes)
    with helper(engine, image, {WAS: journal}) as ours, helper(engine, image, mounts) as its:
        for index in range(len(volumes)):
            if files.glance(engine.slow, ours, f"{WAS}/{index}") is not None:
                remove = remover(engine, image, mounts)
                files.level(engine.slow, (ours, f"{WAS}/{index}"), (its, f"{NOW}/{index}"), remove)


def _volume(engine: Engine, name: str) -> dict[str, Any] | None:
    import docker.errors

    try:
        return engine.api.inspect_volume(name)
    except docker.errors.NotFound:
        return None
