"""What begins before there is a screen: the connection, and an import of Textual that is shorter.

The list is on the screen when three things are done: Textual is imported, the host is open, and its
domains are listed. The last two are begun first, on a thread; libvirt lets go of the interpreter
while it waits or reads a large file.
"""

from __future__ import annotations

import gc
import sys
import typing
from collections.abc import Callable
from importlib import import_module
from threading import Lock
from time import monotonic
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from vconsole.cli.unused import unused
from vconsole.host.poller import Poller
from vconsole.model.host_state import Connection, HostState

if TYPE_CHECKING:
    from vconsole.host.source import Connect, View


class EarlyFeed:
    """A poller that is started before anybody can show what it reads; `start` asks for it.

    Args:
        connect: Opens the host, in the poller's thread; told what wakes the poller, and whether
            the list is to come first: it is not where a page shows more already, which a list
            alone would empty.
        uri: What is named until it is open.
    """

    def __init__(self, connect: Callable[[Callable[[], None], bool], Any], uri: str) -> None:
        self._guard, self._has_read = Lock(), False
        self._publish: Callable[[HostState], object] | None = None
        self._kept: HostState | None = None
        opened: Connect = lambda: connect(self._poller.wake, not self._has_read)  # noqa: E731
        self._poller = Poller(
            opened, self._take, initial=HostState(Connection(uri=uri)), first_only=True
        )
        self._poller.start()

    def _take(self, host_state: HostState) -> None:
        with self._guard:
            self._has_read |= host_state.freshness.read_at is not None
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

    def go_on(self) -> None:
        """Read more than the list: that would hold up the first frame."""
        self._poller.go_on()

    def look(self, view: View) -> None:
        """Say what is on the screen."""
        self._poller.look(view)

    def see(self, sight: frozenset[str] | None) -> None:
        """Say what rows are in sight."""
        self._poller.see(sight)

    def refresh(self, uuid: str = "") -> None:
        """Read now; where all of it is wanted, what was refused before as well."""
        if not uuid:
            from vconsole.host.link import Link

            Link.wanted_anew = monotonic()
        self._poller.refresh(uuid)

    def stop(self) -> None:
        """End without waiting for a call that hangs."""
        self._poller.stop()


UNUSED: Final = (
    "textual.command",
    "textual.canvas",
    "textual.suggestions",
    "textual.file_monitor",
    "textual.css._help_text",
    "rich.table",
    "rich.tree",
    "platformdirs",
    "mimetypes",
    "ast",
    "decimal",
    "pickle",
    "uuid",
)
"""Modules whose names Textual, Rich and `fractions` import and use only now and then, or never."""


class _TypingExtensions(ModuleType):
    """Has what Textual takes from typing_extensions and this Python has in `typing` already."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if hasattr(typing, name):
            return getattr(typing, name)
        sys.modules.pop(self.__name__, None)
        return getattr(import_module(self.__name__), name)


def import_textual() -> None:
    """Import Textual without what the console has no use for before its first frame.

    asyncio takes TLS where it finds it, and does without where it does not: it is 4 MiB and a
    twentieth of the time. Textual's palette is a tenth: a button, an input line, trees, drop-down
    lists. Whoever asks for one of these later gets it.
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
    modules.setdefault("typing_extensions", _TypingExtensions("typing_extensions"))
    with unused(*UNUSED):
        import textual.app  # noqa: F401


def collect_again() -> None:
    """Throw out what importing left over, and look for garbage from now on, but not in the rest.

    Modules stay to the end; what made them does not: half a MiB that what is read next can use.
    Where the search is on already, the program was not started by `__main__`: leave it be.
    """
    if not gc.isenabled():
        gc.collect()
        gc.freeze()
        gc.enable()
