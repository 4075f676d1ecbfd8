"""What is no work for the tools: chat, knowledge, what somebody else wrote, what must not be done."""

from __future__ import annotations

import re
import unicodedata

from .found import COMMANDS
from .normalise import Text

HELP = (
    "I look after development environments: I can find out what a project needs, install it, take snapshots and go back to "
    "them, tell what changed, run a command and remember facts. Try: what does this project need to run, and what is missing here?"
)
NEGATED = "All right, I leave it as it is. Nothing was changed."

FOREIGN = "I understand English, and the common requests in German, French, Spanish and Portuguese. Please say it in one of these. Nothing was changed."
_UNLEARN = re.compile(
    r"^\W*(?:please |can you |could you )*(?:forget (?:that|about|what|everything|the (?:fact|note)|my|our) (?=\S+ \S)|unlearn\b)",
    re.IGNORECASE,
)
UNLEARN = (
    "A note is forgotten by its number: `envsync memory` lists the notes, `envsync memory forget NUMBER` forgets one "
    "(/memory and /memory forget NUMBER in the conversation). Nothing was changed."
)

_ACT = (
    r"(?:install|deploy|run|touch|change|do|undo|rewind|revert|restore|roll|rollback|destroy|delete|remove|sync|push|pull|switch|take|"
    r"make|create|snapshot|scan|upgrade|update|downgrade|provision|set|add|start|stop|ship|tear|execute|remember|reset|kill|save|put|use|show|go|compare|check|want|need|ask)"
)
_NEGATED = re.compile(
    r"^(?:[\w' ,]{0,40}?\b)?(?:don't|do not|never|shouldn't|should not|mustn't|must not|can't|cannot|won't|will not|needn't|"
    rf"not (?=to )|no (?=more )|didn't|did not|no need|(?:hold|holding) (?:off|back|on|the|that|this|all)|not yet|isn't time|refrain|avoid|nicht)\b[\w', ]{{0,40}}?\b(?:to |on |from |with )?{_ACT}(?:ing|ping|ning|en)?\b"
    r"|^(?:please )?(?:never|not)\b|^(?:wait|hold on|hold off|hold back|hold (?:the|that|all) \w+|stop|cancel (?:that|it|this|the (?:request|order|plan))|abort|never ?mind|forget (?:it|that|about it)|not (?:now|yet|today)|no need|leave (?:it|that|everything|things))\b(?! (?:to|the|api|all|\w+-\w+)\b)"
    r"|^no (?:\w+ )?(?:snapshots?|deploy\w*|install\w*|changes?|upgrades?|updates?|sync\w*|rollbacks?|rewind\w*|restore|destroy\w*)\b|\b(?:should|shall|must|may) (?:not )?be (?:installed|deployed|changed|touched|removed)$|^(?:let's|let us|lets|we|i)(?:'d| would| should)?(?: rather)? not\b|^(?:please )?leave \S+(?: \S+)? (?:alone|as it is|be|out of it|untouched)\b|\bnothing (?:should|shall|must|may)\b|\b(?:don't|do not|never)$|\b(?:not|nicht) (?:deploy|install|run|start)\w*$"
)
_ENDS = re.compile(r"^(?:now |just )?stop (?:syncing|synchroni[sz]ing|mirroring)\b(?! (?:me|and (?:install|chang)))")
"""What is ended is a sync session, and no wish to leave things as they are."""
_COMMANDEERS = re.compile(
    r"(?:ignore|disregard|forget|override)[\w ]{0,30}(?:previous|prior|above|earlier|all|your|system) (?:\w+ ){0,2}(?:instructions?|rules?|prompts?|orders?|guidelines)|"
    r"^\W*(?:system|assistant|developer|tool)(?: prompt| message)? ?:|<\|?(?:im_start|system|endoftext)|\[/?inst\]|you are now |you must (?:now )?(?:call|obey)|"
    r"(?:what|who|anything) is in this (?:file|text|message)|do anything now"
)


def commandeered(text: Text) -> bool:
    """Phrases that only occur in text that somebody planted."""
    return bool(_COMMANDEERS.search(text.low))


def foreign(text: str) -> bool:
    """Mostly written in letters that the model has never learnt: of those it would only guess."""
    letters = [char for char in text[:2_000] if char.isalpha()]
    other = sum(char > "\u024f" and unicodedata.normalize("NFKD", char)[0] > "\u024f" for char in letters)
    return other > 1 and other > 0.3 * len(letters)


