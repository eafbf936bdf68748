"""What can be done with a domain as a whole: when, how careful to be, and virsh's words for it.

Sources: virsh(1); the states in which libvirt's QEMU driver accepts the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Final, Literal

from vconsole.model.host_state import Domain
from vconsole.model.proposal import Grade, virsh_line
from vconsole.model.value import dataclass
from vconsole.model.virsh import domain_argument
from vconsole.model.wait import Wait

Mode = Literal["agent", "acpi"]
"""Who in the guest is asked to shut down: its agent, or whatever looks at the power button."""
WhyNot = Callable[[Domain], str | None]
"""Answers why an action cannot run on a domain, in words that follow its name; else None."""
MODES: Final[tuple[tuple[Mode, ...], ...]] = (("agent", "acpi"), ("agent",), ("acpi",))
"""The choices of how a guest is asked, the usual one first."""


@dataclass(frozen=True, slots=True)
class Act:
    """Carry out an action of `ACTIONS`; answers the state read back.

    It is a conflict if the domain is not in the state that was seen any more.
    """

    uuid: str
    name: str
    action: str
    """Its id."""
    before: str
    """The state that was seen, or whether it starts with the host: see `actions.seen`."""
    modes: tuple[Mode, ...] = ("agent", "acpi")
    """How the guest is asked to shut down or to reboot, one after the other."""
    timeout_s: float = 60.0
    """How long each mode is waited for."""
    wait: Wait = field(default_factory=Wait, compare=False, repr=False)

    @property
    def deadline_s(self) -> float:
        """Longer than what is waited for, or than a large memory takes to be saved."""
        return max(600.0, len(self.modes) * (self.timeout_s + 90.0))

    @property
    def trace(self) -> str:
        """The action, whose state can be looked for."""
        return self.action

    @property
    def what(self) -> str:
        """The action's title."""
        return ACTIONS[self.action].title

    @property
    def grade(self) -> Grade:
        """The action's."""
        return ACTIONS[self.action].grade

    @property
    def when(self) -> str:
        """At once."""
        return "now"

    def lines(self) -> tuple[str, ...]:
        """The state it is to leave."""
        return (f"- {self.before}",)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """List the virsh lines that do it, one for each mode."""
        action = ACTIONS[self.action]
        line = virsh_line(uri, *action.virsh_words(domain_argument(self.name, self.uuid)))
        return tuple(f"{line} --mode {m}" for m in self.modes) if action.asks_guest else (line,)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do with a domain."""

    id: str
    title: str
    """An imperative of a few words."""
    grade: Grade
    why_not: WhyNot
    virsh: str
    """The words behind ``virsh``; ``{}`` is the domain."""
    help: str
    asks_guest: bool = False
    """The guest is asked in `Act.modes`, and may not answer."""

    def virsh_words(self, domain: str) -> tuple[str, ...]:
        """What follows ``virsh``, not quoted."""
        return tuple(domain if word == "{}" else word for word in self.virsh.split())

    def act(self, domain: Domain, modes: tuple[Mode, ...], timeout_s: float) -> Act:
        """Ask for it, as the domain is now."""
        before = seen(self.id, domain.state, domain.autostart)
        return Act(domain.uuid, domain.name, self.id, before, modes, timeout_s)


def seen(action: str, state: str, autostart: bool | None) -> str:
    """Say what of a domain an action changes: its state, or whether it starts with the host."""
    if not action.startswith("autostart"):
        return state
    return {True: "autostart", False: "no autostart", None: "-"}[autostart]


# -- when ------------------------------------------------------------------------------------


def _inactive(domain: Domain) -> str | None:
    return f"is {domain.state} already" if domain.active else None


def _active(domain: Domain) -> str | None:
    return None if domain.active else f"is {domain.state}"


def _running(domain: Domain) -> str | None:
    if domain.state in ("running", "idle"):
        return None
    cure = {"paused": ": resume it first", "pmsuspended": ": it sleeps"}.get(domain.state, "")
    return f"is {domain.state}{cure}"


def _paused(domain: Domain) -> str | None:
    return None if domain.state == "paused" else f"is {domain.state}"


def _savable(domain: Domain) -> str | None:
    if domain.persistent is False:
        return "is transient: it would be gone"
    return None if domain.state in ("running", "idle", "paused") else f"is {domain.state}"


def _defined_inactive(domain: Domain) -> str | None:
    return f"is {domain.state}" if domain.active else _persistent(domain)


def _persistent(domain: Domain) -> str | None:
    return "is transient" if domain.persistent is False else None


def _starts_not(domain: Domain) -> str | None:
    return _persistent(domain) or ("starts with the host already" if domain.autostart else None)


def _starts(domain: Domain) -> str | None:
    if domain.autostart is False:
        return "does not start with the host anyway"
    return _persistent(domain)


_TABLE: Final = (
    Action("start", "start", "harmless", _inactive, "start {}", "Start it, from its saved state."),
    Action(
        "start_paused",
        "start paused",
        "harmless",
        _inactive,
        "start {} --paused",
        "Start it with its vCPUs stopped; resume lets them run.",
    ),
    Action(
        "shutdown",
        "shut down",
        "interrupting",
        _running,
        "shutdown {}",
        "Ask the guest to shut down: its agent, then the power button (ACPI).",
        asks_guest=True,
    ),
    Action(
        "reboot",
        "reboot",
        "interrupting",
        _running,
        "reboot {}",
        "Ask the guest to reboot: its agent, then the power button (ACPI).",
        asks_guest=True,
    ),
    Action(
        "suspend", "suspend", "interrupting", _running, "suspend {}", "Stop its vCPUs in memory."
    ),
    Action("resume", "resume", "harmless", _paused, "resume {}", "Let its vCPUs run again."),
    Action(
        "save",
        "managed save",
        "interrupting",
        _savable,
        "managedsave {}",
        "Save its memory to a file and stop it; the next start goes on from there.",
    ),
    Action(
        "reset",
        "reset",
        "destructive",
        _running,
        "reset {}",
        "Push the reset button: the guest loses what it has not written.",
    ),
    Action(
        "destroy",
        "force off",
        "destructive",
        _active,
        "destroy {}",
        "Pull the plug: the guest loses what it has not written.",
    ),
    Action(
        "destroy_graceful",
        "force off, flushed",
        "destructive",
        _active,
        "destroy {} --graceful",
        "Pull the plug, but not while QEMU still writes; fails where QEMU does not end.",
    ),
    Action(
        "save_remove",
        "discard saved state",
        "destructive",
        _defined_inactive,
        "managedsave-remove {}",
        "Throw the saved memory away: the next start boots.",
    ),
    Action(
        "autostart",
        "autostart on",
        "harmless",
        _starts_not,
        "autostart {}",
        "Start it when the host's libvirt starts.",
    ),
    Action(
        "autostart_off",
        "autostart off",
        "harmless",
        _starts,
        "autostart {} --disable",
        "Do not start it with the host.",
    ),
)
ACTIONS: Final[Mapping[str, Action]] = {action.id: action for action in _TABLE}
