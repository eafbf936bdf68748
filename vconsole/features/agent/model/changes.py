"""What a guest is made to do by its agent: each change with its words, its virsh line, its grade.

Sources: virsh(1) for domfsfreeze, domfsthaw, domtime, dompmsuspend, dompmwakeup and
qemu-agent-command; libvirt's virDomainPMSuspendForDuration.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from vconsole.features.agent.model.channel import PrivateAgentCommand, agent_channel
from vconsole.features.agent.model.wire import (
    AgentJsonError,
    check_command,
    command_grade,
    command_name,
    loggable,
    read_json,
)
from vconsole.model.agent_channels import AGENT
from vconsole.model.outcome import Target
from vconsole.model.proposal import Change, Grade, Planner, Proposal, Subject, virsh_line
from vconsole.model.virsh import domain_argument
from vconsole.model.wait import Wait
from vconsole.model.xml_edit import Document

SleepMode = Literal["mem", "disk", "hybrid"]
"""To memory (S3), to its disk (S4), or both; virsh's words."""
FROZEN: Final = "frozen"
THAWED: Final = "thawed"
CLOCK: Final = "clock"
FREEZE_S: Final = 10.0
"""How long file systems stay frozen where nobody says how long."""
MOST_FREEZE_S: Final = 600.0
COMMAND_S: Final = 10
MOST_COMMAND_S: Final = 600
ANSWER_S: Final = 60.0
"""How long a guest may take to freeze, to thaw or to fall asleep."""
MOST_CHARS: Final = 64 << 10
"""Characters that are kept of an answer."""
TAINT: Final = "libvirt marks a domain as tainted whose agent was sent a command by hand"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_PM: Final = {"mem": "suspend-to-mem", "disk": "suspend-to-disk"}


@dataclass(frozen=True, slots=True)
class AgentChange:
    """What changes by the agent have in common."""

    uuid: str
    name: str
    when: ClassVar[str] = "now"

    @property
    def deadline_s(self) -> float:
        """Longer than a guest may take to answer."""
        return 150.0

    @property
    def grade(self) -> Grade:
        """Programs in the guest notice it."""
        return "interrupting"

    def _virsh(self, uri: str, command: str, *words: str) -> str:
        return virsh_line(uri, command, domain_argument(self.name, self.uuid), *words)


@dataclass(frozen=True, slots=True)
class FreezeFs(AgentChange):
    """Freeze all file systems, and thaw them when the limit is over; answers after the thaw.

    The thaw is the business of a process of its own: it comes though the console is left or ends.
    """

    limit_s: float = FREEZE_S
    wait: Wait = field(default_factory=Wait, compare=False, repr=False)
    """Given up, it thaws at once."""
    what: ClassVar[str] = "freeze the file systems"
    trace: ClassVar[str] = FROZEN

    @property
    def deadline_s(self) -> float:
        """Of freezing, waiting and thawing."""
        return self.limit_s + 3 * ANSWER_S

    def lines(self) -> tuple[str, ...]:
        """What the guest has to expect."""
        return ("+ every write in the guest waits", f"  until it is thawed, in {self.limit_s:g} s")

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """Freeze, wait, thaw."""
        sleep = f"sleep {self.limit_s:g}"
        return self._virsh(uri, "domfsfreeze"), sleep, self._virsh(uri, "domfsthaw")


@dataclass(frozen=True, slots=True)
class ThawFs(AgentChange):
    """Thaw all file systems, whoever froze them."""

    what: ClassVar[str] = "thaw the file systems"
    trace: ClassVar[str] = THAWED
    grade: ClassVar[Grade] = "harmless"

    def lines(self) -> tuple[str, ...]:
        """Nothing that could be compared."""
        return ("+ what waits to be written is written",)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """One line."""
        return (self._virsh(uri, "domfsthaw"),)


@dataclass(frozen=True, slots=True)
class SyncTime(AgentChange):
    """Set the guest's clock by its hardware clock, which QEMU keeps right."""

    what: ClassVar[str] = "set the clock"
    trace: ClassVar[str] = CLOCK

    def lines(self) -> tuple[str, ...]:
        """The jump that programs in the guest see."""
        return ("+ the guest's clock jumps to its hardware clock",)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """One line."""
        return (self._virsh(uri, "domtime", "--sync"),)


