"""What the session knows, put into a call: "it", "there", "the worker", the only sandbox, a remembered port or version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ....tools.risk import Risk
from ...events import Call
from .compose import Act, missing
from .tables import RISKS, SERVICES, words
from .values import INSTALLABLE
from .words import SHAPES, shape
from .world import World, names_here

_FROM_HERE = re.compile(
    r"\b(?:from|with|to|against|than) (?:here|this (?:machine|box|one)|my (?:machine|laptop|computer))\b"
)
_THERE = re.compile(
    r"\b(?:(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )there|(?:on|to|from|at|in|of|with) (?:it|that one|(?:the|that|this|our|my) (?:same )?(?:remote |other |new )?(?:server|box|remote|host|vm|container|machine|sandbox|node)))"
    r"(?=\W*(?:$|and\b|but\b|too\b|as well\b|also\b|please\b|now\b|again\b|then\b|instead\b|first\b))"
)
_HERE = re.compile(
    r"\b(?:here|local(?:ly|host)?|(?:this|my(?: own)?) (?:machine|box)|(?:this|my(?: own)?|our) (?:laptop|computer|mac|pc|workstation))\b"
)
_PRONOUN = words("it its that this them him her one ele ela ihn sie es das dazu davon ça cela lo eso esto isso isto dele dela sus ses") | {
    "that one", "this one", "the one", "the same",
}  # fmt: skip
_BOX = re.compile(r"\W*(?:\w+ ){1,3}the sandbox\b")
_NOUN = frozenset({"service", "deployment", "sandbox", "container", "release"})
"""What "the sandbox" leaves of a name: no name, unless something is called so."""
_THEN = _PRONOUN | {"then", "that snapshot", "that state", "that point"}
_SINCE = re.compile(r"\b(?:since|against|with|to|from) (?:then|it|that(?: one| snapshot| state| point)?)\W*$")
NAMED = {"logs": "service", "rollback": "name", "destroy": "name", "deploy": "name"}
_SAME = re.compile(r"\b(?:same|likewise|ditto|also|as well|again)\b|\btoo\b(?=\W*$)")
_OTHER = re.compile(r"\bother (?:server|box|remote|host|vm|container|machine|sandbox|node)\b")
_TO = re.compile(r"\W*(?:and |then |also |finally |later )*(?:to|on|in|into) ")
_ANY = re.compile(
    r"\b(?:one|some|any|none|all|both) of\b|\bwhich (?:one )?(?:it )?is\b|\bthat (?:we|i|nobody|is|has)\b"
)
"""Speaks of a service by what it is like: not of the one that was spoken of."""
HOSTED = {"scan": "on", "provision": "on", "snapshot": "on", "rewind": "on", "drift": "on", "status": "on", "run": "on", "deploy": "to", "logs": "on"}  # fmt: skip


def resolve(act: Act, call: Call, world: World) -> tuple[Call, bool]:
    """The call with what was left to be understood, and True when something was found that had been missing."""
    args: dict[str, Any] = dict(call.args)
    low = act.text.low
    given = {key for key in _MEANT if not _generic(key, args.get(key), world)}
    _machine(act, args, world)
    on = str(args.get("on")).lower()
    if "gpu" in args and "gpu" in on and not re.search(r"gpu|cuda|nvidia|graphics", low.replace(on, "")):
        del args["gpu"]  # said of the machine's name alone
    _host(call.tool, args, low, world)
    _name(call.tool, args, low, world)
    if call.tool == "rewind" and str(args.get("to")).lower() in _PRONOUN:
        del args["to"]
    it = _it(call.tool, args, low, world)
    if call.tool == "sandbox" and "hours" in args and "name" not in args:
        _longer(args, low, world)
    if _SAME.search(low) and world.earlier and world.earlier[-1].tool == call.tool:
        args = _same(call.tool, args, world.earlier[-1].args)
    if (
        call.tool == "rewind"
        and "to" not in args
        and re.search(r"\b(?:it|that|that one|that snapshot|there)\b", low)
        and (label := world.label())
    ):
        args["to"] = label
    if call.tool == "drift" and _SINCE.search(low) and args.get("against", "then") in _THEN:
        args.pop("against", None)
        if label := world.label():
            args["against"] = label
    if call.tool == "drift" and "on" in args and "against" not in args and _FROM_HERE.search(low):
        args["against"] = args.pop("on")
    _remembered(call.tool, args, low, world)
    args = {key: world.spelt(key, value) for key, value in args.items()}
    found = Call(call.tool, args)
    return found, not missing(found) and (it or bool((_MEANT & set(args)) - given))


_INSTALLS_IT = re.compile(
    r"\b(?:it|that(?: one)?|this(?: one)?|es|das|ça|l'installer|lo|isso|instálalo|installe-le|instala-o)\b"
)
_IN_IT = re.compile(
    r"\b(?:in(?:side|to)? (?:it|there|that (?:folder|directory|dir|project)|the same (?:folder|directory|dir)))\b"
)
_IT_WORD = re.compile(r"\b(?:it|that one|that|this|those|them|these|das|es|ça|eso|esto|isso|isto)\b", re.IGNORECASE)


def _it(tool: str, args: dict[str, Any], low: str, world: World) -> bool:
    """What was spoken of just now: a package to install, a folder to work in, the subject of a question, a fact. True when found."""
    before = dict(args)
    if tool == "provision" and not {*INSTALLABLE, "template", "gpu", "path"} & set(args) and _INSTALLS_IT.search(low):
        exact = "latest" if re.search(r"\b(?:upgrade|update|bump|latest|newest)\b", low) else ""
        args |= {
            key: [f"{item}@{exact}" if exact else item for item in items]
            for key, items in world.things().items()
            if items
        }
    if (
        tool in ("provision", "run", "snapshot", "scan", "drift")
        and not {"path", "on"} & set(args)
        and _IN_IT.search(low)
        and (path := world.path())
    ):
        args["path"] = path
    if tool == "history" and isinstance(query := args.get("query"), str) and (name := world.spoken()):
        args["query"] = _IT_WORD.sub(lambda _: name, query, count=1)
    if tool == "remember" and world.asked and str(args.get("fact", "that")).lower() in _PRONOUN:
        args["fact"] = world.asked
    return args != before


_MEANT = {"name", "service", "on", "to"}
"""What "it", "there" and "the sandbox" can stand for."""


def _generic(key: str, value: Any, world: World) -> bool:
    """Says no name: nothing, a pronoun, "the sandbox" where nothing is called so."""
    if not isinstance(value, str):
        return True
    return value.lower() in _PRONOUN or (
        key in ("name", "service") and value.lower() in _NOUN and value not in world.known.services
    )


def lost(act: Act, call: Call, world: World) -> bool:
    """A host was meant, and it cannot be known which: nothing may be done here instead."""
    key = HOSTED.get(call.tool)
    if any(before.tool in ("switch", "deploy") for before in world.earlier[-3:]):
        return False  # "switch to staging and show what is up there": there is the context
    low = act.text.low
    if not key or key in call.args or _HERE.search(low) or ("path" in call.args and _IN_IT.search(low)):
        return False
    changes = RISKS[call.tool] >= Risk.R2
    return _there(call.tool, low) or (changes and (bool(_SOME_HOST.search(low)) or _elsewhere(low, call, world)))


_SOME_HOST = re.compile(
    r"(?<!not )\b(?:on|at|inside|onto) (?:the|that|our) (?:(?:[a-z-]+ ){1,2}(?:box|server|machine|host|remote|vm)|box|server|remote|vm)\b"
    r"|^\W*(?:please )?(?:rewind|restore|revert) (?:the|our) (?:[a-z-]+ )?(?:box|server|machine|host|remote|vm)\b"
)
"""A machine that is not named: on "the machine" means this one, on "the build box" some other."""


def _elsewhere(low: str, call: Call, world: World) -> bool:
    """Ends in "on web-9", and no argument took it: it would be done here."""
    match = re.search(r"\b(?:on|inside) (?:the )?([\w.-]+)\W*$", low)
    if match is None or SHAPES[shape(match[1], names_here(world))] not in ("coined", "host-here"):
        return False
    return not any(match[1] in str(value).lower() for value in call.args.values())


def _there(tool: str, low: str) -> bool:
    """Some other host is meant by a word that is no name. What is gone back to is no host."""
    return bool(_THERE.search(re.sub(r"\bto (?:it|that one)\b", "", low) if tool == "rewind" else low))


_ON = r"(?:on|at|inside|into)"
_OF = {"scan": r"|of|for|in|scan", "status": r"|of|for|in|status", "snapshot": r"|of|for|in", "logs": r"|from", "deploy": r"|to"}  # fmt: skip
"""Words before a machine's name that mean the machine, besides `on`."""
_MACHINES = frozenset({"container", "vm", "machine", "server", "box", "host", "sandbox"})
_AS = re.compile(r" (?:as|called|named|labell?ed) [\"']?([\w.-]+)[\"']?\W*$")


