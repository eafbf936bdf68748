"""Snapshots of a domain: reading them, their tree, what changes would do and why they cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.snapshots.model.change import (
    DeleteSnapshot,
    RevertSnapshot,
    plan_delete,
    plan_revert,
)
from vconsole.features.snapshots.model.create import (
    CreateSnapshot,
    Ground,
    Kind,
    Wish,
    plan_create,
    why_no_name,
)
from vconsole.features.snapshots.model.tree import (
    Disk,
    DomainSnapshot,
    SnapshotDisk,
    SnapshotList,
    descendants,
    drawn,
    read_disks,
    read_snapshot,
    tree,
)
from vconsole.model.proposal import Proposal
from vconsole.model.xml_edit import Document

UUID = "11111111-1111-4111-8111-111111111111"
XML = """<domainsnapshot>
  <name>second</name>
  <description>before &lt;the&gt; update</description>
  <state>disk-snapshot</state>
  <parent><name>first</name></parent>
  <creationTime>1795272765</creationTime>
  <memory snapshot='no'/>
  <disks>
    <disk name='vda' snapshot='external' type='file'><source file='/g/web.second'/></disk>
    <disk name='vdb' snapshot='no'/>
  </disks>
  <domain><name>web</name><devices>
    <disk type='file'><source file='/g/web.qcow2'/><target dev='vda'/></disk>
  </devices></domain>
</domainsnapshot>"""
DOMAIN = """<domain><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
  <source file='/g/web.qcow2'/><target dev='vda'/></disk>
<disk type='block' device='disk'><driver name='qemu' type='raw'/>
  <source dev='/dev/vg/data'/><target dev='vdb'/></disk>
