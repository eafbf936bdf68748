"""Watches what changes of pins bring, and writes it beside the history of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from vconsole.screens.page import Console

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vconsole.changes.proofs import Proofs
    from vconsole.changes.store import PinHistory
    from vconsole.model.proof import Proof, Watch
    from vconsole.model.request import Reply


class Program(Console, Protocol):
    """The app, as it is seen from here."""

    @property
    def pins(self) -> PinHistory:
        """The history of pins."""


class Proving:
    """Gives each reading to the watch, and tells it of changes.

    Args:
        app: The program.
    """

    def __init__(self, app: Program) -> None:
        self._app = app
        self._watch: Watch | None = None
        self._proofs: Proofs | None = None

    @property
    def watch(self) -> Watch:
        """What it knows of the last half minute."""
        if self._watch is None:
            from vconsole.model.proof import Watch

            self._watch = Watch()
        return self._watch

    @property
    def proofs(self) -> Proofs:
        """What is known of earlier changes."""
        if self._proofs is None:
            from vconsole.changes.proofs import Proofs

            self._proofs = Proofs(self._app.pins.path)
        return self._proofs

    def host_read(self) -> None:
        """Take a reading of the domains on the screen, and of those with a plan."""
        state = self._app.host_state
        if (page := self._app.page) is None or not (state.usage or self._watch):
            return
        here = page.subject
        followed = {*(page.in_sight or ()), *self._app.plans, page.in_view or ""}
        followed.add(here.uuid if here else "")
        self._keep(self.watch.read(state, followed))

    def with_changed(self, sight: frozenset[str] | None) -> frozenset[str] | None:
        """What is to be read often: what is in sight, and what was changed just now."""
        if sight is None or self._watch is None:
            return sight
        return sight | self._watch.open

    def begun(self, changes: Iterable[object]) -> None:
        """Changes begin."""
        from vconsole.model.set_pins import SetPins

        for change in changes:
            if isinstance(change, SetPins):
                self.watch.begun(change.uuid)

    def replied(self, request: object, reply: Reply) -> None:
        """One has ended; only what was set live can show before the next start."""
        from vconsole.model.outcome import Outcome
        from vconsole.model.set_pins import SetPins

        if not isinstance(request, SetPins):
            return
        found = reply.value if isinstance(reply.value, Outcome) else None
        live = found is not None and any(step.live_after is not None for step in found.applied)
        id = self._app.pins.id_of(found) if found is not None and live else ""
        self._keep(self.watch.ended(request.uuid, id))

    def _keep(self, proofs: list[Proof]) -> None:
        """Write beside the loop: a disk may be slow."""
        if proofs:
            lines = self.proofs.add(proofs)
            asyncio.get_running_loop().run_in_executor(None, self.proofs.write, lines)

    def close(self) -> None:
        """The console is left: what is not full says how long it is."""
        if self._watch is not None and (proofs := self._watch.close()):
            self.proofs.write(self.proofs.add(proofs))

    def of(self, id: str) -> Proof | None:
        """What is known of a change, by the id of its record."""
        return (self.watch.proof(id) or self.proofs.of(id)) if id else None
