"""What a session knows while one request is read: names that exist, what was done before, what was asked to be remembered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ....tools.risk import Risk
from ...events import Call
from ..base import Known, Request
from .normalise import Text, normalise
from .tables import RISKS, RUNTIMES, SERVICES
from .values import INSTALLABLE, namelike, number, unversioned
from .words import SHAPES, shape, split

_KINDS = {"runtime": "runtimes", "package": "packages", "word-package": "packages", "service": "services"}
_NAMED = {"deploy": "name", "rollback": "name", "destroy": "name", "logs": "service", "sandbox": "name"}
_ABOUT = re.compile(
    r"(?:.{0,40}? )?(?:with |need |use |want )(?:the |my |our )([\w.-]+) (?:deployment|service|sandbox|container)\b"
    r"|(?:why (?:is|does|did|has) )?(?:the )?(?:new |last |latest |current )?(?:release|deployment|version|deploy) of (?:the )?([\w.-]+)"
    r"|why (?:is|does|did|has) (?:the |my |our )?([\w.-]+) (?:crash|fail|dying|down|slow|not |restart|hang|return|throw|giv)"
    r"|(?:[\w' ]{0,20}?[, ])??(?:the |my |our )([\w.-]+)(?: (?:service|container|deployment|app|server|sandbox))?(?:'s| is| are| was| keeps| has| seems| looks| crash\w*| died| dies| hangs| went| won't| doesn't| isn't| stopped| fails| returns| gives| throws| responds| acts)\b"
)
_NOT = re.compile(
    r"\b(?:remove|destroy|delete|roll back|rollback|deploy|redeploy|restart|stop|kill|touch)(?: the| my)? ([\w.-]+)$"
)
_PORT = re.compile(
    r"(?:\b(?:my|our|the|always use) )?\b([\w.-]+)(?: (?:service|server|app|always|usually|normally|now|is|are|runs?|listens?|listening|running|lives|uses?|on|at|the))* (?:on |at |is |uses )?(?:the )?port (?:is )?(\d{2,5})\b"
    r"|\b([\w.-]+)(?: (?:service|server|app|always|usually|normally|now))* (?:runs|listens|is|is listening|is running|lives)(?: always| usually)? (?:on|at) (\d{2,5})\b"
)
_ALWAYS = re.compile(
    r"(?:\b(?:always|only|we|i|prefer|use|should|this project|the project|project) )+(?:use|uses|using|prefer|want|be on|on|runs on|are on|needs?)? ?(?:the )?([a-z.+]+) ?v?(\d+(?:\.\w+){0,3})\b"
)


def _side(call: Call) -> str | None:
    """The machine of a sync's other place."""
    for key in ("destination", "source"):
        host, colon, _ = str(call.args.get(key, "")).rpartition(":")
        if colon and re.fullmatch(r"(?:docker|ssh|vm):\S+|[^@\s]+@\S+", host):
            return host
    return None


