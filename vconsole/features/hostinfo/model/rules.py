"""hostinfo.conf as a value: what it grants to each guest, and edits that keep every other byte.

Rules are tried in their order, the first that matches the name of a guest's socket is used, and
nothing is inherited from another: a key that it does not set has its built-in default.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from vconsole.features.hostinfo.model import edit
from vconsole.features.hostinfo.model.grammar import (
    Diagnostic,
    RuleError,
    Setting,
    Stanza,
    read,
    understand,
)
from vconsole.features.hostinfo.model.patterns import is_literal, matches
from vconsole.features.hostinfo.model.statistics import STATISTICS

__all__ = (
    "DEFAULT",
    "Diagnostic",
    "Effective",
    "RuleError",
    "Rules",
    "Setting",
    "Stanza",
    "caught",
    "changed",
    "loosens",
    "parse",
)


@dataclass(frozen=True, slots=True)
class Effective:
    """What a guest gets. Two are equal that grant the same, whichever lines say so."""

    interval_s: float = 1.0
    """Time from one answered query to the next; 0 is no limit."""
    permitted: frozenset[str] = frozenset(s.name for s in STATISTICS.values() if s.default)
    hide_denied: bool = False
    """Whether what is not permitted is told to be unknown."""
    line: int | None = field(default=None, compare=False)
    """Of the rule's header; None where no rule matches."""
    pattern: str | None = field(default=None, compare=False)
    lines: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    """Each key that the rule sets, with the line that counts."""

    def why(self, statistic: str) -> int | None:
        """The line that permits or refuses a statistic, or sets a key; None for the default."""
        return dict(self.lines).get(statistic)


DEFAULT: Final = Effective()
"""For a guest that no rule matches."""


@dataclass(frozen=True)
class Rules:
    """One state of the file; every edit returns the next.

    Edits take a rule's index, from 0, and raise RuleError with the reason before anything changes.
    """

    text: str = field(repr=False)
    """With bytes that are not UTF-8 as `surrogateescape` puts them."""
    stanzas: tuple[Stanza, ...]
    diagnostics: tuple[Diagnostic, ...]
    """In the order of the lines."""

    def to_bytes(self) -> bytes:
        """The file; of rules as they were parsed, the very same bytes."""
        return self.text.encode("utf-8", "surrogateescape")

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines without their ends; number n is ``lines[n - 1]``."""
        lines = self.text.replace("\r\n", "\n").split("\n")
        return tuple(lines if lines[-1] else lines[:-1])

    @property
    def usable(self) -> bool:
        """Whether the file may be put in force: it has no error, though perhaps warnings."""
        return not any(found.severity == "error" for found in self.diagnostics)

    def match(self, name: str) -> Stanza | None:
        """The rule for a socket's name such as ``qemu-web1``; None if there is none."""
        literals, wild = self._order
        end = literals.get(name, len(self.stanzas))
        first = next((i for i in wild if matches(self.stanzas[i].pattern, name)), end)
        place = min(first, end)
        return self.stanzas[place] if place < len(self.stanzas) else None

    def effective(self, name: str) -> Effective:
        """What the guest of a socket's name gets."""
        stanza = self.match(name)
        return _effective(stanza) if stanza else DEFAULT

    @cached_property
    def _order(self) -> tuple[dict[str, int], tuple[int, ...]]:
        """The first rule for each whole name, and the rules with wildcards."""
        literals: dict[str, int] = {}
        wild = []
        for place, stanza in enumerate(self.stanzas):
            if is_literal(stanza.pattern):
                literals.setdefault(stanza.pattern, place)
            else:
                wild.append(place)
        return literals, tuple(wild)

    def add_stanza(self, pattern: str, index: int | None = None) -> Rules:
        """With a rule more, before number `index` or as the last; it has the defaults."""
        place = len(self.stanzas) if index is None else index
        return _read(edit.add(self.text, self.stanzas, pattern, place))

    def delete_stanza(self, index: int) -> Rules:
        """Without a rule and the comments directly above it."""
        return _read(edit.delete(self.text, self.stanzas, index))

    def duplicate_stanza(self, index: int) -> Rules:
        """With a copy right below the rule: of no effect until it is renamed or moved."""
        return _read(edit.duplicate(self.text, self.stanzas, index))

    def move_stanza(self, index: int, by: int) -> Rules:
        """With a rule `by` places further down, or up where that is negative."""
        return _read(edit.move(self.text, self.stanzas, index, by))

    def rename_stanza(self, index: int, pattern: str) -> Rules:
        """With another pattern for a rule."""
        return _read(edit.rename(self.text, self.stanzas, index, pattern))

    def set_value(self, index: int, key: str, value: str) -> Rules:
        """With a key of a rule set to a value."""
        return _read(edit.set_value(self.text, self.stanzas, index, key, value))

    def remove_value(self, index: int, key: str) -> Rules:
        """With the default for a key of a rule; the same where it is not set."""
        return _read(edit.remove_value(self.text, self.stanzas, index, key))


def parse(data: bytes) -> Rules:
    """Read a file, whatever is in it; `Rules.diagnostics` has what is wrong."""
    return _read(data.decode("utf-8", "surrogateescape"))


def caught(rules: Rules, names: Iterable[str]) -> tuple[int, ...]:
    """How many of the names each rule is used for, in the order of the rules."""
    counts = dict.fromkeys((stanza.line for stanza in rules.stanzas), 0)
    for name in names:
        if stanza := rules.match(name):
            counts[stanza.line] += 1
    return tuple(counts.values())


def changed(before: Rules, after: Rules, names: Collection[str]) -> frozenset[str]:
    """The names that get something else after than before."""
    return frozenset(name for name in names if before.effective(name) != after.effective(name))


def loosens(before: Rules, after: Rules, names: Iterable[str]) -> bool:
    """Whether somebody may learn more, or sooner, after than before.

    Asked for the names, and for the patterns of both as if each were the name of a guest.
    """
    patterns = (stanza.pattern for rules in (before, after) for stanza in rules.stanzas)
    return any(
        _exceeds(after.effective(name), before.effective(name))
        for name in dict.fromkeys(("", *names, *patterns))
    )


def _exceeds(after: Effective, before: Effective) -> bool:
    return (
        not after.permitted <= before.permitted
        or after.interval_s < before.interval_s
        or (before.hide_denied and not after.hide_denied)
    )


def _read(text: str) -> Rules:
    return Rules(text, *read(text))


def _effective(stanza: Stanza) -> Effective:
    """What a rule grants; a setting that is wrong counts as if it were not there."""
    interval_s, hide_denied = DEFAULT.interval_s, DEFAULT.hide_denied
    permitted = set(DEFAULT.permitted)
    lines: dict[str, int] = {}
    for setting in stanza.settings:
        try:
            meaning = understand(setting.key, setting.value)
        except RuleError:
            continue
        lines[setting.key] = setting.line
        if setting.key == "interval":
            interval_s = float(meaning)
        elif setting.key == "hide_denied":
            hide_denied = bool(meaning)
        else:
            (permitted.add if meaning else permitted.discard)(setting.key)
    return Effective(
        interval_s,
        frozenset(permitted),
        hide_denied,
        stanza.line,
        stanza.pattern,
        tuple(lines.items()),
    )
