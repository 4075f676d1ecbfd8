"""The arguments of scan, provision, deploy and sync."""

from __future__ import annotations

import re

from .normalise import Text
from .places import where
from .slots import NO, Clause, Found, asks, foreign, made, quoted
from .english import ordinary
from .tables import EVERYDAY, FRAMEWORKS, OBJECTS, PACKAGES, RUNTIMES, SERVICEISH, SERVICES
from .things import things
from .values import HOSTISH, JOINT, PATH, PLACE, coined, context, namelike, number, pathlike
from .world import call

_SCAN_OBJECT = re.compile(
    r"(?:\b(?:the|this|my|our|a|an|that|whole|entire|current|all|of|in|at|and|it|its|what|is|are|it's|for|here|there|project|projects|repo|repos|repository|codebase|code|app|application|folder|directory|dir|source|sources|"
    r"env|environment|environments|machine|laptop|computer|system|host|box|server|pc|mac|hardware|setup|stack|everything|service|services|package|packages|dependencies|deps|dependency|requirements|runtimes?|tools?|workspace|"
    r"missing|installed|needs?|needed|requires?|has|have|does|do|i|we|you|me|tell|see|know|if|whether|anything|something|which|how|versions?|needs|uses?|used|running|on|to|with|only|just|not|again|please|now|quickly|deeply|for me|"
    r"container|vm|thing|things|around|look|detect|gpu|cpu|memory|ram|disk|ports?|databases?|languages?|frameworks?|variables|manifests?|lockfiles?|monorepo|frontend|backend|local|remote|state|fingerprint|and tell|there's|over|first|run|run it|"
    r"work|works|up|down|so|that|can|could|get|started|start|build|ready|what's|well|info|information|about|kind|type|sort|gives?|report|list|out|check|complete|completeness|python|node|from|scratch|full|scan|version)\b|[^\w\s])"
)
_MACHINE = re.compile(r"\b(?:machine|laptop|computer|hardware|host|box|pc|mac|workstation|gpu|cpu|graphics card|server|system|installed|os)\b")


