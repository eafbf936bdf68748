"""Changes before they are made: what each would do, and how a page or a command gets to know.

A planner is a pure function of a domain's XML. Page and command hand it to the
dispatcher in a `Propose`, show the `Proposal` that comes back, and ask for its changes one by one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import field, replace
from typing import ClassVar, Final, Literal, Protocol

from vconsole.model.outcome import Target
from vconsole.model.value import dataclass
from vconsole.model.virsh import domain_argument

Grade = Literal["harmless", "interrupting", "destructive"]
"""How a change is confirmed: not at all beyond seeing it, by yes, by typing the name."""
TARGET_WORDS: Final = {"both": "live and config", "live": "live only", "config": "config only"}
AT_NEXT_START: Final = "at the next start"
_PASSWORD = re.compile(r"""(\bpasswd\s*=\s*)(?:'[^']*'?|"[^"]*"?)""")


class Logged(Protocol):
    """A request that changes something, as the activity log wants to know it."""

    @property
    def uuid(self) -> str:
        """Of the domain; empty where it is about something else."""

    @property
    def name(self) -> str:
        """Of the domain, or of what it is about."""

    @property
    def what(self) -> str:
        """What it does, in a few words."""

    def lines(self) -> tuple[str, ...]:
        """The difference it makes: ``- before``, ``+ after``, others for context."""

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """List the virsh lines that do the same, for a POSIX shell; empty where there are none."""


class Change(Logged, Protocol):
    """A change of a domain, or of the host. Frozen and hashable."""

    @property
    def deadline_s(self) -> float:
        """Seconds after which nobody waits for it."""

    @property
    def grade(self) -> Grade:
        """How it is confirmed."""

    @property
    def when(self) -> str:
        """When it takes effect: ``now``, ``at the next start``, ``live and config``."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Changes that belong together.

    Attributes:
        changes: In the order they are made; those of one domain one after the other.
        notes: What to know before; may hold foreign text.
        target: What of the domain they change, where that can be chosen.
    """

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A domain as a planner sees it; XML is None where the domain has none.

    Attributes:
        live: As it runs.
        config: As it is defined, passwords included.
    """

    uuid: str
    name: str
    live: str | None = None
    config: str | None = None


Revert = Callable[[str, Subject, str, str, str], Change]
"""Gives a running domain what it is defined with: (kind of value, domain, what it does in a few
words, XML as it runs, XML as it is defined); of a device its clause, else of the whole domain."""
Planner = Callable[[Subject, Target], Proposal]
"""Answers what to change; raises ValueError with the reason where nothing can be done."""


@dataclass(frozen=True, slots=True)
class Propose:
    """Plan changes of domains by their XML as it is now; answers a `Proposal` for each target."""

    domains: tuple[tuple[str, str], ...]
    """(UUID, name)."""
    plan: Planner = field(compare=False)
    targets: tuple[Target, ...] = ("both",)
    """The targets to choose from, the usual one first."""
    deadline_s: ClassVar[float] = 30.0


def proposals(request: Propose, read: Callable[[str, str], Subject]) -> tuple[Proposal, ...]:
    """Answer a request; a domain that allows no change is a note that says why.

    Args:
        request: What to plan.
        read: Given UUID and name, reads the domain; raises LookupError with the reason.
    """
    made = {target: Proposal(target=target) for target in request.targets}
    for uuid, name in request.domains:
        for target, proposal in made.items():
            try:
                planned = request.plan(read(uuid, name), target)
            except (LookupError, ValueError) as error:
                planned = Proposal(notes=(f"{name}: {error}",))
            changes = (*proposal.changes, *planned.changes)
            made[target] = Proposal(changes, (*proposal.notes, *planned.notes), target)
    several = len(request.targets) > 1
    return tuple(p if several else replace(p, target=None) for p in made.values())


def confirmation(verb: str, changes: Iterable[Change]) -> str:
    """Answer what must be typed before what is destructive: the name, or the verb and how many."""
    names = list(dict.fromkeys(domain_argument(c.name, c.uuid) for c in changes))
    return names[0] if len(names) == 1 else f"{verb} {len(names)}"


def virsh_line(uri: str, command: str, *words: str) -> str:
    """One virsh line, quoted for a POSIX shell."""
    where = ("-c", uri) if uri else ()
    return shlex.join(("virsh", *where, command, *words))


def flags_of(live: bool, config: bool) -> tuple[str, ...]:
    """The words that say what of a domain a virsh command changes."""
    return tuple(word for word, on in (("--live", live), ("--config", config)) if on)


def xml_lines(before: str, after: str) -> tuple[str, ...]:
    """The difference of two XML texts, passwords masked."""
    from vconsole.model.xml_edit import diff  # not needed for the first frame

    return tuple(map(masked, diff(before, after)))


def masked(text: str) -> str:
    """XML without the passwords that it holds."""
    return _PASSWORD.sub(r"\1'***'", text)
