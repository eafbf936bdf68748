"""Connections beside the reading: opened once, never waited for too long, asked sparingly."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.fake_source import FakeSource
from tests.integration.ground import wait_until
from tests.unit.libvirt_errors import failure
from vconsole.changes.dispatcher import Dispatcher, Request
from vconsole.changes.host_requests import HostRequests
from vconsole.console.early import EarlyFeed
from vconsole.features.storage.model.pool import ReadPools
from vconsole.host.events import Events, run_loop
from vconsole.host.link import Link, open_link
from vconsole.model.host_state import Connection
from vconsole.model.manifest import Answer
from vconsole.model.request import Define, Reply

libvirt = pytest.importorskip("libvirt")


@dataclass(frozen=True)
class Ask:
    """A request of this test."""

    number: int
    deadline_s: float = 5.0


handled: list[int] = []


def handle(_link: Link, request: Ask) -> Reply:
    handled.append(request.number)
    return Reply("applied")


def test_a_daemon_whose_clients_are_full_is_called_that_and_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It accepts nobody: opening hangs. What gave up waiting is not done when it comes through."""
    monkeypatch.setattr("vconsole.changes.host_requests.MARGIN_S", 2.5)
    free, opened, over = threading.Event(), [], threading.Event()
    replies: list[Reply] = []

    def full() -> Link:
        opened.append(1)
        free.wait(60)
        events = SimpleNamespace(closed=None)
        connection = Connection(uri="test:///default")
        return cast("Link", SimpleNamespace(events=events, connection=connection, close=len))

    def publish(_request: Request, reply: Reply) -> None:
        replies.append(reply)
        if len(replies) == 3:
            over.set()

    name = f"{__name__}:Ask"
    host = HostRequests(full, [Answer(name, f"{__name__}:handle")])
    dispatcher = Dispatcher(host.handlers(), publish)
    handled.clear()
    for number in range(3):
        dispatcher.ask(Ask(number))
    assert over.wait(30)
    assert len(opened) == 1
    for reply in replies:
        assert reply.status == "failed"
        assert "max_clients" in reply.message
    free.set()
    assert host.handlers()[Ask](Ask(9)).status == "applied"
    assert handled == [9]
    assert len(opened) == 1


def test_a_host_far_away_has_longer_to_be_connected_and_to_change() -> None:
    name = f"{__name__}:Ask"

    def far() -> Link:
        threading.Event().wait(2.0)  # longer than the request may take
        return open_link("test:///default", False, False)

    answers = [Answer(name, f"{__name__}:calls", changes=True)]
    host = HostRequests(far, answers, more_s=lambda: 30.0)
    assert host.handlers()[Ask](Ask(1)).status == "applied"
    host.close()


def calls(link: Link, _request: Ask) -> Reply:
    link.call(link.conn.getHostname)
    return Reply("applied")


def hold(link: Link, request: Ask) -> Reply:
    """A call that hangs at libvirtd until the test is over; that of number 9 would take no time."""
    used.append(id(link))
    if request.number != 9:
        let_go.wait(30)
    return Reply("applied")


used: list[int] = []
let_go = threading.Event()


def test_calls_that_hang_leave_room_for_one_that_takes_no_time() -> None:
    """libvirtd works on five calls of a client at a time: no connection has as many."""
    name = f"{__name__}:Ask"
    host = HostRequests(
        lambda: open_link("test:///default", False, False), [Answer(name, f"{__name__}:hold")]
    )
    answer = host.handlers()[Ask]
    used.clear()
    threads = [threading.Thread(target=answer, args=(Ask(n),), daemon=True) for n in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(used) == 6, "all of them hang")
    assert answer(Ask(9)).status == "applied"
    assert max(Counter(used).values()) < 5
    assert len(set(used)) == 2, "no more connections than are needed"
    let_go.set()
    for thread in threads:
        thread.join()
    for _ in range(6):
        answer(Ask(9))
    assert len(set(used[7:])) == 1, "one after another they have one connection"
    host.close()


class Refuses:
    """A domain whose XML this user may not read."""

    def __init__(self) -> None:
        self.asked = 0

    def UUIDString(self) -> str:  # noqa: N802  # libvirt's name
        return "6695eb01-f6a4-8304-79aa-97f2502e193f"

    def XMLDesc(self, _flags: int) -> str:  # noqa: N802  # libvirt's name
        self.asked += 1
        raise failure(libvirt.VIR_ERR_ACCESS_DENIED, "access denied")


