"""One request into its parts, in the order in which they are to be done.

"X, then Y", "X and Y" where Y begins an action, "before you Y, X", "Y after X-ing", "Y, but X first".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .normalise import Text
from .tables import FILLERS, PREAMBLES

_VERBS = (
    r"install|provision|add|set up|setup|set|upgrade|update|downgrade|bump|pin|get|give|spin up|bring up|take|make|create|save|"
    r"snapshot|snap|checkpoint|rewind|revert|restore|undo|roll|rollback|go(?= (?:back|to|live|ahead|in|into|through|over|on)\b)|put|reset|show|list|display|tell|print|check|compare|diff|"
    r"scan|inspect|analy[sz]e|look|see|deploy|redeploy|ship|release|publish|push|pull|copy|upload|download|sync|mirror|keep|switch|use|"
    r"change|activate|destroy|tear|remove|delete|kill|stop|run|execute|exec|remember|note|tail|start|restart|launch|clean|record|leave|"
    r"scaffold|fix|wait|repeat|send|write|open|merge|find"
)
_NOUNS = r"(?:(?:the )?last \d+ (?:log )?(?:lines|logs)(?= of\b| from\b| for\b)|(?:(?:the )?last \d+ (?:snapshots|actions)\b|(?:the |a )?(?:status|history|drift|logs|snapshots|snapshot|differences))(?=\s*(?:$|of\b|for\b|and\b|,|called|named|as\b)))"
_NOT = r"don't|do not|never|please don't"
_ASKS = r"what|what's|which|how|is|are|why|who|where|when"
_FILL = rf"(?:{FILLERS}|(?:first|before that|beforehand|before (?:you do|doing) (?:that|this|it)),?\s+|(?:please|also|just|then|now|again)\s+|(?:if|once|when|as soon as) (?!was|were|did|do\b|is)[^,;]{{1,60}}?(?:,\s*|\s(?=(?:{_VERBS})\b)))*(?:(?:{'|'.join(PREAMBLES[:4])})(?:please )?)?"
START = re.compile(rf"\s*{_FILL}(?:(?:{_VERBS}|{_NOT}|{_ASKS})(?![\w=/.@:-])|{_NOUNS}|with a snapshot first)")
ACTION = re.compile(rf"(?:{_VERBS})(?![\w=/.@:-])")

_SENTENCE = re.compile(r"(?<=[\w)\]\x01*/])(?:\s?[!?;]+|\.+)(?=\s|$)|\n+")
_ITEM = re.compile(r"(?:^|(?<=\s))\d{1,2}[.)]\s+(?=[a-z])")
_HARD = re.compile(
    r"\s*,?\s*(?<![\w-])(?:and then|but then|then|after that|afterwards|and afterwards|followed by|and finally|finally|and after that|and next)(?![\w-])\s*,?\s*"
)
_SOFT = re.compile(r"\s*(?:,\s*(?:and |but |so |or )?|(?<![\w-])(?:and|but|so|plus)\s+|\s&\s|\s-\s|:\s)\s*")
_BEFORE = re.compile(
    r"(?<!to )(?<!from )(?<!was )(?<!were )(?<!had )(?<!state )(?<!snapshot )\s(?:right |just )?before (?:you (?=[a-z])|(?=\w+ing\b))"
)
_SNAP_BEFORE = re.compile(r"(snapshot.{0,80}?)\s(?:right |just )?before (?:you (?=[a-z])|(?=\w+ing\b))")
_AFTER = re.compile(r"\s(?:right |just )?after (?:you(?:'ve| have)? (?=[a-z])|(?=\w+ing\b))")
_DONE = re.compile(r"\s(?:after|once|when|as soon as) you(?:'ve| have) (?=[a-z]+)")
_PARTICIPLES = {
    "taken": "take",
    "made": "make",
    "run": "run",
    "set": "set",
    "put": "put",
    "got": "get",
    "saved": "save",
}
_LEAD_BEFORE = re.compile(r"(?:but |and )?before (?:you |(?=\w+ing\b)|we )")
_LEAD_AFTER = re.compile(
    r"(?:but |and )?(?:after|once|when|as soon as) (?:you(?:'ve| have|'re| are)? (?:done )?|(?=\w+ing\b))"
)
_ANYTHING = re.compile(r"\b(?:anything|something|any changes|(?:do|change|touch)(?:ing)? (?:that|this|it))(?: else)?$")
_FIRST_TAIL = re.compile(
    r"(?<!called)(?<!named)(?<!label)(?<!labelled)(?<!tagged)[\s,]+(?:first|beforehand|before that|before)$"
)
_FIRST_HEAD = re.compile(
    r"(?:(?:but|and|though)\s+)?(?:please\s+)?(?:first|before that|before (?:you do|doing) (?:that|this|it|so)|beforehand),?\s+"
)

_GERUNDS = {"taking": "take", "making": "make", "running": "run", "setting": "set", "getting": "get", "putting": "put",
            "spinning": "spin", "rolling": "roll", "saving": "save", "creating": "create", "restoring": "restore", "upgrading": "upgrade",
            "updating": "update", "removing": "remove", "deleting": "delete", "executing": "execute", "comparing": "compare",
            "releasing": "release", "syncing": "sync", "downgrading": "downgrade", "scanning": "scan", "pinning": "pin", "provisioning": "provision",
            "switching": "switch", "snapshotting": "snapshot", "activating": "activate", "using": "use"}  # fmt: skip
_ING = re.compile(r"^([a-z]+ing)(?![\w-])")


@dataclass
class Part:
    """A part of the request; `question` when its sentence ended with a question mark."""

    text: Text
    question: bool = False


def segment(text: Text) -> list[Part]:
    """The parts in the order to be done."""
    if re.match(r"\s*1[.)]\s", text.low):
        text = text.sub(_ITEM, lambda _: "\n")
    parts: list[Part] = []
    previous = 0
    for sentence, question in _sentences(text):
        begin = len(parts)
        for piece in _order(_pieces(sentence)):
            first, piece = _first(piece)
            at = begin if len(parts) > begin else previous
            if first and parts:
                parts.insert(at, Part(base(piece), question))
            else:
                parts.append(Part(base(piece), question))
        previous = begin
    return [part for part in parts if part.text.low]


def base(text: Text) -> Text:
    """A leading gerund as its verb: "upgrading numpy" is "upgrade numpy"."""

    def put(match: re.Match[str]) -> str | None:
        word = match[1]
        return _GERUNDS.get(word) or (word[:-3] if ACTION.fullmatch(word[:-3]) else None)

    return text.cut().sub(_ING, put)


def _sentences(text: Text) -> list[tuple[Text, bool]]:
    masked, out, at = text.masked(), list[tuple[Text, bool]](), 0
    for match in _SENTENCE.finditer(masked):
        out.append((text.cut(at, match.start()), "?" in match[0]))
        at = match.end()
    out.append((text.cut(at), False))
    return [item for item in out if item[0].low]


def _pieces(text: Text) -> list[Text]:
    """Split where a connective stands and, unless it is a hard one, an action begins behind it."""
    masked = text.masked()
    if "&&" in masked or "||" in masked or " | " in masked:
        # A line with shell operators is one command: `run` refuses it and says the way out.
        return [text]
    cuts: list[tuple[int, int]] = []
    for match in _HARD.finditer(masked):
        if match.start() and match.end() < len(masked):
            cuts.append((match.start(), match.end()))
    for match in _SOFT.finditer(masked):
        if match.start() and START.match(masked, match.end()) and not _fixed(masked, match):
            cuts.append((match.start(), match.end()))
    cuts.sort()
    out, at = list[Text](), 0
    for start, end in cuts:
        if start < at:
            at = max(at, end)
            continue
        out.append(text.cut(at, start))
        at = end
    out.append(text.cut(at))
    return [piece for piece in out if piece.low]


def _fixed(masked: str, match: re.Match[str]) -> bool:
    """A connective that belongs to a phrase: "look and see", "to go and get", "be so kind and", "if …, do"."""
    before = masked[: match.start()].rstrip()
    if re.search(
        r"\b(?:remember|mind|a note|note|record|know|fyi|fact|following|command|run|execute)(?: this| that)?$", before
    ) and match[0].strip() in (":", ",", "-"):
        return True
    if (
        re.search(r"(?:^|[,;]\s|\s)(?:if|when|once|after|before|unless)\s[^,;]{1,60}$", before)
        and match[0].strip() == ","
    ):
        return not re.search(r"\sif\s|^before|^after|^once|[,;] (?:before|after)", " " + before) or before.startswith(
            "if "
        )
    return bool(re.search(r"\b(?:so kind|go ahead|favou?r|try|go|come)$", before)) and match[0].strip() == "and"


def _order(pieces: list[Text]) -> list[Text]:
    out: list[Text] = []
    held: Text | None = None
    for piece in pieces:
        lead = _LEAD_BEFORE.match(piece.low)
        if lead and not out:
            held = piece.cut(lead.end())
            if rest := _inner_action(held):
                held, piece = held.cut(0, rest), held.cut(rest)
                out += _around(piece)
                held = None if _ANYTHING.search(held.low) else held
                continue
            if _ANYTHING.search(held.low):
                held = None
                continue
            continue
        lead = _LEAD_AFTER.match(piece.low)
        if lead:
            body = piece.cut(lead.end())
            at = _inner_action(body)
            new = [body] if at is None else [body.cut(0, at), body.cut(at)]
        else:
            new = _around(piece)
        out += new
        if held is not None:
            out.append(held)
            held = None
    return [*out, held] if held is not None else out


def _around(piece: Text) -> list[Text]:
    """ "X before you Y" and "Y after X-ing", outside quotes and outside questions about the past."""
    masked = piece.masked()
    if re.match(r"(?:what|when|who|why|how|did|have|has|rewind|go back|restore|remember|note|keep in mind)\b", masked):
        return [piece]
    if match := _SNAP_BEFORE.search(masked):
        start = match.end(1)
        return (
            [piece.cut(0, start), piece.cut(match.end())] if ACTION.match(base(piece.cut(match.end())).low) else [piece]
        )
    if (match := _BEFORE.search(masked)) and ACTION.match(base(piece.cut(match.end())).low):
        return [piece.cut(0, match.start()), piece.cut(match.end())]
    if match := _DONE.search(masked):
        did = piece.cut(match.end()).sub(
            re.compile(r"^[a-z]+"), lambda word: _PARTICIPLES.get(word[0]) or word[0].removesuffix("ed")
        )
        if ACTION.match(did.low):
            return [did, piece.cut(0, match.start())]
    if (match := _AFTER.search(masked)) and ACTION.match(base(piece.cut(match.end())).low):
        return [piece.cut(match.end()), piece.cut(0, match.start())]
    return [piece]


def _inner_action(text: Text) -> int | None:
    """Where, after its own verb, the next action begins: "installing pandas run pytest"."""
    masked = text.masked()
    if comma := re.search(rf",\s*(?=(?:please )?(?:{_VERBS})(?![\w=/.@:-]))", masked):
        return comma.end()
    for match in re.finditer(r"[\s,]+", masked):
        found = re.match(rf"(?:please )?(?:{_VERBS})(?![\w=/.@:-])", masked[match.end() : match.end() + 40])
        if found and not re.match(r"up\b|to\b|-", masked[match.end() :]):
            return match.end()
    return None


def _first(piece: Text) -> tuple[bool, Text]:
    masked = piece.masked()
    if match := _FIRST_TAIL.search(masked):
        return True, piece.cut(0, match.start())
    if match := _FIRST_HEAD.match(masked):
        return True, piece.cut(match.end())
    return False, piece