def scan(clause: Clause) -> Found | None:
    how, world, low = clause.frame.how, clause.world, clause.text.low
    place = where(clause.text, world, bare=True)
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    path = place.path
    scope: str | None = None
    rest = place.text.low
    if how == "verb":
        obj = where(clause.rest, world, bare=True)
        path = path or obj.path
        if not path and (match := re.search(rf"\s({PATH.pattern})(?=[\s,]|$)", obj.text.low)):
            raw = obj.text.raw(match.start(1), match.end(1))
            path, obj.text = (None if raw == "." else raw), obj.text.blank(match.start(1), match.end(1))
        if not path and (match := re.search(r"\s([\w.-]+(?:/[\w.-]+)+)(?=[\s,]|$)", obj.text.low)):
            path, obj.text = obj.text.raw(match.start(1), match.end(1)), obj.text.blank(match.start(1), match.end(1))
        left = _SCAN_OBJECT.sub(" ", obj.text.low).split()
        if any(word in EVERYDAY for word in left) or any(word in EVERYDAY for word in obj.text.low.split() if word not in ("system", "table")):
            return NO
        verb = clause.head.strip()
        if re.fullmatch(r"\s*(?:me|us|him|her|you|yourself|them)", obj.text.low):
            return NO
        if verb in ("check", "study", "go over", "go through", "investigate", "explore") and not obj.text.low.strip() and not place.on and not path:
            return None
        if left:
            if len(left) == 1 and pathlike(left[0]):
                start = obj.text.low.find(left[0])
                path = obj.text.raw(start, start + len(left[0]))
            elif not left:
                pass
            elif len(left) == 1 and namelike(left[0]) and re.search(rf"(?:folder|directory|dir|repo|project|service)\s+{re.escape(left[0])}|{re.escape(left[0])}\s+(?:folder|directory|dir)", obj.text.low):
                start = obj.text.low.find(left[0])
                path = obj.text.raw(start, start + len(left[0]))
            elif not (verb.startswith(("look", "have", "take")) and re.search(r"\b(?:need|missing|project|repo)\w*\b", obj.text.low)) and not (len(left) <= 2 and re.search(r"\binstalled\b", obj.text.low)):
                return NO if verb in ("scan", "rescan") else None
        if not place.on and verb in ("check", "audit", "diagnose", "study", "assess") and not re.search(r"\b(?:project|repo|env\w*|machine|laptop|computer|setup|missing|installed|dependencies|requirements|needs?|deps|host|box)\b", rest) and not path:
            return None
    if how in ("machine",):
        scope = "machine"
        if any(w in EVERYDAY for w in re.findall(r"[a-z]+", rest)):
            return NO
        if re.search(r"\b(?:project|repo)\b.{0,20}\b(?:need|use|require)", rest):
            scope = None
    elif how == "verb" and (_MACHINE.search(rest) and not re.search(r"\b(?:project|repo|code\w*|app|env\w*|everything|needs?|missing)\b", re.sub(r"not (?:the |my )?(?:project|repo).*", "", rest)) or re.search(r"\s(?:my|this) (?:machine|laptop|computer|box)", low) and not re.search(r"\bproject|repo|needs?\b", low)):
        scope = "machine"
    if re.search(r"\b(?:only|just) (?:the |this |my )?(?:project|repo|code)\b|\b(?:project|repo|code) only\b|not (?:the|my|this) (?:machine|laptop|host|system|computer)", low):
        scope = "project"
    elif re.search(r"\b(?:only|just) (?:the |this |my )?(?:machine|laptop|host|computer|system)\b|\bmachine only\b", low):
        scope = "machine"
    if how in ("needs", "stack", "complete") and any(w in EVERYDAY for w in re.findall(r"[a-z]+", rest)):
        return NO
    if how == "complete" and not re.search(r"\b(?:install|here|there|present|available|met|need|in place|satisfied|missing|run|build|start|ready|have|required|complete|handle|develop)", low):
        return None
    if how == "needs" and not re.search(r"\b(?:this|it|i|we|here|project|repo\w*|app|code\w*|missing|folder|directory|needed|setup|machine|on|env\w*)\b|/", low):
        return None
    if how == "machine" and re.search(r"\b(?:this|the) (?:project|repo|app)\b.*\b(?:use|need)", low):
        scope = None
    return made(call("scan", path=path, on=place.on, scope=scope))


_GPU = re.compile(r",?\s(?:(?:and |but )?(?:with|including|plus|using|for|on|enable|and|has|need(?:s|ing)?)\s+(?:a |the |an )?)(?:nvidia |cuda )?(?:gpu|cuda)s?(?: support| enabled| acceleration| version)?(?=[\s,.]|$)|\s(?:a |an )?(?:gpu|cuda)[- ](?:enabled|support|version|capable|ready|accelerated)?\s?(?:environment|env|machine|setup|box|version|build)?(?=[\s,.]|$)")
_TEMPLATE = re.compile(
    r"\s(?:from|using|with|based on|use|by|out of)\s+(?:the |a |an |my |our )?(?:template\s+(?:called |named )?[\"']?(?P<after>[\w./-]+)[\"']?|[\"']?(?P<before>[\w./-]+)[\"']?\s+template)|\stemplate[ :=]+(?:called |named )?[\"']?(?P<bare>[\w./-]+)[\"']?"
)
_NEW = re.compile(
    r"^\s*(?:me |us )?(?:up )?(?:a |an |the )?(?:brand )?(?:new |fresh |empty |basic |simple )*(?P<name>[\w.+-]+)(?: based)? (?:app|application|project|service|api|site|backend|frontend|starter|skeleton|template|website|webapp)\b"
)
_WHOLE = re.compile(
    r"(?:(?:\b(?:it|this|that|everything|all|all of it|the|my|our|a|an|these|those|whole|entire|project|projects|repo|repository|app|application|codebase|code|thing|env|envs|environment|dev|development|local|workspace|setup|machine|stuff|me|us|up|and|running|going|ready|started|set|"
    r"working|to go|to run|for (?:work|development|coding|this project|the project|me|it|dev)|dependencies|dependency|deps|requirements(?:\.txt)?|packages|missing|needed|required|necessary|needs|need|requires|wants|is|are|was|what's|whats|what|whatever|anything|which|of|i|we|you|for|to|run|in|from|here|now|again|properly|completely|correctly|"
    r"please|place|up for|so|can|could|work|works|on|with|lockfile|package\.json|pyproject\.toml|listed|declared|by|does|has|have|that's|not|there|yet|still|scan|says|said|found|start|installed|build|libs|libraries|tools|prerequisites|modules|missing|stack|things|bits|pieces|be|able|test|tests|quickly|clean|fresh|new|cloned|just|repo's|project's|its|vortex\.yaml|manifest|spec)\b)|[\s,.;:!?'])+"
)
_NEEDFUL = re.compile(r"\b(?:project|repo\w*|app|application|codebase|everything|all|dependenc\w+|deps|requirements|packages|missing|needed|required|necessary|needs|env\w*|whatever|this|it|running|started|ready|workspace|stuff|machine|modules|libraries|prerequisites|thing|setup|spec|lockfile|declared)\b")


