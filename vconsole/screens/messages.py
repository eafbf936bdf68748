"""What crosses the thread line and what travels up from a screen to the app."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from vconsole.changes.dispatcher import Request
from vconsole.model.host_state import HostState
from vconsole.model.request import Reply


@dataclass
class HostStateReady(Message):
    """A new reading of the host; only the latest matters."""

    host_state: HostState

    def can_replace(self, message: Message) -> bool:
        """Drop the older of two that wait."""
        return isinstance(message, HostStateReady)


@dataclass
class Replied(Message):
    """What the dispatcher answers to a request."""

    request: Request
    reply: Reply


@dataclass
class Open(Message):
    """A screen asks for another: `page` for the domain of `uuid`."""

    page: str
    uuid: str | None = None
