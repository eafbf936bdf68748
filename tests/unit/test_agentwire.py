"""Commands for an agent as they are typed, and whatever may come as an answer."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.agent.model.wire import (
    MAX_DEPTH,
    AgentJsonError,
    check_command,
    command_grade,
    command_name,
    loggable,
    loggable_answer,
    read_answer,
    read_json,
)


def test_a_command_becomes_one_line_of_ascii() -> None:
    typed = (
        '{\n "execute": "guest-fstrim",\n "arguments": {"minimum": 9223372036854775807, "x": "é"}}'
    )
    sent = check_command(typed)
    assert sent.isascii()
    assert "\n" not in sent
    assert json.loads(sent) == json.loads(typed)
    assert command_name(sent) == "guest-fstrim"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "not JSON: Expecting value at line 1 column 1"),
        ('{"execute": "guest-ping"', "not JSON: Expecting ',' delimiter at line 1 column 25"),
        ("guest-ping", "not JSON"),
        ("[]", 'an object: {"execute": "guest-ping"}'),
        ("{}", "a command is an object"),
        ('{"execute": 1}', "a command is an object"),
        ('{"execute": "guest-ping", "id": 1}', "'id' is not known"),
        ('{"execute": "guest-ping", "arguments": []}', "the arguments are an object"),
        ('{"execute": "guest-sync", "arguments": {"id": 1}}', "is sent before each command"),
        ('{"execute": "guest-ping", "arguments": {"x": NaN}}', "not JSON: NaN"),
        ("[" * 1000, f"deeper than {MAX_DEPTH} levels"),
        ('"' + "x" * 70_000, "68 KiB is too long"),
    ],
)
def test_what_is_no_command_is_refused_with_the_reason(typed: str, words: str) -> None:
    with pytest.raises(AgentJsonError) as caught:
        check_command(typed)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        ("guest-ping", "harmless"),
        ("guest-get-users", "harmless"),
        ("guest-network-get-interfaces", "harmless"),
        ("guest-fsfreeze-status", "harmless"),
        ("guest-fsfreeze-freeze", "interrupting"),
        ("guest-shutdown", "interrupting"),
        ("guest-exec", "interrupting"),
        ("guest-ping-of-our-own", "interrupting"),
    ],
)
def test_only_what_is_known_to_read_is_harmless(name: str, grade: str) -> None:
    assert command_grade(json.dumps({"execute": name})) == grade


def test_passwords_stay_out_of_the_log() -> None:
    typed = {"execute": "guest-set-user-password", "arguments": {"username": "u", "password": "p"}}
    logged = json.loads(loggable(json.dumps(typed)))
    assert logged == {**typed, "arguments": {"username": "u", "password": "***"}}
    assert json.loads(loggable('{"execute": "guest-ping"}')) == {"execute": "guest-ping"}
    deep = {"execute": "x", "arguments": {"users": [{"name": "u", "password": "p"}]}}
    assert '"p"' not in loggable(json.dumps(deep))
    assert loggable_answer("none") == "no JSON"


def test_answers_and_errors_are_told_apart() -> None:
    assert read_answer('{"return": {"a": [1]}}').value == {"a": [1]}
    assert read_answer('{"error": {"class": "C", "desc": "d"}}').error == "C: d"
    assert read_answer('{"error": {}}').error == "an error"
    assert len(read_answer(json.dumps({"error": {"desc": "x" * 9999}})).error) == 400


def test_nesting_is_counted_outside_of_strings_only() -> None:
    assert read_json('["' + "[{" * 999 + '\\"["]') == ["[{" * 999 + '"[']
    assert read_json("[" * MAX_DEPTH + "]" * MAX_DEPTH) is not None
    with pytest.raises(AgentJsonError, match="deeper"):
        read_json('{"a":' * (MAX_DEPTH + 1))


@pytest.mark.parametrize("part", ["[]", '"', '\\"', '"\\', "9", "{", '\\"\\'])
def test_a_mebibyte_of_anything_is_read(part: str) -> None:
    with pytest.raises(AgentJsonError):
        read_json('"' * (part[0] == "\\") + part * ((1 << 20) // len(part)))


@given(st.text() | st.text(alphabet='[]{}",:\\0eE-'))
def test_any_text_is_an_answer_or_none(text: str) -> None:
    with suppress(AgentJsonError):
        read_answer(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_what_an_agent_returns_comes_through(value: object) -> None:
    assert read_answer(json.dumps({"return": value})).value == value
