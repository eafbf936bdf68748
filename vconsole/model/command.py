"""What a command is, and the rules that say why it cannot run now."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Protocol

from vconsole.model.host_state import Domain, HostState
from vconsole.model.value import dataclass
from vconsole.model.virsh import domain_argument


class Context(Protocol):
    """What a rule may look at: the screen in front."""

    @property
    def known(self) -> HostState:
        """The latest state of the host."""

    @property
    def subject(self) -> Domain | None:
        """The domain under the cursor or in view."""

    @property
    def changes(self) -> int:
        """How many changes are planned here."""

    @property
    def spent(self) -> str:
        """Why none of them can be applied any more, or yet."""


_WORD = re.compile(r"\w+")
Need = Callable[[Context], str | None]
"""Answers why a command cannot run, or None."""


def connected(context: Context) -> str | None:
    """The data must be live: nothing is changed on the ground of what may be over."""
    fresh = context.known.freshness
    if fresh.read_at is None or fresh.stale:
        return f"not connected: {fresh.reason or 'waiting for libvirt'}"
    return None


def unreached(context: Context) -> str | None:
    """There must be no host yet."""
    known = context.known
    return None if known.freshness.read_at is None else f"connected to {known.connection.uri}"


def not_read_only(context: Context) -> str | None:
    """Changes must be allowed, of files too."""
    connection = context.known.connection
    if connection.read_only:
        return f"read-only: {connection.read_only_reason or 'started with --read-only'}"
    return None


def writable(context: Context) -> str | None:
    """The connection must allow changes."""
    return not_read_only(context) or connected(context)


def a_domain(context: Context) -> str | None:
    """A domain must be under the cursor."""
    return None if context.subject else "no domain here"


def a_plan(context: Context) -> str | None:
    """Something must be planned."""
    return None if context.changes else "nothing is planned: change a row first"


def unapplied(context: Context) -> str | None:
    """A plan must still be there to be applied."""
    return None if context.changes else f"nothing to apply: {context.spent or 'nothing is planned'}"


def pinnable(context: Context) -> str | None:
    """The pins of the domain must be known."""
    domain = context.subject
    if domain is None:
        return "no domain here"
    if not domain.pins:
        return domain.problem or "its pins have not been read yet"
    return None


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a user can ask for."""

    id: str
    keys: str
    """Default keys in Textual's names, separated by commas; the first is the one shown."""
    title: str
    """One or two words for the footer; empty shows it there only where much room is left."""
    help: str
    """One sentence for help, palette and docs."""
    needs: tuple[Need, ...] = ()
    virsh: str = ""
    """The virsh words it stands for; ``{name}`` is the domain."""
    place: int = 50
    """Where it stands among those of its scope; of one place, in the order of the features."""
    opens: str = ""
    """The page that it opens and does nothing else; of the domain in view where one is needed."""
    words: str = ""
    """Other words it is looked for by: of virsh, of other tools, everyday ones."""

    @property
    def scope(self) -> str:
        """The screen it belongs to, or ``app``."""
        return self.id.partition(".")[0]

    @property
    def word(self) -> str:
        """The title, else the action's name."""
        return self.title or self.action.replace("_", " ")

    @property
    def action(self) -> str:
        """The part of the id that names the method."""
        return self.id.partition(".")[2]

    def virsh_line(self, context: Context) -> str:
        """Its virsh equivalent for the domain in question; empty where there is none."""
        if not self.virsh:
            return ""
        subject = context.subject
        name = shlex.quote(domain_argument(subject.name, subject.uuid)) if subject else "DOMAIN"
        return "virsh " + self.virsh.replace("{name}", name)

    def named(self, query: str) -> bool:
        """Whether a query is its title, or the virsh command that it stands for."""
        return query.strip().casefold() in {self.word.casefold(), *self.virsh.split()[:1]}

    def called(self, query: str) -> bool:
        """Whether each word of a query begins one of its own: of its help, virsh line or synonyms.

        Of virsh commands the parts count too: ``reset`` finds ``domblkstat-reset``.
        """
        text = f"{self.help} {self.virsh} {self.words} {self.word}".casefold()
        own = set(_WORD.findall(text)) | set(text.split())
        return all(any(word.startswith(part) for word in own) for part in query.casefold().split())

    def why_not(self, context: Context) -> str | None:
        """Why it cannot run now, or None."""
        return next((reason for need in self.needs if (reason := need(context))), None)
