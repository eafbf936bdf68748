"""What a guest tells about itself by its agent, and how libvirt is asked for it.

Everything in a report but the channel is chosen by the guest: names, addresses, even the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, get_args

Part = Literal["time", "hostname", "os", "timezone", "users", "addresses", "filesystems", "vcpus"]
"""What can be asked for; the time is asked first, as the ping."""
PARTS: Final[tuple[Part, ...]] = get_args(Part)
State = Literal["off", "absent", "present", "connected"]
"""The domain does not run; it has no channel; nobody in the guest has opened it; somebody has."""
Source = Literal["agent", "lease", "ARP"]
"""Who knows an address: the guest, a DHCP server of libvirt, the host's neighbour table."""
MOST: Final = 256
"""Rows of a kind that are kept of what a guest lists."""
MOST_CHARS: Final = 256
"""Characters that are kept of a text of a guest."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a guest's interface; of one without addresses `address` is empty."""

    interface: str
    """Its name in the guest if the agent knows it, else on the host."""
    mac: str
    address: str
    prefix: int | None
    source: Source


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system that is mounted in the guest."""

    mountpoint: str
    type: str
    used_bytes: int | None = None
    total_bytes: int | None = None
    disks: tuple[str, ...] = ()
    """By the target's name in the domain's XML where libvirt knows it, else as in the guest."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is logged in."""

    name: str
    domain: str = ""
    login_s: float | None = None
    """Seconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class TimeZone:
    """The guest's time zone."""

    name: str
    offset_s: int | None
    """East of Greenwich."""


@dataclass(frozen=True, slots=True)
class GuestVcpus:
    """The guest's own view of its vCPUs, as lists such as ``0-3,7``."""

    known: str
    online: str
    offlinable: str


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What is known of an agent, and by it.

    Attributes:
        state: What there is between libvirt and the agent; by libvirt.
        cure: Why no agent is reached over the channel, and the cure, by its XML; or "".
        private: Names of other channels that an agent may be behind.
        answering: Whether it answers; None where it was not asked.
        ping_ms: How long its first answer took.
        frozen: Its file systems are frozen; None where that is not known.
        os: What it says of its system, as label and text.
        clock_ns: The guest's time, ns since 1970.
        offset_s: How far the guest's clock is ahead of `clock_of`.
        clock_of: Whose clock that is: the host's, or this machine's where they are two.
        problems: What could not be read -> why, foreign; it hides nothing of the rest.
        read_s: When it was read, seconds since 1970.
    """

    state: State
    cure: str = ""
    private: tuple[str, ...] = ()
    answering: bool | None = None
    ping_ms: float | None = None
    frozen: bool | None = None
    hostname: str | None = None
    os: tuple[tuple[str, str], ...] = ()
    timezone: TimeZone | None = None
    users: tuple[User, ...] | None = None
    addresses: tuple[Address, ...] = ()
    filesystems: tuple[FileSystem, ...] | None = None
    vcpus: GuestVcpus | None = None
    clock_ns: int | None = None
    offset_s: float | None = None
    clock_of: Literal["host", "this machine"] = "host"
    problems: Mapping[str, str] = field(default_factory=dict)
    read_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReadAgent:
    """Read what the agent knows; answers an `AgentReport`.

    Without parts the guest is not bothered: the channel is what libvirt knows. Who may only read
    gets the channel, leases and ARP; libvirt lets nobody else ask an agent.
    """

    uuid: str
    name: str
    parts: tuple[Part, ...] = PARTS
    deadline_s: ClassVar[float] = 45.0
    """Longer than libvirt waits where another program is speaking to the agent."""
