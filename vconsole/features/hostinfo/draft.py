"""hostinfo.conf as it is being edited."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from vconsole.features.hostinfo.model.rules import Rules, changed, parse
from vconsole.files.draft import FileDraft


@dataclass(frozen=True)
class Draft(FileDraft):
    """The rules, saved and edited."""

    @cached_property
    def rules(self) -> Rules:
        """As they would be saved."""
        return parse(self.data)

    @cached_property
    def saved(self) -> Rules:
        """As they were read."""
        return parse(self.base)

    @property
    def problem(self) -> str:
        """The first error."""
        errors = (str(d) for d in self.rules.diagnostics if d.severity == "error")
        return next(errors, "")

    def affected(self, names: Collection[str]) -> frozenset[str]:
        """The sockets whose guests get something else once this is saved."""
        return changed(self.saved, self.rules, names)
