"""The text of a vhostmd.conf: its encoding, its DOCTYPE, and what it says to vconsole alone.

The file stays one that vhostmd reads: what only vconsole understands stands in processing
instructions, which a DTD allows everywhere and vhostmd passes over.

    <?vconsole domain-disks="yes"?>            settings
    <?vconsole-disabled <metric ...>...?>      a metric that is switched off
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

from vconsole.model.xml_tree import Element, XmlEditError, read

MAX_BYTES: Final = 1 << 20
SETTINGS: Final = "vconsole"
DISABLED: Final = "vconsole-disabled"

_DECLARED: Final = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_PIECE: Final = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>"
    r"|<\?(?P<target>[^\s?]+)\s*(?P<data>.*?)\?>"
    r"|(?P<doctype><!DOCTYPE[^<>\[\]]*>)",
    re.DOTALL,
)


class ConfigError(ValueError):
    """A configuration that cannot be used, or an edit of it; one line with place and reason."""

    def __init__(self, line: int, element: str, message: str) -> None:
        place = f"line {line}: " if line else ""
        super().__init__(f"{place}<{element}>: {message}" if element else message)
        self.line = line
        self.element = element
        self.message = message


@dataclass(frozen=True, slots=True)
class Instruction:
    """A processing instruction, and where it stands in the text."""

    target: str
    data: str
    start: int
    end: int
    line: int
    data_start: int


@dataclass(frozen=True, slots=True)
class ConfText:
    """A file that is well-formed XML."""

    text: str
    encoding: str
    body: str
    """The text with blanks in place of the DOCTYPE: every character is where it was."""
    root: Element
    instructions: tuple[Instruction, ...]

    def encode(self, text: str) -> bytes:
        """An edited text in the encoding of the file.

        Raises:
            ConfigError: The encoding lacks a character of it.
        """
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            char = f"U+{ord(text[error.start]):04X}"
            raise ConfigError(0, "vhostmd", f"{self.encoding} cannot hold {char}") from None


def read_text(data: bytes) -> ConfText:
    """Read a file.

    Raises:
        ConfigError: It is too big, not text, or not well-formed, or has a DTD within itself.
    """
    if len(data) > MAX_BYTES:
        raise ConfigError(0, "vhostmd", f"longer than {MAX_BYTES >> 10} KiB")
    encoding = _encoding(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(line, "vhostmd", f"is not {encoding} text") from None
    body, instructions = _without_doctype(text)
    try:
        root = read(body)
    except XmlEditError as error:
        raise ConfigError(0, "vhostmd", str(error)) from None
    return ConfText(text, encoding, body, root, instructions)


def _encoding(data: bytes) -> str:
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    declared = _DECLARED.match(data)
    name = declared[1].decode() if declared else "utf-8"
    try:
        if "<".encode(name) == b"<":
            return codecs.lookup(name).name
    except (LookupError, UnicodeError):
        pass
    raise ConfigError(1, "vhostmd", f"the encoding {name} is not read: save it as UTF-8")


def _without_doctype(text: str) -> tuple[str, tuple[Instruction, ...]]:
    body, found = text, []
    for piece in _PIECE.finditer(text):
        start, end = piece.span()
        if piece["doctype"]:
            blank = re.sub(r"[^\r\n]", " ", piece[0])
            body = body[:start] + blank + body[end:]
        elif piece["target"] in (SETTINGS, DISABLED):
            line = text.count("\n", 0, start) + 1
            data = piece["data"]
            found.append(Instruction(piece["target"], data, start, end, line, piece.start("data")))
        elif (piece["target"] or "").lower() in (SETTINGS, DISABLED):
            line = text.count("\n", 0, start) + 1
            right = piece["target"].lower()
            raise ConfigError(line, f"?{piece['target']}?", f"is it <?{right}?")
    return body, tuple(found)
