"""Which of a service's databases are alternatives that it can be set up with, so that it needs none in particular."""

from __future__ import annotations

import re
from collections.abc import Collection

from ..fingerprint import Evidence
from . import images
from .draft import Draft
from .gathered import Gathered

STORES = frozenset(name for name, role in images.IMAGES.values() if role == "database")
"""What keeps a program's data: of these it mostly uses one."""
_NAMED = {
    "postgresql": re.compile(r"(?:\w{0,40}_)?(?:POSTGRES(?:QL)?|PG)_?(?:URL|URI|DSN|HOST)$"),
    "mysql": re.compile(r"(?:\w{0,40}_)?(?:MYSQL|MARIADB)_?(?:URL|URI|DSN|HOST)$"),
    "mongodb": re.compile(r"(?:\w{0,40}_)?MONGO(?:DB)?_?(?:URL|URI|DSN|HOST)$"),
    "redis": re.compile(r"(?:\w{0,40}_)?REDIS_?(?:URL|URI|DSN|HOST)$"),
}
"""Variables that say where a database of one kind is. `DATABASE_URL` says so of one of them, whichever that is."""
_TRIED = (".github/", ".gitlab-ci.yml")
"""Files that try it with every database that it can do with."""


def alternatives(draft: Draft, gathered: Gathered) -> Collection[str]:
    """Those databases of which nothing but the drivers is known, where the service would do with any one of them."""
    manifests = {path.rpartition("/")[2] for path in draft.manifests}
    servers = {name for name in draft.databases if name not in images.EMBEDDED}
    loose = {name for name in servers if all(_driver(one, manifests) for one in draft.databases[name].evidence)}
    loose -= {name for name, known in _NAMED.items() if any(known.match(variable) for variable in draft.variables)}
    stores = servers & STORES
    beside = {one.name for one in gathered.backing.values()}
    if beside & stores:
        # A file that runs one of them has chosen; what is only a driver then is for who chooses otherwise.
        return loose - beside
    if stores - loose:
        # So has a setting that names one.
        return loose & STORES
    embedded = any(draft.databases[name].confidence >= 0.75 for name in images.EMBEDDED & set(draft.databases))
    if not stores or len(stores) + embedded < 2:
        return ()
    # A cache is no alternative to one database; beside several it is one more of what it can do with.
    return loose if len(stores) > 1 else stores


def _driver(evidence: Evidence, manifests: Collection[str]) -> bool:
    """Whether evidence is no more than that a driver is installed."""
    name = evidence.path.rpartition("/")[2]
    return name in manifests or name.endswith((".txt", ".in")) or evidence.path.startswith(_TRIED)
