"""A domain as a row of the list, and the filter.

A filter is words with blanks between; all have to match. A plain word is looked for in name and
title and at the start of the UUID, whatever its case. A word and a colon (``state:``) ask for the
value of a column, a ``-`` in front turns a word around.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from vconsole.model.column import Term
from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.host_state import Domain, HostState, Usage
from vconsole.model.placement import cells_allowed, differs, pin_badge
from vconsole.model.value import dataclass

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
_BADGES: Final = {"none": 0.0, "part": 1.0, "full": 2.0}
_NONE: Final = Usage()


class Row(NamedTuple):
    """A domain in the list."""

    domain: Domain
    host_state: HostState
    ascii_only: bool = False
    """The terminal has no other glyphs."""
    chosen: bool = False

    @property
    def usage(self) -> Usage:
        """What it uses."""
        return self.host_state.usage.get(self.domain.uuid, _NONE)

    @property
    def cells(self) -> CpuSet | None:
        """The cells its vCPUs may run on."""
        return cells_allowed(self.domain, self.host_state)

    @property
    def badge(self) -> str | None:
        """How much of it is pinned."""
        return pin_badge(self.domain, self.host_state)

    @property
    def state_rank(self) -> float:
        """Where its state stands among `STATES`."""
        return float(_STATE_RANK.get(self.domain.state, len(STATES)))

    @property
    def pins_rank(self) -> float | None:
        """None, part, full; where live and config differ, behind its equals."""
        badge = self.badge
        return None if badge is None else _BADGES[badge] + 0.5 * differs(self.domain)


Test = Callable[[Row], bool]
Terms = Mapping[str, Term[Row]]


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed filter. The empty one matches every domain."""

    text: str = ""
    problem: str = ""
    """What of it was not understood and is left out, as one line; empty when all is well."""
    tests: tuple[Test, ...] = ()

    @classmethod
    def parse(cls, text: str, terms: Terms) -> Query:
        """Read a filter with the words of these terms; never fails, see `problem`."""
        tests: list[Test] = []
        problems: list[str] = []
        for word in text.split():
            try:
                test = _test(word, terms)
            except ValueError as error:
                problems.append(str(error))
            else:
                if test is not None:
                    tests.append(test)
        return cls(text, "; ".join(problems), tuple(tests))

    def __bool__(self) -> bool:
        return bool(self.tests)

    def matches(self, row: Row) -> bool:
        """Every word of the filter applies to the domain."""
        return all(test(row) for test in self.tests)

    def select(self, rows: Iterable[Row]) -> list[Row]:
        """Those that match, in their order."""
        found = list(rows)
        for test in self.tests:
            found = [row for row in found if test(row)]
        return found


def _test(word: str, terms: Terms) -> Test | None:
    """What a word asks for; None for one that is still being typed."""
    negated = word.startswith("-")
    key, colon, value = word[negated:].partition(":")
    if colon and value:
        term = terms.get(key.casefold())
        if term is None:
            known = " ".join(f"{name}:" for name in terms)
            raise ValueError(f"no term {_short(key)}: there are {known}")
        test = term.test(value.casefold())
    elif not key or (colon and key.casefold() in terms):
        return None
    else:
        test = _substring(word[negated:].casefold())
    return (lambda row: not test(row)) if negated else test


def _substring(wanted: str) -> Test:
    def test(row: Row) -> bool:
        domain = row.domain
        return (
            wanted in domain.name.casefold()
            or (domain.title is not None and wanted in domain.title.casefold())
            or domain.uuid.startswith(wanted)
        )

    return test


def of_state(value: str) -> Test:
    """States by their first letters, blanks left out: ``state:shut``, ``state:shutoff``."""
    wanted = frozenset(s for s in STATES if s.replace(" ", "").startswith(value.replace("-", "")))
    if not wanted:
        raise ValueError(f"no state begins with {_short(value)}")
    return lambda row: row.domain.state in wanted


def of_cell(value: str) -> Test:
    """Domains whose vCPUs may run on one of the cells."""
    try:
        wanted = CpuSet.parse(value)
    except CpuSetError:
        raise ValueError(f"no cell {_short(value)}: write cell:1 or cell:0-1") from None

    def test(row: Row) -> bool:
        cells = row.cells
        return cells is not None and bool(cells & wanted)

    return test


def of_pinned(value: str) -> Test:
    """Domains of which all vCPUs are pinned, some thread, or none."""
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
    return lambda row: row.badge in wanted


def of_auto(value: str) -> Test:
    """Domains that start with the host, or do not."""
    if value not in ("yes", "no"):
        raise ValueError(f"auto is yes or no, not {_short(value)}")
    return lambda row: row.domain.autostart is (value == "yes")


def _short(text: str) -> str:
    return repr(text if len(text) <= 24 else text[:23] + "…")
