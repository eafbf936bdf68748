"""The elements of an XML text and where each stands in it, for those who edit the text.

Tags are kept as written, with their prefix, and mean nothing here: ``qemu:commandline`` is a name
like any other. libvirt's documents have no DTD; a text with one is refused before it can grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from xml.parsers import expat

from vconsole.model.value import dataclass

MAX_CHARS = 4 << 20
"""libvirt's own limit for a string of its protocol (REMOTE_STRING_MAX)."""
MAX_DEPTH = 256
"""libxml2's own limit."""
MAX_ELEMENTS = 100_000

_START_TAG = re.compile(r"""<[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>""")


class XmlEditError(ValueError):
    """A text that is not edited, or an edit that makes no sense; the message is one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """One element and where it stands: offsets count the characters of the document's text."""

    tag: str
    attributes: Mapping[str, str]
    text: str
    """Its own character data, that of its children left out."""
    children: tuple[Element, ...]
    start: int
    inside: int
    """Where its start tag has ended."""
    close: int
    """Where its end tag starts; equal to `end` for ``<tag/>``."""
    end: int
    line: int
    """The line of its start, from 1."""

    def get(self, name: str) -> str | None:
        """The value of an attribute; None where it has none of that name."""
        return self.attributes.get(name)

    def find(self, path: str) -> Element | None:
        """The first element below this one at a path such as ``devices/serial``."""
        return next(iter(self.findall(path)), None)

    def findall(self, path: str) -> tuple[Element, ...]:
        """All elements at the path, in the order of the document; this one for the path ``""``."""
        found: tuple[Element, ...] = (self,)
        for tag in filter(None, path.split("/")):
            found = tuple(child for node in found for child in node.children if child.tag == tag)
        return found

    def iter(self) -> Iterator[Element]:
        """The element and all below it, in the order of the document."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


def read(text: str) -> Element:
    """The root of a document.

    Raises:
        XmlEditError: The text is too big or too deep, has a DTD or is malformed.
    """
    return _Reader(text).read()


@dataclass(slots=True)
class _Open:
    """An element whose end tag has not been seen."""

    tag: str
    attributes: Mapping[str, str]
    start: int
    inside: int
    line: int
    text: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)


class _Reader:
    """Turns expat's byte offsets into a tree with character offsets."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._data = _encode(text)
        self._byte = self._char = self._count = 0
        self._stack = [_Open("", {}, 0, 0, 0)]
        self._expat = expat.ParserCreate("UTF-8")  # whatever encoding its declaration names
        self._expat.buffer_text = True
        self._expat.StartDoctypeDeclHandler = self._refuse
        self._expat.StartElementHandler = self._start
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = lambda data: self._stack[-1].text.append(data)

    def read(self) -> Element:
        try:
            self._expat.Parse(self._data, True)
        except expat.ExpatError as error:
            words = expat.ErrorString(error.code)
            raise _error(words, error.lineno, error.offset) from None
        return self._stack[0].children[0]

    def _refuse(self, *_: object) -> None:
        raise self._here("a DTD is not allowed")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._stack) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise self._here(f"deeper than {MAX_DEPTH} or more than {MAX_ELEMENTS} elements")
        start = self._offset()
        head = _START_TAG.match(self._text, start)
        assert head is not None  # expat has read the tag
        line = self._expat.CurrentLineNumber
        self._stack.append(_Open(tag, attributes, start, head.end(), line))

    def _end(self, tag: str) -> None:
        done = self._stack.pop()
        close = end = done.inside
        if self._text[done.inside - 2] != "/":
            close = self._offset()
            end = self._text.index(">", close) + 1
        text, children = "".join(done.text), tuple(done.children)
        self._stack[-1].children.append(
            Element(
                tag, done.attributes, text, children, done.start, done.inside, close, end, done.line
            )
        )

    def _offset(self) -> int:
        """The character at which expat is; it only ever moves on."""
        byte = self._expat.CurrentByteIndex
        self._char += len(self._data[self._byte : byte].decode())
        self._byte = byte
        return self._char

    def _here(self, words: str) -> XmlEditError:
        return _error(words, self._expat.CurrentLineNumber, self._expat.CurrentColumnNumber)


def _encode(text: str) -> bytes:
    if len(text) > MAX_CHARS:
        raise XmlEditError(f"XML of {len(text) >> 10} KiB is too big to edit")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        before = text[: error.start]
        column = len(before) - (before.rfind("\n") + 1)
        raise _error("a lone surrogate", before.count("\n") + 1, column) from None


def _error(words: str, line: int, column: int) -> XmlEditError:
    return XmlEditError(f"XML line {line} column {column + 1}: {words}")
