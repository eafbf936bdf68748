"""Actions on domains: chosen by keys, confirmed by what they cost, watched to their end, logged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from tests import scenes
from tests.feed import Answers
from tests.pilot.manual import Console, console_on
from tests.scenes import uuid_of
from vconsole.changes.activity import ActivityLog, of_intent
from vconsole.changes.log import ReadCutOff, read_cut_off
from vconsole.changes.process import this_process
from vconsole.changes.run import AT_A_TIME
from vconsole.changes.settle import ReadOutcome
from vconsole.features.lifecycle.model import ACTIONS, Act
from vconsole.model.host_state import HostState
from vconsole.model.outcome import Status
from vconsole.model.request import Define, Reply, took_effect
from vconsole.screens.messages import Replied

NAME = "shop-web-1"
FIND = ("f", *NAME, "enter")


class Host:
    """Answers acts at once, or holds them back until the test lets them end."""

    def __init__(self, status: Status = "applied", hold: bool = False) -> None:
        self.status, self.hold = status, hold
        self.acts: list[Act] = []

    @property
    def answers(self) -> Answers:
        return {} if self.hold else {Act: self._act}

    def _act(self, act: Act) -> Reply:
        self.acts.append(act)
        return Reply(self.status, "it is done", "shut off", "shut off")


def asked(console: Console) -> list[Act]:
    """The acts that the dispatcher got and has not answered."""
    return console.asked(Act)


async def end(console: Console, act: Act | Define, reply: Reply) -> None:
    """The host answers late."""
    console.app.post_message(Replied(act, reply))
    await console.settle()


def in_state(host_state: HostState, name: str, state: str) -> HostState:
    domains = (replace(d, state=state) if d.name == name else d for d in host_state.domains)
    return replace(host_state, domains=tuple(domains))


# -- choosing --------------------------------------------------------------------------------


async def test_domains_are_chosen_one_by_one_or_all_that_the_filter_shows() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press(*FIND, "space", "space")
        assert "2 chosen" in console.title
        assert len([line for line in console.lines if line.startswith("*")]) == 2
        await console.press("escape")
        assert "chosen" not in console.title
        await console.press("/", *"shop-web", "enter", "*")
        assert "3 chosen" in console.title
        await console.press("escape", "escape")
        assert console.title.startswith("Domains 2")
        assert "chosen" not in console.title


async def test_a_domain_that_goes_is_not_chosen_any_more() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press(*FIND, "space")
        left = tuple(d for d in scenes.kvm07().domains if d.name != NAME)
        await console.host_says(replace(scenes.kvm07(), domains=left))
        assert "chosen" not in console.title


async def test_the_menu_names_key_line_and_reason() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press(*FIND, "a")
        assert console.title.startswith(f"Actions on {NAME}: running")
        assert f"virsh suspend {NAME}" in console.row("p  suspend")
        assert f"{NAME} is running already" in console.row("s  start")
        await console.press("G", "k", "k", "k", "k")
        console.sees("Pull the plug", f"virsh destroy {NAME}")


async def test_the_domain_page_has_the_same_menu() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press(*FIND, "enter", "a")
        assert console.title.startswith(f"Actions on {NAME}: running")
        await console.press("escape")
        assert console.page == "domain"


async def test_what_is_copied_are_the_lines_for_all() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("/", *"shop-web", "enter", "*", "a", "d", "escape", "y")
        assert console.app.clipboard.split("\n") == [
            f"virsh -c qemu:///system shutdown shop-web-{n} --mode {mode}"
            for n in (1, 2, 3)
            for mode in ("agent", "acpi")
        ]


# -- confirming ------------------------------------------------------------------------------


async def test_what_harms_nobody_is_done_at_once() -> None:
    host = Host()
    async with console_on(
        in_state(scenes.kvm07(), NAME, "paused"), answers=host.answers
    ) as console:
        await console.press(*FIND, "a", "c")
        assert [(act.name, act.action, act.before) for act in host.acts] == [
            (NAME, "resume", "paused")
        ]
        assert console.page == "acting"
        console.sees("1 of 1 ended", "applied: it is done")
        await console.press("escape")
        assert console.page == "domains"


@pytest.mark.parametrize("answer", [("enter",), ("n", "enter"), ("escape",)], ids=str)
async def test_enter_means_no(answer: tuple[str, ...]) -> None:
    host = Host()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "a", "d")
        console.sees(f"shut down {NAME}? y/N")
        await console.press(*answer)
        assert host.acts == []
        assert console.status == "nothing was done"


async def test_yes_shuts_down_as_the_modes_say() -> None:
    host = Host()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "a", "t", "backspace", "backspace", "9", "enter")
        assert "agent, then ACPI, 9 s each" in console.title
        await console.press("tab", "tab", "d", "y", "enter")
        (act,) = host.acts
        assert (act.action, act.modes, act.timeout_s) == ("shutdown", ("acpi",), 9.0)


async def test_a_time_out_that_is_none_is_refused() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press(*FIND, "a", "t", "x", "enter")
        assert "a number of seconds" in console.status


async def test_what_destroys_wants_the_name_typed() -> None:
    host = Host()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "a", "F", "y", "enter")
        assert console.status == f"x that is not {NAME}; esc does nothing"
        await console.press("backspace", *NAME[:-1], "enter")
        assert host.acts == []
        await console.press(NAME[-1], "enter")
        assert [act.action for act in host.acts] == ["destroy"]


async def test_several_are_destroyed_by_their_number() -> None:
    host = Host()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press("/", *"shop-web", "enter", "*", "a", "F", *"destroy 3", "enter")
        assert [act.name for act in host.acts] == ["shop-web-1", "shop-web-2", "shop-web-3"]


async def test_only_those_that_allow_it_are_acted_on() -> None:
    host = Host()
    scene = in_state(scenes.kvm07(), "shop-web-2", "paused")
    async with console_on(scene, answers=host.answers) as console:
        await console.press("/", *"shop-web", "enter", "*", "a", "d")
        console.sees("shut down 2 domains?", "not: shop-web-2 is paused: resume it first")
        await console.press("y", "enter")
        assert [act.name for act in host.acts] == ["shop-web-1", "shop-web-3"]


@pytest.mark.parametrize("key", ["s", "d", "F", "o"])
async def test_read_only_names_the_reason(key: str) -> None:
    host = Host()
    scene = scenes.read_only(scenes.kvm07(), "told so")
    async with console_on(scene, answers=host.answers) as console:
        await console.press(*FIND, "a", key)
        assert console.status == "! read-only: told so"
        assert host.acts == []


# -- watching --------------------------------------------------------------------------------


async def test_a_guest_is_waited_for_with_a_countdown_and_can_be_given_up() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press(*FIND, "a", "d", "y", "enter")
        (act,) = asked(console)
        console.sees("0 of 1 ended", "under way")
        act.wait.what, act.wait.until = "agent", monotonic() + 40.0
        await console.until("agent asked, waiting 3")
        await console.host_says(in_state(scenes.kvm07(), NAME, "in shutdown"))
        assert "in shutdown" in console.row(NAME)
        await console.press("c")
        assert act.wait.given_up
        await end(console, act, Reply("unknown", "given up", "running"))
        console.sees("unknown: given up")
        assert console.status.startswith(f"x not done: {NAME}")


async def test_so_many_at_a_time_and_the_run_goes_on_when_the_page_is_left() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("/", *"state:running", "enter", "*", "a", "p", "y", "enter")
        assert len(asked(console)) == AT_A_TIME
        console.sees("waits for its turn")
        await console.press("1")
        await end(console, asked(console)[0], Reply(value="paused"))
        assert len(asked(console)) == AT_A_TIME + 1
        await console.press("7")
        assert "changes under way" in console.status
        await console.press("c")
        for act in asked(console)[1:]:
            assert act.wait.given_up
            await end(console, act, Reply("unknown", "given up"))
        assert console.app.under_way == 0


async def test_quitting_warns_while_something_is_under_way() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press(*FIND, "a", "d", "y", "enter", "q")
        assert console.is_open
        assert "under way; q again" in console.status
        await console.press("q")
        assert not console.is_open


async def test_a_conflict_is_told() -> None:
    host = Host("conflict")
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "a", "p", "y", "enter")
        console.sees("conflict: it is done")


# -- the log ---------------------------------------------------------------------------------


async def test_whatever_was_changed_is_in_the_activity_page() -> None:
    host = Host()
    async with console_on(scenes.kvm07(), (120, 40), answers=host.answers) as console:
        await console.press("7")
        assert console.status == "nothing was changed from here yet"
        await console.press("escape", *FIND, "a", "p", "y", "enter", "7")
        console.sees(
            f"virsh -c qemu:///system suspend {NAME}", "it is done", "- running", "+ shut off"
        )
        define = Define(uuid_of("mail"), "mail", "enable hostinfo", "<a/>", "<b/>")
        await console.carried_out(define, Reply("failed", "no such file"))
        console.sees("enable hostinfo", "2 entries")
        refreshed = console.host.refreshed
        assert refreshed == 2, "autostart has no event of its own"


async def test_the_list_says_that_nothing_can_be_done_and_why() -> None:
    scene = scenes.kvm07()
    async with console_on(scene, (120, 40)) as console:
        await console.press(*FIND, "a")
        assert "virsh reset" in console.row("r")
        await console.host_says(scenes.read_only(scene, "told so"))
        assert console.status == "! read-only: told so"
        assert console.text.count("read-only: told so") >= len(ACTIONS)
        await console.host_says(scenes.stale(scene))
        assert "not connected: libvirt does not answer" in console.row("r")
        console.sees_no("virsh reset")
        await console.host_says(scene)
        assert "virsh reset" in console.row("r")


async def test_what_an_earlier_program_had_no_time_to_write_down_is_looked_at(
    tmp_path: Path,
) -> None:
    """A connection that is cut while a domain is suspended leaves an intent without an outcome."""
    log = ActivityLog(tmp_path)
    over = f"{this_process()}0"  # this number, another start
    for n, action in enumerate(("suspend", "resume", "define")):
        intent = of_intent(Act(uuid_of("mail"), "mail", "suspend", "running"), "qemu:///system")
        log.add(replace(intent, id=str(n), process=over, action=action))

    def tell(request: ReadOutcome) -> Reply:
        known = {"suspend": took_effect(True), "resume": took_effect(False)}
        return known.get(request.entry.action, Reply("unknown", "look"))

    answers: Answers = {ReadCutOff: read_cut_off, ReadOutcome: tell}
    async with console_on(scenes.kvm07(), (120, 40), answers=answers, log=log) as console:
        await console.until("changes of unknown outcome")
        console.sees("3 changes of unknown outcome: 1 took effect, 1 did not, 1 cannot be told")
        assert len(console.asked(ReadOutcome)) == 3
        await console.host_says(scenes.kvm07())
        assert len(console.asked(ReadOutcome)) == 3, "asked once"
