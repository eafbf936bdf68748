"""Snapshots on libvirt's test driver, and on a domain that fails as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from vconsole.changes.host_requests import HostRequests
from vconsole.features.snapshots.host import create as snapshotcreate
from vconsole.features.snapshots.host.snapshots import disks_of
from vconsole.features.snapshots.model.change import Then, Which, plan_delete, plan_revert
from vconsole.features.snapshots.model.create import (
    CreateSnapshot,
    Ground,
    Kind,
    ReadGround,
    Wish,
    plan_create,
)
from vconsole.features.snapshots.model.tree import ReadSnapshots, SnapshotList
from vconsole.host.link import Link, open_link
from vconsole.model.host_state import Connection
from vconsole.model.request import Reply

libvirt = pytest.importorskip("libvirt")

DOMAIN = """<domain type='test'><name>snapped-{uuid}</name><uuid>{uuid}</uuid>
<memory unit='MiB'>8</memory><os><type>hvm</type></os><devices>
<disk type='file' device='disk'><source file='{folder}/root.qcow2'/><target dev='vda' bus='virtio'/>
</disk></devices></domain>"""


class Lab:
    """A running domain, and the requests about it."""

    def __init__(self, folder: Path) -> None:
        self.uuid = str(uuid4())
        self.requests = HostRequests(lambda: open_link("test:///default", False, False, _nobody))
        self._ask = self.requests.handlers()
        self.conn: Any = libvirt.open("test:///default")
        self.domain = self.conn.defineXML(DOMAIN.format(uuid=self.uuid, folder=folder))
        self.domain.create()

    def ask(self, request: Any) -> Reply:
        return self._ask[type(request)](request)

    @property
    def known(self) -> SnapshotList:
        found = self.ask(ReadSnapshots(self.uuid)).value
        assert isinstance(found, SnapshotList)
        return found

    @property
    def ground(self) -> Ground:
        found = self.ask(ReadGround(self.uuid)).value
        assert isinstance(found, Ground)
        return found

    def planned(self, name: str, description: str = "") -> CreateSnapshot:
        (change,) = plan_create(self.uuid, "web", self.ground, Wish(name, description)).changes
        assert isinstance(change, CreateSnapshot)
        return change

    def take(self, *names: str) -> None:
        for name in names:
            assert self.ask(self.planned(name)).status == "applied"

    def revert(self, name: str, then: Then = "as taken") -> Any:
        return plan_revert(self.uuid, "web", self.known, name, then).changes[0]

    def delete(self, name: str, which: Which = "alone", metadata_only: bool = False) -> Any:
        known = self.known
        return plan_delete(self.uuid, "web", known, name, which, metadata_only).changes[0]


def _nobody() -> None:
    """Nobody wants to know."""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path)
    yield lab
    for snapshot in lab.domain.listAllSnapshots():
        snapshot.delete()
    if lab.domain.isActive():
        lab.domain.destroy()
    lab.domain.undefine()
    lab.requests.close()
    lab.conn.close()


def names(known: SnapshotList) -> set[str]:
    return {snapshot.name for snapshot in known.snapshots}


def test_a_snapshot_is_taken_and_read_back(lab: Lab) -> None:
    reply = lab.ask(lab.planned("first", "why"))
    assert (reply.status, reply.read_back) == ("applied", "first: internal, memory, running")
    assert isinstance(reply.value, SnapshotList)
    (found,) = reply.value.snapshots
    assert (found.description, found.current, found.parent) == ("why", True, None)
    assert found.taken_s is not None
    lab.take("second")
    second = lab.known.find("second")
    assert second is not None
    assert (second.parent, second.current) == ("first", True)
    assert sorted(lab.ground.taken) == ["first", "second"]


def test_a_name_that_is_taken_meanwhile_is_a_conflict(lab: Lab) -> None:
    change = lab.planned("first")
    lab.take("first")
    reply = lab.ask(change)
    assert (reply.status, reply.message) == ("conflict", "first is there meanwhile; look again")


def test_a_domain_that_stopped_meanwhile_is_a_conflict(lab: Lab) -> None:
    change = lab.planned("first")
    lab.domain.destroy()
    assert lab.ask(change).message == "web has been shut off meanwhile; look again"
    stopped = lab.planned("first")
    lab.domain.create()
    assert lab.ask(stopped).message == "web has been started meanwhile; look again"
    assert names(lab.known) == set()


def test_other_disks_meanwhile_are_a_conflict(lab: Lab, tmp_path: Path) -> None:
    change = lab.planned("first")
    lab.domain.destroy()
    lab.conn.defineXML(DOMAIN.format(uuid=lab.uuid, folder=tmp_path / "elsewhere"))
    lab.domain.create()
    assert lab.ask(change).message == "web has other disks meanwhile; look again"


def test_what_the_driver_does_not_have_is_said(lab: Lab) -> None:
    wish = Wish("x", kind="disk-only")
    (change,) = plan_create(lab.uuid, "web", lab.ground, wish).changes
    reply = lab.ask(change)
    assert reply.status == "failed"
    assert reply.message.startswith("libvirt's TEST driver does not take it: unsupported flags")
    assert reply.message.endswith("nothing was changed")


def test_going_back_leaves_the_state_that_was_asked_for(lab: Lab) -> None:
    lab.take("first", "second")
    reply = lab.ask(lab.revert("first", "paused"))
    assert (reply.status, reply.message) == ("applied", "it is paused")
    assert reply.read_back.startswith("paused from first; vda -> ")
    first = lab.known.find("first")
    assert first is not None
    assert first.current
    assert lab.ask(lab.revert("second", "running")).message == "it is running"


def test_a_snapshot_that_is_another_by_now_is_a_conflict(lab: Lab) -> None:
    lab.take("first")
    revert, delete = lab.revert("first"), lab.delete("first")
    lab.domain.snapshotLookupByName("first").delete()
    for change in (revert, delete):
        reply = lab.ask(change)
        assert (reply.status, reply.message) == (
            "conflict",
            "first is not what was seen any more; look again",
        )


def test_deleting_alone_or_with_what_comes_from_it(lab: Lab) -> None:
    lab.take("first", "second", "third")
    reply = lab.ask(lab.delete("second"))
    assert (reply.status, reply.read_back) == ("applied", "second: gone")
    assert names(lab.known) == {"first", "third"}
    assert lab.ask(lab.delete("first", "children-only")).read_back == "third: gone"
    lab.take("second")
    assert lab.ask(lab.delete("first", "children")).read_back == "first, second: gone"
    assert names(lab.known) == set()


def test_children_that_came_meanwhile_are_not_deleted(lab: Lab) -> None:
    lab.take("first", "second")
    change = lab.delete("first", "children")
    lab.take("third")
    reply = lab.ask(change)
    assert (reply.status, reply.message) == (
        "conflict",
        "first has other children meanwhile; look again",
    )
    assert names(lab.known) == {"first", "second", "third"}


def test_what_is_not_deleted_is_said(lab: Lab) -> None:
    lab.take("first")
    reply = lab.ask(lab.delete("first", metadata_only=True))  # the driver does not have it
    assert reply.status == "failed"
    assert reply.message.endswith("nothing was deleted")
    assert names(lab.known) == {"first"}


def test_read_only_changes_nothing_and_is_told_of_the_agent_by_the_xml(lab: Lab) -> None:
    lab.take("first")
    requests = HostRequests(lambda: open_link("test:///default", True, False, _nobody))
    ask = requests.handlers()
    for change in (lab.planned("x"), lab.revert("first"), lab.delete("first")):
        assert ask[type(change)](change).status == "refused"
    ground = ask[ReadGround](ReadGround(lab.uuid)).value
    assert isinstance(ground, Ground)
    assert ground.agent == "nothing in the guest has its channel open"
    requests.close()


@pytest.mark.usefixtures("agent")
def test_free_space_is_that_of_the_pool_where_the_disk_is(tmp_path: Path) -> None:
    class Pool:
        def info(self) -> tuple[int, int, int, int]:
            return (2, 100, 40, 60)

    class Volume:
        def storagePoolLookupByVolume(self) -> Pool:  # noqa: N802 - libvirt's
            return Pool()

    domain = Failing(tmp_path)
    link = _FakeLink(domain, local=False)
    link.volume = Volume()
    ground = snapshotcreate.read_ground(link, ReadGround("x")).value
    assert isinstance(ground, Ground)
    assert ground.free_bytes == ((str(tmp_path), 60),)


# -- failures --------------------------------------------------------------------------------


class Failing:
    """A running domain with an agent, whose snapshots fail after `half` has been done."""

    def __init__(self, folder: Path, half: Callable[[], object] = _nobody) -> None:
        self.half = half
        self.source = f"{folder}/root.qcow2"
        self.frozen = False
        self.agent_answers = True
        self.limit_s = -2
        self.flags, self.is_in = 0, 1

    def UUIDString(self) -> str:  # noqa: N802 - libvirt's
        return "x"

    def agentSetResponseTimeout(self, seconds: int, _flags: int) -> None:  # noqa: N802
        self.limit_s = seconds

    def isActive(self) -> int:  # noqa: N802 - libvirt's
        return 1

    def state(self, _flags: int) -> list[int]:
        return [self.is_in, 0]

    def XMLDesc(self, _flags: int) -> str:  # noqa: N802 - libvirt's
        return (
            f"<domain><devices><disk type='file'><source file='{self.source}'/>"
            "<driver type='qcow2'/><target dev='vda'/></disk></devices></domain>"
        )

    def listAllSnapshots(self, _flags: int) -> list[object]:  # noqa: N802 - libvirt's
        return []

    def snapshotCurrent(self, _flags: int) -> None:  # noqa: N802 - libvirt's
        raise libvirt.libvirtError("there is none")

    def snapshotCreateXML(self, _xml: str, flags: int) -> None:  # noqa: N802 - libvirt's
        self.flags = flags
        self.half()
        raise libvirt.libvirtError("no space left on device")

    def fsThaw(self) -> int:  # noqa: N802 - libvirt's
        self.frozen = False
        return 1


class _FakeLink(Link):
    """Calls what it is given."""

    volume: Any = None

    def __init__(self, domain: Failing, local: bool = True) -> None:
        self.conn, self.domain, self.notes, self.denied = self, domain, {}, {}
        self.connection = Connection(driver="QEMU", local=local)

    def lookupByUUIDString(self, _uuid: str) -> Failing:  # noqa: N802 - libvirt's
        return self.domain

    def getLibVersion(self) -> int:  # noqa: N802 - libvirt's
        return 9_000_000

    def storageVolLookupByPath(self, _path: str) -> Any:  # noqa: N802 - libvirt's
        return self.volume

    def call(self, function: Any, *arguments: Any) -> Any:
        return function(*arguments)


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that does as its domain says."""
    import libvirt_qemu

    def command(domain: Failing, command: str, timeout: int, _flags: int) -> str:
        assert timeout == snapshotcreate.PING_S
        if not domain.agent_answers:
            raise libvirt.libvirtError("guest agent is not connected")
        if "status" in command:
            return '{"return":"frozen"}' if domain.frozen else '{"return":"thawed"}'
        return '{"return":{}}'

    monkeypatch.setattr(libvirt_qemu, "qemuAgentCommand", command)
    monkeypatch.setattr(snapshotcreate, "_BACK_S", 0.0)


