"""The daemons' units: what systemd says, what it is told, and its refusals in words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.logs import outcomes
from tests.systemctl import Machine
from vconsole.daemon import units
from vconsole.daemon.units import change_unit, read_unit, tell_unit
from vconsole.model.unit import UNITS, ChangeUnit, Daemon, ReadUnit, Unit, Verb

OURS, OLD = "vconsole-vhostmd.service", "vhostmd.service"
OFF = "inactive, disabled"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", f"{made.path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "log"))
    return made


def unit(daemon: Daemon = "vhostmd") -> Unit:
    value = read_unit(ReadUnit(daemon)).value
    assert isinstance(value, Unit)
    return value


def vconsole(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "vconsole", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


# -- reading ---------------------------------------------------------------------------------


def test_ours_is_looked_for_first_and_then_the_program_whose_place_it_takes(
    machine: Machine,
) -> None:
    assert (unit().name, unit().found) == (OURS, False)
    machine.install(OLD, "active", "enabled")
    assert (unit().name, unit().state) == (OLD, "active, enabled")
    machine.install(OURS)
    assert (unit().name, unit().state) == (OURS, OFF)
    assert unit().names == ("hostinfo.service",)
    assert unit().pid is None, "0 is no process"


def test_the_last_lines_of_the_journal_are_there(machine: Machine) -> None:
    machine.install(OURS)
    assert unit().journal_problem
    machine.mark("journal", "\n".join(f"line {n}" for n in range(99)))
    assert unit().journal[-1] == "line 98"
    assert len(unit().journal) == 30


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "System has not been booted with systemd as init system (PID 1). Can't operate.\n"
            "Failed to connect to bus: Host is down\n",
            "this machine was not started by systemd: start the daemon by hand",
        ),
        ("Something else.\nAnd more.\n", "Something else.; And more."),
    ],
)
def test_no_systemd_is_said(machine: Machine, said: str, words: str) -> None:
    machine.mark("down", said)
    reply = read_unit(ReadUnit("vhostmd"))
    assert (reply.status, reply.message) == ("failed", words)


def test_a_machine_without_the_program_is_one_without_systemd(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no systemctl here" in read_unit(ReadUnit("hostinfod")).message


# -- changing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "before", "after", "line"),
    [
        ("on", OFF, "active, enabled", f"enable --now {OURS}"),
        ("off", "active, enabled", OFF, f"disable --now {OURS}"),
        ("start", OFF, "active, disabled", f"start {OURS}"),
        ("stop", "active, enabled", "inactive, enabled", f"stop {OURS}"),
        ("restart", "failed, enabled", "active, enabled", f"restart {OURS}"),
        ("reload", "active, enabled", "active, enabled", f"reload {OURS}"),
    ],
)
def test_what_it_is_told_and_what_is_read_back(
    machine: Machine, verb: Verb, before: str, after: str, line: str
) -> None:
    machine.install(OURS, *before.split(", "))
    change = ChangeUnit(OURS, verb, before)
    assert change.virsh() == (f"systemctl {line}",)
    assert change.lines() == (() if before == after else (f"- {before}", f"+ {after}"))
    reply = change_unit(change)
    assert (reply.status, reply.read_back) == ("applied", after)
    assert machine.asked == [f"--no-ask-password {line}"]


def test_what_somebody_else_changed_meanwhile_is_a_conflict(machine: Machine) -> None:
    machine.install(OURS, "active", "enabled")
    reply = change_unit(ChangeUnit(OURS, "on", OFF))
    assert (reply.status, reply.message) == ("conflict", "it is active, enabled by now")
    assert machine.asked == []


def test_what_is_not_installed_is_refused(machine: Machine) -> None:
    assert change_unit(ChangeUnit(OURS, "on", "-, -")).status == "refused"


def test_polkits_refusal_names_the_line_that_works(machine: Machine) -> None:
    machine.install(OURS)
    machine.mark("no-rights")
    reply = change_unit(ChangeUnit(OURS, "on", OFF))
    assert reply.status == "refused"
    assert reply.message.endswith(f"sudo systemctl enable --now {OURS}")


def test_a_daemon_that_ends_at_once_has_not_been_started(machine: Machine) -> None:
    machine.install(OURS)
    machine.mark("dies")
    reply = change_unit(ChangeUnit(OURS, "start", OFF))
    assert reply.status == "failed"
    assert "see its journal" in reply.message


# -- without the screen ----------------------------------------------------------------------


def test_on_status_and_off_by_command(machine: Machine, tmp_path: Path) -> None:
    ours = UNITS["hostinfod"][0]
    machine.install(ours)
    machine.mark("journal", "hostinfod: serves 3 guests\n")
    done = vconsole("hostinfo", "service", "on", "--dry-run")
    assert f"systemctl enable --now {ours}" in done.stdout
    assert machine.asked == []
    assert vconsole("hostinfo", "service").returncode == 1, "it does not run"
    assert vconsole("hostinfo", "service", "on").returncode == 0
    done = vconsole("hostinfo", "service", "status")
    assert done.returncode == 0
    assert "active (dead) since Sat 2026-11-28" in done.stdout
    assert "serves 3 guests" in done.stdout
    assert vconsole("--read-only", "hostinfo", "service", "off").returncode == 3
    assert vconsole("hostinfo", "service", "off").returncode == 0
    assert vconsole("metrics", "service").stdout == f"unit  {OURS} is not installed\n"
    log = outcomes(tmp_path / "log" / "vconsole" / "activity.jsonl")
    assert [(entry["name"], entry["outcome"]) for entry in log] == [(ours, "applied")] * 2


def test_systemctl_that_is_waited_for_too_long_is_unknown_until_it_is_read_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install(OURS)
    program = machine.path / "systemctl"
    slow = program.read_text().replace(
        "case $verb in", '[ "$verb" = show ] || sleep 1\ncase $verb in'
    )
    program.write_text(slow)
    monkeypatch.setattr(units, "CHANGE_S", 0.1)
    change = ChangeUnit(OURS, "on", OFF)
    assert change_unit(change).status == "unknown"
    assert tell_unit(None, "", change.trace).status == "not tried"
    machine.install(OURS, "activating", "enabled")
    assert tell_unit(None, "", change.trace).message == "not over: it is activating"
    machine.install(OURS, "active", "enabled")
    assert tell_unit(None, "", change.trace).status == "applied"
    assert not ChangeUnit(OURS, "restart", "active, enabled").trace, "its state tells nothing"