def provision(clause: Clause) -> Found | None:
    how, world = clause.frame.how, clause.world
    verb = clause.head.strip()
    place = where(clause.rest, world, bare=True)
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    text = place.text
    if how == "ensure":
        text = blank(text, r"\s(?:is|are|gets?|be)(?: all)? (?:installed|there|available|present|set up|in place|up to date)\b.*$")
        if _WHOLE.fullmatch(text.low) and _NEEDFUL.search(text.low):
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
    if how == "setup" and template is None and (match := _NEW.match(text.low)) and match["name"] in FRAMEWORKS and re.search(r"\bnew\b|\ba\b|\ban\b|scaffold|create|make|generate", text.low[: match.start("name")] + verb):
        after = text.cut(match.end())
        if match["name"] not in RUNTIMES or re.search(r"\bnew\b|scaffold|create|generate", text.low[: match.start("name")] + verb):
            template = text.raw(match.start("name"), match.end("name"))
            text = after
            if text.low and not re.match(r"(?:with|and|,)", text.low):
                text = text.cut(len(text.low))
    low = text.low.strip(" .,;:!?")
    if template is not None:
        low = re.sub(r"^(?:me |us |up |a |an |the |new |my |project|app|application|service|here|environment|called \S+|named \S+|in \S+| )+", "", low)
        extra = things(Text(" " * (len(text.low) - len(low)) + low, text.starts, text.ends, text.original).cut(), world) if low and text.low.rstrip(" .,;:!?").endswith(low) else None
        if extra and not extra.empty and extra.sure:
            return made(call("provision", runtimes=extra.runtimes, packages=extra.packages, services=extra.services, template=template, gpu=gpu, path=place.path, on=place.on))
        return made(call("provision", template=template, gpu=gpu, path=place.path, on=place.on))
    whole = call("provision", gpu=gpu, path=place.path or (world.path() if re.search(r"\bit\b", low) else None), on=place.on)
    if not low:
        if how == "strong":
            return made(whole) if place.path and "/" in place.path else asks("Install what? Name packages, runtimes or services; `set this project up` installs all it needs.")
        if how == "upgrade":
            return asks("Upgrade what? Name the package, runtime or service.")
        if verb in ("setup", "set up", "bootstrap", "provision", "onboard", "scaffold", "init", "get running", "get started", "get going") or verb.startswith("get"):
            return made(whole)
        return made(whole) if how == "setup" and (place.path or place.on) and verb.startswith(("set", "prep", "boot", "init", "conf")) else None
    if how == "upgrade" and re.fullmatch(r"(?:everything|all|it|this|all (?:of )?(?:the |my )?(?:packages|dependencies|deps|things)|(?:the |my |our |all )*(?:dependencies|deps|packages|project|requirements|libraries|env\w*|system|tools))(?: to .*)?", low):
        return asks("Upgrade which packages? Name them, for example: upgrade numpy. `drift against spec` shows what differs from the lockfile.")
    if how == "weak" and _WHOLE.fullmatch(low) and re.search(r"\b(?:dependencies|deps|requirements|packages|libraries|modules|prerequisites)\b", low) and not re.match(r"(?:to|it\b)", low):
        return made(whole)
    if how == "setup" and re.fullmatch(r"(?:me|us)(?: all)?(?: up)?", low) and verb.startswith(("set", "get")):
        return made(whole)
    if how == "strong" and re.fullmatch(r"(?:it|this|that|them|these|those)(?: all| too| now)*", low) and not place.path:
        if any(c.tool == "scan" for c in world.earlier[-1:]):
            return made(whole)
        return asks("Install what? Name packages, runtimes or services; `set this project up` installs all it needs.")
    if how == "upgrade" and re.match(r"to (?:the )?(?:latest|newest)", low):
        return asks("Upgrade what? Name the package, runtime or service.")
    if how in ("strong", "setup") and _WHOLE.fullmatch(low) and (_NEEDFUL.search(low) or verb.startswith("get")):
        if verb in ("make", "create", "generate", "start", "build", "ready") and not re.search(r"\b(?:running|ready|environment ready|run|work)\b|\benv\w*\b", low):
            return asks("Set the project up as it needs? Say: set this project up. Or name a template.") if verb != "start" else None
        if verb == "make" and re.search(r"\b(?:work|works|working)\b", low):
            return asks("Set the project up (`set this project up`), or go back to a snapshot when it worked (`rewind to …`)?")
        if verb in ("start", "build") and not re.search(r"\benv\w*\b", low):
            return None
        return made(whole)
    if how in ("strong", "setup", "weak") and re.search(r"\b(?:what'?s|whatever|everything|all|anything|packages|dependencies|deps|things)\b.*\b(?:missing|needs?|needed|required?|requires|necessary)\b", low) and (how != "weak" or re.match(r"(?:me )?(?:everything|all|whatever|what)", low)):
        return made(whole)
    if how == "strong" and re.match(r"(?:(?:all|the|my|our|every|its|project|python|node|npm|pip|missing|remaining|right|correct) )*(?:dependencies|deps|requirements|dependency|packages|prerequisites)\b(?! (?:called|named))", low) and not things(text, world).sure:
        return made(whole)
    upgrade = how == "upgrade" and not verb.startswith(("downgrade", "pin"))
    found = things(_to(text, how), world, upgrade=upgrade)
    if how in ("weak", "setup") and (found.everyday or any(ordinary(word) for word in found.unsure)):
        return None
    if found.everyday or any(w in EVERYDAY for s in found.strange for w in s.lower().split()):
        return NO
    weak = how in ("weak", "setup")
    if found.strange and any(re.match(r"(?i)(?:my|me|your|yourself|him|her)\b", s) for s in found.strange):
        return NO
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
        if any(word in PACKAGES or word in SERVICES or word in RUNTIMES for s in found.strange for word in s.lower().split()) and how == "strong":
            return asks(f"What is {found.strange[0]!r}? Put a comma between the names.")
        if how == "strong" and found.strange and len(found.strange[0].split()) <= 3 and not re.search(r"\b(?:a|an|my|the|some)\b", low):
            return asks(f"What is {found.strange[0]!r}? Name each package, runtime or service as its index does.")
        return NO if how in ("strong", "upgrade") else None
    if upgrade and not found.sure and re.match(r"(?:my|me|your|our|his|her)\b", low):
        return NO
    if how == "upgrade" and verb.startswith(("downgrade", "pin")) and not all("@" in item.lstrip("@") for item in (*found.runtimes, *found.packages, *found.services)):
        return asks("To which version?")
    if verb in ("start", "build", "use", "like", "like to", "want") and not found.runtimes and not found.services and not any("@" in p for p in found.packages) and verb in ("start", "build"):
        return None
    return made(call("provision", runtimes=found.runtimes, packages=found.packages, services=found.services, gpu=gpu, path=place.path, on=place.on))


