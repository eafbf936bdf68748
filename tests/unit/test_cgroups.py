"""What control groups and the kernel's command line leave to domains, by recorded texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests import scenes
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.host import cgroups, cores
from vconsole.host.proc import Guest
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Confined, PinKey

SCOPE = "machine.slice/machine-qemu\\x2d1\\x2dweb.scope"
NAME = "shop-web-2"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A cgroup v2 with a domain in it, and its process."""
    process = tmp_path / "proc/7"
    process.mkdir(parents=True)
    (process / "cgroup").write_text(f"0::/{SCOPE}/libvirt/emulator\n")
    for path, text in (("", "0-7"), ("machine.slice", "0-7"), (SCOPE, "0-7")):
        place = tmp_path / "cgroup" / path
        place.mkdir(parents=True, exist_ok=True)
        (place / "cpuset.cpus.effective").write_text(f"{text}\n")
    return tmp_path


def found(tree: Path) -> dict[str, Confined]:
    guest = Guest(tree / "proc", 7, 0)
    return dict(cgroups.confined({"web": guest}, tree / "cgroup"))


def narrow(tree: Path, path: str, text: str) -> None:
    (tree / "cgroup" / path / "cpuset.cpus.effective").write_text(text)


def test_a_slice_that_leaves_all_confines_nobody(tree: Path) -> None:
    assert found(tree) == {}


def test_the_slice_confines_those_that_run_and_those_to_come(tree: Path) -> None:
    narrow(tree, "machine.slice", "0-3\n")
    narrow(tree, SCOPE, "0-3\n")
    limit = Confined(CpuSet.parse("0-3"), "machine.slice")
    assert found(tree) == {"web": limit, "": limit}


def test_a_scope_of_its_own_is_named(tree: Path) -> None:
    narrow(tree, SCOPE, "2\n")
    assert found(tree) == {"web": Confined(CpuSet.parse("2"), SCOPE.rpartition("/")[2])}


@pytest.mark.parametrize("text", ["", "nonsense", "0-", "9" * 70000, "\x00\xff"])
def test_what_cannot_be_read_confines_nobody(tree: Path, text: str) -> None:
    narrow(tree, "machine.slice", text)
    narrow(tree, SCOPE, text)
    assert found(tree) == {}


@pytest.mark.parametrize(
    "line", ["", "0::/", "0::/../../etc", "4:cpuset:/machine", "0::" + "/a" * 99]
)
def test_a_process_in_no_group_of_its_own_is_not_confined(tree: Path, line: str) -> None:
    (tree / "proc/7/cgroup").write_text(line)
    assert found(tree) == {}


def test_isolated_partitions_and_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "cpuset.cpus.isolated").write_text("4-5\n")
    assert str(cgroups.isolated_partitions(tmp_path)) == "4-5"
    assert not cgroups.isolated_partitions(tmp_path / "none")
    line = tmp_path / "cmdline"
    line.write_text("quiet isolcpus=2 rcu_nocbs=2-3,6 nohz_full=2\n")
    assert str(cores.rcu_nocbs(line)) == "2-3,6"
    line.write_text("rcu_nocbs=all xrcu_nocbs=1")
    assert not cores.rcu_nocbs(line)


def test_isolated_partitions_of_a_kernel_that_does_not_sum_them_up(tmp_path: Path) -> None:
    """As 6.1 of Debian 12 writes them: the file at the top came with 6.7."""
    groups = {
        "iso": ("isolated", "4-5"),
        "iso/inner": ("isolated", "5"),
        "root": ("root", "2-3"),
        "root/inner": ("isolated", "3"),
        "wrong": ("isolated invalid (Cpu list in cpuset.cpus not exclusive)", "6"),
        "machine.slice": ("member", "0-7"),
    }
    for name, (kind, cpus) in groups.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "cpuset.cpus.partition").write_text(f"{kind}\n")
        (tmp_path / name / "cpuset.cpus.effective").write_text(f"{cpus}\n")
    assert str(cgroups.isolated_partitions(tmp_path)) == "3-5"


