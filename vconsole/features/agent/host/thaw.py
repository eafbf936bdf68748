"""Thaws a guest's file systems in time, whatever becomes of the console that froze them.

The guard is a process of its own, in a session of its own: it goes on when the terminal is closed
and when the console is killed. It is connected before anything is frozen, and thaws when its time
is over or when the pipe from its parent is closed. Its orders and answers are lines of JSON.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType
from typing import IO, Any, Final, Protocol, Self

import vconsole
from vconsole.features.agent.model.changes import ANSWER_S
from vconsole.host import errors
from vconsole.host.agent_call import AgentError, answers_within, ask
from vconsole.host.link import Link
from vconsole.host.source import HostError

READY_S: Final = 20.0
"""How long a guard may take to be connected."""
TRIES_S: Final = 120.0
"""How long a thaw that fails is tried again."""
_PAUSE_S: Final = 1.0
_ROOT: Final = Path(vconsole.__file__).parent.parent


class GuardError(Exception):
    """There is no guard, or it could not thaw; one line that says why."""


class Guard(Protocol):
    """Thaws in time."""

    def over(self, within_s: float) -> bool:
        """Wait a little for it to thaw by itself."""

    def thaw(self) -> int:
        """Have it thaw if it has not yet; answers how many file systems it thawed."""

    def dismiss(self) -> None:
        """End it without a thaw."""


class OwnGuard:
    """Thaws a domain that ends with this process, as the demo's do."""

    def __init__(self, link: Link, domain: Any, limit_s: float) -> None:
        self._link, self._domain, self._until = link, domain, monotonic() + limit_s

    def over(self, within_s: float) -> bool:
        """Wait a little; its time may be over then."""
        sleep(min(within_s, max(0.0, self._until - monotonic())))
        return monotonic() >= self._until

    def thaw(self) -> int:
        """Thaw."""
        return int(ask(self._link, self._domain.fsThaw))

    def dismiss(self) -> None:
        """Nothing runs."""


class ThawGuard:
    """The parent's end. Nothing may be frozen before it is made.

    Raises:
        GuardError: It does not start, or does not reach the domain.
    """

    def __init__(self, uri: str, uuid: str, limit_s: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vconsole.features.agent.host.thaw"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            cwd=_ROOT,
        )
        try:
            order = {"uri": uri, "uuid": uuid, "limit_s": limit_s}
            with suppress(BrokenPipeError):
                _pipe(self._process.stdin).write(json.dumps(order) + "\n")
                _pipe(self._process.stdin).flush()
            self._answer(READY_S)
        except GuardError:
            self.dismiss()  # nothing is frozen by us: it must not thaw what somebody else freezes
            self.close()
            raise

    def over(self, within_s: float) -> bool:
        """Wait a little for it to thaw by itself."""
        ready, _, _ = select.select([_pipe(self._process.stdout)], [], [], within_s)
        return bool(ready)

    def thaw(self) -> int:
        """Have it thaw if it has not yet; answers how many file systems it thawed.

        Raises:
            GuardError: It could not.
        """
        self._hang_up()
        return int(self._answer(TRIES_S + 2 * ANSWER_S)["thawed"])

    def _answer(self, within_s: float) -> dict[str, Any]:
        line = _pipe(self._process.stdout).readline() if self.over(within_s) else ""
        answer: dict[str, Any] = json.loads(line) if line else {"problem": "the guard has ended"}
        if problem := answer.get("problem"):
            raise GuardError(problem)
        return answer

    def _hang_up(self) -> None:
        with suppress(OSError):
            _pipe(self._process.stdin).close()

    def dismiss(self) -> None:
        """End it without a thaw."""
        self._process.kill()

    def close(self) -> None:
        """Let it go; one that has not thawed yet does it now, without us."""
        self._hang_up()
        _pipe(self._process.stdout).close()
        if self._process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_PAUSE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


# ---- the guard's own process


def main() -> None:
    """Connect, say so, wait, thaw, say so."""
    wanted_to_end = _signals()
    order = json.loads(sys.stdin.readline())
    try:
        link, domain = _reach(order["uri"], order["uuid"])
    except Exception as error:  # nobody reads a trace of this process
        _say(problem=_words(error))
        return
    _say(ready=True)
    select.select([sys.stdin, wanted_to_end], [], [], order["limit_s"])
    try:
        _say(thawed=_thaw(link, domain, order))
    except Exception as error:  # nor of what this program did not foresee
        _say(problem=_words(error))


def _signals() -> int:
    """What can be read when somebody wants the process to end: then the time is over."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def _say(**words: object) -> None:
    with suppress(OSError):  # the parent may be gone
        print(json.dumps(words), flush=True)


def _words(error: Exception) -> str:
    if isinstance(error, HostError):
        return f"{error.title}: {error.message}"
    return str(error) if isinstance(error, AgentError) else f"{type(error).__name__}: {error}"


def _reach(uri: str, uuid: str) -> tuple[Link, Any]:
    from vconsole.host.open import connect_link

    link = connect_link(uri)
    return link, ask(link, link.conn.lookupByUUIDString, uuid)


def _thaw(link: Link, domain: Any, order: dict[str, Any]) -> int:
    """Thaw, again and again if need be, on a new connection where the old one is lost."""
    until = monotonic() + TRIES_S
    while True:
        try:
            with answers_within(link, domain, ANSWER_S):
                return int(ask(link, domain.fsThaw))
        except (HostError, AgentError) as error:
            if monotonic() > until or not _may_be_frozen(link, domain):
                raise
            sleep(_PAUSE_S)
            if isinstance(error, HostError):
                with suppress(HostError, AgentError):
                    link, domain = _reach(order["uri"], order["uuid"])


def _may_be_frozen(link: Link, domain: Any) -> bool:
    """A guest that has ended has nothing frozen any more."""
    try:
        return bool(link.call(domain.isActive))
    except HostError:
        return True
    except errors.libvirt_error() as error:
        return not errors.gone(error)


if __name__ == "__main__":
    main()
