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

from vconsole.model.actions import ACTIONS
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


def not_read_only(context: Context) -> str | None:
    """Changes must be allowed, of files too."""
    connection = context.known.connection
    if connection.read_only:
        return f"read-only: {connection.read_only_reason or 'started with --read-only'}"
    return None


def writable(context: Context) -> str | None:
    """The connection must allow changes."""
    return not_read_only(context) or connected(context)


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
    Command(
        "app.hostinfo",
        "4",
        "",
        "Go to hostinfo: the rules that say what guests may learn about this host.",
    ),
    Command("app.metrics", "5", "", "Go to the metrics that guests can read about this host."),
    Command("app.activity", "7", "", "Go to the log of what was changed, by whom and when."),
    Command("app.back", "escape", "", "Go back, or close what is open."),
    Command("app.undo", "u", "", "Undo the pin changes applied last.", (writable,)),
    Command("app.redo", "ctrl+r", "", "Apply again what was undone last.", (writable,)),
    Command("app.history", "H", "", "Show the pin changes made, who made them and when."),
    Command("app.copy_virsh", "y", "", "Show and copy the virsh equivalent of what is in view."),
    Command("app.refresh", "f5", "", "Read everything again now."),
    Command("app.theme", "f2", "", "Switch between the dark and the light theme."),
    Command("app.screenshot", "f12", "", "Save a picture of the screen as SVG; says where."),
    Command("app.help", "question_mark,f1", "help", "Show the keys of this screen."),
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
    Command("domains.select", "space", "select", "Choose the domain, for actions.", (a_domain,)),
    Command("domains.select_all", "asterisk", "", "Choose all that the filter shows."),
    Command("domains.actions", "a", "actions", "Act on the domains chosen, or this.", (a_domain,)),
    Command("domains.jump", "f", "", "Jump to a domain by typing its name."),
    Command("domains.sort", "s", "sort", "Sort by the next column."),
    Command("domains.reverse", "S", "", "Turn the order around."),
    Command("domain.actions", "a", "actions", "Start, stop, suspend ... it.", (a_domain,)),
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
    Command("hostinfo.edit", "e,enter", "edit", "Edit the setting or the pattern of the rule."),
    Command("hostinfo.add", "o", "add", "Add a rule above this one."),
    Command("hostinfo.set", "i", "set", "Add or change a setting of this rule: key = value."),
    Command("hostinfo.delete", "d,delete", "delete", "Delete the setting or the rule."),
    Command("hostinfo.down", "J", "", "Move the rule down: it is tried later."),
    Command("hostinfo.up", "K", "", "Move the rule up: it is tried earlier."),
    Command("hostinfo.save", "ctrl+s", "save", "Show what saving changes; enter there saves."),
    Command("hostinfo.switch", "tab", "domains", "Go to the other list."),
    Command("hostinfo.text", "x", "", "Edit the file as text, with what is wrong in it."),
    Command("hostinfo.enable", "plus", "port", "Give the domains a hostinfo port.", (a_domain,)),
    Command("hostinfo.disable", "minus", "", "Take the domains' port away.", (a_domain,)),
    Command("hostinfo.repair", "r", "", "Put a wrong hostinfo port right.", (a_domain,)),
    Command("hostinfo.select", "space", "", "Choose the domain, for enable and disable."),
    Command("hostinfo.log", "l", "", "Show the domain's queries instead of the preview."),
    Command("hostinfo.duplicate", "c", "", "Copy the rule below itself."),
    Command("hostinfo.editor", "E", "", "Edit the file with $EDITOR."),
    Command("hostinfo.unedit", "z", "", "Take back the last edit, even a saved one."),
    Command("hostinfo.clear", "Z", "", "Take back everything that is not saved."),
    Command(
        "rulesdiff.save",
        "enter,ctrl+s",
        "save",
        "Save, and compare before.",
        (not_read_only, a_plan),
    ),
    Command(
        "rulesdiff.mine", "m", "", "Save mine over what somebody else wrote.", (not_read_only,)
    ),
    Command(
        "rulesdiff.theirs", "t", "", "Take what somebody else has written; z brings mine back."
    ),
    Command("rulestext.save", "ctrl+s", "save", "Show what saving changes; enter there saves."),
    Command(
        "definitions.apply",
        "enter",
        "apply",
        "Compare with what was shown, define, and read back.",
        (writable, a_plan),
        virsh="edit {name}",
    ),
    Command("metrics.reader", "v", "as guest", "See all, or what a disk or a channel gives away."),
    Command("metrics.attach", "A", "attach", "Show who has the disk or channel; give and take."),
    Command("metrics.raw", "r", "raw XML", "Show the document as it is read."),
    Command("metrics.hex", "x", "hex", "Show the bytes as they are read."),
    Command("metrics.configure", "c", "configure", "Go to vhostmd's metrics and how it gets them."),
    Command("metrics.test", "t", "test", "Have vhostmd get the metric now."),
    Command("metrics.filter", "slash", "", "Show only the metrics that match."),
    Command("metrics.open", "enter", "", "Open the domain.", (a_domain,)),
    Command("metricsbytes.raw", "r", "raw XML", "Show the document as it is read."),
    Command("metricsbytes.hex", "x", "hex", "Show the bytes as they are read."),
    Command("metricsattach.attach", "plus", "attach", "Give the domains the device.", (a_domain,)),
    Command("metricsattach.detach", "minus", "detach", "Take the device away.", (a_domain,)),
    Command("metricsattach.select", "space", "select", "Choose the domain, for + and -."),
    Command("metricsattach.what", "tab", "disk/channel", "Be about the disk, or the channel."),
    Command("metricsattach.filter", "slash", "filter", "Show only the domains that match."),
    Command("metricsattach.open", "enter", "", "Open the domain.", (a_domain,)),
    Command(
        "devices.apply",
        "enter",
        "apply",
        "Compare with what was seen, attach or detach, and read back.",
        (writable, a_plan),
        virsh="attach-device {name} FILE --live --config",
    ),
    Command("devices.target", "tab", "live/config", "Change live and config, live, or config."),
    Command("metricsconfig.edit", "e,enter", "edit", "Edit the metric in the text of the file."),
    Command("metricsconfig.toggle", "space", "on/off", "Switch the metric on or off."),
    Command("metricsconfig.add", "o", "add", "Add a metric, built in or got by a command."),
    Command("metricsconfig.delete", "d,delete", "delete", "Delete the metric."),
    Command("metricsconfig.test", "t", "test", "Get the metric now, as it is edited."),
    Command("metricsconfig.save", "ctrl+s", "save", "Show what saving changes; enter there saves."),
    Command("metricsconfig.text", "x", "", "Edit the file as text, with what is wrong in it."),
    Command("metricsconfig.editor", "E", "", "Edit the file with $EDITOR."),
    Command("metricsconfig.unedit", "z", "", "Take back the last edit, even a saved one."),
    Command("metricsconfig.clear", "Z", "", "Take back everything that is not saved."),
    Command(
        "metricsdiff.save",
        "enter,ctrl+s",
        "save",
        "Save, and compare before.",
        (not_read_only, a_plan),
    ),
    Command(
        "metricsdiff.mine", "m", "", "Save mine over what somebody else wrote.", (not_read_only,)
    ),
    Command(
        "metricsdiff.theirs", "t", "", "Take what somebody else has written; z brings mine back."
    ),
    Command("metricstext.save", "ctrl+s", "save", "Show what saving changes; enter there saves."),
    Command("actions.run", "enter", "do it", "Do what the cursor is on.", (writable,)),
    Command("actions.mode", "tab", "agent/ACPI", "Ask guests by agent, then ACPI, or by one."),
    Command("actions.timeout", "t", "time-out", "Say how long a guest may take in each mode."),
    *(
        Command(
            f"actions.{a.id}", key, "", a.help, (writable,), virsh=a.virsh.replace("{}", "{name}")
        )
        for a, key in zip(ACTIONS.values(), "s S d b p c v r F f V o O".split(), strict=True)
    ),
    Command("acting.cancel", "c", "give up", "Begin nothing more, wait for nothing more."),
    Command("activity.cancel", "c", "give up", "Give up the actions that are under way."),
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
    "plus": "+",
    "minus": "-",
    "escape": "esc",
    "asterisk": "*",
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