def _to(text: Text, how: str) -> Text:
    """Without what is around the list: "me", "up", "a … environment with"."""
    for pattern in (
        r"\s(?:as|to) (?:a |the |my )?(?:dev |development |test |optional )?(?:dependency|dependencies|deps|devdependenc\w+)\b",
        r"\sfrom v?[\d.·]+(?=\s+to\s)",
        r"\s(?:please|instead of \S+(?: \S+)?|and nothing else|only)\s*$",
        r"^\s*(?:the |my |our )(?=[\w.+-]+ version to )",
        r"^\s*(?:me |us |up |here |out |in )+",
        r"\s(?:up|in place|ready|going|running|up and running|for me|locally|installed|set up|in)\s*$" if how in ("setup", "weak") else r"\s(?:for me|globally|locally|in place)\s*$",
        r"^\s*(?:a |an |the |my )?(?:new |fresh |clean |local )*(?:(?:dev|development|virtual|test)\s+)?(?:env\w*|setup|venv|stack|project|machine|container) (?:with|for|using|on|of)\s+",
        r"^\s*version (?=\S+ of )",
    ):
        if match := re.search(pattern, text.low):
            text = text.blank(match.start(), match.end()).cut()
    if match := re.search(r"\s(?:env\w*|venv|setup|virtualenv)(?= (?:with|and)\b|$)", text.low):
        text = text.blank(match.start(), match.end()).cut()
    return text


