"""What a page asks of the host beside the reading: values, answered by the desk.

A request that changes something carries what its author saw, so that an edit by somebody else in
between is a conflict and never a lost update.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import ClassVar, Literal

from vconsole.model.changes import Status


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request.

    Attributes:
        status: ``applied`` where it was done or read; ``unknown`` where no answer came in time.
        message: One line for people, naming the cause; may hold foreign text.
        value: What was read, or what the host says after a change.
    """

    status: Status = "applied"
    message: str = ""
    value: object = None


@dataclass(frozen=True, slots=True)
class ReadDefinitions:
    """Read the inactive definitions: answers a mapping of UUID to XML.

    A domain without one, or that is gone, is missing from it; the message says why.
    """

    uuids: tuple[str, ...]
    deadline_s: ClassVar[float] = 15.0


@dataclass(frozen=True, slots=True)
class Define:
    """Replace the inactive definition `before` by `after`; answers the definition read back."""

    uuid: str
    name: str
    what: str
    """What the edit does, in a few words."""
    before: str
    after: str
    deadline_s: ClassVar[float] = 30.0


Mode = Literal["agent", "acpi"]
"""Who in the guest is asked to shut down: its agent, or whatever looks at the power button."""
Definitions = Mapping[str, str]
"""Domain UUID -> inactive XML."""


@dataclass(frozen=True, slots=True)
class Configurations:
    """The XML of a domain as it runs and as it is defined; None where it has none."""

    live: str | None = None
    config: str | None = None


@dataclass(frozen=True, slots=True)
class ReadConfigurations:
    """Read the XML of domains: answers a mapping of UUID to `Configurations`.

    A domain that is gone is missing from it; the message says why.
    """

    uuids: tuple[str, ...]
    deadline_s: ClassVar[float] = 15.0


@dataclass(frozen=True, slots=True)
class ChangeDevice:
    """Attach a device to a domain, or detach it; answers the `Configurations` read back.

    It is a conflict if a device to attach has been given to the domain meanwhile, or its name to
    another, and if one to detach is not there any more as it was seen.
    """

    uuid: str
    name: str
    what: str
    """What the change does, in a few words."""
    device: str
    """The device's XML; of one to detach as it was seen."""
    attach: bool
    """False to detach it."""
    live: bool
    """Change the domain as it runs."""
    config: bool
    """Change its definition."""
    deadline_s: ClassVar[float] = 30.0


class Wait:
    """What an action under way waits for, shared by who asked and who acts.

    The actor says it and looks whether it is given up; who asked reads it and may give up.
    """

    def __init__(self) -> None:
        self._given_up = Event()
        self.what = ""
        """What is waited for, in a word or two; empty while nothing is."""
        self.until: float | None = None
        """When that ends; monotonic seconds."""

    def give_up(self) -> None:
        """Begin nothing further."""
        self._given_up.set()

    @property
    def given_up(self) -> bool:
        """Nobody wants the rest of it any more."""
        return self._given_up.is_set()

    def pause(self, seconds: float) -> bool:
        """Sleep, but no longer than until it is given up; True then."""
        return self._given_up.wait(seconds)


@dataclass(frozen=True, slots=True)
class Act:
    """Carry out an action of `vconsole.model.actions`; answers the state read back.

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
