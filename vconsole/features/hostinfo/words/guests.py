"""What is known of the domains beside the rules of hostinfo: their ports, grants and queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any, Final, NamedTuple

from vconsole.features.hostinfo.draft import Draft
from vconsole.features.hostinfo.model.preview import greeting, permissions, preview
from vconsole.features.hostinfo.model.rules import Effective
from vconsole.features.hostinfo.model.statistics import STATISTICS
from vconsole.features.hostinfo.words.rules import preview_notes
from vconsole.model import hostinfo_port as provision
from vconsole.model.column import Column
from vconsole.model.host_state import EMPTY, Domain, HostState
from vconsole.model.request import Define
from vconsole.model.xml_edit import XmlEditError
from vconsole.text import Cell, Note, duration, safe

PORTS = {"enabled": ("on", "good"), "disabled": ("off", "dim"), "wrong": ("wrong", "bad")}


class GuestRow(NamedTuple):
    """A domain, and what it gets."""

    domain: Domain
    effective: Effective
    affected: bool
    """That changes by the edit."""
    chosen: bool
    port: str
    told: Mapping[str, Any]
    """What hostinfod counts of it."""

    @property
    def tone(self) -> str:
        """The style of what may change."""
        return "accent" if self.affected else ""

    @property
    def interval(self) -> str:
        """The least time between two queries."""
        seconds = self.effective.interval_s
        return "no limit" if seconds == 0 else f"{seconds:g} s"

    @property
    def rule(self) -> str:
        """The pattern that it is caught by."""
        effective = self.effective
        return "built in" if effective.line is None else safe(f"{effective.pattern}")


def _mark(row: GuestRow) -> Cell:
    return "+" if row.chosen else "*" if row.affected else "", "accent"


def _port(row: GuestRow) -> Cell:
    refused = row.told.get("state") == "refused"
    return ("wrong", "bad") if refused else PORTS.get(row.port, ("-", "dim"))


def _refused(row: GuestRow) -> Cell:
    return str(row.told.get("refusals", "-")), "warn" if row.told.get("refusals") else ""


COLUMNS: Final[tuple[Column[GuestRow], ...]] = (
    Column("mark", "", 1, cell=_mark),
    Column("port", "Port", 5, cell=_port),
    Column(
        *("name", "Domain", 11),
        cut="middle",
        flex=True,
        cell=lambda row: (safe(row.domain.name), "" if row.domain.active else "dim"),
    ),
    Column("rule", "Rule", 15, from_width=56, cell=lambda row: (row.rule, "")),
    Column("every", "Every", 8, cell=lambda row: (row.interval, row.tone)),
    Column(
        *("see", "May see", 16),
        from_width=40,
        cell=lambda row: (permissions(row.effective), row.tone),
    ),
    Column(
        *("queries", "Queries", 7, "right"),
        from_width=84,
        cell=lambda row: (str(row.told.get("queries", "-")), ""),
    ),
    Column("refused", "Refused", 7, "right", from_width=84, cell=_refused),
)


@dataclass
class Guests:
    """The domains of a host as hostinfo sees them; the page puts in what it learns.

    Attributes:
        host_state: The host.
        definitions: UUID -> inactive XML.
        values: The host's statistics.
        told: Socket's name -> what hostinfod counts.
        recent: The same of one guest, with its queries.
        chosen: UUIDs chosen for the next command.
        grants: UUID -> what it gets, and whether that changes by the edit.
    """

    host_state: HostState = EMPTY
    definitions: dict[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    recent: Mapping[str, Any] = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)
    grants: dict[str, tuple[Effective, bool]] = field(default_factory=dict)
    _by_uuid: dict[str, Domain] = field(default_factory=dict)

    # -- who there is ------------------------------------------------------------------------

    def follow(self, host_state: HostState) -> None:
        """Take another reading of the host."""
        self.host_state = host_state
        self._by_uuid = {domain.uuid: domain for domain in host_state.domains}

    def judge(self, draft: Draft) -> None:
        """Find what each gets by the rules as they are edited."""
        affected = draft.affected(self.names)
        self.grants = {
            uuid: (draft.rules.effective(name), name in affected)
            for uuid, name in zip(self.uuids, self.names, strict=True)
        }

    @property
    def uuids(self) -> list[str]:
        """All domains, in the order of the host."""
        return list(self._by_uuid)

    @property
    def names(self) -> tuple[str, ...]:
        """The socket names of all domains, which rules are matched against."""
        return tuple(self.socket_name(domain) for domain in self._by_uuid.values())

    def domain(self, uuid: str | None) -> Domain | None:
        """One domain."""
        return self._by_uuid.get(uuid or "")

    def socket_name(self, domain: Domain) -> str:
        """The name of a domain's socket."""
        return f"{self.host_state.connection.driver.lower()}-{domain.name}"

    @property
    def affected(self) -> int:
        """How many get something else by the edit."""
        return sum(changed for _, changed in self.grants.values())

    def caught_by(self, line: int) -> str | None:
        """The first domain that the rule of a line is for."""
        return next((uuid for uuid, (e, _) in self.grants.items() if e.line == line), None)

    # -- what is said of them ----------------------------------------------------------------

    def row(self, uuid: str) -> GuestRow:
        """A domain, for `COLUMNS`."""
        domain, (effective, affected) = self._by_uuid[uuid], self.grants[uuid]
        told = self.told.get(self.socket_name(domain), {})
        return GuestRow(domain, effective, affected, uuid in self.chosen, self._port(uuid), told)

    def _port(self, uuid: str) -> str:
        """Whether the domain has a hostinfo port; empty where that is not known."""
        if (xml := self.definitions.get(uuid)) is None:
            return ""
        if provision.DIRECTORY not in xml:
            return "disabled"  # most are, and none of those is parsed for it
        try:
            return provision.status(xml)
        except XmlEditError:
            return ""

    def hint(self, domain: Domain) -> tuple[str, str]:
        """What is wrong with a domain's port and how to cure it, else what it may see."""
        if domain.hostinfo_problem:
            return f"{domain.name}: {domain.hostinfo_problem}", "bad"
        told = self.told.get(self.socket_name(domain), {})
        if reason := told.get("reason"):
            refused = told.get("state") == "refused"
            return f"{domain.name}: {reason}", "bad" if refused else "warn"
        words = f"{domain.name}: {permissions(self.grants[domain.uuid][0])}"
        if told:
            words += f"   {told.get('queries', 0)} queries, {told.get('refusals', 0)} refused"
        return words, ""

    def preview(self, domain: Domain, staged: bool) -> list[Note]:
        """What a domain would receive for each query."""
        effective, _ = self.grants[domain.uuid]
        title = f"as {domain.name}, once this is saved:" if staged else f"as {domain.name}:"
        answers = list(preview(effective, self._known_values()))
        return preview_notes(title, greeting(effective), answers)

    def _known_values(self) -> dict[str, str]:
        """The values of this host; what only hostinfod can know is a question mark."""
        connection = self.host_state.connection
        values = dict.fromkeys(STATISTICS, "?")
        if connection.local or connection.demo:
            values |= self.values
            values["guests"] = str(sum(domain.active for domain in self.host_state.domains))
        return values

    def log(self, domain: Domain) -> list[Note]:
        """The latest queries of a domain, newest first."""
        told = self.recent if self.recent.get("name") == self.socket_name(domain) else {}
        state = f"{told.get('state', 'not served')}  {told.get('reason', '')}".strip()
        notes: list[Note] = [(safe(f"queries of {domain.name}: {state}"), "")]
        for exchange in reversed(told.get("recent", ())):
            age = duration(time() - float(exchange.get("at", 0)))
            code = int(exchange.get("code", 0))
            words = f"  {age:>8} ago  {code}  {exchange.get('request', '')}"
            notes.append((safe(words), "warn" if code >= 400 else ""))
        return notes

    # -- what is done to them ----------------------------------------------------------------

    def edits(
        self, uuids: Iterable[str], what: str, change: Callable[[str], str]
    ) -> tuple[list[Define], list[str]]:
        """The edits of definitions that give, take or repair a port; and what to know before."""
        edits: list[Define] = []
        notes: list[str] = []
        for uuid in uuids:
            name, xml = self._by_uuid[uuid].name, self.definitions.get(uuid)
            if xml is None:
                notes.append(f"{name}: it has no inactive definition that can be read")
                continue
            try:
                edits.append(Define(uuid, name, what, xml, change(xml)))
            except ValueError as error:
                notes.append(f"{name}: {error}")
            else:
                if change is provision.enable and (words := provision.caution(xml)):
                    notes.append(f"{name}: {words}")
        return edits, notes
