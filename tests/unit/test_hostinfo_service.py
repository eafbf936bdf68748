"""``vconsole hostinfod`` as a process: how it starts, reloads and ends."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import vconsole
from tests.unit.hostinfo_port import NOWHERE
from tests.unit.test_daemonize import for_all_users
from vconsole.daemon.daemonize import find_group
from vconsole.features.hostinfo.daemon.status import StatusError, read_status

DAEMON = (
    "import sys; from vconsole.features.hostinfo.daemon.service import main;"
    " sys.exit(main(sys.argv[1:]))"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


class Host:
    """A place for a daemon, and the daemons that were started in it."""

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="hostinfod-", dir="/tmp"))
        self.base.chmod(0o755)
        (self.base / "sockets").mkdir(mode=0o755)
        self.conf, self.status = self.base / "hostinfo.conf", self.base / "run/status.sock"
        self.pid_file = self.base / "pid"
        self.systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.systemd.bind(str(self.base / "notify"))
        (self.base / "notify").chmod(0o777)
        self.systemd.settimeout(60)
        self.python = sys.executable
        self.started: list[subprocess.Popen[str]] = []

    @property
    def env(self) -> dict[str, str]:
        """What any Python of this version needs to find the packages of this one."""
        paths = [str(Path(vconsole.__file__).parents[1]), sysconfig.get_path("platlib")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "NOTIFY_SOCKET": str(self.base / "notify"),
        }

    def argv(self, *options: str) -> list[str]:
        return [
            *(self.python, "-c", DAEMON, "-c", NOWHERE, *options),
            *("--hostinfo-conf", str(self.conf), "--directory", str(self.base / "sockets")),
            *("--status-socket", str(self.status), "--pid-file", str(self.pid_file)),
        ]

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start it in the foreground, as systemd does; returns when it says that it is ready."""
        self.started.append(
            subprocess.Popen(
                self.argv("-d", *options),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=self.env,
            )
        )
        assert self.told("READY=1")
        return self.started[-1]

    def told(self, word: str) -> str:
        """Wait until systemd is told that; the whole message."""
        while True:
            message = self.systemd.recv(1000).decode()
            if message.startswith(word):
                return message


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    made.systemd.close()
    shutil.rmtree(made.base, ignore_errors=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_it_ends_cleanly_when_it_is_told_to(host: Host, number: signal.Signals) -> None:
    process = host.start()
    assert host.pid_file.read_text() == f"{process.pid}\n"
    process.send_signal(number)
    host.told("STOPPING=1")
    code, out, _ = finished(process)
    assert code == 0
    assert out.endswith("ended\n")
    assert not host.status.exists()
    assert not host.pid_file.exists()


def test_a_hang_up_reads_the_rules_again(host: Host) -> None:
    host.conf.write_text("*:\n  interval = 1\n")
    process = host.start()
    before = read_status(host.status)["daemon"]["rules"]["in_force_since"]
    host.conf.write_text("*:\n  interval = 2\n")
    process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in host.told("RELOADING=1")
    host.told("READY=1")
    assert read_status(host.status)["daemon"]["rules"]["in_force_since"] > before


def test_systemd_hears_that_it_is_alive(host: Host) -> None:
    host.start()
    host.told("WATCHDOG=1")


def test_a_second_one_does_not_start_and_does_no_harm(host: Host) -> None:
    process = host.start()
    second = subprocess.run(host.argv("-d"), capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert "the daemon runs already" in second.stderr
    assert read_status(host.status)["daemon"]["pid"] == process.pid
    assert host.pid_file.read_text() == f"{process.pid}\n"


def test_in_the_background_the_command_ends_when_guests_are_served(host: Host) -> None:
    done = subprocess.run(host.argv(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pid = int(host.pid_file.read_text())
    try:
        assert read_status(host.status)["daemon"]["pid"] == pid
    finally:
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 60
    while host.pid_file.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    with pytest.raises(StatusError):
        read_status(host.status)


def test_a_start_in_the_background_that_fails_says_why(host: Host) -> None:
    host.status.parent.mkdir()
    host.status.mkdir()
    done = subprocess.run(host.argv(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "something else is there" in done.stderr


@as_root
def test_it_gives_up_the_rights_of_root(host: Host) -> None:
    if (python := for_all_users()) is None:
        pytest.skip("another user than root can read no Python here, or not the program")
    host.python = python
    process = host.start("--user", "nobody")
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    user = pwd.getpwnam("nobody")
    assert fields["Uid"].split() == [str(user.pw_uid)] * 4
    assert fields["Gid"].split() == [str(user.pw_gid)] * 4
    assert int(fields["CapEff"], 16) == 0
    status = host.status.stat()
    group = find_group(None)
    assert (status.st_uid, status.st_gid) == (user.pw_uid, 0 if group == -1 else group)
    assert status.st_mode & 0o777 == 0o660


def test_root_is_no_user_to_become(host: Host) -> None:
    done = subprocess.run(host.argv("-d", "-u", "root"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "rights of root" in done.stderr


def test_wrong_usage_is_2(host: Host) -> None:
    done = subprocess.run(host.argv("--nonsense"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2


def test_verbose_tells_who_comes(host: Host) -> None:
    process = host.start("-v")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(host.base / "sockets/qemu-web"))
        listener.listen(1)
        listener.settimeout(60)
        guest = listener.accept()[0]
        guest.sendall(b"PING\n")
        assert guest.recv(100) == b"200 pong\r\n"
        guest.close()
    process.terminate()
    assert "qemu-web: connected\n" in finished(process)[1]
