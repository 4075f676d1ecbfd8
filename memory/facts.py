"""What a fact says in fixed slots: `my database always listens on 5433` is port 5433 of the database. Pure functions.

Only what is said plainly is read. A fact that is negated, or a question, fills nothing: it is still recalled as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# One name for what people call differently; the names on the right are those that the scan uses.
_ALIASES = {
    "db": "database",
    "postgres": "postgresql",
    "pg": "postgresql",
    "psql": "postgresql",
    "mongo": "mongodb",
    "nodejs": "node",
    "node.js": "node",
    "golang": "go",
    "py": "python",
    "python3": "python",
    "front end": "frontend",
    "front-end": "frontend",
    "back end": "backend",
    "back-end": "backend",
}
_MANAGERS = (
    "npm",
    "pnpm",
    "yarn",
    "bun",
    "pip",
    "uv",
    "poetry",
    "pipenv",
    "pdm",
    "conda",
    "cargo",
    "maven",
    "gradle",
    "mise",
    "asdf",
    "nvm",
)
_RUNTIMES = ("python", "node", "nodejs", "node.js", "ruby", "go", "golang", "rust", "java", "php", "deno", "bun", "postgres", "postgresql", "mysql", "mariadb", "redis", "mongo", "mongodb", "py", "python3")  # fmt: skip

_SUBJECT = r"(?<!['’\w])(?P<subject>[A-Za-z][\w.-]*(?: [A-Za-z][\w.-]*){0,3}?)"
_ADVERB = r"(?:(?:always|usually|normally|also|now|still|only) )?"
_VERB = r"(?:listens?|runs?|is|are|sits?|lives?|serves?|answers?|works?|starts?|stays?|goes|binds?)"
_PORT = re.compile(
    rf"(?i)\b{_SUBJECT} {_ADVERB}(?P<verb>{_VERB}) {_ADVERB}(?P<word>(?:on |at |under )?(?:the )?(?:tcp )?(?P<named>port )?:?)(?P<port>\d{{2,5}})\b(?![.\w-]*[\w])"
)
_PORT_OF = re.compile(
    rf"(?i)\b(?:use |the )?port (?P<port>\d{{2,5}}) (?:is )?(?:for|by|of|belongs to) {_SUBJECT}\s*(?:[.,;!]|$)"
)
_OF_PORT = re.compile(rf"(?i)\b{_SUBJECT}(?:'s)? port ?{_ADVERB}(?:is|=|should be|must be|:)? ?(?P<port>\d{{2,5}})\b")
_HOST = re.compile(
    rf"(?i)\b{_SUBJECT} {_ADVERB}{_VERB} {_ADVERB}(?:on port \d+ )?(?:on |at )(?:the host |host |machine )?"
    r"(?P<host>[\w.-]+@[\w.-]+|(?:\d{1,3}\.){3}\d{1,3}|(?:docker|ssh|vm):[\w.@:-]+|[A-Za-z][\w-]*(?:\.[\w-]+)+|localhost)(?::(?P<port>\d{2,5}))?(?=[\s,;!]|\.?$|\. )"
)
_HOST_IS = re.compile(
    rf"(?i)\b{_SUBJECT} {_ADVERB}is (?P<host>[\w.-]+@[\w.-]+|(?:\d{{1,3}}\.){{3}}\d{{1,3}}|(?:docker|ssh|vm):[\w.@:-]+)(?=[\s,;!]|\.?$|\. )"
)
_PATH = re.compile(
    rf"(?i)\b{_SUBJECT} {_ADVERB}(?:{_VERB}|belongs?) {_ADVERB}(?:in |at |under |to )?(?:the )?(?:directory |folder |path )?"
    r"[\"'`]?(?P<path>(?:~|\.{1,2})?/[^\s\"'`,;]*|\.)(?=[\"'`\s,;]|$)"
)
_VERSION = re.compile(
    rf"(?i)\b(?P<subject>{'|'.join(map(re.escape, _RUNTIMES))})(?:[ -]?(?:version|v))?[ @=]+v?(?P<version>\d+(?:\.\d+){{0,3}})\b(?!\.\d)"
)
_USE = re.compile(rf"(?i)\b(?:use|prefer|want|like|uses|prefers)s? {_ADVERB}(?P<value>{'|'.join(_MANAGERS)})\b")
_NEGATED = re.compile(r"(?i)\b(?:not|never|don'?t|doesn'?t|isn'?t|no longer|avoid|stop|without|used to|was|were)\b")
_LEAD = re.compile(
    r"(?i)^(?:(?:please|remember|that|note|my|our|the|this|a|an|your|i|we|always|and|but|so|use|set|project'?s?) )+"
)


_TOLD = re.compile(
    rf"(?i)^(?P<subject>it|now|they|[\w' -]{{1,40}}?) (?=(?:now )?{_ADVERB}(?:{_VERB}|used to|was|no longer|does not|doesn't)\b)"
)


@dataclass(frozen=True)
class Slot:
    """One thing a fact says: `attribute` is port, version, host, path or manager; a port's value is an int."""

    subject: str
    attribute: str
    value: str | int


