"""The guest agents of the demo: what they answer is invented."""

from __future__ import annotations

import json
from time import time
from typing import Any, Final, Protocol
from zlib import crc32

from vconsole.host.demo.fleet import BY_UUID, address_of
from vconsole.host.demo.shape import GIB
from vconsole.model.agent_channels import AGENT

_USERS, _OS, _TIMEZONE, _HOSTNAME, _FILESYSTEMS = 1, 2, 4, 8, 16
"""VIR_DOMAIN_GUEST_INFO_*."""
_FROZEN: Final = "internal error: unable to execute QEMU agent command: the guest is frozen state"
_MOUNTS: Final = (("/", "xfs", 30, "vda"), ("/boot", "ext4", 1, "vda"))


class Domain(Protocol):
    """A domain with an agent."""

    @property
    def frozen(self) -> bool:
        """Its file systems are frozen."""

    def __getattr__(self, name: str) -> Any:
        """What libvirt's domain has."""


def refusal(code: str, message: str) -> Exception:
    """An error of libvirt's.

    Args:
        code: Its name, without ``VIR_ERR_``.
        message: Its words.
    """
    import libvirt

    error: Any = libvirt.libvirtError(message)
    number = getattr(libvirt, f"VIR_ERR_{code}")
    error.err = (number, libvirt.VIR_FROM_TEST, message, 2, None, None, None, 0, 0)
    made: Exception = error
    return made


def check(domain: Domain, frozen_too: bool = False) -> None:
    """Whether its agent answers.

    Raises:
        libvirt.libvirtError: It does not.
    """
    if not domain.isActive():
        raise refusal("OPERATION_INVALID", "Requested operation is not valid: it is not running")
    if AGENT not in domain.XMLDesc(0):
        raise refusal("ARGUMENT_UNSUPPORTED", "QEMU guest agent is not configured")
    if domain.UUIDString() not in BY_UUID:
        raise refusal("AGENT_UNRESPONSIVE", "Guest agent is not responding: not connected")
    if domain.frozen and not frozen_too:
        raise refusal("INTERNAL_ERROR", _FROZEN)


def info(domain: Domain, types: int) -> dict[str, Any]:
    """What virDomainGetGuestInfo gives for these types."""
    check(domain)
    found: dict[str, Any] = {}
    if types & _HOSTNAME:
        found["hostname"] = f"{domain.name()}.example.com"
    if types & _OS:
        found |= {
            "os.id": "debian",
            "os.name": "Debian GNU/Linux",
            "os.pretty-name": "Debian GNU/Linux 13 (trixie)",
            "os.version": "13 (trixie)",
            "os.kernel-release": "6.12.48-amd64",
            "os.machine": "x86_64",
        }
    if types & _TIMEZONE:
        found |= {"timezone.name": "CET", "timezone.offset": 3600}
    if types & _USERS:
        found |= {"user.count": 1, "user.0.name": "root"}
        found["user.0.login-time"] = int((time() - 5400) * 1000)
    if types & _FILESYSTEMS:
        found |= _filesystems(domain)
    return found


def _filesystems(domain: Domain) -> dict[str, Any]:
    found: dict[str, Any] = {"fs.count": len(_MOUNTS)}
    for number, (mountpoint, kind, gib, disk) in enumerate(_MOUNTS):
        used = 20 + crc32(f"{domain.name()}{mountpoint}".encode()) % 60
        found |= {
            f"fs.{number}.mountpoint": mountpoint,
            f"fs.{number}.name": f"{disk}{number + 1}",
            f"fs.{number}.fstype": kind,
            f"fs.{number}.total-bytes": gib * GIB,
            f"fs.{number}.used-bytes": gib * GIB * used // 100,
            f"fs.{number}.disk.count": 1,
            f"fs.{number}.disk.0.alias": disk,
        }
    return found


def addresses(domain: Domain, source: int) -> dict[str, Any]:
    """What virDomainInterfaceAddresses gives: 0 by lease, 1 by the agent, 2 by ARP."""
    wanted = BY_UUID.get(domain.UUIDString())
    if wanted is None or not domain.isActive():
        return {}
    row = {"type": 0, "addr": address_of(domain.UUIDString()), "prefix": 24}
    if source != 1:
        return {"vnet0": {"hwaddr": wanted.mac, "addrs": [row]}} if source == 0 else {}
    check(domain)
    local = {
        "hwaddr": "00:00:00:00:00:00",
        "addrs": [{"type": 0, "addr": "127.0.0.1", "prefix": 8}],
    }
    return {"lo": local, "eth0": {"hwaddr": wanted.mac, "addrs": [row]}}


def vcpus(domain: Domain, count: int) -> dict[str, str]:
    """What virDomainGetGuestVcpus gives."""
    check(domain)
    every = f"0-{count - 1}" if count > 1 else "0"
    offline = f"1-{count - 1}" if count > 2 else "1" if count == 2 else ""
    return {"vcpus": every, "online": every, "offlinable": offline}


def command(domain: Domain, text: str) -> str:
    """Answer a command of the agent's own language."""
    name = json.loads(text).get("execute", "")
    check(domain, frozen_too=name.startswith("guest-fsfreeze") or name == "guest-ping")
    known: dict[str, Any] = {
        "guest-ping": {},
        "guest-sync": json.loads(text).get("arguments", {}).get("id", 0),
        "guest-fsfreeze-status": "frozen" if domain.frozen else "thawed",
        "guest-get-host-name": {"host-name": f"{domain.name()}.example.com"},
        "guest-get-time": int(time() * 1e9),
        "guest-info": {"version": "10.0.3", "supported_commands": []},
        "guest-get-timezone": {"zone": "CET", "offset": 3600},
        "guest-get-users": [{"user": "root", "login-time": time() - 5400}],
    }
    if name not in known:
        raise refusal("INTERNAL_ERROR", f"the command {name[:60]} has not been found (demo)")
    return json.dumps({"return": known[name]})
