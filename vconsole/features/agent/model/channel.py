"""The channel that a guest's agent is reached over: what a domain has, and how it gets one.

libvirt speaks on its own to the agent behind the first virtio channel named org.qemu.guest_agent.0
whose socket QEMU listens on, and to no other. A channel of another name is private: whoever
connects to its socket speaks to what the guest runs behind it.
Sources: https://wiki.libvirt.org/Qemu_guest_agent.html; CLOUDSTACK-8715.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from vconsole.features.agent.model.wire import command_grade, command_name, loggable
from vconsole.model.agent_channels import AGENT, Channel, channel_clause, channels, why_no_plugging
from vconsole.model.outcome import Target
from vconsole.model.proposal import Grade, Planner, Proposal, Subject
from vconsole.model.request import ChangeDevice

OWNERS: Final = {AGENT: "libvirt", "org.github.vhostmd.1": "vhostmd"}
"""Channels that a program of the host keeps open: QEMU serves one connection of a socket."""
ChannelState = Literal["absent", "present", "connected"]
"""``connected``: the guest has it open, which says nothing of answers."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,31}")
"""So short that the path libvirt makes of it fits a socket's 107 bytes."""
_CURE: Final = "remove it, then add one"


@dataclass(frozen=True, slots=True)
class AgentChannel:
    """What a domain has of the channel of one name.

    Attributes:
        live: As it runs; None if it does not.
        config: As it is defined; None if it is transient.
        others: Its other channels now, in the order of the XML.
    """

    name: str = AGENT
    live: tuple[Channel, ...] | None = None
    config: tuple[Channel, ...] | None = None
    others: tuple[Channel, ...] = ()

    @property
    def now(self) -> tuple[Channel, ...]:
        """What the guest has; of a domain that does not run, what it will have."""
        return (self.live if self.live is not None else self.config) or ()

    @property
    def state(self) -> ChannelState:
        """What the domain has now."""
        if not self.now:
            return "absent"
        return "connected" if any(channel.connected for channel in self.now) else "present"

    @property
    def problem(self) -> str:
        """Why no agent is reached over it however the guest is set up, and the cure; or ""."""
        for half in (self.live or (), self.config or ()):
            if len(half) > 1:
                many = f"{len(half)} channels are named {self.name}, QEMU starts with one"
                return f"{many}: remove them, then add one"
            for channel in half:
                if problem := wrong(channel):
                    return problem
        return ""

    @property
    def next_start(self) -> Literal["absent", "present"] | None:
        """What the domain has from its next start on; None for one that is gone then."""
        if self.config is None:
            return None
        return "present" if self.config else "absent"

    @property
    def private(self) -> tuple[Channel, ...]:
        """The other channels that can be spoken to without taking them from anybody."""
        return tuple(channel for channel in self.others if not why_not_private(channel))


def agent_channel(live: str | None, config: str | None, name: str = AGENT) -> AgentChannel:
    """What a domain has of the channel `name`, by its XML.

    Raises:
        XmlEditError: Its XML cannot be read.
    """
    found = {"live": channels(live), "config": channels(config)}
    now = found["live"] if live is not None else found["config"]
    own = {
        half: None if known is None else tuple(c for c in known if c.name == name)
        for half, known in found.items()
    }
    others = tuple(channel for channel in now or () if channel.name != name)
    return AgentChannel(name, own["live"], own["config"], others)


def wrong(channel: Channel) -> str:
    """Why nobody is reached over a channel, and the cure; "" if somebody may be."""
    if channel.target != "virtio":
        return f"{channel.name} has the target type {channel.target!r}, not 'virtio': {_CURE}"
    if channel.backend != "unix":
        return f"{channel.name} is of type {channel.backend!r}, not 'unix': {_CURE}"
    if channel.mode != "bind":
        return (
            f"{channel.name} has the mode {channel.mode!r}, not 'bind', so that QEMU speaks to "
            f"another program: {_CURE}"
        )
    return ""


