"""What is to be installed or set up."""

from __future__ import annotations

import re

from ..english import ordinary
from ..found import NO, Clause, Found, asks, blanked, made
from ..frame import frame
from ..normalise import Text
from ..places import where
from ..tables import (
    EVERYDAY,
    FRAMEWORKS,
    PACKAGES,
    RUNTIMES,
    SERVICES,
)
from ..things import things
from ..values import PATH, coined, namelike, pathlike
from ..wholes import NEEDFUL, WHOLE, bare_list
from ..world import call

FRAMES = (
    frame("provision", 87, r"use (?=(?:the |an? )?[\w./-]+ template\b)", "setup"),
    frame(
        "provision",
        88,
        r"(?:sort out|take care of|handle|resolve|deal with|fix|get|update)(?= (?:all )?(?:the |my |our |missing )*(?:dependencies|deps|requirements|missing packages)\b)",
        "strong",
    ),
    frame("provision", 86.5, r"(?:run|start|launch|boot)(?= (?:me )?(?:a |an |up |another |local )+[\w.-]+)", "weak"),
    frame(
        "provision",
        86.5,
        r"(?:the |this |our |my )?(?:project|app|repo|code|build|service|backend|frontend|tests?) (?:needs?|requires?|wants?|depends? on|uses?)\b",
        "weak",
    ),
    frame("provision", 88.6, r"(?:make|have|keep)(?= .{2,60} (?:available|usable|present|installed)$)", "ensure"),
    frame(
        "provision",
        87,
        r"(?:an? |the )?(?:brand )?new (?:project|app|service|repo|application)(?= (?:from|with|using|based|out of))",
        "setup",
    ),
    frame(
        "provision",
        97,
        r"(?:get|bring|put|take|move|go|set|roll|push)(?= (?:the )?[\w.+-]+ (?:back |up |down |over )?to (?:version )?v?\d)",
        "move",
    ),
    frame(
        "provision",
        88.5,
        r"(?:do|perform|start|begin)(?: me| us)?(?: the| a| an| my)? ?(?:whole |full |complete |initial )?(?:setup|set-up|installation|bootstrap|onboarding|provisioning)\b",
        "setup",
    ),
    frame(
        "provision",
        86,
        r"(?:i|we|you|it|this|they)(?:'ll| will|'d| would|'re going to|'m going to)(?: also| probably| really)* (?:need|require|want|like|use)\b",
        "weak",
    ),
    frame(
        "provision",
        86,
        r"(?:try(?: out)?|toss(?: in)?|throw(?: in)?|chuck(?: in)?|slap(?: in)?|drop in|pop in|load up|pull|ensure|have)\b",
        "weak",
    ),
    frame(
        "provision",
        99,
        r"(?:(?:pip3?|uv pip|uv|npm|pnpm|yarn|apt|apt-get|brew|cargo|gem|go|poetry|conda|bun|composer|pipx)(?: -g| global)?) (?:install|add|get|i|require)\b(?! -)",
        "strong",
    ),
    frame("provision", 90, r"(?:re-?install|install|provision)\b", "strong"),
    frame("provision", 89, r"(?:make|do)(?: an?| the)? (?:install|installation)(?: of)?\b", "strong"),
    frame(
        "provision",
        88.5,
        r"(?:make sure|ensure|see to it|check)(?: that)? (?=.{0,60}\b(?:(?:is|are|gets?|be)(?: all)? )?(?:usable|installed|there|available|present|set up|in place|up to date)\b)",
        "ensure",
    ),
    frame("provision", 88, r"(?:upgrade|bump|update|downgrade|pin)\b", "upgrade"),
    frame("provision", 88, r"(?:make|do)(?: an?| the)? (?:upgrade|update)(?: of| to)?\b", "upgrade"),
    frame(
        "provision",
        87,
        r"(?:set ?up|setup|bootstrap|prepare|scaffold|initiali[sz]e|init|configure|onboard|ready|make|create|generate|start|build|set(?= (?:\S+ ){1,4}up\b)|get(?= (?:\S+ ){1,5}(?:running|started|going|ready|working|installed|set up|up and running)\b)|bring(?= (?:\S+ ){1,3}up\b)|get(?= (?:running|started|going)\b)|spin up|bring up|stand up|fire up|start up)\b",
        "setup",
    ),
    frame("provision", 88, r"(?:change|set|switch|move)(?= (?:the |my |our )?[\w.+-]+ version to )", "upgrade"),
    frame(
        "provision",
        86,
        r"(?:i'?m )?(?:add|get|give|fetch|need|needs|require|requires|want|use|put|have|include|bring in|grab|like|missing|should be on|must be on|go with|pull in|switch(?: over)? to|change to|move to|stick to)(?: me| us)?\b",
        "weak",
    ),
    frame(
        "provision",
        70,
        r"(?:this|the|our|my|it)(?: (?:project|app|repo|code|one|service|thing|backend|frontend|build))? (?:needs|requires|wants|depends on|should (?:use|be on|run on)|must (?:use|be on|run on))\b",
        "weak",
    ),
    frame("provision", 70, r"(?:there is no|there's no|(?:i'?m |we'?re )?missing|no) (?=\S+(?: here)?$)", "weak"),
)

