r"""Guests that boot: a small Linux with the guest agent, which runs the commands of a test.

    guest = BootedGuest(host, guest_xml("web", hostinfo=True)).start()
    assert guest.run("nproc") == (0, "2\n")

Emulated, because the lab hides /dev/kvm; ready some five seconds after its start.
"""

from __future__ import annotations

import base64
import math
import select
import shlex
import socket
import subprocess
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import BufferedRWPair
from pathlib import Path
from typing import NamedTuple, Self
from xml.sax.saxutils import escape, quoteattr

from tests.integration.ground import PATIENCE_S, LabError, find_program, wait_until
from tests.integration.guest.image import guest_files
from tests.integration.guests import EMULATOR
from tests.integration.lab import Libvirtd

BOOT_S = 300.0  # as PATIENCE_S: far more than it takes
ANSWER_S = 60.0
# The speed that its kernel takes for that of the TSC is wrong for good where the machine was busy.
KERNEL_OPTIONS = "console=ttyS0 quiet mitigations=off tsc=unstable no_timer_check"
TERMINATED = 143  # the exit code of what the guest's own timeout has ended


def guest_xml(
    name: str,
    *,
    vcpus: int = 2,
    max_vcpus: int | None = None,
    memory_mib: int = 256,
    iothreads: int = 0,
    agent: bool = True,
    sleeps: bool = False,
    hostinfo: bool = False,
    metrics_disk: Path | None = None,
    metrics_channel: bool = False,
    disk: Path | None = None,
    bridge: str | None = None,
    network: str | None = None,
    address: str = "",
    extra: str = "",
) -> str:
    """The domain XML of a guest that boots.

    One that `sleeps` can be suspended to memory (not with a hot-plugged vCPU: QEMU fails then) and
    may be slow to reboot. `hostinfo` makes its second serial port a socket below
    /var/lib/hostinfo. `disk` is a raw image, mounted on /mnt if it has an ext4. `bridge` or
    `network` say where its eth0 is, which gets the `address` (with /prefix). `extra` is the XML
    of further devices.
    """
    files = guest_files()
    devices = (
        _channel("org.qemu.guest_agent.0") if agent else "",
        _channel("org.github.vhostmd.1") if metrics_channel else "",
        _serial(f"/var/lib/hostinfo/qemu-{name}") if hostinfo else "",
        _disk(disk, "vda", "iothread='1'" if iothreads else "") if disk else "",
        _disk(metrics_disk, "vdz", more="<readonly/><shareable/>") if metrics_disk else "",
        _interface("bridge", bridge) if bridge else "",
        _interface("network", network) if network else "",
        extra,
    )
    environment = f"GUEST_NAME={name} GUEST_ADDRESS={address}"
    return f"""
<domain type='qemu'>
  <name>{escape(name)}</name>
  <uuid>{uuid.uuid5(uuid.NAMESPACE_DNS, name)}</uuid>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu current='{vcpus}'>{max_vcpus or vcpus}</vcpu>
  <iothreads>{iothreads}</iothreads>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{files.packed_kernel if sleeps else files.kernel}</kernel>
    <initrd>{files.initrd}</initrd>
    <cmdline>{KERNEL_OPTIONS} {escape(environment)}</cmdline>
  </os>
  <features><acpi/><tcg><tb-cache unit='MiB'>64</tb-cache></tcg></features>
  <pm><suspend-to-mem enabled='{"yes" if sleeps else "no"}'/></pm>
  <devices>
    <emulator>{EMULATOR}</emulator>
    <controller type='usb' model='none'/>
    {_console(name)}
    <memballoon model='virtio'><stats period='1'/></memballoon>
    {_channel("org.vconsole.test.0", f"/run/libvirt/{name}-control")}
    {"".join(devices)}
  </devices>
</domain>"""


def _console(name: str) -> str:
    log = quoteattr(f"/var/log/libvirt/{name}-console.log")
    return f"<serial type='pty'><log file={log} append='off'/><target port='0'/></serial>"


def _bound(path: str) -> str:
    return f"<source mode='bind' path={quoteattr(path)}/>" if path else ""


def _channel(name: str, path: str = "") -> str:
    return f"<channel type='unix'>{_bound(path)}<target type='virtio' name='{name}'/></channel>"


def _serial(path: str) -> str:
    return f"<serial type='unix'>{_bound(path)}<target port='1'/></serial>"


def _disk(image: Path, device: str, driver: str = "", more: str = "") -> str:
    return (
        f"<disk type='file' device='disk'><driver name='qemu' type='raw' {driver}/>"
        f"<source file={quoteattr(str(image))}/><target dev='{device}' bus='virtio'/>{more}</disk>"
    )


def _interface(kind: str, source: str) -> str:
    where = f"<source {kind}={quoteattr(source)}/>"
    return f"<interface type='{kind}'>{where}<model type='virtio'/></interface>"


class Done(NamedTuple):
    """What became of a command in the guest; the output includes the errors."""

    code: int
    output: str