def why_not_private(channel: Channel) -> str:
    """Why nobody but its owner may speak on a channel's socket; "" if anybody may."""
    if owner := OWNERS.get(channel.name):
        return f"{channel.name} belongs to {owner}"
    return wrong(channel)


@dataclass(frozen=True, slots=True)
class PrivateAgentCommand:
    """Send a command to what the guest runs behind a private channel; answers its line of JSON."""

    uuid: str
    name: str
    channel: str
    command: str
    """As `wire.check_command` answers it."""
    timeout_s: float = 10.0
    """How long is waited for the answer, the sync before it included."""

    @property
    def deadline_s(self) -> float:
        """A little longer than the answer is waited for."""
        return self.timeout_s + 15.0

    @property
    def what(self) -> str:
        """The command's name and the channel's."""
        return f"{command_name(self.command)[:60]} over {self.channel}"

    @property
    def grade(self) -> Grade:
        """The command's."""
        return command_grade(self.command)

    @property
    def when(self) -> str:
        """At once."""
        return "now"

    def lines(self) -> tuple[str, ...]:
        """The command, without passwords."""
        return (f"+ {loggable(self.command)}",)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """None: libvirt does not connect to the channel."""
        return ()


# ---- plans


def add_channel(name: str = AGENT) -> Planner:
    """What gives a domain the channel: while it runs where that is possible, and for good.

    Raises:
        ValueError: No channel can have the name.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name[:60]!r} is no name for a channel: up to 32 letters, digits and _ . : -"
        )

    def plan(subject: Subject, target: Target) -> Proposal:
        found = agent_channel(subject.live, subject.config, name)
        if found.problem:
            raise ValueError(found.problem)
        present = {half: getattr(found, half) for half in _halves(subject, target)}
        lacking = [half for half, known in present.items() if not known]
        if not lacking:
            raise ValueError(f"it has the channel {name} already")
        notes: tuple[str, ...] = ()
        if "live" in lacking and (reason := why_no_plugging(subject.live or "")):
            lacking.remove("live")
            if not lacking:
                raise ValueError(f"{reason}: {_after(present)}")
            notes = (f"{subject.name}: {reason}: the guest has the channel from its next start",)
        return Proposal((_change(subject, name, channel_clause(name), lacking),), notes)

    return plan


def _after(present: dict[str, tuple[Channel, ...]]) -> str:
    """What helps where only the running domain lacks the channel."""
    if present.get("config"):
        return "its definition has the channel, shut it off and start it"
    return "add the channel to its definition, then shut it off and start it"


def remove_channel(name: str = AGENT) -> Planner:
    """What takes all channels of a name from a domain, those that are wrong too."""

    def plan(subject: Subject, target: Target) -> Proposal:
        found = agent_channel(subject.live, subject.config, name)
        changes = tuple(
            _change(subject, name, channel.xml, [half], attach=False)
            for half in _halves(subject, target)
            for channel in getattr(found, half)
        )
        if not changes:
            raise ValueError(f"it has no channel {name}")
        return Proposal(changes)

    return plan


def _halves(subject: Subject, target: Target) -> tuple[str, ...]:
    """The configurations to change that the domain has."""
    wanted = ("live", "config") if target == "both" else (target,)
    halves = tuple(half for half in wanted if getattr(subject, half) is not None)
    if not halves:
        raise ValueError("it does not run" if target == "live" else "it has no definition")
    return halves


def _change(
    subject: Subject, name: str, clause: str, halves: list[str], attach: bool = True
) -> ChangeDevice:
    return ChangeDevice(
        *(subject.uuid, subject.name),
        f"{'add' if attach else 'remove'} the channel {name}",
        clause,
        attach=attach,
        live="live" in halves,
        config="config" in halves,
        grade="harmless" if attach or "live" not in halves else "interrupting",
    )
