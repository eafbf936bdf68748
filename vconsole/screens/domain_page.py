"""What pages about one domain have in common."""

from __future__ import annotations

from vconsole.files.config import Config
from vconsole.model.host_state import Domain
from vconsole.override import override
from vconsole.screens.page import Page


class DomainPage(Page):
    """A page about a domain. When it vanishes, what was known last stays: see `follow`."""

    def __init__(self, uuid: str) -> None:
        super().__init__()
        self._uuid = uuid
        self._domain: Domain | None = None

    @classmethod
    def make(cls, uuid: str | None, config: Config) -> Page:
        """Make the page of a domain."""
        assert uuid is not None, "a page about a domain needs its UUID"
        return cls(uuid)

    @property
    def subject(self) -> Domain | None:
        """The domain, while it is there."""
        return self.host_state.domain(self._uuid)

    @property
    @override
    def in_view(self) -> str:
        return self._uuid

    @property
    def named(self) -> str:
        """Its name, of one never seen its UUID; foreign."""
        return self._domain.name if self._domain else self._uuid

    def follow(self) -> Domain | None:
        """The domain as it is, or was when it was there last."""
        self._domain = self.subject or self._domain
        return self._domain
