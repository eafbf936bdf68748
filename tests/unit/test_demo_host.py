"""The demo host: what the test driver lacks stands above it, and changes are libvirt's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from vconsole.changes.host_requests import HostRequests
from vconsole.cli.main import main
from vconsole.features.locality.model.move import MoveMemory, plan_move
from vconsole.features.locality.model.place import Place, ReadPlace
from vconsole.features.pins.model.bestfit import suggest
from vconsole.features.why.model.rank import causes, thread_rates
from vconsole.features.why.model.sample import ReadWhy, Sample
from vconsole.host.demo import world
from vconsole.host.demo.fleet import FLEET
from vconsole.host.demo.load import load_of
from vconsole.host.demo.memory import MOVES_S, Placement
from vconsole.host.libvirt_source import LibvirtSource, connect
from vconsole.host.link import Link, open_link
from vconsole.host.source import View
from vconsole.model.attention import attention
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState
from vconsole.model.outcome import PinChange, PinStep
from vconsole.model.set_pins import SetPins

STRAYED = "web-02"


@pytest.fixture(autouse=True)
def a_new_host() -> Iterator[None]:
    world.forget()
    yield
    world.forget()


def open_demo() -> Link:
    return open_link(None, False, True)


def reading(source: LibvirtSource, view: View | None = None) -> HostState:
    host_state = source.read(view or View())
    while source.unfinished:
        host_state = source.read(view or View())
    return host_state


@pytest.fixture
def source() -> Iterator[LibvirtSource]:
    with closing(connect(None, demo=True)) as opened:
        yield opened


def named(host_state: HostState, name: str) -> Domain:
    return next(d for d in host_state.domains if d.name == name)


def test_the_machine(source: LibvirtSource) -> None:
    found = reading(source)
    assert [len(cell.pcpus) for cell in found.cells] == [16] * 4
    assert len({p.l3 for p in found.pcpus if p.cell == 2}) == 2
    assert {len(p.siblings) for p in found.pcpus} == {2}
    assert all(cell.free_bytes for cell in found.cells)
    assert len(found.busy) == 64
    assert found.connection.demo
    assert found.connection.split_pins


def test_load_moves_and_memory_lies_somewhere(source: LibvirtSource) -> None:
    found = reading(source)
    running = [d for d in found.domains if d.state == "running"]
    while any(found.usage[d.uuid].cpu_percent is None for d in running):
        found = reading(source)  # two samples too close to each other say nothing
    assert len(found.domains) == len(FLEET)
    assert all(sum(found.locality[d.uuid].bytes_by_cell.values()) for d in running)
    assert found.allowed
    assert found.last_ran


def test_one_domain_is_in_trouble_and_the_rest_may_be_looked_at(source: LibvirtSource) -> None:
    found = reading(source)
    words = attention(named(found, STRAYED), found) or ""
    assert words.startswith("59 % of its memory on cells its vCPUs may not use: cell 0")


def test_most_domains_find_a_place(source: LibvirtSource) -> None:
    found = reading(source)
    placed = [d.name for d in found.domains if suggest(d, found)]
    assert len(placed) > len(FLEET) * 3 // 4, {d.name for d in found.domains} - set(placed)


def pin(name: str, cpuset: str) -> str:
    """Pin every vCPU as the pin page does; answers the status."""
    with closing(connect(None, demo=True)) as opened:
        domain = named(reading(opened), name)
    wanted = CpuSet.parse(cpuset)
    steps = tuple(PinStep(p.kind, p.id, p.live, wanted, p.config, wanted) for p in domain.pins)
    with closing(HostRequests(open_demo)) as host:
        reply = host.handlers()[SetPins](SetPins.of(PinChange(domain.uuid, name, steps), True))
    return reply.status


def test_pins_are_libvirts_and_memory_follows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(world, "_worlds", [world.World(lambda: now[0])])
    assert pin(STRAYED, "36-43") == "applied"
    with closing(connect(None, demo=True)) as opened:
        uuid = named(reading(opened), STRAYED).uuid
        before = reading(opened).locality[uuid].bytes_by_cell
        assert before[0] > before[2]
        now[0] += MOVES_S / 2
        half = reading(opened).locality[uuid].bytes_by_cell
        now[0] += MOVES_S
        after = reading(opened)
        assert before[0] > half[0] > after.locality[uuid].bytes_by_cell[0]
        assert attention(named(after, STRAYED), after) is None


def test_live_and_config_are_two_sets(source: LibvirtSource) -> None:
    domain = open_demo().conn.lookupByName("web-03")
    row = CpuSet.parse("40").to_map(64)
    domain.pinVcpuFlags(0, row, 2)
    found = named(reading(source), "web-03").pins[0]
    assert (str(found.live), str(found.config)) == ("32-39", "40")
    domain.pinVcpuFlags(0, row, 1)
    assert (
        str(
            named(reading(source, View(again=frozenset({domain.UUIDString()}))), "web-03")
            .pins[0]
            .live
        )
        == "40"
    )
    assert [any(r) for r in domain.vcpuPinInfo(1)] == [True] * 4


def test_every_connection_sees_the_same_host() -> None:
    one, other = open_demo(), open_demo()
    one.conn.lookupByName("web-01").destroy()
    one.close()
    assert not other.conn.lookupByName("web-01").isActive()


def test_a_paused_domain_uses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    made = world.World(lambda: now[0])
    paused = made.find_guests()[next(d.uuid for d in FLEET if d.state == "paused")]
    before = paused.stat()
    now[0] += 60
    assert paused.stat() == before


def test_a_domain_that_is_shut_off_has_no_process() -> None:
    link = open_demo()
    git = next(d.uuid for d in FLEET if d.name == "git")
    guest = link.find_guests()[git]
    link.conn.lookupByName("git").destroy()
    assert guest.stat() is None
    assert git not in link.find_guests()


@pytest.mark.parametrize("name", ["db-primary", "web-02", "dns-01", "nobody"])
def test_time_on_a_pcpu_only_grows_and_never_faster_than_the_clock(name: str) -> None:
    load = load_of(name, 1)
    spent = [load.busy_s(second) for second in range(200)]
    grown = [b - a for a, b in pairwise(spent)]
    assert all(0 <= step <= 1 for step in grown)
    assert max(grown) - min(grown) > 0.001, "it moves"


def test_memory_follows_and_stays_whole() -> None:
    moving = Placement.at_rest({0: 0.6, 2: 0.4}).follow([2], 100.0)
    for second in (100.0, 103.0, 200.0):
        assert sum(moving.shares(second).values()) == pytest.approx(1)
    assert moving.shares(200.0)[2] > 0.95
    assert moving.follow([2], 200.0) is not None
    assert moving.follow([], 105.0) is moving, "a set that is not known moves nothing"


def test_a_disk_is_copied_and_the_domain_goes_on_there(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(world, "_worlds", [world.World(lambda: now[0])])
    domain = open_demo().conn.lookupByName("web-01")
    domain.blockCopy("vda", "<disk type='file'><source file='/srv/new.qcow2'/></disk>", {}, 0)
    assert domain.blockJobInfo("vda")["cur"] == 0
    now[0] += 60
    job = domain.blockJobInfo("vda")
    assert job["cur"] == job["end"]
    assert "ready='yes'" in domain.XMLDesc(0)
    domain.blockJobAbort("vda", 2)
    assert "/srv/new.qcow2" in domain.XMLDesc(0)
    assert "<mirror" not in domain.XMLDesc(0)
    assert "/srv/new.qcow2" not in domain.XMLDesc(2), "the definition is changed by who asked"


UUIDS = {d.name: d.uuid for d in FLEET}
NAMES = {d.uuid: d.name for d in FLEET}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The demo's clock."""
    moment = [1000.0]
    monkeypatch.setattr(world, "_worlds", [world.World(lambda: moment[0])])
    return moment


