"""What the console asks about metrics, answered: the disk and its past, tests, files, devices."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.answers import metrics_answers
from tests.feed import proposer
from tests.unit.vhostmd_conf import conf, group, metric
from vconsole.features.metrics import requests as console
from vconsole.features.metrics.model.disk import BLOCK_BYTES, DiskWriter
from vconsole.features.metrics.model.document import render
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.provision import Wish, disk_clause
from vconsole.features.metrics.model.status import Trial
from vconsole.features.metrics.model.tracks import KEPT, Track, followed, keyed, owner
from vconsole.features.metrics.requests import (
    DiskReport,
    PlanDevices,
    ReadAttachments,
    ReadDaemon,
    ReadDisk,
    SaveConfig,
    TryMetric,
)
from vconsole.files.careful import Loaded
from vconsole.files.draft import ReadFile
from vconsole.model.proposal import Proposal, Propose
from vconsole.model.request import ChangeDevice, Configurations, ReadConfigurations, Reply

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
PATH = "/dev/shm/vhostmd0"


class Host:
    """Reads XML as the host would."""

    def __init__(self, found: Mapping[str, Configurations] | None = None) -> None:
        self.found, self.asked = found or {}, [0]

    def __call__(self, request: ReadConfigurations) -> Reply:
        self.asked.append(len(request.uuids))
        known = {uuid: self.found[uuid] for uuid in request.uuids if uuid in self.found}
        missing = len(known) < len(request.uuids)
        return Reply(message="no such domain" if missing else "", value=known)

    def handlers(self) -> Mapping[type, Any]:
        return metrics_answers({ReadConfigurations: self, Propose: proposer(self)})


def ask(request: Any, host: Host | None = None) -> Reply:
    reply = (host or Host()).handlers()[type(request)](request)
    assert isinstance(reply, Reply)
    return reply


# -- the disk ----------------------------------------------------------------------------------


class Disk:
    """A disk, its writer, and what the console is told of it."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(console, "_LOOK_EVERY_S", 0.0)
        self.writer = DiskWriter(path, BLOCK_BYTES)
        self.writer.create()
        self._read = Host().handlers()[ReadDisk]
        self._path = path

    def write(self, *metrics: Metric) -> DiskReport:
        self.writer.update(render(metrics))
        return self.look()

    def look(self) -> DiskReport:
        report = self._read(ReadDisk(self._path)).value
        assert isinstance(report, DiskReport)
        return report


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path / "vhostmd0", monkeypatch)


def used(value: int) -> Metric:
    return Metric("UsedMem", str(value), "uint64")


def test_metrics_come_with_what_became_of_them(disk: Disk) -> None:
    disk.write(used(5), Metric("HostName", "a"))
    report = disk.write(used(17), Metric("HostName", "a"))
    assert [m.value for m in report.metrics.values()] == ["17", "a"]
    assert report.tracks["", "UsedMem", 0] == Track("17", (5.0, 17.0), True)
    assert report.tracks["", "UsedMem", 0].step == 12.0
    assert report.tracks["", "HostName", 0] == Track("a")
    assert report.age_s is not None
    assert report.age_s < 60


def test_the_same_update_seen_again_changes_nothing(disk: Disk) -> None:
    before, after = disk.write(used(5)), disk.look()
    assert after.metrics is before.metrics
    assert not after.tracks["", "UsedMem", 0].changed


def test_a_broken_disk_keeps_its_last_metrics(disk: Disk, tmp_path: Path) -> None:
    before = disk.write(used(5))
    with (tmp_path / "vhostmd0").open("r+b") as file:
        file.seek(4)
        file.write(b"\0\0\0\1")
    report = disk.look()
    assert report.state.latest.problem is not None
    assert report.state.latest.problem.reason == "busy"
    assert report.metrics == before.metrics
    assert report.shown == before.shown


def test_an_empty_document_is_not_mistaken_for_the_one_before(disk: Disk) -> None:
    disk.write(used(5))
    report = disk.write()
    assert report.state.latest.problem is None
    assert report.metrics == {}