_REPLICAS = re.compile(rf"[,\s]+(?:(?:with|on|and|using|at|in|run|running|scaled to|scale(?: it)? to|replicated)\s+)*(?:(\d[\d{JOINT}]*)\s*(?:x\s*)?(?:replicas?|instances?|copies|times|nodes|containers|pods)|(?:replicas?|instances|copies)\s*(?:=|:|of|to)?\s*(\d[\d{JOINT}]*)|(a) single (?:replica|instance))\b")
_PORT = re.compile(rf"[,\s]+(?:(?:on|at|with|using|via|and|exposed on|listening on|through|expose(?: it)?(?: on)?|under|it on)\s+)*(?:the )?port\s*(?:number |is |=|:)?\s*:?(\d[\d{JOINT}]*)|\s(?:on|at)\s+:(\d{{2,5}})\b")
_AS = re.compile(r"[,\s]+(?:and )?(?:as|named|called|name it|call it|under the name(?: of)?|with (?:the )?name|by the name(?: of)?|name(?:=|: ?| ))\s*[\"']?([\w.-]+)[\"']?")
_TO = re.compile(
    rf"(?:^|\s)(?:over )?(?:to|on|onto|in|into|at|for|with|via|using)\s+(?:the |my |our |a )?(?:(docker|swarm|docker[- ]swarm)(?: swarm)?(?![\w:])|({HOSTISH.pattern}))|(?:^|\s)(docker|swarm)(?=\s*$|\s*,)"
)
_CONTEXT = re.compile(r"(?:^|\s)(?:(?:to|on|onto|in|into|at|for|with|using|live in)\s+)(?:the |our |my )?(?:context\s+([\w.-]+)|([\w.-]+)\s+(?:context|env\w*)|([\w.-]+))(?=[\s,.!?]|$)")


