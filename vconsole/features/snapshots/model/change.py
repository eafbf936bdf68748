"""Going back to a snapshot of a domain, and deleting snapshots: what would be lost.

Sources: virDomainRevertToSnapshot, virDomainSnapshotDelete; virsh(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from vconsole.features.snapshots.model.create import DEADLINE_S
from vconsole.features.snapshots.model.tree import DomainSnapshot, SnapshotList, descendants
from vconsole.model.proposal import Grade, Proposal, virsh_line
from vconsole.model.virsh import domain_argument
from vconsole.model.words import dotted_version, plural

Then = Literal["as taken", "running", "paused"]
"""How the domain goes on after it was reverted."""
Which = Literal["alone", "children", "children-only"]
"""What is deleted: the snapshot, it and all that come from it, or only these."""
REVERTS_EXTERNAL: Final = 9_009_000
"""The first libvirt whose QEMU driver goes back to external snapshots; those before refuse."""


@dataclass(frozen=True, slots=True)
class RevertSnapshot:
    """Put a domain back to a snapshot; answers the `SnapshotList` read back.

    It is a conflict if it is not the snapshot that was seen any more.
    """

    uuid: str
    name: str
    snapshot: str
    taken_s: int | None
    """As it was seen."""
    state: str = "-"
    then: Then = "as taken"
    deadline_s: ClassVar[float] = DEADLINE_S
    grade: ClassVar[Grade] = "destructive"
    when: ClassVar[str] = "now"

    @property
    def trace(self) -> str:
        """Its name."""
        return self.snapshot

    @property
    def what(self) -> str:
        """Its name."""
        return f"revert to snapshot {self.snapshot}"

    def lines(self) -> tuple[str, ...]:
        """What is lost, and what is there then."""
        then = self.state if self.then == "as taken" else self.then
        return ("- all that happened to its disks and memory since", f"+ {self.snapshot}: {then}")

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        then = () if self.then == "as taken" else (f"--{self.then}",)
        return _virsh(uri, "snapshot-revert", self, *then)


@dataclass(frozen=True, slots=True)
class DeleteSnapshot:
    """Delete a snapshot, or what comes from it; answers the `SnapshotList` read back.

    It is a conflict if others would go than were seen.
    """

    uuid: str
    name: str
    snapshot: str
    taken_s: int | None
    """As it was seen."""
    gone: tuple[str, ...]
    """All that are deleted, as they were seen."""
    which: Which = "alone"
    metadata_only: bool = False
    """Only libvirt forgets; files and images stay as they are."""
    deadline_s: ClassVar[float] = DEADLINE_S
    grade: ClassVar[Grade] = "destructive"
    when: ClassVar[str] = "now"

    @property
    def trace(self) -> str:
        """All that are deleted."""
        import json

        return json.dumps(self.gone)

    @property
    def what(self) -> str:
        """What of it."""
        which = {"alone": "", "children": " and its children", "children-only": "'s children"}
        verb = "forget" if self.metadata_only else "delete"
        return f"{verb} snapshot {self.snapshot}{which[self.which]}"

    def lines(self) -> tuple[str, ...]:
        """A line for each that goes."""
        return tuple(f"- {name}" for name in self.gone)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        flags = [f"--{self.which}"] * (self.which != "alone") + ["--metadata"] * self.metadata_only
        return _virsh(uri, "snapshot-delete", self, *flags)


def _virsh(
    uri: str, command: str, change: RevertSnapshot | DeleteSnapshot, *flags: str
) -> tuple[str, ...]:
    """A line; a name that does not print cannot be typed in one."""
    if not change.snapshot.isprintable():
        return ()
    domain = domain_argument(change.name, change.uuid)
    return (virsh_line(uri, command, domain, "--snapshotname", change.snapshot, *flags),)


def plan_revert(
    uuid: str, name: str, known: SnapshotList, snapshot: str, then: Then = "as taken"
) -> Proposal:
    """Say what going back to a snapshot loses.

    Raises:
        ValueError: There is none of this name.
    """
    found = _find(known, snapshot)
    change = RevertSnapshot(uuid, name, found.name, found.taken_s, found.state, then)
    notes = [f"lost: everything since {found.taken} UTC, but for later snapshots"]
    if found.state == "disk-snapshot" and then == "as taken":
        notes.append("it holds no memory: the domain is shut off then")
    if found.external and known.libvirt_version < REVERTS_EXTERNAL:
        version = dotted_version(known.libvirt_version)
        notes.append(f"it is external: libvirt {version} refuses to go back to it, 9.9 does")
    later = set(descendants(known.snapshots, found.name))
    files = [d.file for s in known.snapshots if s.name in later for d in s.disks if d.file]
    if files:
        notes.append(f"kept, but not used then: {', '.join(files[:3])}{' ...' * (len(files) > 3)}")
    return Proposal((change,), tuple(notes))


def plan_delete(
    uuid: str,
    name: str,
    known: SnapshotList,
    snapshot: str,
    which: Which = "alone",
    metadata_only: bool = False,
) -> Proposal:
    """Say what deleting a snapshot takes away.

    Raises:
        ValueError: There is none of this name, nothing comes from it, or not all is known.
    """
    found = _find(known, snapshot)
    if which != "alone" and known.unread:
        raise ValueError(f"{known.unread} of its snapshots were not read: delete them one by one")
    gone = deleted(known.snapshots, found.name, which)
    if not gone:
        raise ValueError(f"no snapshot comes from {snapshot}")
    change = DeleteSnapshot(uuid, name, found.name, found.taken_s, gone, which, metadata_only)
    if metadata_only:
        return Proposal((change,), ("files and images stay; libvirt knows nothing of them then",))
    notes = [f"{plural(len(gone), 'snapshot')} cannot be gone back to any more"]
    later = descendants(known.snapshots, found.name)
    if which == "alone" and later:
        notes.append(f"{plural(len(later), 'snapshot')} that came from it: kept")
    if found.external:
        notes.append("external: what its files hold is merged into the images, which takes a while")
    return Proposal((change,), tuple(notes))


def deleted(snapshots: tuple[DomainSnapshot, ...], name: str, which: Which) -> tuple[str, ...]:
    """Name what would go."""
    own = () if which == "children-only" else (name,)
    return own if which == "alone" else (*own, *descendants(snapshots, name))


def _find(known: SnapshotList, name: str) -> DomainSnapshot:
    found = known.find(name)
    if found is None:
        raise ValueError(f"no snapshot {name!r}")
    return found
