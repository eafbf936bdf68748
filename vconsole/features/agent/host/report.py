"""Reads what a guest's agent knows, part by part, in a limited time.

A part that fails hides no other. An agent that does not answer is not asked again, one that is
slow only until the time is over.
Sources: virDomainGetTime, virDomainGetGuestInfo, virDomainInterfaceAddresses and
virDomainGetGuestVcpus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from time import monotonic, time_ns
from typing import Any, Final

from vconsole.features.agent.host import parts as agentparts
from vconsole.features.agent.model.channel import agent_channel
from vconsole.features.agent.model.report import MOST, AgentReport, Part, ReadAgent, Source
from vconsole.host.agent_call import AgentError, answers_within, ask, is_frozen, why_mute
from vconsole.host.link import Link
from vconsole.model.request import Reply
from vconsole.model.xml_edit import XmlEditError

ANSWER_S: Final = 5.0
"""How long libvirt waits for each answer."""
ALL_S: Final = 10.0
"""After so long nothing further is asked."""
_SOURCES: Final[Mapping[Source, int]] = {"lease": 0, "agent": 1, "ARP": 2}
"""VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_*."""


def read_agent(link: Link, request: ReadAgent) -> Reply:
    """Read the channel, then the parts that are wanted as far as they can be had."""
    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    reading = _Reading(link, domain)
    try:
        reading.channel()
    except XmlEditError as error:
        return Reply("failed", f"{request.name}: its XML cannot be read: {error}")
    if reading.report.state != "off" and request.parts:
        if "addresses" in request.parts:
            reading.host_addresses()
        if reading.report.state == "connected":
            reading.agent(request.parts)
    return Reply(value=replace(reading.report, problems=reading.problems))


class _Reading:
    """A report in the making."""

    def __init__(self, link: Link, domain: Any) -> None:
        self._link, self._domain = link, domain
        self.report = AgentReport("off", read_s=time_ns() / 1e9)
        self.problems: dict[str, str] = {}

    def _note(self, **fields: Any) -> None:
        self.report = replace(self.report, **fields)

    def channel(self) -> None:
        """Whether there is one, and whether the guest has it open."""
        running = bool(self._link.call(self._domain.isActive))
        xml = str(self._link.call(self._domain.XMLDesc, 0))
        found = agent_channel(xml if running else None, None if running else xml)
        self._note(
            state=found.state if running else "off",
            cure=found.problem,
            private=tuple(channel.name for channel in found.private),
        )

    def host_addresses(self) -> None:
        """What libvirt's DHCP server and the host's neighbour table know; no guest is asked."""
        sources: tuple[Source, ...] = ("lease", "ARP")
        for source in sources:
            try:
                self._addresses(source)
            except AgentError as error:
                self.problems[source] = str(error)

    def agent(self, parts: tuple[Part, ...]) -> None:
        """Ask for one part after the other, as long as there is use in it."""
        if self._link.connection.read_only:
            self.problems["agent"] = "read-only: libvirt lets nobody ask an agent who may not write"
            return
        if reason := why_mute(self._link, self._domain):
            self.problems["agent"] = reason
            return
        begun = monotonic()
        with answers_within(self._link, self._domain, ANSWER_S):
            for number, part in enumerate(parts):
                if monotonic() - begun > ALL_S:
                    rest = ", ".join(parts[number:])
                    self.problems["agent"] = f"so slow that it was not asked for: {rest}"
                    break
                if not self._answers(part):
                    break

    def _answers(self, part: Part) -> bool:
        """Ask for a part; False where it is the last that is answered."""
        begun, frozen = monotonic(), None
        try:
            _READ.get(part, _Reading._info)(self, part)
        except AgentError as error:
            known = self.report.frozen
            frozen = is_frozen(self._link, self._domain, error) if known is None else known
            if error.refused or frozen:
                self._note(frozen=frozen)
            if not frozen:
                self.problems["agent" if error.silent else part] = str(error)
            if error.silent:
                self._note(answering=False)
                return False
        if self.report.ping_ms is None:
            self._note(ping_ms=(monotonic() - begun) * 1000)
        self._note(answering=True)
        return not frozen

    def _clock(self, part: Part) -> None:
        """The guest's time against ours in the middle of the question."""
        before_ns = time_ns()
        found = ask(self._link, self._domain.getTime)
        middle_ns = (before_ns + time_ns()) // 2
        clock_ns = int(found["seconds"]) * 10**9 + int(found["nseconds"])
        self._note(
            frozen=False,
            clock_ns=clock_ns,
            offset_s=(clock_ns - middle_ns) / 1e9,
            clock_of="host" if self._link.connection.local else "this machine",
        )

    def _info(self, part: Part) -> None:
        """libvirt hides some failures behind an answer without anything in it."""
        kind, parse = agentparts.INFO[part]
        self._note(**parse(_said(ask(self._link, self._domain.guestInfo, kind, 0))))

    def _addresses(self, source: Source) -> None:
        found = ask(self._link, self._domain.interfaceAddresses, _SOURCES[source], 0)
        rows = islice(agentparts.addresses(found or {}, source), MOST)
        self._note(addresses=(*self.report.addresses, *rows))

    def _vcpus(self, part: Part) -> None:
        """The binding answers None to any failure."""
        found = _said(ask(self._link, self._domain.guestVcpus))
        self._note(vcpus=agentparts.vcpus(found))


def _said(found: object) -> dict[str, Any]:
    if not isinstance(found, dict) or not found:
        raise AgentError("it did not say")
    return found


_READ: Final[Mapping[Part, Callable[[_Reading, Part], None]]] = {
    "time": _Reading._clock,
    "addresses": lambda reading, _: reading._addresses("agent"),
    "vcpus": _Reading._vcpus,
}
"""The parts that are not kinds of virDomainGetGuestInfo."""
