"""Who disturbs a domain: recorded texts of /proc and /sys, and what two samples come to."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from vconsole.features.why import host
from vconsole.features.why.model.rank import causes, thread_rates
from vconsole.features.why.model.sample import (
    SHARE,
    Clock,
    Interrupt,
    ReadWhy,
    Sample,
    Task,
    ThreadCounts,
    pause_s,
)
from vconsole.features.why.words import RATES_TITLES, rates_line
from vconsole.host.proc import Guest
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey

INTERRUPTS = b"""           CPU0       CPU2
  1:          9          0   IO-APIC    1-edge      i8042
 45:       1000       8100   PCI-MSI 524291-edge      nvme0q3
NMI:          0          0   Non-maskable interrupts
LOC:       4000       7000   Local timer interrupts
ERR:          0
"""
EIGHT = CpuSet.parse("8")
THREAD = ThreadCounts(11, 8, EIGHT, 0, 0, 0, 0)
EMPTY = Sample(10.0, EIGHT)


def said(before: Sample, now: Sample) -> list[tuple[str, str]]:
    return [(c.words, c.cure) for c in causes(before, now, {"u2": "db"})]


def stat(name: str, cpu: int, pcpu: int, flags: int = 0) -> str:
    fields = ["S", "1", "1", "1", "0", "-1", str(flags), *"0000", str(cpu), "0"]
    fields += ["0"] * 6 + ["500", "0", "10"] + ["0"] * 14 + [str(pcpu)] + ["0"] * 13
    return f"7 ({name}) {' '.join(fields)}\n"


# -- what is read ------------------------------------------------------------------------------


def test_interrupts_are_counted_by_the_columns_of_online_pcpus(tmp_path: Path) -> None:
    place = tmp_path / "irq/45"
    place.mkdir(parents=True)
    (place / "smp_affinity_list").write_text("0-63\n")
    found = host.interrupts(INTERRUPTS, CpuSet.of((2,)), tmp_path)
    assert found == {
        "45": Interrupt("45", "nvme0q3", {2: 8100}, CpuSet.parse("0-63")),
        "LOC": Interrupt("LOC", "Local timer interrupts", {2: 7000}),
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        None,
        b"\xff\x00\n\n",
        b"CPU0 CPUx\n 1: 5\n:::\n 2: a b c\n../x: 1 1 y\n",
        b"no header\n 45: 1 2 3 name\n",
        INTERRUPTS[:90],
    ],
)
def test_what_is_no_table_of_interrupts_gives_nothing_or_less(text: bytes | None) -> None:
    assert set(host.interrupts(text, CpuSet.of((0, 2)), Path("/nowhere"))) <= {"1", "45"}


def test_a_number_is_found_behind_its_name() -> None:
    data = b"voluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t12\n"
    assert host.number_of(data, b"nonvoluntary_ctxt_switches") == 12
    assert host.number_of(b"se.nr_migrations          :        5\n", b"se.nr_migrations") == 5
    assert host.number_of(b"se.nr_migrations : many\n", b"se.nr_migrations") is None
    assert host.number_of(None, b"x") is None


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A guest with one vCPU on pCPU 2, and a host task and a kernel thread beside it."""
    for pid, tid, name, cpu, pcpu, flags in (
        (5, 5, "qemu-system-x86", 10, 0, 0),
        (5, 6, "CPU 0/KVM", 100, 2, 0),
        (8, 8, "back) up\x1b[2J", 300, 2, 0),
        (9, 9, "kworker/2:1", 30, 2, 0x00200040),
        (9, 10, "elsewhere", 30, 1, 0),
    ):
        place = tmp_path / f"proc/{pid}/task/{tid}"
        place.mkdir(parents=True)
        (place / "stat").write_text(stat(name, cpu, pcpu, flags))
        (place / "comm").write_text(name)
        (place / "status").write_text("Cpus_allowed_list:\t0-7\nnonvoluntary_ctxt_switches:\t4\n")
    return tmp_path / "proc"


