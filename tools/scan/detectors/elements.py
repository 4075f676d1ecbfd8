"""An XML manifest as a tree of elements with their attributes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..parse import Broken, xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_DECLARATION = re.compile(r"\A\s*<\?xml[^<>]{0,200}\?>")


def elements(text: str) -> Element:
    """The root of a document, all tags without their namespaces; raises Broken."""
    # The text is decoded already, so what its first line says of an encoding no longer holds.
    text = _DECLARATION.sub("", text)
    xml(text)  # It refuses entities, nesting and anything else that could grow, so that what comes now is a small tree.
    from xml.etree.ElementTree import ParseError, fromstring

    try:
        root = fromstring(text.encode("utf-8", "replace"))  # noqa: S314  # see above: no entity is left to expand
    except (ParseError, ValueError, LookupError) as error:
        raise Broken(f"it is no valid XML: {str(error)[:120]}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def said(element: Element | None, way: str) -> str:
    """The text at a path of tags, or nothing."""
    return (element.findtext(way) or "").strip()[:300] if element is not None else ""