_GPU = re.compile(
    r",?\s(?:(?:and |but )?(?:with|including|plus|using|for|on|enable|and|has|need(?:s|ing)?)\s+(?:a |the |an )?)(?:nvidia |cuda )?(?:gpu|cuda)s?(?: support| enabled| acceleration| version)?(?=[\s,.]|$)|\s(?:a |an )?(?:gpu|cuda)[- ](?:enabled|support|version|capable|ready|accelerated)?\s?(?:environment|env|machine|setup|box|version|build)?(?=[\s,.]|$)"
)

_TEMPLATE = re.compile(
    r"\s(?:from|using|with|based on|use|by|out of)\s+(?:the |a |an |my |our )?(?:template\s+(?:called |named )?[\"']?(?P<after>[\w./-]+)[\"']?|[\"']?(?P<before>[\w./-]+)[\"']?\s+template)|\stemplate[ :=]+(?:called |named )?[\"']?(?P<bare>[\w./-]+)[\"']?"
)

_NEW = re.compile(
    r"^\s*(?:me |us )?(?:up )?(?:a |an |the )?(?:brand )?(?:new |fresh |empty |basic |simple )*(?P<name>[\w.+-]+)(?: based)? (?:app|application|project|service|api|site|backend|frontend|starter|skeleton|template|website|webapp)\b"
)


