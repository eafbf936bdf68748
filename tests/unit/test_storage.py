"""Pools, volumes and their users: what is read, planned and refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.storage.model.change import (
    POOL_ACTIONS,
    ActOnPool,
    CreateVolume,
    PoolAction,
    ResizeVolume,
    VolumeAction,
)
from vconsole.features.storage.model.forms import POOL_TYPES, Field, pool_xml
from vconsole.features.storage.model.plan import (
    PoolWish,
    VolumeWish,
    plan_clone,
    plan_create,
    plan_define,
    plan_pool,
    plan_resize,
    plan_volume,
)
from vconsole.features.storage.model.pool import (
    Pool,
    Volume,
    overlaps,
    read_pool,
    read_volume,
    supported_types,
)
from vconsole.features.storage.model.users import Users, collect, places, uses
from vconsole.model.xml_tree import read

GIB = 1 << 30
IMAGES = Pool(
    "u1", "images", "dir", "running", True, False, 100 * GIB, 60 * GIB, 40 * GIB, 2, "/srv/images"
)
WEB = Volume("web.qcow2", "/srv/images/web.qcow2", "/srv/images/web.qcow2", "file", "qcow2", GIB)
DOMAIN = """<domain type='kvm'><name>web</name><devices>
<disk type='file' device='disk'><source file='/srv/images/web.qcow2'/>
 <backingStore type='file'><format type='qcow2'/><source file='/srv/images/base.qcow2'/>
  <backingStore type='block'><source dev='/dev/vg/root'/><backingStore/></backingStore>
 </backingStore>
 <mirror type='file' job='copy'><source file='/srv/copies/web.qcow2'/></mirror>
 <target dev='vda' bus='virtio'/></disk>
<disk type='volume' device='disk'><source pool='lvm' volume='data'/><target dev='vdb'/></disk>
<disk type='network' device='disk'><source protocol='rbd' name='libvirt/web'/>
 <target dev='vdc'/></disk>
