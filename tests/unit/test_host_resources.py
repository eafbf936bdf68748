"""Memory and vCPUs on libvirt's test driver, and on a guest that does not follow."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from tests.unit.libvirt_errors import failure
from tests.unit.resource_xml import GIB, domain_xml
from vconsole.changes.host_requests import HostRequests
from vconsole.features.resources import host
from vconsole.features.resources.model.change import SetResource
from vconsole.features.resources.model.numbers import Reading, ReadResources, Resources, resources
from vconsole.features.resources.model.plan_memory import MemoryWish
from vconsole.features.resources.model.plan_vcpus import VcpuWish
from vconsole.host.link import Link, open_link
from vconsole.model.proposal import Propose
from vconsole.model.request import Configurations, Reply

libvirt = pytest.importorskip("libvirt")
DOMAIN = """<domain type='test'><name>resources-{uuid}</name><uuid>{uuid}</uuid>
<memory unit='MiB'>64</memory><currentMemory unit='MiB'>32</currentMemory>
<vcpu current='2'>4</vcpu><os><type>hvm</type></os></domain>"""
MIB = 1024


class Lab:
    """A domain of the test driver that runs, and the requests about it."""

    def __init__(self, read_only: bool = False) -> None:
        self.uuid = str(uuid4())
        opened = lambda: open_link("test:///default", read_only, False)  # noqa: E731
        self.requests = HostRequests(opened)
        self.conn: Any = libvirt.open("test:///default")
        self.domain = self.conn.defineXML(DOMAIN.format(uuid=self.uuid))
        self.domain.create()

    def ask(self, request: Any) -> Reply:
        return self.requests.handlers()[type(request)](request)

    def reading(self) -> Reading:
        found = self.ask(ReadResources(self.uuid)).value
        assert isinstance(found, Reading)
        return found

    def carry_out(self, wish: MemoryWish | VcpuWish) -> list[Reply]:
        reply = self.ask(Propose(((self.uuid, "resources"),), wish.plan))
        assert isinstance(reply.value, tuple)
        return [self.ask(change) for change in reply.value[0].changes]

    def close(self) -> None:
        self.domain.destroy()
        self.domain.undefine()
        self.requests.close()
        self.conn.close()


@pytest.fixture
def lab() -> Any:
    lab = Lab()
    yield lab
    lab.close()


def test_both_configurations_are_read(lab: Lab) -> None:
    found = lab.reading()
    expected = Resources(64 * MIB, 32 * MIB, 2, 4)
    assert (found.live, found.config) == (expected, expected)
    lab.domain.destroy()
    assert lab.reading() == Reading(None, expected)
    lab.domain.create()


def test_a_domain_that_is_gone(lab: Lab) -> None:
    reply = lab.ask(ReadResources(str(uuid4())))
    assert (reply.status, reply.value) == ("failed", None)
    assert "Domain not found" in reply.message


def test_memory_is_set_and_read_back_and_nothing_else_changes(lab: Lab) -> None:
    before = lab.domain.XMLDesc(2)
    (reply,) = lab.carry_out(MemoryWish(current_kib=48 * MIB))
    assert (reply.status, reply.message) == ("applied", "")
    assert reply.read_back == (
        "live: maximum 64 MiB, current 48 MiB; config: maximum 64 MiB, current 48 MiB"
    )
    assert lab.domain.info()[2] == 48 * MIB
    after = lab.domain.XMLDesc(2)
    assert after == before.replace(
        "<currentMemory unit='KiB'>32768<", "<currentMemory unit='KiB'>49152<"
    )


def test_a_maximum_is_of_the_definition(lab: Lab) -> None:
    (reply,) = lab.carry_out(MemoryWish(maximum_kib=16 * MIB))
    assert reply.read_back == "config: maximum 16 MiB, current 16 MiB"
    found = lab.reading()
    assert found.live is not None
    assert found.live.maximum_kib == 64 * MIB


def test_vcpus_live_and_a_maximum_with_them(lab: Lab) -> None:
    replies = lab.carry_out(VcpuWish(count=3))
    assert [reply.read_back for reply in replies] == ["live: 3 of 4 vCPUs; config: 3 of 4 vCPUs"]
    replies = lab.carry_out(VcpuWish(maximum=6, shape=(3, 1, 2)))
    assert [reply.status for reply in replies] == ["applied"]
    found = lab.reading().config
    assert found is not None
    assert (found.vcpus, found.maximum_vcpus) == (3, 6)
    assert found.topology is not None
    assert found.topology.count == 6


def test_what_somebody_else_changed_meanwhile_is_a_conflict(lab: Lab) -> None:
    reply = lab.ask(Propose(((lab.uuid, "resources"),), MemoryWish(current_kib=48 * MIB).plan))
    assert isinstance(reply.value, tuple)
    (change,) = reply.value[0].changes
    lab.domain.setMemoryFlags(40 * MIB, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    refused = lab.ask(change)
    assert refused.status == "conflict"
    assert "its config configuration is by now: maximum 64 MiB, current 40 MiB" in refused.message
    lab.domain.destroy()
    assert "its live configuration is by now: gone" in lab.ask(change).message
    lab.domain.create()


def test_what_the_driver_lacks_is_told(lab: Lab) -> None:
    found = lab.reading()
    reply = lab.ask(SetResource(lab.uuid, "x", "statistics", 5, live=found.live))
    assert reply.status == "failed"
    assert "balloon" in reply.message


def test_read_only_changes_nothing() -> None:
    lab = Lab(read_only=True)
    try:
        reply = lab.ask(SetResource(lab.uuid, "x", "vcpus", 3, live=lab.reading().live))
        assert reply.status == "refused"
    finally:
        lab.close()


# -- guests that do not follow -----------------------------------------------------------------


class Guest:
    """A domain whose guest does what `follow` says with each number it is given."""

    def __init__(self, live: str, config: str, follow: Callable[[Guest, int, int], None]) -> None:
        self.live, self.config, self._follow = live, config, follow
        self.flags: list[int] = []

    def setMemoryFlags(self, kib: int, flags: int) -> None:  # noqa: N802 - libvirt's
        self.flags.append(flags)
        self._follow(self, kib, flags)

    setVcpusFlags = setMemoryFlags  # noqa: N815 - libvirt's


def change(guest: Guest, kind: Any, number: int, monkeypatch: pytest.MonkeyPatch) -> Reply:
    """Ask for it, on both halves, without waiting for long."""
    now = [0.0]
    monkeypatch.setattr(host, "monotonic", lambda: now[0])
    monkeypatch.setattr(host, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    def read(_link: object, _request: object) -> Reply:
        return Reply(value={"x": Configurations(guest.live, guest.config)})

    monkeypatch.setattr(host, "read_configurations", read)
    link = SimpleNamespace(
        call=lambda function, *arguments: function(*arguments),
        conn=SimpleNamespace(lookupByUUIDString=lambda _uuid: guest),
    )
    both = resources(guest.live), resources(guest.config)
    return host.set_resource(cast("Link", link), SetResource("x", "web", kind, number, *both))


BEFORE = domain_xml()
THREE = domain_xml(vcpu="<vcpu current='3'>4</vcpu>")
LIVE, CONFIG = 1, 2


def test_a_balloon_that_moves_slowly_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(guest: Guest, kib: int, flags: int) -> None:
        if flags == LIVE:
            guest.live = domain_xml(current=kib + 100 * MIB)
        else:
            guest.config = domain_xml(current=kib)

    reply = change(Guest(BEFORE, BEFORE, follow), "memory", 2 * GIB, monkeypatch)
    assert (reply.status, reply.message) == (
        "unknown",
        "the guest has not followed within 10 s; it may still do it",
    )
    assert reply.read_back == (
        "live: maximum 8 GiB, current 2148 MiB; config: maximum 8 GiB, current 2 GiB"
    )


def test_an_unplug_that_times_out_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(guest: Guest, count: int, flags: int) -> None:
        if flags == LIVE:
            guest.live = BEFORE  # it lets go after all, a moment later
            raise failure(libvirt.VIR_ERR_OPERATION_TIMEOUT, "vcpu unplug request timed out")
        guest.config = BEFORE

    guest = Guest(THREE, THREE, follow)
    reply = change(guest, "vcpus", 2, monkeypatch)
    assert (reply.status, guest.flags) == ("applied", [LIVE, CONFIG])


def test_an_unplug_that_is_refused_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(guest: Guest, count: int, flags: int) -> None:
        raise failure(libvirt.VIR_ERR_CONFIG_UNSUPPORTED, "no hotpluggable vcpus")

    guest = Guest(THREE, THREE, follow)
    reply = change(guest, "vcpus", 2, monkeypatch)
    assert (reply.status, guest.flags) == ("failed", [LIVE])
    assert reply.message == (
        "no hotpluggable vcpus; what was plugged in can go, once the guest lets go of it"
    )
    assert reply.read_back == "live: 3 of 4 vCPUs; config: 3 of 4 vCPUs"


def test_a_half_that_was_done_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(guest: Guest, kib: int, flags: int) -> None:
        if flags == CONFIG:
            raise failure(libvirt.VIR_ERR_INTERNAL_ERROR, "no space left on device")
        guest.live = domain_xml(current=kib)

    reply = change(Guest(BEFORE, BEFORE, follow), "memory", 2 * GIB, monkeypatch)
    assert reply.status == "failed"
    assert reply.message == "no space left on device; live changed all the same"


def test_a_definition_that_keeps_something_else(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_set", lambda _link, _request: None)
    config = lab.reading().config
    reply = lab.ask(SetResource(lab.uuid, "x", "vcpus", 3, config=config))
    assert (reply.status, reply.message) == ("unknown", "libvirt keeps something else")
    assert reply.read_back == "config: 2 of 4 vCPUs"


def test_a_domain_that_goes_while_it_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(guest: Guest, kib: int, flags: int) -> None:
        guest.live = guest.config = "<domain/>"

    reply = change(Guest(BEFORE, BEFORE, follow), "memory", 2 * GIB, monkeypatch)
    assert (reply.status, reply.message) == (
        "failed",
        "its XML does not say how much memory it has",
    )


def test_statistics_are_read_with_their_age(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"actual": 900, "available": 800, "unused": 100, "rss": 950, "last_update": 40}
    domain = SimpleNamespace(memoryStats=lambda: values)
    monkeypatch.setattr(host, "time", lambda: 43.5)

    def statistics(local: bool) -> Any:
        link = SimpleNamespace(
            call=lambda function, *arguments: function(*arguments),
            conn=SimpleNamespace(lookupByUUIDString=lambda _uuid: domain),
            connection=SimpleNamespace(local=local),
        )
        return host._statistics(cast("Link", link), "x")

    found = statistics(local=True)
    assert (found.age_s, found.used_kib, found.rss_kib, found.swap_in_kib) == (3.5, 700, 950, None)
    assert statistics(local=False).age_s is None
