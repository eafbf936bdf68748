"""The domain page: five tabs about one domain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests import scenes
from tests.pilot.manual import Console, console_on
from tests.pilot.painting import watch_painting
from vconsole.files.config import Config
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import HostState
from vconsole.screens.messages import Open

WIDE = (120, 40)


@asynccontextmanager
async def looking_at(
    name: str,
    size: tuple[int, int] = (80, 24),
    host: HostState | None = None,
    config: Config | None = None,
) -> AsyncIterator[Console]:
    """Sit down and open a domain."""
    host_state = scenes.in_view(host or scenes.kvm07(), name)
    async with console_on(host_state, size, config=config) as console:
        console.app.post_message(Open("domain", scenes.uuid_of(name)))
        await console.settle()
        yield console


async def test_enter_in_the_list_opens_the_domain_and_escape_goes_back() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("enter")
        assert "[Overview] CPU  Memory  Devices  XML" in console.text
        await console.press("escape")
        assert "Domains" in console.text


async def test_the_page_asks_for_the_details_of_its_domain() -> None:
    async with looking_at("orders-db") as console:
        assert console.host.views[-1].page == "domain"
        assert console.host.views[-1].uuid == scenes.uuid_of("orders-db")


async def test_the_overview_says_what_dominfo_says_and_where_it_runs() -> None:
    async with looking_at("orders-db", WIDE) as console:
        assert console.row("orders-db").startswith("orders-db   ● running   16 vCPUs   64 GiB")
        assert console.row("Topology").endswith("1 socket x 8 cores x 2 threads seen by the guest")
        assert console.row("numatune").endswith("strict, cell 1")
        assert console.row("Huge pages").endswith("2M pages")
        assert console.row("May run on").endswith("cell 1")
        assert "99 % of its memory" in console.row("Locality")
        assert console.row("OS type").endswith("hvm")


async def test_tab_goes_through_the_tabs_and_round() -> None:
    async with looking_at("orders-db") as console:
        for name in ("CPU", "Memory", "Devices", "XML", "Overview"):
            await console.press("tab")
            assert f"[{name}]" in console.text
        await console.press("shift+tab")
        assert "[XML]" in console.text
        await console.press("right_square_bracket", "right_square_bracket")
        assert "[CPU]" in console.text
        await console.press("left_square_bracket")
        assert "[Overview]" in console.text


# -- CPU -----------------------------------------------------------------------------------------


async def test_the_cpu_tab_lists_every_thread_with_its_pins_side_by_side() -> None:
    async with looking_at("orders-db", WIDE) as console:
        await console.press("tab")
        row = console.row("vCPU 2 ").split()
        assert row == ["vCPU", "2", "running", "9", "3.7s", "76", "2", "9,41", "9,41", "9,41"]
        assert "8-15,40-47" in console.row("emulator")
        assert "15,47" in console.row("iothread 2")


async def test_pins_that_change_at_the_next_start_are_marked_and_explained() -> None:
    async with looking_at("batch-night") as console:
        await console.press("tab")
        assert console.row("~ vCPU 0")
        assert console.status == "! runs on 16-23 now, on 24-31 from the next start"


async def test_drift_between_libvirt_and_the_kernel_is_marked_and_explained() -> None:
    async with looking_at("orders-db", host=scenes.kvm07()) as console:
        await console.host_says(_drifted(console.host.host_state))
        assert console.status == "! the kernel disagrees with libvirt on vCPU 0"
        await console.press("tab")
        assert console.row("vCPU 0").startswith("! ")
        assert console.row("vCPU 0").endswith("0-63")
        assert console.status == "! the kernel allows 0-63, libvirt says 8,40"


def _drifted(host_state: HostState) -> HostState:
    assert host_state.detail is not None
    first, *others = host_state.detail.threads
    threads = (replace(first, allowed=CpuSet.parse("0-63")), *others)
    return replace(host_state, detail=replace(host_state.detail, threads=threads))


async def test_an_offline_pcpu_is_no_drift() -> None:
    async with looking_at("orders-db") as console:
        host = console.host.host_state
        assert host.detail is not None
        gone = tuple(replace(p, online=p.id != 40) for p in host.pcpus)
        first, *others = host.detail.threads
        detail = replace(host.detail, threads=(replace(first, allowed=CpuSet.of([8])), *others))
        await console.host_says(replace(host, pcpus=gone, detail=detail))
        await console.press("tab")
        assert console.row("vCPU 0").startswith("vCPU 0")


async def test_threads_of_a_domain_that_does_not_run_have_config_only() -> None:
    async with looking_at("template-debian") as console:
        await console.press("tab")
        assert console.row("vCPU 0").split() == "vCPU 0 - - - - - - 0-63 -".split()


# -- memory and devices --------------------------------------------------------------------------


async def test_the_memory_tab_shows_where_the_memory_lies() -> None:
    async with looking_at("orders-db") as console:
        await console.press("tab", "tab")
        assert console.row("Current").endswith("64 GiB")
        assert "99 %" in console.row("cell 1")
        assert console.row("cell 1").endswith("vCPUs may run here")
        assert console.row("cell 0").endswith("! no vCPU may run here")
        assert console.row("balloon actual").endswith("8.0 GiB")


async def test_memory_that_was_not_measured_says_so() -> None:
    async with looking_at("orders-db") as console:
        await console.press("tab", "tab")
        await console.host_says(replace(console.host.host_state, locality={}))
        assert console.row("where it lies").endswith("not measured yet")


async def test_the_devices_tab_lists_the_devices() -> None:
    async with looking_at("orders-db", WIDE) as console:
        await console.press("tab", "tab", "tab")
        assert console.row("disk").split()[1] == "vda"
        assert console.row("graphics").endswith("127.0.0.1:5903")


async def test_a_device_is_told_whole_below_the_list() -> None:
    async with looking_at("orders-db") as console:
        detail = console.host.host_state.detail
        assert detail is not None
        long = replace(detail.devices[0], description=f"/srv/{'images/' * 14}web.qcow2")
        detail = replace(detail, devices=(long,))
        await console.host_says(replace(console.host.host_state, detail=detail))
        await console.press("tab", "tab", "tab")
        assert console.status.replace(" ", "").endswith(f"{'images/' * 14}web.qcow2")


# -- XML -----------------------------------------------------------------------------------------


async def test_x_goes_to_the_xml_and_switches_live_inactive_difference() -> None:
    async with looking_at("batch-night") as console:
        await console.press("x")
        assert "[XML]" in console.text
        assert "cpuset='16-23'" in console.text
        assert console.status == "live XML, read-only; x shows the inactive XML"
        await console.press("x")
        assert "cpuset='24-31'" in console.text
        await console.press("x")
        assert console.row("-    <vcpupin vcpu='0'").endswith("cpuset='16-23'/>")
        assert console.row("+    <vcpupin vcpu='0'").endswith("cpuset='24-31'/>")
        assert "- now, + then" in console.status


async def test_long_xml_scrolls_down_and_sideways() -> None:
    async with looking_at("orders-db") as console:
        host = console.host.host_state
        assert host.detail is not None
        text = f"<domain>\n  <description>{'word ' * 40}end</description>\n" + "  <a/>\n" * 90
        detail = replace(host.detail, xml_live=f"{text}</domain>\n")
        await console.host_says(replace(host, detail=detail))
        await console.press("x", "G")
        assert console.row("</domain>")
        await console.press("g", "l")
        assert console.lines[4].startswith("ription>word word")
        await console.press(*["l"] * 40)
        assert "end</description>" in console.lines[4]
        await console.press(*["h"] * 40)
        assert console.row("<description>")


async def test_a_domain_without_live_xml_shows_the_inactive_one() -> None:
    async with looking_at("template-debian") as console:
        await console.press("x")
        assert console.row("<name>")
        assert console.status.startswith("inactive XML")


# -- virsh, pins, trouble ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ((), "dominfo orders-db"),
        (("tab",), "vcpuinfo --pretty orders-db"),
        (("tab", "G"), "iothreadinfo orders-db"),
        (("tab", "tab"), "dommemstat orders-db"),
        (("tab", "tab", "tab"), "domblklist --details orders-db"),
        (("tab", "tab", "tab", "j"), "domiflist orders-db"),
        (("x",), "dumpxml orders-db"),
        (("x", "x"), "dumpxml --inactive orders-db"),
    ],
)
async def test_y_names_the_virsh_command_of_what_is_in_view(
    keys: tuple[str, ...], words: str
) -> None:
    async with looking_at("orders-db") as console:
        await console.press(*keys, "y")
        assert console.status.endswith(f" {words}")


async def test_a_domain_that_vanishes_leaves_what_was_known() -> None:
    async with looking_at("orders-db") as console:
        await console.host_says(replace(scenes.empty(), detail=None))
        assert console.status == "! orders-db is gone; this is what was known last"
        assert console.row("UUID").endswith(scenes.uuid_of("orders-db"))
        await console.press("tab")
        assert console.row("vCPU 0")
        await console.press("p")
        assert console.status == "! no domain here"


async def test_a_stale_connection_leaves_what_was_known() -> None:
    async with looking_at("orders-db") as console:
        await console.host_says(scenes.stale(console.host.host_state))
        assert "STALE" in console.lines[0]
        assert console.row("numatune")


async def test_hostile_names_stay_words_on_every_tab() -> None:
    host = scenes.hostile()
    for domain in host.domains[:4]:
        async with looking_at(domain.name, host=host) as console:
            for _ in range(5):
                await console.press("tab")
                assert not any(
                    ord(c) < 32 or 127 <= ord(c) < 160 for c in console.text if c != "\n"
                )


@pytest.mark.parametrize("theme", ["ansi-dark", "vconsole-light"])
async def test_every_tab_works_without_colours_and_in_ascii(theme: str) -> None:
    config = Config(theme=theme, ascii=True)
    async with looking_at("orders-db", WIDE, config=config) as console:
        for _ in range(5):
            await console.press("tab")
            assert console.text.isascii(), console.text


# -- cost ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", range(5))
@pytest.mark.usefixtures("painted")
async def test_the_same_reading_paints_nothing(tab: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking_at("orders-db") as console:
        await console.press(*["tab"] * tab)
        painted = watch_painting(console.app.screen.query_one(f"#view-{tab}"), monkeypatch)
        await console.host_says(replace(console.host.host_state))
        assert painted == []


@pytest.mark.usefixtures("painted")
async def test_a_busier_vcpu_paints_one_field(monkeypatch: pytest.MonkeyPatch) -> None:
    async with looking_at("orders-db") as console:
        await console.press("tab")
        painted = watch_painting(console.app.screen.query_one("#view-1"), monkeypatch)
        detail = console.host.host_state.detail
        assert detail is not None
        first, *others = detail.threads
        detail = replace(detail, threads=(replace(first, cpu_percent=12.0), *others))
        await console.host_says(replace(console.host.host_state, detail=detail))
        assert [region.area for region in painted] == [5]