@dataclass(frozen=True, slots=True)
class SuspendGuest(AgentChange):
    """Have the guest put itself to sleep."""

    mode: SleepMode = "mem"

    @property
    def trace(self) -> str:
        """The state that shows it; see `host.changes.tell_agent`."""
        return "shut off" if self.mode == "disk" else "pmsuspended"

    @property
    def what(self) -> str:
        """Where its memory goes."""
        where = {"mem": "to memory", "disk": "to its disk", "hybrid": "to memory and disk"}
        return f"suspend {where[self.mode]}"

    def lines(self) -> tuple[str, ...]:
        """What becomes of the domain."""
        after = "shut off" if self.mode == "disk" else "pmsuspended"
        return ("- running", f"+ {after}")

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """One line."""
        return (self._virsh(uri, "dompmsuspend", self.mode),)


@dataclass(frozen=True, slots=True)
class WakeGuest(AgentChange):
    """Wake a guest that sleeps in memory; no agent is asked."""

    what: ClassVar[str] = "wake up"
    trace: ClassVar[str] = "running"

    @property
    def grade(self) -> Grade:
        """Nothing runs that it could interrupt."""
        return "harmless"

    def lines(self) -> tuple[str, ...]:
        """What becomes of the domain."""
        return ("- pmsuspended", "+ running")

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """One line."""
        return (self._virsh(uri, "dompmwakeup"),)


@dataclass(frozen=True, slots=True)
class AgentCommand(AgentChange):
    """Send the agent a command through libvirt, unchanged; answers the JSON that comes."""

    command: str = '{"execute": "guest-ping"}'
    """As `wire.check_command` answers it."""
    timeout_s: int = COMMAND_S

    @property
    def deadline_s(self) -> float:
        """A little longer than the answer is waited for."""
        return self.timeout_s + 45.0

    @property
    def what(self) -> str:
        """The command's name."""
        return f"send {command_name(self.command)[:60]}"

    @property
    def grade(self) -> Grade:
        """The command's."""
        return command_grade(self.command)

    def lines(self) -> tuple[str, ...]:
        """The command, without passwords."""
        return (f"+ {loggable(self.command)}",)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """One line, without passwords."""
        words = (loggable(self.command), "--timeout", str(self.timeout_s))
        return (self._virsh(uri, "qemu-agent-command", *words),)


# ---- plans


def through_agent(change: Change, *notes: str) -> Planner:
    """Plan a change that the agent must be there for."""

    def plan(subject: Subject, target: Target) -> Proposal:
        if subject.live is None:
            raise ValueError("it does not run")
        name = change.channel if isinstance(change, PrivateAgentCommand) else AGENT
        found = agent_channel(subject.live, None, name)
        if found.state == "absent":
            raise ValueError(f"it has no channel {found.name}: add it")
        if found.problem:
            raise ValueError(found.problem)
        if found.state == "present":
            raise ValueError("nobody in the guest has opened the channel: start its agent")
        if isinstance(change, SuspendGuest):
            _check_sleep(subject.live, change.mode)
        return Proposal((change,), (*notes, *_warnings(change)))

    return plan


def _warnings(change: Change) -> tuple[str, ...]:
    """What a command that was typed leaves to who sends it."""
    command = getattr(change, "command", "")
    if command and command_name(command).startswith("guest-fsfreeze-freeze"):
        return ("nobody thaws it but you: freezing by the key z or by agent freeze has a limit",)
    return ()


def _check_sleep(live: str, mode: SleepMode) -> None:
    """QEMU takes from a guest what ``<pm>`` forbids."""
    document = Document(live)
    for part in ("mem", "disk") if mode == "hybrid" else (mode,):
        element = document.find(f"pm/{_PM[part]}")
        if element is not None and element.get("enabled") == "no":
            raise ValueError(f"its <pm> has {_PM[part]} enabled='no'")


def seconds(text: str, most: float) -> float:
    """Read how long something may last.

    Raises:
        ValueError: It is no number of seconds from 1 to `most`.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 1 <= number <= most:
        raise ValueError(f"{text[:40]!r} is not between 1 and {most:g} seconds")
    return number


def typed_command(text: str) -> str:
    """A command that somebody typed, whole or only its name, as it is sent.

    Raises:
        AgentJsonError: It is none; the message names the cure.
    """
    bare = text.strip()
    return check_command(json.dumps({"execute": bare}) if _NAME.fullmatch(bare) else text)


def readable(answer: str) -> str:
    """What an agent returned, indented and cut at `MOST_CHARS`; as it came if it is no JSON."""
    try:
        found = read_json(answer)
    except AgentJsonError:
        shown = answer
    else:
        value = found["return"] if isinstance(found, dict) and "return" in found else found
        shown = json.dumps(value, indent=2, ensure_ascii=False)
    if len(shown) <= MOST_CHARS:
        return shown
    return f"{shown[:MOST_CHARS]}\n(cut: {len(shown)} characters)"
