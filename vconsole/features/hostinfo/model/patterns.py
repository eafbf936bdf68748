"""Patterns of socket names: ``*``, ``?`` and ``[...]`` of the shell; case matters."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

MAX_WIDE: Final = 64
_WILD: Final = re.compile(r"[*?]|\[!?+\]?+[^\]]*+\]")
"""One wildcard as fnmatch sees it: a bracket that is never closed stands for itself."""


def is_literal(pattern: str) -> bool:
    """Whether the pattern catches only the name that reads the same."""
    return _WILD.search(pattern) is None


def matches(pattern: str, name: str) -> bool:
    """Whether the pattern catches the name."""
    return _compiled(pattern).match(name) is not None


def unreached(patterns: Sequence[str]) -> dict[int, int]:
    """The places of patterns that one before has all names of, each with the place of that one.

    What is found is certain, but not all is: of two patterns with wildcards only those are found
    that are equal or of which the first has no wildcard but ``*``, and only the first `MAX_WIDE`
    patterns with wildcards are tried.
    """
    wild = [place for place, pattern in enumerate(patterns) if not is_literal(pattern)][:MAX_WIDE]
    stars = [place for place in wild if not {"?", "["} & set(patterns[place])]
    tried = {True: (wild, _either(patterns, wild)), False: (stars, _either(patterns, stars))}
    first: dict[str, int] = {}
    found: dict[int, int] = {}
    for place, pattern in enumerate(patterns):
        earlier = first.setdefault(pattern, place)
        if earlier == place:
            places, either = tried[is_literal(pattern)]
            # A star that takes in the NUL, which nothing else does, takes in all it stands for.
            caught = either.match(_WILD.sub("\0", pattern))
            earlier = places[caught.lastindex - 1] if caught and caught.lastindex else place
        if earlier < place:
            found[place] = earlier
    return found


def _either(patterns: Sequence[str], places: Sequence[int]) -> re.Pattern[str]:
    """One expression with a group for each of the places; the first that matches has its turn."""
    groups = [f"({fnmatch.translate(patterns[place])})" for place in places]
    return re.compile("|".join(groups) or "(?!)")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))
