"""What a secret looks like: the shapes of known keys, and the names under which a secret stands. Pure, no state.

Own rules instead of a general detector: detect-secrets has no typed hit for OpenAI, Anthropic or Hugging Face keys and
flags git commits. Commits, UUIDs and digests stay as they are unless they stand under a secret's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[int, int, str]
"""Where a secret lies in a text, and what it is called."""


@dataclass(frozen=True)
class Rule:
    """A shape. It is only tried when one of `hints` occurs, which is why a megabyte takes milliseconds."""

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    fits: Callable[[str], bool] = lambda _: True


def _rule(name: str, hints: str, pattern: str, fits: Callable[[str], bool] = lambda _: True) -> Rule:
    return Rule(name, tuple(hints.split()), re.compile(pattern), fits)


def _random(text: str) -> bool:
    """A run of 16 letters and digits with a digit in it: a key, not words joined by dashes."""
    return any(any(c.isdigit() for c in run) for run in re.findall(r"[A-Za-z0-9]{16,}", text))


# The secret is group 1 where there is one, else the whole match. Lengths are the providers' own or their lower bound.
RULES = (
    _rule("anthropic-key", "sk-ant-", r"(?<![A-Za-z0-9])sk-ant-[\w-]{16,}"),
    _rule("openai-key", "sk-", r"(?<![A-Za-z0-9])sk-(?!ant-)[\w-]{20,}", _random),
    _rule("huggingface-token", "hf_ api_org_", r"(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9]{30,}"),
    _rule("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", r"(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{30,}"),
    _rule("github-token", "github_pat_", r"github_pat_[A-Za-z0-9_]{30,}"),
    _rule("gitlab-token", "glpat- gldt- glrt-", r"(?<![A-Za-z0-9])gl(?:pat|dt|rt)-[\w-]{20,}"),
    _rule("aws-key", "AKIA ASIA", r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])"),
    _rule("google-key", "AIza", r"(?<![A-Za-z0-9])AIza[\w-]{35}"),
    _rule("google-token", "GOCSPX- ya29.", r"(?<![A-Za-z0-9])(?:GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,})"),
    _rule("slack-token", "xox xapp-", r"(?<![A-Za-z0-9])(?:xox[abeoprs]|xapp)-[\w-]{10,}"),
    _rule("slack-webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/([\w/]{20,})"),
    _rule("stripe-key", "k_live_ k_test_ whsec_", r"(?<![A-Za-z0-9])(?:[srp]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}"),
    _rule("npm-token", "npm_", r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36,}"),
    _rule("pypi-token", "pypi-", r"(?<![A-Za-z0-9])pypi-[\w-]{50,}"),
    _rule("jwt", "eyJ", r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*"),
    _rule(
        "private-key",
        "PRIVATE\x20KEY",
        r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[\s\S]*?-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----|[\s\S]*)",
    ),
    _rule("url-password", "://", r"://[^\s/:@\"'<>]{0,200}:([^\s/\"'<>]{1,500})@"),
    _rule("url-token", "://", r"://([\w.~-]{20,500})@", _random),
    _rule("authorization", "earer EARER", r"(?i:bearer)\s+([\w.~+/-]{16,}=*)", lambda v: any(c.isdigit() for c in v)),
    _rule(
        "authorization", "uthorization UTHORIZATION", r"(?i:authorization)[\"']?\s*[:=]\s*[\"']?\w+\s+([\w.~+/=-]{6,})"
    ),
    _rule(
        "user-password",
        "-u --user",
        r"(?:^|\s)(?:-u|--user)[ =][\"']?[^\s:\"']+:([^\s\"']+)",
        lambda v: not v.isdigit(),
    ),
)

# -- Secrets by the name they stand under -------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ALONE = _words(
    "password passwd passphrase pwd secret secrets token apikey credential credentials authorization "
    "authtoken accesstoken secretkey accesskey privatekey auth"
)
_BEFORE_KEY = _words("api access private secret encryption signing master account storage license service")
_HARMLESS_END = _words(
    "sock file path dir url uri id name names type count length limit expiry expires ttl ref helper "
    "host port endpoint method budget version ids env var vars settings map counter usage details missing mode "
    "enabled required provider manager class field format level scheme status index store markup children info"
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def secret_name(name: str) -> bool:
    """Whether a variable, option or key of this name holds a secret: `DB_PASSWORD`, `apiKey`, `--auth-token`."""
    if name in ("PWD", "OLDPWD"):  # the working directory
        return False
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _HARMLESS_END:
        return False
    if words[-1] == "pass" and len(words) > 1:  # DB_PASS, but not a test report's `pass: 12`
        return True
    if any(word in _ALONE for word in words) or any(word.endswith(("password", "passwd")) for word in words):
        return True
    return any(second == "key" and first in _BEFORE_KEY for first, second in pairwise(words))


_NAMED = re.compile(
    r"(?i:passw(?:or)?d|passphrase|pwd|pass|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|auth"
    r"|(?:encryption|signing|master|account|storage|license|service)[_-]?key)[\w.-]{0,60}"
    r"(?:\\?[\"'])?(?:[ \t]{0,9}(?::=|=>|=(?!=)|:)[ \t]{0,9}|[ \t]{1,9})"
    r"(?:\\?\"((?:[^\"\\\n]|\\.){1,4000})|'([^'\n]{1,4000})|([^\s\"'`<>]{1,4000}))"
)
_NAMED_HINT = re.compile(r"(?i)passw|passphrase|pwd|pass|secret|token|key|credential|auth")
_SAID = re.compile(
    r"(?i)\b(?:passw(?:or)?d|passphrase|secret|token|api[ -]key|access[ -]key|pin)\b[\w ]{0,30}?\s(?:is|to|was|be)[: ]\s*[\"'`]?"
    r"([^\s\"'`]{4,200})"
)
_NAME = re.compile(r"[\w.-]*")
_PLAIN = _words(
    "none null nil true false undefined str string bytes int optional required password secret token "
    "your-password changeme xxx basic bearer yes no env"
)
_REFERENCE = re.compile(
    r"(?:\$\{?\w+\}?|\$[({].*|%\(?\w+\)?s?%?|\{[\w.% ]*\}+|\{\{.*|<.*|\*+|\[redacted.*|[A-Za-z_][\w.]*(?:\(.*\)|\(|\[.*\])[,;]?)\Z"
    r"|os\.environ|process\.env|getenv"
)
PATH = re.compile(r"(?:/(?:home|root|usr|etc|var|opt|tmp|run|Users|mnt|srv)/|~/|\.{1,2}/)[\w./@+-]*\Z")


def harmless(value: str) -> bool:
    """A reference, a type, a path or a placeholder instead of a secret."""
    return value.lower() in _PLAIN or bool(_REFERENCE.match(value)) or bool(PATH.match(value))


def named(text: str) -> Iterator[Span]:
    if not _NAMED_HINT.search(text):
        return
    at = 0
    while match := _NAMED.search(text, at):
        # A value may itself be the name of the next one (`auth token=x`): go on right after the keyword's name.
        group = match.lastindex or 0
        value = match[group]
        start, end = match.span(group)
        head = text[match.start() : start]
        name = _name_around(text, match.start())
        assigned = "=" in head or ":" in head
        if group == 3:
            value = value.rstrip(",;)}]")
            end = start + len(value)
        # Without `=` or `:` only an option (`--password x`) is a name: prose would lose every second word.
        if not value or not (assigned or name.startswith("-")) or not secret_name(name) or harmless(value):
            at = max(match.start() + 1, start if not assigned else match.start() + 4)
            continue
        if not assigned and value.startswith("-"):
            at = start
            continue
        if (group == 3 and _code(name, value, head)) or _counts(name, value):
            at = end
            continue
        yield start, end, name.strip("-.")
        at = end


def _code(name: str, value: str, head: str) -> bool:
    """A program's own text instead of a value: `token = next(`, `password: Optional[`, `auth=self.auth`, `key=key`."""
    if value.isidentifier() and value.lower().strip("_") == name.rsplit(".", 1)[-1].lower().strip("_"):
        return True
    if re.match(r"(?:self|cls|this|os|config|settings|args|options|request|response|env|parts|state)[.\[]", value):
        return True
    # `NAME=value` without spaces is a setting, where brackets may be part of a password.
    return " " in head and (bool(re.match(r"[A-Za-z_][\w.]*[(\[]", value)) or (value.isalpha() and len(value) < 4))


