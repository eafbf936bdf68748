"""Disk and channel: given to domains and taken away, live and in the definition."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import scenes
from tests.pilot.metrics_host import WEB_1, WEB_2, Host, metrics_page, new_host, xml
from tests.unit.vhostmd_conf import conf
from vconsole.features.metrics.model.provision import channel_clause, devices, disk_clause, own_path


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return new_host(tmp_path, monkeypatch)


async def test_a_disk_is_attached_live_and_in_the_definition(host: Host) -> None:
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "+")
        console.sees(f"{WEB_1}  ", "live and config", "+   <readonly/>", "+   <target dev='vdz'")
        assert host.changes == []
        await console.press("enter")
        console.sees("1 of 1 ended", " applied")
        assert console.status == "done and read back; esc goes back"
        for half in host.has(WEB_1):
            assert [d.target for d in devices(xml(WEB_1, *half), str(host.path)) or ()] == ["vdz"]
        await console.press("escape")
        assert console.row(WEB_1).split()[3:] == ["vdz", "vdz", "-", "-"]


async def test_it_is_taken_away_again(host: Host) -> None:
    host.give(WEB_1, disk_clause(str(host.path), "vdz"))
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "-", "enter")
        assert host.has(WEB_1) == [[], []]
        await console.press("escape", "-")
        console.sees(f"{WEB_1}: it has no metrics disk")
        assert console.status == "! nothing to do; esc goes back"


async def test_several_at_once_and_the_channel(host: Host) -> None:
    host.give(WEB_2, channel_clause())
    async with metrics_page(host) as console:
        await console.press("A", "tab", "/", *"shop-web", "enter", " ", " ", " ")
        assert "3 chosen" in console.title
        await console.press("+")
        console.sees("Attach the metrics channel", f"{WEB_2}: it has the channel already")
        await console.press("enter")
        assert [change.name for change in host.changes] == [WEB_1, "shop-web-3"]


async def test_one_half_alone(host: Host) -> None:
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "+", "tab")
        assert "live only" in console.title
        await console.press("tab")
        console.sees("config only", "at the next start")
        await console.press("enter")
        assert [(c.live, c.config) for c in host.changes] == [(False, True)]
        assert [len(half) for half in host.has(WEB_1)] == [0, 1]


async def test_two_changes_of_a_domain_are_made_one_after_the_other(host: Host) -> None:
    host.give(WEB_1, channel_clause())
    async with metrics_page(host) as console:
        await console.press("A", "tab", "/", *"shop-web-1", "enter", "-")
        console.sees(f"{WEB_1}  ", "live", f"{WEB_1}  ", "at the next start")
        await console.press("enter")
        assert [(c.live, c.config) for c in host.changes] == [(True, False), (False, True)]


async def test_a_failure_is_told_and_nothing_is_tried_twice(host: Host) -> None:
    host.failure = "internal error: No more available PCI slots"
    async with metrics_page(host) as console:
        await console.press("A", "+", "enter")
        console.sees("failed", host.failure)
        assert console.status == f"x not done: [link=file:x]: {host.failure}"
        await console.press("enter")
        assert len(host.changes) == 1


async def test_the_disk_of_each_domain_is_attached_where_the_daemon_writes_them(host: Host) -> None:
    host.conf.write_bytes(conf(disk=str(host.path), settings='<?vconsole domain-disks="yes"?>\n'))
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "+", "enter")
        wanted = own_path(str(host.path), scenes.uuid_of(WEB_1))
        assert all(f"file='{wanted}'" in half[0] for half in host.has(WEB_1))


async def test_read_only_attaches_nothing(host: Host) -> None:
    async with metrics_page(host, host_state=scenes.read_only(scenes.kvm07())) as console:
        await console.press("A", "+")
        assert console.status == "! read-only: --read-only was given"
        assert host.changes == []


async def test_the_lines_for_virsh(host: Host) -> None:
    async with metrics_page(host) as console:
        await console.press("A", "/", *"shop-web-1", "enter", "+", "y")
        assert "attach-device shop-web-1 --live --config --file /dev/stdin" in console.status
