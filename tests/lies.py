"""What no text of the program may have: values never meant for people, and one of several."""

from __future__ import annotations

import re
from typing import Final

_LIES: Final = re.compile(
    r"\bNone\b|\bTrue\b|\bFalse\b|<built-in|<function|<bound method|<class |<object| object at 0x"
    r"|\bnan\b|\binf\b|\b0 Bytes of -|\b(?:[A-Z]\w+)\(\w+="
    r"|(?<![\w.,:/+-])1 (?!domains  )"
    r"(?:[vp]CPUs|cells|domains|pages|rows|snapshots|disks|metrics|guests|files|entries|changes|times"
    r"|seconds|bytes|choices|groups|fields|interfaces|pools|volumes|jobs|actions|rules|networks"
    r"|differences|things|sockets|cores|threads|nodes|iothreads|profiles|users|warnings|processes)\b"
)


def lies_in(text: str) -> list[str]:
    """The lines of a screen or an output that show such a value."""
    return [line.strip() for line in text.splitlines() if _LIES.search(line)]