def _counts(name: str, value: str) -> bool:
    """`max_token=100`, `auth: enabled`: names that hold a secret only sometimes, with a value that is none."""
    words = {word.lower() for word in _WORDS.findall(name)}
    if value.isdigit() and len(value) < 10 and "token" in words:
        return True
    return "auth" in words and not (words - {"auth"}) & _ALONE and not any(c.isdigit() for c in value)


def _name_around(text: str, at: int) -> str:
    """The whole name that a keyword at `at` is part of; 80 characters before it at most."""
    first = at
    while first > max(0, at - 80) and (text[first - 1].isalnum() or text[first - 1] in "_.-"):
        first -= 1
    match = _NAME.match(text, first, at + 80)
    return match[0] if match else ""


def said(text: str) -> Iterator[Span]:
    """`my password is hunter2`: only what has a digit or sign in it, so that `the token is wrong` stays."""
    for match in _SAID.finditer(text):
        value = match[1].rstrip(".,;!?)")
        if len(value) >= 4 and re.search(r"[\d!@#$%^&*+=?~]", value) and not harmless(value):
            yield match.start(1), match.start(1) + len(value), "password"


def shaped(text: str) -> Iterator[Span]:
    for rule in RULES:
        if not any(hint in text for hint in rule.hints):
            continue
        for match in rule.pattern.finditer(text):
            group = 1 if rule.pattern.groups else 0
            if rule.fits(match[group]) and not harmless(match[group]):
                yield *match.span(group), rule.name
