"""Every element that can be edited has a test that edits it, and sees that nothing else changes.

What there is comes from the code: its tables of settings, the fields of its wishes, its functions
that edit XML, its planners. One that is added without a line here fails the suite.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

import vconsole
from vconsole.features.network.model import plan as network
from vconsole.features.network.model.interfaces import Source
from vconsole.features.pins.model.edit_settings import with_setting
from vconsole.features.policy.model import clock, elements, features, redirfilter, timers
from vconsole.features.policy.model.elements import DEFAULT
from vconsole.features.policy.model.redirfilter import Rule, parse_rule
from vconsole.features.policy.model.settings import settings_of
from vconsole.features.policy.model.timers import CATCHUP, TIMERS, VALUES, Timer, parse_timer
from vconsole.features.resources.model import change, edit_vcpus
from vconsole.features.resources.model.numbers import Resources, Topology, resources
from vconsole.features.resources.model.plan_memory import MemoryWish
from vconsole.features.resources.model.plan_vcpus import VcpuWish
from vconsole.features.storage.model.disk_plan import DiskWish, attacher
from vconsole.features.storage.model.plan import PoolWish, VolumeWish, plan_create, plan_define
from vconsole.features.storage.model.pool import Pool
from vconsole.model import hostinfo_port, libvirt_additions
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKind
from vconsole.model.outcome import PinChange, PinStep
from vconsole.model.proposal import Proposal, Subject, xml_lines
from vconsole.model.request import Define
from vconsole.model.set_pins import SetPins
from vconsole.model.setting import (
    NUMBERED,
    SETTING_KINDS,
    Setting,
    SettingKind,
    parse_setting,
)
from vconsole.model.xml_edit import Document

Edit = Callable[[str], str]
NIC = """<interface type='network'>
      <mac address='52:54:00:11:22:33'/>
      <source network='default'/>
    </interface>"""
LIVE_NIC = "<interface type='bridge'><source network='default' bridge='virbr0'/></interface>"
DOMAIN = f"""<domain type='test'>
  <name>web</name>
  <uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>
  <memory unit='KiB' dumpCore='on'>2097152</memory>
  <currentMemory unit='KiB'>2097152</currentMemory>
  <vcpu current='2'>4</vcpu>
  <os>
    <type arch='x86_64'>hvm</type>
  </os>
  <features>
    <pmu state='on'/>
  </features>
  <cpu mode='host-passthrough'>
    <topology sockets='1' cores='2' threads='2'/>
  </cpu>
  <clock offset='variable' adjustment='60' basis='utc'>
    <timer name='rtc' track='wall'/>
  </clock>
  <pm>
    <suspend-to-mem enabled='no'/>
    <suspend-to-disk enabled='no'/>
  </pm>
  <devices>
    {NIC}
    <memballoon model='virtio'>
      <stats period='5'/>
    </memballoon>
    <redirfilter>
      <usbdev class='0x08' allow='no'/>
      <usbdev allow='yes'/>
    </redirfilter>
  </devices>
