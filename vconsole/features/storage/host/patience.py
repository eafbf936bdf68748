"""Waits no longer than it may for what may hang for good, and asks it once only.

What hangs in libvirt (a pool whose file server is away) holds a worker of the daemon and one of the
few requests that it takes from a client at a time: a client that asks again and again takes the
daemon away from everybody. So there is one call of a kind under way, and its connection is not used
for anything else from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final, TypeVar

from vconsole.host.link import Link
from vconsole.host.source import HostError

T = TypeVar("T")
_lock: Final = Lock()
_asked: Final[dict[tuple[str, str], float]] = {}
"""(connection, what) -> when the call began that has not ended."""


class NoAnswerError(HostError):
    """It has not answered in time, or not since it was asked before."""


def within(link: Link, what: str, seconds: float, work: Callable[[], T]) -> T:
    """Do what asks libvirt, in a thread of its own, unless the same hangs already.

    Args:
        link: The connection that `work` uses.
        what: Tells it from others.
        seconds: How long it may take; it goes on after that, and nobody hears of it.
        work: Does it.

    Raises:
        NoAnswerError: It did not end in time, or one before it has not ended yet.
        HostError: The connection is gone.
        libvirt.libvirtError: It failed.
    """
    key, begun = (link.connection.uri, what), monotonic()
    with _lock:
        if (before := _asked.get(key)) is not None:
            raise NoAnswerError("no answer", f"none for {begun - before:.0f} s")
        _asked[key] = begun
    ended, late, found, failed = Event(), Event(), list[T](), list[Exception]()

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:  # handed to who waits
            failed.append(error)
        with _lock:
            del _asked[key]
        ended.set()
        if late.is_set():
            with suppress(Exception):  # nobody uses it any more
                link.close()

    Thread(target=run, name="vconsole-patience", daemon=True).start()
    if not ended.wait(seconds):
        link.stuck = True
        late.set()
        raise NoAnswerError("no answer", f"none within {seconds:g} s")
    if failed:
        raise failed[0]
    return found[0]
