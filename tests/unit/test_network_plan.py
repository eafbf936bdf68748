"""What is planned for an interface: of each half only what was asked for is changed."""

from __future__ import annotations

from difflib import unified_diff

import pytest

from tests.unit.network_xml import (
    BRIDGE_CONFIG,
    BRIDGE_LIVE,
    LAN_CONFIG,
    LAN_LIVE,
    MAC,
    SLOT,
    domain,
)
from vconsole.features.network.model.interfaces import Source
from vconsole.features.network.model.places import read_network
from vconsole.features.network.model.plan import (
    UpdateInterface,
    adder,
    address_giver,
    linker,
    mover,
    plugged_into,
    remover,
)
from vconsole.model.outcome import Target
from vconsole.model.proposal import Planner, Subject
from vconsole.model.request import ChangeDevice, Define

BR1, LAN = Source("bridge", "br1"), Source("network", "lan")


def subject(live: str | None = BRIDGE_LIVE, config: str | None = BRIDGE_CONFIG) -> Subject:
    return Subject(
        "u",
        "web",
        None if live is None else domain(live, running=True),
        None if config is None else domain(config),
    )


def update(plan: Planner, of: Subject, target: Target = "both") -> UpdateInterface:
    (change,) = plan(of, target).changes
    assert isinstance(change, UpdateInterface)
    return change


def difference(before: str, after: str) -> list[str]:
    lines = list(unified_diff(before.split("\n"), after.split("\n"), n=0, lineterm=""))[2:]
    return [f"{line[0]} {line[1:].strip()}" for line in lines if not line.startswith("@")]


# -- moving ----------------------------------------------------------------------------------


def test_to_another_bridge_only_the_source_changes() -> None:
    change = update(mover("vnet0", BR1), subject())
    assert [half for half, _ in change.edits] == ["live", "config"]
    for (_, edit), seen in zip(change.edits, (BRIDGE_LIVE, BRIDGE_CONFIG), strict=True):
        assert (edit.seen, edit.before) == (seen, seen)
        assert difference(seen, edit.after) == [
            "- <source bridge='br0'/>",
            "+ <source bridge='br1'/>",
        ]
    assert (change.what, change.grade, change.when) == (
        "move vnet0 to bridge br1",
        "interrupting",
        "live and config",
    )


def test_to_a_network_the_type_follows() -> None:
    change = update(mover(MAC, LAN), subject(), "config")
    assert change.live is None
    assert change.config is not None
    assert change.config.after == LAN_CONFIG
    assert (change.grade, change.when) == ("harmless", "at the next start")


def test_from_a_network_nothing_of_what_it_led_to_is_left() -> None:
    change = update(mover("net0", BR1), subject(LAN_LIVE, LAN_CONFIG))
    assert change.live is not None
    assert change.live.after == BRIDGE_LIVE.replace("br0", "br1")
    assert change.live.before == BRIDGE_LIVE.replace("bridge='br0'", "network='lan'").replace(
        "type='bridge'", "type='network'"
    )


def test_the_port_of_a_switch_stays_among_bridges_and_goes_with_them() -> None:
    port = "<virtualport type='openvswitch'><parameters interfaceid='x'/></virtualport>"
    clause = BRIDGE_CONFIG.replace("</interface>", f"{port}</interface>")
    assert port in plugged_into(clause, BR1)
    assert "virtualport" not in plugged_into(clause, LAN)


def test_one_without_a_source_is_given_one() -> None:
    clause = f"<interface type='user'><mac address='{MAC}'/>{SLOT}</interface>"
    change = update(mover(MAC, BR1), subject(None, clause), "config")
    assert change.config is not None
    assert change.config.after == (
        f"<interface type='bridge'><mac address='{MAC}'/><source bridge='br1'/>{SLOT}</interface>"
    )


def test_a_domain_that_is_off_is_changed_in_its_definition() -> None:
    change = update(mover(MAC, BR1), subject(live=None))
    assert [half for half, _ in change.edits] == ["config"]


def test_names_of_bridges_are_quoted() -> None:
    change = update(mover(MAC, Source("network", "a'b<&")), subject(live=None))
    assert change.config is not None
    assert "network='a&apos;b&lt;&amp;'" in change.config.after


DIRECT = BRIDGE_LIVE.replace("type='bridge'", "type='direct'").replace("bridge='br0'", "dev='eth0'")
HOSTDEV = BRIDGE_CONFIG.replace("type='bridge'", "type='hostdev'")