def deploy(clause: Clause) -> Found | None:
    world, text = clause.world, clause.rest
    text = Text(" " + text.low, [text.starts[0], *text.starts], [text.starts[0], *text.ends], text.original) if text.low else text
    args: dict[str, object] = {}
    sure = False
    for key, pattern in (("replicas", _REPLICAS), ("port", _PORT)):
        if match := pattern.search(text.low):
            digits = next((g for g in match.groups() if g), "1")
            value = 1 if digits == "a" else number(digits)
            if value is None or value < 1 or (key == "port" and value > 65_535):
                return asks(f"That is no {key if key == 'port' else 'number of replicas'}: {digits.replace(JOINT, ' ')}.")
            args[key] = value if (key, value) != ("replicas", 1) else None
            text, sure = text.blank(match.start(), match.end()), True
    if match := _AS.search(text.low):
        if namelike(match[1]):
            args["name"] = text.raw(match.start(1), match.end(1))
        text = text.blank(match.start(), match.end())
    if match := _TO.search(text.low):
        group = next(g for g in (1, 2, 3) if match[g])
        to = "swarm" if "swarm" in match[0] else text.raw(match.start(group), match.end(group))
        args["to"] = None if to.lower() == "docker" else to
        text, sure = text.blank(match.start(), match.end()), True
    elif re.search(r"\s(?:there|on it)\b", text.low):
        there = world.there() or world.there_swarm()
        if not there:
            return asks("Deploy it where? To docker (here), swarm, or a host such as USER@HOST.")
        args["to"] = there
        text = blank(text, r"\s(?:over )?(?:there|on it)\b")
    for _ in range(2):
        if (match := _CONTEXT.search(text.low)) or (match := re.search(r"^\s*(?:the )?()()(prod|production|staging|dev)\s*$", text.low)):
            group = next((g for g in (1, 2, 3) if match[g]), 3)
            word = match[group]
            usual = context(word)
            if usual or (group < 3 and namelike(word)):
                args["context"] = usual or text.raw(match.start(group), match.end(group))
                text, sure = text.blank(match.start(), match.end()), True
            elif word in [h.lower() for h in world.known.hosts] and word != "local":
                args["to"] = text.raw(match.start(group), match.end(group))
                text, sure = text.blank(match.start(), match.end()), True
            elif coined(word) and match[0].split()[0] in ("to", "on", "onto"):
                args["to"] = text.raw(match.start(group), match.end(group))
                text, sure = text.blank(match.start(), match.end()), True
            elif re.search(r"\bsomewhere|some server|a server|the (?:server|cloud|cluster)\b", match[0]):
                return asks("Deploy it where? To docker (here), swarm, or a host such as USER@HOST.")
            elif word in ("local", "here", "machine", "laptop"):
                text = text.blank(match.start(), match.end())
    if re.search(r"\bsomewhere\b", text.low):
        return asks("Deploy it where? To docker (here), swarm, or a host such as USER@HOST.")
    if match := re.search(rf"\s({PATH.pattern}|[\w.-]+/[\w./-]+)(?=[\s,]|$)", text.low):
        raw = text.raw(match.start(1), match.end(1))
        args["path"] = None if raw in (".", "./") else raw
        text, sure = text.blank(match.start(1), match.end(1)), True
    elif match := re.search(r"\s(?:the )?([\w.-]+)\s+(?:folder|directory|dir)\b", text.low):
        if namelike(match[1]):
            args["path"] = text.raw(match.start(1), match.end(1))
            text, sure = text.blank(match.start(), match.end()), True
    if re.search(r"\b(?:to|on|as|at|with|onto)\s*$", text.low.rstrip()) and not args:
        return asks("Deploy it where, or as what? To docker (here), swarm, or a host such as USER@HOST.")
    left = re.sub(r"[^\w\s.@-]", " ", text.low)
    if any(word in EVERYDAY for word in left.split()):
        return NO
    words = [w.strip(".") for w in left.split()]
    words = [w for w in words if w and w not in OBJECTS and w not in _DEPLOY_FILLER]
    if len(words) > 1 and not (sure and len(words) < 3):
        return None if clause.head.strip().startswith(("push", "put", "bring", "run", "get", "start")) else NO
    if words and "name" not in args:
        word = words[0]
        if not namelike(word):
            return NO
        if foreign(word, world) and (re.search(rf"\b(?:my|our|the|his|her|your)\b.*\b{re.escape(word)}\b", left) or not sure):
            return NO
        plural = word.endswith("s") and not word.endswith("ss") and word not in SERVICES and not coined(word)
        if (plural and not sure and word not in world.known.services) or (clause.head.strip() in ("ship", "release", "publish", "launch") and not sure and not coined(word) and word not in world.known.services and word not in SERVICEISH):
            return NO if plural or re.search(r"\b(?:the|my)\b", left) else asks(f"Deploy {word}: is that the name of a service of this project? Say: deploy {word} to docker.")
        start = text.low.find(word)
        args["name"] = text.raw(start, start + len(word))
    if "port" not in args and isinstance(name := args.get("name"), str):
        args["port"] = world.port(name)
    order = ("path", "to", "name", "replicas", "port", "context")
    return made(call("deploy", **{key: args[key] for key in order if key in args}))


_DEPLOY_FILLER = frozenset(
    "the a an my our your to on onto in into at for with via using and live out again now please now version latest current newest new build release it's as is up over just then go straight directly also too of from main master back server "
    "here locally be so we can machine zero downtime without gap health checked one time once more called named mode".split()
)


def blank(text: Text, pattern: str) -> Text:
    match = re.search(pattern, text.low)
    return text.blank(match.start(), match.end()) if match else text


