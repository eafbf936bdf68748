"""Clock, power and USB policy on a real libvirtd: it has what was edited, and nothing else new."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.guests import EMULATOR
from tests.integration.lab import LabError, Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.features.policy.model import clock, timers
from vconsole.features.policy.model.clock import set_clock
from vconsole.features.policy.model.draft import Draft, Edit, plan
from vconsole.features.policy.model.features import set_pmu, set_sleep
from vconsole.features.policy.model.redirfilter import add_rules, move_rule, parse_rules, rules_of
from vconsole.features.policy.model.rows import rows_of
from vconsole.features.policy.model.timers import (
    add_timer,
    parse_timer,
    remove_timer,
    set_timer,
    timers_of,
)
from vconsole.host.link import open_link
from vconsole.model.proposal import Propose
from vconsole.model.request import Configurations, ReadConfigurations, Reply
from vconsole.model.xml_edit import Document

NAME = "policy"
UUID = str(uuid.uuid5(uuid.NAMESPACE_DNS, NAME))
XML = f"""<domain type='qemu'><name>{NAME}</name><uuid>{UUID}</uuid>
<metadata><app:note xmlns:app='urn:x-vconsole'>keep me</app:note></metadata>
<memory unit='MiB'>64</memory><vcpu>2</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<clock offset='utc'><timer name='pit' tickpolicy='delay'/></clock>
<devices><emulator>{EMULATOR}</emulator>
<controller type='usb' model='qemu-xhci'/>
<graphics type='vnc' port='-1' passwd='secret'/>
<redirdev bus='usb' type='tcp'>
<source mode='bind' host='127.0.0.1' service='4000'/><protocol type='raw'/></redirdev>
<redirfilter><usbdev class='0x08' version='1.1' allow='yes'/></redirfilter>
</devices></domain>"""
"""This QEMU has no SPICE, so USB is redirected over TCP."""


class Guest:
    """The domain, and the console that asks about it."""

    def __init__(self, host: Libvirtd) -> None:
        self.host = host
        self._requests = HostRequests(lambda: open_link(host.uri, False, False))
        self._ask = self._requests.handlers()
        self.define(XML)

    def define(self, xml: str) -> None:
        path = self.host.base / f"xml/{NAME}.xml"
        path.write_text(xml)
        self.host.virsh("define", str(path), "--validate")

    def start(self) -> None:
        self.host.virsh("start", "--paused", NAME)

    def stop(self) -> None:
        self.host.virsh("destroy", NAME)

    def ask(self, request: Any) -> Reply:
        return self._ask[type(request)](request)

    def read(self) -> Configurations:
        found = self.ask(ReadConfigurations((UUID,))).value
        assert isinstance(found, dict)
        known = found[UUID]
        assert isinstance(known, Configurations)
        return known

    @property
    def config(self) -> str:
        return self.read().config or ""

    def planned(self, edit: Edit) -> Any:
        """As the console does: plan by what is read now."""
        wanted = Propose(((UUID, NAME),), partial(plan, edit), ("config",))
        found = self.ask(wanted).value
        assert isinstance(found, tuple)
        return found[0].changes[0]

    def edit(self, edit: Edit) -> Reply:
        return self.ask(self.planned(edit))

    def values(self) -> dict[str, str | None]:
        return {row.setting.key: row.config for row in rows_of(None, Draft(self.config))}

    def command_line(self) -> str:
        words = Path(f"/proc/{self.host.qemu_pid(NAME)}/cmdline").read_bytes()
        return words.decode().replace("\0", " ")

    def close(self) -> None:
        self._requests.close()
        self.host.remove(NAME)


@pytest.fixture
def policy(two_cell_host: Libvirtd) -> Iterator[Guest]:
    guest = Guest(two_cell_host)
    yield guest
    guest.close()


def without(xml: str, path: str) -> str:
    """The definition without the element."""
    document = Document(xml)
    node = document.find(path)
    return document.remove(node) if node else xml


def timer(text: str) -> Edit:
    return lambda xml: add_timer(xml, parse_timer(text))


EDITS: dict[str, tuple[Edit, str, dict[str, str | None]]] = {
    "offset": (lambda xml: set_clock(xml, "offset", "localtime"), "clock", {"offset": "localtime"}),
    "zone": (
        lambda xml: set_clock(set_clock(xml, "offset", "timezone"), "timezone", "Europe/Paris"),
        "clock",
        {"offset": "timezone", "timezone": "Europe/Paris"},
    ),
    "reset": (lambda xml: set_clock(xml, "adjustment", "reset"), "clock", {"adjustment": "reset"}),
    "variable": (
        lambda xml: set_clock(set_clock(xml, "offset", "variable"), "adjustment", "123456"),
        "clock",
        {"offset": "variable", "adjustment": "123456", "basis": "utc"},
    ),
    "absolute": (
        lambda xml: set_clock(set_clock(xml, "offset", "absolute"), "start", "12345"),
        "clock",
        {"offset": "absolute", "start": "12345"},
    ),
    "new timer": (
        timer("rtc tickpolicy=catchup threshold=123 slew=120 limit=10000 track=guest"),
        "clock",
        {
            "timer pit": "tickpolicy=delay",
            "timer rtc": "tickpolicy=catchup threshold=123 slew=120 limit=10000 track=guest",
        },
    ),
    "other timer": (
        lambda xml: set_timer(xml, 0, parse_timer("pit present=no")),
        "clock",
        {"timer pit": "present=no"},
    ),
    "no timer": (lambda xml: remove_timer(xml, 0), "clock", {"offset": "utc"}),
    "counters": (lambda xml: set_pmu(xml, "off"), "features", {"pmu": "off"}),
    "S3": (
        lambda xml: set_sleep(xml, "suspend-to-mem", "no"),
        "pm",
        {"suspend-to-mem": "no", "suspend-to-disk": None},
    ),
    "S4": (
        lambda xml: set_sleep(xml, "suspend-to-disk", "yes"),
        "pm",
        {"suspend-to-mem": None, "suspend-to-disk": "yes"},
    ),
    "rules": (
        lambda xml: add_rules(xml, 0, parse_rules("0x08:0x1234:0xBEEF:2.0:1|-1:-1:-1:-1:0")),
        "devices/redirfilter",
        {
            "rule 1": "0x08:0x1234:0xBEEF:2.00:yes",
            "rule 2": "-1:-1:-1:-1:no",
            "rule 3": "0x08:-1:-1:1.10:yes",
        },
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_libvirt_has_what_was_edited_and_nothing_else_changed(policy: Guest, name: str) -> None:
    edit, path, expected = EDITS[name]
    before = policy.config
    reply = policy.edit(edit)
    assert reply.status == "applied", reply.message
    values, after = policy.values(), policy.config
    assert {key: values[key] for key in expected} == expected
    assert without(after, path) == without(before, path)
    assert (after != before, "passwd='secret'" in after, "keep me" in after) == (True, True, True)
    assert policy.edit(lambda _: before).status == "applied"
    assert policy.config == before


def test_it_takes_effect_at_the_next_start(policy: Guest) -> None:
    def all_of_it(xml: str) -> str:
        for edit in (EDITS[name][0] for name in ("new timer", "counters", "S3", "rules")):
            xml = edit(xml)
        xml = set_sleep(xml, "suspend-to-disk", "no")
        return add_timer(set_clock(xml, "offset", "localtime"), parse_timer("hpet present=no"))

    policy.start()
    before = policy.read().live
    assert policy.edit(all_of_it).status == "applied"
    now = policy.read()
    assert now.live == before
    rows = {row.setting.key: row for row in rows_of(now.live, Draft(now.config or ""))}
    assert {key for key, row in rows.items() if row.waits} == {
        *("offset", "timer rtc", "timer hpet", "suspend-to-mem", "suspend-to-disk", "pmu"),
        *("filter", "rule 1", "rule 2", "rule 3"),
    }
    policy.stop()
    policy.start()
    words = policy.command_line()
    for expected in (
        *("-rtc base=localtime,clock=vm,driftfix=slew", "pmu=off"),
        *("PIIX4_PM.disable_s3=1", "PIIX4_PM.disable_s4=1", "lost_tick_policy=delay"),
        "0x08:0x1234:0xBEEF:0x0200:1|-1:-1:-1:-1:0|0x08:-1:-1:0x0110:1",
    ):
        assert expected in words
    assert "-no-hpet" in words or "hpet=off" in words  # the former is gone since QEMU 9.1
    found = policy.read()
    rows = {row.setting.key: row for row in rows_of(found.live, Draft(found.config or ""))}
    assert not [key for key, row in rows.items() if row.waits]


@pytest.mark.parametrize(
    ("offset", "name", "value"),
    [
        ("variable", "adjustment", str(clock.MAX_ADJUSTMENT_S)),
        ("variable", "adjustment", str(-clock.MAX_ADJUSTMENT_S)),
        ("absolute", "start", str(clock.MAX_START_S)),
    ],
)
def test_a_guest_starts_with_the_furthest_clock(
    policy: Guest, offset: str, name: str, value: str
) -> None:
    policy.edit(lambda xml: set_clock(set_clock(xml, "offset", offset), name, value))
    policy.start()
    assert re.search(r"-rtc base=\d{4}-\d\d-\d\dT", policy.command_line())


def settings(name: str) -> Iterator[str]:
    """A timer, and with each value of each of its settings."""
    yield name
    for key in timers.TIMERS[name]:
        for value in timers.VALUES.get(key, ("1000",)):
            limit = "tickpolicy=catchup " if key in timers.CATCHUP else ""
            yield f"{name} {limit}{key}={value}"


@pytest.mark.parametrize("name", timers.TIMERS)
def test_what_is_refused_is_what_libvirt_refuses(policy: Guest, name: str) -> None:
    """Without the rules of QEMU every combination is written; libvirt then takes it or not."""
    config = remove_timer(policy.config, 0)
    for text in settings(name):
        wanted = parse_timer(text)
        written = add_timer(config.replace("type='qemu'", "type='test'", 1), wanted)
        written = written.replace("type='test'", "type='qemu'", 1)
        try:
            add_timer(config, wanted)
        except ValueError:
            with pytest.raises(LabError, match="unsupported"):
                policy.define(written)
        else:
            policy.define(written)
            assert timers_of(Document(policy.config)) == (wanted,)


def test_rules_are_moved_on_a_real_host(policy: Guest) -> None:
    policy.edit(lambda xml: add_rules(xml, 1, parse_rules("-1:-1:-1:-1:no")))
    before = rules_of(Document(policy.config))
    policy.edit(lambda xml: move_rule(xml, 0, 1))
    assert rules_of(Document(policy.config)) == before[::-1]


def test_somebody_else_is_not_overwritten(policy: Guest) -> None:
    change = policy.planned(lambda xml: set_pmu(xml, "on"))
    policy.host.virsh("desc", NAME, "--config", "--title", "changed meanwhile")
    assert policy.ask(change).status == "conflict"
    assert policy.values()["pmu"] is None


def test_the_command_line_does_the_same(policy: Guest) -> None:
    def run(*words: str) -> str:
        argv = [sys.executable, "-m", "vconsole", "-c", policy.host.uri, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done
        return done.stdout

    run("clock", NAME, "--offset", "localtime", "--timer", "hpet,present=no")
    run("policy", NAME, "--pmu", "on", "--suspend-to-disk", "no")
    run("usb-filter", NAME, "add", "-1:-1:-1:-1:no")
    values = policy.values()
    assert [values[key] for key in ("offset", "timer hpet", "pmu", "suspend-to-disk")] == [
        *("localtime", "present=no", "on", "no")
    ]
    assert values["rule 2"] == "-1:-1:-1:-1:no"
    assert "the counters need KVM: this domain is emulated" in run("policy", NAME)
