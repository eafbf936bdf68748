"""``vconsole doctor`` and ``metrics doctor``: verdicts, cures, exit codes."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

import vconsole as vconsole_package
from tests.systemctl import Machine
from vconsole.cli.diagnosis import within
from vconsole.features.doctor.files import memory, settings
from vconsole.features.doctor.host import connection
from vconsole.features.doctor.host.kernel import facts
from vconsole.features.doctor.installation import library
from vconsole.features.doctor.terminal import characters, colours, kind, size
from vconsole.features.hostinfo.cli.doctor import directory, rules
from vconsole.features.metrics.cli import doctor as doctor_of_metrics
from vconsole.features.metrics.cli.doctor import configuration, sap_checks, written
from vconsole.features.metrics.model.config import profile
from vconsole.features.metrics.model.disk import BLOCK_BYTES, DiskWriter
from vconsole.features.metrics.model.document import Document, render
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.reader import read
from vconsole.features.metrics.model.sap import document_checks, period_check, required
from vconsole.host.here import Here
from vconsole.model.diagnosis import Check, failed
from vconsole.registry import CHECKS

UUID = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"
NOW = 1_740_837_731


def vconsole(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "vconsole", *words]
    env = {**os.environ, **environ}
    return subprocess.run(argv, capture_output=True, text=True, timeout=90, check=False, env=env)


def verdicts(checks: Iterator[Check]) -> dict[str, str]:
    return {check.name: check.verdict for check in checks}


def test_whatever_is_found_wrong_is_written_with_a_cure() -> None:
    """By what the source says: the verdict is the second argument, the cure the fourth."""
    without = [
        f"{path.name}:{call.lineno}"
        for path in Path(vconsole_package.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Check" and len(call.args) < 4
        if getattr(call.args[1], "value", "") not in ("ok", "unknown")
    ]
    assert without == []


# -- the command -----------------------------------------------------------------------------


def test_a_sound_installation_on_a_host_that_answers(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.install("vconsole-hostinfod.service", "active", "enabled")
    machine.install("vconsole-vhostmd.service")
    path = f"{machine.path}:{os.environ['PATH']}"
    done = vconsole(
        *("-c", "test:///default", "doctor", "--json"), PATH=path, TERM="xterm-256color"
    )
    told = json.loads(done.stdout)
    assert list(told["sections"]) == list(CHECKS)
    found = {check["name"]: check for checks in told["sections"].values() for check in checks}
    assert found["connection"]["verdict"] == "ok"
    assert found["domains"]["reason"] == "1 domain"
    assert found["textual"]["verdict"] == "ok"
    assert found["hostinfod"]["reason"] == "vconsole-hostinfod.service: active, enabled"
    assert found["vhostmd"]["verdict"] == "warn"
    assert found["vhostmd"]["cure"] == "vconsole metrics service on"
    assert (done.returncode == 1) == (not told["sound"])
    assert all(check["cure"] for check in found.values() if check["verdict"] == "fail")


def test_a_host_that_cannot_be_reached_is_a_failure_with_its_cause(tmp_path: Path) -> None:
    uri = f"qemu+unix:///system?socket={tmp_path}/none"
    done = vconsole("-c", uri, "doctor")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("x connection"))
    assert "Failed to connect socket" in line
    assert line.count(uri) == 1
    assert lines[-1].endswith("not working")


def test_settings_that_cannot_be_read_are_a_finding_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "vconsole").mkdir()
    (tmp_path / "vconsole" / "config.toml").write_text("theme = 3\n")
    done = vconsole("--demo", "doctor", XDG_CONFIG_HOME=str(tmp_path))
    assert "x settings" in done.stdout
    assert "theme has the wrong type" in done.stdout
    assert done.returncode == 1


def test_what_hangs_or_breaks_is_a_finding_beside_the_others() -> None:
    never = Event()

    def hangs() -> Iterator[Check]:
        yield Check("first", "ok", "")
        never.wait()

    def breaks() -> Iterator[Check]:
        yield Check("first", "ok", "")
        raise RuntimeError("bad")

    assert [c.verdict for c in within(hangs, 1.0)] == ["ok", "fail"]
    assert within(breaks)[-1].reason == "RuntimeError: bad"
    assert not failed([Check("x", "warn", ""), Check("y", "unknown", "")])


# -- subjects --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("relation", "wanted", "verdict"),
    [(">=", "1", "ok"), (">=", "999", "fail"), ("~=", "1.0", "fail"), ("", "", "ok")],
)
def test_a_library_in_a_version_that_is_meant(relation: str, wanted: str, verdict: str) -> None:
    assert library("pytest", relation, wanted).verdict == verdict
    assert library("no-such-library", relation, wanted).verdict == "fail"


def test_the_minor_of_a_library_that_is_pinned_counts() -> None:
    from importlib.metadata import version

    minor = ".".join(version("textual").split(".")[:2])
    assert library("textual", "~=", f"{minor}.0").verdict == "ok"
    assert library("textual", "~=", f"{minor}.999").verdict == "fail"


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        (kind({"TERM": "xterm"}, True), "ok"),
        (kind({"TERM": "dumb"}, True), "fail"),
        (kind({}, True), "fail"),
        (kind({}, False), "unknown"),
        (size(80, 24), "ok"),
        (size(79, 24), "warn"),
        (size(39, 24), "fail"),
        (colours({"TERM": "xterm-256color"}), "ok"),
        (colours({"TERM": "linux"}), "warn"),
        (colours({"TERM": "linux", "NO_COLOR": "1"}), "ok"),
        (characters("UTF-8", False), "ok"),
        (characters("ANSI_X3.4-1968", False), "warn"),
        (characters("ISO-8859-1", True), "ok"),
    ],
    ids=lambda value: getattr(value, "reason", None),
)
def test_the_terminal(check: Check, verdict: str) -> None:
    assert check.verdict == verdict
    assert bool(check.cure) == (verdict in ("warn", "fail"))


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Here(True, "libvirtd", "systemd", False), "ok"),
        (Here(False, "virtqemud", "systemd", True), "fail"),
        (Here(False, "", "systemd", True), "warn"),
    ],
)
def test_the_daemon_of_libvirt(found: Here, verdict: str) -> None:
    assert connection.daemon(found).verdict == verdict


def test_the_kernel(tmp_path: Path) -> None:
    assert set(verdicts(facts(tmp_path, False)).values()) == {"warn"}
    for place in ("sys/devices/system/node/node0", "proc/self", "sys/fs/cgroup"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "proc/self/schedstat").touch()
    (tmp_path / "sys/fs/cgroup/cgroup.controllers").touch()
    assert set(verdicts(facts(tmp_path, True)).values()) == {"ok"}


def test_files_of_the_user(tmp_path: Path) -> None:
    assert settings(None).verdict == "warn"
    assert settings(tmp_path / "none.toml").verdict == "ok"
    assert memory(None).verdict == "warn"
    assert memory(tmp_path / "to" / "be" / "made").verdict == "ok"


def test_rules_and_sockets_of_hostinfo(tmp_path: Path) -> None:
    path = tmp_path / "hostinfo.conf"
    assert rules(path).verdict == "ok"
    path.write_text("qemu-*:\n  interval = 5\n")
    assert rules(path).reason.endswith("1 rule")
    path.write_text("qemu-*:\n  interval = soon\n")
    assert rules(path).cure == f"vconsole hostinfo check {path}"
    assert directory(tmp_path / "none").verdict == "warn"
    assert directory(tmp_path).verdict == "ok"
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert "everybody can write" in directory(tmp_path / "open").reason


# -- SAP's readers ---------------------------------------------------------------------------


def sap(*uuids: str) -> tuple[Metric, ...]:
    """What the profile has the daemon write."""
    values = {"string": "x", "real64": "1.5"}
    host = [
        Metric(name, str(NOW) if name == "Time" else values.get(kind, "7"), kind)
        for (name, context), kind in required().items()
        if context == "host"
    ]
    own = [
        Metric(name, values.get(kind, "7"), kind, "vm", None, number, uuid)
        for number, uuid in enumerate(uuids, 1)
        for (name, context), kind in required().items()
        if context == "vm"
    ]
    return (*host, *own)


def faults(metrics: tuple[Metric, ...], written_s: float | None = NOW) -> dict[str, str]:
    found = document_checks(Document(metrics), written_s)
    return {check.name: check.reason for check in found if check.verdict == "fail"}


def test_what_the_profile_writes_is_what_saps_readers_need() -> None:
    assert faults(sap()) == {}
    assert faults(sap(UUID, OTHER)) == {}


def changed(name: str, context: str, /, **to: Any) -> tuple[Metric, ...]:
    return tuple(
        replace(m, **to) if (m.name, m.context) == (name, context) else m for m in sap(UUID, OTHER)
    )


@pytest.mark.parametrize(
    ("metrics", "where", "words"),
    [
        (changed("Time", "host", name="time"), "host", "Time is missing"),
        (changed("PagedInMemory", "host", type="int32"), "host", "is int32, not uint64"),
        (changed("UsedVirtualMemory", "host", value="many"), "host", "UsedVirtualMemory"),
        (changed("HostName", "host", value=" "), "host", "HostName is empty"),
        (changed("FreePhysicalMemory", "host", unit="MiB"), "attributes", "a unit stands at"),
        (changed("TotalCPUTime", "vm", domain_id=None), "attributes", "id or uuid is missing"),
        (changed("Time", "host", value=str(NOW - 7)), "Time", "7 s from the time of writing"),
        ((*sap(UUID), *sap()), "host", "is there 2 times"),
        (
            tuple(m for m in sap(UUID) if m.name != "ResourceMemoryLimit"),
            f"domain {UUID}",
            "missing",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_is_named_where_it_is(
    metrics: tuple[Metric, ...], where: str, words: str
) -> None:
    assert words in faults(metrics)[where]


@pytest.mark.parametrize(
    ("period_s", "age_s", "verdict"),
    [
        (60, 1.0, "ok"),
        (60, 66.0, "ok"),
        (60, 66.1, "fail"),
        (5, 1.0, "fail"),
        (None, 30.0, "ok"),
        (None, None, "unknown"),
    ],
)
def test_the_period(period_s: int | None, age_s: float | None, verdict: str) -> None:
    assert period_check(period_s, age_s).verdict == verdict


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "vhostmd0"
    writer = DiskWriter(path, BLOCK_BYTES)
    writer.create()
    writer.update(render(sap(UUID)))
    os.utime(path, (NOW, NOW))
    yield path
    writer.close()


def test_a_disk_that_is_as_wanted(disk: Path, tmp_path: Path) -> None:
    conf = tmp_path / "vhostmd.conf"
    text = profile("sap").decode().replace("/dev/shm/vhostmd0", str(disk))
    conf.write_text(text)
    assert set(verdicts(sap_checks(disk, conf, NOW + 30.0)).values()) == {"ok"}
    conf.write_text(text.replace("<update_period>60<", "<update_period>5<"))
    assert verdicts(sap_checks(disk, conf, NOW + 30.0))["period"] == "fail"
    assert configuration(conf).verdict == "ok"
    conf.write_text("<vhostmd/>")
    assert configuration(conf).verdict == "fail"


def test_a_disk_that_nobody_writes_any_more_is_less_than_sound(disk: Path) -> None:
    assert written(read(disk), None).verdict == "ok"
    assert "written" in written(read(disk), 60).reason
    assert written(read(disk), 60).verdict == "warn"
    os.utime(disk)
    assert written(read(disk), 60).verdict == "ok"


def test_the_period_is_the_daemons_whatever_the_file_says(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "vhostmd.conf"
    text = profile("default").decode().replace("/dev/shm/vhostmd0", str(disk))
    conf.write_text(text)
    assert verdicts(sap_checks(disk, conf, NOW + 30.0))["period"] == "fail"
    for its_disk, verdict in (("/dev/shm/another", "fail"), (str(disk), "ok")):
        status = SimpleNamespace(disk=its_disk, period_s=60)
        monkeypatch.setattr(doctor_of_metrics, "ask_status", lambda status=status: status)
        assert verdicts(sap_checks(disk, conf, NOW + 30.0))["period"] == verdict


def test_metrics_doctor_by_command(disk: Path) -> None:
    done = vconsole("metrics", "doctor", "--disk", str(disk))
    assert done.returncode == 1
    assert "x period" in done.stdout, "it was written long ago"
    done = vconsole("metrics", "doctor", "--disk", f"{disk}x", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["sound"] is False
