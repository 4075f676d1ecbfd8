"""What makes a container that container, beside its files: recorded in the engine, and used to make it again."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from ..errors import Damaged

SELF = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/.dockerenv", "/run/.containerenv"}
"""Files that the engine makes for each container."""
LIVE = ("/dev", "/proc", "/sys")


def rows(value: Any) -> list[Any]:
    """A list of the engine's, which says null for an empty one."""
    return list(value) if value else []


def table(value: Any) -> dict[str, Any]:
    """Likewise for a table."""
    return dict(value) if value else {}


def pack(info: dict[str, Any], made: list[dict[str, Any]], changed: list[Any] | None) -> str:
    """An inspected container (with its volumes, and what `roots` gave) as one string for a label. It holds the
    environment, so it stays in the engine, which has that anyway, and never comes into a record of ours."""
    kept = {key: info.get(key) for key in ("Id", "Name", "Image", "Config", "HostConfig", "Mounts")}
    kept["State"] = {key: info["State"].get(key) for key in ("Running", "Paused")}
    kept["Changed"] = changed
    kept["Volumes"] = [{key: each.get(key) for key in ("Name", "Driver", "Options", "Labels")} for each in made]
    kept["Networks"] = table(table(info.get("NetworkSettings")).get("Networks"))
    return base64.b64encode(zlib.compress(json.dumps(kept, separators=(",", ":")).encode())).decode()


def unpack(packed: str) -> dict[str, Any]:
    """The reverse of `pack`. Raises Damaged."""
    try:
        return json.loads(zlib.decompress(base64.b64decode(packed)))
    except (ValueError, zlib.error) as error:
        raise Damaged("the engine's record of the container does not read", "Take a new snapshot.") from error


def volumes(info: dict[str, Any]) -> list[dict[str, str]]:
    """Its volumes, named or not, in a fixed order: `name` and `path` where they are mounted."""
    found = [mount for mount in rows(info.get("Mounts")) if mount.get("Type") == "volume" and mount.get("Name")]
    return sorted(({"name": m["Name"], "path": m["Destination"]} for m in found), key=lambda v: (v["path"], v["name"]))


def outside(info: dict[str, Any]) -> list[str]:
    """Where something is mounted that is not its own file system: volumes, bound directories, tmpfs."""
    tmpfs = list(table(table(info.get("HostConfig")).get("Tmpfs")))
    return sorted({str(mount["Destination"]).rstrip("/") for mount in rows(info.get("Mounts"))} | set(tmpfs))


def foreign(path: str, mounts: list[str]) -> bool:
    """Whether a path is none of the container's own files: the engine's, the kernel's, or below a mount."""
    return path in SELF or any(path == top or path.startswith(top + "/") for top in (*LIVE, *mounts))


def roots(diff: list[dict[str, Any]] | None, mounts: list[str]) -> dict[str, bool]:
    """The engine's list of what a container changed, as paths to look at: True where all below has to be seen too.

    What was made or deleted as a whole is one root: the engine does not list what a recreated directory has lost.
    """
    found: dict[str, bool] = {}
    for each in sorted(diff or [], key=lambda each: str(each["Path"])):
        path, whole = str(each["Path"]), each["Kind"] != 0
        if foreign(path, mounts) or any(found.get(top) for top in _above(path)):
            continue
        found[path] = whole
    return found


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(2, len(parts))]


def notices(info: dict[str, Any], others: list[dict[str, Any]]) -> tuple[str, ...]:
    """What a person must know about a record of it: what is not in it, and who shares what is."""
    name = str(info["Name"]).lstrip("/")
    found: list[str] = []
    for mount in rows(info.get("Mounts")):
        if mount.get("Type") not in ("volume",):
            source = mount.get("Source") or mount.get("Type")
            found.append(f"{mount['Destination']} is not in it: {mount.get('Type')} mount of {source}")
    found += [f"{path} is not in it: a file system in memory" for path in table(info["HostConfig"].get("Tmpfs"))]
    mine = {volume["name"] for volume in volumes(info)}
    for other in others:
        if other["Id"] == info["Id"]:
            continue
        its = str((rows(other.get("Names")) or [other["Id"][:12]])[0]).lstrip("/")
        shared = sorted(mine & {str(mount.get("Name")) for mount in rows(other.get("Mounts"))})
        found += [f"volume {volume} is also used by container {its}" for volume in shared]
        if table(other.get("HostConfig")).get("NetworkMode") == f"container:{info['Id']}":
            found.append(f"container {its} shares the network of {name}: restart it after {name} was put back")
    return tuple(found)


def recipe(record: dict[str, Any], image: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What the engine is asked for to make the container again from `image`: the body of the create call, and the
    networks to join before it starts, by name."""
    config, host = dict(record["Config"]), dict(record["HostConfig"])
    config["Image"] = image
    mode = str(host.get("NetworkMode") or "default")
    if mode == "host" or mode.startswith("container:"):
        for key in ("Hostname", "Domainname", "ExposedPorts"):
            config.pop(key, None)  # it has those of the other one
    host.pop("ContainerIDFile", None)
    # Podman says `RLIMIT_NOFILE` and takes `nofile`.
    if limits := rows(host.get("Ulimits")):
        host["Ulimits"] = [{**each, "Name": str(each["Name"]).removeprefix("RLIMIT_").lower()} for each in limits]
    _keep_volumes(record, config, host)
    own = (record["Id"][:12], record["Config"].get("Hostname"))
    joined: dict[str, dict[str, Any]] = {}
    for name, network in table(record.get("Networks")).items():
        if mode in ("host", "none") or mode.startswith("container:"):
            break
        # The engine itself adds the beginning of the id and the host name as aliases.
        aliases = [alias for alias in rows(network.get("Aliases")) if alias not in own]
        kept: dict[str, Any] = {
            "Aliases": aliases,
            "IPAMConfig": network.get("IPAMConfig"),
            "Links": network.get("Links"),
        }
        kept["DriverOpts"] = network.get("DriverOpts")
        joined[name] = {key: value for key, value in kept.items() if value}
    # It is made in the network of its mode; engines before API 1.44 take only one there.
    first = mode if mode in joined else "bridge" if mode == "default" and "bridge" in joined else ""
    body = {**config, "HostConfig": host}
    if first and (endpoint := joined.pop(first)):
        body["NetworkingConfig"] = {"EndpointsConfig": {first: endpoint}}
    return body, joined


def _keep_volumes(record: dict[str, Any], config: dict[str, Any], host: dict[str, Any]) -> None:
    """Name the volumes that have no name in the settings: it would get new, empty ones otherwise."""
    named = {str(bind).split(":")[1] for bind in rows(host.get("Binds")) if str(bind).count(":")}
    mounts: list[dict[str, Any]] = [dict(mount) for mount in rows(host.get("Mounts"))]
    binds = rows(host.get("Binds"))
    for volume in volumes(record):
        path = volume["path"]
        mount = next((m for m in mounts if m.get("Target") == path), None)
        if mount is not None:
            mount["Source"] = volume["name"]
        elif path not in named:
            rw = next((m.get("RW", True) for m in record["Mounts"] if m["Destination"] == path), True)
            binds.append(f"{volume['name']}:{path}{'' if rw else ':ro'}")
    host["Binds"] = binds or None
    host["Mounts"] = mounts or None
    host.pop("VolumesFrom", None)  # those volumes are named by now
