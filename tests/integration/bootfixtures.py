"""Fixtures with guests that boot, for the test modules that have this line.

pytest_plugins = ("tests.integration.bootfixtures",)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.bootguest import BootedGuest, BootGuest, guest_xml, make_disk
from tests.integration.conftest import skip_or_fail
from tests.integration.ground import LabError
from tests.integration.guest.image import guest_files
from tests.integration.lab import Libvirtd
from tests.integration.topology import two_cells


@pytest.fixture(scope="session")
def bootable(lab: None) -> None:
    """There is a guest to boot."""
    try:
        guest_files()
    except LabError as error:
        skip_or_fail(f"no guest to boot: {error}")


@pytest.fixture(scope="session")
def boot_host(bootable: None) -> Iterator[Libvirtd]:
    """Two cells of one real CPU each, for guests that run."""
    with Libvirtd(two_cells()) as host:
        yield host


@pytest.fixture(scope="session")
def booted(boot_host: Libvirtd) -> Iterator[BootedGuest]:
    """One guest for all tests that leave it as it was: agent, hostinfo, iothread, ext4 on /mnt."""
    image = make_disk(boot_host.base / "shared.img")
    xml = guest_xml("shared", hostinfo=True, iothreads=1, disk=image)
    guest = BootedGuest(boot_host, xml)
    try:
        yield guest.start()
    finally:
        guest.close()


@pytest.fixture
def boot(bootable: None) -> Iterator[BootGuest]:
    """A maker of guests of one's own."""
    made: list[BootedGuest] = []

    def make(host: Libvirtd, name: str, **options: Any) -> BootedGuest:
        made.append(BootedGuest(host, guest_xml(name, **options)))
        return made[-1].start()

    yield make
    for guest in made:
        guest.close()
