"""Puts what a program wrote through the emulator, afterwards: its cost is in no figure."""

import re
from collections.abc import Iterator

from bench.screen import Screen
from bench.terminal import Chunk, Program


class Replay:
    """The screen of a program, drawn from the notes as far as somebody has asked."""

    def __init__(self, program: Program, screen: Screen) -> None:
        self.screen = screen
        self._program = program
        self._drawn = 0

    def steps(self) -> Iterator[Chunk]:
        """Draw one chunk after the other; the screen is looked at between them."""
        while self._drawn < len(self._program.chunks):
            chunk = self._program.chunks[self._drawn]
            self._drawn += 1
            self.screen.feed(chunk.data)
            yield chunk

    def catch_up(self) -> None:
        """Draw all that has been noted."""
        for _ in self.steps():
            pass

    def shows(self, pattern: re.Pattern[str]) -> bool:
        """Say whether the screen matches now."""
        return pattern.search("\n".join(self.screen.lines())) is not None
