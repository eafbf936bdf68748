"""The one way a page asks before it changes something: not at all, by yes, by a typed name."""

from __future__ import annotations

from collections.abc import Callable

from vconsole.model.keys import ENTER, ESCAPE
from vconsole.model.proposal import Grade
from vconsole.screens.page import Page
from vconsole.text import safe

_YES = f"y and {ENTER}; {ENTER} alone does nothing"
_SHOWN = 40
"""Characters of a name in the label; all of it must be typed."""


async def confirm(
    page: Page,
    grade: Grade,
    title: str,
    begin: Callable[[], object],
    *,
    word: str = "",
    hint: str = "",
) -> None:
    """Ask as carefully as the grade wants, then `begin`; else nothing is done, and that is said.

    Args:
        page: Where it is asked, above the status line.
        grade: How careful to be.
        title: What will be done, as an imperative.
        begin: Does it.
        word: What must be typed before what is destructive.
        hint: What else there is to know before yes is said.
    """

    def nothing() -> None:
        page.say("nothing was done")

    def answered(text: str) -> bool:
        if text.strip().casefold() in ("y", "yes"):
            page.unsay()
            begin()
        else:
            nothing()
        return True

    def typed(text: str) -> bool:
        if text and text != word:
            page.say(f"that is not {safe(word)}; {ESCAPE} does nothing", "bad")
            return False
        page.unsay()
        (begin if text else nothing)()
        return True

    if grade == "harmless":
        page.unsay()
        begin()
    elif grade == "interrupting":
        page.say(hint or f"{_YES}, as {ESCAPE} does", "warn")  # the page's hint says: enter applies
        await page.ask(f"{title}? y/N", "", hint or _YES, accepted=answered, given_up=nothing)
    else:
        page.say(f"type {safe(word)} and {ENTER} to do it; {ESCAPE} does nothing", "warn")
        label = f"{title}, type {safe(word)[:_SHOWN]}"
        await page.ask(label, "", f"{ESCAPE} does nothing", accepted=typed, given_up=nothing)
