"""What a project needs and a machine has."""

from __future__ import annotations

import re

from ..found import NO, Clause, Found, asks, made
from ..frame import frame
from ..places import where
from ..scannable import MACHINE, SCANNABLE
from ..tables import (
    EVERYDAY,
)
from ..values import PATH, namelike, pathlike
from ..world import call

FRAMES = (
    frame(
        "scan",
        94,
        r"(?:what|which) (?:things |steps )?(?:do|must|should|would) (?:i|we) (?:have to|need to|must)? ?(?:do|know) (?:first )?to (?:get|make|run|start|build|set|work)\b",
        "stack",
    ),
    frame(
        "scan",
        93,
        r"(?:what|which) (?:os|operating system|kernel|linux|distro|distribution|cpu|gpu|python|node|hardware) (?:is|does|has|do|am|are)\b",
        "machine",
    ),
    frame(
        "scan",
        93,
        r"(?:(?:show|tell|list|give|get|print)(?: me| us)? )(?:about )?(?:the |my |all |all the )?(?:hardware|specs|system info\w*|machine info\w*|installed (?:runtimes|tools|packages|programs|versions|software|languages)|(?:runtimes|tools|packages|programs|software)(?: that are)? installed|runtimes|host facts)\b",
        "machine",
    ),
    frame("scan", 94, r"(?:take|make) (?:stock|an? inventory|an? assessment) of\b", "stack"),
    frame(
        "scan",
        94,
        r"(?:does|do|can|could|will) (?:my|this|the|our) (?:machine|laptop|computer|box|system|host|server|pc|env\w*|setup) (?:meet|satisfy|fulfil\w*|have|handle|support)\b",
        "complete2",
    ),
    frame(
        "scan",
        94,
        r"(?:(?:show|tell|explain|check|see|find out|figure out|know)(?: (?:me|us))? )?(?:what|how) (?:the|this|my|our) (?:project|repo\w*|codebase|app|code|stack|folder) (?:is|does|uses|needs|has|looks|requires|wants|depends|consists|contains)\b",
        "stack",
    ),
    frame(
        "scan",
        95,
        r"(?:what|which)(?: \w+)? (?:would|do|should|must|will|does) (?:i|we|one|somebody|someone)(?: still| first| all)? (?:have to|need to|need|must|got to)? ?(?:install|get|add|set up)\b",
        "stack",
    ),
    frame(
        "scan",
        94,
        r"(?:is there |am i |do i |are we )?(?:anything|something|what)(?: else)? (?:i'm|i am|we're|am i|is|that's|that is)? ?(?:still )?(?:missing|lacking|needed|required|absent)\b",
        "complete2",
    ),
    frame(
        "scan",
        93,
        r"(?:(?:show|tell|give|get|write|make|do)(?: me| us)? )?(?:a |an |the )?(?:quick |short |full |brief )?(?:rundown|overview|summary|report|description|inventory|analysis|scan|breakdown|profile)(?: (?:of|about|on|for) (?:this|the|my|our)(?: whole| entire)? (?:project|repo\w*|codebase|app|machine|env\w*|folder|laptop|computer)| please|$)",
        "stack",
    ),
    frame(
        "scan",
        93,
        r"(?:(?:show|tell|give|get|list|print)(?: me)? )(?:the |my |all )?(?:[\w.+-]+,? (?:and )?){1,5}versions?(?: (?:i|we) have| installed| here)?(?= on | here|$)",
        "machine",
    ),
    frame(
        "scan",
        95,
        r"(?:what|which)(?: \w+)? (?:does|do|is|are)(?: the)? (?=[\w.~-]*/[\w./-]* (?:needs?|requires?|missing|using|uses?|lacks?)\b)",
        "needs",
    ),
    frame(
        "scan",
        93,
        r"(?:hit|give|get|show|tell)(?: me| us)? (?:with )?(?:the |a |all )?(?:(?:full|complete|whole) )?(?:dependenc(?:y|ies)|deps|requirements)(?: list)?\b(?! installed)",
        "stack",
    ),
    frame(
        "scan",
        95,
        r"(?:(?:show|tell|explain|let (?:me|us) know|find out|figure out|work out|see|know|list|check)(?: (?:me|us|to me))? )?(?:what|which|whether|if|everything)(?: (?:all|else|exactly|the hell|things|stuff|tools|dependencies|packages|services|runtimes|software|version|versions|variables|env vars))*(?: of \S+)?(?:'s| is| are| does| do| did)?(?: (?:this|the|my|our|it|i|we|one|that))* ?(?:(?:project|repo|repository|code ?base|app|application|code|package|\S+ folder|folder|directory)(?: here| in \S+)? )?(?:still |actually |all |would |really |is )*(?:needs?|requires?|needing|requiring|missing|needed|required|depends? on|lack(?:s|ing)?)\b",
        "needs",
    ),
    frame(
        "scan",
        94,
        r"(?:scan|rescan|inspect|analy[sz]e|examine|survey|detect|fingerprint|explore|investigate|probe|check out|look (?:at|into|over|through|around)(?: in)?|(?:have|take) a (?:quick |good |closer )?look(?: at| into| around| in| over)?|go (?:over|through)|check|audit|assess|study|diagnose)\b",
        "verb",
    ),
    frame(
        "scan",
        94,
        r"(?:(?:show|tell|explain|figure out|find out|work out|identify|determine|see|know)(?: (?:me|us|to me))? )?(?:what|which)(?:'s)?(?: kind of| sort of| type of)? ?(?:(?:are|is) )?(?:the )?(?:tech stack|stack|languages?|frameworks?|ports?|databases?|services?|package manager|build tool|start command|test command|technolog(?:y|ies)|runtimes?|variables|env vars|environment variables|dependencies|build command|(?:start|build|test|run)(?:,? (?:and |or )?(?:start|build|test|run))* commands?|commands?|tech)\b(?! (?:are|is) (?:running|up))",
        "stack",
    ),
    frame(
        "scan",
        94,
        r"(?:(?:show|tell|explain|figure out|find out|work out|identify|determine|describe|summari[sz]e|explain)(?: (?:me|us|to me))? )?what (?:(?:kind|sort|type) of (?:project|app|repo|thing) )?(?:is|does|are) (?:this|the|my) (?:project|repo|repository|codebase|app|code|stack|folder)\b",
        "stack",
    ),
    frame(
        "scan",
        94,
        r"(?:are|is|do i have|do we have|does (?:this|it|the project|my machine) have|have i got|has (?:it|this|the project)(?: got)?)(?: all| every)?(?: of)?(?: the| my| its)? ?(?:(?:needed|required|necessary|declared|missing) )?(?:dependencies|deps|packages|requirements|everything|all)(?: (?:it|i|we|this|the project|needed|required|that))*\b",
        "complete",
    ),
    frame(
        "scan",
        94,
        r"(?:does|has) (?:this|the|my) (?:project|repo|app|machine|laptop|computer)\b.{0,20}?\b(?:have|everything|need)\b",
        "complete",
    ),
    frame(
        "scan",
        94.5,
        r"(?:(?:show|list|find|get|check|give|tell)(?: me| us)?(?: about)? )?(?:for )?(?:the |any |all )?(?:missing|required|needed|declared|undeclared) (?:dependencies|deps|packages|requirements|tools|variables|env vars|services|things|runtimes)\b",
        "needs2",
    ),
    frame(
        "scan",
        94,
        r"how (?:do i|is|can i|to|does|would i|do you)(?: \w+)? ?(?:this|the|it|my)?(?: (?:project|app|repo|thing|code))? ?(?:be )?(?:started|start|built|run|tested|launched|set up)(?: (?:this|the|it|my)(?: (?:project|app|repo|thing|code))?)?$",
        "stack",
    ),
    frame(
        "scan",
        93,
        r"what(?:'s| is) (?:the |my )?(?:[\w.+-]+ )(?:version|release)(?: here| installed)?(?= |$)",
        "machine",
    ),
    frame(
        "scan",
        94,
        r"(?:can|could|will|would|is|am) (?:this|my|the|i)(?: (?:machine|laptop|computer|box|system|host|server|pc))?(?: be)?(?: able to| ready to| good enough to| set up to| ready for| equipped to)? ?(?:run|build|start|handle|develop|running)(?: the| this| my)? (?:project|app|it|this|code|repo|thing)\b",
        "complete",
    ),
    frame(
        "scan",
        93,
        r"(?:what|which)(?: version of| kind of)? (?:[\w.+-]+ ){1,2}(?:do|does|am|are|is) (?:i|we|this|my \w+|the machine|installed)(?: machine| laptop| computer)?(?: have| on| running| using| got| here|$)",
        "machine",
    ),
    frame(
        "scan",
        93,
        r"(?:what|which) version of (?=[\w.+-]+(?: (?:do|have|is|am|are|does|did|got|on|here|installed)\b|$))",
        "machine",
    ),
    frame(
        "scan",
        93,
        r"(?:(?:show|tell|list|see)(?: me| us)? )?(?:what|which)(?:'s| is| are| do)?(?: (?:(?:\S+) )?(?:version|versions|tools?|packages?|software|runtimes?|programs?|hardware|gpus?|cpus?|graphics card|ram|memory|os|operating system|processor|disk))*(?: (?:do|does|have|has|is|are))?(?: (?:i|we|this|my|the|you))?(?: (?:machine|laptop|computer|box|system|host|server|pc))? ?(?:(?:have|has)(?! to\b)|got|installed|available|present|am i (?:on|using|running)|are we (?:on|using)|does (?:it|this) (?:use|run|have))\b",
        "machine",
    ),
    frame(
        "scan",
        93,
        r"(?:do (?:i|we|you) (?:even |already )?have|is|are|have i got)(?: there)?(?: a| an| any)? (?=[\w.+-]+(?: [\d.]+)?(?: (?:and|or) [\w.+-]+)?(?: (?:already|here|even|currently))* ?(?:installed|available|present|on (?:this|my|the)|here)\b)",
        "machine",
    ),
    frame(
        "scan",
        93,
        r"(?:do (?:i|we|you) (?:even |already )?have)(?: a| an| any)? (?=(?:gpu|cuda|docker|node|python|go|rust|java|ruby|php|nvidia|git|npm|pip|uv)\b)",
        "machine",
    ),
    frame(
        "scan",
        93,
        r"(?:how much|how many) (?:ram|memory|disk|disk space|space|cpus?|cores?|gpus?|gpu memory|free space|storage)(?: \w+)?(?: do| does| is| are| have| has)?(?: (?:i|we|there|this|my|it|the))?\b(?!.*\b(?:redis|postgres|need)\b)",
        "machine",
    ),
    frame(
        "scan",
        93,
        r"(?:tell|show|give)(?: me| us)? (?:everything|all|more|something|info\w*|details|an overview)(?: you know)?(?: about| of| on) (?:this|the|my) (?:project|repo\w*|codebase|app|machine|env\w*|folder)",
        "stack",
    ),
    frame(
        "scan",
        93,
        r"(?:get|give|list|show|identify|detect)(?: me)? (?:the |its |all )?(?:tech stack|stack|languages|frameworks|ports|needed variables)\b",
        "stack",
    ),
    frame(
        "scan",
        90,
        r"what(?:'s| is) (?:in|inside|on) (?:this|the|my) (?:project|repo|repository|folder|directory|machine|box|laptop|computer)\b",
        "stack",
    ),
)


