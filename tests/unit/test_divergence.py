"""Live against config: what is told, what is libvirt's own, and what can be done about it."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain_xml import CONFIG, LIVE, edited
from vconsole.features.divergence.model.plan import area_planner, planner
from vconsole.features.divergence.model.rows import Row, Way, rows
from vconsole.features.network.model.plan import UpdateInterface
from vconsole.features.resources.model.change import SetResource
from vconsole.model.cpuset import CpuSet
from vconsole.model.proposal import Proposal, Subject
from vconsole.model.request import ChangeDevice, Define
from vconsole.model.set_pins import SetPins
from vconsole.model.xml_edit import diff
from vconsole.registry import revert

EVERYTHING = CpuSet.parse("0-1")
BRIDGED, POOLED = "52:54:00:ed:db:02", "52:54:00:f8:9f:88"
DEVICE = re.compile(r"    <(\w+)[^>]*?(?:/>|>[^\n]*</\1>|>.*?\n    </\1>)\n", re.DOTALL)


def found(live: str = LIVE, config: str = CONFIG) -> list[Row]:
    return list(rows(live, config, EVERYTHING))


def shown(live: str = LIVE, config: str = CONFIG) -> list[tuple[str, str, str | None, str | None]]:
    differences = (row.difference for row in found(live, config))
    return [(d.area, d.what, d.live, d.config) for d in differences]


def planned(way: Way, live: str = LIVE, config: str = CONFIG) -> Proposal:
    wanted = [row.difference for row in found(live, config)]
    return planner(way, wanted, EVERYTHING, revert)(Subject("u", "web", live, config), "both")


def persisted(live: str = LIVE, config: str = CONFIG) -> str:
    (change,) = planned("persist", live, config).changes
    assert isinstance(change, Define)
    assert change.before == config
    return change.after


def test_what_libvirt_writes_itself_is_no_difference() -> None:
    assert LIVE.count("<alias") > 20
    assert shown() == []


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_the_order_of_devices_is_no_difference(seed: int) -> None:
    head, rest = CONFIG.split("<devices>\n")
    body, tail = rest.split("  </devices>")
    devices = [match[0] for match in DEVICE.finditer(body)]
    assert len(devices) > 20
    random.Random(seed).shuffle(devices)
    assert shown(config=f"{head}<devices>\n{''.join(devices)}  </devices>{tail}") == []


EDITS = {
    "a pin": (
        ("<vcpupin vcpu='0' cpuset='1'/>", "<vcpupin vcpu='0' cpuset='0'/>"),
        [("pins", "pin of vCPU 0", "1", "0")],
    ),
    "a pin gone": (
        ("    <emulatorpin cpuset='0'/>\n", ""),
        [("pins", "pin of emulator", "0", "all")],
    ),
    "memory": (
        (">262144</currentMemory>", ">131072</currentMemory>"),
        [("memory", "current memory", "256 MiB", "128 MiB")],
    ),
    "memory by a little": (
        (">262144</memory>", ">262145</memory>"),
        [("memory", "maximum memory", "262144 KiB", "262145 KiB")],
    ),
    "vCPUs": (("current='2'", "current='3'"), [("vCPUs", "vCPUs", "2", "3")]),
    "the maximum": ((">4</vcpu>", ">8</vcpu>"), [("vCPUs", "maximum of vCPUs", "4", "8")]),
    "iothreads": (
        ("<iothreads>2</iothreads>", "<iothreads>3</iothreads>"),
        [("vCPUs", "iothreads", "1, 2", "1-3")],
    ),
    "the clock": (
        ("<clock offset='utc'>", "<clock offset='localtime'>"),
        [("clock", "clock offset", "utc", "localtime")],
    ),
    "a timer gone": (
        ("    <timer name='hpet' present='no'/>\n", ""),
        [("clock", "clock timer hpet", "hpet no", None)],
    ),
    "a feature": (("<acpi/>", "<acpi/><apic/>"), [("features", "features apic", None, "yes")]),
    "suspend": (
        ("<suspend-to-mem enabled='no'/>", "<suspend-to-mem enabled='yes'/>"),
        [("features", "pm suspend-to-mem enabled", "no", "yes")],
    ),
    "the source of a disk": (
        ("plenty.img'", "other.img'"),
        [
            (
                "devices",
                "disk vda",
                "source file /var/lib/libvirt/images/plenty.img",
                "source file /var/lib/libvirt/images/other.img",
            )
        ],
    ),
    "the network": (
        ("<source network='default'/>", "<source network='other'/>"),
        [("network", f"interface {POOLED}", "source network default", "source network other")],
    ),
    "the agent's channel": (
        ("name='org.qemu.guest_agent.0'", "name='org.example'"),
        [
            ("agent", "channel org.qemu.guest_agent.0", "org.qemu.guest_agent.0, unix", None),
            ("devices", "channel org.example", None, "org.example, unix"),
        ],
    ),
    "the balloon's statistics": (
        ("<stats period='1'/>", "<stats period='5'/>"),
        [("memory", "memballoon", "stats period 1", "stats period 5")],
    ),
    "what a crash does": (
        ("<on_crash>destroy<", "<on_crash>restart<"),
        [("other", "on_crash", "destroy", "restart")],
    ),
    "the shape of the CPU": (
        ("cores='2' threads='2'", "cores='4' threads='1'"),
        [("vCPUs", "cpu topology cores", "2", "4"), ("vCPUs", "cpu topology threads", "2", "1")],
    ),
    "shares of the CPU": (
        ("<cputune>", "<cputune><shares>512</shares>"),
        [("vCPUs", "cputune shares", None, "512")],
    ),
    "a title": (("<memory unit", "<title>x</title><memory unit"), [("other", "title", None, "x")]),
}


@pytest.mark.parametrize("name", EDITS)
def test_each_difference_is_told_alone(name: str) -> None:
    edit, expected = EDITS[name]
    assert shown(config=edited(CONFIG, edit)) == expected


BY_OTHER_CHANGES = {"a pin", "a pin gone", "the agent's channel"}


@pytest.mark.parametrize("name", sorted(EDITS.keys() - BY_OTHER_CHANGES))
def test_made_persistent_the_definition_is_what_runs_and_nothing_else_changes(name: str) -> None:
    config = edited(CONFIG, EDITS[name][0])
    after = persisted(config=config)
    assert shown(config=after) == []
    assert re.sub(r"\s+", "", after) == re.sub(r"\s+", "", CONFIG) or name == "a timer gone"
    assert len(diff(config, after)) < 12


def test_several_edits_are_one_definition() -> None:
    edits = [EDITS[name][0] for name in sorted(EDITS.keys() - BY_OTHER_CHANGES)]
    config = edited(CONFIG, *edits)
    (change,) = planned("persist", config=config).changes
    assert isinstance(change, Define)
    assert shown(config=change.after) == []


def test_a_pin_that_only_the_running_domain_has() -> None:
    config = edited(CONFIG, EDITS["a pin gone"][0])
    (persist,) = planned("persist", config=config).changes
    assert isinstance(persist, SetPins)
    assert persist.when == "at the next start"
    assert persist.lines() == ("- emulator config 0-1", "+ emulator config 0")
    assert persist.virsh() == ("virsh emulatorpin --domain web --cpulist 0 --config",)
    (revert,) = planned("revert", config=config).changes
    assert isinstance(revert, SetPins)
    assert (revert.when, revert.lines()[1]) == ("now", "+ emulator live 0-1")


def test_all_pcpus_named_is_no_pin() -> None:
    named = edited(CONFIG, ("<emulatorpin cpuset='0'/>", "<emulatorpin cpuset='0-1'/>"))
    gone = edited(LIVE, EDITS["a pin gone"][0])
    assert shown(gone, named) == []


def test_a_pin_of_a_vcpu_that_is_not_plugged_in_waits_for_it() -> None:
    live = edited(
        LIVE,
        ("current='2'", "current='3'"),
        ("<emulatorpin", "<vcpupin vcpu='2' cpuset='0'/><emulatorpin"),
    )
    pin, count = found(live)
    assert pin.difference.what == "pin of vCPU 2"
    assert "no such vcpu" in pin.persist
    assert not pin.revert
    assert (count.difference.what, count.persist, count.revert) == ("vCPUs", "", "")


DISK = """    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='/new.img' index='9'/>
      <backingStore/>
      <target dev='vdb' bus='virtio'/>
      <alias name='virtio-disk1'/>
      <address type='pci' domain='0x0000' bus='0x09' slot='0x00' function='0x0'/>
    </disk>
