"""One connected socket: reads no more than the guest's account allows, and never waits for it.

What a guest sends too fast stays in its own socket; as long as it does not take a reply, it is not
read. A guest that takes none for `TAKE_S` is disconnected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import cast

from vconsole.features.hostinfo.model.limiter import INTAKE_BYTES
from vconsole.features.hostinfo.model.protocol import Session, Terms

CHUNK_BYTES = 256
"""Read at once; after that it is another guest's turn."""
MAX_PENDING_BYTES = 65536
"""Replies that wait for one guest."""
TAKE_S = 30.0


Ended = Callable[["Connection", str], None]


class Connection(asyncio.BufferedProtocol):
    """Carries bytes between a guest's socket and its session.

    Args:
        terms: The guest's; read anew each time, as its account may be replaced.
        session: Answers.
        ended: Called once, with the reason, when the connection is no more.
    """

    def __init__(self, terms: Terms, session: Session, ended: Ended) -> None:
        self._terms, self._session, self._ended = terms, session, ended
        self._buffer = memoryview(bytearray(CHUNK_BYTES))
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._full = self._closing = False
        self._reason = "the guest's side closed the connection"

    def close(self, reason: str) -> None:
        """Disconnect now; nothing more is sent."""
        self._reason, self._closing = reason, True
        if self._transport is not None:
            self._transport.abort()

    # -- what asyncio calls ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: any reply that the socket does not take at once stops the reading."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
        if self._closing:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Room for one chunk."""
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        """Answer what was read."""
        transport, now = self._transport, monotonic()
        if transport is None:
            return
        account = self._terms.account
        account.read(count, now)
        if reply := self._session.receive(bytes(self._buffer[:count]), now):
            transport.write(reply)
        if self._full:
            if transport.get_write_buffer_size() > MAX_PENDING_BYTES:
                self.close("too many replies waited for the guest")
        elif account.left < CHUNK_BYTES:
            self._pause((2 * CHUNK_BYTES - account.left) / INTAKE_BYTES, self._read_on)

    def eof_received(self) -> bool:
        """The guest's side is gone; QEMU does not close one direction only."""
        return False

    def pause_writing(self) -> None:
        """A reply waits for the guest: read no more until it is taken."""
        self._full = True
        self._pause(TAKE_S, lambda: self.close(f"the guest took no reply for {TAKE_S:g} s"))

    def resume_writing(self) -> None:
        """All replies are taken."""
        self._full = False
        self._read_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """End: tell whoever wants to connect again."""
        self._transport = None
        self._forget_timer()
        self._ended(self, self._reason)

    # -- not reading for a while -----------------------------------------------------------------

    def _pause(self, delay_s: float, then: Callable[[], None]) -> None:
        self._forget_timer()
        if self._transport is not None:
            self._transport.pause_reading()
        self._timer = asyncio.get_running_loop().call_later(delay_s, then)

    def _read_on(self) -> None:
        self._forget_timer()
        if self._transport is not None:
            self._transport.resume_reading()

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