</domain>
"""
FULL_CLOCK = DOMAIN.replace("offset='variable' adjustment='60' basis='utc'", "{}")


def changed(before: str, after: str) -> list[str]:
    """The lines that differ, from the left edge on."""
    lines = (line for line in xml_lines(before, after) if line[0] in "+-")
    return [line[0] + line[1:].strip() for line in lines]


@cache
def models() -> tuple[ModuleType, ...]:
    """All pure modules."""
    names = (module.name for module in pkgutil.walk_packages(vconsole.__path__, "vconsole."))
    pure = re.compile(r"vconsole\.(features\.\w+\.)?model(\.|$)")
    return tuple(importlib.import_module(name) for name in names if pure.match(name))


def own(module: ModuleType) -> Iterator[tuple[str, Callable[..., object]]]:
    """The functions that a module offers."""
    for name, value in vars(module).items():
        ours = inspect.isfunction(value) and value.__module__ == module.__name__
        if ours and not name.startswith("_"):
            yield name, value


# -- what edits XML ------------------------------------------------------------------------------


def clock_is(attributes: str) -> str:
    return FULL_CLOCK.format(attributes)


EDITS: dict[str, tuple[str, Edit, list[str]]] = {
    "network.plan.as_asked": (
        LIVE_NIC,
        network.as_asked,
        [f"-{LIVE_NIC}", "+<interface type='network'><source network='default'/></interface>"],
    ),
    "network.plan.plugged_into": (
        NIC,
        lambda xml: network.plugged_into(xml, Source("network", "other")),
        ["-<source network='default'/>", "+<source network='other'/>"],
    ),
    "network.plan.linked": (
        NIC,
        lambda xml: network.linked(xml, up=False),
        ["+<link state='down'/>"],
    ),
    "pins.edit_settings.with_setting": (
        DOMAIN,
        lambda xml: with_setting(xml, "vcpuset", None, Setting("vcpuset", "4-7")),
        ["-<vcpu current='2'>4</vcpu>", "+<vcpu current='2' cpuset='4-7'>4</vcpu>"],
    ),
    "policy.clock.set_clock": (
        DOMAIN,
        lambda xml: clock.set_clock(xml, "offset", "utc"),
        ["-<clock offset='variable' adjustment='60' basis='utc'>", "+<clock offset='utc'>"],
    ),
    "policy.clock.clock_element": (
        "<domain>\n  <name>a</name>\n</domain>",
        clock.clock_element,
        ["+<clock offset='utc'/>"],
    ),
    "policy.elements.set_attributes": (
        DOMAIN,
        lambda xml: elements.set_attributes(xml, clock.clock_node, {"basis": None}),
        [
            "-<clock offset='variable' adjustment='60' basis='utc'>",
            "+<clock offset='variable' adjustment='60'>",
        ],
    ),
    "policy.features.set_pmu": (
        DOMAIN,
        lambda xml: features.set_pmu(xml, "off"),
        ["-<pmu state='on'/>", "+<pmu state='off'/>"],
    ),
    "policy.features.set_sleep": (
        DOMAIN,
        lambda xml: features.set_sleep(xml, "suspend-to-disk", "yes"),
        ["-<suspend-to-disk enabled='no'/>", "+<suspend-to-disk enabled='yes'/>"],
    ),
    "policy.redirfilter.add_rules": (
        DOMAIN,
        lambda xml: redirfilter.add_rules(xml, 2, (parse_rule("0x03:-1:-1:-1:no"),)),
        ["+<usbdev class='0x03' allow='no'/>"],
    ),
    "policy.redirfilter.set_rule": (
        DOMAIN,
        lambda xml: redirfilter.set_rule(xml, 0, parse_rule("0x08:-1:-1:-1:yes")),
        ["-<usbdev class='0x08' allow='no'/>", "+<usbdev class='0x08' allow='yes'/>"],
    ),
    "policy.redirfilter.remove_rule": (
        DOMAIN,
        lambda xml: redirfilter.remove_rule(xml, 1),
        ["-<usbdev allow='yes'/>"],
    ),
    "policy.redirfilter.move_rule": (
        DOMAIN,
        lambda xml: redirfilter.move_rule(xml, 0, 1),
        ["-<usbdev allow='yes'/>", "+<usbdev allow='yes'/>"],
    ),
    "policy.timers.add_timer": (
        DOMAIN,
        lambda xml: timers.add_timer(xml, Timer("hpet", {"present": "no"})),
        ["+<timer name='hpet' present='no'/>"],
    ),
    "policy.timers.set_timer": (
        DOMAIN,
        lambda xml: timers.set_timer(xml, 0, Timer("rtc", {"track": "guest"})),
        ["-<timer name='rtc' track='wall'/>", "+<timer name='rtc' track='guest'/>"],
    ),
    "policy.timers.remove_timer": (
        DOMAIN,
        lambda xml: timers.remove_timer(xml, 0),
        ["-<timer name='rtc' track='wall'/>"],
    ),
    "resources.edit_vcpus.with_maximum": (
        DOMAIN,
        lambda xml: edit_vcpus.with_maximum(xml, 8)[0],
        [
            "-<vcpu current='2'>4</vcpu>",
            "+<vcpu current='2'>8</vcpu>",
            "-<topology sockets='1' cores='2' threads='2'/>",
            "+<topology sockets='1' cores='4' threads='2'/>",
        ],
    ),
    "resources.edit_vcpus.with_topology": (
        DOMAIN,
        lambda xml: edit_vcpus.with_topology(xml, Topology(2, cores=1, threads=2)),
        [
            "-<topology sockets='1' cores='2' threads='2'/>",
            "+<topology sockets='2' cores='1' threads='2'/>",
        ],
    ),
}
STATES: dict[str, tuple[Edit, str, str]] = {
    "hostinfo_port.enable": (hostinfo_port.enable, "disabled", "enabled"),
    "hostinfo_port.disable": (hostinfo_port.disable, "enabled", "disabled"),
    "hostinfo_port.repair": (hostinfo_port.repair, "wrong", "enabled"),
}
"""What edits the hostinfo port -> the state before and after."""
ELSEWHERE = {"libvirt_additions.clean_device"}
"""Tested below by what it takes away."""


def short(module: ModuleType, name: str) -> str:
    place = module.__name__.removeprefix("vconsole.").removeprefix("features.")
    return f"{place.replace('model.', '')}.{name}"


def test_every_function_that_edits_xml_is_tried() -> None:
    found = {
        short(module, name)
        for module in models()
        for name, function in own(module)
        if next(iter(inspect.signature(function).parameters), "") in ("xml", "clause")
        and function.__annotations__["return"] in ("str", "tuple[str, tuple[str, ...]]")
    }
    assert found == {*EDITS, *STATES, *ELSEWHERE}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_changes_what_it_should_and_nothing_else(name: str) -> None:
    before, edit, lines = EDITS[name]
    assert sorted(changed(before, edit(before))) == sorted(lines)


# -- what a person can set of the policy ----------------------------------------------------------

CLOCKS = {
    "offset": ("offset='utc'", "localtime"),
    "adjustment": ("offset='variable'", "-3600"),
    "basis": ("offset='variable'", "localtime"),
    "timezone": ("offset='timezone'", "Europe/Paris"),
    "start": ("offset='absolute'", "86400"),
}
"""Attribute -> a clock that may have it, and a value."""
RULES = {
    "usb_class": "0x03:-1:-1:-1:yes",
    "vendor": "-1:0x0951:-1:-1:yes",
    "product": "-1:0x0951:0x1625:-1:yes",
    "version": "-1:-1:-1:2.00:yes",
    "allow": "-1:-1:-1:-1:no",
}


def test_every_attribute_of_a_clock_and_field_of_a_rule_is_tried() -> None:
    assert set(CLOCKS) == {"offset", *(name for names in clock.OFFSETS.values() for name in names)}
    assert set(RULES) == {field.name for field in fields(Rule)}


@pytest.mark.parametrize("name", CLOCKS)
def test_an_attribute_of_the_clock_is_set(name: str) -> None:
    attributes, value = CLOCKS[name]
    before = clock_is(attributes)
    after = clock.set_clock(before, name, value)
    assert clock.clock_of(Document(after)).get(name) == value
    assert len(changed(before, after)) == 2
    if name != "offset":
        assert clock.set_clock(after, name, DEFAULT) == before


@pytest.mark.parametrize("name", RULES)
def test_a_field_of_a_rule_is_set(name: str) -> None:
    rule = parse_rule(RULES[name])
    after = redirfilter.set_rule(DOMAIN, 1, rule)
    assert redirfilter.rules_of(Document(after))[1] == rule
    assert getattr(rule, name) != getattr(parse_rule("-1:-1:-1:-1:yes"), name)
    assert len(changed(DOMAIN, after)) == 2


@pytest.mark.parametrize(("name", "key"), [(name, key) for name in TIMERS for key in TIMERS[name]])
def test_every_setting_of_every_timer_is_written_and_taken_away(name: str, key: str) -> None:
    """As libvirt has it: an attribute of the timer, or of an element of its own."""
    bare = timers.set_timer(DOMAIN, 0, Timer("rtc"))
    bare = bare.replace("<timer name='rtc'/>", f"<timer name='{name}'/>")
    for value in VALUES.get(key, ("77",)):
        needs = "tickpolicy=catchup " if key in CATCHUP else ""
        after = timers.set_timer(bare, 0, parse_timer(f"{name} {needs}{key}={value}"))
        node = Document(after).find("clock/timer" + "/catchup" * (key in CATCHUP))
        assert node is not None
        assert node.get(key) == value
        gone = timers.set_timer(after, 0, Timer(name))
        assert timers.timers_of(Document(gone)) == (Timer(name),)
        assert timers.remove_timer(gone, 0) == timers.remove_timer(bare, 0)


@pytest.mark.parametrize("key", [s.key for s in settings_of(Document(DOMAIN)) if s.write])
def test_every_choice_of_every_setting_is_written_and_read(key: str) -> None:
    (setting,) = (s for s in settings_of(Document(DOMAIN)) if s.key == key)
    assert setting.write is not None
    for choice in setting.choices:
        found = setting.read(Document(setting.write(DOMAIN, choice)))
        assert found == (None if choice == DEFAULT else choice)
    if setting.remove is not None and not key.startswith("rule"):
        assert setting.read(Document(setting.remove(DOMAIN))) is None


# -- numbers ---------------------------------------------------------------------------------------

WISHES: dict[str, tuple[MemoryWish | VcpuWish, set[str]]] = {
    "MemoryWish.current_kib": (MemoryWish(current_kib=1 << 20), {"current_kib"}),
    "MemoryWish.maximum_kib": (MemoryWish(maximum_kib=1 << 22), {"maximum_kib"}),
    "MemoryWish.dump_core": (MemoryWish(dump_core=False), {"dump_core"}),
    "MemoryWish.period_s": (MemoryWish(period_s=9), {"period_s"}),
    "VcpuWish.count": (VcpuWish(count=3), {"vcpus"}),
    "VcpuWish.maximum": (VcpuWish(maximum=8), {"maximum_vcpus", "topology"}),
    "VcpuWish.shape": (VcpuWish(shape=(4, 1, 1)), {"topology"}),
}
"""Field of a wish -> a wish, and the numbers that are others then."""
KINDS = {"memory": "current_kib", "maximum": "maximum_kib", "vcpus": "vcpus"}
KINDS |= {"statistics": "period_s"}
NOT_EDITED = {"page_kib", "hotplug_kib", "cells", "dimms", "fixed_vcpus"}


def after(proposal: Proposal) -> Resources:
    """What the definition says once the changes are made."""
    now = resources(DOMAIN)
    for one in proposal.changes:
        if isinstance(one, change.SetResource):
            now = one.after(now)
        else:
            assert isinstance(one, Define)
            now = resources(one.after)
    return now


def test_every_number_is_tried() -> None:
    wished = {f"{kind.__name__}.{f.name}" for kind in (MemoryWish, VcpuWish) for f in fields(kind)}
    assert set(WISHES) == wished - {"MemoryWish.room"}
    assert set(KINDS) == set(get_args(change.Kind))
    edited = {name for _, names in WISHES.values() for name in names}
    assert edited == {field.name for field in fields(Resources)} - NOT_EDITED


@pytest.mark.parametrize("name", WISHES)
def test_a_wish_changes_its_numbers_and_no_others(name: str) -> None:
    wish, numbers = WISHES[name]
    before = resources(DOMAIN)
    now = after(wish.plan(Subject("u", "web", None, DOMAIN), "config"))
    names = (field.name for field in fields(Resources))
    assert {one for one in names if getattr(before, one) != getattr(now, one)} == numbers


@pytest.mark.parametrize("kind", get_args(change.Kind))
def test_a_number_is_set_and_told(kind: change.Kind) -> None:
    seen = resources(DOMAIN)
    set_it = change.SetResource("u", "web", kind, 3, None, seen)
    assert getattr(set_it.after(seen), KINDS[kind]) == 3
    assert set_it.words(set_it.after(seen)) != set_it.words(seen)
    assert set_it.virsh()


# -- storage -------------------------------------------------------------------------------------

POOL = Pool("p", "images", "dir", "running", target="/i")
VOLUME_WISH = VolumeWish("a", "1GiB")
DISK_WISH = DiskWish("/i/a.img", "raw")
POOL_WISH = PoolWish("dir", "more", (("target", "/more"),))
STORED: dict[str, Any] = {
    "VolumeWish.name": "b",
    "VolumeWish.capacity": "2GiB",
    "VolumeWish.format": "raw",
    "VolumeWish.preallocate": "full",
    "VolumeWish.backing": ("/i/base.qcow2", "qcow2"),
    "VolumeWish.backing_format": ("/i/base.qcow2", "raw"),
    "VolumeWish.cluster_kib": 128,
    "DiskWish.path": "/dev/sdz",
    "DiskWish.format": "qcow2",
    "DiskWish.target": "sdz",
    "DiskWish.read_only": True,
    "PoolWish.type": "fs",
    "PoolWish.name": "other",
    "PoolWish.fields": (("target", "/elsewhere"),),
    "PoolWish.build": True,
    "PoolWish.start": False,
    "PoolWish.autostart": False,
}
"""Field of a wish -> another value; of a backing image both."""


def told(wish: VolumeWish | DiskWish | PoolWish) -> list[str]:
    """What a wish would do: the difference, and virsh's words."""
    if isinstance(wish, VolumeWish):
        proposal = plan_create(POOL, (), wish)
    elif isinstance(wish, DiskWish):
        proposal = attacher(wish)(Subject("u", "web", None, DOMAIN), "config")
    else:
        proposal = plan_define(wish, ())
    return [line for one in proposal.changes for line in (*one.lines(), *one.virsh())]


