"""What begins before there is a screen: the connection, and an import of Textual that is shorter.

The list is on the screen when three things are done: Textual is imported, the host is open, and its
domains are listed. The last two are begun first, on a thread; libvirt lets go of the interpreter
while it waits or reads a large file.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Any

from vconsole.host.poller import Poller
from vconsole.model.host_state import Connection, HostState

if TYPE_CHECKING:
    from vconsole.host.source import Connect, View


class EarlyFeed:
    """A poller that is started before anybody can show what it reads; `start` asks for it.

    Args:
        connect: Opens the host, in the poller's thread.
        uri: What is named until it is open.
    """

    def __init__(self, connect: Callable[[Callable[[], None]], Any], uri: str) -> None:
        self._guard = Lock()
        self._publish: Callable[[HostState], object] | None = None
        self._kept: HostState | None = None
        opened: Connect = lambda: connect(self._poller.wake)  # noqa: E731
        self._poller = Poller(
            opened, self._take, initial=HostState(Connection(uri=uri)), first_only=True
        )
        self._poller.start()

    def _take(self, host_state: HostState) -> None:
        with self._guard:
            if self._publish is None:
                self._kept = host_state
            else:
                self._publish(host_state)

    def feed(self, publish: Callable[[HostState], object], interval_s: float) -> EarlyFeed:
        """Say where readings are to go once `start` is called, and how often one is wanted."""
        self._wanted = publish
        self._poller.set_interval(interval_s)
        return self

    def start(self) -> None:
        """Hand on the latest reading, if there is one, and every one from now on."""
        with self._guard:
            self._publish = self._wanted
            if self._kept is not None:
                self._publish(self._kept)
            self._kept = None
        self._poller.go_on()

    def look(self, view: View) -> None:
        """Say what is on the screen."""
        self._poller.look(view)

    def see(self, sight: frozenset[str] | None) -> None:
        """Say what rows are in sight."""
        self._poller.see(sight)

    def refresh(self, uuid: str = "") -> None:
        """Read now."""
        self._poller.refresh(uuid)

    def stop(self) -> None:
        """End without waiting for a call that hangs."""
        self._poller.stop()


class _Types(ModuleType):
    """Stands for `textual.types` until a name is asked for that it has not got."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or sys.modules.get(self.__name__) is not self:
            raise AttributeError(name)
        del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def import_textual() -> None:
    """Import Textual without what the console has no use for.

    asyncio takes TLS where it finds it, and does without where it does not: it is 4 MiB and a
    twentieth of the time. `textual.types` exists for applications; it imports trees, file trees and
    drop-down lists for the names of their types, and Textual itself wants one of another module.
    Whoever asks for TLS or these names later gets them.
    """
    modules: dict[str, Any] = sys.modules
    hidden = "ssl" not in modules
    if hidden:
        modules["ssl"] = None  # how an import is refused
    try:
        import asyncio  # noqa: F401
    finally:
        if hidden:
            del modules["ssl"]
    if "textual.types" not in modules:
        from textual._types import IgnoreReturnCallbackType

        types: Any = _Types("textual.types")
        types.IgnoreReturnCallbackType = IgnoreReturnCallbackType
        modules["textual.types"] = types
    import textual.app  # noqa: F401


def collect_again() -> None:
    """Look for garbage from now on, but not among what was imported: it stays to the end.

    Where the search is on already, the program was not started by `__main__`: leave it be.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
