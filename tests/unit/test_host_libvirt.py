"""The libvirt adapter on libvirt's own test driver: every call here is a real one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest

from vconsole.host.fleet import LARGE
from vconsole.host.libvirt_source import LibvirtSource, connect
from vconsole.host.source import HostError, View
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState

libvirt = pytest.importorskip("libvirt")

DOMAIN = """<domain type='test'><name>{name}</name><uuid>{uuid}</uuid><title>A title</title>
<memory unit='MiB'>64</memory><currentMemory unit='MiB'>32</currentMemory>
<vcpu cpuset='0-3' current='2'>4</vcpu><iothreads>1</iothreads>
<cputune><vcpupin vcpu='0' cpuset='9'/><emulatorpin cpuset='8-15'/></cputune>
<numatune><memory mode='strict' nodeset='1'/></numatune>
<os><type>hvm</type></os></domain>"""


class Lab:
    """A connection of the test beside the one under test; both see the same host."""

    def __init__(self) -> None:
        self.conn: Any = libvirt.open("test:///default")
        self.woken = threading.Event()
        self.source: LibvirtSource = connect("test:///default", wake=self.woken.set)
        self.made: list[str] = []

    def define(self, start: bool = True) -> Any:
        uuid = str(uuid4())
        domain = self.conn.defineXML(DOMAIN.format(name=f"lab-{uuid[:8]}", uuid=uuid))
        self.made.append(uuid)
        if start:
            domain.create()
        return domain

    def read(self, view: View | None = None) -> HostState:
        host_state = self.source.read(view or View())
        while self.source.unfinished:
            host_state = self.source.read(view or View())
        return host_state

    def find(self, handle: Any, view: View | None = None) -> Domain:
        found = self.read(view).domain(handle.UUIDString())
        assert found is not None
        return found

    def close(self) -> None:
        self.source.close()
        for uuid in self.made:
            remove(self.conn, uuid)
        self.conn.close()


def remove(conn: Any, uuid: str) -> None:
    try:
        domain = conn.lookupByUUIDString(uuid)
        if domain.isActive():
            domain.destroy()
        domain.undefine()
    except libvirt.libvirtError:
        pass


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.close()


def eventually(what: Callable[[], object], seconds: float = 30.0) -> None:
    end = monotonic() + seconds
    while not what():
        assert monotonic() < end, "it did not come about in time"
        sleep(0.005)


def test_the_host_has_two_cells_of_eight_pcpus(lab: Lab) -> None:
    host_state = lab.read()
    assert [(c.id, len(c.pcpus), c.free_bytes) for c in host_state.cells] == [
        (0, 8, 2 << 20),
        (1, 8, 4 << 20),
    ]
    assert len(host_state.pcpus) == 16
    assert host_state.pcpus[9].cell == 1


def test_a_map_that_is_too_narrow_calls_no_pcpu_offline(lab: Lab) -> None:
    assert {p.online for p in lab.read().pcpus} == {None}


def test_a_domain_is_read_with_all_its_rows(lab: Lab) -> None:
    found = lab.find(lab.define())
    assert (found.title, found.vcpus, found.max_vcpus) == ("A title", 2, 4)
    assert (found.memory_bytes, found.max_memory_bytes) == (32 << 20, 64 << 20)
    assert found.numatune is not None
    assert str(found.numatune.nodeset) == "1"
    assert [(p.kind, p.id, str(p.live)) for p in found.pins] == [
        ("vcpu", 0, "9"),
        ("vcpu", 1, "0-3"),
        ("vcpu", 2, "0-3"),
        ("vcpu", 3, "0-3"),
        ("emulator", None, "8-15"),
        ("iothread", 1, "0-3"),
    ]
    assert [p.id for p in found.pins if not p.plugged] == [2, 3]


def test_a_domain_that_is_shut_off_has_no_live_pins(lab: Lab) -> None:
    found = lab.find(lab.define(start=False))
    assert found.state == "shut off"
    assert {p.live for p in found.pins} == {None}
    assert str(found.pins[0].config) == "9"


def test_a_domain_that_did_not_change_stays_the_same_object(lab: Lab) -> None:
    handle = lab.define()
    first = lab.find(handle)
    assert lab.find(handle) is first
    assert lab.read().domains is lab.read().domains


def test_the_driver_is_found_to_keep_one_set_of_pins(lab: Lab) -> None:
    lab.define()
    assert lab.read().connection.split_pins is False


def test_events_wake_and_show_the_new_state(lab: Lab) -> None:
    handle = lab.define()
    lab.find(handle)
    lab.woken.clear()
    handle.suspend()
    eventually(lab.woken.is_set)
    assert lab.find(handle).state == "paused"


def test_an_event_has_the_configuration_read_again(lab: Lab) -> None:
    handle = lab.define()
    lab.find(handle)
    handle.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "Another", None, None, 0)
    eventually(lambda: lab.find(handle).title == "Another")


def test_a_domain_that_goes_leaves_the_list(lab: Lab) -> None:
    handle = lab.define()
    uuid = lab.find(handle).uuid
    remove(lab.conn, uuid)
    assert lab.read().domain(uuid) is None


def test_autostart_is_seen(lab: Lab) -> None:
    handle = lab.define()
    handle.setAutostart(1)
    assert lab.find(handle).autostart is True


def test_a_name_of_control_characters_is_just_a_name(lab: Lab) -> None:
    uuid = str(uuid4())
    lab.made.append(uuid)
    lab.conn.defineXML(DOMAIN.format(name="a\u009b31m\u202e[b]", uuid=uuid))
    found = lab.read().domain(uuid)
    assert found is not None
    assert found.name == "a\u009b31m\u202e[b]"


def test_what_tells_no_event_is_read_anew_when_it_was_changed_from_here(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    handle.pinVcpu(0, (True,) + (False,) * 7)
    assert lab.find(handle, View(again=frozenset({found.uuid}))).pins[0].live == CpuSet.of([0])


def test_the_domain_in_view_has_threads_xml_and_facts(lab: Lab) -> None:
    handle = lab.define()
    view = View("domain", handle.UUIDString())
    detail = lab.read(view).detail
    assert detail is not None
    assert [t.state for t in detail.threads if t.kind == "vcpu"] == ["running", "running"]
    assert detail.xml_live is not None
    assert detail.xml_config is not None
    assert ("OS type", "hvm") in detail.facts or ("OS type", "linux") in detail.facts
    assert lab.read(View("domains")).detail is None


def test_usage_appears_with_the_second_reading(lab: Lab) -> None:
    uuid = lab.find(lab.define()).uuid
    sleep(0.11)
    turns = (lab.read().usage[uuid].cpu_percent for _ in range(20))  # domains take turns
    assert any(percent is not None for percent in turns)


def test_a_tick_makes_four_calls_besides_those_within_the_process(lab: Lab) -> None:
    for _ in range(20):
        lab.define()
    lab.read()
    eventually(lambda: not lab.source.unfinished and quiet(lab))
    running = sum(d.state == "running" for d in lab.read().domains)
    for _ in range(10):
        before = lab.source.calls
        lab.read()
        assert lab.source.calls - before <= 4 + running


def quiet(lab: Lab) -> bool:
    lab.woken.clear()
    lab.read()
    return not lab.woken.wait(0.05)


def test_domains_come_and_go_while_they_are_read(lab: Lab) -> None:
    for _ in range(30):
        handle = lab.define()
        assert lab.find(handle).active
        remove(lab.conn, lab.made.pop())
        assert lab.read().domain(handle.UUIDString()) is None


def test_the_list_of_a_large_fleet_rests_between_events(lab: Lab) -> None:
    handles = [lab.define(start=False) for _ in range(60)]
    lab.read(View(now=True))
    eventually(lambda: not lab.source.unfinished and quiet(lab))
    fleet = lab.source._fleet
    fleet.list_took_s = 0.1  # rests for seconds
    before = fleet._listed_at
    lab.read()
    assert fleet._listed_at == before
    lab.woken.clear()
    started = next(h for h in handles[3:9] if h.create() == 0 and lab.woken.wait(10))
    eventually(lambda: lab.find(started).active)
    fleet.list_took_s, before = 0.1, fleet._listed_at
    lab.read(View(now=True))
    assert fleet._listed_at > before, "somebody asked"


def test_what_a_large_fleets_texts_took_is_given_back_once(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    monkeypatch.setattr("vconsole.host.libvirt_source.give_back", lambda: given.append(1))
    lab.read()
    assert not given, "a small fleet"
    for _ in range(LARGE):
        lab.define(start=False)
    lab.read(View(now=True))
    lab.read()
    assert given == [1]


def test_a_hundred_connections_leave_nothing_open() -> None:
    connect("test:///default").close()
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        source = connect("test:///default")
        source.read(View())
        source.close()
    eventually(lambda: threading.active_count() <= threads)
    eventually(lambda: len(os.listdir("/proc/self/fd")) <= files + 2)


@pytest.mark.parametrize(
    "uri",
    ["nonsense:///", "test:///no/such/file.xml", "test:///etc", "qemu+unix:///system?socket=/no"],
)
def test_a_uri_that_leads_nowhere_is_named_in_one_line(uri: str) -> None:
    with pytest.raises(HostError) as caught:
        connect(uri)
    assert uri in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_is_no_host_is_quoted_on_one_clean_line(tmp_path: Path) -> None:
    path = tmp_path / "node.xml"
    path.write_text("\x1b[31mroot:x:0\nsecond\n")
    with pytest.raises(HostError) as caught:
        connect(f"test://{path}")
    assert caught.value.message.isprintable()


def test_the_demo_host_has_a_believable_fleet() -> None:
    source = connect(None, demo=True)
    host_state = source.read(View())
    while source.unfinished:
        host_state = source.read(View())
    source.close()
    for domain in host_state.domains:
        assert domain.name
    demo = [d for d in host_state.domains if d.title]
    assert host_state.connection.demo
    assert len(demo) >= 20
    assert {d.state for d in demo} >= {"running", "paused", "shut off"}