def read(clause: Clause) -> Found | None:
    how, world = clause.frame.how, clause.world
    verb = clause.head.strip()
    place = where(clause.rest, world, bare=True)
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    text = place.text
    parts = rf"{PATH.pattern}|frontend|backend" if verb in ("set up", "setup", "prepare", "bootstrap") else PATH.pattern
    if how == "setup" and not place.path and (direct := re.match(rf"\s*(?:the |my |our )?({parts})(?=\s|$)", text.low)):
        place.path = None if direct[1] == "." else text.raw(direct.start(1), direct.end(1))
        text = text.blank(direct.start(), direct.end())
        if re.fullmatch(r"\s*(?:up|ready|to (?:run|go|work)|running|going|and running|\s)*", text.low):
            return made(call("provision", path=place.path, on=place.on))
    if how == "move":
        moved = re.match(r"\s*(?:the )?([\w.+-]+)", text.low)
        if moved is None or not (moved[1] in PACKAGES or moved[1] in RUNTIMES or moved[1] in SERVICES):
            return None
        text, how = blanked(text, r"\s(?:back|up|down|over)(?= to )"), "strong"
    if how == "ensure":
        text = blanked(
            text,
            r"\s(?:(?:is|are|gets?|be)(?: all)? )?(?:usable|installed|there|available|present|set up|in place|up to date)\b.*$",
        )
        if WHOLE.fullmatch(text.low) and NEEDFUL.search(text.low):
            return made(call("provision", path=place.path, on=place.on))
        how = "weak"
    gpu = None
    if match := _GPU.search(text.low):
        gpu, text = True, text.blank(match.start(), match.end())
    template: str | None = None
    if match := _TEMPLATE.search(text.low):
        group = next(g for g in ("after", "before", "bare") if match[g])
        if namelike(match[group]) or pathlike(match[group]):
            template = text.raw(match.start(group), match.end(group))
            text = text.blank(match.start(), match.end())
    if (
        how == "setup"
        and template is None
        and (match := _NEW.match(text.low))
        and match["name"] in FRAMEWORKS
        and re.search(r"\bnew\b|\ba\b|\ban\b|scaffold|create|make|generate", text.low[: match.start("name")] + verb)
    ):
        after = text.cut(match.end())
        if match["name"] not in RUNTIMES or re.search(
            r"\bnew\b|scaffold|create|generate", text.low[: match.start("name")] + verb
        ):
            template = text.raw(match.start("name"), match.end("name"))
            text = after
            if text.low and not re.match(r"(?:with|and|,)", text.low):
                text = text.cut(len(text.low))
    low = text.low.strip(" .,;:!?")
    if template is not None:
        low = re.sub(
            r"^(?:to |create |make |build |start |me |us |up |a |an |the |new |my |project|app|application|service|here|environment|called \S+|named \S+|in \S+| )+",
            "",
            low,
        )
        extra = (
            things(Text(" " * (len(text.low) - len(low)) + low, text.starts, text.ends, text.original).cut(), world)
            if low and text.low.rstrip(" .,;:!?").endswith(low)
            else None
        )
        if extra and not extra.empty and extra.sure:
            return made(
                call(
                    "provision",
                    runtimes=extra.runtimes,
                    packages=extra.packages,
                    services=extra.services,
                    template=template,
                    gpu=gpu,
                    path=place.path,
                    on=place.on,
                )
            )
        return made(call("provision", template=template, gpu=gpu, path=place.path, on=place.on))
    whole = call(
        "provision", gpu=gpu, path=place.path or (world.path() if re.search(r"\bit\b", low) else None), on=place.on
    )
    if not low:
        if how == "strong":
            return (
                made(whole)
                if place.path and "/" in place.path
                else asks(
                    "Install what? Name packages, runtimes or services; `set this project up` installs all it needs."
                )
            )
        if how == "upgrade":
            return asks("Upgrade what? Name the package, runtime or service.")
        if verb in (
            "setup",
            "set up",
            "bootstrap",
            "provision",
            "onboard",
            "scaffold",
            "init",
            "get running",
            "get started",
            "get going",
        ) or verb.startswith(("get", "do ", "perform")):
            return made(whole)
        return (
            made(whole)
            if how == "setup" and (place.path or place.on) and verb.startswith(("set", "prep", "boot", "init", "conf"))
            else None
        )
    if how == "upgrade" and re.fullmatch(
        r"(?:everything|all|it|this|all (?:of )?(?:the |my )?(?:packages|dependencies|deps|things)|(?:the |my |our |all )*(?:dependencies|deps|packages|project|requirements|libraries|env\w*|system|tools))(?: to .*)?",
        low,
    ):
        return asks(
            "Upgrade which packages? Name them, for example: upgrade numpy. `drift against spec` shows what differs from the lockfile."
        )
    if (
        how == "weak"
        and WHOLE.fullmatch(low)
        and re.search(r"\b(?:dependencies|deps|requirements|packages|libraries|modules|prerequisites)\b", low)
        and not re.match(r"(?:to|it\b)", low)
    ):
        return made(whole)
    if how == "setup" and re.fullmatch(r"(?:me|us)(?: all)?(?: up)?", low) and verb.startswith(("set", "get")):
        return made(whole)
    if (
        how == "strong"
        and re.fullmatch(r"(?:it|this|that|them|these|those)(?: all| too| now)*", low)
        and not place.path
    ):
        if any(c.tool == "scan" for c in world.earlier[-1:]):
            return made(whole)
        return asks("Install what? Name packages, runtimes or services; `set this project up` installs all it needs.")
    if how == "upgrade" and re.match(r"to (?:the )?(?:latest|newest)", low):
        return asks("Upgrade what? Name the package, runtime or service.")
    if how in ("strong", "setup") and WHOLE.fullmatch(low) and (NEEDFUL.search(low) or verb.startswith("get")):
        if verb in ("make", "create", "generate", "start", "build", "ready") and not re.search(
            r"\b(?:running|ready|environment ready|run|work)\b|\benv\w*\b", low
        ):
            return (
                asks("Set the project up as it needs? Say: set this project up. Or name a template.")
                if verb != "start"
                else None
            )
        if verb == "make" and re.search(r"\b(?:work|works|working)\b", low):
            return asks(
                "Set the project up (`set this project up`), or go back to a snapshot when it worked (`rewind to …`)?"
            )
        if verb in ("start", "build") and not re.search(r"\benv\w*\b", low):
            return None
        return made(whole)
    if (
        how in ("strong", "setup", "weak")
        and re.search(
            r"\b(?:what'?s|whatever|everything|all|anything|packages|dependencies|deps|things)\b.*\b(?:missing|needs?|needed|required?|requires|necessary)\b",
            low,
        )
        and (how != "weak" or re.match(r"(?:me )?(?:everything|all|whatever|what)", low))
    ):
        return made(whole)
    if (
        how == "strong"
        and re.match(
            r"(?:(?:all|the|my|our|every|its|project|python|node|npm|pip|missing|remaining|right|correct) )*(?:dependencies|deps|requirements|dependency|packages|prerequisites)\b(?! (?:called|named))",
            low,
        )
        and not things(text, world).sure
    ):
        return made(whole)
    upgrade = how == "upgrade" and not verb.startswith(("downgrade", "pin"))
    found = things(bare_list(text, how), world, upgrade=upgrade)
    if how in ("weak", "setup") and (found.everyday or any(ordinary(word) for word in found.unsure)):
        return None
    if found.everyday or any(w in EVERYDAY for s in found.strange for w in s.lower().split()):
        return NO
    weak = how in ("weak", "setup")
    if found.strange and any(re.match(r"(?i)(?:my|me|your|yourself|him|her)\b", s) for s in found.strange):
        return NO
    added = re.match(r"(?:add|throw|toss|pull|include|chuck|fetch|grab|bring in|put|slap|drop in|pop in)\b", verb)
    if weak and added and found.unsure and all(coined(name) and not ordinary(name) for name in found.unsure):
        found.sure = True
    if weak and not found.sure and not found.vague:
        explicit = re.search(r"\b(?:package|packages|library|libraries|module|dependency|runtime)\b", low)
        if not explicit:
            return None
    if found.vague and found.empty:
        if how == "weak" and verb not in ("add", "get", "need"):
            return None
        return asks("Install which one? Name the package, runtime or service.") if how != "setup" else None
    if found.strange and not found.empty and how != "setup":
        if weak and not all(len(s.split()) < 4 for s in found.strange):
            return None
        return asks(f"What is {found.strange[0]!r}? Name each package, runtime or service as its index does.")
    if found.empty:
        if (
            any(
                word in PACKAGES or word in SERVICES or word in RUNTIMES
                for s in found.strange
                for word in s.lower().split()
            )
            and how == "strong"
        ):
            return asks(f"What is {found.strange[0]!r}? Put a comma between the names.")
        if (
            how == "strong"
            and found.strange
            and len(found.strange[0].split()) <= 3
            and not re.search(r"\b(?:a|an|my|the|some)\b", low)
        ):
            return asks(f"What is {found.strange[0]!r}? Name each package, runtime or service as its index does.")
        return NO if how in ("strong", "upgrade") else None
    if upgrade and not found.sure and re.match(r"(?:my|me|your|our|his|her)\b", low):
        return NO
    if (
        how == "upgrade"
        and verb.startswith(("downgrade", "pin"))
        and not all("@" in item.lstrip("@") for item in (*found.runtimes, *found.packages, *found.services))
    ):
        return asks("To which version?")
    if (
        verb in ("start", "build", "use", "like", "like to", "want")
        and not found.runtimes
        and not found.services
        and not any("@" in p for p in found.packages)
        and verb in ("start", "build")
    ):
        return None
    return made(
        call(
            "provision",
            runtimes=found.runtimes,
            packages=found.packages,
            services=found.services,
            gpu=gpu,
            path=place.path,
            on=place.on,
        )
    )
