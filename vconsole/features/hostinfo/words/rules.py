"""The rules of hostinfo.conf and what they grant, as cells and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from vconsole.features.hostinfo.draft import Draft
from vconsole.features.hostinfo.model.grammar import KEYS, SETTING, content
from vconsole.features.hostinfo.model.preview import Answer
from vconsole.features.hostinfo.model.rules import Rules, Setting, Stanza, caught
from vconsole.model.column import Column
from vconsole.model.words import plural
from vconsole.text import Cell, Note, safe


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A line of the list of rules: a rule, one of its settings, or a line that is neither."""

    stanza: Stanza | None
    index: int
    setting: Setting | None = None
    caught: int = 0
    line: int = 0
    text: str = ""
    mark: Cell = ("", "")


def _rule(row: RuleRow) -> Cell:
    if row.stanza is None:
        return safe(row.text), "bad"
    if row.setting is not None:
        return safe(f"  {row.setting.key} = {row.setting.value}"), ""
    return safe(f"{row.stanza.pattern}:"), "accent"


def _caught(row: RuleRow) -> Cell:
    is_rule = row.stanza is not None and row.setting is None
    return plural(row.caught, "domain") if is_rule else "", "dim"


COLUMNS: Final[tuple[Column[RuleRow], ...]] = (
    Column("mark", "", 1, cell=lambda row: row.mark),
    Column("rule", "Rules: the first match wins", 14, flex=True, cell=_rule),
    Column("caught", "", 10, "right", from_width=30, cell=_caught),
)


def rule_rows(draft: Draft, names: tuple[str, ...]) -> dict[str, RuleRow]:
    """Key -> row, in the order of the file; keys survive edits of other lines."""
    rules = draft.rules
    saved = set(_granted(draft.saved))
    marks = {
        found.line: ("x", "bad") if found.severity == "error" else ("!", "warn")
        for found in reversed(rules.diagnostics)
    }
    rows: dict[int, tuple[str, RuleRow]] = {}
    for index, (stanza, count) in enumerate(zip(rules.stanzas, caught(rules, names), strict=True)):
        for line, setting in ((stanza.line, None), *((s.line, s) for s in stanza.settings)):
            grant = (stanza.pattern, setting and (setting.key, setting.value))
            edited = ("", "") if grant in saved else ("*", "accent")
            mark = marks.get(line, edited)
            key = f"{index}" if setting is None else f"{index}:{setting.key}:{line}"
            rows[line] = key, RuleRow(stanza, index, setting, count, line, mark=mark)
    for line, mark in marks.items():
        if line not in rows and mark[0] == "x":
            text = rules.lines[line - 1] if line <= len(rules.lines) else ""
            rows[line] = f"line {line}", RuleRow(None, -1, None, 0, line, text, mark)
    return dict(row for _, row in sorted(rows.items()))


def _granted(rules: Rules) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """What each line of the rules says, whatever its place and comments."""
    for stanza in rules.stanzas:
        yield stanza.pattern, None
        yield from ((stanza.pattern, (s.key, s.value)) for s in stanza.settings)


def paint_rule(line: str) -> Iterator[tuple[int, int, str]]:
    """The colours of a line as text: patterns, unknown keys, comments."""
    body = content(line)
    if line[len(body) :].strip():
        yield len(body), len(line), "dim"
    setting = SETTING.match(body)
    if setting is not None and setting[1] not in KEYS:
        yield setting.start(1), setting.end(1), "warn"
    elif setting is None and body.rstrip().endswith(":"):
        yield 0, len(body), "accent"


def preview_notes(title: str, hello: str, answers: list[Answer]) -> list[Note]:
    """What a guest would receive for each query; first what a line of the rules decides."""
    notes: list[Note] = [(safe(title), "strong"), (safe(f"  {hello}"), "dim")]
    for answer in sorted(answers, key=lambda answer: answer.line is None):
        why = "default" if answer.line is None else f"line {answer.line}"
        tone = "" if answer.permitted else "warn"
        notes.append((safe(f"  {' '.join(answer.reply)}   {why}"), tone))
    return notes


def service_words(document: Mapping[str, object] | None, problem: str) -> tuple[str, str]:
    """(what hostinfod does, tone) in a few words."""
    if document is None:
        if "does not run" in problem:
            return "hostinfod not running", "warn"
        # a title that begins with a path is cut at its start, where the reason is
        return f"hostinfod: {problem.partition(': ')[2]}" if problem[:1] == "/" else problem, "warn"
    rules = document.get("rules")
    trouble = rules.get("problem") if isinstance(rules, dict) else ""
    if trouble:
        return f"hostinfod keeps earlier rules: {trouble}", "bad"
    for part, what in (("directory", ""), ("libvirt", "libvirt: ")):
        told = document.get(part)
        problem = str(told.get("problem") or "") if isinstance(told, dict) else ""
        if problem:
            return f"hostinfod runs, but {what}{problem}", "warn"
    return "hostinfod running", "good"
