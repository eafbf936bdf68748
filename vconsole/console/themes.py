"""The two themes of the console. Few colours, and none that carries a meaning alone."""

from __future__ import annotations

from textual.theme import Theme

THEMES = (
    Theme(
        name="vconsole-dark",
        primary="#3b6ea5",
        accent="#5fb3d9",
        warning="#e0b040",
        error="#e06c60",
        success="#7fb86f",
        foreground="#d4d8dd",
        background="#12161b",
        surface="#12161b",
        panel="#1f2730",
        dark=True,
    ),
    Theme(
        name="vconsole-light",
        primary="#8fb8de",
        accent="#00578a",
        warning="#8a5a00",
        error="#a82018",
        success="#2d6b22",
        foreground="#1c2126",
        background="#fbfaf7",
        surface="#fbfaf7",
        panel="#e6e4de",
        dark=False,
    ),
)
