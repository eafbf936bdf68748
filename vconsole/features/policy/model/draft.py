"""Edits of a definition that are collected, taken back, and become one change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from vconsole.features.policy.model.clock import clock_problem
from vconsole.features.policy.model.settings import FILTER, RULE, settings_of
from vconsole.model.outcome import Target
from vconsole.model.proposal import Proposal, Subject
from vconsole.model.request import Define
from vconsole.model.xml_edit import Document

Edit = Callable[[str], str]
"""Definition -> definition; raises ValueError with the reason."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A definition as it was read, and the text after each edit of it."""

    base: str
    past: tuple[str, ...] = ()

    @property
    def xml(self) -> str:
        """The definition as it is to be."""
        return self.past[-1] if self.past else self.base

    @property
    def changed(self) -> tuple[str, ...]:
        """The keys of the settings that are not as they were read."""
        before, after = Document(self.base), Document(self.xml)
        settings = settings_of(after, before)
        return tuple(s.key for s in settings if s.read(before) != s.read(after))

    def edited(self, edit: Edit) -> Draft:
        """The draft after an edit; the same one if that changes nothing.

        Raises:
            ValueError: The edit makes no sense.
        """
        xml = edit(self.xml)
        return self if xml == self.xml else replace(self, past=(*self.past, xml))

    def unedited(self) -> Draft:
        """The draft before the last edit."""
        return replace(self, past=self.past[:-1])

    def problem(self) -> tuple[str, str] | None:
        """The setting that is not complete, and what it lacks."""
        return clock_problem(Document(self.xml))

    def proposal(self, uuid: str, name: str) -> Proposal:
        """The draft as one change of the domain.

        Raises:
            ValueError: Nothing is changed, or something is missing.
        """
        if problem := self.problem():
            raise ValueError(problem[1])
        changed = self.changed
        if not changed:
            raise ValueError("it is so already")
        words = ("USB filter" if key.startswith((FILTER, RULE)) else key for key in changed)
        what = f"change {', '.join(dict.fromkeys(words))}"
        return Proposal((Define(uuid, name, what, self.base, self.xml),), self._notes(changed))

    def _notes(self, changed: tuple[str, ...]) -> tuple[str, ...]:
        """What is to know of the settings that are changed, each once."""
        document = Document(self.xml)
        touched = [s for s in settings_of(document) if s.key in changed]
        return tuple(dict.fromkeys(note for s in touched for note in s.remarks(document)))


def plan(edit: Edit, subject: Subject, target: Target) -> Proposal:
    """Plan an edit of a domain's definition; a planner once `edit` is given.

    Raises:
        ValueError: There is nothing to edit, or the edit makes no sense.
    """
    if subject.config is None:
        raise ValueError("it is transient: it has no definition to edit")
    return Draft(subject.config).edited(edit).proposal(subject.uuid, subject.name)
