"""Disk and channel: who has them, what is dangerous, and the changes that give and take them."""

from __future__ import annotations

from textwrap import indent

import pytest

from vconsole.features.metrics.model import provision
from vconsole.features.metrics.model.provision import (
    CHANNEL,
    Attachments,
    MetricsDevice,
    ProvisionError,
    Wish,
    attachments,
    devices,
    disk_clause,
    free_target,
    own_path,
    plan,
)
from vconsole.model.request import ChangeDevice, Configurations
from vconsole.model.xml_edit import Document, XmlEditError

PATH = "/dev/shm/vhostmd0"
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
OTHER = "11111111-2222-3333-4444-555555555555"
SERIAL = "<controller type='virtio-serial' index='0'/>"


def domain(*clauses: str) -> str:
    inner = indent("\n".join(clauses), "    ")
    return (
        f"<domain type='kvm'>\n  <name>web</name>\n  <uuid>{UUID}</uuid>\n"
        f"  <devices>\n{inner}\n  </devices>\n</domain>\n"
    )


def disk(
    path: str = PATH, target: str = "vdb", more: str = "<readonly/>", kind: str = "file"
) -> str:
    source = "dev" if kind == "block" else "file"
    return (
        f"<disk type='{kind}' device='disk'><source {source}='{path}'/>"
        f"<target dev='{target}' bus='virtio'/>{more}</disk>"
    )


def channel(state: str = "", path: str = "") -> str:
    source = f" path='{path}'" if path else ""
    shown = f" state='{state}'" if state else ""
    return (
        f"<channel type='unix'><source mode='bind'{source}/>"
        f"<target type='virtio' name='{CHANNEL}'{shown}/></channel>"
    )


def found(xml: str) -> tuple[MetricsDevice, ...]:
    known = devices(xml, PATH)
    assert known is not None
    return known


# -- what there is -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "clause",
    [
        disk(),
        disk(kind="block"),
        disk("/dev//shm/./vhostmd0"),
        disk(own_path(PATH, UUID)),
        channel(),
        disk_clause(PATH, "vdz"),
        provision.channel_clause(),
    ],
)
def test_it_is_found(clause: str) -> None:
    (known,) = found(domain(disk("/images/root.qcow2", "vda", ""), clause))
    assert known.xml == clause
    assert known.alarm == ""
    assert known.path in ("", PATH, own_path(PATH, UUID))


@pytest.mark.parametrize(
    "clause",
    [
        disk("/images/vhostmd0"),
        disk("/dev/shm/vhostmd01"),
        disk("/dev/shm/vhostmd-notes"),
        disk(f"/tmp/vhostmd-{UUID}"),
        channel().replace(CHANNEL, "org.qemu.guest_agent.0"),
        "<disk type='file' device='cdrom'><target dev='sda'/></disk>",
        f"<disk><metadata>{PATH}</metadata></disk>",
    ],
)
def test_what_only_looks_like_it_is_not(clause: str) -> None:
    assert found(domain(clause)) == ()


def test_a_domain_without_a_configuration_is_told_from_one_without_a_disk() -> None:
    assert attachments(Configurations(None, domain()), PATH) == Attachments(None, ())


def test_a_path_that_xml_escapes_is_found() -> None:
    path = "/dev/shm/a&b"
    known = devices(domain(disk_clause(path, "vdz")), path)
    assert known is not None
    assert [device.path for device in known] == [path]


def test_whether_the_guest_has_the_channel_open() -> None:
    assert [d.in_use for d in found(domain(channel("connected")))] == [True]
    assert [d.in_use for d in found(domain(channel("disconnected")))] == [False]


def test_a_guest_reads_by_what_it_runs_with_else_by_what_it_will() -> None:
    runs = attachments(Configurations(domain(), domain(disk())), PATH)
    assert not runs.has("disk")
    off = attachments(Configurations(None, domain(disk())), PATH)
    assert off.has("disk")
    assert off.has("disk", PATH)
    assert not off.has("disk", "/dev/shm/other")
    assert not off.has("channel")


