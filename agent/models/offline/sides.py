"""What an environment is compared with: the specification, a person, a context, a host, a snapshot or a moment."""

from __future__ import annotations

import re

from .found import quoted
from .moments import target
from .normalise import Text
from .values import HOSTISH, context
from .world import World

SPEC = re.compile(
    r"(?:the |my |our |this |its )?(?:project(?:'s)? |package |declared |poetry |npm |pip )*(?:spec|specs|specification|specifications|lock ?files?|lock|manifests?|requirements(?:\.txt)?(?: file)?|declared \w+|declaration|version files?|package\.json|package-lock\.json|pyproject(?:\.toml)?|uv\.lock|poetry\.lock|yarn\.lock|pnpm-lock\.yaml|cargo\.lock|go\.sum|gemfile\.lock|what is declared|what the lock ?file says|what it should be|declarations)(?: says| file)?"
)

_OWNER = re.compile(
    r"(?:the |my )?(?:colleague |teammate |coworker |friend )?([\w.-]+?)(?:'s|s')(?: (?:machine|setup|env\w*|laptop|computer|box|state|config\w*|version|one))?"
)


def since(text: Text, world: World) -> str | None:
    """ "since yesterday" is yesterday; "since I upgraded numpy" stays whole: without `since` it would be no moment."""
    text = text.cut(0, len(text.low.rstrip(" ,.;:!?")))
    body = text.cut(5)
    if taken := re.match(
        r"(?:i|we|you) (?:took|made|saved|created|recorded|labell?ed) (?:the )?(?:snapshot |label )?([\w.-]+)(?: snapshot)?$",
        body.low,
    ):
        return body.raw(taken.start(1), taken.end(1))
    if re.match(
        r"(?:i|we|you|someone|they|he|she|the (?:upgrade|update|install\w*|deploy\w*|migration|merge)|my|that|upgrading|installing|running)\b",
        body.low,
    ):
        return text.raw()
    if re.fullmatch(r"(?:then|last time|the last time)", body.low):
        return None
    return side_of(body, world)


def side_of(text: Text, world: World) -> str | None:
    """What is compared with; None when it cannot be read."""
    text = text.cut(0, len(text.low.rstrip(" ,.;:!?")))
    if tail := re.search(
        r"\s(?:is|looks?|now|right now|still|are|does|says|do|instead|as well|here|at the moment|today)$", text.low
    ):
        text = text.cut(0, tail.start())
    low = text.low
    if not low:
        return None
    if SPEC.fullmatch(low):
        return "spec"
    if low[0] in "\"'`":
        return quoted(text.raw())
    if re.fullmatch(
        r"(?:the |my |our )?(?:whole )?team(?:'s)?(?: \w+)?|(?:my |our )?(?:teammates|colleagues|everyone(?: else)?|the others)(?:'s?)?(?: \w+)?",
        low,
    ):
        return "team"
    if match := _OWNER.fullmatch(low):
        return text.raw(match.start(1), match.end(1))
    if match := re.fullmatch(r"(?:my |our )(?:teammate|colleague|coworker) ([\w.-]+)", low):
        return text.raw(match.start(1), match.end(1))
    if match := re.fullmatch(r"(?:the )?(?:context )?([\w.-]+)(?: (?:context|env\w*))?", low):
        if usual := context(match[1]):
            return usual if usual != "local" else text.raw(match.start(1), match.end(1))
        if "context" in low or re.search(r"env", low[match.end(1) :]):
            return text.raw(match.start(1), match.end(1))
    if HOSTISH.fullmatch(low):
        return text.raw()
    if match := re.fullmatch(r"(?:the )?(?:container|docker container) ([\w.-]+)", low):
        return "docker:" + text.raw(match.start(1), match.end(1))
    if match := re.fullmatch(r"(?:my|this|the local) (?:machine|laptop|computer|local \w+)|local(?:host)?", low):
        return "local"
    found, _ = target(text, world, loose=True)
    return found


def unless_last(value: str | None) -> str | None:
    return None if value == "last" else value
