"""Reads documents of metrics, sound or not, within fixed bounds of memory and time.

vhostmd escapes nothing, so a value may break its document. What is well-formed is read as it is;
what is not is mended line by line and read once more, and each kind of mending is a warning.
A DTD is refused, so there are no entities; no more than three elements are ever open.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final
from xml.parsers import expat

from vconsole.features.metrics.model.metric import Metric

MAX_BYTES: Final = 4 << 20
"""A longer document is not read."""
MAX_VALUE_CHARS: Final = 8192
"""A longer name or value is cut."""
KEPT_BYTES: Final = 7 << 19
"""What the metrics of one document may take; more than 10 000 of them."""
NOT_AVAILABLE: Final = {"host": "host metrics not available", "vm": "VM metrics not available"}
"""The comments that stand in for missing metrics, by context."""

_CHUNK_BYTES: Final = 1 << 14
_MAX_ATTRIBUTES: Final = 16
_MAX_MENDED: Final = 10_000
_METRIC_BYTES: Final = sys.getsizeof(Metric("", "")) + 8 + sys.getsizeof(1 << 30)
"""A metric, its place in the list, and its domain's id."""
_KNOWN_BYTES: Final = 64
"""What it takes to know a text, besides the text."""
_BLANKS: Final = " \t\r\n"
_PLACES: Final = {(0, "metrics"), (1, "metric"), (2, "name"), (2, "value")}
"""Where elements belong: how many are open around them, and their tag."""

_BROKEN: Final = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)"
    r"|<(?![!?]|/?(?:metrics|metric|name|value)[\s/>])"
    r"|\]\]>"
    r"|[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_MENDED: Final = {
    "&": ("& is not escaped", "&amp;"),
    "<": ("< is not escaped", "&lt;"),
    "]]>": ("]]> is not escaped", "]]&gt;"),
    "\0": ("a NUL byte", ""),
}
_FORBIDDEN: Final = ("a character that XML forbids", "\ufffd")


@dataclass(frozen=True, slots=True)
class Document:
    """What could be read."""

    metrics: tuple[Metric, ...] = ()
    warnings: tuple[str, ...] = ()
    """What is wrong but was read all the same: a line for each kind, with the first place."""
    error: str | None = None
    """Why nothing, or nothing more, could be read: the place and the reason in one line."""
    malformed: str | None = None
    """Where it is no well-formed XML, and why, though it was mended to be shown."""


def parse(content: bytes) -> Document:
    """Read a document as it came from a disk or a channel; never raises."""
    if len(content) > MAX_BYTES:
        return Document(error=f"the document is longer than {MAX_BYTES >> 20} MiB")
    if not content:
        return Document(error="the document is empty")
    document = _Reader(_Notes()).read(_chunks(memoryview(content)))
    if document.error is None:
        return document
    fault, warnings = document.error, document.warnings
    del document  # before another is made: both would not keep within the bounds
    notes = _Notes()
    mended = _Reader(notes).read(_mended(content, notes))
    if mended.error is not None and _where(mended.error) == _where(fault):  # no mending helps
        return replace(mended, error=fault, warnings=warnings)
    return replace(mended, malformed=notes.first_mended or fault)


class _UnreadableError(Exception):
    """The document is not of the shape that it should be; the message names the place."""


