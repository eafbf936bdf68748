"""hostinfod against real sockets: who is served, by which rules, and what a guest cannot do."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from bench.silent import SilentServer
from tests.follower import Follower
from tests.unit.hostinfo_port import Bench, Port, bench
from vconsole.daemon.daemonize import StartError
from vconsole.features.hostinfo.daemon import connection, guests
from vconsole.features.hostinfo.daemon.sockets import ConnectError, Directory, DirectoryError
from vconsole.features.hostinfo.daemon.status import StatusError, read_status
from vconsole.features.hostinfo.daemon.status_server import MAX_CLIENTS, StatusServer, listening
from vconsole.features.hostinfo.daemon.verdicts import Verdicts

FREE = "*:\n  interval = 0\n"


@pytest.fixture
async def host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(guests, "RETRIES_S", (0.05, 0.1))
    async with bench() as made:
        yield made


# -- who is served -------------------------------------------------------------------------------


async def test_guests_that_are_there_are_served_by_the_defaults(host: Bench) -> None:
    port = await host.port("qemu-web")
    async with host.running():
        assert (await port.ask("physcpus")).startswith("210 physcpus ")
        assert (await port.ask("load")).startswith("429 too soon")
        assert await port.ask("hostname") == "403 hostname not permitted\r\n"


async def watched(host: Bench) -> None:
    """Wait until somebody watches: what came before that is found by the patrol."""
    for number in range(60):
        (host.directory / f"qemu-try{number}").touch()
        with suppress(AssertionError):
            await host.until(partial(host.guest, f"qemu-try{number}"), 0.5)
            return
    pytest.fail("nobody watches")


async def test_a_guest_that_comes_goes_and_comes_again_is_noticed_at_once(
    host: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the patrol, which does not come in time."""
    monkeypatch.setattr("vconsole.features.hostinfo.daemon.daemon.PATROL_S", 600)
    async with host.running():
        await watched(host)
        port = await host.port("qemu-web")
        await port.connected()
        assert (await port.ask("load")).startswith("210")
        await port.close()
        await host.until(lambda: not host.guest("qemu-web"))
        port = await host.port("qemu-web")
        await port.connected()
        assert (await port.ask("load")).startswith("429"), "its interval goes on"


async def test_a_lost_connection_is_made_again_and_the_interval_goes_on(host: Bench) -> None:
    host.write("*:\n  interval = 60\n")
    port = await host.port("qemu-web")
    async with host.running():
        assert (await port.ask("load")).startswith("210")
        await port.hang_up()
        assert (await port.ask("load")).startswith("429 too soon retry=")
        assert port.connections == 2


async def test_the_directory_may_come_later_and_be_replaced(host: Bench) -> None:
    host.directory.rmdir()
    async with host.running():
        assert "install -d" in host.daemon.report()["directory"]["problem"]
        host.directory.mkdir(mode=0o755)
        first = await host.port("qemu-a")
        await first.connected()
        host.directory.rename(host.base / "old")
        host.directory.mkdir(mode=0o755)
        second = await host.port("qemu-b")
        await second.connected()
        await host.until(lambda: not host.guest("qemu-a"))


def refused_as_no_socket(host: Bench, name: str) -> bool:
    return "not a socket" in host.guest(name)["reason"]


async def test_what_is_no_guest_is_shown_with_the_reason(host: Bench) -> None:
    dead = await host.port("qemu-dead")
    await dead.close(unlink=False)
    (host.directory / "qemu-file").write_text("")
    outside = await Port(host.base / "outside").bind()
    (host.directory / "qemu-link").symlink_to(outside.path)
    async with host.running():
        await host.until(lambda: host.guest("qemu-dead")["state"] == "stale")
        for name in ("qemu-file", "qemu-link"):
            await host.until(partial(refused_as_no_socket, host, name))
        (host.directory / "qemu-file").unlink()
        port = await host.port("qemu-file")
        await port.connected()
    assert outside.connections == 0
    await outside.close()


