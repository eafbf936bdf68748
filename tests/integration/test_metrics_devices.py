"""The metrics disk and channel, given to real guests and taken away again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.answers import metrics_answers
from tests.integration.bootguest import BootGuest
from tests.integration.conftest import LaunchGuest
from tests.integration.ground import wait_until
from tests.integration.lab import Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.features.metrics.model.disk import BLOCK_BYTES, DiskWriter
from vconsole.features.metrics.model.document import render
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.provision import Attachments, What, Wish
from vconsole.features.metrics.requests import PlanDevices, ReadAttachments
from vconsole.host.link import open_link
from vconsole.model.request import Reply

pytest_plugins = ("tests.integration.bootfixtures",)


class Console:
    """Asks as the console does."""

    def __init__(self, host: Libvirtd) -> None:
        self._requests = HostRequests(lambda: open_link(host.uri, False, False))
        asked = self._requests.handlers()
        self._ask: dict[type, Callable[[Any], Reply]] = {**asked, **metrics_answers(asked)}
        self.path = host.base / "vhostmd0"
        writer = DiskWriter(self.path, BLOCK_BYTES)
        writer.create()
        writer.update(render([Metric("HostName", "kvm07")]))
        writer.close()

    def ask(self, request: Any) -> Reply:
        return self._ask[type(request)](request)

    def change(self, name: str, what: What, attach: bool) -> list[Reply]:
        wish = Wish(what, attach, str(self.path))
        plan = self.ask(PlanDevices(((uuid_of(name), name),), wish)).value
        assert isinstance(plan, tuple)
        assert plan[0].notes == ()
        return [self.ask(change) for change in plan[0].changes]

    def found(self, name: str) -> Attachments:
        reply = self.ask(ReadAttachments((uuid_of(name),), str(self.path)))
        assert isinstance(reply.value, dict)
        found = reply.value[uuid_of(name)]
        assert isinstance(found, Attachments)
        return found

    def close(self) -> None:
        self._requests.close()


def uuid_of(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


@pytest.fixture
def console(boot_host: Libvirtd) -> Iterator[Console]:
    console = Console(boot_host)
    yield console
    console.close()


def statuses(replies: list[Reply]) -> list[tuple[str, str]]:
    return [(reply.status, reply.message) for reply in replies]


def test_a_guest_that_runs_gets_both_at_once_and_loses_them(
    boot_host: Libvirtd, boot: BootGuest, console: Console
) -> None:
    guest = boot(boot_host, "metered")
    assert statuses(console.change("metered", "disk", attach=True)) == [("applied", "")]
    wait_until(lambda: guest.run("head -c 4 /dev/vda").output == "mvbd", "the guest reads it")
    assert guest.run("echo forged >/dev/vda").code != 0
    assert guest.run("cat /sys/block/vda/ro").output == "1\n"
    assert console.path.stat().st_uid == 0, "it stays out of QEMU's hands"
    assert statuses(console.change("metered", "channel", attach=True)) == [("applied", "")]
    wait_until(
        lambda: "org.github.vhostmd.1" in guest.run("ls /dev/virtio-ports").output,
        "the guest has the channel",
    )
    found = console.found("metered")
    for half in (found.live, found.config):
        assert [(d.what, d.alarm) for d in half or ()] == [("disk", ""), ("channel", "")]
    assert statuses(console.change("metered", "channel", attach=False)) == [("applied", "")] * 2
    assert statuses(console.change("metered", "disk", attach=False)) == [("applied", "")]
    assert console.found("metered") == Attachments((), ())
    assert guest.run("ls /dev/vda 2>&1").code != 0


def test_a_guest_that_does_not_let_go_is_told_from_one_that_did(
    boot_host: Libvirtd, guest: LaunchGuest, console: Console
) -> None:
    guest(boot_host, "paused")  # nothing runs in it that could answer
    assert statuses(console.change("paused", "disk", attach=True)) == [("applied", "")]
    (reply,) = console.change("paused", "disk", attach=False)
    assert reply.status == "unknown"
    found = console.found("paused")
    assert found.config == ()
    assert found.has("disk")


def test_a_domain_without_a_controller_gets_its_channel_at_the_next_start(
    boot_host: Libvirtd, guest: LaunchGuest, console: Console
) -> None:
    guest(boot_host, "bare")
    assert statuses(console.change("bare", "channel", attach=True)) == [("applied", "")]
    found = console.found("bare")
    assert found.live == ()
    assert [device.what for device in found.config or ()] == ["channel"]


def test_what_fails_changes_neither_half(
    boot_host: Libvirtd, guest: LaunchGuest, console: Console
) -> None:
    guest(boot_host, "empty-handed")
    console.path.unlink()
    (reply,) = console.change("empty-handed", "disk", attach=True)
    assert reply.status == "failed"
    assert "vhostmd0" in reply.message
    assert console.found("empty-handed") == Attachments((), ())