_ONCE = re.compile(r"[,\s]+(?:and )?(?:(?:just |only )?(?:once|one time|one[- ]off|a single time)(?: only)?|(?:without|no|don't) (?:watch(?:ing)?|keep watching)|not continuously|don't watch)\b")
_ONEWAY = re.compile(r"[,\s]+(?:in )?(?:one[- ]way|one direction|unidirectional(?:ly)?)\b")
_TWOWAY = re.compile(r"[,\s]+(?:in )?(?:both (?:ways|directions)|two[- ]way|bidirectional(?:ly)?)\b")
_WATCH = re.compile(r"[,\s]+(?:and )?(?:keep (?:on )?watching|and watch|watch(?:ing)? (?:it|for changes)|continuously|all the time|live)\b")
_BETWEEN = re.compile(r"\s*(?:in sync\s+)?(?:between\s+)?(?P<a>\S.*?)\s+(?:to|with|into|onto|and|->|=>|towards?|over to|up to|down to|in sync with|as)\s+(?P<b>\S.*)$")
_FROM = re.compile(r"\s*(?P<what>.*?)\s*\bfrom\s+(?P<a>\S.*?)(?:\s+(?:to|into|onto|in|here)\s*(?P<b>.*))?$")
_PLACEWORDS = re.compile(r"^(?:(?:the|my|our|all|files|contents?|of|everything|directory|folder|dir|path|in|latest|back|up|down|over|both|from|to)\s+)+(?=\S)")


def sync(clause: Clause) -> Found | None:
    verb = clause.head.split()[-1] if clause.head.split() else ""
    verb = "sync" if verb.startswith(("sync", "resync")) else verb
    text = clause.rest
    args: dict[str, object] = {}
    if re.match(r"one[- ]way", clause.head):
        args["oneway"] = True
    both = False
    for key, value, pattern in (("watch", False, _ONCE), ("oneway", True, _ONEWAY), ("both", True, _TWOWAY), ("watching", True, _WATCH)):
        if match := pattern.search(" " + text.low):
            args[key] = value
            text = text.blank(max(match.start() - 1, 0), match.end() - 1)
    both = bool(args.pop("both", False))
    args.pop("watching", None)
    oneway = bool(args.pop("oneway", False))
    if verb in ("keep", "watch", "put", "get", "bring", "move", "send", "fetch", "start") and verb == "keep":
        if not re.search(r"\b(?:in sync|synced|synchroni[sz]ed|the same|identical|up to date)\b", text.low):
            return None
    text = _without(text, r"\b(?:in sync|synced|synchroni[sz]ed|the same|identical|mirrored|up to date)\b(?! with)")
    places = list(PLACE.finditer(text.low)) + [m for m in HOSTISH.finditer(text.low) if not PLACE.search(text.low)]
    remote = [m for m in places if ":" in m[0] and "@" in m[0] or m[0].startswith(("docker:", "ssh:", "vm:"))]
    strong = verb in ("sync", "synchronize", "synchronise", "mirror", "rsync", "scp", "replicate")
    if any(w in EVERYDAY for w in re.findall(r"(?<![\w/.:@-])[a-z]+(?![\w/.:@-])", text.low)) and not remote:
        return NO
    if not places and (of := re.search(r"\b(?:my|our|your|his|her) ([a-z]+)\W*$", text.low)) and of[1] not in OBJECTS and ordinary(of[1]) and of[1] not in SERVICEISH:
        return NO
    if clause.head.strip() in ("upload", "download", "copy", "push", "pull", "sync", "transfer", "mirror") and re.fullmatch(r"\s*(?:(?:my|the|our|all|these|some|this|everything|it|them)\s*)*(?:files?|folders?|code|project|changes|stuff|directory|dir|data|work|build)?\s*(?:up|over|down)?", text.low) and clause.head.strip() not in ("push", "pull") :
        return asks(_SYNC_ASK)
    if not places and not strong:
        if clause.head.strip() in ("pull", "push", "upload", "download", "keep"):
            return None if clause.head.strip() in ("pull", "push") and text.low.strip() else (asks(_SYNC_ASK) if not text.low.strip() else None)
        return None
    if not strong and not remote and verb in ("get", "bring", "put", "move", "send", "fetch", "copy", "download", "watch", "transfer", "keep", "upload", "push", "pull") and len(places) < 2 and verb != "copy":
        return None
    source = destination = None
    low = text.low
    if match := _FROM.match(low):
        a = text.cut(match.start("a"), match.end("a"))
        what = text.cut(match.start("what"), match.end("what"))
        b = text.cut(match.start("b"), match.end("b")) if match["b"] is not None else None
        source = _place(a)
        if b is None and what.low and re.match(r".*\b(?:to|into)\s", what.low):
            b = what.cut(re.match(r".*\b(?:to|into)\s", what.low).end())  # type: ignore[union-attr]  # matched above
        destination = _place(b) if b is not None and b.low else ("." if re.search(r"\bhere\b", low) else None)
        if what.low and pathlike(what.low.split()[-1]) and source and HOSTISH.fullmatch(source.lower()):
            source = f"{source}:{what.raw().split()[-1]}"
    elif match := _BETWEEN.match(low):
        source, destination = _place(text.cut(match.start("a"), match.end("a"))), _place(text.cut(match.start("b"), match.end("b")))
    elif len(places) == 2 or (strong and len(low.split()) == 2):
        parts = low.split()
        if len(parts) == 2:
            source, destination = _place(text.cut(0, len(low.rstrip()) - len(parts[1]))), _place(text.cut(low.rstrip().rfind(parts[1])))
    elif low.strip():
        lone = re.match(r"\s*(?:to|with|onto)\s+", low)
        only = _place(text.cut(lone.end() if lone else 0))
        if only is None and strong and not places:
            return asks(_SYNC_ASK) if not low.strip() or all(w in OBJECTS | {"files", "the", "my", "up"} for w in low.split()) else NO
        if re.fullmatch(r"here", low.strip()):
            only = None
        return asks(f"Sync {only or 'what'} {'from' if lone else 'with'} where? {_SYNC_ASK}")
    if source is None or destination is None:
        if not strong and not remote:
            return None
        if strong and not places and any(w not in OBJECTS for w in re.findall(r"[a-z]+", low) if w not in ("the", "my", "with", "to", "and", "files")):
            return NO if not remote else asks(_SYNC_ASK)
        return asks(_SYNC_ASK)
    if verb in ("push", "pull", "copy", "upload", "download", "transfer", "send", "fetch", "get", "bring", "move", "mirror", "rsync", "scp", "replicate", "put") or oneway:
        if not both:
            args["mode"] = "pull" if _far(source) else "push"
    return made(call("sync", source=source, destination=destination, mode=args.get("mode")) if args.get("watch") is not False else _once(source, destination, args.get("mode")))


