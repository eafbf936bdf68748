"""Where paths lead when symbolic links are followed: a domain may name an image by another path.

A file server that is away holds whoever looks, for good. So a thread of its own looks; a directory
at which one hangs is not looked into again until that one has come back.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final

ONE_S: Final = 1.0
"""So long one path may take; a path on a disk takes microseconds."""
ALL_S: Final = 5.0
_lock: Final = Lock()
_hanging: Final[set[str]] = set()
"""Directories at which a thread hangs."""


def follow(paths: Iterable[str]) -> Mapping[str, str]:
    """Absolute path -> where it leads, itself where it is no link; without what does not answer."""
    todo = [path for path in dict.fromkeys(paths) if path.startswith("/")]
    found: dict[str, str] = {}
    end = monotonic() + ALL_S
    while todo := [path for path in todo if path not in found and not _hangs(path)]:
        if monotonic() > end:
            break
        found |= _Look(todo).wait()
    return found


def _hangs(path: str) -> bool:
    with _lock:
        return os.path.dirname(path) in _hanging


class _Look:
    """Follows path after path, until it hangs."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._at = self._hung = ""
        self._left = False
        """Nobody waits for it any more."""
        self._ended = Event()
        self._found: dict[str, str] = {}
        Thread(target=self._run, name="vconsole-links", daemon=True).start()

    def _run(self) -> None:
        for path in self._paths:
            if self._left:
                break
            self._at = path
            self._found[path] = _real(path)
        with _lock:
            self._ended.set()
            _hanging.discard(self._hung)

    def wait(self) -> dict[str, str]:
        """What it finds, until one path takes too long."""
        count = -1
        while not self._ended.wait(ONE_S) and len(self._found) > count:
            count = len(self._found)
        with _lock:
            if not self._ended.is_set():
                self._left = True
                self._hung = os.path.dirname(self._at)
                _hanging.add(self._hung)
        return self._found.copy()


def _real(path: str) -> str:
    """Where it leads; where its links go in a circle, or not on, it is itself."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path
