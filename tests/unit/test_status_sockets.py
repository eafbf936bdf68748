"""Who may ask the daemons how it goes, and what everybody else is told."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import socket
import stat
from pathlib import Path

import pytest

from vconsole.daemon import daemonize
from vconsole.daemon.daemonize import StartError, find_group, may_not_ask
from vconsole.features.hostinfo.daemon.status import StatusError, read_status
from vconsole.features.hostinfo.daemon.status_server import listening
from vconsole.features.hostinfo.words.rules import service_words
from vconsole.features.metrics.daemon import control
from vconsole.features.metrics.daemon.control import ControlError, ControlServer, ask_status, bind
from vconsole.features.metrics.model.status import DaemonStatus, Trial
from vconsole.host.uri import of_a_daemon

GROUP = grp.getgrgid(os.getegid())


def test_the_group_is_libvirt_s_if_no_other_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(daemonize, "LIBVIRT_GROUP", GROUP.gr_name)
    assert find_group(None) == GROUP.gr_gid
    monkeypatch.setattr(daemonize, "LIBVIRT_GROUP", "no-such-group")
    assert find_group(None) == -1
    assert find_group(GROUP.gr_name) == GROUP.gr_gid
    with pytest.raises(StartError, match="--socket-group no-such-group: there is no such group"):
        find_group("no-such-group")


def test_both_sockets_are_the_group_s_and_nobody_else_s(tmp_path: Path) -> None:
    with listening(tmp_path / "h", (-1, GROUP.gr_gid)), bind(tmp_path / "v", GROUP.gr_gid):
        for path in (tmp_path / "h", tmp_path / "v"):
            status = path.stat()
            assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, GROUP.gr_gid)
    with bind(tmp_path / "w"):
        assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o600


def test_who_may_not_ask_is_told_how_to_be_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: socket.socket, _address: str) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "s"
    path.touch()
    monkeypatch.setattr(grp, "getgrgid", lambda _gid: GROUP)
    monkeypatch.setattr(os, "stat", os.stat)
    assert "only root may ask: use sudo" in may_not_ask(tmp_path / "none")
    os.chown(path, -1, os.getegid())
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(StatusError, match="only root"):
        read_status(path)
    with pytest.raises(ControlError, match="only root"):
        ask_status(path)


async def test_a_group_may_ask_but_not_have_commands_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(_name: str, _context: str) -> Trial:
        return Trial((("A", "1"),))

    async def asked(question: str) -> dict[str, object]:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(
            json.dumps({"ask": question, "metric": "A", "context": "host"}).encode() + b"\n"
        )
        answer: dict[str, object] = json.loads(await reader.readline())
        writer.close()
        return answer

    server = ControlServer(lambda: DaemonStatus(7, "x", 1.0), test)
    serving = asyncio.create_task(server.serve(bind(tmp_path / "s")))
    assert (await asked("test"))["values"] == [["A", "1"]]
    monkeypatch.setattr(control, "_peer_uid", lambda _writer: os.geteuid() + 1)
    assert (await asked("status"))["pid"] == 7
    assert await asked("test") == {"problem": "only root may have a metric tested: use sudo"}
    serving.cancel()


@pytest.mark.parametrize(
    ("part", "problem", "words"),
    [
        ("libvirt", "no answer", "hostinfod runs, but libvirt: no answer"),
        ("directory", "/x: No such file", "hostinfod runs, but /x: No such file"),
    ],
)
def test_a_daemon_without_libvirt_or_directory_is_not_just_running(
    part: str, problem: str, words: str
) -> None:
    sound = {"rules": {"problem": ""}, "libvirt": {"problem": ""}, "directory": {"problem": ""}}
    assert service_words(sound, "") == ("hostinfod running", "good")
    assert service_words(sound | {part: {"problem": problem}}, "") == (words, "warn")


def test_a_host_daemon_is_the_system_s_whoever_it_runs_as() -> None:
    assert of_a_daemon(None, {}) == "qemu:///system"
    assert of_a_daemon(None, {"LIBVIRT_DEFAULT_URI": "lxc:///"}) == "lxc:///"
    assert of_a_daemon("test:///default", {"LIBVIRT_DEFAULT_URI": "lxc:///"}) == "test:///default"


def test_that_one_may_not_ask_comes_before_where_the_socket_is() -> None:
    words = service_words(None, "/run/x/hostinfod.sock: only root and group libvirt may ask: cure")
    assert words == ("hostinfod: only root and group libvirt may ask: cure", "warn")
