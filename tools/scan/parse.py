"""Reading manifests with real parsers, under guard: what cannot be read is `Broken` with a reason, and nothing is executed."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any, cast

Node = dict[str, Any]
"""A parsed mapping; detectors check the types they rely on."""

DEPTH = 200
NODES = 200_000
PARTS = 60
_DOTTED = re.compile(rf"(?:[\w\"'-]{{1,100}}[ \t]*\.[ \t]*){{{PARTS}}}")
# Each of these takes all that is left when an end is missing, so that no second try starts inside of it.
_STRING = r'"(?:[^"\\\n]|\\.)*\\?(?:"|(?=\n)|\Z)'
_TRIVIA = re.compile(rf"({_STRING})|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_COMMA = re.compile(rf"({_STRING})|,(?=[ \t\r\n]{{0,1000}}[}}\]])", re.DOTALL)


class Broken(Exception):
    """A manifest that cannot be read, and why."""


def toml(text: str) -> Node:
    """A TOML document."""
    # The library's time grows with the square of a key's parts.
    if any(line.count(".") >= PARTS and _DOTTED.search(line) for line in text.splitlines()):
        raise Broken(f"a key has more than {PARTS} parts")
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise Broken(_why("TOML", error)) from None


def jsonc(text: str) -> Node:
    """A JSON object; comments and trailing commas, which editors' files have, are accepted."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as first:
        try:
            value = json.loads(_plain(text))
        except (ValueError, RecursionError):
            raise Broken(_why("JSON", first)) from None
    if not isinstance(value, dict):
        raise Broken("it is JSON, but no object")
    return cast(Node, value)


def _plain(text: str) -> str:
    kept = _TRIVIA.sub(lambda match: match[1] or " ", text)
    return _COMMA.sub(lambda match: match[1] or "", kept)


def yaml(text: str) -> Node:
    """A YAML mapping, built only after its expanded size is known: aliases can make a bomb of a few lines."""
    import yaml as library

    loader = cast(Any, getattr(library, "CSafeLoader", library.SafeLoader))
    try:
        _shallow(library, loader, text)
        reader = loader(text)
        try:
            node = reader.get_single_node()
            if node is None:
                return {}
            _expanded(library, node)
            value = reader.construct_document(node)
        finally:
            reader.dispose()
    except (library.YAMLError, RecursionError, ValueError, TypeError, OverflowError) as error:
        raise Broken(_why("YAML", error)) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Broken("it is YAML, but no mapping")
    return cast(Node, value)


def _shallow(library: Any, loader: Any, text: str) -> None:
    depth = 0
    for event in library.parse(text, Loader=loader):
        if isinstance(event, library.events.CollectionStartEvent):
            depth += 1
            if depth > DEPTH:
                raise Broken(f"it is nested more than {DEPTH} deep")
        elif isinstance(event, library.events.CollectionEndEvent):
            depth -= 1


def _expanded(library: Any, node: Any) -> int:
    """How many nodes there are once every alias is written out; raises Broken for a cycle or a bomb."""
    sizes: dict[int, int] = {}

    def size(at: Any) -> int:
        known = sizes.get(id(at))
        if known == -1:
            raise Broken("an alias contains itself")
        if known is not None:
            return known
        sizes[id(at)] = -1
        total = 1
        if isinstance(at, library.ScalarNode) and at.tag.endswith((":int", ":float")) and len(at.value) > 100:
            raise Broken("a number has more than 100 digits")
        if isinstance(at, library.MappingNode):
            total += sum(size(key) + size(value) for key, value in at.value)
        elif isinstance(at, library.SequenceNode):
            total += sum(size(item) for item in at.value)
        if total > NODES:
            raise Broken(f"it has more than {NODES} nodes once its aliases are written out")
        sizes[id(at)] = total
        return total

    return size(node)


def xml(text: str) -> list[tuple[str, str]]:
    """An XML document as (path of local tag names, text) pairs in order; entities of a document's own are refused."""
    from xml.parsers import expat  # the plain parser: nothing external is ever loaded, entities are refused below

    found: list[tuple[str, str]] = []
    stack: list[str] = []
    pieces: list[str] = []
    parser = expat.ParserCreate()

    def start(tag: str, _attributes: dict[str, str]) -> None:
        if len(stack) > DEPTH:
            raise Broken(f"it is nested more than {DEPTH} deep")
        stack.append(tag.rpartition(":")[2])
        pieces.clear()
        found.append(("/".join(stack), ""))

    def end(_tag: str) -> None:
        text = "".join(pieces).strip()
        if text:
            found.append(("/".join(stack), text))
        stack.pop()
        pieces.clear()

    def entity(*_: object) -> int:
        raise Broken("it declares entities of its own, which this scan does not expand")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = pieces.append
    parser.EntityDeclHandler = entity
    parser.ExternalEntityRefHandler = entity
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise Broken(_why("XML", error)) from None
    return found


_LOCKED = re.compile(r'^\[\[package\]\][ \t\r]*\nname = "([^"\n]+)"[ \t\r]*\nversion = "([^"\n]+)"', re.MULTILINE)


def locked(text: str) -> dict[str, set[str]]:
    """Versions by name in uv.lock, poetry.lock, pdm.lock or Cargo.lock, all of which begin a package with these lines."""
    found: dict[str, set[str]] = {}
    for name, version in _LOCKED.findall(text):
        found.setdefault(name, set()).add(version)
    return found


def table(value: object, *keys: str) -> Node:
    """The mapping at `keys`, or an empty one when there is none or it is something else."""
    for key in keys:
        value = cast(Node, value).get(key) if isinstance(value, dict) else None
    return cast(Node, value) if isinstance(value, dict) else {}


def strings(value: object) -> list[str]:
    """The strings of a list; an empty list for anything else."""
    return [item for item in cast(list[object], value) if isinstance(item, str)] if isinstance(value, list) else []


def string(value: object) -> str:
    """A string, or the empty one."""
    return value if isinstance(value, str) else ""


def _why(kind: str, error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return f"it is nested too deep for {kind}"
    first = str(error).strip().splitlines()
    return f"it is no valid {kind}: {first[0][:120] if first else type(error).__name__}"
