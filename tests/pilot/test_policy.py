"""Clock, power and devices of a domain: seen, edited as a draft, and saved as one change."""

from __future__ import annotations

from typing import Any

import pytest

from tests import scenes
from tests.pilot.manual import Console
from tests.pilot.policy_host import WEB, XML, Host, policy_page

RULES = "USB rule 1"


async def to(console: Console, title: str) -> None:
    """Move the cursor to the row of this title."""
    await console.press("g")
    for _ in range(20):
        if f" {title}: " in console.text:
            return
        await console.press("j")
    raise AssertionError(f"no row {title!r}:\n{console.text}")


async def retyped(console: Console, text: str) -> None:
    """Type another value in the place of what is there."""
    await console.press("ctrl+u", *text)


async def look_again(console: Console) -> None:
    """As the page does it every few seconds."""
    page: Any = console.app.page
    page.look()
    await console.settle()


def words(console: Console, title: str) -> list[str]:
    """The row of this title, word by word, without mark and group."""
    rows = [line[8:] for line in console.lines[3:]]
    found = [row.split() for row in rows if row.startswith(f"{title} ")]
    assert found, console.text
    return found[0]


# -- what is seen ------------------------------------------------------------------------------


async def test_what_runs_stands_beside_what_is_defined() -> None:
    live = XML.replace("<timer name='hpet' present='no'/>", "").replace("'utc'", "'localtime'")
    async with policy_page(Host(live=live)) as console:
        assert console.title.startswith(f"Clock, power and devices of {WEB}   running")
        assert words(console, "offset") == ["offset", "localtime", "utc", "next", "start"]
        assert words(console, "hpet") == ["hpet", "-", "not", "there", "next", "start"]
        assert words(console, "PMU") == ["PMU", "default", "default"]
        assert words(console, "suspend-to-disk") == ["suspend-to-disk", "no", "no"]
        assert console.status == "! offset: config is in force from the next start on"
        await to(console, RULES)
        console.sees("config 0x08:0x0951:0x1625:2.00:yes", "the first rule that fits decides")
        await to(console, "SMART disks")
        console.sees("systemctl disable --now smartd", "vda (virtio): answers no SMART")


async def test_a_domain_that_is_shut_off_has_no_live_values() -> None:
    async with policy_page(Host(live="")) as console:
        assert words(console, "offset") == ["offset", "-", "utc"]


async def test_a_transient_domain_is_shown_and_not_edited() -> None:
    async with policy_page(Host(config=None)) as console:
        said = f"x {WEB}: it is transient: it has no definition to edit"
        assert words(console, "offset") == ["offset", "utc", "-"]
        assert console.status == said
        for key in ("space", "e", "o", "d"):
            await console.press(key)
            assert "it is transient" in console.status
            assert console.title.endswith("running")


async def test_what_cannot_be_read_is_said_and_what_was_known_stays() -> None:
    host = Host()
    async with policy_page(host) as console:
        host.trouble = "Domain not found: \x1b[2J"
        await look_again(console)
        assert console.status == f"x {WEB}: Domain not found: \\x1b[2J"
        assert words(console, "offset") == ["offset", "utc", "utc"]


@pytest.mark.parametrize("config", ["<domain>", XML.replace("allow='no'", "allow='perhaps'")])
async def test_a_definition_that_cannot_be_understood_is_said(config: str) -> None:
    async with policy_page(Host(config, live="")) as console:
        assert console.status.startswith(f"x {WEB}: its definition cannot be read: ")
        for key in ("space", "e", "d", "greater_than_sign", "ctrl+s", "o"):
            await console.press(key)
            assert console.is_open


# -- what is edited ----------------------------------------------------------------------------


