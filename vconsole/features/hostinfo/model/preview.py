"""The very text that a guest would receive, and the line of the rules that decides it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vconsole.features.hostinfo.model.limiter import Account
from vconsole.features.hostinfo.model.protocol import Session, Terms
from vconsole.features.hostinfo.model.rules import Effective
from vconsole.features.hostinfo.model.statistics import STATISTICS


@dataclass(frozen=True, slots=True)
class Answer:
    """A query and its reply.

    Attributes:
        request: What the guest sends, without the line end.
        reply: The lines that it receives, without theirs.
        line: The line of hostinfo.conf that permits or refuses it; None for the default.
        permitted: Whether the rule lets the guest know.
    """

    request: str
    reply: tuple[str, ...]
    line: int | None
    permitted: bool


def preview(effective: Effective, values: Mapping[str, str]) -> Iterator[Answer]:
    """Each query that a guest may send, as if it had sent nothing before."""
    for name in STATISTICS:
        reply = _ask(name, effective, values)
        yield Answer(name, reply, effective.why(name), name in effective.permitted)


def greeting(effective: Effective) -> str:
    """The reply to HELLO, which names the interval."""
    return _ask("HELLO", effective, {})[0]


def _ask(request: str, effective: Effective, values: Mapping[str, str]) -> tuple[str, ...]:
    session = Session(Terms(effective, Account()), values.get, lambda exchange: None)
    return tuple(session.receive(request.encode() + b"\n", 0.0).decode().splitlines())


def permissions(effective: Effective) -> str:
    """What a rule permits, told by how it differs from the defaults."""
    defaults = {name for name, statistic in STATISTICS.items() if statistic.default}
    more = [f"+ {name}" for name in STATISTICS if name in effective.permitted - defaults]
    less = [f"- {name}" for name in STATISTICS if name in defaults - effective.permitted]
    if len(less) == len(defaults) and not more:
        return "nothing"
    return " ".join(["default", *less, *more])