def attempt(domain: Failing, kind: Kind = "disk-only", quiesce: bool = True) -> Reply:
    link = _FakeLink(domain)
    ground = Ground(True, disks_of(link, domain))
    (change,) = plan_create("x", "web", ground, Wish("new", "", kind, quiesce)).changes
    assert isinstance(change, CreateSnapshot)
    return snapshotcreate.create_snapshot(link, change)


@pytest.mark.usefixtures("agent")
def test_a_failure_that_left_nothing_says_so(tmp_path: Path) -> None:
    domain = Failing(tmp_path)
    reply = attempt(domain)
    assert (reply.status, reply.message) == (
        "failed",
        "no space left on device; nothing was changed",
    )
    assert domain.flags == (
        libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
        | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
        | libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
    )


@pytest.mark.usefixtures("agent")
def test_a_file_that_was_left_is_named(tmp_path: Path) -> None:
    reply = attempt(Failing(tmp_path, (tmp_path / "root.new").touch))
    assert f"left: the file {tmp_path}/root.new, not used: delete it" in reply.message


@pytest.mark.usefixtures("agent")
def test_a_disk_that_was_moved_is_named(tmp_path: Path) -> None:
    domain = Failing(tmp_path)
    domain.half = lambda: setattr(domain, "source", f"{tmp_path}/root.new")
    cure = "virsh blockcommit web vda --active --pivot"
    assert f"left: vda is on {tmp_path}/root.new now; back: {cure}" in attempt(domain).message


