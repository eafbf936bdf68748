"""Sentences name commands, never keys: after a rebind the screen must not lie."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import vconsole
from vconsole.model.command import Command
from vconsole.model.keys import Keys, key, keys_of, shown_key, with_keys
from vconsole.registry import COMMANDS

ROOT = Path(vconsole.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
_NAMED = r"enter|esc|escape|tab|space|backspace|ctrl\+\w|\^[a-z]|f\d{1,2}"
_VERBS = (
    r"adds?|again|appl(?:y|ies)|asks?|attach(?:es)?|back|brings?|changes?|chooses?|cop(?:y|ies)|"
    r"decides?|delet(?:e|es)|detach(?:es)?|do(?:es)?|drops?|edits?|freezes?|gives?|goes|leaves?|"
    r"lists?|makes?|mine|moves?|on a|opens?|pins?|pulls?|puts?|redo(?:es)?|reverts?|saves?|sends?|"
    r"sets?|shows?|starts?|stops?|switch(?:es)?|takes?|tests?|thaws?|then|theirs|to|turns?|"
    r"types?|undo(?:es)?|jumps?|has"
)
BARE = re.compile(
    rf"(?:^|[\s;:,(])(?:{_NAMED})\s+(?:{_VERBS})\b"  # "enter applies", "esc goes back"
    rf"|(?:^|[;:,(]\s*|\s{{2,}})[A-Za-z+*/<>\[\]-]\s+(?:{_VERBS})\b"  # "q again", "; x opens"
    rf"|\b[a-z] or [a-z] (?:{_VERBS})\b"  # "m or t decides"
    r"|\benter there\b|\bpress(?:es|ing)?\s+\S"
)

_NO_KEYS = "a ", "A ", "- ", "+ ", "> "
"""Articles, marks of a difference, the end of an element."""


def sentences(source: Path) -> Iterator[tuple[int, str]]:
    """The string literals of a module that are not its documentation."""
    tree = ast.parse(source.read_text("utf-8"))
    documentation = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)) if id(node) not in documentation and " " in text.strip():
                yield node.lineno, text


def bare_keys(text: str) -> list[str]:
    """What looks like a key in a sentence."""
    found = (match.group().strip(" ;:,(") for match in BARE.finditer(text))
    return [words for words in found if not words.startswith(_NO_KEYS)]


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_sentence_names_a_key(source: Path) -> None:
    named = [(line, text) for line, text in sentences(source) if bare_keys(text)]
    assert not named, "name the command: vconsole.model.keys"


@pytest.mark.parametrize(
    "text",
    [
        "enter applies; esc goes back",
        "x opens the text",
        "nothing here; u undoes",
        "no rule: o adds one",
        " under way; q again leaves it",
        "tab shows all",
        "copied; ctrl+s saves it",
        "press x",
        "z brings mine back",
        "done   u undoes   esc back",
        "m or t decides",
    ],
)
def test_what_the_check_refuses(text: str) -> None:
    assert bare_keys(text)


@pytest.mark.parametrize(
    "text", ["a guest that sleeps", "in the next tab.", "no space left", "as a file: a copy"]
)
def test_what_it_does_not(text: str) -> None:
    assert not bare_keys(text)


def _named(source: Path) -> Iterator[str]:
    """The ids of the commands that a module's sentences name."""
    tree = ast.parse(source.read_text("utf-8"))
    scopes = {"APP": "app"}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                [ast.Name(name)], ast.Call(ast.Name("Keys"), [ast.Constant(str(scope))])
            ):
                scopes[name] = scope
            case ast.Call(ast.Name("key"), [ast.Constant(str(command))]):
                yield command
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name(name), action) if name in scopes:
                yield f"{scopes[name]}.{action}"


def test_every_command_that_a_sentence_names_exists() -> None:
    named = {(source.name, name) for source in SOURCES for name in _named(source)}
    assert len(named) > 50
    assert not {(source, name) for source, name in named if name not in COMMANDS}


def names(command_id: str) -> str:
    return f"<{command_id}>"


def test_a_sentence_gets_its_keys_when_it_is_drawn() -> None:
    text = f"{key('plan.apply')} applies; {Keys('app').back} goes back"
    assert with_keys(text, names) == "<plan.apply> applies; <app.back> goes back"


@pytest.mark.parametrize("name", ["{key:app.quit}", "{app.quit}", "{000000000000:app.quit}", "{}"])
def test_no_foreign_text_becomes_a_key(name: str) -> None:
    assert with_keys(f"{name}: {key('app.back')}", names) == f"{name}: <app.back>"


COMMAND = Command("x.do", "ctrl+s,w", "", "Do it.")


def test_the_key_is_the_one_that_works() -> None:
    assert keys_of(COMMAND, {}) == ["^s", "w"]
    assert shown_key(COMMAND, {}) == "^s"
    assert shown_key(COMMAND, {"x.do": "w, f9"}) == "w"
    assert shown_key(COMMAND, {"x.do": "w, f9"}, typed="text") == "f9"
    assert shown_key(COMMAND, {"x.do": "w,space"}, typed="text") == ""
