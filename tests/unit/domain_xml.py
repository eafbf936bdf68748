"""The XML of a domain that a real libvirtd has started, as it runs and as it is defined."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).with_name("domains")
LIVE = (_FOLDER / "plenty.live.xml").read_text("utf-8")
CONFIG = (_FOLDER / "plenty.config.xml").read_text("utf-8")


def edited(text: str, *edits: tuple[str, str]) -> str:
    """The text with each edit made where its words stand first."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
