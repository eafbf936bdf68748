"""No picture of a screen, and no text that a command prints, shows a bare value of Python."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests import scenes
from tests.lies import lies_in
from vconsole.features.domains import cli
from vconsole.model.host_state import Domain, HostState

PICTURES = Path(__file__).parents[1] / "snapshots/__snapshots__"


@pytest.mark.parametrize("folder", sorted(p.name for p in PICTURES.iterdir() if p.is_dir()))
def test_no_picture_shows_a_value_meant_for_nobody(folder: str) -> None:
    found = {}
    for picture in sorted((PICTURES / folder).glob("*.svg")):
        spans = re.findall(r"<text[^>]*>(.*?)</text>", picture.read_text("utf-8"))
        text = "\n".join(html.unescape(span).replace("\xa0", " ") for span in spans)
        if lies := lies_in(text):
            found[picture.name] = lies
    assert not found


@pytest.mark.parametrize("scene", [scenes.kvm07, scenes.one_cell, scenes.sixteen_cells])
def test_no_command_prints_one(
    scene: Callable[[], HostState], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of domains in all states, and of one of which nothing is known yet."""
    host_state = replace(scene(), domains=(*scene().domains, Domain("0-0", "unread")))
    for what in ("domains", "host", "cells", "pins"):
        cli._as_text(what, host_state, None)
    for domain in host_state.domains:
        cli._as_text("domain", host_state, domain)
    assert not lies_in(capsys.readouterr().out)


@pytest.mark.parametrize(
    "text",
    [
        "vCPU 2 was 0-63 and is now None",
        "its answer is not UTF-8: <built-in function virDomainQemuAgentCommand>",
        "free 0 Bytes of -  [??????????]",
        "autostart   True",
        "limit nan s",
        "asked for <bound method Link.call of 3>",
        "saved Outcome(status='applied')",
    ],
)
def test_such_values_are_found(text: str) -> None:
    assert lies_in(f"fine\n{text}\nfine") == [text]


def test_words_are_not_taken_for_values() -> None:
    assert not lies_in("none asked for; info: 0 Bytes of 3 GiB, truel Nonesuch (a=b)")


@pytest.mark.parametrize(
    ("text", "lies"),
    [("0 of 1 domains", True), (" c give up  1 domains  2 host", False), ("vCPU 0-1 pages", False)],
)
def test_one_is_not_called_several(text: str, lies: bool) -> None:
    assert bool(lies_in(text)) == lies