def test_another_path_starts_anew(disk: Disk, tmp_path: Path) -> None:
    disk.write(used(5))
    report = disk._read(ReadDisk(tmp_path / "none")).value
    assert isinstance(report, DiskReport)
    assert (report.metrics, report.shown) == ({}, None)


def test_a_look_that_hangs_does_not_hang_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = threading.Event(), threading.Event()

    def hang(_: object) -> None:
        begun.set()
        end.wait(60)
        raise OSError("gone")

    monkeypatch.setattr("vconsole.features.metrics.model.reader.DiskFollower.poll", hang)
    read = Host().handlers()[ReadDisk]

    def first() -> None:
        with pytest.raises(OSError, match="gone"):
            read(ReadDisk(Path("/net/disk")))

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(30)
    reply = read(ReadDisk(Path("/net/disk")))
    end.set()
    thread.join()
    assert (reply.status, reply.message) == (
        "unknown",
        "does not answer: is it on a server that is away?",
    )


# -- tracks ------------------------------------------------------------------------------------


def test_a_track_is_short_and_forgets_what_is_gone() -> None:
    tracks: dict[tuple[str, str, int], Track] = {}
    for value in range(2 * KEPT):
        tracks = followed(tracks, keyed([used(value)]))
    assert tracks["", "UsedMem", 0].numbers == tuple(range(KEPT, 2 * KEPT))
    assert followed(tracks, keyed([])) == {}


def test_what_stops_to_be_a_number_has_no_past() -> None:
    before = followed({}, keyed([used(1)]))
    after = followed(before, keyed([Metric("UsedMem", "lots", "uint64")]))
    assert after["", "UsedMem", 0] == Track("lots", (), True)
    assert after["", "UsedMem", 0].step is None


def test_two_of_a_name_are_told_apart() -> None:
    metrics = keyed([used(1), used(2), Metric("UsedMem", "3", context="vm", uuid=UUID)])
    assert list(metrics) == [("", "UsedMem", 0), ("", "UsedMem", 1), (UUID, "UsedMem", 0)]


@pytest.mark.parametrize(
    ("metric_", "whose"),
    [
        (Metric("a", "1"), ""),
        (Metric("a", "1", context="vm", uuid=UUID, domain_id=3), UUID),
        (Metric("a", "1", context="vm", domain_id=3), "id 3"),
        (Metric("a", "1", context="vm"), "id -"),
    ],
)
def test_whose_a_metric_is(metric_: Metric, whose: str) -> None:
    assert owner(metric_) == whose


# -- the daemon and tests ----------------------------------------------------------------------


def test_a_daemon_that_does_not_run_is_said(tmp_path: Path) -> None:
    reply = ask(ReadDaemon(tmp_path / "none.sock"))
    assert reply.status == "failed"
    assert "does not run" in reply.message


def tried(name: str, *metrics: str, context: str = "host") -> Trial:
    reply = ask(TryMetric(name, context, conf(*metrics)))
    assert isinstance(reply.value, Trial), reply.message
    return reply.value


def test_a_metric_is_tested_as_it_is_edited() -> None:
    assert tried("Five", metric("Five", "echo 5")).values == (("Five", "5"),)
    both = group("Both", "echo 1,2", ("A", "int32"), ("B", "int32"))
    assert tried("Both", both).values == (("A", "1"), ("B", "2"))
    assert "status 3" in tried("Bad", metric("Bad", "exit 3")).problem


def test_a_metric_that_is_switched_off_is_tested_all_the_same() -> None:
    off = f"<?vconsole-disabled {metric('Five', 'echo 5').strip()}?>\n"
    assert tried("Five", off).values == (("Five", "5"),)


def test_a_configuration_that_is_not_valid_cannot_be_tested() -> None:
    reply = ask(TryMetric("Five", "host", b"<vhostmd>"))
    assert reply.status == "failed"
    assert "<vhostmd>" in reply.message


# -- the configuration -------------------------------------------------------------------------


