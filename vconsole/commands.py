"""Every command of a user, declared once.

Footer, help, palette, key bindings, docs/keys.md and the user's keymap all derive from this table.
A command's id is ``screen.action``: the screen (or the app) that carries it out has a method
``do_action``. ``needs`` are the rules that say why it cannot run now.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from vconsole.model.snapshot import Domain, HostSnapshot
from vconsole.model.virsh import domain_argument


class Context(Protocol):
    """What a rule may look at: the screen in front."""

    @property
    def known(self) -> HostSnapshot:
        """The latest snapshot."""

    @property
    def subject(self) -> Domain | None:
        """The domain under the cursor or in view."""

    @property
    def changes(self) -> int:
        """How many changes are planned here."""


Need = Callable[[Context], str | None]
"""Answers why a command cannot run, or None."""


def connected(context: Context) -> str | None:
    """The data must be live: nothing is changed on the ground of what may be over."""
    fresh = context.known.freshness
    if fresh.read_at is None or fresh.stale:
        return f"not connected: {fresh.reason or 'waiting for libvirt'}"
    return None


def writable(context: Context) -> str | None:
    """The connection must allow changes."""
    connection = context.known.connection
    if connection.read_only:
        return f"read-only: {connection.read_only_reason or 'started with --read-only'}"
    return connected(context)


def a_domain(context: Context) -> str | None:
    """A domain must be under the cursor."""
    return None if context.subject else "no domain here"


def a_plan(context: Context) -> str | None:
    """Something must be planned."""
    return None if context.changes else "nothing is planned: change a row first"


def pinnable(context: Context) -> str | None:
    """The pins of the domain must be known."""
    domain = context.subject
    if domain is None:
        return "no domain here"
    if not domain.pins:
        return domain.problem or "its pins have not been read yet"
    return None


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a user can ask for."""

    id: str
    keys: str
    """Default keys in Textual's names, separated by commas; the first is the one shown."""
    title: str
    """One or two words for the footer; empty shows it there only where much room is left."""
    help: str
    """One sentence for help, palette and docs."""
    needs: tuple[Need, ...] = ()
    virsh: str = ""
    """The virsh words it stands for; ``{name}`` is the domain."""

    @property
    def scope(self) -> str:
        """The screen it belongs to, or ``app``."""
        return self.id.partition(".")[0]

    @property
    def word(self) -> str:
        """The title, else the action's name."""
        return self.title or self.action.replace("_", " ")

    @property
    def action(self) -> str:
        """The part of the id that names the method."""
        return self.id.partition(".")[2]

    def virsh_line(self, context: Context) -> str:
        """Its virsh equivalent for the domain in question; empty where there is none."""
        if not self.virsh:
            return ""
        subject = context.subject
        name = shlex.quote(domain_argument(subject.name, subject.uuid)) if subject else "DOMAIN"
        return "virsh " + self.virsh.replace("{name}", name)

    def why_not(self, context: Context) -> str | None:
        """Why it cannot run now, or None."""
        return next((reason for need in self.needs if (reason := need(context))), None)


