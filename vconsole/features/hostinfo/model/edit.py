"""Edits of the text of a hostinfo.conf, each of which touches its own lines alone.

A rule takes the comments directly above it along; what else stands between rules stays in place.
A text keeps its line ends, and one without a line end at its end stays so.
"""

from __future__ import annotations

from itertools import chain, pairwise, zip_longest

from vconsole.features.hostinfo.model.grammar import (
    SETTING,
    RuleError,
    Setting,
    Stanza,
    check_pattern,
    content,
    understand,
)

Stanzas = tuple[Stanza, ...]
_INDENT = "  "


def add(text: str, stanzas: Stanzas, pattern: str, index: int) -> str:
    """A new rule without settings that becomes number `index`."""
    check_pattern(pattern)
    if not 0 <= index <= len(stanzas):
        raise RuleError(f"a new rule cannot become number {index + 1}")
    lines, end = _lines(text)
    header = f"{pattern}:{end}"
    if index < len(stanzas):
        place = stanzas[index].first - 1
        return _spliced(lines, place, place, [header, end], end)
    place = stanzas[-1].last if stanzas else len(lines)
    gap = [end] if place and not _is_blank(lines[place - 1]) else []
    return _spliced(lines, place, place, [*gap, header], end)


def delete(text: str, stanzas: Stanzas, index: int) -> str:
    """Without a rule, and without one of the blank lines that set it apart."""
    stanza = _stanza(stanzas, index)
    lines, end = _lines(text)
    start, stop = stanza.first - 1, stanza.last
    if stop < len(lines) and _is_blank(lines[stop]):
        stop += 1
    elif stop == len(lines) and start and _is_blank(lines[start - 1]):
        start -= 1
    return _spliced(lines, start, stop, [], end)


def duplicate(text: str, stanzas: Stanzas, index: int) -> str:
    """With a rule once more, below itself."""
    stanza = _stanza(stanzas, index)
    lines, end = _lines(text)
    again = [end, *_own(lines, stanza)]
    return _spliced(lines, stanza.last, stanza.last, again, end)


def move(text: str, stanzas: Stanzas, index: int, by: int) -> str:
    """With a rule so many places further down, or up where `by` is negative."""
    _stanza(stanzas, index)
    if not 0 <= index + by < len(stanzas):
        raise RuleError(f"rule {index + 1} of {len(stanzas)} cannot move {by:+} places")
    lines, end = _lines(text)
    crossed = stanzas[min(index, index + by) : max(index, index + by) + 1]
    rules = [_own(lines, stanza) for stanza in crossed]
    gaps = [lines[upper.last : lower.first - 1] for upper, lower in pairwise(crossed)]
    rules.insert(len(rules) if by > 0 else 0, rules.pop(0 if by > 0 else -1))
    moved = list(chain.from_iterable(chain(*zip_longest(rules, gaps, fillvalue=[]))))
    return _spliced(lines, crossed[0].first - 1, crossed[-1].last, moved, end)


def rename(text: str, stanzas: Stanzas, index: int, pattern: str) -> str:
    """With another pattern; a header without its colon gets one."""
    stanza = _stanza(stanzas, index)
    check_pattern(pattern)
    lines, end = _lines(text)
    rest = lines[stanza.line - 1][len(stanza.pattern) :]
    colon = "" if rest.lstrip(" \t").startswith(":") else ":"
    return _spliced(lines, stanza.line - 1, stanza.line, [pattern + colon + rest], end)


def set_value(text: str, stanzas: Stanzas, index: int, key: str, value: str) -> str:
    """With a key set: where it counts already, else behind the rule's last setting."""
    stanza = _stanza(stanzas, index)
    understand(key, value)
    lines, end = _lines(text)
    if same := [s.line for s in stanza.settings if s.key == key]:
        changed = _with_value(lines[same[-1] - 1], value)
        return _spliced(lines, same[-1] - 1, same[-1], [changed], end)
    place = stanza.settings[-1].line if stanza.settings else stanza.line
    line = f"{_indent(lines, stanza, stanzas)}{key} = {value}{end}"
    return _spliced(lines, place, place, [line], end)


def remove_value(text: str, stanzas: Stanzas, index: int, key: str) -> str:
    """Without any line that sets the key."""
    gone = {s.line - 1 for s in _stanza(stanzas, index).settings if s.key == key}
    lines, end = _lines(text)
    kept = [line for place, line in enumerate(lines) if place not in gone]
    return _spliced(lines, 0, len(lines), kept, end)


# ---- lines with their ends


def _lines(text: str) -> tuple[list[str], str]:
    """The lines, and the end that a new one gets."""
    *closed, rest = text.split("\n")
    lines = [f"{line}\n" for line in closed] + ([rest] if rest else [])
    return lines, "\r\n" if lines and lines[0].endswith("\r\n") else "\n"


def _spliced(lines: list[str], start: int, stop: int, new: list[str], end: str) -> str:
    """The text with other lines in the place of some; a missing last line end stays missing.

    It cannot where a blank line becomes the last. The end that the new last line gives up goes to
    the line that had none, so that moving a rule there and back changes nothing even where line
    ends are mixed.
    """
    is_open = bool(lines) and not lines[-1].endswith("\n")
    result = lines[:start] + new + lines[stop:]
    if is_open and result:
        last = result.pop()
        bare = last if _is_blank(last) else _bare(last)
        spare = last[len(bare) :] or end
        result = [line if line.endswith("\n") else line + spare for line in result] + [bare]
    return "".join(result)


def _own(lines: list[str], stanza: Stanza) -> list[str]:
    return lines[stanza.first - 1 : stanza.last]


def _bare(line: str) -> str:
    return line[:-2] if line.endswith("\r\n") else line.removesuffix("\n")


def _is_blank(line: str) -> bool:
    return not line.strip(" \t\r\n")


def _with_value(line: str, value: str) -> str:
    found = SETTING.match(content(_bare(line)))
    assert found, "a line that was read as a setting"
    return line[: found.start(2)] + value + line[found.end(2) :]


def _indent(lines: list[str], stanza: Stanza, stanzas: Stanzas) -> str:
    """The indentation of the rule's last setting, else of the text's first, else two blanks."""
    others = (setting for other in stanzas for setting in other.settings)
    like: Setting | None = stanza.settings[-1] if stanza.settings else next(others, None)
    if like is None:
        return _INDENT
    line = lines[like.line - 1]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _stanza(stanzas: Stanzas, index: int) -> Stanza:
    if not 0 <= index < len(stanzas):
        raise RuleError(f"there is no rule {index + 1}")
    return stanzas[index]
