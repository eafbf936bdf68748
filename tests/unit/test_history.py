"""The history of pin changes: what is written, what is read back, what undo and redo go by."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.model_hosts import MemoryHost, c, cpusets, uuid_of, vcpu
from vconsole.changes.history import FILE_NAME, History, Record
from vconsole.features.pins.model.plan import PinPlan
from vconsole.files.jsonlines import READ_BYTES
from vconsole.files.places import state_dir
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Pin
from vconsole.model.outcome import Outcome, PinChange, PinStep, StepOutcome

URI = "qemu:///system"
NOW = datetime(2025, 3, 1, 14, 2, 11, tzinfo=UTC)
BASE = (Pin("vcpu", 0, c("0-7"), c("0-7")), Pin("vcpu", 1, c("0-7"), c("0-3")))


def change(cpuset: str = "4", row: int = 0, name: str = "web") -> PinChange:
    plan = PinPlan(uuid_of(name), name, BASE)
    return plan.stage(vcpu(row), c(cpuset)).to_change()


def applied(what: PinChange, count: int | None = None) -> Outcome:
    """Everything was applied, or the first `count` steps were."""
    steps = tuple(
        StepOutcome(step, "applied" if count is None or n < count else "failed")
        for n, step in enumerate(what.steps)
    )
    return Outcome(what, "applied" if count is None else "failed", steps)


# ---- one record


def test_a_record_says_who_did_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50022 192.0.2.1 22")
    History.load(tmp_path).record(applied(change()), URI, now=NOW)
    assert json.loads((tmp_path / FILE_NAME).read_text()) == {
        "when": "2025-03-01T14:02:11Z",
        "operator": "alice by sudo from 192.0.2.7",
        "uri": URI,
        "uuid": uuid_of("web"),
        "name": "web",
        "origin": "plan",
        "outcome": "applied",
        "message": "",
        "steps": [
            {
                "kind": "vcpu",
                "id": 0,
                "live_before": "0-7",
                "live_after": "4",
                "config_before": "0-7",
                "config_after": "4",
                "status": "applied",
            }
        ],
        "commands": [f"virsh -c {URI} vcpupin --domain web --vcpu 0 --cpulist 4 --live --config"],
    }


@pytest.mark.parametrize(
    ("environ", "directory"),
    [
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, Path("/s/vconsole")),
        ({"XDG_STATE_HOME": "s", "HOME": "/h"}, Path("/h/.local/state/vconsole")),
        ({"XDG_STATE_HOME": "", "HOME": "/h"}, Path("/h/.local/state/vconsole")),
        ({"HOME": ""}, None),
        ({}, None),
    ],
)
def test_state_dir(environ: dict[str, str], directory: Path | None) -> None:
    assert state_dir(environ) == directory


@given(st.text(), st.text(), cpusets)
def test_any_record_survives_the_file(name: str, uri: str, cpuset: CpuSet) -> None:
    plan = PinPlan(uuid_of("x"), name, (Pin("vcpu", 0, c("40"), c("40")),)).stage(vcpu(0), cpuset)
    record = History().record(applied(plan.to_change()), uri).records[0]
    line = record.to_json()
    assert line.isascii()
    assert "\n" not in line
    assert Record.from_json(line) == record


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ),
    st.sampled_from(["when", "origin", "outcome", "steps", "commands", "uuid"]),
)
def test_a_spoiled_record_is_a_value_error(value: object, field: str) -> None:
    good = json.loads(History().record(applied(change()), URI).records[0].to_json())
    try:
        record = Record.from_json(json.dumps({**good, field: value}))
    except ValueError:
        return
    items = value if isinstance(value, list) else [value]
    assert all(isinstance(item, str) for item in items)
    assert isinstance(record.when, str)


# ---- the file


def test_it_survives_a_restart(tmp_path: Path) -> None:
    first = History.load(tmp_path / "deep" / "vconsole").record(applied(change()), URI)
    again = History.load(tmp_path / "deep" / "vconsole")
    assert again.records == first.records
    assert again.undo(URI) == change().reversed()
    assert again.ours == ()


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    old = os.umask(0)
    try:
        history = History.load(tmp_path / "new").record(applied(change()), URI)
        path.touch(mode=0o666)
        History.load(tmp_path).record(applied(change()), URI)
    finally:
        os.umask(old)
    assert history.path is not None
    for file in (history.path, path):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_lines_that_are_no_records_are_skipped_and_counted(tmp_path: Path) -> None:
    good = History().record(applied(change()), URI).records[0].to_json()
    garbage = b"\n\xff\xfe\x00\n{}\n[1]\nnull\n" + b"[" * 5000 + b"\n" + good[:80].encode()
    (tmp_path / FILE_NAME).write_bytes(good.encode() + garbage)
    history = History.load(tmp_path)
    assert (len(history.records), history.skipped) == (1, 6)
    assert not history.problem


def test_a_line_cut_off_by_a_crash_does_not_spoil_the_next(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"when": "2025-')
    History.load(tmp_path).record(applied(change()), URI)
    history = History.load(tmp_path)
    assert (len(history.records), history.skipped) == (1, 1)


def test_only_the_end_of_a_long_file_is_read(tmp_path: Path) -> None:
    good = History().record(applied(change()), URI).records[0].to_json() + "\n"
    (tmp_path / FILE_NAME).write_text(good * (3 * READ_BYTES // len(good)))
    history = History.load(tmp_path)
    assert history.skipped == 0
    assert READ_BYTES - len(good) <= len(history.records) * len(good) <= READ_BYTES


def test_without_a_home_it_lives_in_memory_and_says_why() -> None:
    history = History.load(None).record(applied(change()), URI)
    assert history.problem == "neither XDG_STATE_HOME nor HOME names a directory"
    assert history.undo(URI) is not None


def test_a_place_that_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    history = History.load(tmp_path / "file" / "vconsole").record(applied(change()), URI)
    assert "not a directory" in history.problem
    assert history.path is None
    assert len(history.records) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    history = History.load(tmp_path).record(applied(change()), URI)
    tmp_path.chmod(0o700)
    assert "cannot be written" in history.problem
    assert history.path is None


def test_a_file_that_cannot_be_written_any_more_costs_only_the_file(tmp_path: Path) -> None:
    history = History.load(tmp_path)
    (tmp_path / FILE_NAME).mkdir()
    after = history.record(applied(change()), URI)
    assert after.problem
    assert after.path is None
    assert after.undo(URI) == change().reversed()


def test_links_and_pipes_are_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / FILE_NAME).symlink_to(tmp_path / "secret")
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "b" / FILE_NAME)
    for place in ("a", "b"):
        history = History.load(tmp_path / place).record(applied(change()), URI)
        assert history.problem
        assert history.path is None
    assert (tmp_path / "secret").read_text() == "x"


def test_a_lock_held_by_another_program_does_not_hold_the_console(tmp_path: Path) -> None:
    history = History.load(tmp_path).record(applied(change()), URI)
    assert history.path is not None
    with history.path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        history = history.record(applied(change()), URI)
    assert not history.problem
    assert len(History.load(tmp_path).records) == 2


# ---- undo and redo


def test_nothing_to_undo_at_first() -> None:
    assert History().undo(URI) is None
    assert History().redo(URI) is None


def test_undo_and_redo_walk_back_and_forth() -> None:
    first, second = change("4", 0), change("5", 1, "db")
    history = History().record(applied(first), URI).record(applied(second), URI)
    assert history.undoable(URI) == second
    back = history.undo(URI)
    assert back == second.reversed()
    history = history.record(applied(back), URI)
    assert (history.undoable(URI), history.redoable(URI)) == (first, second)
    again = history.redo(URI)
    assert again == replace(second, origin="redo")
    history = history.record(applied(again), URI)
    assert (history.undoable(URI), history.redoable(URI)) == (second, None)


def test_a_new_change_forgets_what_was_undone() -> None:
    history = History().record(applied(change("4")), URI)
    history = history.record(applied(change("4").reversed()), URI)
    assert history.redo(URI) is not None
    history = history.record(applied(change("6")), URI)
    assert history.redo(URI) is None


def test_each_connection_has_its_own() -> None:
    history = History().record(applied(change()), URI)
    assert history.undo("qemu+ssh://other/system") is None


def test_what_failed_is_recorded_and_not_undone() -> None:
    refused = Outcome(change(), "conflict", (StepOutcome(change().steps[0], "conflict"),), "seen")
    history = History().record(refused, URI)
    assert history.records[0].outcome == "conflict"
    assert history.records[0].message == "seen"
    assert history.records[0].commands == ()
    assert history.undo(URI) is None


def test_a_change_that_failed_half_way_is_undone_as_far_as_it_went() -> None:
    plan = PinPlan(uuid_of("web"), "web", BASE).spread([vcpu(0), vcpu(1)], [4, 5])
    history = History().record(applied(plan.to_change(), count=1), URI)
    back = history.undo(URI)
    assert back is not None
    assert [step.key for step in back.steps] == [vcpu(0)]


def test_a_roll_back_leaves_nothing_to_undo_or_redo() -> None:
    plan = PinPlan(uuid_of("web"), "web", BASE).spread([vcpu(0), vcpu(1)], [4, 5])
    half = applied(plan.to_change(), count=1)
    history = History().record(half, URI)
    done = replace(plan.to_change(), steps=half.applied)
    history = history.record(applied(done.reversed("roll-back")), URI)
    assert (history.undo(URI), history.redo(URI)) == (None, None)


def test_an_undo_that_failed_half_way_leaves_the_rest_to_undo() -> None:
    plan = PinPlan(uuid_of("web"), "web", BASE).spread([vcpu(0), vcpu(1)], [4, 5])
    history = History().record(applied(plan.to_change()), URI)
    back = history.undo(URI)
    assert back is not None
    history = history.record(applied(back, count=1), URI)
    rest, again = history.undo(URI), history.redo(URI)
    assert rest is not None
    assert again is not None
    assert [step.key for step in rest.steps] == [vcpu(0)]
    assert [step.key for step in again.steps] == [vcpu(1)]


def test_a_row_put_back_by_half_leaves_the_other_half_to_undo() -> None:
    history = History().record(applied(change("5", 1)), URI)
    back = history.undo(URI)
    assert back is not None
    (step,) = back.steps
    live = replace(step, config_before=None, config_after=None)
    config = replace(step, live_before=None, live_after=None)
    outcome = Outcome(
        back, "failed", (StepOutcome(live, "applied"), StepOutcome(config, "failed", "no"))
    )
    history = history.record(outcome, URI)
    assert history.undo(URI) == replace(back, steps=(config,))
    assert history.redo(URI) == replace(back, steps=(live.reversed(),), origin="redo")


def test_libvirts_test_driver_forgets_with_its_process(tmp_path: Path) -> None:
    demo = "test:///default"
    history = History.load(tmp_path).record(applied(change()), demo)
    assert history.undo(demo) is not None
    again = History.load(tmp_path)
    assert len(again.records) == 1
    assert again.undo(demo) is None


@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(0, 1), cpusets), st.sampled_from(["undo", "redo", "restart"])
        ),
        max_size=25,
    )
)
def test_undo_and_redo_never_conflict_and_end_where_they_began(
    steps: list[tuple[int, CpuSet] | str],
) -> None:
    """On a host that nobody else touches, whatever is done, undone and redone in any order."""
    memory, history = MemoryHost.of(BASE), History()
    states = [memory.base]
    place = 0
    for step in steps:
        if step == "restart":
            lines = [record.to_json() for record in history.records]
            history = History(tuple(map(Record.from_json, lines)))
            continue
        wanted = _wanted(step, memory, history)
        if wanted is None or not wanted.steps:
            assert step != "undo" or place == 0
            assert step != "redo" or place == len(states) - 1
            continue
        outcome = memory.apply(wanted)
        assert outcome.status == "applied"
        history = history.record(outcome, URI)
        if isinstance(step, str):
            place += 1 if step == "redo" else -1
            assert memory.base == states[place]
        else:
            place += 1
            states = [*states[:place], memory.base]
    while (back := history.undo(URI)) is not None:
        history = history.record(memory.apply(back), URI)
    assert memory.base == BASE


def _wanted(
    step: tuple[int, CpuSet] | str, memory: MemoryHost, history: History
) -> PinChange | None:
    if not isinstance(step, str):
        row, cpuset = step
        plan = PinPlan(uuid_of("web"), "web", memory.base)
        return plan.stage(vcpu(row), cpuset).to_change()
    return history.undo(URI) if step == "undo" else history.redo(URI)


def test_a_step_of_the_emulator_has_no_number() -> None:
    step = PinStep("emulator", None, live_before=c("0-7"), live_after=c("1"))
    history = History().record(applied(PinChange("u", "web", (step,))), URI)
    assert Record.from_json(history.records[0].to_json()).applied == (step,)
