"""The page that says who disturbs a domain or a pCPU."""

from __future__ import annotations

from tests import scenes
from tests.pilot.manual import console_on
from vconsole.features.why.model.sample import Interrupt, ReadWhy, Sample, Task, ThreadCounts
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.request import Reply
from vconsole.screens.why import WhyScreen

EIGHT = CpuSet.parse("8")


def answer(request: ReadWhy) -> Reply:
    """A second between two samples, whatever the clock says."""
    later = request.before is not None
    irq = Interrupt("45", "nvme0q3", {8: 8100 * later}, CpuSet.parse("0-63"))
    task = Task(7, 7, "back\x1b[31mup", 8, 10**9 * later // 2, allowed=CpuSet.parse("0-63"))
    thread = ThreadCounts(11, 8, EIGHT, 0, 25 * 10**7 * later, None, None)
    threads: dict[PinKey, ThreadCounts] = {}
    if request.pcpu is None:
        threads["vcpu", 0] = thread
    return Reply(
        value=Sample(
            2.0 if later else 1.0,
            EIGHT,
            threads,
            {7: 0},
            (task,) if later else (),
            {"45": irq},
        )
    )


async def test_the_worst_comes_first_with_its_cure() -> None:
    async with console_on(scenes.kvm07(), (120, 40), answers={ReadWhy: answer}) as console:
        await console.press("f", *"shop-web-2", "enter", "W")
        console.sees("Why is shop-web-2 slow?", "counting")
        assert isinstance(console.app.page, WhyScreen)
        console.app.page._next = 0.0
        await console.until("used 50 % of pCPU 8")
        console.sees("cure: taskset -apc 0-7,9-63 7", "waits %", "irq 45 nvme0q3, 8,100/s")
        assert any(
            line.split()[:5] == "vCPU 0 8 0 25".split() for line in console.text.splitlines()
        )
        assert "\x1b" not in console.text


async def test_what_was_found_goes_with_the_reading_that_fails() -> None:
    """A domain that was shut off is disturbed by nobody."""
    gone = False

    def some(request: ReadWhy) -> Reply:
        return Reply("failed", "it does not run") if gone else answer(request)

    async with console_on(scenes.kvm07(), (80, 24), answers={ReadWhy: some}) as console:
        await console.press("W")
        page = console.app.page
        assert isinstance(page, WhyScreen)
        page._next = 0.0
        await console.until("used 50 % of pCPU 8")
        gone, page._next = True, 0.0
        await console.until("it does not run")
        console.sees_no("used 50 %", "found", "waits %")


async def test_a_pcpu_of_the_host_is_asked_about_too() -> None:
    async with console_on(scenes.kvm07(), (80, 24), answers={ReadWhy: answer}) as console:
        await console.press("2", "W")
        console.sees("Why is pCPU 0 slow?")
        assert console.asked(ReadWhy)[0].pcpu == 0


async def test_where_the_kernel_cannot_be_asked_that_is_said() -> None:
    def refuse(request: ReadWhy) -> Reply:
        return Reply("refused", "only the host's own kernel knows who disturbs: run this there")

    async with console_on(scenes.kvm07(), (80, 24), answers={ReadWhy: refuse}) as console:
        await console.press("W")
        console.sees("only the host's own kernel knows")