def _machine(act: Act, args: dict[str, Any], world: World) -> None:
    """The name of a known machine is never lost, nor taken for something else: the same would be done here."""
    key, low = HOSTED.get(act.tool), act.text.low
    if key is None:
        return
    said = str(args.get(key, ""))
    if said in _MACHINES:
        del args[key]  # "in the container web-2": the name stands behind it
    elif act.tool == "run" and "path" not in args and said.lower() in SERVICES and f" in {said.lower()}" in low:
        args["path"] = args.pop(key)  # a directory called redis is likelier than a machine, without "on"
        return
    if act.tool == "run" and key not in args and re.fullmatch(r"sandbox-[\w-]+", str(args.get("path", ""))):
        args[key] = args.pop("path")
    if key in args:
        return
    for name in world.known.hosts:
        if name == "local":
            continue
        word = rf"(?:the )?(?:(?:container|machine|host|vm|server|box|sandbox) )?{re.escape(name.lower())}(?![\w@/-]|[.:]\w)"
        lead = (
            _ON
            + _OF.get(act.tool, "")
            + ("|in" if re.search(r"[\d-]", name) else "|in the (?:container|machine|vm|sandbox)")
        )
        before = re.search(rf"(?<![\w@/.:-])(?:{lead}) {word}", low)
        object_ = (
            re.match(rf"\W*(?:\w+ ){{1,3}}{word}(?= (?:back )?to | as |\W*$)", low)
            if act.tool in ("rewind", "snapshot")
            else None
        )
        if not before and not (object_ and (act.tool == "rewind" or _AS.search(low))):
            if act.tool == "drift" and "against" not in args and re.search(rf"(?<![\w@/.:-]){word}", low):
                args["against"] = name  # "how does lab differ?"
            continue
        if isinstance(command := args.get("command"), str):
            args["command"] = re.sub(rf" +(?:{lead}) {word}\W*$", "", command, flags=re.IGNORECASE)
        for other in ("path", "label", "to", "against"):
            if other != key and str(args.get(other)).lower() == name.lower():
                del args[other]
        if act.tool == "snapshot" and "label" not in args and (called := _AS.search(low)):
            args["label"] = act.text.raw(called.start(1), called.end(1))
        args[key] = name
        return


