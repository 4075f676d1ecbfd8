"""What is to be removed; asked back rather than guessed."""

from __future__ import annotations

import re

from ..found import NO, Clause, Found, asks, foreign, made, names
from ..frame import frame
from ..tables import (
    EVERYDAY,
    OBJECTS,
    PACKAGES,
    RUNTIMES,
    SERVICEISH,
    SERVICES,
)
from ..values import coined, namelike, pathlike
from ..world import call

FRAMES = (
    frame(
        "destroy",
        90,
        r"(?:destroy|tear down|teardown|tear(?= \S+ down)|decommission|dismantle|nuke|take down|obliterate|terminate|demolish|raze|undeploy|annihilate|wipe out)\b",
        "strong",
    ),
    frame(
        "destroy",
        85,
        r"(?:delete|remove|kill|stop|get rid of|shut down|shutdown|drop|erase|wipe|take|bring down|uninstall|clear|clean up|purge|trash|discard|throw away|rm|retire)\b",
        "weak",
    ),
    frame("destroy", 86, r"throw(?= \S+ away$)", "weak"),
    frame(
        "destroy",
        86,
        r"(?:i am|i'm|we are|we're) (?:done|finished|through) with(?= (?:the )?(?:sandbox )?\S+$)",
        "done",
    ),
)

_ALL = re.compile(
    r"^\s*(?:it all|all(?: of)?(?: (?:it|them|the \w+|my \w+))?|everything|the lot|them all|stuff|things|up|everything up|the \w+ up|this mess|my (?:project|environment|machine|disk)|the (?:project|environment|machine))?(?: (?:except|but|apart from|other than) .*| here| now| up| completely)*\s*[.!?]?$"
)


def read(clause: Clause) -> Found | None:
    rest, world, weak = clause.rest, clause.world, clause.frame.how == "weak"
    if clause.head.strip() == "throw":
        rest = rest.cut(0, len(rest.low) - len(" away"))
    low = rest.low
    known = f" What EnvSync made here: {', '.join(world.known.services[:8])}." if world.known.services else ""
    if re.match(r"\s*(?:it|that|this|them|that one|this one)(?: again| down| completely| now)?$", low):
        name = world.name()
        if name:
            return made(call("destroy", name=name))
        return asks(f"Destroy what?{known} Name the service, deployment or sandbox.")
    living = world.known.services
    if re.match(r"\s*(?:the|my|that|this) sandbox(?: again| now)?$", low) and len(living) == 1:
        return made(call("destroy", name=living[0]))
    if clause.frame.how == "done":
        name = low.split()[-1]
        return asks(f"Destroy {name}? It is removed for good. Say: destroy {name}.") if name in living else None
    if _ALL.match(low):
        if clause.head.strip() in ("take", "drop", "trash", "erase", "uninstall") and not low:
            return asks(f"Remove what?{known}")
        keep = (
            " I only know what to keep, and that is not enough to delete by."
            if re.search(r"\b(?:except|but|apart from)\b", low)
            else ""
        )
        return asks(
            f"What exactly should go?{keep}{known} Nothing was removed. Name a service, deployment or sandbox to destroy, or say"
            " `rewind to` and a snapshot to take files and packages back."
        )
    if clause.head.strip() == "take":
        return None
    explicit = bool(re.search(r"\b(?:deployments?|services?|sandbox(?:es)?|stack|containers?)\b", low))
    found = names(rest)
    if any(item.low in EVERYDAY or any(w in EVERYDAY for w in item.low.split()) for item in found):
        return NO
    if not found or all(item.low in OBJECTS for item in found):
        return asks(f"Destroy what?{known}")
    if not explicit and any(
        foreign(i.low, world) and re.search(rf"\b(?:my|your|his|her|our|all)\b.*{re.escape(i.low)}", low)
        for i in found
        if namelike(i.low)
    ):
        return NO
    if re.match(
        r"\s*(?:the |my |all |old |this |a )*(?:snapshots?|files?|folders?|director(?:y|ies)|logs|node_modules|cache|packages?|lines?|comments?|branch(?:es)?|commits?|tests?|function|class|method|variable|bug|bugs|code|column|database|context)\b",
        low,
    ) or any((pathlike(i.low) and not coined(i.low)) or i.low.startswith((".", "/", "~")) for i in found):
        return asks(
            "I do not delete files, packages or snapshots by name. `run` can carry out a command that you name; `rewind` takes files and packages back."
        )
    if any(not namelike(item.low) for item in found):
        return NO
    if weak and not explicit:
        if re.match(r"\s*(?:my|your|his|her|our)\b", low) and not all(
            i.low in SERVICEISH
            or i.low in SERVICES
            or i.low in PACKAGES
            or i.low in RUNTIMES
            or coined(i.low)
            or i.low in world.known.services
            for i in found
        ):
            return NO
        if any(i.low in PACKAGES or i.low in RUNTIMES or clause.head.strip() == "uninstall" for i in found):
            return asks(
                f"Packages are taken off by going back: rewind to before {found[0].raw()} was installed? Or run a command, such as `run pip uninstall {found[0].raw()}`?"
            )
        if not all(
            i.low in world.known.services
            or (coined(i.low) and clause.head.strip() in ("delete", "remove", "kill", "get rid of", "shut down"))
            for i in found
        ):
            return asks(
                f"Do you mean to destroy {found[0].raw()}, which stops and removes it?{known} Say: destroy {found[0].raw()}."
            )
    if (
        not weak
        and re.match(r"\s*(?:this|my)\b", low)
        and not explicit
        and not all(coined(i.low) or i.low in SERVICES or i.low in world.known.services for i in found)
    ):
        return NO
    if (
        not weak
        and not explicit
        and any(
            i.low.endswith("s") and not coined(i.low) and i.low not in SERVICES and i.low not in world.known.services
            for i in found
        )
    ):
        return asks(f"Destroy {found[0].raw()}: is that the name of a service, deployment or sandbox?{known}")
    if not explicit and any(foreign(i.low, world) for i in found):
        strange = next(i for i in found if foreign(i.low, world))
        if re.search(rf"\b(?:the|my|this|that|old|all|your|our|a)\b.*\b{re.escape(strange.low)}\b", low):
            return NO
        return asks(f"Destroy {strange.raw()}: is that the name of a service, deployment or sandbox?{known}")
    return made(*(call("destroy", name=item.raw()) for item in found))
