"""What a session knows while one request is read: names that exist, what was done before, what was asked to be remembered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ...events import Call
from ..base import Known, Request
from .normalise import Text, normalise
from .tables import RUNTIMES, SERVICES
from .values import namelike, number

_NAMED = {"deploy": "name", "rollback": "name", "destroy": "name", "logs": "service"}
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


@dataclass
class World:
    """`earlier` grows while the parts of a request are read: "deploy web and show its logs"."""

    known: Known
    notes: tuple[str, ...] = ()
    earlier: list[Call] = field(default_factory=list[Call])
    subject: str | None = None
    """What an earlier part of the request was about: "the worker is acting up, show me its logs"."""

    @classmethod
    def of(cls, request: Request) -> World:
        return cls(request.known, request.notes, [call for turn in request.history[-20:] for call in turn.calls])

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

    def name(self) -> str | None:
        """The service, deployment or sandbox spoken of last: what "it" means to `logs`, `rollback` and `destroy`."""
        if self.subject:
            return self.subject
        for call in reversed(self.earlier):
            value = call.args.get(_NAMED.get(call.tool, ""))
            if isinstance(value, str):
                return value
        return None

    def label(self) -> str | None:
        """The snapshot spoken of last."""
        for call in reversed(self.earlier):
            value = call.args.get({"snapshot": "label", "rewind": "to"}.get(call.tool, ""))
            if isinstance(value, str) and value != "last":
                return value
        return None

    def there(self) -> str | None:
        """The host spoken of last, or the only one besides this machine."""
        for call in reversed(self.earlier):
            for key in ("on", "to"):
                value = call.args.get(key)
                if (
                    isinstance(value, str)
                    and value != "local"
                    and (re.match(r"(?:docker|ssh|vm):|[^@\s]+@[^\s]+$", value) or value in self.known.hosts)
                ):
                    return value
        others = [host for host in self.known.hosts if host != "local"]
        return others[0] if len(others) == 1 else None

    def there_swarm(self) -> str | None:
        """`swarm` or a context that was deployed to last."""
        for call in reversed(self.earlier):
            if call.tool == "deploy":
                return call.args.get("to")
        return None

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


def call(tool: str, **args: Any) -> Call:
    """A call without the arguments that were not understood: None and empty ones are left out."""
    return Call(
        tool, {key: value for key, value in args.items() if value is not None and value != [] and value is not False}
    )
