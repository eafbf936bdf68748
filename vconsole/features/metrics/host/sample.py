"""What metrics are made of: one reading of the host and of its running domains.

A reading costs one call to libvirt whatever the number of domains; what does not change is asked
for once a connection. Memory, paging and CPU time are those of this machine, as with vhostmd,
whatever host the connection leads to.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from vconsole.features.metrics.model.sample import DomainSample, HostSample, Needs, Sample
from vconsole.host import errors
from vconsole.host.link import Link, open_link
from vconsole.host.proc import PROC, read_numbers
from vconsole.host.source import HostError
from vconsole.model.words import dotted_version

_ONLY_ACTIVE: Final = 1
_NOWAIT: Final = 1 << 29
_SHUT_OFF: Final = 5
_VENDORS: Final = {
    "fedora": "Fedora Project",
    "rhel": "Red Hat, Inc.",
    "centos": "CentOS",
    "sles": "SUSE LLC",
    "debian": "Debian",
    "ubuntu": "Ubuntu",
}


@dataclass(frozen=True, slots=True)
class _Host:
    """What stays as it is as long as the connection."""

    hostname: str | None = None
    api: str | None = None
    hypervisor: str | None = None
    pcpus: int | None = None
    memory_bytes: int | None = None
    vendor: str | None = field(default_factory=lambda: read_vendor())


class Sampler:
    """Reads the host over a read-only connection, opened at the first reading and after a loss.

    Its methods block for as long as libvirt does; one thread at a time may call them.

    Args:
        uri: Of the host; None is libvirt's default.
        demo: Read the demo host instead.
    """

    def __init__(self, uri: str | None, demo: bool = False) -> None:
        self._uri, self._demo = uri, demo
        self._link: Link | None = None
        self._host = _Host()

    def read(self, needs: Needs) -> Sample:
        """Read host and domains; without libvirt what this machine says by itself."""
        try:
            domains, defined = self._domains(needs)
        except HostError as error:
            self.close()
            return self.without_libvirt(f"{error.title}: {error.message}")
        return Sample(self._read_host(), domains, defined)

    def without_libvirt(self, error: str) -> Sample:
        """What this machine says by itself, and what libvirt said before; from any thread."""
        return Sample(self._read_host(), None, None, error)

    def remember(self, other: Sampler) -> None:
        """Know what stays as it is from a sampler before this one, until libvirt says it anew."""
        self._host = other._host

    def close(self) -> None:
        """Let go of the connection; the next reading opens another."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _connected(self) -> Link:
        if self._link is None:
            self._link = open_link(self._uri, read_only=True, demo=self._demo)
            self._host = _ask_host(self._link, self._host)
        return self._link

    def _domains(self, needs: Needs) -> tuple[tuple[DomainSample, ...], frozenset[str] | None]:
        import libvirt

        link = self._connected()
        flags = 0 if needs.defined else _ONLY_ACTIVE
        try:
            records = _bulk(link, needs.groups, flags)
        except libvirt.libvirtError as error:
            raise HostError("no statistics", errors.message(error)) from error
        active = [r for r in records if r[1].get("state.state", 1) != _SHUT_OFF]
        found = sorted(_with_info(link, active, needs), key=lambda domain: domain.id)
        everything = frozenset(handle.UUIDString() for handle, _ in records)
        return tuple(d for d in found if d.id >= 0), everything if needs.defined else None

    def _read_host(self) -> HostSample:
        known = self._host
        return replace(
            _read_machine(),
            hostname=known.hostname,
            vendor=known.vendor,
            api=known.api,
            hypervisor=known.hypervisor,
            pcpus=known.pcpus,
            memory_bytes=known.memory_bytes,
        )


