"""Edits the definition of the domain in view: read, editor, difference, define."""

from __future__ import annotations

from collections.abc import Mapping

from vconsole.changes.dispatcher import Request
from vconsole.features.definition.model import redefinition
from vconsole.files.editor import Draft, EditorError
from vconsole.model.keys import ENTER, Keys
from vconsole.model.proposal import Proposal, Propose
from vconsole.model.request import Define, ReadDefinitions, Reply
from vconsole.screens.external import edited
from vconsole.screens.page import Page
from vconsole.text import safe

KEY = Keys("domain")


class DefinitionEditor:
    """Edits one domain's definition from its page.

    What the editor leaves is kept in a file until libvirt has taken it: nothing of it is lost
    when it is refused, or when the definition was changed meanwhile.
    """

    def __init__(self, page: Page, uuid: str) -> None:
        self._page, self._uuid = page, uuid
        self._asked: ReadDefinitions | None = None
        self._fresh = False

    @property
    def _draft(self) -> Draft:
        log = self._page.console.activity.path
        return Draft.of(log.parent if log else None, self._uuid)

    async def begin(self) -> None:
        """Ask for the definition; first whether to go on with a text that was kept."""
        if self._draft.read() is None:
            self._read(fresh=True)
            return
        await self._page.ask(
            "a text was kept that is not defined yet: go on with it? Y/n",
            "",
            f"n and {ENTER} edits the definition as it is now",
            accepted=self._answered,
        )

    def _answered(self, text: str) -> bool:
        self._read(fresh=text.strip().casefold() in ("n", "no"))
        return True

    def _read(self, fresh: bool) -> None:
        self._fresh = fresh
        self._asked = ReadDefinitions((self._uuid,))
        self._page.console.dispatcher.ask(self._asked)

    def replied(self, request: Request, reply: Reply) -> None:
        """Take the definition; forget the text that was kept once it is defined."""
        if request is self._asked:
            self._asked = None
            if self._page.console.page is not self._page:
                return  # gone on to another page meanwhile: no editor out of the blue
            found = reply.value.get(self._uuid) if isinstance(reply.value, Mapping) else None
            if isinstance(found, str):
                self._page.call_later(self._edit, found)
            else:
                reason = reply.message or "it has no definition: it is transient"
                self._page.say(safe(reason), "bad")
        elif isinstance(request, Define) and request.uuid == self._uuid:
            draft = self._draft
            if reply.status == "applied" and request.after == draft.read():
                draft.drop()

    async def _edit(self, before: str) -> None:
        page, draft = self._page, self._draft
        start = before if self._fresh else draft.read() or before
        domain = page.subject
        name = domain.name if domain else self._uuid
        try:
            after = edited(page.console, "domain.xml", start.encode()).decode()
        except (EditorError, UnicodeError) as error:
            page.say(safe(str(error)), "bad")
            return
        if after.strip() == before.strip():
            page.say("nothing was changed")
            return
        kept = draft.keep(after)
        try:
            change = redefinition(self._uuid, name, before, after)
        except ValueError as error:
            page.say(safe(f"{error}; the text is {kept}: {KEY.edit} edits it again"), "bad")
            return
        notes = [
            f"until it is defined the text, passwords included, is {kept}; "
            f"{KEY.edit} edits it again"
        ]
        if start != before:
            notes.append("it was begun earlier: see that it takes back nothing of others below")
        proposal = Proposal((change,), tuple(notes))
        asking = Propose(((self._uuid, name),), lambda *_: proposal)  # what it lacks is told
        await page.console.show_changes("edit the definition", asking=asking)