@pytest.fixture
def host() -> Iterator[HostRequests]:
    with closing(HostRequests(open_demo, demo=True)) as opened:
        yield opened


def samples(host: HostRequests, now: list[float], uuid: str, pcpu: int | None = None) -> list[str]:
    """What is said of who disturbs, over two seconds of the demo's clock."""
    before = host.handlers()[ReadWhy](ReadWhy(uuid, pcpu)).value
    assert isinstance(before, Sample)
    now[0] += 2
    after = host.handlers()[ReadWhy](ReadWhy(uuid, pcpu, before)).value
    assert isinstance(after, Sample)
    rates = thread_rates(before, after)
    assert all(0 <= (r.wait_percent or 0) + (r.cpu_percent or 0) <= 100 for r in rates)
    return [cause.words for cause in causes(before, after, NAMES)]


def test_who_disturbs_shares_its_pcpus_by_pins(host: HostRequests, now: list[float]) -> None:
    said: list[str] = []
    for _ in range(20):
        said += samples(host, now, UUIDS["web-02"])
        now[0] += 7
    text = "\n".join(said)
    assert "waits" in text
    assert "nvme0q" in text
    assert "may run on 32-39" in text, "a daemon of the host"
    assert "web-03 vCPU" in text
    for name in ("web-04", "cache-02", "db-primary", "git", "build-agent-2"):
        assert name not in text, "it is pinned elsewhere, or paused"


