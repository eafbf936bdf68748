"""Going to a pCPU by typing its number, on every page that has a place for each."""

from __future__ import annotations

from collections.abc import Callable

from vconsole.screens.page import Page


async def ask_pcpu(page: Page, here: int | None, go: Callable[[int], object]) -> None:
    """Ask for a number; the cursor goes there while it is typed, and back when it is given up."""

    def typed(text: str) -> bool:
        pcpus = page.host_state.all_pcpus
        if not text.strip().isdecimal() or int(text) not in pcpus:
            if text:
                page.say(f"this host has pCPUs {pcpus}", "warn")
            return False
        page.unsay()
        go(int(text))
        return True

    def given_up() -> None:
        page.unsay()
        if here is not None:
            go(here)

    await page.ask(
        *("pCPU", "", "its number"),
        typed=typed,
        accepted=lambda text: not text or typed(text),
        given_up=given_up,
    )
