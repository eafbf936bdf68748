"""Edits of one element of an XML text that leave every other character as it is.

    document = Document(xml)
    clock = document.find("clock")
    xml = document.set_attribute(clock, "offset", "utc")

An edit returns the new text; for the next edit, read that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff

from vconsole.model.xml_tree import Element, XmlEditError, read

__all__ = [
    "Document",
    "Element",
    "XmlEditError",
    "diff",
    "element",
    "escape_text",
    "escape_value",
]

_SPACES = " \t\r\n"
_ATTRIBUTE = re.compile(r"""[ \t\r\n]+([^ \t\r\n=]+)[ \t\r\n]*=[ \t\r\n]*("[^"]*"|'[^']*')""")
_LINE_BREAK = re.compile(r"\r\n?|\n")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(:[A-Za-z_][A-Za-z0-9_.-]*)?")
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_VALUE = _IN_TEXT | str.maketrans({"'": "&apos;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;"})


class Document:
    """A text that was read, and the edits of it. Elements given to an edit must be its own.

    Raises:
        XmlEditError: The text is too big or too deep, has a DTD or is malformed.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = read(text)

    def find(self, path: str) -> Element | None:
        """The first element at a path from the root's children on."""
        return self.root.find(path)

    def findall(self, path: str) -> tuple[Element, ...]:
        """All elements at a path from the root's children on."""
        return self.root.findall(path)

    def insert(
        self,
        parent: Element | str,
        xml: str,
        after: Element | None = None,
        *,
        create: bool = False,
    ) -> str:
        """The text with a new child behind the child `after`, or as the last one.

        It is laid out as its neighbours are. `parent` may be a path; `create` makes what is
        missing of it.

        Raises:
            XmlEditError: `xml` is not one element, or there is no such place.
        """
        if isinstance(parent, str):
            parent, xml = self._reach(parent, xml, create)
        self._check_own(parent)
        if after is None:
            return self._append(parent, xml)
        if after not in parent.children:
            raise XmlEditError(f"<{after.tag}> is no child of this <{parent.tag}>")
        lead = self._lead(after)
        return self._splice(after.end, after.end, lead + self._layout(xml, lead))

    def remove(self, node: Element) -> str:
        """The text without the element and the line break and blanks in front of it.

        So it undoes an insertion behind a child to the character.
        """
        self._check_own(node)
        if node is self.root:
            raise XmlEditError(f"<{node.tag}> is the whole document and cannot be removed")
        return self._splice(node.start - len(self._lead(node)), node.end, "")

    def replace(self, node: Element, xml: str) -> str:
        """The text with another element in the place of `node`.

        Raises:
            XmlEditError: `xml` is not one element.
        """
        self._check_own(node)
        return self._splice(node.start, node.end, self._layout(xml, self._lead(node)))

    def set_attribute(self, node: Element, name: str, value: str) -> str:
        """The text with the attribute set; a new one stands behind the others."""
        self._check_own(node)
        if not _NAME.fullmatch(name):
            raise XmlEditError(f"{name[:40]!r} is no name of an attribute")
        spans = self._attributes(node)
        if name in spans:
            match = spans[name]
            quote = match[2][0]
            return self._splice(match.start(2), match.end(2), quote + escape_value(value) + quote)
        place = self._attributes_end(node)
        return self._splice(place, place, f" {name}='{escape_value(value)}'")

    def remove_attribute(self, node: Element, name: str) -> str:
        """The text without the attribute and the blanks in front of it; as it is without one."""
        self._check_own(node)
        match = self._attributes(node).get(name)
        return self._splice(match.start(), match.end(), "") if match else self.text

    def set_text(self, node: Element, value: str) -> str:
        """The text with `value` as the whole content of an element that has no children."""
        self._check_own(node)
        if node.children:
            raise XmlEditError(f"<{node.tag}> holds elements, not text")
        return self._fill(node, node.inside, escape_text(value))

    def _reach(self, path: str, xml: str, create: bool) -> tuple[Element, str]:
        """The last element of the path that exists, and `xml` within those that do not."""
        node, missing = self.root, [tag for tag in path.split("/") if tag]
        while missing and (child := node.find(missing[0])):
            node = child
            missing.pop(0)
        if missing and not create:
            raise XmlEditError(f"there is no <{missing[0]}> in <{node.tag}>")
        for tag in reversed(missing):
            xml = element(tag, {}, xml)
        return node, xml

    def _append(self, parent: Element, xml: str) -> str:
        lead = self._inner_lead(parent)
        content = self.text[parent.inside : parent.close]
        behind = parent.inside + len(content.rstrip(_SPACES))
        tail = self.text[behind : parent.close]
        if lead and not tail.strip(" \t"):
            tail = self._lead(parent)
        return self._fill(parent, behind, lead + self._layout(xml, lead) + tail)

    def _fill(self, node: Element, start: int, content: str) -> str:
        """Content from `start` to the end tag, which ``<tag/>`` is given."""
        if node.inside != node.end:
            return self._splice(start, node.close, content)
        return self._splice(self._attributes_end(node), node.end, f">{content}</{node.tag}>")

    def _layout(self, xml: str, lead: str) -> str:
        """One element from elsewhere, its children on lines of their own below `lead`."""
        document = Document(xml.strip(_SPACES))
        node = document.root
        if (node.start, node.end) != (0, len(document.text)):
            raise XmlEditError(f"more than the one element <{node.tag}> to insert")
        return _lines(document.text, node, lead, self._unit())

    def _inner_lead(self, parent: Element) -> str:
        """What stands in front of a child that is to come last."""
        if parent.children:
            return self._lead(parent.children[-1])
        lead = self._lead(parent)
        return lead + self._unit() if lead and not parent.text.strip() else ""

    def _unit(self) -> str:
        """By how much a level is indented."""
        nodes = (self.root, *self.root.children[:1])
        outer, *inner = (self._lead(node).lstrip("\r\n") for node in nodes)
        return "".join(inner).removeprefix(outer) or "  "

    def _lead(self, node: Element) -> str:
        """The line break and the blanks in front of it; "" where more stands on its line."""
        blanks = len(self.text[: node.start].rstrip(" \t"))
        before = self.text[max(0, blanks - 2) : blanks]
        if before == "\r\n":
            return self.text[blanks - 2 : node.start]
        if before.endswith(("\n", "\r")):
            return self.text[blanks - 1 : node.start]
        line_break = _LINE_BREAK.search(self.text)
        return "" if before or not line_break else line_break[0] + self.text[: node.start]

    def _attributes(self, node: Element) -> dict[str, re.Match[str]]:
        start = node.start + 1 + len(node.tag)
        found = _ATTRIBUTE.finditer(self.text, start, node.inside)
        return {match[1]: match for match in found}

    def _attributes_end(self, node: Element) -> int:
        ends = [match.end() for match in self._attributes(node).values()]
        return max(ends, default=node.start + 1 + len(node.tag))

    def _check_own(self, node: Element) -> None:
        if not any(node is own for own in self.root.iter()):
            raise XmlEditError(f"<{node.tag}> is of another document: read the new text")

    def _splice(self, start: int, end: int, new: str) -> str:
        return self.text[:start] + new + self.text[end:]


