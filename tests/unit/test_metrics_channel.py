"""The virtio transport against sockets as QEMU has them: bytes as vhostmd's, guests of any kind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest

from vconsole.features.metrics.daemon import channel
from vconsole.features.metrics.daemon.channel import CHANNEL, Channels, Content, connect
from vconsole.features.metrics.daemon.requests import (
    INVALID,
    MAX_REQUEST_BYTES,
    REQUESTS,
    Answer,
    Bucket,
    Requests,
)
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.spec import Virtio

DATA = Path(__file__).parents[1] / "data" / "vhostmd"
GET, GET_CRLF = REQUESTS
UUID = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
CONTENT = Content((Metric("A", "1"),), (Metric("B", "2", context="vm", domain_id=1, uuid=UUID),))
REPLY = (
    b"<metrics>\n"
    b"  <metric type='string' context='host'>\n"
    b"    <name>A</name>\n    <value>1</value>\n  </metric>\n"
    b"  <metric type='string' context='vm' id='1' uuid='" + UUID.encode() + b"'>\n"
    b"    <name>B</name>\n    <value>2</value>\n  </metric>\n"
    b"</metrics>\n\n"
)


# -- requests --------------------------------------------------------------------------------------


def answers(*pieces: bytes) -> list[Answer]:
    requests = Requests()
    return [answer for piece in pieces if (answer := requests.feed(piece)) is not None]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_may_come_in_pieces(request_: bytes) -> None:
    assert answers(request_) == ["metrics"]
    assert answers(*(request_[i : i + 1] for i in range(len(request_)))) == ["metrics"]
    assert answers(request_[:-1]) == []
    assert answers(request_, request_) == ["metrics", "metrics"]


@pytest.mark.parametrize(
    "bad",
    [
        b"\n\n",
        b"GET /metrics/JSON\n\n",
        b"get /metrics/XML\n\n",
        b" GET /metrics/XML\n\n",
        GET + GET,
        GET_CRLF + b"x",
        b"\0\xff\n\n",
        b"x" * 600 + b"\r\n\r\n",
    ],
)
def test_anything_else_that_ends_is_invalid_once(bad: bytes) -> None:
    assert answers(bad) == ["invalid"]
    assert answers(bad, GET) == ["invalid", "metrics"]


def test_a_request_without_an_end_is_passed_over_up_to_one() -> None:
    assert answers(b"x" * MAX_REQUEST_BYTES) == []
    assert answers(b"x" * 600, b"y" * 600) == ["invalid"]
    assert answers(b"x" * 600, b"y\r\n", b"\r\n", GET) == ["invalid", "metrics"]
    assert answers(b"x" * 512, b"\n", b"\n", GET) == ["invalid", "metrics"]
    assert answers(b"x" * 512, b"\r\n\r\n" + GET) == ["invalid", "metrics"]


def test_a_bucket_lets_a_burst_through_and_then_so_many_a_second() -> None:
    now = [0.0]
    bucket = Bucket(burst=3, rate_s=2, clock=lambda: now[0])
    assert [bucket.take() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    now[0] = 100.0
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]


# -- a guest ---------------------------------------------------------------------------------------


class Guest:
    """QEMU's side of a channel: it listens in the domain's directory."""

    def __init__(self, place: Path, directory: str) -> None:
        self.path = place / directory / CHANNEL
        self.path.parent.mkdir(parents=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(1)
        self._listener.setblocking(False)
        self._connection: socket.socket | None = None

    async def accept(self) -> None:
        loop = asyncio.get_running_loop()
        self._connection, _ = await asyncio.wait_for(loop.sock_accept(self._listener), 30)

    async def say(self, data: bytes) -> None:
        assert self._connection is not None
        await asyncio.get_running_loop().sock_sendall(self._connection, data)

    async def hear(self, wait_s: float = 30.0) -> bytes:
        """What comes until an empty line; b"" at the end of the connection."""
        loop, heard = asyncio.get_running_loop(), b""
        assert self._connection is not None
        async with asyncio.timeout(wait_s):
            while not heard.endswith(b"\n\n"):
                data = await loop.sock_recv(self._connection, 4096)
                if not data:
                    return heard
                heard += data
        return heard

    async def hears_nothing(self, wait_s: float = 0.3) -> bool:
        try:
            await self.hear(wait_s)
        except TimeoutError:
            return True
        return False

    def hang_up(self) -> None:
        assert self._connection is not None
        self._connection.close()

    def close(self) -> None:
        self._listener.close()
        if self._connection is not None:
            self._connection.close()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def channels(tmp_path: Path, clock: Clock) -> AsyncIterator[Channels]:
    made = Channels(Virtio(None, 2, 15), places=(tmp_path,), clock=clock)
    runner = asyncio.create_task(made.run())
    yield made
    runner.cancel()
    await asyncio.gather(runner, return_exceptions=True)


async def joined(channels: Channels, guest: Guest) -> None:
    channels.update({1: UUID}, {UUID: CONTENT})
    channels.scan()
    await guest.accept()


async def all_gone(channels: Channels) -> None:
    async with asyncio.timeout(30):
        while channels.connected:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("directory", ["1-alpha", "domain-1-alpha", "1-another name"])
async def test_a_domain_gets_the_host_s_metrics_and_its_own(
    channels: Channels, tmp_path: Path, directory: str
) -> None:
    guest = Guest(tmp_path, directory)
    await joined(channels, guest)
    assert channels.connected == 1
    await guest.say(GET)
    assert await guest.hear() == REPLY
    await guest.say(GET_CRLF[:5])
    assert await guest.hears_nothing()
    await guest.say(GET_CRLF[5:])
    assert await guest.hear() == REPLY
    guest.close()


async def test_a_bad_request_is_answered_as_by_vhostmd(channels: Channels, tmp_path: Path) -> None:
    assert (DATA / "virtio-invalid.response").read_bytes() == INVALID
    guest = Guest(tmp_path, "1-alpha")
    await joined(channels, guest)
    await guest.say(GET + GET)
    assert await guest.hear() == INVALID
    assert await guest.hears_nothing()
    await guest.say(b"x" * 600)
    assert await guest.hear() == INVALID
    await guest.say(b"\n\n")
    await guest.say(GET)
    assert await guest.hear() == REPLY
    guest.close()


async def test_new_metrics_are_answered_on_the_open_channel(
    channels: Channels, tmp_path: Path
) -> None:
    guest = Guest(tmp_path, "1-alpha")
    await joined(channels, guest)
    channels.update({1: UUID}, {UUID: Content((), ())})
    await guest.say(GET)
    assert await guest.hear() == (
        b"<metrics>\n<!-- host metrics not available --><!-- VM metrics not available -->"
        b"</metrics>\n\n"
    )
    guest.close()


async def test_a_guest_that_talks_without_a_pause_is_slowed_down(
    channels: Channels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "_BEFORE_REPLY_S", 0.0)  # the slowing down is the bucket's
    guest, begun = Guest(tmp_path, "1-alpha"), monotonic()
    await joined(channels, guest)
    for _ in range(44):  # 40 at once, then 4 a second
        await guest.say(GET)
        await guest.hear()
    assert monotonic() - begun >= 0.75
    guest.close()


async def test_a_guest_that_does_not_read_is_let_go(
    channels: Channels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "_SEND_LIMIT_S", 0.1)
    long = Content((Metric("A", "x" * (1 << 20)),), ())
    guest = Guest(tmp_path, "1-alpha")
    await joined(channels, guest)
    channels.update({1: UUID}, {UUID: long})
    await guest.say(GET)
    await all_gone(channels)
    guest.close()


async def test_after_a_hang_up_the_next_metrics_bring_the_channel_back(
    channels: Channels, tmp_path: Path
) -> None:
    guest = Guest(tmp_path, "1-alpha")
    await joined(channels, guest)
    guest.hang_up()
    await all_gone(channels)
    channels.scan()
    assert channels.connected == 0
    await joined(channels, guest)
    await guest.say(GET)
    assert await guest.hear() == REPLY
    guest.close()


async def test_a_domain_without_new_metrics_expires(
    channels: Channels, tmp_path: Path, clock: Clock
) -> None:
    guest = Guest(tmp_path, "1-alpha")
    await joined(channels, guest)
    clock.now = 15.0
    channels.update({}, {})
    assert channels.connected == 1
    clock.now = 15.1
    channels.update({}, {})
    assert await guest.hear() == b""
    assert channels.connected == 0
    guest.close()


async def test_another_domain_with_the_same_id_gets_nothing_of_the_first(
    channels: Channels, tmp_path: Path
) -> None:
    guest = Guest(tmp_path, "1-alpha")
    await joined(channels, guest)
    own = Metric("B", "3", context="vm", domain_id=1, uuid=OTHER)
    channels.update({1: OTHER}, {OTHER: Content((), (own,))})
    assert await guest.hear() == b""
    channels.scan()
    await guest.accept()
    await guest.say(GET)
    heard = await guest.hear()
    assert OTHER.encode() in heard
    assert UUID.encode() not in heard
    guest.close()


async def test_no_more_domains_than_configured(channels: Channels, tmp_path: Path) -> None:
    guests = [Guest(tmp_path, f"{number}-x") for number in (1, 2, 3)]
    content = Content((), ())
    channels.update({n: f"{n}" for n in (1, 2, 3)}, {f"{n}": content for n in (1, 2, 3)})
    channels.scan()
    assert channels.connected == 2
    for guest in guests:
        guest.close()


async def test_what_is_no_socket_of_a_known_domain_is_left_alone(
    channels: Channels, tmp_path: Path
) -> None:
    stale = Guest(tmp_path, "domain-1-dead")
    stale.close()
    unknown = Guest(tmp_path, "9-unknown")
    (tmp_path / "1-file").mkdir()
    (tmp_path / "1-file" / CHANNEL).touch()
    (tmp_path / "1-link").mkdir()
    (tmp_path / "1-link" / CHANNEL).symlink_to(unknown.path)
    (tmp_path / "1-linked").symlink_to(unknown.path.parent)
    (tmp_path / "x-1").mkdir()
    channels.update({1: UUID}, {UUID: CONTENT})
    channels.scan()
    assert channels.connected == 0
    living = Guest(tmp_path, "1-z")
    channels.scan()
    await living.accept()
    assert channels.connected == 1
    for guest in (unknown, living):
        guest.close()


def test_a_path_of_any_length_can_be_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(deep)
        listener.bind(CHANNEL)
        listener.listen(1)
        connection = connect(deep)
        assert connection is not None
        connection.close()


async def test_the_configured_place_comes_first_and_the_known_ones_after(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    guest = Guest(old, "domain-1-alpha")
    made = Channels(Virtio(str(new)), places=(new, old))
    made.update({1: UUID}, {UUID: CONTENT})
    made.scan()
    await guest.accept()
    assert made.connected == 1
    guest.close()