_TABLE = (
    Command("app.domains", "1", "", "Go to the list of domains.", virsh="list --all --title"),
    Command(
        "app.host",
        "2",
        "",
        "Go to the host: cells, memory, pCPUs and who may run where.",
        virsh="freecell --all",
    ),
    Command(
        "app.pin",
        "3",
        "",
        "Go to the pins of the domain under the cursor.",
        (a_domain,),
        virsh="vcpupin {name}",
    ),
    Command("app.back", "escape", "", "Go back, or close what is open."),
    Command("app.undo", "u", "", "Undo the pin changes applied last.", (writable,)),
    Command("app.redo", "ctrl+r", "", "Apply again what was undone last.", (writable,)),
    Command("app.history", "H", "", "Show the pin changes made, who made them and when."),
    Command("app.copy_virsh", "y", "", "Show and copy the virsh equivalent of what is in view."),
    Command("app.refresh", "f5", "", "Read everything again now."),
    Command("app.theme", "f2", "", "Switch between the dark and the light theme."),
    Command("app.screenshot", "f12", "", "Save a picture of the screen as SVG; says where."),
    Command("app.help", "question_mark", "help", "Show the keys of this screen."),
    Command("app.palette", "ctrl+p,colon", "find", "Find any command or domain by name."),
    Command("app.suspend", "ctrl+z", "", "Go back to the shell; fg returns."),
    Command("app.quit", "q,ctrl+q", "", "Quit; asks again while changes are planned."),
    Command(
        "domains.open", "enter", "open", "Open the domain.", (a_domain,), virsh="dominfo {name}"
    ),
    Command(
        "domains.pin",
        "p",
        "pin",
        "Pin the vCPUs of the domain.",
        (a_domain,),
        virsh="vcpupin {name}",
    ),
    Command("domains.filter", "slash", "filter", "Show only the domains that match."),
    Command("domains.jump", "f", "jump", "Jump to a domain by typing its name."),
    Command("domains.sort", "s", "sort", "Sort by the next column."),
    Command("domains.reverse", "S", "", "Turn the order around."),
    Command("domain.next_tab", "tab,right_square_bracket", "next tab", "Show the next tab."),
    Command(
        "domain.previous_tab", "shift+tab,left_square_bracket", "", "Show the tab before this one."
    ),
    Command(
        "domain.pin",
        "p",
        "pin",
        "Pin the vCPUs of the domain.",
        (a_domain,),
        virsh="vcpupin {name}",
    ),
    Command(
        "domain.xml",
        "x",
        "live/config/diff",
        "Go to the XML; there, switch between live, inactive (config) and the difference.",
        (a_domain,),
        virsh="dumpxml {name} --inactive",
    ),
    Command(
        "host.who", "enter", "who runs here", "Show who may run on this pCPU, and who did last."
    ),
    Command("host.next_cell", "c", "next cell", "Go to the next cell."),
    Command("host.previous_cell", "C", "", "Go to the cell before this one."),
    Command(
        "host.check",
        "v",
        "virtualization check",
        "Check what virtualization needs on this host: verdict, reason and cure.",
        virsh="capabilities",
    ),
    Command("pin.toggle", "space", "set", "Allow or forbid the pCPU in this row.", (pinnable,)),
    Command(
        "pin.one_to_one",
        "x",
        "1:1",
        "Spread the vCPUs one to one over the cell under the cursor.",
        (pinnable,),
        virsh="vcpupin {name} N CPU",
    ),
    Command("pin.cell", "n", "cell", "Allow or forbid the whole cell in this row.", (pinnable,)),
    Command(
        "pin.core",
        "c",
        "core",
        "Allow or forbid the whole core, all its SMT siblings, in this row.",
        (pinnable,),
    ),
    Command("pin.everywhere", "r", "", "Allow every pCPU in this row: not pinned.", (pinnable,)),
    Command(
        "pin.type",
        "t",
        "type",
        "Type the cpuset of this row: 0-7,^3, or r for all pCPUs.",
        (pinnable,),
    ),
    Command("pin.copy_row", "o", "", "Copy this row's cpuset to all vCPUs.", (pinnable,)),
    Command(
        "pin.suggest",
        "a",
        "fit",
        "Fill the plan with the best fit from free memory, free cores and distances.",
        (pinnable,),
    ),
    Command("pin.plan", "enter", "plan", "Show the plan; applying comes after.", (a_plan,)),
    Command("pin.clear_row", "backspace", "", "Forget what is planned in this row.", (a_plan,)),
    Command("pin.unedit", "z", "", "Take back the last edit of the plan.", (pinnable,)),
    Command("pin.clear", "Z", "", "Forget the whole plan.", (a_plan,)),
    Command(
        "plan.apply",
        "enter",
        "apply",
        "Compare with what was shown, apply, and read back.",
        (writable, a_plan),
        virsh="vcpupin {name} N CPUS --live --config",
    ),
    Command("plan.target", "tab", "live/config", "Apply to live and config, live, or config."),
    Command("plan.save", "w", "save", "Save the plan as a shell script, or as JSON.", (a_plan,)),
    Command(
        "plan.rollback",
        "b",
        "roll back",
        "After a failure half-way: put back the rows that were changed.",
        (writable,),
    ),
)


def _by_id(table: Iterable[Command]) -> dict[str, Command]:
    return {command.id: command for command in table}


COMMANDS: Mapping[str, Command] = _by_id(_TABLE)


def of_scope(scope: str) -> list[Command]:
    """List the commands of a screen, in the order of the table."""
    return [command for command in COMMANDS.values() if command.scope == scope]


_KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "escape": "esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}


def key_name(key: str) -> str:
    """Name a key as it is printed on the screen: ``ctrl+p`` is ``^p``."""
    if key.startswith("ctrl+"):
        return "^" + key_name(key[5:])
    return _KEY_NAMES.get(key, key)