<disk type='file' device='cdrom'><target dev='sda'/></disk>
</devices></domain>"""


def used(*texts: tuple[str, str], running: bool = True) -> Users:
    found, problem = uses("d1", "web", running, texts)
    return collect(found, problem)


# -- reading -----------------------------------------------------------------------------------


def test_a_pool_is_read_with_its_source_and_target() -> None:
    pool = read_pool(
        "<pool type='netfs'><name>nas</name><capacity unit='bytes'>1000</capacity><source>"
        "<host name='nas.example'/><dir path='/export'/></source>"
        "<target><path>/mnt/nas</path></target></pool>",
        "u",
        "nas",
    )
    assert (pool.type, pool.source, pool.target) == ("netfs", "nas.example:/export", "/mnt/nas")
    assert pool.capacity_bytes == 1000
    assert pool.allocation_bytes is None, "unknown is not 0"


def test_a_volume_is_read_with_what_it_is_based_on() -> None:
    volume = read_volume(
        "<volume type='file'><key>/k</key><capacity unit='KiB'>2</capacity>"
        "<target><path>/p</path><format type='qcow2'/><timestamps><mtime>12.5</mtime></timestamps>"
        "</target><backingStore><path>/b</path><format type='raw'/></backingStore></volume>",
        "v",
    )
    assert volume == Volume("v", "/k", "/p", "file", "qcow2", 2048, None, "/b", "raw", 12.5)


def test_pools_that_see_the_same_files_are_pointed_out() -> None:
    inner = Pool("u2", "inner", target="/srv/images/sub")
    beside = Pool("u3", "beside", target="/srv/images2")
    assert overlaps([IMAGES, inner, beside]) == {"u1": "inner", "u2": "images"}


def test_what_this_libvirt_offers() -> None:
    text = "<storagepoolCapabilities><pool type='dir' supported='yes'/>"
    found = supported_types(text + "<pool type='zfs' supported='no'/></storagepoolCapabilities>")
    assert found == {"dir": True, "zfs": False}


# -- who uses it -------------------------------------------------------------------------------


def test_every_image_of_a_domain_is_found_down_its_chain() -> None:
    found = [(p.path or f"{p.pool}/{p.volume}", p.role) for p in places(DOMAIN)]
    assert found == [
        ("/srv/images/web.qcow2", "vda"),
        ("/srv/copies/web.qcow2", "copy of vda"),
        ("/srv/images/base.qcow2", "base of vda"),
        ("/dev/vg/root", "base of vda"),
        ("lvm/data", "vdb"),
        ("libvirt/web", "vdc"),
    ]


def test_a_volume_is_known_by_path_key_or_pool_and_name() -> None:
    users = used(("", DOMAIN))
    assert [str(user) for user in users.of(IMAGES, WEB)] == ["web (vda)"]
    data = Volume("data", "key", "/dev/lvm/data")
    assert [str(user) for user in users.of(Pool("u", "lvm"), data)] == ["web (vdb)"]
    assert not users.of(Pool("u", "other"), data)
    assert users.of_pool(IMAGES) == ("web",)


def test_shut_off_domains_next_starts_and_snapshots_count() -> None:
    other = DOMAIN.replace("/srv/images/web.qcow2", "/srv/images/new.qcow2")
    users = used(("", DOMAIN), ("next start", other), ("snapshot s1", DOMAIN))
    new = Volume("new.qcow2", "/srv/images/new.qcow2", "/srv/images/new.qcow2")
    assert [str(u) for u in users.of(IMAGES, new)] == ["web (next start: vda)"]
    assert [str(u) for u in users.of(IMAGES, WEB)] == ["web (vda)", "web (snapshot s1: vda)"]


def test_a_definition_that_cannot_be_read_leaves_nobody_sure() -> None:
    users = used(("", "<domain>"))
    assert "web" in users.problem
    with pytest.raises(ValueError, match="nobody can say whether"):
        plan_volume(IMAGES, WEB, "delete", users)


@given(st.integers(1, 60))
def test_a_long_chain_is_found_whole(depth: int) -> None:
    inner = "<backingStore/>"
    for number in range(depth):
        inner = f"<backingStore type='file'><source file='/b{number}'/>{inner}</backingStore>"
    text = f"<domain><devices><disk>{inner}<target dev='vda'/></disk></devices></domain>"
    assert len(list(places(text))) == depth


# -- pools -------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", POOL_ACTIONS)
def test_each_action_has_words_and_a_line(action: PoolAction) -> None:
    change = ActOnPool("u1", "images", action, "running")
    assert change.what
    assert change.lines()
    assert change.virsh("qemu:///system")[0].startswith("virsh -c qemu:///system pool-")


def test_undefining_keeps_the_data_and_wants_the_name_typed() -> None:
    idle = Pool("u1", "images", "dir", "inactive", True, target="/srv/images")
    proposal = plan_pool(idle, "undefine", used(("", DOMAIN)))
    (change,) = proposal.changes
    assert change.grade == "destructive"
    assert "used by web" in proposal.notes
    assert any("its data stays" in note for note in proposal.notes)
    assert any("is lost" in note for note in plan_pool(idle, "delete", Users()).notes)


@pytest.mark.parametrize(
    ("pool", "action", "reason"),
    [
        (IMAGES, "start", "images is running"),
        (IMAGES, "undefine", "images runs: stop it first"),
        (IMAGES, "delete", "images is running"),
        (IMAGES, "no autostart", "does not start with the host"),
        (Pool("u", "p", "dir", "inactive"), "stop", "p is inactive"),
        (Pool("u", "p"), "start", "the state of p is not known"),
        (Pool("u", "p", "dir", "running", False), "autostart", "p is transient"),
    ],
)
def test_what_cannot_be_done_says_why(pool: Pool, action: PoolAction, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plan_pool(pool, action, Users())


@pytest.mark.parametrize("kind", POOL_TYPES)
def test_each_type_of_pool_becomes_xml_with_all_that_was_asked(kind: str) -> None:
    values = {f.id: f.default or f.example for f in POOL_TYPES[kind].fields}
    root = read(pool_xml(kind, "a<b", values))
    assert root.get("type") == kind
    name = root.find("name")
    assert name is not None
    assert name.text == "a<b"
    texts = {node.text for node in root.iter()} | {
        value for node in root.iter() for value in node.attributes.values()
    }
    assert {value for value in values.values() if value} <= texts


def test_a_form_says_what_is_missing_or_wrong() -> None:
    assert "is needed" in Field("target", "Directory", "/srv", path=True).why_not("")
    assert "begins with /" in Field("target", "Directory", "/srv", path=True).why_not("srv")
    with pytest.raises(ValueError, match="Directory: is needed"):
        plan_define(PoolWish("dir", "new"), [])
    with pytest.raises(ValueError, match="there is a pool images already"):
        plan_define(PoolWish("dir", "images", (("target", "/x"),)), [IMAGES])
    notes = plan_define(PoolWish("dir", "new", (("target", "/srv"),)), [IMAGES]).notes
    assert notes == ("/srv overlaps the pool images (/srv/images): both see the same files",)


# -- volumes -----------------------------------------------------------------------------------


def test_a_volume_is_made_of_what_was_asked() -> None:
    wish = VolumeWish("a.qcow2", "10GiB", "qcow2", "none", "/b.raw", "raw", 128)
    (change,) = plan_create(IMAGES, (), wish).changes
    assert isinstance(change, CreateVolume)
    root = read(change.xml)
    found = {node.tag: node for node in root.iter()}
    assert found["capacity"].text == str(10 * GIB)
    assert found["clusterSize"].text == "128"
    base = root.find("backingStore/path")
    assert base is not None
    assert base.text == "/b.raw"
    (change,) = plan_create(IMAGES, (), VolumeWish("a", "1G", preallocate="metadata")).changes
    assert "--prealloc-metadata" in change.virsh()[0]


def test_a_logical_volume_has_all_of_its_room() -> None:
    """With less allocated libvirt makes a snapshot of 4 MiB, which is lost when it is full."""
    group = replace(IMAGES, type="logical")
    of = Volume("a", "/dev/g/a", "key", capacity_bytes=GIB, allocation_bytes=GIB)
    made = plan_create(group, (), VolumeWish("b", "1GiB", "raw"))
    for plan in (made, plan_clone(group, (), of, "b", Users())):
        (change,) = plan.changes
        assert isinstance(change, CreateVolume)
        found = read(change.xml).find("allocation")
        assert found is not None
        assert found.text == str(GIB)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (VolumeWish("", "1G"), "needs a name"),
        (VolumeWish("../x", "1G"), "needs a name without /"),
        (VolumeWish("web.qcow2", "1G"), "has a volume web.qcow2 already"),
        (VolumeWish("x", "many"), "many"),
        (VolumeWish("x", "1G", backing="/b"), "say the format of /b"),
        (VolumeWish("x", "1G", "raw", backing="/b", backing_format="raw"), "choose qcow2"),
        (VolumeWish("x", "1G", "raw", cluster_kib=64), "only qcow2 has clusters"),
        (VolumeWish("x", "1G", "qcow2", "metadata", "/b", "raw"), "choose none"),
    ],
)
def test_a_volume_that_cannot_be_made_says_why(wish: VolumeWish, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plan_create(IMAGES, ("web.qcow2",), wish)


def test_a_full_pool_is_foreseen() -> None:
    (note,) = plan_create(IMAGES, (), VolumeWish("x", "50GiB", preallocate="full")).notes
    assert "does not fit" in note
    (note,) = plan_create(IMAGES, (), VolumeWish("x", "50GiB")).notes
    assert "may grow beyond" in note
    assert not plan_create(IMAGES, (), VolumeWish("x", "5GiB")).notes


@pytest.mark.parametrize("action", ["wipe", "delete"])
def test_what_somebody_needs_is_neither_wiped_nor_deleted(action: VolumeAction) -> None:
    users = used(("shut off", DOMAIN), running=False)
    with pytest.raises(ValueError, match=r"web.qcow2 is in use: web \(shut off: vda\)"):
        plan_volume(IMAGES, WEB, action, users)
    top = Volume("top", "/t", "/t", backing=WEB.path)
    with pytest.raises(ValueError, match="top is based on it"):
        plan_volume(IMAGES, WEB, action, Users(), [top])
    (change,) = plan_volume(IMAGES, WEB, action, Users(), []).changes
    assert change.grade == "destructive"


def test_a_running_guest_s_disk_is_copied_with_a_warning() -> None:
    proposal = plan_clone(IMAGES, (), WEB, "copy.qcow2", used(("", DOMAIN)))
    assert "as after a power cut" in proposal.notes[0]
    assert "vol-clone" in proposal.changes[0].virsh()[0]


def test_what_a_guest_wrote_into_a_raw_volume_is_not_believed() -> None:
    """libvirt goes by what it finds there: it would copy what a fake header points at."""
    raw = DOMAIN.replace("<source file", "<driver type='raw'/><source file", 1)
    users = used(("shut off", raw), running=False)
    with pytest.raises(ValueError, match=r"looks like qcow2 to libvirt, web .* has it as raw"):
        plan_clone(IMAGES, (), WEB, "copy.qcow2", users)
    with pytest.raises(ValueError, match="looks like qcow2 to libvirt"):
        plan_resize(IMAGES, WEB, "2GiB", False, users)
    iso = replace(WEB, format="iso")
    assert plan_clone(IMAGES, (), iso, "copy.iso", users).changes, "all of its bytes are copied"


def test_growing_is_the_usual_and_shrinking_wants_its_word() -> None:
    (change,) = plan_resize(IMAGES, WEB, "+512MiB", False, Users()).changes
    assert isinstance(change, ResizeVolume)
    assert change.after_bytes == GIB + GIB // 2
    assert change.grade == "harmless"
    with pytest.raises(ValueError, match="say shrink"):
        plan_resize(IMAGES, WEB, "512MiB", False, Users())
    (change,) = plan_resize(IMAGES, WEB, "512MiB", True, Users()).changes
    assert change.grade == "destructive"
    assert "--shrink" in change.virsh()[0]
    with pytest.raises(ValueError, match="vconsole disk resize"):
        plan_resize(IMAGES, WEB, "2GiB", False, used(("", DOMAIN)))
    with pytest.raises(ValueError, match="has 1073741824 bytes already"):
        plan_resize(IMAGES, WEB, "1GiB", False, Users())
