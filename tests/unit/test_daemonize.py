"""A daemon's start: the word it owes the foreground, its pid file, its rights, systemd."""

from __future__ import annotations

import fcntl
import os
import pwd
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from vconsole.daemon import daemonize
from vconsole.daemon.daemonize import PidFile, StartError, drop_privileges, find_user, notify

NOBODY = "nobody"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def run(code: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run a program that puts itself into the background; waits for its foreground only."""
    imports = "import os, time\nfrom pathlib import Path\nfrom vconsole.daemon.daemonize import *"
    program = f"{imports}\n{code}"
    return subprocess.run([python, "-c", program], capture_output=True, text=True, timeout=60)


def wait_for(path: Path) -> str:
    end = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return path.read_text()


def test_the_foreground_ends_well_once_the_background_says_so(tmp_path: Path) -> None:
    out = tmp_path / "out"
    facts = "[os.getpid(), os.getsid(0), os.getcwd(), os.readlink('/proc/self/fd/2')]"
    code = f"launch = detach()\nlaunch.succeeded()\nPath({str(out)!r}).write_text(repr({facts}))"
    done = run(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pid, session, directory, stderr = eval(wait_for(out))
    assert session not in (pid, os.getsid(0)), "no session leader: it never gets a terminal again"
    assert (directory, stderr) == ("/", "/dev/null")


def test_the_foreground_tells_why_the_background_failed() -> None:
    done = run("detach().failed('no such thing: make one')")
    assert done.returncode == 1
    assert done.stderr.endswith(": no such thing: make one\n")


def test_a_background_that_dies_without_a_word_is_a_failure() -> None:
    done = run("detach()\nos._exit(0)")
    assert done.returncode == 1
    assert "ended without a word" in done.stderr


def test_a_pid_file_names_the_process_and_is_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with PidFile(path):
        assert path.read_text() == f"{os.getpid()}\n"
    assert not path.exists()


def test_a_second_daemon_does_not_start_and_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with PidFile(path):
        with pytest.raises(StartError, match="runs already"), PidFile(path):
            pass
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_pid_file_of_a_dead_daemon_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text("4294967295 and more than a number has\n")
    with PidFile(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_pid_file_is_no_way_to_write_elsewhere(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "pid").symlink_to(precious)
    with pytest.raises(StartError, match="no pid file"), PidFile(tmp_path / "pid"):
        pass
    assert precious.read_text() == "mine"


def test_a_file_that_its_owner_removes_while_we_wait_for_it_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our open and our lock the other daemon ends: it unlinks the file we have open."""
    path, lock = tmp_path / "pid", fcntl.flock
    path.write_text("1\n")
    calls = []

    def unlink_first(descriptor: int, operation: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            path.unlink()
        lock(descriptor, operation)

    monkeypatch.setattr("fcntl.flock", unlink_first)
    with PidFile(path):
        assert path.read_text() == f"{os.getpid()}\n"
    assert len(calls) == 2


@pytest.mark.parametrize("name", ["root", "no-such-user", "a\0b"])
def test_some_users_are_refused(name: str) -> None:
    with pytest.raises(StartError, match="--user"):
        find_user(name)


def test_a_user_in_the_group_of_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    user = pwd.struct_passwd(("x", "x", 1000, 0, "", "/", "/bin/sh"))
    monkeypatch.setattr("pwd.getpwnam", lambda _name: user)
    with pytest.raises(StartError, match="rights of root"):
        find_user("x")


def for_all_users() -> str | None:
    """A Python of this version that every user can read, where they can read the program too."""
    programs = Path(daemonize.__file__).parents
    for found in (sys.executable, "/usr/bin/python3"):
        code = f"import os, sys; print(os.__file__, sys.version_info[:2] == {sys.version_info[:2]})"
        with suppress(OSError):
            said = subprocess.run([found, "-c", code], capture_output=True, text=True).stdout
            path, _, new = said.rstrip().rpartition(" ")
            if new == "True" and all(
                p.stat().st_mode & 0o005 for p in (*Path(path).parents, *programs)
            ):
                return found
    return None


@as_root
def test_dropped_rights_cannot_be_had_again() -> None:
    if (python := for_all_users()) is None:
        pytest.skip("another user than root can read no Python here, or not the program")
    done = run(
        f"drop_privileges(find_user({NOBODY!r}))\n"
        "print(os.getresuid(), os.getresgid(), 0 in os.getgroups())\n"
        "try: os.setuid(0)\nexcept PermissionError: print('never')",
        python,
    )
    user = pwd.getpwnam(NOBODY)
    uids, gids = (user.pw_uid,) * 3, (user.pw_gid,) * 3
    assert done.stdout == f"{uids} {gids} False\nnever\n"


@as_root
def test_a_user_who_cannot_read_the_program_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    package = tmp_path / "vconsole"
    package.mkdir()
    (package / "daemonize.py").write_bytes(Path(daemonize.__file__).read_bytes())
    done = run(
        "import sys, vconsole.daemon; del sys.modules['vconsole.daemon.daemonize']\n"
        f"vconsole.daemon.__path__ = [{str(package)!r}]\n"
        "from vconsole.daemon.daemonize import *\n"
        f"drop_privileges(find_user({NOBODY!r}))"
    )
    assert "StartError: --user nobody: may not read " in done.stderr


def test_rights_that_cannot_be_dropped_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_gid: int) -> None:
        raise PermissionError(1, "no")

    monkeypatch.setattr("os.setgid", denied)
    with pytest.raises(StartError, match="only root"):
        drop_privileges(find_user(NOBODY))


@pytest.fixture(params=["path", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """What listens at NOTIFY_SOCKET."""
    name = str(tmp_path / "n") if request.param == "path" else f"@vconsole-test-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(name.replace("@", "\0", 1))
        made.settimeout(30)
        yield made


def test_systemd_is_told(systemd: socket.socket) -> None:
    notify("READY=1")
    assert systemd.recv(100) == b"READY=1"
    daemonize.notify_reloading()
    first, second = systemd.recv(100).split(b"\n")
    assert first == b"RELOADING=1"
    assert int(second.removeprefix(b"MONOTONIC_USEC=")) > 0


@pytest.mark.parametrize("address", ["", "relative", "/nonexistent/socket"])
def test_nobody_who_listens_is_no_error(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


def test_a_lock_that_goes_in_a_moment_is_waited_for(tmp_path: Path) -> None:
    """A killed daemon's files are closed in any order: its pipe may go before its lock."""
    path = tmp_path / "pid"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        late = threading.Timer(0.05, lambda: fcntl.flock(file, fcntl.LOCK_UN))
        late.start()
        daemonize._remove(path, path.lstat())
        late.join()
    assert not path.exists()