# -- alarms ------------------------------------------------------------------------------------


def test_a_writable_disk_is_an_alarm_wherever_it_is() -> None:
    writable = disk(more="<shareable/>")
    for half in (Configurations(domain(writable)), Configurations(domain(), domain(writable))):
        alarm = attachments(half, PATH).alarm
        assert alarm == "vdb is writable: the guest can forge what all others read: detach it"


def test_a_disk_of_its_own_that_is_writable_is_one_too() -> None:
    (known,) = found(domain(disk(own_path(PATH, UUID), more="")))
    assert known.alarm == "vdb is writable: the guest can forge its own metrics: detach it"


def test_the_disk_of_another_domain_is_an_alarm() -> None:
    (known,) = found(domain(disk(own_path(PATH, OTHER))))
    assert known.alarm == f"vdb is the disk of another domain, {OTHER}: detach it"


# -- clauses -----------------------------------------------------------------------------------


def test_the_disk_is_raw_read_only_and_around_the_cache() -> None:
    root = Document(disk_clause(PATH, "vdz")).root
    driver, target = root.find("driver"), root.find("target")
    assert driver is not None
    assert target is not None
    assert dict(driver.attributes) == {"name": "qemu", "type": "raw", "cache": "none"}
    assert dict(target.attributes) == {"dev": "vdz", "bus": "virtio"}
    label = root.find("source/seclabel")
    assert label is not None
    assert dict(label.attributes) == {"model": "dac", "relabel": "no"}
    assert root.find("readonly")
    assert root.find("shareable")


def test_a_file_that_cannot_be_opened_around_the_cache_is_not() -> None:
    assert "cache='writethrough'" in disk_clause(PATH, "vdz", direct=False)


def test_the_target_is_free_in_both_configurations() -> None:
    live, config = domain(disk("/a", "vdz"), disk("/b", "vda")), domain(disk("/c", "vdy"))
    assert free_target(live, config) == "vdx"
    assert free_target(live, None) == "vdy"
    assert free_target() == "vdz"


def test_there_is_an_end_to_targets() -> None:
    full = domain(*(disk(f"/{letter}", f"vd{letter}") for letter in "abcdefghijklmnopqrstuvwxyz"))
    with pytest.raises(ProvisionError, match="no disk is free of vda to vdz: detach one"):
        free_target(full)


# -- plans -------------------------------------------------------------------------------------


def planned(found: Configurations, wish: Wish) -> list[tuple[str, bool, bool]]:
    """(target or kind, live, config) of each change."""
    return [
        (_target(change), change.live, change.config) for change in plan(UUID, "web", found, wish)
    ]


def _target(change: ChangeDevice) -> str:
    target = Document(change.device).root.find("target")
    assert target is not None
    return target.get("dev") or "channel"


ATTACH = Wish("disk", True, PATH)
DETACH = Wish("disk", False, PATH)


def test_a_disk_is_attached_by_one_change() -> None:
    (change,) = plan(UUID, "web", Configurations(domain(), domain()), ATTACH)
    assert change == ChangeDevice(
        UUID, "web", "attach the metrics disk", disk_clause(PATH, "vdz"), True, True, True
    )


@pytest.mark.parametrize(
    "label", ["<seclabel type='none' model='dac'/>", "<seclabel model='dac' relabel='no'/>"]
)
def test_a_domain_whose_files_are_left_alone_is_not_told_so_of_one(label: str) -> None:
    bare = disk_clause(PATH, "vdz", relabelled=False)
    assert "seclabel" not in bare
    none = domain().replace("  <devices>", f"  {label}\n  <devices>")
    (change,) = plan(UUID, "web", Configurations(none, none), ATTACH)
    assert (change.device, change.live, change.config) == (bare, True, True)
    live, config = plan(UUID, "web", Configurations(domain(), none), ATTACH)
    assert (live.device, live.config) == (disk_clause(PATH, "vdz"), False)
    assert (config.device, config.live) == (bare, False)


