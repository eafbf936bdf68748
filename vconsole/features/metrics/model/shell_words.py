"""Where a value may be put into a shell command so that it stays one piece of data there.

This is no shell. It follows quotes, substitutions and commands; where it cannot be sure it says
so, and the value is not put there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_ENDS_WORD: Final = " \t\n;|&<>()"
_ENDS_COMMAND: Final = "\n;|&()"
_DATA: Final = re.compile(r"""[\w.,:=@%+/\[\]^"'-]*""", re.ASCII)
_PRINTS: Final = re.compile(r"\s*(?:echo|printf)\s")
_RUNS_CODE: Final = re.compile(
    r"(?:^|[\s/])(?:[gmn]?awk|sed|perl|python[\d.]*|ruby|(?:ba|da|a|k|z)?sh|busybox|eval|ssh|su"
    r"|runuser|xargs|parallel|watch|trap|find|for|case|set|read|export|local|expr|bc|jq)(?=\s)"
)
_CONSUMES: Final = re.compile(r"\|\s*(?:\S*/)?(?:(?:ba|da|a|k|z)?sh|xargs|parallel|read|while)\b")
_VIRSH: Final = re.compile(r"\s*(?:\w+=\S*\s+)*(?:\S*/)?virsh\s")
_CASE: Final = re.compile(r"\bcase\b.*\besac\b", re.DOTALL)
_COMMANDS: Final = ("", "(", "$(", "`")
"""What holds commands, by how it opens; "" is the whole."""
_TANGLED: Final = "the quotes of this command are not understood"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place for a value."""

    start: int
    end: int
    quote: str
    """The quotes it stands in: ``"``, ``'`` or none."""
    unfit: str
    """Why only a harmless value may be put there; "" where any may."""
    names_domain: bool = False
    """It is a whole word for virsh, which takes a UUID there as well."""


@dataclass(slots=True)
class _Level:
    """A quote or substitution that is open; `opened` is how it began."""

    opened: str
    command: int = 0
    word: int = -1
    """Where the present word began, -1 between words."""
    spots: list[tuple[int, str]] = field(default_factory=list)
    """Those in the present word, with their quotes."""


def spots(command: str, marks: Mapping[int, int]) -> tuple[Spot, ...]:
    """Judge the places of a command that are to be replaced.

    Args:
        command: For ``sh -c``.
        marks: Start -> end of each place.
    """
    return _Scanner(command, marks).scan()


class _TangledError(Exception):
    """The command is beyond what is followed here."""


