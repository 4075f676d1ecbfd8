"""What the files of a project say about all of its services together: what they run beside them, and who talks to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from ..fingerprint import Backing, Evidence, Fact
from .draft import Draft
from .text import safe


class Meant(NamedTuple):
    """What the name of a container means."""

    own: bool
    """One of the project's own services, and not something beside them."""
    value: str
    """Its root, or the canonical name."""


@dataclass(frozen=True)
class Call:
    """Something that a service talks to, as a file names it: to be matched with the other services."""

    root: str
    """Of the service that calls."""
    host: str
    port: int = 0
    confidence: float = 0.7
    rule: str = ""
    path: str = ""
    """Relative to the project's root."""
    key: str = ""
    explicit: bool = False
    """The file says outright that it has to run before, so that it does not matter what it is."""
    meant: Meant | None = None
    """What the host is, where the file itself tells."""


@dataclass
class Gathered:
    """Filled by the readers of shared files, one after the other."""

    ports: dict[str, int] = field(default_factory=dict[str, int])
    """The port on this machine at which a database answers, where a file says so."""
    backing: dict[tuple[str, str, str], Backing] = field(default_factory=dict[tuple[str, str, str], Backing])
    """By what the file calls it, by its name, and by the folder where another folder has the same in another version."""
    names: dict[str, dict[str, Meant]] = field(default_factory=dict[str, dict[str, Meant]])
    """What containers are called: by name, and by the folder of the compose file, since two folders may both have a `db`."""
    published: dict[int, str] = field(default_factory=dict[int, str])
    """The root of the service that a compose file puts on a port of this machine; empty when two do."""
    requires: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """What a backing service waits for, both by name."""
    calls: list[Call] = field(default_factory=list[Call])
    composed: set[str] = field(default_factory=set[str])
    """Roots of services that a compose file runs."""
    asked: set[str] = field(default_factory=set[str])
    """Roots of services that a compose file only runs on request (profiles)."""
    findings: list[Fact] = field(default_factory=list[Fact])
    shared: list[Fact] = field(default_factory=list[Fact])

    def name(self, name: str, folder: str, meant: Meant) -> None:
        """Keep what a container's name means; the first file of a folder that says so counts."""
        self.names.setdefault(name.lower(), {}).setdefault(folder, meant)

    def means(self, name: str, folder: str | None = None) -> Meant | None:
        """What a name means to the containers of a folder's compose files, or to all that speak of it."""
        known = self.names.get(name.lower(), {})
        if folder is not None and folder in known:
            return known[folder]
        every = set(known.values())
        return every.pop() if len(every) == 1 else None

    def add(self, found: Backing, folder: str = "") -> None:
        """Keep a backing service; the same one in a second file adds its evidence, and what the first did not say."""
        key = (found.label, found.name, "")
        known = self.backing.get(key)
        if known is not None and found.version not in ("", known.version) and known.version:
            first = known.evidence[0].path.rpartition("/")[0] if known.evidence else ""
            if first != folder:
                key = (found.label, found.name, folder)
                known = self.backing.get(key)
        if known is None:
            self.backing[key] = found
            return
        evidence = known.evidence + tuple(e for e in found.evidence if e not in known.evidence)
        self.backing[key] = known.model_copy(
            update={
                "image": known.image or found.image,
                "version": known.version or found.version,
                "ports": known.ports or found.ports,
                "profiles": known.profiles if found.profiles else (),
                "evidence": evidence[:8],
            }
        )

    def call(
        self,
        draft: Draft,
        host: str,
        path: str,
        key: str,
        confidence: float,
        rule: str,
        *,
        port: int = 0,
        meant: Meant | None = None,
    ) -> None:
        """Remember what a service talks to; by `depends_on` a file says outright that it must run before."""
        explicit = rule == "depends_on"
        self.calls.append(Call(draft.root, host.lower(), port, confidence, rule, path, key, explicit, meant))

    def finding(self, value: str, path: str, key: str = "", rule: str = "finding", confidence: float = 1.0) -> None:
        """Something worth saying about the project as a whole; `path` is relative to it."""
        evidence = (Evidence(path=safe(path, 400), key=safe(key, 120)),)
        self.findings.append(Fact(value=value[:400], confidence=confidence, rule=rule, evidence=evidence))

    def share(self, value: str, path: str, key: str = "", rule: str = "workspace") -> None:
        """Something that services have in common."""
        evidence = (Evidence(path=safe(path, 400), key=safe(key, 120)),)
        for index, known in enumerate(self.shared):
            if (known.value, known.rule) == (safe(value), rule):
                if evidence[0] not in known.evidence:
                    self.shared[index] = known.model_copy(update={"evidence": (known.evidence + evidence)[:8]})
                return
        self.shared.append(Fact(value=safe(value), rule=rule, evidence=evidence))
