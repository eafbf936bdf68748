"""A host whose list comes before all else there is to know of it.

Whoever opens the console waits for the list: it is one call, behind a slow line as well, and takes
the fewest modules. The host itself, the events and the configurations come with the readings that
follow.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from vconsole.host import errors
from vconsole.host.fleet import Fleet
from vconsole.host.source import HostError, View
from vconsole.model.host_state import Freshness, HostState

if TYPE_CHECKING:
    from vconsole.host.libvirt_source import LibvirtSource
    from vconsole.host.link import Link


class ListFirst:
    """A `HostSource`: what reads a host, put off until after its first reading if `wanted`."""

    def __init__(self, link: Link, wanted: bool = True) -> None:
        self._link, self._fleet = link, Fleet(link)
        self._source: LibvirtSource | None = None
        self._listed = not wanted

    @property
    def unfinished(self) -> bool:
        """All but the list, or configurations of domains, are still to be read."""
        return self._source is None or self._source.unfinished

    @property
    def called_at(self) -> float:
        """When the latest call began."""
        return self._link.called_at

    @property
    def slowest_s(self) -> float:
        """The longest that a call of the latest reading took."""
        return self._link.slowest_s

    def read(self, view: View) -> HostState:
        """Read the list; from the second time on what `view` needs.

        Raises:
            HostError: The connection is gone.
        """
        if not self._listed:
            self._listed = True
            return self._list()
        if self._source is None:
            from vconsole.host.libvirt_source import LibvirtSource

            self._source = LibvirtSource(self._link, self._fleet)
        return self._source.read(view)

    def _list(self) -> HostState:
        try:
            self._fleet.look()
        except errors.libvirt_error() as error:
            raise HostError("cannot read", errors.message(error)) from error
        known = Freshness(monotonic(), reason="the host itself is still to be read")
        return HostState(self._link.connection, known, domains=self._fleet.domains)

    def abandon(self) -> None:
        """Begin no further call."""
        self._link.abandoned = True

    def close(self) -> None:
        """Close the connection; threads of this source end."""
        if self._source is not None:
            self._source.close()
        else:
            self._link.close()