async def test_edits_are_collected_and_saved_as_one_change() -> None:
    host = Host()
    async with policy_page(host) as console:
        await console.press("space")
        assert words(console, "offset") == ["offset", "utc", "localtime", "edited"]
        await to(console, "CPU PMU")
        await console.press("space")
        await to(console, "Power suspend-to-mem")
        await console.press("d")
        assert console.title.endswith("3 settings edited, not saved")
        assert console.status == "^s shows what saving changes, z takes the last edit back"
        assert host.defined == []
        await console.press("ctrl+s")
        console.sees(
            *("-  <clock offset='utc'>", "+  <clock offset='localtime'>", "+    <pmu state='on'/>"),
            *("-    <suspend-to-mem enabled='no'/>", "set the CPU mode host-passthrough"),
            *(f"{WEB}  change offset, suspend-to-mem, pmu  at the next start", "virsh edit"),
        )
        console.sees_no("secret")
        await console.press("enter")
        assert console.status.startswith("done and read back; it takes effect at the next start")
        assert not {"apply", "target", "cancel"} & set(console.footer.split()), "it is over"
        (change,) = host.defined
        assert (change.before, change.after) == (XML, host.config)
        await console.press("escape")
        assert console.title.endswith("running")
        assert words(console, "offset") == ["offset", "utc", "localtime", "next", "start"]


async def test_a_value_is_checked_while_it_is_typed() -> None:
    async with policy_page(Host()) as console:
        await to(console, "Timer rtc")
        await console.press("e")
        assert console.status.startswith("present=yes|no tickpolicy=delay|catchup|merge|discard")
        await console.press(*" track=host")
        assert console.status == "! track 'host': write boot or guest or wall or realtime"
        await console.press("enter")
        assert console.status.startswith("x track 'host'")
        await retyped(console, "track=boot")
        assert console.status == "! QEMU's rtc has no track boot: write guest or wall or realtime"
        await retyped(console, "tickpolicy=catchup track=guest")
        assert console.status.startswith("e edits")
        await console.press("enter")
        assert words(console, "rtc")[1:] == ["catchup", "catchup", "guest", "edited"]


async def test_what_an_offset_needs_is_asked_for_before_it_can_be_saved() -> None:
    host = Host()
    async with policy_page(host) as console:
        await console.press("e")
        await retyped(console, "timezone")
        await console.press("enter")
        assert words(console, "timezone")[-1] == "needed"
        assert console.status.startswith("x offset timezone needs a timezone: a name such as")
        await console.press("ctrl+s")
        assert (console.page, host.defined) == ("policy", [])
        await to(console, "Clock timezone")
        await console.press("e", *"Europe/Paris", "enter", "ctrl+s")
        console.sees("+  <clock offset='timezone' timezone='Europe/Paris'>")


async def test_timers_come_and_go() -> None:
    async with policy_page(Host()) as console:
        await console.press("o", *"rtc")
        assert console.status == "! there is a timer rtc already: edit that one"
        await retyped(console, "tsc mode=native")
        await console.press("enter")
        assert words(console, "tsc") == ["tsc", "-", "native", "edited"]
        await to(console, "Timer tsc")
        console.sees("QEMU takes no notice of mode")
        await to(console, "Timer hpet")
        await console.press("d")
        assert words(console, "hpet") == ["hpet", "not", "there", "-", "edited"]
        await console.press("d")
        assert console.status == "! the config has none: -"


async def test_rules_are_added_changed_moved_and_deleted() -> None:
    host = Host()
    async with policy_page(host) as console:
        await to(console, RULES)
        await console.press("o", *"0x03:any:any:any:yes", "enter")
        assert words(console, "rule 2")[2:] == ["no", "any", "yes", "03:*:*:*", "edited"]
        await to(console, "USB rule 2")
        await console.press("less_than_sign")
        console.sees("USB rule 1: to be 0x03:-1:-1:-1:yes")
        await console.press("less_than_sign")
        assert console.status == "! only USB rules have an order, within their list"
        await console.press("greater_than_sign", "space")
        console.sees("USB rule 2: to be 0x03:-1:-1:-1:no")
        await console.press("d")
        assert console.title.endswith("running")
        await console.press("d")
        assert words(console, "rule 2")[2:] == ["no", "any", "-", "edited"]
        await console.press("ctrl+s", "enter")
        assert "<usbdev allow='no'/>" not in (host.config or "")


async def test_what_was_deleted_can_be_typed_again() -> None:
    async with policy_page(Host()) as console:
        await to(console, "USB rule 2")
        await console.press("d", "space")
        assert words(console, "rule 2")[2:] == ["no", "any", "yes", "any", "edited"]
        await to(console, "Timer hpet")
        await console.press("d", "e", *"present=no", "enter")
        assert words(console, "hpet") == ["hpet", "not", "there", "not", "there"]


