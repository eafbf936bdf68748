"""What libvirt's definitions say of the sockets: whose they are, and which are not served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from vconsole.features.hostinfo.host.roster import Member
from vconsole.model import hostinfo_port as provision


@dataclass(frozen=True, slots=True)
class Clauses:
    """The hostinfo ports of one domain."""

    sockets: tuple[str, ...] = ()
    """Names in the directory."""
    problem: str = ""
    """Why the domain is not served."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What holds for the sockets at one moment."""

    problems: Mapping[str, str] = field(default_factory=dict)
    """UUID -> what is wrong with the domain."""
    owners: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Socket's name -> the UUIDs of the running domains that claim it."""

    def owner(self, name: str) -> str | None:
        """The domain that alone claims a socket."""
        claimed = self.owners.get(name, frozenset())
        return next(iter(claimed)) if len(claimed) == 1 else None

    def problem(self, name: str, uuid: str | None) -> str:
        """Why a socket is not served; empty if it is.

        Args:
            name: The socket.
            uuid: The domain whose process is behind it, None where that is not known: then it
                must be fit for service whoever of those that claim it that is.
        """
        behind = self.owners.get(name, ()) if uuid is None else (uuid,)
        return next((self.problems[u] for u in sorted(behind) if u in self.problems), "")


def read_clauses(xml: str) -> Clauses:
    """Find the hostinfo ports of a definition.

    Raises:
        ValueError: It cannot be read.
    """
    paths = [PurePath(serial.path) for serial in provision.serials(xml)]
    names = (path.name for path in paths if str(path.parent) == provision.DIRECTORY)
    return Clauses(tuple(dict.fromkeys(names)), "; ".join(provision.problems(xml)))


def verdicts(members: Iterable[Member[Clauses]]) -> Verdicts:
    """Put together what all running domains say."""
    problems: dict[str, str] = {}
    owners: dict[str, set[str]] = {}
    for member in members:
        clauses = member.about or Clauses()
        if clauses.problem:
            problems[member.uuid] = clauses.problem
        for name in clauses.sockets:
            owners.setdefault(name, set()).add(member.uuid)
    return Verdicts(problems, {name: frozenset(uuids) for name, uuids in owners.items()})