@dataclass
class World:
    """`earlier` grows while the parts of a request are read: "deploy web and show its logs"."""

    known: Known
    notes: tuple[str, ...] = ()
    earlier: list[Call] = field(default_factory=list[Call])
    subject: str | None = None
    """What an earlier part of the request was about: "the worker is acting up, show me its logs"."""

    turn: tuple[Call, ...] = ()
    """The calls of the last turn that had any: what "again" repeats."""
    asked: str = ""
    """The request before, where it came to no call: it was asked back, and this may be the answer."""
    heard: str = ""
    """The request before."""

    @classmethod
    def of(cls, request: Request) -> World:
        turns = request.history[-20:]
        return cls(
            request.known,
            request.notes,
            [call for turn in turns for call in turn.calls],
            turn=next((turn.calls for turn in reversed(turns) if turn.calls), ()),
            asked=turns[-1].request if turns and not turns[-1].calls else "",
            heard=turns[-1].request if turns else "",
        )

    def last(self) -> Call | None:
        return self.earlier[-1] if self.earlier else None

    def hear(self, part: Text) -> None:
        """Notice what a part is about."""
        if match := _ABOUT.match(part.low):
            group = next(g for g in (1, 2, 3, 4) if match[g])
            if namelike(match[group]):
                self.subject = part.raw(match.start(group), match.end(group))

    def hear_not(self, part: Text) -> None:
        """Notice the name in what must not be done: "don't remove worker, just show me its logs"."""
        if (match := _NOT.search(part.low)) and namelike(match[1]):
            self.subject = part.raw(match.start(1), match.end(1))

    def name(self, *, sandbox: bool = False) -> str | None:
        """The service, deployment or sandbox spoken of last: what "it" means to `logs`, `rollback` and `destroy`.

        A sandbox is destroyed, and never rolled back.
        """
        if self.subject:
            return self.subject
        called = _NAMED if sandbox else _NAMED.keys() - {"sandbox"}
        spoken = next((call for call in reversed(self.earlier) if call.tool in called), None)
        return self._name(spoken) if spoken else None

    def names(self) -> list[str]:
        """The different names that the last turn was about: one, or "it" could be any of them."""
        found = [self._name(call) for call in self.turn if call.tool in _NAMED]
        return list(dict.fromkeys(name for name in found if name))

    def things(self) -> dict[str, list[str]]:
        """What was last spoken of that can be installed, without versions: "is nvtop there?", "install it then"."""
        last = self.last()
        found: dict[str, list[str]] = {key: [] for key in INSTALLABLE}
        for key in found if last else ():
            items: list[Any] = last.args.get(key, []) if last else []
            found[key] = [unversioned(str(item)) for item in items]
        if not any(found.values()):
            for word in split(normalise(self.heard[:2_000])):
                if key := _KINDS.get(SHAPES[shape(word.low, {})]):
                    found[key].append(word.low)
        if not any(found.values()) and len(self.known.packages) == 1:
            found["packages"] = list(self.known.packages)
        return found if sum(map(len, found.values())) == 1 else {}

    def spoken(self) -> str | None:
        """The one name, thing or label of the last call: what "it" is in a question about the history."""
        last = self.last()
        if last is None:
            return None
        if name := self._name(last):
            return name
        if things := self.things():
            return next(items[0] for items in things.values() if items)
        value = last.args.get("label", last.args.get("to"))
        return value if isinstance(value, str) else None

    def _name(self, call: Call) -> str | None:
        """What a call is about. One that was made without a name has a name of its own, and is never an earlier one."""
        value = call.args.get(_NAMED.get(call.tool, ""))
        if isinstance(value, str):
            return value
        among = self.known.services
        if call.tool == "sandbox":
            among = tuple(dict.fromkeys(name for name in (*among, *self.known.hosts) if "sandbox" in name))
        folder = str(call.args.get("path", "")).rstrip("/").rpartition("/")[2]
        return folder if folder in among else among[0] if len(among) == 1 else None

    def changed(self) -> Call | None:
        """The last call that was more than a look."""
        return next((call for call in reversed(self.earlier) if RISKS.get(call.tool, Risk.R3) > Risk.R0), None)

    def made(self) -> str | None:
        """The service, deployment or sandbox that "destroy it" means: what the last change was about, or a look since then."""
        for call in reversed(self.earlier):
            if call.tool == "destroy":
                return None
            if call.tool in _NAMED:
                return self._name(call)
            if RISKS.get(call.tool, Risk.R3) > Risk.R0:
                return None
        return None

    def deployed(self) -> Call | None:
        """The last deploy."""
        return next((call for call in reversed(self.earlier) if call.tool == "deploy"), None)

    def context_before(self) -> str | None:
        """The context that was left for the one that was switched to last."""
        used = [call.args.get("context") for call in self.earlier if call.tool == "switch"]
        before = next((one for one in reversed(used) if one != used[-1]), None)
        return before if isinstance(before, str) else None

    def label(self) -> str | None:
        """The snapshot spoken of last."""
        for call in reversed(self.earlier):
            value = call.args.get({"snapshot": "label", "rewind": "to", "drift": "against"}.get(call.tool, ""))
            if isinstance(value, str) and value != "last" and (call.tool != "drift" or value in self.known.snapshots):
                return value
        return None

    def there(self) -> str | None:
        """The host spoken of last, or the only one besides this machine; none after a switch, when it means the context."""
        for call in reversed(self.earlier):
            if call.tool == "switch":
                return None
            for key in ("on", "to"):
                value = call.args.get(key)
                if (
                    isinstance(value, str)
                    and value != "local"
                    and (re.match(r"(?:docker|ssh|vm):|[^@\s]+@[^\s]+$", value) or value in self.known.hosts)
                ):
                    return value
            if call.tool == "sync" and (host := _side(call)):
                return host
        others = [host for host in self.known.hosts if host != "local"]
        return others[0] if len(others) == 1 else None

    def elsewhere(self) -> str | None:
        """The one host that is neither this machine nor the one spoken of last: "the other box"."""
        spoken = next(
            (
                value
                for call in reversed(self.earlier)
                for key in ("on", "to")
                if (value := call.args.get(key)) in self.known.hosts
            ),
            None,
        )
        others = [host for host in self.known.hosts if host not in ("local", spoken)]
        return others[0] if len(others) == 1 else None

    def there_swarm(self) -> str | None:
        """`swarm` or a context that was deployed to last."""
        for call in reversed(self.earlier):
            if call.tool == "deploy":
                return call.args.get("to")
        return None

    def spelt(self, key: str, value: Any) -> Any:
        """A name that the session knows in another case is that name."""
        known = self.known
        if (
            key in ("to", "against")
            and isinstance(value, str)
            and value.lower().removesuffix(" one") in known.snapshots
        ):
            return value.lower().removesuffix(" one")  # "the good one"
        among = {"name": known.services, "service": known.services, "to": known.snapshots, "against": known.snapshots, "on": known.hosts}  # fmt: skip
        return next(
            (name for name in among.get(key, ()) if isinstance(value, str) and name.lower() == value.lower()), value
        )

    def path(self) -> str | None:
        """The directory spoken of in the call before."""
        call = self.last()
        value = call.args.get("path") if call else None
        return value if isinstance(value, str) else None

    def port(self, name: str) -> int | None:
        """The port that a note gives for this very name."""
        for note in self.notes:
            for match in _PORT.finditer(normalise(note[:2_000]).low):
                subject, digits = (match[1], match[2]) if match[1] else (match[3], match[4])
                if subject == name.lower() and (found := number(digits)) and found < 65_536:
                    return found
        return None

    def version(self, name: str) -> str | None:
        """The version that a note asks to use of a runtime or service."""
        for note in self.notes:
            for match in _ALWAYS.finditer(normalise(note[:2_000]).low):
                if {**SERVICES, **RUNTIMES}.get(match[1]) == name:
                    return match[2]
        return None


def names_here(world: World) -> dict[str, str]:
    """The names that the session knows, for the encoder: what each one is the name of."""
    here: dict[str, str] = {}
    for names, kind in (
        (world.known.snapshots, "snapshot-here"),
        (world.known.services, "service-here"),
        (world.known.hosts, "host-here"),
    ):
        here |= {name.lower(): kind for name in names if name != "local" and " " not in name}
    return here


def call(tool: str, **args: Any) -> Call:
    """A call without the arguments that were not understood: None and empty ones are left out."""
    return Call(
        tool, {key: value for key, value in args.items() if value is not None and value != [] and value is not False}
    )
