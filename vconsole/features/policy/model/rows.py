"""The settings of a domain beside each other: as it runs, as it is defined, as it is to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vconsole.features.policy.model.draft import Draft
from vconsole.features.policy.model.elements import DEFAULT
from vconsole.features.policy.model.settings import FILTER, RULE, TIMER, Setting, settings_of
from vconsole.model.xml_edit import Document

_NO_DEFAULT: Final = (TIMER, RULE, FILTER, "timezone", "start")
"""What begins so is there or not; other settings are left to the hypervisor then."""


@dataclass(frozen=True, slots=True)
class Row:
    """A setting and its values; None where it is left to the hypervisor or is not there.

    Attributes:
        setting: What is set.
        first: It is the first of its group.
        runs: The domain runs, `live` is how.
        defined: It has a definition, `config` is what that says.
        live: As it runs.
        was: As it was defined when it was read.
        config: As it is defined, or is to be.
        problem: What it lacks; "" if nothing.
    """

    setting: Setting
    first: bool
    runs: bool
    defined: bool
    live: str | None
    was: str | None
    config: str | None
    problem: str = ""

    @property
    def edited(self) -> bool:
        """It is not as it was read."""
        return self.was != self.config

    @property
    def differs(self) -> bool:
        """The domain runs otherwise than it is defined."""
        return self.runs and self.defined and self.live != self.config

    @property
    def waits(self) -> bool:
        """The next start makes a difference."""
        return self.differs and not self.setting.moves

    @property
    def note(self) -> str:
        """What to know of it in two words; "" if nothing."""
        if self.problem:
            return "needed"
        if self.edited:
            return "edited"
        if self.waits:
            return "next start"
        return "as it runs" if self.differs else ""

    def full(self, value: str | None) -> str:
        """A value in words."""
        return self.absent if value is None else value or self.setting.brief(value)

    @property
    def absent(self) -> str:
        """What stands for a value that is not there."""
        return "-" if self.setting.key.startswith(_NO_DEFAULT) else DEFAULT

    @property
    def halves(self) -> tuple[str | None, str | None]:
        """Live and config in words; None where there is no such half."""
        live = self.full(self.live) if self.runs else None
        return live, self.full(self.config) if self.defined else None


def rows_of(live: str | None, draft: Draft | None) -> tuple[Row, ...]:
    """The rows of a domain.

    Args:
        live: Its XML as it runs, if it does.
        draft: Its definition, if it has one.

    Raises:
        ValueError: An XML is none, or says what libvirt would not take.
    """
    defined = (Document(draft.xml), Document(draft.base)) if draft else ()
    running = Document(live) if live else None
    problem, words = (draft.problem() if draft else None) or ("", "")
    rows: list[Row] = []
    group = ""
    for setting in settings_of(*defined, *([running] if running else [])):
        config, was = (setting.read(document) for document in defined) if defined else (None, None)
        now = setting.read(running) if running else None
        lacks = words if setting.key == problem else ""
        known = (setting.group != group, bool(running), bool(defined))
        rows.append(Row(setting, *known, now, was, config, lacks))
        group = setting.group
    return tuple(rows)
