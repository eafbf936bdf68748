"""What no text of the program may have: traces of values that were never meant for people."""

from __future__ import annotations

import re
from typing import Final

_LIES: Final = re.compile(
    r"\bNone\b|\bTrue\b|\bFalse\b|<built-in|<function|<bound method|<class |<object| object at 0x"
    r"|\bnan\b|\binf\b|\b0 Bytes of -|\b(?:[A-Z]\w+)\(\w+="
)


def lies_in(text: str) -> list[str]:
    """The lines of a screen or an output that show such a value."""
    return [line.strip() for line in text.splitlines() if _LIES.search(line)]
