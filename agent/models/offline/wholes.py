"""Is the whole project meant, or a list of things, and which words only stand around the list."""

from __future__ import annotations

import re

from .normalise import Text

WHOLE = re.compile(
    r"(?:(?:\b(?:it|this|that|everything|all|all of it|the|my|our|a|an|these|those|whole|entire|project|projects|repo|repository|app|application|codebase|code|thing|env|envs|environment|dev|development|local|workspace|setup|machine|stuff|me|us|up|and|running|going|ready|started|set|"
    r"working|to go|to run|for (?:work|development|coding|this project|the project|me|it|dev)|dependencies|dependency|deps|requirements(?:\.txt)?|packages|missing|needed|required|necessary|needs|need|requires|wants|is|are|was|what's|whats|what|whatever|anything|which|of|i|we|you|for|to|run|in|from|here|now|again|properly|completely|correctly|"
    r"please|place|up for|so|can|could|work|works|on|with|lockfile|package\.json|pyproject\.toml|listed|declared|by|does|has|have|that's|not|there|yet|still|scan|says|said|found|start|installed|build|libs|libraries|tools|prerequisites|modules|missing|stack|things|bits|pieces|be|able|coding|code|developing|hacking|working|programming|test|tests|quickly|clean|fresh|new|cloned|just|repo's|project's|its|vortex\.yaml|manifest|spec)\b)|[\s,.;:!?'])+"
)

NEEDFUL = re.compile(
    r"\b(?:project|repo\w*|app|application|codebase|everything|all|dependenc\w+|deps|requirements|packages|missing|needed|required|necessary|needs|env\w*|whatever|this|it|running|started|ready|workspace|stuff|machine|modules|libraries|prerequisites|thing|setup|spec|lockfile|declared)\b"
)


def bare_list(text: Text, how: str) -> Text:
    """Without what is around the list: "me", "up", "a … environment with"."""
    for pattern in (
        r"\s(?:as|to) (?:a |the |my )?(?:dev |development |test |optional )?(?:dependency|dependencies|deps|devdependenc\w+)\b",
        r"\sfrom v?[\d.·]+(?=\s+to\s)",
        r"\s(?:please|instead of \S+(?: \S+)?|and nothing else|only)\s*$",
        r"^\s*(?:the |my |our )(?=[\w.+-]+ version to )",
        r"^\s*(?:me |us |up |here |out |in )+",
        r"\s(?:up|in place|ready|going|running|up and running|for me|locally|installed|set up|in)\s*$"
        if how in ("setup", "weak")
        else r"\s(?:for me|globally|locally|in place)\s*$",
        r"^\s*(?:a |an |the |my )?(?:new |fresh |clean |local )*(?:(?:dev|development|virtual|test)\s+)?(?:env\w*|setup|venv|stack|project|machine|container) (?:with|for|using|on|of)\s+",
    ):
        if match := re.search(pattern, text.low):
            text = text.blank(match.start(), match.end()).cut()
    if match := re.search(
        r"(?<!the)(?<!my)(?<!this)(?<!our)\s(?:env\w*|venv|setup|virtualenv)(?= (?:with|and)\b|$)", text.low
    ):
        text = text.blank(match.start(), match.end()).cut()
    return text
