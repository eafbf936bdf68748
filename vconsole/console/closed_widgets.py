"""Closed pages leave the memory.

Textual 8.2 keeps the style cache of up to 1024 widgets alive, with the strips they drew last: the
method below is cached by instance, although it does not look at the instance. The place has no
public hook, so it is replaced by name, and only where it looks as it did (textual is pinned to a
minor).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from textual import _styles_cache
from textual.color import Color


def install() -> None:
    """Put it in place."""
    cache: Any = getattr(_styles_cache, "StylesCache", None)
    method = getattr(cache, "get_inner_outer", None)
    plain = getattr(method, "__wrapped__", None)
    if plain is None:
        return
    by_colors = lru_cache(256)(lambda base, background: plain(None, base, background))

    def get_inner_outer(_self: object, base: Color, background: Color) -> Any:
        return by_colors(base, background)

    cache.get_inner_outer = get_inner_outer