def _host(tool: str, args: dict[str, Any], low: str, world: World) -> None:
    key = HOSTED.get(tool)
    if key is None or key in args or _HERE.search(low) or not (_there(tool, low) or _BOX.match(low)):
        return
    there = world.elsewhere() if _OTHER.search(low) else world.there()
    if "sandbox" in low and len(boxes := [name for name in world.known.hosts if "sandbox" in name]) == 1:
        there = boxes[0]
    if there is None and "sandbox" in low and len(world.known.services) == 1:
        there = world.known.services[0]
    if there is None and tool == "deploy" and re.search(r"\bthere\b", low):
        there = world.there_swarm()
    if there is not None:
        args[key] = there


def _name(tool: str, args: dict[str, Any], low: str, world: World) -> None:
    key = NAMED.get(tool)
    if key is None:
        return
    given = args.get(key)
    if given is not None and _generic(key, given, world):
        del args[key]
        given = None
    if given is not None:
        return
    if tool == "deploy":
        if _TO.match(low) and not {"name", "path"} & set(args) and world.last() and world.earlier[-1].tool == "deploy":
            _deployed(args, world)  # "deploy api to staging and then to prod"
        elif "path" not in args and re.search(
            r"\b(?:it|its|it's|them|him|(?:this|that) one|(?:re-?)?(?:deploy|ship|move|scale) (?:that|this))\b", low
        ):
            _deployed(args, world)
        return
    several = len(world.names()) > 1 and not world.subject and world.earlier[-1:] == list(world.turn[-1:])
    found = None if _ANY.search(low) or (several and not _BOTH.search(low)) else world.name(sandbox=tool == "destroy")
    if found is None and tool == "logs" and len(world.known.services) == 1:
        found = world.known.services[0]
    if found is None and re.search(r"\bsandbox\b", low):
        boxes = [name for name in world.known.services if "sandbox" in name] or list(world.known.services)
        found = boxes[0] if len(boxes) == 1 else None
    if found is not None:
        args[key] = found


