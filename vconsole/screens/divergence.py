"""Where domains run with something else than they are defined with, and both ways out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final, Protocol, runtime_checkable

from vconsole.changes.dispatcher import Request
from vconsole.features.divergence.model.plan import planner
from vconsole.features.divergence.model.rows import Divergence, ReadDivergence, Row, Way
from vconsole.files.config import Config
from vconsole.model.column import Column, row_cells
from vconsole.model.differences import Difference
from vconsole.model.host_state import Domain, HostState
from vconsole.model.keys import Keys
from vconsole.model.outcome import Target
from vconsole.model.proposal import Proposal, Propose, Subject
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.registry import revert
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import Page, bindings
from vconsole.text import Cell, Note, safe

KEY = Keys("divergence")
MOST = 500
"""Domains compared at a time."""
_KEYS = (
    f"{KEY.persist} makes persistent, {KEY.revert} reverts live; "
    f"{KEY.select} chooses, {KEY.select_all} all; "
    f"{KEY.all} all domains"
)
_VERBS: Mapping[Way, str] = {"persist": "make persistent", "revert": "revert the live values"}


@runtime_checkable
class ShowsDifference(Protocol):
    """A page of a domain that can show what its next start changes."""

    def show_difference(self) -> None:
        """Show it."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the table."""

    domain: Domain
    row: Row
    chosen: bool = False
    can: str = ""
    """The keys of the ways there are."""


COLUMNS: Final[tuple[Column[_Line], ...]] = (
    Column("mark", "", 1, cell=lambda line: ("*" if line.chosen else "", "accent")),
    Column("area", "Area", 8, cell=lambda line: (line.row.difference.area, "dim")),
    Column(
        *("what", "What", 20), flex=True, cell=lambda line: (safe(line.row.difference.what), "")
    ),
    Column("live", "Live", 18, cell=lambda line: (safe(line.row.difference.live or "-"), "")),
    Column("config", "Config", 18, cell=lambda line: (safe(line.row.difference.config or "-"), "")),
    Column("can", "Can", 3, cell=lambda line: (line.can, "good")),
)
_NARROWER: Final = {"what": 17, "live": 14, "config": 14}
MANY_COLUMNS: Final[tuple[Column[_Line], ...]] = (
    COLUMNS[0],
    Column("name", "Domain", 13, cut="middle", cell=lambda line: (safe(line.domain.name), "")),
    *(replace(column, width=_NARROWER.get(column.id, column.width)) for column in COLUMNS[1:]),
)
"""The same of several domains."""


