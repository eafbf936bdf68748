"""A domain of the demo host: libvirt's own, with the calls answered that its driver lacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from time import time
from typing import Any, Final
from zlib import crc32

from vconsole.host import masks
from vconsole.host.demo import agent, devices
from vconsole.host.demo.load import load_of
from vconsole.host.demo.shape import PCPUS
from vconsole.host.demo.world import EVERYTHING, World
from vconsole.host.domain_xml import read_domain
from vconsole.model.agent_channels import AGENT
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.xml_edit import Document

_LIVE, _CONFIG, _INACTIVE = 1, 2, 2
"""VIR_DOMAIN_AFFECT_LIVE, VIR_DOMAIN_AFFECT_CONFIG, VIR_DOMAIN_XML_INACTIVE."""
_GIVEN: Final = re.compile(r"\s*<target dev='testnet\d+'/>")
"""The name of an interface on the host, which the driver leaves in the definition."""
_OPEN: Final = f"name='{AGENT}'/>", f"name='{AGENT}' state='connected'/>"
_MOVES: Final = frozenset(
    "create createWithFlags destroy destroyFlags shutdown shutdownFlags managedSave reboot reset"
    " suspend resume undefine undefineFlags setMemoryFlags setVcpusFlags setNumaParameters"
    " revertToSnapshot".split()
)
"""Calls after which a domain is another one."""
_GIB: Final = 1 << 30
_PIVOT: Final = 2
"""VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT."""
_COPY_S: Final = 4.0
"""How long it takes to copy a disk."""
_MIRROR: Final = "<mirror type='file' job='copy' ready='yes'/>"


class Domain:
    """One of the domains; what is not here is the test driver's."""

    def __init__(self, world: World, real: Any) -> None:
        self.world, self.real = world, real

    def __getattr__(self, name: str) -> Any:
        if "napshot" in name:
            self.world.need_snapshots(self.real)
        found = getattr(self.real, name)
        return self._moving(found) if name in _MOVES else found

    def _moving(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def moving(*arguments: Any) -> Any:
            try:
                return call(*arguments)
            finally:
                self.world.changed(self.real)

        return moving

    # -- its XML -------------------------------------------------------------------------------

    def XMLDesc(self, flags: int = 0) -> str:  # noqa: N802 (libvirt's)
        """The driver's; a running one has its devices as they were changed, and its agent open."""
        text = str(self.real.XMLDesc(flags))
        if flags & _INACTIVE or not self.real.isActive():
            return _GIVEN.sub("", text)
        if (own := self.world.devices.get(self.real.UUIDString())) is not None:
            document = Document(text)
            node = document.find("devices")
            text = document.replace(node, own) if node is not None else text
        if not self._answers:
            return _GIVEN.sub("", text)
        text = _GIVEN.sub(self._interface, text)
        text = text.replace(*_OPEN)
        for _, target in [key for key in self.world.copies if key[0] == self.real.UUIDString()]:
            place = f"<target dev='{target}'"
            text = text.replace(place, _MIRROR + place)
        return text

    def _interface(self, found: re.Match[str]) -> str:
        """Its interface, by a name that no other domain's has; an only one."""
        lead = found[0][: len(found[0]) - len(found[0].lstrip())]
        return f"{lead}<target dev='vnet{self.real.ID()}'/>"

    @property
    def _answers(self) -> bool:
        """Its agent has its channel open, its interface a name: once somebody has looked at it.

        Earlier the live XML of every domain would differ from its definition, and the list, which
        compares them, be there later.
        """
        return self.real.UUIDString() in self.world.met

    # -- pins ----------------------------------------------------------------------------------

    def pinVcpuFlags(self, vcpu: int, mask: Iterable[bool], flags: int = 0) -> int:  # noqa: N802
        """Live by the driver's call, for the next start in the definition."""
        return self._pin(("vcpu", vcpu), mask, flags)

    def pinVcpu(self, vcpu: int, mask: Iterable[bool]) -> int:  # noqa: N802
        """As virsh without flags does it."""
        return self._pin(("vcpu", vcpu), mask, 0)

    def pinEmulator(self, mask: Iterable[bool], flags: int = 0) -> int:  # noqa: N802
        """As for a vCPU."""
        return self._pin(("emulator", None), mask, flags)

    def pinIOThread(self, number: int, mask: Iterable[bool], flags: int = 0) -> int:  # noqa: N802
        """As for a vCPU."""
        return self._pin(("iothread", number), mask, flags)

    def _pin(self, key: PinKey, mask: Iterable[bool], flags: int) -> int:
        cpuset, world = CpuSet.from_map(tuple(mask)), self.world
        if not flags:
            flags = _LIVE if self.real.isActive() else _CONFIG
        if flags & _LIVE:
            masks.pin(self.real, key, cpuset, 0, 0)
        if flags & _CONFIG:
            text = str(self.real.XMLDesc(_INACTIVE))
            world.real.defineXML(devices.with_pin(text, key, cpuset))
        if flags & _LIVE:
            world.pinned(self.real)
        return 0

    # -- devices -------------------------------------------------------------------------------

    def attachDeviceFlags(self, xml: str, flags: int = 0) -> int:  # noqa: N802
        """Live above the driver, for the next start in the definition."""
        return self._edit(devices.with_device, xml, flags)

    def detachDeviceFlags(self, xml: str, flags: int = 0) -> int:  # noqa: N802
        """As for attaching."""
        return self._edit(devices.without_device, xml, flags)

    def updateDeviceFlags(self, xml: str, flags: int = 0) -> int:  # noqa: N802
        """As for attaching."""
        return self._edit(devices.with_other_device, xml, flags)

    def _edit(self, edit: Callable[[str, str], str], device: str, flags: int) -> int:
        world = self.world
        try:
            if flags & _CONFIG:
                world.real.defineXML(edit(str(self.real.XMLDesc(_INACTIVE)), device))
            if flags & _LIVE:
                document = Document(edit(self.XMLDesc(0), device))
                if (node := document.find("devices")) is not None:
                    own = document.text[node.start : node.end]
                    world.devices[self.real.UUIDString()] = own
        except LookupError as error:
            raise agent.refusal("DEVICE_MISSING", str(error)) from error
        return 0

    # -- figures -------------------------------------------------------------------------------

    @property
    def ran_s(self) -> float:
        """How long it has run."""
        guest = self.world.guest(self.real)
        return guest.ran_s() if guest else 0.0

    def statistics(self) -> dict[str, Any]:
        """What the bulk statistics say of it."""
        memory = self.memoryStats()
        live = self.world.live(self.real)
        found: dict[str, Any] = {
            "balloon.current": memory["actual"],
            "balloon.maximum": (live.max_memory_bytes or 0) >> 10,
            "balloon.rss": memory["rss"],
            "vcpu.current": live.vcpus,
            "vcpu.maximum": live.max_vcpus,
            "net.count": 1,
            "block.count": 1,
        }
        total = 0
        for vcpu in range(live.vcpus or 0):
            time_ns = int(load_of(self.real.name(), vcpu).busy_s(self.ran_s) * 1e9)
            found |= {f"vcpu.{vcpu}.state": 1, f"vcpu.{vcpu}.time": time_ns}
            total += time_ns
        return {**found, "cpu.time": total}

    def memoryStats(self) -> dict[str, int]:  # noqa: N802
        """What the balloon and the guest tell, in KiB."""
        world = self.world
        actual = (world.live(self.real).memory_bytes or 0) >> 10
        used = 35 + crc32(self.real.UUID()) % 45
        return {
            "actual": actual,
            "available": actual - (actual >> 6),
            "unused": actual * (90 - used) // 100,
            "usable": actual * (97 - used) // 100,
            "swap_in": 0,
            "swap_out": 0,
            "major_fault": 1200 + used,
            "minor_fault": int(self.ran_s) * 40,
            "rss": sum(world.memory(self.real).values()) >> 10,
            "last_update": int(time()),
        }

    def _traffic(self, per_second: float) -> int:
        load = load_of(self.real.name(), 0)
        return int(load.busy_s(self.ran_s) * per_second)

    def interfaceStats(self, target: str) -> tuple[int, ...]:  # noqa: N802
        """Bytes, packets, errors and drops, received and sent."""
        got, sent = self._traffic(9.1e6), self._traffic(3.3e6)
        return got, got // 900, 0, 0, sent, sent // 700, 0, 0

    def blockStatsFlags(self, target: str, flags: int = 0) -> dict[str, int]:  # noqa: N802
        """Bytes, requests and the nanoseconds that they took."""
        self._disk(target)
        read, written = self._traffic(4.2e6), self._traffic(2.6e6)
        return {
            "rd_bytes": read,
            "rd_operations": read >> 15,
            "rd_total_times": (read >> 15) * 210_000,
            "wr_bytes": written,
            "wr_operations": written >> 14,
            "wr_total_times": (written >> 14) * 390_000,
        }

    def blockInfo(self, target: str, flags: int = 0) -> list[int]:  # noqa: N802
        """Capacity, allocation and physical size in bytes."""
        volume = self.world.volume_of(self._disk(target))
        if volume is None:
            return [40 * _GIB, 11 * _GIB, 11 * _GIB]
        _, capacity, allocation = volume.info()
        capacity = self.world.sizes.get((self.real.UUIDString(), target), capacity)
        return [capacity, allocation, allocation]

    def blockResize(self, target: str, size: int, flags: int = 0) -> int:  # noqa: N802
        """Above the driver."""
        self._disk(target)
        self.world.sizes[self.real.UUIDString(), target] = size
        return 0

    def blockCopy(  # noqa: N802
        self, target: str, xml: str, parameters: Any = None, flags: int = 0
    ) -> int:
        """Begin a copy, above the driver."""
        self._disk(target)
        self.world.copies[self.real.UUIDString(), target] = xml, self.world.now_s
        return 0

    def blockJobInfo(self, target: str, flags: int = 0) -> dict[str, int]:  # noqa: N802
        """How far a copy is."""
        if (copy := self.world.copies.get((self.real.UUIDString(), target))) is None:
            return {}
        end = self.blockInfo(target)[0]
        done = min(1.0, (self.world.now_s - copy[1]) / _COPY_S)
        return {"type": 2, "bandwidth": 0, "cur": int(end * done), "end": end}

    def blockJobAbort(self, target: str, flags: int = 0) -> int:  # noqa: N802
        """End a copy; the disk goes on there if that is asked for."""
        text = self.XMLDesc(0)
        copy = self.world.copies.pop((self.real.UUIDString(), target), None)
        if copy is None or not flags & _PIVOT:
            return 0
        document, source = Document(text), Document(copy[0]).find("source")
        for node in document.findall("devices/disk"):
            now, name = node.find("source"), node.find("target")
            if now and name and source and name.get("dev") == target:
                edited = Document(document.set_attribute(now, "file", source.get("file") or ""))
                if (devices := edited.find("devices")) is not None:
                    own = edited.text[devices.start : devices.end].replace(_MIRROR, "")
                    self.world.devices[self.real.UUIDString()] = own
                break
        return 0

    def _disk(self, target: str) -> str:
        """The source of a disk.

        Raises:
            libvirt.libvirtError: There is no such disk.
        """
        for node in Document(self.XMLDesc(0)).findall("devices/disk"):
            name = node.find("target")
            if name is not None and name.get("dev") == target:
                source = node.find("source")
                return (source.get("file") or "") if source is not None else ""
        raise agent.refusal("INVALID_ARG", f"invalid path {target} not assigned to domain")

    # -- what is asked of libvirt's rows -------------------------------------------------------

    def vcpuPinInfo(self, flags: int = 0) -> list[tuple[bool, ...]]:  # noqa: N802
        """The sets of the vCPUs."""
        pins = self._sets(flags)
        return [self._row(pins[key]) for key in pins if key[0] == "vcpu"]

    def emulatorPinInfo(self, flags: int = 0) -> tuple[bool, ...]:  # noqa: N802
        """The set of the emulator."""
        return self._row(self._sets(flags)["emulator", None])

    def ioThreadInfo(self, flags: int = 0) -> list[tuple[int, tuple[bool, ...]]]:  # noqa: N802
        """The sets of the iothreads."""
        pins = self._sets(flags)
        return [(key[1] or 0, self._row(pins[key])) for key in pins if key[0] == "iothread"]

    def _sets(self, flags: int) -> dict[PinKey, CpuSet]:
        found = read_domain(self.XMLDesc(_INACTIVE if flags & _CONFIG else 0))
        return {key: found.allowed(key, EVERYTHING) or EVERYTHING for key in found.pins}

    def _row(self, cpuset: CpuSet) -> tuple[bool, ...]:
        return cpuset.to_map(PCPUS)

    # -- its agent -----------------------------------------------------------------------------

    @property
    def frozen(self) -> bool:
        """Its file systems are frozen."""
        return self.real.UUIDString() in self.world.frozen

    def guestInfo(self, types: int = 0, flags: int = 0) -> dict[str, Any]:  # noqa: N802
        """Invented."""
        return agent.info(self, types)

    def interfaceAddresses(self, source: int, flags: int = 0) -> dict[str, Any]:  # noqa: N802
        """Invented."""
        return agent.addresses(self, source)

    def guestVcpus(self, flags: int = 0) -> dict[str, str]:  # noqa: N802
        """Invented."""
        return agent.vcpus(self, self.world.live(self.real).vcpus or 1)

    def getTime(self, flags: int = 0) -> dict[str, int]:  # noqa: N802
        """A clock that is a little late, until it is set."""
        agent.check(self)
        late = 0.0 if self.real.UUIDString() in self.world.synced else 0.35
        seconds, part = divmod(time() - late, 1)
        return {"seconds": int(seconds), "nseconds": int(part * 1e9)}

    def setTime(self, wanted: Any = None, flags: int = 0) -> int:  # noqa: N802
        """Set its clock."""
        agent.check(self)
        self.world.synced.add(self.real.UUIDString())
        return 0

    def fsFreeze(self, mountpoints: Any = None, flags: int = 0) -> int:  # noqa: N802
        """How many file systems were frozen."""
        agent.check(self)
        self.world.frozen.add(self.real.UUIDString())
        return 2

    def fsThaw(self, mountpoints: Any = None, flags: int = 0) -> int:  # noqa: N802
        """How many file systems were thawed."""
        agent.check(self, frozen_too=True)
        frozen = self.frozen
        self.world.frozen.discard(self.real.UUIDString())
        return 2 if frozen else 0

    def agentSetResponseTimeout(self, seconds: int, flags: int = 0) -> int:  # noqa: N802
        """It answers at once."""
        return 0

    def qemuAgentCommand(self, command: str, seconds: int = 0, flags: int = 0) -> str:  # noqa: N802
        """Of libvirt_qemu, for a driver that does not have it."""
        return agent.command(self, command)
