"""What two samples come to: who disturbs, in plain words, the worst first, with a cure each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vconsole.features.why.model.sample import Interrupt, Sample, Task, ThreadCounts
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.rates import per_second, percent
from vconsole.model.value import dataclass
from vconsole.model.words import pcpus_label, row_label, row_order

_WAIT, _SHARE, _IRQS, _SWITCHES, _MOVES, _SLOW = 2.0, 1.0, 100.0, 100.0, 5.0, 0.7
"""Below this nobody is disturbed: percent of waiting, of a pCPU; a second; of the highest clock."""

_HELD_BACK = "no governor does it: idle, power limit, heat or scaling_max_freq; see turbostat"


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that disturbs."""

    weight: float
    """About the percent of one pCPU that it costs, to rank by."""
    words: str
    """Foreign names in it."""
    cure: str


@dataclass(frozen=True, slots=True)
class ThreadRates:
    """One thread of the domain; None where the kernel does not say."""

    key: PinKey
    pcpu: int
    cpu_percent: float | None
    wait_percent: float | None
    switches: float | None
    """Times a second that it was taken off its pCPU."""
    moves: float | None
    """Times a second that it went to another one."""


def thread_rates(before: Sample, now: Sample) -> tuple[ThreadRates, ...]:
    """The rates of each thread that is in both samples, in the order of every table of rows."""
    seconds = now.at - before.at
    keys = sorted(now.threads, key=row_order)
    pairs = ((key, before.threads.get(key), now.threads[key]) for key in keys)
    return tuple(
        _rates(key, then, thread, seconds)
        for key, then, thread in pairs
        if then is not None and then.tid == thread.tid and seconds > 0
    )


def _rates(key: PinKey, then: ThreadCounts, now: ThreadCounts, seconds: float) -> ThreadRates:
    return ThreadRates(
        key,
        now.pcpu,
        percent(then.cpu_ns, now.cpu_ns, seconds, 100.0),
        percent(then.wait_ns, now.wait_ns, seconds, 100.0),
        per_second(then.involuntary, now.involuntary, seconds),
        per_second(then.migrations, now.migrations, seconds),
    )


def causes(before: Sample, now: Sample, names: Mapping[str, str]) -> tuple[Cause, ...]:
    """Everything that disturbs, the worst first.

    Args:
        before: The earlier sample.
        now: The later one.
        names: Domain UUID -> name.
    """
    if now.at <= before.at:
        return ()
    found = [
        *(cause for rates in thread_rates(before, now) for cause in _thread(rates, now)),
        *_tasks(before, now, names),
        *_interrupts(before, now),
        *_clocks(now),
    ]
    return tuple(sorted(found, key=lambda cause: -cause.weight))


def _thread(rates: ThreadRates, now: Sample) -> Iterator[Cause]:
    label, where = row_label(rates.key), f"pCPU {rates.pcpu}"
    if rates.wait_percent is not None and rates.wait_percent >= _WAIT:
        words = f"{label} waits {rates.wait_percent:.0f} % of the time for {where}"
        cure = "who else ran there is named here: keep it away, or pin this thread elsewhere"
        yield Cause(rates.wait_percent + 0.5, words, cure)
    if rates.switches is not None and rates.switches >= _SWITCHES:
        words = f"{label} is taken off {where} {rates.switches:,.0f} times a second"
        yield Cause(rates.switches / 200, words, "give it a pCPU that nothing else runs on")
    if rates.moves is not None and rates.moves >= _MOVES:
        allowed = now.threads[rates.key].allowed
        words = f"{label} moves to another pCPU {rates.moves:,.0f} times a second"
        cure = f"pin it to fewer pCPUs than {allowed}" if allowed else "pin it to fewer pCPUs"
        yield Cause(rates.moves / 10, words, cure)


def _tasks(before: Sample, now: Sample, names: Mapping[str, str]) -> Iterator[Cause]:
    seconds = now.at - before.at
    for task in now.tasks:
        percent = 100 * (task.cpu_ns - before.ticks.get(task.tid, task.cpu_ns)) / 1e9 / seconds
        if percent < _SHARE:
            continue
        if task.domain:
            name = names.get(task.domain, task.domain)
            words = f"{name} {task.name} used {percent:.0f} % of pCPU {task.pcpu}"
            yield Cause(percent, words, "pin one of the two domains elsewhere")
        else:
            where = f", and may run on {task.allowed}" if task.allowed else ""
            words = f"{task.name} ({task.tid}) used {percent:.0f} % of pCPU {task.pcpu}{where}"
            yield Cause(percent, words, _task_cure(task, now))


def _task_cure(task: Task, now: Sample) -> str:
    others = (task.allowed or CpuSet()) - now.pcpus
    if task.kernel and not others:
        return "the kernel binds it to that pCPU: leave it without pins, or isolate it"
    if not others:
        return "it has no other pCPU: give it more, or stop it"
    if task.kernel:
        return f"taskset -pc {others} {task.tid}"
    return f"taskset -apc {others} {task.pid}, or AllowedCPUs={others} of its systemd unit"


def _interrupts(before: Sample, now: Sample) -> Iterator[Cause]:
    seconds = now.at - before.at
    for number, irq in now.interrupts.items():
        then = before.interrupts.get(number)
        for pcpu, count in irq.counts.items():
            past = then.counts.get(pcpu) if then else None
            rate = per_second(past, count, seconds) or 0.0
            if rate >= _IRQS:
                yield Cause(rate / 1000, *_interrupt_words(irq, pcpu, rate, now))


def _interrupt_words(irq: Interrupt, pcpu: int, rate: float, now: Sample) -> tuple[str, str]:
    if irq.affinity is None:
        words = f"{irq.number} {irq.name}, {rate:,.0f}/s on pCPU {pcpu}"
        return words, "of the pCPU itself: fewer threads there, or nohz_full, make it fewer"
    words = f"irq {irq.number} {irq.name}, {rate:,.0f}/s on pCPU {pcpu}: its affinity is "
    if others := irq.affinity - now.pcpus:
        cure = f"echo {others} > /proc/irq/{irq.number}/smp_affinity_list"
    else:
        cure = f"give it a pCPU without pins: /proc/irq/{irq.number}/smp_affinity_list"
    return f"{words}{irq.affinity}", f"{cure} (irqbalance may undo it)"


def _clocks(now: Sample) -> Iterator[Cause]:
    slow = {
        pcpu: clock
        for pcpu, clock in now.clocks.items()
        if clock.now_khz and clock.most_khz and clock.now_khz < _SLOW * clock.most_khz
    }
    for governor in dict.fromkeys(clock.governor for clock in slow.values()):
        pcpus = [pcpu for pcpu, clock in slow.items() if clock.governor == governor]
        first = slow[pcpus[0]]
        mhz, most = (first.now_khz or 0) // 1000, (first.most_khz or 0) // 1000
        words = f"{pcpus_label(pcpus)} at {mhz} of {most} MHz, governor {governor or '-'}"
        if governor == "performance":
            yield Cause(0.4, words, _HELD_BACK)
        else:
            yield Cause(0.9, words, "cpupower frequency-set -g performance")
