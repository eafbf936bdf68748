"""The host's capabilities, as libvirt writes them."""

from __future__ import annotations

from tests import scenes
from tests.feed import Answers
from tests.pilot.manual import console_on
from vconsole.features.capabilities.model import ReadCapabilities
from vconsole.model.request import Reply

XML = "<capabilities>\n  <host>\n    <uuid>\x1b[2J</uuid>\n  </host>\n</capabilities>\n"


async def test_x_on_the_host_page_shows_the_xml_and_esc_goes_back() -> None:
    answers: Answers = {ReadCapabilities: lambda request: Reply(value=XML)}
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press("2", "x")
        console.sees("Capabilities   5 lines", "<uuid>\\x1b[2J</uuid>")
        await console.press("escape")
        console.sees("Host")


async def test_a_refusal_is_said() -> None:
    answers: Answers = {ReadCapabilities: lambda request: Reply("refused", "access denied")}
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press("2", "x")
        assert console.status == "x the capabilities cannot be read: access denied"
