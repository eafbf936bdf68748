"""Notices within 0.1 s that something in some directories changed."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)
_STEP_MS, _DEBOUNCE_MS = 40, 80
"""How often the watcher looks, which costs 0.2 % of a CPU, and how long it waits for more."""

Places = dict[str, tuple[int, int]]
"""Path -> (device, inode) of the directories that are there."""


class Watch:
    """Watches directories, also those that come later or are replaced.

    It only makes things quick: whoever uses it looks by himself now and then, and calls `check`.

    Args:
        directories: What is watched, not what is below.
        changed: Called with the paths that changed.
    """

    def __init__(self, directories: Iterable[Path], changed: Callable[[set[Path]], None]) -> None:
        self._directories, self._changed = tuple(directories), changed
        self._restart, self._ending = asyncio.Event(), False
        self._places: Places = {}

    async def run(self) -> None:
        """Watch until `stop`."""
        while not self._ending:
            self._restart.clear()
            self._places = self._present()
            try:
                await self._watch()
            # no more inotify watches, a directory just gone; vconsole.pyz brings no watchfiles
            except (OSError, RuntimeError, ImportError) as error:
                log.info("not watching, looking every 2 s instead: %s", error)
                await self._restart.wait()
            except Exception:
                log.exception("not watching, looking every 2 s instead")
                await self._restart.wait()

    def check(self) -> None:
        """Begin anew if the directories are others than those that are watched."""
        if self._present() != self._places:
            self._restart.set()

    def stop(self) -> None:
        """Let `run` end."""
        self._ending = True
        self._restart.set()

    async def _watch(self) -> None:
        if not self._places:
            await self._restart.wait()
            return
        from watchfiles import awatch

        batches = awatch(
            *self._places,
            recursive=False,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=self._restart,
            watch_filter=None,
        )
        async for batch in batches:
            self._changed({Path(path) for _, path in batch})

    def _present(self) -> Places:
        found: Places = {}
        for path in self._directories:
            with suppress(OSError):
                status = os.stat(path)
                found[str(path)] = status.st_dev, status.st_ino
        return found