class BootedGuest:
    """A domain of `guest_xml` on a private host, from its definition to its removal.

    Its failures are LabErrors which end with what the guest last wrote on its console.
    """

    def __init__(self, host: Libvirtd, xml: str) -> None:
        domain = ET.fromstring(xml)
        self.host = host
        self.name = domain.findtext("name", "")
        self.uuid = domain.findtext("uuid", "")
        self._xml = xml
        self._orders = 0
        self._control: tuple[socket.socket, BufferedRWPair] | None = None

    @property
    def hostinfo_socket(self) -> Path:
        """Where the host reaches its second serial port."""
        return self.host.base / f"hostinfo/qemu-{self.name}"

    @property
    def boots(self) -> int:
        """How often it has become ready since it was started."""
        return self.console().count("READY")

    def console(self) -> str:
        """What it wrote on its first serial port since it was started."""
        log = self.host.base / f"log/{self.name}-console.log"
        return log.read_text(errors="replace") if log.exists() else ""

    # --- its life

    def define(self) -> Self:
        """Make libvirt know it."""
        path = self.host.base / f"xml/{self.name}.xml"
        path.write_text(self._xml)
        self.host.virsh("define", str(path))
        return self

    def start(self) -> Self:
        """Define it, start it, and wait until it runs commands."""
        self.define()
        self.host.virsh("start", self.name)
        self.wait_ready()
        return self

    def wait_ready(self, boots: int = 1) -> None:
        """Wait until it is ready for the nth time, as after a reboot."""
        self._wait(lambda: self.boots >= boots, f"{self.name} is ready", BOOT_S)

    def wait_state(self, state: str, timeout: float = PATIENCE_S) -> None:
        """Wait for one of virsh's words for the state of a domain."""
        self._wait(
            lambda: self.host.virsh("domstate", self.name) == state,
            f"{self.name} is {state}",
            timeout,
        )

    def wait_agent(self, timeout: float = PATIENCE_S) -> None:
        """Wait until the guest agent answers through libvirt."""
        self._wait(self._has_agent, f"the agent of {self.name} answers", timeout)

    def close(self) -> None:
        """End it, whatever its state, and forget it."""
        self._hang_up()
        self.host.remove(self.name)

    @property
    def has_room_for_vcpus(self) -> bool:
        """Its kernel takes more than it has begun with: Linux 6.12 does not, emulated."""
        return self.run("cat /sys/devices/system/cpu/possible").output.strip() != "0"

    def _has_agent(self) -> bool:
        ping = ("qemu-agent-command", self.name, '{"execute":"guest-ping"}', "--timeout", "2")
        try:
            return self.host.virsh(*ping) == '{"return":{}}'
        except LabError:
            return False

    def _wait(self, holds: Callable[[], bool], what: str, timeout: float) -> None:
        try:
            wait_until(holds, what, timeout)
        except LabError as error:
            raise self._failure(str(error)) from None

    def _failure(self, words: str) -> LabError:
        return LabError(f"{words}\n{self.console()[-2000:]}")

    # --- commands in it

    def run(self, command: str, timeout: float = PATIENCE_S) -> Done:
        """Run shell commands in it as root; LabError when they take longer.

        What they leave running in the background goes on.
        """
        try:
            done = self._ask(command, math.ceil(timeout))
        except (OSError, ValueError) as error:
            self._hang_up()
            raise self._failure(f"{self.name} does not answer to {command!r}: {error}") from None
        if done.code == TERMINATED:
            raise self._failure(f"{self.name}: not done in {timeout:g} s: {command!r}")
        return done

    def put(self, path: str, data: bytes) -> None:
        """Write a file in it."""
        encoded = base64.b64encode(data).decode()
        done = self.run(f"echo {encoded} | base64 -d >{shlex.quote(path)}")
        if done.code:
            raise self._failure(f"{self.name} cannot write {path}: {done.output}")

    def _ask(self, command: str, timeout: int) -> Done:
        """One exchange, as guest/rootfs/init has it; late answers to others are passed over."""
        self._orders += 1
        stream = self._stream(timeout + ANSWER_S)
        encoded = base64.b64encode(command.encode()).decode()
        stream.write(f"{self._orders} {timeout} {encoded}\n".encode())
        stream.flush()
        number = 0
        while number != self._orders:
            number, code, size = map(int, stream.readline().split())
            output = stream.read(size).decode(errors="replace")
        return Done(code, output)

    def _stream(self, timeout: float) -> BufferedRWPair:
        """The control channel; it is one connection for as long as QEMU runs."""
        if self._control is None or _is_over(self._control[0]):
            self._hang_up()
            control = socket.socket(socket.AF_UNIX)
            control.connect(str(self.host.base / f"run/{self.name}-control"))
            self._control = control, control.makefile("rwb")
        self._control[0].settimeout(timeout)
        return self._control[1]

    def _hang_up(self) -> None:
        if self._control is not None:
            for end in reversed(self._control):
                end.close()
        self._control = None


BootGuest = Callable[..., BootedGuest]
"""boot(host, name, **options of guest_xml): a guest that is ready, and ends with the test."""


def make_disk(path: Path, size: str = "16M") -> Path:
    """A raw image with an empty ext4."""
    subprocess.run([find_program("mke2fs"), "-q", "-t", "ext4", path, size], check=True)
    return path


def _is_over(connection: socket.socket) -> bool:
    """Whether the other side has left."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
