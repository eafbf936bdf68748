"""What a domain says on its virtio channel: requests in, answers out, byte for byte as vhostmd.

A request may come in pieces. What a guest can make the daemon do is bounded: it reads no more
than a bucket of tokens allows, and keeps no more than one request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from time import monotonic
from typing import Final, Literal

REQUESTS: Final = (b"GET /metrics/XML\n\n", b"GET /metrics/XML\r\n\r\n")
INVALID: Final = b"INVALID REQUEST\n\n"
MAX_REQUEST_BYTES: Final = 511
"""More than that without an end is no request."""
_END: Final = re.compile(rb"\n\n|\r\n\r\n")
Answer = Literal["metrics", "invalid"]


class Requests:
    """The requests in the bytes of one channel."""

    def __init__(self) -> None:
        self._held = b""
        self._passing_over = False
        """After too long a request, until its end."""

    def feed(self, data: bytes) -> Answer | None:
        """What the bytes that just came call for.

        All that is held makes up one request: two in one piece are none, as with vhostmd.
        """
        held = self._held + data
        if self._passing_over:
            end = _END.search(held)
            self._held = b"" if end else held[-3:]
            self._passing_over = end is None
            return self.feed(held[end.end() :]) if end else None
        if held in REQUESTS:
            self._held = b""
            return "metrics"
        if _END.search(held):
            self._held = b""
            return "invalid"
        if len(held) > MAX_REQUEST_BYTES:
            self._held, self._passing_over = held[-3:], True
            return "invalid"
        self._held = held
        return None


class Bucket:
    """How often a guest is listened to: so many times at once, and so many a second after that."""

    def __init__(
        self, burst: float = 40.0, rate_s: float = 4.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._burst, self._rate_s, self._clock = burst, rate_s, clock
        self._tokens, self._at = burst, clock()

    def take(self) -> float:
        """Take a token; how many seconds to wait before the next listening."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate_s) - 1
        self._at = now
        return max(0.0, -self._tokens / self._rate_s)