def test_a_sample_has_the_threads_and_what_ran_beside_them(proc: Path, tmp_path: Path) -> None:
    guests = {"u1": Guest(proc, 5, 500)}
    first = host.sample(ReadWhy("u1"), guests, proc, tmp_path)
    assert str(first.pcpus) == "0,2"
    assert first.threads["vcpu", 0].involuntary == 4
    assert first.threads["vcpu", 0].migrations is None, "root alone may know"
    assert first.tasks == (), "nothing ran since, as far as is known"
    (proc / "8/task/8/stat").write_text(stat("back) up\x1b[2J", 400, 2))
    second = host.sample(ReadWhy("u1", before=first), guests, proc, tmp_path)
    assert [(task.name, task.kernel, str(task.allowed)) for task in second.tasks] == [
        ("back) up\x1b[2J", False, "0-7")
    ]
    assert second.cost_s > 0


def test_a_pcpu_is_looked_at_without_a_domain(proc: Path, tmp_path: Path) -> None:
    found = host.sample(ReadWhy(pcpu=2, before=Sample(0.0, ticks={6: 0})), {}, proc, tmp_path)
    assert [task.tid for task in found.tasks] == [6]
    assert found.threads == {}


def test_interrupts_are_read_past_the_first_page(
    proc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{n}: 1 {n} PCI-MSI {n}-edge eth0-{n}" for n in range(400)]
    (proc / "interrupts").write_text("\n".join(["  CPU0 CPU2", *lines]))
    one_read = os.read
    monkeypatch.setattr(os, "read", lambda handle, count: one_read(handle, min(count, 4096)))
    found = host.sample(ReadWhy(pcpu=2), {}, proc, tmp_path).interrupts
    assert found["399"].counts == {2: 399}


# -- what it comes to ------------------------------------------------------------------------------


def test_waiting_switches_and_moves_are_said_of_a_thread() -> None:
    before = replace(EMPTY, threads={("vcpu", 0): THREAD})
    later = ThreadCounts(11, 8, CpuSet.parse("0-63"), 10**9, 46 * 10**7, 600, 50)
    now = replace(before, at=12.0, threads={("vcpu", 0): later})
    assert [words for words, _ in said(before, now)] == [
        "vCPU 0 waits 23 % of the time for pCPU 8",
        "vCPU 0 moves to another pCPU 25 times a second",
        "vCPU 0 is taken off pCPU 8 300 times a second",
    ]
    (rates,) = thread_rates(before, now)
    assert rates_line(rates).split() == "vCPU 0 8 50 23 300 25".split()


def test_each_number_of_a_thread_ends_below_its_title_within_60_columns() -> None:
    """Lines of the page wrapped at 80 columns, which is a terminal over a slow link."""
    before = replace(EMPTY, threads={("iothread", 12): replace(THREAD, pcpu=1000)})
    later = ThreadCounts(11, 1000, None, 2 * 10**9, 46 * 10**7, 180_000, 50)
    now = replace(before, at=12.0, threads={("iothread", 12): later})
    line = rates_line(thread_rates(before, now)[0])
    assert line.split() == ["iothread", "12", "1000", "100", "23", "90000", "25"]
    assert len(line) == len(RATES_TITLES) < 60
    titles = ("pCPU", "busy %", "waits %", "taken off/s", "moves/s")
    ends = [RATES_TITLES.index(title) + len(title) for title in titles]
    assert [match.end() for match in re.finditer(r"\d+", line)][1:] == ends


def test_threads_stand_in_the_order_of_every_table() -> None:
    keys: list[PinKey] = [("emulator", None), ("iothread", 1), ("vcpu", 10), ("vcpu", 9)]
    before = replace(EMPTY, threads=dict.fromkeys(keys, THREAD))
    found = thread_rates(before, replace(before, at=12.0))
    assert [rates.key for rates in found] == [keys[3], keys[2], keys[0], keys[1]]


def test_what_the_kernel_does_not_say_is_unknown_and_no_cause() -> None:
    before = replace(EMPTY, threads={("vcpu", 0): ThreadCounts(11, 8)})
    now = replace(before, at=12.0)
    assert said(before, now) == []
    assert rates_line(thread_rates(before, now)[0]).split()[4:] == ["-"] * 3


@pytest.mark.parametrize("at", [10.0, 9.0])
def test_two_samples_of_one_instant_say_nothing(at: float) -> None:
    assert said(EMPTY, replace(EMPTY, at=at)) == []


def test_a_thread_number_used_again_and_counters_that_begin_anew_are_no_rate() -> None:
    before = replace(EMPTY, threads={("vcpu", 0): replace(THREAD, tid=9, wait_ns=10**9)})
    now = replace(EMPTY, at=11.0, threads={("vcpu", 0): replace(THREAD, wait_ns=5)})
    assert thread_rates(before, now) == ()
    irq = Interrupt("45", "nvme0q3", {8: 9000}, EIGHT)
    before = replace(EMPTY, interrupts={"45": irq})
    now = replace(EMPTY, at=11.0, interrupts={"45": replace(irq, counts={8: 100})})
    assert said(before, now) == []


def test_an_interrupt_is_named_with_its_affinity_and_where_it_could_go() -> None:
    irq = Interrupt("45", "nvme0q3", {8: 0}, CpuSet.parse("0-63"))
    before = replace(EMPTY, interrupts={"45": irq})
    now = replace(EMPTY, at=11.0, interrupts={"45": replace(irq, counts={8: 8100})})
    ((words, cure),) = said(before, now)
    assert words == "irq 45 nvme0q3, 8,100/s on pCPU 8: its affinity is 0-63"
    assert cure.startswith("echo 0-7,9-63 > /proc/irq/45/smp_affinity_list")


def test_tasks_are_said_with_the_cure_that_is_open_to_them() -> None:
    everywhere = CpuSet.parse("0-63")
    now = replace(
        EMPTY,
        at=11.0,
        tasks=(
            Task(7, 7, "backup", 8, 4 * 10**8, allowed=everywhere),
            Task(9, 9, "kworker/8:1", 8, 3 * 10**8, allowed=EIGHT, kernel=True),
            Task(5, 6, "vCPU 1", 8, 2 * 10**8, domain="u2", allowed=everywhere),
            Task(4, 4, "idle", 8, 10**5, allowed=everywhere),
        ),
    )
    before = replace(EMPTY, ticks={7: 0, 9: 0, 6: 0, 4: 0})
    assert said(before, now) == [
        (
            "backup (7) used 40 % of pCPU 8, and may run on 0-63",
            "taskset -apc 0-7,9-63 7, or AllowedCPUs=0-7,9-63 of its systemd unit",
        ),
        (
            "kworker/8:1 (9) used 30 % of pCPU 8, and may run on 8",
            "the kernel binds it to that pCPU: leave it without pins, or isolate it",
        ),
        ("db vCPU 1 used 20 % of pCPU 8", "pin one of the two domains elsewhere"),
    ]


def test_a_slow_clock_is_said_once_for_all_of_a_governor() -> None:
    slow, fast = Clock("powersave", 800_000, 3_600_000), Clock("powersave", 3_500_000, 3_600_000)
    now = replace(EMPTY, at=11.0, clocks={8: slow, 9: slow, 10: fast, 11: Clock()})
    assert said(EMPTY, now) == [
        (
            "pCPUs 8, 9 at 800 of 3600 MHz, governor powersave",
            "cpupower frequency-set -g performance",
        )
    ]


def test_a_slow_pcpu_whose_governor_is_performance_is_not_told_to_set_it() -> None:
    now = replace(EMPTY, at=11.0, clocks={8: Clock("performance", 800_000, 3_600_000)})
    ((words, cure),) = said(EMPTY, now)
    assert words.endswith("governor performance")
    assert "frequency-set" not in cure
    assert "heat" in cure


def test_the_pace_follows_from_what_looking_costs() -> None:
    """However many threads the host has: half a percent of a pCPU."""
    assert pause_s(replace(EMPTY, cost_s=0.001)) == 2.0
    assert 0.5 / pause_s(replace(EMPTY, cost_s=0.5)) == SHARE