class _Scanner:
    def __init__(self, text: str, marks: Mapping[int, int]) -> None:
        self._text, self._marks = text, marks
        self._at = 0
        self._levels = [_Level("")]
        self._found: dict[int, Spot] = {}
        self._here_document = False

    def scan(self) -> tuple[Spot, ...]:
        try:
            self._walk()
        except _TangledError:
            self._found = {a: Spot(a, b, "", _TANGLED) for a, b in self._marks.items()}
        return tuple(self._found[start] for start in sorted(self._found))

    def _walk(self) -> None:
        if _CASE.search(self._text):
            raise _TangledError
        while self._at < len(self._text):
            self._step()
        if len(self._levels) > 1:
            raise _TangledError
        self._end_word()

    def _step(self) -> None:
        opened = self._levels[-1].opened
        if self._at in self._marks:
            self._mark(opened)
        elif opened in _COMMANDS:
            self._in_command()
        elif opened == "'":
            self._in_single()
        elif opened == '"':
            self._in_double()
        else:
            self._in_expansion(opened)

    def _mark(self, opened: str) -> None:
        end = self._marks[self._at]
        level = self._command_level()
        if opened in _COMMANDS and level.word < 0:
            level.word = self._at
        if opened in ("${", "$(("):
            self._found[self._at] = Spot(self._at, end, "", "it stands in an expansion")
        else:
            level.spots.append((self._at, opened if opened in ("'", '"') else ""))
        self._at = end

    def _in_command(self) -> None:
        char, level = self._text[self._at], self._levels[-1]
        if char in _ENDS_WORD or (char == "`" and level.opened == "`"):
            self._end_word()
            self._separator(char, level)
            return
        if char == "#" and level.word < 0:
            self._comment()
            return
        if char == "\\":
            self._backslash()
            return
        if level.word < 0:
            level.word = self._at
        if char in "'\"":
            self._push(char)
        elif not self._substitution(char):
            self._at += 1

    def _separator(self, char: str, level: _Level) -> None:
        before = self._text[self._at - 1 : self._at]
        if self._text.startswith("<<", self._at):
            self._here_document = True
        self._at += 1
        if char in _ENDS_COMMAND and not (char == "&" and before in ("<", ">")):
            level.command = self._at
        if char == "(":
            self._levels.append(_Level("(", self._at))
        elif (char == ")" and level.opened in ("(", "$(")) or char == "`":
            self._levels.pop()

    def _in_single(self) -> None:
        if self._text[self._at] == "'":
            self._levels.pop()
        self._at += 1

    def _in_double(self) -> None:
        char = self._text[self._at]
        if char == "\\":
            self._backslash()
        elif char == '"':
            self._levels.pop()
            self._at += 1
        elif not self._substitution(char):
            self._at += 1

    def _in_expansion(self, opened: str) -> None:
        char = self._text[self._at]
        end = "}" if opened == "${" else "))"
        if self._text.startswith(end, self._at):
            self._levels.pop()
            self._at += len(end)
        elif char in "\"'\\(" or (opened == "${" and char in "$`"):
            raise _TangledError
        elif not self._substitution(char):
            self._at += 1

    def _substitution(self, char: str) -> bool:
        """Whether something opens here."""
        if char == "`":
            self._push("`")
            return True
        if char == "$":
            following = self._text[self._at + 1 : self._at + 2]
            if following and following in "'\"" and self._levels[-1].opened in _COMMANDS:
                raise _TangledError
            for opened in ("$((", "$(", "${"):
                if self._text.startswith(opened, self._at):
                    self._push(opened)
                    return True
        return False

    def _push(self, opened: str) -> None:
        self._at += len(opened)
        self._levels.append(_Level(opened, self._at))

    def _backslash(self) -> None:
        if self._at + 1 in self._marks or self._text.startswith("\\`", self._at):
            raise _TangledError
        level = self._levels[-1]
        if level.word < 0 and not self._text.startswith("\\\n", self._at):
            level.word = self._at
        self._at += 2

    def _comment(self) -> None:
        end = self._text.find("\n", self._at)
        end = len(self._text) if end < 0 else end
        for start in (s for s in self._marks if self._at <= s < end):
            self._found[start] = Spot(start, self._marks[start], "", "")
        self._at = end

    def _command_level(self) -> _Level:
        return next(level for level in reversed(self._levels) if level.opened in _COMMANDS)

    def _end_word(self) -> None:
        level = self._levels[-1]
        for start, quote in level.spots:
            unfit = self._unfit(level)
            whole = not self._rest_of_word(level).strip("'\"")
            names = whole and bool(_VIRSH.match(self._text, level.command, level.word))
            self._found[start] = Spot(start, self._marks[start], quote, unfit, names)
        level.word, level.spots = -1, []

    def _unfit(self, level: _Level) -> str:
        """Why the present word may hold only a harmless value."""
        before = self._text[level.command : level.word]
        if self._here_document:
            return "it stands behind a here-document"
        if not before.strip():
            return "it stands where a command or an assignment does"
        if _RUNS_CODE.search(before) or _CONSUMES.search(self._text):
            return "it goes to a command that takes code"
        if _PRINTS.match(before):
            nested = any(outer.opened in ("$(", "`") for outer in self._levels)
            return "what is printed becomes part of another command" if nested else ""
        if not _DATA.fullmatch(self._rest_of_word(level)):
            return "it stands within a longer text that may be code"
        return ""

    def _rest_of_word(self, level: _Level) -> str:
        """The present word without what is to be replaced."""
        at, parts = level.word, []
        for start, _ in level.spots:
            parts.append(self._text[at:start])
            at = self._marks[start]
        return "".join((*parts, self._text[at : self._at]))