_BOTH = re.compile(r"\b(?:both|them|all|two|beide|deux|dos|ambos|dois|duas)\b")


def _deployed(args: dict[str, Any], world: World) -> None:
    """ "deploy it there": what was spoken of just now, or what was deployed before; from where it was deployed then."""
    last = world.last()
    it = world.subject or (last.args.get(NAMED.get(last.tool, "")) if last else None)
    if it:
        args["name"] = it
    elif before := world.deployed():
        args |= {key: before.args[key] for key in ("name", "path") if key in before.args and key not in args}
    elif path := world.path():
        args["path"] = path


def _longer(args: dict[str, Any], low: str, world: World) -> None:
    """ "give the sandbox another hour": the one that is there, not a new one."""
    boxes = sorted({name for name in (*world.known.services, *world.known.hosts) if "sandbox" in name})
    named = [name for name in boxes if re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])", low)]
    if re.search(r"\b(?:the|that|my|this) sandbox\b|\bextend\b", low) and len(boxes) == 1:
        named = named or boxes
    if len(named) == 1:
        args["name"] = named[0]


def _same(tool: str, args: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """ "the same on docker:db": the call before with what is said anew."""
    if tool not in ("provision", "deploy", "sync", "run", "scan", "status", "snapshot", "drift", "logs"):
        return args
    if tool == "provision" and {*INSTALLABLE, "template"} & set(args):
        return args
    return {**before, **args} if args else args


def _remembered(tool: str, args: dict[str, Any], low: str, world: World) -> None:
    """A port or version that a note gives, where none was said; and the name of what a note knows by its port."""
    if tool == "deploy" and "name" not in args and world.notes:
        known = next((word for word in re.findall(r"[\w-]+", low)[1:] if world.port(word)), None)
        args |= {"name": known} if known else {}
    if (
        tool == "deploy"
        and "port" not in args
        and isinstance(args.get("name"), str)
        and (port := world.port(args["name"]))
    ):
        args["port"] = port
    if tool == "provision":
        for key in ("runtimes", "services"):
            items = args.get(key)
            if isinstance(items, list):
                named: list[str] = [str(item) for item in items]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # compose gives strings
                args[key] = [
                    f"{item}@{world.version(item)}" if "@" not in item and world.version(item) else item
                    for item in named
                ]