@pytest.mark.parametrize(
    ("plan", "of", "target", "reason"),
    [
        (mover("vnet0", Source("bridge", "br0")), subject(), "both", "is on bridge br0 already"),
        (
            mover("vnet0", BR1),
            subject(DIRECT),
            "both",
            "does not move while it runs: choose config",
        ),
        (mover(MAC, BR1), subject(None, HOSTDEV), "config", "take it away, and add another"),
        (mover("vnet0", BR1), subject(live=None), "live", "it does not run"),
        (mover("vnet0", BR1), subject(config=None), "config", "it has no definition"),
        (mover("vnet7", BR1), subject(), "both", "has no interface 'vnet7'"),
        (linker("vnet0", up=True), subject(), "both", "the link of vnet0 is up already"),
        (address_giver("vnet0", "52:54:00:00:00:01"), subject(), "live", "choose config"),
        (address_giver("vnet0", MAC), subject(), "both", f"has the address {MAC} already"),
        (address_giver("vnet0", MAC), subject(config=None), "both", "it has no definition"),
        (adder(BR1, MAC), subject(live=None), "live", "it does not run"),
        (adder(BR1, MAC), subject(config=None), "config", "it is transient"),
    ],
)
def test_what_cannot_be_done_says_why(
    plan: Planner, of: Subject, target: Target, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        plan(of, target)


# -- the link --------------------------------------------------------------------------------


def test_a_link_is_pulled_and_plugged_in_again() -> None:
    down = update(linker("vnet0", up=False), subject())
    assert down.live is not None
    assert down.config is not None
    assert difference(BRIDGE_LIVE, down.live.after) == ["+ <link state='down'/>"]
    assert difference(BRIDGE_CONFIG, down.config.after) == ["+ <link state='down'/>"]
    up = update(linker("vnet0", up=True), subject(down.live.after, down.config.after))
    assert up.live is not None
    assert difference(BRIDGE_LIVE, up.live.after) == ["+ <link state='up'/>"]
    assert (down.grade, up.grade) == ("interrupting", "harmless")


def test_a_half_that_is_so_already_is_left_alone() -> None:
    down = update(linker("vnet0", up=False), subject(), "live")
    assert down.live is not None
    back = update(linker("vnet0", up=True), subject(down.live.after))
    assert [half for half, _ in back.edits] == ["live"]


def test_the_link_of_one_on_a_network_is_pulled_on_the_network() -> None:
    change = update(linker("vnet0", up=False), subject(LAN_LIVE, LAN_CONFIG), "live")
    assert change.live is not None
    assert "<interface type='network'>" in change.live.after
    assert "<source network='lan'/>" in change.live.after
    assert change.lines() == (
        "  live:",
        "@@ -4,4 +4,5 @@",
        "   <target dev='vnet0'/>",
        "   <model type='virtio'/>",
        "+  <link state='down'/>",
        "   <alias name='net0'/>",
        f"   {SLOT}",
    )


def test_the_port_group_of_a_network_is_kept() -> None:
    grouped = LAN_LIVE.replace("network='lan'", "network='lan' portgroup='blue'")
    change = update(linker("vnet0", up=False), subject(grouped), "live")
    assert change.live is not None
    assert "<source network='lan' portgroup='blue'/>" in change.live.after


def test_a_guest_that_runs_is_not_told_where_it_is_now() -> None:
    words = "web: its guest is not told: renew the address there"
    notes = mover("vnet0", BR1)(subject(), "live").notes
    assert [note.startswith(words) for note in notes] == [True]
    assert mover("vnet0", BR1)(subject(), "config").notes == ()


# -- what it is in virsh ---------------------------------------------------------------------


def test_each_half_has_its_virsh_line() -> None:
    lines = update(mover("vnet0", BR1), subject()).virsh("qemu:///system")
    commands = [line for line in lines if line.startswith("virsh")]
    assert commands == [
        "virsh -c qemu:///system update-device web --live --file /dev/stdin <<'END'",
        "virsh -c qemu:///system update-device web --config --file /dev/stdin <<'END'",
    ]
    assert lines.count("  <source bridge='br1'/>") == 2


# -- addresses, coming and going -------------------------------------------------------------


def test_another_address_is_an_edit_of_the_definition() -> None:
    of = subject()
    proposal = address_giver("vnet0", "52:54:00:00:00:01")(of, "both")
    (change,) = proposal.changes
    assert isinstance(change, Define)
    assert change.before == of.config
    assert difference(change.before, change.after) == [
        f"- <mac address='{MAC}'/>",
        "+ <mac address='52:54:00:00:00:01'/>",
    ]
    assert proposal.notes == ("web runs: its guest has the address from its next start on",)


def test_an_interface_is_added_to_both_halves_at_once() -> None:
    (change,) = adder(LAN, MAC)(subject(), "both").changes
    assert isinstance(change, ChangeDevice)
    assert (change.attach, change.live, change.config) == (True, True, True)
    assert change.device == (
        f"<interface type='network'><mac address='{MAC}'/><source network='lan'/>"
        "<model type='virtio'/></interface>"
    )


def test_it_goes_from_both_halves_at_once_where_one_clause_names_it() -> None:
    (change,) = remover("vnet0")(subject(), "both").changes
    assert isinstance(change, ChangeDevice)
    assert (change.device, change.live, change.config) == (BRIDGE_CONFIG, True, True)
    assert change.grade == "interrupting"
    moved = BRIDGE_CONFIG.replace("slot='0x02'", "slot='0x09'")
    changes = remover("vnet0")(subject(config=moved), "both").changes
    assert [c.when for c in changes] == ["live, until it is shut off", "at the next start"]
    assert [c.grade for c in changes] == ["interrupting", "harmless"]


def test_a_guaranteed_bandwidth_is_moved_to_networks_only() -> None:
    floor = "<bandwidth><inbound average='100' floor='50'/></bandwidth>\n      <model"
    lan = subject(LAN_LIVE.replace("<model", floor), LAN_CONFIG.replace("<model", floor))
    with pytest.raises(ValueError, match=r"guaranteed 50 KiB/s .* move it to a network"):
        mover(MAC, BR1)(lan, "config")
    other = Source("network", "other")
    assert mover(MAC, other)(lan, "both").changes
    shaped = "<bandwidth><inbound average='1000'/></bandwidth>"
    with_qos, without = (
        read_network(f"<network><name>other</name>{qos}</network>", True, True)
        for qos in (shaped, "<bandwidth><outbound average='1000'/></bandwidth>")
    )
    assert mover(MAC, other, with_qos)(lan, "both").changes
    with pytest.raises(ValueError, match=r"guaranteed 50 KiB/s .* network other has nothing to"):
        mover(MAC, other, without)(lan, "both")
    assert mover(MAC, other, without)(subject(), "config").changes
    plain = "<bandwidth><inbound average='100'/></bandwidth>\n      <model"
    assert mover(MAC, BR1)(subject(None, LAN_CONFIG.replace("<model", plain)), "config").changes