def test_every_wish_of_storage_is_tried() -> None:
    kinds = (VolumeWish, DiskWish, PoolWish)
    assert set(STORED) == {f"{kind.__name__}.{f.name}" for kind in kinds for f in fields(kind)}


@pytest.mark.parametrize("name", STORED)
def test_a_wish_of_storage_makes_a_difference(name: str) -> None:
    kind, _, field = name.partition(".")
    plains: dict[str, Any] = {
        "VolumeWish": VOLUME_WISH,
        "DiskWish": DISK_WISH,
        "PoolWish": POOL_WISH,
    }
    plain = plains[kind]
    values: dict[str, Any] = {field: STORED[name]}
    if field.startswith("backing"):
        values = dict(zip(("backing", "backing_format"), STORED[name], strict=True))
    if field == "type":
        values["fields"] = (("target", "/more"), ("device", "/dev/sdz"), ("format", "ext4"))
    assert told(replace(plain, **values)) != told(plain)


# -- pins, ports, devices --------------------------------------------------------------------------


SETTINGS: dict[SettingKind, tuple[str, str]] = {
    "vcpuset": ("auto", "<vcpu current='2' placement='auto'>4</vcpu>"),
    "numatune": ("strict 0-1", "<memory mode='strict' nodeset='0-1'/>"),
    "memnode": ("preferred 1", "<memnode cellid='0' mode='preferred' nodeset='1'/>"),
    "vcpusched": ("fifo 1", "<vcpusched vcpus='0' scheduler='fifo' priority='1'/>"),
    "emulatorsched": ("batch", "<emulatorsched scheduler='batch'/>"),
    "iothreadsched": ("rr 9", "<iothreadsched iothreads='0' scheduler='rr' priority='9'/>"),
    "shares": ("2048", "<shares>2048</shares>"),
    "period": ("50000", "<period>50000</period>"),
    "quota": ("20000", "<quota>20000</quota>"),
    "global_period": ("50000", "<global_period>50000</global_period>"),
    "global_quota": ("20000", "<global_quota>20000</global_quota>"),
    "emulator_period": ("50000", "<emulator_period>50000</emulator_period>"),
    "emulator_quota": ("20000", "<emulator_quota>20000</emulator_quota>"),
    "iothread_period": ("50000", "<iothread_period>50000</iothread_period>"),
    "iothread_quota": ("20000", "<iothread_quota>20000</iothread_quota>"),
}
"""Kind of row of memory and scheduling -> a value, and what the XML says then."""


