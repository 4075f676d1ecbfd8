"""The simple grammar: what reads a request where the encoder's file is missing or damaged.

It gives the same reading as the encoder: parts with an act, flags and the words of each slot. It knows plain forms, a verb first
and its things behind it; what it does not know it calls no work, and never guesses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ....tools.risk import Risk
from .compose import Act, Span
from .labels import NONE
from .normalise import Text
from .reader import Read, Reading
from .tables import CONTEXTS, EVERYDAY, PROGRAMS, RISKS, RUNTIMES, words
from .values import HOSTISH, moment
from .words import SHAPES, Word, shape, split

SURE = 0.9
"""Of a part whose verb is known: it is not measured, and never above what is asked about once more."""

_VERBS: dict[str, str] = {
    verb: tool
    for tool, verbs in {
        "scan": "scan inspect analyse analyze examine", "provision": "install add upgrade update downgrade provision setup bump",
        "sync": "sync synchronize synchronise mirror push pull copy upload download", "snapshot": "snapshot checkpoint",
        "rewind": "rewind undo restore revert", "drift": "diff drift compare", "history": "history snapshots", "status": "status", "logs": "logs log tail",
        "deploy": "deploy ship release", "rollback": "rollback", "switch": "switch", "destroy": "destroy", "run": "run execute exec", "remember": "remember note",
        "sandbox": "sandbox",
    }.items()
    for verb in verbs.split()
}  # fmt: skip
_PHRASES = (
    (re.compile(r"(?:take|make|create) (?:a |an |another )?(?:snapshot|checkpoint|backup)"), "snapshot"),
    (
        re.compile(r"roll (?:back )?(?:the |my )?(?:env\w*|everything|project|machine|system|packages)(?: back)?"),
        "rewind",
    ),
    (re.compile(r"roll (?:back (?:the )?|(?=\S+ back\b))"), "rollback"),
    (re.compile(r"(?:go|take (?:it|me)|jump) back"), "rewind"),
    (re.compile(r"take (?:it|that) back"), "rewind"),
    (re.compile(r"what(?:'s| is| has| did)? ?(?:changed?|different|drifted)"), "drift"),
    (re.compile(r"what(?:'s| is)? (?:running|up|deployed)|(?:is|are) \S+ (?:running|up)"), "status"),
    (re.compile(r"what (?:does|do) (?:this|it|the project|i) need|what(?:'s| is) missing"), "scan"),
    (re.compile(r"set (?:this|the|my|it|everything)\b.*\bup|set up"), "provision"),
    (
        re.compile(r"(?:show|list|give|print)(?: me)? (?:the |my |all )?(?:last \d+ )?(?:history|snapshots|actions)"),
        "history",
    ),
    (re.compile(r"(?:show|give|print|get)(?: me)? (?:the )?(?:last \d+ lines of )?(?:the )?(?:\S+ )?logs?"), "logs"),
    (re.compile(r"(?:show|give|print|get|check)(?: me)? (?:the )?status"), "status"),
)
_FILLERS = words("please can could would you hey ok okay now then and just also i want to need let's kindly the first")
_COURTESY = words("hi hello thanks thank cheers great good morning sorry so well alright right yes there")
_NO = re.compile(r"\b(?:don't|do not|never|not|no|stop|without|instead|nicht|nein|kein\w*|pas|não)\b")
_IF = re.compile(r"\b(?:if|unless|otherwise|whenever|until|in case|except|only)\b")
_SERVICES = words("web api worker app backend frontend server gateway proxy auth db queue scheduler bot site")
_MEANT = words(
    "me us out set replicas replica port context once sync as one two both ways service deployment sandbox container over last swarm"
)
_JOINT = re.compile(
    r"\s*(?:;|,? and then\b|,? then\b|,\s*(?=(?:and )?(?:{verbs})\b)|\band (?=(?:{verbs}|take a|roll|go back|show)\b))\s*".replace(
        "{verbs}", "|".join(_VERBS)
    )
)
_SMALL = words("a an the my our some of for from to into on in at with and or me us is as called named version latest please now too also dependencies deps everything "
               "it this that project environment up all needed requirements package packages runtime service services library back")  # fmt: skip


def reads(word: str) -> bool:
    """A word that makes a request by itself: a verb of a tool or a program."""
    return word in _VERBS or word in PROGRAMS


@dataclass
class _Clause:
    text: Text
    words: list[Word]
    shapes: list[str]
    spans: list[Span] = field(default_factory=list[Span])
    flags: set[str] = field(default_factory=set[str])
    begin: int = 0
    """The word after the verb."""

    def take(self, slot: str, begin: int, end: int | None = None) -> None:
        end = end or begin + 1
        while slot != "command" and end - 1 > begin and self.shapes[end - 1] == "mark":
            end -= 1
        last = self.words[end - 1]
        self.spans.append(Span(slot, self.text.cut(self.words[begin].start, last.end)))

    def after(self, *leads: str) -> int | None:
        """The place after the first of these words."""
        after = range(self.begin, len(self.words) - 1)
        return next((at + 1 for at in after if self.words[at].low in leads), None)


def read(text: Text, here: Mapping[str, str]) -> Read:
    """See reader.read."""
    parts = [_part(piece, here) for piece in _pieces(text)]
    if any(part.act.tool == NONE and _unread(part.act.text) for part in parts):
        # Half a request is not carried out: what was not read may matter to what was.
        parts = [_asked(part) if RISKS.get(part.act.tool, Risk.R0) > Risk.R0 else part for part in parts]
    return Read(tuple(parts), SURE, whole=True)


def _unread(text: Text) -> bool:
    """More than a courtesy, and no "don't"."""
    return not _NO.search(text.low) and any(
        word.low.isalnum() and word.low not in _FILLERS | _COURTESY for word in split(text)
    )


def _asked(part: Reading) -> Reading:
    return replace(part, act=replace(part.act, flags=part.act.flags | {"ask"}))


def _pieces(text: Text) -> Sequence[Text]:
    masked, out, at = text.masked(), list[Text](), 0
    for match in _JOINT.finditer(masked):
        if match.start() > at:
            out.append(text.cut(at, match.start()))
            at = match.end()
    out.append(text.cut(at))
    return [piece for piece in out if piece.low]


def _part(text: Text, here: Mapping[str, str]) -> Reading:
    found = split(text)
    clause = _Clause(text, found, [_looks(word.low, here) for word in found])
    tool, begin = _tool(clause)
    everyday = tool not in ("run", "remember") and any(word.low in EVERYDAY for word in found)
    if tool == NONE or everyday or (_NO.search(text.low) and tool != "remember"):
        return Reading(Act(NONE, text=text), SURE, SURE, SURE, NONE)
    clause.begin = begin
    _slots(tool, clause, begin)
    if (
        tool != "remember"
        and RISKS[tool] > Risk.R0
        and (_IF.search(text.masked()) or (tool != "run" and _left(clause, begin)))
    ):
        clause.flags.add("ask")
    return Reading(Act(tool, tuple(clause.spans), frozenset(clause.flags), text), SURE, SURE, SURE, NONE)


def _looks(word: str, here: Mapping[str, str]) -> str:
    """A word's shape; `me@10.0.0.5` could be a package with its version, and a host is the likelier."""
    kind = SHAPES[shape(word, here)]
    return "host" if kind == "versioned" and HOSTISH.fullmatch(word) else kind


