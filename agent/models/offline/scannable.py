"""What can be scanned: words for projects, machines and what is in them."""

from __future__ import annotations

import re

SCANNABLE = re.compile(
    r"(?:\b(?:the|this|my|our|a|an|that|whole|entire|current|all|of|in|at|and|it|its|what|is|are|it's|for|here|there|project|projects|repo|repos|repository|codebase|code|app|application|folder|directory|dir|source|sources|"
    r"env|environment|environments|machine|laptop|computer|system|host|box|server|pc|mac|hardware|setup|stack|everything|service|services|package|packages|dependencies|deps|dependency|requirements|runtimes?|tools?|workspace|"
    r"missing|installed|needs?|needed|requires?|has|have|does|do|i|we|you|me|tell|see|know|if|whether|anything|something|which|how|versions?|needs|uses?|used|running|on|to|with|only|just|not|again|please|now|quickly|deeply|for me|"
    r"container|vm|thing|things|around|look|detect|gpu|cpu|memory|ram|disk|ports?|databases?|languages?|frameworks?|variables|manifests?|lockfiles?|monorepo|frontend|backend|local|remote|state|fingerprint|and tell|there's|over|first|run|run it|"
    r"work|works|up|down|so|that|can|could|get|started|start|build|ready|what's|well|info|information|about|kind|type|sort|gives?|report|list|out|check|complete|completeness|python|node|from|scratch|full|scan|version)\b|[^\w\s])"
)

MACHINE = re.compile(
    r"\b(?:machine|laptop|computer|hardware|host|box|pc|mac|workstation|gpu|cpu|graphics card|server|system|installed|os)\b"
)
