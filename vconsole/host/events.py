"""What libvirt tells by itself: that a domain changed, that the connection ended.

Events are only a reason to look again; what they say is not kept, so that a lost one does no more
harm than a late reading.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Lock, Thread
from typing import Any

KEEPALIVE_S = 5
KEEPALIVE_COUNT = 3
"""A peer that is silent for 5 x (3 + 1) seconds is dead; that also ends the calls it holds."""
_KINDS = (
    "LIFECYCLE",
    "DEVICE_ADDED",
    "DEVICE_REMOVED",
    "BALLOON_CHANGE",
    "TUNABLE",
    "METADATA_CHANGE",
    "MEMORY_DEVICE_SIZE_CHANGE",
)
_CLOSED = {0: "the connection failed", 1: "the daemon closed it", 2: "the peer is silent"}
_loop_lock = Lock()
_loop_runs = False


def run_loop() -> None:
    """Run libvirt's event loop in a daemon thread, once a process; call it before opening."""
    global _loop_runs
    import libvirt

    with _loop_lock:
        if _loop_runs:
            return
        libvirt.virEventRegisterDefaultImpl()
        Thread(target=_loop, name="vconsole-events", daemon=True).start()
        _loop_runs = True


def _loop() -> None:
    import libvirt

    while True:
        with suppress(libvirt.libvirtError):
            libvirt.virEventRunDefaultImpl()


class Events:
    """The subscriptions of one connection. Callbacks come from the event thread.

    Args:
        conn: The connection.
        wake: Called at each event. Without it nobody waits for any: only the peer is watched, and a
            connection for one request costs no round trip for each kind of event, there and back.
    """

    def __init__(self, conn: Any, wake: Callable[[], None] | None) -> None:
        self._conn, self._wake = conn, wake or (lambda: None)
        self.kinds = _KINDS if wake is not None else ()
        """Those of interest, as libvirt names them."""
        self._lock = Lock()
        self._dirty: set[bytes] = set()
        self._ids: list[int] = []
        self._told = False
        self.closed: str | None = None
        """Why the connection ended, once it has."""

    def watch(self, call: Callable[..., Any]) -> None:
        """Notice when the peer is gone.

        Args:
            call: Calls libvirt, as `Link.call` does.
        """
        import libvirt

        with suppress(libvirt.libvirtError):
            call(self._conn.registerCloseCallback, self._on_close, None)
        with suppress(libvirt.libvirtError):  # in-process drivers have no peer to watch
            call(self._conn.setKeepAlive, KEEPALIVE_S, KEEPALIVE_COUNT)

    def subscribe(self, call: Callable[..., Any], kind: str) -> None:
        """Ask for the events of one of `kinds`, if the driver has them.

        Args:
            call: Calls libvirt, as `Link.call` does.
            kind: Which.
        """
        import libvirt

        number = getattr(libvirt, f"VIR_DOMAIN_EVENT_ID_{kind}", None)
        if number is not None:
            with suppress(libvirt.libvirtError):
                wanted = None, number, self._on_domain, None
                self._ids.append(call(self._conn.domainEventRegisterAny, *wanted))
                self._told |= kind == "LIFECYCLE"

    @property
    def tell(self) -> bool:
        """The driver tells of domains that come, go or change their state."""
        return self._told

    def unsubscribe(self) -> None:
        """Let go of the callbacks, which otherwise keep the connection alive."""
        import libvirt

        for number in self._ids:
            with suppress(libvirt.libvirtError):
                self._conn.domainEventDeregisterAny(number)
        self._ids = []
        with suppress(libvirt.libvirtError):
            self._conn.unregisterCloseCallback()

    def take(self) -> set[bytes]:
        """The UUIDs of the domains that changed since the last call."""
        with self._lock:
            dirty, self._dirty = self._dirty, set()
        return dirty

    def _on_domain(self, _conn: Any, domain: Any, *_details: Any) -> None:
        with self._lock:
            self._dirty.add(domain.UUID())
        self._wake()

    def _on_close(self, _conn: Any, reason: int, _opaque: Any) -> None:
        self.closed = _CLOSED.get(reason, "the connection was closed")
        self._wake()
