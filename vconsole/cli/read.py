"""Reading for commands that end: until every domain's configuration is known."""

from __future__ import annotations

from vconsole.cli.report import CliError
from vconsole.host.source import HostSource, View
from vconsole.model.snapshot import Domain, HostSnapshot

MOST_READINGS = 2000
"""A large fleet is read in slices; this many are enough for any host."""


def complete(source: HostSource, view: View) -> HostSnapshot:
    """Read until no domain is left without details, or one refuses to give them."""
    snapshot = source.read(view)
    for _ in range(MOST_READINGS):
        if all(domain.detailed or domain.problem for domain in snapshot.domains):
            break
        snapshot = source.read(view)
    return snapshot


def find_domain(snapshot: HostSnapshot, word: str) -> Domain:
    """Find a domain by name, UUID or id, in this order.

    Raises:
        CliError: There is none.
    """
    for domains in (
        [d for d in snapshot.domains if d.name == word],
        [d for d in snapshot.domains if d.uuid == word.lower()],
        [d for d in snapshot.domains if d.id is not None and str(d.id) == word],
    ):
        if domains:
            return domains[0]
    raise CliError(f"no domain {word!r}; `vconsole show domains` lists them")