@pytest.mark.parametrize("kind", SETTING_KINDS)
def test_a_row_of_memory_or_scheduling_is_written_and_taken_away(kind: SettingKind) -> None:
    text, line = SETTINGS[kind]
    number = 0 if kind in NUMBERED else None
    after = with_setting(DOMAIN, kind, number, parse_setting(kind, text))
    assert f"+{line}" in changed(DOMAIN, after)
    assert with_setting(after, kind, number, Setting(kind)) == DOMAIN


@pytest.mark.parametrize("kind", get_args(PinKind))
def test_a_row_of_each_kind_is_pinned_in_each_half(kind: PinKind) -> None:
    sets = (CpuSet.parse("0-3"), CpuSet.parse("2"))
    row = None if kind == "emulator" else 1
    for halves in ((*sets, None, None), (None, None, *sets)):
        step = PinStep(kind, row, *halves)
        pin = SetPins(PinChange("u", "web", (step,)), "pin")
        assert [line[0] for line in pin.lines()] == ["-", "+"]
        (line,) = pin.virsh()
        command = {"vcpu": "vcpupin", "emulator": "emulatorpin", "iothread": "iothreadpin"}[kind]
        assert f" {command} " in line
        assert ("--live" in line) == (halves[1] is not None)


def port(state: str) -> str:
    xml = DOMAIN.replace("type='test'", "type='kvm'")
    if state == "disabled":
        return xml
    enabled = hostinfo_port.enable(xml)
    return enabled if state == "enabled" else enabled.replace("mode='bind'", "mode='connect'")