@pytest.mark.parametrize(
    ("live", "config", "expected"),
    [
        (domain(), None, [("vdz", True, False)]),
        (None, domain(), [("vdz", False, True)]),
        (domain(), domain(disk()), [("vdb", True, False)]),
        (domain(disk()), domain(), [("vdb", False, True)]),
        (domain(disk("/images/data", "vdb")), domain(disk()), [("vdz", True, False)]),
    ],
)
def test_only_what_lacks_it_is_given_it_and_by_the_same_name(
    live: str | None, config: str | None, expected: list[tuple[str, bool, bool]]
) -> None:
    assert planned(Configurations(live, config), ATTACH) == expected


def test_a_half_alone_can_be_asked_for() -> None:
    both = Configurations(domain(), domain())
    assert planned(both, ATTACH.aiming("live")) == [("vdz", True, False)]
    assert planned(both, ATTACH.aiming("config")) == [("vdz", False, True)]
    with pytest.raises(ProvisionError, match="it does not run"):
        plan(UUID, "web", Configurations(None, domain()), ATTACH.aiming("live"))
    with pytest.raises(ProvisionError, match="it has no definition"):
        plan(UUID, "web", Configurations(domain(), None), ATTACH.aiming("config"))


def test_a_domain_is_given_the_disk_for_itself() -> None:
    own = Wish("disk", True, PATH, own=True)
    (change,) = plan(UUID, "web", Configurations(None, domain(disk())), own)
    assert f"file='/dev/shm/vhostmd-{UUID}'" in change.device


def test_a_channel_needs_a_controller_to_be_plugged_in() -> None:
    wish = Wish("channel", True, PATH)
    assert planned(Configurations(domain(SERIAL), domain()), wish) == [("channel", True, True)]
    assert planned(Configurations(domain(), domain()), wish) == [("channel", False, True)]
    with pytest.raises(ProvisionError, match=r"without a virtio-serial controller.* restart"):
        plan(UUID, "web", Configurations(domain(), domain(channel())), wish)


@pytest.mark.parametrize(
    ("wish", "xml", "reason"),
    [
        (ATTACH, domain(disk()), "it has the disk already, as vdb"),
        (ATTACH, domain(disk(more="")), "vdb is writable: .* detach it"),
        (DETACH, domain(disk("/images/a")), "it has no metrics disk"),
        (Wish("channel", True, PATH), domain(channel()), "it has the channel already"),
        (Wish("channel", False, PATH), domain(), "it has no metrics channel"),
    ],
)
def test_what_makes_no_sense_is_refused(wish: Wish, xml: str, reason: str) -> None:
    with pytest.raises(ProvisionError, match=reason):
        plan(UUID, "web", Configurations(xml, xml), wish)


def test_a_disk_is_detached_by_one_change_as_it_is_defined() -> None:
    live = disk(more="<readonly/><alias name='virtio-disk1'/>")
    both = Configurations(domain(live), domain(disk()))
    (change,) = plan(UUID, "web", both, DETACH)
    assert (change.attach, change.live, change.config, change.device) == (False, True, True, disk())


def test_every_metrics_disk_is_detached_even_a_dangerous_one() -> None:
    both = Configurations(
        domain(disk(more=""), disk(own_path(PATH, OTHER), "vdc")), domain(disk(target="vdd"))
    )
    assert planned(both, DETACH) == [
        ("vdb", True, False),
        ("vdc", True, False),
        ("vdd", False, True),
    ]


def test_a_channel_is_detached_from_each_half_as_it_stands_there() -> None:
    """libvirt compares the path of its socket, which only the running domain has."""
    live = channel("connected", "/var/lib/libvirt/qemu/channel/target/domain-1-web/x")
    both = Configurations(domain(live), domain(channel()))
    changes = plan(UUID, "web", both, Wish("channel", False, PATH))
    assert [(c.device, c.live, c.config) for c in changes] == [
        (live, True, False),
        (channel(), False, True),
    ]


def test_xml_that_cannot_be_read_is_said() -> None:
    with pytest.raises(XmlEditError):
        attachments(Configurations(config=f"<domain>{PATH}"), PATH)
