"""The grammar of hostinfo.conf: its lines as rules, and what is wrong with them.

    # Comment: from a # at the beginning or behind a blank to the end of the line.
    qemu-web*:              # in the first column: the names it is for, and a colon
      interval = 60         # indented or not: a key and its value
      physcpus = 0

Source: Fedora's "Features/Hostinfo/Configuration" of 2009 for the form, ``interval`` and
``physcpus``; the other keys are vconsole's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import chain
from typing import Final, Literal

from vconsole.features.hostinfo.model.patterns import unreached
from vconsole.features.hostinfo.model.statistics import STATISTICS

KEYS: Final = ("interval", "hide_denied", *STATISTICS)
MAX_INTERVAL_S: Final = 1 << 31
"""An interval is shorter than this."""
NO_LIMIT_S: Final = 0.001
"""An interval below this limits nothing."""
MAX_LINES: Final = 1 << 14
MAX_RULES: Final = 4096
MAX_PATTERN: Final = 128
"""Characters; no socket has a path as long as that."""
MAX_LISTED: Final = 50
"""Errors, and warnings, that are listed of one text."""

Severity = Literal["error", "warning"]

SETTING: Final = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)")
"""Key and value in the content of a line."""
_COMMENT: Final = re.compile(r"(?:^|(?<=[ \t]))#")
_FLAGS: Final = {"0": False, "1": True, "no": False, "yes": True}
_SECONDS: Final = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?")
_KNOWN: Final = frozenset(KEYS)
_UNCLEAR: Final = "not understood: a setting is 'key = value', a rule begins in the first column"


class RuleError(ValueError):
    """A pattern, key or value that is refused; the message is one line."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One ``key = value`` as it stands there, right or wrong."""

    key: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Stanza:
    """One rule and its place; lines are counted from 1."""

    pattern: str
    line: int
    """Of the header."""
    settings: tuple[Setting, ...]
    header: str
    """The header's line, with its comment."""
    first: int
    """The first of the comments directly above, or the header: where it begins."""
    last: int
    """Its last setting or indented comment, or the header: where it ends."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What is wrong at one place; line and column are counted from 1, columns in characters."""

    severity: Severity
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


# ---- values