def read(clause: Clause) -> Found | None:
    how, world, low = clause.frame.how, clause.world, clause.text.low
    place = where(clause.text, world, bare=True)
    if place.lost:
        return asks("On which host? Name it as docker:NAME, USER@HOST or vm:NAME.")
    path = place.path
    scope: str | None = None
    if (
        how in ("needs", "stack")
        and not path
        and (direct := re.search(rf"\s({PATH.pattern}|[\w.-]+/[\w./-]+)(?=\s|$)", place.text.low))
    ):
        path = place.text.raw(direct.start(1), direct.end(1))
    rest = place.text.low
    if how == "verb":
        obj = where(clause.rest, world, bare=True, alone=True)
        place.on = place.on or obj.on
        path = path or obj.path
        if not path and (match := re.search(rf"\s({PATH.pattern})(?=[\s,]|$)", obj.text.low)):
            raw = obj.text.raw(match.start(1), match.end(1))
            path, obj.text = (None if raw == "." else raw), obj.text.blank(match.start(1), match.end(1))
        if not path and (match := re.search(r"\s([\w.-]+(?:/[\w.-]+)+)(?=[\s,]|$)", obj.text.low)):
            path, obj.text = obj.text.raw(match.start(1), match.end(1)), obj.text.blank(match.start(1), match.end(1))
        left = SCANNABLE.sub(" ", obj.text.low).split()
        if any(word in EVERYDAY for word in left) or any(
            word in EVERYDAY for word in obj.text.low.split() if word not in ("system", "table")
        ):
            return NO
        verb = clause.head.strip()
        if re.fullmatch(r"\s*(?:me|us|him|her|you|yourself|them)", obj.text.low):
            return NO
        if (
            verb in ("check", "study", "go over", "go through", "investigate", "explore")
            and not obj.text.low.strip()
            and not place.on
            and not path
        ):
            return None
        if left:
            if len(left) == 1 and pathlike(left[0]):
                start = obj.text.low.find(left[0])
                path = obj.text.raw(start, start + len(left[0]))
            elif not left:
                pass
            elif (
                len(left) == 1
                and namelike(left[0])
                and re.search(
                    rf"(?:folder|directory|dir|repo|project|service)\s+{re.escape(left[0])}|{re.escape(left[0])}\s+(?:folder|directory|dir)",
                    obj.text.low,
                )
            ):
                start = obj.text.low.find(left[0])
                path = obj.text.raw(start, start + len(left[0]))
            elif not (
                verb.startswith(("look", "have", "take"))
                and re.search(r"\b(?:need|missing|project|repo)\w*\b", obj.text.low)
            ) and not (len(left) <= 2 and re.search(r"\binstalled\b", obj.text.low)):
                return NO if verb in ("scan", "rescan") else None
        if (
            not place.on
            and verb in ("check", "audit", "diagnose", "study", "assess")
            and not re.search(
                r"\b(?:project|repo|env\w*|machine|laptop|computer|setup|missing|installed|dependencies|requirements|needs?|deps|host|box)\b",
                rest,
            )
            and not path
        ):
            return None
    if how in ("machine",):
        scope = "machine"
        if any(w in EVERYDAY for w in re.findall(r"[a-z]+", rest)):
            return NO
        if re.search(r"\b(?:project|repo)\b.{0,20}\b(?:need|use|require)", rest):
            scope = None
    elif how == "verb" and (
        (
            MACHINE.search(rest)
            and not re.search(
                r"\b(?:project|repo|code\w*|app|env\w*|everything|needs?|missing)\b",
                re.sub(r"not (?:the |my )?(?:project|repo).*", "", rest),
            )
        )
        or (
            re.search(r"\s(?:my|this) (?:machine|laptop|computer|box)", low)
            and not re.search(r"\bproject|repo|needs?\b", low)
        )
    ):
        scope = "machine"
    if re.search(
        r"\b(?:only|just) (?:the |this |my )?(?:project|repo|code)\b|\b(?:project|repo|code) only\b|not (?:the|my|this) (?:machine|laptop|host|system|computer)",
        low,
    ):
        scope = "project"
    elif re.search(
        r"\b(?:only|just) (?:the |this |my )?(?:machine|laptop|host|computer|system)\b|\bmachine only\b", low
    ):
        scope = "machine"
    if how in ("needs", "stack", "complete") and any(w in EVERYDAY for w in re.findall(r"[a-z]+", rest)):
        return NO
    if how == "complete" and not re.search(
        r"\b(?:install|here|there|present|available|met|need|in place|satisfied|missing|run|build|start|ready|have|required|complete|handle|develop)",
        low,
    ):
        return None
    if how == "needs" and not re.search(
        r"\b(?:this|it|i|we|here|project|repo\w*|app|code\w*|missing|folder|directory|needed|setup|machine|on|env\w*)\b|/",
        low,
    ):
        return None
    if how == "machine" and re.search(r"\b(?:this|the) (?:project|repo|app)\b.*\b(?:use|need)", low):
        scope = None
    return made(call("scan", path=path, on=place.on, scope=scope))