def test_it_is_saved_only_over_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "vhostmd.conf"
    path.write_bytes(conf())
    loaded = ask(ReadFile(path)).value
    assert isinstance(loaded, Loaded)
    wanted = conf(metric("Five", "echo 5"))
    assert ask(SaveConfig(path, wanted, loaded)).status == "applied"
    assert path.read_bytes() == wanted
    conflict = ask(SaveConfig(path, conf(), loaded))
    assert conflict.status == "conflict"
    assert isinstance(conflict.value, Loaded)
    assert conflict.value.data == wanted


def test_what_the_daemon_would_not_take_is_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "vhostmd.conf"
    path.write_bytes(conf())
    loaded = ask(ReadFile(path)).value
    assert isinstance(loaded, Loaded)
    reply = ask(SaveConfig(path, conf(period="soon"), loaded))
    assert reply.status == "failed"
    assert "update_period" in reply.message
    assert path.read_bytes() == conf()


def test_a_file_that_is_unsafe_is_named(tmp_path: Path) -> None:
    path = tmp_path / "vhostmd.conf"
    path.symlink_to("/etc/passwd")
    reply = ask(ReadFile(path))
    assert (reply.status, reply.value) == ("failed", None)
    assert "symbolic link" in reply.message


# -- devices -----------------------------------------------------------------------------------


def domain(name: str, *clauses: str) -> Configurations:
    return Configurations(
        config=f"<domain><name>{name}</name><devices>{''.join(clauses)}</devices></domain>"
    )


def test_many_domains_are_read_a_part_at_a_time() -> None:
    host = Host({str(n): domain(f"d{n}", disk_clause(PATH, "vdz")) for n in range(250)})
    reply = ask(ReadAttachments(tuple(host.found), PATH), host)
    assert max(host.asked) <= 100
    assert isinstance(reply.value, dict)
    assert all(found.has("disk") for found in reply.value.values())
    assert len(reply.value) == 250


def test_a_domain_that_cannot_be_read_hides_no_other() -> None:
    host = Host({"1": domain("one"), "2": Configurations(config="<domain>vhostmd")})
    reply = ask(ReadAttachments(("1", "2", "3"), PATH), host)
    assert reply.status == "applied"
    assert isinstance(reply.value, dict)
    assert list(reply.value) == ["1"]
    assert "no such domain" in reply.message
    assert "2: XML line" in reply.message


def test_a_plan_names_who_is_left_out_and_why() -> None:
    host = Host({"1": domain("one"), "2": domain("two", disk_clause(PATH, "vdz"))})
    request = PlanDevices((("1", "one"), ("2", "two"), ("3", "three")), Wish("disk", True, PATH))
    made = _planned(ask(request, host))
    assert [change.name for change in made.changes] == ["one"]
    assert made.notes == ("two: it has the disk already, as vdz", "three: no such domain")


@pytest.mark.parametrize(
    ("error", "cache"),
    [(errno.EINVAL, "writethrough"), (errno.ENOENT, "none"), (errno.EACCES, "none"), (0, "none")],
)
def test_the_cache_is_left_out_where_the_file_allows_it(
    error: int, cache: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "vhostmd0"
    path.touch()
    monkeypatch.setattr(os, "open", _failing(error, os.open))
    request = PlanDevices((("1", "one"),), Wish("disk", True, str(path)))
    change = _planned(ask(request, Host({"1": domain("one")}))).changes[0]
    assert isinstance(change, ChangeDevice)
    assert f"cache='{cache}'" in change.device


def _planned(reply: Reply) -> Proposal:
    """For live and config."""
    assert isinstance(reply.value, tuple)
    assert [proposal.target for proposal in reply.value] == ["both", "live", "config"]
    found = reply.value[0]
    assert isinstance(found, Proposal)
    return found


def _failing(error: int, opens: Callable[..., int]) -> Callable[..., int]:
    """`os.open` that answers an error for what is to be opened around the cache."""

    def open_(path: str, flags: int, *more: Any, **named: Any) -> int:
        if flags & os.O_DIRECT:
            if error:
                raise OSError(error, os.strerror(error))
            flags &= ~os.O_DIRECT
        return opens(path, flags, *more, **named)

    return open_
