"""Private hosts: skipped where a user cannot have them, demanded on a build server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from tests.integration.ground import obstacle
from tests.integration.guests import Guest
from tests.integration.lab import Libvirtd
from tests.integration.topology import big_cells, two_cells

LaunchGuest = Callable[..., Guest]
"""guest(host, name, running=True, **fields of Guest): a guest that ends with the test."""


def skip_or_fail(reason: str) -> NoReturn:
    """Skip with the reason, or fail with it where CI is set."""
    if os.environ.get("CI", "") in ("", "0", "false"):
        pytest.skip(reason)
    pytest.fail(f"on the build server: {reason}", pytrace=False)


@pytest.fixture(scope="session")
def lab() -> None:
    """A private libvirtd can run here."""
    if reason := obstacle():
        skip_or_fail(f"no private libvirtd: {reason}")


@pytest.fixture(scope="session")
def tun() -> None:
    """Guests can have interfaces."""
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        skip_or_fail(f"no interfaces for guests: {error}")


@pytest.fixture(scope="session")
def two_cell_host(lab: None) -> Iterator[Libvirtd]:
    """Two cells of one real CPU each: live pins reach the kernel."""
    with Libvirtd(two_cells()) as host:
        yield host


@pytest.fixture(scope="session")
def big_host(lab: None) -> Iterator[Libvirtd]:
    """Four cells of sixteen pCPUs, siblings, distances and huge pages, all invented."""
    with Libvirtd(big_cells()) as host:
        yield host


@pytest.fixture
def guest() -> Iterator[LaunchGuest]:
    """A maker of guests that are gone after the test."""
    made: list[tuple[Libvirtd, str]] = []

    def make(host: Libvirtd, name: str, *, running: bool = True, **fields: Any) -> Guest:
        made.append((host, name))
        wanted = Guest(name, **fields)
        return host.launch(wanted) if running else host.define(wanted)

    yield make
    for host, name in reversed(made):
        if not host.running:
            host.start()
        host.remove(name)