async def test_a_wrong_rule_is_named() -> None:
    async with policy_page(Host()) as console:
        await to(console, "USB filter")
        await console.press("o", *"0x08:951:-1:-1:yes", "enter")
        assert console.status.startswith("x vendor '951': write 0x0951 with at most 4 digits")
        await console.press("escape")
        assert console.title.endswith("running")


async def test_edits_are_taken_back_one_by_one_or_all() -> None:
    async with policy_page(Host()) as console:
        await console.press("z")
        assert console.status == "! no edit to take back"
        await console.press("space", "space", "z")
        assert words(console, "offset")[2] == "localtime"
        await console.press("Z")
        assert words(console, "offset") == ["offset", "utc", "utc"]


async def test_what_is_not_saved_is_not_lost_by_one_key() -> None:
    async with policy_page(Host()) as console:
        await console.press("space", "escape")
        assert console.page == "policy"
        assert "what is edited is not saved" in console.status
        await console.press("j", "escape")
        assert console.page == "policy", "the warning was not in sight any more"
        assert "is not saved" in console.status
        await console.press("escape")
        assert console.page == "domains"


async def test_what_is_only_told_is_not_edited() -> None:
    async with policy_page(Host()) as console:
        await to(console, "SMART disks")
        for key in ("space", "e"):
            await console.press(key)
            assert console.status.startswith("! nothing to set here")
        await console.press("d")
        assert console.status == "! this cannot be deleted"
        await to(console, "Timer rtc")
        await console.press("space")
        assert console.status == "! it has no short list of values: e types one"


# -- what others do meanwhile ------------------------------------------------------------------


async def test_a_definition_that_changed_meanwhile_is_a_conflict() -> None:
    host = Host()
    async with policy_page(host) as console:
        await console.press("space")
        host.config = XML.replace("<acpi/>", "<acpi/><apic/>")
        await look_again(console)
        said = "was redefined by somebody else meanwhile: Z drops your edits"
        assert console.status == f"x {WEB} {said}"
        await console.press("ctrl+s", "enter")
        assert "redefined by somebody else meanwhile" in console.status
        assert host.defined == []
        await console.press("escape", "Z", "space", "ctrl+s", "enter")
        assert "<apic/>" in (host.config or "")
        assert "offset='localtime'" in (host.config or "")


async def test_a_change_while_a_value_is_typed_is_not_taken_for_another() -> None:
    host = Host()
    async with policy_page(host) as console:
        await to(console, "USB rule 2")
        await console.press("e")
        host.config = XML.replace("<usbdev allow='no'/>", "")
        await look_again(console)
        await retyped(console, "0x03:-1:-1:-1:yes")
        await console.press("enter")
        assert console.status == "x the definition was changed meanwhile: esc, and look again"
        await console.press("escape")
        assert console.title.endswith("running")


async def test_read_only_shows_and_changes_nothing() -> None:
    async with policy_page(Host(), host_state=scenes.read_only(scenes.kvm07())) as console:
        assert words(console, "offset") == ["offset", "utc", "utc"]
        for key in ("space", "e", "o", "d", "greater_than_sign", "less_than_sign", "ctrl+s"):
            await console.press(key)
            assert console.status == "! read-only: --read-only was given"


async def test_it_opens_from_the_domain_and_names_what_shows_it() -> None:
    async with policy_page(Host()) as console:
        await console.press("escape", "enter", "o", "y")
        assert console.page == "policy"
        uuid = scenes.uuid_of(WEB)
        assert console.status == f"copied: virsh -c qemu:///system dumpxml --inactive {uuid}"


async def test_what_never_validated_is_offered_to_be_defined_without() -> None:
    host = Host(strict=True)
    async with policy_page(host) as console:
        await to(console, "PMU")
        await console.press("space", "ctrl+s", "enter")
        await console.settle()
        assert not host.defined
        console.sees("define it without validation? y/N")
        await console.press("y", "enter")
        await console.settle()
        assert [edit.validate for edit in host.defined] == [False]
        console.sees("virsh edit", "--skip-validate")
