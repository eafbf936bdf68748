"""Hostinfo: rules edited by keys, whom they reach, saved with care, guests given a port."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import scenes
from tests.answers import hostinfo_answers
from tests.feed import Answers
from tests.pilot.manual import Console, console_on
from vconsole.features.hostinfo.requests import ReadService, ReadValues
from vconsole.files.config import Config
from vconsole.model import hostinfo_port as provision
from vconsole.model.host_state import HostState
from vconsole.model.request import Define, ReadDefinitions, Reply

RULES = """\
# who may know what
qemu-shop-web-1:           # Rule for one
  interval = 60
  physcpus = 0

qemu-shop*:
  interval = 30

*:
  interval = 1
"""
DEFINITION = """\
<domain type='kvm'>
  <name>{name}</name>
  <os>
    <type arch='x86_64'>hvm</type>
  </os>
  <devices>
    <serial type='pty'>
      <target port='0'/>
    </serial>{more}
  </devices>
</domain>
"""
WRONG = """
    <serial type='unix'>
      <source mode='bind' path='/var/lib/hostinfo/qemu-other'/>
      <target port='1'/>
    </serial>"""


def kvm07() -> HostState:
    """The host, with what its reader says of the wrong port."""
    host_state = scenes.kvm07()
    wrong = provision.problems(DEFINITION.format(name="shop-web-3", more=WRONG))[0]
    return replace(
        host_state,
        domains=tuple(
            replace(d, hostinfo_problem=wrong) if d.name == "shop-web-3" else d
            for d in host_state.domains
        ),
    )


class Host:
    """The definitions of a host, the rules file, and a daemon that may run."""

    def __init__(self, path: Path, definitions: Mapping[str, str]) -> None:
        self.path, self.definitions = path, dict(definitions)
        self.service = Reply("failed", "/run/hostinfod.sock: hostinfod does not run")
        self.guest = Reply("failed", "hostinfod does not run")

    def answers(self) -> Answers:
        return {
            **hostinfo_answers(),
            ReadService: lambda request: self.guest if request.guest else self.service,
            ReadValues: lambda _: Reply(value={"physcpus": "64", "load": "0.42"}),
            ReadDefinitions: self._read,
            Define: self._define,
        }

    def _read(self, request: ReadDefinitions) -> Reply:
        return Reply(value={u: self.definitions[u] for u in request.uuids if u in self.definitions})

    def _define(self, request: Define) -> Reply:
        if self.definitions[request.uuid] != request.before:
            return Reply("conflict", f"{request.name} was redefined by somebody else meanwhile")
        self.definitions[request.uuid] = request.after
        return Reply(value=request.after)

    @property
    def text(self) -> str:
        return self.path.read_text()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    path = tmp_path / "hostinfo.conf"
    path.write_text(RULES)
    domains = scenes.kvm07().domains
    more = {"shop-web-3": WRONG}
    texts = {d.uuid: DEFINITION.format(name=d.name, more=more.get(d.name, "")) for d in domains}
    return Host(path, texts)


@asynccontextmanager
async def hostinfo(host: Host, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Console]:
    """Open the page."""
    config = Config(hostinfo_conf=str(host.path))
    async with console_on(kvm07(), size, config=config, answers=host.answers()) as console:
        await console.press("4")
        yield console


async def type_in(console: Console, *texts: str) -> None:
    """Type into the prompt that is open, in place of what stands there, and accept."""
    await console.press("end", *["backspace"] * 40)
    await console.type("".join(texts))
    await console.press("enter")


# -- looking ---------------------------------------------------------------------------------


async def test_each_rule_names_how_many_domains_it_catches(host: Host) -> None:
    async with hostinfo(host) as console:
        assert console.row("qemu-shop-web-1:").split()[1:3] == ["1", "domain"]
        assert console.row("qemu-shop*:").split()[1:3] == ["3", "domains"]


async def test_the_domain_follows_the_rule_and_reads_as_the_guest_would(host: Host) -> None:
    async with hostinfo(host) as console:
        console.sees("as shop-web-1:", "403 physcpus not permitted   line 4", "interval=60")
        await console.press("j", "j", "j")
        console.sees("interval=30", "210 physcpus 64   default")


async def test_a_domain_leads_to_its_rule(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("tab", "G", "enter", "e")
        console.sees("rule for *")


async def test_a_missing_file_is_no_error(host: Host) -> None:
    host.path.unlink()
    async with hostinfo(host) as console:
        assert "is not there yet: o adds a rule" in console.status
        await console.press("o")
        await type_in(console, "qemu-*")
        await console.press("ctrl+s", "enter")
        assert host.text == "qemu-*:\n"


async def test_a_file_that_is_unsafe_is_named_with_the_cure(host: Host) -> None:
    os.link(host.path, host.path.with_name("other"))
    async with hostinfo(host) as console:
        assert "hard link" in console.status


# -- editing ---------------------------------------------------------------------------------


async def test_a_setting_is_edited_in_place_and_nothing_else_changes(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("j", "e")
        await type_in(console, "90")
        assert host.text == RULES, "not before it is saved"
        assert "1 domain will get something else" in console.status
        await console.press("ctrl+s")
        console.sees("-  interval = 60", "+  interval = 90")
        await console.press("enter")
        assert host.text == RULES.replace("interval = 60", "interval = 90")
        assert console.status.startswith("saved")


async def test_domains_that_change_are_marked_before_saving(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("j", "j", "j", "i")
        await type_in(console, "hostname = 1")
        marked = [line for line in console.lines if " * off " in line or " * wrong " in line]
        for name, line in zip(("shop-web-2", "shop-web-3", "shop-cache"), marked, strict=True):
            assert name in line
        console.sees("once this is saved:")


async def test_an_edit_is_taken_back_even_a_saved_one(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("d", "z")
        console.sees_no("edited, not saved")
        await console.press("d", "ctrl+s", "enter")
        assert "qemu-shop-web-1" not in host.text
        await console.press("z", "ctrl+s", "enter")
        assert host.text == RULES


async def test_what_is_not_saved_is_not_lost_by_one_key(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("d", "escape")
        assert console.page == "hostinfo"
        assert "what is edited is not saved" in console.status
        await console.press("escape")
        assert console.page == "domains"
        assert host.text == RULES


async def test_what_is_not_saved_is_not_lost_by_going_elsewhere(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("d", "1")
        assert console.page == "hostinfo"
        assert "what is edited is not saved" in console.status
        await console.press("1")
        assert console.page == "domains"


async def test_a_rule_moves_with_its_comments_and_the_cursor_with_it(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("greater_than_sign")
        assert "0 domains" in console.row("qemu-shop-web-1:")
        assert "line 5" in console.status
        await console.press("less_than_sign")
        assert "1 domain " in console.row("qemu-shop-web-1:")


@pytest.mark.parametrize(
    "typed", ["-1", "5s", "1e9", "99999999999", "x", "nan"], ids=lambda t: f"interval {t}"
)
async def test_a_bad_value_is_refused_while_it_is_typed(host: Host, typed: str) -> None:
    async with hostinfo(host) as console:
        await console.press("j", "e", "backspace", "backspace", *typed)
        assert console.status.startswith("! "), "before it is accepted"
        await console.press("enter")
        assert console.status.startswith("x "), console.status
        await console.press("escape")
        console.sees_no("edited, not saved")
        await console.press("k")  # what was typed is no lie of ours


async def test_the_text_is_edited_with_what_is_wrong_in_it(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("x")
        await console.type("junk")
        console.sees("line 1, column")
        await console.press(*["backspace"] * 4)
        await console.type("# mine: q and 1 are letters here\n".replace("\n", ""))
        await console.press("enter", "ctrl+s", "enter")
        assert host.text == "# mine: q and 1 are letters here\n" + RULES


async def test_an_error_cannot_be_saved(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("x")
        await console.type("junk\n".strip())
        await console.press("enter", "ctrl+s")
        assert "cannot be saved: line 1" in console.status
        await console.press("enter")
        assert "line 1" in console.status
        assert host.text == RULES


async def test_text_that_the_editor_would_change_is_left_to_another(host: Host) -> None:
    host.path.write_bytes(b"*:\r\n  interval = 1\n# \x1b[31m\n")
    async with hostinfo(host) as console:
        await console.press("x")
        assert "E opens $EDITOR" in console.status
        assert "\x1b" not in console.text


# -- somebody else ---------------------------------------------------------------------------


async def test_the_page_follows_the_file(host: Host) -> None:
    async with hostinfo(host) as console:
        host.path.write_text("qemu-dns-1:\n")
        await console.until("qemu-dns-1:")


@pytest.mark.parametrize("keys", [(), ("tab",), ("x",)])
async def test_a_file_that_cannot_be_read_any_more_is_not_shown_as_it_was_without_a_word(
    host: Host, keys: tuple[str, ...]
) -> None:
    """On either list and in the text; until it can."""
    async with hostinfo(host) as console:
        await console.press(*keys)
        host.path.chmod(0o666)
        await console.until("everybody may change it: chmod")
        console.sees("qemu-shop-web-1")
        host.path.chmod(0o644)
        await console.comes(lambda: "everybody may change it" not in console.text)


async def test_a_change_by_someone_else_is_shown_and_not_overwritten(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("j", "e")
        await type_in(console, "90")
        theirs = RULES.replace("interval = 30", "interval = 31")
        host.path.write_text(theirs)
        await console.press("ctrl+s", "enter")
        assert host.text == theirs
        await console.until("-  interval = 30")
        console.sees("+  interval = 31", "+  interval = 90")
        await console.press("m")
        assert host.text == RULES.replace("interval = 60", "interval = 90")


async def test_the_difference_says_so_before_enter(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("j", "e")
        await type_in(console, "90")
        await console.press("ctrl+s")
        assert "saves; esc goes back" in console.status
        host.path.write_text(RULES.replace("interval = 30", "interval = 31"))
        await console.until("somebody else has changed the file since it was read")
        console.sees("+  interval = 31", "+  interval = 90")
        await console.press("enter")
        assert "m or t decides" in console.status


async def test_the_text_says_so_while_it_is_typed(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("x")
        await console.type("#")
        theirs = RULES.replace("interval = 30", "interval = 31")
        host.path.write_text(theirs)
        await console.until("somebody else has changed the file meanwhile: ^s shows both")
        console.sees("edited; the file was changed by somebody else")
        await console.press("ctrl+s")
        await console.until("+  interval = 31")
        assert host.text == theirs


async def test_a_text_that_is_not_edited_follows_the_file(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("x")
        host.path.write_text("qemu-dns-1:\n")
        await console.until("qemu-dns-1:")
        assert console.page == "filetext"
        console.sees_no("edited")
        await console.type("#")
        await console.press("ctrl+s")
        console.sees("+#qemu-dns-1:", "-qemu-dns-1:")


async def test_theirs_can_be_taken_and_mine_had_back(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("j", "e")
        await type_in(console, "90")
        host.path.write_text("*:\n")
        await console.press("ctrl+s", "enter")
        await console.until("somebody else")
        await console.press("t", "escape")
        console.sees_no("interval = 90")
        await console.press("z")
        console.sees("interval = 90")


# -- the daemon ------------------------------------------------------------------------------


async def test_a_daemon_that_does_not_run_is_said(host: Host) -> None:
    async with hostinfo(host) as console:
        assert "hostinfod not running" in console.title


async def test_what_the_daemon_counts_is_shown_and_its_log(host: Host) -> None:
    exchanges = [{"guest": "qemu-shop-web-1", "at": 0, "request": "physcpus", "code": 403}]
    guest: dict[str, Any] = {"name": "qemu-shop-web-1", "queries": 12, "refusals": 3}
    daemon = {"rules": {"in_force_since": 0.0, "problem": ""}}
    host.service = Reply(value={"daemon": daemon, "guests": [guest]})
    host.guest = Reply(
        value={"daemon": daemon, "guests": [{**guest, "state": "served", "recent": exchanges}]}
    )
    async with hostinfo(host) as console:
        assert "hostinfod running, rules in force" in console.title
        await console.press("tab")
        assert console.status.endswith("12 queries, 3 refused")
        await console.press("l")
        console.sees("queries of shop-web-1: served", "403  physcpus")


async def test_a_daemon_that_keeps_earlier_rules_is_said(host: Host) -> None:
    daemon = {"rules": {"in_force_since": 0.0, "problem": "line 3: no colon"}}
    host.service = Reply(value={"daemon": daemon, "guests": []})
    async with hostinfo(host) as console:
        assert "hostinfod keeps earlier rules: line 3: no colon" in console.title


async def test_what_is_wrong_with_the_daemon_is_told_to_its_end(host: Host) -> None:
    cure = "is it started? systemctl start libvirtd; hostinfod tries again"
    daemon = {"libvirt": {"problem": f"no socket /run/libvirt/libvirt-sock: {cure}"}}
    host.service = Reply(value={"daemon": daemon, "guests": []})
    async with hostinfo(host, size=(80, 24)) as console:
        console.sees(
            "hostinfod runs, but libvirt: no socket", "systemctl start libvirtd; hostinfod"
        )


# -- guests ----------------------------------------------------------------------------------


async def test_a_guest_is_given_a_port_and_only_that_changes(host: Host) -> None:
    uuid = scenes.uuid_of("shop-web-1")
    before = host.definitions[uuid]
    async with hostinfo(host) as console:
        await console.press("+")
        console.sees("+      <source mode='bind' path='/var/lib/hostinfo/qemu-shop-web-1'/>")
        assert host.definitions[uuid] == before
        await console.press("enter")
        console.sees("shop-web-1  enable hostinfo", " applied")
        await console.press("escape", "-", "enter")
        assert host.definitions[uuid] == before


async def test_several_guests_at_once_and_a_refusal_is_named(host: Host) -> None:
    async with hostinfo(host) as console:
        await console.press("+", "enter", "escape", "tab", " ", " ", "+")
        console.sees("1 domain", "shop-web-2", "shop-web-1: hostinfo is enabled already")


async def test_a_wrong_port_is_shown_with_the_cure_and_repaired(host: Host) -> None:
    async with hostinfo(host) as console:
        row = next(line for line in console.lines if "shop-web-3" in line)
        assert "wrong" in row
        await console.press("j", "j", "j", "tab")
        while "shop-web-3" not in console.status:
            await console.press("j")
        assert console.status.startswith("x shop-web-3: serial port 1 is")
        await console.press("r", "enter")
        assert "qemu-shop-web-3" in host.definitions[scenes.uuid_of("shop-web-3")]