def _lines(text: str, node: Element, lead: str, unit: str) -> str:
    """The element with each child on its own line, unless that would change what it says."""
    if not lead or not node.children or "".join(_gaps(text, node)).strip(_SPACES):
        return text[node.start : node.end]
    inner = lead + unit
    body = "".join(inner + _lines(text, child, inner, unit) for child in node.children)
    return text[node.start : node.inside] + body + lead + text[node.close : node.end]


def _gaps(text: str, node: Element) -> Iterator[str]:
    """What stands between the tags of an element and those of its children."""
    at = node.inside
    for child in node.children:
        yield text[at : child.start]
        at = child.end
    yield text[at : node.close]


def element(tag: str, attributes: Mapping[str, str], *content: str) -> str:
    """The XML of an element, its values escaped; `content` is XML already.

    Raises:
        XmlEditError: A value has a character that XML cannot hold.
    """
    values = "".join(f" {name}='{escape_value(value)}'" for name, value in attributes.items())
    inner = "".join(content)
    return f"<{tag}{values}>{inner}</{tag}>" if inner else f"<{tag}{values}/>"


def escape_text(text: str) -> str:
    """Text as the content of an element; refused is what XML cannot hold, as a NUL."""
    return _escape(text, _IN_TEXT)


def escape_value(text: str) -> str:
    """Text as the value of an attribute, in whichever quotes; line breaks and tabs survive."""
    return _escape(text, _IN_VALUE)


def _escape(text: str, table: Mapping[int, str]) -> str:
    if bad := _NOT_XML.search(text):
        raise XmlEditError(f"XML cannot hold the character U+{ord(bad[0]):04X}: leave it out")
    return text.translate(table)


def diff(before: str, after: str) -> tuple[str, ...]:
    """What an edit changes: unified diff lines with two lines around, no file names."""
    lines = unified_diff(before.split("\n"), after.split("\n"), n=2, lineterm="")
    return tuple(lines)[2:]