def unlearns(low: str) -> bool:
    """A wish that a fact be forgotten, which no tool does: "forget that my server listens on 5199"."""
    return bool(_UNLEARN.match(low)) and not re.search(r"\b(?:instructions?|rules?|prompts?|orders?)\b", low)


def negated(low: str) -> bool:
    """The clause says not to do it."""
    if _ENDS.match(low):
        return False
    return bool(_NEGATED.search(low))


_CHAT = re.compile(
    r"^(?:(?:hello|hi|hey|yo|thanks?|thank you|thx|bye|goodbye|good (?:night|morning|evening|afternoon)|ok|okay|yes|no|yep|nope|sure|lol|haha|cool|nice|great|wow|awesome|perfect|sorry|welcome|cheers|"
    r"how are you|what's up|who are you|i(?:'m| am) \w+|you(?:'re| are) .*|i (?:love|like|hate) .*|tell me a joke|never ?mind|nothing|forget it|well done|good job|nice work)\W*)+$"
)
_VAGUE = (
    (re.compile(r"^\W*(?:please |can you |could you )*(?:(?:open|give me|get me|start|drop me into|i (?:want|need)) (?:an? )?(?:new )?(?:shell|terminal|console|prompt|session) (?:in|on|to|into|at|inside)|(?:ssh|log ?in|log|shell|exec|connect)(?: me)? (?:in ?to|into|to|on)) \S+\W*$"),
     "A terminal there opens with the command: envsync shell HOST. A host is written docker:NAME, USER@HOST or vm:NAME."),
    (re.compile(r"^\W*(?:please |can you |could you )*(?:(?:forward|tunnel|map)\b.{0,60}\b\d{2,5}\b|open (?:an? )?tunnel\b|(?:make|reach) port \d+ (?:of|on|from))"),
     "Ports of a host are reached with the command: envsync tunnel HOST [LOCAL:]PORT."),
    (re.compile(r"^\W*(?:please |can you |could you )*mount \S+"), "A host's directory is mounted with the command: envsync mount HOST:/DIR DIR."),
    (re.compile(r"^\W*(?:please |now |and )*re-?do(?: (?:it|that|this|the (?:last |latest )?(?:change|undo|step|one)|what (?:i|you|we) (?:just )?undid|again))*\W*$"),
     "To take an undo back, say `undo that` once more: it takes back the last change, whatever that was. `history` shows it."),
    (re.compile(r"^\W*(?:free|make|reclaim|get)(?: me| up)? (?:some |more )?(?:disk )?(?:space|room)\b"), "Free space how? `status` shows what the snapshots take; `history` lists them. Nothing was deleted."),
    (re.compile(r"^\W*(?:set|change) (?:the |its )?port\b"), "The port of which deployment? For example: deploy api on port 8080."),
    (re.compile(r"^\W*(?:please )?(?:clean|tidy)(?: (?:it|this|that|things|everything|all|the \w+|my \w+))?(?: up)?(?: everything| please| this| it| the \w+)?\W*$"),
     "Clean up what? I can take files and packages back to a snapshot (rewind), or destroy a service or sandbox that you name. Nothing was deleted."),
    (re.compile(r"^\W*(?:please |can you |could you )*(?:just )?(?:fix|repair|solve|heal|mend|unbreak)(?: (?:it|this|that|everything|things|the (?:env\w*|project|setup|problem|issue)|my (?:env\w*|setup|project|machine)))?(?: please| now| up| again)*\W*$"),
     "Fix it how? `what changed?` shows what is different; then go back (`undo that`, `rewind to …`) or install what is missing (`set this project up`)."),
    (re.compile(r"^\W*(?:please |can you |could you )*(?:make|get) (?:it|this|everything|things|that) (?:all )?(?:work|working|run|good)(?: again| like before| as before| properly)*\W*$"),
     "Set the project up as it needs (`set this project up`), or go back to when it worked (`rewind to …`)?"),
    (re.compile(r"^\W*(?:please |can you |could you )*(?:re)?(?:start|launch|build|test|stop|restart|serve|open)(?: (?:the|my|this|our) (?:server|app|project|dev server|tests?|application|service|website|site|api|backend|frontend|\w+ server)| it| this)\W*$"),
     f"By which command? {COMMANDS}"),
)  # fmt: skip


def chat(low: str) -> bool:
    """Small talk."""
    return bool(_CHAT.match(low))


def vague(low: str) -> str | None:
    """The question to ask about a request that is work, and too vague for any call."""
    return next((question for pattern, question in _VAGUE if pattern.match(low)), None)
