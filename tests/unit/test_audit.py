"""The activity log: one line a change, by whom, and no way to forge another."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from vconsole.changes.activity import FILE_NAME, MOST, ActivityLog, ended, is_change, of_intent
from vconsole.changes.entry import MAX_CHARS, Entry
from vconsole.features.lifecycle.model import Act
from vconsole.model.cpuset import CpuSet
from vconsole.model.outcome import PinChange, PinStep
from vconsole.model.proposal import Logged
from vconsole.model.request import ChangeDevice, Define, ReadDefinitions, Reply
from vconsole.model.set_pins import SetPins

ACT = Act("6695eb01", "web", "shutdown", "running", ("agent",))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ActivityLog:
    monkeypatch.setattr("os.getuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    return ActivityLog(tmp_path / "state")


def of_reply(change: Logged, reply: Reply, uri: str) -> Entry:
    """The entry of a change whose intent was not written."""
    return ended(of_intent(change, uri), reply)


def text_of(log: ActivityLog) -> str:
    assert log.path is not None
    return log.path.read_text("ascii")


def test_an_action_is_a_line_with_all_there_is_to_know(log: ActivityLog) -> None:
    log.add(
        of_reply(ACT, Reply("applied", "it is shut off", read_back="shut off"), "qemu:///system")
    )
    (line,) = text_of(log).splitlines()
    found = json.loads(line)
    assert found.pop("when").endswith("Z")
    assert found == {
        "operator": "alice by sudo from 192.0.2.7",
        "uri": "qemu:///system",
        "uuid": "6695eb01",
        "name": "web",
        "action": "shut down",
        "before": "running",
        "after": "shut off",
        "outcome": "applied",
        "message": "it is shut off",
        "virsh": "virsh -c qemu:///system shutdown web --mode agent",
    }
    assert log.path is not None
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


def test_an_edit_of_a_definition_is_logged_without_its_passwords(log: ActivityLog) -> None:
    request = Define("u", "web", "enable hostinfo", "<a passwd='was'/>", "<a passwd='becomes'/>")
    assert is_change(request)
    log.add(of_reply(request, Reply(value="<a passwd='becomes'/>"), "qemu:///system"))
    assert "enable hostinfo" in text_of(log)
    assert "passwd='***'" in text_of(log)
    assert not {"was", "becomes"} & {*re.findall(r"\w+", text_of(log))}
    assert not is_change(ReadDefinitions(("u",)))


@pytest.mark.parametrize("words", [" passwd = 'secret'", 'passwd="its\' secret"', "passwd='secret"])
def test_no_spelling_of_a_password_is_logged(words: str, log: ActivityLog) -> None:
    request = ChangeDevice("u", "web", "attach", f"<a {words}/>", True, False, True)
    log.add(of_reply(request, Reply("failed", f"no: {words}", read_back=words), ""))
    assert "secret" not in text_of(log)
    assert text_of(log).count("***") == 3


def test_pins_are_logged_as_they_were_and_as_they_are(log: ActivityLog) -> None:
    sets = CpuSet.parse("0-3"), CpuSet.parse("8")
    step = PinStep("vcpu", 0, sets[0], sets[1], sets[0], sets[1])
    wanted = SetPins.of(PinChange("u", "web", (step,)), split_pins=True)
    log.add(of_reply(wanted, Reply(), "qemu:///system"))
    (entry,) = log.newest()
    assert entry.action == "pin (plan)"
    assert entry.before == "vCPU 0 live 0-3; vCPU 0 config 0-3"
    assert entry.after == "vCPU 0 live 8; vCPU 0 config 8"
    assert "vcpupin" in entry.virsh


def test_a_name_cannot_forge_a_line_and_has_a_bounded_length(log: ActivityLog) -> None:
    name = '\n{"when": "now"}\x1b]0;x\x07\u202e\udc9b' + "x" * 5000
    log.add(of_reply(Act("u", name, "start", "shut off"), Reply(), "qemu:///system"))
    assert len(text_of(log).splitlines()) == 1
    (entry,) = log.newest()
    assert entry.name == name[:MAX_CHARS]
    assert text_of(log).rstrip("\n").isprintable()


def test_the_newest_come_first_and_what_is_no_entry_is_passed_over(log: ActivityLog) -> None:
    log.add(of_reply(ACT, Reply(), "a"))
    assert log.path is not None
    with log.path.open("a") as file:
        file.write('nonsense\n[]\n{"when": 1}\n' + "[" * 9000 + "\n")
    log.add(of_reply(ACT, Reply(), "b"))
    assert [entry.uri for entry in log.newest()] == ["b", "a"]
    with log.path.open("a") as file:
        file.writelines([text_of(log).splitlines()[0] + "\n"] * (MOST + 5))
    assert len(log.newest()) == MOST


def test_a_log_that_cannot_be_written_stops_nothing_and_says_why(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "elsewhere")
    log = ActivityLog(tmp_path)
    log.add(of_reply(ACT, Reply(), "qemu:///system"))
    assert log.problem.startswith(f"{tmp_path / FILE_NAME}: ")
    assert [entry.name for entry in log.newest()] == ["web"]
    assert not (tmp_path / "elsewhere").exists()


def test_without_a_home_the_log_lives_in_memory() -> None:
    log = ActivityLog(None)
    log.add(of_reply(ACT, Reply(), "qemu:///system"))
    assert [entry.name for entry in log.newest()] == ["web"]
    assert "HOME" in log.problem