<disk type='file' device='cdrom'><target dev='sda'/><readonly/></disk>
<disk type='file' snapshot='no'><source file='/g/scratch'/><target dev='vdc'/></disk>
</devices></domain>"""
ROOT = Disk("vda", "file", "/g/web.qcow2", "qcow2")
RUNS = Ground(True, (ROOT,), (("/g", 3 << 30),))


def snap(name: str, parent: str | None = None, **fields: Any) -> DomainSnapshot:
    return replace(DomainSnapshot(name, parent, 100), **fields)


def picture(*snapshots: DomainSnapshot) -> list[str]:
    return [drawn(row, ascii_only=True) + row.snapshot.name for row in tree(snapshots)]


# -- reading ---------------------------------------------------------------------------------


def test_what_is_read_of_a_snapshot() -> None:
    found = read_snapshot("second", XML, current=True)
    assert (found.parent, found.state, found.memory, found.current) == (
        *("first", "disk-snapshot", "no", True),
    )
    assert found.description == "before <the> update"
    assert found.taken == "2026-11-21 14:52:45"
    assert found.disks == (
        SnapshotDisk("vda", "external", "/g/web.second"),
        SnapshotDisk("vdb", "no"),
    )
    assert (found.external, found.kind) == (True, "external, disks")


def test_what_is_read_of_a_bare_snapshot() -> None:
    found = read_snapshot("x", "<domainsnapshot><memory snapshot='internal'/></domainsnapshot>")
    assert (found.parent, found.taken, found.state, found.kind) == (
        *(None, "-", "-", "internal, memory"),
    )


@pytest.mark.parametrize("time", ["", "-1", "soon", "253402300800", "9" * 5000, "١٢"])
def test_a_time_that_is_none_is_unknown(time: str) -> None:
    text = f"<domainsnapshot><creationTime>{time}</creationTime></domainsnapshot>"
    assert read_snapshot("x", text).taken == "-"


def test_disks_that_no_snapshot_takes_are_known() -> None:
    assert read_disks(DOMAIN) == (
        ROOT,
        Disk("vdb", "block", "/dev/vg/data", "raw"),
        Disk("sda", "file", "", "-", excluded=True),
        Disk("vdc", "file", "/g/scratch", "-", excluded=True),
    )


# -- the tree --------------------------------------------------------------------------------


def test_an_only_child_stands_below_and_siblings_have_lines() -> None:
    assert picture(
        snap("base"),
        snap("updates", "base"),
        snap("try-b", "updates", taken_s=300),
        snap("try-a", "updates", taken_s=200),
        snap("try-a2", "try-a", taken_s=400),
        snap("x", "try-a2", taken_s=500),
        snap("y", "try-a2", taken_s=600),
    ) == ["o base", "o updates", "|-o try-a", "| o try-a2", "| |-o x", "| `-o y", "`-o try-b"]


def test_several_roots_have_lines_too() -> None:
    assert picture(snap("a"), snap("b"), snap("b2", "b")) == ["|-o a", "`-o b", "  o b2"]


def test_what_a_host_says_of_parents_need_not_make_sense() -> None:
    rows = tree((snap("a", "b"), snap("b", "a"), snap("c", "nobody"), snap("d", "d")))
    assert {row.key: row.problem for row in rows} == {
        "a": "its parents form a circle",
        "b": "",
        "c": "its parent nobody is missing",
        "d": "its parents form a circle",
    }


def test_two_of_one_name_are_two_rows() -> None:
    rows = tree((snap("a"), snap("a"), snap("a", "a")))
    assert len({row.key for row in rows}) == 3
    assert [row.snapshot.name for row in rows] == ["a", "a", "a"]


def test_a_tree_that_forks_without_end_stays_narrow() -> None:
    forks = [snap(f"{n}{side}", f"{n - 1}a" if n else None) for n in range(99) for side in "ab"]
    assert max(len(line) for line in picture(*forks)) < 40


def test_a_chain_of_thousands_is_no_matter() -> None:
    chain = [snap(str(n), str(n - 1) if n else None, taken_s=n) for n in range(5000)]
    assert [row.key for row in tree(chain)] == [str(n) for n in range(5000)]
    assert len(descendants(chain, "0")) == 4999


names = st.sampled_from("abcdefg")
anything = st.builds(DomainSnapshot, names, st.none() | names, st.none() | st.integers(0, 9))


@given(st.lists(anything, max_size=12))
def test_whatever_a_host_says_each_snapshot_is_there_once_and_below_its_parent(
    snapshots: list[DomainSnapshot],
) -> None:
    rows = tree(snapshots)
    assert sorted(map(repr, snapshots)) == sorted(repr(row.snapshot) for row in rows)
    seen: set[str] = set()
    for row in rows:
        assert row.problem or row.snapshot.parent is None or row.snapshot.parent in seen
        seen.add(row.key)
    for name in "abcdefg":
        assert name not in descendants(snapshots, name)


# -- taking ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "needs a name"),
        ("a/b", "no /"),
        (".hidden", "no . or - first"),
        ("--name", "no . or - first"),
        (" x", "no blanks around"),
        ("a\nb", "only characters that print"),
        ("e\x9b", "only characters that print"),
        ("x" * 101, "101 characters"),
        ("first", "first is there already"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_reason(name: str, reason: str) -> None:
    assert reason in why_no_name(name, ["first"])


@pytest.mark.parametrize("name", ["x", "before update", "naïve", "2026-11-21", "a,b", "a'b"])
def test_a_name_that_can_be(name: str) -> None:
    assert why_no_name(name, ["first"]) == ""


def planned(ground: Ground, name: str, kind: Kind, **fields: Any) -> CreateSnapshot:
    wish = replace(Wish(name, kind=kind), **fields)
    (change,) = plan_create(UUID, "web", ground, wish).changes
    assert isinstance(change, CreateSnapshot)
    return change


def notes(ground: Ground, kind: Kind, quiesce: bool = False) -> str:
    return "\n".join(plan_create(UUID, "web", ground, Wish("x", "", kind, quiesce)).notes)


def test_an_internal_one_leaves_the_disks_where_they_are() -> None:
    change = planned(RUNS, "a&b", "internal", description="<why>")
    assert change.xml == (
        "<domainsnapshot><name>a&amp;b</name><description>&lt;why&gt;</description>"
        "</domainsnapshot>"
    )
    assert change.grade == "interrupting"
    assert planned(replace(RUNS, running=False), "x", "internal").grade == "harmless"
    assert change.virsh() == (
        "virsh snapshot-create-as web --name 'a&b' --description '<why>' --atomic",
    )
    assert "stands still" in notes(RUNS, "internal")


def test_a_disk_only_one_names_the_new_files() -> None:
    change = planned(RUNS, "x,y", "disk-only", quiesce=True)
    assert change.files == (("vda", "/g/web.x,y"),)
    assert change.lines()[-2:] == ("- vda: /g/web.qcow2", "+ vda: /g/web.x,y")
    assert change.virsh("qemu:///system") == (
        "virsh -c qemu:///system snapshot-create-as web --name x,y --disk-only --quiesce "
        "--diskspec vda,snapshot=external,file=/g/web.x,,y --atomic",
    )
    assert change.grade == "harmless"
    told = notes(RUNS, "disk-only")
    assert "becomes a chain" in told
    assert "3.0 GiB free in /g" in told
    assert "power cut" in told
    assert "power cut" not in notes(RUNS, "disk-only", quiesce=True)


def test_an_external_one_has_a_file_for_the_memory() -> None:
    change = planned(RUNS, "x", "external")
    assert change.memory_file == "/g/web.x.mem"
    memory = Document(change.xml).find("memory")
    assert memory is not None
    assert dict(memory.attributes) == {"snapshot": "external", "file": "/g/web.x.mem"}
    assert "--live --memspec file=/g/web.x.mem,snapshot=external" in change.virsh()[0]


def test_new_files_never_have_one_name() -> None:
    disks = (ROOT, Disk("vdb", "file", "/g/web.raw", "raw"), Disk("vdc", "file", "/g.d/disk"))
    assert planned(replace(RUNS, disks=disks), "x", "disk-only").files == (
        ("vda", "/g/web-vda.x"),
        ("vdb", "/g/web-vdb.x"),
        ("vdc", "/g.d/disk.x"),
    )


def test_disks_that_are_left_out_are_told() -> None:
    ground = replace(RUNS, disks=(ROOT, Disk("sda", excluded=True)))
    assert "sda is left out" in notes(ground, "disk-only")
    assert planned(ground, "x", "disk-only").files == (("vda", "/g/web.x"),)


BLOCK = replace(RUNS, disks=(Disk("vdb", "block", "/dev/vg/x", "qcow2"),))


@pytest.mark.parametrize(
    ("ground", "wish", "reason"),
    [
        (RUNS, Wish("x", quiesce=True), "quiesce goes with disk-only"),
        (RUNS, Wish("x", kind="external", quiesce=True), "quiesce goes with disk-only"),
        (replace(RUNS, running=False), Wish("x", kind="disk-only", quiesce=True), "does not run"),
        (
            replace(RUNS, agent="not connected"),
            Wish("x", kind="disk-only", quiesce=True),
            "the guest agent does not answer: not connected",
        ),
        (replace(RUNS, running=False), Wish("x", kind="external"), "no memory to save"),
        (replace(RUNS, disks=()), Wish("x"), "no disk"),
        (replace(RUNS, disks=(replace(ROOT, format="raw"),)), Wish("x"), "vda is raw"),
        (BLOCK, Wish("x", kind="disk-only"), "vdb is no file but block"),
        (replace(RUNS, taken=("x",)), Wish("x"), "x is there already"),
    ],
)
def test_what_cannot_be_taken_says_why(ground: Ground, wish: Wish, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plan_create(UUID, "web", ground, wish)


def test_a_disk_in_a_device_can_hold_a_snapshot() -> None:
    assert planned(BLOCK, "x", "internal").files == ()


# -- going back, deleting --------------------------------------------------------------------

KNOWN = SnapshotList(
    (
        snap("base"),
        snap("web", "base", disks=(SnapshotDisk("vda", "external", "/g/web.web"),)),
        snap("web2", "web", state="disk-snapshot"),
    ),
    libvirt_version=9_000_000,
)


def one(proposal: Proposal) -> RevertSnapshot | DeleteSnapshot:
    (change,) = proposal.changes
    assert isinstance(change, RevertSnapshot | DeleteSnapshot)
    return change


def test_going_back_says_what_is_lost_and_left() -> None:
    proposal = plan_revert(UUID, "web", KNOWN, "base", "paused")
    change = one(proposal)
    assert change.grade == "destructive"
    assert change.lines() == ("- all that happened to its disks and memory since", "+ base: paused")
    assert change.virsh() == ("virsh snapshot-revert web --snapshotname base --paused",)
    assert proposal.notes == (
        "lost: everything since 1970-01-01 00:01:40 UTC, but for later snapshots",
        "kept, but not used then: /g/web.web",
    )


def test_going_back_warns_where_libvirt_is_too_old_or_memory_is_missing() -> None:
    assert "libvirt 9.0.0 refuses" in plan_revert(UUID, "web", KNOWN, "web").notes[1]
    newer = replace(KNOWN, libvirt_version=9_009_000)
    assert len(plan_revert(UUID, "web", newer, "web").notes) == 1
    assert "shut off then" in plan_revert(UUID, "web", KNOWN, "web2").notes[1]
    assert len(plan_revert(UUID, "web", KNOWN, "web2", "running").notes) == 1


def test_what_comes_from_one_is_not_deleted_where_not_all_of_it_is_known() -> None:
    partly = replace(KNOWN, unread=3)
    with pytest.raises(ValueError, match="3 of its snapshots were not read"):
        plan_delete(UUID, "web", partly, "base", "children")
    assert plan_delete(UUID, "web", partly, "base").changes


def test_deleting_names_all_that_goes() -> None:
    change = one(plan_delete(UUID, "web", KNOWN, "base", "children"))
    assert change.lines() == ("- base", "- web", "- web2")
    assert change.virsh() == ("virsh snapshot-delete web --snapshotname base --children",)
    only = one(plan_delete(UUID, "web", KNOWN, "base", "children-only"))
    assert only.lines() == ("- web", "- web2")
    alone = plan_delete(UUID, "web", KNOWN, "web")
    assert one(alone).lines() == ("- web",)
    assert any("kept" in note for note in alone.notes)
    assert any("merged" in note for note in alone.notes)


def test_forgetting_keeps_the_files() -> None:
    proposal = plan_delete(UUID, "web", KNOWN, "web", metadata_only=True)
    assert one(proposal).what == "forget snapshot web"
    assert one(proposal).virsh()[0].endswith("--metadata")
    assert "stay" in proposal.notes[0]


@pytest.mark.parametrize("name", ["nobody", "web2"])
def test_nothing_to_delete_says_so(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        plan_delete(UUID, "web", KNOWN, name, "children-only")


def test_a_name_that_cannot_be_typed_has_no_virsh_line() -> None:
    hostile = SnapshotList((snap("e\x1b[2J"), snap("--help")))
    assert one(plan_revert(UUID, "web", hostile, "e\x1b[2J")).virsh() == ()
    (line,) = one(plan_delete(UUID, "web", hostile, "--help")).virsh()
    assert line == "virsh snapshot-delete web --snapshotname --help"