async def test_a_socket_in_use_is_waited_for(host: Bench) -> None:
    raw = socket.socket(socket.AF_UNIX)
    raw.bind(str(host.directory / "qemu-web"))
    raw.listen(0)
    others = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    for other in others:
        other.setblocking(False)
        other.connect_ex(str(host.directory / "qemu-web"))
    async with host.running():
        await host.until(lambda: "in use" in host.guest("qemu-web")["reason"])
    for each in (raw, *others):
        each.close()


def test_a_directory_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(DirectoryError, match="chmod o-w"):
        Directory(tmp_path)
    link = tmp_path / "link"
    link.symlink_to("/var")
    with pytest.raises(DirectoryError):
        Directory(link)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused_and_a_group_is_warned_of(tmp_path: Path) -> None:
    os.chown(tmp_path, 0, 12345)
    tmp_path.chmod(0o771)
    with closing(Directory(tmp_path)) as directory:
        assert "group 12345 can replace any guest's socket" in directory.warning
    os.chown(tmp_path, 12345, 0)
    with pytest.raises(DirectoryError, match="chown root"):
        Directory(tmp_path)


async def test_a_directory_that_is_opened_to_everybody_ends_the_service(host: Bench) -> None:
    port = await host.port("qemu-web")
    async with host.running():
        await port.connected()
        host.directory.chmod(0o777)
        await host.until(lambda: not host.guest("qemu-web"))
        assert "chmod o-w" in host.daemon.report()["directory"]["problem"]


def test_an_entry_swapped_for_a_link_is_never_followed() -> None:
    """The name leads to a socket of the directory or to a link by turns; only the first counts."""
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as base:
        place, outside = Path(base, "d"), Path(base, "outside")
        place.mkdir(mode=0o755)
        inner, outer = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        inner.bind(f"{place}/inner")
        inner.listen(1)
        outer.bind(str(outside))
        outer.listen(1)
        outer.setblocking(False)
        Path(place, "link").symlink_to(outside)
        ending = threading.Event()

        def swap() -> None:
            while not ending.is_set():
                for source in ("link", "inner"):
                    os.link(place / source, place / "new", follow_symlinks=False)
                    os.rename(place / "new", place / "entry")

        os.link(place / "inner", place / "entry")
        thread = threading.Thread(target=swap)
        thread.start()
        results = set[str]()
        with closing(Directory(place)) as directory:
            tried, end = 0, monotonic() + 30
            while tried < 2000 or (len(results) < 2 and monotonic() < end):
                tried += 1
                try:
                    directory.connect("entry").close()
                    inner.accept()[0].close()
                    results.add("connected")
                except ConnectError as error:
                    results.add(str(error))
        ending.set()
        thread.join()
        with pytest.raises(BlockingIOError):
            outer.accept()
        inner.close()
        outer.close()
    assert results <= {"connected", "it is not a socket: remove it", "No such file or directory"}
    assert len(results) >= 2


def test_five_thousand_entries_are_listed(tmp_path: Path) -> None:
    for number in range(5000):
        os.mknod(tmp_path / f"qemu-{number:04}")
    with closing(Directory(tmp_path)) as directory:
        listing = directory.list()
        assert len(listing.entries) == 5000
        assert listing.left_out == 0


# -- the rules -----------------------------------------------------------------------------------


