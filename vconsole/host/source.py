"""The port through which everything about a host is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Literal, Protocol

from vconsole.model.host_state import HostState
from vconsole.model.value import dataclass

Page = Literal["domains", "domain", "host", "pin"]


@dataclass(frozen=True, slots=True)
class View:
    """What is on the screen, so that only that is read in detail."""

    page: Page = "domains"
    uuid: str | None = None
    """The domain in view, if any."""
    again: frozenset[str] = frozenset()
    """UUIDs of domains whose configuration is to be read anew: not every change tells an event."""
    sight: frozenset[str] | None = field(default=None, compare=False)
    """UUIDs of the rows in sight: what others use is read at a slower pace; None for all."""
    now: bool = field(default=False, compare=False)
    """Somebody asked: read all there is, even what events tell of by themselves."""


class HostError(Exception):
    """A host that cannot be reached or read; `title` says it in a few words."""

    def __init__(self, title: str, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.title = title
        self.message = message
        self.cure = cure


class HostSource(Protocol):
    """A host. Its methods may block for long; they are called from one worker thread only."""

    @property
    def unfinished(self) -> bool:
        """The last reading left something out to be quick: read again soon."""

    @property
    def called_at(self) -> float:
        """When the latest call to the host began, in monotonic seconds; 0 before the first.

        Read from another thread: a reading of many calls over a long way is no call that hangs.
        """

    @property
    def slowest_s(self) -> float:
        """The longest that a call of the latest reading took: what this host usually takes."""

    def read(self, view: View) -> HostState:
        """Read what `view` needs, at most four calls to libvirt and two for the domain in view.

        Raises:
            HostError: The connection is gone.
        """

    def abandon(self) -> None:
        """Begin no further call to the host; called from another thread, as `called_at` is."""

    def close(self) -> None:
        """Let go of the connection."""


Connect = Callable[[], HostSource]
"""Opens a new source; raises HostError. May block."""