def understand(key: str, value: str) -> float | bool:
    """What a value means: seconds for ``interval``, else whether it is on.

    Raises:
        RuleError: The key is unknown, or the value is none of its.
    """
    if key not in _KNOWN:
        raise RuleError(f"there is no key {short(key)}{_suggestion(key)}")
    if key != "interval":
        if value not in _FLAGS:
            raise RuleError(f"{key} is 0 or 1, not {short(value)}")
        return _FLAGS[value]
    if not _SECONDS.fullmatch(value):
        raise RuleError(f"interval is a number of seconds such as 30 or 0.5, not {short(value)}")
    if (seconds := float(value)) >= MAX_INTERVAL_S:
        raise RuleError(f"interval is less than {MAX_INTERVAL_S} seconds, not {short(value)}")
    return seconds


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that would not be read back as it is.

    Raises:
        RuleError: It is empty, too long, or has what a header cannot hold.
    """
    if not pattern:
        raise RuleError("a rule needs a name or a pattern")
    if len(pattern) > MAX_PATTERN:
        raise RuleError(f"a pattern has at most {MAX_PATTERN} characters, not {len(pattern)}")
    if pattern != pattern.strip(" "):
        raise RuleError("a blank at the edge of a pattern is not seen: write ? for it")
    if "#" in pattern:
        raise RuleError("'#' begins a comment: write ? for it")
    if not pattern.isprintable():
        bad = next(char for char in pattern if not char.isprintable())
        raise RuleError(f"{_what(bad)} cannot stand in a pattern: write ? for it")
    if SETTING.match(pattern):
        raise RuleError(f"{short(pattern)} reads as a setting, not as a pattern")


def short(text: str) -> str:
    """A foreign word in a message: quoted, escaped, clipped."""
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _suggestion(key: str) -> str:
    close = get_close_matches(key[:40].lower(), KEYS, 1)
    return f": is it {close[0]!r}?" if close else ""


def _what(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"the byte 0x{code - 0xDC00:02x}, which is not UTF-8,"
    kind = "control" if code < 0x20 or 0x7F <= code < 0xA0 else "invisible"
    return f"the {kind} character U+{code:04X}"


def _unseen(text: str) -> int:
    """The place of the first character but tabs that is not printable, the length if none is."""
    low, high = 0, len(text) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if text[low:middle].replace("\t", "").isprintable():
            low = middle
        else:
            high = middle
    return low


# ---- lines


def content(line: str) -> str:
    """A line without its comment and the blanks at its end; empty where nothing is said."""
    if "#" in line and (comment := _COMMENT.search(line)):
        line = line[: comment.start()]
    return line.rstrip(" \t")


def read(text: str) -> tuple[tuple[Stanza, ...], tuple[Diagnostic, ...]]:
    """The rules of a text, and all that is wrong with it in the order of its lines.

    Bytes that are not UTF-8 stand in the text as `surrogateescape` puts them.
    """
    reader = _Reader()
    if "\r\n" in text:
        line = text.count("\n", 0, text.index("\r\n")) + 1
        reader.note("warning", line, 1, "lines end with CR LF; they are kept so")
        text = text.replace("\r\n", "\n")
    lines = text.split("\n", MAX_LINES)
    if len(lines) > MAX_LINES and lines.pop():
        reader.note("error", MAX_LINES + 1, 1, f"more than {MAX_LINES} lines are not read")
    reader.read(lines, clean=text.replace("\n", "").replace("\t", "").isprintable())
    return reader.stanzas(), reader.diagnostics()


@dataclass(slots=True)
class _Draft:
    """A rule while its lines are read."""

    pattern: str
    line: int
    header: str
    first: int
    last: int
    settings: list[Setting] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    """Where each key was set last."""


class _Reader:
    def __init__(self) -> None:
        self._drafts: list[_Draft] = []
        self._comments_from = 0
        """Where the comments in the first column began that stand directly above; else 0."""
        self._notes: dict[Severity, list[Diagnostic]] = {"error": [], "warning": []}

    def read(self, lines: Iterable[str], *, clean: bool) -> None:
        for number, line in enumerate(lines, 1):
            said = content(line)
            if not clean:
                self._unseen(number, line, len(said))
            if not said:
                self._pass_over(number, line)
                continue
            if setting := SETTING.match(said):
                self._setting(number, setting)
            elif said[0] in " \t":
                self._misplaced(number, len(said) - len(said.lstrip(" \t")) + 1, _UNCLEAR)
            elif len(self._drafts) == MAX_RULES:
                self.note("error", number, 1, f"more than {MAX_RULES} rules are not read")
                break
            else:
                self._header(number, line, said)
            self._comments_from = 0
        self._unreached()

    def note(self, severity: Severity, line: int, column: int, message: str) -> None:
        notes = self._notes[severity]
        if len(notes) < MAX_LISTED:
            notes.append(Diagnostic(severity, line, column, message))
        elif len(notes) == MAX_LISTED:
            notes.append(Diagnostic(severity, line, column, f"further {severity}s are not listed"))

    def stanzas(self) -> tuple[Stanza, ...]:
        return tuple(
            Stanza(d.pattern, d.line, tuple(d.settings), d.header, d.first, d.last)
            for d in self._drafts
        )

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        notes = chain.from_iterable(self._notes.values())
        return tuple(sorted(notes, key=lambda note: (note.line, note.column)))

    def _unseen(self, number: int, line: str, end: int) -> None:
        """Note the first character that nobody sees, in what is said or else in the comment."""
        if (column := _unseen(line)) < len(line):
            severity: Severity = "error" if column < end else "warning"
            message = f"{_what(line[column])} does not belong here"
            self.note(severity, number, column + 1, message)

    def _pass_over(self, number: int, line: str) -> None:
        """A blank line, or a comment: of the rule above if it is indented, else of the next."""
        if line[:1] == "#":
            self._comments_from = self._comments_from or number
            return
        self._comments_from = 0
        if self._drafts and line.strip(" \t"):
            self._drafts[-1].last = number

    def _misplaced(self, number: int, column: int, message: str) -> None:
        """A line that is nothing; it stays with the rule above."""
        self.note("error", number, column, message)
        if self._drafts:
            self._drafts[-1].last = number

    def _header(self, number: int, line: str, said: str) -> None:
        pattern = said.removesuffix(":").rstrip(" \t")
        if len(pattern) > MAX_PATTERN:
            message = f"a pattern has at most {MAX_PATTERN} characters, not {len(pattern)}"
            self._misplaced(number, MAX_PATTERN + 1, message)
            return
        if pattern == said:
            self.note("error", number, len(said) + 1, f"a colon is missing after {short(said)}")
        elif not pattern:
            self.note("error", number, 1, "a rule needs a name or a pattern before the colon")
        first = self._comments_from or number
        self._drafts.append(_Draft(pattern, number, line, first, number))

    def _setting(self, number: int, found: re.Match[str]) -> None:
        key, value = found.groups()
        column = found.start(1) + 1
        if not self._drafts:
            self.note("error", number, column, f"{short(key)} stands before the first rule")
            return
        draft = self._drafts[-1]
        draft.settings.append(Setting(key, value, number))
        draft.last = number
        if key not in _KNOWN:
            message = f"there is no key {short(key)}"
            if len(self._notes["warning"]) < MAX_LISTED:
                message += _suggestion(key)
            meant = key.lower() in _KNOWN  # its case is wrong: the default would stay in force
            self.note("error" if meant else "warning", number, column, message)
            return
        if key in draft.lines:
            message = f"{key} counts as it stands here, not as in line {draft.lines[key]}"
            self.note("warning", number, column, message)
        draft.lines[key] = number
        self._value(number, found.start(2) + 1, key, value)

    def _value(self, number: int, column: int, key: str, value: str) -> None:
        try:
            meaning = understand(key, value)
        except RuleError as error:
            self.note("error", number, column, str(error))
            return
        if key == "interval" and meaning < NO_LIMIT_S:
            message = f"interval {value} is no limit: a guest may ask as fast as it can"
            self.note("warning", number, column, message)

    def _unreached(self) -> None:
        """Note the rules that an earlier one leaves no names for."""
        drafts = self._drafts
        for place, before in unreached([draft.pattern for draft in drafts]).items():
            whose = f"{short(drafts[before].pattern)} in line {drafts[before].line}"
            message = f"this rule is never used: {whose} has all its names"
            self.note("warning", drafts[place].line, 1, message)