async def test_new_rules_hold_at_once_and_nobody_is_disconnected(
    host: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the patrol, which does not come in time."""
    monkeypatch.setattr("vconsole.features.hostinfo.daemon.daemon.PATROL_S", 600)
    host.write(FREE)
    port = await host.port("qemu-web")
    async with host.running():
        assert (await port.ask("load")).startswith("210")
        await watched(host)
        host.write("qemu-web:\n  interval = 60\n  load = 0\n")
        await host.until(lambda: host.guest("qemu-web")["rule"]["interval_s"] == 60)
        assert await port.ask("load") == "403 load not permitted\r\n"
        assert await port.ask("HELLO") == "220 hostinfo 1 interval=60\r\n"
        assert port.connections == 1


async def test_what_changed_is_logged_for_whom(
    host: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    host.write("*:\n  interval = 1\n")
    for name in ("qemu-a", "qemu-b"):
        await host.port(name)
    caplog.set_level("INFO")
    async with host.running():
        await host.until(lambda: host.guest("qemu-a") and host.guest("qemu-b"))
        host.write("qemu-a:\n  interval = 9\n  guests = 1\n*:\n  physcpus = 1\n")
        await host.until(lambda: host.guest("qemu-a")["rule"]["interval_s"] == 9)
        await host.until(lambda: "interval 1 -> 9" in caplog.text)
    assert "qemu-a: interval 1 -> 9 s; may see guests" in caplog.text
    assert "qemu-b: interval" not in caplog.text


async def test_a_bad_line_leaves_the_last_good_rules_in_force(
    host: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    host.write("*:\n  interval = 60\n")
    port = await host.port("qemu-web")
    async with host.running():
        await port.connected()
        host.write("*:\n  interval = often\n")
        await host.until(lambda: host.daemon.report()["rules"]["problem"])
        assert host.daemon.report()["rules"]["problem"].startswith(f"{host.conf}, line 2: ")
        assert "the rules as they were before stay in force" in caplog.text
        assert await port.ask("HELLO") == "220 hostinfo 1 interval=60\r\n"
        host.write("*:\n  interval = 5\n")
        await host.until(lambda: host.guest("qemu-web")["rule"]["interval_s"] == 5)
        assert host.daemon.report()["rules"]["problem"] == ""


async def test_rules_that_go_away_stay_in_force(host: Bench) -> None:
    host.write("*:\n  interval = 60\n")
    port = await host.port("qemu-web")
    async with host.running():
        host.conf.unlink()
        await host.until(lambda: "is gone" in host.daemon.report()["rules"]["problem"])
        assert await port.ask("HELLO") == "220 hostinfo 1 interval=60\r\n"


async def test_without_any_good_rules_nothing_is_told(host: Bench) -> None:
    host.write("interval = 1\n")
    port = await host.port("qemu-web")
    async with host.running():
        assert await port.ask("physcpus") == "403 physcpus not permitted\r\n"
        host.write("")
        await host.until(lambda: host.guest("qemu-web")["rule"]["permitted"])
        assert (await port.ask("physcpus")).startswith("210")


async def test_without_inotify_changes_are_noticed_by_looking(
    host: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_paths: object, **_options: object) -> None:
        raise OSError(28, "no more watches")

    monkeypatch.setattr("watchfiles.awatch", full)
    monkeypatch.setattr("vconsole.features.hostinfo.daemon.daemon.PATROL_S", 0.05)
    async with host.running():
        port = await host.port("qemu-web")
        await port.connected()
        host.write("*:\n  interval = 60\n")
        await host.until(lambda: host.guest("qemu-web")["rule"]["interval_s"] == 60)
        host.directory.chmod(0o777)
        await host.until(lambda: not host.guest("qemu-web"))


async def test_when_no_more_files_can_be_open_guests_wait(
    host: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = await host.port("qemu-web")

    def full(*_arguments: object) -> None:
        raise OSError(24, "Too many open files")

    async with host.running():
        await port.connected()
        monkeypatch.setattr("vconsole.features.hostinfo.daemon.sockets.socket.socket", full)
        await port.hang_up()
        await host.until(lambda: "raise LimitNOFILE" in host.guest("qemu-web")["reason"])
        monkeypatch.undo()
        await host.until(lambda: host.guest("qemu-web")["state"] == "connected")


async def test_a_file_being_written_is_not_read_half(host: Bench) -> None:
    host.write("*:\n  interval = 60\n")
    port = await host.port("qemu-web")
    seen = set()
    async with host.running():
        await port.connected()
        for _ in range(5):
            with host.conf.open("w") as file:  # truncates: an empty file grants the defaults
                await asyncio.sleep(0.02)
                file.write("*:\n  interval = 60\n")
            for _ in range(20):
                seen.add(host.guest("qemu-web")["rule"]["interval_s"])
                await asyncio.sleep(0.01)
    assert seen == {60.0}


# -- hostile guests ------------------------------------------------------------------------------


async def test_a_flood_delays_nobody_else_and_is_held_back(host: Bench) -> None:
    host.write(FREE)
    honest, hostile = await host.port("qemu-honest"), await host.port("qemu-hostile")
    async with host.running():
        await honest.connected()
        flood = asyncio.create_task(hostile.send(b"\0\xff no end" * 200_000))
        loop, waits = asyncio.get_running_loop(), list[float]()
        for _ in range(50):
            begun = loop.time()
            assert (await honest.ask("load")).startswith("210")
            waits.append(loop.time() - begun)
            await asyncio.sleep(0.005)
        assert sorted(waits)[25] < 0.25, "the machine may be busy, not always"
        assert not flood.done(), "what is not read stays with the guest"
        flood.cancel()


async def test_many_lines_too_many_are_answered_five_times(host: Bench) -> None:
    port = await host.port("qemu-web")
    async with host.running():
        await port.send(b"what is this\n" * 60)
        for _ in range(5):
            assert await port.line() == "400 bad request\r\n"
        with pytest.raises(TimeoutError):
            await port.line(0.2)


async def test_a_guest_that_takes_no_reply_is_not_read_and_then_disconnected(
    host: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TAKE_S", 0.3)
    for module in ("model.limiter", "daemon.connection"):
        monkeypatch.setattr(f"vconsole.features.hostinfo.{module}.INTAKE_BYTES", 1 << 20)
    host.write(FREE)
    path = host.directory / "qemu-deaf"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        async with host.running():
            deaf, _ = await asyncio.wait_for(loop.sock_accept(listener), 30)
            with deaf:
                sending = asyncio.create_task(loop.sock_sendall(deaf, b"ALL\n" * 100_000))
                await host.until(lambda: "took no reply" in host.guest("qemu-deaf")["reason"])
                sending.cancel()


async def test_a_byte_at_a_time_is_a_request_all_the_same(host: Bench) -> None:
    port = await host.port("qemu-slow")
    async with host.running():
        for byte in b"load":
            await port.send(bytes([byte]))
            await asyncio.sleep(0.02)
        assert (await port.ask("")).startswith("210 load")


async def test_a_thousand_guests_are_answered(host: Bench) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    if hard < 4096:
        pytest.skip(f"only {hard} files may be open")
    try:
        ports = [await host.port(f"qemu-vm{number:04}") for number in range(1000)]
        async with host.running():
            await asyncio.gather(*(port.connected(60) for port in ports))
            replies = await asyncio.gather(*(port.ask("physcpus", 60) for port in ports))
            assert {reply[:13] for reply in replies} == {"210 physcpus "}
            replies = await asyncio.gather(*(port.ask("GUESTS", 60) for port in ports))
            assert set(replies) == {"403 guests not permitted\r\n"}
            document = await asyncio.to_thread(read_status, host.status, 60)
            assert document["daemon"]["guests"] == {"connected": 1000}
            assert sum(guest["queries"] for guest in document["guests"]) == 1000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# -- libvirt -------------------------------------------------------------------------------------


def clause(path: str, port: int = 1) -> str:
    return (
        f"<serial type='unix'><source mode='bind' path='{path}'/><target port='{port}'/></serial>"
    )


def definition(name: str, *clauses: str) -> str:
    return (
        f"<domain type='test'><name>{name}</name><memory>1024</memory><vcpu>1</vcpu>"
        f"<os><type arch='i686'>hvm</type></os><devices>{''.join(clauses)}</devices></domain>"
    )


async def test_a_guest_with_a_wrong_definition_is_not_served_until_it_is_right(host: Bench) -> None:
    import libvirt

    right, wrong = "/var/lib/hostinfo/test-two", "/var/lib/hostinfo/test-else"
    conn = libvirt.open("test:///default")
    domain = conn.createXML(definition("two", clause(right), clause(wrong, 2)))
    try:
        port = await host.port("test-two")
        async with host.running("test:///default"):
            await host.until(lambda: host.guest("test-two")["state"] == "refused")
            assert "2 serial ports" in host.guest("test-two")["reason"]
            domain.destroy()
            domain = conn.createXML(definition("two", clause(right)))
            await host.until(lambda: host.guest("test-two")["state"] == "connected")
            assert host.guest("test-two")["uuid"] == domain.UUIDString()
            await host.until(lambda: not host.daemon.report()["libvirt"]["problem"])
            assert (await port.ask("load")).startswith("210")
    finally:
        domain.destroy()
        conn.close()


async def test_what_libvirt_knows_is_told_where_it_is_permitted(host: Bench) -> None:
    host.write("*:\n  interval = 0\n  guests = 1\n  hypervisor = 1\n  libvirt = 1\n")
    port = await host.port("test-x")
    async with host.running("test:///default"):
        await host.until(lambda: not host.daemon.report()["libvirt"]["problem"])
        while not (reply := await port.ask("guests")).startswith("210"):
            assert reply == "503 guests unavailable\r\n", "as long as no sample was taken since"
            await asyncio.sleep(0.3)
        assert int(reply.split()[2]) >= 1
        assert (await port.ask("hypervisor")).startswith("210 hypervisor TEST")
        assert (await port.ask("libvirt")).startswith("210 libvirt ")


async def test_a_libvirt_that_hangs_delays_no_answer(host: Bench) -> None:
    host.write("*:\n  interval = 0\n  guests = 1\n")
    port = await host.port("qemu-web")
    with SilentServer(host.base / "silent") as silent:
        async with host.running(silent.uri):
            await host.until(lambda: silent.accepted)
            assert (await port.ask("load", 20.0)).startswith("210")
            assert await port.ask("guests", 20.0) == "503 guests unavailable\r\n"


# -- a socket that several domains claim ---------------------------------------------------------

OWNER, INTRUDER = "aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"
CLAIMED = Verdicts(
    {INTRUDER: "ttyS1 is another's: repair it"},
    {"qemu-web": frozenset((OWNER, INTRUDER))},
    {OWNER: "web", INTRUDER: "copy"},
)


@pytest.mark.parametrize("behind", [OWNER, INTRUDER, None])
async def test_a_domain_with_another_s_path_does_not_cost_its_owner_the_service(
    host: Bench, monkeypatch: pytest.MonkeyPatch, behind: str | None
) -> None:
    monkeypatch.setattr(guests, "domain_of", lambda _pid: behind)
    async with host.running():
        host.daemon.guests.judge(CLAIMED)
        port = await host.port("qemu-web")
        if behind == OWNER:
            assert (await port.ask("load")).startswith("210")
            return
        await host.until(lambda: host.guest("qemu-web").get("state") == "refused")
        assert host.guest("qemu-web")["reason"] == (
            "domain copy has it: ttyS1 is another's: repair it"
            if behind
            else "web and copy have it, copy by mistake: ttyS1 is another's: repair it"
        )


# -- the status socket ---------------------------------------------------------------------------


async def test_the_console_reads_what_each_guest_did(host: Bench) -> None:
    host.write("qemu-*:\n  interval = 60\n")
    port = await host.port("qemu-web")
    async with host.running():
        await port.ask("load")
        await port.ask("load")
        document = await asyncio.to_thread(read_status, host.status, 30.0, "qemu-web")
        (guest,) = document["guests"]
        assert guest["rule"]["pattern"] == "qemu-*"
        assert guest["rule"]["line"] == 1
        assert (guest["queries"], guest["refusals"]) == (1, 1)
        assert 50 < guest["next_allowed_s"] <= 60
        assert [(e["request"], e["code"]) for e in guest["recent"]] == [
            ("load", 210),
            ("load", 429),
        ]
        assert document["daemon"]["rules"]["in_force_since"]
        assert document["daemon"]["libvirt"]["problem"]
        assert (await asyncio.to_thread(read_status, host.status, 30.0, "nobody"))["guests"] == []
        assert host.status.stat().st_mode & 0o777 == 0o660
    assert not host.status.exists()


async def test_the_console_follows_one_guest(host: Bench) -> None:
    host.write(FREE)
    web, other = await host.port("qemu-web"), await host.port("qemu-other")
    async with host.running():
        await web.connected()
        with await asyncio.to_thread(Follower, host.status, "qemu-web") as follower:
            await asyncio.to_thread(lambda: list(follower.read(0.05)))
            await other.ask("load")
            await web.ask("memtotal")
            found = await asyncio.to_thread(lambda: list(follower.read(30)))
            assert [(e["guest"], e["request"]) for e in found] == [("qemu-web", "memtotal")]
            assert await asyncio.to_thread(lambda: list(follower.read(0.05))) == []


async def test_a_follower_that_leaves_is_forgotten(host: Bench) -> None:
    port = await host.port("qemu-web")
    async with host.running():
        await port.connected()
        for _ in range(3 * MAX_CLIENTS):
            (await asyncio.to_thread(Follower, host.status)).close()
        await host.until(lambda: not host.daemon.report()["followers"])
        assert (await asyncio.to_thread(read_status, host.status))["guests"]


@pytest.mark.parametrize("request_", ["", "statu", "guest ", "status x", "x" * 5000, "\xff\0"])
async def test_a_request_that_is_none_gets_an_error_or_the_end(host: Bench, request_: str) -> None:
    async with host.running():
        reader, writer = await asyncio.open_unix_connection(str(host.status))
        writer.write(request_.encode("latin-1") + b"\n")
        reply = await asyncio.wait_for(reader.read(4096), 30)
        assert not reply or json.loads(reply) == {"error": "bad request"}
        writer.close()
        assert (await asyncio.to_thread(read_status, host.status))["guests"] == []


def answers(path: Path) -> bool:
    try:
        return bool(read_status(path, 30.0))
    except StatusError:
        return False


async def test_clients_beyond_the_limit_are_sent_away(host: Bench) -> None:
    async with host.running():
        clients = [await asyncio.open_unix_connection(str(host.status)) for _ in range(MAX_CLIENTS)]
        for reader, writer in clients:
            writer.write(b"status\n")
            assert (await reader.readline()).startswith(b"{")
        with pytest.raises(StatusError):
            await asyncio.to_thread(read_status, host.status)
        for _, writer in clients:
            writer.close()
        while not await asyncio.to_thread(answers, host.status):
            await asyncio.sleep(0.01)


async def test_a_client_that_has_asked_and_not_read_does_not_hold_up_the_end(host: Bench) -> None:
    """The end comes while the answer is on its way: its cancellation must not get lost."""
    ends: list[asyncio.Task[None]] = []

    def report() -> dict[str, object]:
        ends.append(asyncio.create_task(server.stop()))
        return {}

    async with host.running():
        server = StatusServer(host.daemon.guests, report)
    with listening(host.base / "other") as listener:
        await server.start(listener)
        _, writer = await asyncio.open_unix_connection(str(host.base / "other"))
        writer.write(b"status\n")
        await host.until(lambda: bool(ends))
        await asyncio.wait_for(ends[0], 30)
        writer.close()


def test_a_status_socket_is_taken_over_only_from_the_dead(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with (
        listening(path),
        pytest.raises(StartError, match="another hostinfod answers"),
        listening(path),
    ):
        pass
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    with listening(path):
        assert [p.name for p in tmp_path.iterdir()] == ["s"]
    path.write_text("precious")
    with pytest.raises(StartError, match="something else is there"), listening(path):
        pass
    assert path.read_text() == "precious"


@pytest.mark.parametrize("answer", [b"[]\n", b"{\n", b"{}", b"\xff\n", b'{"error": "no"}\n'])
def test_an_answer_that_is_none_is_an_error(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(1)

        def serve() -> None:
            client = server.accept()[0]
            client.recv(100)
            client.sendall(answer)
            client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(StatusError, match=str(path)):
            read_status(path, 30.0)
        thread.join()


def test_no_daemon_and_a_silent_one_are_errors_in_time(tmp_path: Path) -> None:
    with pytest.raises(StatusError, match="does not run"):
        read_status(tmp_path / "none")
    with SilentServer(tmp_path / "s"), pytest.raises(StatusError, match="does not answer"):
        read_status(tmp_path / "s", 0.1)
