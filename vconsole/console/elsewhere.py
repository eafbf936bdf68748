"""Commands of other pages: which page each is on, and how one gets there from the page in front."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vconsole.model.command import Command, a_domain
from vconsole.model.keys import key, with_keys
from vconsole.registry import COMMANDS, PAGES, SCOPES
from vconsole.screens.page import Console

_FIRST = "domains"
"""The page that is always open."""
_OF_A_DOMAIN = frozenset(c.opens for c in COMMANDS.values() if c.opens and a_domain in c.needs)


@dataclass(frozen=True, slots=True)
class Way:
    """To a command of another page."""

    command: Command
    console: Console
    uuid: str | None
    """Of the domain that the page is about; None for the host."""
    words: str
    """What choosing it does, or why it does not."""

    @property
    def page(self) -> str:
        """The page it opens."""
        return self.command.opens or self.command.scope

    async def go(self) -> None:
        """Open the page; what is to be done there is said, and left to the user."""
        if self.page in _OF_A_DOMAIN and self.uuid is None:
            if self.console.page is not None:
                self.console.page.say(self.words, "warn")
            return
        await self.console.open_page(self.page, self.uuid)
        if not self.command.opens:  # a toast, as what is read there meanwhile takes the status line
            words = f"{key(self.command.id)}: {self.command.help}"
            self.console.notify(with_keys(words, self.console.key_named), markup=False)


def ways(console: Console) -> Iterator[Way]:
    """List the commands of other pages that can be gone to, pages but once."""
    page = console.page
    if page is None:
        return
    here = {"app", page.SCOPE}
    opened = {page.SCOPE, *(c.opens for c in COMMANDS.values() if c.scope in here)} - {""}
    for command in COMMANDS.values():
        target = command.opens or command.scope
        if command.scope in here or command.opens in opened or target not in {_FIRST, *PAGES}:
            continue
        opened |= {command.opens} - {""}
        yield _way(command, target, console)


def _way(command: Command, target: str, console: Console) -> Way:
    subject = console.page.subject if console.page is not None else None
    if target not in _OF_A_DOMAIN:
        return Way(command, console, None, f"opens {SCOPES[target]}")
    if subject is None:
        return Way(command, console, None, "not now: no domain here")
    virsh = command.virsh_line(console.page) if console.page is not None else ""
    return Way(
        command, console, subject.uuid, f"opens {SCOPES[target]} of {subject.name}   {virsh}"
    )
