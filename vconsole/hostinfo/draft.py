"""hostinfo.conf as it is being edited: what was loaded, what it would become, the way back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import cached_property

from vconsole.hostinfo.rules import Rules, changed, parse
from vconsole.safefile import Loaded


@dataclass(frozen=True)
class Draft:
    """One state of the editing; every edit returns the next.

    Attributes:
        loaded: The file as it was read, what saving compares with.
        base: Its rules.
        rules: The rules as they would be saved.
        past: Earlier states of `rules`, the latest last.
        theirs: What the file holds now, where somebody else has changed it meanwhile.
    """

    loaded: Loaded
    base: Rules
    rules: Rules
    past: tuple[Rules, ...] = ()
    theirs: Loaded | None = None

    @classmethod
    def of(cls, loaded: Loaded) -> Draft:
        """A file as it was read, nothing edited."""
        rules = parse(loaded.data)
        return cls(loaded, rules, rules)

    @property
    def staged(self) -> bool:
        """There is something to save."""
        return self.rules.text != self.base.text

    def edited(self, rules: Rules) -> Draft:
        """With other rules; the present ones can be gone back to."""
        if rules.text == self.rules.text:
            return self
        return replace(self, rules=rules, past=(*self.past, self.rules))

    def unedited(self) -> Draft:
        """As it was before the last edit; the same where there was none."""
        if not self.past:
            return self
        return replace(self, rules=self.past[-1], past=self.past[:-1])

    def followed(self, loaded: Loaded) -> Draft:
        """With what the file holds now: taken over, or a conflict where something is edited."""
        if loaded == self.loaded:
            return self if self.theirs is None else replace(self, theirs=None)
        if loaded.data == self.rules.to_bytes():
            return Draft(loaded, self.rules, self.rules, self.past)
        if not self.staged:
            return replace(Draft.of(loaded), past=self.past)
        return self if loaded == self.theirs else replace(self, theirs=loaded)

    def over_theirs(self) -> Draft:
        """Ready to be saved over what somebody else has written."""
        assert self.theirs is not None
        return Draft(self.theirs, parse(self.theirs.data), self.rules, self.past)

    @cached_property
    def diff(self) -> tuple[str, ...]:
        """What saving changes, as the lines of a unified difference."""
        return difference(self.base, self.rules, "saved", "edited")

    @cached_property
    def their_diff(self) -> tuple[str, ...]:
        """What somebody else has changed since the file was loaded."""
        if self.theirs is None:
            return ()
        return difference(self.base, parse(self.theirs.data), "loaded", "theirs")

    def affected(self, names: Collection[str]) -> frozenset[str]:
        """The sockets whose guests get something else once this is saved."""
        return changed(self.base, self.rules, names)


def difference(before: Rules, after: Rules, old: str, new: str) -> tuple[str, ...]:
    """The lines of a unified difference; a changed line end shows as one."""
    lines = unified_diff(
        before.text.splitlines(keepends=True),
        after.text.splitlines(keepends=True),
        old,
        new,
        lineterm="\n",
    )
    return tuple(line.removesuffix("\n") for line in lines)
