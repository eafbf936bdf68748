"""The filter and the sort orders of the list of domains.

A filter is words with blanks between; all have to match. A plain word is looked for in name and
title and at the start of the UUID, whatever its case. ``state:``, ``cell:``, ``pinned:`` and
``auto:`` ask for more, a ``-`` in front turns a word around.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.host_state import Domain, HostState
from vconsole.model.placement import cells_allowed, differs, locality_percent, pin_badge

Test = Callable[[Domain, HostState], bool]

STATES: Final = (
    "running",
    "idle",
    "paused",
    "in shutdown",
    "shut off",
    "crashed",
    "pmsuspended",
    "no state",
)
"""All states in virsh's words, in the order in which the column sorts them."""
_STATE_RANK: Final = {state: rank for rank, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed filter. The empty one matches every domain."""

    text: str = ""
    problem: str = ""
    """What of it was not understood and is left out, as one line; empty when all is well."""
    tests: tuple[Test, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read a filter; never fails, see `problem`."""
        tests: list[Test] = []
        problems: list[str] = []
        for word in text.split():
            try:
                test = _test(word)
            except ValueError as error:
                problems.append(str(error))
            else:
                if test is not None:
                    tests.append(test)
        return cls(text, "; ".join(problems), tuple(tests))

    def __bool__(self) -> bool:
        return bool(self.tests)

    def matches(self, domain: Domain, host_state: HostState) -> bool:
        """Every word of the filter applies to the domain."""
        return all(test(domain, host_state) for test in self.tests)

    def select(self, domains: Iterable[Domain], host_state: HostState) -> list[Domain]:
        """Those of `domains` that match, in their order."""
        found = list(domains)
        for test in self.tests:
            found = [domain for domain in found if test(domain, host_state)]
        return found


def _test(word: str) -> Test | None:
    """What a word asks for; None for one that is still being typed."""
    negated = word.startswith("-")
    key, colon, value = word[negated:].partition(":")
    if colon and value:
        maker = _TERMS.get(key.casefold())
        if maker is None:
            known = " ".join(f"{name}:" for name in _TERMS)
            raise ValueError(f"no term {_short(key)}: there are {known}")
        test = maker(value.casefold())
    elif not key or (colon and key.casefold() in _TERMS):
        return None
    else:
        test = _substring(word[negated:].casefold())
    return (lambda domain, host_state: not test(domain, host_state)) if negated else test


def _substring(wanted: str) -> Test:
    def test(domain: Domain, host_state: HostState) -> bool:
        return (
            wanted in domain.name.casefold()
            or (domain.title is not None and wanted in domain.title.casefold())
            or domain.uuid.startswith(wanted)
        )

    return test


def _state(value: str) -> Test:
    """States by their first letters, blanks left out: ``state:shut``, ``state:shutoff``."""
    wanted = frozenset(s for s in STATES if s.replace(" ", "").startswith(value.replace("-", "")))
    if not wanted:
        raise ValueError(f"no state begins with {_short(value)}")
    return lambda domain, host_state: domain.state in wanted


def _cell(value: str) -> Test:
    """Domains whose vCPUs may run on one of the cells."""
    try:
        wanted = CpuSet.parse(value)
    except CpuSetError:
        raise ValueError(f"no cell {_short(value)}: write cell:1 or cell:0-1") from None

    def test(domain: Domain, host_state: HostState) -> bool:
        cells = cells_allowed(domain, host_state)
        return cells is not None and bool(cells & wanted)

    return test


def _pinned(value: str) -> Test:
    badges = {
        "yes": ("part", "full"),
        "no": ("none",),
        "none": ("none",),
        "part": ("part",),
        "full": ("full",),
    }
    wanted = badges.get(value)
    if wanted is None:
        raise ValueError(f"pinned is yes, no, part or full, not {_short(value)}")
    return lambda domain, host_state: pin_badge(domain, host_state) in wanted


def _auto(value: str) -> Test:
    if value not in ("yes", "no"):
        raise ValueError(f"auto is yes or no, not {_short(value)}")
    return lambda domain, host_state: domain.autostart is (value == "yes")


_TERMS: Final[Mapping[str, Callable[[str], Test]]] = MappingProxyType(
    {"state": _state, "cell": _cell, "pinned": _pinned, "auto": _auto}
)


def _short(text: str) -> str:
    return repr(text if len(text) <= 24 else text[:23] + "…")


# ---- sorting

Order = float | str | tuple[tuple[int, str], ...]
SortKey = Callable[[Domain, HostState], Order | None]
"""What a domain sorts by in a column; None where it is not known. One type for each column."""

_DIGITS: Final = re.compile(r"([0-9]+)")
_BADGES: Final = {"none": 0.0, "part": 1.0, "full": 2.0}


@lru_cache(maxsize=16384)
def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Sorts ``web-2`` before ``web-10``, whatever the case; no number is too long."""
    parts = _DIGITS.split(text.casefold())
    numbers = ((len(n), n) for n in (part.lstrip("0") for part in parts[1::2]))
    words = ((0, part) for part in parts[::2])
    ordered: list[tuple[int, str]] = [next(words)]
    for number, word in zip(numbers, words, strict=True):
        ordered += (number, word)
    return tuple(ordered)


def _by_cpu(domain: Domain, host_state: HostState) -> float | None:
    usage = host_state.usage.get(domain.uuid)
    return usage.cpu_percent if usage else None


def _by_cells(domain: Domain, host_state: HostState) -> Order | None:
    cells = cells_allowed(domain, host_state)
    return None if cells is None else tuple((cell, "") for cell in cells)


def _by_pins(domain: Domain, host_state: HostState) -> float | None:
    """None, part, full; where live and config differ, behind its equals."""
    badge = pin_badge(domain, host_state)
    return None if badge is None else _BADGES[badge] + 0.5 * differs(domain)


SORTS: Final[Mapping[str, SortKey]] = MappingProxyType(
    {
        "name": lambda domain, _: natural(domain.name),
        "state": lambda domain, _: float(_STATE_RANK.get(domain.state, len(STATES))),
        "vcpus": lambda domain, _: domain.vcpus,
        "cpu": _by_cpu,
        "memory": lambda domain, _: domain.memory_bytes,
        "cells": _by_cells,
        "locality": locality_percent,
        "pins": _by_pins,
        "autostart": lambda domain, _: None if domain.autostart is None else not domain.autostart,
        "title": lambda domain, _: natural(domain.title) if domain.title else None,
    }
)
"""Column -> what it sorts by, ascending. See `sort_domains`."""


def sort_domains(
    domains: Iterable[Domain], column: str, host_state: HostState, *, reverse: bool = False
) -> list[Domain]:
    """The domains by a column of `SORTS`, equals by name, the unknown last in both directions.

    Raises:
        KeyError: There is no such column.
    """
    key = SORTS[column]
    known: list[tuple[Order, Domain]] = []
    unknown: list[Domain] = []
    for domain in sorted(domains, key=lambda d: (natural(d.name), d.uuid)):
        value = key(domain, host_state)
        if value is None:
            unknown.append(domain)
        else:
            known.append((value, domain))
    known.sort(key=_first, reverse=reverse)
    return [domain for _, domain in known] + unknown


def _first(pair: tuple[Order, Domain]) -> Order:
    return pair[0]
