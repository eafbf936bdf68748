"""Live against config in front of the console: listed, made persistent, reverted; the editor."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import scenes
from tests.feed import Answers, proposer
from tests.pilot.manual import Console, console_on
from tests.scenes import uuid_of
from tests.unit.domain_xml import CONFIG, LIVE, edited
from vconsole.changes.activity import ActivityLog
from vconsole.features.divergence.model.rows import Divergence, ReadDivergence, rows
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import HostState
from vconsole.model.outcome import Outcome, PinChange, PinStep, StepOutcome
from vconsole.model.proposal import Proposal
from vconsole.model.request import (
    ChangeDevice,
    Configurations,
    Define,
    ReadConfigurations,
    ReadDefinitions,
    Reply,
    command_lines,
)
from vconsole.model.set_pins import SetPins
from vconsole.screens.changes import ChangesScreen

NAME, OTHER = "shop-web-1", "mail"
FIND = ("f", *NAME, "enter")
CHANGED = edited(
    LIVE,
    (">262144</currentMemory>", ">131072</currentMemory>"),
    ("<clock offset='utc'>", "<clock offset='localtime'>"),
)

CHANNEL = "<channel type='unix'><target type='virtio' name='org.example.0'/></channel>"


class Host:
    """Two domains that differ; the others are shut off."""

    def __init__(self) -> None:
        self.live, self.config = CHANGED, CONFIG
        self.made: list[Any] = []
        self.status = "applied"

    @property
    def answers(self) -> Answers:
        return {
            ReadDivergence: self._compare,
            ReadDefinitions: lambda request: Reply(value=dict.fromkeys(request.uuids, self.config)),
            **dict.fromkeys((Define, ChangeDevice), self._change),
            **_planning(self._read),
        }

    def _compare(self, request: ReadDivergence) -> Reply:
        differing = Divergence(rows(self.live, self.config, CpuSet.parse("0-1")))
        known = {uuid_of(NAME): differing, uuid_of(OTHER): differing}
        off = Divergence(reason="it does not run: there is nothing to compare")
        return Reply(value={uuid: known.get(uuid, off) for uuid in request.uuids})

    def _read(self, request: ReadConfigurations) -> Reply:
        both = Configurations(self.live, self.config)
        return Reply(value=dict.fromkeys(request.uuids, both))

    def _change(self, change: Define) -> Reply:
        self.made.append(change)
        if self.status == "applied":
            self.config = change.after
            return Reply(value=change.after)
        return Reply("failed", "libvirt does not like it")


def _planning(read: Any) -> Answers:
    from vconsole.model.proposal import Propose

    return {Propose: proposer(read)}


def kvm07() -> HostState:
    """kvm07 where two domains are known to differ."""
    scene = scenes.kvm07()
    differing = {uuid_of(NAME), uuid_of(OTHER)}
    domains = (replace(d, diverged=2) if d.uuid in differing else d for d in scene.domains)
    return replace(scene, domains=tuple(domains))


async def test_the_list_marks_domains_that_run_otherwise_than_they_are_defined() -> None:
    async with console_on(kvm07()) as console:
        await console.press("f", *OTHER, "enter")
        assert [line for line in console.lines if line.startswith("~ mail")] or console.row(
            "~ mail"
        )
        assert "runs otherwise than it is defined in 2 things" in console.status
        await console.press("enter")
        console.sees("Divergence", "2 differences of live and config")


async def test_the_page_lists_the_differences_of_a_domain_and_then_of_all() -> None:
    async with console_on(kvm07(), answers=Host().answers) as console:
        await console.press(*FIND, "D")
        assert console.title == f"Divergence of {NAME}   2 differences"
        console.sees("current memory", "128 MiB", "256 MiB", "clock offset", "localtime")
        assert console.row("memory").endswith("+ -")
        assert console.row("clock").endswith("+")
        await console.press("j")
        console.sees("not -: not done from here while it runs")
        await console.press("-")
        assert "not done from here while it runs" in console.status
        await console.press("tab")
        assert console.title == "Divergence of all domains   4 differences   in 2 domains"
        console.sees(OTHER)
        await console.press("tab")
        assert console.title == f"Divergence of {NAME}   2 differences"


async def test_those_chosen_are_made_persistent_in_one_definition() -> None:
    host = Host()
    async with console_on(kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "D", "*")
        assert "2 chosen" in console.title
        await console.press("+")
        assert console.page == "changes"
        console.sees("- ", "131072</currentMemory>", "localtime", "virsh edit shop-web-1")
        assert host.made == []
        await console.press("enter")
        console.sees("applied")
        await console.press("escape")
        assert console.page == "divergence"
        assert console.status == "it runs as it is defined; tab shows all domains that do not"
    (change,) = host.made
    assert change.what == "make persistent: current memory, clock offset"


async def test_what_was_chosen_and_cannot_be_done_is_named() -> None:
    async with console_on(kvm07(), answers=Host().answers) as console:
        await console.press(*FIND, "D", "*", "-")
        assert console.page == "changes"
        console.sees("set the memory", "clock offset: not done from here while it runs")


async def test_a_comparison_that_fails_says_why_and_not_that_all_is_well() -> None:
    hangs, host = [True], Host()

    def compare(request: ReadDivergence) -> Reply | None:
        wanted = host.answers[ReadDivergence](request)
        return Reply("unknown", "no answer within 60 s") if hangs else wanted

    async with console_on(kvm07(), answers={ReadDivergence: compare}) as console:
        await console.press(*FIND, "D", "tab")
        assert console.title == "Divergence of all domains"
        page = console.app.page
        assert page is not None
        page.unsay()
        await console.settle()
        assert console.status == "! no answer within 60 s"
        hangs.clear()
        await console.host_says(replace(console.host.host_state, busy={}))
        assert console.title == "Divergence of all domains   4 differences   in 2 domains"


async def test_while_it_is_compared_nobody_says_that_all_is_well() -> None:
    async with console_on(kvm07()) as console:
        await console.press(*FIND, "D", "tab")
        assert console.status == "comparing"
        assert console.title == "Divergence of all domains"


async def test_the_first_failure_of_a_domain_is_the_reason_that_is_told() -> None:
    host = Host()
    host.status = "failed"
    host.live = CHANGED.replace("</devices>", f"{CHANNEL}</devices>")
    async with console_on(kvm07(), (100, 40), answers=host.answers) as console:
        await console.press(*FIND, "D", "*", "+", "enter")
        console.sees("not tried  after a failure")
        assert console.status.endswith("libvirt does not like it")


async def test_long_notes_go_on_in_the_next_line_at_every_width() -> None:
    words = [f"word{number}" for number in range(20)]
    proposal = Proposal(notes=(" ".join(words),))
    async with console_on(kvm07()) as console:
        await console.app.show_page(ChangesScreen("do it", (proposal,)))
        console.sees(*words)
        await console.pilot.resize_terminal(60, 24)
        await console.settle()
        console.sees(*words)


def test_every_virsh_command_is_shown_and_no_document() -> None:
    devices = [
        ChangeDevice(uuid_of(NAME), NAME, "attach", CHANNEL, True, live, not live)
        for live in (True, False)
    ]
    lines = [line for change in devices for line in change.virsh()]
    assert command_lines(lines) == [devices[0].virsh()[0], devices[1].virsh()[0]]


async def test_enter_says_why_there_is_nothing_to_apply() -> None:
    async with console_on(kvm07()) as console:
        await console.app.show_page(ChangesScreen("do it", asking=ReadDefinitions(("u",))))
        await console.press("enter")
        assert console.status == "! reading the domains"


async def test_pins_set_as_one_of_several_changes_can_be_undone() -> None:
    step = PinStep("vcpu", 0, config_before=CpuSet.parse("0-1"), config_after=CpuSet.parse("0"))
    pins = PinChange(uuid_of(NAME), NAME, (step,))
    outcome = Outcome(pins, "applied", (StepOutcome(step, "applied"),))
    change = SetPins(pins, "make the pins persistent")
    answers: Answers = {SetPins: lambda _: Reply(value=outcome)}
    async with console_on(kvm07(), answers=answers) as console:
        await console.app.show_page(ChangesScreen("pins", (Proposal((change,)),)))
        await console.press("enter")
        uri = console.app.host_state.connection.uri
        assert console.app.history.undo(uri) == pins.reversed("undo")


async def test_a_domain_that_does_not_run_says_so() -> None:
    async with console_on(kvm07(), answers=Host().answers) as console:
        await console.press("f", *"build-3", "enter", "D")
        assert console.status == "! it does not run: there is nothing to compare"
        await console.press("+")
        assert console.status == "! there is no difference here"


async def test_enter_shows_the_xml_difference() -> None:
    scene = scenes.in_view(kvm07(), NAME)
    async with console_on(scene, answers=Host().answers) as console:
        await console.press(*FIND, "D", "enter")
        assert console.page == "domain"
        assert "what the next start changes" in console.status


async def test_what_would_be_taken_out_of_a_definition_is_chosen_singly() -> None:
    host = Host()
    host.live = edited(LIVE, ("    <timer name='hpet' present='no'/>\n", ""))
    async with console_on(kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "D", "*")
        assert "left out: 1 difference" in console.status
        assert "chosen" not in console.title
        console.sees("+ takes it out of the definition")
        await console.press("space", "+")
        console.sees("-    <timer name='hpet' present='no'/>")


async def test_what_was_not_compared_is_not_counted() -> None:
    async with console_on(kvm07(), answers={}) as console:
        await console.press(*FIND, "D")
        assert console.title == f"Divergence of {NAME}"
    async with console_on(kvm07(), answers=Host().answers) as console:
        await console.press(*FIND, "D")
        assert "2 differences" in console.title


async def test_read_only_nothing_is_planned() -> None:
    scene = scenes.read_only(kvm07())
    async with console_on(scene, answers=Host().answers) as console:
        await console.press(*FIND, "D", "+")
        assert "read-only" in console.status


# -- the editor ------------------------------------------------------------------------------

EDITOR = "import pathlib,sys; p=pathlib.Path(sys.argv[-1]); {}"


class Dispatcher:
    """Sits at a console whose editor is a script, and whose log is in a folder."""

    def __init__(self, console: Console, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.console, self.folder, self._patch = console, folder, patch
        console.app._activity = ActivityLog(folder)
        patch.setattr(console.app, "suspend", nullcontext)

    async def edit(self, script: str) -> None:
        """Press e; the editor does what the script says to the file `p`."""
        line = shlex.join((sys.executable, "-c", EDITOR.format(script)))
        self._patch.setenv("VISUAL", line)
        await self.console.press("e")

    @property
    def kept(self) -> list[Path]:
        return list((self.folder / "drafts").glob("*"))


def replaced(old: str, new: str) -> str:
    return f"p.write_text(p.read_text().replace({old!r}, {new!r}, 1))"


async def test_an_edited_definition_is_shown_and_defined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host()
    async with console_on(kvm07(), (100, 30), answers=host.answers) as console:
        dispatcher = Dispatcher(console, tmp_path, monkeypatch)
        await console.press(*FIND, "enter")
        await dispatcher.edit(
            "assert p.stat().st_mode & 0o777 == 0o600 and p.parent.stat().st_mode & 0o77 == 0; "
            + replaced("<acpi/>", "<acpi/><apic/>")
        )
        assert console.page == "changes"
        (kept,) = dispatcher.kept
        assert kept.stat().st_mode & 0o777 == 0o600
        assert kept.parent.stat().st_mode & 0o777 == 0o700
        console.sees("<acpi/><apic/>", str(kept)[:20])
        await console.press("enter")
        assert [change.what for change in host.made] == ["edit the definition"]
        assert dispatcher.kept == [], "it is defined: nothing needs to be kept"


async def test_a_text_that_libvirt_refuses_is_kept_and_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host()
    host.status = "failed"
    async with console_on(kvm07(), (100, 30), answers=host.answers) as console:
        dispatcher = Dispatcher(console, tmp_path, monkeypatch)
        await console.press(*FIND, "enter")
        await dispatcher.edit(replaced("<acpi/>", "<acpi/><apic/>"))
        await console.press("enter")
        console.sees("libvirt does not like it")
        assert len(dispatcher.kept) == 1
        await console.press("escape")
        await dispatcher.edit(replaced("<apic/>", "<pae/>"))
        assert "go on with it" in console.text
        await console.press("enter")
        console.sees("<acpi/><pae/>")
        await console.press("escape")
        await dispatcher.edit("pass")
        await console.press("n", "enter")
        assert console.status == "nothing was changed"


async def test_no_editor_comes_up_on_another_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console_on(kvm07()) as console:
        dispatcher = Dispatcher(console, tmp_path, monkeypatch)
        await console.press(*FIND, "enter")
        await dispatcher.edit(replaced("<acpi/>", "<acpi/><apic/>"))
        (request,) = console.asked(ReadDefinitions)
        await console.press("7")
        console.app._reply(request, Reply(value={uuid_of(NAME): CONFIG}))
        await console.settle()
        assert (console.page, dispatcher.kept) == ("activity", [])


async def test_going_on_with_an_older_text_warns_of_what_others_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host()
    async with console_on(kvm07(), (100, 30), answers=host.answers) as console:
        dispatcher = Dispatcher(console, tmp_path, monkeypatch)
        await console.press(*FIND, "enter")
        await dispatcher.edit(replaced("<acpi/>", "<acpi/><apic/>"))
        assert "begun earlier" not in console.text
        await console.press("escape")
        host.config = host.config.replace("<clock offset='utc'>", "<clock offset='localtime'>")
        await dispatcher.edit("pass")
        await console.press("enter")
        console.sees("begun earlier: see that it takes back nothing of others")


@pytest.mark.parametrize(
    ("script", "words", "kept"),
    [
        (replaced("</domain>", ""), "XML line", 1),
        (replaced("<name>plenty", "<name>other"), "put plenty back", 1),
        (replaced("<uuid>f", "<uuid>0"), "would define another domain", 1),
        ("p.write_text('<pool/>')", "it is a <pool>", 1),
        ("sys.exit(3)", "ended with 3: nothing was taken over", 0),
        ("p.unlink()", "No such file", 0),
        ("pass", "nothing was changed", 0),
    ],
)
async def test_what_is_no_definition_of_the_domain_changes_nothing(
    script: str, words: str, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host()
    async with console_on(kvm07(), (160, 30), answers=host.answers) as console:
        dispatcher = Dispatcher(console, tmp_path, monkeypatch)
        await console.press(*FIND, "enter")
        await dispatcher.edit(script)
        assert console.page == "domain"
        assert words in console.status
        assert len(dispatcher.kept) == kept
    assert host.made == []
