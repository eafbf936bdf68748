"""Reading for commands that end: until every domain's configuration is known."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic, sleep

from vconsole.cli.report import CliError
from vconsole.host.source import HostSource, View
from vconsole.model.host_state import Domain, HostState

MEASURED_S = 1.5
"""Longer than the kernel takes to count the pages of a guest of 200 GiB."""
MEASURED_ALL_S = 10.0
_PAUSE_S = 0.05
MOST_READINGS = 2000
"""A large fleet is read in slices; this many are enough for any host."""


def complete(source: HostSource, view: View) -> HostState:
    """Read until no domain is left without details, or one refuses to give them.

    Raises:
        CliError: The view is of domains, and they may not be listed.
    """
    host_state = source.read(view)
    if view.page != "host":
        listed(host_state)
    for _ in range(MOST_READINGS):
        if all(domain.detailed or domain.problem for domain in host_state.domains):
            break
        host_state = source.read(view)
    return host_state


def listed(host_state: HostState) -> HostState:
    """The same, with all domains.

    Raises:
        CliError: They may not be listed.
    """
    if host_state.unlisted:
        raise CliError(f"domains cannot be listed: {host_state.unlisted}")
    return host_state


def measured(source: HostSource, uuid: str) -> HostState:
    """Read one domain in detail, and where its memory lies, which is looked at beside the reading.

    Only on the host itself is that known, and not to everybody: nobody waits long for it.
    """
    view, end = View("domain", uuid), monotonic() + MEASURED_S
    host_state = source.read(view)
    while _to_be_measured(host_state, uuid) and monotonic() < end:
        sleep(_PAUSE_S)
        host_state = source.read(view)
    return host_state


def all_measured(source: HostSource, uuids: Iterable[str]) -> HostState:
    """Read where the memory of several domains lies, as far as that is quickly known."""
    end = monotonic() + MEASURED_ALL_S
    for uuid in uuids:
        if monotonic() < end:
            measured(source, uuid)
    return source.read(View("pin"))


def _to_be_measured(host_state: HostState, uuid: str) -> bool:
    domain = host_state.domain(uuid)
    runs_here = domain is not None and domain.active and host_state.connection.local
    return runs_here and uuid not in host_state.locality


def find_domain(host_state: HostState, word: str) -> Domain:
    """Find a domain by name, UUID or id, in this order.

    Raises:
        CliError: There is none.
    """
    listed(host_state)
    for domains in (
        [d for d in host_state.domains if d.name == word],
        [d for d in host_state.domains if d.uuid == word.lower()],
        [d for d in host_state.domains if d.id is not None and str(d.id) == word],
    ):
        if domains:
            return domains[0]
    raise CliError(f"no domain {word!r}; `vconsole show domains` lists them")
