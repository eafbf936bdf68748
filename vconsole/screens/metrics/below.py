"""What the pages that open above the page of metrics ask of it."""

from __future__ import annotations

from typing import Literal, Protocol

from vconsole.features.metrics.picture import Picture
from vconsole.features.metrics.requests import ReadDisk
from vconsole.model.host_state import Domain

Form = Literal["raw", "hex"]
"""How bytes are shown."""


class Metrics(Protocol):
    """The page of metrics: it reads, whatever is in front of it."""

    picture: Picture

    @property
    def guest(self) -> str:
        """The UUID of the domain as which the page is seen, or ""."""

    @property
    def subject(self) -> Domain | None:
        """The domain under the cursor."""

    @property
    def disk_request(self) -> ReadDisk:
        """What looks at the disk."""

    def ask_devices(self) -> None:
        """Look who has the disk or the channel."""