@pytest.mark.parametrize("name", STATES)
def test_the_hostinfo_port_comes_goes_and_is_put_right(name: str) -> None:
    edit, before, now = STATES[name]
    assert hostinfo_port.status(port(before)) == before
    assert hostinfo_port.status(edit(port(before))) == now
    assert edit(port(before)) == port(now)


def test_what_libvirt_adds_to_a_device_goes() -> None:
    clean = libvirt_additions.clean_device("<disk type='file'><alias name='virtio-disk0'/></disk>")
    assert "alias" not in clean


# -- planners --------------------------------------------------------------------------------------


def planners() -> set[str]:
    """Functions and methods of the models that plan changes."""
    found = set()
    for module in models():
        owners = [value for value in vars(module).values() if inspect.isclass(value)]
        for name, function in [*own(module), *(p for o in owners for p in vars(o).items())]:
            told = getattr(function, "__annotations__", {}).get("return")
            if told in ("Planner", "Proposal") and not name.startswith("_"):
                found.add(name)
    return found


def test_every_planner_is_called_in_a_test() -> None:
    tests = Path(__file__).parents[1]
    text = "\n".join(p.read_text() for p in tests.rglob("*.py") if p.name != Path(__file__).name)
    called = set(re.findall(r"(\w+)\(", text))
    assert planners() - called - {"made", "plan"} == set()
