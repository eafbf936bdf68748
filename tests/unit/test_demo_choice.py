"""The demo host is shown where it is asked for, and by itself only where no libvirt can be."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.commands import command
from vconsole.features.doctor.host.connection import _connected
from vconsole.files.demo import demo_files
from vconsole.files.places import state_dir
from vconsole.host import errors, here
from vconsole.host.here import Here
from vconsole.host.link import REFUSED, more_rights
from vconsole.model.host_state import Connection

Words = tuple[str, ...]
NOTHING = Here(answers=False, daemon="", manager="systemd", root=True)
CONTAINER = Here(answers=False, daemon="libvirtd", manager="", root=True)
STOPPED = Here(answers=False, daemon="libvirtd", manager="systemd", root=True)
RUNNING = Here(answers=True, daemon="virtqemud", manager="systemd", root=True)
A_USERS = Here(answers=False, daemon="libvirtd", manager="", root=False)


@pytest.fixture(autouse=True)
def no_uri_from_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("VIRSH_DEFAULT_CONNECT_URI", "LIBVIRT_DEFAULT_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def by_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests: a user's host, where none is named, is that of the session."""
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.mark.parametrize(
    ("found", "demo"),
    [(NOTHING, True), (CONTAINER, True), (STOPPED, False), (RUNNING, False), (A_USERS, False)],
)
def test_by_itself_only_where_no_libvirt_can_be(found: Here, demo: bool) -> None:
    assert here.demo_is_all_there_is(None, found) is demo
    assert not here.demo_is_all_there_is("", found), "an empty -c is not no -c"
    assert not here.demo_is_all_there_is("qemu:///system", found)


def test_a_uri_of_the_environment_is_a_host_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu:///system")
    assert not here.demo_is_all_there_is(None, NOTHING)


@pytest.mark.parametrize(
    ("found", "uri", "words"),
    [
        (STOPPED, None, "systemctl start libvirtd"),
        (Here(False, "virtqemud", "systemd", True), "qemu:///system", "start virtqemud.socket"),
        (CONTAINER, "", "libvirtd -d"),
        (NOTHING, "qemu:///system", "no libvirt daemon is installed"),
        (NOTHING, "qemu:///system", "apt install libvirt-daemon-system"),
        (Here(False, "virtqemud", "systemd", False), "qemu:///system", "sudo systemctl start"),
    ],
)
@pytest.mark.usefixtures("by_root")
def test_the_cure(found: Here, uri: str | None, words: str) -> None:
    assert words in here.cure(uri, found)


def test_the_cure_of_a_refusal_is_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    user = Here(answers=True, daemon="virtqemud", manager="systemd", root=False)
    monkeypatch.setattr(here, "_groups", lambda: frozenset({"libvirt"}))
    monkeypatch.setenv("USER", "anna")
    words = here.cure("qemu:///system", user, refused=True)
    assert words.startswith("sudo usermod -aG libvirt anna")
    monkeypatch.setattr(here, "_groups", lambda: frozenset({"wheel"}))
    assert "Polkit" in here.cure("qemu:///system", user, refused=True)
    assert "journalctl -u virtqemud" in here.cure(None, RUNNING, refused=True)


def test_the_cure_of_a_host_whose_system_bus_is_down() -> None:
    words = "Unable to get system bus connection: Could not connect: No such file or directory"
    user = Here(answers=True, daemon="libvirtd", manager="systemd", root=False)
    assert errors.busless(RuntimeError(words))
    cure = here.cure("qemu:///system", user, busless=True)
    assert "sudo systemctl start dbus; sudo systemctl restart libvirtd; for once: sudo" in cure
    other = Here(answers=True, daemon="virtqemud", manager="", root=False)
    assert "must run before virtqemud is started; for" in here.cure(None, other, busless=True)
    assert here.cure("qemu+ssh://far/system", user, busless=True) == ""