class DivergenceScreen(ListPage):
    """The differences of the domains it is about; tab goes to all domains that have some.

    Args:
        uuids: Of the domains; none for all.
    """

    SCOPE = "divergence"
    BINDINGS: ClassVar = bindings("divergence")
    COLUMNS = COLUMNS
    CHOSEN = "divergence.open"
    DEFAULT_CSS = """
    DivergenceScreen NotesView { height: 5; margin-top: 1; }
    """

    @classmethod
    def make(cls, uuid: str | None, config: Config) -> Page:
        """Make it for one domain, or for all."""
        return cls(() if uuid is None else (uuid,))

    def __init__(self, uuids: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._own = uuids
        self._all = not self._own
        self._asked: dict[str, Domain] = {}
        """Domains as they were when they were asked for last."""
        self._known: dict[str, Divergence] = {}
        self._lines: dict[str, _Line] = {}
        self._chosen: set[str] = set()

    @property
    def _line(self) -> _Line | None:
        return self._lines.get(self.table.key or "")

    @property
    def subject(self) -> Domain | None:
        """The domain under the cursor, or the only one."""
        if self._line is not None:
            return self._line.domain
        return self.host_state.domain(self._own[0]) if len(self._own) == 1 else None

    @property
    def in_view(self) -> str | None:
        """The domain, where it is about one."""
        return self._own[0] if len(self._own) == 1 and not self._all else None

    # -- reading -----------------------------------------------------------------------------

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Compare anew what has changed, and what there was no answer for."""
        unasked = any(domain.uuid not in self._asked for domain in self._wanted())
        if after.domains is not before.domains or unasked or not self._asked:
            self._look()

    def on_screen_resume(self) -> None:
        """Compare anew after a change."""
        self._asked.clear()
        self._look()

    def _wanted(self) -> list[Domain]:
        domains = self.host_state.domains
        if self._all:
            return [domain for domain in domains if domain.diverged][:MOST]
        return [domain for domain in domains if domain.uuid in self._own]

    def _look(self) -> None:
        wanted = self._wanted()
        new = [domain for domain in wanted if self._asked.get(domain.uuid) is not domain]
        if new:
            self._asked |= {domain.uuid: domain for domain in new}
            uuids = tuple(domain.uuid for domain in new)
            self.console.dispatcher.ask(ReadDivergence(uuids, self.host_state.all_pcpus))
        self._show()

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if isinstance(request, ReadDivergence):
            if isinstance(reply.value, Mapping):
                self._known |= reply.value
            else:
                for uuid in request.uuids:
                    self._known.setdefault(uuid, Divergence(reason=reply.message))
                    self._asked.pop(uuid, None)
                self.say(reply.message, "bad")
            self._show()

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        lines: dict[str, _Line] = {}
        for domain in self._wanted():
            for row in self._known.get(domain.uuid, Divergence()).rows:
                key = f"{domain.uuid} {row.difference.area} {row.difference.what}"
                while key in lines:  # nothing tells these apart but their order
                    key += "'"
                lines[key] = _Line(domain, row)
        self._lines = lines
        self._chosen &= lines.keys()
        self._lay_out()
        self.show_list(*self._title(), list(lines))

    def _lay_out(self) -> None:
        columns = COLUMNS if len(self._own) == 1 and not self._all else MANY_COLUMNS
        if self.table.columns != columns:
            self.table.columns = columns
            self.table.lay_out()

    def _title(self) -> tuple[str, str]:
        about = self.subject.name if len(self._own) == 1 and self.subject else "the domains chosen"
        title = "Divergence of all domains" if self._all else f"Divergence of {safe(about)}"
        domains = len({line.domain.uuid for line in self._lines.values()})
        words = self._count()
        words += [f"in {plural(domains, 'domain')}"] if self._all and words else []
        words += [f"{len(self._chosen)} chosen"] if self._chosen else []
        return title, "   ".join(words)

    def _count(self) -> list[str]:
        """How many there are, as far as that is known."""
        known = [self._known.get(domain.uuid) for domain in self._wanted()]
        if all(found is not None and not found.reason for found in known):
            return [plural(len(self._lines), "difference")]
        return [f"at least {plural(len(self._lines), 'difference')}"] if self._lines else []

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        columns = MANY_COLUMNS if len(self.table.columns) == len(MANY_COLUMNS) else COLUMNS
        line = self._lines[key]
        ways = (("divergence.persist", line.row.persist), ("divergence.revert", line.row.revert))
        can = " ".join(self.console.key_named(way) for way, why in ways if not why)
        return row_cells(columns, replace(line, chosen=key in self._chosen, can=can))

    @override
    def notes(self) -> Iterator[Note]:
        if (line := self._line) is None:
            return
        row, shown = line.row, line.row.difference
        yield f" {safe(line.domain.name)}: {safe(shown.what)}", "strong"
        yield f" live    {safe(shown.live or '-')}", ""
        yield f" config  {safe(shown.config or '-')}", ""
        if row.removes:
            yield f" {KEY.persist} takes it out of the definition", "warn"
        if row.persist:
            yield f" not {KEY.persist}: {safe(row.persist)}", "dim"
        if row.revert:
            yield f" not {KEY.revert}: {safe(row.revert)}", "dim"

    def hint(self) -> tuple[str, str]:
        """Say why there is nothing, else what the keys do."""
        if self._lines:
            return _KEYS, ""
        about = [domain.uuid for domain in self._wanted()] if self._all else self._own
        known = [self._known[uuid] for uuid in about if uuid in self._known]
        if len(known) < len(about):
            return "comparing", ""
        reason = next((d.reason for d in known if d.reason), "")
        if reason and (self._all or len(known) == 1):
            return reason, "warn"
        if self._all:
            return "every domain runs as it is defined", ""
        return f"it runs as it is defined; {KEY.all} shows all domains that do not", "good"

    @override
    def virsh(self) -> str:
        return f"dumpxml --inactive {self.subject.uuid}" if self.subject else ""

    # -- commands ----------------------------------------------------------------------------

    def do_all(self) -> None:
        """All domains that differ, or those it was opened for."""
        if not self._own:
            self.say("these are all domains", "warn")
            return
        self._all = not self._all
        self._chosen.clear()
        self._look()

    def do_select(self) -> None:
        """Choose the difference, or not any more."""
        if key := self.table.key:
            self._chosen ^= {key}
            self.table.action_move(1)
            self._show()

    def do_select_all(self) -> None:
        """Choose all; what would take something out of a definition only one by one."""
        left = {key for key, line in self._lines.items() if line.row.removes}
        self._chosen |= self._lines.keys() - left
        self._show()
        if left:
            what = plural(len(left), "difference")
            self.say(
                f"left out: {what} that {KEY.persist} would take out of the definition; "
                f"{KEY.select} chooses one",
                "warn",
            )

    async def do_persist(self) -> None:
        """Show what would be written into definitions; enter there does it."""
        await self._plan("persist")

    async def do_revert(self) -> None:
        """Show what running domains would be given back; enter there does it."""
        await self._plan("revert")

    async def _plan(self, way: Way) -> None:
        keys = self._chosen or {self.table.key or ""}
        lines = [line for key, line in self._lines.items() if key in keys]
        if all(line.row.why_not(way) for line in lines):
            reasons = [f"{line.row.difference.what}: {line.row.why_not(way)}" for line in lines]
            words = "; ".join(dict.fromkeys(reasons))
            self.say(safe(words) or "there is no difference here", "warn")
            return
        wanted: dict[str, list[Difference]] = {}
        for line in lines:  # those that cannot are named there
            wanted.setdefault(line.domain.uuid, []).append(line.row.difference)
        everything = self.host_state.all_pcpus

        def plan(subject: Subject, target: Target) -> Proposal:
            return planner(way, wanted[subject.uuid], everything, revert)(subject, target)

        domains = tuple({line.domain.uuid: line.domain.name for line in lines}.items())
        self._chosen.clear()
        await self.console.show_changes(_VERBS[way], asking=Propose(domains, plan))

    async def do_open(self) -> None:
        """Show the XML difference of the domain."""
        if domain := self.subject:
            await self.console.open_page("domain", domain.uuid)
            if isinstance(page := self.console.page, ShowsDifference):
                page.show_difference()
