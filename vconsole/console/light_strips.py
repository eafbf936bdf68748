"""Lines of the screen that cost what they are used for.

Textual 8.2 gives every strip seven caches when it is made, a kilobyte and most of the time that its
making takes; few are ever asked. Here a cache is made when it is asked for. The place has no public
hook, so it is replaced by name, and only where it looks as it did (textual is pinned to a minor).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from rich.segment import Segment
from textual.cache import FIFOCache
from textual.strip import Strip

_SIZES: Final = {
    "_divide_cache": 4,
    "_crop_cache": 16,
    "_style_cache": 16,
    "_filter_cache": 4,
    "_line_length_cache": 4,
    "_crop_extend_cache": 4,
    "_offsets_cache": 4,
}
_OTHERS: Final = {
    "_segments",
    "_cell_length",
    "_render_cache",
    "_link_ids",
    "_cell_count",
}


def _init(self: Any, segments: Iterable[Segment], cell_length: int | None = None) -> None:
    self._segments = list(segments)
    self._cell_length = cell_length
    self._render_cache = self._link_ids = self._cell_count = None


def _cache(self: Any, name: str) -> FIFOCache[Any, Any]:
    """What is asked for and not there yet: a slot that was never set."""
    size = _SIZES.get(name)
    if size is None:
        raise AttributeError(name)
    cache: FIFOCache[Any, Any] = FIFOCache(size)
    setattr(self, name, cache)
    return cache


def install() -> None:
    """Put it in place."""
    strip: Any = Strip
    if set(getattr(strip, "__slots__", ())) == _SIZES.keys() | _OTHERS:
        strip.__init__, strip.__getattr__ = _init, _cache
