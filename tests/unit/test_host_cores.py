"""What is read of this machine's cores: kinds, L3 domains, the default size of huge pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from vconsole.host.capabilities import read_capabilities
from vconsole.host.cores import governor, hugepage_kib, times, with_cores
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import HostState, PCpu
from vconsole.model.topology import topology

EIGHT = tuple(PCpu(n, cell=0, core=n, siblings=CpuSet.of((n,)), online=True) for n in range(8))


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    """The kernel's directory of CPUs, still empty."""
    path = tmp_path / "devices/system/cpu"
    path.mkdir(parents=True)
    return path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def kinds(sys: Path) -> tuple[str, ...]:
    shape = topology(HostState(pcpus=with_cores(EIGHT, sys)))
    return tuple(str(members) for members in shape.kinds)


def test_a_host_of_one_kind_has_none_to_tell_apart(sys: Path) -> None:
    assert kinds(sys) == ()
    for n in range(8):
        write(sys / f"cpu{n}/cpu_capacity", "1024" if n < 2 else "1009")
    assert kinds(sys) == (), "favoured cores are a few percent stronger and no other kind"


def test_big_and_little_by_their_capacity(sys: Path) -> None:
    for n in range(8):
        write(sys / f"cpu{n}/cpu_capacity", "414" if n < 4 else "1024")
    assert kinds(sys) == ("4-7", "0-3")


def test_three_kinds_have_names(sys: Path) -> None:
    for n in range(8):
        write(sys / f"cpu{n}/cpu_capacity", ("1024", "760", "760", "320")[n // 2])
    assert kinds(sys) == ("0-1", "2-5", "6-7")
    shape = topology(HostState(pcpus=with_cores(EIGHT, sys)))
    assert [shape.kind_word(n) for n in range(3)] == ["performance", "middle 1", "efficiency"]


def test_hybrid_intel_by_its_counters(sys: Path) -> None:
    write(sys.parents[1] / "cpu_core/cpus", "0-5")
    assert kinds(sys) == (), "one kind alone is no difference"
    write(sys.parents[1] / "cpu_atom/cpus", "6-7")
    assert kinds(sys) == ("0-5", "6-7")


def test_l3_domains_of_the_capabilities() -> None:
    cpus = "".join(f"<cpu id='{n}' socket_id='0' core_id='{n}'/>" for n in range(8))
    banks = "".join(
        f"<bank id='{n}' level='{level}' type='both' size='16' unit='MiB' cpus='{cpus_}'/>"
        for n, level, cpus_ in ((0, 3, "0-3"), (1, 3, "4-7"), (0, 4, "0-7"))
    )
    found = read_capabilities(
        f"<capabilities><host><topology><cells num='1'><cell id='0'><cpus num='8'>{cpus}</cpus>"
        f"</cell></cells></topology><cache>{banks}</cache></host></capabilities>"
    )
    shape = topology(HostState(cells=found.cells, pcpus=found.pcpus))
    assert [str(c) for c in shape.l3_domains(shape.everything)] == ["0-3", "4-7"]
    assert shape.l3_domains(CpuSet.parse("1-2")) == (CpuSet.parse("0-3"),)


def test_l3_domains_of_the_kernel_where_the_capabilities_name_none(sys: Path) -> None:
    for n in range(8):
        write(sys / f"cpu{n}/cache/index2/level", "2")
        write(sys / f"cpu{n}/cache/index3/level", "3")
        write(sys / f"cpu{n}/cache/index3/shared_cpu_list", "0-3" if n < 4 else "4-7")
    found = with_cores(EIGHT, sys)
    assert [p.l3 for p in found] == [0] * 4 + [4] * 4


def test_a_host_without_an_l3_cache_has_no_l3_domains(sys: Path) -> None:
    write(sys / "cpu0/cache/index2/level", "2")
    shape = topology(HostState(pcpus=with_cores(EIGHT, sys)))
    assert shape.l3_domains(shape.everything) == ()


@pytest.mark.parametrize(
    ("text", "kib"),
    [("Hugetlb: 0 kB\nHugepagesize:    1048576 kB\n", 1 << 20), ("MemTotal: 4 kB\n", None)],
)
def test_the_default_size_of_huge_pages(tmp_path: Path, text: str, kib: int | None) -> None:
    write(tmp_path / "meminfo", text)
    assert hugepage_kib(tmp_path / "meminfo") == kib
    assert hugepage_kib(tmp_path / "none") is None


def test_the_times_of_a_pcpu_are_its_own_whichever_are_offline(tmp_path: Path) -> None:
    """Linux leaves the lines of offline pCPUs out."""
    stat = tmp_path / "stat"
    lines = ("cpu  9 9 9 9", "cpu0 1 0 0 9 0 0 0 0 5 0", "cpu4 2 0 0 8 0 0 0 0 0 0", "intr 7")
    stat.write_text("\n".join(lines) + "\n")
    assert {n: (t["user"], t["idle"], len(t)) for n, t in times(stat).items()} == {
        0: (1, 9, 8),
        4: (2, 8, 8),
    }


def test_the_governor_is_that_of_every_pcpu_that_is_online(sys: Path) -> None:
    write(sys / "cpu0/cpufreq/scaling_governor", "performance")
    for n in (4, 5):
        write(sys / f"cpu{n}/cpufreq/scaling_governor", "powersave")
    assert governor(CpuSet.parse("1,4-5"), sys) == "powersave"
    assert governor(CpuSet.parse("0-7"), sys) == "performance and powersave"
    assert governor(CpuSet(), sys) == ""
