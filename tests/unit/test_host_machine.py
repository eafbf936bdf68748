"""What exists, what is online, and what is free: a host scripted as libvirt answers it."""

from __future__ import annotations

from math import inf
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.libvirt_errors import failure, libvirt
from vconsole.host import machine as machine_module
from vconsole.host.link import Link
from vconsole.host.machine import Machine
from vconsole.host.source import View
from vconsole.model.host_state import Connection, HostState
from vconsole.model.topology import core_of

if TYPE_CHECKING:
    from vconsole.host.events import Events

MIB = 1 << 20
CPU = "<cpu id='{0}' socket_id='{1}' die_id='0' core_id='{2}' siblings='{3}'/>"


def cell(number: int, cpus: str = "", memory: int = 1024, pages: int = 0) -> str:
    text = f"<cell id='{number}'>"
    if memory:
        text += f"<memory unit='KiB'>{memory << 10}</memory>"
    if pages:
        text += f"<pages unit='KiB' size='2048'>{pages}</pages>"
    return f"{text}<cpus>{cpus}</cpus></cell>"


def capabilities(*cells: str) -> str:
    return (
        "<capabilities><host><topology><cells>"
        + "".join(cells)
        + "</cells></topology></host></capabilities>"
    )


class Host:
    """A connection whose answers a test sets."""

    def __init__(self, text: str, online: str) -> None:
        self.text, self.online = text, online
        self.free: dict[int, int] = {}
        self.freecell: list[int] = []
        self.asked: list[tuple[int, int]] = []

    def getInfo(self) -> list[Any]:  # noqa: N802
        return ["x86_64", 4096, len(self.online), 2000, 1, 1, 4, 1]

    def getCapabilities(self) -> str:  # noqa: N802
        return self.text

    def getCPUMap(self) -> tuple[int, list[bool], int]:  # noqa: N802
        flags = [flag == "1" for flag in self.online]
        return len(flags), flags, sum(flags)

    def getCellsFreeMemory(self, first: int, count: int) -> list[int]:  # noqa: N802
        return self.freecell or [100 * MIB] * count

    def getFreeMemory(self) -> int:  # noqa: N802
        return 900 * MIB

    def getFreePages(  # noqa: N802
        self, sizes: list[int], first: int, count: int
    ) -> dict[int, dict[int, int]]:
        self.asked.append((first, count))
        cells = range(first, first + count)
        if any(n not in self.free for n in cells):
            raise failure(libvirt.VIR_ERR_OPERATION_FAILED, "NUMA node is not available")
        return {n: dict.fromkeys(sizes, self.free[n]) for n in cells}

    def __getattr__(self, name: str) -> Any:
        def lacks(*_: Any) -> Any:
            raise failure(libvirt.VIR_ERR_NO_SUPPORT, name)

        return lacks


def machine(host: Any) -> Machine:
    link = object.__new__(Link)
    link.conn, link.connection = host, Connection("qemu+ssh://elsewhere/system")
    link.calls, link.slowest_s, link.notes, link.denied, link.abandoned = 0, 0.0, {}, {}, False
    link._until = inf
    link.events = cast("Events", SimpleNamespace(closed=None))
    host.isAlive = lambda: 1
    return Machine(link)


def places(made: Machine) -> dict[int, tuple[int | None, int | None, int | None, bool | None]]:
    return {p.id: (p.cell, p.socket, p.core, p.online) for p in made.pcpus}


TWO_OF_EIGHT = capabilities(cell(0, CPU.format(0, 0, 0, "0") + CPU.format(4, 0, 1, "4")))


def test_an_offline_pcpu_exists_though_the_capabilities_leave_it_out() -> None:
    made = machine(Host(TWO_OF_EIGHT, "10001000"))
    assert str(made.everything) == "0-7"
    assert places(made)[1] == (None, None, None, False)
    assert places(made)[4] == (0, 0, 1, True)


def test_a_pcpu_that_comes_online_later_can_be_used_before_libvirt_says_where_it_is() -> None:
    host = Host(TWO_OF_EIGHT, "10001000")
    made = machine(host)
    host.online = "11001000"
    made.read_online()
    assert places(made)[1] == (None, None, None, True)


SMT = cell(0, CPU.format(0, 1, 5, "0-1") + CPU.format(1, 1, 5, "0-1"))
SMT_OFF = cell(0, CPU.format(0, 1, 5, "0") + CPU.format(1, 0, 0, "1"))
"""As libvirt writes it while pCPU 1 is offline."""


def test_a_cell_without_memory_has_none_and_is_not_unknown() -> None:
    """libvirt leaves ``<memory>`` out; a cell of which nothing is said stays unknown."""
    cpus = (CPU.format(0, 0, 0, "0"), CPU.format(1, 0, 0, "1"))
    host = Host(capabilities(*(cell(n, text, memory=0) for n, text in enumerate(cpus))), "11")
    made = machine(host)
    host.freecell = [0, 5 * MIB]
    made.read_free()
    assert [(c.total_bytes, c.free_bytes) for c in made.cells] == [(0, 0), (None, 5 * MIB)]


