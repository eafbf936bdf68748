"""All domains with their statistics, in as few calls as the driver takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from vconsole.host.link import Link

Record = tuple[Any, Mapping[str, Any]]
"""A virDomain and its bulk statistics."""
STATS_STATE: Final = 1
_ONLY_RUNNING, _ONLY_PAUSED = 16, 32
_LIST: Final = "list {}"


def read_records(link: Link, groups: int, flags: int) -> list[Record]:
    """One bulk call; a driver that does not have what was asked for is asked for less.

    Args:
        link: The connection.
        groups: Statistics wanted besides the state (VIR_DOMAIN_STATS_*).
        flags: For the call.

    Raises:
        libvirt.libvirtError: There is no list at the moment; that is not a host without domains.
    """
    call = link.conn.getAllDomainStats
    for more, how in dict.fromkeys(((groups, flags), (0, 0))):
        found = link.attempt(f"statistics {more} {how}", call, STATS_STATE | more, how)
        if found is not None:
            return list(found)
    return _by_state(link)


def unlisted_by(link: Link) -> str:
    """Why this user may not list domains, once that was tried; "" where that is allowed."""
    return link.denied.get(_LIST.format(0), "")


def _by_state(link: Link) -> list[Record]:
    """Three lists instead of one, for drivers without bulk statistics."""
    records: dict[bytes, Record] = {}
    for flags, state in ((0, 5), (_ONLY_RUNNING, 1), (_ONLY_PAUSED, 3)):
        for handle in link.demand(_LIST.format(flags), link.conn.listAllDomains, flags) or ():
            known = state if flags or handle.ID() == -1 else 0
            records[handle.UUID()] = (handle, {"state.state": known})
    return list(records.values())
