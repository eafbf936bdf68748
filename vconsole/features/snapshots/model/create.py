"""Taking a snapshot of a domain: what it would do, and why it cannot be had.

Sources: virDomainSnapshotCreateXML; virsh(1), snapshot-create-as.
Names of new files are those libvirt would choose. They are given to it all the same: so they are
known before, and a file that is there already is refused, never used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from vconsole.features.snapshots.model.tree import Disk
from vconsole.model.proposal import Grade, Proposal, virsh_line
from vconsole.model.request import element_lines
from vconsole.model.virsh import domain_argument
from vconsole.model.wait import Wait
from vconsole.model.words import amount
from vconsole.model.xml_edit import element, escape_text

Kind = Literal["internal", "disk-only", "external"]
"""Inside the disks' images; new files on top of the disks; those and a file for the memory."""
KINDS: Final[Mapping[Kind, str]] = {
    "internal": "memory and disks, inside the images",
    "disk-only": "disks alone, written to new files from now on",
    "external": "memory and disks, in new files",
}
MAX_NAME: Final = 100
"""Characters: file names hold the name and more."""
DEADLINE_S: Final = 900.0
"""Memory is written to a disk meanwhile."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a new snapshot would stand on.

    Attributes:
        running: The domain has memory to save and an agent to ask.
        disks: As the domain has them now.
        free_bytes: Directory of a disk -> what is free there, where that can be known.
        agent: Why the guest agent cannot freeze file systems, "" if it answers.
        taken: Names of its snapshots.
    """

    running: bool
    disks: tuple[Disk, ...] = ()
    free_bytes: tuple[tuple[str, int], ...] = ()
    agent: str = ""
    taken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadGround:
    """Look at a domain before a snapshot of it; the guest agent is pinged. Answers a `Ground`."""

    uuid: str
    deadline_s: ClassVar[float] = 30.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What snapshot is wanted."""

    name: str
    description: str = ""
    kind: Kind = "internal"
    quiesce: bool = False
    """Have the guest agent freeze the file systems meanwhile."""


@dataclass(frozen=True, slots=True)
class CreateSnapshot:
    """Take a snapshot; answers the `SnapshotList` read back.

    It is a conflict if the domain has started or stopped since it was looked at, or has other
    disks, or a snapshot of this name.
    """

    uuid: str
    name: str
    wish: Wish
    running: bool
    """As it was seen."""
    disks: tuple[tuple[str, str], ...]
    """(target, source) as they were seen."""
    files: tuple[tuple[str, str], ...] = ()
    """(target, new file) of each disk that gets one."""
    memory_file: str = ""
    wait: Wait = field(default_factory=Wait, compare=False, repr=False)
    deadline_s: ClassVar[float] = DEADLINE_S
    when: ClassVar[str] = "now"

    @property
    def what(self) -> str:
        """Its name and kind."""
        return f"take snapshot {self.wish.name} ({self.wish.kind})"

    @property
    def trace(self) -> str:
        """Its name."""
        return self.wish.name

    @property
    def grade(self) -> Grade:
        """The guest stands still while its memory is saved."""
        stops = self.running and self.wish.kind == "internal"
        return "interrupting" if stops else "harmless"

    @property
    def xml(self) -> str:
        """What libvirt is given."""
        parts = [f"<name>{escape_text(self.wish.name)}</name>"]
        if self.wish.description:
            parts.append(f"<description>{escape_text(self.wish.description)}</description>")
        if self.memory_file:
            parts.append(element("memory", {"snapshot": "external", "file": self.memory_file}))
        disks = (
            element("disk", {"name": t, "snapshot": "external"}, element("source", {"file": file}))
            for t, file in self.files
        )
        if self.files:
            parts.append(element("disks", {}, *disks))
        return element("domainsnapshot", {}, *parts)

    def lines(self) -> tuple[str, ...]:
        """The snapshot, and where each disk is written to then."""
        before = dict(self.disks)
        moved = (
            line
            for target, file in self.files
            for line in (f"- {target}: {before[target]}", f"+ {target}: {file}")
        )
        return (*(f"+ {line}" for line in element_lines(self.xml)), *moved)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        words = ["--name", self.wish.name]
        if self.wish.description:
            words += ["--description", self.wish.description]
        if self.memory_file:
            words += ["--live", "--memspec", f"file={_spec(self.memory_file)},snapshot=external"]
        words += ["--disk-only"] * (self.wish.kind == "disk-only")
        words += ["--quiesce"] * self.wish.quiesce
        for target, file in self.files:
            words += ["--diskspec", f"{target},snapshot=external,file={_spec(file)}"]
        domain = domain_argument(self.name, self.uuid)
        return (virsh_line(uri, "snapshot-create-as", domain, *words, "--atomic"),)


def why_no_name(name: str, taken: Iterable[str] = ()) -> str:
    """Why a new snapshot cannot be called so, and the cure; "" if it can."""
    if not name:
        return "a snapshot needs a name"
    if len(name) > MAX_NAME:
        return f"a name of {len(name)} characters: {MAX_NAME} are enough"
    if name[0] in ".-" or "/" in name or name != name.strip():
        return f"{name!r}: no / in it, no . or - first, no blanks around; it names files"
    if not name.isprintable():
        return f"{name!r}: only characters that print"
    return f"{name} is there already: take another name" if name in set(taken) else ""


def plan_create(uuid: str, name: str, ground: Ground, wish: Wish) -> Proposal:
    """Say what taking a snapshot does.

    Raises:
        ValueError: It cannot be taken; the message says why and what can.
    """
    if reason := why_no_name(wish.name, ground.taken) or _why_not(ground, wish):
        raise ValueError(reason)
    wanted = [disk for disk in ground.disks if not disk.excluded]
    files = () if wish.kind == "internal" else _new_files(wanted, wish.name)
    change = CreateSnapshot(
        *(uuid, name, wish, ground.running),
        disks=tuple((disk.target, disk.source) for disk in ground.disks),
        files=files,
        memory_file=f"{_stem(wanted[0].source)}.{wish.name}.mem" if wish.kind == "external" else "",
    )
    return Proposal((change,), (*_notes(ground, wish),))


def _why_not(ground: Ground, wish: Wish) -> str:
    """Why the snapshot is not to be had, "" if it is."""
    wanted = [disk for disk in ground.disks if not disk.excluded]
    if not wanted:
        return "it has no disk that a snapshot could take"
    if wish.quiesce and wish.kind != "disk-only":
        return "quiesce goes with disk-only: memory holds what is not written yet"
    if wish.quiesce and not ground.running:
        return "quiesce: it does not run, there is nothing to freeze"
    if wish.quiesce and ground.agent:
        return f"quiesce: the guest agent does not answer: {ground.agent}"
    if wish.kind == "external" and not ground.running:
        return "it does not run, there is no memory to save: take disk-only"
    if wish.kind == "internal":
        return _why_not_inside(wanted)
    other = next((disk for disk in wanted if disk.kind != "file"), None)
    if other is not None:
        cure = "exclude it with snapshot='no' in the definition"
        return f"{other.target} is no file but {other.kind}: no file goes on top of it; {cure}"
    return ""


def _why_not_inside(disks: Iterable[Disk]) -> str:
    """Why an image cannot hold a snapshot; formats that are not said are left to libvirt."""
    for disk in disks:
        if disk.format not in ("qcow2", "-"):
            return f"{disk.target} is {disk.format}: only qcow2 holds snapshots; take disk-only"
    return ""


def _notes(ground: Ground, wish: Wish) -> list[str]:
    notes = [
        f"{d.target} is left out: read-only, empty or so defined"
        for d in ground.disks
        if d.excluded
    ]
    if wish.kind == "internal":
        if ground.running:
            notes.append("the guest stands still while its memory is written")
        return notes
    notes.append("each disk becomes a chain: its image of now stays, needed below the new file")
    notes += [f"{amount(free)} free in {place}" for place, free in ground.free_bytes]
    if wish.kind == "external":
        notes.append("the file of the memory can become larger than the memory: the guest runs on")
    elif ground.running and not wish.quiesce:
        notes.append("without quiesce the disks are as after a power cut")
        notes += [f"quiesce is not to be had: {ground.agent}"] if ground.agent else []
    return notes


def _new_files(disks: Iterable[Disk], name: str) -> tuple[tuple[str, str], ...]:
    """Name the files as libvirt does; two that would be the same get their targets' names too."""
    stems = [(disk.target, _stem(disk.source)) for disk in disks]
    count = Counter(stem for _, stem in stems)
    return tuple(
        (target, f"{stem}.{name}" if count[stem] == 1 else f"{stem}-{target}.{name}")
        for target, stem in stems
    )


def _stem(path: str) -> str:
    """A path without its last suffix."""
    folder, slash, file = path.rpartition("/")
    stem, dot, _ = file.rpartition(".")
    return f"{folder}{slash}{stem if dot else file}"


def _spec(path: str) -> str:
    """A path within a diskspec or memspec of virsh."""
    return path.replace(",", ",,")
