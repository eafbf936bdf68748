"""The metrics disk and the virtio channel from end to end: what a real guest reads of its host."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.bootguest import BootedGuest, guest_xml
from tests.integration.ground import wait_until
from tests.integration.lab import Libvirtd
from vconsole.features.metrics import guest as guest_tool
from vconsole.features.metrics.model.config import profile
from vconsole.features.metrics.model.reader import read

pytest_plugins = ("tests.integration.bootfixtures",)
TOOL = "/tmp/vm-dump-metrics"
READS = 25
"""Whole documents read in the guest while the daemon writes one a second."""


class Service:
    """``vconsole vhostmd`` on the machine of a private libvirtd, writing once a second."""

    def __init__(self, host: Libvirtd) -> None:
        self.host, self.disk = host, host.base / "metrics0"
        self._conf, self._control = host.base / "vhostmd.conf", host.base / "vhostmd.sock"
        self._log = host.base / "log/vhostmd.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait for its first document."""
        text = profile("default").decode()
        text = text.replace("/dev/shm/vhostmd0", str(self.disk))
        text = text.replace("<update_period>5<", "<update_period>1<")
        self._conf.write_text(text)
        options = ("-d", "-v", "-c", self.host.uri, "-f", self._conf, "--control", self._control)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                self.host.inside([sys.executable, "-m", "vconsole", "vhostmd", *map(str, options)]),
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: read(self.disk).problem is None, "there is a document")

    def stop(self) -> None:
        """End it as systemd does."""
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(60) == 0
            assert "Traceback" not in self._log.read_text()


@pytest.fixture(scope="module")
def service(boot_host: Libvirtd) -> Iterator[Service]:
    made = Service(boot_host)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def tenant(boot_host: Libvirtd, service: Service) -> Iterator[BootedGuest]:
    """A guest with the disk, read-only, and the channel."""
    xml = guest_xml("tenant", vcpus=1, metrics_disk=service.disk, metrics_channel=True)
    guest = BootedGuest(boot_host, xml).define()
    try:
        guest.start()
        guest.put(TOOL, Path(guest_tool.__file__).read_bytes())
        wait_until(lambda: guest.uuid in _uuids(_document(service)), "its metrics are written")
        yield guest
    finally:
        guest.close()


def _document(service: Service) -> ET.Element:
    """The document as the host reads it."""
    reading = read(service.disk)
    assert reading.problem is None, reading.problem
    return ET.fromstring(reading.content)


def _uuids(document: ET.Element) -> set[str]:
    return {uuid for metric in document if (uuid := metric.get("uuid"))}


def _names(document: ET.Element) -> set[tuple[str | None, str | None, str | None]]:
    return {(m.findtext("name"), m.get("type"), m.get("unit")) for m in document}


def _dump(guest: BootedGuest, *options: str) -> ET.Element:
    done = guest.run(f"python3 {TOOL} {' '.join(options)}")
    assert done.code == 0, done.output
    return ET.fromstring(done.output)


def test_a_guest_reads_its_disk(service: Service, tenant: BootedGuest) -> None:
    seen = _dump(tenant, "-b")
    assert _names(seen) == _names(_document(service))
    assert tenant.uuid in _uuids(seen)


def test_the_channel_has_the_host_and_its_own_only(service: Service, tenant: BootedGuest) -> None:
    wait_until(lambda: tenant.run(f"python3 {TOOL} -i").code == 0, "the channel is served")
    seen = _dump(tenant, "-i")
    assert _uuids(seen) == {tenant.uuid}
    assert {name for name, _, _ in _names(seen)} >= {"TotalPhyCPUs", "HostName"}


TWICE = """
import os, select, sys, time
port = "/dev/virtio-ports/org.github.vhostmd.1"
for _ in range(5):
    with open(port, "wb", buffering=0) as file:
        file.write(b"GET /metrics/XML\\n\\n")
    file = os.open(port, os.O_RDONLY | os.O_NONBLOCK)
    data, until = b"", time.monotonic() + 20
    while not data.endswith(b"\\n\\n") and time.monotonic() < until:
        if select.select([file], [], [], 0.2)[0]:
            try:
                data += os.read(file, 65536)
            except BlockingIOError:
                pass
            if not data:
                time.sleep(0.05)
    os.close(file)
    print(data[:9].decode(), data.count(b"</metrics>"))
"""
"""As ``printf >PORT; cat PORT`` does it."""


def test_a_reply_waits_for_who_opens_the_port_twice(service: Service, tenant: BootedGuest) -> None:
    wait_until(lambda: tenant.run(f"python3 {TOOL} -i").code == 0, "the channel answers")
    tenant.put("/tmp/twice", TWICE.encode())
    assert tenant.run("python3 /tmp/twice").output.splitlines() == 5 * ["<metrics> 1"]


def test_a_document_is_never_torn(service: Service, tenant: BootedGuest) -> None:
    """Values change between two readings, each of which is a whole document."""
    loop = f"for i in $(seq {READS}); do python3 {TOOL} -b -d /tmp/d$i || exit 1; done"
    done = tenant.run(loop, timeout=600)
    assert done.code == 0, done.output
    count = tenant.run("grep -l '^</metrics>$' /tmp/d* | wc -l; cat /tmp/d* | md5sum")
    assert count.output.split()[0] == str(READS)
    several = tenant.run("md5sum /tmp/d* | cut -c1-32 | sort -u | wc -l")
    assert int(several.output) > 1, "the daemon wrote meanwhile"


def test_the_guest_cannot_write_the_disk(service: Service, tenant: BootedGuest) -> None:
    done = tenant.run("for d in /dev/vd*; do echo x 2>/dev/null >$d && echo wrote $d; done; true")
    assert "wrote" not in done.output
    assert read(service.disk).problem is None
