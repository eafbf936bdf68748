"""What a page asks of the host beside the reading: values, answered by the desk.

A request that changes something carries what its author saw, so that an edit by somebody else in
between is a conflict and never a lost update.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

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


Definitions = Mapping[str, str]
"""Domain UUID -> inactive XML."""
