"""What libvirt's definitions say of the sockets: whose they are, and which are not served."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

    names: Mapping[str, str] = field(default_factory=dict)
    """UUID -> the domain's name."""

    def owner(self, name: str) -> str | None:
        """The domain that alone claims a socket."""
        claimed = self.owners.get(name, frozenset())
        return next(iter(claimed)) if len(claimed) == 1 else None

    def problem(self, name: str, uuid: str | None) -> str:
        """Why a socket is not served; empty if it is, or if its process is still to be asked.

        Args:
            name: The socket.
            uuid: The domain whose process is behind it, None where that is not known: then nobody
                of those that claim it must be fit for service.
        """
        claimed = self.owners.get(name, frozenset())
        behind = claimed if uuid is None else frozenset((uuid,))
        wrong = sorted(behind & self.problems.keys())
        if not wrong or len(wrong) < len(behind):
            return ""
        said = self.problems[wrong[0]]
        return said if claimed <= {wrong[0]} else f"domain {self._name(wrong[0])} has it: {said}"

    def doubt(self, name: str) -> str:
        """Why a socket is not served whose process does not say whose it is; mostly empty."""
        claimed = sorted(self.owners.get(name, ()))
        wrong = next((uuid for uuid in claimed if uuid in self.problems), None)
        if wrong is None or len(claimed) < 2:
            return ""
        names = " and ".join(self._name(uuid) for uuid in claimed)
        return f"{names} have it, {self._name(wrong)} by mistake: {self.problems[wrong]}"

    def _name(self, uuid: str) -> str:
        return self.names.get(uuid, uuid)


def read_clauses(xml: str) -> Clauses:
    """Find the hostinfo ports of a definition.

    Raises:
        ValueError: It cannot be read.
    """
    paths = [PurePath(serial.path) for serial in provision.serials(xml)]
    names = (path.name for path in paths if str(path.parent) == provision.DIRECTORY)
    return Clauses(tuple(dict.fromkeys(names)), "; ".join(provision.problems(xml)))


def verdicts(members: Collection[Member[Clauses]]) -> Verdicts:
    """Put together what all running domains say."""
    problems: dict[str, str] = {}
    owners: dict[str, set[str]] = {}
    for member in members:
        clauses = member.about or Clauses()
        if clauses.problem:
            problems[member.uuid] = clauses.problem
        for name in clauses.sockets:
            owners.setdefault(name, set()).add(member.uuid)
    claims = {name: frozenset(uuids) for name, uuids in owners.items()}
    return Verdicts(problems, claims, {member.uuid: member.name for member in members})
