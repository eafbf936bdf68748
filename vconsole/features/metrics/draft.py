"""vhostmd.conf as it is being edited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.config import PROFILES, parse, profile
from vconsole.features.metrics.model.config_edit import ConfigDocument
from vconsole.features.metrics.model.spec import BUILTIN, Context, MetricSpec
from vconsole.files.careful import Loaded
from vconsole.files.draft import FileDraft


@dataclass(frozen=True)
class Draft(FileDraft):
    """What it says, or why it cannot be used."""

    @staticmethod
    def base_of(loaded: Loaded) -> bytes:
        """What the file says; of one that is not there, what the daemon uses in its place."""
        return loaded.data if loaded.exists else profile(PROFILES[0])

    @property
    def problem(self) -> str:
        """Why it cannot be used."""
        return str(self.error) if self.error else ""

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

    def changed(self, edit: Callable[[ConfigDocument], bytes]) -> Draft:
        """With an edit of what it says.

        Raises:
            ConfigError: It says nothing valid, or would not after the edit.
        """
        if isinstance(self._parsed, ConfigError):
            raise self._parsed
        return self.edited(edit(self._parsed))


def builtin_spec(name: str, context: Context) -> MetricSpec:
    """A built-in metric as the configurations that come along have it, else as a text."""
    for known in PROFILES:
        for spec in parse(profile(known)).metrics:
            if (spec.builtin, spec.context) == (name, context):
                return spec
    return MetricSpec(name, "string", context, f"{BUILTIN}{name}")
