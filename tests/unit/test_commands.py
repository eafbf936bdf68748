"""The table of commands, and the reasons why one cannot run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests import scenes
from tests.pages import all_pages
from vconsole.model.command import Command, not_read_only, writable
from vconsole.model.host_state import EMPTY, Domain, HostState
from vconsole.model.keys import key_name
from vconsole.registry import COMMANDS, MANIFESTS, PAGES, of_scope
from vconsole.registry import SCOPES as TITLES

SCOPES = {"app", *all_pages()}


@dataclass(frozen=True)
class Front:
    """A page as the rules see it."""

    known: HostState = EMPTY
    subject: Domain | None = None
    changes: int = 0
    spent: str = ""


def front(scene: HostState | None = None, name: str = "mail", changes: int = 1) -> Front:
    known = scene or scenes.kvm07()
    return Front(known, next((d for d in known.domains if d.name == name), None), changes)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda c: c.id)
def test_every_command_is_described(command: Command) -> None:
    assert command.scope in SCOPES
    assert command.action.isidentifier()
    assert command.help.endswith(".")
    assert command.help[0].isupper()
    assert command.keys
    assert all(key == key.strip() and key for key in command.keys.split(","))


def test_no_two_commands_do_the_same_by_the_same_id() -> None:
    assert sum(len(m.commands) for m in MANIFESTS) == len(COMMANDS)


@pytest.mark.parametrize("scope", sorted(SCOPES - {"app"}))
def test_footers_fit_the_smallest_screen(scope: str) -> None:
    tail = [COMMANDS["app.palette"], COMMANDS["app.help"]]
    shown = [c for c in of_scope(scope) if c.title] + tail
    assert sum(len(key_name(c.keys.split(",")[0])) + len(c.title) + 3 for c in shown) <= 80


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda c: c.id)
def test_a_running_domain_with_a_plan_stands_in_the_way_of_nothing(command: Command) -> None:
    assert command.why_not(front()) is None or command.id == "domains.demo"


CHANGES = [c.id for c in COMMANDS.values() if writable in c.needs]
FILES = [c.id for c in COMMANDS.values() if not_read_only in c.needs]
"""Changes of files: they need no connection, but are refused with --read-only."""


def test_what_changes_a_domain_is_a_change() -> None:
    assert {"app.undo", "app.redo", "plan.apply", "plan.rollback", "changes.apply"} <= {*CHANGES}
    assert {"filediff.save", "filediff.mine"} <= {*FILES}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_need_a_connection_that_allows_them(name: str) -> None:
    command = COMMANDS[name]
    read_only = front(scenes.read_only(scenes.kvm07(), "told so"))
    assert command.why_not(read_only) == "read-only: told so"
    assert command.why_not(front(scenes.stale(scenes.kvm07()))) == (
        "not connected: libvirt does not answer"
    )
    assert command.why_not(front(scenes.never_connected("no daemon"))) == "not connected: no daemon"
    assert command.why_not(Front()) == "not connected: waiting for libvirt"


def test_only_changes_need_one() -> None:
    """Whatever else there is can be done while the host is away or read-only."""
    scene = scenes.stale(scenes.read_only(scenes.kvm07()))
    refused = {c.id for c in COMMANDS.values() if c.why_not(front(scene))}
    assert refused - {"domains.demo"} == {*CHANGES, *FILES}, "the demo is for a host never seen"


@pytest.mark.parametrize(
    "name", ["app.pin", "domains.open", "domains.pin", "domain.pin", "pin.toggle"]
)
def test_without_a_domain(name: str) -> None:
    assert COMMANDS[name].why_not(front(name="nobody")) == "no domain here"


@pytest.mark.parametrize("name", ["pin.plan", "pin.clear", "pin.clear_row"])
def test_without_a_plan(name: str) -> None:
    assert COMMANDS[name].why_not(front(changes=0)) == "nothing is planned: change a row first"


def test_pins_that_are_not_known() -> None:
    known = front()
    assert known.subject is not None
    bare = replace(known.subject, pins=())
    toggle = COMMANDS["pin.toggle"]
    assert toggle.why_not(Front(known.known, bare)) == "its pins have not been read yet"
    broken = replace(bare, problem="its XML cannot be read")
    assert toggle.why_not(Front(known.known, broken)) == "its XML cannot be read"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mail", "virsh vcpupin mail"),
        ("[link=file:x]", "virsh vcpupin '[link=file:x]'"),
        ("nobody", "virsh vcpupin DOMAIN"),
    ],
)
def test_virsh_lines_are_quoted_for_a_shell(name: str, line: str) -> None:
    assert COMMANDS["app.pin"].virsh_line(front(name=name)) == line


@pytest.mark.parametrize("name", ["--help", "lone\udc9bsurrogate", "esc\x1b[2Jgone"])
def test_a_name_that_virsh_would_misread_becomes_the_uuid(name: str) -> None:
    line = COMMANDS["app.pin"].virsh_line(front(scenes.hostile(), name))
    assert line == f"virsh vcpupin {scenes.uuid_of(name)}"


def test_a_command_without_an_equivalent_has_none() -> None:
    assert COMMANDS["app.theme"].virsh_line(front()) == ""


@pytest.mark.parametrize(
    ("key", "shown"),
    [("ctrl+p", "^p"), ("question_mark", "?"), ("escape", "esc"), ("f5", "f5"), ("G", "G")],
)
def test_keys_are_named_as_they_are_printed(key: str, shown: str) -> None:
    assert key_name(key) == shown


def test_every_page_and_every_scope_of_commands_has_a_name() -> None:
    """The palette, help and the page of keys name them."""
    named = {c.scope for c in COMMANDS.values()} | {c.opens for c in COMMANDS.values() if c.opens}
    assert (named | set(PAGES)) - set(TITLES) == set()