_SYNC_ASK = "Which two directories? For example: sync ./src with USER@HOST:/srv/src."


def _once(source: str, destination: str, mode: object):  # noqa: ANN202  # a Call
    found = call("sync", source=source, destination=destination, mode=mode)
    return type(found)(found.tool, {**found.args, "watch": False})


def _far(place: str) -> bool:
    return bool(re.match(r"(?:docker|ssh|vm):|[^/\s]+@[^\s]+|[\w.-]{2,}:[/~.]", place))


def _without(text: Text, pattern: str) -> Text:
    return blank(text, pattern)


def _place(text: Text) -> str | None:
    text = text.cut(0, len(text.low.rstrip(" ,;!?")))
    if match := _PLACEWORDS.match(text.low):
        if re.match(r"(?:the |my |this )?(?:current )?(?:dir|directory|folder|project)$", text.low):
            return "."
        text = text.cut(match.end())
    low = text.low
    if re.fullmatch(r"(?:this|the current|current|my|the|it|here|this here|working|everything)(?: (?:current |working )?(?:folder|directory|dir|project|repo|path|stuff|code))?|(?:project|code|repo|folder|directory|dir)|everything here|local|my (?:project|code)(?: folder)?", low):
        return "."
    low = re.sub(r"\s+(?:folder|directory|dir|in sync|together|too)$", "", low)
    text = text.cut(0, len(low))
    if low and low[0] in "\"'`":
        return quoted(text.raw())
    if low.endswith(".") and low not in (".", "..") and not low.endswith("/."):
        text = text.cut(0, len(low) - 1)
    raw = text.raw()
    return raw if raw and " " not in raw and (PLACE.fullmatch(text.low) or HOSTISH.fullmatch(text.low) or pathlike(text.low) or (namelike(text.low))) else None
