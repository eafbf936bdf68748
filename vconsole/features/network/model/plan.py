"""Changes of a domain's network interfaces: moved, unplugged, given another address, come and go.

Each half of a domain keeps its own clause, of which only what is asked for is changed. Source for
what libvirt changes while a domain runs: its QEMU driver, `qemuDomainChangeNet`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from vconsole.features.network.model.interfaces import (
    Half,
    Interface,
    Source,
    Vnic,
    find,
    node_of,
    read_interface,
    vnics,
)
from vconsole.features.network.model.places import Bridge, Network
from vconsole.model.outcome import Target
from vconsole.model.proposal import (
    AT_NEXT_START,
    Grade,
    Planner,
    Proposal,
    Subject,
    flags_of,
    xml_lines,
)
from vconsole.model.request import ChangeDevice, Define, device_command
from vconsole.model.virsh import domain_argument
from vconsole.model.xml_edit import Document, element

_LIVE_KINDS: Final = ("bridge", "network")
_KINDS: Final = (*_LIVE_KINDS, "direct", "user", "ethernet")
_NOT_TOLD: Final = (
    "its guest is not told: renew the address there, or set the link down and up afterwards"
)
_Edit = Callable[[str], str]
"""Clause of an interface -> the clause it becomes; the same where there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of the clause of an interface in one half of a domain."""

    seen: str
    """As it stood in the XML."""
    before: str
    """The same as libvirt takes it: on a network, without what the network led to."""
    after: str


@dataclass(frozen=True, slots=True)
class UpdateInterface:
    """Change an interface; answers the `Configurations` read back.

    It is a conflict if the interface is not there any more as it was seen. Where the second half
    fails the first is put back.
    """

    uuid: str
    name: str
    what: str
    """What the change does, in a few words."""
    live: Edit | None
    config: Edit | None
    grade: Grade = "harmless"
    deadline_s: ClassVar[float] = 30.0

    @property
    def edits(self) -> tuple[tuple[Half, Edit], ...]:
        """The halves that are changed, in this order."""
        both: tuple[tuple[Half, Edit | None], ...] = (("live", self.live), ("config", self.config))
        return tuple((half, edit) for half, edit in both if edit is not None)

    @property
    def trace(self) -> str:
        """The interface as it shall be in each half."""
        import json

        return json.dumps([(half, edit.after) for half, edit in self.edits])

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """See `Define.texts`."""
        return tuple((edit.before, edit.after) for _, edit in self.edits)

    @property
    def when(self) -> str:
        """What of the domain is changed."""
        if self.live is None:
            return AT_NEXT_START
        return "live and config" if self.config else "live, until it is shut off"

    def lines(self) -> tuple[str, ...]:
        """The difference of each half."""
        return tuple(
            line
            for half, edit in self.edits
            for line in (f"  {half}:", *xml_lines(_flush(edit.before), _flush(edit.after)))
        )

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """One command for each half, which reads the interface from the lines below it."""
        name = domain_argument(self.name, self.uuid)
        return tuple(
            line
            for half, edit in self.edits
            for line in device_command(
                *(uri, "update-device", edit.after, name),
                *flags_of(half == "live", half == "config"),
            )
        )


def _flush(clause: str) -> str:
    """The clause from the left edge on: all lines but its first are indented in the document."""
    first, *others = clause.split("\n")
    margin = len(others[-1]) - len(others[-1].lstrip()) if others else 0
    return "\n".join((first, *(line[margin:] for line in others)))


# ---- clauses


def as_asked(clause: str) -> str:
    """The clause as libvirt is asked for it.

    Of one on a network the live XML says what that led to, in its type, too. Handed back so, it
    would be plugged into the bridge and have left the network.
    """
    document = Document(clause)
    source = document.find("source")
    network = source.get("network") if source else None
    if source is None or network is None:
        return clause
    kept = {name: value for name in ("network", "portgroup") if (value := source.get(name))}
    if kept.keys() != source.attributes.keys():
        document = Document(document.replace(source, element("source", kept)))
    return _typed(document, "network")


def _typed(document: Document, kind: str) -> str:
    same = document.root.get("type") == kind
    return document.text if same else document.set_attribute(document.root, "type", kind)


def plugged_into(clause: str, to: Source) -> str:
    """The clause with another source.

    What ports of a virtual switch need goes where the kind of the source changes: it was of the
    old one.
    """
    document = Document(clause)
    source, mac = document.find("source"), document.find("mac")
    wanted = element("source", {to.kind: to.name})
    if source is not None and read_interface(clause).source == to:
        return clause
    if source is not None:
        document = Document(document.replace(source, wanted))
    else:
        document = Document(document.insert(document.root, wanted, after=mac))
    port = document.find("virtualport")
    if port is not None and document.root.get("type") != to.kind:
        document = Document(document.remove(port))
    return _typed(document, to.kind)


def linked(clause: str, up: bool) -> str:
    """The clause with its cable plugged in, or not."""
    document = Document(clause)
    if read_interface(clause).up == up:
        return clause
    if (link := document.find("link")) is not None:
        return document.set_attribute(link, "state", "up" if up else "down")
    behind = document.find("model") or document.find("target") or document.find("source")
    return document.insert(document.root, element("link", {"state": "down"}), after=behind)


# ---- planners


def mover(which: str, to: Source, there: Network | Bridge | None = None) -> Planner:
    """Plan to plug an interface, named as `network.find` has it, into something else.

    Args:
        which: The interface.
        to: What it is plugged into.
        there: What is known of that.
    """

    def plan(subject: Subject, target: Target) -> Proposal:
        vnic, halves = _chosen(subject, which, target)
        for half in halves:
            _check_kind(vnic, half)
            _check_floor(getattr(vnic, half), to, there)
        return _updated(
            *(subject, vnic, halves, lambda clause: plugged_into(clause, to)),
            what=f"move {vnic.now.called} to {to}",
            already=f"{vnic.now.called} is on {to} already",
            grade="interrupting",
            note=_NOT_TOLD,
        )

    return plan


def linker(which: str, up: bool) -> Planner:
    """Plan to plug the cable of an interface in, or to pull it."""

    def plan(subject: Subject, target: Target) -> Proposal:
        vnic, halves = _chosen(subject, which, target)
        word = "up" if up else "down"
        return _updated(
            *(subject, vnic, halves, lambda clause: linked(clause, up)),
            what=f"set the link of {vnic.now.called} {word}",
            already=f"the link of {vnic.now.called} is {word} already",
            grade="harmless" if up else "interrupting",
        )

    return plan


def _chosen(subject: Subject, which: str, target: Target) -> tuple[Vnic, tuple[Half, ...]]:
    """The interface, and the halves of the target that have it."""
    if target == "live" and subject.live is None:
        raise ValueError("it does not run")
    if target == "config" and subject.config is None:
        raise ValueError("it is transient: it has no definition")
    vnic = find(vnics(subject.live, subject.config), which)
    wanted: tuple[Half, ...] = ("live", "config") if target == "both" else (target,)
    halves = tuple(half for half in wanted if getattr(vnic, half) is not None)
    if not halves:
        raise ValueError(f"{vnic.now.called} is not in its {target} configuration")
    return vnic, halves


def _check_kind(vnic: Vnic, half: Half) -> None:
    nic: Interface = getattr(vnic, half)
    if half == "live" and nic.actual not in _LIVE_KINDS:
        raise ValueError(
            f"{nic.called} is of the kind {nic.actual}, which libvirt does not move while it "
            "runs: choose config"
        )
    if nic.source.kind not in _KINDS:
        raise ValueError(
            f"{nic.called} is of the kind {nic.source.kind}: take it away, and add another"
        )


def _check_floor(nic: Interface, to: Source, there: Network | Bridge | None) -> None:
    """A bandwidth that is guaranteed is taken from that of one of libvirt's networks.

    Source: libvirt's network driver, `networkCheckBandwidth`.
    """
    inbound = Document(nic.xml).find("bandwidth/inbound")
    floor = inbound.get("floor") if inbound is not None else None
    if not floor:
        return
    promise = f"{nic.called} is guaranteed {floor} KiB/s (<bandwidth> floor)"
    if to.kind != "network":
        raise ValueError(
            f"{promise}, which only a network can do: move it to a network, or take the floor out "
            "of its definition"
        )
    if isinstance(there, Network) and not there.guarantees:
        raise ValueError(
            f"{promise}, which the network {there.name} has nothing to take from: give it a "
            "<bandwidth> with an inbound average, or take the floor out of its definition"
        )


def _updated(
    subject: Subject,
    vnic: Vnic,
    halves: tuple[Half, ...],
    edit: _Edit,
    *,
    what: str,
    already: str,
    grade: Grade,
    note: str = "",
) -> Proposal:
    """Plan an edit of these halves; the note is for a guest that runs."""
    edits: dict[Half, Edit] = {}
    for half in halves:
        nic: Interface = getattr(vnic, half)
        before = as_asked(nic.xml)
        after = edit(before)
        if after != before:
            edits[half] = Edit(nic.xml, before, after)
    if not edits:
        raise ValueError(already)
    live, config = edits.get("live"), edits.get("config")
    felt: Grade = grade if live else "harmless"
    change = UpdateInterface(subject.uuid, subject.name, what, live, config, felt)
    return Proposal((change,), (f"{subject.name}: {note}",) if live and note else ())


def address_giver(which: str, mac: str) -> Planner:
    """Plan to give an interface another MAC address: in the definition, libvirt allows no more."""

    def plan(subject: Subject, target: Target) -> Proposal:
        if target == "live":
            raise ValueError(
                "a guest keeps the address of an interface while it runs: choose config"
            )
        vnic, _ = _chosen(subject, which, "config")
        assert vnic.config is not None
        assert subject.config is not None
        if vnic.config.mac == mac:
            raise ValueError(f"{vnic.now.called} has the address {mac} already")
        document = Document(subject.config)
        node = node_of(document, vnic.config.xml)
        address = node.find("mac") if node else None
        if address is None:
            raise ValueError(f"the definition of {vnic.now.called} has no <mac> to change")
        after = document.set_attribute(address, "address", mac)
        what = f"give {vnic.now.called} the address {mac}"
        notes = (f"{subject.name} runs: its guest has the address from its next start on",)
        change = Define(subject.uuid, subject.name, what, subject.config, after)
        return Proposal((change,), notes if subject.live else ())

    return plan


def adder(to: Source, mac: str, model: str = "virtio") -> Planner:
    """Plan to give a domain one interface more."""
    clause = element(
        "interface",
        {"type": to.kind},
        element("mac", {"address": mac}),
        element("source", {to.kind: to.name}),
        element("model", {"type": model}),
    )

    def plan(subject: Subject, target: Target) -> Proposal:
        live = target != "config" and subject.live is not None
        config = target != "live" and subject.config is not None
        if not live and not config:
            reason = "it does not run" if target == "live" else "it is transient"
            raise ValueError(reason)
        what = f"add the interface {mac} on {to}"
        change = ChangeDevice(subject.uuid, subject.name, what, clause, True, live, config)
        return Proposal((change,))

    return plan


def remover(which: str) -> Planner:
    """Plan to take an interface away."""

    def plan(subject: Subject, target: Target) -> Proposal:
        vnic, halves = _chosen(subject, which, target)
        what = f"take {vnic.now.called} away"
        steps: tuple[tuple[Half, ...], ...] = tuple((half,) for half in halves)
        if vnic.live and vnic.config and vnic.live.address == vnic.config.address:
            steps = (halves,)  # one clause names it in both
        changes = tuple(
            ChangeDevice(
                *(subject.uuid, subject.name, what),
                getattr(vnic, step[-1]).xml,
                attach=False,
                live="live" in step,
                config="config" in step,
                grade="interrupting" if "live" in step else "harmless",
            )
            for step in steps
        )
        return Proposal(changes)

    return plan


def revert(subject: Subject, what: str, seen: str, wanted: str) -> UpdateInterface:
    """Give a running domain's interface what is defined; see `proposal.Revert`."""
    edit = Edit(seen, as_asked(seen), as_asked(wanted))
    return UpdateInterface(subject.uuid, subject.name, what, edit, None, "interrupting")
