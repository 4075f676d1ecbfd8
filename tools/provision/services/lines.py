"""A service's line in the ledger: what it is, and everything that is needed to find and remove it."""

from __future__ import annotations

import time
from hashlib import blake2b

from ...contract import Context
from ...errors import Failed
from ...made import servers
from ...made.ledger import Ledger, Made
from ...made.servers import KIND
from .kind import Spec, slug


def spec_of(made: Made) -> Spec:
    """The service of a line. Raises Failed for one of another version."""
    try:
        return Spec.of(made.data)
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(f"{made.name} was made by another version ({error})", "Use the version that made it.") from None


def line(spec: Spec, host: str) -> Made:
    """The line for what is about to be made."""
    version = f" {spec.version}" if spec.version else ""
    what = f"{spec.kind}{version} on port {spec.port} for {spec.project}"
    return Made(kind=KIND, name=spec.name, what=what, at=time.time(), place=host, data=spec.plain())


def own(kind: str, context: Context) -> Made | None:
    """The line of this project's service of a kind."""
    return next((made for made in all_on(context) if _is(made, kind, context)), None)


def all_on(context: Context) -> list[Made]:
    """The lines of all projects' services on the host."""
    return servers.of(context.state, context.host.name)


def _is(made: Made, kind: str, context: Context) -> bool:
    # MariaDB serves as MySQL too, so that a project that has one needs no other.
    kinds = ("mysql", "mariadb") if kind == "mysql" else (kind,)
    return made.data.get("kind") in kinds and made.data.get("project") == str(context.path)


def name(kind: str, context: Context) -> str:
    """A name that no other service has: the kind and the project's own."""
    short = f"{kind}-{slug(context.path.name)}"
    taken = Ledger(context.state).find(short, KIND)
    if not taken or (_is(taken[0], kind, context) and taken[0].place == context.host.name):
        return short
    return f"{short}-{mark(context)[:6]}"


def mark(context: Context) -> str:
    """What tells this project of this installation from all others on the host."""
    said = f"{context.state}\0{context.host.name}\0{context.path}"
    return blake2b(said.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