def _left(clause: _Clause, begin: int) -> bool:
    """Something was said that is not understood: what changes anything is then asked about."""
    taken = {start for span in clause.spans for start in span.text.starts}
    return any(
        clause.text.starts[word.start] not in taken
        and word.low not in _SMALL | _FILLERS | _MEANT
        and clause.shapes[at] != "mark"
        for at, word in enumerate(clause.words[begin:], begin)
    )


def _tool(clause: _Clause) -> tuple[str, int]:
    """The act and the word after its verb."""
    begin = next((at for at, word in enumerate(clause.words) if word.low not in _FILLERS), len(clause.words))
    if begin == len(clause.words):
        return NONE, begin
    rest = clause.text.low[clause.words[begin].start :]
    for pattern, tool in _PHRASES:
        if match := pattern.match(rest):
            end = clause.words[begin].start + match.end()
            return tool, next((at for at, word in enumerate(clause.words) if word.start >= end), len(clause.words))
    return _VERBS.get(clause.words[begin].low, NONE), begin + 1


def _slots(tool: str, clause: _Clause, begin: int) -> None:
    if tool == "run":
        _run(clause, begin)
        return
    if tool == "remember":
        while begin < len(clause.words) and clause.words[begin].low in ("that", ":", ","):
            begin += 1
        if begin < len(clause.words):
            clause.take("fact", begin, len(clause.words))
        return
    hosts = [at for at, kind in enumerate(clause.shapes) if kind in ("host", "host-here")]
    places = [at for at, kind in enumerate(clause.shapes) if kind == "place"]
    if hosts and tool not in ("sync", "syncs"):
        clause.take("host", hosts[0])
    if places and tool != "sync":
        clause.take("file" if tool == "rewind" else "path", places[0])
    _OWN.get(tool, _nothing)(clause, begin)


