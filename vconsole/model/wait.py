"""What a change under way waits for, and how it is given up."""

from __future__ import annotations

from threading import Event


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
