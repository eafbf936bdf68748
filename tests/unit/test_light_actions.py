"""Actions are read as Textual reads them, whatever is in their arguments."""

import pytest
from textual import actions

from vconsole.console import light_actions
from vconsole.console.light_actions import parse

TEXTUALS = light_actions._textuals


@pytest.mark.parametrize(
    "action",
    [
        "quit",
        "app.quit",
        "move(-1)",
        "move(-1, 0)",
        "move_page(0.5)",
        "go()",
        'app.run_command("domains.pin")',
        "app.run_command('domains.pin')",
        "screen.choose((1, 2), None, True)",
        'say("a, (b)")',
    ],
)
def test_it_is_what_textual_makes_of_it(action: str) -> None:
    assert parse(action) == TEXTUALS(action)


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(actions.ActionError):
        parse("move(up)")


def test_keys_of_ours_need_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    from textual.binding import Binding

    from vconsole.registry import SCOPES
    from vconsole.screens.page import bindings
    from vconsole.widgets.lines import LinesView
    from vconsole.widgets.matrix import PinMatrix
    from vconsole.widgets.table import LineTable

    asked: list[str] = []
    monkeypatch.setattr(light_actions, "_textuals", lambda action: asked.append(action))
    parse.cache_clear()
    ours = [b for scope in SCOPES for b in bindings(scope)]
    for binding in [*ours, *LineTable.BINDINGS, *LinesView.BINDINGS, *PinMatrix.BINDINGS]:
        assert isinstance(binding, Binding)
        parse(binding.action)
    parse.cache_clear()
    assert [action for action in asked if "(" in action] == []
