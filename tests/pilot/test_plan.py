"""The plan: read the difference, choose the target, apply, and what is said when it goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests import scenes
from tests.feed import ScriptedDispatcher
from tests.fleet import HOSTILE_NAMES
from tests.pilot.manual import Console, console_on
from tests.pilot.test_pin import EVERYWHERE, WEB_2, pinned_by_someone, pins_of, planned
from vconsole.features.pins.model.plan_json import plan_from_json
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.outcome import Outcome, PinChange, Status, StepOutcome
from vconsole.model.set_pins import SetPins
from vconsole.widgets.table import LineTable


def outcome(change: PinChange, statuses: Iterable[Status], whole: Status, message: str) -> Outcome:
    """The report of a host on which some rows went wrong."""
    steps = tuple(
        StepOutcome(
            step,
            status,
            "" if status in ("applied", "not tried") else message,
            live=step.live_after if status == "applied" else step.live_before,
        )
        for step, status in zip(change.steps, statuses, strict=True)
    )
    return Outcome(change, whole, steps, message, took_ms=12.0)


def fail_half_way(console: Console) -> None:
    """From now on the host sets two rows and then fails; what it sets is set."""
    host = console.host

    def answer(change: PinChange) -> Outcome:
        host.apply(PinChange(change.uuid, change.name, change.steps[:2]))
        statuses: list[Status] = ["applied", "applied", "failed", "not tried"]
        return outcome(change, statuses, "failed", "cannot set CPU affinity: Invalid argument")

    host.answer = answer


# -- target ----------------------------------------------------------------------------------


async def test_tab_goes_from_both_to_live_to_config_and_back() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter")
        console.sees("(*) live+config  ( ) live  ( ) config", "--live --config")
        await console.press("tab")
        console.sees("( ) live+config  (*) live  ( ) config", "--live")
        console.sees_no("--config")
        await console.press("tab")
        console.sees("( ) live+config  ( ) live  (*) config", "--config")
        console.sees_no("--live")
        await console.press("tab")
        console.sees("(*) live+config", "--live --config")


@pytest.mark.parametrize(("tabs", "live", "config"), [(1, "0", EVERYWHERE), (2, EVERYWHERE, "0")])
async def test_only_the_chosen_half_is_changed(tabs: int, live: str, config: str) -> None:
    async with pins_of(WEB_2) as console:
        await console.press(" ", "enter", *["tab"] * tabs, "enter")
        pin = console.pin(WEB_2)
        assert (str(pin.live), str(pin.config)) == (live, config)
        await console.press("escape", "escape")
        assert "cfg~" in console.row(WEB_2)


async def test_the_chosen_target_is_kept_with_the_plan() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "tab", "escape", "enter")
        console.sees("(*) live")


async def test_a_domain_that_is_shut_off_has_its_config_only() -> None:
    async with pins_of("build-3") as console:
        await console.press(" ", "enter")
        console.sees("apply to  (*) config")
        await console.press("tab")
        assert console.status == "! only config is possible for this domain"
        await console.press("enter")
        assert str(console.pin("build-3").config) == "0"
        assert console.pin("build-3").live is None


async def test_a_driver_with_one_set_gets_no_flags() -> None:
    async with pins_of(WEB_2, scenes.one_set(scenes.kvm07())) as console:
        await console.press("x", "enter")
        console.sees("this driver keeps one set of pins for live and config", "--cpulist 32\n")
        console.sees_no("--live", "--config")


async def test_an_undo_has_no_target_to_choose() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "enter", "escape", "u", "tab")
        assert console.status == "! only a plan that is not applied yet has a choice"


# -- reading ---------------------------------------------------------------------------------


async def test_warnings_are_read_before_applying() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter")
        console.sees("! vCPU 0 shares a core with shop-web-1, pinned to the sibling pCPU 0")
        assert console.status == "enter applies; esc goes back, nothing is lost"


async def test_escape_goes_back_and_applies_nothing() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "escape")
        assert console.page == "pin"
        assert len(planned(console)) == 4
        assert console.host.changes == []


async def test_many_rows_are_read_by_scrolling() -> None:
    async with pins_of("orders-db", size=(80, 24)) as console:
        await console.press("]", "]", "t", *"r", "enter", "o", "enter")
        console.sees("vCPU 0")
        await console.press("G")
        console.sees("vCPU 15", "live now")
        assert console.status == "enter applies; esc goes back, nothing is lost"


# -- applying --------------------------------------------------------------------------------


async def test_nothing_is_sent_twice() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "enter", "enter", "enter")
        assert len(console.host.changes) == 1
        assert console.status == "! nothing to apply: it was applied"
        assert "save" not in console.footer, "what is offered can be done"


async def test_while_it_applies_the_keys_work_and_nothing_is_sent_again() -> None:
    async with pins_of(WEB_2) as console:
        sent: list[SetPins] = []
        dispatcher = console.app.dispatcher
        assert isinstance(dispatcher, ScriptedDispatcher)
        dispatcher.answers = {**dispatcher.answers, SetPins: sent.append}
        await console.press("x", "enter", "enter")
        assert console.status == "applying"
        assert console.row("vCPU 0").endswith("...")
        await console.press("enter", "j", "tab")
        assert len(sent) == 1
        await console.press("escape")
        assert console.page == "pin"
        console.app._reply(sent[0], console.host.set_pins(sent[0]))
        await console.settle()
        assert console.status == "applied"


async def test_the_change_carries_what_was_seen() -> None:
    async with pins_of(WEB_2) as console:
        await console.press(" ", "enter", "enter")
        (change,) = console.host.changes
        (step,) = change.steps
        everything = CpuSet.parse(EVERYWHERE)
        assert (step.live_before, step.config_before) == (everything, everything)
        assert step.live_after == step.config_after == CpuSet.of([0])


async def test_a_kernel_that_disagrees_is_shown_as_drift() -> None:
    async with pins_of(WEB_2) as console:

        def drifted(change: PinChange) -> Outcome:
            step = change.steps[0]
            kernel = CpuSet.parse("0-1")
            done = StepOutcome(step, "applied", live=step.live_after, kernel=kernel)
            return Outcome(change, "applied", (done,), took_ms=1.0)

        console.host.answer = drifted
        await console.press(" ", "enter", "enter")
        assert console.row("vCPU 0").endswith("0 drift: kernel 0-1")
        assert console.status.startswith("! 1 of 1 applied in 1 ms; the kernel differs, see drift")


async def test_a_row_that_the_kernel_holds_elsewhere_is_picked_and_pinned_once_more() -> None:
    scene = pinned_by_someone(scenes.kvm07(), WEB_2, 0, "0")
    moved: dict[PinKey, CpuSet] = {("vcpu", 0): CpuSet.parse("1")}
    scene = replace(scene, allowed={scenes.uuid_of(WEB_2): moved})
    async with pins_of(WEB_2, scene) as console:
        console.sees("vCPU 0: libvirt says 0, the kernel runs it on 1: pin it to 0 once more")
        await console.press(" ", "enter")
        assert console.row("vCPU 0").endswith("kernel: 1")
        await console.press("enter")
        assert console.row("vCPU 0").endswith("0 ok")


# -- when it goes wrong ----------------------------------------------------------------------


async def test_a_conflict_changes_nothing_and_shows_what_is_now() -> None:
    async with pins_of(WEB_2, size=(80, 24)) as console:
        theirs = pinned_by_someone(scenes.kvm07(), WEB_2, 2, "9")

        def conflict(change: PinChange) -> Outcome:
            console.host.host_state = theirs
            return Outcome(change, "conflict", (), "vCPU 2 was 0-63 and is now 9")

        console.host.answer = conflict
        await console.press("x", "enter", "enter")
        assert console.status.startswith("x conflict, nothing changed: vCPU 2 was 0-63 and is now")
        assert " ".join(console.text.split()).count("esc shows what is now"), "in a second line"
        assert console.live(WEB_2)[2] == "9", "not overwritten"
        await console.press("escape")
        assert console.status == "x changed by someone else: vCPU 2 was 0-63 and is now 9"
        assert len(planned(console)) == 4, "the plan is not lost"


async def test_a_failure_half_way_offers_to_roll_back() -> None:
    async with pins_of(WEB_2) as console:
        fail_half_way(console)
        await console.press("x", "enter")
        wanted = list(planned(console).values())
        await console.press("enter")
        assert console.status.startswith("x 2 of 4 applied: cannot set CPU affinity")
        assert "b puts the 2 applied back" in console.status
        console.sees("vCPU 2: failed: cannot set CPU affinity: Invalid argument", "not tried")
        assert console.live(WEB_2) == [*wanted[:2], EVERYWHERE, EVERYWHERE]

        console.host.answer = console.host.apply
        await console.press("b")
        assert console.title.startswith("Roll-back for shop-web-2")
        assert console.live(WEB_2) == [EVERYWHERE] * 4
        assert console.status.startswith("2 of 2 applied and verified")
        await console.press("escape")
        assert len(planned(console)) == 4, "what was wanted is still planned"


async def test_a_failure_half_way_that_is_kept_can_be_undone_later() -> None:
    async with pins_of(WEB_2) as console:
        fail_half_way(console)
        await console.press("x", "enter", "enter", "escape")
        assert len(planned(console)) == 2, "what was applied is no longer planned"
        console.host.answer = console.host.apply
        await console.press("u")
        assert console.has_row("vCPU 1")
        assert not console.has_row("vCPU 2")
        await console.press("enter")
        assert console.live(WEB_2) == [EVERYWHERE] * 4


async def test_without_a_failure_there_is_nothing_to_roll_back() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "b")
        assert console.status == "! nothing to roll back"
        await console.press("enter", "b")
        assert console.status == "! nothing to roll back"
        assert len(console.host.changes) == 1


async def test_a_refusal_of_all_rows_offers_nothing() -> None:
    async with pins_of(WEB_2) as console:
        console.host.answer = lambda change: Outcome(change, "refused", (), "access denied")
        await console.press("x", "enter", "enter")
        assert console.status == "x 0 of 4 applied: access denied"
        await console.press("escape")
        assert len(planned(console)) == 4


async def test_an_error_text_is_shown_on_one_line_and_escaped() -> None:
    async with pins_of(WEB_2) as console:
        text = "bad [/red]\x1b[2J\nsecond \x9b31m line"
        console.host.answer = lambda c: outcome(c, ["failed"] * 4, "failed", text)
        await console.press("x", "enter", "enter")
        assert "bad [/red]\\x1b[2J second \\x9b31m line" in console.status
        console.sees("vCPU 0: failed: bad [/red]\\x1b[2J\\x0asecond \\x9b31m line")


# -- saving ----------------------------------------------------------------------------------


async def save(console: Console, path: Path) -> None:
    """Press w, put the path in place of the name offered, enter."""
    await console.press("w", "end", "ctrl+u")
    await console.type(str(path))
    await console.press("enter")


def run_with_fake_virsh(script: Path, place: Path) -> list[list[str]]:
    """Run a saved script; answers the words that each virsh got."""
    fake = place / "bin" / "virsh"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\0" "$@" >> "$LOG"\nprintf "\\n\\0" >> "$LOG"\n')
    fake.chmod(0o755)
    env = {"PATH": f"{fake.parent}:/usr/bin:/bin", "LOG": str(place / "log")}
    subprocess.run([script], check=True, env=env, cwd=place, timeout=60)
    words = (place / "log").read_bytes().decode().split("\0")
    calls: list[list[str]] = [[]]
    for word in words[:-1]:
        if word == "\n":
            calls.append([])
        else:
            calls[-1].append(word)
    return calls[:-1]


async def test_w_saves_a_script_that_does_the_same(tmp_path: Path) -> None:
    path = tmp_path / "pin.sh"
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter")
        await save(console, path)
        assert console.status == f"saved {path}"
        calls = run_with_fake_virsh(path, tmp_path)
        assert calls == [
            [
                "-c",
                "qemu:///system",
                "vcpupin",
                "--domain",
                WEB_2,
                "--vcpu",
                str(n),
                "--cpulist",
                str(pcpu),
                "--live",
                "--config",
            ]
            for n, pcpu in enumerate((32, 33, 36, 37))
        ]
        assert path.stat().st_mode & 0o777 == 0o700 & ~_umask()
        assert f"# virsh -c qemu:///system vcpupin --domain {WEB_2} --vcpu 3" in path.read_text()
        assert console.host.changes == []


async def test_w_saves_json_that_reads_back_as_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter")
        await save(console, path)
        assert console.status == f"saved {path}"
        plan = console.app.plans[scenes.uuid_of(WEB_2)]
        read = plan_from_json(path.read_text())
        assert read.uuid == plan.uuid
        assert dict(read.staged) == dict(plan.staged)
        assert json.loads(path.read_text())["name"] == WEB_2


async def test_a_name_is_offered_that_is_safe_as_a_file() -> None:
    async with pins_of("[link=file:x]") as console:
        await console.press(" ", "enter", "w")
        console.sees("pin-_link_file_x_.sh")


async def test_a_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.sh"
    path.write_text("precious")
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter")
        await save(console, path)
        assert console.status.startswith("x not saved: ")
        assert path.read_text() == "precious"


async def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link.sh").symlink_to(tmp_path / "target")
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter")
        await save(console, tmp_path / "link.sh")
        assert console.status.startswith("x not saved: ")
        assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("name", ["", "no/such/directory/pin.sh"])
async def test_a_file_that_cannot_be_written_is_said(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "w", "end", "ctrl+u", *name, "enter")
        assert console.status.startswith("x not saved: ")
        assert console.page == "plan"
        assert list(tmp_path.iterdir()) == []


async def test_escape_saves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "w", "escape")
        assert console.page == "plan"
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", HOSTILE_NAMES[4:10], ids=range(6))  # all in test_model_virsh.py
async def test_files_of_hostile_names_are_harmless(name: str, tmp_path: Path) -> None:
    """Each script sets one row of that domain and runs nothing else."""
    async with console_on(scenes.hostile(), (120, 40)) as console:
        uuid = scenes.uuid_of(name)
        table = console.app.screen.query_one(LineTable)
        table.show(table.keys, cursor=uuid)
        await console.press("p", " ", "enter")
        await save(console, tmp_path / "plan.json")
        assert console.status.endswith("plan.json")
        assert plan_from_json((tmp_path / "plan.json").read_text()).uuid == uuid
        assert (tmp_path / "plan.json").read_bytes().isascii()

        await save(console, tmp_path / "pin.sh")
        assert console.status.endswith("pin.sh")
        text = (tmp_path / "pin.sh").read_text()
        assert all(line.isprintable() for line in text.splitlines())
        (call,) = run_with_fake_virsh(tmp_path / "pin.sh", tmp_path)
        assert call[call.index("--domain") + 1] in (name, uuid)
        assert call[-4:] == ["--cpulist", "0", "--live", "--config"]
        assert {p.name for p in tmp_path.iterdir()} == {"bin", "log", "pin.sh", "plan.json"}


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now