def test_the_same_moment_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for _ in range(2):
        moment = [1000.0]
        monkeypatch.setattr(world, "_worlds", [world.World(lambda: moment[0])])  # noqa: B023
        with closing(HostRequests(open_demo, demo=True)) as opened:
            found.append(samples(opened, moment, UUIDS["web-01"]))
    assert found[0] == found[1] != []


def test_a_pcpu_is_slower_where_its_neighbours_are_busy(
    host: HostRequests, now: list[float]
) -> None:
    assert any("governor performance" in words for words in samples(host, now, "", 42))
    assert not any("governor" in words for words in samples(host, now, "", 14))


def test_a_paused_guest_is_disturbed_by_nobody(host: HostRequests, now: list[float]) -> None:
    said = samples(host, now, UUIDS["build-agent-2"])
    assert not any("waits" in words or "moves" in words for words in said)


@pytest.mark.parametrize("request_", [ReadWhy(UUIDS["legacy-erp"]), ReadPlace(UUIDS["legacy-erp"])])
def test_what_does_not_run_has_no_answer(host: HostRequests, request_: ReadWhy | ReadPlace) -> None:
    reply = host.handlers()[type(request_)](request_)
    assert (reply.status, reply.message) == ("failed", "it does not run")


def place_of(host: HostRequests, name: str) -> Place:
    place = host.handlers()[ReadPlace](ReadPlace(UUIDS[name])).value
    assert isinstance(place, Place)
    return place


@pytest.mark.parametrize("name", ["web-02", "db-primary", "batch-night", "dns-01"])
def test_where_memory_lies_is_what_the_list_says(
    host: HostRequests, source: LibvirtSource, name: str
) -> None:
    place, known = place_of(host, name), reading(source).locality[UUIDS[name]].bytes_by_cell
    assert {cell: place.on(CpuSet.of((cell,))) for cell in known} == known
    assert any(p.kind == "huge" for p in place.lying) == name.startswith("db")


def moving(name: str, place: Place, cell: int) -> MoveMemory:
    request = plan_move(UUIDS[name], name, place, CpuSet.of((cell,))).changes[0]
    assert isinstance(request, MoveMemory)
    return request


def test_memory_is_moved(host: HostRequests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vconsole.host.demo.memory.MOVES_S", 0.5)
    request = moving(STRAYED, place_of(host, STRAYED), 2)
    reply = host.handlers()[MoveMemory](request)
    assert reply.status == "applied"
    assert "stayed" in reply.message
    with closing(connect(None, demo=True)) as opened:
        after = reading(opened)
        assert attention(named(after, STRAYED), after) is None
    assert place_of(host, STRAYED).on(request.cells) > 0.97 * sum(
        part.size_bytes for part in request.lying
    )


def test_a_move_that_is_given_up_stops_where_it_is(host: HostRequests, now: list[float]) -> None:
    request = moving(STRAYED, place_of(host, STRAYED), 2)
    request.wait.give_up()
    reply = host.handlers()[MoveMemory](request)
    assert (reply.status, "given up" in reply.message) == ("failed", True)
    then = place_of(host, STRAYED)
    now[0] += 60
    assert place_of(host, STRAYED).lying == then.lying


def test_memory_that_is_bound_is_not_moved_elsewhere(host: HostRequests) -> None:
    with pytest.raises(ValueError, match="set numatune first"):
        moving("db-primary", place_of(host, "db-primary"), 0)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["why", "web-02", "--seconds", "0.1"], "vCPU 0"),
        (["locality", "web-02"], "59 %"),
    ],
)
def test_commands_ask_the_demo_too(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*argv, "--demo"]) == 0
    assert words in capsys.readouterr().out


def test_a_profile_of_the_demo_goes_with_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It was kept among the user's own, and the user's own were offered on the demo."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(["profile", "save", "week", "web-03", "--demo"]) == 0
    assert "profiles/week.toml: 1 domain" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
