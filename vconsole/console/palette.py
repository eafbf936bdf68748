"""The palette: every command by what it is called anywhere, and every domain by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import cast

from textual import on
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.content import Content
from textual.markup import escape
from textual.widgets import Button, Input
from textual.worker import Worker

from vconsole.console.elsewhere import ways
from vconsole.model.command import Command
from vconsole.model.keys import shown_key, with_keys
from vconsole.registry import SCOPES, of_scope
from vconsole.screens.messages import Open
from vconsole.screens.page import Console
from vconsole.text import clip, safe

MOST_DOMAINS = 50
"""Domains offered at once; typing narrows them down."""
BY_NAME, BY_WORDS = 4000.0, 1000.0
"""The scores of what has the very name that was typed, and of what is called by the words typed;
letters that merely occur score less. What is on another page has half of either."""


class Palette(CommandPalette):
    """Textual's without its id: one that is closing does not stand in the way of the next.

    Enter runs what the words typed have found. The list may still be that of fewer words, on a busy
    machine for a while: then enter waits for the search, until something else is typed.
    """

    _enter_waits = False

    def on_mount(self) -> None:
        """Begin in ASCII where the terminal shows no more."""
        if cast(Console, self.app).config.ascii:
            self.query_one(SearchIcon).icon = ">"
            self.query_one(Input).placeholder = "Search for commands"

    def _action_command_list(self, action: str) -> None:
        """Move in the list; Textual 8.2 raises KeyError for pages before it was laid out."""
        with suppress(KeyError):
            super()._action_command_list(action)

    @on(Input.Submitted)
    def _select_or_command(self, event: Input.Submitted | Button.Pressed | None = None) -> None:
        """Run a command once, however often enter came before the palette was gone."""
        if event is not None:
            event.stop()
            event.prevent_default()
        self._enter_waits = self._is_searching()
        if self.is_active and not self._enter_waits:
            super()._select_or_command(event)

    def _is_searching(self) -> bool:
        searches = (w for w in self.workers if w.node is self)
        return any(w.group == self._GATHER_COMMANDS_GROUP and not w.is_finished for w in searches)

    @on(Input.Changed)
    def _typed_on(self) -> None:
        self._enter_waits = False

    @on(Worker.StateChanged)
    def _search_ended(self) -> None:
        if self._enter_waits:
            self._select_or_command()


class _ConsoleProvider(Provider):
    @property
    def console(self) -> Console:
        """The app, typed."""
        return cast(Console, self.app)


class CommandProvider(_ConsoleProvider):
    """The commands, each with its key, its virsh equivalent, and why it cannot run now.

    Those of other pages are found by words alone; choosing one opens its page and says the rest.
    """

    async def discover(self) -> Hits:
        """All of this page and of every page."""
        for command, title, words in self._here():
            run = partial(self.console.action_run_command, command.id)
            yield DiscoveryHit(Content(title), run, text=title, help=words)

    async def search(self, query: str) -> Hits:
        """Those that match: by name, then by words, then those that merely have the letters."""
        matcher = self.matcher(query)
        for command, title, words in self._here():
            if (score := _score(command, query) or matcher.match(title)) > 0:
                run = partial(self.console.action_run_command, command.id)
                yield Hit(score, Content(title), run, text=title, help=words)
        for way in ways(self.console):
            if score := _score(way.command, query) / 2:
                title = self._title(way.command, f" on {SCOPES[way.command.scope]}")
                yield Hit(score, Content(title), way.go, text=title, help=escape(safe(way.words)))

    def _title(self, command: Command, where: str = "") -> str:
        sentence = with_keys(command.help, self.console.key_named).rstrip(".")
        return f"{sentence}  [{shown_key(command, self.console.config.keys)}{where}]"

    def _here(self) -> Iterator[tuple[Command, str, str]]:
        page = self.console.page
        if page is None:
            return
        for command in (*of_scope(page.SCOPE), *of_scope("app")):
            reason = command.why_not(page)
            words = f"not now: {reason}" if reason else ""
            said = (command.virsh_line(page), words)
            yield command, self._title(command), escape(safe("   ".join(w for w in said if w)))


def _score(command: Command, query: str) -> float:
    return BY_NAME if command.named(query) else BY_WORDS if command.called(query) else 0.0


class DomainProvider(_ConsoleProvider):
    """Go to a domain by its name."""

    async def search(self, query: str) -> Hits:
        """The first domains that match."""
        matcher, found = self.matcher(query), 0
        for domain in self.console.host_state.domains:
            name = clip(safe(domain.name), 60)
            if (score := matcher.match(name)) <= 0:
                continue
            run = partial(self.console.post_message, Open("domain", domain.uuid))
            yield Hit(score, Content(f"domain {name}"), run, text=name, help=domain.uuid)
            found += 1
            if found >= MOST_DOMAINS:
                return