"""


def test_a_device_that_only_runs_comes_clean_into_the_definition_or_goes() -> None:
    live = edited(LIVE, ("    <disk ", DISK + "    <disk "))
    assert shown(live) == [("devices", "disk vdb", "/new.img, raw, virtio, file", None)]
    (attach,) = planned("persist", live).changes
    assert isinstance(attach, ChangeDevice)
    assert (attach.attach, attach.live, attach.config) == (True, False, True)
    for own in ("index", "backingStore", "alias", "address"):
        assert own not in attach.device
    assert "<source file='/new.img'/>" in attach.device
    (detach,) = planned("revert", live).changes
    assert isinstance(detach, ChangeDevice)
    assert (detach.attach, detach.live, detach.config) == (False, True, False)
    assert detach.grade == "interrupting"
    assert detach.device == DISK.strip()


def test_a_device_that_is_only_defined_is_taken_out_only_if_that_is_asked_for() -> None:
    config = edited(CONFIG, ("    <disk ", DISK.replace(" index='9'", "") + "    <disk "))
    (row,) = found(config=config)
    assert row.removes
    subject = Subject("u", "web", LIVE, config)
    kept = area_planner("persist", None, EVERYTHING, revert)(subject, "both")
    assert kept == Proposal((), ("web: disk vdb: only in the definition",))
    gone = area_planner("persist", "devices", EVERYTHING, revert, removing=True)(subject, "both")
    (detach,) = gone.changes
    assert isinstance(detach, ChangeDevice)
    assert (detach.attach, detach.config) == (False, True)
    (attach,) = area_planner("revert", None, EVERYTHING, revert)(subject, "both").changes
    assert isinstance(attach, ChangeDevice)
    assert (attach.attach, attach.live, attach.config) == (True, True, False)
    assert area_planner("revert", "memory", EVERYTHING, revert)(subject, "both") == Proposal()


def test_an_interface_on_a_network_is_put_back_as_libvirt_takes_it() -> None:
    config = edited(CONFIG, EDITS["the network"][0])
    (change,) = planned("revert", config=config).changes
    assert isinstance(change, UpdateInterface)
    assert change.live is not None
    assert "portid" in change.live.seen
    assert "portid" not in change.live.before
    assert "<source network='other'/>" in change.live.after
    assert change.grade == "interrupting"


def test_a_link_that_was_pulled() -> None:
    mac = f"<mac address='{BRIDGED}'/>"
    live = edited(LIVE, (mac, f"{mac}<link state='down'/>"))
    assert shown(live) == [("network", f"interface {BRIDGED}", "link down", "link -")]
    assert "<link state='down'/>" in persisted(live)
    assert shown(edited(LIVE, (mac, f"{mac}<link state='up'/>"))) == []


def test_memory_and_vcpus_are_set_back_as_the_resources_are() -> None:
    config = edited(CONFIG, EDITS["memory"][0], EDITS["vCPUs"][0])
    vcpus, memory = planned("revert", config=config).changes
    assert isinstance(memory, SetResource)
    assert isinstance(vcpus, SetResource)
    assert (memory.kind, memory.number, memory.grade) == ("memory", 131072, "interrupting")
    assert (vcpus.kind, vcpus.number, vcpus.grade) == ("vcpus", 3, "harmless")
    assert memory.config is None
    assert vcpus.config is None


def test_without_a_balloon_memory_takes_a_restart() -> None:
    live = edited(LIVE, ("<memballoon model='virtio'>", "<memballoon model='none'>"))
    config = edited(
        CONFIG, EDITS["memory"][0], ("<memballoon model='virtio'>", "<memballoon model='none'>")
    )
    (row,) = found(live, config)
    assert row.revert.startswith("it has no balloon")


def test_a_number_without_sense_is_not_counted_to() -> None:
    """A remote host may say that there are four thousand million of something."""
    many = "<domain type='kvm'><vcpu>{0}</vcpu><iothreads>{0}</iothreads></domain>".format
    words = {(what, live) for _, what, live, _ in shown(many(4294967295), many(1))}
    assert ("maximum of vCPUs", "4294967295") in words
    assert ("iothreads", "1-65536") in words


@pytest.mark.parametrize("name", ["the clock", "a feature", "the maximum", "a title", "iothreads"])
def test_what_changes_only_at_a_start_says_so(name: str) -> None:
    (row,) = found(config=edited(CONFIG, EDITS[name][0]))
    assert "not done from here while it runs" in row.revert
    config = edited(CONFIG, EDITS[name][0])
    assert planned("revert", config=config).changes == ()
    assert "not done from here while it runs" in planned("revert", config=config).notes[0]


def test_a_cpu_that_libvirt_spelled_out_is_edited_by_hand() -> None:
    config = edited(
        CONFIG,
        ("<cpu mode='host-model' check='partial'>", "<cpu mode='custom'><model>qemu64</model>"),
    )
    (row,) = found(config=config)
    assert row.difference.what == "cpu model"
    assert "edit the definition" in row.persist


@pytest.mark.parametrize(
    "cpu",
    [
        "<cpu mode='custom' match='minimum' check='partial'><model fallback='allow'>EPYC</model>",
        "<cpu mode='custom' match='exact'><model>EPYC</model>"
        "<feature policy='optional' name='nope'/><feature policy='force' name='umip'/>",
    ],
)
def test_a_cpu_that_runs_as_it_is_defined_is_none(cpu: str) -> None:
    config = edited(CONFIG, ("<cpu mode='host-model' check='partial'>", cpu))
    assert shown(config=config) == []


def test_what_is_not_as_it_was_seen_any_more_is_left_alone() -> None:
    seen = [row.difference for row in found(config=edited(CONFIG, EDITS["memory"][0]))]
    plan = planner("persist", seen, EVERYTHING, revert)
    assert plan(Subject("u", "web", LIVE, CONFIG), "both") == Proposal(
        (), ("web: current memory: it is not so any more",)
    )


@pytest.mark.parametrize(
    ("live", "config", "reason"),
    [
        (None, CONFIG, "it does not run"),
        (LIVE, None, "it is transient"),
        (LIVE, "<domain>", "XML line 1"),
        (LIVE, "<!DOCTYPE x><domain/>", "DTD"),
        (LIVE, "<domain><qemu:commandline/></domain>", "cannot be parsed"),
    ],
)
def test_what_cannot_be_compared_says_why(
    live: str | None, config: str | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        rows(live, config, EVERYTHING)


def test_devices_that_nothing_tells_apart_are_matched_by_what_they_are() -> None:
    rng = "    <rng model='virtio'><backend model='random'>/dev/{}</backend></rng>\n"
    many = "".join(rng.format(name) for name in ("urandom", "random", "hwrng"))
    config = edited(CONFIG, ("    <memballoon", many + "    <memballoon"))
    turned = "".join(rng.format(name) for name in ("hwrng", "other", "urandom"))
    live = edited(LIVE, ("    <memballoon", turned + "    <memballoon"))
    assert shown(live, config) == [("devices", "rng", "backend /dev/other", "backend /dev/random")]
