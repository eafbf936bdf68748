"""What crosses the thread line and what travels up from a screen to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from vconsole.changes.dispatcher import Request
    from vconsole.model.host_state import HostState
    from vconsole.model.request import Reply


class HostStateReady(Message):
    """A new reading of the host; only the latest matters."""

    def __init__(self, host_state: HostState) -> None:
        super().__init__()
        self.host_state = host_state

    def can_replace(self, message: Message) -> bool:
        """Drop the older of two that wait."""
        return isinstance(message, HostStateReady)


class Replied(Message):
    """What the dispatcher answers to a request."""

    def __init__(self, request: Request, reply: Reply) -> None:
        super().__init__()
        self.request, self.reply = request, reply


class Open(Message):
    """A screen asks for another: `page` for the domain of `uuid`."""

    def __init__(self, page: str, uuid: str | None = None) -> None:
        super().__init__()
        self.page, self.uuid = page, uuid
