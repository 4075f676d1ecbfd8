"""Baselines without any learning, or next to none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from envsync.agent.events import Call
from envsync.agent.models.base import Request, Thought

from ..cases import Case
from ..contract import NEEDED, TOOLS
from .base import Baseline, thought


class Decline(Baseline):
    """Declines whatever it is asked."""

    name = "always decline"

    def understand(self, request: Request) -> Thought:
        return Thought("decline")


class Frequent(Baseline):
    """Makes the call that the cases have most often, whatever it is asked."""

    name = "most frequent call"

    def __init__(self, cases: Sequence[Case]) -> None:
        tools = Counter(case["calls"][0]["tool"] for case in cases if len(case["calls"]) == 1)
        tool = tools.most_common(1)[0][0]
        calls = Counter(repr(case["calls"]) for case in cases if [c["tool"] for c in case["calls"]] == [tool])
        wanted = calls.most_common(1)[0][0]
        self._answer = thought("calls", next(case["calls"] for case in cases if repr(case["calls"]) == wanted))

    def understand(self, request: Request) -> Thought:
        return self._answer


# Thirty lines: the first tool one of whose words is there, then its arguments by what stands around them.
WORDS = (
    ("rewind", r"undo|rewind|restore|take (?:it|that) back|go back|roll(?: it| everything)? back to"),
    ("rollback", r"roll ?back|rolled back|previous (?:release|version)"),
    ("snapshot", r"(?:take|make|create) a (?:snapshot|checkpoint)|snapshot|checkpoint|save (?:this|the) state"),
    ("syncs", r"(?:pause|resume|stop|end) (?:the )?sync\w*|conflicts?"),
    ("sync", r"sync|mirror|keep .+ the same|push \S+ to|pull \S+ from"),
    ("drift", r"drift|what(?:'s| has| is)? (?:changed|different)|differs?|compare"),
    ("history", r"history|timeline|when did|list (?:the )?snapshots|what did"),
    ("logs", r"logs?|output of|crash\w*"),
    ("switch", r"switch|use (?:prod|staging|dev)|go to (?:prod|staging|dev)"),
    ("deploy", r"deploy|redeploy|ship|scale|release"),
    ("destroy", r"destroy|tear down|kill|stop|remove"),
    ("remember", r"remember|keep in mind|note that"),
    ("sandbox", r"sandbox|throw-?away|scratch"),
    ("status", r"status|running|is .+ up"),
    ("run", r"run|execute"),
    ("provision", r"install|add|upgrade|update|set up|need"),
    ("scan", r"scan|what does .+ need|missing|which version"),
)
SLOTS = (
    ("provision.packages", r"(?:install|add|upgrade|update|need) (?:the )?([\w@./-]+)()"),
    ("sync.source", r"(?:sync|mirror|push|pull|copy) (\S+)"),
    ("sync.destination", r"(?:with|to|and|into) (\S+[/:]\S*)"),
    ("snapshot.label", r"(?:called|named|labell?ed|as) (\S+)"),
    ("rewind.to", r"(?:back to|rewind to|restore|to) (.+)|(?:undo|back)()"),
    ("drift.against", r"(?:since|with|against|from) (.+?)\??$"),
    (
        "logs.service",
        r"(?:logs? (?:of|for|from)|output of) (?:the )?([\w.-]+)|\b((?!the\b|me\b|some\b)[\w.-]+)(?:'s)? logs",
    ),
    ("logs.tail", r"(?:last )?(\d+) lines"),
    ("switch.context", r"(?:switch|go|over) to (?:the )?(\S+)"),
    ("deploy.name", r"(?:deploy|redeploy|ship|scale|release) (?:the )?([\w.-]+)"),
    ("deploy.context", r"to (prod|staging|dev|qa|uat)\b"),
    ("deploy.replicas", r"(\d+) (?:replicas|instances|copies)"),
    ("rollback.name", r"(?:roll ?back|version of|release of) (?:the )?([\w.-]+)"),
    ("destroy.name", r"(?:destroy|tear down|kill|stop|remove) (?:the )?([\w.-]+)"),
    ("run.command", r"(?:run|execute) (.+)"),
    ("remember.fact", r"(?:remember|keep in mind|note) (?:that )?(.+)"),
)


class Keywords(Baseline):
    """Thirty lines of regular expressions."""

    name = "keywords"

    def understand(self, request: Request) -> Thought:
        for tool, words in WORDS:
            if re.search(rf"\b(?:{words})\b", request.text, re.IGNORECASE):
                return filled(tool, request.text)
        return Thought("decline")


def filled(tool: str, text: str) -> Thought:
    """The tool's call with what SLOTS find in the text; a question when it needs what they do not find."""
    args: dict[str, object] = {}
    for slot, pattern in SLOTS:
        of, _, name = slot.partition(".")
        if of == tool and (found := re.search(pattern, text, re.IGNORECASE)):
            value = next((group for group in found.groups() if group), "last")
            kind = TOOLS[tool][name].kind
            args[name] = int(value) if kind == "count" else [value] if kind == "packages" else value
    missing = any(one.default is NEEDED and name not in args for name, one in TOOLS[tool].items())
    return Thought("ask") if missing else Thought("calls", (Call(tool, args),))
