"""A guest's agent by the keys: what is told, what is missing and its cure, what is done by it."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

import pytest

from tests import scenes
from tests.pilot.agent_host import HEALTHY, HOSTILE, MUTE, NAME, PRIVATE, AgentHost
from tests.pilot.manual import Console, console_on
from vconsole.features.agent.model.changes import (
    AgentCommand,
    FreezeFs,
    SuspendGuest,
    SyncTime,
    ThawFs,
    WakeGuest,
)
from vconsole.features.agent.model.channel import PrivateAgentCommand
from vconsole.features.agent.model.report import PARTS, AgentReport, ReadAgent
from vconsole.model.host_state import HostState
from vconsole.model.request import ChangeDevice, Reply
from vconsole.screens.agent import AgentScreen
from vconsole.screens.messages import Replied

OPEN = ("f", *NAME, "enter", "A")


def page(console: Console) -> AgentScreen:
    (found,) = (s for s in console.app.screen_stack if isinstance(s, AgentScreen))
    return found


def kinds(host: AgentHost) -> list[type]:
    return [type(change) for change in host.done]


def in_state(state: str) -> HostState:
    scene = scenes.kvm07()
    domains = (replace(d, state=state) if d.name == NAME else d for d in scene.domains)
    return replace(scene, domains=tuple(domains))


# -- what is told ----------------------------------------------------------------------------


@pytest.mark.parametrize("way", [OPEN, ("f", *NAME, "enter", "enter", "A")], ids=["list", "page"])
async def test_it_is_asked_when_the_page_is_opened(way: tuple[str, ...]) -> None:
    host = AgentHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*way)
        assert console.title.startswith(f"Agent of {NAME}")
        console.sees("answers in 3 ms", "web-1.shop.example", "Debian GNU/Linux 12 (bookworm)")
        console.sees("192.0.2.21/24  by lease, agent", "192.0.2.99  by ARP", "0.31 s behind")
        assert [request.parts for request in host.asked] == [(), PARTS]


async def test_f5_asks_again_and_time_alone_does_not_bother_the_guest() -> None:
    host = AgentHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "f5")
        assert [bool(request.parts) for request in host.asked] == [False, True, True]
        page(console)._look()
        await console.settle()
        assert [bool(request.parts) for request in host.asked][3:] == [False]
        host.report = MUTE
        await console.press("f5")
        console.sees("does not answer", "not available for now")
        await console.press("j")
        assert "restart qemu-guest-agent in the guest" in console.status


async def test_one_question_at_a_time() -> None:
    host = AgentHost()
    answers = {**host.answers}
    del answers[ReadAgent]
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press(*OPEN, "f5", "f5", "f5")
        asked = console.asked(ReadAgent)
        assert len(asked) == 1
        console.sees("asking")
        console.app.post_message(Replied(asked[0], Reply("unknown", "no answer within 45 s")))
        await console.settle()
        assert console.status == "reading"
        await console.press("f5")
        assert len(console.asked(ReadAgent)) == 2


async def test_what_was_done_while_it_was_asked_is_asked_for_again() -> None:
    host = AgentHost()
    answers = {**host.answers}
    del answers[ReadAgent]
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press(*OPEN)
        asked = console.asked(ReadAgent)
        console.app.post_message(Replied(asked[0], Reply(value=HEALTHY)))
        await console.settle()
        thaw = ThawFs(asked[0].uuid, NAME)
        console.app.post_message(Replied(thaw, Reply()))
        (*_, reading) = console.asked(ReadAgent)
        assert reading.parts
        console.app.post_message(Replied(reading, Reply(value=replace(HEALTHY, frozen=True))))
        await console.settle()
        (*_, again) = console.asked(ReadAgent)
        assert again is not reading
        assert again.parts == PARTS


async def test_f5_during_a_look_at_the_channel_is_not_lost() -> None:
    host = AgentHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN)
        view = page(console)
        view._asked = look = ReadAgent(view.in_view, NAME, ())
        view.read_again()
        before = len(host.asked)
        view.replied(look, Reply(value=AgentReport("connected")))
        await console.settle()
        assert [request.parts for request in host.asked[before:]] == [PARTS]


async def test_what_is_being_frozen_has_no_end_yet() -> None:
    host = AgentHost()
    host.hold = (FreezeFs,)
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "z", "enter", "enter", "y", "enter", "escape", "1", *OPEN)
        assert console.status.endswith("freezing")


async def test_an_agent_that_comes_is_noticed_and_asked() -> None:
    host = AgentHost(AgentReport("present"))
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN)
        console.sees("nobody in the guest has it open")
        assert "install and start qemu-guest-agent" in console.status
        host.report = HEALTHY
        page(console)._look()
        await console.settle()
        console.sees("answers in 3 ms")


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (AgentReport("absent"), "! + to add the channel"),
        (AgentReport("off"), "an agent can be asked when the domain runs"),
        (AgentReport("present", cure="it is broken: mend it"), "x it is broken: mend it"),
        (replace(HEALTHY, frozen=True), "x z to thaw its file systems"),
    ],
)
async def test_the_next_step_is_named(report: AgentReport, status: str) -> None:
    async with console_on(scenes.kvm07(), answers=AgentHost(report).answers) as console:
        await console.press(*OPEN)
        assert console.status.startswith(status)


async def test_a_hostile_guest_is_shown_harmlessly_and_long_words_are_broken() -> None:
    async with console_on(scenes.kvm07(), answers=AgentHost(HOSTILE).answers) as console:
        await console.press(*OPEN)
        assert all(line.isprintable() for line in console.lines)
        console.sees("\\x1b]0;title\\x07\\x9b2J[red]evil[/]", "\\u202ecod.exe", "a\\x0ab\\x09c")
        await console.press("G")
        console.sees("boom\\x1b[2J\\x0aboom", "[@click=app.quit]x")


async def test_a_domain_that_goes_leaves_the_page() -> None:
    async with console_on(scenes.kvm07(), answers=AgentHost().answers) as console:
        await console.press(*OPEN)
        left = tuple(d for d in scenes.kvm07().domains if d.name != NAME)
        await console.host_says(replace(scenes.kvm07(), domains=left))
        assert "gone" in console.title
        await console.press("z")
        assert console.status == "! no domain here"


# -- what is done ----------------------------------------------------------------------------


async def test_the_channel_is_added_and_removed() -> None:
    host = AgentHost(AgentReport("absent"))
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "+")
        console.sees("add the channel org.qemu.guest_agent.0", "virsh attach-device")
        host.report = HEALTHY
        await console.press("enter", "escape")
        console.sees("answers in 3 ms")
        await console.press("-", "enter", "enter")
        assert len(host.done) == 1, "a guest that has it open loses it: asked about"
        await console.press("enter", "y", "enter")
        assert kinds(host)[0] is ChangeDevice
        assert [c.attach for c in host.done if isinstance(c, ChangeDevice)][:2] == [True, False]


async def test_several_domains_are_given_the_channel_at_once() -> None:
    host = AgentHost(AgentReport("absent"))
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press("/", *"shop-web", "enter", "*", "A")
        assert console.title.startswith("Add the agent's channel   3 domains   live and config")
        await console.press("enter")
        given = {change.name for change in host.done if isinstance(change, ChangeDevice)}
        assert given == {"shop-web-1", "shop-web-2", "shop-web-3"}
        assert "done and read back" in console.status


@pytest.mark.parametrize(
    ("keys", "line", "change"),
    [
        (("T",), f"virsh domtime {NAME} --sync", SyncTime),
        (("s", "enter"), f"virsh dompmsuspend {NAME} mem", SuspendGuest),
        (("z", "enter"), f"virsh domfsfreeze {NAME}", FreezeFs),
    ],
)
async def test_each_change_is_shown_asked_about_and_done(
    keys: tuple[str, ...], line: str, change: type
) -> None:
    host = AgentHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, *keys)
        console.sees(line)
        await console.press("enter", "enter")
        assert host.done == []
        await console.press("enter", "y", "enter")
        assert kinds(host) == [change]
        console.sees("applied  it is done")
        asked = len(host.asked)
        await console.press("escape")
        assert len(host.asked) > asked, "asked anew after a change"


async def test_a_mode_and_a_limit_are_typed_and_checked() -> None:
    host = AgentHost()
    clear = ("backspace",) * 3
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "s", *clear, *"deep", "enter")
        assert console.status == "x 'deep' is none of mem, disk and hybrid"
        await console.press(*clear, "backspace", *"disk", "enter", "enter", "y", "enter")
        assert [c.mode for c in host.done if isinstance(c, SuspendGuest)] == ["disk"]
        await console.press("escape", "z", *clear, *"9999", "enter")
        assert console.status == "x '9999' is not between 1 and 600 seconds"
        await console.press(*clear, "enter", "enter", "y", "enter")
        assert [c.limit_s for c in host.done if isinstance(c, FreezeFs)] == [9.0]


async def test_what_is_frozen_counts_down_though_the_page_was_left_and_thaws_on_z() -> None:
    host = AgentHost()
    host.hold = (FreezeFs,)
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "z", "enter", "enter", "y", "enter", "escape", "1", *OPEN)
        (freeze,) = console.asked(FreezeFs)
        freeze.wait.what, freeze.wait.until = "frozen", monotonic() + 59.9
        await console.until("frozen, thawed in 5")
        console.sees(" s at the latest; z thaws now")
        await console.press("z")
        assert freeze.wait.given_up
        console.app.post_message(Replied(freeze, Reply("applied", "1 file system frozen")))
        await console.settle()
        await console.press("j")
        console.sees_no("frozen, thawed in")


async def test_giving_up_in_the_activity_page_thaws() -> None:
    host = AgentHost()
    host.hold = (FreezeFs,)
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "z", "enter", "enter", "y", "enter", "escape", "7", "c")
        (freeze,) = console.asked(FreezeFs)
        assert freeze.wait.given_up


async def test_what_somebody_else_froze_is_thawed() -> None:
    host = AgentHost(replace(HEALTHY, frozen=True))
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "z", "enter")
        assert kinds(host) == [ThawFs]


async def test_a_guest_that_sleeps_is_woken() -> None:
    host = AgentHost(AgentReport("present"))
    async with console_on(in_state("pmsuspended"), answers=host.answers) as console:
        await console.press(*OPEN, "s")
        console.sees(f"virsh dompmwakeup {NAME}")
        await console.press("enter")
        assert kinds(host) == [WakeGuest]


async def test_without_an_agent_the_reason_is_named() -> None:
    host = AgentHost(AgentReport("absent"))
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "T")
        console.sees(f"{NAME}: it has no channel org.qemu.guest_agent.0: add it")
        await console.press("enter")
        assert host.done == []


# -- commands of one's own -------------------------------------------------------------------


async def test_a_command_is_checked_while_it_is_typed_and_its_answer_is_read() -> None:
    host = AgentHost(answer='{"return": [{"logical-id": 0}]}')
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "x", *"{")
        assert console.status.startswith("! not JSON")
        await console.press("enter")
        assert console.status.startswith("x not JSON")
        await console.press("backspace", *"guest-get-vcpus")
        assert not console.status.startswith(("!", "x"))
        await console.press("enter")
        console.sees("libvirt marks a domain as tainted", "virsh qemu-agent-command")
        await console.press("enter", "escape")
        console.sees("send guest-get-vcpus", '"logical-id": 0')
        await console.press("escape")
        console.sees("answers in 3 ms")
        (command,) = host.done
        assert isinstance(command, AgentCommand)
        assert (command.command, command.timeout_s) == ('{"execute": "guest-get-vcpus"}', 10)


async def test_a_command_that_changes_something_is_asked_about() -> None:
    host = AgentHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "x", *"guest-fstrim", "enter", "enter", "enter")
        assert host.done == []
        assert console.status == "nothing was done"


async def test_the_time_for_an_answer_and_the_channel_are_chosen() -> None:
    host = AgentHost()
    async with console_on(scenes.kvm07(), (120, 40), answers=host.answers) as console:
        await console.press(*OPEN, "t", "backspace", "backspace", *"x", "enter")
        assert console.status == "x 'x' is not between 1 and 600 seconds"
        await console.press("backspace", "7", "enter", "tab")
        assert f"x sends over {PRIVATE}" in console.title
        await console.press("x", *"guest-ping", "enter", "enter")
        (command,) = host.done
        assert isinstance(command, PrivateAgentCommand)
        assert (command.channel, command.timeout_s) == (PRIVATE, 7.0)
        await console.press("escape", "escape", "tab")
        assert "x sends over" not in console.title


async def test_there_may_be_no_other_channel() -> None:
    host = AgentHost(replace(HEALTHY, private=()))
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "tab")
        assert "no other channel" in console.status


async def test_a_failure_is_shown_as_the_answer() -> None:
    host = AgentHost()
    host.hold = (AgentCommand,)
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*OPEN, "x", *"guest-ping", "enter", "enter")
        (command,) = console.asked(AgentCommand)
        console.app.post_message(Replied(command, Reply("unknown", "it is \x1b[2Jmute")))
        await console.settle()
        await console.press("escape")
        console.sees("unknown: it is \\x1b[2Jmute")


@pytest.mark.parametrize("key", ["+", "-", "z", "T", "s", "x"])
async def test_read_only_names_the_reason(key: str) -> None:
    host = AgentHost()
    scene = scenes.read_only(scenes.kvm07(), "told so")
    async with console_on(scene, answers=host.answers) as console:
        await console.press(*OPEN, key)
        assert console.status == "! read-only: told so"
        assert host.done == []


async def test_what_is_copied_asks_for_about_the_same() -> None:
    async with console_on(scenes.kvm07(), (120, 40), answers=AgentHost().answers) as console:
        await console.press(*OPEN, "y")
        assert console.app.clipboard.startswith("virsh -c qemu:///system guestinfo ")
