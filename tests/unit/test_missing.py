"""What a definition names and the host lacks is said before it is defined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from vconsole.host.link import Link, open_link
from vconsole.host.missing import missing

libvirt = pytest.importorskip("libvirt")
NIC = "<interface type='{0}'><source {0}='{1}'/></interface>"
DISK = "<disk type='volume'><source pool='{}' volume='{}'/></disk>"
USER = "<interface type='vhostuser'><source type='unix' path='{}' mode='{}'/></interface>"


@pytest.fixture
def link() -> Iterator[Link]:
    found = open_link("test:///default", False, False)
    yield found
    found.close()


def domain(inside: str) -> str:
    return f"<domain type='test'><name>a</name>{inside}</domain>"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (NIC.format("network", "default"), ()),
        (NIC.format("network", "nope"), ("this host has no network nope",)),
        (NIC.format("bridge", "br-nope"), ("this host has no bridge br-nope",)),
        (DISK.format("default-pool", "nope"), ("the pool default-pool has no volume nope",)),
        (DISK.format("nope", "nope"), ("this host has no pool nope",)),
    ],
)
def test_a_device_that_needs_what_is_not_there(
    link: Link, asked: str, words: tuple[str, ...]
) -> None:
    said = tuple(f"{word}: it would not start" for word in words)
    assert missing(link, "", asked) == said
    assert missing(link, "", domain(f"<devices>{asked}</devices>")) == said
    assert missing(link, domain(f"<devices>{asked}</devices>"), asked) == (), "it was so before"


def test_what_is_there_but_does_not_run(link: Link) -> None:
    network = link.conn.networkDefineXML("<network><name>idle</name></network>")
    pool = link.conn.storagePoolDefineXML(
        "<pool type='dir'><name>idle</name><target><path>/idle</path></target></pool>", 0
    )
    try:
        (of_network,) = missing(link, "", NIC.format("network", "idle"))
        (of_pool,) = missing(link, "", DISK.format("idle", "a"))
    finally:
        network.undefine()
        pool.undefine()
    assert of_network == "the network idle is not active: it would not start"
    assert of_pool == "the pool idle is not active: it would not start"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("<numatune><memory mode='strict' nodeset='0-1'/></numatune>", ""),
        ("<numatune><memory mode='strict' nodeset='0-3'/></numatune>", "cell 2-3"),
        ("<numatune><memnode cellid='0' mode='strict' nodeset='7'/></numatune>", "cell 7"),
        ("<vcpu cpuset='0-99'>2</vcpu>", "pCPU 16-99"),
        ("<cputune><vcpupin vcpu='0' cpuset='99'/></cputune>", "pCPU 99"),
    ],
)
def test_a_place_that_the_host_has_not(link: Link, asked: str, words: str) -> None:
    said = (f"this host has no {words}: it would not start",) if words else ()
    assert missing(link, "", domain(asked)) == said


def test_the_socket_of_a_switch(link: Link, tmp_path: Path) -> None:
    there, gone = tmp_path / "there", tmp_path / "gone" / "socket"
    there.touch()
    asked = [USER.format(there, "client"), USER.format(tmp_path / "new", "server")]
    lacking = [USER.format(tmp_path / "new", "client"), USER.format(gone, "server")]
    for device in (*asked, *lacking):
        assert missing(link, "", device) == (), "another machine's files are not seen"
    link.connection = replace(link.connection, local=True)
    assert [missing(link, "", device) for device in asked] == [(), ()]
    assert [missing(link, "", device) for device in lacking] == [
        (f"this host has no {tmp_path / 'new'}: it would not start",),
        (f"this host has no {gone.parent}: it would not start",),
    ]


@pytest.mark.parametrize(
    "text", ["", "<domain", "<!DOCTYPE a><domain/>", domain("<vcpu cpuset='x'/>")]
)
def test_what_cannot_be_read_is_not_judged(link: Link, text: str) -> None:
    assert missing(link, "", text) == ()
