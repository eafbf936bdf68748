"""Plans of vCPUs: counts, the topology that follows, what vanishes with a lower maximum."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.resource_xml import domain_xml, subject
from vconsole.features.resources.model.change import SetResource
from vconsole.features.resources.model.edit_vcpus import fitted, with_maximum
from vconsole.features.resources.model.numbers import Topology, resources
from vconsole.features.resources.model.plan_vcpus import VcpuWish
from vconsole.model.outcome import Target
from vconsole.model.proposal import Proposal
from vconsole.model.request import Define

CONFIG = domain_xml()
TOPOLOGY = "  <cpu>\n    <topology sockets='1' cores='2' threads='2'/>\n  </cpu>\n"
STATES = (
    "  <vcpus>\n"
    "    <vcpu id='0' enabled='yes' hotpluggable='no' order='1'/>\n"
    "    <vcpu id='1' enabled='no' hotpluggable='yes'/>\n"
    "    <vcpu id='2' enabled='yes' hotpluggable='yes' order='2'/>\n"
    "    <vcpu id='3' enabled='no' hotpluggable='yes'/>\n"
    "  </vcpus>\n"
)
PINS = (
    "  <cputune>\n"
    "    <vcpupin vcpu='0' cpuset='0'/>\n"
    "    <vcpupin vcpu='2' cpuset='2'/>\n"
    "    <vcpupin vcpu='3' cpuset='3'/>\n"
    "    <emulatorpin cpuset='0-3'/>\n"
    "    <vcpusched vcpus='0-2' scheduler='fifo' priority='1'/>\n"
    "    <vcpusched vcpus='3' scheduler='rr' priority='1'/>\n"
    "  </cputune>\n"
)


def plan(
    wish: VcpuWish, target: Target = "both", config: str | None = CONFIG, live: str | None = CONFIG
) -> Proposal:
    return wish.plan(subject(config, live), target)


def edited(wish: VcpuWish, config: str) -> tuple[list[str], tuple[str, ...]]:
    """The lines that are changed, and the notes."""
    proposal = plan(wish, "config", config)
    (change,) = proposal.changes
    assert isinstance(change, Define)
    return [line for line in change.lines() if line[0] in "+-"], proposal.notes


# -- the count -------------------------------------------------------------------------------


def test_the_count_is_set_live_and_in_the_definition() -> None:
    (change,) = plan(VcpuWish(count=3)).changes
    assert isinstance(change, SetResource)
    assert change.lines() == (
        "- live: 2 of 4 vCPUs",
        "+ live: 3 of 4 vCPUs",
        "- config: 2 of 4 vCPUs",
        "+ config: 3 of 4 vCPUs",
    )
    assert change.virsh() == ("virsh setvcpus web 3 --live --config",)


def test_a_guest_that_has_to_let_go_may_refuse() -> None:
    assert plan(VcpuWish(count=1)).notes == (
        "web: the guest has to let go of vCPUs, and may refuse",
    )
    assert plan(VcpuWish(count=1), "config").notes == ()


@pytest.mark.parametrize(
    ("count", "target", "reason"),
    [
        (0, "both", "at least one vCPU"),
        (-1, "config", "at least one vCPU"),
        (5, "live", "live: 5 is above its maximum of 4 vCPUs, until it is shut off"),
        (5, "config", "config: 5 is above its maximum of 4 vCPUs, raise it first"),
        (2, "both", "it is so already"),
    ],
)
def test_counts_that_cannot_be(count: int, target: Target, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plan(VcpuWish(count=count), target)


def test_those_there_at_the_start_cannot_be_unplugged() -> None:
    live = domain_xml(more=STATES.replace("id='1' enabled='no' hotpluggable='yes'", _FIXED))
    with pytest.raises(ValueError, match="2 were there at its start and cannot be unplugged"):
        plan(VcpuWish(count=1), "live", live=live)


_FIXED = "id='1' enabled='yes' hotpluggable='no'"

# -- the maximum -----------------------------------------------------------------------------


def test_a_higher_maximum_leaves_the_count() -> None:
    lines, notes = edited(VcpuWish(maximum=8), CONFIG)
    assert lines == [
        "-  <vcpu placement='static' current='2'>4</vcpu>",
        "+  <vcpu placement='static' current='2'>8</vcpu>",
    ]
    assert notes == ("web: it starts with 2 of 8 vCPUs",)


def test_a_domain_that_had_all_of_them_is_told_that_it_starts_with_fewer() -> None:
    config = domain_xml(vcpu="<vcpu>4</vcpu>")
    lines, notes = edited(VcpuWish(maximum=6), config)
    assert lines == ["-  <vcpu>4</vcpu>", "+  <vcpu current='4'>6</vcpu>"]
    assert notes == ("web: it starts with 4 of 6 vCPUs",)


def test_maximum_and_count_together() -> None:
    first, second = plan(VcpuWish(count=8, maximum=8), "config").changes
    assert isinstance(first, Define)
    assert second.lines() == ("- config: 2 of 8 vCPUs", "+ config: 8 of 8 vCPUs")


def test_a_lower_maximum_takes_pins_schedulers_and_states_with_it() -> None:
    lines, notes = edited(VcpuWish(maximum=2), domain_xml(more=STATES + PINS))
    assert lines == [
        "-  <vcpu placement='static' current='2'>4</vcpu>",
        "+  <vcpu placement='static' current='1'>2</vcpu>",
        "-    <vcpu id='2' enabled='yes' hotpluggable='yes' order='2'/>",
        "-    <vcpu id='3' enabled='no' hotpluggable='yes'/>",
        "-    <vcpupin vcpu='2' cpuset='2'/>",
        "-    <vcpupin vcpu='3' cpuset='3'/>",
        "-    <vcpusched vcpus='0-2' scheduler='fifo' priority='1'/>",
        "-    <vcpusched vcpus='3' scheduler='rr' priority='1'/>",
        "+    <vcpusched vcpus='0-1' scheduler='fifo' priority='1'/>",
    ]
    assert notes == (
        "web: the pins of vCPU 2, 3 go with them",
        "web: of those that stay 1 are enabled",
        "web: it starts with 1 of 2 vCPUs",
    )


@pytest.mark.parametrize("maximum", [0, -1, 4097])
def test_a_maximum_that_cannot_be(maximum: int) -> None:
    with pytest.raises(ValueError, match="a maximum is from 1 to 4096"):
        plan(VcpuWish(maximum=maximum))


def test_a_domain_without_a_word_of_vcpus_gets_one() -> None:
    lines, _ = edited(VcpuWish(maximum=2), domain_xml(vcpu=""))
    assert lines[-1] == "+  <vcpu current='1'>2</vcpu>"


def test_numa_cells_of_the_guest_are_not_guessed_at() -> None:
    cells = "<cpu><numa><cell cpus='0-1' memory='1'/><cell cpus='2-3' memory='1'/></numa></cpu>"
    with pytest.raises(ValueError, match="spread over 2 NUMA cells of the guest: change <cpu>"):
        plan(VcpuWish(maximum=8), config=domain_xml(more=cells))


def test_live_alone_has_no_maximum() -> None:
    with pytest.raises(ValueError, match="set in the definition"):
        plan(VcpuWish(maximum=8), "live")


# -- the topology ----------------------------------------------------------------------------


def test_the_topology_follows_the_maximum_in_the_same_edit() -> None:
    lines, notes = edited(VcpuWish(maximum=8), domain_xml(more=TOPOLOGY))
    assert lines[2:] == [
        "-    <topology sockets='1' cores='2' threads='2'/>",
        "+    <topology sockets='1' cores='4' threads='2'/>",
    ]
    assert notes[0] == "web: the guest sees 1 socket x 4 cores x 2 threads"


@pytest.mark.parametrize(
    ("topology", "maximum", "wanted"),
    [
        (Topology(sockets=2, cores=2, threads=1), 12, Topology(sockets=6, cores=2)),
        (Topology(sockets=1, cores=3, threads=2), 8, Topology(cores=4, threads=2)),
        (Topology(sockets=4, cores=1, threads=1), 3, Topology(sockets=3)),
        (Topology(dies=2, cores=2), 8, Topology(dies=2, cores=4)),
    ],
)
def test_sockets_grow_where_there_are_several_else_cores(
    topology: Topology, maximum: int, wanted: Topology
) -> None:
    assert fitted(topology, maximum) == wanted


@pytest.mark.parametrize(
    ("topology", "maximum", "possible"),
    [
        (Topology(cores=2, threads=2), 7, "4, 6, 8, 10"),
        (Topology(sockets=4, cores=3), 5, "3, 4, 6, 8"),
    ],
)
def test_a_count_that_does_not_fit_names_those_nearby_that_do(
    topology: Topology, maximum: int, possible: str
) -> None:
    with pytest.raises(ValueError, match=f"possible are {possible} and the like"):
        fitted(topology, maximum)
    for count in possible.split(", "):
        assert fitted(topology, int(count)).count == int(count)


@given(
    st.builds(Topology, *(st.integers(1, most) for most in (8, 2, 2, 16, 2))), st.integers(1, 512)
)
def test_a_fitted_topology_has_exactly_as_many(topology: Topology, maximum: int) -> None:
    try:
        found = fitted(topology, maximum)
    except ValueError:
        assert maximum % (topology.dies * topology.clusters * topology.threads * topology.cores)
        return
    assert found.count == maximum
    assert (found.dies, found.clusters, found.threads) == (
        topology.dies,
        topology.clusters,
        topology.threads,
    )


def test_a_topology_of_ones_own() -> None:
    lines, _ = edited(VcpuWish(shape=(2, 1, 2)), domain_xml(more=TOPOLOGY))
    assert lines == [
        "-    <topology sockets='1' cores='2' threads='2'/>",
        "+    <topology sockets='2' cores='1' threads='2'/>",
    ]


@pytest.mark.parametrize(
    ("cpu", "before"),
    [
        ("", "  </devices>"),
        ("  <cpu mode='host-model'>\n    <model/>\n    <feature/>\n  </cpu>\n", "    <model/>"),
    ],
)
def test_a_definition_without_one_gets_it_where_libvirt_writes_it(cpu: str, before: str) -> None:
    (change,) = plan(VcpuWish(shape=(1, 4, 1)), config=domain_xml(more=cpu)).changes
    assert isinstance(change, Define)
    after = change.after.split("\n")
    place = next(n for n, line in enumerate(after) if "<topology" in line)
    assert after[place].strip() == "<topology sockets='1' cores='4' threads='1'/>"
    assert before in after[place - 2 : place]


def test_a_topology_of_another_count_is_refused() -> None:
    with pytest.raises(ValueError, match="1 socket x 3 cores x 1 thread are 3 vCPUs, the maximum"):
        plan(VcpuWish(shape=(1, 3, 1)))


def test_maximum_and_topology_together() -> None:
    config = domain_xml(more=TOPOLOGY)
    (change,) = plan(VcpuWish(maximum=6, shape=(3, 2, 1)), "config", config).changes
    assert isinstance(change, Define)
    found = resources(change.after)
    assert found.topology == Topology(sockets=3, cores=2, threads=1)
    assert found.maximum_vcpus == 6


def test_an_edit_that_is_undone_leaves_every_character() -> None:
    xml = domain_xml(more=TOPOLOGY)
    there, _ = with_maximum(xml, 8)
    assert with_maximum(there, 4)[0] == xml


# -- where they will run ----------------------------------------------------------------------


def test_the_place_of_a_vcpu_that_is_plugged_in_is_named() -> None:
    pinned = domain_xml(more=PINS)
    assert plan(VcpuWish(count=4), config=pinned, live=pinned).notes[-2:] == (
        "web: vCPU 2 will run on pCPU 2",
        "web: vCPU 3 will run on pCPU 3",
    )
    assert plan(VcpuWish(count=3)).notes[-1] == "web: vCPU 2 has no pin: may run everywhere"


def test_the_lowest_vcpus_that_are_not_there_are_plugged_in() -> None:
    gaps = domain_xml(more=STATES + PINS)
    assert [n for n in plan(VcpuWish(count=3), config=gaps, live=gaps).notes if "vCPU" in n] == [
        "web: vCPU 1 has no pin: may run everywhere"
    ]


def test_nothing_is_said_of_places_where_vcpus_go() -> None:
    assert not [n for n in plan(VcpuWish(count=1)).notes if "may run" in n]