def test_an_offline_pcpu_keeps_its_place_and_is_followed_when_it_is_back() -> None:
    host = Host(capabilities(SMT), "11")
    made = machine(host)
    host.text, host.online = capabilities(SMT_OFF), "10"
    made.read_online()
    assert places(made)[1] == (0, 1, 5, False)
    assert str(core_of(0, HostState(cells=made.cells, pcpus=made.pcpus))) == "0-1"
    host.text, host.online = capabilities(SMT.replace("core_id='5'", "core_id='7'")), "11"
    made.read_online()
    assert places(made)[1] == (0, 1, 7, True)


def test_a_pcpu_that_is_online_before_its_place_is_told_gets_it_a_reading_later() -> None:
    host = Host(capabilities(SMT), "11")
    made = machine(host)
    for text, online in ((SMT_OFF, "10"), (SMT_OFF, "11")):
        host.text, host.online = capabilities(text), online
        made.read_online()
    assert places(made)[1] == (0, 0, 0, True)
    host.text = capabilities(SMT)
    made.read_online()
    assert places(made)[1] == (0, 1, 5, True)


def test_a_place_that_the_kernel_did_not_say_is_not_known() -> None:
    made = machine(Host(capabilities(SMT_OFF), "10"))
    assert places(made)[1] == (0, None, None, False)


def test_free_memory_outlives_another_look_at_the_shape() -> None:
    host = Host(capabilities(SMT), "11")
    made = machine(host)
    made.read_free()
    host.online = "10"
    made.read_online()
    assert made.cells[0].free_bytes == 100 * MIB


def test_a_map_that_grows_beyond_all_bounds_is_not_believed() -> None:
    made = machine(Host(TWO_OF_EIGHT, "1" * 20_000))
    assert str(made.everything) == "0,4"
    assert {p.online for p in made.pcpus} == {None}


def test_free_huge_pages_of_every_cell_whatever_the_gaps_between_their_ids() -> None:
    numbers = (0, 8, 252, 253, 255)
    cells = [cell(n, CPU.format(k, 0, k, k), pages=10) for k, n in enumerate(numbers)]
    host = Host(capabilities(*cells, cell(9, memory=0)), "11111")
    host.free = {n: n + 1 for n in numbers}
    made = machine(host)
    made.take_turn(View("host"))
    assert host.asked == [(0, 1), (8, 1), (252, 2), (255, 1)]
    assert {c.id: c.pages[0].free for c in made.cells if c.pages} == host.free


def test_huge_pages_that_were_set_up_later_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(machine_module, "monotonic", lambda: clock[-1])
    host = Host(capabilities(cell(0, CPU.format(0, 0, 0, "0"), pages=10)), "1")
    host.free = {0: 90}
    made = machine(host)
    made.take_turn(View("pin"))
    host.text = host.text.replace(">10<", ">100<")
    for now, total in ((1.0, 10), (6.0, 100)):
        clock.append(now)
        made.read_online()
        assert [(p.total, p.free) for p in made.cells[0].pages] == [(total, 90)]


def test_what_cannot_be_read_for_once_stays_as_it_was() -> None:
    host: Any = Host(capabilities(SMT), "11")
    made = machine(host)
    host.online = "10"

    def fail() -> str:
        raise failure(libvirt.VIR_ERR_INTERNAL_ERROR, "later")

    host.getCapabilities = fail
    made.read_online()
    assert (places(made)[0], places(made)[1][3]) == ((0, 1, 5, True), False)
    host.getCPUMap = fail
    made.read_online()
    assert (places(made)[0], places(made)[1][3]) == ((0, 1, 5, True), False)
    assert not made.cells[0].invented


def test_pcpus_of_which_no_cell_is_told_are_in_the_only_one_or_in_none() -> None:
    for numbers, where in (((1,), 1), ((1, 3), None)):
        made = machine(Host(capabilities(*(cell(n) for n in numbers)), "11"))
        assert {p.cell for p in made.pcpus} == {where}
        assert [c.invented for c in made.cells] == [False] * len(numbers)


def test_a_command_that_reads_once_for_pins_knows_the_free_huge_pages() -> None:
    host = Host(capabilities(cell(0, CPU.format(0, 0, 0, "0"), pages=10)), "1")
    host.free = {0: 7}
    made = machine(host)
    assert made.is_new(View("pin"))
    assert not made.is_new(View("domains"))
    made.take_turn(View("pin"))
    assert made.cells[0].pages[0].free == 7
    assert not made.is_new(View("pin"))


def test_a_host_without_cells_has_its_free_memory_and_not_that_of_node_0() -> None:
    made = machine(Host("<capabilities><host/></capabilities>", "11"))
    made.read_free()
    assert [(c.free_bytes, c.invented) for c in made.cells] == [(900 * MIB, True)]


@pytest.mark.parametrize("answers", [False, True])
def test_a_host_without_cells_that_does_not_tell_what_is_free_shows_nothing(answers: bool) -> None:
    host: Any = Host("<capabilities><host/></capabilities>", "11")
    host.getFreeMemory = (lambda: 0) if answers else host.lacking
    host.getInfo = lambda: ["x86_64", 0, 2, 2000, 1, 1, 2, 1]
    made = machine(host)
    made.read_free()
    assert (made.cells[0].free_bytes, made.cells[0].total_bytes) == (None, None)
    assert made.node.memory_bytes is None, "0 is what libvirt says when it does not know"
