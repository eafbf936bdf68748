"""What the console asks about hostinfo beside the reading, and who answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from vconsole.hostinfo.rules import Rules
from vconsole.hostinfo.status import SOCKET, StatusError, read_status
from vconsole.model.requests import Reply
from vconsole.safefile import Loaded, SafeFileError, SaveConflict


@dataclass(frozen=True, slots=True)
class ReadRules:
    """Read hostinfo.conf: answers what is in it as `Loaded`."""

    path: Path
    deadline_s: ClassVar[float] = 5.0


@dataclass(frozen=True, slots=True)
class SaveRules:
    """Save hostinfo.conf unless it is not what was loaded; answers it as `Loaded`."""

    path: Path
    rules: Rules
    expected: Loaded
    deadline_s: ClassVar[float] = 10.0


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


def handlers() -> Mapping[type, Callable[[Any], Reply]]:
    """Type of request -> its handler."""
    values = _Values()
    return {
        ReadRules: _read_rules,
        SaveRules: _save_rules,
        ReadService: _read_service,
        ReadValues: values.read,
    }


def _read_rules(request: ReadRules) -> Reply:
    from vconsole.hostinfo.rules_file import load

    try:
        loaded, _ = load(request.path)
    except SafeFileError as error:
        return Reply("failed", str(error))
    return Reply(value=loaded)


def _save_rules(request: SaveRules) -> Reply:
    from vconsole.hostinfo.rules_file import save_rules

    try:
        return Reply(value=save_rules(request.path, request.rules, request.expected))
    except SaveConflict as error:
        return Reply("conflict", f"{request.path} was changed meanwhile", error.current)
    except (SafeFileError, ValueError) as error:
        return Reply("failed", str(error))


def _read_service(request: ReadService) -> Reply:
    try:
        return Reply(value=read_status(request.socket, guest=request.guest))
    except StatusError as error:
        return Reply("failed", str(error))


class _Values:
    """Reads the host when asked; the one before tells how busy it was since."""

    def __init__(self) -> None:
        self._sampler: Any = None

    def read(self, _request: ReadValues) -> Reply:
        from vconsole.host.statistics import Sampler

        if self._sampler is None:
            self._sampler = Sampler()
        return Reply(value=dict(self._sampler.take().values))