def test_what_a_partition_has_taken_is_left_to_no_domain(tree: Path) -> None:
    """As measured on 6.1: the sets above it lose it too."""
    place = tree / "cgroup/apart"
    place.mkdir()
    (place / "cpuset.cpus.partition").write_text("isolated\n")
    narrow(tree, "apart", "4-5\n")
    for path in ("", "machine.slice", SCOPE):
        narrow(tree, path, "0-3,6-7\n")
    limit = Confined(CpuSet.parse("0-3,6-7"), "")
    assert found(tree) == {"web": limit, "": limit}
    narrow(tree, SCOPE, "6\n")
    assert found(tree)["web"] == Confined(CpuSet.parse("6"), SCOPE.rpartition("/")[2])


@pytest.mark.parametrize(
    ("cpuset", "severity", "said"),
    [
        ("10", "refuse", "leaves pCPUs 0-3: the kernel refuses the set; systemctl set-property"),
        ("2-5", "warn", "the kernel runs it on 2-3 alone"),
        ("2", "", ""),
    ],
)
def test_a_plan_says_what_the_kernel_would_do(cpuset: str, severity: str, said: str) -> None:
    scene, uuid = scenes.kvm07(), scenes.uuid_of(NAME)
    limit = {uuid: Confined(CpuSet.parse("0-3"), "machine.slice")}
    scene = replace(scene, confined=limit)
    domain = scene.domain(uuid)
    assert domain is not None
    plan = PinPlan.of(domain, scene).stage(("vcpu", 0), CpuSet.parse(cpuset))
    warned = [w for w in plan_warnings(plan, scene) if "machine.slice" in w.text]
    assert [w.severity for w in warned] == ([severity] if severity else [])
    assert all(said in w.text for w in warned)


def test_a_plan_says_that_a_partition_has_it() -> None:
    scene, uuid = scenes.kvm07(), scenes.uuid_of(NAME)
    scene = replace(scene, confined={uuid: Confined(CpuSet.parse("0-3"), "")})
    domain = scene.domain(uuid)
    assert domain is not None
    plan = PinPlan.of(domain, scene).stage(("vcpu", 0), CpuSet.parse("10"))
    (warning,) = (w for w in plan_warnings(plan, scene) if w.severity == "refuse")
    assert warning.text == (
        "vCPU 0 names pCPU 10, a partition of control groups leaves pCPUs 0-3: the kernel refuses "
        "the set; write member to its cpuset.cpus.partition, or pin elsewhere"
    )


def test_a_slice_narrowed_afterwards_frees_the_threads_within_it() -> None:
    """As AllowedCPUs=0-5 did to vCPUs on 6 and 7: to pin them again is no cure."""
    scene, uuid = scenes.kvm07(), scenes.uuid_of(NAME)
    domain = scene.domain(uuid)
    assert domain is not None
    pins: dict[PinKey, str] = {("vcpu", 0): "8", ("vcpu", 1): "9"}
    rows = tuple(
        replace(p, live=CpuSet.parse(pins[p.key])) if p.key in pins else p for p in domain.pins
    )
    scene = replace(
        scene,
        domains=tuple(replace(d, pins=rows) if d.uuid == uuid else d for d in scene.domains),
        confined={uuid: Confined(CpuSet.parse("0-3"), "machine.slice")},
        allowed={uuid: dict.fromkeys(pins, CpuSet.parse("0-3"))},
    )
    domain = scene.domain(uuid)
    assert domain is not None
    said = [w.text for w in plan_warnings(PinPlan.of(domain, scene), scene)]
    cure = "systemctl set-property machine.slice AllowedCPUs=0-3,8-9"
    where = "machine.slice leaves pCPUs 0-3: the kernel runs it on 0-3"
    assert [text for text in said if "vCPU 0" in text or "vCPU 1" in text] == [
        f"vCPU {n} names pCPU {8 + n}, {where}; {cure}" for n in (0, 1)
    ]
