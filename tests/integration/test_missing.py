"""What is planned with a word that the host lacks it, a real libvirtd takes and does not start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.integration.conftest import LaunchGuest
from tests.integration.lab import LabError, Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.features.network.model.interfaces import Source
from vconsole.features.network.model.plan import adder
from vconsole.host.definitions import inactive_xml
from vconsole.host.link import Link, open_link
from vconsole.model.proposal import Proposal, Propose
from vconsole.model.request import Define

MAC = "52:54:00:00:00:77"


@pytest.fixture
def link(two_cell_host: Libvirtd) -> Iterator[Link]:
    with closing(open_link(two_cell_host.uri, False, False)) as found:
        yield found


def propose(link: Link, uuid: str, name: str, planned: Proposal | None, to: Source) -> Proposal:
    """What the page shows of an interface more, or of an edit."""
    plan = adder(to, MAC) if planned is None else lambda *_: planned
    handlers = HostRequests(lambda: link).handlers()
    reply = handlers[Propose](Propose(((uuid, name),), plan, ("config",)))
    assert isinstance(reply.value, tuple)
    (proposal,) = reply.value
    assert isinstance(proposal, Proposal)
    return proposal


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "<source network='nope'/>", "this host has no network nope: it would not start"),
        ("", "<source bridge='nope'/>", "this host has no bridge nope: it would not start"),
        (
            "<os>",
            "<memoryBacking><hugepages><page size='16' unit='GiB'/></hugepages>"
            "</memoryBacking><os>",
            "this host has no pages of 16 GiB",
        ),
        (
            "<os>",
            "<numatune><memory mode='strict' nodeset='5'/></numatune><os>",
            "this host has no cell 5: it would not start",
        ),
        (
            "check='none'>\n    <model fallback='forbid'>qemu64",
            "check='full'><model fallback='forbid'>phenom",
            "this host has no CPU model phenom: it may not start",
        ),
    ],
)
def test_it_is_said_before_and_is_so(
    two_cell_host: Libvirtd, link: Link, guest: LaunchGuest, old: str, new: str, words: str
) -> None:
    guest(two_cell_host, "lacks", running=False)
    domain = link.conn.lookupByName("lacks")
    before, uuid = inactive_xml(link, domain), domain.UUIDString()
    if old:
        edit = Define(uuid, "lacks", "edit it", before, before.replace(old, new, 1))
        proposal = propose(link, uuid, "lacks", Proposal((edit,)), Source("network", ""))
    else:
        kind, name = new.removeprefix("<source ").removesuffix("'/>").split("='")
        assert kind in ("network", "bridge")
        to = Source("network" if kind == "network" else "bridge", name)
        proposal = propose(link, uuid, "lacks", None, to)
    (note,) = proposal.notes
    assert note.startswith(f"lacks: {words}")
    (change,) = proposal.changes
    reply = HostRequests(lambda: link).handlers()[type(change)](change)
    assert reply.status == "applied"
    if isinstance(change, Define):
        assert words in reply.message, "an edit that nobody proposed says it afterwards"
    with pytest.raises(LabError):
        two_cell_host.virsh("start", "lacks")
