"""vhostmd.conf as it is being edited: what was loaded, what it would become, the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import cached_property

from vconsole.metrics.conf_text import ConfigError
from vconsole.metrics.config import PROFILES, parse, profile
from vconsole.metrics.config_edit import ConfigDocument
from vconsole.metrics.spec import BUILTIN, Context, MetricSpec
from vconsole.safefile import Loaded


@dataclass(frozen=True)
class Draft:
    """One state of the editing; every edit returns the next.

    Attributes:
        loaded: The file as it was read, what saving compares with.
        base: Its bytes; of a file that is not there what the daemon uses in its place.
        data: The bytes as they would be saved.
        past: Earlier states of `data`, the latest last.
        theirs: What the file holds now, where somebody else has changed it meanwhile.
    """

    loaded: Loaded
    base: bytes
    data: bytes
    past: tuple[bytes, ...] = ()
    theirs: Loaded | None = None

    @classmethod
    def of(cls, loaded: Loaded) -> Draft:
        """A file as it was read, nothing edited."""
        base = _base(loaded)
        return cls(loaded, base, base)

    @property
    def staged(self) -> bool:
        """There is something to save."""
        return self.data != self.base

    @cached_property
    def _parsed(self) -> ConfigDocument | ConfigError:
        try:
            return ConfigDocument(self.data)
        except ConfigError as error:
            return error

    @property
    def document(self) -> ConfigDocument | None:
        """What it says; None where that is not valid."""
        return self._parsed if isinstance(self._parsed, ConfigDocument) else None

    @property
    def error(self) -> ConfigError | None:
        """Why it cannot be used."""
        return self._parsed if isinstance(self._parsed, ConfigError) else None

    @property
    def metrics(self) -> tuple[MetricSpec, ...]:
        """The metrics, with those that are switched off; none of a file that is not valid."""
        return self.document.config.metrics if self.document else ()

    def edited(self, data: bytes) -> Draft:
        """With other bytes; the present ones can be gone back to."""
        if data == self.data:
            return self
        return replace(self, data=data, past=(*self.past, self.data))

    def changed(self, edit: Callable[[ConfigDocument], bytes]) -> Draft:
        """With an edit of what it says.

        Raises:
            ConfigError: It says nothing valid, or would not after the edit.
        """
        if isinstance(self._parsed, ConfigError):
            raise self._parsed
        return self.edited(edit(self._parsed))

    def unedited(self) -> Draft:
        """As it was before the last edit; the same where there was none."""
        if not self.past:
            return self
        return replace(self, data=self.past[-1], past=self.past[:-1])

    def followed(self, loaded: Loaded) -> Draft:
        """With what the file holds now: taken over, or a conflict where something is edited."""
        if loaded == self.loaded:
            return self if self.theirs is None else replace(self, theirs=None)
        if loaded.exists and loaded.data == self.data:
            return Draft(loaded, self.data, self.data, self.past)
        if not self.staged:
            return replace(Draft.of(loaded), past=self.past)
        return self if loaded == self.theirs else replace(self, theirs=loaded)

    def over_theirs(self) -> Draft:
        """Ready to be saved over what somebody else has written."""
        assert self.theirs is not None
        return Draft(self.theirs, _base(self.theirs), self.data, self.past)

    def taking_theirs(self) -> Draft:
        """What somebody else has written; mine can be gone back to."""
        assert self.theirs is not None
        return replace(Draft.of(self.theirs), past=(*self.past, self.data))

    @cached_property
    def diff(self) -> tuple[str, ...]:
        """What saving changes, as the lines of a unified difference."""
        return _difference(self.base, self.data, "saved", "edited")

    @cached_property
    def their_diff(self) -> tuple[str, ...]:
        """What somebody else has changed since the file was loaded."""
        if self.theirs is None:
            return ()
        return _difference(self.base, _base(self.theirs), "loaded", "theirs")


def builtin_spec(name: str, context: Context) -> MetricSpec:
    """A built-in metric as the configurations that come along have it, else as a text."""
    for known in PROFILES:
        for spec in parse(profile(known)).metrics:
            if (spec.builtin, spec.context) == (name, context):
                return spec
    return MetricSpec(name, "string", context, f"{BUILTIN}{name}")


def _base(loaded: Loaded) -> bytes:
    return loaded.data if loaded.exists else profile(PROFILES[0])


def _difference(before: bytes, after: bytes, old: str, new: str) -> tuple[str, ...]:
    lines = unified_diff(_lines(before), _lines(after), old, new)
    return tuple(line.removesuffix("\n") for line in lines)


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "backslashreplace").splitlines(keepends=True)