def _run(clause: _Clause, begin: int) -> None:
    """`run COMMAND [on HOST] [in DIR]`; what is in quotes is the command, and nothing else may stand beside it."""
    words = clause.words
    while begin < len(words) and words[begin].low in ("the", "command", ":", ","):
        begin += 1
    end = len(words)
    while end - begin > 2 and words[end - 2].low in ("on", "in") and clause.shapes[end - 1] in _WHERE:
        slot = _WHERE[clause.shapes[end - 1]]
        if not slot:
            clause.flags.add("ask")  # a name of which it is not known what it names
            break
        clause.take(slot, end - 1)
        end -= 2
    if begin < end and (mark := words[begin].low) in "`\"'":
        closing = next((at for at in range(begin + 1, end) if words[at].low == mark), -1)
        if closing != end - 1:
            clause.flags.add("ask")
    first = begin + (begin + 1 < end and words[begin].low in "`\"'")
    if begin < end:
        if clause.shapes[first] not in ("place", "file") and words[first].low not in PROGRAMS:
            clause.flags.add("ask")
        clause.take("command", begin, end)


_WHERE = {"host": "host", "host-here": "host", "place": "path", "coined": "", "service-here": ""}


def _nothing(clause: _Clause, begin: int) -> None:
    del clause, begin


def _provision(clause: _Clause, begin: int) -> None:
    if clause.words[0].low in ("upgrade", "update", "bump"):
        clause.flags.add("latest")
    kinds = {"runtime": "runtime", "service": "service", "version": "version", "integer": "version"}
    for at in range(begin, len(clause.words)):
        word, kind = clause.words[at].low, clause.shapes[at]
        if kind in kinds:
            clause.take(kinds[kind], at)
        elif (
            kind in ("package", "program", "versioned", "scoped", "rare", "coined", "word-package")
            and word not in _SMALL
        ):
            clause.take("runtime" if word.partition("@")[0] in RUNTIMES else "package", at)
    whole = any(word.low in ("up", "project", "dependencies", "deps", "requirements", "setup") for word in clause.words)
    if not any(span.slot in ("runtime", "package", "service") for span in clause.spans) and not whole:
        clause.flags.add("ask")


def _sync(clause: _Clause, begin: int) -> None:
    places = [at for at in range(begin, len(clause.words)) if clause.shapes[at] in ("place", "file")]
    if len(places) > 1 and clause.words[places[1] - 1].low == "from":
        places[:2] = reversed(places[:2])
    for slot, at in zip(("source", "destination"), places, strict=False):
        clause.take(slot, at)
    verb = clause.words[begin - 1].low
    if verb in ("push", "upload", "copy", "mirror"):
        clause.flags.add("push")
    if verb in ("pull", "download"):
        clause.flags.add("pull")
    if any(word.low == "once" for word in clause.words):
        clause.flags.add("once")