def _bulk(link: Link, groups: int, flags: int) -> Iterable[tuple[Any, Mapping[str, Any]]]:
    """One call; without NOWAIT for a driver that does not know it."""
    import libvirt

    call = link.conn.getAllDomainStats
    try:
        return list(link.call(call, groups, flags | _NOWAIT))
    except libvirt.libvirtError as error:
        if not errors.unsupported(error):
            raise
    try:
        return list(link.call(call, groups, flags))
    except libvirt.libvirtError as error:
        if not errors.unsupported(error):
            raise
    return list(link.call(call, 0, 0))


def _with_info(
    link: Link, records: Iterable[tuple[Any, Mapping[str, Any]]], needs: Needs
) -> Iterable[DomainSample]:
    """Domains from their statistics; from virDomainGetInfo where the driver has none at all."""
    found = [_domain(handle, values) for handle, values in records]
    lacks_cpu = needs.cpu and all(d.cpu_ns is None for d in found)
    lacks_memory = needs.memory and all(d.max_memory_kib is None for d in found)
    lacks_vcpus = needs.vcpus and all(d.vcpus is None for d in found)
    if not (lacks_cpu or lacks_memory or lacks_vcpus):
        return found
    return [
        _from_info(link, handle, domain) for (handle, _), domain in zip(records, found, strict=True)
    ]


def _domain(handle: Any, values: Mapping[str, Any]) -> DomainSample:
    return DomainSample(
        handle.ID(),
        handle.UUIDString(),
        handle.name(),
        values.get("cpu.time"),
        values.get("vcpu.current"),
        values.get("balloon.maximum"),
        values.get("balloon.current"),
    )


def _from_info(link: Link, handle: Any, known: DomainSample) -> DomainSample:
    import libvirt

    try:
        _, max_memory_kib, memory_kib, vcpus, cpu_ns = link.call(handle.info)
    except libvirt.libvirtError:  # it has just gone
        return known
    return replace(
        known, cpu_ns=cpu_ns, vcpus=vcpus, max_memory_kib=max_memory_kib, memory_kib=memory_kib
    )


def _ask_host(link: Link, before: _Host) -> _Host:
    """What libvirt says, and what it said before where it does not."""
    conn, driver = link.conn, link.connection.driver
    api = link.attempt("library version", conn.getLibVersion)
    hypervisor = link.attempt("version", conn.getVersion)
    info = link.attempt("nodeinfo", conn.getInfo)
    return _Host(
        hostname=errors.one_line(link.connection.hostname) or before.hostname,
        api=_version(driver, api) or before.api,
        hypervisor=_version(driver, hypervisor) or before.hypervisor,
        pcpus=info[2] if info else before.pcpus,
        memory_bytes=info[1] << 20 if info else before.memory_bytes,
    )


def _version(driver: str, number: int | None) -> str | None:
    """A version as virsh writes it."""
    return None if number is None else f"{driver} {dotted_version(number)}"


def _read_machine() -> HostSample:
    import psutil

    memory, swap, cpu = psutil.virtual_memory(), psutil.swap_memory(), psutil.cpu_times()
    paging = read_numbers(f"{PROC}/vmstat")
    return HostSample(
        at_s=time.time(),
        system_name=socket.gethostname(),
        used_bytes=memory.used,
        available_bytes=memory.available,
        free_bytes=memory.free,
        swap_used_bytes=swap.used,
        swap_free_bytes=swap.free,
        swapped_in_bytes=swap.sin,
        swapped_out_bytes=swap.sout,
        paged_in_kib=paging.get("pgpgin"),
        paged_out_kib=paging.get("pgpgout"),
        cpu_s=cpu.user + cpu.nice + cpu.system,
    )


def read_vendor(path: Path = Path("/etc/os-release")) -> str | None:
    """Who makes the operating system: what a package would name as its vendor, without asking."""
    facts: dict[str, str] = {}
    with suppress(OSError, UnicodeError):
        for line in path.read_text("utf-8").splitlines()[:200]:
            name, _, value = line.partition("=")
            facts[name] = value.strip().strip("\"'")
    vendor = facts.get("VENDOR_NAME") or _VENDORS.get(facts.get("ID", "")) or facts.get("NAME")
    return errors.one_line(vendor) if vendor else None