def parse(fact: str) -> list[Slot]:
    """What a fact says, in its order, each once; empty when it says nothing that fits a slot."""
    found: dict[tuple[str, str], Slot] = {}
    for clause in _clauses(fact[:2000]):
        for slot in _read(clause):
            found.setdefault((slot.subject, slot.attribute), slot)
    return list(found.values())


def slots(facts: Iterable[str]) -> dict[str, dict[str, str | int]]:
    """What all facts say, by subject: `{"database": {"port": 5433}}`. The first of two that contradict counts."""
    merged: dict[str, dict[str, str | int]] = {}
    for fact in facts:
        for slot in parse(fact):
            merged.setdefault(slot.subject, {}).setdefault(slot.attribute, slot.value)
    return merged


def _clauses(text: str) -> Iterator[str]:
    """Parts that stand for themselves, so that `use pnpm, not npm` still says pnpm."""
    subject = ""
    for clause in re.split(r"[;!\n]|,\s|\.\s|\.$|\s(?:but|and|instead of|rather than)\s", text):
        clause = re.sub(r"(?i)^(?:but|and|so|then) ", "", " ".join(clause.split()))
        if told := _TOLD.match(clause):
            # `the database used to …, but now listens on 5433` is about the database still.
            subject = told["subject"] if told["subject"].lower() not in ("it", "now", "they") else subject
            clause = f"{subject} {clause[told.end('subject') :].lstrip()}" if subject else clause
        if clause and not clause.endswith("?") and not _NEGATED.search(clause):
            yield clause


def _read(clause: str) -> Iterator[Slot]:
    for pattern in (_OF_PORT, _PORT_OF, _PORT):
        for match in pattern.finditer(clause):
            port, subject = int(match["port"]), _subject(match["subject"])
            sure = pattern is not _PORT or match["named"]
            if not sure:  # two digits are more likely a version or a count, and what just `is` 2024 is a year
                sure = len(match["port"]) >= 4 and (match["word"] or match["verb"] not in ("is", "are"))
            if subject and 0 < port < 65536 and sure:
                yield Slot(subject, "port", port)
    for match in _VERSION.finditer(clause):
        yield Slot(_ALIASES.get(match["subject"].lower(), match["subject"].lower()), "version", match["version"])
    for pattern in (_HOST, _HOST_IS):
        for match in pattern.finditer(clause):
            if subject := _subject(match["subject"]):
                yield Slot(subject, "host", match["host"])
                if "port" in pattern.groupindex and match["port"]:
                    yield Slot(subject, "port", int(match["port"]))
    for match in _PATH.finditer(clause):
        if subject := _subject(match["subject"]):
            yield Slot(subject, "path", match["path"])
    for match in _USE.finditer(clause):
        yield Slot("package manager", "manager", match["value"].lower())


_VERBS = {"is", "are", "on", "at", "in", "to", "for", "with", "listens", "runs", "use", "set"}


def _subject(words: str) -> str:
    """`my Postgres server` as `postgresql`, `the web server` as `web server`."""
    subject = _LEAD.sub("", f"{words.lower()} ").strip()
    subject = re.sub(r"\b(?:always|usually|normally|port|which|that|it)$", "", subject).strip()
    known = _ALIASES.get(subject, subject)
    if known == subject and " " in subject:
        head = subject.rsplit(" ", 1)
        if head[1] in ("server", "database", "db", "instance", "service", "container") and head[0] in _RUNTIMES:
            known = _ALIASES.get(head[0], head[0])
    if _VERBS & set(known.split()):
        return ""
    return "" if known in ("it", "that", "this", "port", "there", "everything", "which") else known