def _snapshot(clause: _Clause, begin: int) -> None:
    del begin
    if (at := clause.after("called", "named", "as", "labelled")) is not None:
        clause.take("label", at, len(clause.words))


def _rewind(clause: _Clause, begin: int) -> None:
    if re.search(r"\bundo\b|\b(?:it|that) back\b", clause.text.low):
        clause.flags.add("last")
        if any(word.low in ("everything", "all", "both") for word in clause.words):
            clause.flags.add("ask")
    elif (at := clause.after("to") or begin) < len(clause.words):
        said = clause.text.low[clause.words[at].start :]
        if re.fullmatch(r"(?:it|that|that one|that snapshot)\W*", said):
            return  # the session may know which
        if moment(said) or (
            at + 1 == len(clause.words) and clause.shapes[at] in ("coined", "version", "snapshot-here", "rare")
        ):
            clause.take("moment", at, len(clause.words))
        else:
            clause.flags.add("ask")


def _drift(clause: _Clause, begin: int) -> None:
    del begin
    if (at := clause.after("since", "against", "with", "from")) is not None and clause.shapes[at] != "host":
        clause.take("moment", at, len(clause.words))


def _history(clause: _Clause, begin: int) -> None:
    del begin
    if "snapshots" in clause.text.low:
        clause.flags.add("snapshots")
    if (at := clause.after("about", "of")) is not None:
        clause.take("query", at, len(clause.words))
    _count(clause)


def _count(clause: _Clause) -> None:
    for at, kind in enumerate(clause.shapes):
        if kind == "integer" and (not at or clause.words[at - 1].low != "port"):
            clause.take("count", at)
            return


def _logs(clause: _Clause, begin: int) -> None:
    _count(clause)
    if (at := clause.after("of", "for", "from")) is not None:
        at += clause.words[at].low in ("the", "my") and at + 1 < len(clause.words)
        clause.take("name", at)
    elif begin < len(clause.words) and clause.shapes[begin] != "integer":
        clause.take("name", begin)
    elif (
        begin > 1
        and clause.words[begin - 1].low in ("logs", "log")
        and clause.words[begin - 2].low not in _FILLERS | words("show me the give print get of")
    ):
        clause.take("name", begin - 2)


def _deploy(clause: _Clause, begin: int) -> None:
    for at in range(begin, len(clause.words)):
        word, kind = clause.words[at].low, clause.shapes[at]
        before = clause.words[at - 1].low if at else ""
        if word in CONTEXTS:
            clause.take("context", at)
        elif word == "swarm":
            clause.take("host", at)
        elif kind == "integer":
            clause.take("port" if before == "port" else "count", at)
        elif at == begin and _name(clause, at):
            clause.take("name", at)
        elif word in ("one", "both", "all", "services") and "replica" not in clause.text.low:
            clause.flags.add("ask")  # which one of them


def _named(clause: _Clause, begin: int) -> None:
    for at in range(begin, len(clause.words)):
        if _name(clause, at):
            clause.take("name", at)
            return


def _name(clause: _Clause, at: int) -> bool:
    """A word that could hardly be anything but the name of a service or deployment."""
    return clause.shapes[at] in ("service-here", "coined", "service", "rare") or clause.words[at].low in _SERVICES


def _switch(clause: _Clause, begin: int) -> None:
    for at in range(begin, len(clause.words)):
        if clause.words[at].low in CONTEXTS or clause.shapes[at] == "coined":
            clause.take("context", at)
            return


_OWN = {
    "provision": _provision, "sandbox": _provision, "sync": _sync, "snapshot": _snapshot, "rewind": _rewind, "drift": _drift, "history": _history,
    "logs": _logs, "deploy": _deploy, "rollback": _named, "destroy": _named, "switch": _switch,
}  # fmt: skip