class _Notes:
    """Warnings: each kind with its first place and how often it was met."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        self._counts: dict[str, int] = {}
        self.first_mended: str | None = None
        """The first place that was mended; the parser stops a little behind it."""

    def mend(self, kind: str, line: int, column: int) -> int:
        """Count one that was mended."""
        self.first_mended = self.first_mended or _at(line, column, kind)
        return self.add(kind, line, column)

    def add(self, kind: str, line: int, column: int) -> int:
        """Count one, and answer how many there are of the kind."""
        self._places.setdefault(kind, (line, column))
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]

    def lines(self) -> tuple[str, ...]:
        return tuple(self._line(kind) for kind in self._places)

    def _line(self, kind: str) -> str:
        more = self._counts[kind] - 1
        return _at(*self._places[kind], kind) + (f" (and {more} more)" if more else "")


def _at(line: int, column: int, text: str) -> str:
    return f"line {line}, column {column}: {text}"


def _where(fault: str) -> str:
    """The place in what `_at` has made."""
    return fault.partition(":")[0]


class _Reader:
    """Takes expat's events and makes metrics of them."""

    def __init__(self, notes: _Notes) -> None:
        self._notes = notes
        self._metrics: list[Metric] = []
        self._depth = 0
        self._attributes: dict[str, str] = {}
        self._fields: dict[str, str] = {}
        self._text: list[str] = []
        self._chars_left = 0
        self._bytes_left = KEPT_BYTES
        self._known: dict[str, str] = {}
        self._parser = self._new_parser()

    def _new_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate("utf-8", intern=None)  # else it keeps every name for ever
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = self._comment
        parser.StartDoctypeDeclHandler = self._doctype
        return parser

    def read(self, pieces: Iterable[bytes | memoryview]) -> Document:
        """Read a document that comes in pieces; once."""
        error = None
        try:
            self._feed(pieces)
        except expat.ExpatError as found:
            error = _at(found.lineno, found.offset + 1, expat.errors.messages[found.code])
        except _UnreadableError as found:
            error = str(found)
        del self._parser  # it refers to this object
        return Document(tuple(self._metrics), self._notes.lines(), error)

    def _feed(self, pieces: Iterable[bytes | memoryview]) -> None:
        fed = 0
        for piece in pieces:
            self._parser.Parse(piece)
            fed += len(piece)
            if fed - self._parser.CurrentByteIndex > 2 * _CHUNK_BYTES:  # expat would buffer it all
                raise self._unreadable("a tag or comment of more than 16 KiB")
        self._parser.Parse(b"", True)

    def _place(self) -> tuple[int, int]:
        return self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1

    def _unreadable(self, reason: str) -> _UnreadableError:
        return _UnreadableError(_at(*self._place(), reason))

    def _note(self, kind: str) -> None:
        self._notes.add(kind, *self._place())

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if (self._depth, tag) not in _PLACES:
            raise self._unreadable(f"<{tag[:40]}> does not belong here")
        if len(attributes) > _MAX_ATTRIBUTES:
            raise self._unreadable(f"more than {_MAX_ATTRIBUTES} attributes")
        self._depth += 1
        if tag == "metric":
            self._attributes, self._fields = attributes, {}
            self._spend(_METRIC_BYTES + _KNOWN_BYTES * max(0, len(attributes) - 5))
        self._text, self._chars_left = [], MAX_VALUE_CHARS

    def _characters(self, text: str) -> None:
        if self._depth < 3:
            if text.strip(_BLANKS):
                self._note("text outside of names and values")
            return
        kept = text[: self._chars_left]
        self._chars_left -= len(kept)
        self._text.append(kept)
        if len(kept) < len(text):
            self._note(f"cut after {MAX_VALUE_CHARS} characters")

    def _end(self, tag: str) -> None:
        self._depth -= 1
        if self._depth == 2:
            self._fields[tag] = self._trimmed("".join(self._text))
        elif tag == "metric":
            self._keep()

    def _trimmed(self, text: str) -> str:
        trimmed = text.strip(_BLANKS)
        if trimmed != text:
            self._note("blanks or line feeds around a name or value")
        return trimmed

    def _keep(self) -> None:
        name, value = self._fields.get("name"), self._fields.get("value")
        if not name or value is None:
            self._note("a metric without a name or a value is left out")
            return
        self._spend(sys.getsizeof(value))
        get = self._attributes.get
        metric = Metric(
            self._share(name),
            value,
            self._share(get("type", "")),
            self._share(get("context", "")),
            self._share(get("unit", "")) or None,
            self._domain_id(get("id")),
            self._share(get("uuid", "")) or None,
        )
        self._metrics.append(metric)

    def _domain_id(self, text: str | None) -> int | None:
        if text is None or (text.isascii() and text.isdigit() and len(text) < 11):
            return int(text) if text else None
        self._note("a domain's id that is no number")
        return None

    def _share(self, text: str) -> str:
        """The same text, kept once however often it is met."""
        if text not in self._known:
            self._spend(sys.getsizeof(text) + _KNOWN_BYTES)
            self._known[text] = text
        return self._known[text]

    def _spend(self, size_bytes: int) -> None:
        self._bytes_left -= size_bytes
        if self._bytes_left < 0:
            raise self._unreadable(
                f"more than the {len(self._metrics)} metrics before it are not kept"
            )

    def _comment(self, text: str) -> None:
        if text.strip() in NOT_AVAILABLE.values():
            self._note(text.strip())

    def _doctype(self, *_declared: object) -> None:
        raise self._unreadable("a DOCTYPE, which no document of metrics has")


def _chunks(content: memoryview) -> Iterator[memoryview]:
    return (content[start : start + _CHUNK_BYTES] for start in range(0, len(content), _CHUNK_BYTES))


def _mended(content: bytes, notes: _Notes) -> Iterator[bytes | memoryview]:
    """The document in pieces of whole lines; a line longer than a piece is not mended."""
    start, line = 0, 1
    while start < len(content):
        end = min(len(content), start + _CHUNK_BYTES)
        if end < len(content):
            end = content.rfind(b"\n", start, end) + 1
        if end:
            piece = content[start:end]
            yield _mended_piece(piece, line, notes)
            line += piece.count(b"\n")
        else:
            end = content.find(b"\n", start) + 1 or len(content)
            yield from _chunks(memoryview(content)[start:end])
            line += 1
        start = end


def _mended_piece(raw: bytes, line: int, notes: _Notes) -> bytes:
    try:
        piece = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        notes.mend("text that is not UTF-8", *_position(before, len(before), line))
        piece = raw.decode(errors="replace")

    def mend(found: re.Match[str]) -> str:
        kind, text = _MENDED.get(found[0], _FORBIDDEN)
        place = _position(piece, found.start(), line)
        if notes.mend(kind, *place) > _MAX_MENDED:
            raise _UnreadableError(_at(*place, "too much is broken"))
        return text

    return _BROKEN.sub(mend, piece).encode()


def _position(text: str, index: int, line: int) -> tuple[int, int]:
    """Line and column of a place in text that begins a line."""
    return line + text.count("\n", 0, index), index - text.rfind("\n", 0, index)
