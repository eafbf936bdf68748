"""What hangs is asked once, and its connection is used for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.ground import wait_until
from vconsole.changes.host_requests import HostRequests
from vconsole.features.storage.host import pool_memory
from vconsole.features.storage.host.patience import NoAnswerError, within
from vconsole.features.storage.host.read import (
    every_volume,
    read_pools,
    read_volumes,
    why_in_use,
)
from vconsole.features.storage.model.pool import (
    Pool,
    PoolName,
    ReadPools,
    ReadVolumes,
    Volume,
)
from vconsole.host.link import Link, open_link

pytest.importorskip("libvirt")


@pytest.fixture
def link() -> Iterator[Link]:
    """A connection to libvirt's test driver."""
    found = open_link("test:///default", False, False)
    yield found
    if not found.stuck:
        found.close()


def test_what_ends_in_time_is_answered_and_may_be_asked_again(link: Link) -> None:
    assert [within(link, "it", 5.0, lambda: 7) for _ in range(2)] == [7, 7]
    with pytest.raises(ZeroDivisionError):
        within(link, "it", 5.0, lambda: 1 // 0)
    assert not link.stuck


def test_what_hangs_is_asked_once_until_it_answers(link: Link) -> None:
    gate, asked = Event(), []

    def hang() -> None:
        asked.append(1)
        gate.wait(30)

    with pytest.raises(NoAnswerError, match="none within"):
        within(link, "pool", 0.01, hang)
    assert link.stuck
    for _ in range(5):
        with pytest.raises(NoAnswerError, match=r"none for \d+ s"):
            within(link, "pool", 0.01, hang)
    wait_until(lambda: len(asked) == 1, "it was asked once")
    assert within(link, "another", 5.0, lambda: 1) == 1
    gate.set()
    wait_until(lambda: _answers(link), "it may be asked again")


def _answers(link: Link) -> bool:
    try:
        return within(link, "pool", 5.0, lambda: True)
    except NoAnswerError:
        return False


def test_a_connection_on_which_a_call_hangs_is_not_used_again() -> None:
    opened: list[Link] = []

    def open_() -> Link:
        opened.append(open_link("test:///default", False, False))
        return opened[-1]

    with closing(HostRequests(open_)) as host:
        handlers = host.handlers()
        handlers[ReadPools](ReadPools())
        opened[0].stuck = True
        handlers[ReadPools](ReadPools())
    assert len(opened) == 2


def test_where_libvirt_lists_no_pools_those_of_the_last_list_are_known(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader: Any = read_pools.__globals__
    monkeypatch.setitem(reader, "within", _silent)
    reply = read_pools(link, ReadPools())
    assert (reply.status, reply.value) == ("unknown", None)
    names = (PoolName("u1", "images"), PoolName("u2", "nfs"))
    pool_memory.remember("qemu:///x", names)
    pool_memory.remember("qemu:///y", names[:1])
    monkeypatch.setattr(link, "connection", type(link.connection)("qemu:///x"))
    reply = read_pools(link, ReadPools())
    assert reply.value == names
    assert "one of them hangs" in reply.message


def _silent(*_: object) -> None:
    raise NoAnswerError("no answer", "none within 5 s")


def test_a_name_that_is_no_utf_8_hides_no_other_and_lets_nothing_be_deleted(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libvirt's binding raises at its name; nobody can say what its image is based on."""
    pool = link.conn.storagePoolLookupByName("default-pool")
    pool.createXML("<volume><name>a</name><capacity>4096</capacity></volume>", 0)
    bad = SimpleNamespace(name=lambda: b"\xff".decode())
    known = type(pool).listAllVolumes
    monkeypatch.setattr(type(pool), "listAllVolumes", lambda self, _: [bad, *known(self, 0)])
    reply = read_volumes(link, ReadVolumes(pool.UUIDString()))
    assert reply.value == ("a",)
    assert reply.message.startswith("1 more with a name that is no UTF-8")
    words = why_in_use(link, Pool("u", "p"), Volume("v", "/v", "/v"), "delete it")
    assert "nobody can say" in words
    assert "default-pool gives 1 more" in words


def test_a_pool_that_hangs_lets_no_volume_be_deleted(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(every_volume.__globals__, "within", _silent)
    words = why_in_use(link, Pool("u", "p"), Volume("v", "/v", "/v"), "delete it")
    assert "nobody can say whether v is in use" in words
