"""Handles the requests that concern the host, on a connection of their own.

The connection is not the one that feeds the screen: a request that hangs, in a guest agent say,
must not hold up the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any

from vconsole.host import errors
from vconsole.host.actions import act
from vconsole.host.definition import define, read_definitions
from vconsole.host.device import change_device, read_configurations
from vconsole.host.link import Link
from vconsole.host.source import HostError
from vconsole.model.requests import (
    Act,
    ChangeDevice,
    Define,
    ReadConfigurations,
    ReadDefinitions,
    Reply,
)

Handle = Callable[[Link, Any], Reply]

READS: Mapping[type, Handle] = {
    ReadConfigurations: read_configurations,
    ReadDefinitions: read_definitions,
}
CHANGES: Mapping[type, Handle] = {Act: act, ChangeDevice: change_device, Define: define}
"""These are refused on a read-only connection."""


class HostRequests:
    """Opens a connection when first needed, and again when it was lost."""

    def __init__(self, open_: Callable[[], Link]) -> None:
        self._open = open_
        self._lock = Lock()
        self._link: Link | None = None

    def handlers(self) -> Mapping[type, Callable[[Any], Reply]]:
        """Type of request -> its handler."""
        known = {**READS, **CHANGES}
        return {kind: partial(self._handle, handle) for kind, handle in known.items()}

    def _handle(self, handle: Handle, request: Any) -> Reply:
        try:
            link = self._connected()
            if type(request) in CHANGES and link.connection.read_only:
                return Reply("refused", f"read-only: {link.connection.read_only_reason}")
            return handle(link, request)
        except HostError as error:
            self._forget()
            return Reply("failed", f"{error.title}: {error.message}")
        except errors.libvirt_error() as error:
            return Reply("failed", errors.message(error))

    def _connected(self) -> Link:
        with self._lock:
            if self._link is None:
                self._link = self._open()
            return self._link

    def _forget(self) -> None:
        """Open anew for the next request; a thread that still uses the old one may finish."""
        with self._lock:
            self._link = None

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()
