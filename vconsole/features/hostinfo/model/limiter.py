"""What each guest has used of what it may ask.

All times are monotonic seconds. An account belongs to the guest: a new connection, a reboot or a
change of the rules does not reset it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

ERRORS = 5
"""Error replies in one interval; after these the guest hears nothing until the interval ends."""
COURTESY_S = 1.0
"""HELLO, PING, HELP and LIST: each of them once in this time."""
INTAKE_BYTES = 2048
"""The bucket and its refill a second, so that no second has more than twice that: 4 KiB."""
MUTED_BYTES = 32
"""What a refusal without a reply costs of the intake beside its bytes: a flood is not even read."""
MAX_ABSENT = 10_000
"""Accounts kept of guests that are not there."""


@dataclass(slots=True)
class Account:
    """One guest's clock, its errors, and how much was read from it."""

    accepted_at: float | None = None
    """When a query was last answered."""
    held_until: float = 0.0
    """When the next query is allowed, by the rule that the last one was answered under."""
    queries: int = 0
    refusals: int = 0
    muted: int = 0
    """Those among the refusals that got no reply."""
    left: float = INTAKE_BYTES
    """How many bytes may be read from the guest, as of the last reading."""
    _courtesies: dict[str, float] = field(default_factory=dict)
    _errors: int = 0
    _errors_since: float | None = None
    _read_at: float = 0.0

    def wait_s(self, now: float, interval_s: float) -> float:
        """How long the guest must wait for its next query; 0 when it may ask."""
        if self.accepted_at is None:
            return 0.0
        return max(0.0, self.accepted_at + interval_s - now)

    def accept(self, now: float, interval_s: float) -> None:
        """Start the clock: a query is answered."""
        self.accepted_at, self.held_until = now, now + interval_s
        self.queries += 1

    def courtesy_wait_s(self, verb: str, now: float) -> float:
        """How long the guest must wait for this command; 0 when it is answered now."""
        before = self._courtesies.get(verb)
        if before is not None and now - before < COURTESY_S:
            return before + COURTESY_S - now
        self._courtesies[verb] = now
        return 0.0

    def refuse(self, now: float, interval_s: float) -> bool:
        """Count a refusal; whether the guest is told of it."""
        window_s = max(interval_s, COURTESY_S)
        if self._errors_since is None or now - self._errors_since >= window_s:
            self._errors_since, self._errors = now, 0
        self._errors += 1
        self.refusals += 1
        told = self._errors <= ERRORS
        if not told:
            self.muted += 1
            self.left -= MUTED_BYTES
        return told

    def read(self, count: int, now: float) -> None:
        """Charge what was read from the guest."""
        left = self.left + (now - self._read_at) * INTAKE_BYTES
        self.left = (left if left < INTAKE_BYTES else INTAKE_BYTES) - count
        self._read_at = now

    def merge(self, other: Account) -> None:
        """Take over what was counted for the same guest under another identity."""
        if other.accepted_at is not None:
            self.accepted_at = max(other.accepted_at, self.accepted_at or 0.0)
        self.held_until = max(self.held_until, other.held_until)
        self.queries += other.queries
        self.refusals += other.refusals
        self.muted += other.muted
        self._errors += other._errors
        if self._errors_since is None:
            self._errors_since = other._errors_since


class Ledger:
    """The accounts of all guests.

    A guest is its domain, by UUID; as long as that is unknown, the socket's name. What was once
    known of a name is remembered: a guest that comes back is held to its interval from the start.
    """

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._uuids: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def account(self, name: str) -> Account:
        """The account of the guest behind a socket, opened at the first call."""
        return self._accounts.setdefault(self._uuids.get(name, name), Account())

    def identify(self, name: str, uuid: str) -> Account:
        """The account of a guest that has become better known; nothing it used is forgotten."""
        self._uuids[name] = uuid
        account = self._accounts.setdefault(uuid, Account())
        if nameless := self._accounts.pop(name, None):
            account.merge(nameless)
        return account

    def prune(self, now: float, present: Iterable[str]) -> None:
        """Close the accounts of guests that are absent and are not held back any more.

        Of more than `MAX_ABSENT` that are, those closest to their end go too.

        Args:
            now: Monotonic seconds.
            present: The names of the sockets that are there.
        """
        kept = {self._uuids.get(name, name) for name in present}
        held = [(a.held_until, i) for i, a in self._accounts.items() if i not in kept]
        held = sorted((until, i) for until, i in held if until > now)[-MAX_ABSENT:]
        kept |= {identity for _, identity in held}
        self._accounts = {i: a for i, a in self._accounts.items() if i in kept}
        self._uuids = {n: uuid for n, uuid in self._uuids.items() if uuid in kept}
