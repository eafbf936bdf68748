"""Reads the XML of others with bounds: libvirt passes on what guests' owners wrote.

Values are read here, by Python's C parser; who edits a text needs to know where each element
stands, and has that from `xml_edit`, ten times as slow. Documents of libvirt have no DTD; one that
has may be an entity bomb.
"""

from __future__ import annotations

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

__all__ = ["MAX_CHARS", "Element", "XmlError", "parse"]

MAX_CHARS = 1 << 20
"""About 35 ms to parse, in which no key is answered: the C parser holds the interpreter's lock. A
domain's XML has 5 to 20 thousand."""


class XmlError(ValueError):
    """A document that is not read; the message says why in a few words."""


def parse(text: str, root: str, max_chars: int = MAX_CHARS) -> Element:
    """Parse a document whose root element must be `root`.

    Raises:
        XmlError: It is too big, has a DTD, is malformed or of another kind.
    """
    if len(text) > max_chars:
        raise XmlError(f"its XML of {len(text) >> 10} KiB is too big to read")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XmlError("its XML declares entities and is not read")
    try:
        element = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise XmlError(f"its XML cannot be parsed: {error}") from error
    if element.tag != root:
        raise XmlError(f"its XML is a <{element.tag[:40]}>, not a <{root}>")
    return element
