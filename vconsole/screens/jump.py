"""Going to a pCPU by typing its number, on every page that has a place for each."""

from __future__ import annotations

from collections.abc import Callable

from vconsole.screens.page import Page


async def ask_pcpu(page: Page, go: Callable[[int], object]) -> None:
    """Ask for a number; the cursor goes there while it is typed."""

    def typed(text: str) -> bool:
        pcpus = page.host_state.all_pcpus
        if not text.strip().isdecimal() or int(text) not in pcpus:
            if text:
                page.say(f"this host has pCPUs {pcpus}", "warn")
            return False
        page.unsay()
        go(int(text))
        return True

    hint = "its number"
    await page.ask("pCPU", "", hint, typed=typed, accepted=lambda text: not text or typed(text))