@pytest.mark.usefixtures("agent")
def test_a_guest_that_was_left_frozen_is_thawed(tmp_path: Path) -> None:
    domain = Failing(tmp_path)
    domain.half = lambda: setattr(domain, "frozen", True)
    assert "the guest was frozen still, and is thawed now" in attempt(domain).message
    assert not domain.frozen


@pytest.mark.usefixtures("agent")
def test_a_guest_that_somebody_else_has_frozen_stays_so(tmp_path: Path) -> None:
    domain = Failing(tmp_path)
    domain.frozen = True
    reply = attempt(domain)
    assert (reply.status, domain.flags, domain.frozen) == ("refused", 0, True)
    assert reply.message.startswith("its file systems are frozen already")


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize("error", [libvirt.libvirtError("mute"), SystemError("not UTF-8")])
def test_a_guest_that_does_not_thaw_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse() -> int:
        assert domain.limit_s > 0, "libvirt waits for ever"
        raise error

    domain = Failing(tmp_path)
    domain.half = lambda: setattr(domain, "frozen", True)
    monkeypatch.setattr(domain, "fsThaw", refuse)
    assert "left: the guest is frozen, and does not thaw: " in attempt(domain).message
    assert domain.limit_s < 0


def test_a_hostile_answer_is_the_agents_problem_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import libvirt_qemu

    def undecodable(*_: object) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr(libvirt_qemu, "qemuAgentCommand", undecodable)
    ground = snapshotcreate.read_ground(_FakeLink(Failing(tmp_path)), ReadGround("x")).value
    assert isinstance(ground, Ground)
    assert ground.agent.startswith("its answer is not UTF-8")


