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
from vconsole.model.host_state import Confined

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
