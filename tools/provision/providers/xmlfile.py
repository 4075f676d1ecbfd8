"""XML of untrusted projects as a small tree; nothing external is loaded and entities of a document's own are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

DEPTH = 100
NODES = 100_000


class Unreadable(Exception):
    """A document that cannot be read, and why (one line of our own words)."""


@dataclass
class Element:
    """One element by its local name; attributes likewise."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    children: list[Element] = field(default_factory=list["Element"])
    text: str = ""

    def all(self, path: str) -> Iterator[Element]:
        """The elements at a path of local names below this one: `build/plugins/plugin`."""
        first, _, rest = path.partition("/")
        for child in self.children:
            if child.tag == first:
                if rest:
                    yield from child.all(rest)
                else:
                    yield child

    def said(self, path: str) -> str:
        """The text of the first element at a path; empty when there is none."""
        return next((found.text for found in self.all(path)), "")

    def walk(self) -> Iterator[Element]:
        """This element and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse(text: str) -> Element:
    """The document's root. Raises Unreadable for what is no XML, is nested or long beyond reason, or declares entities."""
    from xml.parsers import expat  # the plain parser: it loads nothing by itself, and entities are refused below

    top = Element("")
    stack: list[Element] = [top]
    pieces: list[list[str]] = [[]]
    count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > DEPTH or count > NODES:
            raise Unreadable("it is nested too deep or too long")
        made = Element(_local(tag), {_local(name): value for name, value in attributes.items()})
        stack[-1].children.append(made)
        stack.append(made)
        pieces.append([])

    def end(_tag: str) -> None:
        stack.pop().text = "".join(pieces.pop()).strip()

    def entity(*_: object) -> int:
        raise Unreadable("it declares entities of its own, which are not expanded")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda data: pieces[-1].append(data)
    parser.EntityDeclHandler = entity
    parser.ExternalEntityRefHandler = entity
    try:
        parser.Parse(text.removeprefix("\ufeff").encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise Unreadable(f"it is no valid XML: {expat.ErrorString(error.code)}, line {error.lineno}") from None
    except ValueError:
        raise Unreadable("its encoding is not known") from None
    return top.children[0]


def _local(name: str) -> str:
    return name.rpartition(":")[2]