@pytest.mark.usefixtures("agent")
def test_an_agent_that_falls_silent_is_told(tmp_path: Path) -> None:
    domain = Failing(tmp_path)
    domain.half = lambda: setattr(domain, "agent_answers", False)
    message = attempt(domain).message
    assert "the guest may be frozen still: guest agent is not connected" in message
    assert message.endswith("as soon as its agent answers: virsh domfsthaw web")


@pytest.mark.usefixtures("agent")
def test_an_agent_that_comes_back_thaws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    domain = Failing(tmp_path)

    def close() -> None:
        domain.frozen, domain.agent_answers = True, False

    domain.half = close
    monkeypatch.setattr(snapshotcreate, "_BACK_S", 3600.0)
    monkeypatch.setattr(snapshotcreate, "sleep", lambda _: setattr(domain, "agent_answers", True))
    assert "the guest was frozen still, and is thawed now" in attempt(domain).message
    assert not domain.frozen


@pytest.mark.usefixtures("agent")
def test_a_paused_guest_is_refused_with_the_cure(tmp_path: Path) -> None:
    domain = Failing(tmp_path)
    domain.is_in = 3
    reply = attempt(domain)
    assert (reply.status, domain.flags) == ("refused", 0)
    assert reply.message == (
        "nothing was done: it is paused: its agent cannot answer; resume it first"
    )


@pytest.mark.usefixtures("agent")
def test_quiesce_needs_an_agent_that_answers(tmp_path: Path) -> None:
    domain = Failing(tmp_path)
    domain.agent_answers = False
    reply = attempt(domain)
    assert (reply.status, domain.flags) == ("refused", 0)
    assert reply.message.endswith("nothing was done: guest agent is not connected")


@pytest.mark.parametrize(
    ("kind", "file"), [("disk-only", "root.new"), ("external", "root.new.mem")]
)
def test_a_file_that_is_there_is_never_used(tmp_path: Path, kind: Kind, file: str) -> None:
    (tmp_path / file).touch()
    domain = Failing(tmp_path)
    reply = attempt(domain, kind, quiesce=False)
    assert (reply.status, domain.flags) == ("refused", 0)
    assert reply.message == f"{tmp_path}/{file} is there already: take another name"
