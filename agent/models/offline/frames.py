"""The grammar: how a request for each tool begins, as data. The first frame whose slots can be read wins, highest score first.

A frame's pattern is matched at the start of a clause, after politeness was taken off. What follows the match is read by the
tool's function in `slots`, which may still say that this is no work for the tool (a passport is not scanned).
`how` tells that function which frame it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """`score` is the evidence that the words alone give, 0 to 100."""

    tool: str
    score: float
    pattern: re.Pattern[str]
    how: str = ""


def _f(tool: str, score: float, pattern: str, how: str = "") -> Frame:
    return Frame(tool, score, re.compile(pattern), how)


_ME = r"(?: me| us)?"
_THE = r"(?: (?:the|a|an|my|our|your|all|any|some|this|that|these|its|their|every))*"
_SHOW = rf"(?:show|list|display|print|see|view|give|get|tell|what are|which|read|look at|check|pull up|bring up|open)(?: me| us)?(?: about)?{_THE}"
_SNAP = r"(?:snapshot|snap|checkpoint|restore point|save ?point|recovery point|backup of (?:the |my |this )?(?:env\w*|state|project|setup))"
_ENV = r"(?:env\w*|state|project|setup|machine|system|everything|workspace|repo|stack)"

FRAMES: tuple[Frame, ...] = tuple(
    sorted(
        (
            # -- remember ------------------------------------------------------------------------------------------
            _f("remember", 99, r"(?:remember|note|memori[sz]e|keep in mind|bear in mind|take note|make a note|note down|write down|jot down|learn|for the record|fyi|record the fact|save (?:the|this|a) fact|store (?:the|this) fact|from now on,?|in (?:the )?future,?|going forward,?)\b(?:(?: down)?[,:]?)", "verb"),
            # -- run -----------------------------------------------------------------------------------------------
            _f("run", 98, r"(?:re-?run|run|execute|exec|fire off|kick off|invoke)\b", "verb"),
            _f("run", 97, r"(?:start|do|try|use)(?= [`\"])", "verb"),
            # -- undo and rewind -----------------------------------------------------------------------------------
            _f("rewind", 96, r"(?:undo|unwind|reverse)\b", "undo"),
            _f("rewind", 95, r"(?:take|put|bring|set|change|turn|get|return|roll) (?:that|it|this|all that|the last (?:change|thing|step|action))(?: all)? back\b", "takeback"),
            _f("rewind", 95, r"cancel(?= (?:the |my |your )?last)", "undo"),
            _f("rewind", 94, r"(?:revert|roll ?back)(?= (?:that|it|this|(?:the |my |your )?(?:last|latest|previous|most recent) (?:change|thing|step|action|command|install|installation|upgrade|update|edit|one|operation)s?|what you(?:'ve| have)? (?:just )?(?:did|done)|everything you)\b)", "undo"),
            _f("rewind", 92, r"(?:rewind|time ?travel)\b", "strong"),
            _f("rewind", 90, r"(?:(?:take|put|bring|set|roll|turn|move|get|return|reset|restore|revert|go|jump|step|switch|return)(?: (?:me|us|it|this|that|all|everything|things|the \w+(?: \w+)?|my \w+|this \w+|[\w-]*[./][\w./-]+))? back|back)\b(?= to| on| in|$| \d| an?\b| half| before| like| how| by| one| two| a couple)", "back"),
            _f("rewind", 88, r"(?:restore|revert|recover|reset|return|bring back|get back)\b", "weak"),
            _f("rewind", 80, r"(?:roll ?back)(?=(?: (?:everything|all|the (?:env\w*|project|machine|system|state|setup|whole \w+)|this (?:project|env\w*|repo)|my \w+|the files?))? to )", "back"),
            _f("rewind", 60, r"(?:need|want|like|have)(?= (?:everything|it|things|all|the \w+|my \w+)(?: back)? (?:as|like|how|the way|back|to be)\b)", "back"),
            _f("rewind", 60, r"(?:make|have)(?= (?:it|everything|things|all)? ?(?:be )?(?:like|as|the way|how)(?: it was)?\b)", "back"),
            _f("rewind", 70, r"(?:something|this|that|it)(?: all)? was (?:a mistake|wrong|bad|not good|a bad idea)$", "statement"),
            _f("rewind", 85, r"(?:load|apply|use|check ?out|activate|go to|open)(?= (?:the )?(?:last |latest |previous )?snapshot\b)", "weak"),
            # -- snapshot ------------------------------------------------------------------------------------------
            _f("snapshot", 93, rf"(?:(?:take|make|create|do|grab|get|save|record|capture|store|shoot|want|need|like|have|add|with|feel better with|give)(?: me| us)?(?: a| an| the| another| one| one more| new| quick| full| fresh| complete| proper| safety| little)* )?{_SNAP}\b(?! (?:of )?(?:list|history|s\b))", "noun"),
            _f("snapshot", 91.5, r"(?:label|name|tag|mark|call) (?:the |this |my )?(?:(?:current|present) )?(?:state|env\w*|setup|moment|point|this)\b(?= |$)", "label"),
            _f("snapshot", 91, rf"(?:snapshot|checkpoint|freeze|record|save|capture|back ?up|preserve|store|remember|bookmark)(?: (?:the|my|this|our|current|whole|entire|present|a|copy of|exact|way|things are|as it is))* ?(?={_ENV}\b|this\b|it\b|how|here|where|$)", "verb"),
            # -- history -------------------------------------------------------------------------------------------
            _f("history", 97, rf"(?:{_SHOW}|what|how many|when was|when did|which|do (?:i|we|you) have(?: any)?|are there(?: any)?|search)?(?: ?(?:last|latest|recent|previous|past|newest|available|existing|old|saved|\d+))*(?: the)? ?(?:snapshots|checkpoints|restore points|snapshot (?:list|history)|snapshots list|list of (?:my |the |all )?snapshots)\b", "snapshots"),
            _f("history", 97, r"when (?:was|did (?:i|we|you) (?:take|make)|is) (?:the |my |our )?(?:last|latest|most recent) snapshot", "last"),
            _f("history", 96, rf"(?:{_SHOW} |search |go through |look (?:at|through|in) )?(?:(?:the|my|our|your|full|whole|complete|action|command|change|project|recent|a|an) )*(?:history|timeline|past actions|audit log|activity log|activity|journal|log of (?:actions|changes|what was done))\b", "history"),
            _f("history", 96, rf"(?:{_SHOW}|what (?:were|was|are)|which were)(?: the| my| our)* ?(?:last|latest|recent|previous|past|\d+)(?: \d+)?(?: (?:few|couple of))? ?(?:actions|changes you made|things (?:you|we|i) did|steps|commands|operations|calls|transactions|action|command)\b", "actions"),
            _f("history", 96, r"(?:list|show)(?: me)? (?:the |my |all |all the |past )?(?:actions|commands)\b", "actions"),
            _f("history", 96, r"(?:show|list|give|print|display)(?: me)?(?: the)? (?:(?:last|latest|recent) )?(?=\d+ (?:last |latest )?(?:history|entries|items|lines of history))", "history"),
            _f("history", 96, r"(?:last|recent) (?:\d+ )?(?:actions|commands)\b", "actions"),
            _f("history", 94, r"when (?:did|have|had|was|were) ", "when"),
            _f("history", 94, r"(?:have|did) (?:i|we|you|anyone|someone|anybody)(?: already| ever)? (?=(?:install|deploy|upgrad|run|ran|snapshot|chang|rewind|rewound|add|updat|remov|roll|take|took|set|switch|destroy|sync|provision|downgrad|restor)\w*)", "did"),
            _f("history", 93, r"what (?:did|have|had) (?:i|we|you)(?: all| already| just)* (?:do|done|did|been doing|change|install|run|deploy|installed|changed|deployed|upgrade|upgraded)\b", "what did"),
            _f("history", 95, r"(?:show|tell|list|give)(?: me| us)? (?:what|everything|all|all the things)(?: that)? (?:i|we|you)(?:'ve| have)? (?:all )?(?:did|done|changed|installed|deployed|do)\b", "what did"),
            _f("history", 97, r"(?:find|search|look(?: it)?(?: up)?|check) (?:in |through )?(?:the |my |our )?(?:history|memory|timeline|journal)(?: for)?(?: when| where)?(?: (?:we|i|you))?(?: for)?\b", "know"),
            _f("history", 93, r"what (?:happened|was done|has been done|was going on|went on)\b(?! to the weather)", "what did"),
            _f("history", 93, r"(?:show|tell|list)(?: me)? (?:what|everything|all)(?: that)? (?:you|we) (?:remember|know|recall|have noted)(?: about)?\b", "know"),
            _f("history", 93, r"(?:what|which|anything)(?: do| did| can)? (?:you|we) (?:remember|know|recall|have noted|noted)(?: (?:about|of|on|regarding))?\b", "know"),
            _f("history", 93, r"(?:what|which) (?:facts|notes|preferences) (?:do|did|have) (?:you|we|i)(?: (?:remember|know|have|keep|kept|noted))*(?: about)?", "know"),
            # -- drift ---------------------------------------------------------------------------------------------
            _f("drift", 96, r"(?:(?:show|tell|list|give|check|see|explain)(?: me| us)?(?: to me)? )?(?:what|anything|something)(?: (?:the (?:hell|fuck|heck)))?(?: has|'s| have| is| was| got| did| all| exactly| else)* ?(?:changed?|different|differs?|differed|drifted|diverged|modified|new|been (?:changed|modified)|broke|broken)\b", "what"),
            _f("drift", 92, r"(?:has|have|did|is|are|was|were|do|does) (?:anything|something|everything|any (?:file|files|package|packages))(?: here)? ?(?:changed?|different|drifted?|diverged?|broken|broke|been \w+)\b", "what"),
            _f("drift", 92, rf"(?:{_SHOW} |are there |is there |what are |any |check (?:for )?|look for |detect |find |do |run |report )?(?:(?:the|my|any|all|some|a|an|current|environment|env|package|version|config|configuration|a check for) )*(?:drift|diff|diffs|differences?|changes|deviations?)\b(?! (?:the )?(?:context|port|directory|password|light))", "noun"),
            _f("drift", 92, r"(?:compare|diff|drift|contrast)\b", "compare"),
            _f("drift", 91, r"(?:is|are|does|do|am)(?: (?:my|the|this|our|i|we|it))? ?(?:env\w*|setup|project|machine|system|everything|things|state|packages|dependencies|local \w+|\w+ env\w*)?(?: \S+)? ?(?:still |really |any |exactly |already )*(?:in line with|in sync with|up to date with|consistent with|the same as|match(?:es|ing)?|different (?:from|to|than)|identical (?:to|with)|drift(?:ed|ing)? (?:from|away from)|diverged? from|differs? from|conform(?:s|ing)? to|according to|correspond(?:s)? to|equal to|up to spec|as specified)\b", "is"),
            _f("drift", 91, r"(?:check |see |verify |tell me |find out |let me know |make sure |test )?(?:if |whether |that )?(?:(?:my|the|this|our|everything|it|i|we|all)\b)(?: (?:env\w*|setup|project|machine|system|packages|dependencies|local \w+|state))?(?: (?:is|are|am|does|do|still|really|exactly))* (?:match(?:es)?|in sync with|in line with|up to date with|consistent with|the same as|identical to|different from|differs? from|drift(?:ed|s)? from|conforms? to|up to spec)\b", "is"),
            _f("drift", 91, r"(?:check|see|verify|tell me|find out|let me know)(?: if| whether| for)? (?:(?:if|whether) )?(?:anything|something|there (?:is|are|was|were)(?: any)?|any)(?: has| have| is| was)? ?(?:changed?|drift(?:ed)?|changes|differences?|different|diverged)\b", "what"),
            _f("drift", 93.5, r"how (?:do|does) (?=.{1,60} and .{1,60} (?:differ|compare))", "differ"),
            _f("drift", 91, r"(?:are|am|is) (?:we|i|it|this|everything)(?: still)? (?=(?:on|up to|in|within|off) (?:the )?spec)", "on"),
            _f("drift", 93.5, r"how (?:does|do|is|are|did)(?: (?:my|the|this|our|it))?(?: \S+){0,2}? (?:differ\w*|different|compare\w*|deviat\w*)\b", "is"),
            _f("drift", 91, r"how (?:far|different|much) (?:am i|are we|is (?:this|my|the|it)(?: \w+)?|off)(?: am i| are we)?(?: \w+)? (?:from|off|different from|behind|away from|compared (?:to|with))\b", "is"),
            _f("drift", 85, r"(?:it|this|that|everything|things|the (?:tests?|build|app|project|thing)|tests|my \w+|all)(?: still| all)? (?:worked|was working|were working|ran|was running|was (?:fine|ok|green|good)|were (?:fine|green|ok)|passed|built)(?: fine| ok| well| perfectly)?\b", "worked"),
            _f("drift", 85, r"(?:it |this |that )?works? (?:fine |ok |well )?(?:on|for|at|in) (?=.{1,60}\b(?:but|not|here|mine|me)\b|(?:[\w-]+)'s)", "works on"),
            _f("drift", 85, r"(?:but )?why (?:is|are|does|do|did|has|have)(?: it| this| that| everything| things| my \w+| the \w+| tests)?(?: all)?(?: suddenly| now| it| not)* ?(?:broken|failing|fail|break|red|not work\w*|work(?:ing)? differently|different|stop\w* working|broke)\b", "worked"),
            _f("drift", 84, r"(?:nothing|it|this|that|everything|the \w+|my \w+|tests?)(?: suddenly| all| just)? (?:works|doesn't work|does not work|isn't working|is broken|broke|stopped working|fails|is failing|are failing|fail|is red|no longer works|won't start|work)(?: any ?more| any longer| now| again)*(?= since| after|$)", "worked"),
            _f("drift", 84, r"(?:something|anything)(?: is|'s| seems| must be| looks)? (?:off|wrong|different|weird|broken|fishy|odd|strange)\b", "off"),
            # -- logs ----------------------------------------------------------------------------------------------
            _f("logs", 95, rf"(?:{_SHOW}|tail|follow|cat|fetch|dump|grab|stream|output|what do|what does|what's in|what is in|last|from|see|look (?:at|into|in)|have a look at|need|want to see)?.{{0,60}}?\b(?:logs?|log ?(?:file|files|output|lines|entries))\b", "logs"),
            _f("logs", 85, r"what (?:do|does|did|are|is)(?= .{1,50}\blogs? (?:say|show|tell|print|look like|contain))", "logs"),
            _f("logs", 80, r"(?:what is|what's|what does|what did) (?=[\w.-]+ (?:say|print|output|printing|saying|logging|log|outputting)\b)", "says"),
            _f("logs", 81, r"(?:(?:show|tail|get|give|print|see|read|check|fetch|dump)(?: me)? )?(?:the )?(?:last \d+ lines of )?(?:the )?(?:console )?(?:output|stdout|stderr) (?:of|from|for)\b", "logs"),
            _f("logs", 80, r"(?:show|tail|get|print|see)(?: me)?(?: the)? (?:last \d+ lines|output|stdout|stderr|last lines|console output)\b", "logs"),
            # -- status --------------------------------------------------------------------------------------------
            _f("status", 90, rf"(?:{_SHOW} |what is |what's |how is |give |check |and )?(?:(?:the|my|our|current|overall|general|system|env\w*|project|service|services|deployment|sync|a) )*status(?! (?:code|quo|page|bar|report on my))\b", "status"),
            _f("status", 90, r"(?:(?:show|tell|list|see|check|give)(?: me| us)? )?(?:what|which|who|anything|something)(?: (?:services?|deployments?|containers?|sync sessions?|things|stuff|apps?|processes|sessions?|of my \w+|else|all))*(?:'s| is| are)?(?: currently| now| still| actually| even| being| all)* ?(?:running|up\b|deployed|active|alive|live\b|going on|on\b(?= (?:right )?now|$)|locked|syncing|healthy|run(?:s)?\b(?= now| on| here|$))", "running"),
            _f("status", 90, r"(?:is|are)(?: there)? (?:anything|something|everything|all|any (?:services?|deployments?|locks?|syncs?))(?: still| currently)? ?(?:running|up|ok|okay|fine|alive|healthy|active|locked|good|deployed|working)\b", "running"),
            _f("status", 88, r"(?:is|are) (?:the |my |our )?(?=[\w.-]+(?: (?:service|deployment|server|container|db|database))?(?: and [\w.-]+)? (?:still |already |currently |even )?(?:running|up|alive|healthy|deployed|down|locked)\b)", "is up"),
            _f("status", 88, r"(?:(?:show|list|see)(?: me)?(?: all)?(?: the| my| our)? |what are the |which )?(?:running (?:services|deployments|containers|things|processes)|active (?:deployments|services|syncs|sync sessions)|deployments|locks|sync sessions|services running)\b", "running"),
            _f("status", 80, r"how (?:is|are) (?:the |my |our |all |all the )?(?:services|deployments?|things running|environment|containers|service)\b(?: doing| going)?", "running"),
            # -- rollback ------------------------------------------------------------------------------------------
            _f("rollback", 95.4, r"roll(?= (?:the |my |our )?(?!env|project|machine|everything|system|state|it\b|that\b|this\b|setup|all\b|things|last)[\w.-]+(?: service| deployment)? back$)", "verb"),
            _f("rollback", 97, r"(?:revert|undo|restore|rewind)(?= (?:the |our )?(?!last|latest)[\w.-]+ (?:deployment|release)$)", "verb"),
            _f("rollback", 95.5, r"roll (?:it|that) back$|roll ?back (?:it|that)$", "it"),
            _f("rollback", 90, r"(?:roll ?back|roll(?= (?:the |my )?[\w./-]+(?: \w+)? back\b))", "verb"),
            _f("rollback", 97, r"(?:(?:go|switch|revert|return|get|put|bring|take|move|rewind|restore|roll)(?: (?:the |my )?[\w.-]+)?(?: back)?(?: to)?|deploy|redeploy|use|back to)(?: the| its)? (?:previous|last|prior|earlier|older|former|old|last good|last working) (?:release|deployment|deploy|version)\b", "previous"),
            # -- switch --------------------------------------------------------------------------------------------
            _f("switch", 89, r"(?:switch|change|set|move|flip|toggle|go|hop)(?: (?:me|us|over|it|back|the|my|our|current|active|context|env\w*|workspace|to))* ?(?:over )?to\b", "to"),
            _f("switch", 89, r"(?:use|activate|enter|select|choose|load|enable|work (?:in|on|with)|switch|make|set|go (?:in|into)|change)(?= (?:the |my |our )?(?:context [\w.-]+|[\w.-]+ (?:context|the current context|current)))", "use"),
            _f("switch", 89, r"(?:activate|select|choose|enter|use)(?= (?:the )?(?:prod|production|staging|dev|development|qa|test|uat|preprod)\W*$)", "to"),
            _f("switch", 89, r"context(?= [\w.-]+$)", "to"),
            _f("switch", 50, r"(?:switch|change context)\b", "bare"),
            # -- destroy -------------------------------------------------------------------------------------------
            _f("destroy", 90, r"(?:destroy|tear down|teardown|tear(?= \S+ down)|decommission|dismantle|nuke|take down|obliterate|terminate|demolish|raze|undeploy|annihilate|wipe out)\b", "strong"),
            _f("destroy", 85, r"(?:delete|remove|kill|stop|get rid of|shut down|shutdown|drop|erase|wipe|take|bring down|uninstall|clear|clean up|purge|trash|discard|throw away|rm|retire)\b", "weak"),
            # -- sync ----------------------------------------------------------------------------------------------
            _f("sync", 90, r"(?:(?:one[- ]way|two[- ]way|continuous|bidirectional|live) )?(?:sync|synchroni[sz]e|resync|keep|mirror|replicate|push|pull|copy|upload|download|transfer|send|fetch|get|bring|move|rsync|scp|start (?:a )?(?:two-way )?sync(?:ing)?|put|watch)\b", "verb"),
            # -- deploy --------------------------------------------------------------------------------------------
            _f("deploy", 91, r"(?:re-?deploy|deploy|roll ?out|ship|release|publish|launch|go live|push(?= (?:it |this |that |everything |us )?(?:live|out|to (?:prod|production|staging|live|swarm)))|put(?= .{1,60} (?:live|in(?:to)? production|on (?:the )?swarm))|bring(?= .{1,60} live|(?:.{1,60} )?(?:to|into) prod))\b", "verb"),
            _f("deploy", 90, r"(?:make|do|start|run|trigger|perform|execute|create|need|want)(?: me| us)?(?: a| an| the| new| another)* (?:deploy|deployment|release|rollout)\b", "verb"),
            _f("deploy", 91, r"(?:run|start|launch)(?= (?:\d+ |a )(?:more )?(?:replicas?|instances?|copies) of )", "verb"),
            _f("deploy", 60, r"(?:run|start|get|bring up)(?= (?:it|this|the (?:app|project|api|service)|[\w.-]+) (?:up )?(?:on|in) (?:the )?swarm)", "verb"),
            # -- provision -----------------------------------------------------------------------------------------
            _f("provision", 99, r"(?:(?:pip3?|uv pip|uv|npm|pnpm|yarn|apt|apt-get|brew|cargo|gem|go|poetry|conda|bun|composer|pipx)(?: -g| global)?) (?:install|add|get|i|require)\b(?! -)", "strong"),
            _f("provision", 90, r"(?:re-?install|install|provision)\b", "strong"),
            _f("provision", 89, r"(?:make|do)(?: an?| the)? (?:install|installation)(?: of)?\b", "strong"),
            _f("provision", 88.5, r"(?:make sure|ensure|see to it|check)(?: that)? (?=.{0,60}\b(?:is|are|gets?|be)(?: all)? (?:installed|there|available|present|set up|in place|up to date)\b)", "ensure"),
            _f("provision", 88, r"(?:upgrade|bump|update|downgrade|pin)\b", "upgrade"),
            _f("provision", 88, r"(?:make|do)(?: an?| the)? (?:upgrade|update)(?: of| to)?\b", "upgrade"),
            _f("provision", 87, r"(?:set ?up|setup|bootstrap|prepare|scaffold|initiali[sz]e|init|configure|onboard|ready|make|create|generate|start|build|set(?= (?:\S+ ){1,4}up\b)|get(?= (?:\S+ ){1,5}(?:running|started|going|ready|working|set up|up and running)\b)|bring(?= (?:\S+ ){1,3}up\b)|get(?= (?:running|started|going)\b)|spin up|bring up|stand up|fire up|start up)\b", "setup"),
            _f("provision", 88, r"(?:change|set|switch|move)(?= (?:the |my |our )?[\w.+-]+ version to )", "upgrade"),
            _f("provision", 86, r"(?:i'?m )?(?:add|get|give|fetch|need|needs|require|requires|want|use|put|have|include|bring in|grab|like|missing|should be on|must be on|go with|pull in|switch(?: over)? to|change to|move to|stick to)(?: me| us)?\b", "weak"),
            _f("provision", 70, r"(?:this|the|our|my|it)(?: (?:project|app|repo|code|one|service|thing|backend|frontend|build))? (?:needs|requires|wants|depends on|should (?:use|be on|run on)|must (?:use|be on|run on))\b", "weak"),
            _f("provision", 70, r"(?:there is no|there's no|(?:i'?m |we'?re )?missing|no) (?=\S+(?: here)?$)", "weak"),
            # -- scan ----------------------------------------------------------------------------------------------
            _f("scan", 95, r"(?:(?:show|tell|explain|let (?:me|us) know|find out|figure out|work out|see|know|list|check)(?: (?:me|us|to me))? )?(?:what|which|whether|if|everything)(?: (?:all|else|exactly|the hell|things|stuff|tools|dependencies|packages|services|runtimes|software|version|versions|variables|env vars))*(?: of \S+)?(?:'s| is| are| does| do| did)?(?: (?:this|the|my|our|it|i|we|one|that))* ?(?:(?:project|repo|repository|code ?base|app|application|code|package|\S+ folder|folder|directory)(?: here| in \S+)? )?(?:still |actually |all |would |really |is )*(?:needs?|requires?|needing|requiring|missing|needed|required|depends? on|lack(?:s|ing)?)\b", "needs"),
            _f("scan", 94, r"(?:scan|rescan|inspect|analy[sz]e|examine|survey|detect|fingerprint|explore|investigate|probe|check out|look (?:at|into|over|through|around)(?: in)?|(?:have|take) a (?:quick |good |closer )?look(?: at| into| around| in| over)?|go (?:over|through)|check|audit|assess|study|diagnose)\b", "verb"),
            _f("scan", 94, r"(?:(?:show|tell|explain|figure out|find out|work out|identify|determine|see|know)(?: (?:me|us|to me))? )?(?:what|which)(?:'s)?(?: kind of| sort of| type of)? ?(?:(?:are|is) )?(?:the )?(?:tech stack|stack|languages?|frameworks?|ports?|databases?|services?|package manager|build tool|start command|test command|technolog(?:y|ies)|runtimes?|variables|env vars|environment variables|dependencies|build command|(?:start|build|test|run)(?:,? (?:and |or )?(?:start|build|test|run))* commands?|commands?|tech)\b(?! (?:are|is) (?:running|up))", "stack"),
            _f("scan", 94, r"(?:(?:show|tell|explain|figure out|find out|work out|identify|determine|describe|summari[sz]e|explain)(?: (?:me|us|to me))? )?what (?:(?:kind|sort|type) of (?:project|app|repo|thing) )?(?:is|does|are) (?:this|the|my) (?:project|repo|repository|codebase|app|code|stack|folder)\b", "stack"),
            _f("scan", 94, r"(?:are|is|do i have|do we have|does (?:this|it|the project|my machine) have|have i got|has (?:it|this|the project)(?: got)?)(?: all| every)?(?: of)?(?: the| my| its)? ?(?:(?:needed|required|necessary|declared|missing) )?(?:dependencies|deps|packages|requirements|everything|all)(?: (?:it|i|we|this|the project|needed|required|that))*\b", "complete"),
            _f("scan", 94, r"(?:does|has) (?:this|the|my) (?:project|repo|app|machine|laptop|computer)\b.{0,20}?\b(?:have|everything|need)\b", "complete"),
            _f("scan", 94.5, r"(?:(?:show|list|find|get|check|give|tell)(?: me| us)?(?: about)? )?(?:for )?(?:the |any |all )?(?:missing|required|needed|declared|undeclared) (?:dependencies|deps|packages|requirements|tools|variables|env vars|services|things|runtimes)\b", "needs2"),
            _f("scan", 94, r"how (?:do i|is|can i|to|does|would i|do you)(?: \w+)? ?(?:this|the|it|my)?(?: (?:project|app|repo|thing|code))? ?(?:be )?(?:started|start|built|run|tested|launched|set up)(?: (?:this|the|it|my)(?: (?:project|app|repo|thing|code))?)?$", "stack"),
            _f("scan", 93, r"what(?:'s| is) (?:the |my )?(?:[\w.+-]+ )(?:version|release)(?: here| installed)?(?= |$)", "machine"),
            _f("scan", 94, r"(?:can|could|will|would|is|am) (?:this|my|the|i)(?: (?:machine|laptop|computer|box|system|host|server|pc))?(?: be)?(?: able to| ready to| good enough to| set up to| ready for| equipped to)? ?(?:run|build|start|handle|develop|running)(?: the| this| my)? (?:project|app|it|this|code|repo|thing)\b", "complete"),
            _f("scan", 93, r"(?:what|which)(?: version of| kind of)? (?:[\w.+-]+ ){1,2}(?:do|does|am|are|is) (?:i|we|this|my \w+|the machine|installed)(?: machine| laptop| computer)?(?: have| on| running| using| got| here|$)", "machine"),
            _f("scan", 93, r"(?:what|which) version of (?=[\w.+-]+(?: (?:do|have|is|am|are|does|did|got|on|here|installed)\b|$))", "machine"),
            _f("scan", 93, r"(?:(?:show|tell|list|see)(?: me| us)? )?(?:what|which)(?:'s| is| are| do)?(?: (?:(?:\S+) )?(?:version|versions|tools?|packages?|software|runtimes?|programs?|hardware|gpus?|cpus?|graphics card|ram|memory|os|operating system|processor|disk))*(?: (?:do|does|have|has|is|are))?(?: (?:i|we|this|my|the|you))?(?: (?:machine|laptop|computer|box|system|host|server|pc))? ?(?:have|has|got|installed|available|present|am i (?:on|using|running)|are we (?:on|using)|does (?:it|this) (?:use|run|have))\b", "machine"),
            _f("scan", 93, r"(?:do (?:i|we|you) (?:even |already )?have|is|are|have i got)(?: there)?(?: a| an| any)? (?=[\w.+-]+(?: [\d.]+)?(?: (?:and|or) [\w.+-]+)?(?: (?:already|here|even|currently))* ?(?:installed|available|present|on (?:this|my|the)|here)\b)", "machine"),
            _f("scan", 93, r"(?:do (?:i|we|you) (?:even |already )?have)(?: a| an| any)? (?=(?:gpu|cuda|docker|node|python|go|rust|java|ruby|php|nvidia|git|npm|pip|uv)\b)", "machine"),
            _f("scan", 93, r"(?:how much|how many) (?:ram|memory|disk|disk space|space|cpus?|cores?|gpus?|gpu memory|free space|storage)(?: \w+)?(?: do| does| is| are| have| has)?(?: (?:i|we|there|this|my|it|the))?\b(?!.*\b(?:redis|postgres|need)\b)", "machine"),
            _f("scan", 93, r"(?:tell|show|give)(?: me| us)? (?:everything|all|more|something|info\w*|details|an overview)(?: you know)?(?: about| of| on) (?:this|the|my) (?:project|repo\w*|codebase|app|machine|env\w*|folder)", "stack"),
            _f("scan", 93, r"(?:get|give|list|show|identify|detect)(?: me)? (?:the |its |all )?(?:tech stack|stack|languages|frameworks|ports|needed variables)\b", "stack"),
            _f("scan", 90, r"what(?:'s| is) (?:in|inside|on) (?:this|the|my) (?:project|repo|repository|folder|directory|machine|box|laptop|computer)\b", "stack"),
        ),
        key=lambda frame: -frame.score,
    )
)
