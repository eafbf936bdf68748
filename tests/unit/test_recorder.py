"""The record of a change: its intent is on the disk before it is made, its outcome after it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from queue import Queue

import pytest

from tests.integration.ground import wait_until
from vconsole.changes import activity
from vconsole.changes.activity import ActivityLog
from vconsole.changes.dispatcher import Dispatcher, Handler, Request
from vconsole.changes.entry import BEGUN, Entry
from vconsole.changes.process import is_over, this_process
from vconsole.changes.recorder import Records
from vconsole.changes.settle import ReadOutcome, summary
from vconsole.changes.store import PinHistory
from vconsole.features.lifecycle.model import Act
from vconsole.files.jsonlines import append_line
from vconsole.model.cpuset import CpuSet
from vconsole.model.outcome import Outcome, PinChange, PinStep, StepOutcome
from vconsole.model.request import Reply, took_effect
from vconsole.model.set_pins import SetPins

URI = "test:///default"
ACT = Act("u-1", "web", "suspend", "running")
SETS = CpuSet.parse("0-7"), CpuSet.parse("1")
PINS = SetPins.of(PinChange("u-1", "web", (PinStep("vcpu", 0, SETS[0], SETS[1]),)), False)


class Hasty(Act):
    """Waits not for long."""

    __slots__ = ()

    @property
    def deadline_s(self) -> float:
        return 1.0  # long enough for the intent to be written


class Desk:
    """A dispatcher that records, and the file."""

    def __init__(self, place: Path) -> None:
        self.log, self.pins = ActivityLog(place), PinHistory(place)
        self.records = Records(self.log, lambda: URI, self.pins)
        self.replies: Queue[tuple[Request, Reply]] = Queue()

    def dispatcher(self, handle: Handler) -> Dispatcher:
        handlers: dict[type, Handler] = dict.fromkeys((Act, SetPins, ReadOutcome), handle)
        return Dispatcher(handlers, lambda *pair: self.replies.put(pair), recorder=self.records)

    @property
    def lines(self) -> list[dict[str, str]]:
        assert self.log.path is not None
        return [json.loads(line) for line in self.log.path.read_text().splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_intent_is_on_the_disk_before_the_change_is_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        synced.append(handle)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    seen: list[dict[str, str]] = []

    def handle(request: Act) -> Reply:
        seen.extend(desk.lines)
        assert synced
        return Reply("applied", "it is paused", "paused", "paused")

    desk.dispatcher(handle).ask(ACT)
    desk.replies.get(timeout=30)
    (intent,) = seen
    assert (intent["outcome"], intent["action"], intent["before"]) == (BEGUN, "suspend", "running")
    first, last = desk.lines
    assert (first["id"], last["outcome"], last["after"]) == (last["id"], "applied", "paused")
    (entry,) = desk.log.newest()
    assert (entry.outcome, entry.message) == ("applied", "it is paused")


def test_nothing_is_written_in_the_thread_that_asks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def noted(path: Path, line: str) -> None:
        threads.append(threading.get_ident())
        append_line(path, line)

    monkeypatch.setattr(activity, "append", noted)
    desk.dispatcher(lambda request: Reply()).ask(ACT)
    desk.replies.get(timeout=30)
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_a_change_without_an_answer_is_unknown_and_says_who_can_tell(desk: Desk) -> None:
    release = threading.Event()

    def handle(request: object) -> Reply:
        release.wait(60)
        return Reply("applied", "after all")

    hasty = Hasty("u-1", "web", "suspend", "running")
    dispatcher = Dispatcher(
        {Hasty: handle}, lambda *pair: desk.replies.put(pair), recorder=desk.records
    )
    dispatcher.ask(hasty)
    _, reply = desk.replies.get(timeout=30)
    assert reply.status == "unknown"
    assert isinstance(reply.settle, ReadOutcome)
    assert reply.settle.of is hasty
    assert reply.settle.entry.trace == "suspend"
    assert desk.log.newest()[0].outcome == "unknown"
    told = desk.records.ended(desk.records.begun(reply.settle), reply.settle, took_effect(True))
    assert told.message == "read again: it took effect"
    assert desk.log.newest()[0].outcome == "applied"
    release.set()
    wait_until(lambda: desk.log.newest()[0].message == "after all", "the late answer is the truth")
    assert len(desk.log.newest()) == 1


def test_that_nobody_could_be_asked_tells_nothing(desk: Desk) -> None:
    entry = desk.records.begun(ACT)
    assert entry is not None
    asked = ReadOutcome(entry)
    reply = desk.records.ended(desk.records.begun(asked), asked, Reply("failed", "no connection"))
    assert (reply.status, desk.log.newest()[0].outcome) == ("unknown", "unknown")


def test_what_ended_before_it_knew_is_found_and_what_runs_is_not(
    desk: Desk, tmp_path: Path
) -> None:
    mine = desk.records.begun(ACT)
    assert mine is not None
    assert desk.log.unsettled(URI) == (), "this process may still write it"
    done = subprocess.run(["true"], check=True)
    assert done.returncode == 0
    node, number, started = this_process().split()
    gone = replace(mine, id="gone", process=f"{node} {number} {int(started) - 1}")
    away = replace(mine, id="away", process=f"other-{node} 1 1")
    for entry in (gone, away, replace(gone, id="else", uri="qemu:///system")):
        desk.log.add(entry)
    assert [entry.id for entry in desk.log.unsettled(URI)] == ["gone"]
    desk.records.ended(gone, ReadOutcome(gone), took_effect(False))
    assert desk.log.unsettled(URI) == ()


def test_what_is_not_over_is_asked_again_at_the_next_start_too(desk: Desk) -> None:
    """libvirt goes on with a call whose caller has died: the state of now is not its outcome."""
    intent = desk.records.begun(ACT)
    assert intent is not None
    node, number, started = this_process().split()
    gone = replace(intent, id="gone", process=f"{node} {number} {int(started) - 1}")
    desk.log.add(gone)
    asked, lines = ReadOutcome(gone), len(desk.lines)
    reply = desk.records.ended(gone, asked, Reply("unknown", "not over", settle=asked))
    assert reply.settle is asked
    assert len(desk.lines) == lines, "asked for hours it fills no log"
    desk.records.ended(gone, asked, Reply("failed", "no connection"))
    assert desk.log.unsettled(URI) == (replace(gone, outcome="unknown", message="no connection"),)
    desk.records.ended(gone, asked, Reply("unknown", "cannot be told"))
    assert desk.log.unsettled(URI) == (), "nobody will ever know"


def test_what_was_unknown_when_its_program_ended_is_asked_at_the_next_start(desk: Desk) -> None:
    intent = desk.records.begun(ACT)
    assert intent is not None
    node, number, started = this_process().split()
    desk.records.ended(
        replace(intent, process=f"{node} {number} {int(started) - 1}"), ACT, Reply("unknown", "?")
    )
    assert [entry.trace for entry in desk.log.unsettled(URI)] == ["suspend"]


@pytest.mark.parametrize("process", ["", "x", "x y z", "x -1 2"])
def test_a_process_that_is_not_named_is_not_known_to_be_over(process: str) -> None:
    assert not is_over(process)


def test_lines_of_old_still_read(desk: Desk, tmp_path: Path) -> None:
    old = Entry(*("2026-01-01T00:00:00Z", "alice", URI, "u", "web", "suspend"), "a", "b", "applied")
    assert set(json.loads(old.to_json())) == {
        *("when", "operator", "uri", "uuid", "name", "action"),
        *("before", "after", "outcome", "message", "virsh"),
    }
    assert desk.log.path is not None
    desk.log.path.write_text(old.to_json() + "\n" + old.to_json() + "\n")
    assert desk.log.newest() == (old, old)


def test_pins_can_be_undone_as_soon_as_their_outcome_is_written(desk: Desk) -> None:
    outcome = Outcome(PINS.change, "applied", (StepOutcome(PINS.change.steps[0], "applied"),))
    desk.dispatcher(lambda request: Reply(value=outcome)).ask(PINS)
    desk.replies.get(timeout=30)
    assert desk.pins.now().undo(URI) == PINS.change.reversed()


def test_several_are_summed_up() -> None:
    replies = [took_effect(True), took_effect(True), took_effect(False), Reply("unknown")]
    words = "4 changes of unknown outcome: 2 took effect, 1 did not, 1 cannot be told"
    assert summary(replies) == words
    waits = Reply("unknown", settle=ReadOutcome(Entry(*[""] * 9)))
    words = "3 changes of unknown outcome: 2 are not over, 1 cannot be told"
    assert summary([waits, waits, Reply("unknown")]) == words
    assert summary(replies[:1]) == "1 change of unknown outcome: 1 took effect"
