"""Who needs whom, and who starts first: the services and what runs behind them as a graph, for all that draw or order it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ...fingerprint import Backing, Fact, Project, Service
from .base import runs

FILES = frozenset(
    {"sqlite", "h2", "duckdb", "derby", "leveldb", "rocksdb", "hsqldb", "badger", "bolt", "lmdb", "libsql"}
)
"""Databases that are a file of the program's own, so that nothing runs behind them."""


@dataclass(frozen=True)
class Graph:
    """A project's services and what they need. Nodes are named as `Project.order` names them: a service by its root,
    anything else by its canonical name."""

    project: Project

    @cached_property
    def services(self) -> dict[str, Service]:
        """What can be started or used, by root; a monorepo's head is neither."""
        return {service.root: service for service in self.project.services if service.role != "workspace"}

    @cached_property
    def backing(self) -> dict[str, Backing]:
        """What runs behind the services by name: what the project's files run, then what the services talk to."""
        found: dict[str, Backing] = {}
        for backing in self.project.backing:
            names = (backing.name, backing.label, f"{backing.name} beside")
            name = next((name for name in names if name and name not in found and name not in self.services), "")
            if name:
                found[name] = backing
        for service in self.services.values():
            for name in (fact.value for fact in (*service.needs, *_talks(service))):
                if name not in self.services and name not in found and name not in FILES:
                    found[name] = Backing(name=name, role="database")
        return found

    @cached_property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """What each service needs; a service about which nothing is said needs the databases that it talks to."""
        return {root: tuple(self._needs(service)) for root, service in self.services.items()}

    def _needs(self, service: Service) -> list[str]:
        facts = service.needs or _talks(service)
        known = [fact.value for fact in facts if fact.value in self.backing or fact.value in self.services]
        return [name for name in dict.fromkeys(known) if name != service.root]

    @cached_property
    def waves(self) -> tuple[tuple[str, ...], ...]:
        """The order of the start: what is in one wave may start together. Libraries are not started."""
        running = [root for root, service in self.services.items() if runs(service)]
        given: list[tuple[str, ...]] = []
        said: set[str] = set()
        for wave in self.project.order:
            known = [name for name in dict.fromkeys(wave) if name in self.backing or name in running]
            given.append(tuple(name for name in known if name not in said))
            said.update(known)
        # Where an order is given, what it leaves out is started on request only.
        first = () if said else tuple(self.backing)
        waves = [wave for wave in (first, *given) if wave]
        return (*waves, *self._sorted([root for root in running if root not in said], {*said, *first}))

    def _sorted(self, left: list[str], before: set[str]) -> list[tuple[str, ...]]:
        waves: list[tuple[str, ...]] = []
        waiting, done = list(left), set(before)
        while waiting:
            ready = [name for name in waiting if all(n in done or n not in left for n in self.needs.get(name, ()))]
            wave = tuple(ready or waiting)  # a circle has no order: all of it at once
            waves.append(wave)
            done |= set(wave)
            waiting = [name for name in waiting if name not in done]
        return waves


def _talks(service: Service) -> tuple[Fact, ...]:
    """The databases that a service surely talks to; a library talks to none by itself."""
    return tuple(fact for fact in service.databases if fact.confidence > 0.5) if runs(service) else ()