def test_what_is_refused_is_not_asked_again_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = monotonic()
    monkeypatch.setattr("vconsole.host.link.monotonic", lambda: now)
    run_loop()
    conn: Any = libvirt.open("test:///default")
    link, handle_ = Link(conn, Connection(uri="test:///default"), lambda: None), Refuses()
    for _ in range(10):
        with pytest.raises(libvirt.libvirtError):
            link.xml_of(handle_, 0)
        now += 1
    assert handle_.asked == 1
    now += 60
    with pytest.raises(libvirt.libvirtError):
        link.xml_of(handle_, 0)
    assert handle_.asked == 2
    link.ask_anew()
    with pytest.raises(libvirt.libvirtError):
        link.call(handle_.XMLDesc, 0)
    assert handle_.asked == 3
    with pytest.raises(libvirt.libvirtError):
        link.call(handle_.XMLDesc, 2)
    assert handle_.asked == 4, "this is another question"
    link.close()


def test_a_list_that_is_refused_is_asked_for_once_and_anew_by_a_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every page that looks again and again, without a line for it in any of them."""
    asked = []

    def refuse(conn: Any, _flags: int = 0) -> Any:
        asked.append(conn)
        raise failure(libvirt.VIR_ERR_ACCESS_DENIED, "access denied")

    refuse.__qualname__ = "virConnect.listAllStoragePools"
    monkeypatch.setattr(libvirt.virConnect, "listAllStoragePools", refuse)
    host = HostRequests(lambda: open_link("test:///default", False, False))
    read = host.handlers()[ReadPools]
    for _ in range(5):
        assert read(ReadPools()).message == "access denied"
    assert len(asked) == 1
    uuid = "6695eb01-f6a4-8304-79aa-97f2502e193f"
    host.handlers()[Define](Define(uuid, "test", "edit it", "<domain/>", "<domain/>"))
    assert read(ReadPools()).message == "access denied"
    assert len(asked) == 2
    host.close()


def test_who_reads_all_again_asks_anew_for_what_was_refused_on_any_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An administrator has given the right meanwhile: F5 has it at once, and on each page."""
    allowed = False

    def list_pools(_conn: Any, _flags: int = 0) -> Any:
        if not allowed:
            raise failure(libvirt.VIR_ERR_ACCESS_DENIED, "access denied")
        return []

    list_pools.__qualname__ = "virConnect.listAllStoragePools"
    monkeypatch.setattr(libvirt.virConnect, "listAllStoragePools", list_pools)
    monkeypatch.setattr(Link, "wanted_anew", 0.0)
    link = open_link("test:///default", False, False)
    host = HostRequests(lambda: link)
    read = host.handlers()[ReadPools]
    assert read(ReadPools()).message == "access denied"
    assert link.attempt("pools", link.conn.listAllStoragePools, 0) is None
    allowed = True
    assert read(ReadPools()).message == "access denied"
    assert link.denied == {"pools": "access denied"}
    feed = EarlyFeed(lambda *_: FakeSource(), "")
    feed.refresh()
    feed.stop()
    assert read(ReadPools()).status == "applied"
    assert link.attempt("pools", link.conn.listAllStoragePools, 0) == []
    assert not link.denied
    host.close()


@pytest.mark.parametrize("wake", [None, lambda: None])
def test_events_are_asked_for_where_somebody_waits_for_them(wake: Any) -> None:
    """Each kind is a round trip, and one more at the end; a command needs none."""
    asked = list[str]()

    def note(name: str) -> Any:
        def called(*_: Any) -> int:
            asked.append(name)
            return len(asked)

        called.__name__ = name
        return called

    names = ("registerCloseCallback", "setKeepAlive", "domainEventRegisterAny")
    ends = ("domainEventDeregisterAny", "unregisterCloseCallback")
    events = Events(SimpleNamespace(**{name: note(name) for name in (*names, *ends)}), wake)
    events.watch(lambda function, *arguments: function(*arguments))
    for kind in events.kinds:
        events.subscribe(lambda function, *arguments: function(*arguments), kind)
    assert {"registerCloseCallback", "setKeepAlive"} <= set(asked)
    assert ("domainEventRegisterAny" in asked) == events.tell == (wake is not None)
    events.unsubscribe()
    assert asked.count("domainEventDeregisterAny") == asked.count("domainEventRegisterAny")
