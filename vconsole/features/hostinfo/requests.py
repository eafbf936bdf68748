"""What the console asks about hostinfo beside the reading, and who answers it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from vconsole.features.hostinfo.daemon.status import SOCKET, StatusError, read_status
from vconsole.files.draft import SaveFile, save_file
from vconsole.model.request import Reply


@dataclass(frozen=True, slots=True)
class SaveRules(SaveFile):
    """Save hostinfo.conf."""

    what: ClassVar[str] = "save the hostinfo rules"


@dataclass(frozen=True, slots=True)
class ReadService:
    """Ask hostinfod what it does: answers its document, of one guest with the recent exchanges."""

    guest: str | None = None
    socket: Path = SOCKET
    deadline_s: ClassVar[float] = 3.0


@dataclass(frozen=True, slots=True)
class ReadValues:
    """Read the statistics of the host: answers the values by name."""

    deadline_s: ClassVar[float] = 5.0


def save_rules(request: SaveRules) -> Reply:
    """Save them if they are rules."""
    from vconsole.features.hostinfo.rules_file import validator

    return save_file(request, validator(request.path))


def read_service(request: ReadService) -> Reply:
    """Ask its status socket."""
    try:
        return Reply(value=read_status(request.socket, guest=request.guest))
    except StatusError as error:
        return Reply("failed", str(error))


class _Values:
    """Reads the host when asked; the one before tells how busy it was since."""

    def __init__(self) -> None:
        self._sampler: Any = None

    def read(self, _request: ReadValues) -> Reply:
        from vconsole.features.hostinfo.host.statistics import Sampler

        if self._sampler is None:
            self._sampler = Sampler()
        return Reply(value=dict(self._sampler.take().values))


read_values: Final = _Values().read
"""Answers `ReadValues`."""
