"""A host over libvirt: puts together what the readers of this room find.

Calls per reading, whatever the number of domains: the list with its statistics, the
map of the pCPUs, and in turn the free memory of the cells or one of several that take turns (free
huge pages: one for each run of cells); on the host page both, and at most two more for the domain
in view. Reading configurations comes on top when something changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import monotonic

from vconsole.host import errors
from vconsole.host.cgroups import confined
from vconsole.host.detail import DetailReader
from vconsole.host.fleet import LARGE, Fleet
from vconsole.host.heap import give_back
from vconsole.host.link import Link, Wake, open_link, probe_split_pins
from vconsole.host.local_usage import LocalUsage
from vconsole.host.locality import InstantLocality, LocalityReader
from vconsole.host.machine import Machine
from vconsole.host.records import unlisted_by
from vconsole.host.source import HostError, View
from vconsole.host.usage import NOWAIT, BulkUsage, InfoUsage, UsageReader
from vconsole.model.host_state import Confined, Detail, Freshness, HostState, Usage

_CONFINED_EVERY = 10
"""Readings after which the control groups are looked at again, from the first one on."""


class LibvirtSource:
    """A `HostSource` on one connection of libvirt; made by `connect`."""

    def __init__(self, link: Link, fleet: Fleet | None = None) -> None:
        self._link, self._fleet = link, fleet or Fleet(link)
        self._met: Machine | None = None
        self._confined: Mapping[str, Confined] = {}
        self._local = LocalUsage(link.find_guests) if link.sees_guests else None
        self._usage = self._usage_reader()
        self._detail = DetailReader(link, self._fleet, self._local)
        self._locality = InstantLocality() if link.simulation else LocalityReader()
        self._probed = self._tidy = False
        self._tick = self._turn = 0
        self._last: HostState | None = None
        self._last_usage: Mapping[str, Usage] = {}

    @property
    def unfinished(self) -> bool:
        """The host, or configurations of domains, are still to be read."""
        return self._met is None or self._fleet.unfinished

    @property
    def _machine(self) -> Machine:
        assert self._met is not None, "the list comes before the host"
        return self._met

    @property
    def calls(self) -> int:
        """How many calls were made to libvirt so far."""
        return self._link.calls

    @property
    def called_at(self) -> float:
        """When the latest call began."""
        return self._link.called_at

    @property
    def slowest_s(self) -> float:
        """The longest that a call of the latest reading took."""
        return self._link.slowest_s

    def read(self, view: View) -> HostState:
        """Read what `view` needs.

        Raises:
            HostError: The connection is gone.
        """
        try:
            return self._tidied(self._read(view))
        except HostError:
            raise
        except errors.libvirt_error() as error:
            # A call that no reader expected to fail: the host is there, but cannot be trusted.
            raise HostError("cannot read", errors.message(error)) from error

    def _tidied(self, host_state: HostState) -> HostState:
        """Once all configurations of a large fleet are read, their texts take no memory."""
        if not self._tidy and not self.unfinished and len(host_state.domains) >= LARGE:
            self._tidy = True
            give_back()
        return host_state

    def _read(self, view: View) -> HostState:
        self._link.slowest_s = 0.0
        if self._met is None:
            self._meet()
        self._fleet.mark(self._link.events.take())
        if view.now:
            self._link.ask_anew()
            self._fleet.list_again()
        for uuid in view.again:
            self._fleet.mark_uuid(uuid)
        listed = self._fleet.read(view.uuid, self._usage.groups, NOWAIT if self._bulk else 0)
        self._probe()
        if listed or self._last is None:
            detail = self._read_rest(view)
            return self._host_state(view, detail)
        return self._remember(replace(self._last, domains=self._fleet.domains))

    def _meet(self) -> None:
        """Ask for events first: what happens from now on is not missed by the list to come."""
        self._link.meet()
        self._met = Machine(self._link)
        self._fleet.know(self._met.everything)

    @property
    def _bulk(self) -> bool:
        return isinstance(self._usage, BulkUsage)

    def _read_rest(self, view: View) -> Detail | None:
        """Everything besides the list: the host, and the domain in view."""
        self._machine.read_busy()
        self._tick += 1
        both, even = view.page == "host", not self._tick % 2
        if both or not even:
            self._machine.read_free()
        taken = (both or even or self._machine.is_new(view)) and self._machine.take_turn(view)
        if even and not taken:
            self._take_turn()
        if both or not taken:  # what it takes are two calls at times
            self._machine.read_online()
            self._fleet.know(self._machine.everything)
        if self._local is not None and self._local.blind:
            # The guests' processes are in a place of their own, such as a container.
            self._usage, self._local.blind = BulkUsage(self._fleet), False
        usage = self._usage.read(self._fleet.domains, view)
        detail = self._detail.read(view)
        if self._local is not None:
            self._locality.update(self._local.guests, view.uuid)
            if self._tick % _CONFINED_EVERY == 1:
                self._confined = confined(self._local.guests)
        self._last_usage = usage
        return detail

    def _take_turn(self) -> None:
        """One of the fleet's calls that take turns."""
        self._turn += 1
        if self._turn % 8 == 0:
            self._fleet.read_autostart()
        elif self._turn % 8 == 4:
            self._fleet.read_persistent()
        else:
            self._fleet.reconcile()

    def _host_state(self, view: View, detail: Detail | None) -> HostState:
        machine = self._machine
        problems = [machine.problem] if machine.problem else []
        problems += [f"{name}: {reason}" for name, reason in self._link.denied.items()]
        unlisted = unlisted_by(self._link)
        if unlisted:
            problems.insert(0, f"domains cannot be listed: {unlisted}")
        return self._remember(
            HostState(
                connection=self._link.connection,
                freshness=Freshness(monotonic(), reason="; ".join(problems[:3])),
                node=machine.node,
                cells=machine.cells,
                pcpus=machine.pcpus,
                busy=machine.busy,
                domains=self._fleet.domains,
                unlisted=unlisted,
                usage=self._last_usage,
                locality=self._locality.results,
                last_ran=self._usage.last_ran(),
                allowed=self._local.allowed(self._fleet.domains) if self._local else {},
                confined=self._confined,
                detail=detail,
            )
        )

    def _remember(self, host_state: HostState) -> HostState:
        self._last = host_state
        return host_state

    def _usage_reader(self) -> UsageReader:
        if self._local is not None:
            return self._local
        if self._link.in_process:
            return InfoUsage(self._link, self._fleet)
        return BulkUsage(self._fleet)

    def _probe(self) -> None:
        """Find out once, as soon as there is a domain to ask about, what pins are like here."""
        handle = None if self._probed else self._fleet.any_handle()
        if handle is None:
            return
        self._probed = True
        split = probe_split_pins(self._link, handle)
        if split != self._link.connection.split_pins:
            self._link.connection = replace(self._link.connection, split_pins=split)
            self._fleet.forget_texts()

    def abandon(self) -> None:
        """Begin no further call."""
        self._link.abandoned = True

    def close(self) -> None:
        """Close the connection; threads of this source end."""
        self._locality.close()
        self._link.close()


def connect(
    uri: str | None,
    read_only: bool = False,
    demo: bool = False,
    wake: Wake = None,
) -> LibvirtSource:
    """Open a host.

    Args:
        uri: Which; None is libvirt's default.
        read_only: Change nothing, even where that is allowed.
        demo: Open the embedded demo host instead.
        wake: Called from another thread when libvirt says that something changed; without it no
            events are asked for, for who reads once.

    Raises:
        HostError: That is not possible; the message names the URI and the cause.
    """
    link = open_link(uri, read_only, demo, wake, meet=False)
    try:
        return LibvirtSource(link)
    except BaseException:
        link.close()
        raise