@pytest.mark.parametrize(
    ("uri", "reason", "cured"),
    [
        ("qemu:///system", f"{REFUSED}: authentication failed", True),
        ("qemu:///system", "--read-only was given", False),
        ("qemu+ssh://far/system", f"{REFUSED}: authentication failed", False),
    ],
)
def test_who_may_only_read_has_the_same_cure_everywhere(
    uri: str, reason: str, cured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = Here(answers=True, daemon="", manager="systemd", root=False)
    monkeypatch.setattr(here, "look", lambda: user)
    monkeypatch.setattr(here, "_groups", lambda: frozenset({"libvirt"}))
    assert more_rights(uri, reason).startswith("sudo usermod") is cured
    known = Connection(uri, "QEMU", read_only=True, read_only_reason=reason)
    link: Any = SimpleNamespace(connection=known)
    assert _connected(link).cure == more_rights(uri, reason)


@pytest.mark.parametrize(
    ("sockets", "uri"),
    [
        (("virtqemud-sock",), "qemu:///system"),
        (("virtqemud-sock", "libvirt-sock"), None),
        (("libvirt-sock",), None),
        ((), None),
    ],
)
def test_where_only_virtqemud_listens_roots_default_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sockets: Words, uri: str | None
) -> None:
    monkeypatch.setattr(here, "_uri_default", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    run = tmp_path / "run/libvirt"
    run.mkdir(parents=True)
    monkeypatch.chdir(run)  # the path of a socket is short
    with ExitStack() as stack:
        for name in sockets:
            stack.enter_context(socket.socket(socket.AF_UNIX)).bind(name)
        assert here.modular_uri(tmp_path) == uri


def test_a_socket_that_nobody_listens_on_is_restarted() -> None:
    assert here.cure("qemu:///system", RUNNING) == ""
    assert "systemctl restart virtqemud.socket" in here.cure("qemu:///system", RUNNING, dead=True)


def test_what_is_stopped_is_started_whatever_other_sockets_are_there() -> None:
    """Those of the user's own daemon, and those for reading that a stopped libvirtd leaves."""
    words = here.cure("qemu:///system", RUNNING, gone=True)
    assert words == "start it: systemctl start virtqemud.socket"
    assert here.cure("qemu:///session", A_USERS, gone=True) == "start it: libvirtd -d"


@pytest.mark.parametrize("uri", ["qemu+ssh://far/system", "test:///nowhere.xml", "esx://far"])
def test_hosts_elsewhere_have_no_cure_here(uri: str) -> None:
    assert here.cure(uri, STOPPED) == ""


def machine(root: Path, first: str, *files: str) -> Path:
    """A machine with these files, whose first process has this name."""
    for name in ("proc/1/comm", *files):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(first + "\n")
    return root


def test_what_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = here.look(machine(tmp_path, "bash", "usr/sbin/virtqemud"), {})
    assert (found.answers, found.daemon, found.manager) == (False, "virtqemud", "")
    (tmp_path / "run/libvirt").mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # the path of a socket is short
        server.bind("run/libvirt/virtqemud-sock")
        assert here.look(tmp_path, {}).answers
    machine(tmp_path, "systemd")
    assert here.look(tmp_path, {}).manager == "systemd"


@pytest.mark.usefixtures("by_root")
@pytest.mark.parametrize(
    "link", ["sockets.target.wants/virtqemud.socket", "multi-user.target.wants/virtqemud.service"]
)
def test_where_both_kinds_of_daemons_are_installed_the_enabled_one_is_meant(
    tmp_path: Path, link: str
) -> None:
    root = machine(tmp_path, "systemd", "usr/sbin/libvirtd", "usr/sbin/virtqemud")
    assert here.look(root, {}).daemon == "libvirtd"
    path = root / "etc/systemd/system" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(f"/usr/lib/systemd/system/{path.name}")
    assert here.look(root, {}).daemon == "virtqemud"
    assert "virtqemud.socket" in here.cure(None, here.look(root, {}))


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand where libvirt's sockets are somewhere else, and none."""
    return command(*words, **{"LIBVIRT_DEFAULT_URI": "", **env})


DESTROY = ("destroy", "web-01", "--yes")


@pytest.mark.parametrize("words", [("show", "domains"), DESTROY, ("net", "list", "a")], ids=str)
def test_no_subcommand_answers_for_a_host_that_is_not_there(words: Words, tmp_path: Path) -> None:
    """The socket is named, so that a libvirt of this machine is not asked."""
    uri = f"qemu+unix:///system?socket={tmp_path}/none"
    for given in (("-c", uri, *words), words):
        done = run(*given, LIBVIRT_DEFAULT_URI=uri)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("vconsole: cannot connect: ")
        assert done.stderr.count("\n") == 1


def test_with_demo_they_use_it_and_leave_nothing_behind(tmp_path: Path) -> None:
    done = run("--demo", *DESTROY, XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "applied" in done.stdout
    assert list(tmp_path.iterdir()) == [], "no line of it in the activity log"


COMMANDS = (
    ("show", "domains"),
    ("show", "host", "--json"),
    ("show", "pins"),
    ("pin", "web-02", "8-11"),
    ("pool", "list"),
    ("volume", "list", "default"),
    ("disk", "list", "web-01"),
    ("net", "list", "web-01"),
    ("snapshot", "list", "web-01"),
    ("agent", "info", "web-01"),
    ("hostinfo", "explain", "web-01"),
    ("diff", "--all"),
    ("memory", "web-01", "6GiB", "--live"),
    ("metrics", "show"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_subcommand_on_the_demo_says_something_and_leaves_no_file(
    words: Words, tmp_path: Path
) -> None:
    places = {name: str(tmp_path) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "TMPDIR")}
    done = run(*words, "--demo", **places)
    assert done.stdout, done.stderr
    assert done.stderr == ""
    assert list(tmp_path.rglob("*")) == []


def test_the_demos_files_are_its_own(no_uri_from_elsewhere: Callable[[], None]) -> None:
    before = state_dir()
    with demo_files() as files:
        directory = state_dir()
        assert directory is not None
        assert directory != before
        assert {path.parent for path in files.values()} == {directory}
    assert state_dir() == before
    assert not directory.exists()
